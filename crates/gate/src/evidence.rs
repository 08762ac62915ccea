//! What was measured, as far as a judge has to know.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wfgy_core::evaluation::Integrity;
use wfgy_core::{Digest, Number, Pins, Unit};
use wfgy_stats::Sample;

use crate::paired::BaselineArm;

/// Everything that [`decide`](crate::decide) reads. A pure function of runs and context makes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// Pins of the candidate; INDEX_HASH and SERVING_HASH are always there.
    pub pins: Pins,
    /// The baseline's arm, where there is one.
    pub baseline: Option<BaselineArm>,
    /// Digest of the gold set.
    pub gold_digest: Digest,
    /// What k counts.
    pub unit: Unit,
    /// The served k that the metrics were taken at.
    pub k: usize,
    /// The seeds that were asked.
    pub seeds: Vec<u64>,
    /// On how many graphs linked anew λ was to be taken as well.
    pub rebuild_seeds: usize,
    /// EMBED_MODEL_VER of the scoring embedder.
    pub scorer: String,
    /// Its EMBED_SCHEMA.
    pub scorer_schema: String,
    /// Whether ΔS rests on vectors that came stored, in the index or in a file of precomputed
    /// ones, rather than on text embedded anew.
    pub stored_vectors: bool,
    /// Values by name, over the runs that did not fail; a metric without data is absent.
    pub metrics: BTreeMap<String, Number>,
    /// Where runs failed, or a question has none: the values with both at coverage 0 and ΔS 2.
    pub worst_case: Option<BTreeMap<String, Number>>,
    /// `delta_s.question` by wording slot, for slots that at least half of the questions have.
    pub slots: BTreeMap<usize, Number>,
    /// The values behind `metrics`, one a question.
    pub samples: Samples,
    /// The values behind `worst_case`; empty where there is none.
    pub worst_samples: Samples,
    /// How much two evaluations of the candidate differ by the luck of its graph; `None` where
    /// that was not measured at this k.
    pub noise: Option<NoiseFloor>,
    /// By latency ratio: by how many milliseconds the candidate's quantile is above the
    /// baseline's.
    pub latency_gap_ms: BTreeMap<String, f64>,
    /// What ΔS is for text that does not answer.
    pub nulls: Nulls,
    /// How much was asked and answered.
    pub counts: Counts,
    /// How stored vectors were compared with their text.
    pub integrity: Integrity,
    /// Why a metric has no data, by its name.
    pub missing: BTreeMap<String, String>,
}

/// What the luck of a graph does to a metric of drift.
#[derive(Debug, Clone, PartialEq)]
pub struct NoiseFloor {
    /// Over how many rebuilds of the graph.
    pub noise_rebuilds: usize,
    /// By metric of drift, in its unit, ≥ 0; it widens the margin of a criterion on it. A metric
    /// without data is absent.
    pub floor: BTreeMap<String, f64>,
}

/// Values per question by metric name. A metric is the worst of its samples' statistics: there is
/// one sample, but for `delta_s.question`, which has one a wording slot, in the order of
/// [`Evidence::slots`], and `coverage.worst_stratum`, which has one a stratum.
pub type Samples = BTreeMap<String, Vec<Sample>>;

/// What a bound on ΔS is held against.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Nulls {
    /// Quantile 0.05 of the random null, in [0, 2]; a bound above it is blind.
    pub random_p05: Option<f64>,
    /// Median of the hard null, in [0, 2]; a bound above it is weak.
    pub hard_median: Option<f64>,
    /// All values of the hard null, ascending: one a wording.
    pub hard_values: Vec<f64>,
}

/// How much the evidence covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Questions of the gold set.
    pub questions: usize,
    /// Those with targets.
    pub answerable: usize,
    /// Those with targets and at least one run that did not fail (an answer without hits is one).
    pub usable: usize,
    /// Runs that were asked, of the questions with targets, as are the next three.
    pub runs: usize,
    /// Runs that failed after their retries.
    pub failed: usize,
    /// Runs that were answered without hits.
    pub empty: usize,
    /// Runs that could not be asked: no seed applied, or no vector.
    pub dropped: usize,
    /// The fewest wordings that an answerable question has; 0 where there is none.
    pub min_wordings: usize,
    /// Targets that this index does not have as the gold set describes them.
    pub label_problems: usize,
}
