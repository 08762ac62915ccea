//! Builds, opens, verifies and searches a local index directory.

mod chunk;
mod sentence;

pub use chunk::{Chunk, ChunkError, ChunkNameError, Window};
