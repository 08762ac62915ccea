//! What graphs take: `cargo bench -p wfgy-index --bench graph`.

#![allow(clippy::unwrap_used, reason = "a benchmark ends at its first failure")]

use std::ops::ControlFlow;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use wfgy_core::Metric;
use wfgy_index::graph::{Hnsw, Rows, link};
use wfgy_index::{AnnKind, HnswParams};
use wfgy_kernel::MappedFile;

const DIM: usize = 384;
const ROWS: usize = 5000;

/// Unit vectors around 50 centres, from a literal seed.
fn vectors(n: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    let mut draw = |n: usize| -> Vec<f32> {
        let next = |_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
        };
        (0..n * DIM).map(next).collect()
    };
    let (centres, mut values) = (draw(50), draw(n));
    for (i, row) in values.chunks_mut(DIM).enumerate() {
        let centre = &centres[i % 50 * DIM..][..DIM];
        row.iter_mut().zip(centre).for_each(|(x, c)| *x = 0.7 * *x + c);
        let norm = wfgy_kernel::norm_f64(row) as f32;
        row.iter_mut().for_each(|x| *x /= norm);
    }
    values
}

fn graphs(c: &mut Criterion) {
    let values = vectors(ROWS + 100, 7);
    let (rows, queries) = values.split_at(ROWS * DIM);
    let params = HnswParams::default();
    let build = |kind| {
        let go = &mut |_| ControlFlow::Continue(());
        link(kind, params, Metric::Cosine, rows, DIM, go).unwrap()
    };
    let mut group = c.benchmark_group("link_5000x384");
    group.sample_size(10).throughput(Throughput::Elements(ROWS as u64));
    for kind in [AnnKind::Hnsw, AnnKind::HnswRs] {
        group.bench_function(kind.name(), |bench| bench.iter(|| build(kind)));
    }
    group.finish();
    let file = std::env::temp_dir().join(format!("wfgy-graph-{}", std::process::id()));
    let mut out = std::fs::File::create(&file).map(std::io::BufWriter::new).unwrap();
    build(AnnKind::Hnsw).write(&mut out).unwrap();
    drop(out);
    let graph = Hnsw::open(MappedFile::open(&file).unwrap(), ROWS).unwrap();
    std::fs::remove_file(&file).unwrap();
    let of = Rows { metric: Metric::Cosine, values: rows, dim: DIM };
    let mut group = c.benchmark_group("search_5000x384_k10");
    group.throughput(Throughput::Elements(100));
    for ef in [16, 64, 128] {
        group.bench_with_input(BenchmarkId::from_parameter(ef), &ef, |bench, ef| {
            let ask = |query| graph.search(of, query, 10, *ef).unwrap();
            bench.iter(|| queries.chunks(DIM).map(ask).map(|hits| hits.len()).sum::<usize>());
        });
    }
    group.finish();
}

criterion_group!(benches, graphs);
criterion_main!(benches);
