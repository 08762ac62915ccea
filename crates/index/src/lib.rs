//! Builds, opens, verifies and searches a local index directory.
//!
//! [`build()`] streams a corpus into a directory beside its target and puts it in place in one
//! step; [`LocalIndex`] opens one after comparing every file with its digest and is a
//! `wfgy_core::Store`; [`verify`], [`inspect`] and [`hashes`] look at one from outside.
//! A graph only finds candidates; scores are inner products of the stored vectors in f64.

mod build;
mod chunk;
mod contents;
mod draft;
mod files;
pub mod graph;
mod local;
mod manifest;
mod relinked;
mod search;
mod section_line;
mod sentence;
mod tables;
mod vectors;

pub use build::{AUTO_ANN_SNIPPETS, AnnChoice, BuildError, BuildOptions, Progress, build};
pub use chunk::{Chunk, ChunkError, ChunkNameError, Window};
pub use contents::{Damage, OpenError, declared_hashes, hashes, is_index};
pub use draft::{InUse, Replace};
pub use graph::{AnnKind, HnswParamError, HnswParams, LinkError};
pub use local::{Inspection, LocalIndex, inspect, verify};
pub use manifest::{Ann, Counts, EmbedderNote, Identity, Manifest, SCHEMA_VERSION, Serving, Tool};
pub use relinked::Relinked;
