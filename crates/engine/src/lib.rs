//! Runs a gold set against a store and turns the runs into evidence, over ports only.
//!
//! [`evaluate`] plans every wording under every seed, embeds each distinct text once, asks the
//! store, and scores what comes back into records. [`summary`](summary::summary) turns records
//! into the gate's evidence, and is a pure function: a replay calls the same one.

pub mod check;
pub mod draw;
pub mod labels;
pub mod passages;
pub mod plan;
pub mod seeds;
pub mod summary;
pub mod texts;
pub mod worst;

mod asked;
mod calibrate;
mod embedded;
mod error;
mod evaluate;
mod hard;
mod index;
mod integrity;
mod latency;
mod reader;
mod records;
mod retrieve;
mod setup;
mod vectors;

pub use calibrate::{Calibrated, share_passing};
pub use check::{GoldProblem, GoldProblemKind, check_gold};
pub use embedded::Exports;
pub use error::EvaluateError;
pub use evaluate::{Evaluation, KnownDistances, evaluate};
pub use latency::{StageLatency, latency};
pub use retrieve::TRIES;
pub use setup::{OnProgress, Parts, Progress, Settings};
pub use summary::{curves, summary};
pub use worst::{Rank, WorstQuestion, worst_questions};

#[cfg(test)]
mod lexical;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod tests;
