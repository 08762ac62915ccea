//! AVX-512: eight generators in two registers, a table in one.

use std::arch::x86_64::*;

use super::stream::{GAMMA, key};
use super::subsets::Subsets;

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

/// Resamples at a time: four registers of draws share a table.
const TOGETHER: usize = 64;

/// [`Subsets::kept_sums`]. A table is one register, and the permutation reads four bits.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
pub(super) fn kept_sums(subsets: &Subsets, seed: u64, first: u64, sums: &mut [i64; TOGETHER]) {
    subsets.kept_sums(seed, first, sums, |sums, draws, tables| {
        let (draws, sums) = (draws.as_chunks::<16>().0, sums.as_chunks_mut::<8>().0);
        let mut draws =
            // SAFETY: a chunk is sixteen draws.
            [0, 1, 2, 3].map(|i| unsafe { _mm512_loadu_si512(draws[i].as_ptr().cast()) });
        let mut kept = [_mm512_setzero_si512(); 4];
        for table in tables {
            // SAFETY: a table is one register, aligned to it.
            let table = unsafe { _mm512_load_si512(table.0.as_ptr().cast()) };
            for (kept, draws) in kept.iter_mut().zip(&mut draws) {
                *draws = _mm512_rol_epi32::<4>(*draws);
                // Eight entries of at most 2²⁷.
                *kept = _mm512_add_epi32(*kept, _mm512_permutexvar_epi32(*draws, table));
            }
        }
        for (kept, sums) in kept.into_iter().zip(sums.as_chunks_mut::<2>().0) {
            let halves = [_mm512_castsi512_si256(kept), _mm512_extracti64x4_epi64::<1>(kept)];
            for (half, sums) in halves.into_iter().zip(sums) {
                let at: *mut __m512i = sums.as_mut_ptr().cast();
                // SAFETY: a chunk is eight sums.
                unsafe {
                    let sum = _mm512_add_epi64(_mm512_loadu_si512(at), _mm512_cvtepi32_epi64(half));
                    _mm512_storeu_si512(at, sum);
                }
            }
        }
    });
}
