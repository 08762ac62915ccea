//! Directions in 8 bits.

#[cfg(target_arch = "x86_64")]
use super::wide;
use crate::Isa;
use crate::dot::norm_f64;

/// Dimensions are padded to a multiple of this: a tile row of bytes, and the stretch over which
/// the narrow paths sum in 16 bits.
pub(super) const BLOCK: usize = 64;

/// How fine and how large codes may be.
///
/// The paths without a four-byte dot product sum pairs of products in 16-bit lanes. With rows
/// in ±127 (stored as 1..=255) and queries in ±64 no pair exceeds 2·255·64 = 32,640. A lane
/// takes every other pair of a [`BLOCK`], 32 dimensions: where that part of a row has norm
/// ≤ 256 and that of a query ≤ 127.9, its true sum is ≤ 32,743 in magnitude (Cauchy–Schwarz),
/// so it is right even though partial sums wrap.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grid {
    /// Greatest magnitude of a code.
    levels: f32,
    /// Greatest norm of the part that meets in one 16-bit lane, before rounding.
    part: f32,
}

/// What rounding 32 dimensions can add to a norm: √32 / 2, rounded up.
const ROUNDING: f32 = 2.83;

impl Grid {
    /// Of rows, on every path: the packed bytes are the same everywhere.
    pub(super) const ROWS: Self = Self { levels: 127.0, part: 256.0 - ROUNDING };
    /// Of queries on paths that sum in 16 bits.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
    pub(super) const NARROW: Self = Self { levels: 64.0, part: 127.9 - ROUNDING };
    /// Of queries on paths that sum in 32 bits.
    pub(super) const WIDE: Self = Self { levels: 127.0, part: f32::INFINITY };
}

/// The least step: codes then have norm < 46,340, and products of two fit into i32 at any
/// dimension up to [`MOST_DIMENSIONS`] (rounding adds at most √dim / 2 to a norm).
const LEAST_STEP: f32 = 1.0 / 45_000.0;

/// Greatest dimension that [`LEAST_STEP`] serves.
pub(super) const MOST_DIMENSIONS: usize = 1 << 22;

/// `row = norm · (step · codes + rest)`, `|rest| ≤ residual`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Direction {
    pub(super) norm: f64,
    pub(super) step: f32,
    /// Measured, rounded up; infinite where there is no direction.
    pub(super) residual: f32,
}

/// 1.5 · 2²³: adding it rounds an f32 of magnitude < 2²² to an integer, ties to even, and leaves
/// that integer in the low bits.
pub(super) const INTEGER: f32 = 12_582_912.0;

/// Rounds the direction of `row` to codes in two's complement.
///
/// `unit` and `codes` are as long as the padded dimension; `unit` is scratch.
/// A row that is zero or not finite has no direction: codes and step are 0.
#[inline(always)]
pub(super) fn quantise(
    isa: Isa,
    row: &[f32],
    grid: Grid,
    unit: &mut [f32],
    codes: &mut [u8],
) -> Direction {
    let norm = norm_f64(row);
    if norm == 0.0 || !norm.is_finite() {
        codes.fill(0);
        return Direction { norm, step: 0.0, residual: f32::INFINITY };
    }
    // A power of two keeps 1 / norm in the range of f32 whatever the norm.
    let first = match norm {
        small if small < 1e-30 => f32::from_bits((127 + 100) << 23),
        large if large > 1e30 => f32::from_bits((127 - 60) << 23),
        _ => 1.0,
    };
    let second = (1.0 / (norm * f64::from(first))) as f32;
    let (greatest, part) = match isa {
        // SAFETY: who asks for a path has seen that the processor has it.
        #[cfg(target_arch = "x86_64")]
        isa if isa >= Isa::Avx512 => unsafe { wide::scale(row, first, second, unit) },
        _ => scale(row, first, second, unit),
    };
    let step = greater(greater(greatest / grid.levels, part.sqrt() / grid.part), LEAST_STEP);
    let squares = match isa {
        // SAFETY: as above; `codes` is as long as `unit`.
        #[cfg(target_arch = "x86_64")]
        isa if isa >= Isa::Avx512 => unsafe { wide::round(unit, step, codes) },
        _ => round(unit, step, codes),
    };
    let sum: f64 = squares.into_iter().map(f64::from).sum();
    // f32 sums of `dim` squares, then the rounding of `unit` and of each difference.
    let residual = sum.sqrt() * (1.0 + row.len() as f64 * 1e-7) + 5e-7;
    Direction { norm, step, residual: (residual as f32).next_up() }
}

/// Scales `row` to `unit`, which is filled up with zeros; its greatest magnitude, and the greatest
/// squared norm of a part that meets in one 16-bit lane: dimensions 0 and 1 of every four of a
/// block, or 2 and 3.
#[inline(always)]
pub(super) fn scale(row: &[f32], first: f32, second: f32, unit: &mut [f32]) -> (f32, f32) {
    unit[row.len()..].fill(0.0);
    for (u, x) in unit.iter_mut().zip(row) {
        *u = x * first * second;
    }
    let (mut greatest, mut part) = ([0.0f32; 16], 0.0f32);
    for block in unit.as_chunks::<BLOCK>().0 {
        let mut squares = [0.0f32; 16];
        for chunk in block.as_chunks::<16>().0 {
            for i in 0..16 {
                greatest[i] = greater(chunk[i].abs(), greatest[i]);
                squares[i] += chunk[i] * chunk[i];
            }
        }
        let eight: [f32; 8] = std::array::from_fn(|i| squares[i] + squares[i + 8]);
        let four: [f32; 4] = std::array::from_fn(|i| eight[i] + eight[i + 4]);
        part = greater(greater(four[0] + four[1], four[2] + four[3]), part);
    }
    (greatest.into_iter().fold(0.0, greater), part)
}

/// Codes of `unit`, and the squares of what they leave out, element `i` in lane `i mod 16`.
#[inline(always)]
pub(super) fn round(unit: &[f32], step: f32, codes: &mut [u8]) -> [f32; 16] {
    let inverse = 1.0 / step;
    for (code, u) in codes.iter_mut().zip(unit) {
        *code = (u * inverse + INTEGER).to_bits() as u8;
    }
    let mut squares = [0.0f32; 16];
    for units in unit.as_chunks::<16>().0 {
        for i in 0..16 {
            let rest = units[i] - ((units[i] * inverse + INTEGER) - INTEGER) * step;
            squares[i] += rest * rest;
        }
    }
    squares
}

/// `a` where it is greater than `b`, else `b`: one instruction, unlike `f32::max`.
#[inline(always)]
fn greater(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes_of(row: &[f32], grid: Grid) -> (Direction, Vec<i32>) {
        let padded = row.len().next_multiple_of(BLOCK);
        let (mut unit, mut codes) = (vec![f32::NAN; padded], vec![9; padded]);
        let direction = quantise(Isa::Portable, row, grid, &mut unit, &mut codes);
        (direction, codes.into_iter().map(|c| i32::from(c as i8)).collect())
    }

    fn rows() -> Vec<Vec<f32>> {
        let wave = |n: usize, scale: f32| -> Vec<f32> {
            (0..n).map(|i| ((i * 37 % 101) as f32 - 50.0) * scale).collect()
        };
        let mut spike = vec![1e-3; 200];
        spike[77] = 5.0;
        let mut rows = vec![vec![3.0], wave(384, 0.01), wave(65, 1e-42), wave(70, 6e36), spike];
        rows.push(vec![1.0; 64]);
        rows.push(vec![f32::MAX; 130]);
        rows.push(vec![f32::from_bits(1); 33]);
        rows
    }

    #[test]
    fn the_residual_bounds_what_rounding_left_out() {
        for row in rows() {
            for grid in [Grid::ROWS, Grid::NARROW, Grid::WIDE] {
                let (direction, codes) = codes_of(&row, grid);
                let rest: f64 = row
                    .iter()
                    .zip(&codes)
                    .map(|(x, c)| {
                        f64::from(*x) / direction.norm - f64::from(*c) * f64::from(direction.step)
                    })
                    .map(|e| e * e)
                    .sum();
                assert!(rest.sqrt() <= f64::from(direction.residual), "{grid:?} {:?}", &row[..1]);
                assert!(rest.sqrt() >= f64::from(direction.residual) * 0.9 - 6e-7, "not loose");
                assert!(codes[row.len()..].iter().all(|c| *c == 0), "padding is zero");
            }
        }
    }

    #[test]
    fn no_part_of_a_row_and_of_a_query_can_overflow_a_16_bit_lane() {
        let norm = |codes: &[i32], at: usize| -> f64 {
            let part = codes.chunks(4).flat_map(|four| &four[at..at + 2]);
            f64::from(part.map(|c| c * c).sum::<i32>()).sqrt()
        };
        for row in rows() {
            let (row, query) = (codes_of(&row, Grid::ROWS).1, codes_of(&row, Grid::NARROW).1);
            assert!(query.iter().all(|c| c.abs() <= 64) && row.iter().all(|c| c.abs() <= 127));
            for (row, query) in row.chunks(BLOCK).zip(query.chunks(BLOCK)) {
                for at in [0, 2] {
                    assert!(norm(row, at) * norm(query, at) < 32_767.0);
                }
            }
        }
    }

    #[test]
    fn rule_of_a_row_without_direction_nothing_is_known() {
        for row in [[0.0, 0.0], [1.0, f32::NAN], [f32::INFINITY, 1.0]] {
            let (direction, codes) = codes_of(&row, Grid::ROWS);
            assert_eq!((direction.step, direction.residual), (0.0, f32::INFINITY));
            assert!(codes.iter().all(|c| *c == 0));
        }
    }
}
