//! AVX2: eight generators in four registers, eight signs at a time.

use std::arch::x86_64::*;

use super::{ROW, ROWS, Stream};

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

/// As [`super::portable::kept_sum`].
#[target_feature(enable = "avx2")]
pub(super) fn kept_sum(codes: &[i32], seed: u64, resample: u64) -> i64 {
    let mut lanes = Lanes::new(seed, resample);
    let mut wide = _mm256_setzero_si256();
    for block in codes.chunks(ROW * ROWS) {
        let mut draws = lanes.step();
        // 32 codes of at most 2²⁵ in a lane: below 2³¹.
        let mut sums = [_mm256_setzero_si256(); 2];
        let (rows, rest) = block.as_chunks::<ROW>();
        let mut last = [0; ROW];
        last[..rest.len()].copy_from_slice(rest);
        for row in rows.iter().chain((!rest.is_empty()).then_some(&last)) {
            for half in 0..2 {
                // SAFETY: eight of the sixteen codes, from code 0 or 8.
                let codes = unsafe { _mm256_loadu_si256(row.as_ptr().add(8 * half).cast()) };
                let kept = _mm256_and_si256(codes, _mm256_srai_epi32::<31>(draws[half]));
                sums[half] = _mm256_add_epi32(sums[half], kept);
                draws[half] = _mm256_add_epi32(draws[half], draws[half]);
            }
        }
        for sums in sums {
            let low = _mm256_cvtepi32_epi64(_mm256_castsi256_si128(sums));
            let high = _mm256_cvtepi32_epi64(_mm256_extracti128_si256::<1>(sums));
            wide = _mm256_add_epi64(wide, _mm256_add_epi64(low, high));
        }
    }
    let mut lanes = [0_i64; 4];
    // SAFETY: the array has the 32 bytes that are stored.
    unsafe { _mm256_storeu_si256(lanes.as_mut_ptr().cast(), wide) };
    lanes.iter().sum()
}
