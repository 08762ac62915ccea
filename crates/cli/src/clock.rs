//! The one place that reads the wall clock, the user's name and the host's.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use wfgy_core::Deadline;
use wfgy_gate::Timestamp;

use crate::environment;
use crate::exit::Failure;

/// How long a command on a local store waits for a lock that another process holds.
pub(crate) const STORE_PATIENCE: Duration = Duration::from_secs(30);

/// The time, and whether SOURCE_DATE_EPOCH gave it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    /// The moment.
    pub at: Timestamp,
    /// Whether it is the build's moment rather than the clock's.
    pub from_environment: bool,
}

/// Reads the clock, or SOURCE_DATE_EPOCH where it is set.
///
/// # Errors
/// Where SOURCE_DATE_EPOCH is no number, or the clock stands before 1970.
pub(crate) fn now() -> Result<Now, Failure> {
    if let Some(text) = environment::EPOCH.read() {
        let seconds = text.to_str().and_then(|text| text.parse().ok()).ok_or_else(|| {
            Failure::input("SOURCE_DATE_EPOCH: not a number of seconds since 1970; unset it")
        })?;
        return Ok(Now { at: Timestamp::from_unix(seconds), from_environment: true });
    }
    Ok(Now { at: wall()?, from_environment: false })
}

/// Reads the clock. Pointers move in real time whatever the environment says.
///
/// # Errors
/// Where the clock stands before 1970.
pub(crate) fn wall() -> Result<Timestamp, Failure> {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_err(|_| Failure::unable("the clock stands before 1970: set it"))?;
    Ok(Timestamp::from_unix(since.as_secs()))
}

/// A deadline `patience` from now.
pub(crate) fn within(patience: Duration) -> Deadline {
    Instant::now().checked_add(patience).map_or(Deadline::NONE, Deadline::at)
}

/// Who runs the command, for the journal: `user@host`.
pub(crate) fn who() -> String {
    let user = environment::USER
        .read_text()
        .unwrap_or_else(|| format!("uid{}", rustix::process::getuid().as_raw()));
    format!("{user}@{}", host())
}

/// Name of the machine.
pub(crate) fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
