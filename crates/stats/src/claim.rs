//! A claim about a statistic, and what decides it.

use rayon::prelude::*;
use wfgy_core::Aggregate;

use crate::bound::quantile_of;
use crate::bounded_mean::RESAMPLES;
use crate::{BoundError, Range, Sample, Side, at_least, at_most, order_statistic};

/// The most questions that a smallest n is looked for among.
const MOST_QUESTIONS: usize = 1_000_000;

/// "The statistic lies on one side of the threshold, or on it."
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Claim {
    /// The statistic over questions.
    pub aggregate: Aggregate,
    /// What values the metric can take.
    pub range: Range,
    /// The bound that shows the claim: `Upper` for "at most", `Lower` for "at least".
    pub side: Side,
    /// With what the statistic is compared.
    pub threshold: f64,
    /// Confidence of each bound, in [0.5, 1).
    pub level: f64,
}

/// What a sample says of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The unfavourable bound satisfies it.
    Shown,
    /// The favourable bound violates it.
    Refuted,
    /// Neither.
    Open,
}

impl Claim {
    /// What `sample` says of it.
    ///
    /// # Errors
    /// As [`Sample::bound`].
    pub fn answer(&self, sample: &Sample) -> Result<Answer, BoundError> {
        Ok(self.answers_with(&[sample], RESAMPLES)?[0])
    }

    /// What each of `samples` says of it: [`answer`](Self::answer), several times as fast where
    /// many are of one size.
    ///
    /// # Errors
    /// As [`Sample::bound`].
    pub fn answers(&self, samples: &[&Sample]) -> Result<Vec<Answer>, BoundError> {
        self.answers_with(samples, RESAMPLES)
    }

    pub(crate) fn answers_with(
        &self,
        samples: &[&Sample],
        resamples: usize,
    ) -> Result<Vec<Answer>, BoundError> {
        let shown = self.given(Answer::Shown, samples, resamples)?;
        let refuted = self.given(Answer::Refuted, samples, resamples)?;
        let answer = |(shown, refuted)| match (shown, refuted) {
            (true, _) => Answer::Shown,
            (_, true) => Answer::Refuted,
            _ => Answer::Open,
        };
        Ok(shown.into_iter().zip(refuted).map(answer).collect())
    }

    /// Whether the answer of each sample is this one, shown or refuted.
    pub(crate) fn given(
        &self,
        answer: Answer,
        samples: &[&Sample],
        resamples: usize,
    ) -> Result<Vec<bool>, BoundError> {
        let Self { aggregate, range, level, .. } = *self;
        Sample::check(samples, range, level)?;
        let (holds, side) = match answer {
            Answer::Shown => (true, self.side),
            Answer::Refuted | Answer::Open => (false, self.side.opposite()),
        };
        let decides = |bound: f64| bound.is_finite() && self.holds(bound) == holds;
        // A bound never lies on the wrong side of the point, and what the nearer of two bounds
        // leaves open, the more cautious one does too.
        let worth_resampling = |sample: &Sample| {
            self.holds(sample.point(aggregate)) == holds
                && sample.bound_without_resamples(aggregate, range, side, level).is_none_or(decides)
        };
        let asked: Vec<usize> = (0..samples.len())
            .into_par_iter()
            .filter(|&at| worth_resampling(samples[at]))
            .collect();
        let bounded: Vec<&Sample> = asked.iter().map(|&at| samples[at]).collect();
        let bounds = Sample::bounds_with(&bounded, aggregate, range, side, level, resamples)?;
        let mut given = vec![false; samples.len()];
        for (at, bound) in asked.into_iter().zip(bounds) {
            given[at] = decides(bound);
        }
        Ok(given)
    }

    /// Whether a value satisfies it; one that is not finite does not.
    pub(crate) fn holds(&self, value: f64) -> bool {
        match self.side {
            Side::Upper => at_most(value, self.threshold),
            Side::Lower => at_least(value, self.threshold),
        }
    }

    /// The smallest n at which any sample could show it: one whose values are all `best`.
    ///
    /// `best` is the best value that a question can have: the good end of the range, or 0 for a
    /// difference that should not get worse. `None` where not even a million such questions do.
    /// The bound of a count grows with n: for one it is 1 where `at_hand` questions could show it.
    pub fn smallest_n(&self, best: f64, at_hand: usize) -> Option<usize> {
        let shows = |n: usize| {
            let bound = match quantile_of(self.aggregate) {
                Some(p) if order_statistic::rank(n, p, self.side, self.level).is_some() => best,
                Some(_) => self.side.nothing(),
                None => {
                    let clean = crate::clopper_pearson(0, n, Side::Upper, self.level);
                    let mean = best + (self.range.end(self.side) - best) * clean;
                    if self.aggregate == Aggregate::Count { mean * n as f64 } else { mean }
                }
            };
            self.holds(bound)
        };
        if self.aggregate == Aggregate::Count {
            return shows(at_hand).then_some(1);
        }
        // Once it shows, it does for every larger n.
        shows(MOST_QUESTIONS).then(|| order_statistic::least(MOST_QUESTIONS, shows))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_most_claim(aggregate: Aggregate, threshold: f64) -> Claim {
        Claim { aggregate, range: Range::UNIT, side: Side::Upper, threshold, level: 0.95 }
    }

    fn at_least_claim(aggregate: Aggregate, threshold: f64) -> Claim {
        Claim { aggregate, range: Range::UNIT, side: Side::Lower, threshold, level: 0.95 }
    }

    #[test]
    fn rule_a_claim_is_shown_by_one_bound_and_refuted_by_the_other() {
        let sample = Sample::new((0..100).map(|i| f64::from(i % 10) / 10.0).collect()).unwrap();
        let answer = |claim: Claim| claim.answer(&sample).unwrap();
        assert_eq!(answer(at_most_claim(Aggregate::Mean, 0.55)), Answer::Shown);
        assert_eq!(answer(at_most_claim(Aggregate::Mean, 0.45)), Answer::Open);
        assert_eq!(answer(at_most_claim(Aggregate::Mean, 0.35)), Answer::Refuted);
        assert_eq!(answer(at_least_claim(Aggregate::Median, 0.3)), Answer::Shown);
        assert_eq!(answer(at_least_claim(Aggregate::Median, 0.45)), Answer::Open);
        assert_eq!(answer(at_least_claim(Aggregate::Median, 0.7)), Answer::Refuted);
    }

    #[test]
    fn rule_an_answer_is_that_of_the_bound() {
        let sample = |seed: usize| {
            let value = |i: usize| ((i * 7919 + seed * 104_729) % 1009) as f64 / 1009.0;
            Sample::new((0..30 + seed % 3).map(|i| value(i).powi(3)).collect()).unwrap()
        };
        let samples: Vec<Sample> = (0..40).map(sample).collect();
        let all: Vec<&Sample> = samples.iter().collect();
        let mut seen = [0; 3];
        for threshold in [0.12, 0.17, 0.20, 0.25, 0.30, 0.34, 0.38] {
            let claim = at_most_claim(Aggregate::Mean, threshold);
            for (sample, answer) in samples.iter().zip(claim.answers(&all).unwrap()) {
                let bound = |side| sample.bound(Aggregate::Mean, Range::UNIT, side, 0.95).unwrap();
                let expected = if at_most(bound(Side::Upper), threshold) {
                    Answer::Shown
                } else if at_most(bound(Side::Lower), threshold) {
                    Answer::Open
                } else {
                    Answer::Refuted
                };
                assert_eq!(answer, expected, "{threshold}");
                seen[answer as usize] += 1;
            }
        }
        assert!(seen.iter().all(|&count| count > 20), "{seen:?}");
    }

    #[test]
    fn rule_the_smallest_n_is_where_clean_questions_first_show_it() {
        assert_eq!(at_most_claim(Aggregate::Mean, 0.02).smallest_n(0.0, 1), Some(149));
        assert_eq!(at_most_claim(Aggregate::P95, 0.10).smallest_n(0.0, 1), Some(59));
        assert_eq!(at_most_claim(Aggregate::Median, 0.45).smallest_n(0.0, 1), Some(5));
        assert_eq!(at_least_claim(Aggregate::Mean, 0.70).smallest_n(1.0, 1), Some(9));
        assert_eq!(at_most_claim(Aggregate::Mean, 0.0).smallest_n(0.0, 1), None);
        assert_eq!(at_most_claim(Aggregate::Median, 0.45).smallest_n(0.5, 1), None);
        let clean =
            |n| at_most_claim(Aggregate::Mean, 0.02).answer(&Sample::new(vec![0.0; n]).unwrap());
        assert_eq!((clean(148), clean(149)), (Ok(Answer::Open), Ok(Answer::Shown)));
    }
}
