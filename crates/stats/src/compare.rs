//! How a value meets a bound.

use std::cmp::Ordering;

use wfgy_kernel::round9;

/// The order of `a` and `b` after both are rounded to 9 decimals; `None` where either is not
/// finite, so that no comparison with it holds.
pub fn compare(a: f64, b: f64) -> Option<Ordering> {
    if !a.is_finite() || !b.is_finite() {
        return None;
    }
    round9(a).partial_cmp(&round9(b))
}

/// `value ≤ bound` after rounding to 9 decimals; false where either is not finite.
pub fn at_most(value: f64, bound: f64) -> bool {
    matches!(compare(value, bound), Some(Ordering::Less | Ordering::Equal))
}

/// `value ≥ bound` after rounding to 9 decimals; false where either is not finite.
pub fn at_least(value: f64, bound: f64) -> bool {
    matches!(compare(value, bound), Some(Ordering::Greater | Ordering::Equal))
}

/// `value < bound` after rounding to 9 decimals; false where either is not finite.
pub fn strictly_below(value: f64, bound: f64) -> bool {
    compare(value, bound) == Some(Ordering::Less)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_bounds_are_met_after_rounding_to_9_decimals() {
        // 28 of 40 is 0.7 even where a sum of shares falls an ulp short.
        let sum: f64 = (0..10).map(|_| 0.1).sum::<f64>() * 0.7;
        assert!(sum < 0.7);
        assert!(at_least(sum, 0.7) && at_most(sum, 0.7) && !strictly_below(sum, 0.7));
        assert!(at_least(28.0 / 40.0, 0.70));
        assert!(!at_least(0.699_999_999, 0.70));
        assert!(!at_most(0.450_000_001, 0.45));
        assert!(at_most(0.450_000_000_4, 0.45));
    }

    #[test]
    fn rule_what_is_not_finite_satisfies_no_bound() {
        for x in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            for y in [0.0, x] {
                assert!(!at_most(x, y) && !at_least(x, y) && !strictly_below(x, y), "{x} {y}");
                assert!(!at_most(y, x) && !at_least(y, x) && !strictly_below(y, x), "{y} {x}");
            }
        }
    }
}
