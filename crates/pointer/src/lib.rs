//! Verdict filing, the journal, and the flip protocol on a local pointer store.
//!
//! The rules are section 9 of `docs/spec.md`. [`Flip`] is the protocol: it sees a pointer only
//! through `core::Pointer`, a target only through a closure that recomputes its hashes, and the
//! time only through another one. [`LocalPointer`] is the adapter for a directory. [`Journal`] and
//! [`VerdictStore`] keep what happened; both live in the folder that [`StoreDir`] names.
//!
//! One order holds everywhere: what is about to happen is durable before it happens, exactly one
//! write moves the pointer, and whoever comes next reads the pointer back instead of guessing.

mod back;
mod chain;
mod commit;
mod error;
mod flip;
mod folder;
mod ground;
mod history;
mod inventory;
mod journal;
mod local;
mod lock;
mod name;
mod observe;
mod plan;
mod record;
mod target;
mod verdicts;

pub use chain::Chain;
pub use commit::Moved;
pub use error::{Difference, FlipError, ObserveError};
pub use flip::{Allowed, Flip, Update};
pub use folder::{StoreDir, StoreError, shell_word};
pub use ground::Ground;
pub use history::HistoryEntry;
pub use inventory::Inventory;
pub use journal::{Journal, JournalError};
pub use local::LocalPointer;
pub use lock::{LockError, StoreLock};
pub use name::{AliasName, NameError};
pub use plan::quarantined_since;
pub use record::{Action, Closing, Event, Filing, Intent, Outcome, Place, Record, Recovery};
pub use target::{
    HashTarget, Hashes, Named, ResolveError, Resolved, TargetError, canonical_target, named_by,
    resolve,
};
pub use verdicts::{Filed, FilingError, Status, VerdictStore};
