//! A candidate beside a baseline: how they were paired, and what stands beside a drift.

use serde::{Deserialize, Serialize};
use wfgy_core::evaluation::Integrity;
use wfgy_core::pins::PIN_NAMES;
use wfgy_core::{Digest, Direction, Interval, Pins};
use wfgy_stats::{Paired, Sample, Side, holm, sign_flip_p};

use crate::criterion::Criterion;
use crate::effective::EffectivePolicy;
use crate::evidence::{Counts, Evidence};
use crate::judge::margin;
use crate::metric::{KnownMetric, Origin};
use crate::verdict_file::Subject;

/// In what unit the ΔS of both arms is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeltaSScale {
    /// ΔS itself: one embedder scored both arms.
    DeltaS,
    /// z of each arm in its own hard null, (ΔS − median) / (1.4826 · MAD): the arms were scored by
    /// different embedders, whose ΔS are not comparable.
    ZOfHardNull,
}

/// In what unit the coverage of both arms is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CoverageUnit {
    /// Tokens of one tokenizer, or characters where neither index has one.
    Tokens,
    /// Characters: the tokenizers differ.
    Characters,
    /// Whole documents.
    Documents,
}

/// The baseline's arm of an evaluation, as far as a judge has to know.
#[derive(Debug, Clone, PartialEq)]
pub struct BaselineArm {
    /// Its pins; INDEX_HASH and SERVING_HASH are always there.
    pub pins: Pins,
    /// As [`Evidence::stored_vectors`].
    pub stored_vectors: bool,
    /// What it was paired by.
    pub pairing: Pairing,
}

/// What a comparison rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pairing {
    /// Questions with targets that both arms answered: the pairs.
    pub pairs: usize,
    /// In what unit ΔS is compared.
    pub delta_s: DeltaSScale,
    /// In what unit coverage is compared.
    pub coverage: CoverageUnit,
    /// EMBED_MODEL_VER of the baseline's scoring embedder.
    pub scorer: String,
    /// Its EMBED_SCHEMA.
    pub scorer_schema: String,
    /// How much of the baseline was asked and answered.
    pub counts: Counts,
    /// How the baseline's stored vectors were compared with their text.
    pub integrity: Integrity,
}

/// A pin of both arms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PinPair {
    /// Which.
    pub pin: String,
    /// The baseline's; `None` where it has none.
    pub baseline: Option<String>,
    /// The candidate's; `None` where it has none.
    pub candidate: Option<String>,
    /// Whether the policy lets it differ.
    pub may_change: bool,
}

impl PinPair {
    /// Every pin that an arm has, in the order of their names; none without a baseline.
    pub fn all(policy: &EffectivePolicy, evidence: &Evidence) -> Vec<Self> {
        let Some(arm) = &evidence.baseline else { return Vec::new() };
        let pair = |pin: &str| Self {
            pin: pin.to_owned(),
            baseline: arm.pins.get(pin).map(str::to_owned),
            candidate: evidence.pins.get(pin).map(str::to_owned),
            may_change: policy.may_change.iter().any(|name| name == pin),
        };
        let pairs = PIN_NAMES.into_iter().map(pair);
        pairs.filter(|pair| pair.baseline.is_some() || pair.candidate.is_some()).collect()
    }

    /// Whether the arms have the same.
    pub fn is_equal(&self) -> bool {
        self.baseline == self.candidate
    }
}

/// What is said of the differences behind one criterion on drift; it decides nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// The criterion, as it is written.
    pub criterion: String,
    /// Questions behind it.
    pub pairs: usize,
    /// What may be lost, in the metric's unit: subtracted before the test.
    pub margin: f64,
    /// One-sided sign-flip p-value that the mean difference lies beyond the margin on the worse
    /// side, in (0, 1]; it assumes differences symmetric about the margin.
    pub p: f64,
    /// The same after Holm's correction over the policy's criteria on drift.
    pub p_holm: f64,
    /// (wins − losses) / pairs, in [−1, 1]; above 0 the candidate is better.
    pub dominance: f64,
    /// Its interval.
    pub ci: Interval,
    /// Questions on which the candidate is better.
    pub wins: usize,
    /// Questions on which neither is, to 9 decimals.
    pub ties: usize,
    /// Questions on which the candidate is worse.
    pub losses: usize,
}

/// What the subject was compared with, and what the comparison rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compared {
    /// The baseline.
    pub subject: Subject,
    /// SHA-256 of `baseline.runs.jsonl`.
    pub runs_digest: Digest,
    /// What both were paired by.
    pub pairing: Pairing,
    /// What stands beside the criteria on drift, in the policy's order.
    pub comparisons: Vec<Comparison>,
}

/// A baseline as it was named, and its runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedArm {
    /// As it was named.
    pub name: String,
    /// SHA-256 of `baseline.runs.jsonl`.
    pub runs_digest: Digest,
}

/// One for each criterion on drift whose differences are at hand, in the policy's order.
pub(crate) fn comparisons(policy: &EffectivePolicy, evidence: &Evidence) -> Vec<Comparison> {
    let of = |criterion: &Criterion| {
        let known = criterion.known().filter(is_drift)?;
        let [differences] = evidence.samples.get(&criterion.metric)?.as_slice() else {
            return None;
        };
        let floor = margin(criterion, policy.noise_rebuilds, evidence).ok()?.unwrap_or(0.0);
        compare(&criterion.widened(floor), criterion, &known, differences)
    };
    let mut found: Vec<Comparison> = policy.criteria.iter().filter_map(of).collect();
    let adjusted = holm(&found.iter().map(|c| c.p).collect::<Vec<_>>());
    for (comparison, p) in found.iter_mut().zip(adjusted) {
        comparison.p_holm = p;
    }
    found
}

/// Whether a metric is a statistic of differences between the arms of a question.
pub(crate) fn is_drift(known: &KnownMetric) -> bool {
    known.origin == Origin::Baseline && known.over_questions
}

fn compare(
    asked: &Criterion,
    criterion: &Criterion,
    known: &KnownMetric,
    differences: &Sample,
) -> Option<Comparison> {
    let (side, margin) = match asked.op.is_upper() {
        true => (Side::Upper, asked.bound),
        false => (Side::Lower, -asked.bound),
    };
    let worse = match known.direction {
        Direction::HigherIsBetter => Side::Lower,
        Direction::LowerIsBetter | Direction::Neutral => Side::Upper,
    };
    let paired = Paired::new(differences.values(), &vec![0.0; differences.n()]).ok()?;
    let (tally, effect) = (paired.tally(worse), paired.effect(worse).ok()?);
    let p = sign_flip_p(differences, side, margin);
    Some(Comparison {
        criterion: criterion.to_string(),
        pairs: differences.n(),
        margin,
        p,
        p_holm: p,
        dominance: effect.dominance,
        ci: effect.ci,
        wins: tally.wins,
        ties: tally.ties,
        losses: tally.losses,
    })
}
