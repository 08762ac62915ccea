//! What the calls of the latency pass say: quantiles of each arm, and the ratios of their totals.

use std::collections::BTreeMap;

use wfgy_core::evaluation::{ArmName, Latency, LatencyRecord, StageQuantiles};
use wfgy_core::{Aggregate, Direction, Interval, Number};
use wfgy_gate::Evidence;
use wfgy_stats::{LEVEL, Sample, series_quantile, series_quantile_ratio};

use crate::latency_pass::CALLS;

/// The sum of the stages of a call.
const TOTAL: &str = "total";

/// Quantiles of every stage of the latency pass over the calls of each arm, with their intervals,
/// and of `total`, the sum of the stages of a call. Only calls that did not fail are in them.
pub fn latency_quantiles(records: &[LatencyRecord]) -> Latency {
    let arms = [ArmName::Candidate, ArmName::Baseline].map(|arm| (arm, of_arm(records, arm)));
    arms.into_iter().filter(|(_, stages)| !stages.is_empty()).collect()
}

fn of_arm(records: &[LatencyRecord], arm: ArmName) -> BTreeMap<String, StageQuantiles> {
    let mut series: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for record in records.iter().filter(|record| record.arm == arm && record.error.is_none()) {
        for (stage, ms) in &record.stages_ms {
            series.entry(stage).or_default().push(*ms);
        }
        series.entry(TOTAL).or_default().push(record.total_ms());
    }
    let of_stage = |(stage, series): (&str, Vec<f64>)| {
        let sample = Sample::new(series.clone()).ok()?;
        let quantile = |p, aggregate| {
            let number = sample.number(aggregate, Direction::LowerIsBetter);
            Number { ci: Some(series_quantile(&series, p, LEVEL)), n_questions: 0, ..number }
        };
        let latency = StageQuantiles {
            calls: sample.n(),
            p50: quantile(0.50, Aggregate::Median),
            p95: quantile(0.95, Aggregate::P95),
            p99: quantile(0.99, Aggregate::P99),
        };
        Some((stage.to_owned(), latency))
    };
    series.into_iter().filter_map(of_stage).collect()
}

/// Takes the ratios of the latency pass, candidate / baseline, into the evidence. They have no
/// data where a call failed, or an arm has fewer than [`CALLS`].
pub fn add_latency_ratios(evidence: &mut Evidence, records: &[LatencyRecord]) {
    for (name, p, aggregate) in
        [("latency.p95_ratio", 0.95, Aggregate::P95), ("latency.p99_ratio", 0.99, Aggregate::P99)]
    {
        match ratio(records, p) {
            Ok((point, gap, ci)) => {
                let direction = Direction::LowerIsBetter;
                let number = Number { point, ci: Some(ci), n_questions: 0, aggregate, direction };
                evidence.missing.remove(name);
                evidence.metrics.insert(name.to_owned(), number);
                evidence.latency_gap_ms.insert(name.to_owned(), gap);
            }
            Err(why) => {
                evidence.missing.insert(name.to_owned(), why);
            }
        }
    }
}

/// The ratio of a quantile of the calls' totals, by how many milliseconds it differs, and the
/// interval of the ratio.
fn ratio(records: &[LatencyRecord], p: f64) -> Result<(f64, f64, Interval), String> {
    let failed = records.iter().filter(|record| record.error.is_some()).count();
    if failed > 0 {
        return Err(format!("{failed} of {} calls of the latency pass failed", records.len()));
    }
    let series = |arm| -> Vec<f64> {
        let mut calls: Vec<&LatencyRecord> = records.iter().filter(|r| r.arm == arm).collect();
        calls.sort_by_key(|record| record.call);
        calls.into_iter().map(LatencyRecord::total_ms).collect()
    };
    let [new, old] = [series(ArmName::Candidate), series(ArmName::Baseline)];
    let calls = new.len().min(old.len());
    if calls < CALLS || new.len() != old.len() {
        return Err(format!("{calls} calls of each arm were made, {CALLS} are needed"));
    }
    let ci = series_quantile_ratio(&new, &old, p, LEVEL);
    let quantile = |series: Vec<f64>| {
        let sample = Sample::new(series).map_err(|error| format!("latency: {error}"))?;
        Ok::<f64, String>(sample.quantile(p))
    };
    let (new, old) = (quantile(new)?, quantile(old)?);
    if old <= 0.0 {
        return Err("the baseline takes no time that can be measured".to_owned());
    }
    Ok((new / old, new - old, ci))
}
