//! When to ask a service again.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// Exponential backoff with full jitter: before try n the pause is uniform in
/// [0, min(cap, base · 2ⁿ)], so that many clients do not come back together
/// (AWS Architecture Blog 2015, "Exponential Backoff and Jitter").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often a request is sent at most, the first time included; at least 1.
    pub tries: u32,
    /// Upper end of the first pause.
    pub base: Duration,
    /// Upper end of any pause that the service did not ask for.
    pub cap: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { tries: 6, base: Duration::from_millis(500), cap: Duration::from_secs(30) }
    }
}

impl RetryPolicy {
    /// The pause after `failed` failed tries (1, 2, …) for a `fraction` in [0, 1].
    ///
    /// A service that says how long to wait is waited for at least that long.
    fn pause(&self, failed: u32, fraction: f64, asked: Option<Duration>) -> Duration {
        let doubled = self.base.saturating_mul(1 << failed.saturating_sub(1).min(20));
        let jittered = doubled.min(self.cap).mul_f64(fraction);
        asked.map_or(jittered, |asked| asked + jittered.min(self.base))
    }

    /// [`Self::pause`] with a fraction of its own.
    pub(crate) fn next_pause(&self, failed: u32, asked: Option<Duration>) -> Duration {
        // The hasher's per-process random keys; jitter needs no better generator.
        let random = RandomState::new().build_hasher().finish();
        self.pause(failed, (random >> 11) as f64 / (1_u64 << 53) as f64, asked)
    }
}

/// `Retry-After` in seconds (RFC 9110 section 10.2.3); its date form is left to the backoff.
pub(crate) fn retry_after(header: Option<&str>) -> Option<Duration> {
    header?.trim().parse::<u32>().ok().map(|s| Duration::from_secs(u64::from(s)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_cap_and_jitter_is_full() {
        let policy = RetryPolicy::default();
        let top = |failed| policy.pause(failed, 1.0, None).as_millis();
        assert_eq!(
            (1..=8).map(top).collect::<Vec<_>>(),
            [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000]
        );
        assert_eq!(policy.pause(5, 0.0, None), Duration::ZERO);
        assert_eq!(policy.pause(u32::MAX, 1.0, None), policy.cap);
        let drawn: Vec<_> = (0..50).map(|_| policy.next_pause(7, None)).collect();
        assert!(drawn.iter().all(|p| *p <= policy.cap));
        assert!(drawn.iter().any(|p| p != &drawn[0]), "no jitter");
    }

    #[test]
    fn retry_after_is_the_shortest_pause() {
        let policy = RetryPolicy::default();
        let asked = retry_after(Some(" 7 "));
        assert_eq!(asked, Some(Duration::from_secs(7)));
        assert!(policy.pause(1, 0.0, asked) >= Duration::from_secs(7));
        assert_eq!(retry_after(Some("Wed, 21 Oct 2015 07:28:00 GMT")), None);
        assert_eq!(retry_after(Some("-3")), None);
        assert_eq!(retry_after(None), None);
    }
}
