//! What ranking measures take: `cargo bench -p wfgy-score --bench measures`.

use std::collections::BTreeMap;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use wfgy_score::{Measures, Ranked, Ranking};

const QUESTIONS: usize = 1000;
const CUTOFFS: [usize; 5] = [1, 3, 5, 10, 100];

/// Hits of one question, the best first, and the grades of five documents, four of them hits.
type Judged = (Vec<Ranked>, BTreeMap<String, u32>);

/// Questions with so many hits each, from a literal seed.
fn judged(hits: usize) -> Vec<Judged> {
    let mut state = 20_261_u64;
    let mut draw = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as usize % below
    };
    let mut question = || {
        let ranked = |rank: usize| Ranked {
            id: format!("doc-{rank:03}{:04}", draw(10_000)),
            score: 1.0 / (rank + 1) as f64,
        };
        let run: Vec<Ranked> = (0..hits).map(ranked).collect();
        let relevant =
            (0..4).map(|n| (run[(n * hits + draw(hits)) / 4].id.clone(), n as u32 % 3 + 1));
        let mut grades: BTreeMap<String, u32> = relevant.collect();
        grades.insert("doc-elsewhere".to_owned(), 1);
        (run, grades)
    };
    (0..QUESTIONS).map(|_| question()).collect()
}

/// All six measures at five cutoffs over 100 hits, as files hold them, the best first, and the
/// last first, so that they are sorted.
fn measures(c: &mut Criterion) {
    let best_first = judged(100);
    let mut last_first = best_first.clone();
    last_first.iter_mut().for_each(|(run, _)| run.reverse());
    let mut group = c.benchmark_group("measures_1000x100");
    group.sample_size(20).throughput(Throughput::Elements(QUESTIONS as u64));
    for (name, questions) in [("best_first", best_first), ("last_first", last_first)] {
        group.bench_function(BenchmarkId::from_parameter(name), |bench| {
            let ndcg =
                |(run, grades): &Judged| Measures::at(&Ranking::of(run), grades, &CUTOFFS)[4].ndcg;
            bench.iter(|| questions.iter().map(ndcg).sum::<f64>());
        });
    }
    group.finish();
}

criterion_group!(benches, measures);
criterion_main!(benches);
