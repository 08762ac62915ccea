//! The lock that a commit holds.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use wfgy_core::Deadline;
use wfgy_formats::durable::PRIVATE;

/// How long a waiter with a deadline sleeps between two attempts: a commit takes a few
/// milliseconds, and the kernel offers no lock with a timeout.
const PAUSE: Duration = Duration::from_millis(5);

/// A lock of the kernel on a file, held until this is dropped or its process dies.
///
/// It is `flock`, so it belongs to the open file: a holder that was killed leaves no lock
/// behind, and two threads of one process exclude each other as two processes do. The file
/// itself means nothing and is never removed, because a waiter may have it open.
#[derive(Debug)]
pub struct StoreLock {
    _file: File,
}

/// A lock that was not had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// The lock file could not be opened or locked.
    #[error("{path}: cannot be locked: {source}", path = path.display())]
    Io {
        /// The lock file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process held it for too long.
    #[error("{path}: still locked by another process at the deadline; run the command again", path = path.display())]
    Busy {
        /// The lock file.
        path: PathBuf,
    },
}

impl StoreLock {
    /// Waits for the lock on the file at `path`, which is made where there is none.
    ///
    /// # Errors
    /// [`LockError::Busy`] where the deadline passed first.
    pub(crate) fn take(path: &Path, deadline: Deadline) -> Result<Self, LockError> {
        let fail = |source| LockError::Io { path: path.to_owned(), source };
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(PRIVATE)
            .open(path)
            .map_err(fail)?;
        let how = match deadline.remaining(Instant::now()) {
            None => FlockOperation::LockExclusive,
            Some(_) => FlockOperation::NonBlockingLockExclusive,
        };
        loop {
            match flock(&file, how) {
                Ok(()) => return Ok(Self { _file: file }),
                Err(Errno::INTR) => {}
                Err(Errno::WOULDBLOCK) if deadline.passed(Instant::now()) => {
                    return Err(LockError::Busy { path: path.to_owned() });
                }
                Err(Errno::WOULDBLOCK) => std::thread::sleep(PAUSE),
                Err(errno) => return Err(fail(errno.into())),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_lock_is_busy_at_the_deadline_and_free_when_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let held = StoreLock::take(&path, Deadline::NONE).unwrap();
        let soon = Deadline::at(Instant::now() + Duration::from_millis(20));
        assert!(matches!(StoreLock::take(&path, soon), Err(LockError::Busy { .. })));
        drop(held);
        // Not at once: a process that another test is just starting has the file open, and with
        // it the lock, until it executes its program.
        let later = Deadline::at(Instant::now() + Duration::from_secs(60));
        StoreLock::take(&path, later).unwrap();
    }

    #[test]
    fn rule_a_lock_is_free_when_its_holder_dies() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        drop(StoreLock::take(&path, Deadline::NONE).unwrap());
        // A process of its own, which takes the lock and then becomes `sleep`.
        let mut holder = std::process::Command::new("flock")
            .args(["--no-fork", path.to_str().unwrap(), "sleep", "600"])
            .spawn()
            .expect("flock of util-linux runs");
        let at = |seconds| Deadline::at(Instant::now() + Duration::from_secs(seconds));
        let held = (0..2000).any(|_| {
            std::thread::sleep(PAUSE);
            StoreLock::take(&path, at(0)).is_err()
        });
        holder.kill().unwrap();
        holder.wait().unwrap();
        assert!(held, "the other process never had the lock");
        StoreLock::take(&path, at(60)).unwrap();
    }
}
