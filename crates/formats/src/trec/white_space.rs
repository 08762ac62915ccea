//! Where white space is in a text.

/// Bytes of a word of the mask.
const WORD: usize = 64;

/// Where words of `text` end: at white space as C has it (space, tab, line feed, vertical tab, form
/// feed, carriage return) and at the end of the text. Ascending.
///
/// Bytes are compared side by side and their answers packed into 64 bits, of which only those set
/// are looked at: a search for one after the other starts anew at each of a line's columns.
pub(super) fn ends(text: &[u8]) -> Ends<'_> {
    Ends { text, mask: 0, first: 0, next: 0, ended: false }
}

/// What [`ends`] gives.
pub(super) struct Ends<'t> {
    text: &'t [u8],
    /// White space not given yet, as bits counted from `first`.
    mask: u64,
    first: usize,
    /// The first byte not looked at yet.
    next: usize,
    /// Whether the end of the text was given.
    ended: bool,
}

impl Ends<'_> {
    /// Looks at the next bytes that have white space; `None` where no byte is left.
    fn look(&mut self) -> Option<()> {
        while self.mask == 0 {
            let rest = self.text.get(self.next..).filter(|rest| !rest.is_empty())?;
            self.first = self.next;
            self.next += WORD;
            self.mask = match rest.first_chunk() {
                Some(word) => mask(word),
                None => {
                    let mut last = [0; WORD];
                    last[..rest.len()].copy_from_slice(rest);
                    mask(&last)
                }
            };
        }
        Some(())
    }
}

impl Iterator for Ends<'_> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        if self.mask == 0 && self.look().is_none() {
            let end = !std::mem::replace(&mut self.ended, true);
            return end.then_some(self.text.len());
        }
        let bit = self.mask.trailing_zeros() as usize;
        self.mask &= self.mask - 1;
        Some(self.first + bit)
    }
}

/// Bit `i` is set where byte `i` is white space.
#[inline]
fn mask(bytes: &[u8; WORD]) -> u64 {
    let mut flags = [0_u8; WORD];
    for (flag, byte) in flags.iter_mut().zip(bytes) {
        *flag = u8::from(*byte == b' ') | u8::from(byte.wrapping_sub(b'\t') < 5);
    }
    let mut mask = 0;
    for (i, eight) in flags.as_chunks::<8>().0.iter().enumerate() {
        // Byte k, which is 0 or 1, comes to bit 56 + k; no two terms meet, so nothing carries.
        let bits = u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        mask |= bits << (8 * i);
    }
    mask
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_judged_alone_at_every_place() {
        let spaces = [b' ', b'\t', b'\n', 0x0b, 0x0c, b'\r'];
        for length in [0, 1, 63, 64, 65, 300] {
            for seed in 0..40_u32 {
                let mut state = seed;
                let byte = |_| {
                    state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345);
                    // Mostly near white space, so that its neighbours are tried too.
                    (state >> 16) as u8 >> (state >> 30)
                };
                let text: Vec<u8> = (0..length).map(byte).collect();
                let white = (0..length).filter(|i| spaces.contains(&text[*i]));
                assert!(white.chain([length]).eq(ends(&text)), "{text:?}");
            }
        }
    }
}
