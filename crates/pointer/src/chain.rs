//! The chain of records that a journal holds, verified.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use wfgy_core::{Digest, PointerState};

use crate::journal::{JournalError, tampered};
use crate::record::{Closing, Event, Intent, Outcome, Record, Recovery};

/// Number and digest of the last record that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Head {
    pub(crate) seq: u64,
    pub(crate) digest: Digest,
}

/// A journal that was read and found whole.
#[derive(Debug, Clone)]
pub struct Chain {
    path: PathBuf,
    pub(crate) records: Vec<Record>,
    pub(crate) digests: Vec<Digest>,
    /// Bytes of the whole records.
    pub(crate) len: u64,
    /// What follows them: the end of an append that is under way, or was when a process died.
    pub(crate) torn: Vec<u8>,
    /// Whether the head file names the last record.
    pub(crate) settled: bool,
}

impl Chain {
    /// Checks the bytes of a journal against themselves and its head.
    pub(crate) fn verify(
        path: &Path,
        head_path: &Path,
        head: Option<Head>,
        bytes: &[u8],
    ) -> Result<Self, JournalError> {
        let bad = |line: usize, problem: String| tampered(path, Some(line as u64), problem);
        let counted = head.map_or(0, |head| head.seq) as usize;
        let whole = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        let mut lines: Vec<&[u8]> = bytes[..whole].split(|b| *b == b'\n').collect();
        lines.pop();
        let mut chain = Chain {
            path: path.to_owned(),
            records: Vec::with_capacity(lines.len()),
            digests: Vec::with_capacity(lines.len()),
            len: 0,
            torn: Vec::new(),
            settled: false,
        };
        let mut unreadable = None;
        for (i, line) in lines.iter().enumerate() {
            let n = i + 1;
            match parse(line) {
                // Blocks of one append may reach the disk in any order: a last line that no
                // head ever named may end well and still be torn.
                Err(_) if n > counted && n == lines.len() && whole == bytes.len() => break,
                Err(problem) => {
                    unreadable = Some(bad(n, problem));
                    break;
                }
                Ok(record) => {
                    chain.records.push(record);
                    chain.digests.push(Digest::of(line));
                    chain.len += line.len() as u64 + 1;
                }
            }
        }
        for (i, record) in chain.records.iter().enumerate() {
            if record.seq != i as u64 + 1 {
                let problem = format!("seq is {}, expected {}", record.seq, i + 1);
                return Err(bad(i + 1, problem));
            }
            let expected = i.checked_sub(1).map(|before| chain.digests[before]);
            if record.prev != expected {
                // Either this record's `prev` was changed or the record before it. If what
                // follows vouches for this record as it stands, it was the one before.
                let vouched = match chain.records.get(i + 1) {
                    Some(next) => next.prev == Some(chain.digests[i]),
                    None => head.is_some_and(|head| head.digest == chain.digests[i]),
                };
                let line = if vouched && i > 0 { i } else { i + 1 };
                return Err(bad(line, "the hash chain breaks here: the record was altered".into()));
            }
        }
        if let Some(error) = unreadable {
            return Err(error);
        }
        if let Some(head) = head {
            match counted.checked_sub(1).and_then(|last| chain.digests.get(last)) {
                None => {
                    let problem = format!(
                        "the tail was cut off: {} whole records, journal.head names {}",
                        chain.records.len(),
                        head.seq
                    );
                    return Err(bad(chain.records.len() + 1, problem));
                }
                Some(digest) if *digest != head.digest => {
                    let problem = "differs from what journal.head names: it was altered";
                    return Err(bad(counted, problem.into()));
                }
                Some(_) => {}
            }
        } else if chain.records.len() > 1 {
            let problem = "is missing, so a cut tail could not be seen".to_owned();
            return Err(tampered(head_path, None, problem));
        }
        chain.torn = bytes[chain.len as usize..].to_vec();
        chain.settled = counted == chain.records.len();
        Ok(chain)
    }

    /// All records, the oldest first.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// Number of the last record; 0 where there is none.
    pub fn seq(&self) -> u64 {
        self.records.len() as u64
    }

    /// Bytes that recovery moved aside after record `since`, because they were no record: the
    /// file's name and how many.
    pub fn moved_aside(&self, since: u64) -> impl Iterator<Item = (&str, u64)> {
        self.records.iter().skip(since as usize).filter_map(|record| match &record.event {
            Event::Recovered(Recovery::TornLine { file, bytes, .. }) => {
                Some((file.as_str(), *bytes))
            }
            _ => None,
        })
    }

    /// Digest of the last record.
    pub fn head(&self) -> Option<Digest> {
        self.digests.last().copied()
    }

    /// Whether a command died before it was done, or is at it right now.
    pub fn needs_recovery(&self) -> bool {
        !self.settled || !self.torn.is_empty() || !self.open_intents().is_empty()
    }

    /// Intents without an outcome: number, digest, intent.
    pub fn open_intents(&self) -> Vec<(u64, Digest, &Intent)> {
        let mut open = Vec::new();
        for (record, digest) in self.records.iter().zip(&self.digests) {
            match &record.event {
                Event::Intent(intent) => open.push((record.seq, *digest, intent.as_ref())),
                Event::Outcome(Outcome { intent, .. })
                | Event::Recovered(Recovery::OpenIntent { intent, .. }) => {
                    open.retain(|(seq, _, _)| seq != intent);
                }
                Event::VerdictFiled(_) | Event::Recovered(Recovery::TornLine { .. }) => {}
            }
        }
        open
    }

    /// How the intent with this number ended, as far as the journal says, and whether a later
    /// command had to find out.
    pub fn closing(&self, seq: u64) -> Option<(Closing, bool)> {
        self.records.iter().skip(seq as usize).find_map(|record| match &record.event {
            Event::Outcome(Outcome { intent, result, .. }) if *intent == seq => {
                Some((*result, false))
            }
            Event::Recovered(Recovery::OpenIntent { intent, result }) if *intent == seq => {
                Some((*result, true))
            }
            _ => None,
        })
    }

    /// The last intent for `alias` that is known to have moved it.
    pub fn last_moved(&self, alias: &str) -> Option<(u64, &Intent)> {
        self.records.iter().rev().find_map(|record| match &record.event {
            Event::Intent(intent) if intent.next.alias == alias => self
                .closing(record.seq)
                .is_some_and(|(result, _)| result == Closing::Moved)
                .then_some((record.seq, intent.as_ref())),
            _ => None,
        })
    }

    /// Checks what was found under the name `alias` against the journal: a state as
    /// [`Chain::vouch`] does; none only where the journal never moved such an alias, because no
    /// command removes one.
    ///
    /// # Errors
    /// [`JournalError::Tampered`].
    pub(crate) fn vouch_for(
        &self,
        alias: &str,
        found: Option<&PointerState>,
    ) -> Result<(), JournalError> {
        match (found, self.last_moved(alias)) {
            (Some(state), _) => self.vouch(state),
            (None, None) => Ok(()),
            (None, Some((seq, newest))) => {
                let problem = format!(
                    "moved alias {alias} to epoch {}, but the alias is gone: it was removed by hand",
                    newest.next.epoch
                );
                Err(tampered(&self.path, Some(seq), problem))
            }
        }
    }

    /// Names of all aliases that were moved.
    pub(crate) fn aliases(&self) -> BTreeSet<String> {
        self.records
            .iter()
            .filter_map(|record| match &record.event {
                Event::Intent(intent) => Some(&intent.next.alias),
                _ => None,
            })
            .filter(|alias| self.last_moved(alias).is_some())
            .cloned()
            .collect()
    }

    /// Checks that the journal announced exactly this state, and nothing newer for this alias.
    ///
    /// # Errors
    /// [`JournalError::Tampered`]: the journal's tail was cut, or the state was changed or put
    /// back by hand.
    pub fn vouch(&self, state: &PointerState) -> Result<(), JournalError> {
        let bad = |line, problem| Err(tampered(&self.path, line, problem));
        let alias = &state.alias;
        let Some(head) = state.journal_head else {
            return bad(None, format!("announced no state like that of alias {alias}"));
        };
        let Some(at) = self.digests.iter().position(|digest| *digest == head) else {
            return bad(
                None,
                format!(
                    "has no record {head}, which announced the state of alias {alias}: the tail \
                     was cut off, or the alias is of another store"
                ),
            );
        };
        let line = Some(at as u64 + 1);
        let announced = match &self.records[at].event {
            Event::Intent(intent) => {
                PointerState { journal_head: Some(head), ..intent.next.clone() }
            }
            _ => return bad(line, format!("is named by alias {alias}, but announces no state")),
        };
        if announced != *state {
            return bad(line, format!("announced another state of alias {alias}: it was altered"));
        }
        match self.last_moved(alias) {
            Some((seq, newest)) if newest.next.epoch > state.epoch => bad(
                Some(seq),
                format!(
                    "moved alias {alias} to epoch {}, but it is at epoch {}: it was put back by hand",
                    newest.next.epoch, state.epoch
                ),
            ),
            _ => Ok(()),
        }
    }
}

/// A record whose line is exactly its canonical form: an unknown field or another spelling of
/// a number would otherwise go unseen.
fn parse(line: &[u8]) -> Result<Record, String> {
    let record: Record =
        serde_json::from_slice(line).map_err(|e| format!("is no journal record ({e})"))?;
    match record.bytes() {
        Ok(bytes) if bytes == line => Ok(record),
        _ => Err("is not in canonical form: it was altered".to_owned()),
    }
}
