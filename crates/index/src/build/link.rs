//! The graph of a build.

use std::ops::ControlFlow;

use wfgy_core::{Digest, Embedder};

use super::lines::Lines;
use super::{AUTO_ANN_SNIPPETS, AnnChoice, BuildError, BuildOptions, Progress};
use crate::draft::Draft;
use crate::graph::{Graph, HnswParams};
use crate::hnsw::{Hnsw, LinkError};
use crate::manifest::file;
use crate::vectors::Vectors;

/// Links and writes the graph that `options` ask for.
pub(super) fn link(
    draft: &Draft,
    embedder: &dyn Embedder,
    options: &BuildOptions,
    snippets: u64,
    report: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Option<(HnswParams, Digest, u64)>, BuildError> {
    let params = match options.ann {
        AnnChoice::None => return Ok(None),
        AnnChoice::Auto if snippets < AUTO_ANN_SNIPPETS => return Ok(None),
        AnnChoice::Auto => HnswParams::default(),
        AnnChoice::Hnsw(params) => params,
    };
    let vectors = Vectors::open(&draft.file(file::VECTORS))
        .map_err(|error| BuildError::Graph(error.to_string()))?;
    let mut linking =
        |done: usize| report(Progress::Linking { done: done as u64, total: snippets });
    let graph =
        Hnsw::link(params, options.metric, vectors.values(), embedder.identity().dim, &mut linking)
            .map_err(|error| match error {
                LinkError::Interrupted => BuildError::Interrupted,
                LinkError::Norm(_) => BuildError::Unlinkable(error.to_string()),
                other => BuildError::Graph(other.to_string()),
            })?;
    let mut lines = Lines::create(draft.file(file::GRAPH))?;
    lines.write(|out| graph.write(out))?;
    let bytes = lines.bytes;
    Ok(Some((params, lines.finish()?, bytes)))
}
