//! The effective policy: everything that can change a verdict, and its digest.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use wfgy_core::{CanonicalError, Digest};

use crate::criterion::{Criterion, Kind, OnNoData};
use crate::metric::Origin;
use crate::policy::{DecisionMode, IntegrityMode, Policy, PolicyDraft, PolicyError};

/// Whether there is an index to compare with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Baseline {
    /// `--baseline` names one.
    Given,
    /// `--no-baseline`: what needs one is skipped by name.
    Declined,
    /// Nothing was said: what needs one is a usage error.
    Unsaid,
}

/// What a policy meets beside its own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Whether there is a baseline.
    pub baseline: Baseline,
    /// EMBED_MODEL_VER of the scoring embedder.
    pub scorer: String,
    /// Its EMBED_SCHEMA.
    pub scorer_schema: String,
    /// Names of the live signals that are fed.
    pub live: BTreeSet<String>,
}

/// Why a criterion is not asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// `--no-baseline`.
    NoBaseline,
    /// Nobody feeds the live signal, and the policy says `on_no_data = "skip"`.
    NotConnected,
}

/// A criterion that the policy has and this evaluation does not ask.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Skipped {
    /// Which.
    pub criterion: Criterion,
    /// Why.
    pub why: SkipReason,
}

/// Everything that can change a verdict. Made by [`Policy::effective`] only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct EffectivePolicy {
    /// Version of this form.
    pub schema_version: u32,
    /// What is compared.
    pub decision: DecisionMode,
    /// With fewer usable questions nothing is approved.
    pub min_questions: usize,
    /// The served k.
    pub k: usize,
    /// How many seeds, from 0 on.
    pub seeds: usize,
    /// On how many graphs linked anew λ is taken as well.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rebuild_seeds: usize,
    /// Over how many rebuilds of the graph the noise floor is taken that widens the margins of
    /// criteria on drift; 0: none does.
    pub noise_rebuilds: usize,
    /// Pins that may differ between baseline and candidate, ascending; [`CONTENT_PINS`] always.
    pub may_change: Vec<String>,
    /// How many stored vectors are checked.
    pub integrity: IntegrityMode,
    /// How long the verdict counts, in seconds.
    pub expiry_seconds: u64,
    /// EMBED_MODEL_VER of the scoring embedder.
    pub scorer: String,
    /// Its EMBED_SCHEMA.
    pub scorer_schema: String,
    /// What is asked, by metric.
    pub criteria: Vec<Criterion>,
    /// What is not asked, by metric.
    pub skipped: Vec<Skipped>,
}

/// A setting that is not used leaves the digests of policies that never heard of it as they are.
fn is_zero(n: &usize) -> bool {
    *n == 0
}

/// Pins in which every candidate differs from a baseline: they may change under every policy.
pub const CONTENT_PINS: [&str; 2] = ["INDEX_HASH", "SERVING_HASH"];

/// Version of the form of an effective policy.
pub const POLICY_SCHEMA_VERSION: u32 = 1;

/// Criteria that need a baseline, and nothing was said of one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} of policy `{policy}` need a --baseline: name the live index or its alias, give \
    --no-baseline to skip them by name (the verdict then approves the creation of an alias only), or \
    name criteria that need none, such as --min-cov and --max-ds", .metrics.join(", "))]
pub struct NeedsBaseline {
    /// The policy.
    pub policy: String,
    /// Which metrics, ascending.
    pub metrics: Vec<String>,
}

impl Policy {
    /// The policy as it will be decided by.
    ///
    /// # Errors
    /// [`NeedsBaseline`], a usage error.
    pub fn effective(&self, setting: &Setting) -> Result<EffectivePolicy, NeedsBaseline> {
        let parts = self.parts();
        let mut criteria = Vec::new();
        let mut skipped = Vec::new();
        let mut needing = BTreeSet::new();
        for criterion in &parts.criteria {
            let criterion = criterion.clone();
            let origin = criterion.known().map(|known| known.origin);
            let fed = setting.live.contains(&criterion.metric);
            match (origin, setting.baseline) {
                (Some(Origin::Baseline), Baseline::Unsaid) => {
                    needing.insert(criterion.metric);
                }
                (Some(Origin::Baseline), Baseline::Declined) => {
                    skipped.push(Skipped { criterion, why: SkipReason::NoBaseline });
                }
                (Some(Origin::Live), _) if criterion.on_no_data == OnNoData::Skip && !fed => {
                    skipped.push(Skipped { criterion, why: SkipReason::NotConnected });
                }
                _ => criteria.push(criterion),
            }
        }
        if !needing.is_empty() {
            let metrics = needing.into_iter().collect();
            return Err(NeedsBaseline { policy: parts.name.clone(), metrics });
        }
        criteria.sort_by(Criterion::order);
        skipped.sort_by(|a, b| a.criterion.order(&b.criterion));
        let named = parts.may_change.iter().map(String::as_str);
        let may_change: BTreeSet<&str> = named.chain(CONTENT_PINS).collect();
        Ok(EffectivePolicy {
            schema_version: POLICY_SCHEMA_VERSION,
            decision: parts.decision,
            min_questions: parts.min_questions,
            k: parts.k,
            seeds: parts.seeds,
            rebuild_seeds: parts.rebuild_seeds,
            noise_rebuilds: parts.noise_rebuilds,
            may_change: may_change.into_iter().map(str::to_owned).collect(),
            integrity: parts.integrity,
            expiry_seconds: parts.expiry_seconds,
            scorer: setting.scorer.clone(),
            scorer_schema: setting.scorer_schema.clone(),
            criteria,
            skipped,
        })
    }
}

impl EffectivePolicy {
    /// SHA-256 of its RFC 8785 bytes: equal iff everything that can change a verdict is equal.
    ///
    /// # Errors
    /// Never in practice: its keys are strings.
    pub fn digest(&self) -> Result<Digest, CanonicalError> {
        Digest::of_json(self)
    }

    /// Checks it as its policy was checked: one that was read may have been written by anything.
    ///
    /// # Errors
    /// [`PolicyError`], the first that applies; criteria count before skipped ones.
    pub fn check(&self) -> Result<(), PolicyError> {
        let skipped = self.skipped.iter().map(|skipped| &skipped.criterion);
        PolicyDraft {
            name: String::new(),
            decision: self.decision,
            min_questions: self.min_questions,
            k: self.k,
            seeds: self.seeds,
            rebuild_seeds: self.rebuild_seeds,
            noise_rebuilds: self.noise_rebuilds,
            may_change: self.may_change.clone(),
            integrity: self.integrity,
            expiry_seconds: self.expiry_seconds,
            criteria: self.criteria.iter().chain(skipped).cloned().collect(),
        }
        .check()
        .map(drop)
    }

    /// Whether a hard criterion is not asked: a pass then approves only the creation of an alias.
    pub fn skips_hard(&self) -> bool {
        self.skipped.iter().any(|skipped| skipped.criterion.kind == Kind::Hard)
    }
}
