//! Why a build made no index.

use std::path::PathBuf;

use wfgy_core::PortError;
use wfgy_formats::durable::WriteError;
use wfgy_formats::{InputError, Origin};
use wfgy_kernel::MappedError;

use crate::chunk::ChunkError;
use crate::graph::HnswParamError;

/// A build that made no index; nothing is left behind.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The target exists.
    #[error("{path}: exists: choose another --out, or replace it with --force", path = path.display())]
    Exists {
        /// The target.
        path: PathBuf,
    },
    /// The target is no index, so `--force` does not remove it.
    #[error("{path}: exists and is no index: --force replaces only indexes", path = path.display())]
    Foreign {
        /// The target.
        path: PathBuf,
    },
    /// The target is an index with something else in it.
    #[error("{path}: holds `{name}`, which is no part of an index and would be lost: move it away", path = path.display())]
    Stranger {
        /// The target.
        path: PathBuf,
        /// What it holds.
        name: String,
    },
    /// The target is named by a pointer.
    #[error("{path}: cannot be replaced: {reason}", path = path.display())]
    InUse {
        /// The target.
        path: PathBuf,
        /// Who names it.
        reason: String,
    },
    /// A graph parameter is out of range.
    #[error("--ann: {0}")]
    Param(#[from] HnswParamError),
    /// An embedder name or version that holds an address: a manifest must not.
    #[error("the embedder's {field} `{value}` holds an address, which no manifest may name")]
    Address {
        /// `name` or `EMBED_MODEL_VER`.
        field: &'static str,
        /// Its value.
        value: String,
    },
    /// The corpus is wrong.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A section cannot be cut.
    #[error("{origin}: document `{doc_id}`, section `{section_id}`: {source}")]
    Chunk {
        /// Where the document stands.
        origin: Origin,
        /// Its document.
        doc_id: String,
        /// The section.
        section_id: String,
        /// Why.
        source: Box<ChunkError>,
    },
    /// The embedder failed.
    #[error("{source}")]
    Embed {
        /// Why.
        source: PortError,
    },
    /// The embedder gave something that is no vector of its dimension.
    #[error("{origin}: snippet `{snippet_id}`: {problem}")]
    Vector {
        /// Where its document stands.
        origin: Origin,
        /// The snippet.
        snippet_id: String,
        /// What is wrong with its vector.
        problem: String,
    },
    /// No section holds a token.
    #[error("the corpus holds no text: none of its {sections} sections has a token")]
    NoSnippet {
        /// How many there are.
        sections: u64,
    },
    /// More snippets than can be numbered.
    #[error("the corpus gives more than 4294967295 snippets: split it")]
    TooMany,
    /// The graph could not be built.
    #[error("{0}")]
    Graph(String),
    /// Vectors that no graph can be built over.
    #[error("{0}")]
    Unlinkable(String),
    /// A file could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// What was just written could not be read back.
    #[error(transparent)]
    Mapped(#[from] MappedError),
    /// The progress callback asked to stop.
    #[error("interrupted")]
    Interrupted,
}
