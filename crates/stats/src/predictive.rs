//! How many more questions would settle a claim that is open.

use rayon::prelude::*;
use wfgy_core::Aggregate;
use wfgy_kernel::resample::Stream;

use crate::bounded_mean::{RESAMPLES, SEED};
use crate::planning::{PROBABLE, TRIALS, blocks, least};
use crate::{Answer, BoundError, Claim, Sample, at_most};

/// Closer to the threshold than this, in standard errors, no feasible number of questions decides.
const TOO_CLOSE: f64 = 0.25;

/// The most questions that are proposed, as a multiple of those at hand.
const MOST_TIMES: usize = 200;

/// The most resamples of a bound where it is a number of questions that is looked for: at Holm's
/// level of ten tests their noise adds 3 % too.
const MOST_RESAMPLES: usize = 1_000;

/// How many more questions would settle an open claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoreQuestions {
    /// None: it is shown or refuted already.
    Settled,
    /// So many more, probably.
    Number(usize),
    /// The statistic is too close to the threshold: no feasible number.
    NoFeasibleNumber,
}

impl Claim {
    /// How many questions more than those of `sample` would settle it: the smallest N at which the
    /// predictive probability of a decision is at least 0.8 (to within 5 % of n + N). It is decided
    /// where the claim is shown, or `fails` refuted: a claim of the same statistic, with a
    /// threshold or a level of its own where there is a review band or a family of tests.
    ///
    /// The predictive probability averages the power over what the observed questions say of the
    /// truth (Spiegelhalter, Freedman and Blackburn 1986, doi:10.1016/0197-2456(86)90003-6), here
    /// over the laws that the Bayesian bootstrap draws (Rubin 1981, doi:10.1214/aos/1176345338).
    /// Questions from such a law are those of Pólya's urn: each new one is a copy of one that was
    /// drawn before, observed or new, all alike probable. They are decided together with the
    /// observed ones, as they would be.
    ///
    /// Closer than 0.25 standard errors to the threshold, or where 200 n questions do not decide,
    /// no number is feasible; nor is there one where the truth may well lie in a review band. No
    /// number settles a count, to which questions only add.
    ///
    /// # Errors
    /// As [`Sample::bound`].
    pub fn more_questions(
        &self,
        fails: &Self,
        sample: &Sample,
    ) -> Result<MoreQuestions, BoundError> {
        let settled = |claim: &Self, answer, resamples| claim.given(answer, &[sample], resamples);
        if settled(self, Answer::Shown, RESAMPLES)?[0]
            || settled(fails, Answer::Refuted, RESAMPLES)?[0]
        {
            return Ok(MoreQuestions::Settled);
        }
        if self.aggregate == Aggregate::Count {
            return Ok(MoreQuestions::NoFeasibleNumber);
        }
        let point = sample.point(self.aggregate);
        let nearest = if fails.holds(point) { self.threshold } else { fails.threshold };
        let gap = (point - nearest).abs();
        if gap < TOO_CLOSE * self.standard_error(sample) || at_most(gap, 1e-9) {
            return Ok(MoreQuestions::NoFeasibleNumber);
        }
        let n = sample.n();
        let enough = |more: usize| self.decided_with(fails, sample, more);
        let found = least(n, n.div_ceil(16), n * MOST_TIMES - n, enough)?;
        Ok(found.map_or(MoreQuestions::NoFeasibleNumber, MoreQuestions::Number))
    }

    /// Whether so many more questions decide it with probability at least [`PROBABLE`].
    fn decided_with(&self, fails: &Self, sample: &Sample, more: usize) -> Result<bool, BoundError> {
        let enough = (PROBABLE * TRIALS as f64).ceil() as usize;
        let (mut decided, mut open) = (0, 0);
        for trials in blocks() {
            let urns: Vec<Sample> = trials
                .into_par_iter()
                .filter_map(|trial| {
                    let mut stream = Stream::new(SEED ^ 1, trial);
                    Sample::new(from_urn(sample.values(), more, &mut stream)).ok()
                })
                .collect();
            let urns: Vec<&Sample> = urns.iter().collect();
            let shown = self.given(Answer::Shown, &urns, self.planning_resamples())?;
            let rest: Vec<&Sample> = urns
                .iter()
                .zip(&shown)
                .filter(|(_, shown)| !**shown)
                .map(|(urn, _)| *urn)
                .collect();
            let resamples = fails.planning_resamples().min(MOST_RESAMPLES);
            let refuted = fails.given(Answer::Refuted, &rest, resamples)?;
            let left = refuted.iter().filter(|refuted| !**refuted).count();
            (decided, open) = (decided + urns.len() - left, open + left);
            // The others cannot change it any more.
            if decided >= enough || open > TRIALS - enough {
                break;
            }
        }
        Ok(decided >= enough)
    }

    /// Bootstrap standard error of the statistic.
    fn standard_error(&self, sample: &Sample) -> f64 {
        let point = |trial| {
            let values = resampled(sample, sample.n(), &mut Stream::new(SEED ^ 2, trial));
            Some(Sample::new(values).ok()?.point(self.aggregate))
        };
        let points: Vec<f64> = (0..TRIALS as u64).into_par_iter().filter_map(point).collect();
        let mean = points.iter().sum::<f64>() / points.len() as f64;
        let squares = points.iter().map(|point| (point - mean).powi(2)).sum::<f64>();
        (squares / (points.len() - 1) as f64).sqrt()
    }
}

/// The values and so many more, each a copy of one before it (Blackwell and MacQueen 1973,
/// doi:10.1214/aos/1176342372).
fn from_urn(values: &[f64], more: usize, stream: &mut Stream) -> Vec<f64> {
    let mut urn = Vec::with_capacity(values.len() + more);
    urn.extend_from_slice(values);
    for _ in 0..more {
        urn.push(urn[stream.below(urn.len() as u32) as usize]);
    }
    urn
}

/// `size` values of the sample, drawn with replacement.
fn resampled(sample: &Sample, size: usize, stream: &mut Stream) -> Vec<f64> {
    let n = sample.n() as u32;
    (0..size).map(|_| sample.values()[stream.below(n) as usize]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Range, Side};

    fn at_most_claim(aggregate: Aggregate, threshold: f64) -> Claim {
        Claim { aggregate, range: Range::UNIT, side: Side::Upper, threshold, level: 0.95 }
    }

    #[test]
    fn rule_more_questions_are_proposed_where_they_would_settle_it() {
        let sample = Sample::new((0..40).map(|i| f64::from(i % 10) / 10.0).collect()).unwrap();
        let more = |threshold| {
            let claim = at_most_claim(Aggregate::Mean, threshold);
            claim.more_questions(&claim, &sample)
        };
        assert_eq!(more(0.60), Ok(MoreQuestions::Settled));
        assert_eq!(more(0.30), Ok(MoreQuestions::Settled));
        // 0.25 standard errors are 0.011.
        assert_eq!(more(0.455), Ok(MoreQuestions::NoFeasibleNumber));
        assert_eq!(more(0.45), Ok(MoreQuestions::NoFeasibleNumber));
        let Ok(MoreQuestions::Number(near)) = more(0.48) else { panic!("{:?}", more(0.48)) };
        let Ok(MoreQuestions::Number(far)) = more(0.51) else { panic!("{:?}", more(0.51)) };
        // The gap g is 0.66 and 1.32 standard errors. With m n questions in all the mean will be
        // normal around it, with variance 1 − 1/m; decided beyond 1.645 / √m on either side of the
        // threshold. So the normal approximation has 1,077 and 261; where the estimate is taken for
        // the truth it has 528 and 102.
        assert!((500..1600).contains(&near), "{near}");
        assert!((180..400).contains(&far), "{far}");
    }

    #[test]
    fn rule_what_fails_it_may_be_another_claim_than_what_shows_it() {
        let sample = Sample::new((0..40).map(|i| f64::from(i % 10) / 10.0).collect()).unwrap();
        let more = |passes: f64, fails: f64, level: f64| {
            let passes = at_most_claim(Aggregate::Mean, passes);
            let fails = Claim { level, ..at_most_claim(Aggregate::Mean, fails) };
            match passes.more_questions(&fails, &sample).unwrap() {
                MoreQuestions::Number(more) => more,
                other => panic!("{other:?}"),
            }
        };
        // 1 standard error before a band as wide: by the normal approximation 2,409, and 594
        // without a band.
        let (alone, band) = (more(0.495, 0.495, 0.95), more(0.495, 0.54, 0.95));
        assert!(band > alone + alone / 4, "{alone} {band}");
        // A level that is harder to reach, and a sample that violates it.
        let (plain, holm) = (more(0.40, 0.40, 0.95), more(0.40, 0.40, 0.9875));
        assert!(holm > plain + plain / 8, "{plain} {holm}");
        // It violates, and is refuted at the plain level already.
        let refuted = at_most_claim(Aggregate::Mean, 0.36);
        assert_eq!(refuted.more_questions(&refuted, &sample), Ok(MoreQuestions::Settled));
        assert!(more(0.36, 0.36, 0.9875) < 160);
        // 0.66 standard errors before a band: a quarter of the laws have their truth beyond.
        let claim = at_most_claim(Aggregate::Mean, 0.48);
        let beyond = at_most_claim(Aggregate::Mean, 0.90);
        assert_eq!(claim.more_questions(&beyond, &sample), Ok(MoreQuestions::NoFeasibleNumber));
    }

    #[test]
    fn rule_each_new_question_is_a_copy_of_one_before_it() {
        let values = [0.1, 0.2, 0.4];
        let drawn = |trial| from_urn(&values, 60, &mut Stream::new(9, trial));
        // The mean of an urn ends anywhere: its variance is that of the truth, a quarter of that
        // of one value where there were three, Σ (x − x̄)² / n (n + 1).
        let ends: Vec<f64> = (0..2_000)
            .map(|trial| {
                let urn = drawn(trial);
                assert_eq!(urn[..3], values);
                assert_eq!(urn.len(), 63);
                assert!(urn.iter().all(|value| values.contains(value)));
                urn.iter().sum::<f64>() / 63.0
            })
            .collect();
        let mean = ends.iter().sum::<f64>() / 2e3;
        let variance = ends.iter().map(|end| (end - mean).powi(2)).sum::<f64>() / 2e3;
        let of_truth = (0.0178 + 0.0011 + 0.0278) / 12.0;
        assert!((mean - 0.7 / 3.0).abs() < 0.005, "{mean}");
        // 60 new of 63: 60 / 63 of it.
        assert!((variance / of_truth - 60.0 / 63.0).abs() < 0.08, "{variance} {of_truth}");
    }

    #[test]
    fn rule_no_number_of_questions_settles_a_count() {
        let sample = Sample::new((0..100).map(|i| f64::from(u8::from(i < 4))).collect()).unwrap();
        let count = at_most_claim(Aggregate::Count, 5.0);
        assert_eq!(count.more_questions(&count, &sample), Ok(MoreQuestions::NoFeasibleNumber));
        // The share that they are is settled by more of the same.
        let share = at_most_claim(Aggregate::Share, 0.05);
        let share = share.more_questions(&share, &sample);
        assert!(matches!(share, Ok(MoreQuestions::Number(_))), "{share:?}");
    }

    #[test]
    fn rule_a_median_of_few_questions_gets_a_number_too() {
        let sample = Sample::new(vec![0.30, 0.35, 0.38, 0.41]).unwrap();
        let claim = at_most_claim(Aggregate::Median, 0.45);
        // All four are below: five such questions show it.
        assert_eq!(claim.more_questions(&claim, &sample), Ok(MoreQuestions::Number(1)));
    }
}
