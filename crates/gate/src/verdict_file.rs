//! The verdict as it is filed.

use std::fmt;

use serde::{Deserialize, Serialize};
use wfgy_core::evaluation::Integrity;
use wfgy_core::{CanonicalError, Digest, Pins, Unit};

use crate::criterion::Criterion;
use crate::decide::{Approves, Decision, approves};
use crate::effective::EffectivePolicy;
use crate::evidence::{Counts, Evidence};
use crate::finding::{Finding, worst};
use crate::paired::{Compared, NamedArm, is_drift};
use crate::policy::PolicyError;
use crate::timestamp::Timestamp;
use crate::verdict::Verdict;

/// Version of the form of a verdict file.
pub const VERDICT_SCHEMA_VERSION: u32 = 2;

/// An index by its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// INDEX_HASH.
    pub index_hash: Digest,
    /// SERVING_HASH.
    pub serving_hash: Digest,
    /// All its pins.
    pub pins: Pins,
}

/// Pins without the two hashes that bind a verdict to an index.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the index has no {pin} that is a SHA-256 digest, so no verdict can be bound to it")]
pub struct SubjectError {
    /// Which pin.
    pub pin: &'static str,
}

impl Subject {
    /// The index with these pins.
    ///
    /// # Errors
    /// [`SubjectError`] where a hash is missing or is none.
    pub fn of(pins: &Pins) -> Result<Self, SubjectError> {
        let hash = |pin: &'static str| {
            pins.get(pin).and_then(|text| text.parse().ok()).ok_or(SubjectError { pin })
        };
        Ok(Self {
            index_hash: hash("INDEX_HASH")?,
            serving_hash: hash("SERVING_HASH")?,
            pins: pins.clone(),
        })
    }
}

/// Why a verdict approves nothing wherever it turns up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unusable {
    /// Decided again from stored runs.
    Replayed,
    /// Made while SOURCE_DATE_EPOCH gave the time.
    SourceDateEpoch,
    /// Made with `--no-file`.
    NotFiled,
}

/// The part that is a function of index, gold set, policy and seeds: the same bytes on every
/// machine and any thread count, as long as no run failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decided {
    /// What was evaluated.
    pub subject: Subject,
    /// What it was compared with.
    pub baseline: Option<Compared>,
    /// Digest of the gold set's content.
    pub gold_digest: Digest,
    /// Digest of `policy`.
    pub policy_digest: Digest,
    /// The effective policy.
    pub policy: EffectivePolicy,
    /// SHA-256 of `runs.jsonl`.
    pub runs_digest: Digest,
    /// Version of the engine.
    pub engine_version: String,
    /// EMBED_MODEL_VER of the scoring embedder.
    pub scorer: String,
    /// Its EMBED_SCHEMA.
    pub scorer_schema: String,
    /// The seeds that were asked.
    pub seeds: Vec<u64>,
    /// The served k.
    pub k: usize,
    /// What k counts.
    pub unit: Unit,
    /// How much was asked and answered.
    pub counts: Counts,
    /// How stored vectors were compared with their text.
    pub integrity: Integrity,
    /// What was found.
    pub findings: Vec<Finding>,
    /// Its verdict.
    pub verdict: Verdict,
}

/// The part that two evaluations of the same bytes may differ in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measured {
    /// The index as it was named.
    pub index: String,
    /// The baseline as it was named.
    pub baseline: Option<String>,
    /// When the evaluation began.
    pub began: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// From when on a pass counts no more: `ended` plus the policy's expiry.
    pub expires: Timestamp,
    /// Name of the machine.
    pub host: String,
    /// Instruction set that the fast paths ran on.
    pub kernel_path: String,
    /// Journal sequence number read when the evaluation began; `None` where there was no store.
    pub began_seq: Option<u64>,
    /// How many verdicts on this subject were on file before; `None` where there was no store.
    pub earlier_evaluations: Option<u64>,
    /// Why it approves nothing wherever it turns up; `None` for a live evaluation.
    pub unusable: Option<Unusable>,
    /// What was found.
    pub findings: Vec<Finding>,
    /// Its verdict.
    pub verdict: Verdict,
}

/// `verdict.json`: both parts, each with its digest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerdictFile {
    /// [`VERDICT_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The worse of both parts.
    pub verdict: Verdict,
    /// What it can be used for, if it is standing and unexpired; nothing where it is unusable.
    pub approves: Approves,
    /// SHA-256 of the RFC 8785 bytes of `decided`.
    pub decided_digest: Digest,
    /// SHA-256 of the RFC 8785 bytes of `measured`.
    pub measured_digest: Digest,
    /// A function of index, gold set, policy and seeds.
    pub decided: Decided,
    /// The rest.
    pub measured: Measured,
}

/// What a verdict names that neither policy nor evidence know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Circumstances {
    /// SHA-256 of `runs.jsonl`.
    pub runs_digest: Digest,
    /// Version of the engine.
    pub engine_version: String,
    /// The index as it was named.
    pub index: String,
    /// The baseline; there iff the evidence has one.
    pub baseline: Option<NamedArm>,
    /// When the evaluation began.
    pub began: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// Name of the machine.
    pub host: String,
    /// Instruction set that the fast paths ran on.
    pub kernel_path: String,
    /// Journal sequence number read when the evaluation began.
    pub began_seq: Option<u64>,
    /// How many verdicts on this subject were on file before.
    pub earlier_evaluations: Option<u64>,
    /// Why it approves nothing wherever it turns up.
    pub unusable: Option<Unusable>,
}

/// A verdict file that contradicts itself: it was altered, or made by something else.
#[derive(Debug, thiserror::Error)]
pub enum VerdictFileError {
    /// The index cannot be bound.
    #[error("{0}")]
    Subject(#[from] SubjectError),
    /// Another form than this version reads.
    #[error("schema_version is {found}, this version reads {VERDICT_SCHEMA_VERSION}")]
    SchemaVersion {
        /// In the file.
        found: u32,
    },
    /// A field is not what the rest of the file makes of it.
    #[error("{field} is {found}, the rest of the file makes it {made}: the file was altered")]
    Field {
        /// Which.
        field: &'static str,
        /// In the file.
        found: String,
        /// From the rest.
        made: String,
    },
    /// The evidence knows of a baseline and the circumstances do not, or the other way round.
    #[error("a baseline and its runs belong together: one was given without the other")]
    Baseline,
    /// The findings are not those of the policy.
    #[error("the findings are not one for each criterion of the policy: the file was altered")]
    Findings,
    /// The policy in it cannot be decided by.
    #[error("decided.policy: {0}")]
    Policy(#[from] PolicyError),
    /// No canonical bytes.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
}

impl VerdictFile {
    /// The file of a decision.
    ///
    /// # Errors
    /// [`VerdictFileError::Subject`] where an index has no hashes, [`VerdictFileError::Baseline`]
    /// where a baseline has no runs.
    pub fn new(
        policy: &EffectivePolicy,
        evidence: &Evidence,
        decision: Decision,
        circumstances: Circumstances,
    ) -> Result<Self, VerdictFileError> {
        let baseline = match (&evidence.baseline, &circumstances.baseline) {
            (None, None) => None,
            (Some(arm), Some(named)) => Some(Compared {
                subject: Subject::of(&arm.pins)?,
                runs_digest: named.runs_digest,
                pairing: arm.pairing.clone(),
                comparisons: decision.comparisons,
            }),
            (Some(_), None) | (None, Some(_)) => return Err(VerdictFileError::Baseline),
        };
        let decided = Decided {
            subject: Subject::of(&evidence.pins)?,
            baseline,
            gold_digest: evidence.gold_digest,
            policy_digest: policy.digest()?,
            policy: policy.clone(),
            runs_digest: circumstances.runs_digest,
            engine_version: circumstances.engine_version,
            scorer: evidence.scorer.clone(),
            scorer_schema: evidence.scorer_schema.clone(),
            seeds: evidence.seeds.clone(),
            k: evidence.k,
            unit: evidence.unit,
            counts: evidence.counts,
            integrity: evidence.integrity.clone(),
            findings: decision.decided,
            verdict: decision.decided_verdict,
        };
        let measured = Measured {
            index: circumstances.index,
            baseline: circumstances.baseline.map(|baseline| baseline.name),
            began: circumstances.began,
            ended: circumstances.ended,
            expires: circumstances.ended.plus(policy.expiry_seconds),
            host: circumstances.host,
            kernel_path: circumstances.kernel_path,
            began_seq: circumstances.began_seq,
            earlier_evaluations: circumstances.earlier_evaluations,
            unusable: circumstances.unusable,
            findings: decision.measured,
            verdict: decision.measured_verdict,
        };
        Ok(Self {
            schema_version: VERDICT_SCHEMA_VERSION,
            verdict: decision.verdict,
            approves: match circumstances.unusable {
                Some(_) => Approves::Nothing,
                None => decision.approves,
            },
            decided_digest: Digest::of_json(&decided)?,
            measured_digest: Digest::of_json(&measured)?,
            decided,
            measured,
        })
    }

    /// Checks that everything the file says twice, it says alike.
    ///
    /// Whoever reads a verdict checks it; a reader of stored files compares its digest as well.
    ///
    /// # Errors
    /// [`VerdictFileError`], the first contradiction.
    pub fn check(&self) -> Result<(), VerdictFileError> {
        if self.schema_version != VERDICT_SCHEMA_VERSION {
            return Err(VerdictFileError::SchemaVersion { found: self.schema_version });
        }
        let (decided, measured) = (&self.decided, &self.measured);
        decided.policy.check()?;
        same("decided_digest", self.decided_digest, Digest::of_json(decided)?)?;
        same("measured_digest", self.measured_digest, Digest::of_json(measured)?)?;
        same("decided.policy_digest", decided.policy_digest, decided.policy.digest()?)?;
        let baseline = decided.baseline.as_ref().map(|baseline| &baseline.subject);
        for subject in std::iter::once(&decided.subject).chain(baseline) {
            let made = Subject::of(&subject.pins)?;
            same("index_hash", subject.index_hash, made.index_hash)?;
            same("serving_hash", subject.serving_hash, made.serving_hash)?;
        }
        same("decided.k", decided.k, decided.policy.k)?;
        same("decided.seeds", decided.seeds.len(), decided.policy.seeds)?;
        same("decided.scorer", &decided.scorer, &decided.policy.scorer)?;
        same("decided.scorer_schema", &decided.scorer_schema, &decided.policy.scorer_schema)?;
        same("measured.baseline", measured.baseline.is_some(), decided.baseline.is_some())?;
        let expires = measured.ended.plus(decided.policy.expiry_seconds);
        same("measured.expires", measured.expires, expires)?;
        same("measured.began", measured.began, measured.began.min(measured.ended))?;
        self.check_findings()?;
        same("decided.verdict", decided.verdict, worst(&decided.findings))?;
        same("measured.verdict", measured.verdict, worst(&measured.findings))?;
        same("verdict", self.verdict, decided.verdict.max(measured.verdict))?;
        let made = match measured.unusable {
            Some(_) => Approves::Nothing,
            None => approves(&decided.policy, self.verdict, self.is_unchecked()),
        };
        same("approves", self.approves, made)
    }

    /// Whether stored vectors were not compared with their text at all, so that even a pass
    /// approves nothing.
    pub fn is_unchecked(&self) -> bool {
        self.decided.integrity.mode == "off"
    }

    /// One finding for each criterion, in the part where it belongs, and the one on integrity.
    fn check_findings(&self) -> Result<(), VerdictFileError> {
        let (decided, measured) = (&self.decided.findings, &self.measured.findings);
        let in_its_part = |finding: &Finding, measured: bool| match &finding.criterion {
            Some(criterion) => {
                criterion.known().is_some_and(|known| known.measured) == measured
                    && finding.name == criterion.metric
                    && finding.kind == criterion.kind
            }
            None => !measured && finding.kind == crate::Kind::Hard,
        };
        let mut found: Vec<&Criterion> =
            decided.iter().chain(measured).filter_map(|f| f.criterion.as_ref()).collect();
        found.sort_by(|a, b| a.order(b));
        let rebuilds = self.decided.policy.noise_rebuilds > 0;
        let widened_as_asked = |finding: &Finding| {
            let known = finding.criterion.as_ref().and_then(Criterion::known);
            let drifts = known.is_some_and(|known| is_drift(&known));
            finding.noise_floor.is_some() == (rebuilds && drifts && finding.number.is_some())
        };
        let whole = decided.iter().chain(measured).all(widened_as_asked)
            && decided.iter().all(|finding| in_its_part(finding, false))
            && measured.iter().all(|finding| in_its_part(finding, true))
            && found.into_iter().eq(&self.decided.policy.criteria)
            && decided.iter().any(|f| f.name == "integrity.mismatches" && f.criterion.is_none());
        if whole { Ok(()) } else { Err(VerdictFileError::Findings) }
    }

    /// Digest of the file's RFC 8785 bytes, by which it is filed.
    ///
    /// # Errors
    /// Never in practice: its keys are strings.
    pub fn digest(&self) -> Result<Digest, CanonicalError> {
        Digest::of_json(self)
    }
}

fn same<T: PartialEq + Serialize>(
    field: &'static str,
    found: T,
    made: T,
) -> Result<(), VerdictFileError> {
    if found == made {
        return Ok(());
    }
    let text = |value: &T| match wfgy_core::canonical_json(value) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => error.to_string(),
    };
    Err(VerdictFileError::Field { field, found: text(&found), made: text(&made) })
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Replayed => "it was decided again from stored runs",
            Self::SourceDateEpoch => "it was made under SOURCE_DATE_EPOCH",
            Self::NotFiled => "it was made with --no-file",
        })
    }
}
