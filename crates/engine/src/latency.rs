//! Latency of the stages, pooled over runs.

use std::collections::BTreeMap;

use wfgy_core::evaluation::TimingRecord;
use wfgy_stats::Sample;

/// Quantiles of one stage, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StageLatency {
    /// Over how many runs.
    pub runs: usize,
    /// Type 7 quantile 0.50.
    pub p50: f64,
    /// Type 7 quantile 0.95.
    pub p95: f64,
    /// Type 7 quantile 0.99.
    pub p99: f64,
}

/// By stage (`embed`, `retrieve`, `rerank`), over the runs that have it.
///
/// Embedding is timed by the batch, so that its quantiles are those of even shares of batches;
/// they describe this evaluation and decide nothing.
pub fn latency(timings: &[TimingRecord]) -> BTreeMap<String, StageLatency> {
    let mut stages: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (stage, ms) in timings.iter().flat_map(|timing| &timing.stages_ms) {
        stages.entry(stage).or_default().push(*ms);
    }
    let summed = stages.into_iter().filter_map(|(stage, ms)| {
        let sample = Sample::new(ms).ok()?;
        let [p50, p95, p99] = [0.50, 0.95, 0.99].map(|p| sample.quantile(p));
        Some((stage.to_owned(), StageLatency { runs: sample.n(), p50, p95, p99 }))
    });
    summed.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_pooled_over_the_runs_that_have_them() {
        let timing = |n: u64, rerank: bool| TimingRecord {
            question: "Q".into(),
            wording: 0,
            seed: n,
            stages_ms: [("retrieve", n as f64), ("rerank", 2.0)]
                .into_iter()
                .filter(|(stage, _)| rerank || *stage == "retrieve")
                .map(|(stage, ms)| (stage.to_owned(), ms))
                .collect(),
        };
        let timings: Vec<TimingRecord> = (0..=100).map(|n| timing(n, n < 7)).collect();
        let found = latency(&timings);
        let retrieve = StageLatency { runs: 101, p50: 50.0, p95: 95.0, p99: 99.0 };
        assert_eq!(found["retrieve"], retrieve);
        assert_eq!((found["rerank"].runs, found["rerank"].p99), (7, 2.0));
        assert!(latency(&[]).is_empty());
    }
}
