//! Sums over resamples: the bootstrap and the sign-flip.
//!
//! Values become fixed-point codes, sums are integers: the result does not depend on the order of
//! summation, hence not on threads or kernel path. Resample `r` has a random stream of its own,
//! keyed by the seed and `r`.

mod fixed_point;
mod portable;
mod stream;

use rayon::prelude::*;

pub use fixed_point::{FixedPoint, FixedPointError};
pub use stream::Stream;

use crate::Isa;

/// Resamples that one task takes at least, so that a task outweighs its scheduling.
const TASK: usize = 64;

/// Values that one step of a stream gives signs for: eight words of 64 bits.
const SIGNS: usize = 512;

/// Draws that one step of a stream gives: eight words, two halves each.
const DRAWS: usize = 16;

/// Sums of `resamples` bootstrap resamples: each draws `n` of the `n` values with replacement.
///
/// The mean of resample `r` is `values.mean_of(sums[r])`. A value is drawn with probability 1/n to
/// within 2⁻³², absolute. Empty where there are no values.
///
/// # Panics
/// Where this processor lacks `isa`.
pub fn bootstrap_sums(isa: Isa, values: &FixedPoint, resamples: usize, seed: u64) -> Vec<i64> {
    assert!(isa.is_available(), "this processor lacks {isa}");
    if values.codes().is_empty() {
        return Vec::new();
    }
    each(resamples, |resample| portable::bootstrap_sum(values.codes(), seed, resample))
}

/// Sums of `resamples` sign-flip resamples: each value keeps or changes its sign with probability
/// one half, independently.
///
/// `values` should have origin 0 ([`FixedPoint::around`]): the signs that change are those of the
/// codes. Empty where there are no values.
///
/// # Panics
/// Where this processor lacks `isa`.
pub fn sign_flip_sums(isa: Isa, values: &FixedPoint, resamples: usize, seed: u64) -> Vec<i64> {
    assert!(isa.is_available(), "this processor lacks {isa}");
    if values.codes().is_empty() {
        return Vec::new();
    }
    let total = values.total();
    each(resamples, |resample| 2 * portable::kept_sum(values.codes(), seed, resample) - total)
}

fn each(resamples: usize, sum: impl Fn(u64) -> i64 + Sync) -> Vec<i64> {
    (0..resamples).into_par_iter().with_min_len(TASK).map(|resample| sum(resample as u64)).collect()
}
