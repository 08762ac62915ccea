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
