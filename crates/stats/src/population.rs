//! Populations of questions to plan with.

use statrs::distribution::{Continuous, ContinuousCDF, Normal};
use wfgy_core::Aggregate;
use wfgy_kernel::resample::Stream;

use crate::bound::quantile_of;

/// What questions are like before anybody has written them; each is asked in several runs, which
/// are a cluster.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Population(Kind);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Runs { mean: f64, runs: usize, correlation: f64 },
    Normal { center: f64, deviation: f64, lowest: f64, highest: f64 },
    Slots { center: f64, shared: f64, own: f64, slots: usize, lowest: f64, highest: f64 },
}

/// Parameters that are no population.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum PopulationError {
    /// A mean of shares that is no share.
    #[error("mean {mean} is not between 0 and 1")]
    Mean {
        /// What was given.
        mean: f64,
    },
    /// A correlation that is none, or would be negative.
    #[error("correlation {correlation} is not between 0 and 1")]
    Correlation {
        /// What was given.
        correlation: f64,
    },
    /// No run of a question.
    #[error("a question needs at least one run")]
    NoRuns,
    /// A center or a deviation that is no number, or a deviation below 0.
    #[error("values around {center} with deviation {deviation} are none")]
    Normal {
        /// Center that was given.
        center: f64,
        /// Deviation that was given.
        deviation: f64,
    },
}

impl Population {
    /// Shares: each of the `runs` of a question succeeds with probability `mean`, and two runs of
    /// one question are correlated by `correlation` (Lunn and Davies 1998,
    /// doi:10.1093/biomet/85.2.487: a run takes the question's own outcome with probability
    /// √correlation, else one of its own).
    ///
    /// # Errors
    /// [`PopulationError`] where `mean` or `correlation` is outside [0, 1], or there are no runs.
    pub fn runs(mean: f64, runs: usize, correlation: f64) -> Result<Self, PopulationError> {
        if !(0.0..=1.0).contains(&mean) {
            return Err(PopulationError::Mean { mean });
        }
        checked(runs, correlation)?;
        Ok(Self(Kind::Runs { mean, runs, correlation }))
    }

    /// Measurements: each run is normal around `center` with standard deviation `deviation`, two
    /// runs of one question are correlated, a question's value is the mean of its runs, cut to
    /// `range`.
    ///
    /// # Errors
    /// [`PopulationError`] where `center` or `deviation` is not finite, `deviation` is below 0,
    /// `correlation` is outside [0, 1], or there are no runs.
    pub fn normal(
        center: f64,
        deviation: f64,
        runs: usize,
        correlation: f64,
        range: crate::Range,
    ) -> Result<Self, PopulationError> {
        if !center.is_finite() || !deviation.is_finite() || deviation < 0.0 {
            return Err(PopulationError::Normal { center, deviation });
        }
        checked(runs, correlation)?;
        let of_a_question = (correlation + (1.0 - correlation) / runs as f64).sqrt() * deviation;
        let (lowest, highest) = (range.lowest(), range.highest());
        Ok(Self(Kind::Normal { center, deviation: of_a_question, lowest, highest }))
    }

    /// As [`normal`](Self::normal), but each question has a value for every wording slot: the mean
    /// of the `runs` of that wording. What the runs of a question share, its slots share.
    ///
    /// # Errors
    /// As [`normal`](Self::normal); no slot is no run.
    pub fn slots(
        center: f64,
        deviation: f64,
        slots: usize,
        runs: usize,
        correlation: f64,
        range: crate::Range,
    ) -> Result<Self, PopulationError> {
        Self::normal(center, deviation, slots * runs, correlation, range)?;
        let shared = correlation.sqrt() * deviation;
        let own = ((1.0 - correlation) / runs as f64).sqrt() * deviation;
        let (lowest, highest) = (range.lowest(), range.highest());
        Ok(Self(Kind::Slots { center, shared, own, slots, lowest, highest }))
    }

    /// The same measurements, moved so that the statistic is `truth` (as near as the range lets
    /// it be); shares stay as they are.
    #[must_use]
    pub fn moved_to(self, truth: f64, aggregate: Aggregate) -> Self {
        let at = |center| match self.0 {
            Kind::Runs { .. } => self,
            Kind::Normal { deviation, lowest, highest, .. } => {
                Self(Kind::Normal { center, deviation, lowest, highest })
            }
            Kind::Slots { shared, own, slots, lowest, highest, .. } => {
                Self(Kind::Slots { center, shared, own, slots, lowest, highest })
            }
        };
        let reached = |center: f64| at(center).truth(aggregate).is_none_or(|t| t >= truth);
        // The statistic never falls as the center rises; twelve deviations are all of a normal.
        let spread = 12.0 * self.deviation() + f64::EPSILON;
        let (mut below, mut above) = (truth - spread, truth + spread);
        for _ in 0..64 {
            let middle = below + (above - below) / 2.0;
            if reached(middle) { above = middle } else { below = middle }
        }
        at(above)
    }

    /// Standard deviation of one value of a question.
    fn deviation(&self) -> f64 {
        match self.0 {
            Kind::Runs { .. } => 0.0,
            Kind::Normal { deviation, .. } => deviation,
            Kind::Slots { shared, own, .. } => shared.hypot(own),
        }
    }

    /// Values of `questions` questions for each wording slot; one slot but for
    /// [`slots`](Self::slots).
    pub fn draw_slots(&self, questions: usize, stream: &mut Stream) -> Vec<Vec<f64>> {
        let Kind::Slots { center, shared, own, slots, lowest, highest } = self.0 else {
            return vec![self.draw(questions, stream)];
        };
        let normal = Normal::standard();
        let mut values = vec![Vec::with_capacity(questions); slots];
        for _ in 0..questions {
            let of_question = center + shared * normal.inverse_cdf(stream.uniform());
            for of_slot in &mut values {
                let value = of_question + own * normal.inverse_cdf(stream.uniform());
                of_slot.push(value.clamp(lowest, highest));
            }
        }
        values
    }

    /// Values of `questions` questions; of the first wording slot where there are several.
    pub fn draw(&self, questions: usize, stream: &mut Stream) -> Vec<f64> {
        match self.0 {
            Kind::Slots { .. } => self.draw_slots(questions, stream).swap_remove(0),
            Kind::Runs { mean, runs, correlation } => {
                let copies = correlation.sqrt();
                (0..questions)
                    .map(|_| {
                        let own = stream.uniform() < mean;
                        let hits = (0..runs)
                            .filter(|_| {
                                if stream.uniform() < copies {
                                    own
                                } else {
                                    stream.uniform() < mean
                                }
                            })
                            .count();
                        hits as f64 / runs as f64
                    })
                    .collect()
            }
            Kind::Normal { center, deviation, lowest, highest } => {
                let normal = Normal::standard();
                (0..questions)
                    .map(|_| {
                        let value = center + deviation * normal.inverse_cdf(stream.uniform());
                        value.clamp(lowest, highest)
                    })
                    .collect()
            }
        }
    }

    /// The true value of a statistic, of one wording slot where there are several; `None` for a
    /// count, and for quantiles of shares, which lie on a lattice.
    pub fn truth(&self, aggregate: Aggregate) -> Option<f64> {
        let (center, lowest, highest) = match self.0 {
            _ if aggregate == Aggregate::Count => return None,
            Kind::Runs { mean, .. } => return quantile_of(aggregate).is_none().then_some(mean),
            Kind::Normal { center, lowest, highest, .. }
            | Kind::Slots { center, lowest, highest, .. } => (center, lowest, highest),
        };
        let deviation = self.deviation();
        Some(match quantile_of(aggregate) {
            Some(p) => {
                let value = center + deviation * Normal::standard().inverse_cdf(p);
                value.clamp(lowest, highest)
            }
            None => mean_of_cut(center, deviation, lowest, highest),
        })
    }
}

fn checked(runs: usize, correlation: f64) -> Result<(), PopulationError> {
    if runs == 0 {
        return Err(PopulationError::NoRuns);
    }
    if !(0.0..=1.0).contains(&correlation) {
        return Err(PopulationError::Correlation { correlation });
    }
    Ok(())
}

/// Mean of a normal variable whose values beyond two ends are moved to these.
fn mean_of_cut(center: f64, deviation: f64, lowest: f64, highest: f64) -> f64 {
    if deviation == 0.0 {
        return center.clamp(lowest, highest);
    }
    let normal = Normal::standard();
    let (a, b) = ((lowest - center) / deviation, (highest - center) / deviation);
    let (below, above) = (normal.cdf(a), normal.sf(b));
    let end = |value: f64, share: f64| if share == 0.0 { 0.0 } else { value * share };
    let density = |z: f64| if z.is_finite() { normal.pdf(z) } else { 0.0 };
    center * (1.0 - below - above)
        + deviation * (density(a) - density(b))
        + end(lowest, below)
        + end(highest, above)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Range, Sample};

    #[test]
    fn rule_runs_of_a_question_have_the_mean_and_the_correlation_asked_for() {
        for correlation in [0.0, 0.5, 0.9] {
            let (mean, runs) = (0.3, 4);
            let population = Population::runs(mean, runs, correlation).unwrap();
            let sample = Sample::new(population.draw(200_000, &mut Stream::new(1, 0))).unwrap();
            let variance = sample.values().iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 2e5;
            let expected = mean * (1.0 - mean) * (correlation + (1.0 - correlation) / runs as f64);
            assert!((sample.mean() - mean).abs() < 0.005, "{correlation}: {}", sample.mean());
            assert!((variance / expected - 1.0).abs() < 0.02, "{correlation}: {variance}");
        }
    }

    #[test]
    fn rule_the_truth_is_what_many_questions_give() {
        let range = Range::new(0.0, 2.0).unwrap();
        for center in [0.05, 0.4, 1.9] {
            let population = Population::normal(center, 0.2, 8, 0.5, range).unwrap();
            let sample = Sample::new(population.draw(200_000, &mut Stream::new(2, 0))).unwrap();
            for aggregate in [Aggregate::Mean, Aggregate::Median, Aggregate::P95] {
                let truth = population.truth(aggregate).unwrap();
                let found = sample.point(aggregate);
                assert!((truth - found).abs() < 0.002, "{center} {aggregate:?}: {truth} {found}");
            }
        }
        assert_eq!(Population::runs(0.3, 4, 0.5).unwrap().truth(Aggregate::P95), None);
    }

    #[test]
    fn rule_parameters_that_are_no_population_are_refused() {
        assert!(Population::runs(1.1, 4, 0.5).is_err());
        assert!(Population::runs(f64::NAN, 4, 0.5).is_err());
        assert!(Population::runs(0.5, 0, 0.5).is_err());
        assert!(Population::runs(0.5, 4, -0.1).is_err());
        assert!(Population::normal(0.4, -1.0, 4, 0.5, Range::UNIT).is_err());
        assert!(Population::normal(f64::NAN, 1.0, 4, 0.5, Range::UNIT).is_err());
    }

    #[test]
    fn rule_measurements_are_moved_to_the_truth_asked_for() {
        let range = Range::new(0.0, 2.0).unwrap();
        for population in [
            Population::normal(0.0, 0.3, 8, 0.5, range).unwrap(),
            Population::slots(0.0, 0.3, 4, 2, 0.5, range).unwrap(),
        ] {
            for aggregate in [Aggregate::Mean, Aggregate::Median, Aggregate::P05, Aggregate::P95] {
                for truth in [0.1, 0.45, 1.9] {
                    let moved = population.moved_to(truth, aggregate);
                    let found = moved.truth(aggregate).unwrap();
                    assert!((found - truth).abs() < 1e-9, "{aggregate:?} {truth}: {found}");
                }
            }
        }
        let same = Population::normal(0.3, 0.0, 1, 0.5, range).unwrap();
        let found = same.moved_to(0.45, Aggregate::Median).truth(Aggregate::Median).unwrap();
        assert!((found - 0.45).abs() < 1e-9, "{found}");
        let unbounded = Population::normal(0.0, 1.0, 8, 0.5, Range::UNBOUNDED).unwrap();
        let moved = unbounded.moved_to(-3.0, Aggregate::Mean).truth(Aggregate::Mean).unwrap();
        assert!((moved + 3.0).abs() < 1e-9, "{moved}");
    }

    #[test]
    fn rule_slots_of_a_question_share_what_its_runs_share() {
        let range = Range::new(-9.0, 9.0).unwrap();
        let population = Population::slots(0.5, 0.2, 2, 4, 0.6, range).unwrap();
        let values = population.draw_slots(200_000, &mut Stream::new(3, 0));
        let product = |a: &[f64], b: &[f64]| {
            a.iter().zip(b).map(|(a, b)| (a - 0.5) * (b - 0.5)).sum::<f64>() / 2e5
        };
        let (own, shared) = (product(&values[0], &values[0]), product(&values[0], &values[1]));
        assert!((own / (0.04 * 0.7) - 1.0).abs() < 0.02, "{own}");
        assert!((shared / (0.04 * 0.6) - 1.0).abs() < 0.02, "{shared}");
        assert!(Population::slots(0.5, 0.2, 0, 4, 0.6, range).is_err());
        assert!(Population::slots(0.5, 0.2, 4, 0, 0.6, range).is_err());
    }
}
