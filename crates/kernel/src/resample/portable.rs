//! Plain Rust, and the reference for the vector paths.

use super::{DRAWS, SIGNS, Stream};

/// Sum of `codes.len()` codes drawn with replacement.
pub(super) fn bootstrap_sum(codes: &[i32], seed: u64, resample: u64) -> i64 {
    let mut stream = Stream::new(seed, resample);
    let n = codes.len() as u64;
    let code = |draw: u32| i64::from(codes[((u64::from(draw) * n) >> 32) as usize]);
    let mut sum = 0;
    for _ in 0..codes.len() / DRAWS {
        sum += stream.step32().into_iter().map(code).sum::<i64>();
    }
    let rest = codes.len() % DRAWS;
    if rest > 0 {
        sum += stream.step32()[..rest].iter().map(|&draw| code(draw)).sum::<i64>();
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
            let kept = |(bit, &code): (usize, &i32)| code & -((word >> bit & 1) as i32);
            // At most 64 codes of at most 2²⁵: the sum is within 2³¹, but for all at their greatest.
            sum += codes.iter().enumerate().map(|pair| i64::from(kept(pair))).sum::<i64>();
        }
    }
    sum
}
