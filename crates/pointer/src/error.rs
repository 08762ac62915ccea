//! Why a command did not move a pointer.

use wfgy_core::{Digest, PortError};
use wfgy_gate::{OverrideError, Refusal};

use crate::folder::StoreError;
use crate::inventory::Inventory;
use crate::journal::JournalError;
use crate::name::NameError;
use crate::record::Place;
use crate::target::TargetError;
use crate::verdicts::FilingError;

/// A command that was refused or could not be carried out. The pointer is where it was, but for
/// [`FlipError::Unknown`], which says so.
#[derive(Debug, thiserror::Error)]
pub enum FlipError {
    /// The text names no alias.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The store has no such alias.
    #[error("unknown alias `{alias}`: {inventory}{}", to_make_it(.create))]
    UnknownAlias {
        /// The alias.
        alias: String,
        /// What the store has.
        inventory: Box<Inventory>,
        /// The command line that makes it, for somebody who said where it shall point.
        create: Option<String>,
    },
    /// There is no store to look into.
    #[error("{inventory}")]
    NoStore {
        /// What was looked for.
        inventory: Box<Inventory>,
    },
    /// The store has that alias already.
    #[error("alias `{alias}` exists and points to {target}; run `{update}`")]
    Exists {
        /// The alias.
        alias: String,
        /// Where it points.
        target: String,
        /// The command line that moves it.
        update: String,
    },
    /// An option was given without its reason.
    #[error("{what} is recorded with a reason: add --reason TEXT")]
    ReasonMissing {
        /// What needs it.
        what: &'static str,
    },
    /// The override was refused.
    #[error(transparent)]
    Override(#[from] OverrideError),
    /// The target cannot be gone to.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The evidence does not approve the flip.
    #[error("{refusal}{}", with(.flag))]
    Refused {
        /// Why, and what to run next.
        refusal: Box<Refusal>,
        /// What that command line has to end with, so that it uses this store.
        flag: String,
    },
    /// The approval is for something else: an error of this program.
    #[error("the approval is not for this flip of alias `{alias}`; nothing moved")]
    Approval {
        /// The alias.
        alias: String,
    },
    /// A rollback target is not what it was when the pointer left it.
    #[error("{difference}; nothing moved")]
    Differs {
        /// How it differs.
        difference: Box<Difference>,
    },
    /// The target of a rollback is damaged, gone or another one.
    #[error("{why}; {instead}")]
    NotWhole {
        /// What is wrong with it.
        why: Box<FlipError>,
        /// What leads on.
        instead: String,
    },
    /// The directory, or a file of it, changed after it was hashed.
    #[error("{target}: was changed while it was checked; nothing moved; run the command again")]
    Changed {
        /// The directory.
        target: String,
    },
    /// There is nothing to roll back to.
    #[error("alias `{alias}` has nothing to roll back to: {problem}; nothing moved; {next}")]
    EmptyStack {
        /// The alias.
        alias: String,
        /// An empty stack, or one in quarantine.
        problem: &'static str,
        /// What leads on.
        next: String,
    },
    /// The pointer is not where it was when the command began, or not at `--expect-epoch`.
    #[error(
        "alias `{alias}` had moved: expected {}, found {}; nothing moved; run `{next}` and plan anew",
        at(expected),
        at(found)
    )]
    Moved {
        /// The alias.
        alias: String,
        /// Where it was expected; an empty target where only an epoch was.
        expected: Option<Place>,
        /// Where it is.
        found: Option<Place>,
        /// The command line that shows it.
        next: String,
    },
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A filed verdict cannot be used.
    #[error(transparent)]
    Filing(#[from] FilingError),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The pointer cannot be read.
    #[error("{0}; nothing moved")]
    Read(PortError),
    /// The pointer could not be written; it was read back and is where it was.
    #[error("{0}; nothing moved")]
    Write(PortError),
    /// The pointer could be neither written nor read back.
    #[error(
        "{write}; whether alias `{alias}` moved is not known ({read}); run `{next}`: it reads the pointer back"
    )]
    Unknown {
        /// The alias.
        alias: String,
        /// Why it could not be written.
        write: Box<PortError>,
        /// Why it could not be read back.
        read: Box<PortError>,
        /// The command line that finds out.
        next: String,
    },
}

/// An alias that could not be looked at, or that its journal does not vouch for.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// The pointer cannot be read, or is damaged.
    #[error(transparent)]
    Pointer(#[from] PortError),
    /// The journal cannot be used, or says otherwise.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ObserveError {
    /// What is wrong, without what to do about a journal that cannot be used.
    pub(crate) fn problem(&self) -> String {
        match self {
            Self::Journal(error) => error.problem(),
            Self::Pointer(_) | Self::Store(_) => self.to_string(),
        }
    }

    /// The exit code of programs that give verdicts, for which 1 is a fail: 2 for a store that is
    /// damaged, 4 for a machine in trouble.
    pub fn exit_code(&self) -> u8 {
        let code = match self {
            Self::Pointer(PortError::Permanent { .. } | PortError::Input { .. }) => 2,
            Self::Pointer(PortError::Retryable { .. } | PortError::Deadline { .. }) => 4,
            Self::Journal(error) => error.exit_code(),
            Self::Store(error) => error.exit_code(),
        };
        if code == 4 { 4 } else { 2 }
    }
}

impl From<ObserveError> for FlipError {
    fn from(error: ObserveError) -> Self {
        match error {
            ObserveError::Pointer(error) => Self::Read(error),
            ObserveError::Journal(error) => Self::Journal(error),
            ObserveError::Store(error) => Self::Store(error),
        }
    }
}

/// A target whose content is not what the stack remembers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{target}: {what} is {found}, but was {expected} when the alias left it")]
pub struct Difference {
    /// The directory.
    pub target: String,
    /// INDEX_HASH or SERVING_HASH.
    pub what: &'static str,
    /// What the stack remembers.
    pub expected: Digest,
    /// What it is now.
    pub found: Digest,
}

impl FlipError {
    /// The exit code that `vec` ends with.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Name(_)
            | Self::UnknownAlias { .. }
            | Self::NoStore { .. }
            | Self::Exists { .. }
            | Self::ReasonMissing { .. }
            | Self::Override(_) => 2,
            Self::Target(error) => error.exit_code(),
            Self::Refused { refusal, .. } => refusal.exit_code(),
            Self::Differs { .. } | Self::Changed { .. } | Self::EmptyStack { .. } => 1,
            Self::NotWhole { why, .. } => why.exit_code(),
            Self::Moved { .. } => 5,
            Self::Store(error) => error.exit_code(),
            Self::Journal(error) => error.exit_code(),
            Self::Filing(error) => error.exit_code(),
            // A pointer that can be reached but not understood is damaged; nobody can say what
            // moving it would do.
            Self::Read(PortError::Permanent { .. }) => 1,
            Self::Approval { .. } | Self::Read(_) | Self::Write(_) | Self::Unknown { .. } => 4,
        }
    }
}

fn at(place: &Option<Place>) -> String {
    match place {
        None => "no alias".to_owned(),
        Some(Place { target, epoch }) if target.is_empty() => format!("epoch {epoch}"),
        Some(Place { target, epoch }) => format!("epoch {epoch} ({target})"),
    }
}

fn to_make_it(create: &Option<String>) -> String {
    create.as_ref().map_or(String::new(), |create| format!("; to make it, run `{create}`"))
}

fn with(flag: &str) -> String {
    if flag.is_empty() { String::new() } else { format!(" (each with{flag})") }
}
