//! Confidence bounds of the statistics over a sample.

use wfgy_core::{Aggregate, Direction, Interval, Number};

use crate::bounded_mean::{self, RESAMPLES};
use crate::{Range, Sample, Side, order_statistic};

/// Confidence of each side of an interval that a report shows; both sides together cover 90 %.
pub const LEVEL: f64 = 0.95;

/// How far a value may lie outside its range and be taken as its end: means of shares round.
const ROUNDING: f64 = 1e-9;

/// What has no bound.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum BoundError {
    /// A level that is no probability.
    #[error("level {level} is not between 0 and 1")]
    Level {
        /// What was given.
        level: f64,
    },
    /// A value that the metric cannot have.
    #[error("value {index} is {value}, outside {lowest} to {highest}")]
    OutsideRange {
        /// Its position.
        index: usize,
        /// What it is.
        value: f64,
        /// Least possible value.
        lowest: f64,
        /// Greatest possible value.
        highest: f64,
    },
}

impl Sample {
    /// One-sided confidence bound of the statistic that `aggregate` names, questions being the
    /// independent unit: the truth lies beyond it with probability at most 1 − level.
    ///
    /// Means and shares: of BCa with a worst-case pseudo-question and Gaffke's bound the more
    /// cautious, within `range`; exact (Clopper–Pearson) where the values take one value besides the worst of that side. A count
    /// is n times the mean. Quantiles and medians: the order statistic that holds for every
    /// distribution. −∞ or +∞ where the sample is too small, or where the mean's range has no end
    /// on that side: an infinite bound satisfies no criterion ([`crate::at_most`]).
    ///
    /// From level 0.5 on a bound never lies on the wrong side of the point estimate: what a bound
    /// shows, the point shows. A pure function of the values, whatever the number of threads.
    ///
    /// # Errors
    /// [`BoundError`] where `level` is not in (0, 1), or a value is not in `range`.
    pub fn bound(
        &self,
        aggregate: Aggregate,
        range: Range,
        side: Side,
        level: f64,
    ) -> Result<f64, BoundError> {
        Ok(Self::bounds_with(&[self], aggregate, range, side, level, RESAMPLES)?[0])
    }

    /// [`bound`](Self::bound) of each sample, with another number of resamples; samples of one
    /// size share the draws.
    pub(crate) fn bounds_with(
        samples: &[&Self],
        aggregate: Aggregate,
        range: Range,
        side: Side,
        level: f64,
        resamples: usize,
    ) -> Result<Vec<f64>, BoundError> {
        Self::check(samples, range, level)?;
        let (lowest, highest) = (range.lowest(), range.highest());
        let mut bounds: Vec<f64> = match quantile_of(aggregate) {
            Some(p) => {
                let bound = |sample: &&Self| {
                    order_statistic::rank(sample.n(), p, side, level)
                        .map_or(side.nothing(), |rank| sample.sorted()[rank])
                };
                samples.iter().map(bound).collect()
            }
            None => {
                let within = |v: &f64| v.clamp(lowest, highest);
                let values: Vec<Vec<f64>> =
                    samples.iter().map(|s| s.values().iter().map(within).collect()).collect();
                let bounds = bounded_mean::bounds(&values, range, side, level, resamples);
                // Sums of fixed point may leave the range by their last digit.
                bounds.into_iter().map(|bound| bound.clamp(lowest, highest)).collect()
            }
        };
        for (bound, sample) in bounds.iter_mut().zip(samples) {
            if aggregate == Aggregate::Count {
                *bound *= sample.n() as f64;
            }
            let point = sample.point(aggregate);
            *bound = match side {
                _ if level < 0.5 => *bound,
                Side::Lower => bound.min(point),
                Side::Upper => bound.max(point),
            };
        }
        Ok(bounds)
    }

    /// Of the two bounds of a mean the one that takes no resamples: [`bound`](Self::bound) is this
    /// or more cautious. `None` for quantiles, whose bounds take none either.
    pub(crate) fn bound_without_resamples(
        &self,
        aggregate: Aggregate,
        range: Range,
        side: Side,
        level: f64,
    ) -> Option<f64> {
        if quantile_of(aggregate).is_some() {
            return None;
        }
        let within = |v: &f64| v.clamp(range.lowest(), range.highest());
        let values: Vec<f64> = self.values().iter().map(within).collect();
        let mean = bounded_mean::without_resamples(&values, range, side, level);
        Some(if aggregate == Aggregate::Count { mean * self.n() as f64 } else { mean })
    }

    /// # Errors
    /// As [`bound`](Self::bound).
    pub(crate) fn check(samples: &[&Self], range: Range, level: f64) -> Result<(), BoundError> {
        if !(level > 0.0 && level < 1.0) {
            return Err(BoundError::Level { level });
        }
        let (lowest, highest) = (range.lowest(), range.highest());
        let outside = |&v: &f64| v < lowest - ROUNDING || v > highest + ROUNDING;
        for sample in samples {
            if let Some(index) = sample.values().iter().position(outside) {
                let value = sample.values()[index];
                return Err(BoundError::OutsideRange { index, value, lowest, highest });
            }
        }
        Ok(())
    }

    /// Both bounds, each at `level`; an end is `None` where there is no finite bound.
    ///
    /// # Errors
    /// As [`bound`](Self::bound).
    pub fn interval(
        &self,
        aggregate: Aggregate,
        range: Range,
        level: f64,
    ) -> Result<Interval, BoundError> {
        let end = |side| {
            let bound = self.bound(aggregate, range, side, level)?;
            Ok(bound.is_finite().then_some(bound))
        };
        Ok(Interval { level, lower: end(Side::Lower)?, upper: end(Side::Upper)? })
    }

    /// The statistic with everything that it must not travel without, its interval at [`LEVEL`].
    ///
    /// # Errors
    /// As [`bound`](Self::bound).
    pub fn estimate(
        &self,
        aggregate: Aggregate,
        direction: Direction,
        range: Range,
    ) -> Result<Number, BoundError> {
        Ok(Self::estimates(&[self], aggregate, direction, range)?[0])
    }

    /// [`estimate`](Self::estimate) of each sample, several times as fast where many are of one
    /// size.
    ///
    /// # Errors
    /// As [`bound`](Self::bound).
    pub fn estimates(
        samples: &[&Self],
        aggregate: Aggregate,
        direction: Direction,
        range: Range,
    ) -> Result<Vec<Number>, BoundError> {
        let bounds = |side| Self::bounds_with(samples, aggregate, range, side, LEVEL, RESAMPLES);
        let (lower, upper) = (bounds(Side::Lower)?, bounds(Side::Upper)?);
        let end = |bound: f64| bound.is_finite().then_some(bound);
        let number = |(sample, (lower, upper)): (&&Self, (f64, f64))| {
            let ci = Interval { level: LEVEL, lower: end(lower), upper: end(upper) };
            Number { ci: Some(ci), ..sample.number(aggregate, direction) }
        };
        Ok(samples.iter().zip(lower.into_iter().zip(upper)).map(number).collect())
    }
}

/// The quantile that an aggregate is, as a probability; `None` for means, shares and counts.
pub(crate) fn quantile_of(aggregate: Aggregate) -> Option<f64> {
    match aggregate {
        Aggregate::Median | Aggregate::WorstSlotMedian => Some(0.5),
        Aggregate::P01 => Some(0.01),
        Aggregate::P05 => Some(0.05),
        Aggregate::P90 => Some(0.90),
        Aggregate::P95 => Some(0.95),
        Aggregate::P99 => Some(0.99),
        Aggregate::Mean | Aggregate::Share | Aggregate::Count => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(values: &[f64]) -> Sample {
        Sample::new(values.to_vec()).unwrap()
    }

    /// Shares of four runs, from a rule.
    fn shares(n: usize) -> Sample {
        sample(&(0..n).map(|i| ((i * 7919 % 13) % 5) as f64 / 4.0).collect::<Vec<_>>())
    }

    #[test]
    fn rule_equal_values_never_have_a_zero_width_interval() {
        for (value, n) in [(0.0, 20), (0.5, 20), (1.0, 20), (0.5, 1), (1.0, 300)] {
            let ci = sample(&vec![value; n]).interval(Aggregate::Mean, Range::UNIT, LEVEL).unwrap();
            let (lower, upper) = (ci.lower.unwrap(), ci.upper.unwrap());
            assert!(lower < upper && lower <= value && value <= upper, "{value} × {n}: {ci:?}");
            // The share of questions at the worst end that 20 clean ones leave room for.
            let room = 1.0 - 0.05_f64.powf(1.0 / n as f64);
            assert!((upper - (value + (1.0 - value) * room)).abs() < 1e-12);
            assert!((lower - (value - value * room)).abs() < 1e-12);
        }
    }

    #[test]
    fn rule_one_bernoulli_value_a_question_has_the_clopper_pearson_bounds() {
        let hits = sample(&(0..40).map(|i| f64::from(u8::from(i % 5 > 0))).collect::<Vec<_>>());
        for side in [Side::Lower, Side::Upper] {
            for aggregate in [Aggregate::Share, Aggregate::Mean] {
                let bound = hits.bound(aggregate, Range::UNIT, side, LEVEL).unwrap();
                let exact = crate::clopper_pearson(32, 40, side, LEVEL);
                assert!((bound - exact).abs() < 1e-12, "{side:?}: {bound} {exact}");
            }
            let count = hits.bound(Aggregate::Count, Range::UNIT, side, LEVEL).unwrap();
            assert!((count - 40.0 * crate::clopper_pearson(32, 40, side, LEVEL)).abs() < 1e-10);
        }
    }

    #[test]
    fn rule_a_worst_case_pseudo_question_stands_on_the_side_that_decides() {
        let coverage = shares(40);
        let narrow = Range::UNIT;
        let wide = Range::new(-1.0, 1.0).unwrap();
        let bound = |range, side| coverage.bound(Aggregate::Mean, range, side, LEVEL).unwrap();
        // A lower worst end moves the lower bound down and leaves the upper one.
        assert!(bound(wide, Side::Lower) < bound(narrow, Side::Lower) - 0.01);
        assert_eq!(bound(wide, Side::Upper), bound(narrow, Side::Upper));
        assert!(bound(narrow, Side::Lower) < coverage.mean());
        assert!(bound(narrow, Side::Upper) > coverage.mean());
    }

    #[test]
    fn rule_a_greater_level_never_brings_a_bound_nearer() {
        let coverage = shares(60);
        for aggregate in [Aggregate::Mean, Aggregate::Median, Aggregate::P90, Aggregate::P05] {
            let bound = |side, level| coverage.bound(aggregate, Range::UNIT, side, level).unwrap();
            for pair in [0.5, 0.6, 0.8, 0.9, 0.95, 0.99, 0.999, 0.999_9].windows(2) {
                assert!(bound(Side::Lower, pair[1]) <= bound(Side::Lower, pair[0]), "{pair:?}");
                assert!(bound(Side::Upper, pair[1]) >= bound(Side::Upper, pair[0]), "{pair:?}");
            }
        }
    }

    #[test]
    fn rule_a_bound_is_never_on_the_wrong_side_of_the_point() {
        for n in [1, 2, 3, 5, 8, 13, 40] {
            let sample = shares(n);
            for aggregate in [Aggregate::Mean, Aggregate::Median, Aggregate::P95, Aggregate::P05] {
                let point = sample.point(aggregate);
                for level in [0.5, 0.55, 0.7, 0.95] {
                    let bound = |side| sample.bound(aggregate, Range::UNIT, side, level).unwrap();
                    assert!(bound(Side::Lower) <= point, "{n} {aggregate:?} {level}");
                    assert!(bound(Side::Upper) >= point, "{n} {aggregate:?} {level}");
                }
            }
        }
    }

    #[test]
    fn rule_too_few_questions_for_a_quantile_are_no_bound_and_satisfy_nothing() {
        let values = sample(&(0..58).map(f64::from).collect::<Vec<_>>());
        let range = Range::UNBOUNDED;
        let upper = values.bound(Aggregate::P95, range, Side::Upper, LEVEL).unwrap();
        assert_eq!(upper, f64::INFINITY);
        assert!(!crate::at_most(upper, 1e9));
        let ci = values.interval(Aggregate::P95, range, LEVEL).unwrap();
        assert_eq!((ci.upper, ci.lower), (None, Some(51.0)));
        let one_more = sample(&(0..59).map(f64::from).collect::<Vec<_>>());
        assert_eq!(one_more.bound(Aggregate::P95, range, Side::Upper, LEVEL), Ok(58.0));
        // Nor has a mean whose values may be anything.
        assert_eq!(values.interval(Aggregate::Mean, range, LEVEL).unwrap().lower, None);
    }

    #[test]
    fn rule_p95_at_most_x_is_that_few_values_are_above_x() {
        // The order-statistic bound and Clopper–Pearson on indicators decide alike, everywhere.
        for n in [40, 59, 100, 300] {
            let values = sample(&(0..n).map(|i| ((i * 7919) % 997) as f64).collect::<Vec<_>>());
            let upper = values.bound(Aggregate::P95, Range::UNBOUNDED, Side::Upper, LEVEL).unwrap();
            for x in (0..1000).step_by(7).map(f64::from) {
                let above = values.values().iter().filter(|v| **v > x).count();
                let share = crate::clopper_pearson(above, n, Side::Upper, LEVEL);
                assert_eq!(crate::at_most(upper, x), share <= 0.05, "n = {n}, x = {x}");
            }
        }
    }

    #[test]
    fn rule_a_value_that_the_metric_cannot_have_is_an_error_and_rounding_is_not() {
        let error = sample(&[0.5, 1.2]).bound(Aggregate::Mean, Range::UNIT, Side::Lower, LEVEL);
        assert_eq!(error.unwrap_err().to_string(), "value 1 is 1.2, outside 0 to 1");
        let rounded = sample(&[0.3, 1.0 + 2e-16]);
        assert!(rounded.interval(Aggregate::Mean, Range::UNIT, LEVEL).is_ok());
        for level in [0.0, 1.0, f64::NAN] {
            assert!(rounded.bound(Aggregate::Median, Range::UNIT, Side::Lower, level).is_err());
        }
    }

    #[test]
    fn rule_a_bound_of_a_mean_is_within_the_range() {
        // One question in forty above the end: resamples without it are all at the end.
        for third in 1..30 {
            let mut values = vec![0.0; 40];
            (values[3], values[7]) = (f64::from(third) / 3e3, 0.11);
            let low = sample(&values).interval(Aggregate::Mean, Range::UNIT, LEVEL).unwrap();
            assert!(low.lower.unwrap() >= 0.0, "{low:?}");
            let mirrored: Vec<f64> = values.iter().map(|value| 1.0 - value).collect();
            let high = sample(&mirrored).interval(Aggregate::Mean, Range::UNIT, LEVEL).unwrap();
            assert!(high.upper.unwrap() <= 1.0, "{high:?}");
        }
    }

    #[test]
    fn rule_many_estimates_are_those_of_each_sample() {
        let samples: Vec<Sample> = [40, 41, 40, 7, 40, 20].into_iter().map(shares).collect();
        let constant = sample(&[0.5; 40]);
        let all: Vec<&Sample> = samples.iter().chain([&constant]).collect();
        let better = Direction::HigherIsBetter;
        for aggregate in [Aggregate::Mean, Aggregate::Median, Aggregate::P95] {
            let together = Sample::estimates(&all, aggregate, better, Range::UNIT).unwrap();
            for (sample, number) in all.iter().zip(together) {
                let alone = sample.number(aggregate, better);
                let ci = Some(sample.interval(aggregate, Range::UNIT, LEVEL).unwrap());
                assert_eq!(number, Number { ci, ..alone }, "{aggregate:?}");
            }
        }
        assert_eq!(Sample::estimates(&[], Aggregate::Mean, better, Range::UNIT), Ok(vec![]));
    }

    #[test]
    fn rule_a_number_travels_with_its_interval() {
        let number =
            shares(40).estimate(Aggregate::Mean, Direction::HigherIsBetter, Range::UNIT).unwrap();
        let ci = number.ci.unwrap();
        assert_eq!((ci.level, number.n_questions), (0.95, 40));
        assert!(ci.lower.unwrap() < number.point && number.point < ci.upper.unwrap());
    }
}
