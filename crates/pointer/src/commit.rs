//! The one way in which a pointer moves: under the lock, announced first, closed afterwards.

use wfgy_core::{Digest, PointerState, Strength, Swap};
use wfgy_gate::Timestamp;

use crate::chain::Chain;
use crate::error::FlipError;
use crate::flip::Flip;
use crate::lock::StoreLock;
use crate::name::AliasName;
use crate::plan::Stamp;
use crate::record::{Action, Closing, Event, Intent, Outcome, Place, Recovery};

/// What a command did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// What it was; `None` where the alias was already so and nothing was written.
    pub action: Option<Action>,
    /// The state before; `None` where the alias began to exist.
    pub before: Option<PointerState>,
    /// The state now.
    pub state: PointerState,
    /// Number of the journal record that announced it.
    pub seq: Option<u64>,
    /// How well the adapter keeps compare-and-set.
    pub strength: Strength,
    /// What went wrong without keeping the pointer from moving; each says what to do.
    pub warnings: Vec<String>,
}

/// A commit: the store is locked, the journal whole, no intent of this alias open, and the
/// pointer where it was expected.
pub(crate) struct Commit<'a> {
    flip: &'a Flip<'a>,
    lock: StoreLock,
    chain: Chain,
    alias: &'a AliasName,
    expected: Option<&'a PointerState>,
    /// When the lock was had.
    now: Timestamp,
    at: String,
}

/// What is to be announced beside the state.
pub(crate) struct Announcement {
    pub(crate) action: Action,
    pub(crate) next: PointerState,
    pub(crate) verdict: Option<Digest>,
    pub(crate) reason: Option<String>,
    pub(crate) overridden: bool,
}

impl<'a> Commit<'a> {
    /// Begins a commit of `alias` as it was read at the start of the command.
    pub(crate) fn begin(
        flip: &'a Flip<'a>,
        alias: &'a AliasName,
        expected: Option<&'a PointerState>,
    ) -> Result<Self, FlipError> {
        let lock = flip.store.lock((flip.deadline)())?;
        let now = (flip.now)();
        let (chain, found) = settle(flip, &lock, alias, now)?;
        if found.as_ref().map(Place::of) != expected.map(Place::of) {
            return Err(flip.moved(alias, expected.map(Place::of), found.as_ref()));
        }
        Ok(Self { flip, lock, chain, alias, expected, now, at: now.to_string() })
    }

    /// What is on file, and since when nothing can be added to it.
    pub(crate) fn on_file(&self) -> (&Chain, Timestamp) {
        (&self.chain, self.now)
    }

    /// What the state to announce is stamped with.
    pub(crate) fn stamp(&self) -> Stamp<'_> {
        Stamp { at: &self.at, by: self.flip.by, seq: self.chain.seq() + 1 }
    }

    /// Announces, moves, closes.
    pub(crate) fn run(mut self, announcement: Announcement) -> Result<Moved, FlipError> {
        let Announcement { action, next, verdict, reason, overridden } = announcement;
        let strength = self.flip.pointer.strength();
        let intent = Intent {
            action,
            strength,
            from: self.expected.map(Place::of),
            next: next.clone(),
            verdict,
            reason,
            overridden,
        };
        let (seq, head) = self.append(Event::Intent(Box::new(intent)))?;
        let state = PointerState { journal_head: Some(head), ..next };
        let mut warnings = Vec::new();
        match self.flip.pointer.swap(self.expected, &state, (self.flip.deadline)()) {
            Ok(Swap::Moved) => self.close(seq, Closing::Moved, None, &mut warnings),
            Ok(Swap::Conflict(found)) => {
                self.close(seq, Closing::Conflict, None, &mut warnings);
                let expected = self.expected.map(Place::of);
                return Err(self.flip.moved(self.alias, expected, found.as_deref()));
            }
            Err(write) => match self.flip.pointer.read(self.alias.as_str(), (self.flip.deadline)())
            {
                Ok(found) => {
                    let message = Some(write.to_string());
                    if found.is_none_or(|found| found.journal_head != Some(head)) {
                        self.close(seq, Closing::NotMoved, message, &mut warnings);
                        return Err(FlipError::Write(write));
                    }
                    warnings.push(format!("the pointer moved, but {write}"));
                    self.close(seq, Closing::Moved, message, &mut warnings);
                }
                // The intent stays open: whoever comes next reads the pointer back.
                Err(read) => {
                    return Err(FlipError::Unknown {
                        alias: self.alias.to_string(),
                        write: Box::new(write),
                        read: Box::new(read),
                        next: self.flip.command("show", self.alias, ""),
                    });
                }
            },
        }
        Ok(Moved {
            action: Some(action),
            before: self.expected.cloned(),
            state,
            seq: Some(seq),
            strength,
            warnings,
        })
    }

    /// Writes the outcome. What happened has happened: where it cannot be written down, the
    /// intent stays open and the next command closes it.
    fn close(
        &mut self,
        intent: u64,
        result: Closing,
        message: Option<String>,
        warnings: &mut Vec<String>,
    ) {
        if let Err(error) = self.append(Event::Outcome(Outcome { intent, result, message })) {
            warnings.push(format!("the outcome is not in the journal yet: {error}"));
        }
    }

    fn append(&mut self, event: Event) -> Result<(u64, Digest), FlipError> {
        let journal = self.flip.journal();
        Ok(journal.append(&self.lock, &mut self.chain, &self.at, self.flip.by, event)?)
    }
}

/// Puts right what a crash left, and reads the pointer as the journal vouches for it.
pub(crate) fn settle(
    flip: &Flip<'_>,
    lock: &StoreLock,
    alias: &AliasName,
    now: Timestamp,
) -> Result<(Chain, Option<PointerState>), FlipError> {
    let journal = flip.journal();
    let at = now.to_string();
    let mut chain = journal.load(lock, &at, flip.by)?;
    let open: Vec<(u64, Digest, String)> = chain
        .open_intents()
        .into_iter()
        .map(|(seq, digest, intent)| (seq, digest, intent.next.alias.clone()))
        .collect();
    for (intent, digest, name) in open {
        let found = match flip.pointer.read(&name, (flip.deadline)()) {
            Ok(found) => found,
            // Another alias in trouble is no reason to hold this one up: its intent stays open.
            Err(_) if name != alias.as_str() => continue,
            Err(error) => return Err(FlipError::Read(error)),
        };
        // Damage is refused before anything is written about it.
        match chain.vouch_for(&name, found.as_ref()) {
            Err(error) if found.is_none() && name == alias.as_str() => return Err(error.into()),
            Err(_) if found.is_none() => continue,
            _ => {}
        }
        // Nobody else can have moved it since: every commit of this store comes by here first.
        let result = match found.is_some_and(|state| state.journal_head == Some(digest)) {
            true => Closing::Moved,
            false => Closing::NotMoved,
        };
        let recovery = Event::Recovered(Recovery::OpenIntent { intent, result });
        journal.append(lock, &mut chain, &at, flip.by, recovery)?;
    }
    let state = flip.pointer.read(alias.as_str(), (flip.deadline)()).map_err(FlipError::Read)?;
    chain.vouch_for(alias.as_str(), state.as_ref())?;
    Ok((chain, state))
}
