//! What may still be among the best of one query.

use super::units::Units;

/// A row and bounds on its score, in [`Units`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    pub(super) upper: f32,
    pub(super) lower: f32,
    pub(super) row: u32,
}

impl Candidate {
    /// Bounds that cannot be compared are the widest.
    pub(super) fn new(upper: f32, lower: f32, row: u32) -> Self {
        let upper = if upper.is_nan() { f32::INFINITY } else { upper };
        let lower = if lower.is_nan() { f32::NEG_INFINITY } else { lower };
        Self { upper, lower, row }
    }
}

/// The candidates of one query that one thread saw.
#[derive(Debug)]
pub(super) struct Candidates {
    kept: Vec<Candidate>,
    /// Length at which they are thinned out.
    limit: usize,
}

impl Candidates {
    pub(super) fn new(k: usize) -> Self {
        Self { kept: Vec::new(), limit: 2 * k + 44 }
    }

    /// Takes one; the new threshold where they were thinned out.
    pub(super) fn push(&mut self, candidate: Candidate, k: usize, units: &Units) -> Option<f32> {
        self.kept.push(candidate);
        if self.kept.len() < self.limit {
            return None;
        }
        let threshold = self.thin(k, units);
        self.limit = self.limit.max(2 * self.kept.len());
        Some(threshold)
    }

    /// Takes those of another thread.
    pub(super) fn append(&mut self, other: &mut Self) {
        self.kept.append(&mut other.kept);
    }

    /// Drops what `k` others are above whatever the errors, and gives the bound that did it.
    #[cold]
    fn thin(&mut self, k: usize, units: &Units) -> f32 {
        if self.kept.len() < k {
            return f32::NEG_INFINITY;
        }
        let (_, kth, _) =
            self.kept.select_nth_unstable_by(k - 1, |a, b| b.lower.total_cmp(&a.lower));
        let threshold = units.under(kth.lower);
        self.kept.retain(|candidate| candidate.upper >= threshold);
        threshold
    }

    /// Those that can be among the best `k`, greatest upper bound first.
    pub(super) fn into_sorted(mut self, k: usize, units: &Units) -> Vec<Candidate> {
        self.thin(k, units);
        self.kept.sort_unstable_by(|a, b| b.upper.total_cmp(&a.upper));
        self.kept
    }
}
