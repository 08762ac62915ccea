//! Estimators over per-question values.
//!
//! Questions are the unit everywhere: [`question_value`] reduces a question's
//! runs to one value, [`Sample`] takes the named statistic over questions and
//! its confidence bounds, and [`at_most`] / [`at_least`] are the only way a
//! value or a bound meets its criterion. A value that is not finite never gets
//! into a sample and never satisfies a criterion; neither does a bound that
//! too few questions leave infinite.
//!
//! Everything is a pure function of its arguments: seeds are literal, sums are
//! exact or in one order, the number of threads has no influence.

mod betting;
mod binomial;
mod bound;
mod bounded_mean;
mod claim;
mod compare;
mod gaffke;
mod holm;
mod inner;
mod moving_blocks;
mod order_statistic;
mod paired;
mod planning;
mod pooled;
mod population;
mod predictive;
mod range;
mod sample;
mod sign_flip;
mod slot;
mod worst;

pub use betting::{BettingError, ConfidenceSequence, MeanTest};
pub use binomial::clopper_pearson;
pub use bound::{BoundError, LEVEL};
pub use bounded_mean::{RESAMPLES, SEED};
pub use claim::{Answer, Claim};
pub use compare::{at_least, at_most, compare, strictly_below};
pub use holm::{holm, holm_by_bounds};
pub use inner::{mean, question_value};
pub use moving_blocks::{BLOCK, series_quantile, series_quantile_ratio};
pub use paired::{Effect, Paired, PairedError, Tally};
pub use planning::{MOST_PLANNED, Power};
pub use pooled::Pooled;
pub use population::{Population, PopulationError};
pub use predictive::MoreQuestions;
pub use range::{Range, RangeError, Side};
pub use sample::{Sample, SampleError};
pub use sign_flip::sign_flip_p;
pub use slot::{Slot, SlotMedian, WorstSlot, worst_slot};
pub use wfgy_kernel::round9;
pub use worst::estimate_of_worst;
