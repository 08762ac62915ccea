//! The product in 512-bit registers: tiles of 12 rows and one panel of 32 outputs.

use std::arch::asm;
use std::arch::x86_64::*;

use super::{PANEL, PairRow, Panels};
use crate::prefetch::prefetch_far;

/// Rows of a tile: 24 sums, 2 halves of a pair row and the row's pair fit 32 registers.
const ROWS: usize = 12;

macro_rules! product {
    ($(#[$attribute:meta])* $name:ident, $tile:ident, $features:literal, $dot:expr) => {
        $(#[$attribute])*
        ///
        /// # Safety
        /// The processor has the features of the path; `c` is whole rows of `b.columns()` and `a`
        /// has a row of `b.pairs` pairs for each, `stride` apart; `b.pairs` is not 0.
        #[target_feature(enable = $features)]
        pub(super) unsafe fn $name(a: &[[i16; 2]], stride: usize, b: &Panels, c: &mut [i32]) {
            let columns = b.columns();
            let rows = c.len() / columns;
            for (p, panel, after) in b.in_turn(rows.div_ceil(ROWS)) {
                let mut after = after;
                let mut i = 0;
                while i < rows {
                    let n = (rows - i).min(ROWS);
                    let ahead = after.next().unwrap_or_default();
                    // SAFETY: rows i..i + n exist in `a` and `c`, and the panel's columns in `c`.
                    unsafe {
                        let a = a.as_ptr().add(i * stride);
                        let c = c.as_mut_ptr().add(i * columns + p * PANEL);
                        match n {
                            1 => $tile::<1>(a, stride, panel, ahead, c, columns),
                            2 => $tile::<2>(a, stride, panel, ahead, c, columns),
                            3 => $tile::<3>(a, stride, panel, ahead, c, columns),
                            4 => $tile::<4>(a, stride, panel, ahead, c, columns),
                            5 => $tile::<5>(a, stride, panel, ahead, c, columns),
                            6 => $tile::<6>(a, stride, panel, ahead, c, columns),
                            7 => $tile::<7>(a, stride, panel, ahead, c, columns),
                            8 => $tile::<8>(a, stride, panel, ahead, c, columns),
                            9 => $tile::<9>(a, stride, panel, ahead, c, columns),
                            10 => $tile::<10>(a, stride, panel, ahead, c, columns),
                            11 => $tile::<11>(a, stride, panel, ahead, c, columns),
                            _ => $tile::<ROWS>(a, stride, panel, ahead, c, columns),
                        }
                    }
                    i += n;
                }
            }
        }

        /// `R` rows times one panel, while `ahead` is fetched.
        ///
        /// # Safety
        /// The processor has the features; `a` is `R` rows of `panel.len()` pairs, `stride` apart;
        /// `c` is `R` rows of 32 sums, `columns` apart.
        #[inline]
        #[target_feature(enable = $features)]
        unsafe fn $tile<const R: usize>(
            a: *const [i16; 2],
            stride: usize,
            panel: &[PairRow],
            ahead: &[PairRow],
            c: *mut i32,
            columns: usize,
        ) {
            let mut sums = [[_mm512_setzero_si512(); 2]; R];
            for (t, row) in panel.iter().enumerate() {
                prefetch_far(ahead.get(t..=t).unwrap_or_default());
                let row = row.0.as_ptr().cast::<__m512i>();
                // SAFETY: a pair row is two aligned vectors; pair `t` of row `r` is inside `a`.
                unsafe {
                    let (low, high) = (_mm512_load_si512(row), _mm512_load_si512(row.add(1)));
                    for (r, sum) in sums.iter_mut().enumerate() {
                        let pair = a.add(r * stride + t).cast::<i32>().read_unaligned();
                        let x = _mm512_set1_epi32(pair);
                        sum[0] = $dot(sum[0], x, low);
                        sum[1] = $dot(sum[1], x, high);
                    }
                }
            }
            for (r, [low, high]) in sums.into_iter().enumerate() {
                // SAFETY: row `r` of `c` has 32 sums.
                unsafe {
                    let out = c.add(r * columns);
                    _mm512_storeu_si512(out.cast(), low);
                    _mm512_storeu_si512(out.add(16).cast(), high);
                }
            }
        }
    };
}

product!(
    /// By `vpmaddwd` and an addition.
    multiply,
    tile,
    "avx512f,avx512bw",
    |sum, x, y| _mm512_add_epi32(sum, _mm512_madd_epi16(x, y))
);

product!(
    /// By `vpdpwssd`, which adds by itself.
    multiply_vnni,
    tile_vnni,
    "avx512f,avx512bw,avx512vnni",
    dot_vnni
);

/// `vpdpwssd`, kept as it is: of the intrinsic LLVM makes `vpmaddwd` and `vpaddd` again, which keep
/// all vector units busy where this one keeps half of them.
///
/// # Safety
/// The processor has AVX-512 VNNI.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn dot_vnni(mut sum: __m512i, x: __m512i, y: __m512i) -> __m512i {
    // SAFETY: the processor has the instruction; it reads and writes these registers only.
    unsafe {
        asm!(
            "vpdpwssd {sum}, {x}, {y}",
            sum = inout(zmm_reg) sum,
            x = in(zmm_reg) x,
            y = in(zmm_reg) y,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sum
}
