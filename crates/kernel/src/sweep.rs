//! The exact sweep over rows that are asked once.

use crate::{Isa, Packed, Scored, Similarity};

/// [`Packed::search`] over rows that are packed for this one call, on the active path.
///
/// # Panics
/// Where a slice is not a whole number of rows of length `dim`, or `dim` is 0.
pub fn sweep(
    similarity: Similarity,
    rows: &[f32],
    queries: &[f32],
    dim: usize,
    k: usize,
) -> Vec<Vec<Scored>> {
    let isa = Isa::active();
    Packed::new(isa, rows, dim).search(isa, similarity, rows, queries, k)
}
