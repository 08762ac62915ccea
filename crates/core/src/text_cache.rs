//! Port: vectors of texts from run to run.

use crate::{Digest, EmbedderIdentity, Embeddings, PortError};

/// Remembers vectors by embedder, all of its identity, and embedded string.
///
/// Only wordings and anchors are taken from it: what compares an index with its text, and what
/// times an embedder, asks the embedder itself.
pub trait TextCache: Send + Sync {
    /// What was put under this embedder, of `embedder.dim` values a row: row `i` is that of the
    /// string whose SHA-256 is `keys[i]`, missing where nothing was, or where it is not whole any
    /// more.
    ///
    /// # Errors
    /// Where it cannot be read at all.
    fn get(&self, embedder: &EmbedderIdentity, keys: &[Digest]) -> Result<Embeddings, PortError>;

    /// Remembers vectors: row `i` is that of `keys[i]`; one that is missing is left out.
    ///
    /// # Errors
    /// Where they cannot be written; what was there before stays.
    fn put(
        &self,
        embedder: &EmbedderIdentity,
        keys: &[Digest],
        vectors: &Embeddings,
    ) -> Result<(), PortError>;
}
