//! The HNSW graph: linked by `hnsw_rs`, kept and walked here.
//!
//! `hnsw_rs` chooses the links. Its level generator has a fixed seed and nothing else in it is
//! random, so one thread that inserts in corpus order gives the same graph each time. What it
//! found is then copied into flat lists of positions: its own dump repeats every vector, cannot
//! say m = 256, and ends the process where a file is damaged.
//!
//! File, little-endian u32 but for the magic: `WFGYHNSW`, version 1, number of nodes n, number
//! of layers, entry node; then each layer from the lowest: number of its nodes, those nodes
//! ascending (left out in the lowest layer, which has all), the number of links of each, all
//! links one node after another, nearest first.

use std::collections::BinaryHeap;
use std::io::{self, Write};
use std::ops::ControlFlow;

use hnsw_rs::prelude as hnsw_rs_api;
use wfgy_core::Metric;
use wfgy_kernel::{dot_f32, norm_f64, squared_distance_f64};

use crate::HnswParams;
use crate::graph::{Graph, Near};

const MAGIC: &[u8; 8] = b"WFGYHNSW";
const VERSION: u32 = 1;
/// Layers that `hnsw_rs` knows.
const MAX_LAYERS: usize = 16;
/// Greatest norm at which squared distances in the extended space stay far from f32's end.
const MAX_NORM: f64 = 1e15;
/// Insertions between two reports of progress.
const REPORT: usize = 256;

/// One layer: for each of its nodes the links to others.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Layer {
    /// Nodes ascending; empty in the lowest layer, where node i is the i-th.
    nodes: Vec<u32>,
    /// Where the links of the i-th node begin; one more at the end.
    starts: Vec<usize>,
    links: Vec<u32>,
}

impl Layer {
    fn links(&self, node: u32) -> &[u32] {
        let i = match self.nodes.is_empty() {
            true => node as usize,
            false => match self.nodes.binary_search(&node) {
                Ok(i) => i,
                Err(_) => return &[],
            },
        };
        &self.links[self.starts[i]..self.starts[i + 1]]
    }
}

/// The graph; layers from the lowest up, at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hnsw {
    layers: Vec<Layer>,
    entry: u32,
}

/// A graph that was not built.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkError {
    #[error("a vector has norm {0:e}, too large for a graph under this metric: use --ann none")]
    Norm(f64),
    #[error("the graph could not be linked: {0}")]
    Panic(String),
    #[error("interrupted")]
    Interrupted,
}

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

impl Hnsw {
    /// Links `vectors` (row-major, `n × dim`, n ≥ 1, finite; unit norm for cosine).
    ///
    /// Inner products are no distance. For `dot` every vector gets one more value,
    /// `sqrt(M² − |x|²)` with M the greatest norm, and the squared Euclidean distance to a query
    /// with 0 there is `|q|² + M² − 2 q·x`: nearest is greatest (Bachrach et al. 2014,
    /// doi:10.1145/2645710.2645741).
    pub(crate) fn link(
        params: HnswParams,
        metric: Metric,
        vectors: &[f32],
        dim: usize,
        report: &mut dyn FnMut(usize) -> ControlFlow<()>,
    ) -> Result<Self, LinkError> {
        let norms = || vectors.chunks_exact(dim).map(norm_f64);
        let greatest = norms().fold(0.0, f64::max);
        // Not so for NaN either.
        let measurable = greatest < MAX_NORM;
        if metric != Metric::Cosine && !measurable {
            return Err(LinkError::Norm(greatest));
        }
        let rows = vectors.chunks_exact(dim);
        // The crate's assertions are kept from failing by what is checked above; should one fail
        // all the same, the build ends with an error and not with a broken index.
        let linked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| match metric {
            Metric::Cosine => insert(params, Angular, rows.map(<[f32]>::to_vec), report),
            Metric::L2 => insert(params, Euclidean, rows.map(<[f32]>::to_vec), report),
            Metric::Dot => {
                let extended = rows.zip(norms()).map(|(row, norm)| {
                    let rest = (greatest * greatest - norm * norm).max(0.0).sqrt();
                    row.iter().copied().chain([rest as f32]).collect()
                });
                insert(params, Euclidean, extended, report)
            }
        }));
        linked.unwrap_or_else(|panic| {
            let message = panic
                .downcast_ref::<String>()
                .cloned()
                .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Err(LinkError::Panic(message.unwrap_or_default()))
        })
    }

    /// Reads a file that [`Graph::write`] wrote, for `n` nodes.
    pub(crate) fn read(bytes: &[u8], n: usize) -> Result<Self, String> {
        let rest =
            bytes.strip_prefix(MAGIC).ok_or("is no graph: it does not begin with WFGYHNSW")?;
        let (words, tail) = rest.as_chunks::<4>();
        let mut words = words.iter().map(|word| u32::from_le_bytes(*word));
        let mut next = || words.next().ok_or("ends too early: the file is cut");
        if next()? != VERSION {
            return Err("has another version than this program reads".to_owned());
        }
        let (nodes, layers, entry) = (next()? as usize, next()? as usize, next()?);
        if nodes != n || !(1..=MAX_LAYERS).contains(&layers) || entry as usize >= n {
            return Err(format!("has {nodes} nodes in {layers} layers where {n} were expected"));
        }
        let mut graph = Self { layers: Vec::with_capacity(layers), entry };
        for level in 0..layers {
            let count = next()? as usize;
            if count > n || (level == 0 && count != n) || count == 0 {
                return Err(format!("has {count} nodes in layer {level}"));
            }
            let mut layer = Layer::default();
            if level > 0 {
                for _ in 0..count {
                    let node = next()?;
                    if node as usize >= n || layer.nodes.last().is_some_and(|last| *last >= node) {
                        return Err(format!("has node {node} out of order in layer {level}"));
                    }
                    layer.nodes.push(node);
                }
            }
            layer.starts.push(0);
            let mut total = 0;
            for _ in 0..count {
                total += next()? as usize;
                layer.starts.push(total);
            }
            for _ in 0..total {
                let link = next()?;
                if link as usize >= n {
                    return Err(format!("links to node {link} of {n}"));
                }
                layer.links.push(link);
            }
            graph.layers.push(layer);
        }
        if next().is_ok() || !tail.is_empty() {
            return Err("has something behind its last link".to_owned());
        }
        Ok(graph)
    }

    /// Gives every node a way in. Full lists drop their farthest link, which can leave a node,
    /// or a group of equal vectors, with links out and none in: no query would ever find them.
    /// Such a node gets a link from the nearest of its own neighbours that can be reached, or
    /// from the entry.
    fn repair(&mut self) {
        let lowest = &self.layers[0];
        let n = lowest.starts.len() - 1;
        let mut reached = vec![false; n];
        let mut added: Vec<(u32, u32)> = Vec::new();
        let mut open = vec![self.entry];
        reached[self.entry as usize] = true;
        let mut next = 0;
        loop {
            while let Some(node) = open.pop() {
                for link in lowest.links(node) {
                    if !std::mem::replace(&mut reached[*link as usize], true) {
                        open.push(*link);
                    }
                }
            }
            while next < n && reached[next] {
                next += 1;
            }
            if next == n {
                break;
            }
            let node = next as u32;
            let from = lowest.links(node).iter().copied().find(|link| reached[*link as usize]);
            added.push((from.unwrap_or(self.entry), node));
            reached[next] = true;
            open.push(node);
        }
        if added.is_empty() {
            return;
        }
        added.sort_unstable();
        let mut repaired = Layer { starts: vec![0], ..Layer::default() };
        let mut added = added.into_iter().peekable();
        for node in 0..n as u32 {
            repaired.links.extend(lowest.links(node));
            while let Some((_, to)) = added.next_if(|(from, _)| *from == node) {
                repaired.links.push(to);
            }
            repaired.starts.push(repaired.links.len());
        }
        self.layers[0] = repaired;
    }
}

/// Inserts one row after another and copies the links.
fn insert<D: hnsw_rs_api::Distance<f32> + Send + Sync>(
    params: HnswParams,
    distance: D,
    rows: impl ExactSizeIterator<Item = Vec<f32>>,
    report: &mut dyn FnMut(usize) -> ControlFlow<()>,
) -> Result<Hnsw, LinkError> {
    let n = rows.len();
    let graph = hnsw_rs_api::Hnsw::new(params.m, n, MAX_LAYERS, params.ef_construction, distance);
    for (i, row) in rows.enumerate() {
        graph.insert((&row, i));
        if i % REPORT == 0 && report(i).is_break() {
            return Err(LinkError::Interrupted);
        }
    }
    let points = graph.get_point_indexation();
    let top = usize::from(points.get_max_level_observed());
    // A point is kept in its highest layer; the entry is the first that came to the top.
    let mut entry = None;
    let mut lists: Vec<Vec<(u32, Vec<u32>)>> = vec![Vec::new(); top + 1];
    for level in 0..=top {
        for point in points.get_layer_iterator(level) {
            let node = point.get_origin_id() as u32;
            if level == top && entry.is_none() {
                entry = Some(node);
            }
            let neighbours = point.get_neighborhood_id();
            for (layer, links) in neighbours.into_iter().take(level + 1).enumerate() {
                let links = links.iter().map(|link| link.get_origin_id() as u32);
                lists[layer].push((node, links.filter(|link| *link != node).collect()));
            }
        }
    }
    let mut layers = Vec::with_capacity(top + 1);
    for (level, mut list) in lists.into_iter().enumerate() {
        list.sort_unstable();
        let mut layer = Layer { starts: vec![0], ..Layer::default() };
        for (node, links) in list {
            if level > 0 {
                layer.nodes.push(node);
            }
            layer.links.extend(links);
            layer.starts.push(layer.links.len());
        }
        layers.push(layer);
    }
    let entry = entry.ok_or_else(|| LinkError::Panic("it has no entry".to_owned()))?;
    let mut graph = Hnsw { layers, entry };
    graph.repair();
    Ok(graph)
}

impl Graph for Hnsw {
    fn explore(&self, score: &dyn Fn(u32) -> f64, ef: usize) -> Vec<Near> {
        let near = |position| Near { position, score: score(position) };
        let mut current = near(self.entry);
        for layer in self.layers[1..].iter().rev() {
            loop {
                let best = layer.links(current.position).iter().map(|link| near(*link));
                match best.reduce(|a, b| if closer(&b, &a) { b } else { a }) {
                    Some(better) if better.score > current.score => current = better,
                    _ => break,
                }
            }
        }
        let lowest = &self.layers[0];
        let mut visited = vec![0u64; lowest.starts.len() / 64 + 1];
        let mut first_visit = |position: u32| {
            let (word, bit) = (position as usize / 64, 1u64 << (position % 64));
            let fresh = visited[word] & bit == 0;
            visited[word] |= bit;
            fresh
        };
        first_visit(current.position);
        let mut seen = vec![current];
        let mut open = BinaryHeap::from([Closest(current)]);
        // The farthest of the best `ef` is on top.
        let mut kept = BinaryHeap::from([std::cmp::Reverse(Closest(current))]);
        while let Some(Closest(node)) = open.pop() {
            let farthest = kept.peek().map(|kept| kept.0.0);
            if kept.len() >= ef && farthest.is_some_and(|far| closer(&far, &node)) {
                break;
            }
            for link in lowest.links(node.position) {
                if !first_visit(*link) {
                    continue;
                }
                let candidate = near(*link);
                seen.push(candidate);
                let farthest = kept.peek().map(|kept| kept.0.0);
                if kept.len() < ef || farthest.is_none_or(|far| closer(&candidate, &far)) {
                    open.push(Closest(candidate));
                    kept.push(std::cmp::Reverse(Closest(candidate)));
                    if kept.len() > ef {
                        kept.pop();
                    }
                }
            }
        }
        seen
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(MAGIC)?;
        let mut word = |value: usize| -> io::Result<()> {
            let value = u32::try_from(value).map_err(io::Error::other)?;
            out.write_all(&value.to_le_bytes())
        };
        word(VERSION as usize)?;
        word(self.layers[0].starts.len() - 1)?;
        word(self.layers.len())?;
        word(self.entry as usize)?;
        for layer in &self.layers {
            word(layer.starts.len() - 1)?;
            layer.nodes.iter().try_for_each(|node| word(*node as usize))?;
            layer.starts.windows(2).try_for_each(|pair| word(pair[1] - pair[0]))?;
            layer.links.iter().try_for_each(|link| word(*link as usize))?;
        }
        Ok(())
    }
}

/// Greater score first, then lower position.
fn closer(a: &Near, b: &Near) -> bool {
    a.score.total_cmp(&b.score).then(b.position.cmp(&a.position)).is_gt()
}

/// Ordered so that the closest is the greatest.
struct Closest(Near);

impl Ord for Closest {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.score.total_cmp(&other.0.score).then(other.0.position.cmp(&self.0.position))
    }
}

impl PartialOrd for Closest {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Closest {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Closest {}

#[cfg(test)]
mod tests {
    use super::*;
    use wfgy_kernel::Similarity;

    fn random(n: usize, dim: usize, seed: u64) -> Vec<f32> {
        let mut state = seed | 1;
        (0..n * dim)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
            })
            .collect()
    }

    fn unit(mut vectors: Vec<f32>, dim: usize) -> Vec<f32> {
        for row in vectors.chunks_exact_mut(dim) {
            let norm = norm_f64(row) as f32;
            row.iter_mut().for_each(|x| *x /= norm);
        }
        vectors
    }

    fn link(metric: Metric, vectors: &[f32], dim: usize) -> Hnsw {
        Hnsw::link(HnswParams::default(), metric, vectors, dim, &mut |_| ControlFlow::Continue(()))
            .unwrap()
    }

    fn bytes(graph: &Hnsw) -> Vec<u8> {
        let mut bytes = Vec::new();
        graph.write(&mut bytes).unwrap();
        bytes
    }

    fn recall(metric: Metric, similarity: Similarity, vectors: &[f32], dim: usize) -> f64 {
        let graph = link(metric, vectors, dim);
        let queries = random(40, dim, 77);
        let mut found = 0;
        for query in queries.chunks_exact(dim) {
            let row = |i: u32| &vectors[i as usize * dim..(i as usize + 1) * dim];
            let score = |i: u32| similarity.score(query, row(i));
            let mut seen = graph.explore(&score, 128);
            seen.sort_by(|a, b| b.score.total_cmp(&a.score));
            let exact = wfgy_kernel::sweep(similarity, vectors, query, dim, 10);
            let top: Vec<u32> = seen.iter().take(10).map(|near| near.position).collect();
            found += exact[0].iter().filter(|hit| top.contains(&hit.row)).count();
        }
        found as f64 / 400.0
    }

    #[test]
    fn the_graph_finds_what_the_sweep_finds_under_every_metric() {
        let dim = 16;
        let vectors = random(3000, dim, 5);
        // Norms spread over four octaves, so that inner product and angle disagree.
        let mut spread = vectors.clone();
        for (i, row) in spread.chunks_exact_mut(dim).enumerate() {
            row.iter_mut().for_each(|x| *x *= 0.25 * 2f32.powi((i % 5) as i32));
        }
        let cosine = recall(Metric::Cosine, Similarity::Cosine, &unit(vectors, dim), dim);
        let dot = recall(Metric::Dot, Similarity::Dot, &spread, dim);
        let l2 = recall(Metric::L2, Similarity::NegativeSquaredL2, &spread, dim);
        assert!(cosine > 0.95 && dot > 0.95 && l2 > 0.95, "{cosine} {dot} {l2}");
    }

    #[test]
    fn rule_the_graph_has_the_same_bytes_in_every_build_and_survives_its_file() {
        let dim = 12;
        let vectors = unit(random(1500, dim, 9), dim);
        let graph = link(Metric::Cosine, &vectors, dim);
        let on_three = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        let again = on_three.install(|| link(Metric::Cosine, &vectors, dim));
        assert_eq!(bytes(&graph), bytes(&again));
        assert_eq!(Hnsw::read(&bytes(&graph), 1500).unwrap(), graph);
        assert!(graph.layers.len() > 1);
    }

    #[test]
    fn every_snippet_can_be_found_also_among_equal_vectors() {
        let dim = 8;
        let mut vectors = unit(random(60, dim, 3), dim);
        // Far more copies than a node has links.
        for i in 0..4 {
            let row = vectors[i * dim..(i + 1) * dim].to_vec();
            vectors.extend(row.iter().copied().cycle().take(dim * 150));
        }
        let n = vectors.len() / dim;
        let graph = link(Metric::Cosine, &vectors, dim);
        let query = &vectors[..dim];
        let row = |i: u32| &vectors[i as usize * dim..(i as usize + 1) * dim];
        let seen = graph.explore(&|i| Similarity::Cosine.score(query, row(i)), n);
        assert_eq!(seen.len(), n);
    }

    #[test]
    fn tiny_graphs_and_the_widest_links_work() {
        let vectors = unit(random(300, 4, 21), 4);
        for n in [1, 2, 3, 17] {
            let graph = link(Metric::Cosine, &vectors[..4 * n], 4);
            assert_eq!(graph.explore(&|i| f64::from(i), n).len(), n);
        }
        for m in [2, 256] {
            let params = HnswParams { m, ef_construction: 256, ef: 10 };
            let report = &mut |_| ControlFlow::Continue(());
            let graph = Hnsw::link(params, Metric::Cosine, &vectors, 4, report).unwrap();
            assert_eq!(graph.explore(&|i| f64::from(i), 300).len(), 300, "m = {m}");
        }
    }

    #[test]
    fn vectors_too_large_for_a_distance_are_refused_and_interruption_is_heard() {
        let huge = [1e20f32, 0.0, 1.0, 1.0];
        for metric in [Metric::Dot, Metric::L2] {
            let report = &mut |_| ControlFlow::Continue(());
            let error = Hnsw::link(HnswParams::default(), metric, &huge, 2, report).unwrap_err();
            assert!(error.to_string().contains("--ann none"), "{error}");
        }
        let report = &mut |_| ControlFlow::Break(());
        let stopped = Hnsw::link(HnswParams::default(), Metric::Cosine, &[1.0, 0.0], 2, report);
        assert!(matches!(stopped, Err(LinkError::Interrupted)));
    }

    #[test]
    fn a_damaged_graph_file_is_an_error_and_never_a_panic() {
        let vectors = unit(random(80, 4, 2), 4);
        let whole = bytes(&link(Metric::Cosine, &vectors, 4));
        assert!(Hnsw::read(&whole, 81).is_err());
        for end in 0..whole.len() {
            assert!(Hnsw::read(&whole[..end], 80).is_err(), "{end}");
        }
        let mut longer = whole.clone();
        longer.push(0);
        assert!(Hnsw::read(&longer, 80).is_err());
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 0x80;
            if let Ok(graph) = Hnsw::read(&changed, 80) {
                graph.explore(&|i| f64::from(i), 10);
            }
        }
    }
}
