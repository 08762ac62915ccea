//! Plain Rust, and the reference for the vector paths.

use super::Stream;

/// Fills `steps` with pairs of indices below `n`: the low halves come from the low halves of the
/// stream's words, the high ones from the high halves.
pub(super) fn draw(stream: &mut Stream, n: u64, steps: &mut [[u64; 8]]) {
    const LOW: u64 = 0xFFFF_FFFF;
    for step in steps {
        *step = stream.step().map(|word| (((word & LOW) * n) >> 32) | (((word >> 32) * n) & !LOW));
    }
}
