//! Rows in 8 bits, in the order in which exact search reads them.

mod candidates;
mod direction;
mod group;
mod path;
mod portable;
mod scan;
mod search;
#[cfg(any(test, target_arch = "x86_64"))]
mod tiled;
mod units;
#[cfg(target_arch = "x86_64")]
mod wide;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod vnni;

use memmap2::MmapMut;
use rayon::prelude::*;

use crate::Isa;
use direction::{BLOCK, Grid, MOST_DIMENSIONS, quantise};

/// Rows of a panel: 32-bit lanes of a 512-bit register.
const LANES: usize = 16;
/// Rows of a pair of panels, which a tile reads together.
const PAIR: usize = 2 * LANES;
/// Dimensions of a step: codes in a 32-bit lane.
const STEP: usize = 4;

/// What queries look like on a path.
#[derive(Debug, Clone, Copy)]
struct Shape {
    /// Most queries of a group.
    queries: usize,
    /// How fine they are rounded.
    grid: Grid,
    /// How their codes are laid out.
    order: Order,
}

/// Layouts of the codes of a group of queries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// Four codes of every query in turn, then the next four.
    Words,
    /// Sixteen queries to a tile, 64 codes a row.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
    Tiles,
}

/// Rows packed once for [`Packed::search`].
///
/// Every row's direction is rounded to signed 8-bit codes with a step of its own; the norm of
/// what rounding left out is measured, and bounds the error of every score computed from codes
/// (Cauchy–Schwarz). The same bytes on every kernel path.
///
/// Layout of the codes: rows in panels of 16, panels in pairs (the last pair is filled up with
/// zero rows), dimensions filled up with zeros to a multiple of 64. A panel holds, for every
/// four dimensions in turn, those of its row 0, of its row 1, … of its row 15: 64 bytes, a code
/// `c` stored as the byte `c + 128`.
///
/// ```text
/// byte of (row r, dimension j) = (r / 16 · padded + j / 4 · 4) · 16 + (r mod 16) · 4 + j mod 4
/// ```
///
/// Sixteen such steps are one 16 × 64 tile of the AMX instructions, a step is one 512-bit or two
/// 256-bit registers.
pub struct Packed {
    rows: usize,
    dim: usize,
    codes: MmapMut,
    /// Of every row, those that fill the last pair included.
    steps: Vec<f32>,
    residuals: Vec<f32>,
    /// Norms over `greatest`.
    lengths: Vec<f32>,
    greatest: f64,
}

impl Packed {
    /// Packs `rows`, `n × dim`, row-major; takes `dim + 12` bytes a row, `dim` rounded up to a
    /// multiple of 64.
    ///
    /// # Panics
    /// Where `rows` is not a whole number of rows of length `dim`, `dim` is 0 or above 2²², the
    /// processor lacks `isa`, or there is no memory.
    pub fn new(isa: Isa, rows: &[f32], dim: usize) -> Self {
        assert!(isa.is_available(), "this processor lacks the kernel path {isa}");
        assert!(dim > 0 && rows.len().is_multiple_of(dim), "rows of length dim");
        assert!(dim <= MOST_DIMENSIONS, "at most {MOST_DIMENSIONS} dimensions");
        let n = rows.len() / dim;
        let pairs = n.div_ceil(PAIR);
        let bytes = dim.next_multiple_of(BLOCK) * PAIR;
        let mut codes = zeroed(pairs * bytes);
        let mut steps = vec![0.0; pairs * PAIR];
        let mut residuals = vec![0.0; pairs * PAIR];
        let mut norms = vec![0.0; pairs * PAIR];
        codes
            .par_chunks_mut(bytes)
            .zip(rows.par_chunks(dim * PAIR))
            .zip(steps.par_chunks_mut(PAIR))
            .zip(residuals.par_chunks_mut(PAIR))
            .zip(norms.par_chunks_mut(PAIR))
            .with_min_len(16)
            .for_each(|((((codes, rows), steps), residuals), norms)| {
                pack_pair(isa, rows, dim, codes, steps, residuals, norms);
            });
        let greatest = norms.iter().copied().fold(0.0, f64::max);
        let greatest = if greatest > 0.0 { greatest } else { 1.0 };
        let lengths = norms.into_iter().map(|norm: f64| (norm / greatest) as f32).collect();
        Self { rows: n, dim, codes, steps, residuals, lengths, greatest }
    }

    /// How many rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Their length.
    pub fn dim(&self) -> usize {
        self.dim
    }

    fn padded(&self) -> usize {
        self.dim.next_multiple_of(BLOCK)
    }

    /// Greatest norm of a row, 1 where all are zero.
    fn greatest(&self) -> f64 {
        self.greatest
    }
}

impl std::fmt::Debug for Packed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Packed {{ rows: {}, dim: {} }}", self.rows, self.dim)
    }
}

/// Zeroed memory at a page boundary, in huge pages where the system has them.
fn zeroed(bytes: usize) -> MmapMut {
    let map = MmapMut::map_anon(bytes.max(1)).unwrap_or_else(|error| {
        panic!("{bytes} bytes for packed rows cannot be had: {error}");
    });
    #[cfg(target_os = "linux")]
    {
        // Only a hint: without it the same memory comes in smaller pages.
        let _ = map.advise(memmap2::Advice::HugePage);
    }
    map
}

/// Packs up to 32 rows into one pair of panels.
fn pack_pair(
    isa: Isa,
    rows: &[f32],
    dim: usize,
    panels: &mut [u8],
    steps: &mut [f32],
    residuals: &mut [f32],
    norms: &mut [f64],
) {
    let padded = dim.next_multiple_of(BLOCK);
    let (mut unit, mut codes) = (vec![0.0; padded], vec![0; padded * LANES]);
    let panels = panels.chunks_exact_mut(padded * LANES);
    for ((p, rows), panel) in rows.chunks(dim * LANES).enumerate().zip(panels) {
        for (i, row) in rows.chunks_exact(dim).enumerate() {
            let codes = &mut codes[i * padded..][..padded];
            let direction = quantise(isa, row, Grid::ROWS, &mut unit, codes);
            let r = p * LANES + i;
            (steps[r], residuals[r], norms[r]) =
                (direction.step, direction.residual, direction.norm);
        }
        // Rows that fill up a panel repeat others' codes: a scan passes over them.
        match isa {
            // SAFETY: who asks for a path has seen that the processor has it.
            #[cfg(target_arch = "x86_64")]
            isa if isa >= Isa::Avx512 => unsafe { wide::interleave(&codes, panel) },
            _ => interleave(&codes, panel),
        }
    }
}

/// Codes of 16 rows, one after the other, in the order of a panel.
fn interleave(codes: &[u8], panel: &mut [u8]) {
    let padded = codes.len() / LANES;
    for (s, step) in panel.as_chunks_mut::<{ STEP * LANES }>().0.iter_mut().enumerate() {
        for (lane, codes) in step.as_chunks_mut::<STEP>().0.iter_mut().zip(codes.chunks(padded)) {
            *lane = codes.as_chunks::<STEP>().0[s].map(|code| code ^ 0x80);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packed_bytes_are_the_same_on_every_path() {
        for (n, dim) in [(1, 1), (40, 65), (700, 384), (100, 1030)] {
            let rows: Vec<f32> =
                (0..n * dim).map(|i| ((i * i * 31 % 9973) as f32 - 4986.0) / 700.0).collect();
            let reference = Packed::new(Isa::Portable, &rows, dim);
            for isa in Isa::available() {
                let packed = Packed::new(isa, &rows, dim);
                assert!(packed.codes[..] == reference.codes[..], "{isa}");
                assert_eq!(packed.steps, reference.steps, "{isa}");
                assert_eq!(packed.residuals, reference.residuals, "{isa}");
                assert_eq!(packed.lengths, reference.lengths, "{isa}");
                assert_eq!(packed.greatest.to_bits(), reference.greatest.to_bits(), "{isa}");
            }
        }
    }

    #[test]
    fn codes_stand_where_the_layout_says() {
        let dim = 70;
        let mut rows = vec![0.0; 35 * dim];
        // Row 33 is axis 66, pointing backwards.
        rows[33 * dim + 66] = -2.0;
        let packed = Packed::new(Isa::Portable, &rows, dim);
        let padded = 128;
        let at = |r: usize, j: usize| (r / 16 * padded + j / 4 * 4) * 16 + r % 16 * 4 + j % 4;
        let at = at(33, 66);
        assert_eq!(packed.codes.len(), 64 * padded);
        assert_eq!(packed.codes[at], 1, "-127 + 128");
        let others = packed.codes.iter().enumerate().filter(|(i, _)| *i != at);
        assert!(others.map(|(_, code)| *code).all(|code| code == 128 || code == 0));
    }
}
