//! What the journal holds.

use std::fmt;

use serde::{Deserialize, Serialize};
use wfgy_core::{CanonicalError, Digest, PointerState, Strength, canonical_json};
use wfgy_gate::Verdict;

/// One line of the journal.
///
/// Its canonical bytes are RFC 8785; a record's digest is the sha256 of those, without the
/// newline that ends the line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its place in the journal, from 1 without gaps.
    pub seq: u64,
    /// Digest of the record before it; `None` for the first.
    pub prev: Option<Digest>,
    /// When, RFC 3339 UTC: for people. Order is judged by `seq`.
    pub at: String,
    /// Who.
    pub by: String,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

impl Record {
    /// RFC 8785 bytes, without the newline.
    pub(crate) fn bytes(&self) -> Result<Vec<u8>, CanonicalError> {
        canonical_json(self)
    }
}

/// What happened, by `kind`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// A live evaluation filed its verdict.
    VerdictFiled(Filing),
    /// A pointer is about to be moved.
    Intent(Box<Intent>),
    /// What became of an intent, written by who announced it.
    Outcome(Outcome),
    /// What a later command found and put right after a crash.
    Recovered(Recovery),
}

/// A verdict and when its evaluation began, by sequence number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filing {
    /// sha256 of the file's bytes; the file is `verdicts/<digest>.json`.
    pub digest: Digest,
    /// The journal's last sequence number when the evaluation began; 0 where it was empty.
    pub began_seq: u64,
    /// INDEX_HASH of what was evaluated.
    pub index_hash: Digest,
    /// SERVING_HASH of what was evaluated.
    pub serving_hash: Digest,
    /// The policy that decided.
    pub policy_digest: Digest,
    /// The gold set that was asked.
    pub gold_digest: Digest,
    /// What it says.
    pub verdict: Verdict,
}

/// What a command does to a pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The alias begins to exist.
    Create,
    /// To a target that has to earn it.
    Forward,
    /// Back to an entry of the stack.
    Rollback,
    /// The target stays; what may approve the next one changes.
    Policy,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Create => "create",
            Self::Forward => "forward",
            Self::Rollback => "rollback",
            Self::Policy => "policy",
        })
    }
}

/// What compare-and-set compares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// What the pointer points to.
    pub target: String,
    /// Its epoch.
    pub epoch: u64,
}

impl Place {
    /// Where `state` is.
    pub fn of(state: &PointerState) -> Self {
        Self { target: state.target.clone(), epoch: state.epoch }
    }
}

/// A move that was announced: durable before the pointer is touched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// What is done.
    pub action: Action,
    /// How well the adapter keeps compare-and-set.
    pub strength: Strength,
    /// Where the pointer was; `None` where there was none of this name.
    pub from: Option<Place>,
    /// The state it is to have, but for the journal head, which is the digest of this record.
    pub next: PointerState,
    /// The verdict that approves this very move; `None` where it needs none or was overridden.
    pub verdict: Option<Digest>,
    /// Why, in the words of who did it. With `overridden` it stands in for a verdict.
    pub reason: Option<String>,
    /// Whether a verdict or a quarantine was overridden.
    pub overridden: bool,
}

/// How an intent ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Sequence number of the intent.
    pub intent: u64,
    /// How it ended.
    pub result: Closing,
    /// What the adapter said where it did not simply succeed.
    pub message: Option<String>,
}

/// Whether the pointer took the announced state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Closing {
    /// It did.
    Moved,
    /// It did not, and will not.
    NotMoved,
    /// It had moved since it was read: compare-and-set refused.
    Conflict,
}

/// What a later command put right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "found", rename_all = "snake_case")]
pub enum Recovery {
    /// An intent without an outcome; the pointer was read back.
    OpenIntent {
        /// Sequence number of the intent.
        intent: u64,
        /// What the pointer said.
        result: Closing,
    },
    /// A last line that was never finished; it was moved aside.
    TornLine {
        /// Name of the file that now holds it.
        file: String,
        /// How many bytes.
        bytes: u64,
        /// sha256 of them.
        sha256: Digest,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_one_line_of_canonical_json_and_reads_back() {
        let record = Record {
            seq: 2,
            prev: Some(Digest::of("first")),
            at: "2026-01-02T03:04:05Z".into(),
            by: "a\nb".into(),
            event: Event::Recovered(Recovery::OpenIntent { intent: 1, result: Closing::Moved }),
        };
        let bytes = record.bytes().unwrap();
        assert!(!bytes.contains(&b'\n'));
        let text = String::from_utf8(bytes.clone()).unwrap();
        assert!(text.contains(r#""found":"open_intent","intent":1,"kind":"recovered""#), "{text}");
        assert_eq!(serde_json::from_slice::<Record>(&bytes).unwrap(), record);
    }
}
