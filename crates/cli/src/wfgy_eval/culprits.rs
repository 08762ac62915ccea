//! Which questions a verdict is about: those that miss the criterion which decided it.

use wfgy_core::evaluation::{Context, RunRecord};
use wfgy_engine::{EvaluateError, Rank, WorstQuestion, worst_questions};
use wfgy_gate::{Decision, Finding, Verdict};
use wfgy_score::State;

/// What the marks of λ mean, one a run.
pub(crate) const LAMBDA: &str =
    "→ found a target and agrees, <> one of the two, × neither, ← nothing retrieved";

/// By what the questions that are shown are the worst.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Culprits {
    /// Coverage: what a person looks at first, and what a pass shows.
    Coverage,
    /// ΔS of one wording beyond the bound that it missed.
    DeltaS {
        /// Number of the wording, 0 as written.
        wording: usize,
        /// The bound.
        bound: f64,
    },
    /// λ: runs that do not converge.
    Lambda,
}

/// The finding that made the verdict what it is, the first where several did; `None` for a pass.
pub(crate) fn decider(decision: &Decision) -> Option<&Finding> {
    let mut findings = decision.decided.iter().chain(&decision.measured);
    findings
        .find(|finding| decision.verdict != Verdict::Pass && finding.weight() == decision.verdict)
}

impl Culprits {
    /// Of the finding that decided.
    pub(crate) fn of(decision: &Decision) -> Self {
        let Some(finding) = decider(decision) else { return Self::Coverage };
        match (&finding.criterion, finding.slot) {
            (Some(criterion), Some(wording)) if finding.name == "delta_s.question" => {
                Self::DeltaS { wording, bound: criterion.bound }
            }
            (Some(_), _)
                if finding.name.starts_with("lambda.") || finding.name == "drift.flip_rate" =>
            {
                Self::Lambda
            }
            _ => Self::Coverage,
        }
    }

    /// The `n` worst of them.
    ///
    /// # Errors
    /// As [`worst_questions`].
    pub(crate) fn among(
        self,
        context: &Context,
        runs: &[RunRecord],
        k: usize,
        n: usize,
    ) -> Result<Vec<WorstQuestion>, EvaluateError> {
        let rank = match self {
            Self::Coverage => Rank::Coverage,
            Self::DeltaS { wording, .. } => Rank::DeltaS { wording },
            Self::Lambda => Rank::Lambda,
        };
        let mut worst = worst_questions(context, runs, k, n, rank)?;
        worst.retain(|question| self.has(question));
        Ok(worst)
    }

    fn has(self, question: &WorstQuestion) -> bool {
        match self {
            Self::Coverage => question.coverage != Some(1.0),
            Self::DeltaS { bound, .. } => question.delta_s.is_none_or(|value| value > bound),
            Self::Lambda => question.states.iter().any(|state| *state != State::Convergent),
        }
    }

    /// A heading for them.
    pub(crate) fn heading(self) -> String {
        match self {
            Self::Coverage => "Worst questions, by coverage".to_owned(),
            Self::DeltaS { wording: 0, bound } => {
                format!("Worst questions, by ΔS as written (bound {bound})")
            }
            Self::DeltaS { wording, bound } => {
                format!("Worst questions, by ΔS of paraphrase {wording} (bound {bound})")
            }
            Self::Lambda => "Worst questions, by λ".to_owned(),
        }
    }
}

/// A question with what it retrieved, in one line.
pub(crate) fn line(question: &WorstQuestion) -> String {
    let number = |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.2}"));
    let states: Vec<&str> = question.states.iter().map(|state| state.symbol()).collect();
    format!(
        "{}: coverage {}, ΔS {}, λ {}; retrieved {}; expected {}",
        question.id,
        number(question.coverage),
        number(question.delta_s),
        states.join(" "),
        question.retrieved.join(" "),
        question.expected.join(" ")
    )
}
