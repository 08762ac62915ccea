//! Anytime-valid tests and confidence sequences for a bounded mean, by betting.
//!
//! A gambler bets on each value before seeing it, at odds that are fair if the mean is m. Wealth
//! that grows to 1/α speaks against m: by Ville's inequality it ever does so with probability at
//! most α where m is the mean, however often one looks (Waudby-Smith and Ramdas 2024,
//! doi:10.1093/jrsssb/qkad009, whose predictable plug-in bets and hedged capital these are).

use wfgy_core::Interval;

use crate::{Range, Side};

/// Greatest share of what a bet can lose that is staked; the paper's c.
const STAKE: f64 = 0.5;

/// Bisections of a bound: beyond the last, the interval is an ulp or so of the unit.
const BISECTIONS: usize = 52;

/// Values that no test can use.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum BettingError {
    /// A range with an infinite end: no bet is safe.
    #[error("betting needs a finite range, not {lowest} to {highest}")]
    Range {
        /// Least value.
        lowest: f64,
        /// Greatest value.
        highest: f64,
    },
    /// A level that is no probability.
    #[error("level {level} is not between 0 and 1")]
    Level {
        /// What was given.
        level: f64,
    },
    /// A threshold that the mean cannot lie beyond.
    #[error("threshold {threshold} is not inside {lowest} to {highest}")]
    Threshold {
        /// What was given.
        threshold: f64,
        /// Least value.
        lowest: f64,
        /// Greatest value.
        highest: f64,
    },
    /// An observation that the metric cannot have.
    #[error("observation {value} is outside {lowest} to {highest}")]
    Observation {
        /// What was given.
        value: f64,
        /// Least value.
        lowest: f64,
        /// Greatest value.
        highest: f64,
    },
}

/// The unit interval that a side of a range is mapped to: 0 at the end of that side, so that the
/// lower bound of the unit value is the bound that is meant.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Unit {
    range: Range,
    side: Side,
}

impl Unit {
    fn new(range: Range, side: Side, level: f64) -> Result<Self, BettingError> {
        let (lowest, highest) = (range.lowest(), range.highest());
        if !(highest - lowest).is_finite() {
            return Err(BettingError::Range { lowest, highest });
        }
        if !(level > 0.0 && level < 1.0) {
            return Err(BettingError::Level { level });
        }
        Ok(Self { range, side })
    }

    fn of(self, value: f64) -> f64 {
        let from = self.range.end(self.side);
        let to = self.range.end(self.side.opposite());
        (value - from) / (to - from)
    }

    fn back(self, unit: f64) -> f64 {
        let from = self.range.end(self.side);
        let to = self.range.end(self.side.opposite());
        from + unit * (to - from)
    }

    /// The unit value of an observation within the range.
    fn observed(self, value: f64) -> Result<f64, BettingError> {
        let (lowest, highest) = (self.range.lowest(), self.range.highest());
        if value >= lowest && value <= highest {
            Ok(self.of(value).clamp(0.0, 1.0))
        } else {
            Err(BettingError::Observation { value, lowest, highest })
        }
    }
}

/// The size of the next bet, from what was seen before it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Bettor {
    /// ln(2/α).
    confidence: f64,
    seen: f64,
    sum: f64,
    squares: f64,
}

impl Bettor {
    fn new(alpha: f64) -> Self {
        Self { confidence: (2.0 / alpha).ln(), seen: 0.0, sum: 0.0, squares: 0.0 }
    }

    /// λ_t = sqrt(2 ln(2/α) / (σ²_{t−1} t ln(1 + t))), before it is truncated for an m.
    fn bet(&self) -> f64 {
        let t = self.seen + 1.0;
        let variance = (0.25 + self.squares) / (self.seen + 1.0);
        (2.0 * self.confidence / (variance * t * t.ln_1p())).sqrt()
    }

    /// μ_t = (1/2 + Σ x) / (t + 1), σ²_t = (1/4 + Σ (x_i − μ_i)²) / (t + 1).
    fn see(&mut self, x: f64) {
        self.seen += 1.0;
        self.sum += x;
        let mean = (0.5 + self.sum) / (self.seen + 1.0);
        self.squares += (x - mean) * (x - mean);
    }
}

/// ln of the factor that a bet on "the mean is above m" changes the wealth by.
fn log_growth(x: f64, bet: f64, m: f64) -> f64 {
    // Truncated at c/m, so that no outcome loses more than the share c of the wealth.
    (bet.min(STAKE / m) * (x - m)).ln_1p()
}

/// An anytime-valid test that a mean lies beyond a threshold: constant time and memory per value.
#[derive(Debug, Clone, PartialEq)]
pub struct MeanTest {
    unit: Unit,
    threshold: f64,
    needed: f64,
    bettor: Bettor,
    log_wealth: f64,
    greatest: f64,
}

impl MeanTest {
    /// A test that the mean of values within `range` is above `threshold` (`side` = `Lower`: its
    /// lower bound passes the threshold) or below it (`Upper`); wrong, ever, with probability at
    /// most 1 − level.
    ///
    /// A rule on a quantile, "p95 ≤ x", is one on the share of values above x, ≤ 0.05: observe 1
    /// where a value is above x, else 0.
    ///
    /// # Errors
    /// [`BettingError`] where the range is not finite, the threshold is not inside it, or the
    /// level is no probability.
    pub fn new(range: Range, side: Side, threshold: f64, level: f64) -> Result<Self, BettingError> {
        let unit = Unit::new(range, side, level)?;
        let (lowest, highest) = (range.lowest(), range.highest());
        if !(threshold > lowest && threshold < highest) {
            return Err(BettingError::Threshold { threshold, lowest, highest });
        }
        Ok(Self {
            unit,
            threshold: unit.of(threshold),
            needed: -(1.0 - level).ln(),
            bettor: Bettor::new(1.0 - level),
            log_wealth: 0.0,
            greatest: 0.0,
        })
    }

    /// Takes the next value.
    ///
    /// # Errors
    /// [`BettingError::Observation`] where it is not within the range; nothing is taken then.
    pub fn observe(&mut self, value: f64) -> Result<(), BettingError> {
        let x = self.unit.observed(value)?;
        self.log_wealth += log_growth(x, self.bettor.bet(), self.threshold);
        self.greatest = self.greatest.max(self.log_wealth);
        self.bettor.see(x);
        Ok(())
    }

    /// Whether the mean has been shown to lie beyond the threshold; once shown, it stays so.
    pub fn is_shown(&self) -> bool {
        self.greatest >= self.needed
    }
}

/// Bounds of a mean that hold at every moment at once.
#[derive(Debug, Clone, PartialEq)]
pub struct ConfidenceSequence {
    level: f64,
    lower: Option<Bound>,
    upper: Option<Bound>,
}

/// One side of a sequence.
#[derive(Debug, Clone, PartialEq)]
struct Bound {
    unit: Unit,
    needed: f64,
    bettor: Bettor,
    /// Every value with the bet that was made on it.
    history: Vec<(f64, f64)>,
    /// The best bound at any moment so far, as a unit value.
    reached: f64,
}

impl ConfidenceSequence {
    /// Both bounds: the mean is ever outside with probability at most 1 − level, half on each side.
    ///
    /// # Errors
    /// [`BettingError`] where the range is not finite or the level is no probability.
    pub fn two_sided(range: Range, level: f64) -> Result<Self, BettingError> {
        let each = (1.0 + level) / 2.0;
        Ok(Self {
            level,
            lower: Some(Bound::new(range, Side::Lower, each)?),
            upper: Some(Bound::new(range, Side::Upper, each)?),
        })
    }

    /// One bound: the mean is ever beyond it with probability at most 1 − level.
    ///
    /// # Errors
    /// [`BettingError`] where the range is not finite or the level is no probability.
    pub fn one_sided(range: Range, side: Side, level: f64) -> Result<Self, BettingError> {
        let bound = Some(Bound::new(range, side, level)?);
        Ok(match side {
            Side::Lower => Self { level, lower: bound, upper: None },
            Side::Upper => Self { level, lower: None, upper: bound },
        })
    }

    /// Takes the next value.
    ///
    /// # Errors
    /// [`BettingError::Observation`] where it is not within the range; nothing is taken then.
    pub fn observe(&mut self, value: f64) -> Result<(), BettingError> {
        for bound in [&mut self.lower, &mut self.upper].into_iter().flatten() {
            bound.observe(value)?;
        }
        Ok(())
    }

    /// The bounds now, at the level asked for as a whole; an end is `None` where no side was asked
    /// for. An end never moves back: the sequence is intersected over the moments that were asked.
    ///
    /// Takes time in proportion to the number of values.
    pub fn interval(&mut self) -> Interval {
        let end = |bound: &mut Option<Bound>| bound.as_mut().map(Bound::now);
        Interval { level: self.level, lower: end(&mut self.lower), upper: end(&mut self.upper) }
    }
}

impl Bound {
    fn new(range: Range, side: Side, level: f64) -> Result<Self, BettingError> {
        let unit = Unit::new(range, side, level)?;
        let (needed, bettor) = (-(1.0 - level).ln(), Bettor::new(1.0 - level));
        Ok(Self { unit, needed, bettor, history: Vec::new(), reached: 0.0 })
    }

    fn observe(&mut self, value: f64) -> Result<(), BettingError> {
        let x = self.unit.observed(value)?;
        self.history.push((x, self.bettor.bet()));
        self.bettor.see(x);
        Ok(())
    }

    /// ln of the wealth against m, which falls in m: each factor does.
    fn log_wealth(&self, m: f64) -> f64 {
        self.history.iter().map(|&(x, bet)| log_growth(x, bet, m)).sum()
    }

    fn now(&mut self) -> f64 {
        let (mut below, mut above) = (self.reached, 1.0);
        for _ in 0..BISECTIONS {
            let middle = below + (above - below) / 2.0;
            if self.log_wealth(middle) >= self.needed {
                below = middle;
            } else {
                above = middle;
            }
        }
        // The value below is one that is excluded, or the bound so far.
        self.reached = below;
        self.unit.back(below)
    }
}

#[cfg(test)]
mod tests {
    use wfgy_kernel::resample::Stream;

    use super::*;

    #[test]
    fn rule_a_test_and_a_sequence_of_one_side_say_the_same() {
        let mut stream = Stream::new(11, 0);
        for (side, threshold) in [(Side::Upper, 0.6), (Side::Lower, 0.3)] {
            let mut test = MeanTest::new(Range::UNIT, side, threshold, 0.95).unwrap();
            let mut sequence = ConfidenceSequence::one_sided(Range::UNIT, side, 0.95).unwrap();
            let mut shown_at = None;
            for t in 0..400 {
                let value = stream.uniform() * 0.9;
                test.observe(value).unwrap();
                sequence.observe(value).unwrap();
                let interval = sequence.interval();
                let beyond = match side {
                    Side::Upper => interval.upper.unwrap() < threshold,
                    Side::Lower => interval.lower.unwrap() > threshold,
                };
                assert_eq!(test.is_shown(), beyond, "{side:?} at {t}");
                shown_at = shown_at.or(beyond.then_some(t));
            }
            assert!(shown_at.is_some_and(|t| t > 5), "{shown_at:?}");
        }
    }

    #[test]
    fn rule_sides_mirror_and_the_unit_of_the_range_has_no_influence() {
        let mut stream = Stream::new(12, 0);
        let twice = Range::new(0.0, 2.0).unwrap();
        let mut a = ConfidenceSequence::two_sided(Range::UNIT, 0.9).unwrap();
        let mut b = ConfidenceSequence::two_sided(twice, 0.9).unwrap();
        for _ in 0..200 {
            let value = stream.uniform();
            a.observe(value).unwrap();
            b.observe(2.0 * (1.0 - value)).unwrap();
        }
        let (a, b) = (a.interval(), b.interval());
        assert!((a.lower.unwrap() - (1.0 - b.upper.unwrap() / 2.0)).abs() < 1e-12);
        assert!((a.upper.unwrap() - (1.0 - b.lower.unwrap() / 2.0)).abs() < 1e-12);
        assert!(a.lower.unwrap() > 0.3 && a.upper.unwrap() < 0.7);
    }

    #[test]
    fn rule_nothing_seen_is_the_whole_range_and_bounds_never_move_back() {
        let mut sequence = ConfidenceSequence::two_sided(Range::UNIT, 0.9).unwrap();
        assert_eq!(sequence.interval().lower, Some(0.0));
        assert_eq!(sequence.interval().upper, Some(1.0));
        let mut last = sequence.interval();
        for t in 0..300 {
            sequence.observe(if t < 150 { 1.0 } else { 0.0 }).unwrap();
            let now = sequence.interval();
            assert!(now.lower >= last.lower && now.upper <= last.upper, "at {t}");
            last = now;
        }
        assert!(last.lower.unwrap() > 0.8);
    }

    #[test]
    fn rule_what_is_outside_the_range_is_refused_and_not_taken() {
        let mut test = MeanTest::new(Range::UNIT, Side::Upper, 0.05, 0.95).unwrap();
        let before = test.clone();
        for value in [f64::NAN, -0.1, 1.1, f64::INFINITY] {
            assert!(test.observe(value).is_err(), "{value}");
        }
        assert_eq!(test, before);
        assert!(MeanTest::new(Range::UNBOUNDED, Side::Upper, 0.05, 0.95).is_err());
        assert!(MeanTest::new(Range::UNIT, Side::Upper, 1.0, 0.95).is_err());
        assert!(MeanTest::new(Range::UNIT, Side::Upper, 0.5, 1.0).is_err());
        assert!(ConfidenceSequence::two_sided(Range::UNIT, f64::NAN).is_err());
    }
}
