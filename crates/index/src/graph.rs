//! Graphs that find near vectors without looking at all of them.
//!
//! Whoever links it, this crate or `hnsw_rs`, a graph is one file and is searched in one way: over
//! 8-bit codes of the vectors, whose candidates are then scored in f64.

mod batch;
mod hnsw;
mod links;
mod nodes;
mod search;
mod serial;
mod space;

use std::ops::ControlFlow;

use wfgy_core::Metric;
use wfgy_kernel::Isa;

pub use hnsw::{Hnsw, Rows};
pub use links::Links;
use nodes::Nodes;
use space::Space;
pub use space::SpaceError;

/// Who links a graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnnKind {
    /// This crate, in batches on all threads: the same bytes on any number of them and on every
    /// kernel path.
    Hnsw,
    /// The crate `hnsw_rs`, one vector after the other.
    HnswRs,
}

impl AnnKind {
    /// Its name in options and manifests.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hnsw => "hnsw",
            Self::HnswRs => "hnsw_rs",
        }
    }

    /// The kind of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::Hnsw, Self::HnswRs].into_iter().find(|kind| kind.name() == name)
    }
}

/// Parameters of a hierarchical navigable small world graph (Malkov and Yashunin 2016).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HnswParams {
    /// Links a node keeps in each layer, twice as many in the lowest; 2 to 256.
    pub m: usize,
    /// Candidates kept while a node is inserted; `m` to 65536.
    pub ef_construction: usize,
    /// Candidates kept while a query is answered, at least; 1 to 65536.
    pub ef: usize,
    /// Of levels and of the order of insertion. Graphs of other seeds differ by luck alone.
    pub seed: u64,
}

/// A parameter out of its range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} = {value}: expected {least} to {most}")]
pub struct HnswParamError {
    /// `m`, `ef-construction` or `ef`.
    pub name: &'static str,
    /// What was given.
    pub value: usize,
    /// Least value that is allowed.
    pub least: usize,
    /// Greatest value that is allowed.
    pub most: usize,
}

impl Default for HnswParams {
    fn default() -> Self {
        Self { m: 16, ef_construction: 200, ef: 128, seed: 0 }
    }
}

impl HnswParams {
    /// Checks every range.
    ///
    /// # Errors
    /// [`HnswParamError`] with the first parameter out of its range.
    pub fn check(self) -> Result<(), HnswParamError> {
        for (name, value, least, most) in [
            ("m", self.m, 2, 256),
            ("ef-construction", self.ef_construction, self.m, 65_536),
            ("ef", self.ef, 1, 65_536),
        ] {
            if !(least..=most).contains(&value) {
                return Err(HnswParamError { name, value, least, most });
            }
        }
        Ok(())
    }
}

/// A graph that was not built.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The vectors cannot be compared.
    #[error(transparent)]
    Space(#[from] SpaceError),
    /// `hnsw_rs` gave up, or a file could not hold what was linked.
    #[error("the graph could not be linked: {0}")]
    Failed(String),
    /// `report` asked to stop.
    #[error("interrupted")]
    Interrupted,
}

/// Links `vectors` (row-major, `n × dim`, n ≥ 1, finite; unit norm for cosine). `report` hears how
/// many are linked and may stop it.
///
/// # Errors
/// [`LinkError`].
pub fn link(
    kind: AnnKind,
    params: HnswParams,
    metric: Metric,
    vectors: &[f32],
    dim: usize,
    report: &mut dyn FnMut(usize) -> ControlFlow<()>,
) -> Result<Links, LinkError> {
    let mut links = match kind {
        AnnKind::Hnsw => {
            let nodes = Nodes::new(vectors.len() / dim, params.m, params.seed);
            let space = Space::new(Isa::active(), metric, vectors, dim, &nodes.order)?;
            batch::link(&space, nodes, params, report)?
        }
        AnnKind::HnswRs => serial::link(params, metric, vectors, dim, report)?,
    };
    links.repair();
    Ok(links)
}

/// Bytes of memory that [`link`] takes at its greatest, beside the mapped vectors; of `hnsw_rs`, whose
/// links are objects of their own, about.
pub(crate) fn link_memory(kind: AnnKind, params: HnswParams, n: usize, dim: usize) -> u64 {
    let links = Links::bytes(n, params.m);
    let each = match kind {
        AnnKind::Hnsw => Space::bytes_per_node(dim) + rayon::current_num_threads(),
        // Its copy of the vector, 2 m links of 40 bytes each, and the node itself.
        AnnKind::HnswRs => 4 * (dim + 1) + 2 * params.m * 40 + 700,
    };
    (links + n * each) as u64
}

#[cfg(test)]
mod tests;
