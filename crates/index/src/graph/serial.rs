//! Links chosen by `hnsw_rs`.
//!
//! Its level generator has a fixed seed and nothing else in it is random, so one thread that
//! inserts in a fixed order gives the same graph each time. What it found is copied into lists of
//! our own: its dump repeats every vector, cannot say m = 256, and ends the process where a file is
//! damaged.

use std::cmp::Reverse;
use std::ops::ControlFlow;

use hnsw_rs::prelude as hnsw_rs_api;
use wfgy_core::Metric;
use wfgy_kernel::{dot_f32, norm_f64, squared_distance_f64};

use super::links::Links;
use super::nodes::{MAX_LAYERS, Nodes, mix};
use super::space::{MAX_NORM, SpaceError};
use super::{HnswParams, LinkError};

/// Insertions between two reports of progress.
const REPORT: usize = 256;

/// Cosine of unit vectors as a distance that is never negative.
#[derive(Clone, Copy)]
struct Angular;

impl hnsw_rs_api::Distance<f32> for Angular {
    fn eval(&self, a: &[f32], b: &[f32]) -> f32 {
        // Rounding can take the product of equal unit vectors above 1.
        (1.0 - dot_f32(a, b)).max(0.0)
    }
}

/// Squared Euclidean distance, summed in f64.
#[derive(Clone, Copy)]
struct Euclidean;

impl hnsw_rs_api::Distance<f32> for Euclidean {
    fn eval(&self, a: &[f32], b: &[f32]) -> f32 {
        squared_distance_f64(a, b) as f32
    }
}

/// Links `vectors` one after the other, in corpus order under seed 0.
///
/// For `dot` every vector is lifted as in [`Space`](super::space::Space).
pub(super) fn link(
    params: HnswParams,
    metric: Metric,
    vectors: &[f32],
    dim: usize,
    report: &mut dyn FnMut(usize) -> ControlFlow<()>,
) -> Result<Links, LinkError> {
    let norms = || vectors.chunks_exact(dim).map(norm_f64);
    let greatest = norms().fold(0.0, f64::max);
    // Not so for NaN either.
    let comparable = greatest < MAX_NORM;
    if !comparable {
        return Err(SpaceError::Norm(greatest).into());
    }
    let mut order: Vec<u32> = (0..(vectors.len() / dim) as u32).collect();
    if params.seed != 0 {
        order.sort_by_key(|row| (mix(params.seed, *row), *row));
    }
    let row = |i: u32| &vectors[i as usize * dim..][..dim];
    let rows = order.iter().map(|i| (*i, row(*i)));
    // The crate's assertions are kept from failing by what is checked above; should one fail
    // all the same, the build ends with an error and not with a broken index.
    let linked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| match metric {
        Metric::Cosine => insert(params, Angular, rows.map(|(i, row)| (i, row.to_vec())), report),
        Metric::L2 => insert(params, Euclidean, rows.map(|(i, row)| (i, row.to_vec())), report),
        Metric::Dot => {
            let lifted = rows.map(|(i, row)| {
                let lift = (greatest * greatest - norm_f64(row).powi(2)).max(0.0).sqrt();
                (i, row.iter().copied().chain([lift as f32]).collect())
            });
            insert(params, Euclidean, lifted, report)
        }
    }));
    linked.unwrap_or_else(|panic| {
        let message = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(LinkError::Failed(message.unwrap_or_default()))
    })
}

/// Inserts one row after another and copies the links.
fn insert<D: hnsw_rs_api::Distance<f32> + Send + Sync>(
    params: HnswParams,
    distance: D,
    rows: impl ExactSizeIterator<Item = (u32, Vec<f32>)>,
    report: &mut dyn FnMut(usize) -> ControlFlow<()>,
) -> Result<Links, LinkError> {
    let n = rows.len();
    let graph = hnsw_rs_api::Hnsw::new(params.m, n, MAX_LAYERS, params.ef_construction, distance);
    for (done, (row, values)) in rows.enumerate() {
        graph.insert((&values, row as usize));
        if done % REPORT == 0 && report(done).is_break() {
            return Err(LinkError::Interrupted);
        }
    }
    let points = graph.get_point_indexation();
    let top = usize::from(points.get_max_level_observed());
    // A point is kept in its highest layer; the entry is the first that came to the top.
    let mut rows: Vec<(Reverse<usize>, bool, u32)> = Vec::with_capacity(n);
    let mut lists: Vec<Vec<Vec<u32>>> = vec![Vec::new(); n];
    for level in (0..=top).rev() {
        for point in points.get_layer_iterator(level) {
            let row = point.get_origin_id() as u32;
            rows.push((Reverse(level), !rows.is_empty(), row));
            lists[row as usize] = point
                .get_neighborhood_id()
                .into_iter()
                .take(level + 1)
                .map(|links| links.iter().map(|link| link.get_origin_id() as u32).collect())
                .collect();
        }
    }
    rows.sort_unstable();
    let counts = (0..=top).map(|l| rows.partition_point(|(level, _, _)| level.0 >= l)).collect();
    let order: Vec<u32> = rows.into_iter().map(|(_, _, row)| row).collect();
    let mut node_of = vec![0u32; n];
    for (node, row) in order.iter().enumerate() {
        node_of[*row as usize] = node as u32;
    }
    let mut links = Links::new(Nodes { order, counts }, params.m);
    for (row, layers) in lists.into_iter().enumerate() {
        let node = node_of[row];
        for (layer, list) in layers.into_iter().enumerate() {
            let in_layer = links.nodes.counts[layer] as u32;
            let list = list.into_iter().map(|row| node_of[row as usize]);
            let list: Vec<u32> = list.filter(|link| *link != node && *link < in_layer).collect();
            links.set(layer, node, list.into_iter());
        }
    }
    Ok(links)
}
