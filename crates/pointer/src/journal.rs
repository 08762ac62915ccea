//! The hash-chained journal: append-only JSON Lines in which every record carries the sha256 of
//! the one before.
//!
//! Two files: `journal.jsonl`, and `journal.head` beside it with the last record's number and
//! digest. A chain alone cannot tell that its end was cut off; the head can, for every record,
//! and each alias state repeats it for the record that announced that state.
//!
//! A record counts once the head names it. The line is written and synced first, the head
//! replaced second, so after a crash the journal may be one line ahead of its head: a whole line
//! is taken over, a torn one was acknowledged to nobody and is moved aside.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use wfgy_core::{CanonicalError, Digest, canonical_json};
use wfgy_formats::durable::{self, PRIVATE, WriteError};

use crate::chain::{Chain, Head};
use crate::folder::shell_word;
use crate::lock::StoreLock;
use crate::record::{Event, Record, Recovery};

/// What to do about a journal that does not verify. Readers follow the alias all the while; what
/// they follow may be the very index to get away from, so the target is left to a person to name.
fn remedy(journal: &Path) -> String {
    let store = journal.parent().unwrap_or(Path::new("."));
    let word = |path: &Path| shell_word(&path.to_string_lossy());
    let beside = |end: &str| word(Path::new(&format!("{}.{end}", store.display())));
    let (old, new, aside) = (word(store), beside("new"), beside("damaged"));
    format!(
        "readers stay where they are; to give them the index DIR now, make a new store: for each \
         alias `vec alias create NAME --to DIR --override --reason 'journal damaged' --store {new}`, \
         then `mv {old} {aside} && mv {new} {old}` (live: `readlink \
         {old}/aliases/NAME/current/target`; earlier ones: \"stack\" in \
         {old}/aliases/NAME/current/state.json); or restore the store from a backup"
    )
}

/// How often a journal that has records and no head is read again.
const READ_ATTEMPTS: usize = 4;

/// A journal that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// It could not be read.
    #[error("{path}: cannot be read: {source}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It could not be written.
    #[error("{path}: cannot be written: {source}; free space or mend permissions, then run the command again", path = path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It, or something that it vouches for, is not what was written.
    #[error(
        "{path}{}: {problem}; {}",
        at(*line),
        remedy(path),
        path = path.display()
    )]
    Tampered {
        /// The file.
        path: PathBuf,
        /// The first bad line, 1-based.
        line: Option<u64>,
        /// What is wrong with it.
        problem: String,
    },
    /// A record had no canonical form: an error of this program.
    #[error("journal record: {0}")]
    Canonical(#[from] CanonicalError),
}

/// What follows a file's name.
fn at(line: Option<u64>) -> String {
    line.map(|line| format!(":{line}")).unwrap_or_default()
}

impl JournalError {
    /// What is wrong, without what to do about it.
    pub(crate) fn problem(&self) -> String {
        match self {
            Self::Tampered { path, line, problem } => {
                format!("{}{}: {problem}", path.display(), at(*line))
            }
            Self::Read { .. } | Self::Write { .. } | Self::Canonical(_) => self.to_string(),
        }
    }

    /// 1 for a journal that was tampered with, 4 for a machine in trouble.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Tampered { .. } => 1,
            Self::Read { .. } | Self::Write { .. } | Self::Canonical(_) => 4,
        }
    }
}

impl From<WriteError> for JournalError {
    fn from(error: WriteError) -> Self {
        Self::Write { path: error.path, source: error.source }
    }
}

/// The journal of a store.
#[derive(Debug, Clone)]
pub struct Journal {
    path: PathBuf,
    head: PathBuf,
}

impl Journal {
    /// The journal in the folder `store`.
    pub fn new(store: &Path) -> Self {
        Self { path: store.join("journal.jsonl"), head: store.join("journal.head") }
    }

    /// Reads and verifies the whole journal. One that does not exist is empty.
    ///
    /// May be called without the lock: an append under way shows as a torn last line, which is
    /// left alone.
    ///
    /// # Errors
    /// [`JournalError::Tampered`] names the first bad line.
    pub fn read(&self) -> Result<Chain, JournalError> {
        // The head first: the journal only grows, so a head read earlier is never beyond it.
        let mut head = self.read_head()?;
        let mut bytes = read_if_there(&self.path)?.unwrap_or_default();
        // Records without a head may be the first ones, under way right now.
        for _ in 0..READ_ATTEMPTS {
            if head.is_some() || bytes.is_empty() {
                break;
            }
            head = self.read_head()?;
            bytes = read_if_there(&self.path)?.unwrap_or_default();
        }
        Chain::verify(&self.path, &self.head, head, &bytes)
    }

    fn read_head(&self) -> Result<Option<Head>, JournalError> {
        read_if_there(&self.head)?
            .map(|bytes| {
                serde_json::from_slice(&bytes)
                    .map_err(|e| tampered(&self.head, None, format!("is damaged ({e})")))
            })
            .transpose()
    }

    /// Reads the journal in order to append to it, and puts right what a crash left: a torn last
    /// line is moved aside to `journal.torn.N` and recorded, a whole one that the head does not
    /// name yet is taken over.
    ///
    /// # Errors
    /// [`JournalError::Tampered`]; [`JournalError::Write`], and then nothing is lost: the next
    /// command tries again.
    pub(crate) fn load(&self, lock: &StoreLock, at: &str, by: &str) -> Result<Chain, JournalError> {
        let mut chain = self.read()?;
        self.recover(lock, &mut chain, at, by)?;
        Ok(chain)
    }

    fn recover(
        &self,
        lock: &StoreLock,
        chain: &mut Chain,
        at: &str,
        by: &str,
    ) -> Result<(), JournalError> {
        if !chain.settled {
            self.settle(chain)?;
        }
        if chain.torn.is_empty() {
            return Ok(());
        }
        let (file, name) = self.torn_name()?;
        durable::replace(&file, PRIVATE, |w| w.write_all(&chain.torn))?;
        self.cut(chain.len)?;
        let torn = std::mem::take(&mut chain.torn);
        let recovery =
            Recovery::TornLine { file: name, bytes: torn.len() as u64, sha256: Digest::of(&torn) };
        self.append(lock, chain, at, by, Event::Recovered(recovery))?;
        Ok(())
    }

    /// Appends a record and makes it durable; returns its number and digest.
    ///
    /// The lock is asked for as proof: two writers would break the chain. `chain` is from
    /// [`Journal::load`] under the same lock, and of no more use after an error.
    ///
    /// # Errors
    /// [`JournalError::Write`]. Where the line could not be written it was taken back; where only
    /// the head could not, the record may stand, and the caller must not act on it: an intent is
    /// then closed as not moved by the next command.
    pub(crate) fn append(
        &self,
        _lock: &StoreLock,
        chain: &mut Chain,
        at: &str,
        by: &str,
        event: Event,
    ) -> Result<(u64, Digest), JournalError> {
        let record = Record {
            seq: chain.seq() + 1,
            prev: chain.head(),
            at: at.to_owned(),
            by: by.to_owned(),
            event,
        };
        let mut line = record.bytes()?;
        let (seq, digest) = (record.seq, Digest::of(&line));
        line.push(b'\n');
        // Written at the end of the verified bytes, not at the end of the file.
        let written = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(PRIVATE)
            .open(&self.path)
            .and_then(|file| file.write_all_at(&line, chain.len).and_then(|()| file.sync_all()));
        if let Err(source) = written {
            // Best effort: where even this fails, the next command finds a torn line, or a whole
            // one that the head does not name, and deals with it.
            let _ = self.cut(chain.len);
            return Err(JournalError::Write { path: self.path.clone(), source });
        }
        chain.records.push(record);
        chain.digests.push(digest);
        chain.len += line.len() as u64;
        // From here on the line stays: the new head may be in place even where making it durable
        // failed, and a head that names a line which is gone means a cut tail.
        self.settle(chain)?;
        Ok((seq, digest))
    }

    /// Makes the head name the last record of `chain`.
    fn settle(&self, chain: &mut Chain) -> Result<(), JournalError> {
        if let Some(digest) = chain.head() {
            let bytes = canonical_json(&Head { seq: chain.seq(), digest })?;
            // Syncs the folder too, which makes the name of a new journal durable.
            durable::replace(&self.head, PRIVATE, |w| w.write_all(&bytes))?;
        }
        chain.settled = true;
        Ok(())
    }

    fn cut(&self, len: u64) -> Result<(), JournalError> {
        OpenOptions::new()
            .write(true)
            .open(&self.path)
            .and_then(|file: File| file.set_len(len).and_then(|()| file.sync_all()))
            .map_err(|source| JournalError::Write { path: self.path.clone(), source })
    }

    fn torn_name(&self) -> Result<(PathBuf, String), JournalError> {
        let mut n = 1u64;
        loop {
            let name = format!("journal.torn.{n}");
            let path = self.path.with_file_name(&name);
            match fs::symlink_metadata(&path) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok((path, name)),
                Err(source) => return Err(JournalError::Read { path, source }),
                Ok(_) => n += 1,
            }
        }
    }
}

fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, JournalError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(JournalError::Read { path: path.to_owned(), source }),
    }
}

pub(crate) fn tampered(path: &Path, line: Option<u64>, problem: String) -> JournalError {
    JournalError::Tampered { path: path.to_owned(), line, problem }
}
