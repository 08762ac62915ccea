//! Products by tiles of 16 queries × 64 codes and of 64 codes × 16 rows.

use super::direction::{BLOCK, Grid};
use super::group::Group;
use super::scan::{Kernel, Products};
use super::{LANES, Order, PAIR, STEP, Shape};
use crate::tiles::{FOUR, SIDE, Tiles};

/// The path of the AMX instructions; of 8 tiles, 4 are sums of up to 32 queries by 32 rows.
pub(super) struct Tiled<T>(pub(super) T);

impl<T: Tiles> Kernel for Tiled<T> {
    const SHAPE: Shape = Shape { queries: 2 * SIDE, grid: Grid::WIDE, order: Order::Tiles };

    /// Queries are signed, rows unsigned: those that are stored plus 128, with sums that begin at
    /// minus 128 times the sum of a query's codes, as on other paths.
    #[inline(always)]
    unsafe fn products(&mut self, panels: &[u8], group: &Group, out: &mut Products) {
        const { assert!(FOUR == STEP && SIDE == LANES && SIDE * FOUR == BLOCK) };
        let tiles = &mut self.0;
        let (blocks, _) = panels.as_chunks::<FOUR>().0.as_chunks::<SIDE>().0.as_chunks::<SIDE>();
        let (first, second) = blocks.split_at(blocks.len() / 2);
        for (sums, bias) in out.0.iter_mut().zip(&group.bias) {
            sums.fill(*bias);
        }
        let sums = out.0.as_flattened_mut();
        tiles.load_sums::<0>(sums, PAIR);
        tiles.load_sums::<1>(&sums[SIDE..], PAIR);
        if group.len <= SIDE {
            for ((queries, first), second) in group.tiles.iter().zip(first).zip(second) {
                tiles.load::<4>(&queries.0);
                tiles.load::<6>(first);
                tiles.dot_su::<0, 4, 6>();
                tiles.load::<7>(second);
                tiles.dot_su::<1, 4, 7>();
            }
        } else {
            let below = SIDE * PAIR;
            tiles.load_sums::<2>(&sums[below..], PAIR);
            tiles.load_sums::<3>(&sums[below + SIDE..], PAIR);
            let queries = group.tiles.as_chunks::<2>().0;
            for ((queries, first), second) in queries.iter().zip(first).zip(second) {
                tiles.load::<4>(&queries[0].0);
                tiles.load::<6>(first);
                tiles.dot_su::<0, 4, 6>();
                tiles.load::<7>(second);
                tiles.dot_su::<1, 4, 7>();
                tiles.load::<5>(&queries[1].0);
                tiles.dot_su::<2, 5, 6>();
                tiles.dot_su::<3, 5, 7>();
            }
            tiles.store_sums::<2>(&mut sums[below..], PAIR);
            tiles.store_sums::<3>(&mut sums[below + SIDE..], PAIR);
        }
        tiles.store_sums::<0>(sums, PAIR);
        tiles.store_sums::<1>(&mut sums[SIDE..], PAIR);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Packed;
    use super::super::path::Path;
    use crate::{Isa, Similarity};

    const SIMILARITIES: [Similarity; 3] =
        [Similarity::Dot, Similarity::Cosine, Similarity::NegativeSquaredL2];

    fn matrix(n: usize, dim: usize, seed: u32) -> Vec<f32> {
        let mut state = seed;
        (0..n * dim)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / (1 << 23) as f32 - 1.0
            })
            .collect()
    }

    /// A search by tiles in plain Rust against the portable path, which tests of the whole crate
    /// hold to the scores of every row.
    fn check(what: &str, rows: &[f32], queries: &[f32], dim: usize, k: usize) {
        let isa = Isa::Portable;
        let packed = Packed::new(isa, rows, dim);
        for s in SIMILARITIES {
            let found = packed.search_on(Path::Emulated, isa, s, rows, queries, k);
            assert_eq!(found, packed.search(isa, s, rows, queries, k), "{what}: {s:?}, dim {dim}");
        }
    }

    #[test]
    fn hits_by_emulated_tiles_are_those_of_every_path_at_odd_shapes() {
        for (n, dim, q, k) in [
            (1, 1, 1, 1),
            (1, 384, 33, 10),
            (31, 65, 16, 31),
            (33, 100, 17, 5),
            (700, 17, 70, 10),
            (130, 385, 32, 7),
        ] {
            check("shape", &matrix(n, dim, 7), &matrix(q, dim, 99), dim, k);
        }
    }

    #[test]
    fn hits_by_emulated_tiles_are_right_for_ties_duplicates_and_extremes() {
        let dim = 70;
        let one = matrix(1, dim, 5);
        let ties: Vec<f32> = one.iter().copied().cycle().take(dim * 300).collect();
        check("all ties", &ties, &matrix(3, dim, 6), dim, 7);
        let distinct = matrix(40, dim, 21);
        let duplicates: Vec<f32> =
            (0..400).flat_map(|i| &distinct[i % 40 * dim..][..dim]).copied().collect();
        check("duplicates", &duplicates, &distinct, dim, 25);
        let mut ends: Vec<f32> = matrix(64, dim, 51).iter().map(|x| x.signum()).collect();
        ends.extend(vec![1.0; dim]);
        ends.extend(vec![-1.0; dim]);
        check("ends", &ends, &ends, dim, 12);
        let mut norms = matrix(90, dim, 11);
        for (i, row) in norms.chunks_mut(dim).enumerate() {
            let scale = [1e15, 1e-20, 0.0, 1.0, 1e-42, 3e38][i % 6];
            row.iter_mut().for_each(|x| *x *= scale);
        }
        check("norms", &norms, &norms, dim, 20);
    }
}
