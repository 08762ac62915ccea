//! The commands on an alias, over any pointer.

use std::path::Path;

use wfgy_core::{Deadline, Digest, Pointer, PointerState};
use wfgy_gate::{AliasRules, Purpose, Timestamp};

use crate::commit::{Announcement, Commit, Moved, settle};
use crate::error::FlipError;
use crate::folder::{StoreDir, shell_word};
use crate::ground::{Given, Ground};
use crate::inventory::Inventory;
use crate::journal::Journal;
use crate::name::AliasName;
use crate::plan::{self, Kind};
use crate::record::{Action, Place};
use crate::target::HashTarget;

/// A command on an alias, and what it needs to know of the world.
pub struct Flip<'a> {
    /// Where journal and verdicts are.
    pub store: &'a StoreDir,
    /// The adapter that moves the pointer.
    pub pointer: &'a dyn Pointer,
    /// Recomputes both hashes of a target from the bytes of every file.
    pub hash: &'a HashTarget<'a>,
    /// Who runs the command, for the journal.
    pub by: &'a str,
    /// The time. Read at the commit, because hashing a target takes a while.
    pub now: &'a dyn Fn() -> Timestamp,
    /// When to give up waiting for a lock or a pointer; asked when the waiting begins.
    pub deadline: &'a dyn Fn() -> Deadline,
}

/// Which lines of verdicts an alias listens to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Allowed {
    /// Policy digests; empty: all.
    pub policies: Vec<Digest>,
    /// Gold digests; empty: all.
    pub golds: Vec<Digest>,
}

/// Options of `update`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// A forward flip even where the stack holds the target.
    pub forward: bool,
    /// Only from this epoch.
    pub expect_epoch: Option<u64>,
    /// What a forward flip rests on.
    pub ground: Ground,
}

impl Flip<'_> {
    /// Makes an alias; its first target needs what a forward flip needs.
    ///
    /// # Errors
    /// [`FlipError::Exists`] where there is one of this name; every other as for a flip.
    pub fn create(
        &self,
        alias: &AliasName,
        to: &Path,
        allowed: Allowed,
        ground: &Ground,
    ) -> Result<Moved, FlipError> {
        if let Some(state) = self.read(alias)? {
            let to = format!(" --to {}", shell_word(&to.to_string_lossy()));
            return Err(FlipError::Exists {
                alias: alias.to_string(),
                target: state.target,
                update: self.command("update", alias, &to),
            });
        }
        let looked = self.look(to)?;
        let rules = AliasRules {
            alias: alias.to_string(),
            policies: allowed.policies.clone(),
            golds: allowed.golds.clone(),
            quarantined_since: None,
            purpose: Purpose::Creation,
        };
        // Asked once more before anything is made: a refusal leaves no store behind.
        let on_file = self.journal().read()?;
        self.approve((&on_file, (self.now)()), &looked, rules.clone(), ground)?;
        let commit = Commit::begin(self, alias, None)?;
        looked.unchanged()?;
        let approval = self.approve(commit.on_file(), &looked, rules, ground)?;
        let given = Given::of(approval, alias, &looked.entry, Purpose::Creation)?;
        let next = plan::created(
            alias.as_str(),
            looked.entry,
            (allowed.policies, allowed.golds),
            given.verdict,
            commit.stamp(),
        );
        commit.run(given.announce(Action::Create, next))
    }

    /// Points an alias to a directory: a rollback iff the stack holds exactly this target, else
    /// a forward flip.
    ///
    /// # Errors
    /// [`FlipError`]; nothing moved.
    pub fn update(
        &self,
        alias: &AliasName,
        to: &Path,
        options: &Update,
    ) -> Result<Moved, FlipError> {
        let shown = shell_word(&to.to_string_lossy());
        let state = self.known(alias, Some(&shown), options.expect_epoch)?;
        let looked = self.look(to)?;
        let kind = plan::classify(&state, &looked.entry, options.forward);
        if kind == Kind::AlreadySo {
            return Ok(self.already(state));
        }
        let quarantined = match kind {
            Kind::Rollback(_) => plan::quarantined_since(&state.quarantine, &looked.entry),
            Kind::Forward | Kind::AlreadySo => {
                plan::content_quarantined(&state.quarantine, &looked.entry)
            }
        };
        let commit = Commit::begin(self, alias, Some(&state))?;
        looked.unchanged()?;
        if let (Kind::Rollback(at), None) = (kind, quarantined) {
            let next = plan::rolled_back(&state, at, None, commit.stamp());
            // It needs no override, so nothing is overridden; the reason is kept all the same.
            let reason = options.ground.reason()?;
            let plain = Announcement::plain(Action::Rollback, next);
            return commit.run(Announcement { reason, ..plain });
        }
        let purpose =
            Purpose::Update { index_hash: state.index_hash, serving_hash: state.serving_hash };
        let rules = AliasRules {
            alias: alias.to_string(),
            policies: state.policies.clone(),
            golds: state.golds.clone(),
            quarantined_since: quarantined,
            purpose,
        };
        let approval = self.approve(commit.on_file(), &looked, rules, &options.ground)?;
        let given = Given::of(approval, alias, &looked.entry, purpose)?;
        let (action, next) = match kind {
            Kind::Rollback(at) => {
                let approved = Some(given.verdict);
                (Action::Rollback, plan::rolled_back(&state, at, approved, commit.stamp()))
            }
            Kind::Forward | Kind::AlreadySo => {
                let next = plan::forwarded(&state, looked.entry, given.verdict, commit.stamp());
                (Action::Forward, next)
            }
        };
        commit.run(given.announce(action, next))
    }

    /// Changes which lines of verdicts an alias listens to.
    ///
    /// # Errors
    /// [`FlipError::ReasonMissing`] where the reason is blank.
    pub fn allow(
        &self,
        alias: &AliasName,
        allowed: Allowed,
        reason: &str,
    ) -> Result<Moved, FlipError> {
        let reason = reason.trim();
        if reason.is_empty() {
            return Err(FlipError::ReasonMissing { what: "a change of what may approve" });
        }
        let state = self.known(alias, None, None)?;
        if (&state.policies, &state.golds) == (&allowed.policies, &allowed.golds) {
            return Ok(self.already(state));
        }
        let commit = Commit::begin(self, alias, Some(&state))?;
        let next = plan::allowed(&state, allowed.policies, allowed.golds, commit.stamp());
        let plain = Announcement::plain(Action::Policy, next);
        commit.run(Announcement { reason: Some(reason.to_owned()), ..plain })
    }

    pub(crate) fn journal(&self) -> Journal {
        Journal::new(self.store.path())
    }

    /// A command line on this alias in this store, as a message tells it to run.
    pub fn command(&self, verb: &str, alias: &AliasName, options: &str) -> String {
        format!("vec alias {verb} {alias}{options}{}", self.store.flag())
    }

    pub(crate) fn moved(
        &self,
        alias: &AliasName,
        expected: Option<Place>,
        found: Option<&PointerState>,
    ) -> FlipError {
        FlipError::Moved {
            alias: alias.to_string(),
            expected,
            found: found.map(Place::of),
            next: self.command("show", alias, ""),
        }
    }

    /// The pointer at the start of a command that may move it, after recovery.
    fn read(&self, alias: &AliasName) -> Result<Option<PointerState>, FlipError> {
        let (chain, state) = self.observe(alias)?;
        if !chain.needs_recovery() {
            return Ok(state);
        }
        let lock = self.store.lock((self.deadline)())?;
        Ok(settle(self, &lock, alias, (self.now)())?.1)
    }

    /// An alias that has to exist, at the epoch that has to be.
    pub(crate) fn known(
        &self,
        alias: &AliasName,
        to: Option<&str>,
        expect_epoch: Option<u64>,
    ) -> Result<PointerState, FlipError> {
        let state = self.read(alias)?.ok_or_else(|| self.unknown(alias, to))?;
        match expect_epoch {
            Some(epoch) if epoch != state.epoch => {
                let expected = Place { target: String::new(), epoch };
                Err(self.moved(alias, Some(expected), Some(&state)))
            }
            _ => Ok(state),
        }
    }

    /// Says what the store has, and for somebody who wants it to point to `to`, how to make it.
    pub(crate) fn unknown(&self, alias: &AliasName, to: Option<&str>) -> FlipError {
        let create = to.map(|to| self.command("create", alias, &format!(" --to {to}")));
        let inventory = Box::new(self.inventory());
        FlipError::UnknownAlias { alias: alias.to_string(), inventory, create }
    }

    pub(crate) fn inventory(&self) -> Inventory {
        Inventory::of(self.store, self.pointer, (self.deadline)())
    }

    fn already(&self, state: PointerState) -> Moved {
        Moved {
            action: None,
            before: Some(state.clone()),
            state,
            seq: None,
            strength: self.pointer.strength(),
            warnings: Vec::new(),
        }
    }
}
