//! Inner products of codes with the 8-bit dot instructions of AVX-512 VNNI.

use std::arch::x86_64::*;

use super::{Int8Rows, Line};

/// [`Int8Rows::dots`].
///
/// `vpdpbusd` multiplies unsigned by signed bytes and adds four products to 32 bits without
/// saturating: the row gives `d + 128` (its codes with the sign bit turned), so `128 Σ c` is taken
/// off at the end. Sums that wrap in between are right again then.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn dots(codes: &[Line], rows: &Int8Rows, which: &[u32], out: &mut [i32]) {
    // Dimensions of common encoders have their codes in registers.
    match codes.len() {
        2 => dots_of::<2>(codes, rows, which, out),
        6 => dots_of::<6>(codes, rows, which, out),
        8 => dots_of::<8>(codes, rows, which, out),
        12 => dots_of::<12>(codes, rows, which, out),
        16 => dots_of::<16>(codes, rows, which, out),
        _ => {
            let bias = bias(codes.iter().map(|line| load(line)));
            for (row, out) in which.iter().zip(out) {
                let mut sums = [_mm512_setzero_si512(); 2];
                for (i, (c, d)) in codes.iter().zip(rows.codes_of(*row)).enumerate() {
                    sums[i % 2] = _mm512_dpbusd_epi32(sums[i % 2], offset(load(d)), load(c));
                }
                *out =
                    _mm512_reduce_add_epi32(_mm512_add_epi32(sums[0], sums[1])).wrapping_sub(bias);
            }
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn dots_of<const LINES: usize>(codes: &[Line], rows: &Int8Rows, which: &[u32], out: &mut [i32]) {
    let mut c = [_mm512_setzero_si512(); LINES];
    for (c, line) in c.iter_mut().zip(codes) {
        *c = load(line);
    }
    let bias = bias(c.into_iter());
    for (row, out) in which.iter().zip(out) {
        let (row, _) = rows.codes_of(*row).as_chunks::<LINES>();
        let row = &row[0];
        let mut sums = [_mm512_setzero_si512(); 2];
        for i in 0..LINES {
            sums[i % 2] = _mm512_dpbusd_epi32(sums[i % 2], offset(load(&row[i])), c[i]);
        }
        *out = _mm512_reduce_add_epi32(_mm512_add_epi32(sums[0], sums[1])).wrapping_sub(bias);
    }
}

/// `128 Σ c`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn bias(codes: impl Iterator<Item = __m512i>) -> i32 {
    let halves = _mm512_set1_epi8(-128);
    let mut sum = _mm512_setzero_si512();
    for c in codes {
        sum = _mm512_dpbusd_epi32(sum, halves, c);
    }
    _mm512_reduce_add_epi32(sum)
}

/// `d + 128` as unsigned bytes.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn offset(d: __m512i) -> __m512i {
    _mm512_xor_si512(d, _mm512_set1_epi8(-128))
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn load(line: &Line) -> __m512i {
    // SAFETY: a line is 64 bytes long and aligned to 64.
    unsafe { _mm512_load_si512(std::ptr::from_ref(line).cast()) }
}
