//! What a criterion says of a statistic over questions: where it passes, and where it fails.

use wfgy_core::Aggregate;
use wfgy_stats::{Claim, LEVEL, Side, round9};

use crate::criterion::Criterion;
use crate::metric::{KnownMetric, Origin};

/// Values are compared after they are rounded to this.
const STEP: f64 = 1e-9;

/// The claims of a criterion. They differ where it has a review band: that lies between them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Claims {
    /// Shown: it passes.
    pub passes: Claim,
    /// Refuted: it fails.
    pub fails: Claim,
    /// Whether it is met by a difference that is none.
    stays: bool,
}

impl Claims {
    /// Those of a criterion on a metric whose statistic is `aggregate`, at the plain level.
    pub(crate) fn of(criterion: &Criterion, known: &KnownMetric, aggregate: Aggregate) -> Self {
        let [passes, fails] = thresholds(criterion);
        let (side, range) = (side(criterion), known.range());
        let claim = |threshold| Claim { aggregate, range, side, threshold, level: LEVEL };
        let stays = known.origin == Origin::Baseline && criterion.op.holds(0.0, criterion.bound);
        Self { passes: claim(passes), fails: claim(fails), stays }
    }

    /// The smallest number of questions that could pass by bounds, all of them at their best;
    /// `None` where no number could. Of a count, which grows with n: 1 where `n` questions could.
    ///
    /// The best of a difference that should not get worse is none, unless `value`, which is
    /// supposed or observed, is an improvement, or none is not enough.
    pub(crate) fn smallest_n(&self, value: f64, n: usize) -> Option<usize> {
        let Claim { range, side, threshold, .. } = self.passes;
        let improves = if side == Side::Upper { value < 0.0 } else { value > 0.0 };
        let unchanged = match self.stays && !improves {
            true => self.passes.smallest_n(0.0, n),
            false => None,
        };
        let end = range.end(side.opposite());
        // Quantiles ask of a value only that it passes; means have no bound without an end.
        let best = if end.is_finite() { end } else { threshold };
        unchanged.or_else(|| self.passes.smallest_n(best, n))
    }
}

/// The bound that a criterion passes by.
pub(crate) fn side(criterion: &Criterion) -> Side {
    if criterion.op.is_upper() { Side::Upper } else { Side::Lower }
}

/// The greatest value (for an upper bound; else the least) that passes, and that does not fail.
fn thresholds(criterion: &Criterion) -> [f64; 2] {
    let Criterion { op, bound, review, .. } = criterion;
    let inside = match side(criterion) {
        Side::Upper => |end: f64| round9(end) - STEP,
        Side::Lower => |end: f64| round9(end) + STEP,
    };
    let at_bound = if op.holds(*bound, *bound) { *bound } else { inside(*bound) };
    let Some([low, high]) = *review else { return [at_bound; 2] };
    let (passing, failing) = if op.is_upper() { (low, high) } else { (high, low) };
    // The band is open: its far end passes, its near end fails.
    let passes = if round9(passing) == round9(*bound) { at_bound } else { passing };
    [passes, inside(failing)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::criterion::{Comparison, Op};

    #[test]
    fn rule_thresholds_are_where_a_value_passes_and_fails() {
        for (op, bound, review) in [
            (Op::AtMost, 0.45, None),
            (Op::Below, 0.45, None),
            (Op::AtLeast, 0.70, None),
            (Op::Above, 0.70, None),
            (Op::AtMost, 0.45, Some([0.45, 0.60])),
            (Op::Below, 0.60, Some([0.45, 0.60])),
            (Op::AtLeast, 0.70, Some([0.50, 0.70])),
            (Op::Above, 0.70, Some([0.70, 0.80])),
        ] {
            let mut criterion = Criterion::hard("delta_s.question:mean", op, bound);
            criterion.review = review;
            let [passes, fails] = thresholds(&criterion);
            for step in 0..=1000 {
                let value = f64::from(step) / 1000.0;
                let within = |end| match op.is_upper() {
                    true => wfgy_stats::at_most(value, end),
                    false => wfgy_stats::at_least(value, end),
                };
                let expected = match (within(passes), within(fails)) {
                    (true, _) => Comparison::Holds,
                    (false, true) => Comparison::Review,
                    (false, false) => Comparison::Violated,
                };
                assert_eq!(criterion.compare(value), expected, "{criterion} {review:?} {value}");
            }
        }
    }
}
