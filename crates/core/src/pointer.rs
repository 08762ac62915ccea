//! Port: the stable name that readers dereference.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Deadline, Digest, PortError};

/// How well an adapter keeps compare-and-set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strength {
    /// The compare is part of the one write.
    NativeCas,
    /// Lease, fencing epoch and read-back around a blind write.
    EmulatedCas,
    /// Readers see the write after a while (DNS).
    Eventual,
}

impl fmt::Display for Strength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NativeCas => "native_cas",
            Self::EmulatedCas => "emulated_cas",
            Self::Eventual => "eventual",
        })
    }
}

/// A target that the pointer has left and can return to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StackEntry {
    /// Where it is: a canonical absolute path, or what the adapter calls a target.
    pub target: String,
    /// Its content.
    pub index_hash: Digest,
    /// Its content and serving files.
    pub serving_hash: Digest,
}

/// Everything a pointer remembers, written in one step with its target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PointerState {
    /// Its name.
    pub alias: String,
    /// What readers get.
    pub target: String,
    /// Content of the target when the pointer moved there.
    pub index_hash: Digest,
    /// Serving content of the target when the pointer moved there.
    pub serving_hash: Digest,
    /// Grows by one with every move; never reused.
    pub epoch: u64,
    /// Targets to return to, the last one on top.
    pub stack: Vec<StackEntry>,
    /// Targets that were rolled back from; each with the journal sequence number of that rollback.
    pub quarantine: Vec<Quarantined>,
    /// Policy digests whose lines may approve a flip; empty: all.
    pub policies: Vec<Digest>,
    /// Gold digests whose lines may approve a flip; empty: all.
    pub golds: Vec<Digest>,
    /// When it last moved, RFC 3339 UTC.
    pub changed_at: String,
    /// Who moved it.
    pub by: String,
    /// The verdict that approved this target; `None` after an override or a rollback.
    pub verdict_digest: Option<Digest>,
    /// Digest of the journal record that announced this state; `None` in that record itself,
    /// which cannot hold its own digest, and nowhere else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journal_head: Option<Digest>,
}

/// A target that needs fresh evidence before the pointer may go there again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quarantined {
    /// The target.
    pub entry: StackEntry,
    /// Journal sequence number of the rollback that put it here.
    pub since: u64,
}

/// What became of a compare-and-set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Swap {
    /// The pointer now has the new state.
    Moved,
    /// It had moved since it was read: nothing was written; this is what it is now.
    Conflict(Option<Box<PointerState>>),
}

/// A pointer adapter: reads a pointer, and moves it in exactly one write.
pub trait Pointer: Send + Sync {
    /// How well it keeps compare-and-set.
    fn strength(&self) -> Strength;

    /// Names of all pointers, ascending.
    ///
    /// # Errors
    /// Where the store could not be read.
    fn list(&self, deadline: Deadline) -> Result<Vec<String>, PortError>;

    /// The pointer now; `None` where there is none of this name.
    ///
    /// # Errors
    /// Where it could not be read, or is damaged.
    fn read(&self, alias: &str, deadline: Deadline) -> Result<Option<PointerState>, PortError>;

    /// Moves the pointer to `next` iff it still has the `(target, epoch)` of `expected`
    /// (`None`: iff it does not exist), in one write, durable when this returns.
    ///
    /// # Errors
    /// Where it is not known, or known not, to have moved; the caller reads it back. A state that
    /// no journal record announced is refused.
    fn swap(
        &self,
        expected: Option<&PointerState>,
        next: &PointerState,
        deadline: Deadline,
    ) -> Result<Swap, PortError>;
}
