//! The graph of an open index.

use std::sync::{Mutex, OnceLock, PoisonError};

use wfgy_core::Metric;
use wfgy_kernel::{Isa, MappedFile, Scored, Similarity, norm_f64, prefetch, round9};

use super::links::{Layer, Links, MAGIC, NONE, VERSION, Word, width};
use super::nodes::MAX_LAYERS;
use super::search::{Scratch, beam, greedy, key_of};
use super::space::{Space, SpaceError, closeness_of, node_of};

/// Rows that are asked for ahead of their scoring.
const AHEAD: usize = 4;

/// A graph, every word of which was checked.
#[derive(Debug)]
pub struct Hnsw {
    bytes: Bytes,
    m: usize,
    /// Nodes in each layer from the lowest.
    counts: Vec<usize>,
    /// Codes of the vectors, made at the first search.
    space: OnceLock<Result<Space, SpaceError>>,
    scratches: Mutex<Vec<Scratch>>,
}

/// Where a graph is.
#[derive(Debug)]
enum Bytes {
    File(MappedFile),
    /// What its file would hold.
    Memory(Vec<u8>),
}

impl Bytes {
    fn get(&self) -> &[u8] {
        match self {
            Self::File(map) => map.bytes(),
            Self::Memory(bytes) => bytes,
        }
    }
}

/// A row and about how close it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Candidate {
    pub(super) row: u32,
    /// Greater is closer; half the negative squared distance for l2.
    pub(super) closeness: f64,
}

/// What a walk found.
#[derive(Debug)]
pub(super) struct Candidates {
    /// Closest first.
    pub(super) found: Vec<Candidate>,
    /// How far each closeness can be from its exact value, up to what all have in common.
    pub(super) error: f64,
}

/// The vectors that a graph is over.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    /// How they are compared.
    pub metric: Metric,
    /// Row-major; finite; unit norm for cosine.
    pub values: &'a [f32],
    /// Values in a row.
    pub dim: usize,
}

impl<'a> Rows<'a> {
    fn row(&self, row: u32) -> &'a [f32] {
        &self.values[row as usize * self.dim..][..self.dim]
    }
}

impl Hnsw {
    /// Reads the graph of `n` rows.
    ///
    /// # Errors
    /// What is wrong with the file, a lower-case fragment.
    pub fn open(map: MappedFile, n: usize) -> Result<Self, String> {
        Self::checked(Bytes::File(map), n)
    }

    /// The graph that a file of `links` would be, without the file.
    ///
    /// # Errors
    /// Where it has more nodes than a file can number.
    pub fn of(links: &Links) -> Result<Self, String> {
        let mut bytes = Vec::new();
        links.write(&mut bytes).map_err(|error| error.to_string())?;
        Self::checked(Bytes::Memory(bytes), links.nodes.order.len())
    }

    fn checked(bytes: Bytes, n: usize) -> Result<Self, String> {
        let (m, counts) = check(bytes.get(), n)?;
        let (space, scratches) = (OnceLock::new(), Mutex::default());
        Ok(Self { bytes, m, counts, space, scratches })
    }

    fn words(&self) -> &[Word] {
        self.bytes.get()[MAGIC.len()..].as_chunks().0
    }

    /// Rows of the nodes.
    fn order(&self) -> &[Word] {
        &self.words()[4 + self.counts.len()..][..self.counts[0]]
    }

    fn layer(&self, layer: usize) -> Layer<'_> {
        let lists = |l: usize| self.counts[l] * width(l, self.m);
        let start = 4 + self.counts.len() + self.counts[0] + (0..layer).map(lists).sum::<usize>();
        Layer { words: &self.words()[start..][..lists(layer)], width: width(layer, self.m) }
    }

    /// The best `k` rows of the closest `ef` that a walk towards `query` (finite, not zero) came by:
    /// score (in f64, rounded to 9 decimals) descending, ties by row ascending.
    ///
    /// The walk compares codes. Whatever it kept whose approximate closeness is within twice its
    /// error of the k-th best is scored, so the answer is exact among what it kept.
    ///
    /// # Errors
    /// [`SpaceError`] where the vectors cannot be compared, which those of no built graph are.
    pub fn search(
        &self,
        rows: Rows<'_>,
        query: &[f32],
        k: usize,
        ef: usize,
    ) -> Result<Vec<Scored>, SpaceError> {
        let norm = norm_f64(query);
        // Under cosine and dot the order is that of the query's direction, whose codes f32 can hold.
        let unit: Vec<f32>;
        let compared = match rows.metric {
            Metric::L2 => query,
            Metric::Cosine | Metric::Dot => {
                unit = query.iter().map(|x| (f64::from(*x) / norm) as f32).collect();
                &unit
            }
        };
        let candidates = self.walk(rows, compared, ef)?;
        // Scores that round to one value are one.
        let step = 1e-9 / if rows.metric == Metric::Dot { norm } else { 1.0 };
        let least = match candidates.found.get(k.saturating_sub(1)) {
            Some(kth) => kth.closeness - 2.0 * candidates.error - step,
            None => f64::NEG_INFINITY,
        };
        let similarity = match rows.metric {
            Metric::Cosine => Similarity::Cosine,
            Metric::Dot => Similarity::Dot,
            Metric::L2 => Similarity::NegativeSquaredL2,
        };
        // What cannot be compared is scored as well.
        let far = |found: &Candidate| found.closeness < least;
        let near = candidates.found.iter().position(far).unwrap_or(candidates.found.len());
        let near = &candidates.found[..near];
        let mut hits: Vec<Scored> = Vec::with_capacity(near.len());
        for (i, found) in near.iter().enumerate() {
            if let Some(ahead) = near.get(i + AHEAD) {
                prefetch(rows.row(ahead.row));
            }
            let score = similarity.score_from(query, norm, rows.row(found.row));
            hits.push(Scored { row: found.row, score: round9(score) });
        }
        hits.sort_unstable_by(Scored::closer);
        hits.truncate(k);
        Ok(hits)
    }

    /// Walks towards `query` and gives the closest `ef` rows that it came by.
    pub(super) fn walk(
        &self,
        rows: Rows<'_>,
        query: &[f32],
        ef: usize,
    ) -> Result<Candidates, SpaceError> {
        let order = self.order();
        let space = self.space.get_or_init(|| {
            let order: Vec<u32> = order.iter().map(|row| u32::from_le_bytes(*row)).collect();
            Space::new(Isa::active(), rows.metric, rows.values, rows.dim, &order)
        });
        let space = space.as_ref().map_err(|error| *error)?;
        let kept = self.scratches.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut scratch = kept.unwrap_or_else(|| Scratch::new(self.counts[0]));
        let probe = space.probe_query(query);
        let mut at = key_of(space, &probe, 0, &mut scratch);
        for layer in (1..self.counts.len()).rev() {
            at = greedy(space, self.layer(layer), &probe, at, &mut scratch);
        }
        beam(space, self.layer(0), &probe, &[at], ef, &mut scratch);
        let candidate = |key| Candidate {
            row: u32::from_le_bytes(order[node_of(key) as usize]),
            closeness: f64::from(closeness_of(key)),
        };
        let found = scratch.found().map(candidate).collect();
        self.scratches.lock().unwrap_or_else(PoisonError::into_inner).push(scratch);
        Ok(Candidates { found, error: space.error(query, &probe) })
    }
}

/// Checks every word; gives m and the number of nodes in each layer.
fn check(bytes: &[u8], n: usize) -> Result<(usize, Vec<usize>), String> {
    let rest = bytes.strip_prefix(MAGIC).ok_or("is no graph: it does not begin with WFGYHNSW")?;
    let (words, tail) = rest.as_chunks::<4>();
    let mut words = words.iter().map(|word| u32::from_le_bytes(*word));
    let mut next = || words.next().ok_or("ends too early: the file is cut");
    let version = next()?;
    if version != VERSION {
        return Err(format!(
            "has version {version}, but this program reads {VERSION}: build the index anew"
        ));
    }
    let (nodes, m, layers) = (next()? as usize, next()? as usize, next()? as usize);
    if nodes != n || !(2..=256).contains(&m) || !(1..=MAX_LAYERS).contains(&layers) {
        return Err(format!(
            "has {nodes} nodes of {m} links in {layers} layers where {n} nodes were expected"
        ));
    }
    let mut counts = Vec::with_capacity(layers);
    for layer in 0..layers {
        let count = next()? as usize;
        let most = counts.last().copied().unwrap_or(n);
        if count == 0 || count > most || (layer == 0 && count != n) {
            return Err(format!("has {count} nodes in layer {layer}"));
        }
        counts.push(count);
    }
    let mut seen = vec![false; n];
    for node in 0..n {
        let row = next()?;
        if seen.get(row as usize) != Some(&false) {
            return Err(format!("gives row {row} to node {node}, which is no row of its own"));
        }
        seen[row as usize] = true;
    }
    for (layer, count) in counts.iter().enumerate() {
        for node in 0..*count {
            let mut ended = false;
            for _ in 0..width(layer, m) {
                let link = next()?;
                let known = (link as usize) < *count;
                if (!known && link != NONE) || (known && ended) {
                    return Err(format!("links node {node} to node {link} in layer {layer}"));
                }
                ended = !known;
            }
        }
    }
    if next().is_ok() || !tail.is_empty() {
        return Err("has something behind its last link".to_owned());
    }
    Ok((m, counts))
}
