//! Looking at aliases without touching anything: no lock, no write.

use std::collections::BTreeSet;

use wfgy_core::{Deadline, Pointer, PointerState, PortError};

use crate::chain::Chain;
use crate::error::{FlipError, ObserveError};
use crate::flip::Flip;
use crate::folder::StoreDir;
use crate::history::{HistoryEntry, history};
use crate::journal::Journal;
use crate::name::AliasName;

/// How often a reader starts over when the pointer moves under it.
const READ_ATTEMPTS: usize = 16;

impl Flip<'_> {
    /// The alias now, as the journal vouches for it. Takes no lock and writes nothing.
    ///
    /// # Errors
    /// [`FlipError::UnknownAlias`]; [`FlipError::Journal`] where it was tampered with.
    pub fn show(&self, alias: &AliasName) -> Result<PointerState, FlipError> {
        self.observe(alias)?.1.ok_or_else(|| self.unknown(alias, None))
    }

    /// All aliases, ascending, each as [`Flip::show`] has it: one in trouble hides no other, and
    /// one that was removed by hand is in trouble.
    ///
    /// # Errors
    /// [`FlipError::NoStore`]; where the aliases could not be listed.
    #[expect(clippy::type_complexity, reason = "a name beside its own result")]
    pub fn list(&self) -> Result<Vec<(String, Result<PointerState, FlipError>)>, FlipError> {
        self.store.check()?;
        if !self.store.path().exists() {
            return Err(FlipError::NoStore { inventory: Box::new(self.inventory()) });
        }
        let names = self.pointer.list((self.deadline)()).map_err(FlipError::Read)?;
        let mut names: BTreeSet<String> = names.into_iter().collect();
        match self.journal().read() {
            Ok(chain) => names.extend(chain.aliases()),
            // Each alias says so by itself.
            Err(_) if !names.is_empty() => {}
            Err(error) => return Err(error.into()),
        }
        let shown = |name: String| {
            let state = name.parse().map_err(FlipError::Name).and_then(|alias| self.show(&alias));
            (name, state)
        };
        Ok(names.into_iter().map(shown).collect())
    }

    /// All moves of an alias that the journal knows of, the oldest first.
    ///
    /// # Errors
    /// [`FlipError::UnknownAlias`] where neither journal nor pointer know it.
    pub fn history(&self, alias: &AliasName) -> Result<Vec<HistoryEntry>, FlipError> {
        let (chain, state) = self.observe(alias)?;
        let entries = history(&chain, alias.as_str());
        match (entries.is_empty(), state) {
            (true, None) => Err(self.unknown(alias, None)),
            _ => Ok(entries),
        }
    }

    /// As [`observe`].
    pub(crate) fn observe(
        &self,
        alias: &AliasName,
    ) -> Result<(Chain, Option<PointerState>), FlipError> {
        Ok(observe(self.store, self.pointer, alias, self.deadline)?)
    }
}

/// Journal and pointer as they were at one moment, without the lock; the journal vouches for the
/// state, and for there being none.
pub(crate) fn observe(
    store: &StoreDir,
    pointer: &dyn Pointer,
    alias: &AliasName,
    deadline: &dyn Fn() -> Deadline,
) -> Result<(Chain, Option<PointerState>), ObserveError> {
    store.check()?;
    let read = || pointer.read(alias.as_str(), deadline());
    let mut before = read()?;
    for _ in 0..READ_ATTEMPTS {
        let chain = Journal::new(store.path()).read()?;
        let after = read()?;
        if before == after {
            chain.vouch_for(alias.as_str(), after.as_ref())?;
            return Ok((chain, after));
        }
        before = after;
    }
    let message = "moved during every attempt to read it; run the command again";
    Err(PortError::retryable(alias.as_str(), message).into())
}
