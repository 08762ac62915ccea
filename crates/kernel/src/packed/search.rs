//! The best rows of every query: candidates by bounds, scores in f64.

use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::candidates::Candidates;
use super::group::Group;
use super::path::Path;
use super::scan::{AtomicThreshold, Scan, Seen};
use super::{PAIR, Packed};
use crate::Isa;
use crate::dot::norm_f64;
use crate::similarity::{Scored, Similarity, round9};

/// Pairs of panels that a thread takes at a time: 96 KiB at 384 dimensions.
const UNIT: usize = 8;

impl Packed {
    /// The `k` best rows of every query: score (rounded to 9 decimals) descending, ties by row
    /// ascending; all rows where there are fewer than `k`. The same on every path and at any
    /// number of threads.
    ///
    /// `rows` are those that were packed, `queries` is `q × dim`, row-major; a row or query that
    /// is not finite scores whatever its sums are.
    /// With `q = |q| (α c + e)` and `d = |d| (β b + f)`, codes `c`, `b` and measured `|e|`,
    /// `|f|`,
    ///
    /// ```text
    /// | (q / |q|)·(d / |d|) − α β c·b | ≤ α |c| |f| + |e|
    /// ```
    ///
    /// The k-th best lower bound is a threshold for upper bounds. What is left is scored in f64,
    /// greatest upper bound first, until the next cannot reach the k-th score: exact.
    ///
    /// # Panics
    /// Where `rows` or `queries` have another shape, or the processor lacks `isa`.
    pub fn search(
        &self,
        isa: Isa,
        similarity: Similarity,
        rows: &[f32],
        queries: &[f32],
        k: usize,
    ) -> Vec<Vec<Scored>> {
        assert!(isa.is_available(), "this processor lacks the kernel path {isa}");
        self.search_on(Path::of(isa), isa, similarity, rows, queries, k)
    }

    /// The same on a path of codes that the processor has; what is not codes runs on `isa`.
    pub(super) fn search_on(
        &self,
        path: Path,
        isa: Isa,
        similarity: Similarity,
        rows: &[f32],
        queries: &[f32],
        k: usize,
    ) -> Vec<Vec<Scored>> {
        assert_eq!(rows.len(), self.rows * self.dim, "the rows that were packed");
        assert!(queries.len().is_multiple_of(self.dim), "queries of length dim");
        let k = k.min(self.rows);
        let q = queries.len() / self.dim;
        if k == 0 || q == 0 {
            return vec![Vec::new(); q];
        }
        let shape = path.shape();
        let width = shape.queries;
        let groups: Vec<Group> = queries
            .par_chunks(width * self.dim)
            .enumerate()
            .map(|(g, block)| Group::new(isa, similarity, self, shape, block, g * width))
            .collect();
        let thresholds: Vec<AtomicThreshold> = (0..q).map(|_| AtomicThreshold::new()).collect();
        let scan = Scan {
            packed: self,
            groups: &groups,
            lengths: (similarity != Similarity::Cosine).then_some(&self.lengths),
            squared: similarity == Similarity::NegativeSquaredL2,
            thresholds: &thresholds,
            k,
        };
        let mut candidates = self.scan(path, &scan, q);
        let scored = candidates.par_iter_mut().zip(queries.par_chunks(self.dim)).enumerate();
        scored
            .map(|(i, (candidates, query))| {
                let units = &groups[i / width].units[i % width];
                let found = std::mem::replace(candidates, Candidates::new(k)).into_sorted(k, units);
                let norm = norm_f64(query);
                let mut best = BinaryHeap::with_capacity(k + 1);
                for candidate in found {
                    let reached = |worst: &Ranked| candidate.upper >= units.of(worst.0.score);
                    if best.len() == k && best.peek().is_some_and(|worst| !reached(worst)) {
                        break;
                    }
                    let row = &rows[candidate.row as usize * self.dim..][..self.dim];
                    let score = round9(similarity.score_from(query, norm, row));
                    best.push(Ranked(Scored { row: candidate.row, score }));
                    if best.len() > k {
                        best.pop();
                    }
                }
                best.into_sorted_vec().into_iter().map(|ranked| ranked.0).collect()
            })
            .collect()
    }

    /// The candidates of every query, from all rows.
    fn scan(&self, path: Path, scan: &Scan<'_>, queries: usize) -> Vec<Candidates> {
        let pairs = self.rows.div_ceil(PAIR);
        let next = AtomicUsize::new(0);
        let threads = rayon::current_num_threads().min(pairs.div_ceil(UNIT));
        let seen: Vec<Seen> = (0..threads)
            .into_par_iter()
            .with_max_len(1)
            .map(|_| {
                let mut seen = Seen::new(queries, scan.k);
                loop {
                    let first = next.fetch_add(UNIT, Ordering::Relaxed);
                    if first >= pairs {
                        return seen;
                    }
                    scan.run(path, first..pairs.min(first + UNIT), &mut seen);
                }
            })
            .collect();
        let mut parts = seen.into_iter().map(|seen| seen.candidates);
        let mut all = parts.next().unwrap_or_default();
        for part in parts {
            for (all, mut part) in all.iter_mut().zip(part) {
                all.append(&mut part);
            }
        }
        all
    }
}

/// A hit in a heap whose greatest is the worst.
struct Ranked(Scored);

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.closer(&other.0)
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ranked {}
