//! What the kernels take: `cargo bench -p wfgy-kernel`.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use wfgy_kernel::{Isa, Panels, Similarity, dot_f32, dot_f64, multiply16, quantize, sweep};

const DIM: usize = 384;

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

fn dots(c: &mut Criterion) {
    let (a, b) = (vectors(1, 3), vectors(1, 5));
    let mut group = c.benchmark_group("dot_384");
    group.bench_function("f32", |bench| bench.iter(|| dot_f32(&a, &b)));
    group.bench_function("f64", |bench| bench.iter(|| dot_f64(&a, &b)));
    group.finish();
}

fn exact_sweep(c: &mut Criterion) {
    let rows = vectors(20_000, 7);
    let mut group = c.benchmark_group("sweep_20000x384_k10");
    group.sample_size(10);
    for queries in [1, 40, 320] {
        let asked = vectors(queries, 11);
        group.throughput(Throughput::Elements((queries * 20_000) as u64));
        group.bench_with_input(BenchmarkId::from_parameter(queries), &asked, |bench, asked| {
            bench.iter(|| sweep(Similarity::Cosine, &rows, asked, DIM, 10));
        });
    }
    group.finish();
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
    let mut group = c.benchmark_group("product_48x1536x384");
    group.throughput(Throughput::Elements(48 * 1536 * DIM as u64));
    for isa in Isa::available() {
        group.bench_function(isa.name(), |bench| {
            bench.iter(|| multiply16(isa, &a, DIM / 2, &panels, &mut out));
        });
    }
    group.finish();
}

criterion_group!(benches, dots, exact_sweep, products);
criterion_main!(benches);
