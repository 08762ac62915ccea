//! Sums of every subset of four codes, and the signs of many resamples at a time.

use super::stream::{GAMMA, key, mix, next};
use super::{ROW, ROWS};

/// Sums of the subsets of four codes: entry `m` is that of the codes whose bit of `m` is set.
pub(super) type Table = [i32; 16];

/// Codes of a table: bits of a draw that choose an entry.
const FOUR: usize = 4;

/// Codes as tables, in the order in which a stream's bits meet them.
///
/// In a block of 512 codes, code `16 j + i` keeps its sign iff bit `31 − j` of draw `i` of the
/// stream's step is set. So bits `31 − 4 g` to `28 − 4 g` of draw `i` choose an entry of table
/// `(i, g)`, and a fourth of the additions is left.
#[derive(Debug)]
pub(super) struct Subsets {
    /// `[block][draw][four bits]`; the last block has only those tables that hold a code.
    tables: Vec<Lined>,
    codes: usize,
}

/// A table at a cache line.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Lined(pub(super) Table);

impl Subsets {
    /// Tables of codes of at most 2²⁵ in magnitude; entries are at most 2²⁷.
    pub(super) fn of(codes: &[i32]) -> Self {
        let mut tables = Vec::with_capacity(codes.len().div_ceil(FOUR).next_multiple_of(ROW));
        for block in codes.chunks(ROW * ROWS) {
            for i in 0..ROW {
                for g in 0..tables_of(block.len()) {
                    let code = |j: usize| block.get(ROW * j + i).copied().unwrap_or(0);
                    let mut table = [0; 16];
                    for bit in 0..FOUR {
                        let code = code(FOUR * g + FOUR - 1 - bit);
                        for m in 1 << bit..2 << bit {
                            table[m] = table[m - (1 << bit)] + code;
                        }
                    }
                    tables.push(Lined(table));
                }
            }
        }
        Self { tables, codes: codes.len() }
    }

    /// Sums of the codes that keep their sign in resamples `first`, `first + 1`, … under `seed`.
    ///
    /// `look_up(sums, draws, tables)` adds to each of `N` sums the entries that its draw chooses:
    /// the uppermost four bits in the first table, the next in the next.
    #[inline(always)]
    pub(super) fn kept_sums<const N: usize>(
        &self,
        seed: u64,
        first: u64,
        sums: &mut [i64; N],
        look_up: impl Fn(&mut [i64; N], &[u32; N], &[Lined]),
    ) {
        sums.fill(0);
        let mut streams = Streams::<N>::new(seed, first);
        let (mut rest, mut left) = (&self.tables[..], self.codes);
        while left > 0 {
            let codes = left.min(ROW * ROWS);
            let tables = tables_of(codes);
            let (block, others) = rest.split_at(ROW * tables);
            let mut of_draw = block.chunks_exact(tables);
            for lane in 0..ROW / 2 {
                let (low, high) = streams.draw(lane);
                for draws in [low, high] {
                    look_up(sums, &draws, of_draw.next().unwrap_or_default());
                }
            }
            (rest, left) = (others, left - codes);
        }
    }

    /// [`Self::kept_sums`] in plain Rust.
    pub(super) fn kept_sums_portable<const N: usize>(
        &self,
        seed: u64,
        first: u64,
        sums: &mut [i64; N],
    ) {
        self.kept_sums(seed, first, sums, |sums, draws, tables| {
            for (sum, draw) in sums.iter_mut().zip(draws) {
                // Eight entries of at most 2²⁷.
                let mut kept = 0;
                for (g, table) in tables.iter().enumerate() {
                    kept += table.0[(draw << (FOUR * g) >> 28) as usize];
                }
                *sum += i64::from(kept);
            }
        });
    }
}

/// Tables of each draw in a block of so many codes.
fn tables_of(codes: usize) -> usize {
    codes.div_ceil(ROW * FOUR)
}

/// The [`Stream`](super::Stream)s of `N` resamples side by side: `[lane][resample]`.
struct Streams<const N: usize> {
    s0: [[u64; N]; ROW / 2],
    s1: [[u64; N]; ROW / 2],
}

impl<const N: usize> Streams<N> {
    #[inline(always)]
    fn new(seed: u64, first: u64) -> Self {
        let mut keys = [0; N];
        for (r, key_of) in keys.iter_mut().enumerate() {
            *key_of = key(seed, first.wrapping_add(r as u64));
        }
        let output = |i: usize| -> [u64; N] {
            std::array::from_fn(|r| mix(keys[r].wrapping_add(GAMMA.wrapping_mul(i as u64 + 1))))
        };
        Self {
            s0: std::array::from_fn(output),
            s1: std::array::from_fn(|lane| output(ROW / 2 + lane)),
        }
    }

    /// The next two draws of a lane: low halves, high halves.
    #[inline(always)]
    fn draw(&mut self, lane: usize) -> ([u32; N], [u32; N]) {
        let (mut low, mut high) = ([0; N], [0; N]);
        let states = self.s0[lane].iter_mut().zip(&mut self.s1[lane]);
        for ((low, high), (s0, s1)) in low.iter_mut().zip(&mut high).zip(states) {
            let word = next(s0, s1);
            (*low, *high) = (word as u32, (word >> 32) as u32);
        }
        (low, high)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Stream;
    use super::*;

    /// As the streams are documented, bit by bit.
    fn naive(codes: &[i32], seed: u64, resample: u64) -> i64 {
        let mut stream = Stream::new(seed, resample);
        let mut sum = 0;
        for block in codes.chunks(512) {
            let draws = stream.step32();
            for (at, code) in block.iter().enumerate() {
                let (j, i) = (at / 16, at % 16);
                sum += i64::from(*code) * i64::from(draws[i] >> (31 - j) & 1);
            }
        }
        sum
    }

    #[test]
    fn sums_of_subsets_are_those_of_single_bits_at_every_size() {
        for n in [1, 2, 15, 16, 17, 63, 64, 65, 500, 511, 512, 513, 1000, 1100] {
            let codes: Vec<i32> = (0..n).map(|i| (i * 7_919 % 20_011 - 9_000) * 3_000).collect();
            let mut sums = [0; 5];
            Subsets::of(&codes).kept_sums_portable(9, 100, &mut sums);
            for (r, sum) in sums.into_iter().enumerate() {
                assert_eq!(sum, naive(&codes, 9, 100 + r as u64), "{n} codes, resample {r}");
            }
        }
    }
}
