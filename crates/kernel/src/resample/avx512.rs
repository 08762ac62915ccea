//! AVX-512: eight generators in two registers, sixteen signs an instruction.

use std::arch::x86_64::*;

use super::portable::kept_of_word;
use super::stream::{GAMMA, key};
use super::{DRAWS, SIGNS};

/// The eight lanes of a [`super::Stream`].
struct Lanes {
    s0: __m512i,
    s1: __m512i,
}

#[target_feature(enable = "avx512f,avx512dq")]
fn mix(mut z: __m512i) -> __m512i {
    z = _mm512_xor_si512(z, _mm512_srli_epi64::<30>(z));
    z = _mm512_mullo_epi64(z, _mm512_set1_epi64(0xBF58_476D_1CE4_E5B9_u64 as i64));
    z = _mm512_xor_si512(z, _mm512_srli_epi64::<27>(z));
    z = _mm512_mullo_epi64(z, _mm512_set1_epi64(0x94D0_49BB_1331_11EB_u64 as i64));
    _mm512_xor_si512(z, _mm512_srli_epi64::<31>(z))
}

impl Lanes {
    #[target_feature(enable = "avx512f,avx512dq")]
    fn new(seed: u64, resample: u64) -> Self {
        let gamma = _mm512_set1_epi64(GAMMA as i64);
        let key = _mm512_set1_epi64(key(seed, resample) as i64);
        let state = |number| _mm512_add_epi64(key, _mm512_mullo_epi64(number, gamma));
        let first = _mm512_set_epi64(8, 7, 6, 5, 4, 3, 2, 1);
        let second = _mm512_add_epi64(first, _mm512_set1_epi64(8));
        Self { s0: mix(state(first)), s1: mix(state(second)) }
    }

    #[target_feature(enable = "avx512f,avx512dq")]
    fn step(&mut self) -> __m512i {
        let (s0, mut s1) = (self.s0, self.s1);
        let sum = _mm512_rol_epi64::<17>(_mm512_add_epi64(s0, s1));
        s1 = _mm512_xor_si512(s1, s0);
        let shifted = _mm512_slli_epi64::<21>(s1);
        self.s0 = _mm512_ternarylogic_epi64::<0x96>(_mm512_rol_epi64::<49>(s0), s1, shifted);
        self.s1 = _mm512_rol_epi64::<28>(s1);
        _mm512_add_epi64(sum, s0)
    }

    /// Sixteen indices below n, which every lane of `n` holds as 64 bits.
    #[target_feature(enable = "avx512f,avx512dq")]
    fn indices(&mut self, n: __m512i) -> __m512i {
        let words = self.step();
        let low = _mm512_srli_epi64::<32>(_mm512_mul_epu32(words, n));
        let high = _mm512_mul_epu32(_mm512_srli_epi64::<32>(words), n);
        _mm512_mask_blend_epi32(0xAAAA, low, high)
    }
}

/// Adds the sixteen codes of `sums` to eight sums of 64 bits.
#[target_feature(enable = "avx512f,avx512dq")]
fn widen(wide: __m512i, sums: __m512i) -> __m512i {
    let low = _mm512_cvtepi32_epi64(_mm512_castsi512_si256(sums));
    let high = _mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64::<1>(sums));
    _mm512_add_epi64(wide, _mm512_add_epi64(low, high))
}

/// As [`super::portable::bootstrap_sum`].
#[target_feature(enable = "avx512f,avx512dq")]
pub(super) fn bootstrap_sum(codes: &[i32], seed: u64, resample: u64) -> i64 {
    /// Gathers whose sum fits into a lane: 32 codes of at most 2²⁵.
    const STEPS: usize = 32;
    let mut lanes = Lanes::new(seed, resample);
    let n = _mm512_set1_epi64(codes.len() as i64);
    let mut wide = _mm512_setzero_si512();
    let mut left = codes.len();
    while left > 0 {
        let mut sums = _mm512_setzero_si512();
        for _ in 0..(left / DRAWS).min(STEPS) {
            let indices = lanes.indices(n);
            // SAFETY: an index is (draw · n) >> 32 with draw < 2³², hence below n = codes.len().
            let drawn = unsafe { _mm512_i32gather_epi32::<4>(indices, codes.as_ptr().cast()) };
            sums = _mm512_add_epi32(sums, drawn);
            left -= DRAWS;
        }
        if left > 0 && left < DRAWS {
            let indices = lanes.indices(n);
            let mask = (1_u16 << left) - 1;
            let none = _mm512_setzero_si512();
            // SAFETY: as above; lanes that the mask leaves out read nothing.
            let drawn = unsafe {
                _mm512_mask_i32gather_epi32::<4>(none, mask, indices, codes.as_ptr().cast())
            };
            wide = widen(wide, drawn);
            left = 0;
        }
        wide = widen(wide, sums);
    }
    _mm512_reduce_add_epi64(wide)
}

/// As [`super::portable::kept_sum`].
#[target_feature(enable = "avx512f,avx512dq")]
pub(super) fn kept_sum(codes: &[i32], seed: u64, resample: u64) -> i64 {
    let mut lanes = Lanes::new(seed, resample);
    let mut wide = _mm512_setzero_si512();
    let mut sum = 0;
    for block in codes.chunks(SIGNS) {
        let mut words = [0_u64; 8];
        // SAFETY: the array has the 64 bytes that are stored.
        unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), lanes.step()) };
        // Eight codes at most in a lane of each, 32 in that of their sum: below 2³¹.
        let mut sums = [_mm512_setzero_si512(); 4];
        let (whole, rest) = block.as_chunks::<64>();
        for (codes, word) in whole.iter().zip(words) {
            for (quarter, sums) in sums.iter_mut().enumerate() {
                // SAFETY: sixteen of the 64 codes, from code 0, 16, 32 or 48.
                let codes = unsafe { _mm512_loadu_si512(codes.as_ptr().add(16 * quarter).cast()) };
                let kept = (word >> (16 * quarter)) as u16;
                *sums = _mm512_mask_add_epi32(*sums, kept, *sums, codes);
            }
        }
        if !rest.is_empty() {
            sum += kept_of_word(rest, words[whole.len()]);
        }
        let pairs = (_mm512_add_epi32(sums[0], sums[1]), _mm512_add_epi32(sums[2], sums[3]));
        wide = widen(wide, _mm512_add_epi32(pairs.0, pairs.1));
    }
    sum + _mm512_reduce_add_epi64(wide)
}
