//! Quantiles of a latency series: a moving-block bootstrap over calls.
//!
//! Calls that follow each other are alike (a cold cache, a busy neighbour), so calls are not
//! independent; blocks of 50 consecutive calls keep what is alike together.

use rayon::prelude::*;
use wfgy_core::Interval;
use wfgy_kernel::resample::Stream;

use crate::bounded_mean::SEED;
use crate::sample::quantile_of_sorted;

/// Consecutive calls that stay together.
pub const BLOCK: usize = 50;

/// Resamples of a series.
const SERIES_RESAMPLES: usize = 2_000;

/// Percentile interval of the type 7 quantile `p` of a series in the order of its calls (Künsch
/// 1989, doi:10.1214/aos/1176347265), each side at `level`.
///
/// A resample joins blocks of [`BLOCK`] consecutive calls, each from a random start, until it is
/// as long as the series. No ends where the series has fewer than two blocks, a value that is not
/// finite, or `p` or `level` are no probabilities.
pub fn series_quantile(series: &[f64], p: f64, level: f64) -> Interval {
    resampled(&[series], level, |arms| quantile_of_sorted(&arms[0], p))
}

/// Percentile interval of the ratio candidate / baseline of the quantiles `p` of two series whose
/// calls were interleaved: both arms take the same blocks, so what hit both at once cancels.
///
/// No ends where [`series_quantile`] has none, where the arms differ in length, or where the
/// baseline's quantile is not above 0 in some resample.
pub fn series_quantile_ratio(candidate: &[f64], baseline: &[f64], p: f64, level: f64) -> Interval {
    resampled(&[candidate, baseline], level, |arms| {
        let (new, old) = (quantile_of_sorted(&arms[0], p), quantile_of_sorted(&arms[1], p));
        if old > 0.0 { new / old } else { f64::NAN }
    })
}

/// Percentile interval of a statistic of sorted arms.
fn resampled(
    arms: &[&[f64]],
    level: f64,
    statistic: impl Fn(&[Vec<f64>]) -> f64 + Sync,
) -> Interval {
    let calls = arms[0].len();
    let none = Interval { level, lower: None, upper: None };
    let usable = calls >= 2 * BLOCK
        && level > 0.0
        && level < 1.0
        && arms.iter().all(|arm| arm.len() == calls && arm.iter().all(|x| x.is_finite()));
    if !usable {
        return none;
    }
    let mut values: Vec<f64> = (0..SERIES_RESAMPLES)
        .into_par_iter()
        .map(|resample| {
            let mut stream = Stream::new(SEED, resample as u64);
            let starts: Vec<usize> = (0..calls.div_ceil(BLOCK))
                .map(|_| stream.below((calls - BLOCK + 1) as u32) as usize)
                .collect();
            let joined: Vec<Vec<f64>> = arms
                .iter()
                .map(|arm| {
                    let blocks = starts.iter().flat_map(|&start| &arm[start..start + BLOCK]);
                    let mut joined: Vec<f64> = blocks.copied().take(calls).collect();
                    joined.sort_unstable_by(f64::total_cmp);
                    joined
                })
                .collect();
            statistic(&joined)
        })
        .collect();
    values.sort_unstable_by(f64::total_cmp);
    let end = |p: f64| Some(quantile_of_sorted(&values, p)).filter(|end| end.is_finite());
    if values.iter().any(|value| !value.is_finite()) {
        return none;
    }
    Interval { level, lower: end(1.0 - level), upper: end(level) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An autoregressive series from a literal seed.
    fn series(calls: usize, seed: u64, persistence: f64) -> Vec<f64> {
        let mut stream = Stream::new(seed, 0);
        let mut state = 0.0;
        (0..calls)
            .map(|_| {
                let noise: f64 = (0..12).map(|_| stream.uniform()).sum::<f64>() - 6.0;
                state = persistence * state + (1.0 - persistence * persistence).sqrt() * noise;
                10.0 + state
            })
            .collect()
    }

    #[test]
    fn rule_calls_that_are_alike_make_the_interval_wider() {
        let width = |persistence| {
            let interval = series_quantile(&series(2000, 3, persistence), 0.95, 0.95);
            interval.upper.unwrap() - interval.lower.unwrap()
        };
        assert!(width(0.9) > 1.7 * width(0.0), "{} {}", width(0.9), width(0.0));
    }

    #[test]
    fn rule_what_hits_both_arms_at_once_cancels_in_the_ratio() {
        let baseline = series(2000, 5, 0.95);
        let candidate: Vec<f64> = baseline.iter().map(|x| 1.1 * x).collect();
        let ratio = series_quantile_ratio(&candidate, &baseline, 0.95, 0.95);
        assert!((ratio.lower.unwrap() - 1.1).abs() < 1e-12);
        assert!((ratio.upper.unwrap() - 1.1).abs() < 1e-12);
    }

    #[test]
    fn rule_too_few_calls_or_values_that_are_none_have_no_interval() {
        let good = series(100, 7, 0.0);
        assert!(series_quantile(&good, 0.5, 0.95).lower.is_some());
        let mut bad = good.clone();
        bad[40] = f64::NAN;
        let zero = vec![0.0; 100];
        let none = [
            series_quantile(&good[..99], 0.5, 0.95),
            series_quantile(&bad, 0.5, 0.95),
            series_quantile(&good, 0.5, 1.0),
            series_quantile_ratio(&good, &good[..99], 0.5, 0.95),
            series_quantile_ratio(&good, &zero, 0.5, 0.95),
            series_quantile(&[], 0.5, 0.95),
        ];
        assert!(none.iter().all(|interval| interval.lower.is_none() && interval.upper.is_none()));
    }
}
