//! The moment after which nobody waits for an answer.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A point in monotonic time, or none; it may come early, when its [`Stop`] is asked for.
///
/// Callers make it, adapters ask what is left of it with their own reading of
/// the clock, so that this crate reads none. An adapter that works or waits
/// for long asks again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    at: Option<Instant>,
    stop: Option<Stop>,
}

/// A wish to stop that anybody may see and one part of the process utters, such as the handler
/// of a signal.
#[derive(Debug, Clone, Copy)]
pub struct Stop(&'static AtomicBool);

impl Stop {
    /// Asked for once `flag` is set.
    pub const fn when(flag: &'static AtomicBool) -> Self {
        Self(flag)
    }

    /// Whether it is asked for.
    pub fn is_asked(self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl PartialEq for Stop {
    /// Whether it is the same flag.
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0, other.0)
    }
}

impl Eq for Stop {}

impl Deadline {
    /// No limit.
    pub const NONE: Self = Self { at: None, stop: None };

    /// Ends at `instant`.
    pub fn at(instant: Instant) -> Self {
        Self { at: Some(instant), stop: None }
    }

    /// The same, but over as soon as `stop` is asked for.
    pub fn or(self, stop: Option<Stop>) -> Self {
        Self { stop, ..self }
    }

    /// What is left at `now`; `None` where there is no limit, zero where it has passed.
    pub fn remaining(self, now: Instant) -> Option<Duration> {
        match self.stop {
            Some(stop) if stop.is_asked() => Some(Duration::ZERO),
            _ => self.at.map(|at| at.saturating_duration_since(now)),
        }
    }

    /// Whether the deadline has passed at `now`.
    pub fn passed(self, now: Instant) -> bool {
        self.remaining(now).is_some_and(|left| left.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_over_as_soon_as_its_stop_is_asked_for() {
        static FLAG: AtomicBool = AtomicBool::new(false);
        let now = Instant::now();
        let hour = Deadline::at(now + Duration::from_secs(3600));
        let stop = Some(Stop::when(&FLAG));
        assert_eq!(Deadline::NONE.or(stop).remaining(now), None);
        assert_eq!(hour.or(stop).remaining(now), Some(Duration::from_secs(3600)));
        FLAG.store(true, Ordering::Relaxed);
        for deadline in [Deadline::NONE.or(stop), hour.or(stop)] {
            assert!(deadline.passed(now));
        }
        assert!(!hour.passed(now) && !Deadline::NONE.passed(now));
    }
}
