//! Rounding and interleaving in 512-bit registers: the bits of the plain loops, which the
//! compiler does not keep in whole registers.

use std::arch::x86_64::{
    __m512i, _mm_storeu_si128, _mm512_abs_ps, _mm512_add_ps, _mm512_castps_si512,
    _mm512_cvtepi32_epi8, _mm512_loadu_ps, _mm512_loadu_si512, _mm512_max_ps, _mm512_mul_ps,
    _mm512_permute_ps, _mm512_reduce_max_ps, _mm512_set1_epi32, _mm512_set1_ps, _mm512_setzero_ps,
    _mm512_shuffle_f32x4, _mm512_shuffle_i32x4, _mm512_storeu_ps, _mm512_storeu_si512,
    _mm512_sub_ps, _mm512_unpackhi_epi32, _mm512_unpackhi_epi64, _mm512_unpacklo_epi32,
    _mm512_unpacklo_epi64, _mm512_xor_si512,
};

use super::direction::{BLOCK, INTEGER};
use super::{LANES, STEP};

/// [`scale`](super::direction::scale).
///
/// # Safety
/// The processor must have AVX-512 F.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn scale(row: &[f32], first: f32, second: f32, unit: &mut [f32]) -> (f32, f32) {
    let (first, second) = (_mm512_set1_ps(first), _mm512_set1_ps(second));
    let (mut greatest, mut part) = (_mm512_setzero_ps(), _mm512_setzero_ps());
    let (blocks, rest) = row.as_chunks::<BLOCK>();
    let mut last = [0.0; BLOCK];
    last[..rest.len()].copy_from_slice(rest);
    let blocks = blocks.iter().chain((!rest.is_empty()).then_some(&last));
    for (block, unit) in blocks.zip(unit.as_chunks_mut::<BLOCK>().0) {
        let mut squares = _mm512_setzero_ps();
        for (chunk, unit) in block.as_chunks::<16>().0.iter().zip(unit.as_chunks_mut::<16>().0) {
            // SAFETY: a chunk is 16 values.
            let x = unsafe { _mm512_loadu_ps(chunk.as_ptr()) };
            let x = _mm512_mul_ps(_mm512_mul_ps(x, first), second);
            // SAFETY: as above.
            unsafe { _mm512_storeu_ps(unit.as_mut_ptr(), x) };
            greatest = _mm512_max_ps(_mm512_abs_ps(x), greatest);
            squares = _mm512_add_ps(squares, _mm512_mul_ps(x, x));
        }
        // Lane i plus lane i ± 8, then ± 4, then its neighbour: in every lane the sum of its
        // half of each four.
        let eight = _mm512_add_ps(squares, _mm512_shuffle_f32x4::<0b01_00_11_10>(squares, squares));
        let four = _mm512_add_ps(eight, _mm512_shuffle_f32x4::<0b10_11_00_01>(eight, eight));
        let two = _mm512_add_ps(four, _mm512_permute_ps::<0b10_11_00_01>(four));
        part = _mm512_max_ps(two, part);
    }
    (_mm512_reduce_max_ps(greatest), _mm512_reduce_max_ps(part))
}

/// [`round`](super::direction::round) of `unit`.
///
/// # Safety
/// The processor must have AVX-512 F; `codes` must be as long as `unit`.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn round(unit: &[f32], step: f32, codes: &mut [u8]) -> [f32; 16] {
    let (inverse, step) = (_mm512_set1_ps(1.0 / step), _mm512_set1_ps(step));
    let integer = _mm512_set1_ps(INTEGER);
    let mut squares = _mm512_setzero_ps();
    for (unit, codes) in unit.as_chunks::<16>().0.iter().zip(codes.as_chunks_mut::<16>().0) {
        // SAFETY: a chunk is 16 values.
        let x = unsafe { _mm512_loadu_ps(unit.as_ptr()) };
        let shifted = _mm512_add_ps(_mm512_mul_ps(x, inverse), integer);
        let code = _mm512_cvtepi32_epi8(_mm512_castps_si512(shifted));
        // SAFETY: a chunk is 16 bytes.
        unsafe { _mm_storeu_si128(codes.as_mut_ptr().cast(), code) };
        let rest = _mm512_sub_ps(x, _mm512_mul_ps(_mm512_sub_ps(shifted, integer), step));
        squares = _mm512_add_ps(squares, _mm512_mul_ps(rest, rest));
    }
    let mut lanes = [0.0; 16];
    // SAFETY: 16 values.
    unsafe { _mm512_storeu_ps(lanes.as_mut_ptr(), squares) };
    lanes
}

/// [`interleave`](super::interleave): transposes 16 × 16 words at a time.
///
/// # Safety
/// The processor must have AVX-512 F.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn interleave(codes: &[u8], panel: &mut [u8]) {
    const SQUARE: usize = LANES * STEP;
    let padded = codes.len() / LANES;
    assert!(codes.len() == panel.len() && codes.len() == padded / SQUARE * SQUARE * LANES);
    let bias = _mm512_set1_epi32(0x8080_8080u32.cast_signed());
    for (b, square) in panel.as_chunks_mut::<{ SQUARE * LANES }>().0.iter_mut().enumerate() {
        let row = |r: usize| -> __m512i {
            // SAFETY: 64 codes of row r begin at `r · padded + 64 b`, within `codes`.
            let codes =
                unsafe { _mm512_loadu_si512(codes.as_ptr().add(r * padded + b * SQUARE).cast()) };
            _mm512_xor_si512(codes, bias)
        };
        // Pairs of rows, then fours: `fours[4 i + j]` holds, in its m-th quarter, step 4 m + j
        // of rows 4 i to 4 i + 3.
        let mut fours = [bias; LANES];
        for i in 0..4 {
            let [a, b, c, d] = std::array::from_fn(|j| row(4 * i + j));
            let (ab_low, ab_high) = (_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
            let (cd_low, cd_high) = (_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
            fours[4 * i] = _mm512_unpacklo_epi64(ab_low, cd_low);
            fours[4 * i + 1] = _mm512_unpackhi_epi64(ab_low, cd_low);
            fours[4 * i + 2] = _mm512_unpacklo_epi64(ab_high, cd_high);
            fours[4 * i + 3] = _mm512_unpackhi_epi64(ab_high, cd_high);
        }
        for j in 0..4 {
            let [a, b, c, d] = std::array::from_fn(|i| fours[4 * i + j]);
            // Quarters 0 and 1, or 2 and 3, of two registers beside each other.
            let (ab_low, ab_high) = (
                _mm512_shuffle_i32x4::<0b01_00_01_00>(a, b),
                _mm512_shuffle_i32x4::<0b11_10_11_10>(a, b),
            );
            let (cd_low, cd_high) = (
                _mm512_shuffle_i32x4::<0b01_00_01_00>(c, d),
                _mm512_shuffle_i32x4::<0b11_10_11_10>(c, d),
            );
            let steps = [
                _mm512_shuffle_i32x4::<0b10_00_10_00>(ab_low, cd_low),
                _mm512_shuffle_i32x4::<0b11_01_11_01>(ab_low, cd_low),
                _mm512_shuffle_i32x4::<0b10_00_10_00>(ab_high, cd_high),
                _mm512_shuffle_i32x4::<0b11_01_11_01>(ab_high, cd_high),
            ];
            for (m, step) in steps.into_iter().enumerate() {
                // SAFETY: step 4 m + j < 16 of this square, 64 bytes each.
                unsafe {
                    let at = square.as_mut_ptr().add((4 * m + j) * SQUARE);
                    _mm512_storeu_si512(at.cast(), step);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::direction;
    use super::*;
    use crate::Isa;

    #[test]
    fn the_bits_are_those_of_the_plain_loops() {
        if !Isa::Avx512.is_available() {
            eprintln!("skipped: this processor lacks {}", Isa::Avx512);
            return;
        }
        for (dim, padded) in [(1, 64), (63, 64), (384, 384), (1025, 1088)] {
            let row: Vec<f32> =
                (0..dim).map(|i| ((i * i * 31 % 977) as f32 - 488.0) / 7000.0).collect();
            let (mut unit, mut other) = (vec![1.0; padded], vec![2.0; padded]);
            // SAFETY: the processor has AVX-512, asked above.
            let wide = unsafe { scale(&row, 0.5, 1.7, &mut unit) };
            assert_eq!(wide, direction::scale(&row, 0.5, 1.7, &mut other));
            assert_eq!(unit, other);
            let (mut a, mut b) = (vec![1; padded], vec![2; padded]);
            // SAFETY: as above; the lengths are equal.
            let wide = unsafe { round(&unit, 0.0007, &mut a) };
            assert_eq!(wide, direction::round(&unit, 0.0007, &mut b));
            assert_eq!(a, b);
            let codes: Vec<u8> = (0..padded * LANES).map(|i| (i * 7 % 251) as u8).collect();
            let (mut a, mut b) = (vec![1; codes.len()], vec![2; codes.len()]);
            // SAFETY: as above.
            unsafe { interleave(&codes, &mut a) };
            super::super::interleave(&codes, &mut b);
            assert_eq!(a, b);
        }
    }
}
