//! What it takes to decide a claim: how many questions, and how probably they do.

use rayon::prelude::*;
use wfgy_kernel::resample::{ABREAST, Stream};

use crate::bounded_mean::{RESAMPLES, SEED};
use crate::{Answer, BoundError, Claim, Population, Sample};

/// Resamples beyond the bound in each of them: their noise adds 3 % to the variance of a bound.
const PLANNING_TAIL: f64 = 20.0;

/// Data sets that a probability is estimated from: its standard error at 0.8 is 0.028.
pub(crate) const TRIALS: usize = 200;

/// How probable a decision must be for a number of questions to count as enough.
pub(crate) const PROBABLE: f64 = 0.8;

/// The most questions that are planned for.
pub const MOST_PLANNED: usize = 10_000;

/// How probable each answer is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Power {
    /// Probability that the claim is shown, in [0, 1].
    pub shown: f64,
    /// Probability that it is refuted.
    pub refuted: f64,
    /// Probability that neither happens.
    pub open: f64,
    /// Probability that the point estimate satisfies it, whatever the bounds say.
    pub point_holds: f64,
}

impl Claim {
    /// Resamples of a bound in planning.
    pub(crate) fn planning_resamples(&self) -> usize {
        ((PLANNING_TAIL / (1.0 - self.level)).ceil() as usize).min(RESAMPLES)
    }

    /// How probable each answer is with `questions` questions from `population`. Where that has
    /// several wording slots, the claim is shown by all of them and refuted by any.
    ///
    /// # Errors
    /// As [`Sample::bound`].
    pub fn power(&self, population: &Population, questions: usize) -> Result<Power, BoundError> {
        self.power_with(|stream| population.draw_slots(questions.max(1), stream))
    }

    /// The smallest number of questions from `population` that show the claim with probability at
    /// least 0.8 (to within 5 %); `None` where [`MOST_PLANNED`] do not, as where it is false.
    ///
    /// # Errors
    /// As [`Sample::bound`].
    pub fn questions_to_show(&self, population: &Population) -> Result<Option<usize>, BoundError> {
        if population.truth(self.aggregate).is_some_and(|truth| !self.holds(truth)) {
            return Ok(None);
        }
        let enough = |n: usize| Ok(self.power(population, n)?.shown >= PROBABLE);
        least(0, 1, MOST_PLANNED, enough)
    }

    /// Shares of answers over data sets, each drawn from a stream of its own; a data set has a
    /// sample for each wording slot.
    fn power_with(
        &self,
        draw: impl Fn(&mut Stream) -> Vec<Vec<f64>> + Sync,
    ) -> Result<Power, BoundError> {
        let mut answers: Vec<(Answer, bool)> = Vec::with_capacity(TRIALS);
        for trials in blocks() {
            let trials: Vec<Vec<Sample>> = trials
                .into_par_iter()
                .map(|trial| {
                    let slots = draw(&mut Stream::new(SEED ^ 1, trial));
                    // No values decide nothing.
                    slots.into_iter().map(Sample::new).collect::<Result<_, _>>().unwrap_or_default()
                })
                .collect();
            let samples: Vec<&Sample> = trials.iter().flatten().collect();
            let mut of_samples =
                self.answers_with(&samples, self.planning_resamples())?.into_iter();
            answers.extend(trials.iter().map(|slots| {
                let of_slots: Vec<Answer> = of_samples.by_ref().take(slots.len()).collect();
                let holds = |sample: &Sample| self.holds(sample.point(self.aggregate));
                (together(&of_slots), !slots.is_empty() && slots.iter().all(holds))
            }));
        }
        let share = |counts: &dyn Fn(&(Answer, bool)) -> bool| {
            answers.iter().filter(|answer| counts(answer)).count() as f64 / answers.len() as f64
        };
        Ok(Power {
            shown: share(&|(answer, _)| *answer == Answer::Shown),
            refuted: share(&|(answer, _)| *answer == Answer::Refuted),
            open: share(&|(answer, _)| *answer == Answer::Open),
            point_holds: share(&|(_, holds)| *holds),
        })
    }
}

/// What the samples of all slots say together: shown by all of them, refuted by any.
fn together(slots: &[Answer]) -> Answer {
    if slots.contains(&Answer::Refuted) {
        Answer::Refuted
    } else if slots.is_empty() || slots.contains(&Answer::Open) {
        Answer::Open
    } else {
        Answer::Shown
    }
}

/// A number of questions, from 1 to `most`, that is enough beside `present` ones, and of which 5 %
/// of all fewer are not; `None` where none tried up to `most` is. It is about the smallest where
/// what is enough stays enough with more; bounds by ranks have steps at which it does not.
pub(crate) fn least(
    present: usize,
    first: usize,
    most: usize,
    enough: impl Fn(usize) -> Result<bool, BoundError>,
) -> Result<Option<usize>, BoundError> {
    let (mut below, mut above) = (0, first);
    while !enough(above)? {
        if above >= most {
            return Ok(None);
        }
        (below, above) = (above, (2 * above).min(most));
    }
    while above - below > 1.max((present + above) / 20) {
        let middle = below + (above - below) / 2;
        if enough(middle)? { above = middle } else { below = middle }
    }
    Ok(Some(above))
}

/// The data sets, by number, in blocks: so many are held at once.
pub(crate) fn blocks() -> impl Iterator<Item = std::ops::Range<u64>> {
    let all = TRIALS as u64;
    (0..all).step_by(2 * ABREAST).map(move |first| first..all.min(first + 2 * ABREAST as u64))
}

#[cfg(test)]
mod tests {
    use wfgy_core::Aggregate;

    use super::*;
    use crate::{Range, Side};

    fn at_most_claim(aggregate: Aggregate, threshold: f64) -> Claim {
        Claim { aggregate, range: Range::UNIT, side: Side::Upper, threshold, level: 0.95 }
    }

    fn at_least_claim(aggregate: Aggregate, threshold: f64) -> Claim {
        Claim { aggregate, range: Range::UNIT, side: Side::Lower, threshold, level: 0.95 }
    }

    #[test]
    fn rule_power_grows_with_the_effect_and_its_parts_are_a_whole() {
        let claim = at_least_claim(Aggregate::Mean, 0.70);
        let power = |mean| {
            let population = Population::runs(mean, 8, 0.5).unwrap();
            claim.power(&population, 100).unwrap()
        };
        let (bad, good) = (power(0.5), power(0.9));
        assert!(bad.refuted > 0.95 && bad.shown == 0.0, "{bad:?}");
        assert!(good.shown > 0.95 && good.refuted == 0.0, "{good:?}");
        let near = power(0.75);
        assert!(near.open > 0.3, "{near:?}");
        assert!((near.open + near.shown + near.refuted - 1.0).abs() < 1e-12);
    }

    #[test]
    fn rule_questions_to_show_reach_the_probability_and_grow_as_the_effect_shrinks() {
        let claim = at_least_claim(Aggregate::Mean, 0.70);
        let enough = |mean| {
            let population = Population::runs(mean, 8, 0.5).unwrap();
            let n = claim.questions_to_show(&population).unwrap();
            if let Some(n) = n {
                assert!(claim.power(&population, n).unwrap().shown >= PROBABLE, "{mean}: {n}");
            }
            n
        };
        let (far, near) = (enough(0.85).unwrap(), enough(0.80).unwrap());
        // ((1.645 + 0.842) σ / gap)² questions, σ² = mean (1 - mean) 0.5625, by the normal
        // approximation; the worst case that stands beside few questions takes some more.
        assert!((20..50).contains(&far), "{far}");
        assert!((56..110).contains(&near), "{near}");
        assert_eq!(enough(0.70), None);
    }

    #[test]
    fn rule_every_wording_slot_has_to_show_it() {
        let claim = Claim {
            range: Range::new(0.0, 2.0).unwrap(),
            ..at_most_claim(Aggregate::Median, 0.45)
        };
        let power = |slots, correlation| {
            let range = claim.range;
            let population = Population::slots(0.40, 0.15, slots, 2, correlation, range).unwrap();
            claim.power(&population, 40).unwrap()
        };
        let (one, four) = (power(1, 0.5), power(4, 0.5));
        assert!(four.shown < one.shown - 0.1, "{one:?} {four:?}");
        assert!(four.point_holds < one.point_holds, "{one:?} {four:?}");
        // Wordings that say the same are one.
        let (one, four) = (power(1, 1.0), power(4, 1.0));
        assert!((one.shown - four.shown).abs() < 0.15, "{one:?} {four:?}");
    }
}
