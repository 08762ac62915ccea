//! The random stream of one resample: eight xoroshiro128++ generators side by side.

use super::ROW;

/// Golden-ratio increment of SplitMix64.
pub(super) const GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;

/// The finaliser of SplitMix64 (Steele, Lea and Flood 2014), a bijection.
#[inline(always)]
pub(super) fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The key of a resample's stream: streams of different resamples under one seed differ.
#[inline(always)]
pub(super) fn key(seed: u64, resample: u64) -> u64 {
    mix(mix(seed) ^ resample.wrapping_mul(GAMMA))
}

/// The next output of a generator xoroshiro128++.
#[inline(always)]
pub(super) fn next(state0: &mut u64, state1: &mut u64) -> u64 {
    let (s0, mut s1) = (*state0, *state1);
    s1 ^= s0;
    *state0 = s0.rotate_left(49) ^ s1 ^ (s1 << 21);
    let out = s0.wrapping_add(*state1).rotate_left(17).wrapping_add(s0);
    *state1 = s1.rotate_left(28);
    out
}

/// Eight generators xoroshiro128++ (Blackman and Vigna 2021), seeded by SplitMix64 from `(seed, resample)`.
///
/// Lane `j` starts at outputs `j` and `8 + j` of the SplitMix64 whose state is the key. The streams
/// of the vector paths are this one, bit for bit.
#[derive(Debug, Clone)]
pub struct Stream {
    s0: [u64; 8],
    s1: [u64; 8],
    drawn: [u32; ROW],
    used: usize,
}

impl Stream {
    /// The stream of `resample` under `seed`.
    pub fn new(seed: u64, resample: u64) -> Self {
        let key = key(seed, resample);
        let output = |i: u64| mix(key.wrapping_add(GAMMA.wrapping_mul(i + 1)));
        Self {
            s0: std::array::from_fn(|lane| output(lane as u64)),
            s1: std::array::from_fn(|lane| output(8 + lane as u64)),
            drawn: [0; ROW],
            used: ROW,
        }
    }

    /// The two words of every lane's state.
    #[cfg(target_arch = "x86_64")]
    pub(super) fn state(&self) -> ([u64; 8], [u64; 8]) {
        (self.s0, self.s1)
    }

    /// One output of each lane.
    pub(super) fn step(&mut self) -> [u64; 8] {
        let mut out = [0; 8];
        for (lane, out) in out.iter_mut().enumerate() {
            *out = next(&mut self.s0[lane], &mut self.s1[lane]);
        }
        out
    }

    /// Sixteen draws of 32 bits: the low and the high half of lane 0, of lane 1 …
    pub(super) fn step32(&mut self) -> [u32; ROW] {
        let words = self.step();
        std::array::from_fn(|i| (words[i / 2] >> (32 * (i % 2))) as u32)
    }

    /// A whole number in [0, n), each with probability 1/n to within 2⁻³².
    pub fn below(&mut self, n: u32) -> u32 {
        if self.used == ROW {
            self.drawn = self.step32();
            self.used = 0;
        }
        let draw = self.drawn[self.used];
        self.used += 1;
        ((u64::from(draw) * u64::from(n)) >> 32) as u32
    }

    /// A number in the open interval (0, 1): the middle of one of 2³² − 1 equal parts.
    pub fn uniform(&mut self) -> f64 {
        (f64::from(self.below(u32::MAX)) + 0.5) / f64::from(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_is_the_published_generator() {
        // The first outputs of Vigna's xoroshiro128plusplus.c from the state {1, 2}.
        let mut stream = Stream::new(0, 0);
        (stream.s0[3], stream.s1[3]) = (1, 2);
        let outputs: Vec<u64> = (0..3).map(|_| stream.step()[3]).collect();
        assert_eq!(outputs, [393_217, 669_327_710_093_319, 1_732_421_326_133_921_491]);
    }

    #[test]
    fn splitmix_is_the_published_generator() {
        // The first outputs of Vigna's splitmix64.c from the state 1234567.
        let outputs: Vec<u64> =
            (1..4).map(|i| mix(1_234_567u64.wrapping_add(GAMMA.wrapping_mul(i)))).collect();
        assert_eq!(
            outputs,
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }

    #[test]
    fn draws_are_uniform_and_streams_differ() {
        // Chi-square with 9 degrees of freedom over 100,000 draws: 27.9 is its 0.999 quantile.
        for resample in 0..5 {
            let mut stream = Stream::new(7, resample);
            let mut counts = [0_i32; 10];
            for _ in 0..100_000 {
                counts[stream.below(10) as usize] += 1;
            }
            let chi: f64 = counts.iter().map(|&c| f64::from(c - 10_000).powi(2) / 1e4).sum();
            assert!(chi < 27.9, "resample {resample}: {counts:?}");
        }
        let first = |seed, resample| Stream::new(seed, resample).step();
        assert_ne!(first(7, 0), first(7, 1));
        assert_ne!(first(7, 0), first(8, 0));
        assert_ne!(first(7, 1), first(8, 0));
    }
}
