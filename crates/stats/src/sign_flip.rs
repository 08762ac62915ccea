//! Sign-flip randomisation of a mean difference.

use wfgy_kernel::Isa;
use wfgy_kernel::resample::{FixedPoint, sign_flip_sums};

use crate::bounded_mean::{RESAMPLES, SEED};
use crate::{Sample, Side};

/// Up to so many differences every assignment of signs is counted.
const EXACT: usize = 20;

/// Means this close are ties, and ties count.
const TIE: f64 = 1e-12;

/// One-sided p-value that the mean difference lies beyond `margin` on the side `worse`, in (0, 1].
///
/// `differences` are candidate − baseline, one a question; `margin` is what is allowed to be lost,
/// in their unit, and is subtracted first: with `worse` = `Upper` the values x − margin are tested,
/// with `Lower` the values −x − margin. Under the null each of these is as likely to have its sign
/// reversed (Fisher 1935; Ernst 2004, doi:10.1214/088342304000000396): the test assumes symmetry
/// about the null, which a mean alone does not.
///
/// Up to 20 differences: all 2ⁿ signs, p = count / 2ⁿ, the identity included. Beyond:
/// p = (hits + 1) / (resamples + 1) over 10,000 resamples (Phipson and Smyth 2010). Sums that tie
/// are hits: within 1e-12 where exact, within the rounding of fixed point where sampled. 1 where the
/// margin is not finite, so that nothing is claimed.
pub fn sign_flip_p(differences: &Sample, worse: Side, margin: f64) -> f64 {
    let sign = if worse == Side::Upper { 1.0 } else { -1.0 };
    let values: Vec<f64> = differences.values().iter().map(|x| sign * x - margin).collect();
    if values.iter().any(|value| !value.is_finite()) {
        return 1.0;
    }
    if values.len() <= EXACT { exact(&values) } else { sampled(&values) }
}

fn exact(values: &[f64]) -> f64 {
    let (first, second) = values.split_at(values.len() / 2);
    let observed: f64 = first.iter().sum::<f64>() + second.iter().sum::<f64>();
    let reached = observed - TIE * values.len() as f64;
    let (first, second) = (signed_sums(first), signed_sums(second));
    let count: usize =
        first.iter().map(|a| second.iter().filter(|b| a + **b >= reached).count()).sum();
    count as f64 / (first.len() * second.len()) as f64
}

/// The sums under all assignments of signs.
fn signed_sums(values: &[f64]) -> Vec<f64> {
    let mut sums = vec![0.0];
    for value in values {
        sums = sums.iter().flat_map(|sum| [sum + value, sum - value]).collect();
    }
    sums
}

fn sampled(values: &[f64]) -> f64 {
    let Ok(codes) = FixedPoint::around(0.0, values) else { return 1.0 };
    // Each code is off by half a step at most, in the observed sum and in a resample's.
    let reached = codes.total() - values.len() as i64;
    let sums = sign_flip_sums(Isa::active(), &codes, RESAMPLES, SEED);
    let hits = sums.iter().filter(|&&sum| sum >= reached).count();
    (hits + 1) as f64 / (RESAMPLES + 1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(values: &[f64]) -> Sample {
        Sample::new(values.to_vec()).unwrap()
    }

    #[test]
    fn rule_up_to_20_differences_all_signs_are_counted() {
        // 1, 2, 3: only +++ reaches 6 of 8 sums; −3 … in the other direction all but none.
        assert_eq!(sign_flip_p(&sample(&[1.0, 2.0, 3.0]), Side::Upper, 0.0), 1.0 / 8.0);
        assert_eq!(sign_flip_p(&sample(&[1.0, 2.0, 3.0]), Side::Lower, 0.0), 1.0);
        // 0.1 + 0.2 − 0.3 ties with −0.1 − 0.2 + 0.3 but for rounding: both count.
        let p = sign_flip_p(&sample(&[0.1, 0.2, -0.3]), Side::Upper, 0.0);
        assert_eq!(p, 5.0 / 8.0);
        assert_eq!(sign_flip_p(&sample(&[0.0; 20]), Side::Upper, 0.0), 1.0);
        assert_eq!(sign_flip_p(&sample(&[1.0; 20]), Side::Upper, 0.0), 1.0 / 1_048_576.0);
    }

    #[test]
    fn rule_the_margin_is_subtracted_first() {
        let harm = sample(&[0.05, 0.03, 0.04, 0.02, 0.06, 0.05]);
        assert_eq!(sign_flip_p(&harm, Side::Upper, 0.0), 1.0 / 64.0);
        assert!(sign_flip_p(&harm, Side::Upper, 0.04) > 0.3);
        let mirrored = sample(&harm.values().iter().map(|x| -x).collect::<Vec<_>>());
        for margin in [0.0, 0.03, 0.1] {
            assert_eq!(
                sign_flip_p(&harm, Side::Upper, margin),
                sign_flip_p(&mirrored, Side::Lower, margin)
            );
        }
        assert_eq!(sign_flip_p(&harm, Side::Upper, f64::NAN), 1.0);
    }

    #[test]
    fn rule_a_sampled_p_is_never_zero_and_agrees_with_the_exact_one() {
        let strong = sample(&[1.0; 50]);
        assert_eq!(sign_flip_p(&strong, Side::Upper, 0.0), 1.0 / 10_001.0);
        let values: Vec<f64> = (0..20).map(|i| f64::from(i * 7919 % 41) / 41.0 - 0.42).collect();
        let (exact, sampled) = (exact(&values), sampled(&values));
        // Three standard errors of a share of 10,000.
        let error = 3.0 * (exact * (1.0 - exact) / 1e4).sqrt();
        assert!((exact - sampled).abs() < error, "{exact} {sampled}");
    }
}
