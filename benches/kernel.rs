//! What the kernels take on each kernel path: `cargo bench -p wfgy-kernel --bench kernel`.

use criterion::measurement::WallTime;
use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main,
};
use wfgy_kernel::resample::{FixedPoint, bootstrap_sums, sign_flip_sums};
use wfgy_kernel::{
    Int8Rows, Isa, Packed, Panels, Similarity, dot_f32, dot_f64, gelu, layer_norm, multiply16,
    quantize, softmax16, sweep,
};

const DIM: usize = 384;

/// Tokens of a batch of the encoder.
const TOKENS: usize = 128;

/// Unit vectors from a literal seed.
fn vectors(n: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    let mut values: Vec<f32> = (0..n * DIM)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
        })
        .collect();
    for row in values.chunks_mut(DIM) {
        let norm = wfgy_kernel::norm_f64(row) as f32;
        row.iter_mut().for_each(|x| *x /= norm);
    }
    values
}

/// A group of measurements, each made on every path of this processor, the narrowest first.
///
/// The path is selected as well as named: some kernels take the active one.
fn on_every_path(
    c: &mut Criterion,
    name: &str,
    mut measure: impl FnMut(&mut BenchmarkGroup<'_, WallTime>, Isa),
) {
    let mut group = c.benchmark_group(name);
    group.sample_size(20);
    for isa in Isa::available() {
        isa.select().expect("a path that is available");
        measure(&mut group, isa);
    }
    group.finish();
}

fn dots(c: &mut Criterion) {
    let (a, b) = (vectors(1, 3), vectors(1, 5));
    on_every_path(c, "dot_384", |group, isa| {
        group.bench_function(BenchmarkId::new("f32", isa), |bench| bench.iter(|| dot_f32(&a, &b)));
        group.bench_function(BenchmarkId::new("f64", isa), |bench| bench.iter(|| dot_f64(&a, &b)));
    });
}

/// 8-bit products as a search through a graph takes them: one vector with rows here and there.
fn int8_dots(c: &mut Criterion) {
    let (rows, asked) = (vectors(20_000, 7), vectors(1, 11));
    let near: Vec<u32> = (0..32).map(|i| i * 617 % 20_000).collect();
    on_every_path(c, "int8_dots_32x384", |group, isa| {
        let coded = Int8Rows::quantize(isa, 20_000, DIM, |i| &rows[i * DIM..][..DIM]);
        let vector = coded.vector(&asked);
        let mut out = vec![0; near.len()];
        group.throughput(Throughput::Elements(near.len() as u64));
        group.bench_function(isa.name(), |bench| {
            bench.iter(|| coded.dots(&vector, &near, &mut out));
        });
    });
}

fn exact_sweep(c: &mut Criterion) {
    let rows = vectors(20_000, 7);
    on_every_path(c, "sweep_20000x384_k10", |group, isa| {
        group.sample_size(10);
        for queries in [1, 40, 320] {
            let asked = vectors(queries, 11);
            group.throughput(Throughput::Elements((queries * 20_000) as u64));
            group.bench_function(BenchmarkId::new(isa.name(), queries), |bench| {
                bench.iter(|| sweep(Similarity::Cosine, &rows, &asked, DIM, 10));
            });
        }
    });
}

/// What a sweep does before its first query.
fn packing(c: &mut Criterion) {
    let rows = vectors(20_000, 7);
    on_every_path(c, "packing_20000x384", |group, isa| {
        group.sample_size(10);
        group.throughput(Throughput::Bytes(4 * rows.len() as u64));
        group.bench_function(isa.name(), |bench| bench.iter(|| Packed::new(isa, &rows, DIM)));
    });
}

/// Rows as codes, two values a pair.
fn codes(rows: &[f32]) -> Vec<[i16; 2]> {
    let mut codes = vec![[0; 2]; rows.len() / 2];
    let mut steps = vec![0.0; rows.len() / DIM];
    quantize(Isa::best(), rows, DIM, &mut codes, &mut steps);
    codes
}

fn products(c: &mut Criterion) {
    let (a, b) = (codes(&vectors(48, 13)), codes(&vectors(1536, 17)));
    let panels = Panels::pack(&b, 1536);
    let mut out = vec![0; 48 * 1536];
    on_every_path(c, "product_48x1536x384", |group, isa| {
        group.throughput(Throughput::Elements(48 * 1536 * DIM as u64));
        group.bench_function(isa.name(), |bench| {
            bench.iter(|| multiply16(isa, &a, DIM / 2, &panels, &mut out));
        });
    });
}

/// What the encoder does between its products, on a batch of rows as wide as the model.
fn between_products(c: &mut Criterion) {
    let rows = vectors(TOKENS, 19);
    let (weight, bias) = (vectors(1, 23), vectors(1, 29));
    on_every_path(c, "rows_128x384", |group, isa| {
        group.throughput(Throughput::Elements((TOKENS * DIM) as u64));
        // In place: what they make of their own result takes as long as what they made it of.
        let mut values = rows.clone();
        group.bench_function(BenchmarkId::new("layer_norm", isa), |bench| {
            bench.iter(|| layer_norm(isa, &mut values, &weight, &bias, 1e-12));
        });
        let mut values = rows.clone();
        group.bench_function(BenchmarkId::new("gelu", isa), |bench| {
            bench.iter(|| {
                values.copy_from_slice(&rows);
                gelu(isa, &mut values);
            });
        });
        let (mut codes, mut steps) = (vec![[0; 2]; rows.len() / 2], vec![0.0; TOKENS]);
        group.bench_function(BenchmarkId::new("quantize", isa), |bench| {
            bench.iter(|| quantize(isa, &rows, DIM, &mut codes, &mut steps));
        });
    });
}

/// Scores of each of 128 tokens with each.
fn softmax(c: &mut Criterion) {
    let sums: Vec<i32> =
        vectors(TOKENS, 31).iter().take(TOKENS * TOKENS).map(|x| (x * 1e9) as i32).collect();
    let (steps, key_steps) = ([1e-4; TOKENS], [1e-4; TOKENS]);
    let mut weights = vec![[0; 2]; TOKENS * TOKENS / 2];
    let mut totals = [0.0; TOKENS];
    on_every_path(c, "softmax16_128x128", |group, isa| {
        group.throughput(Throughput::Elements((TOKENS * TOKENS) as u64));
        group.bench_function(isa.name(), |bench| {
            bench.iter(|| {
                softmax16(isa, &sums, TOKENS, &steps, &key_steps, &mut weights, &mut totals);
            });
        });
    });
}

/// 2,000 resamples of 320 values.
fn resampling(c: &mut Criterion) {
    let values: Vec<f64> = vectors(1, 37).iter().take(320).map(|x| f64::from(*x)).collect();
    let values = FixedPoint::around(0.0, &values).expect("values that are finite");
    on_every_path(c, "resample_320x2000", |group, isa| {
        group.throughput(Throughput::Elements(320 * 2000));
        group.bench_function(BenchmarkId::new("bootstrap", isa), |bench| {
            bench.iter(|| bootstrap_sums(isa, &values, 2000, 41));
        });
        group.bench_function(BenchmarkId::new("sign_flip", isa), |bench| {
            bench.iter(|| sign_flip_sums(isa, &values, 2000, 41));
        });
    });
}

criterion_group!(
    benches,
    dots,
    int8_dots,
    exact_sweep,
    packing,
    products,
    between_products,
    softmax,
    resampling
);
criterion_main!(benches);
