//! Inner products of codes with AVX2.

use std::arch::x86_64::*;

use super::{Int8Rows, Line};

/// [`Int8Rows::dots`].
///
/// `vpmaddubsw` multiplies unsigned by signed bytes: the one operand gives its magnitude, the
/// other takes its sign. Two products are at most 2 · 127², which 16 bits hold: nothing saturates.
#[target_feature(enable = "avx2")]
pub(super) fn dots(codes: &[Line], rows: &Int8Rows, which: &[u32], out: &mut [i32]) {
    let ones = _mm256_set1_epi16(1);
    for (row, out) in which.iter().zip(out) {
        let mut sums = [_mm256_setzero_si256(); 2];
        for (a, b) in codes.iter().zip(rows.codes_of(*row)) {
            for ((a, b), sum) in halves(a).into_iter().zip(halves(b)).zip(&mut sums) {
                let products = _mm256_maddubs_epi16(_mm256_abs_epi8(a), _mm256_sign_epi8(b, a));
                *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(products, ones));
            }
        }
        *out = add_lanes(_mm256_add_epi32(sums[0], sums[1]));
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn halves(line: &Line) -> [__m256i; 2] {
    let at: *const __m256i = std::ptr::from_ref(line).cast();
    // SAFETY: a line is 64 bytes long and aligned to 64.
    unsafe { [_mm256_load_si256(at), _mm256_load_si256(at.add(1))] }
}

#[inline]
#[target_feature(enable = "avx2")]
fn add_lanes(sums: __m256i) -> i32 {
    let half = _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256::<1>(sums));
    let pair = _mm_add_epi32(half, _mm_shuffle_epi32::<0b01_00_11_10>(half));
    _mm_cvtsi128_si32(_mm_add_epi32(pair, _mm_shuffle_epi32::<0b10_11_00_01>(pair)))
}
