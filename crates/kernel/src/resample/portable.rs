//! Plain Rust, and the reference for the vector paths.

use super::{DRAWS, SIGNS, Stream};

/// Sum of `codes.len()` codes drawn with replacement.
pub(super) fn bootstrap_sum(codes: &[i32], seed: u64, resample: u64) -> i64 {
    let mut stream = Stream::new(seed, resample);
    let n = codes.len() as u64;
    let code = |draw: u32| i64::from(codes[((u64::from(draw) * n) >> 32) as usize]);
    let mut sum = 0;
    let mut left = codes.len();
    while left > 0 {
        let draws = left.min(DRAWS);
        sum += stream.step32().into_iter().take(draws).map(code).sum::<i64>();
        left -= draws;
    }
    sum
}

/// Sum of the codes that keep their sign: code `i` does iff bit `i mod 64` of word `i / 64` of the
/// stream is set.
pub(super) fn kept_sum(codes: &[i32], seed: u64, resample: u64) -> i64 {
    let mut stream = Stream::new(seed, resample);
    let mut sum = 0;
    for block in codes.chunks(SIGNS) {
        for (codes, word) in block.chunks(64).zip(stream.step()) {
            sum += kept_of_word(codes, word);
        }
    }
    sum
}

/// Sum of at most 64 codes that keep their sign: code `i` does iff bit `i` of `word` is set.
#[inline]
pub(super) fn kept_of_word(codes: &[i32], word: u64) -> i64 {
    let mut sum = 0;
    for (bit, &code) in codes.iter().enumerate() {
        sum += i64::from(code & -((word >> bit & 1) as i32));
    }
    sum
}
