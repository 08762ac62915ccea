//! What a score is, and how it is rounded.

use crate::dot::{cosine_of, dot_f64, norm_f64, squared_distance_f64};

/// What a score is made of; greater is closer in every case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Similarity {
    /// Inner product.
    Dot,
    /// Cosine; a zero row scores below every other.
    Cosine,
    /// Negative squared Euclidean distance.
    NegativeSquaredL2,
}

/// Cosine of a pair of which one has no direction.
const NO_DIRECTION: f64 = -2.0;

impl Similarity {
    /// The score of one pair in f64, before rounding.
    ///
    /// # Panics
    /// Where the lengths differ.
    pub fn score(self, query: &[f32], row: &[f32]) -> f64 {
        self.score_from(query, norm_f64(query), row)
    }

    /// The same where the query's norm is known.
    ///
    /// # Panics
    /// Where the lengths differ.
    pub fn score_from(self, query: &[f32], query_norm: f64, row: &[f32]) -> f64 {
        match self {
            Self::Dot => dot_f64(query, row),
            Self::Cosine => {
                cosine_of(dot_f64(query, row), query_norm, norm_f64(row)).unwrap_or(NO_DIRECTION)
            }
            Self::NegativeSquaredL2 => -squared_distance_f64(query, row),
        }
    }
}

/// A row and its score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scored {
    /// Row number.
    pub row: u32,
    /// Score in f64, rounded to 9 decimals by [`round9`].
    pub score: f64,
}

impl Scored {
    /// The order of hits: score descending, ties by row ascending.
    pub fn closer(&self, other: &Self) -> std::cmp::Ordering {
        other.score.total_cmp(&self.score).then(self.row.cmp(&other.row))
    }
}

/// Rounds to 9 decimals, half away from zero: the order of hits and the comparison with a
/// bound see this value. Values of 2²² and more are as coarse as f64 and stay as they are.
pub fn round9(x: f64) -> f64 {
    if x.abs() >= 4_194_304.0 {
        return x;
    }
    // Adding 0 makes −0 a 0: the two are one value and must be one in every order.
    (x * 1e9).round() / 1e9 + 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_a_pair_without_a_direction_has_the_lowest_cosine() {
        assert_eq!(Similarity::Cosine.score(&[0.0, 0.0], &[1.0, 0.0]), NO_DIRECTION);
        assert_eq!(Similarity::Cosine.score(&[1.0, 0.0], &[0.0, 0.0]), NO_DIRECTION);
        assert_eq!(Similarity::Cosine.score(&[1.0, 0.0], &[-3.0, 0.0]), -1.0);
    }

    #[test]
    fn greater_is_closer_in_every_similarity() {
        let query = [1.0, 2.0];
        for s in [Similarity::Dot, Similarity::Cosine, Similarity::NegativeSquaredL2] {
            assert!(s.score(&query, &[1.0, 2.0]) > s.score(&query, &[2.0, -1.0]), "{s:?}");
        }
    }

    #[test]
    fn rounding_is_half_away_from_zero_to_nine_decimals_and_knows_one_zero() {
        assert_eq!(round9(0.123_456_789_4), 0.123_456_789);
        assert_eq!(round9(-0.123_456_789_6), -0.123_456_79);
        assert_eq!(round9(-1e-12).to_bits(), 0);
        let coarse = 4_194_304.0 + f64::EPSILON * 4_194_304.0;
        assert_eq!(round9(coarse), coarse);
    }
}
