//! The moment after which nobody waits for an answer.

use std::time::{Duration, Instant};

/// A point in monotonic time, or none.
///
/// Callers make it, adapters ask what is left of it with their own reading of
/// the clock, so that this crate reads none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline(Option<Instant>);

impl Deadline {
    /// No limit.
    pub const NONE: Self = Self(None);

    /// Ends at `instant`.
    pub fn at(instant: Instant) -> Self {
        Self(Some(instant))
    }

    /// What is left at `now`; `None` where there is no limit, zero where it has passed.
    pub fn remaining(self, now: Instant) -> Option<Duration> {
        self.0.map(|at| at.saturating_duration_since(now))
    }

    /// Whether the deadline has passed at `now`.
    pub fn passed(self, now: Instant) -> bool {
        self.remaining(now).is_some_and(|left| left.is_zero())
    }
}
