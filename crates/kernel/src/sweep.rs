//! The exact sweep: every document scored against every query.

use rayon::prelude::*;

use crate::dot::{dot_f64, norm_f64, squared_distance_f64};
use crate::matrix::multiply_transposed;

/// What a score is made of; greater is closer in every case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Similarity {
    /// Inner product.
    Dot,
    /// Cosine; a zero row scores below every other.
    Cosine,
    /// Negative squared Euclidean distance.
    NegativeSquaredL2,
}

impl Similarity {
    /// The score of one pair in f64, before rounding.
    pub fn score(self, query: &[f32], row: &[f32]) -> f64 {
        match self {
            Self::Dot => dot_f64(query, row),
            Self::Cosine => crate::cosine_f64(query, row).unwrap_or(-2.0),
            Self::NegativeSquaredL2 => -squared_distance_f64(query, row),
        }
    }
}

/// A row and its score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scored {
    /// Row number.
    pub row: u32,
    /// Score in f64, rounded to 9 decimals by [`round9`].
    pub score: f64,
}

/// Rounds to 9 decimals, half away from zero: the order of hits and the comparison with a
/// bound see this value. Values of 2²² and more are as coarse as f64 and stay as they are.
pub fn round9(x: f64) -> f64 {
    if x.abs() >= 4_194_304.0 {
        return x;
    }
    // Adding 0 makes −0 a 0: the two are one value and must be one in every order.
    (x * 1e9).round() / 1e9 + 0.0
}

/// Queries that share one pass over the rows.
const QUERY_BLOCK: usize = 64;
/// Rows in one product.
const ROW_BLOCK: usize = 1024;

/// The `k` best rows of every query: score (rounded to 9 decimals) descending, ties by row
/// ascending; all rows where there are fewer than `k`.
///
/// `rows` is `n × dim`, `queries` is `q × dim`, both row-major and finite.
/// Products in f32 choose candidates: with `u = 2⁻²⁴`, `|fl(a·b) − a·b| ≤ γ(dim) |a||b|`,
/// `γ(n) = n·u / (1 − n·u)` (Higham, Accuracy and Stability, eq. 3.5, any order of summation),
/// so every row whose f32 score is within twice that bound (and half a rounding step) of the
/// k-th best so far is rescored in f64: the answer is exact on every instruction set.
///
/// # Panics
/// Where a slice is not a whole number of rows of length `dim`, or `dim` is 0.
pub fn sweep(
    similarity: Similarity,
    rows: &[f32],
    queries: &[f32],
    dim: usize,
    k: usize,
) -> Vec<Vec<Scored>> {
    let whole = |values: &[f32]| values.len().is_multiple_of(dim);
    assert!(dim > 0 && whole(rows) && whole(queries), "rows of length dim");
    let n = rows.len() / dim;
    let k = k.min(n);
    if k == 0 {
        return vec![Vec::new(); queries.len() / dim];
    }
    let row_norms: Vec<f64> = rows.par_chunks(dim).map(norm_f64).collect();
    queries
        .par_chunks(dim * QUERY_BLOCK)
        .flat_map_iter(|block| sweep_block(similarity, rows, &row_norms, block, dim, k))
        .collect()
}

fn sweep_block(
    similarity: Similarity,
    rows: &[f32],
    row_norms: &[f64],
    queries: &[f32],
    dim: usize,
    k: usize,
) -> Vec<Vec<Scored>> {
    let q = queries.len() / dim;
    let query_norms: Vec<f64> = queries.chunks(dim).map(norm_f64).collect();
    let mut best: Vec<Best> = (0..q).map(|_| Best::new(k)).collect();
    let mut products = vec![0.0f32; q * ROW_BLOCK];
    for (b, block) in rows.chunks(dim * ROW_BLOCK).enumerate() {
        let m = block.len() / dim;
        multiply_transposed(q, m, dim, queries, block, &mut products[..q * m]);
        for (i, best) in best.iter_mut().enumerate() {
            let query = &queries[i * dim..(i + 1) * dim];
            for (j, product) in products[i * m..(i + 1) * m].iter().enumerate() {
                let row = b * ROW_BLOCK + j;
                let upper = upper_bound(
                    similarity,
                    f64::from(*product),
                    query_norms[i],
                    row_norms[row],
                    dim,
                );
                // A bound that overflowed never drops a row.
                if upper >= best.threshold || !upper.is_finite() {
                    let score = round9(similarity.score(query, &rows[row * dim..(row + 1) * dim]));
                    best.push(Scored { row: row as u32, score });
                }
            }
        }
    }
    best.into_iter().map(Best::into_sorted).collect()
}

/// The greatest score that the pair can have after rounding, given its f32 product.
fn upper_bound(similarity: Similarity, product: f64, query: f64, row: f64, dim: usize) -> f64 {
    // γ(dim + 4) covers f64 rounding of the bound itself; the absolute term covers underflow.
    let nu = (dim + 4) as f64 * f64::from(f32::EPSILON) / 2.0;
    let error = nu / (1.0 - nu) * query * row + dim as f64 * f64::from(f32::MIN_POSITIVE);
    let dot = product + error;
    let score = match similarity {
        Similarity::Dot => dot,
        Similarity::Cosine => dot / (query * row),
        Similarity::NegativeSquaredL2 => {
            let sum = query * query + row * row;
            2.0 * dot - sum + sum * 1e-14
        }
    };
    score + 1e-9
}

/// The best `k` so far.
struct Best {
    k: usize,
    threshold: f64,
    kept: Vec<Scored>,
}

impl Best {
    fn new(k: usize) -> Self {
        Self { k, threshold: f64::NEG_INFINITY, kept: Vec::with_capacity(2 * k) }
    }

    fn push(&mut self, scored: Scored) {
        if scored.score < self.threshold {
            return;
        }
        self.kept.push(scored);
        if self.kept.len() >= 2 * self.k {
            self.compact();
        }
    }

    fn compact(&mut self) {
        if self.kept.len() > self.k {
            self.kept.select_nth_unstable_by(self.k - 1, closer);
            self.kept.truncate(self.k);
        }
        if self.kept.len() == self.k {
            self.threshold = self.kept.iter().map(|s| s.score).fold(f64::INFINITY, f64::min);
        }
    }

    fn into_sorted(mut self) -> Vec<Scored> {
        self.compact();
        self.kept.sort_unstable_by(closer);
        self.kept
    }
}

fn closer(a: &Scored, b: &Scored) -> std::cmp::Ordering {
    b.score.total_cmp(&a.score).then(a.row.cmp(&b.row))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(n: usize, dim: usize, seed: u64) -> Vec<f32> {
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

    fn naive(s: Similarity, rows: &[f32], query: &[f32], dim: usize, k: usize) -> Vec<Scored> {
        let mut all: Vec<Scored> = rows
            .chunks(dim)
            .enumerate()
            .map(|(i, row)| Scored { row: i as u32, score: round9(s.score(query, row)) })
            .collect();
        all.sort_by(closer);
        all.truncate(k);
        all
    }

    const ALL: [Similarity; 3] =
        [Similarity::Dot, Similarity::Cosine, Similarity::NegativeSquaredL2];

    #[test]
    fn sweep_equals_the_naive_reference_at_odd_shapes() {
        for (n, dim, q, k) in [(1, 1, 1, 1), (3, 5, 2, 10), (2500, 17, 70, 10), (1300, 384, 3, 50)]
        {
            let (rows, queries) = (matrix(n, dim, 7), matrix(q, dim, 99));
            for s in ALL {
                let found = sweep(s, &rows, &queries, dim, k);
                for (i, hits) in found.iter().enumerate() {
                    let query = &queries[i * dim..(i + 1) * dim];
                    assert_eq!(*hits, naive(s, &rows, query, dim, k), "{s:?} n={n} dim={dim}");
                }
            }
        }
    }

    #[test]
    fn rule_ties_are_ordered_by_corpus_position_even_where_all_are_ties() {
        let dim = 24;
        let row = matrix(1, dim, 5);
        let rows: Vec<f32> = row.iter().copied().cycle().take(dim * 3000).collect();
        for s in ALL {
            let hits = &sweep(s, &rows, &matrix(1, dim, 6), dim, 7)[0];
            assert_eq!(hits.iter().map(|h| h.row).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 6]);
        }
    }

    #[test]
    fn rule_scores_that_round_to_zero_are_one_tie_whatever_their_sign() {
        let rows = [-1e-12, 1.0, 1e-12, 1.0, 0.0, 1.0];
        let hits = &sweep(Similarity::Cosine, &rows, &[1.0, 0.0], 2, 3)[0];
        assert_eq!(hits.iter().map(|h| h.row).collect::<Vec<_>>(), [0, 1, 2]);
        assert!(hits.iter().all(|h| h.score.to_bits() == 0));
    }

    #[test]
    fn a_product_that_overflows_drops_no_row() {
        let (dim, big) = (8, 3e19);
        let mut rows = vec![0.0f32; 3 * dim];
        rows[0] = -big;
        rows[1] = big * 1.5;
        rows[dim] = 1.0;
        rows[2 * dim] = big;
        let mut query = vec![0.0f32; dim];
        (query[0], query[1]) = (big, big);
        for s in [Similarity::Dot, Similarity::NegativeSquaredL2] {
            assert_eq!(sweep(s, &rows, &query, dim, 2)[0], naive(s, &rows, &query, dim, 2));
        }
    }

    #[test]
    fn sweep_is_exact_for_huge_tiny_and_zero_norms() {
        let dim = 33;
        let mut rows = matrix(400, dim, 11);
        for (i, row) in rows.chunks_mut(dim).enumerate() {
            let scale = match i % 4 {
                0 => 1e15,
                1 => 1e-20,
                2 => 0.0,
                _ => 1.0,
            };
            row.iter_mut().for_each(|x| *x *= scale);
        }
        let queries = matrix(5, dim, 13);
        for s in ALL {
            for (i, hits) in sweep(s, &rows, &queries, dim, 20).iter().enumerate() {
                assert_eq!(*hits, naive(s, &rows, &queries[i * dim..(i + 1) * dim], dim, 20));
            }
        }
    }

    #[test]
    fn sweep_is_the_same_on_any_number_of_threads() {
        let (rows, queries) = (matrix(3000, 48, 3), matrix(150, 48, 4));
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| sweep(Similarity::Cosine, &rows, &queries, 48, 12))
        };
        assert_eq!(on(1), on(2));
        assert_eq!(on(1), on(8));
    }
}
