//! AVX2: eight generators in four registers, tables in two.

use std::arch::x86_64::*;

use super::Stream;
use super::subsets::Subsets;

/// The eight lanes of a [`Stream`], four in a register.
pub(super) struct Lanes {
    s0: [__m256i; 2],
    s1: [__m256i; 2],
}

#[target_feature(enable = "avx2")]
fn rotate<const LEFT: i32, const RIGHT: i32>(x: __m256i) -> __m256i {
    const { assert!(LEFT + RIGHT == 64) };
    _mm256_or_si256(_mm256_slli_epi64::<LEFT>(x), _mm256_srli_epi64::<RIGHT>(x))
}

impl Lanes {
    #[target_feature(enable = "avx2")]
    pub(super) fn new(seed: u64, resample: u64) -> Self {
        let (s0, s1) = Stream::new(seed, resample).state();
        let load = |words: &[u64; 8], half: usize| {
            // SAFETY: four of the eight words, from word 0 or 4.
            unsafe { _mm256_loadu_si256(words.as_ptr().add(4 * half).cast()) }
        };
        Self { s0: [load(&s0, 0), load(&s0, 1)], s1: [load(&s1, 0), load(&s1, 1)] }
    }

    #[target_feature(enable = "avx2")]
    fn step(&mut self) -> [__m256i; 2] {
        let mut out = [_mm256_setzero_si256(); 2];
        for (half, out) in out.iter_mut().enumerate() {
            let (s0, mut s1) = (self.s0[half], self.s1[half]);
            *out = _mm256_add_epi64(rotate::<17, 47>(_mm256_add_epi64(s0, s1)), s0);
            s1 = _mm256_xor_si256(s1, s0);
            let mixed = _mm256_xor_si256(s1, _mm256_slli_epi64::<21>(s1));
            self.s0[half] = _mm256_xor_si256(rotate::<49, 15>(s0), mixed);
            self.s1[half] = rotate::<28, 36>(s1);
        }
        out
    }

    /// As [`super::portable::draw`].
    #[target_feature(enable = "avx2")]
    pub(super) fn draw(&mut self, n: u64, steps: &mut [[u64; 8]]) {
        let n = _mm256_set1_epi64x(n as i64);
        for step in steps {
            for (half, words) in self.step().into_iter().enumerate() {
                let low = _mm256_srli_epi64::<32>(_mm256_mul_epu32(words, n));
                let high = _mm256_mul_epu32(_mm256_srli_epi64::<32>(words), n);
                let both = _mm256_blend_epi32::<0xAA>(low, high);
                // SAFETY: four of the eight words, from word 0 or 4.
                unsafe { _mm256_storeu_si256(step.as_mut_ptr().add(4 * half).cast(), both) };
            }
        }
    }
}

/// Resamples at a time: two registers of draws.
const TOGETHER: usize = 16;

/// [`Subsets::kept_sums`]. An entry is looked up in both halves of its table, by the lower three
/// of its four bits; the uppermost one chooses.
#[target_feature(enable = "avx2")]
pub(super) fn kept_sums(subsets: &Subsets, seed: u64, first: u64, sums: &mut [i64; TOGETHER]) {
    subsets.kept_sums(seed, first, sums, |sums, draws, tables| {
        let (draws, sums) = (draws.as_chunks::<8>().0, sums.as_chunks_mut::<4>().0);
        // SAFETY: a chunk is eight draws.
        let mut draws = [0, 1].map(|i| unsafe { _mm256_loadu_si256(draws[i].as_ptr().cast()) });
        let mut kept = [_mm256_setzero_si256(); 2];
        for table in tables {
            let halves: *const __m256i = table.0.as_ptr().cast();
            // SAFETY: a table is two registers, aligned to them.
            let (low, high) =
                unsafe { (_mm256_load_si256(halves), _mm256_load_si256(halves.add(1))) };
            for (kept, draws) in kept.iter_mut().zip(&mut draws) {
                let three = _mm256_srli_epi32::<28>(*draws);
                let low = _mm256_permutevar8x32_epi32(low, three);
                let high = _mm256_permutevar8x32_epi32(high, three);
                let entry = _mm256_blendv_ps(
                    _mm256_castsi256_ps(low),
                    _mm256_castsi256_ps(high),
                    _mm256_castsi256_ps(*draws),
                );
                // Eight entries of at most 2²⁷.
                *kept = _mm256_add_epi32(*kept, _mm256_castps_si256(entry));
                *draws = _mm256_slli_epi32::<4>(*draws);
            }
        }
        for (kept, sums) in kept.into_iter().zip(sums.as_chunks_mut::<2>().0) {
            let halves = [_mm256_castsi256_si128(kept), _mm256_extracti128_si256::<1>(kept)];
            for (half, sums) in halves.into_iter().zip(sums) {
                let at: *mut __m256i = sums.as_mut_ptr().cast();
                // SAFETY: a chunk is four sums.
                unsafe {
                    let sum = _mm256_add_epi64(_mm256_loadu_si256(at), _mm256_cvtepi32_epi64(half));
                    _mm256_storeu_si256(at, sum);
                }
            }
        }
    });
}
