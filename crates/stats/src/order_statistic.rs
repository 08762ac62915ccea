//! Distribution-free bounds of a quantile.

use crate::Side;
use crate::binomial::{at_least_k, at_most_k};

/// Rank, from 0, of the order statistic that bounds the `p` quantile of `n` values on `side`;
/// `None` where n is too small for any.
///
/// With X(1) ≤ … ≤ X(n), X(k) lies above the quantile with probability at least
/// P(Binomial(n, p) < k), and below it with probability at least P(Binomial(n, p) ≥ k), whatever
/// the distribution, ties included (David and Nagaraja 2003, Order Statistics, section 7.1). The
/// upper bound is the least k whose probability reaches `level`, the lower one the greatest.
/// `level` and `p` in (0, 1); `None` otherwise.
pub(crate) fn rank(n: usize, p: f64, side: Side, level: f64) -> Option<usize> {
    let open = |x: f64| x > 0.0 && x < 1.0;
    if n == 0 || !open(p) || !open(level) {
        return None;
    }
    match side {
        Side::Upper => {
            let holds = |k: usize| at_most_k(k - 1, n, p) >= level;
            holds(n).then(|| least(n, holds) - 1)
        }
        Side::Lower => {
            let fails = |k: usize| at_least_k(k, n, p) < level;
            (!fails(1)).then(|| if fails(n) { least(n, fails) - 2 } else { n - 1 })
        }
    }
}

/// The least k in 1..=n for which a condition that holds from there on holds; it holds for n.
pub(crate) fn least(n: usize, holds: impl Fn(usize) -> bool) -> usize {
    let (mut below, mut above) = (0, n);
    while above - below > 1 {
        let middle = below + (above - below) / 2;
        if holds(middle) {
            above = middle;
        } else {
            below = middle;
        }
    }
    above
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_p95_needs_59_values() {
        assert_eq!(rank(58, 0.95, Side::Upper, 0.95), None);
        assert_eq!(rank(59, 0.95, Side::Upper, 0.95), Some(58));
        assert_eq!(rank(58, 0.05, Side::Lower, 0.95), None);
        assert_eq!(rank(59, 0.05, Side::Lower, 0.95), Some(0));
        assert_eq!(rank(4, 0.5, Side::Upper, 0.95), None);
        assert_eq!(rank(5, 0.5, Side::Upper, 0.95), Some(4));
    }

    #[test]
    fn rule_ranks_of_the_two_sides_mirror_each_other() {
        for n in 1..200 {
            for p in [0.01, 0.05, 0.5, 0.9] {
                for level in [0.8, 0.95, 0.999] {
                    let upper = rank(n, p, Side::Upper, level);
                    let lower = rank(n, 1.0 - p, Side::Lower, level);
                    assert_eq!(upper.map(|k| n - 1 - k), lower, "{n} {p} {level}");
                }
            }
        }
    }

    #[test]
    fn every_rank_is_the_nearest_that_reaches_the_level() {
        for n in [5, 40, 59, 100, 300] {
            for p in [0.05, 0.5, 0.95] {
                let Some(upper) = rank(n, p, Side::Upper, 0.95) else { continue };
                // X(upper + 1) in 1-based ranks: P(Bin < upper + 1) = P(Bin ≤ upper).
                assert!(at_most_k(upper, n, p) >= 0.95);
                assert!(upper == 0 || at_most_k(upper - 1, n, p) < 0.95);
            }
        }
    }

    #[test]
    fn what_is_no_probability_has_no_rank() {
        assert_eq!(rank(0, 0.5, Side::Upper, 0.95), None);
        for bad in [0.0, 1.0, f64::NAN] {
            assert_eq!(rank(100, bad, Side::Upper, 0.95), None);
            assert_eq!(rank(100, 0.5, Side::Lower, bad), None);
        }
    }
}
