//! AVX-512: eight generators in two registers, sixteen signs an instruction.

use std::arch::x86_64::*;

use super::stream::{GAMMA, key};
use super::{ROW, ROWS};

/// The eight lanes of a [`super::Stream`].
pub(super) struct Lanes {
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
    pub(super) fn new(seed: u64, resample: u64) -> Self {
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

    /// As [`super::portable::draw`].
    #[target_feature(enable = "avx512f,avx512dq")]
    pub(super) fn draw(&mut self, n: u64, steps: &mut [[u64; 8]]) {
        let n = _mm512_set1_epi64(n as i64);
        for step in steps {
            let words = self.step();
            let low = _mm512_srli_epi64::<32>(_mm512_mul_epu32(words, n));
            let high = _mm512_mul_epu32(_mm512_srli_epi64::<32>(words), n);
            let both = _mm512_mask_blend_epi32(0xAAAA, low, high);
            // SAFETY: the array has the 64 bytes that are stored.
            unsafe { _mm512_storeu_si512(step.as_mut_ptr().cast(), both) };
        }
    }
}

/// As [`super::portable::kept_sum`].
#[target_feature(enable = "avx512f,avx512dq")]
pub(super) fn kept_sum(codes: &[i32], seed: u64, resample: u64) -> i64 {
    let mut lanes = Lanes::new(seed, resample);
    let mut wide = _mm512_setzero_si512();
    for block in codes.chunks(ROW * ROWS) {
        let mut draws = lanes.step();
        // 32 codes of at most 2²⁵ in a lane of the two: below 2³¹.
        let mut sums = [_mm512_setzero_si512(); 2];
        let (rows, rest) = block.as_chunks::<ROW>();
        let (pairs, single) = rows.as_chunks::<2>();
        for pair in pairs {
            for (sums, row) in sums.iter_mut().zip(pair) {
                // SAFETY: the array has the 64 bytes that are loaded.
                let row = unsafe { _mm512_loadu_si512(row.as_ptr().cast()) };
                *sums = _mm512_mask_add_epi32(*sums, _mm512_movepi32_mask(draws), *sums, row);
                draws = _mm512_add_epi32(draws, draws);
            }
        }
        for row in single {
            // SAFETY: as above.
            let row = unsafe { _mm512_loadu_si512(row.as_ptr().cast()) };
            sums[0] = _mm512_mask_add_epi32(sums[0], _mm512_movepi32_mask(draws), sums[0], row);
            draws = _mm512_add_epi32(draws, draws);
        }
        if !rest.is_empty() {
            let kept = _mm512_movepi32_mask(draws) & ((1 << rest.len()) - 1);
            // SAFETY: the mask leaves out what lies beyond `rest`.
            let row = unsafe { _mm512_maskz_loadu_epi32(kept, rest.as_ptr()) };
            sums[1] = _mm512_add_epi32(sums[1], row);
        }
        let sums = _mm512_add_epi32(sums[0], sums[1]);
        let low = _mm512_cvtepi32_epi64(_mm512_castsi512_si256(sums));
        let high = _mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64::<1>(sums));
        wide = _mm512_add_epi64(wide, _mm512_add_epi64(low, high));
    }
    _mm512_reduce_add_epi64(wide)
}
