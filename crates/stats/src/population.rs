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

    /// Values of `questions` questions.
    pub fn draw(&self, questions: usize, stream: &mut Stream) -> Vec<f64> {
        match self.0 {
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

    /// The true value of a statistic; `None` for a count, and for quantiles of shares, which lie on
    /// a lattice.
    pub fn truth(&self, aggregate: Aggregate) -> Option<f64> {
        match (self.0, quantile_of(aggregate)) {
            (_, None) if aggregate == Aggregate::Count => None,
            (Kind::Runs { mean, .. }, None) => Some(mean),
            (Kind::Runs { .. }, Some(_)) => None,
            (Kind::Normal { center, deviation, lowest, highest }, Some(p)) => {
                let value = center + deviation * Normal::standard().inverse_cdf(p);
                Some(value.clamp(lowest, highest))
            }
            (Kind::Normal { center, deviation, lowest, highest }, None) => {
                Some(mean_of_cut(center, deviation, lowest, highest))
            }
        }
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
}
