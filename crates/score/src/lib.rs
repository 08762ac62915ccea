//! Semantic distance, coverage, convergence and ranking measures, as pure functions.
//!
//! Everything here takes values and gives values: no file, no clock, no
//! embedder, no tokenizer. [`mod@delta_s`] compares vectors, [`coverage`] counts
//! target tokens inside retrieved spans, [`label`] finds where a target lies
//! in a section's text, [`lambda`] tells whether a question's runs agree, and
//! [`trec`] ranks and measures as trec_eval does.

pub mod coverage;
pub mod delta_s;
pub mod label;
pub mod lambda;
pub mod nearest;
pub mod rbo;
pub mod spans;
pub mod trec;

pub use coverage::{Alternative, Coverage, Part, Retrieved};
pub use delta_s::{AtK, Band, DeltaSError, Vector, delta_s};
pub use label::{LabelProblem, Located};
pub use lambda::{Item, LambdaData, LambdaRun, QuestionLambda, State};
pub use nearest::{Nearest, nearest_outside};
pub use rbo::rbo_extrapolated;
pub use trec::{Level, Measures, Ranked, Ranking};
