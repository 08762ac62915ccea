//! How often a criterion on a ratio of latencies is wrong, and how often its interval has the truth.

use std::f64::consts::TAU;
use std::io::Write;

use rayon::prelude::*;
use wfgy_core::{Aggregate, Direction, Number};
use wfgy_gate::{Criterion, Evidence, Op, Verdict, decide};
use wfgy_kernel::resample::Stream;
use wfgy_stats::{LEVEL, Sample, series_quantile_ratio};

use crate::SEED;
use crate::healthy::{baseline, confident, evidence};
use crate::scenario::Failure;

/// Calls of an arm, as many as a latency pass makes.
const CALLS: usize = 2_000;

/// The bound, and the truth: every call of the candidate takes so many times what one of the
/// baseline takes.
const BOUND: f64 = 1.15;

/// Median of a call of the baseline, so long that no quantile comes near the 5 ms that a gate
/// overlooks, and deviation of the logarithm.
const MEDIAN_MS: f64 = 100.0;
const DEVIATION: f64 = 0.5;

const METRICS: [(&str, f64, Aggregate); 2] =
    [("latency.p95_ratio", 0.95, Aggregate::P95), ("latency.p99_ratio", 0.99, Aggregate::P99)];

/// What the calls of two arms are like: log-normal, the logarithm an AR(1) process.
struct Calls {
    name: &'static str,
    /// Correlation of a call's logarithm with that of the one before it.
    memory: f64,
    /// Share of its variance that hits both arms at once.
    shared: f64,
}

const LAWS: [Calls; 3] = [
    Calls { name: "independent", memory: 0.0, shared: 0.0 },
    Calls { name: "AR(1) 0.5, each arm its own", memory: 0.5, shared: 0.0 },
    Calls { name: "AR(1) 0.5, half of the variance shared", memory: 0.5, shared: 0.5 },
];

/// The truth lies on the bound: whatever fails, fails wrongly, and so passes what passes.
pub(crate) fn simulate(data_sets: u64) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "metric,calls,law,data_sets,pass,fail,inconclusive,below,above,covered")?;
    for law in LAWS {
        let counts = (0..data_sets)
            .into_par_iter()
            .map(|data_set| law.counts(&mut Stream::new(SEED, data_set)))
            .try_reduce(Counts::default, |a, b| Ok(sum(a, b)))?;
        for ((metric, ..), [pass, fail, below, above]) in METRICS.iter().zip(counts) {
            let rate = |count: u64| count as f64 / data_sets as f64;
            writeln!(
                out,
                "{metric},{CALLS},\"{}\",{data_sets},{:.5},{:.5},{:.5},{:.5},{:.5},{:.5}",
                law.name,
                rate(pass),
                rate(fail),
                rate(data_sets - pass - fail),
                rate(below),
                rate(above),
                rate(data_sets - below - above),
            )?;
        }
        out.flush()?;
    }
    Ok(())
}

/// By metric: how many data sets a gate passes and fails, and of how many the whole interval lies
/// below and above the truth.
type Counts = [[u64; 4]; METRICS.len()];

fn sum(a: Counts, b: Counts) -> Counts {
    std::array::from_fn(|metric| std::array::from_fn(|i| a[metric][i] + b[metric][i]))
}

impl Calls {
    fn counts(&self, stream: &mut Stream) -> Result<Counts, Failure> {
        let [new, old] = self.draw(stream);
        let mut counts = Counts::default();
        for ((metric, p, aggregate), counts) in METRICS.into_iter().zip(&mut counts) {
            let interval = series_quantile_ratio(&new, &old, p, LEVEL);
            let (Some(lower), Some(upper)) = (interval.lower, interval.upper) else {
                return Err(format!("{}: {metric} has no interval", self.name).into());
            };
            let quantile =
                |calls: &[f64]| Ok::<_, Failure>(Sample::new(calls.to_vec())?.quantile(p));
            let (new, old) = (quantile(&new)?, quantile(&old)?);
            let (ci, direction) = (Some(interval), Direction::LowerIsBetter);
            let number = Number { point: new / old, ci, n_questions: 0, aggregate, direction };
            let verdict = by_gate(metric, number, new - old)?;
            let found =
                [verdict == Verdict::Pass, verdict == Verdict::Fail, upper < BOUND, lower > BOUND];
            *counts = found.map(u64::from);
        }
        Ok(counts)
    }

    /// Milliseconds of the calls of the candidate and of the baseline, in their order.
    fn draw(&self, stream: &mut Stream) -> [Vec<f64>; 2] {
        let both = self.logarithms(stream);
        let share = [self.shared.sqrt(), (1.0 - self.shared).sqrt()];
        [BOUND, 1.0].map(|slower| {
            let own = self.logarithms(stream);
            let call = |(both, own): (&f64, f64)| {
                slower * MEDIAN_MS * (DEVIATION * (share[0] * both + share[1] * own)).exp()
            };
            both.iter().zip(own).map(call).collect()
        })
    }

    /// A stationary series of standard normal values.
    fn logarithms(&self, stream: &mut Stream) -> Vec<f64> {
        let mut last = normal(stream);
        let new = (1.0 - self.memory * self.memory).sqrt();
        let mut next = || {
            let value = last;
            last = self.memory * last + new * normal(stream);
            value
        };
        (0..CALLS).map(|_| next()).collect()
    }
}

/// A standard normal value (Box and Muller 1958, doi:10.1214/aoms/1177706645).
fn normal(stream: &mut Stream) -> f64 {
    let radius = (-2.0 * (1.0 - stream.uniform()).ln()).sqrt();
    radius * (TAU * stream.uniform()).cos()
}

/// What a gate decides where the criterion is all that a policy asks.
fn by_gate(metric: &str, number: Number, gap_ms: f64) -> Result<Verdict, Failure> {
    let mut evidence: Evidence = evidence();
    evidence.baseline = Some(baseline("docs_vA"));
    evidence.metrics.insert(metric.to_owned(), number);
    evidence.latency_gap_ms.insert(metric.to_owned(), gap_ms);
    let policy = confident(vec![Criterion::hard(metric, Op::AtMost, BOUND)]);
    Ok(decide(&policy, &evidence)?.verdict)
}
