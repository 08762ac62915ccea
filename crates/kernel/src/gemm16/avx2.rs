//! The product in 256-bit registers: tiles of 6 rows and half a panel.

use std::arch::x86_64::*;

use super::{PANEL, PairRow, Panels};
use crate::prefetch::prefetch_far;

/// Rows of a tile: 12 sums, 2 quarters of a pair row, the row's pair and a product fit 16 registers.
const ROWS: usize = 6;

/// Outputs of a tile.
const HALF: usize = PANEL / 2;

/// The product by `vpmaddwd` and an addition.
///
/// # Safety
/// The processor has AVX2; `c` is whole rows of `b.columns()` and `a` has a row of `b.pairs` pairs
/// for each, `stride` apart; `b.pairs` is not 0.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn multiply(a: &[[i16; 2]], stride: usize, b: &Panels, c: &mut [i32]) {
    let columns = b.columns();
    let rows = c.len() / columns;
    for (p, panel, after) in b.in_turn(2 * rows.div_ceil(ROWS)) {
        let mut after = after;
        for half in 0..2 {
            let mut i = 0;
            while i < rows {
                let n = (rows - i).min(ROWS);
                let ahead = after.next().unwrap_or_default();
                // SAFETY: rows i..i + n exist in `a` and `c`, and the half panel's columns in `c`.
                unsafe {
                    let a = a.as_ptr().add(i * stride);
                    let c = c.as_mut_ptr().add(i * columns + p * PANEL + half * HALF);
                    match n {
                        1 => tile::<1>(a, stride, panel, half, ahead, c, columns),
                        2 => tile::<2>(a, stride, panel, half, ahead, c, columns),
                        3 => tile::<3>(a, stride, panel, half, ahead, c, columns),
                        4 => tile::<4>(a, stride, panel, half, ahead, c, columns),
                        5 => tile::<5>(a, stride, panel, half, ahead, c, columns),
                        _ => tile::<ROWS>(a, stride, panel, half, ahead, c, columns),
                    }
                }
                i += n;
            }
        }
    }
}

/// `R` rows times half a panel, while `ahead` is fetched.
///
/// # Safety
/// The processor has AVX2; `a` is `R` rows of `panel.len()` pairs, `stride` apart; `half` is 0 or 1;
/// `c` is `R` rows of 16 sums, `columns` apart.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn tile<const R: usize>(
    a: *const [i16; 2],
    stride: usize,
    panel: &[PairRow],
    half: usize,
    ahead: &[PairRow],
    c: *mut i32,
    columns: usize,
) {
    let mut sums = [[_mm256_setzero_si256(); 2]; R];
    for (t, row) in panel.iter().enumerate() {
        prefetch_far(ahead.get(t..=t).unwrap_or_default());
        let row = row.0.as_ptr().cast::<__m256i>();
        // SAFETY: a pair row is four aligned vectors; pair `t` of row `r` is inside `a`.
        unsafe {
            let low = _mm256_load_si256(row.add(2 * half));
            let high = _mm256_load_si256(row.add(2 * half + 1));
            for (r, sum) in sums.iter_mut().enumerate() {
                let x = _mm256_set1_epi32(a.add(r * stride + t).cast::<i32>().read_unaligned());
                sum[0] = _mm256_add_epi32(sum[0], _mm256_madd_epi16(x, low));
                sum[1] = _mm256_add_epi32(sum[1], _mm256_madd_epi16(x, high));
            }
        }
    }
    for (r, [low, high]) in sums.into_iter().enumerate() {
        // SAFETY: row `r` of `c` has 16 sums.
        unsafe {
            let out = c.add(r * columns);
            _mm256_storeu_si256(out.cast(), low);
            _mm256_storeu_si256(out.add(8).cast(), high);
        }
    }
}
