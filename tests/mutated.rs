//! Damaged copies of a file: what a disk, a download or an editor may make of it, and worse.

/// Bytes that parsers stumble over.
const TOKENS: [&[u8]; 14] = [
    b"1e999",
    b"-0",
    b"NaN",
    b"18446744073709551616",
    b"\"",
    b"\\u0000",
    b"\\ud800",
    b"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
    b"{\"a\":{\"a\":{\"a\":{\"a\":",
    b"\xff\xfe",
    b"\0",
    b"\r\n\r\n",
    b"\t",
    b"null",
];

/// Endless mutations of a file, the same ones for the same seed.
pub(crate) struct Mutations<'a> {
    bytes: &'a [u8],
    state: u64,
}

impl<'a> Mutations<'a> {
    pub(crate) fn of(bytes: &'a [u8], seed: u64) -> Self {
        Self { bytes, state: seed }
    }

    /// splitmix64 (Steele, Lea and Flood 2014, doi 10.1145/2660193.2660195).
    fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.draw() % n.max(1) as u64) as usize
    }

    /// A range of at most `most` bytes.
    fn range(&mut self, len: usize, most: usize) -> std::ops::Range<usize> {
        let start = self.below(len);
        let size = 1 + self.below(most.min(len - start));
        start..(start + size).min(len)
    }
}

impl Iterator for Mutations<'_> {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let mut bytes = self.bytes.to_vec();
        for _ in 0..=self.below(3) {
            if bytes.is_empty() {
                break;
            }
            let len = bytes.len();
            match self.below(6) {
                0 => {
                    for _ in 0..=self.below(8) {
                        let (at, bit) = (self.below(len), self.below(8));
                        bytes[at] ^= 1 << bit;
                    }
                }
                1 => bytes.truncate(self.below(len)),
                2 => {
                    let (from, at) = (self.range(len, 4096), self.below(len));
                    let copied = bytes[from].to_vec();
                    bytes.splice(at..at, copied);
                }
                3 => drop(bytes.drain(self.range(len, 256))),
                4 => {
                    let (from, to) = (self.range(len, 256), self.range(len, 256));
                    let copied = bytes[from].to_vec();
                    bytes.splice(to, copied);
                }
                _ => {
                    let (token, to) = (TOKENS[self.below(TOKENS.len())], self.range(len, 16));
                    bytes.splice(to, token.iter().copied());
                }
            }
        }
        Some(bytes)
    }
}

/// What the process has ever held of address space, in bytes.
pub(crate) fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmPeak:")).expect("a line");
    let kib: u64 = line.split_whitespace().nth(1).expect("a number").parse().expect("a number");
    kib << 10
}
