//! A bound on ΔS that means something under this embedder on this index.

use wfgy_core::{Direction, Number};
use wfgy_gate::Evidence;
use wfgy_stats::{Pooled, at_most};

use crate::error::EvaluateError;
use crate::evaluate::Evaluation;

/// Digits that a proposed bound has, rounded down: nobody writes nine.
const DIGITS: f64 = 1e4;

/// What a bound on `delta_s.question` should be, and what passes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibrated {
    /// min(random null p01, hard null median), rounded down to four decimals, in [0, 2].
    pub bound: f64,
    /// Quantile 0.01 of the random null.
    pub random_p01: Number,
    /// Median of the hard null.
    pub hard_median: Number,
    /// Mean over wordings of the share of decoys farther than the nearest target snippet.
    pub auc: Option<Number>,
    /// The same against the nearest wrong snippet.
    pub auc_hard: Option<Number>,
    /// ΔS to the nearest snippet that overlaps a target.
    pub targets: Known,
    /// ΔS to the nearest snippet that overlaps none.
    pub hard: Known,
    /// ΔS to each decoy.
    pub random: Known,
}

/// ΔS to text that is known to answer, or not to.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    /// All values; empty where there was no such text.
    pub values: Vec<f64>,
    /// The share of them that passes the bound; `None` without values.
    pub passing: Option<Number>,
}

impl Known {
    fn of(questions: &[Vec<f64>], direction: Direction, bound: f64) -> Self {
        let pooled = Pooled::new(questions.to_vec()).ok();
        let passing = |pooled: &Pooled| pooled.share(direction, |value| at_most(value, bound));
        Self { passing: pooled.as_ref().map(passing), values: questions.concat() }
    }
}

impl Calibrated {
    /// From an evaluation at seed 0 and the evidence that it is.
    ///
    /// # Errors
    /// [`EvaluateError::Setting`] where there is no null to hold a bound against, because every
    /// snippet overlaps a target.
    pub fn of(evaluation: &Evaluation, evidence: &Evidence) -> Result<Self, EvaluateError> {
        let nulls = &evaluation.context.calibration;
        let (Some(random), Some(hard)) = (&nulls.random, &nulls.hard) else {
            let problem = "every snippet overlaps a target, or no wording could be asked: there \
                           is nothing that ΔS could be held against; add other documents";
            return Err(EvaluateError::Setting { name: "calibrate", problem: problem.to_owned() });
        };
        let bound = (random.p01.point.min(hard.p50.point) * DIGITS).floor() / DIGITS;
        let number = |name: &str| evidence.metrics.get(name).copied();
        let (known, wrong) = (&evaluation.known, Direction::LowerIsBetter);
        Ok(Self {
            bound,
            random_p01: random.p01,
            hard_median: hard.p50,
            auc: number("delta_s.auc"),
            auc_hard: number("delta_s.auc_hard"),
            targets: Known::of(&known.targets, Direction::HigherIsBetter, bound),
            hard: Known::of(&known.hard, wrong, bound),
            random: Known::of(&known.random, wrong, bound),
        })
    }
}
