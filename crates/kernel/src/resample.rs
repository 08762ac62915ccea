//! Sums over resamples: the bootstrap and the sign-flip.
//!
//! Values become fixed-point codes, sums are integers: the result does not depend on the order of
//! summation, hence not on threads or kernel path. Resample `r` has a random stream of its own,
//! keyed by the seed and `r`: samples of one size are resampled alike, so that many of them share
//! the draws ([`bootstrap_sums_abreast`]).

mod abreast;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod fixed_point;
mod portable;
mod stream;
mod subsets;

use rayon::prelude::*;

pub use abreast::{ABREAST, bootstrap_sums_abreast};
pub use fixed_point::{FixedPoint, FixedPointError};
pub use stream::Stream;
use subsets::Subsets;

use crate::Isa;

/// Draws that one step of a stream gives: eight words, two halves each.
const ROW: usize = 16;

/// Rows of signs in these: a draw has 32 bits.
const ROWS: usize = 32;

/// Steps that are drawn before their values are added up: 1,024 indices, in the nearest cache.
const STEPS: usize = 64;

/// Draws that outweigh the scheduling of a task.
const TASK: usize = 10_000;

/// Resamples of signs that a task takes at a time, on every path.
const TOGETHER: usize = 64;

/// Sums of `resamples` bootstrap resamples: each draws `n` of the `n` values with replacement.
///
/// The mean of resample `r` is `values.mean_of(sums[r])`. A value is drawn with probability 1/n to
/// within 2⁻³², absolute. Empty where there are no values; the same on every path.
///
/// # Panics
/// Where this processor lacks `isa`, or there are 2³¹ values or more.
pub fn bootstrap_sums(isa: Isa, values: &FixedPoint, resamples: usize, seed: u64) -> Vec<i64> {
    let (codes, path) = (values.codes(), Path::of(isa, values));
    if codes.is_empty() {
        return Vec::new();
    }
    let sum = |resample: usize| match path {
        #[cfg(target_arch = "x86_64")]
        Path::Avx512 => {
            // SAFETY: a path is one that this processor has.
            let mut lanes = unsafe { avx512::Lanes::new(seed, resample as u64) };
            // SAFETY: as above.
            drawn_sum(codes, |n, steps| unsafe { lanes.draw(n, steps) })
        }
        #[cfg(target_arch = "x86_64")]
        Path::Avx2 => {
            // SAFETY: as above.
            let mut lanes = unsafe { avx2::Lanes::new(seed, resample as u64) };
            // SAFETY: as above.
            drawn_sum(codes, |n, steps| unsafe { lanes.draw(n, steps) })
        }
        Path::Portable => {
            let mut stream = Stream::new(seed, resample as u64);
            drawn_sum(codes, |n, steps| portable::draw(&mut stream, n, steps))
        }
    };
    let task = (TASK / codes.len()).clamp(1, 1_000);
    (0..resamples).into_par_iter().with_min_len(task).map(sum).collect()
}

/// Sum of as many codes as there are, at the indices that `draw(n, steps)` fills in.
///
/// Indices first, in vectors; then plain loads, four a cycle: a gather instruction is slower.
fn drawn_sum(codes: &[i32], mut draw: impl FnMut(u64, &mut [[u64; 8]])) -> i64 {
    let n = codes.len() as u64;
    let mut steps = [[0; 8]; STEPS];
    let mut left = codes.len();
    let mut sum = 0;
    while left > 0 {
        let draws = left.min(ROW * STEPS);
        draw(n, &mut steps[..draws.div_ceil(ROW)]);
        let words = steps.as_flattened();
        let (eights, rest) = words[..draws / 2].as_chunks::<8>();
        for eight in eights {
            // Sixteen codes of at most 2²⁵ add up in 32 bits.
            let mut sums = [0_i32; 4];
            for (i, &word) in eight.iter().enumerate() {
                let (low, high) = (word as u32 as usize, (word >> 32) as usize);
                debug_assert!(low < codes.len() && high < codes.len());
                // SAFETY: an index is (draw · n) >> 32 with draw < 2³²: below n = codes.len().
                let pair = unsafe { (*codes.get_unchecked(low), *codes.get_unchecked(high)) };
                sums[2 * i % 4] += pair.0;
                sums[(2 * i + 1) % 4] += pair.1;
            }
            sum += i64::from(sums[0] + sums[1] + sums[2] + sums[3]);
        }
        for word in rest {
            sum +=
                i64::from(codes[*word as u32 as usize]) + i64::from(codes[(word >> 32) as usize]);
        }
        if draws % 2 == 1 {
            sum += i64::from(codes[words[draws / 2] as u32 as usize]);
        }
        left -= draws;
    }
    sum
}

/// Sums of `resamples` sign-flip resamples: each value keeps or changes its sign with probability
/// one half, independently.
///
/// `values` should have origin 0 ([`FixedPoint::around`]): the signs that change are those of the
/// codes. Empty where there are no values; the same on every path.
///
/// # Panics
/// Where this processor lacks `isa`, or there are 2³¹ values or more.
pub fn sign_flip_sums(isa: Isa, values: &FixedPoint, resamples: usize, seed: u64) -> Vec<i64> {
    let (codes, path) = (values.codes(), Path::of(isa, values));
    if codes.is_empty() {
        return Vec::new();
    }
    let (subsets, total) = (Subsets::of(codes), values.total());
    let mut sums = vec![0; resamples];
    let task = (TASK / TOGETHER / codes.len()).max(1);
    sums.par_chunks_mut(TOGETHER).enumerate().with_min_len(task).for_each(|(chunk, sums)| {
        let mut kept = [0; TOGETHER];
        let first = (chunk * TOGETHER) as u64;
        match path {
            // SAFETY: a path is one that this processor has.
            #[cfg(target_arch = "x86_64")]
            Path::Avx512 => unsafe { avx512::kept_sums(&subsets, seed, first, &mut kept) },
            #[cfg(target_arch = "x86_64")]
            Path::Avx2 => {
                for (i, kept) in kept.as_chunks_mut().0.iter_mut().enumerate() {
                    let first = first + (i * kept.len()) as u64;
                    // SAFETY: as above.
                    unsafe { avx2::kept_sums(&subsets, seed, first, kept) };
                }
            }
            Path::Portable => {
                for (i, kept) in kept.as_chunks_mut::<16>().0.iter_mut().enumerate() {
                    subsets.kept_sums_portable(seed, first + 16 * i as u64, kept);
                }
            }
        }
        for (sum, kept) in sums.iter_mut().zip(kept) {
            // With K the sum of those that keep their sign, the sum is K − (total − K).
            *sum = 2 * kept - total;
        }
    });
    sums
}

/// The code that an instruction set runs.
#[derive(Debug, Clone, Copy)]
enum Path {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Path {
    /// That of an instruction set, for so many values.
    fn of(isa: Isa, values: &FixedPoint) -> Self {
        let n = values.codes().len();
        assert!(isa.is_available(), "this processor lacks {isa}");
        assert!(i32::try_from(n).is_ok(), "{n} values are too many");
        match isa {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 | Isa::Avx512Vnni | Isa::Amx => Self::Avx512,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => Self::Avx2,
            _ => Self::Portable,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: [usize; 14] = [1, 2, 7, 15, 16, 17, 40, 64, 255, 511, 512, 513, 1031, 1537];

    fn values(n: usize) -> FixedPoint {
        let values: Vec<f64> = (0..n).map(|i| ((i * 7919 + 13) % 1009) as f64 / 1009.0).collect();
        FixedPoint::around(0.37, &values).unwrap()
    }

    #[test]
    fn rule_every_path_gives_the_same_sums() {
        for n in SIZES {
            let values = values(n);
            let naive = bootstrap_sums(Isa::Portable, &values, 50, 9);
            let flipped = sign_flip_sums(Isa::Portable, &values, 50, 9);
            for isa in Isa::available() {
                assert_eq!(bootstrap_sums(isa, &values, 50, 9), naive, "{isa}, n = {n}");
                assert_eq!(sign_flip_sums(isa, &values, 50, 9), flipped, "{isa}, n = {n}");
            }
        }
    }

    #[test]
    fn rule_a_bootstrap_sum_is_that_of_as_many_draws_of_its_stream() {
        for n in SIZES {
            let values = values(n);
            for isa in Isa::available() {
                for (r, sum) in bootstrap_sums(isa, &values, 5, 9).into_iter().enumerate() {
                    let mut stream = Stream::new(9, r as u64);
                    let draw = |_| i64::from(values.codes()[stream.below(n as u32) as usize]);
                    assert_eq!(sum, (0..n).map(draw).sum::<i64>(), "{isa}, n = {n}");
                }
            }
        }
    }

    #[test]
    fn rule_no_path_overflows_at_the_greatest_codes() {
        for sign in [1.0, -1.0] {
            let values = FixedPoint::around(0.0, &vec![sign * 1.999_999_99; 5000]).unwrap();
            assert_eq!(values.codes()[0].abs(), 1 << 25);
            for isa in Isa::available() {
                let total = values.total();
                assert!(bootstrap_sums(isa, &values, 3, 1).iter().all(|&sum| sum == total));
                for sum in sign_flip_sums(isa, &values, 3, 1) {
                    let kept = (sum + total) / 2 / i64::from(values.codes()[0]);
                    assert!((2000..3000).contains(&kept), "{isa}: {kept}");
                }
            }
        }
    }

    #[test]
    fn rule_the_number_of_threads_has_no_influence() {
        let values = values(300);
        let sums = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                (
                    bootstrap_sums(Isa::best(), &values, 2000, 4),
                    sign_flip_sums(Isa::best(), &values, 2000, 4),
                )
            })
        };
        let one = sums(1);
        assert_eq!(one, sums(3));
        // And a resample does not depend on how many there are.
        assert_eq!(one.0[..100], bootstrap_sums(Isa::best(), &values, 100, 4));
    }

    #[test]
    fn sums_have_the_mean_and_the_variance_of_their_distribution() {
        let values = values(40);
        let n = 40.0;
        let codes: Vec<f64> = values.codes().iter().map(|&code| f64::from(code)).collect();
        let mean = codes.iter().sum::<f64>() / n;
        let variance = codes.iter().map(|c| (c - mean).powi(2)).sum::<f64>() / n;
        let squares = codes.iter().map(|c| c * c).sum::<f64>();
        for (sums, mean, variance) in [
            (bootstrap_sums(Isa::best(), &values, 100_000, 2), n * mean, n * variance),
            (sign_flip_sums(Isa::best(), &values, 100_000, 2), 0.0, squares),
        ] {
            let found = sums.iter().map(|&sum| sum as f64).sum::<f64>() / 1e5;
            let spread = sums.iter().map(|&sum| (sum as f64 - found).powi(2)).sum::<f64>() / 1e5;
            // Four standard errors of each.
            assert!((found - mean).abs() < 4.0 * (variance / 1e5).sqrt(), "{found} {mean}");
            assert!((spread / variance - 1.0).abs() < 4.0 * (2.0_f64 / 1e5).sqrt());
        }
    }

    #[test]
    fn no_values_have_no_sums() {
        let none = FixedPoint::around(0.0, &[]).unwrap();
        assert!(bootstrap_sums(Isa::best(), &none, 5, 1).is_empty());
        assert!(sign_flip_sums(Isa::best(), &none, 5, 1).is_empty());
    }
}
