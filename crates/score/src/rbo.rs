//! Rank-biased overlap of two finite rankings.
//!
//! Webber, Moffat, Zobel: A similarity measure for indefinite rankings, ACM TOIS 28(4), 2010,
//! <https://doi.org/10.1145/1852102.1852106>.

use std::collections::HashSet;
use std::hash::Hash;

/// Persistence used for λ: the weight of a rank is that of the rank before it, times this.
pub const PERSISTENCE: f64 = 0.9;

/// Extrapolated RBO by equation 32, which allows lists of uneven length: `s ≤ l` ranks, `X_d`
/// items shared by the first `d` of both (the shorter one stays whole beyond its end):
///
/// `(1−p)/p · (Σ_{d=1..l} X_d/d · p^d + Σ_{d=s+1..l} X_s (d−s)/(s d) · p^d) + ((X_l − X_s)/l + X_s/s) · p^l`
///
/// Both lists hold distinct items; `p` in (0, 1); the value is in [0, 1], exactly 0 for disjoint
/// lists, and higher means more alike. An empty list agrees with nothing: 0.
pub fn rbo_extrapolated<T: Eq + Hash>(a: &[T], b: &[T], p: f64) -> f64 {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let (s, l) = (short.len(), long.len());
    if s == 0 {
        return 0.0;
    }
    let mut seen_short = HashSet::with_capacity(s);
    let mut seen_long = HashSet::with_capacity(l);
    let (mut shared, mut shared_at_s) = (0usize, 0usize);
    let (mut sum, mut power) = (0.0, 1.0);
    for (i, item) in long.iter().enumerate() {
        let depth = i + 1;
        power *= p;
        seen_long.insert(item);
        shared += usize::from(seen_short.contains(item));
        if let Some(other) = short.get(i) {
            seen_short.insert(other);
            // Counted here also where both lists have the same item at this rank.
            shared += usize::from(seen_long.contains(other));
        }
        if depth == s {
            shared_at_s = shared;
        }
        let mut agreement = shared as f64 / depth as f64;
        if depth > s {
            agreement += (shared_at_s * (depth - s)) as f64 / (s * depth) as f64;
        }
        sum += agreement * power;
    }
    let tail = (shared - shared_at_s) as f64 / l as f64 + shared_at_s as f64 / s as f64;
    ((1.0 - p) / p * sum + tail * power).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rbo(a: &str, b: &str) -> f64 {
        let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
        rbo_extrapolated(&a, &b, PERSISTENCE)
    }

    /// Equation 32 term by term, sets built anew at every depth.
    fn plain(a: &[u32], b: &[u32], p: f64) -> f64 {
        let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
        let (s, l) = (short.len(), long.len());
        let x = |d: usize| {
            let head = &short[..d.min(s)];
            long[..d.min(l)].iter().filter(|item| head.contains(item)).count() as f64
        };
        let mut sum = 0.0;
        for d in 1..=l {
            sum += x(d) / d as f64 * p.powi(d as i32);
        }
        for d in s + 1..=l {
            sum += x(s) * (d - s) as f64 / (s * d) as f64 * p.powi(d as i32);
        }
        (1.0 - p) / p * sum + ((x(l) - x(s)) / l as f64 + x(s) / s as f64) * p.powi(l as i32)
    }

    #[test]
    fn rule_rbo_of_even_lists_by_hand() {
        assert!((rbo("abc", "abc") - 1.0).abs() < 1e-12);
        assert_eq!(rbo("abc", "xyz"), 0.0);
        // X = 0, 2: (0.1/0.9)(0 + 1·0.81) + 1·0.81 = 0.9
        assert!((rbo("ab", "ba") - 0.9).abs() < 1e-12);
        // X = 1, 1: (0.1/0.9)(0.9 + 0.5·0.81) + 0.5·0.81 = 0.55
        assert!((rbo("ab", "ax") - 0.55).abs() < 1e-12);
        // X = 0, 1: (0.1/0.9)(0.5·0.81) + 0.5·0.81 = 0.45
        assert!((rbo("ab", "xa") - 0.45).abs() < 1e-12);
    }

    #[test]
    fn rule_rbo_of_uneven_lists_by_equation_32_by_hand() {
        // s = 1, l = 2, X = 1, 1: (1/9)(0.9 + 0.5·0.81 + 1·1/(1·2)·0.81) + (0 + 1)·0.81 = 1
        assert!((rbo("a", "ab") - 1.0).abs() < 1e-12);
        // s = 1, l = 2, X = 0, 1: (1/9)(0.5·0.81 + 0) + (1/2 + 0)·0.81 = 0.45
        assert!((rbo("a", "xa") - 0.45).abs() < 1e-12);
        assert_eq!(rbo("a", "xa"), rbo("xa", "a"));
        assert_eq!(rbo("", "abc"), 0.0);
        assert_eq!(rbo("", ""), 0.0);
    }

    #[test]
    fn rbo_equals_the_equation_term_by_term_on_random_lists() {
        let mut state = 99u64;
        let mut next = |n: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            ((state >> 33) % n) as usize
        };
        let mut list = || {
            let mut all: Vec<u32> = (0..25).collect();
            for i in (1..all.len()).rev() {
                all.swap(i, next(i as u64 + 1));
            }
            all.truncate(1 + next(20));
            all
        };
        for _ in 0..2000 {
            let (a, b) = (list(), list());
            let value = rbo_extrapolated(&a, &b, 0.9);
            assert!((value - plain(&a, &b, 0.9)).abs() < 1e-12, "{a:?} {b:?}");
            assert!((0.0..=1.0).contains(&value));
            assert!((value - rbo_extrapolated(&b, &a, 0.9)).abs() < 1e-12);
        }
    }
}
