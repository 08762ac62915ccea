//! The graph of a build.

use std::ops::ControlFlow;

use wfgy_core::{Digest, Embedder};

use super::lines::Lines;
use super::{AUTO_ANN_SNIPPETS, AnnChoice, BuildError, BuildOptions, Progress};
use crate::draft::Draft;
use crate::graph::{self, AnnKind, HnswParams, LinkError};
use crate::manifest::file;
use crate::vectors::Vectors;

/// A graph that was written.
pub(super) struct Linked {
    pub(super) kind: AnnKind,
    pub(super) params: HnswParams,
    pub(super) digest: Digest,
    pub(super) bytes: u64,
}

/// Links and writes the graph that `options` ask for.
pub(super) fn link(
    draft: &Draft,
    embedder: &dyn Embedder,
    options: &BuildOptions,
    snippets: u64,
    report: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Option<Linked>, BuildError> {
    let (kind, params) = match options.ann {
        AnnChoice::None => return Ok(None),
        AnnChoice::Auto if snippets < AUTO_ANN_SNIPPETS => return Ok(None),
        AnnChoice::Auto => (AnnKind::Hnsw, HnswParams::default()),
        AnnChoice::Graph(kind, params) => (kind, params),
    };
    let vectors = Vectors::open(&draft.file(file::VECTORS))
        .map_err(|error| BuildError::Graph(error.to_string()))?;
    let dim = embedder.identity().dim;
    let bytes = graph::link_memory(kind, params, vectors.rows(), dim);
    if report(Progress::Allocating { snippets, bytes }).is_break() {
        return Err(BuildError::Interrupted);
    }
    let mut linking =
        |done: usize| report(Progress::Linking { done: done as u64, total: snippets });
    let links = graph::link(kind, params, options.metric, vectors.values(), dim, &mut linking)
        .map_err(|error| match error {
            LinkError::Interrupted => BuildError::Interrupted,
            LinkError::Space(_) => BuildError::Unlinkable(error.to_string()),
            LinkError::Failed(_) => BuildError::Graph(error.to_string()),
        })?;
    let mut lines = Lines::create(draft.file(file::GRAPH))?;
    lines.write(|out| links.write(out))?;
    let bytes = lines.bytes;
    Ok(Some(Linked { kind, params, digest: lines.finish()?, bytes }))
}
