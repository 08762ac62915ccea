//! Runs a gold set against a store and turns the runs into evidence, over ports only.
//!
//! [`evaluate`] plans every wording under every seed, embeds each distinct text once, asks the
//! store, and scores what comes back into records. [`summary`](summary::summary) turns records
//! into the gate's evidence, and is a pure function: a replay calls the same one.

pub mod check;
pub mod diagnosis;
pub mod draw;
pub mod labels;
pub mod passages;
pub mod plan;
pub mod seeds;
pub mod summary;
pub mod texts;
pub mod worst;

mod arm;
mod asked;
mod calibrate;
mod changes;
mod embedded;
mod error;
mod evaluate;
mod hard;
mod index;
mod integrity;
mod latency;
mod latency_pass;
mod latency_ratio;
mod noise;
mod reader;
mod records;
mod retrieve;
mod setup;
mod vectors;

pub use calibrate::{Calibrated, Known};
pub use changes::{ChangedQuestion, ChangedSide, changed_questions};
pub use check::{GoldProblem, GoldProblemKind, check_gold};
pub use embedded::Exports;
pub use error::EvaluateError;
pub use evaluate::{
    Evaluation, KnownDistances, PairEvaluation, evaluate, evaluate_pair, evaluate_rebuilt,
};
pub use latency::{StageLatency, latency};
pub use latency_pass::{CALLS, measure_latency};
pub use latency_ratio::{add_latency_ratios, latency_quantiles};
pub use noise::{Rebuilds, add_noise_floor};
pub use retrieve::TRIES;
pub use setup::{OnProgress, Parts, Progress, Settings};
pub use summary::{Records, curves, paired_summary, summary};
pub use worst::{Rank, WorstQuestion, worst_questions};

#[cfg(test)]
mod lexical;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod tests;
