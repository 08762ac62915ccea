//! A bound on ΔS that means something under this embedder on this index.

use crate::error::EvaluateError;
use crate::evaluate::{Evaluation, KnownDistances};
use wfgy_stats::{Sample, at_most};

/// Digits that a proposed bound has, rounded down: nobody writes nine.
const DIGITS: f64 = 1e4;

/// What a bound on `delta_s.question` should be, and what passes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibrated {
    /// min(random null p01, hard null median), rounded down to four decimals, in [0, 2].
    pub bound: f64,
    /// Quantile 0.01 of the random null.
    pub random_p01: f64,
    /// Median of the hard null.
    pub hard_median: f64,
    /// Mean over wordings of the share of decoys farther than the nearest target snippet.
    pub auc: Option<f64>,
    /// The same against the nearest wrong snippet.
    pub auc_hard: Option<f64>,
    /// What was pooled, each list ascending.
    pub known: KnownDistances,
}

impl Calibrated {
    /// From an evaluation at seed 0; `auc` and `auc_hard` are those of its evidence.
    ///
    /// # Errors
    /// [`EvaluateError::Setting`] where there is no null to hold a bound against, because every
    /// snippet overlaps a target.
    pub fn of(
        evaluation: &Evaluation,
        auc: Option<f64>,
        auc_hard: Option<f64>,
    ) -> Result<Self, EvaluateError> {
        let mut known = evaluation.known.clone();
        for values in [&mut known.targets, &mut known.random, &mut known.hard] {
            values.sort_by(f64::total_cmp);
        }
        let quantile = |values: &[f64], p| Some(Sample::new(values.to_vec()).ok()?.quantile(p));
        let nulls = (quantile(&known.random, 0.01), quantile(&known.hard, 0.5));
        let (Some(random_p01), Some(hard_median)) = nulls else {
            let problem = "every snippet overlaps a target, or no wording could be asked: there \
                           is nothing that ΔS could be held against; add other documents";
            return Err(EvaluateError::Setting { name: "calibrate", problem: problem.to_owned() });
        };
        let bound = (random_p01.min(hard_median) * DIGITS).floor() / DIGITS;
        Ok(Self { bound, random_p01, hard_median, auc, auc_hard, known })
    }
}

/// Share of `values` that pass `bound`; `None` without values.
pub fn share_passing(values: &[f64], bound: f64) -> Option<f64> {
    let passing = values.iter().filter(|value| at_most(**value, bound)).count();
    (!values.is_empty()).then(|| passing as f64 / values.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::HashEmbedder;
    use crate::tests::{questions, run, store};

    #[test]
    fn rule_the_bound_is_the_lower_of_the_random_p01_and_the_hard_median() {
        let embedder = HashEmbedder::new("m");
        let (store, gold) = (store(&embedder), questions());
        let evaluation = run(&gold, &store, &embedder).unwrap();
        let calibrated = Calibrated::of(&evaluation, Some(1.0), None).unwrap();
        let nulls = &evaluation.context.calibration;
        let (random, hard) = (nulls.random.clone().unwrap(), nulls.hard.clone().unwrap());
        assert_eq!((calibrated.random_p01, calibrated.hard_median), (random.p01, hard.p50));
        let least = random.p01.min(hard.p50);
        assert!(calibrated.bound <= least && calibrated.bound > least - 1e-4);
        // One value a wording at seed 0; every question has two wordings.
        assert_eq!((calibrated.known.targets.len(), calibrated.known.hard.len()), (48, 48));
        assert_eq!(calibrated.known.random.len(), random.n);
        let passing = |values: &[f64]| share_passing(values, calibrated.bound).unwrap();
        assert!(passing(&calibrated.known.random) <= 0.01);
        assert!(passing(&calibrated.known.hard) <= 0.5);
        assert!(passing(&calibrated.known.targets) > passing(&calibrated.known.hard));
        assert_eq!(share_passing(&[], 1.0), None);
    }

    #[test]
    fn without_a_null_there_is_no_bound() {
        let embedder = HashEmbedder::new("m");
        let (store, gold) = (store(&embedder), questions());
        let mut evaluation = run(&gold, &store, &embedder).unwrap();
        evaluation.known.hard.clear();
        let error = Calibrated::of(&evaluation, None, None).unwrap_err().to_string();
        assert!(error.contains("add other documents"), "{error}");
    }
}
