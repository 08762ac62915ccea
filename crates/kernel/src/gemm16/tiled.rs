//! The product by tiles of bytes.
//!
//! A code is `256 h + l` with `h` signed and `l` unsigned, so a product of two is
//! `2¹⁶ h h' + 2⁸ (h l' + l h') + l l'`: four products of tiles, whose sums are right modulo 2³²
//! and stay so when they are put together. The left side is split once, the right side panel by
//! panel.

use super::{PANEL, PairRow, Panels};
use crate::tiles::{FOUR, Rows, SIDE, Tile, Tiles};

/// Pairs in a row of a tile: 64 codes.
const PAIRS: usize = SIDE * FOUR / 2;

/// Sums of the four products of a tile.
#[repr(C, align(64))]
struct Sums([[[i32; SIDE]; SIDE]; 4]);

/// High and low bytes of 16 rows or outputs by 64 inputs.
#[derive(Clone, Copy)]
struct Split {
    high: Tile,
    low: Tile,
}

const NOTHING: Split = Split { high: Tile::ZERO, low: Tile::ZERO };

/// The product by tiles; `b.pairs` is not 0.
#[inline(always)]
pub(super) fn multiply<T: Tiles>(
    tiles: &mut T,
    a: &[[i16; 2]],
    stride: usize,
    b: &Panels,
    c: &mut [i32],
) {
    let columns = b.columns();
    let (rows, blocks) = (c.len() / columns, b.pairs.div_ceil(PAIRS));
    let mut left = vec![NOTHING; rows.div_ceil(SIDE) * blocks];
    for (i, left) in left.chunks_exact_mut(blocks).enumerate() {
        for row in 0..SIDE.min(rows - i * SIDE) {
            split_row(&a[(i * SIDE + row) * stride..][..b.pairs], row, left);
        }
    }
    let mut right = vec![NOTHING; 2 * blocks];
    let mut sums = Sums([[[0; SIDE]; SIDE]; 4]);
    for (p, panel) in b.rows.chunks_exact(b.pairs).enumerate() {
        split_panel(panel, &mut right);
        for (left, c) in left.chunks_exact(blocks).zip(c.chunks_mut(SIDE * columns)) {
            for (half, right) in right.chunks_exact(blocks).enumerate() {
                block(tiles, left, right, &mut sums);
                let [high, upper, lower, low] = &sums.0;
                for (row, c) in c.chunks_exact_mut(columns).enumerate() {
                    let c = &mut c[p * PANEL + half * SIDE..][..SIDE];
                    for (n, c) in c.iter_mut().enumerate() {
                        let middle = upper[row][n].wrapping_add(lower[row][n]) << 8;
                        *c = (high[row][n] << 16).wrapping_add(middle).wrapping_add(low[row][n]);
                    }
                }
            }
        }
    }
}

/// High × high, high × low, low × high and low × low of 16 rows with 16 outputs.
#[inline(always)]
fn block<T: Tiles>(tiles: &mut T, left: &[Split], right: &[Split], sums: &mut Sums) {
    tiles.zero::<0>();
    tiles.zero::<1>();
    tiles.zero::<2>();
    tiles.zero::<3>();
    for (left, right) in left.iter().zip(right) {
        tiles.load::<4>(&left.high.0);
        tiles.load::<6>(&right.high.0);
        tiles.dot_ss::<0, 4, 6>();
        tiles.load::<7>(&right.low.0);
        tiles.dot_su::<1, 4, 7>();
        tiles.load::<5>(&left.low.0);
        tiles.dot_us::<2, 5, 6>();
        tiles.dot_uu::<3, 5, 7>();
    }
    tiles.store_sums::<0>(sums.0[0].as_flattened_mut(), SIDE);
    tiles.store_sums::<1>(sums.0[1].as_flattened_mut(), SIDE);
    tiles.store_sums::<2>(sums.0[2].as_flattened_mut(), SIDE);
    tiles.store_sums::<3>(sums.0[3].as_flattened_mut(), SIDE);
}

/// Four consecutive codes as their high and their low bytes.
#[inline(always)]
fn split(first: [i16; 2], second: [i16; 2]) -> ([u8; FOUR], [u8; FOUR]) {
    // As whole words, which registers hold sixteen of.
    let word = |pair: [i16; 2]| {
        u32::from(pair[0].cast_unsigned()) | u32::from(pair[1].cast_unsigned()) << 16
    };
    let (first, second) = (word(first), word(second));
    let low = first & 0xff | first >> 8 & 0xff00 | (second & 0xff | second >> 8 & 0xff00) << 16;
    let (first, second) = (first >> 8, second >> 8);
    let high = first & 0xff | first >> 8 & 0xff00 | (second & 0xff | second >> 8 & 0xff00) << 16;
    (high.to_le_bytes(), low.to_le_bytes())
}

/// Codes of a row to row `row` of the tiles; the end of the last one stays zero.
#[inline(always)]
fn split_row(pairs: &[[i16; 2]], row: usize, tiles: &mut [Split]) {
    for (pairs, tile) in pairs.chunks(PAIRS).zip(tiles) {
        let mut whole = [[0; 2]; PAIRS];
        whole[..pairs.len()].copy_from_slice(pairs);
        let (high, low) = (&mut tile.high.0[row], &mut tile.low.0[row]);
        for ((two, high), low) in whole.as_chunks::<2>().0.iter().zip(high).zip(low) {
            (*high, *low) = split(two[0], two[1]);
        }
    }
}

/// A panel to tiles: those of its first 16 outputs, then those of the others.
#[inline(always)]
fn split_panel(panel: &[PairRow], tiles: &mut [Split]) {
    let (first, second) = tiles.split_at_mut(tiles.len() / 2);
    let mut steps = panel.chunks(2);
    for (first, second) in first.iter_mut().zip(second) {
        for row in 0..SIDE {
            let (x, y) = match steps.next() {
                Some([x, y]) => (&x.0, &y.0),
                Some([x]) => (&x.0, &[[0; 2]; PANEL]),
                _ => (&[[0; 2]; PANEL], &[[0; 2]; PANEL]),
            };
            split_outputs(x, y, 0, &mut first.high.0, &mut first.low.0, row);
            split_outputs(x, y, SIDE, &mut second.high.0, &mut second.low.0, row);
        }
    }
}

/// Four inputs of the 16 outputs from `at` on, to row `row` of two tiles.
#[inline(always)]
fn split_outputs(
    x: &[[i16; 2]; PANEL],
    y: &[[i16; 2]; PANEL],
    at: usize,
    high: &mut Rows,
    low: &mut Rows,
    row: usize,
) {
    for n in 0..SIDE {
        (high[row][n], low[row][n]) = split(x[at + n], y[at + n]);
    }
}
