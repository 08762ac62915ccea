//! AVX2: eight generators in four registers, eight signs at a time.

use std::arch::x86_64::*;

use super::portable::kept_of_word;
use super::{DRAWS, SIGNS, Stream};

/// The eight lanes of a [`Stream`], four in a register.
struct Lanes {
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
    fn new(seed: u64, resample: u64) -> Self {
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

    /// Sixteen indices below n, which every lane of `n` holds as 64 bits.
    #[target_feature(enable = "avx2")]
    fn indices(&mut self, n: __m256i) -> [u32; DRAWS] {
        let mut indices = [0; DRAWS];
        for (half, words) in self.step().into_iter().enumerate() {
            let low = _mm256_srli_epi64::<32>(_mm256_mul_epu32(words, n));
            let high = _mm256_mul_epu32(_mm256_srli_epi64::<32>(words), n);
            let both = _mm256_blend_epi32::<0xAA>(low, high);
            // SAFETY: eight of the sixteen indices, from index 0 or 8.
            unsafe { _mm256_storeu_si256(indices.as_mut_ptr().add(8 * half).cast(), both) };
        }
        indices
    }
}

/// As [`super::portable::bootstrap_sum`].
#[target_feature(enable = "avx2")]
pub(super) fn bootstrap_sum(codes: &[i32], seed: u64, resample: u64) -> i64 {
    let mut lanes = Lanes::new(seed, resample);
    let n = _mm256_set1_epi64x(codes.len() as i64);
    // SAFETY: an index is (draw · n) >> 32 with draw < 2³², hence below n = codes.len().
    let code = |index: u32| unsafe { *codes.get_unchecked(index as usize) };
    let mut sum = 0;
    for _ in 0..codes.len() / DRAWS {
        // Sixteen codes of at most 2²⁵ add up in 32 bits.
        sum += i64::from(lanes.indices(n).into_iter().map(code).sum::<i32>());
    }
    let rest = codes.len() % DRAWS;
    if rest > 0 {
        sum += i64::from(lanes.indices(n).into_iter().take(rest).map(code).sum::<i32>());
    }
    sum
}

/// As [`super::portable::kept_sum`].
#[target_feature(enable = "avx2")]
pub(super) fn kept_sum(codes: &[i32], seed: u64, resample: u64) -> i64 {
    let mut lanes = Lanes::new(seed, resample);
    let bits = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    let mut wide = _mm256_setzero_si256();
    let mut sum = 0;
    for block in codes.chunks(SIGNS) {
        let mut words = [0_u64; 8];
        for (half, step) in lanes.step().into_iter().enumerate() {
            // SAFETY: four of the eight words, from word 0 or 4.
            unsafe { _mm256_storeu_si256(words.as_mut_ptr().add(4 * half).cast(), step) };
        }
        for (words, block) in words.chunks(4).zip(block.chunks(SIGNS / 2)) {
            // Eight codes at most in a lane of each, 32 in that of their sum: below 2³¹.
            let mut sums = [_mm256_setzero_si256(); 4];
            let (whole, rest) = block.as_chunks::<64>();
            for (codes, word) in whole.iter().zip(words) {
                for eighth in 0..8 {
                    let byte = _mm256_set1_epi8((word >> (8 * eighth)) as i8);
                    let kept = _mm256_cmpeq_epi32(_mm256_and_si256(byte, bits), bits);
                    // SAFETY: eight of the 64 codes, from code 0, 8, … 56.
                    let codes =
                        unsafe { _mm256_loadu_si256(codes.as_ptr().add(8 * eighth).cast()) };
                    let sums = &mut sums[eighth % 4];
                    *sums = _mm256_add_epi32(*sums, _mm256_and_si256(kept, codes));
                }
            }
            if !rest.is_empty() {
                sum += kept_of_word(rest, words[whole.len()]);
            }
            let pairs = (_mm256_add_epi32(sums[0], sums[1]), _mm256_add_epi32(sums[2], sums[3]));
            let sums = _mm256_add_epi32(pairs.0, pairs.1);
            let low = _mm256_cvtepi32_epi64(_mm256_castsi256_si128(sums));
            let high = _mm256_cvtepi32_epi64(_mm256_extracti128_si256::<1>(sums));
            wide = _mm256_add_epi64(wide, _mm256_add_epi64(low, high));
        }
    }
    let mut lanes = [0_i64; 4];
    // SAFETY: the array has the 32 bytes that are stored.
    unsafe { _mm256_storeu_si256(lanes.as_mut_ptr().cast(), wide) };
    sum + lanes.iter().sum::<i64>()
}
