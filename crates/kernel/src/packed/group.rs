//! Queries that meet a panel together.

use super::direction::{BLOCK, quantise};
use super::units::Units;
use super::{Order, Packed, STEP, Shape};
use crate::tiles::{SIDE, Tile};
use crate::{Isa, Similarity};

/// Neighbouring queries, their codes in the order in which a tile reads them.
pub(super) struct Group {
    /// Number of the first query.
    pub(super) first: usize,
    /// How many.
    pub(super) len: usize,
    /// [`Order::Words`]: `[step][query]`, four signed codes a word; else empty.
    pub(super) words: Vec<u32>,
    /// [`Order::Tiles`]: `[block][sixteen queries]`, filled up with zeros; else empty.
    pub(super) tiles: Vec<Tile>,
    /// [`Order::Words`], `[block][query]`: minus 128 times the sums of codes 0 and 1, and of 2 and 3, of every
    /// four of a block, as two 16-bit lanes that wrap.
    pub(super) block_bias: Vec<u32>,
    /// Minus 128 times the sum of all codes, by query: rows are stored plus 128.
    pub(super) bias: Vec<i32>,
    /// Norm of the codes, rounded up, by query.
    pub(super) norm: Vec<f32>,
    /// Greatest residual in units of its query's `norm` and step, rounding of the bounds
    /// included.
    pub(super) slack: f32,
    /// What scores are measured in, by query.
    pub(super) units: Vec<Units>,
}

/// f32 arithmetic of a bound is off by less than eight roundings of 2⁻²⁴ of |codes|.
const ARITHMETIC: f32 = 1e-6;

impl Group {
    /// Packs `queries`, row-major, the first of which has the number `first`.
    pub(super) fn new(
        isa: Isa,
        similarity: Similarity,
        packed: &Packed,
        shape: Shape,
        queries: &[f32],
        first: usize,
    ) -> Self {
        let (dim, padded) = (packed.dim(), packed.padded());
        let len = queries.len() / dim;
        let (words, tiles) = match shape.order {
            Order::Words => (len * padded / STEP, 0),
            Order::Tiles => (0, len.div_ceil(SIDE) * padded / BLOCK),
        };
        let mut group = Self {
            first,
            len,
            words: vec![0; words],
            tiles: vec![Tile::ZERO; tiles],
            block_bias: vec![0; words * STEP / BLOCK],
            bias: Vec::with_capacity(len),
            norm: Vec::with_capacity(len),
            slack: 0.0,
            units: Vec::with_capacity(len),
        };
        let (mut unit, mut codes) = (vec![0.0; padded], vec![0; padded]);
        for (i, query) in queries.chunks_exact(dim).enumerate() {
            let direction = quantise(isa, query, shape.grid, &mut unit, &mut codes);
            match shape.order {
                Order::Words => group.put_words(i, &codes),
                Order::Tiles => group.put_tiles(i, &codes),
            }
            let total: i32 = codes.iter().map(|code| i32::from(*code as i8)).sum();
            group.bias.push(-128 * total);
            let squares: u64 =
                codes.iter().map(|c| u64::from((*c as i8).unsigned_abs()).pow(2)).sum();
            let norm = ((squares as f64).sqrt() as f32).next_up();
            group.norm.push(norm);
            let units = Units::new(similarity, &direction, packed.greatest());
            // Of a query without a direction no bound is asked: its units keep every row.
            if units.bounds() {
                let residual = direction.residual / (direction.step * norm);
                group.slack = group.slack.max(residual * (1.0 + 1e-6) + ARITHMETIC);
            }
            group.units.push(units);
        }
        group
    }

    fn put_words(&mut self, query: usize, codes: &[u8]) {
        let len = self.len;
        for (b, block) in codes.chunks_exact(BLOCK).enumerate() {
            let mut sums = [0i32; 2];
            let (fours, _) = block.as_chunks::<STEP>();
            for (s, four) in fours.iter().enumerate() {
                self.words[(b * BLOCK / STEP + s) * len + query] = u32::from_le_bytes(*four);
                let four = four.map(|c| i32::from(c as i8));
                sums[0] += four[0] + four[1];
                sums[1] += four[2] + four[3];
            }
            let lanes = sums.map(|sum| u32::from((-128 * sum) as u16));
            self.block_bias[b * len + query] = lanes[0] | lanes[1] << 16;
        }
    }

    fn put_tiles(&mut self, query: usize, codes: &[u8]) {
        let (tile, row) = (query / SIDE, query % SIDE);
        let blocks = codes.as_chunks::<STEP>().0.as_chunks::<SIDE>().0;
        let of_block = self.tiles.chunks_exact_mut(self.len.div_ceil(SIDE));
        for (tiles, block) in of_block.zip(blocks) {
            tiles[tile].0[row] = *block;
        }
    }
}
