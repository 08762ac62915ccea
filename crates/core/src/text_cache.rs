//! Port: vectors of texts from run to run.

use crate::{Digest, EmbedderIdentity, PortError, RowState};

/// Remembers vectors by embedder and embedded string.
///
/// Only wordings and anchors are taken from it: what compares an index with its text, and what
/// times an embedder, asks the embedder itself.
pub trait TextCache: Send + Sync {
    /// What was put for the string whose SHA-256 is `key` under this embedder; `None` where
    /// nothing was, or where it is not whole any more.
    ///
    /// # Errors
    /// Where it cannot be read at all.
    fn get(
        &self,
        embedder: &EmbedderIdentity,
        key: Digest,
    ) -> Result<Option<(Vec<f32>, RowState)>, PortError>;

    /// Remembers vectors: row `i` of `values`, of `embedder.dim` each, is that of `keys[i]`.
    ///
    /// # Errors
    /// Where they cannot be written; what was there before stays.
    fn put(
        &self,
        embedder: &EmbedderIdentity,
        keys: &[Digest],
        values: &[f32],
        states: &[RowState],
    ) -> Result<(), PortError>;
}
