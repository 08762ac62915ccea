//! Batched similarity, top-k, matrix products and a mapped file.
//!
//! The only crate with `unsafe`. Every entry point is safe, checks its shapes,
//! and gives the same hits on every instruction set: fast paths only choose
//! candidates with a proven margin, the scores themselves are [`dot_f64`] in
//! one fixed order.

mod activation;
mod dot;
mod fixed_point;
mod gemm16;
mod int8;
mod isa;
mod lanes;
mod layer_norm;
mod mapped;
mod packed;
mod prefetch;
pub mod resample;
mod similarity;
mod softmax;
mod sweep;
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
mod tiles;
mod vectorized;

pub use activation::{gelu, gelu_tanh, relu};
pub use dot::{cosine_f64, dot_f32, dot_f64, norm_f64, squared_distance_f64};
pub use fixed_point::{dequantize, dequantize_add, quantize};
pub use gemm16::{Panels, multiply16};
pub use int8::{Int8Rows, Int8Vector};
pub use isa::{Isa, IsaError};
pub use layer_norm::layer_norm;
pub use mapped::{MappedError, MappedFile};
pub use packed::Packed;
pub use prefetch::prefetch;
pub use similarity::{Scored, Similarity, round9};
pub use softmax::softmax16;
pub use sweep::sweep;
