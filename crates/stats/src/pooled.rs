//! Values of which several belong to one question, pooled: quantiles and shares of the pool.
//!
//! Values of one question depend on each other, so a bound of the pool is one over questions: each
//! stands for how many of its values lie on a side, which is a bounded value.

use wfgy_core::{Aggregate, Direction, Interval, Number};

use crate::bound::{LEVEL, quantile_of};
use crate::bounded_mean::{self, RESAMPLES};
use crate::{Range, Sample, SampleError, Side};

/// How far a share may be from p and be taken as p: sums of fixed point are off by no more.
const ROUNDING: f64 = 1e-7;

/// A bound of the mean of values within a range, on a side, at a level.
type BoundOfMean = fn(&[f64], Range, Side, f64) -> f64;

fn resampled(values: &[f64], range: Range, side: Side, level: f64) -> f64 {
    bounded_mean::bounds(&[values.to_vec()], range, side, level, RESAMPLES)[0]
}

/// All values of some questions; at least one question, each with at least one value.
#[derive(Debug, Clone, PartialEq)]
pub struct Pooled {
    /// By question, ascending within each.
    questions: Vec<Vec<f64>>,
    pool: Sample,
}

impl Pooled {
    /// Takes the values by question, in gold order; a question without values is left out.
    ///
    /// # Errors
    /// [`SampleError`] where there is no value, or one is not finite.
    pub fn new(mut questions: Vec<Vec<f64>>) -> Result<Self, SampleError> {
        questions.retain(|values| !values.is_empty());
        let pool = Sample::new(questions.concat())?;
        for values in &mut questions {
            values.sort_by(f64::total_cmp);
        }
        Ok(Self { questions, pool })
    }

    /// All values, by question.
    pub fn values(&self) -> &[f64] {
        self.pool.values()
    }

    /// The quantile of the pool that `aggregate` names (type 7), with its interval; `None` where it
    /// names none.
    ///
    /// The upper bound is the least value that is shown to have a share p of the pool at or below
    /// it, the lower one the greatest that is shown to have at most p below it (Woodruff 1952,
    /// doi:10.1080/01621459.1952.10483443, who turned bounds of shares into bounds of quantiles of
    /// clustered samples): with one value a question these are its order statistics. An end is
    /// `None` where no value is shown to be beyond the quantile.
    pub fn quantile(&self, aggregate: Aggregate, direction: Direction) -> Option<Number> {
        let p = quantile_of(aggregate)?;
        let mut values = self.pool.sorted().to_vec();
        values.dedup();
        let count = |beyond: &dyn Fn(&f64) -> bool| -> Vec<usize> {
            self.questions.iter().map(|own| own.partition_point(beyond)).collect()
        };
        // What the nearer of two bounds clearly does not show, the more cautious one does not.
        let shown_above = |x: &f64| {
            let counts = count(&|value| value <= x);
            let bound = |of| self.share_bound(&counts, Side::Lower, of);
            bound(bounded_mean::without_resamples) >= p - 2.0 * ROUNDING
                && bound(resampled) >= p - ROUNDING
        };
        let shown_below = |x: &f64| {
            let counts = count(&|value| value < x);
            let bound = |of| self.share_bound(&counts, Side::Upper, of);
            bound(bounded_mean::without_resamples) <= p + 2.0 * ROUNDING
                && bound(resampled) <= p + ROUNDING
        };
        let point = self.pool.quantile(p);
        let above = values.partition_point(|x| !shown_above(x));
        let below = values.partition_point(shown_below);
        let upper = values.get(above).map(|x| x.max(point));
        let lower = below.checked_sub(1).map(|at| values[at].min(point));
        Some(self.number(point, Interval { level: LEVEL, lower, upper }, aggregate, direction))
    }

    /// The share of the pool that `holds`, in [0, 1], with its interval.
    ///
    /// How many values a question has is planned and taken as known; how many of them hold is the
    /// question's value, between none and as many as any question has.
    pub fn share(&self, direction: Direction, holds: impl Fn(f64) -> bool) -> Number {
        let held = |own: &Vec<f64>| own.iter().filter(|value| holds(**value)).count();
        let counts: Vec<usize> = self.questions.iter().map(held).collect();
        let end = |side| Some(self.share_bound(&counts, side, resampled));
        let point = counts.iter().sum::<usize>() as f64 / self.pool.n() as f64;
        let ci = Interval { level: LEVEL, lower: end(Side::Lower), upper: end(Side::Upper) };
        self.number(point, ci, Aggregate::Share, direction)
    }

    fn number(
        &self,
        point: f64,
        ci: Interval,
        aggregate: Aggregate,
        direction: Direction,
    ) -> Number {
        Number { point, ci: Some(ci), n_questions: self.questions.len(), aggregate, direction }
    }

    /// Bound of the share of the pool that `counts` of each question are.
    fn share_bound(&self, counts: &[usize], side: Side, of: BoundOfMean) -> f64 {
        let n = self.questions.len() as f64;
        let usual = self.pool.n() as f64 / n;
        let most = self.questions.iter().map(Vec::len).max().unwrap_or(1) as f64 / usual;
        let Ok(range) = Range::new(0.0, most) else { return side.nothing() };
        let values: Vec<f64> = counts.iter().map(|count| *count as f64 / usual).collect();
        let bound = of(&values, range, side, LEVEL);
        let point = counts.iter().sum::<usize>() as f64 / self.pool.n() as f64;
        match side {
            Side::Lower => bound.min(point).max(0.0),
            Side::Upper => bound.max(point).min(1.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clopper_pearson;

    const NEUTRAL: Direction = Direction::Neutral;

    /// `n` questions of `each` values, those of one question near each other.
    fn clustered(n: usize, each: usize) -> Pooled {
        let value = |i: usize, j: usize| ((i * 7919) % 997) as f64 + j as f64 / 100.0;
        let questions = (0..n).map(|i| (0..each).map(|j| value(i, j)).collect()).collect();
        Pooled::new(questions).unwrap()
    }

    #[test]
    fn rule_one_value_a_question_gives_the_order_statistics_of_a_sample() {
        for n in [5, 40, 59, 100, 300] {
            let pooled = clustered(n, 1);
            let sample = Sample::new(pooled.values().to_vec()).unwrap();
            for aggregate in [Aggregate::P01, Aggregate::P05, Aggregate::Median, Aggregate::P95] {
                let own = pooled.quantile(aggregate, NEUTRAL).unwrap();
                assert_eq!(own, sample.estimate(aggregate, NEUTRAL, Range::UNBOUNDED).unwrap());
            }
        }
        assert_eq!(clustered(5, 1).quantile(Aggregate::Mean, NEUTRAL), None);
    }

    #[test]
    fn rule_a_bound_is_the_nearest_value_whose_share_is_shown_by_resampling() {
        let value = |i: usize, j: usize| ((i * 7919 + j * j * 104_729) % 61) as f64 / 60.0;
        let uneven = (0..24).map(|i| (0..1 + i % 5).map(|j| value(i, j)).collect()).collect();
        let mut ends = 0;
        for pooled in [clustered(30, 4), clustered(12, 3), Pooled::new(uneven).unwrap()] {
            let mut values = pooled.pool.sorted().to_vec();
            values.dedup();
            for aggregate in [Aggregate::P05, Aggregate::Median, Aggregate::P90, Aggregate::P95] {
                let p = quantile_of(aggregate).unwrap();
                let bound = |side, beyond: &dyn Fn(&f64) -> bool| {
                    let held = |own: &Vec<f64>| own.iter().filter(|value| beyond(value)).count();
                    let counts: Vec<usize> = pooled.questions.iter().map(held).collect();
                    pooled.share_bound(&counts, side, resampled)
                };
                let shown_above = |x: &f64| bound(Side::Lower, &|v| v <= x) >= p - ROUNDING;
                let shown_below = |x: &f64| bound(Side::Upper, &|v| v < x) <= p + ROUNDING;
                let point = pooled.pool.quantile(p);
                let above = values.partition_point(|x| !shown_above(x));
                let below = values.partition_point(shown_below);
                let upper = values.get(above).map(|x| x.max(point));
                let lower = below.checked_sub(1).map(|at| values[at].min(point));
                let ci = pooled.quantile(aggregate, NEUTRAL).unwrap().ci.unwrap();
                assert_eq!((ci.lower, ci.upper), (lower, upper), "{aggregate:?}");
                ends += usize::from(lower.is_some()) + usize::from(upper.is_some());
            }
        }
        assert!(ends > 12, "{ends}");
    }

    #[test]
    fn rule_values_of_one_question_are_no_more_evidence_than_the_question() {
        // 60 values of 60 questions, and 60 values of 6.
        let width = |pooled: Pooled| {
            let ci = pooled.quantile(Aggregate::Median, NEUTRAL).unwrap().ci.unwrap();
            ci.upper.unwrap() - ci.lower.unwrap()
        };
        assert!(width(clustered(6, 10)) > 2.0 * width(clustered(60, 1)));
        // 20 questions show nothing of a twentieth, however many values each has.
        let p05 = clustered(20, 64).quantile(Aggregate::P05, NEUTRAL).unwrap();
        assert_eq!(p05.ci.unwrap().lower, None);
        assert!(p05.ci.unwrap().upper.unwrap() > p05.point);
    }

    #[test]
    fn rule_a_share_of_runs_is_bounded_over_questions() {
        let runs = |failed: usize| -> Vec<Vec<f64>> {
            (0..40).map(|i| vec![f64::from(u8::from(i < failed)); 8]).collect()
        };
        let share = |questions: Vec<Vec<f64>>| {
            Pooled::new(questions).unwrap().share(NEUTRAL, |failed| failed == 1.0)
        };
        for failed in [0, 3, 40] {
            let number = share(runs(failed));
            let end = |side| Some(clopper_pearson(failed, 40, side, LEVEL));
            let ci = number.ci.unwrap();
            assert_eq!((number.point, number.n_questions), (failed as f64 / 40.0, 40));
            assert_eq!((ci.lower, ci.upper), (end(Side::Lower), end(Side::Upper)));
        }
        // Questions of different length: each value counts once, and the bounds stay shares.
        let uneven = (0..30).map(|i| vec![f64::from(u8::from(i % 3 == 0)); 1 + i % 4]).collect();
        let number = share(uneven);
        let ci = number.ci.unwrap();
        assert!((number.point - 25.0 / 73.0).abs() < 1e-12, "{number:?}");
        assert!(0.0 < ci.lower.unwrap() && ci.lower.unwrap() < number.point, "{number:?}");
        assert!(number.point < ci.upper.unwrap() && ci.upper.unwrap() < 1.0, "{number:?}");
    }

    #[test]
    fn rule_a_pool_is_finite_and_not_empty() {
        assert_eq!(Pooled::new(vec![vec![], vec![]]), Err(SampleError::Empty));
        assert!(Pooled::new(vec![vec![0.1], vec![f64::NAN]]).is_err());
        assert_eq!(Pooled::new(vec![vec![], vec![0.5]]).unwrap().values(), [0.5]);
    }
}
