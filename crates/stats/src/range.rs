//! What values a metric can take, and which end of an interval is meant.

/// The least and the greatest value that a metric can take; an end may be infinite.
///
/// The bound of a mean needs the end on its own side: without it, one question that nobody asked
/// could move the mean by any amount.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    lowest: f64,
    highest: f64,
}

/// Ends that make no range.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("{lowest} to {highest} is no range: the first must be below the second")]
pub struct RangeError {
    /// The least value given.
    pub lowest: f64,
    /// The greatest value given.
    pub highest: f64,
}

impl Range {
    /// Shares, coverage and ranking measures.
    pub const UNIT: Self = Self { lowest: 0.0, highest: 1.0 };

    /// Nothing is known: means have no bound, quantiles do.
    pub const UNBOUNDED: Self = Self { lowest: f64::NEG_INFINITY, highest: f64::INFINITY };

    /// # Errors
    /// [`RangeError`] unless `lowest < highest`.
    pub fn new(lowest: f64, highest: f64) -> Result<Self, RangeError> {
        if lowest < highest {
            Ok(Self { lowest, highest })
        } else {
            Err(RangeError { lowest, highest })
        }
    }

    /// Least value; may be −∞.
    pub fn lowest(self) -> f64 {
        self.lowest
    }

    /// Greatest value; may be +∞.
    pub fn highest(self) -> f64 {
        self.highest
    }

    /// The range of the difference of two such values.
    pub fn of_differences(self) -> Self {
        let width = self.highest - self.lowest;
        Self { lowest: -width, highest: width }
    }

    /// The end on `side`.
    pub fn end(self, side: Side) -> f64 {
        match side {
            Side::Lower => self.lowest,
            Side::Upper => self.highest,
        }
    }
}

/// An end of an interval.
///
/// A criterion `metric ≤ x` passes by its upper bound and fails by its lower one; `metric ≥ x` the
/// other way round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The lower bound: the true value is below it with probability at most 1 − level.
    Lower,
    /// The upper bound: the true value is above it with probability at most 1 − level.
    Upper,
}

impl Side {
    /// The other end.
    pub fn opposite(self) -> Self {
        match self {
            Self::Lower => Self::Upper,
            Self::Upper => Self::Lower,
        }
    }

    /// The bound that says nothing: −∞ or +∞.
    pub fn nothing(self) -> f64 {
        match self {
            Self::Lower => f64::NEG_INFINITY,
            Self::Upper => f64::INFINITY,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_a_range_has_its_lowest_below_its_highest() {
        for (lowest, highest) in [(1.0, 1.0), (2.0, 1.0), (f64::NAN, 1.0), (0.0, f64::NAN)] {
            assert!(Range::new(lowest, highest).is_err(), "{lowest} to {highest}");
        }
        let range = Range::new(0.0, 2.0).unwrap();
        assert_eq!(range.of_differences(), Range::new(-2.0, 2.0).unwrap());
        assert_eq!((range.end(Side::Lower), range.end(Side::Upper)), (0.0, 2.0));
        assert_eq!(Range::UNBOUNDED.of_differences(), Range::UNBOUNDED);
    }
}
