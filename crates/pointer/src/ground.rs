//! What a move rests on: a target that was looked at, and an approval for exactly it.

use std::path::Path;

use wfgy_core::{Digest, PointerState, StackEntry};
use wfgy_gate::{AliasRules, Approval, Candidate, OverrideError, Purpose, Timestamp, approval};

use crate::chain::Chain;
use crate::commit::Announcement;
use crate::error::FlipError;
use crate::flip::Flip;
use crate::folder::shell_word;
use crate::name::AliasName;
use crate::record::Action;
use crate::target::{Footprint, canonical_target};
use crate::verdicts::VerdictStore;

/// What a forward flip rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ground {
    /// The verdicts on file.
    Verdicts,
    /// A person, with a reason, in place of verdict and quarantine.
    Override(String),
}

impl Ground {
    /// What a person said, trimmed.
    ///
    /// # Errors
    /// [`OverrideError`] where it is blank.
    pub(crate) fn reason(&self) -> Result<Option<String>, OverrideError> {
        match self {
            Self::Verdicts => Ok(None),
            Self::Override(reason) if reason.trim().is_empty() => Err(OverrideError::NoReason),
            Self::Override(reason) => Ok(Some(reason.trim().to_owned())),
        }
    }
}

/// A target that was looked at.
pub(crate) struct Looked {
    pub(crate) entry: StackEntry,
    shown: String,
    footprint: Option<Footprint>,
}

impl Flip<'_> {
    /// Resolves a directory and recomputes its hashes.
    pub(crate) fn look(&self, to: &Path) -> Result<Looked, FlipError> {
        let target = canonical_target(to)?;
        // Where it cannot be taken, hashing says why, or the commit refuses.
        let footprint = Footprint::of(&target).ok();
        let hashes = (self.hash)(Path::new(&target))?;
        let (index_hash, serving_hash) = (hashes.index_hash, hashes.serving_hash);
        let shown = shell_word(&to.to_string_lossy());
        Ok(Looked { entry: StackEntry { target, index_hash, serving_hash }, shown, footprint })
    }

    /// Asks the gate about what `chain` has on file at `now`. What counts is the answer under the
    /// lock, where a fail that was filed a moment ago is seen.
    pub(crate) fn approve(
        &self,
        (chain, now): (&Chain, Timestamp),
        looked: &Looked,
        rules: AliasRules,
        ground: &Ground,
    ) -> Result<Approval, FlipError> {
        let (index_hash, serving_hash) = (looked.entry.index_hash, looked.entry.serving_hash);
        let candidate = Candidate { target: looked.shown.clone(), index_hash, serving_hash };
        match ground {
            Ground::Override(reason) => {
                Ok(Approval::by_override(&rules.alias, &candidate, rules.purpose, reason)?)
            }
            Ground::Verdicts => {
                let verdicts = VerdictStore::new(self.store);
                let filed = verdicts.filed(chain, index_hash, serving_hash)?;
                approval(&candidate, &filed, &rules, now).map_err(|refusal| FlipError::Refused {
                    refusal: Box::new(refusal),
                    flag: self.store.flag().to_owned(),
                })
            }
        }
    }
}

impl Looked {
    /// Refuses where the directory or a file of it changed since it was hashed.
    pub(crate) fn unchanged(&self) -> Result<(), FlipError> {
        let now = Footprint::of(&self.entry.target).ok();
        if now.is_some() && now == self.footprint {
            return Ok(());
        }
        Err(FlipError::Changed { target: self.entry.target.clone() })
    }
}

/// An approval that was used up on this very flip.
pub(crate) struct Given {
    pub(crate) verdict: Option<Digest>,
    reason: Option<String>,
}

impl Given {
    pub(crate) fn of(
        approval: Approval,
        alias: &AliasName,
        entry: &StackEntry,
        purpose: Purpose,
    ) -> Result<Self, FlipError> {
        let candidate = approval.candidate();
        let same = approval.alias() == alias.as_str()
            && (candidate.index_hash, candidate.serving_hash)
                == (entry.index_hash, entry.serving_hash)
            && approval.purpose() == purpose;
        if !same {
            return Err(FlipError::Approval { alias: alias.to_string() });
        }
        let reason = approval.override_reason().map(str::to_owned);
        Ok(Self { verdict: approval.verdict_digest(), reason })
    }

    pub(crate) fn announce(self, action: Action, next: PointerState) -> Announcement {
        let overridden = self.reason.is_some();
        Announcement { action, next, verdict: self.verdict, reason: self.reason, overridden }
    }
}

impl Announcement {
    /// A move that needs no approval.
    pub(crate) fn plain(action: Action, next: PointerState) -> Self {
        Self { action, next, verdict: None, reason: None, overridden: false }
    }
}
