//! Estimators over per-question values.
//!
//! Questions are the unit everywhere: [`question_value`] reduces a question's
//! runs to one value, [`Sample`] takes the named statistic over questions, and
//! [`at_most`] / [`at_least`] are the only way a value meets its bound. A value
//! that is not finite never gets into a sample and never satisfies a bound.

mod compare;
mod inner;
mod sample;
mod slot;

pub use compare::{at_least, at_most, compare, strictly_below};
pub use inner::{mean, question_value};
pub use sample::{Sample, SampleError};
pub use slot::{Slot, SlotMedian, WorstSlot, worst_slot};
pub use wfgy_kernel::round9;
