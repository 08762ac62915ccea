//! What a graph compares: 8-bit codes of the vectors.

use rayon::prelude::*;
use wfgy_core::Metric;
use wfgy_kernel::{Int8Rows, Int8Vector, Isa, dot_f64, norm_f64};

/// Greatest norm at which squared norms stay far from f32's end.
pub(super) const MAX_NORM: f64 = 1e15;

/// A vector that no graph can compare.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum SpaceError {
    /// Its square is too large for f32.
    #[error("a vector has norm {0:e}, too large for a graph under this metric: use --ann none")]
    Norm(f64),
    /// Its products do not fit into 32 bits.
    #[error("vectors of dimension {0} are too long for a graph (131072 at most): use --ann none")]
    Dim(usize),
    /// They are too many.
    #[error("{0} vectors are too many for a graph (2147483648 at most): use --ann none")]
    Nodes(usize),
}

/// Vectors by node, as codes, and how close two of them are.
///
/// Closeness of nodes `a` and `b` is `s t Σ c d + f(a, b)` in f32, from codes `c`, `d`, scales `s`, `t`
/// and a lift that makes it a falling function of a Euclidean distance under every metric:
///
/// | metric | closeness | which is |
/// | --- | --- | --- |
/// | cosine | `a·b` | `1 − |a − b|² / 2`, norms are 1 |
/// | l2 | `a·b − |a|² / 2 − |b|² / 2` | `− |a − b|² / 2` |
/// | dot | `a·b + √(M² − |a|²) √(M² − |b|²)` | `M² −` half the squared distance of `(a, √(M² − |a|²))` and `(b, √(M² − |b|²))`, M the greatest norm |
///
/// An inner product is no distance, and a graph over it is not navigable; with the last row a node's
/// neighbours are those of its lifted vector. A query is lifted with 0, so that its closeness is its
/// inner product (Bachrach et al. 2014, doi:10.1145/2645710.2645741).
/// Every operation is a sum of integers or one rounding of f32: the same on every kernel path.
#[derive(Debug)]
pub(super) struct Space {
    metric: Metric,
    rows: Int8Rows,
    /// By node: nothing for cosine, half the negative squared norm for l2, the lift for dot.
    lifts: Vec<f32>,
    /// Greatest norm of a row.
    greatest: f64,
}

/// What the nodes are compared with.
#[derive(Debug)]
pub(super) struct Probe {
    of: Of,
    scale: f32,
    /// Factor of the nodes' lifts, and what is added to every closeness.
    lift: f32,
    base: f32,
}

#[derive(Debug)]
enum Of {
    Node(u32),
    Vector(Int8Vector),
}

/// A node and how close it is, ordered: the closest first, ties by node ascending.
///
/// The upper half is the closeness, turned into an integer that falls where closeness rises, the
/// lower half twice the node: the last bit is free for a mark.
pub(super) type Key = u64;

/// The node of a key.
pub(super) fn node_of(key: Key) -> u32 {
    key as u32 >> 1
}

/// The part of a key that falls with closeness, without the node.
pub(super) fn distance_of(key: Key) -> u32 {
    (key >> 32) as u32
}

/// The same closeness, of another node.
pub(super) fn with_node(key: Key, node: u32) -> Key {
    u64::from(distance_of(key)) << 32 | u64::from(node) << 1
}

/// The closeness of a key.
pub(super) fn closeness_of(key: Key) -> f32 {
    let ascending = !distance_of(key);
    f32::from_bits(if ascending >> 31 == 1 { ascending & !(1 << 31) } else { !ascending })
}

fn key(closeness: f32, node: u32) -> Key {
    let bits = closeness.to_bits();
    // Ascending with the value: negative floats fall with their bits.
    let ascending = if bits >> 31 == 0 { bits | 1 << 31 } else { !bits };
    u64::from(!ascending) << 32 | u64::from(node) << 1
}

impl Space {
    /// Most nodes: a key has room for 31 bits.
    const MAX_NODES: usize = 1 << 31;

    /// The space of `vectors` (row-major, finite; unit norm for cosine), where node `i` is row
    /// `order[i]`.
    ///
    /// # Errors
    /// [`SpaceError`] where they cannot be compared.
    pub(super) fn new(
        isa: Isa,
        metric: Metric,
        vectors: &[f32],
        dim: usize,
        order: &[u32],
    ) -> Result<Self, SpaceError> {
        if dim > Int8Rows::MAX_DIM {
            return Err(SpaceError::Dim(dim));
        }
        if order.len() > Self::MAX_NODES {
            return Err(SpaceError::Nodes(order.len()));
        }
        let row = |node: usize| &vectors[order[node] as usize * dim..][..dim];
        let squares: Vec<f64> =
            (0..order.len()).into_par_iter().map(|i| dot_f64(row(i), row(i))).collect();
        let square = squares.iter().copied().fold(0.0, f64::max);
        let greatest = square.sqrt();
        // Not so for NaN either.
        let comparable = greatest < MAX_NORM;
        if !comparable {
            return Err(SpaceError::Norm(greatest));
        }
        let lifts = match metric {
            Metric::Cosine => Vec::new(),
            Metric::Dot => squares.iter().map(|s| (square - s).max(0.0).sqrt() as f32).collect(),
            Metric::L2 => squares.iter().map(|s| (-0.5 * s) as f32).collect(),
        };
        let rows = Int8Rows::quantize(isa, order.len(), dim, row);
        Ok(Self { metric, rows, lifts, greatest })
    }

    /// Bytes that a space takes, by node.
    pub(super) fn bytes_per_node(dim: usize) -> usize {
        dim.next_multiple_of(64) + 2 * size_of::<f32>()
    }

    /// Number of nodes.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// A node as a probe.
    pub(super) fn probe_node(&self, node: u32) -> Probe {
        let lift = self.lifts.get(node as usize).copied().unwrap_or(0.0);
        let (lift, base) = match self.metric {
            Metric::Cosine => (0.0, 0.0),
            Metric::Dot => (lift, 0.0),
            Metric::L2 => (1.0, lift),
        };
        Probe { of: Of::Node(node), scale: self.rows.scale(node), lift, base }
    }

    /// A query as a probe; its length does not change the order of the nodes but under l2.
    pub(super) fn probe_query(&self, query: &[f32]) -> Probe {
        let vector = self.rows.vector(query);
        let lift = if self.metric == Metric::L2 { 1.0 } else { 0.0 };
        Probe { scale: vector.scale(), of: Of::Vector(vector), lift, base: 0.0 }
    }

    /// How far the closeness of `query` and any node can be from its exact value: the bound of
    /// [`Int8Rows`] for what the codes leave, and the roundings of f32, of which there are fewer
    /// than eight.
    pub(super) fn error(&self, query: &[f32], probe: &Probe) -> f64 {
        let of_query = match &probe.of {
            Of::Node(_) => self.rows.rest(),
            Of::Vector(vector) => vector.rest(),
        };
        let (norm, of_row) = (norm_f64(query), self.rows.rest());
        let codes = of_query * self.greatest + norm * of_row + of_query * of_row;
        let size = (norm + of_query) * (self.greatest + of_row) + self.greatest * self.greatest;
        codes + 8.0 * f64::from(f32::EPSILON) * size
    }

    /// Asks for the codes of a node ahead of their use.
    pub(super) fn prefetch(&self, node: u32) {
        self.rows.prefetch(node);
    }

    /// The keys of `nodes`, in their order; `dots` is room to work in.
    pub(super) fn keys(
        &self,
        probe: &Probe,
        nodes: &[u32],
        dots: &mut Vec<i32>,
        keys: &mut Vec<Key>,
    ) {
        dots.resize(nodes.len(), 0);
        match &probe.of {
            Of::Node(node) => self.rows.dots_of_row(*node, nodes, dots),
            Of::Vector(vector) => self.rows.dots(vector, nodes, dots),
        }
        keys.clear();
        let product = |dot: i32, node: u32| dot as f32 * (self.rows.scale(node) * probe.scale);
        let pairs = dots.iter().zip(nodes);
        if self.lifts.is_empty() {
            keys.extend(pairs.map(|(dot, node)| key(product(*dot, *node), *node)));
        } else {
            keys.extend(pairs.map(|(dot, node)| {
                let lifted = probe.lift * self.lifts[*node as usize] + probe.base;
                key(product(*dot, *node) + lifted, *node)
            }));
        }
    }
}
