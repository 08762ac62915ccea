//! Which filed verdicts stand, and whether they approve a forward flip.
//!
//! What is last and what began after what is judged by sequence numbers of one
//! journal; the clock serves expiry only.

use std::collections::BTreeMap;

use wfgy_core::Digest;

use crate::approval::{Approval, Candidate, Purpose};
use crate::criterion::Kind;
use crate::decide::Approves;
use crate::refusal::{Refusal, Stands};
use crate::timestamp::Timestamp;
use crate::verdict::Verdict;
use crate::verdict_file::{Unusable, VerdictFile};

/// By how much two clocks may differ, in seconds.
pub(crate) const CLOCK_TOLERANCE: u64 = 60;

/// A verdict on file, as far as standing depends on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FiledVerdict {
    /// Digest of its file.
    pub digest: Digest,
    /// Journal sequence number at which it was filed.
    pub filed: u64,
    /// Journal sequence number read when its evaluation began.
    pub began: u64,
    /// Content of what was evaluated.
    pub index_hash: Digest,
    /// Serving content of what was evaluated.
    pub serving_hash: Digest,
    /// Digest of the effective policy.
    pub policy: Digest,
    /// Digest of the gold set.
    pub gold: Digest,
    /// The verdict.
    pub verdict: Verdict,
    /// What it can be used for.
    pub approves: Approves,
    /// Hard criteria that were not asked.
    pub skipped_hard: Vec<String>,
    /// Content and serving content of the baseline, where there was one.
    pub baseline: Option<(Digest, Digest)>,
    /// When the evaluation ended.
    pub ended: Timestamp,
    /// From when on a pass counts no more.
    pub expires: Timestamp,
    /// Why it counts for nothing, where it does.
    pub unusable: Option<Unusable>,
}

impl FiledVerdict {
    /// What standing needs of a checked verdict file, filed at `filed`.
    ///
    /// A verdict that does not know when it began is taken to have begun first of all.
    pub fn of(file: &VerdictFile, digest: Digest, filed: u64) -> Self {
        let decided = &file.decided;
        Self {
            digest,
            filed,
            began: file.measured.began_seq.unwrap_or(0),
            index_hash: decided.subject.index_hash,
            serving_hash: decided.subject.serving_hash,
            policy: decided.policy_digest,
            gold: decided.gold_digest,
            verdict: file.verdict,
            approves: file.approves,
            skipped_hard: decided
                .policy
                .skipped
                .iter()
                .filter(|skipped| skipped.criterion.kind == Kind::Hard)
                .map(|skipped| skipped.criterion.to_string())
                .collect(),
            baseline: decided
                .baseline
                .as_ref()
                .map(|b| (b.subject.index_hash, b.subject.serving_hash)),
            ended: file.measured.ended,
            expires: file.measured.expires,
            unusable: file.measured.unusable,
        }
    }
}

/// What the alias demands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AliasRules {
    /// Its name.
    pub alias: String,
    /// Policy digests whose lines count; empty: all.
    pub policies: Vec<Digest>,
    /// Gold digests whose lines count; empty: all.
    pub golds: Vec<Digest>,
    /// Journal sequence number of the rollback that put the candidate into quarantine.
    pub quarantined_since: Option<u64>,
    /// Creation, or away from what.
    pub purpose: Purpose,
}

impl AliasRules {
    fn allow(&self, verdict: &FiledVerdict) -> bool {
        (self.policies.is_empty() || self.policies.contains(&verdict.policy))
            && (self.golds.is_empty() || self.golds.contains(&verdict.gold))
    }

    /// The command that makes the alias listen to the line of this pass only.
    fn narrow(&self, target: &str, pass: &FiledVerdict) -> String {
        let alias = &self.alias;
        let line = format!("--policy {:.12} --gold {:.12}", pass.policy, pass.gold);
        match self.purpose {
            Purpose::Creation => format!("vec alias create {alias} --to {target} {line}"),
            Purpose::Update { .. } => format!("vec alias policy {alias} {line} --reason WHY"),
        }
    }

    fn wanted(&self) -> String {
        let list = |name: &str, digests: &[Digest]| match digests {
            [] => None,
            digests => {
                let digests: Vec<String> = digests.iter().map(|d| format!("{d:.12}")).collect();
                Some(format!("{name} {}", digests.join(" or ")))
            }
        };
        let parts = [list("policy", &self.policies), list("gold", &self.golds)];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" and ")
    }
}

/// Whether the verdicts on file approve that `candidate` goes behind the alias now.
///
/// Verdicts of this content form lines by (policy, gold), and in each line the last filed stands.
/// It takes one standing pass that is unexpired, was made against what the alias points to (where
/// it has a baseline), approves this purpose and, for a candidate in quarantine, began after the
/// rollback; and no standing fail or inconclusive, however old.
///
/// # Errors
/// [`Refusal`].
pub fn approval(
    candidate: &Candidate,
    filed: &[FiledVerdict],
    rules: &AliasRules,
    now: Timestamp,
) -> Result<Approval, Refusal> {
    let target = || candidate.target.clone();
    let subject: Vec<&FiledVerdict> = filed
        .iter()
        .filter(|v| {
            v.index_hash == candidate.index_hash && v.serving_hash == candidate.serving_hash
        })
        .collect();
    let Some(last) = subject.iter().max_by_key(|v| v.filed) else {
        return Err(Refusal::NoVerdict { target: target() });
    };
    let usable: Vec<&FiledVerdict> =
        subject.iter().copied().filter(|v| v.unusable.is_none()).collect();
    if usable.is_empty()
        && let Some(why) = last.unusable
    {
        return Err(Refusal::Unusable { target: target(), verdict: last.digest, why });
    }
    let standing = standing(usable.into_iter().filter(|v| rules.allow(v)));
    let Some(last) = standing.iter().copied().max_by_key(|v| (v.filed, v.verdict)) else {
        return Err(Refusal::NotAllowed {
            alias: rules.alias.clone(),
            target: target(),
            wanted: rules.wanted(),
        });
    };
    let worst = standing.iter().copied().max_by_key(|v| (v.verdict, v.filed)).unwrap_or(last);
    let stands = || {
        let FiledVerdict { digest: verdict, policy, gold, .. } = *worst;
        let passes = standing.iter().filter(|v| v.verdict == Verdict::Pass);
        let pass = passes.max_by_key(|v| v.filed);
        let narrow = pass.map(|pass| rules.narrow(&candidate.target, pass));
        Box::new(Stands { verdict, policy, gold, narrow })
    };
    match worst.verdict {
        Verdict::Fail => Err(Refusal::Failed { target: target(), stands: stands() }),
        Verdict::Inconclusive => Err(Refusal::Inconclusive { target: target(), stands: stands() }),
        Verdict::Pass => {
            let mut obstacles = Vec::new();
            for pass in &standing {
                match obstacle(candidate, pass, rules, now) {
                    None => obstacles.push((pass.filed, None, pass.digest)),
                    Some(refusal) => obstacles.push((pass.filed, Some(refusal), pass.digest)),
                }
            }
            // The last pass that counts approves; where none does, the last one says why.
            let clear = obstacles.iter().filter(|(_, refusal, _)| refusal.is_none());
            if let Some((_, _, digest)) = clear.max_by_key(|(filed, _, _)| *filed) {
                let purpose = rules.purpose;
                return Ok(Approval::by_verdict(&rules.alias, candidate, purpose, *digest));
            }
            Err(obstacles
                .into_iter()
                .max_by_key(|(filed, _, _)| *filed)
                .and_then(|(_, refusal, _)| refusal)
                .unwrap_or(Refusal::NoVerdict { target: target() }))
        }
    }
}

/// Whether a verdict that expires at `expires` counts no more at `now`: the tolerance for clocks
/// that differ is in its favour.
pub fn has_expired(expires: Timestamp, now: Timestamp) -> bool {
    now > expires.plus(CLOCK_TOLERANCE)
}

/// Whether an evaluation that ended at `ended` is still to come at `now`: then one of the clocks
/// is wrong, by more than the tolerance.
pub fn is_from_the_future(ended: Timestamp, now: Timestamp) -> bool {
    ended > now.plus(CLOCK_TOLERANCE)
}

/// The last filed of each line; of several with one number, the worst.
fn standing<'a>(filed: impl Iterator<Item = &'a FiledVerdict>) -> Vec<&'a FiledVerdict> {
    let mut lines: BTreeMap<(Digest, Digest), &FiledVerdict> = BTreeMap::new();
    for verdict in filed {
        let line = lines.entry((verdict.policy, verdict.gold)).or_insert(verdict);
        if (verdict.filed, verdict.verdict) > (line.filed, line.verdict) {
            *line = verdict;
        }
    }
    lines.into_values().collect()
}

/// Why a standing pass does not count here and now.
fn obstacle(
    candidate: &Candidate,
    pass: &FiledVerdict,
    rules: &AliasRules,
    now: Timestamp,
) -> Option<Refusal> {
    let (alias, target, verdict) = (rules.alias.clone(), candidate.target.clone(), pass.digest);
    if let Some(since) = rules.quarantined_since
        && pass.began <= since
    {
        let policy = pass.policy;
        return Some(Refusal::Quarantined { alias, target, since, policy });
    }
    match (pass.approves, rules.purpose) {
        (Approves::Nothing, _) => return Some(Refusal::ApprovesNothing { target, verdict }),
        (Approves::Creation, Purpose::Update { .. }) => {
            let skipped = pass.skipped_hard.join(", ");
            return Some(Refusal::CreationOnly { alias, target, verdict, skipped });
        }
        (Approves::Creation, Purpose::Creation) | (Approves::Flip, _) => {}
    }
    let is_baseline = |baseline: (Digest, Digest)| match rules.purpose {
        Purpose::Creation => false,
        Purpose::Update { index_hash, serving_hash } => baseline == (index_hash, serving_hash),
    };
    if pass.baseline.is_some_and(|baseline| !is_baseline(baseline)) {
        return Some(Refusal::WrongBaseline { alias, target, verdict });
    }
    if is_from_the_future(pass.ended, now) {
        return Some(Refusal::FromTheFuture { target, verdict, ended: pass.ended });
    }
    if has_expired(pass.expires, now) {
        return Some(Refusal::Expired { target, verdict, expired: pass.expires });
    }
    None
}
