//! Plain Rust, and the reference for the vector paths.

use super::{ROW, ROWS, Stream};

/// Fills `steps` with pairs of indices below `n`: the low halves come from the low halves of the
/// stream's words, the high ones from the high halves.
pub(super) fn draw(stream: &mut Stream, n: u64, steps: &mut [[u64; 8]]) {
    const LOW: u64 = 0xFFFF_FFFF;
    for step in steps {
        *step = stream.step().map(|word| (((word & LOW) * n) >> 32) | (((word >> 32) * n) & !LOW));
    }
}

/// Sum of the codes that keep their sign: in a block of 512 codes, code `16 j + i` does iff bit
/// `31 − j` of draw `i` of the stream's step is set.
pub(super) fn kept_sum(codes: &[i32], seed: u64, resample: u64) -> i64 {
    let mut stream = Stream::new(seed, resample);
    let mut sum = 0;
    for block in codes.chunks(ROW * ROWS) {
        let mut draws = stream.step32();
        // 32 codes of at most 2²⁵ in each: below 2³¹.
        let mut sums = [0_i32; ROW];
        let (rows, rest) = block.as_chunks::<ROW>();
        for row in rows {
            for i in 0..ROW {
                sums[i] += row[i] & (draws[i] as i32 >> 31);
                draws[i] <<= 1;
            }
        }
        for (sum, (code, draw)) in sums.iter_mut().zip(rest.iter().zip(draws)) {
            *sum += code & (draw as i32 >> 31);
        }
        sum += sums.into_iter().map(i64::from).sum::<i64>();
    }
    sum
}
