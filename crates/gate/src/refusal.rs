//! Why a forward flip is not approved, and what to do.

use wfgy_core::Digest;

use crate::timestamp::Timestamp;
use crate::verdict_file::Unusable;

/// A forward flip that is not approved. Each says what to run next.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nobody has evaluated this content.
    #[error(
        "no verdict on {target} is on file: run `wfgy_eval --gold GOLD --index {target} --min-cov X \
        --max-ds X`"
    )]
    NoVerdict {
        /// The candidate.
        target: String,
    },
    /// Only verdicts under other policies or gold sets.
    #[error(
        "alias {alias} allows no verdict on file for {target}: it wants {wanted}; evaluate \
        with these, or see `vec alias policy {alias}`"
    )]
    NotAllowed {
        /// The alias.
        alias: String,
        /// The candidate.
        target: String,
        /// Policies and gold sets that the alias allows.
        wanted: String,
    },
    /// Every verdict on file is one that counts for nothing.
    #[error(
        "the verdict {verdict} on {target} counts for nothing: {why}; run `wfgy_eval --gold \
        GOLD --index {target}` live"
    )]
    Unusable {
        /// The candidate.
        target: String,
        /// Digest of the verdict file.
        verdict: Digest,
        /// What it is.
        why: Unusable,
    },
    /// A standing verdict is a fail.
    #[error(
        "{target} failed under policy {:.12} on gold set {:.12} (`vec verify {:.12}`), and a fail \
        stands: mend the index and build it anew, or {}",
        stands.policy, stands.gold, stands.verdict, stands.or_else()
    )]
    Failed {
        /// The candidate.
        target: String,
        /// What stands against it.
        stands: Box<Stands>,
    },
    /// A standing verdict is inconclusive.
    #[error(
        "the verdict on {target} under policy {:.12} on gold set {:.12} is inconclusive (`vec \
        verify {:.12}`), and stands: evaluate it again under that policy and gold set{}",
        stands.policy, stands.gold, stands.verdict,
        stands.narrow().map(|narrow| format!(", or {narrow}")).unwrap_or_default()
    )]
    Inconclusive {
        /// The candidate.
        target: String,
        /// What stands against it.
        stands: Box<Stands>,
    },
    /// The pass is too old.
    #[error(
        "the pass of {target} expired at {expired}: run `wfgy_eval --gold GOLD --index \
        {target}` again (verdict {verdict})"
    )]
    Expired {
        /// The candidate.
        target: String,
        /// Digest of the verdict file.
        verdict: Digest,
        /// When.
        expired: Timestamp,
    },
    /// The pass was made after now.
    #[error(
        "the verdict {verdict} on {target} was made at {ended}, which is after now: set the \
        clock right, then run `wfgy_eval --gold GOLD --index {target}` again"
    )]
    FromTheFuture {
        /// The candidate.
        target: String,
        /// Digest of the verdict file.
        verdict: Digest,
        /// When it says that it was made.
        ended: Timestamp,
    },
    /// The pass is relative to something that the alias does not point to.
    #[error(
        "the pass of {target} compares it with an index that {alias} does not point to: run \
        `wfgy_eval --gold GOLD --index {target} --baseline {alias}` (verdict {verdict})"
    )]
    WrongBaseline {
        /// The alias.
        alias: String,
        /// The candidate.
        target: String,
        /// Digest of the verdict file.
        verdict: Digest,
    },
    /// The pass skipped a hard criterion.
    #[error(
        "the pass of {target} skipped {skipped}, so it approves only the creation of an alias, not \
        the update of {alias}: evaluate it against what is live, under the same policy: `wfgy_eval \
        --gold GOLD --index {target} --policy … --baseline {alias}` (verdict {verdict:.12})"
    )]
    CreationOnly {
        /// The alias.
        alias: String,
        /// The candidate.
        target: String,
        /// Digest of the verdict file.
        verdict: Digest,
        /// The skipped hard criteria.
        skipped: String,
    },
    /// The pass was made without looking at the stored vectors.
    #[error(
        "the pass of {target} was made with --integrity off and approves nothing: run \
        `wfgy_eval --gold GOLD --index {target}` without it (verdict {verdict})"
    )]
    ApprovesNothing {
        /// The candidate.
        target: String,
        /// Digest of the verdict file.
        verdict: Digest,
    },
    /// The alias was rolled back from this index, and nobody has evaluated it since.
    #[error(
        "{target} is in quarantine since {alias} was rolled back from it (journal record \
        {since}): run `wfgy_eval --gold GOLD --index {target} --policy …` with the policy or \
        criteria that it passed by (digest {policy:.12}; without any, `cutover` is asked), or use \
        `--override --reason WHY`"
    )]
    Quarantined {
        /// The alias.
        alias: String,
        /// The candidate.
        target: String,
        /// Journal sequence number of the rollback.
        since: u64,
        /// The policy of the pass that stands.
        policy: Digest,
    },
}

/// A standing verdict that is no pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stands {
    /// Digest of the verdict file.
    pub verdict: Digest,
    /// The policy of its line.
    pub policy: Digest,
    /// The gold set of its line.
    pub gold: Digest,
    /// The command that makes the alias listen to a line that passes only, where there is one.
    pub narrow: Option<String>,
}

impl Stands {
    /// What leads on where the index is as it shall be.
    fn or_else(&self) -> String {
        let again = "evaluate this one again under that policy and gold set";
        self.narrow().unwrap_or_else(|| again.to_owned())
    }

    fn narrow(&self) -> Option<String> {
        let narrow = self.narrow.as_ref()?;
        Some(format!("count the line that passes only (`{narrow}`)"))
    }
}

impl Refusal {
    /// Exit code of `vec`: 3 where the verdict is inconclusive, else 1.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Inconclusive { .. } => 3,
            Self::NoVerdict { .. }
            | Self::NotAllowed { .. }
            | Self::Unusable { .. }
            | Self::Failed { .. }
            | Self::Expired { .. }
            | Self::FromTheFuture { .. }
            | Self::WrongBaseline { .. }
            | Self::CreationOnly { .. }
            | Self::ApprovesNothing { .. }
            | Self::Quarantined { .. } => 1,
        }
    }
}
