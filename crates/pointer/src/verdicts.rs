//! Verdicts on file: what a forward flip is judged by.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

use wfgy_core::{CanonicalError, Deadline, Digest, canonical_json};
use wfgy_formats::durable::{self, PRIVATE, WriteError};
use wfgy_gate::{
    FiledVerdict, Timestamp, Unusable, Verdict, VerdictFile, VerdictFileError, has_expired,
    is_from_the_future,
};

use crate::chain::Chain;
use crate::folder::{StoreDir, StoreError};
use crate::journal::{Journal, JournalError};
use crate::record::{Event, Filing};

/// Mode of the folder of verdicts: they may hold customers' text.
const PRIVATE_FOLDER: u32 = 0o700;

/// The verdicts of a store: `verdicts/<digest>.json`, each announced in the journal.
#[derive(Debug, Clone)]
pub struct VerdictStore<'a> {
    store: &'a StoreDir,
}

/// A verdict that is on file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filed {
    /// Number of its journal record.
    pub seq: u64,
    /// sha256 of its bytes.
    pub digest: Digest,
    /// Its file.
    pub path: PathBuf,
}

/// What a verdict file is worth in this store, whatever an alias may demand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Digest of the verdict.
    pub digest: Digest,
    /// Number of its journal record; `None` where it was never filed here.
    pub filed: Option<u64>,
    /// The verdict that was filed later under the same policy and gold set, and stands instead.
    pub superseded_by: Option<Digest>,
    /// When the evaluation ended.
    pub ended: Timestamp,
    /// Whether that moment is still to come, with the tolerance that a flip grants.
    pub from_the_future: bool,
    /// From when on a pass counts no more.
    pub expires: Timestamp,
    /// Whether that moment has passed, with the tolerance that a flip grants.
    pub expired: bool,
    /// Why it counts for nothing, where it does.
    pub unusable: Option<Unusable>,
}

/// A verdict that was not filed, or cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FilingError {
    /// A filed verdict is not what was filed.
    #[error("{path}: the filed verdict of journal record {seq} was tampered with: {problem}; evaluate the index again into a store that is whole", path = path.display())]
    Tampered {
        /// Its file.
        path: PathBuf,
        /// Number of the record that filed it.
        seq: u64,
        /// How it differs.
        problem: String,
    },
    /// The verdict counts for nothing.
    #[error("the verdict is not filed: {why}; evaluate live to file one")]
    Unusable {
        /// What it is.
        why: Unusable,
    },
    /// The verdict contradicts itself or the journal.
    #[error("the verdict is not filed: {problem}")]
    Contradiction {
        /// How.
        problem: String,
    },
    /// A filed verdict could not be read.
    #[error("{path}: cannot be read: {source}", path = path.display())]
    Read {
        /// Its file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It has no canonical form: an error of this program.
    #[error("verdict: {0}")]
    Canonical(#[from] CanonicalError),
}

impl FilingError {
    /// 1 for what was tampered with, 2 for a verdict that may not be filed, 4 for a machine in
    /// trouble.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Tampered { .. } => 1,
            Self::Unusable { .. } | Self::Contradiction { .. } => 2,
            Self::Journal(error) => error.exit_code(),
            Self::Store(error) => error.exit_code(),
            Self::Read { .. } | Self::Write(_) | Self::Canonical(_) => 4,
        }
    }
}

impl From<VerdictFileError> for FilingError {
    fn from(error: VerdictFileError) -> Self {
        Self::Contradiction { problem: error.to_string() }
    }
}

impl<'a> VerdictStore<'a> {
    /// The verdicts of `store`.
    pub fn new(store: &'a StoreDir) -> Self {
        Self { store }
    }

    /// The sequence number to remember when an evaluation begins: what is filed with it is
    /// judged to have begun after everything up to it.
    ///
    /// It is read under the lock, so that no flip is half done at this number. It makes nothing:
    /// an evaluation that comes to no verdict leaves no store behind.
    ///
    /// # Errors
    /// [`FilingError`] where the store could not be made, or cannot be locked or read, or its
    /// journal was tampered with: better now than after the evaluation.
    pub fn begin(&self, deadline: Deadline) -> Result<u64, FilingError> {
        let _lock = self.store.lock_if_made(deadline)?;
        Ok(self.journal().read()?.seq())
    }

    /// How many verdicts on this subject are on file.
    ///
    /// # Errors
    /// [`FilingError`] where the journal cannot be used.
    pub fn evaluations(
        &self,
        index_hash: Digest,
        serving_hash: Digest,
    ) -> Result<u64, FilingError> {
        let chain = self.journal().read()?;
        let mine = |filing: &Filing| (filing.index_hash, filing.serving_hash);
        let count = filings(&chain).filter(|(_, f)| mine(f) == (index_hash, serving_hash)).count();
        Ok(count as u64)
    }

    /// What stands against a subject: of each of its lines the last verdict filed, where that is
    /// a fail or inconclusive; the worst first, then the last filed. An alias that listens to one
    /// of these lines does not move there.
    ///
    /// # Errors
    /// [`FilingError`] where the journal cannot be used.
    pub fn against(
        &self,
        index_hash: Digest,
        serving_hash: Digest,
    ) -> Result<Vec<Filing>, FilingError> {
        let chain = self.journal().read()?;
        let mut lines = BTreeMap::new();
        for (seq, filing) in filings(&chain) {
            if (filing.index_hash, filing.serving_hash) == (index_hash, serving_hash) {
                lines.insert((filing.policy_digest, filing.gold_digest), (seq, filing));
            }
        }
        let mut against: Vec<_> = lines.into_values().collect();
        against.retain(|(_, filing)| filing.verdict != Verdict::Pass);
        against.sort_by_key(|(seq, filing)| Reverse((filing.verdict, *seq)));
        Ok(against.into_iter().map(|(_, filing)| filing.clone()).collect())
    }

    /// Everything that was filed, the oldest first.
    ///
    /// # Errors
    /// [`FilingError`] where the journal cannot be used.
    pub fn filings(&self) -> Result<Vec<Filing>, FilingError> {
        self.store.check()?;
        let chain = self.journal().read()?;
        Ok(filings(&chain).map(|(_, filing)| filing.clone()).collect())
    }

    /// Files the verdict of a live evaluation: its file durable first, then its journal record.
    ///
    /// A verdict that is on file already keeps its place: filing it again would let an old pass
    /// stand over a later fail.
    ///
    /// # Errors
    /// [`FilingError::Unusable`] for one that was replayed, made under SOURCE_DATE_EPOCH or with
    /// `--no-file`.
    pub fn file(
        &self,
        verdict: &VerdictFile,
        now: Timestamp,
        by: &str,
        deadline: Deadline,
    ) -> Result<Filed, FilingError> {
        if let Some(why) = verdict.measured.unusable {
            return Err(FilingError::Unusable { why });
        }
        verdict.check()?;
        let bytes = canonical_json(verdict)?;
        let filing = filing_of(verdict, Digest::of(&bytes));
        let path = self.path(filing.digest);
        let lock = self.store.lock(deadline)?;
        let journal = self.journal();
        let at = now.to_string();
        let mut chain = journal.load(&lock, &at, by)?;
        if let Some((seq, known)) = filings(&chain).find(|(_, f)| f.digest == filing.digest) {
            self.read(seq, known)?;
            return Ok(Filed { seq, digest: filing.digest, path });
        }
        if filing.began_seq > chain.seq() {
            let problem = format!(
                "measured.began_seq: is {}, but the journal of this store ends at {}: name the \
                 store that the evaluation began with",
                filing.began_seq,
                chain.seq()
            );
            return Err(FilingError::Contradiction { problem });
        }
        self.make_folder()?;
        durable::replace(&path, PRIVATE, |w| w.write_all(&bytes))?;
        let digest = filing.digest;
        let (seq, _) = journal.append(&lock, &mut chain, &at, by, Event::VerdictFiled(filing))?;
        Ok(Filed { seq, digest, path })
    }

    /// The filed verdicts on a subject, as the gate judges them, the oldest first.
    ///
    /// # Errors
    /// [`FilingError::Tampered`] where the file of any of them is missing or altered: a missing
    /// fail must not turn into a pass.
    pub fn filed(
        &self,
        chain: &Chain,
        index_hash: Digest,
        serving_hash: Digest,
    ) -> Result<Vec<FiledVerdict>, FilingError> {
        filings(chain)
            .filter(|(_, f)| f.index_hash == index_hash && f.serving_hash == serving_hash)
            .map(|(seq, filing)| {
                let verdict = self.read(seq, filing)?;
                Ok(FiledVerdict::of(&verdict, filing.digest, seq))
            })
            .collect()
    }

    /// What a verdict is worth here.
    ///
    /// # Errors
    /// [`FilingError`] where it contradicts itself, or the store cannot be used.
    pub fn status(&self, verdict: &VerdictFile, now: Timestamp) -> Result<Status, FilingError> {
        verdict.check()?;
        self.store.check()?;
        let chain = self.journal().read()?;
        let mine = filing_of(verdict, verdict.digest()?);
        let line = |f: &Filing| (f.index_hash, f.serving_hash, f.policy_digest, f.gold_digest);
        let filed = filings(&chain).find(|(_, f)| f.digest == mine.digest);
        if let Some((seq, filing)) = filed {
            self.read(seq, filing)?;
        }
        let last = filings(&chain).filter(|(_, f)| line(f) == line(&mine)).last();
        Ok(Status {
            digest: mine.digest,
            filed: filed.map(|(seq, _)| seq),
            superseded_by: last.map(|(_, f)| f.digest).filter(|digest| *digest != mine.digest),
            ended: verdict.measured.ended,
            from_the_future: is_from_the_future(verdict.measured.ended, now),
            expires: verdict.measured.expires,
            expired: has_expired(verdict.measured.expires, now),
            unusable: verdict.measured.unusable,
        })
    }

    /// The verdict that a record filed, checked against it.
    fn read(&self, seq: u64, filing: &Filing) -> Result<VerdictFile, FilingError> {
        let path = self.path(filing.digest);
        let tampered = |problem: String| FilingError::Tampered { path: path.clone(), seq, problem };
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                return Err(tampered("its file is missing".into()));
            }
            Err(source) => return Err(FilingError::Read { path, source }),
        };
        let found = Digest::of(&bytes);
        if found != filing.digest {
            return Err(tampered(format!("its sha256 is {found}")));
        }
        let verdict: VerdictFile =
            serde_json::from_slice(&bytes).map_err(|e| tampered(e.to_string()))?;
        verdict.check().map_err(|e| tampered(e.to_string()))?;
        if filing_of(&verdict, filing.digest) != *filing {
            return Err(tampered("the journal says something else of it".into()));
        }
        Ok(verdict)
    }

    fn journal(&self) -> Journal {
        Journal::new(self.store.path())
    }

    fn path(&self, digest: Digest) -> PathBuf {
        self.store.path().join("verdicts").join(format!("{digest}.json"))
    }

    fn make_folder(&self) -> Result<(), FilingError> {
        let folder = self.store.path().join("verdicts");
        match DirBuilder::new().mode(PRIVATE_FOLDER).create(&folder) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(source) => Err(WriteError { path: folder, source }.into()),
            Ok(()) => Ok(durable::sync_parent(&folder)?),
        }
    }
}

fn filings(chain: &Chain) -> impl Iterator<Item = (u64, &Filing)> {
    chain.records().iter().filter_map(|record| match &record.event {
        Event::VerdictFiled(filing) => Some((record.seq, filing)),
        Event::Intent(_) | Event::Outcome(_) | Event::Recovered(_) => None,
    })
}

fn filing_of(verdict: &VerdictFile, digest: Digest) -> Filing {
    let decided = &verdict.decided;
    Filing {
        digest,
        // One that does not know when it began is taken to have begun first of all.
        began_seq: verdict.measured.began_seq.unwrap_or(0),
        index_hash: decided.subject.index_hash,
        serving_hash: decided.subject.serving_hash,
        policy_digest: decided.policy_digest,
        gold_digest: decided.gold_digest,
        verdict: verdict.verdict,
    }
}
