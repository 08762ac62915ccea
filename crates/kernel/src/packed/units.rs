//! The units in which bounds are computed, and what a score is in them.

use super::direction::Direction;
use crate::Similarity;

/// With `q = |q| (α c + e)` the query's direction, `N` the greatest norm of a row, `n` and `d`
/// a row's norm over `N` and direction, a bound is on
///
/// ```text
/// h = n (q / |q|)·d / α − weight · n² / 2
/// ```
///
/// in which every score is linear:
///
/// | similarity | score | n | weight |
/// | --- | --- | --- | --- |
/// | cosine | α h | 1 | 0 |
/// | dot | α N \|q\| h | n | 0 |
/// | l2 | 2 α N \|q\| h − \|q\|² | n | N / (α \|q\|) |
#[derive(Debug, Clone, Copy)]
pub(super) struct Units {
    /// Units of `h` in one unit of score.
    per_score: f64,
    /// What is added to a score before.
    offset: f64,
    /// What rounding and arithmetic of scores come to in `h`; infinite where nothing is known.
    slack: f64,
    /// Of `n² / 2`, see above.
    pub(super) weight: f32,
}

/// A score rounded to 9 decimals is within this of the sum: half a unit, and the f64 arithmetic
/// of rounding below 2²².
const ROUNDING: f64 = 2e-9;

impl Units {
    pub(super) fn new(similarity: Similarity, query: &Direction, greatest: f64) -> Self {
        let alpha = f64::from(query.step);
        let length = alpha * query.norm * greatest;
        let (per_score, offset, weight) = match similarity {
            Similarity::Cosine => (1.0 / alpha, 0.0, 0.0),
            Similarity::Dot => (1.0 / length, 0.0, 0.0),
            Similarity::NegativeSquaredL2 => {
                (0.5 / length, query.norm * query.norm, greatest / (alpha * query.norm))
            }
        };
        // The last two: f64 arithmetic of the sum with the offset, and underflow of f32.
        let slack = ROUNDING * per_score + 1e-14 * offset * per_score + 1e-30;
        let known = slack.is_finite() && query.residual.is_finite();
        let slack = if known { slack } else { f64::INFINITY };
        Self { per_score, offset, slack, weight: weight as f32 }
    }

    /// Whether anything is known: not of a query that is zero or not finite.
    pub(super) fn bounds(&self) -> bool {
        self.slack.is_finite()
    }

    /// The `h` below which no row has a rounded score of `score` or more.
    pub(super) fn of(&self, score: f64) -> f32 {
        below((score + self.offset) * self.per_score - self.slack)
    }

    /// The `h` below which no row has the rounded score of one whose `h` is at least `lower`.
    pub(super) fn under(&self, lower: f32) -> f32 {
        below(f64::from(lower) - 2.0 * self.slack)
    }
}

/// To f32, downwards; what cannot be compared is below everything.
fn below(h: f64) -> f32 {
    let h = h - h.abs() * 2e-7;
    if h.is_nan() { f32::NEG_INFINITY } else { h.min(f64::from(f32::MAX)) as f32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(norm: f64, step: f32) -> Direction {
        Direction { norm, step, residual: 0.01 }
    }

    #[test]
    fn a_score_in_units_and_what_ties_with_it_are_not_above_its_bound() {
        for s in [Similarity::Cosine, Similarity::Dot, Similarity::NegativeSquaredL2] {
            for norm in [1e-20, 1.0, 1e15] {
                let units = Units::new(s, &query(norm, 0.001), 3.0);
                let (alpha, n) = (f64::from(0.001f32), 3.0);
                for h in [-900.0, 0.0, 7.0, 850.0] {
                    let score = match s {
                        Similarity::Cosine => alpha * h,
                        Similarity::Dot => alpha * n * norm * h,
                        Similarity::NegativeSquaredL2 => 2.0 * alpha * n * norm * h - norm * norm,
                    };
                    assert!(f64::from(units.of(score)) <= h, "{s:?} {norm} {h}");
                    assert!(units.under(h as f32) <= h as f32);
                }
            }
        }
    }

    #[test]
    fn of_a_query_without_direction_nothing_is_known_and_every_row_is_kept() {
        for s in [Similarity::Cosine, Similarity::Dot, Similarity::NegativeSquaredL2] {
            for nothing in [
                Direction { norm: 0.0, step: 0.0, residual: f32::INFINITY },
                Direction { norm: f64::NAN, step: 0.0, residual: f32::INFINITY },
            ] {
                let units = Units::new(s, &nothing, 1.0);
                assert!(!units.bounds());
                assert_eq!(units.of(0.5), f32::NEG_INFINITY);
                assert_eq!(units.under(3.0), f32::NEG_INFINITY);
            }
        }
    }
}
