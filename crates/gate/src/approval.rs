//! What a forward flip needs, and only this crate can make.

use wfgy_core::Digest;

/// What somebody wants an alias to point to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// As it was named, for messages.
    pub target: String,
    /// Its content, recomputed from its bytes.
    pub index_hash: Digest,
    /// Its serving content, recomputed from its bytes.
    pub serving_hash: Digest,
}

/// What the approval is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The alias does not exist yet.
    Creation,
    /// The alias points to an index with these hashes.
    Update {
        /// Its content.
        index_hash: Digest,
        /// Its serving content.
        serving_hash: Digest,
    },
}

/// Leave to point one alias to one index, once.
///
/// It has no public constructor but [`Approval::by_override`], cannot be copied, and a flip takes
/// it by value. It names what it was given for; whoever moves the pointer compares.
///
/// Outside of this crate the one way besides [`crate::approval`] is a reason that is recorded:
///
/// ```
/// use wfgy_core::Digest;
/// use wfgy_gate::{Approval, Candidate, Purpose};
///
/// let hash = Digest::of("content");
/// let candidate = Candidate { target: "docs_vB".into(), index_hash: hash, serving_hash: hash };
/// let given = Approval::by_override("docs_live", &candidate, Purpose::Creation, "drill")?;
/// # Ok::<(), wfgy_gate::OverrideError>(())
/// ```
///
/// No other crate says that a verdict approves,
///
/// ```compile_fail,E0624
/// use wfgy_core::Digest;
/// use wfgy_gate::{Approval, Candidate, Purpose};
///
/// let hash = Digest::of("content");
/// let candidate = Candidate { target: "docs_vB".into(), index_hash: hash, serving_hash: hash };
/// let given = Approval::by_verdict("docs_live", &candidate, Purpose::Creation, hash);
/// ```
///
/// puts another alias into one that it has,
///
/// ```compile_fail,E0616
/// use wfgy_core::Digest;
/// use wfgy_gate::{Approval, Candidate, Purpose};
///
/// let hash = Digest::of("content");
/// let candidate = Candidate { target: "docs_vB".into(), index_hash: hash, serving_hash: hash };
/// let mut given = Approval::by_override("docs_live", &candidate, Purpose::Creation, "drill")?;
/// given.alias = "another".into();
/// # Ok::<(), wfgy_gate::OverrideError>(())
/// ```
///
/// or uses one twice.
///
/// ```compile_fail,E0599
/// use wfgy_core::Digest;
/// use wfgy_gate::{Approval, Candidate, Purpose};
///
/// let hash = Digest::of("content");
/// let candidate = Candidate { target: "docs_vB".into(), index_hash: hash, serving_hash: hash };
/// let given = Approval::by_override("docs_live", &candidate, Purpose::Creation, "drill")?;
/// let again = given.clone();
/// # Ok::<(), wfgy_gate::OverrideError>(())
/// ```
#[derive(Debug, PartialEq, Eq)]
pub struct Approval {
    alias: String,
    candidate: Candidate,
    purpose: Purpose,
    basis: Basis,
}

#[derive(Debug, PartialEq, Eq)]
enum Basis {
    Verdict(Digest),
    Override(String),
}

/// An override that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OverrideError {
    /// Nobody will know why.
    #[error("an override needs a reason that is not blank: --override --reason \"WHY\"")]
    NoReason,
}

impl Approval {
    pub(crate) fn by_verdict(
        alias: &str,
        candidate: &Candidate,
        purpose: Purpose,
        verdict: Digest,
    ) -> Self {
        let (alias, candidate) = (alias.to_owned(), candidate.clone());
        Self { alias, candidate, purpose, basis: Basis::Verdict(verdict) }
    }

    /// Leave that a person gives in place of a verdict, and of the end of a quarantine. It
    /// replaces nothing else: the target must exist, be whole and have these hashes.
    ///
    /// # Errors
    /// [`OverrideError`] where the reason is blank.
    pub fn by_override(
        alias: &str,
        candidate: &Candidate,
        purpose: Purpose,
        reason: &str,
    ) -> Result<Self, OverrideError> {
        let reason = reason.trim();
        if reason.is_empty() {
            return Err(OverrideError::NoReason);
        }
        let (alias, candidate) = (alias.to_owned(), candidate.clone());
        Ok(Self { alias, candidate, purpose, basis: Basis::Override(reason.to_owned()) })
    }

    /// For which alias.
    pub fn alias(&self) -> &str {
        &self.alias
    }

    /// For which index.
    pub fn candidate(&self) -> &Candidate {
        &self.candidate
    }

    /// For the creation of the alias, or away from which index.
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// Digest of the verdict file that gave it; `None` for an override.
    pub fn verdict_digest(&self) -> Option<Digest> {
        match &self.basis {
            Basis::Verdict(digest) => Some(*digest),
            Basis::Override(_) => None,
        }
    }

    /// Why a person gave it; `None` where a verdict did.
    pub fn override_reason(&self) -> Option<&str> {
        match &self.basis {
            Basis::Verdict(_) => None,
            Basis::Override(reason) => Some(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_an_override_needs_a_reason_and_is_recorded_as_one() {
        let hash = Digest::of("x");
        let candidate =
            Candidate { target: "docs_vB".to_owned(), index_hash: hash, serving_hash: hash };
        for blank in ["", "  \t\n"] {
            let refused = Approval::by_override("live", &candidate, Purpose::Creation, blank);
            assert_eq!(refused, Err(OverrideError::NoReason));
        }
        let approval =
            Approval::by_override("live", &candidate, Purpose::Creation, " hotfix ").unwrap();
        assert_eq!(approval.override_reason(), Some("hotfix"));
        assert_eq!(approval.verdict_digest(), None);
    }
}
