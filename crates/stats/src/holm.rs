//! Holm's correction over a family of tests.

/// Adjusted p-values, in the order given (Holm 1979, <https://www.jstor.org/stable/4615733>).
///
/// The i-th smallest of m becomes the greatest of (m − j + 1) p(j) over j ≤ i, at most 1; the
/// chance of any false rejection at `adjusted ≤ α` is at most α, whatever the dependence. NaN is
/// taken as 1: it claims nothing.
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let claimed = |p: f64| if p.is_nan() { 1.0 } else { p };
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| claimed(p_values[a]).total_cmp(&claimed(p_values[b])));
    let mut adjusted = vec![1.0; p_values.len()];
    let mut greatest = 0.0_f64;
    for (done, &i) in order.iter().enumerate() {
        let left = (p_values.len() - done) as f64;
        greatest = greatest.max((left * claimed(p_values[i])).min(1.0));
        adjusted[i] = greatest;
    }
    adjusted
}

/// Holm's procedure for tests that are known by their bounds: which of `family` are rejected.
///
/// `rejects(i, level)` says whether test i rejects with a bound of confidence `level`. All are
/// asked at 1 − α/m; with r rejected, the rest at 1 − α/(m − r); until none follows. A test that
/// rejects at a level should reject at every lower one. `alpha` in (0, 1).
pub fn holm_by_bounds(
    family: usize,
    alpha: f64,
    mut rejects: impl FnMut(usize, f64) -> bool,
) -> Vec<bool> {
    let mut rejected = vec![false; family];
    let mut left = family;
    while left > 0 {
        let level = 1.0 - alpha / left as f64;
        let before = left;
        for (i, done) in rejected.iter_mut().enumerate() {
            if !*done && rejects(i, level) {
                *done = true;
                left -= 1;
            }
        }
        if left == before {
            break;
        }
    }
    rejected
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_adjusted_values_are_holms() {
        // The worked example of statsmodels and R: p.adjust(c(.01, .04, .03, .005), "holm").
        let adjusted = holm(&[0.01, 0.04, 0.03, 0.005]);
        for (value, expected) in adjusted.iter().zip([0.03, 0.06, 0.06, 0.02]) {
            assert!((value - expected).abs() < 1e-15, "{adjusted:?}");
        }
        assert_eq!(holm(&[0.6, f64::NAN]), [1.0, 1.0]);
        assert!(holm(&[]).is_empty());
    }

    #[test]
    fn rule_bounds_and_p_values_reject_the_same_tests() {
        let families: [&[f64]; 5] = [
            &[0.01, 0.04, 0.03, 0.005],
            &[0.012, 0.013, 0.02, 0.049],
            &[0.0001, 0.03],
            &[0.05],
            &[0.9, 0.8, 0.013, 0.2],
        ];
        for p_values in families {
            let by_p: Vec<bool> = holm(p_values).iter().map(|&p| p <= 0.05).collect();
            let by_bounds =
                holm_by_bounds(p_values.len(), 0.05, |i, level| p_values[i] <= 1.0 - level + 1e-15);
            assert_eq!(by_p, by_bounds, "{p_values:?}");
        }
    }
}
