//! Looking at aliases without touching anything: no lock, no write.

use std::collections::BTreeSet;

use wfgy_core::{PointerState, PortError};

use crate::chain::Chain;
use crate::error::FlipError;
use crate::flip::Flip;
use crate::history::{HistoryEntry, history};
use crate::name::AliasName;

/// How often a reader starts over when the pointer moves under it.
const READ_ATTEMPTS: usize = 16;

impl Flip<'_> {
    /// The alias now, as the journal vouches for it. Takes no lock and writes nothing.
    ///
    /// # Errors
    /// [`FlipError::UnknownAlias`]; [`FlipError::Journal`] where it was tampered with.
    pub fn show(&self, alias: &AliasName) -> Result<PointerState, FlipError> {
        self.observe(alias)?.1.ok_or_else(|| self.unknown(alias, "DIR"))
    }

    /// All aliases, ascending, each as [`Flip::show`] has it: one in trouble hides no other, and
    /// one that was removed by hand is in trouble.
    ///
    /// # Errors
    /// Where the aliases could not be listed.
    #[expect(clippy::type_complexity, reason = "a name beside its own result")]
    pub fn list(&self) -> Result<Vec<(String, Result<PointerState, FlipError>)>, FlipError> {
        self.store.check()?;
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
            (true, None) => Err(self.unknown(alias, "DIR")),
            _ => Ok(entries),
        }
    }

    /// Journal and pointer as they were at one moment, without the lock.
    pub(crate) fn observe(
        &self,
        alias: &AliasName,
    ) -> Result<(Chain, Option<PointerState>), FlipError> {
        self.store.check()?;
        let pointer =
            || self.pointer.read(alias.as_str(), (self.deadline)()).map_err(FlipError::Read);
        let mut before = pointer()?;
        for _ in 0..READ_ATTEMPTS {
            let chain = self.journal().read()?;
            let after = pointer()?;
            if before == after {
                chain.vouch_for(alias.as_str(), after.as_ref())?;
                return Ok((chain, after));
            }
            before = after;
        }
        Err(FlipError::Read(PortError::retryable(
            alias.as_str(),
            "moved during every attempt to read it; run the command again",
        )))
    }
}
