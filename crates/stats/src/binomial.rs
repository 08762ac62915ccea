//! One Bernoulli value per question: the Clopper–Pearson bounds, and binomial tails.

use statrs::function::beta::beta_reg;

use crate::Side;

/// P(X ≤ k) for X ~ Binomial(n, p), p in [0, 1].
pub(crate) fn at_most_k(k: usize, n: usize, p: f64) -> f64 {
    if k >= n || p <= 0.0 {
        return 1.0;
    }
    if p >= 1.0 {
        return 0.0;
    }
    // I_{1−p}(n − k, k + 1), the incomplete beta function.
    beta_reg((n - k) as f64, (k + 1) as f64, 1.0 - p)
}

/// P(X ≥ k) for X ~ Binomial(n, p), p in [0, 1].
pub(crate) fn at_least_k(k: usize, n: usize, p: f64) -> f64 {
    if k == 0 || p >= 1.0 {
        return 1.0;
    }
    if k > n || p <= 0.0 {
        return 0.0;
    }
    beta_reg(k as f64, (n - k + 1) as f64, p)
}

/// Bound of a probability after `successes` of `n` independent trials, in [0, 1]
/// (Clopper and Pearson 1934, doi:10.1093/biomet/26.4.404).
///
/// Exact: whatever the true probability, the bound misses it with probability at most 1 − level.
/// The upper bound is the `level` quantile of Beta(successes + 1, n − successes), 1 where all are
/// successes; the lower one mirrors it. `level` in (0, 1); NaN for no trials, for more successes
/// than trials, or for another level, so that no criterion holds.
pub fn clopper_pearson(successes: usize, n: usize, side: Side, level: f64) -> f64 {
    if n == 0 || successes > n || !(level > 0.0 && level < 1.0) {
        return f64::NAN;
    }
    match side {
        Side::Upper if successes == n => 1.0,
        Side::Upper if successes == 0 => -((1.0 - level).ln() / n as f64).exp_m1(),
        Side::Upper => {
            // P(X ≤ k | p) falls in p; the bound is where it is 1 − level.
            crossing(|p| at_most_k(successes, n, p) <= 1.0 - level)
        }
        Side::Lower => 1.0 - clopper_pearson(n - successes, n, Side::Upper, level),
    }
}

/// The least p in [0, 1] for which a condition that holds from there on holds, by bisection; the
/// end of the last interval where it does hold.
fn crossing(holds: impl Fn(f64) -> bool) -> f64 {
    let (mut below, mut above) = (0.0, 1.0);
    loop {
        let middle = below + (above - below) / 2.0;
        if middle <= below || middle >= above {
            return above;
        }
        if holds(middle) {
            above = middle;
        } else {
            below = middle;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// P(X ≤ k) term by term.
    fn plain(k: usize, n: usize, p: f64) -> f64 {
        let mut term = (1.0 - p).powi(n as i32);
        let mut sum = term;
        for i in 0..k {
            term *= (n - i) as f64 / (i + 1) as f64 * p / (1.0 - p);
            sum += term;
        }
        sum
    }

    #[test]
    fn tails_are_the_sums_of_their_terms() {
        for n in [1, 5, 40, 300] {
            for p in [0.02, 0.3, 0.5, 0.9] {
                for k in (0..n).step_by(1 + n / 7) {
                    let expected = plain(k, n, p);
                    assert!((at_most_k(k, n, p) - expected).abs() < 1e-11, "{k} of {n} at {p}");
                    assert!((at_least_k(k + 1, n, p) - (1.0 - expected)).abs() < 1e-11);
                }
                assert_eq!((at_most_k(n, n, p), at_least_k(0, n, p)), (1.0, 1.0));
            }
        }
        assert_eq!((at_most_k(3, 5, 1.0), at_most_k(3, 5, 0.0)), (0.0, 1.0));
        assert_eq!((at_least_k(3, 5, 1.0), at_least_k(3, 5, 0.0)), (1.0, 0.0));
    }

    #[test]
    fn rule_the_bound_never_covers_less_often_than_its_level() {
        // Exactly: sum the probability of every outcome whose bound misses p.
        for n in [1, 12, 40] {
            for p in [0.001, 0.02, 0.37, 0.5, 0.95] {
                for level in [0.9, 0.95, 0.999] {
                    let missed = |side: Side| -> f64 {
                        (0..=n)
                            .filter(|&k| {
                                let bound = clopper_pearson(k, n, side, level);
                                if side == Side::Upper { bound < p } else { bound > p }
                            })
                            .map(|k| plain(k, n, p) - if k == 0 { 0.0 } else { plain(k - 1, n, p) })
                            .sum()
                    };
                    assert!(missed(Side::Upper) <= 1.0 - level + 1e-12, "{n} {p} {level}");
                    assert!(missed(Side::Lower) <= 1.0 - level + 1e-12, "{n} {p} {level}");
                }
            }
        }
    }

    #[test]
    fn rule_a_share_of_two_percent_needs_149_clean_questions() {
        assert!(clopper_pearson(0, 148, Side::Upper, 0.95) > 0.02);
        assert!(clopper_pearson(0, 149, Side::Upper, 0.95) <= 0.02);
        // The closed form for no success is the limit of the general one.
        let general = crossing(|p| at_most_k(0, 149, p) <= 0.05);
        assert!((clopper_pearson(0, 149, Side::Upper, 0.95) - general).abs() < 1e-12);
    }

    #[test]
    fn rule_what_is_no_experiment_has_no_bound() {
        assert!(clopper_pearson(0, 0, Side::Upper, 0.95).is_nan());
        assert!(clopper_pearson(2, 1, Side::Upper, 0.95).is_nan());
        for level in [0.0, 1.0, f64::NAN] {
            assert!(clopper_pearson(1, 2, Side::Lower, level).is_nan());
        }
    }
}
