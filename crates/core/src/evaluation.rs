//! What an evaluation saw, run by run: enough to judge again without asking the index.
//!
//! [`RunRecord`] is a line of `runs.jsonl`; [`Context`] is the rest of what a
//! replay needs and stands in `report.json`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Digest, Number, Pins, Span, Unit};

/// The cutoffs at which coverage and ranking measures are always taken.
pub const SWEEP: [usize; 6] = [1, 3, 5, 10, 20, 50];

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// With at least one hit.
    Answered,
    /// Without hits: coverage 0, ΔS 2, aborted.
    Empty,
    /// Retrieval failed after its retries: aborted, in no aggregate.
    Failed,
    /// Not asked, because there is no vector for its text (precomputed vectors only): in no
    /// aggregate and no count of runs, and at its worst in the worst case.
    Unasked,
}

/// One hit of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HitRecord {
    /// Corpus position.
    pub position: u32,
    /// `doc#section#start-end`.
    pub snippet_id: String,
    /// Its document.
    pub doc_id: String,
    /// Its section.
    pub section_id: String,
    /// Where it stands in its section, in Unicode scalar values.
    pub offsets: Span,
    /// Where it stands in its section's tokens.
    pub tokens: Span,
    /// Whether its document has this section only; λ then compares snippets, not sections.
    pub sole_section: bool,
    /// Greater is closer; rounded to 9 decimals.
    pub score: f64,
    /// ΔS(wording, hit), in [0, 2].
    pub delta_s_question: f64,
    /// ΔS(hit, nearest anchor), in [0, 2]; `None` where no anchor could be had.
    pub delta_s_anchor: Option<f64>,
}

/// How well a cut of the hits covers the targets.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoverageRecord {
    /// Share of target tokens inside the hits' spans, in [0, 1].
    pub coverage: f64,
    /// Share of retrieved tokens that are target tokens, in [0, 1].
    pub precision: f64,
    /// Intersection over union of retrieved and target tokens, in [0, 1].
    pub iou: f64,
}

/// One run: a line of `runs.jsonl`. Holds no times.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunRecord {
    /// Question id.
    pub question: String,
    /// Wording number, 0 as written.
    pub wording: usize,
    /// Seed.
    pub seed: u64,
    /// The text that was asked; `None` under `--redact`.
    pub text: Option<String>,
    /// How it ended.
    pub status: RunStatus,
    /// Why it failed, or was not asked.
    pub error: Option<String>,
    /// All hits, best first.
    pub hits: Vec<HitRecord>,
    /// Corpus positions that the exact sweep gives, best first, as far as the hits go.
    pub exact: Vec<u32>,
    /// By cutoff: the sweep's and the served k. Empty for unanswerable questions and failed runs.
    pub coverage: BTreeMap<usize, CoverageRecord>,
    /// The same share counted in characters, by cutoff; only beside an arm with another tokenizer.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub character_coverage: BTreeMap<usize, f64>,
    /// ΔS(hit at rank 1, decoy), median over the question's decoys other than the hit.
    pub delta_s_decoy: Option<f64>,
    /// Within this wording (seed 0): share of decoys farther than the nearest target snippet.
    pub auc: Option<f64>,
    /// Within this wording (seed 0): 1 or ½ or 0, against its hard neighbour.
    pub auc_hard: Option<f64>,
    /// ΔS to the nearest snippet that overlaps no target (seed 0).
    pub hard_null: Option<f64>,
}

/// Time of the stages of one run: a line of `timings.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimingRecord {
    /// Question id.
    pub question: String,
    /// Wording number.
    pub wording: usize,
    /// Seed.
    pub seed: u64,
    /// Milliseconds by stage: `embed`, `retrieve`, `rerank`.
    pub stages_ms: BTreeMap<String, f64>,
}

/// An arm of an evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArmName {
    /// The index that is judged.
    Candidate,
    /// The index that it is compared with.
    Baseline,
}

/// One call of the latency pass: a line of `latency.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LatencyRecord {
    /// Which index was called.
    pub arm: ArmName,
    /// Number of the call within its arm, from 0 on; calls of one number follow each other.
    pub call: usize,
    /// Question id.
    pub question: String,
    /// Wording number.
    pub wording: usize,
    /// Seed.
    pub seed: u64,
    /// Milliseconds by stage: `embed`, `retrieve`, `rerank`; those before the failure of a call
    /// that failed.
    pub stages_ms: BTreeMap<String, f64>,
    /// Why it failed.
    pub error: Option<String>,
}

impl LatencyRecord {
    /// What all its stages took, in milliseconds.
    pub fn total_ms(&self) -> f64 {
        self.stages_ms.values().sum()
    }
}

/// Quantiles of one stage of the latency pass over the calls of one arm, in milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageQuantiles {
    /// Over how many calls.
    pub calls: usize,
    /// Type 7 quantile 0.50.
    pub p50: Number,
    /// Type 7 quantile 0.95.
    pub p95: Number,
    /// Type 7 quantile 0.99.
    pub p99: Number,
}

/// By arm, by stage: `embed`, `retrieve`, `rerank`, and `total`, their sum in each call.
pub type Latency = BTreeMap<ArmName, BTreeMap<String, StageQuantiles>>;

/// How much evaluations of one index differ by the luck of its graph.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Noise {
    /// How many times the graph was linked anew, each with another seed.
    pub noise_rebuilds: usize,
    /// The served k that the drifts were taken at.
    pub k: usize,
    /// By metric of drift: the drift of each rebuild from each earlier one, in the order (1, 0),
    /// (2, 0), (2, 1), (3, 0) and so on, in the unit of the comparison with the baseline; a metric
    /// without data in a pair is absent. `None` where the index has no graph: nothing of it is luck.
    pub drifts: Option<BTreeMap<String, Vec<f64>>>,
}

/// What an exported vector is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextRole {
    /// A wording under a seed.
    Query,
    /// An anchor.
    Anchor,
}

/// The text of one exported vector, by the scoring embedder: a line of `texts.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextRecord {
    /// Row of `vectors.npy`.
    pub row: usize,
    /// What it is.
    pub role: TextRole,
    /// Question id.
    pub question: String,
    /// Wording number of a query.
    pub wording: Option<usize>,
    /// Seed of a query.
    pub seed: Option<u64>,
    /// Number of an anchor within its question.
    pub anchor: Option<usize>,
    /// Of the embedded string.
    pub sha256: Digest,
    /// The embedded string; `None` under `--redact`.
    pub text: Option<String>,
}

/// What judging needs to know of a question beside its runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuestionRecord {
    /// Question id.
    pub id: String,
    /// Wording 0; `None` under `--redact`.
    pub text: Option<String>,
    /// Its slice.
    pub stratum: Option<String>,
    /// Whether it has targets.
    pub answerable: bool,
    /// How many wordings it has.
    pub n_wordings: usize,
    /// Relevance by unit id (document, or `doc#section` percent-encoded as in snippet ids).
    pub qrels: BTreeMap<String, u32>,
    /// Where its targets are in this index, one entry a target: `doc#section`, or
    /// `doc#section#start-end` (ids percent-encoded), alternatives joined by ` | `.
    pub expected: Vec<String>,
    /// What is wrong with its targets in this index.
    pub label_problems: Vec<String>,
}

/// Pooled ΔS values of text that is known not to answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Null {
    /// How many values were pooled.
    pub n: usize,
    /// Type 7 quantile 0.01; its interval, as those of the next three, is over questions.
    pub p01: Number,
    /// Type 7 quantile 0.05.
    pub p05: Number,
    /// Type 7 quantile 0.50.
    pub p50: Number,
    /// Type 7 quantile 0.95.
    pub p95: Number,
}

/// What ΔS means under this embedder on this index.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// ΔS between wordings and decoys; `None` where there was no decoy.
    pub random: Option<Null>,
    /// ΔS between wordings and their nearest snippet outside the targets.
    pub hard: Option<Null>,
}

/// How stored vectors were compared with their text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Integrity {
    /// `sample`, `full` (also where a sample would be all), `off`, `none` (the store holds no
    /// vectors), or `impossible` (it holds some, but no embedder can embed the text, or they cannot
    /// be read).
    pub mode: String,
    /// How many snippets were compared.
    pub checked: usize,
    /// How many had cosine < 0.999.
    pub mismatches: usize,
    /// Lowest cosine seen.
    pub lowest_cosine: Option<f64>,
    /// `shuffled_ids`, `stale_text`, `other_model` or `mixed_models` where there was a miss.
    pub kind: Option<String>,
    /// Up to five snippet ids that missed.
    pub examples: Vec<String>,
}

/// Everything beside the runs that a replay needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Context {
    /// The index as the user named it.
    pub index: String,
    /// Its pins.
    pub pins: Pins,
    /// Digest of the gold set.
    pub gold_digest: Digest,
    /// Its name.
    pub gold_name: String,
    /// Its language.
    pub language: String,
    /// What k counts.
    pub unit: Unit,
    /// The served k.
    pub k: usize,
    /// The seeds asked.
    pub seeds: Vec<u64>,
    /// On how many graphs linked anew λ was to be taken as well.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rebuild_seeds: usize,
    /// On how many it was: as many, or none where the index has no graph. Of rebuild r, from 1 on,
    /// the run of seed s stands as that of seed s + r · (1 + the greatest seed).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rebuilt: usize,
    /// EMBED_MODEL_VER of the scoring embedder.
    pub scorer: String,
    /// Its EMBED_SCHEMA.
    pub scorer_schema: String,
    /// Whether ΔS rests on vectors that came stored (in the index, because the scorer is its
    /// embedder, or in a file of precomputed ones) rather than on text embedded anew.
    pub stored_vectors: bool,
    /// The questions, in gold order.
    pub questions: Vec<QuestionRecord>,
    /// The nulls.
    pub calibration: Calibration,
    /// The integrity check.
    pub integrity: Integrity,
    /// How many distinct texts were cut at the model's limit, by what they are.
    pub truncated: BTreeMap<String, usize>,
    /// Runs that were planned, are no records and say nothing of the index, by reason: no
    /// perturbation applied, or it gave the text of an earlier seed.
    pub dropped_runs: BTreeMap<String, usize>,
}

fn is_zero(n: &usize) -> bool {
    *n == 0
}

/// How the answer changes with the number of hits that count: one entry a cutoff in each list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Curves {
    /// The cutoffs, ascending: the sweep's and the served k.
    pub k: Vec<usize>,
    /// Mean over questions of the coverage of the targets by the top k, in [0, 1].
    pub coverage: Vec<Option<Number>>,
    /// Median over questions of the mean ΔS between wording and the top k, in [0, 2]: flat and high
    /// where the neighbourhood of a question holds nothing that belongs to it.
    pub delta_s: Vec<Option<Number>>,
    /// Median over questions of the least ΔS between the top k and an anchor, in [0, 2]: where it
    /// falls, the answer comes in.
    pub delta_s_anchor: Vec<Option<Number>>,
}
