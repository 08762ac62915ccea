//! A candidate against a baseline, paired by question.

use wfgy_core::{Aggregate, Interval};

use crate::{BoundError, LEVEL, Range, Sample, SampleError, Side, compare};

/// Differences candidate − baseline of questions that both arms answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Paired {
    differences: Sample,
    signs: Sample,
}

/// Values that are no pairs.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum PairedError {
    /// One arm has more values.
    #[error("{candidate} values of the candidate and {baseline} of the baseline are no pairs")]
    Lengths {
        /// Values of the candidate.
        candidate: usize,
        /// Values of the baseline.
        baseline: usize,
    },
    /// The differences are no sample.
    #[error("differences: {0}")]
    Differences(#[from] SampleError),
}

/// On how many questions the candidate is better, equal (to 9 decimals), or worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// The candidate is better.
    pub wins: usize,
    /// Neither.
    pub ties: usize,
    /// The candidate is worse.
    pub losses: usize,
}

/// An effect size with its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effect {
    /// (wins − losses) / pairs, in [−1, 1]; above 0 the candidate is better.
    pub dominance: f64,
    /// Its bounds.
    pub ci: Interval,
}

impl Paired {
    /// Pairs value i of the candidate with value i of the baseline.
    ///
    /// # Errors
    /// [`PairedError`] where the arms differ in length, are empty, or a difference is not finite.
    pub fn new(candidate: &[f64], baseline: &[f64]) -> Result<Self, PairedError> {
        if candidate.len() != baseline.len() {
            let (candidate, baseline) = (candidate.len(), baseline.len());
            return Err(PairedError::Lengths { candidate, baseline });
        }
        let differences =
            Sample::new(candidate.iter().zip(baseline).map(|(new, old)| new - old).collect())?;
        let sign =
            |(new, old): (&f64, &f64)| compare(*new, *old).map_or(0.0, |o| f64::from(o as i8));
        let signs = Sample::new(candidate.iter().zip(baseline).map(sign).collect())?;
        Ok(Self { differences, signs })
    }

    /// Candidate − baseline, a value per question: means, medians and quantiles of these, with
    /// their bounds, are the drift. Their range is [`Range::of_differences`].
    pub fn differences(&self) -> &Sample {
        &self.differences
    }

    /// Wins, ties and losses where a value on the side `worse` is the worse one.
    pub fn tally(&self, worse: Side) -> Tally {
        let count = |sign: f64| self.signs.values().iter().filter(|s| **s == sign).count();
        let (above, ties, below) = (count(1.0), count(0.0), count(-1.0));
        match worse {
            Side::Upper => Tally { wins: below, ties, losses: above },
            Side::Lower => Tally { wins: above, ties, losses: below },
        }
    }

    /// Cliff's within-pair dominance (Cliff 1993, doi:10.1037/0033-2909.114.3.494, his d_w) and
    /// its interval, each side at [`LEVEL`].
    ///
    /// Chosen over a standardised mean difference: it is defined where all differences are equal,
    /// needs no moments, and says what win / tie / loss says. The interval is that of the mean of
    /// the signs, within [−1, 1].
    ///
    /// # Errors
    /// None occurs: signs are within their range.
    pub fn effect(&self, worse: Side) -> Result<Effect, BoundError> {
        let range = Range::UNIT.of_differences();
        let better = match worse {
            Side::Upper => self.signs.negated(),
            Side::Lower => self.signs.clone(),
        };
        let ci = better.interval(Aggregate::Mean, range, LEVEL)?;
        Ok(Effect { dominance: better.mean(), ci })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_equal_to_9_decimals_is_a_tie() {
        let paired = Paired::new(&[0.5, 0.3, 0.1 + 0.2, 0.9], &[0.4, 0.4, 0.3, 0.2]).unwrap();
        assert_eq!(paired.tally(Side::Lower), Tally { wins: 2, ties: 1, losses: 1 });
        assert_eq!(paired.tally(Side::Upper), Tally { wins: 1, ties: 1, losses: 2 });
    }

    #[test]
    fn rule_the_effect_is_dominance_with_its_interval() {
        let paired = Paired::new(&[0.5; 40], &[0.4; 40]).unwrap();
        let effect = paired.effect(Side::Lower).unwrap();
        assert_eq!((effect.dominance, effect.ci.upper), (1.0, Some(1.0)));
        // 40 wins of 40: at least 2 · 0.05^(1/40) − 1.
        let lower = effect.ci.lower.unwrap();
        assert!((lower - (2.0 * 0.05_f64.powf(1.0 / 40.0) - 1.0)).abs() < 1e-12);
        assert_eq!(paired.effect(Side::Upper).unwrap().dominance, -1.0);
    }

    #[test]
    fn rule_arms_that_are_no_pairs_are_refused() {
        let error = Paired::new(&[0.1], &[]).unwrap_err().to_string();
        assert_eq!(error, "1 values of the candidate and 0 of the baseline are no pairs");
        assert!(Paired::new(&[], &[]).is_err());
        assert!(Paired::new(&[f64::NAN], &[0.0]).is_err());
    }
}
