//! Builds, opens, verifies and searches a local index directory.

mod chunk;
mod graph;
mod hnsw;
mod manifest;
mod sentence;

pub use chunk::{Chunk, ChunkError, ChunkNameError, Window};
pub use graph::{HnswParamError, HnswParams};
pub use manifest::{
    Ann, Counts, EmbedderNote, Identity, Manifest, Mismatch, SCHEMA_VERSION, Serving, Tool,
};
