//! Why an evaluation could not be made.

use wfgy_core::{PinMismatch, PortError};
use wfgy_score::{DeltaSError, LabelProblem};

/// Why there is no evaluation. None of these is a verdict.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    /// A store or an embedder failed where no single run can be blamed.
    #[error("{stage}: {source}")]
    Port {
        /// What was being done.
        stage: &'static str,
        /// What failed.
        source: PortError,
    },
    /// A setting that no evaluation can be run with.
    #[error("{name}: {problem}")]
    Setting {
        /// Which.
        name: &'static str,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// The store lacks a version field, or it says nothing that can be used.
    #[error("{store}: pin {pin}: {problem}")]
    Pin {
        /// The store.
        store: String,
        /// The pin.
        pin: &'static str,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// The index was built with another embedder or tokenizer than the one at hand.
    #[error(transparent)]
    OtherPart(#[from] PinMismatch),
    /// The store holds nothing that could be retrieved.
    #[error("{store}: holds no snippet; build the index from a corpus with text")]
    EmptyStore {
        /// The store.
        store: String,
    },
    /// A target that cannot be in any revision of this section: the gold set is wrong.
    #[error("gold question {question}, {field}: {problem}; correct the offsets or add the quote")]
    Gold {
        /// The question's id.
        question: String,
        /// Which field of it.
        field: String,
        /// What is wrong.
        problem: Box<LabelProblem>,
    },
    /// A vector for which ΔS is not defined.
    #[error("{0}; embed it anew")]
    Vector(#[from] DeltaSError),
    /// The scoring embedder has no vector for a text that must be scored.
    #[error(
        "{item}: the scoring embedder has no vector for it; name one that embeds text with --scorer"
    )]
    NoVector {
        /// Which text.
        item: String,
    },
    /// Records that do not fit together: a replay of something edited.
    #[error("{0}")]
    Records(String),
}

impl EvaluateError {
    /// Whether somebody's input or configuration is at fault (exit 2), rather than a part that
    /// did not answer (exit 4).
    pub fn is_input(&self) -> bool {
        match self {
            Self::Port { source, .. } => source.is_input(),
            _ => true,
        }
    }

    /// Names what was being done when a port failed.
    pub(crate) fn at(stage: &'static str) -> impl Fn(PortError) -> Self {
        move |source| Self::Port { stage, source }
    }
}
