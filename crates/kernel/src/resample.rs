//! Sums over resamples: the bootstrap and the sign-flip.
//!
//! Values become fixed-point codes, sums are integers: the result does not depend on the order of
//! summation, hence not on threads or kernel path. Resample `r` has a random stream of its own,
//! keyed by the seed and `r`.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod fixed_point;
mod portable;
mod stream;

use rayon::prelude::*;

pub use fixed_point::{FixedPoint, FixedPointError};
pub use stream::Stream;

use crate::Isa;

/// Values that one step of a stream gives signs for: eight words of 64 bits.
const SIGNS: usize = 512;

/// Draws that one step of a stream gives: eight words, two halves each.
const DRAWS: usize = 16;

/// Sums of `resamples` bootstrap resamples: each draws `n` of the `n` values with replacement.
///
/// The mean of resample `r` is `values.mean_of(sums[r])`. A value is drawn with probability 1/n to
/// within 2⁻³², absolute. Empty where there are no values; the same on every path.
///
/// # Panics
/// Where this processor lacks `isa`, or there are 2³¹ values or more.
pub fn bootstrap_sums(isa: Isa, values: &FixedPoint, resamples: usize, seed: u64) -> Vec<i64> {
    let codes = values.codes();
    each(isa, codes, resamples, |path, resample| match path {
        // SAFETY: `each` gives the path of an instruction set that this processor has.
        #[cfg(target_arch = "x86_64")]
        Path::Avx512 => unsafe { avx512::bootstrap_sum(codes, seed, resample) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Path::Avx2 => unsafe { avx2::bootstrap_sum(codes, seed, resample) },
        Path::Portable => portable::bootstrap_sum(codes, seed, resample),
    })
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
    let codes = values.codes();
    let total = values.total();
    // With K the sum of those that keep their sign, the sum is K − (total − K).
    each(isa, codes, resamples, |path, resample| match path {
        // SAFETY: `each` gives the path of an instruction set that this processor has.
        #[cfg(target_arch = "x86_64")]
        Path::Avx512 => 2 * unsafe { avx512::kept_sum(codes, seed, resample) } - total,
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Path::Avx2 => 2 * unsafe { avx2::kept_sum(codes, seed, resample) } - total,
        Path::Portable => 2 * portable::kept_sum(codes, seed, resample) - total,
    })
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

/// One sum a resample, in order.
fn each(
    isa: Isa,
    codes: &[i32],
    resamples: usize,
    sum: impl Fn(Path, u64) -> i64 + Sync,
) -> Vec<i64> {
    assert!(isa.is_available(), "this processor lacks {isa}");
    assert!(i32::try_from(codes.len()).is_ok(), "{} values are too many", codes.len());
    if codes.is_empty() {
        return Vec::new();
    }
    let path = match isa {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 | Isa::Avx512Vnni | Isa::Amx => Path::Avx512,
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => Path::Avx2,
        _ => Path::Portable,
    };
    // A task outweighs its scheduling: some 10,000 draws.
    let task = (10_000 / codes.len()).clamp(1, 1_000);
    let resamples = (0..resamples).into_par_iter().with_min_len(task);
    resamples.map(|resample| sum(path, resample as u64)).collect()
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
