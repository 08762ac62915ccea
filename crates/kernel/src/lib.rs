//! Batched similarity, top-k, matrix products and a mapped file.
//!
//! The only crate with `unsafe`. Every entry point is safe, checks its shapes,
//! and gives the same hits on every instruction set: fast paths only choose
//! candidates with a proven margin, the scores themselves are [`dot_f64`] in
//! one fixed order.

mod dot;
mod isa;
mod mapped;
mod matrix;
mod sweep;

pub use dot::{cosine_f64, dot_f32, dot_f64, norm_f64, squared_distance_f64};
pub use isa::{Isa, IsaError};
pub use mapped::{MappedError, MappedFile};
pub use matrix::multiply_transposed;
pub use sweep::{Scored, Similarity, round9, sweep};
