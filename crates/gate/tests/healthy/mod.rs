//! Evidence of an index with nothing wrong, for tests to break one thing of.

#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::{BTreeMap, BTreeSet};

use wfgy_core::evaluation::Integrity;
use wfgy_core::{Aggregate, Digest, Direction, Number, Pins, Unit};
use wfgy_gate::{
    Baseline, BaselineArm, Circumstances, Counts, CoverageUnit, Criterion, Decision, DecisionMode,
    DeltaSScale, EffectivePolicy, Evidence, Finding, KnownMetric, NoiseFloor, Nulls, Op, Pairing,
    Policy, PolicyDraft, Setting, Timestamp, VerdictFile, decide,
};
use wfgy_stats::Sample;

pub(crate) fn number(point: f64) -> Number {
    Number {
        point,
        ci: None,
        n_questions: 40,
        aggregate: Aggregate::Mean,
        direction: Direction::Neutral,
    }
}

/// Makes `values` what stands behind a metric, and the metric what they say.
pub(crate) fn put(evidence: &mut Evidence, metric: &str, aggregate: Aggregate, values: &[f64]) {
    let sample = Sample::new(values.to_vec()).unwrap();
    let direction = KnownMetric::named(metric).unwrap().direction;
    evidence.metrics.insert(metric.to_owned(), sample.number(aggregate, direction));
    evidence.samples.insert(metric.to_owned(), vec![sample]);
}

/// The same for `delta_s.question`, one list a wording.
pub(crate) fn put_slots(evidence: &mut Evidence, slots: &[Vec<f64>]) {
    let samples: Vec<Sample> = slots.iter().map(|s| Sample::new(s.clone()).unwrap()).collect();
    let of = |s: &Sample| s.number(Aggregate::Median, Direction::LowerIsBetter);
    let numbers: Vec<Number> = samples.iter().map(of).collect();
    let worst = numbers.iter().copied().max_by(|a, b| a.point.total_cmp(&b.point)).unwrap();
    let worst = Number { aggregate: Aggregate::WorstSlotMedian, ..worst };
    evidence.metrics.insert("delta_s.question".to_owned(), worst);
    evidence.slots = numbers.into_iter().enumerate().collect();
    evidence.samples.insert("delta_s.question".to_owned(), samples);
}

/// `n` values of which `hits` are 1 and the others 0.
pub(crate) fn shares(hits: usize, n: usize) -> Vec<f64> {
    (0..n).map(|i| f64::from(u8::from(i < hits))).collect()
}

/// `n` values, evenly spread around `middle`.
pub(crate) fn spread(middle: f64, width: f64, n: usize) -> Vec<f64> {
    (0..n).map(|i| middle + width * (i as f64 / (n - 1) as f64 - 0.5)).collect()
}

pub(crate) fn pins(content: &str) -> Pins {
    let mut pins = Pins::default();
    pins.set("INDEX_HASH", Digest::of(content));
    pins.set("SERVING_HASH", Digest::of(format!("{content} served")));
    pins.set("EMBED_MODEL_VER", "minilm");
    pins
}

/// The floor of one metric, over 3 rebuilds.
pub(crate) fn noise(metric: &str, floor: f64) -> Option<NoiseFloor> {
    let floor = BTreeMap::from([(metric.to_owned(), floor)]);
    Some(NoiseFloor { noise_rebuilds: 3, floor })
}

/// 40 questions, 4 wordings, 2 seeds; coverage 0.90, ΔS 0.30 on every wording, λ convergent.
pub(crate) fn evidence() -> Evidence {
    let metrics = [
        ("coverage.mean", 0.90),
        ("delta_s.question", 0.30),
        ("lambda.convergence", 0.95),
        ("lambda.collapse_rate", 0.01),
        ("lambda.split_rate", 0.04),
        ("lambda.flip_rate", 0.05),
        ("error_rate", 0.0),
    ];
    Evidence {
        pins: pins("docs_vB"),
        baseline: None,
        gold_digest: Digest::of("gold_40"),
        unit: Unit::Snippet,
        k: 10,
        seeds: vec![0, 1],
        rebuild_seeds: 0,
        scorer: "minilm".to_owned(),
        scorer_schema: "mean;256;;".to_owned(),
        stored_vectors: true,
        metrics: metrics.map(|(name, point)| (name.to_owned(), number(point))).into(),
        worst_case: None,
        slots: (0..4).map(|slot| (slot, number(0.30))).collect(),
        samples: BTreeMap::new(),
        worst_samples: BTreeMap::new(),
        noise: None,
        latency_gap_ms: BTreeMap::new(),
        nulls: Nulls {
            random_p05: Some(0.80),
            hard_median: Some(0.50),
            hard_values: (0..160).map(|i| 0.40 + 0.20 * f64::from(i) / 159.0).collect(),
        },
        counts: Counts {
            questions: 40,
            answerable: 40,
            usable: 40,
            runs: 320,
            failed: 0,
            empty: 0,
            dropped: 0,
            min_wordings: 4,
            label_problems: 0,
        },
        integrity: Integrity {
            mode: "sample".to_owned(),
            checked: 64,
            mismatches: 0,
            lowest_cosine: Some(0.99999),
            kind: None,
            examples: Vec::new(),
        },
        missing: BTreeMap::new(),
    }
}

/// The arm of an index with nothing wrong, scored and answered like the candidate.
pub(crate) fn baseline(content: &str) -> BaselineArm {
    let candidate = evidence();
    BaselineArm {
        pins: pins(content),
        stored_vectors: true,
        pairing: Pairing {
            pairs: 40,
            delta_s: DeltaSScale::DeltaS,
            coverage: CoverageUnit::Tokens,
            scorer: candidate.scorer,
            scorer_schema: candidate.scorer_schema,
            counts: candidate.counts,
            integrity: candidate.integrity,
        },
    }
}

pub(crate) fn setting() -> Setting {
    Setting {
        baseline: Baseline::Unsaid,
        scorer: "minilm".to_owned(),
        scorer_schema: "mean;256;;".to_owned(),
        live: BTreeSet::new(),
    }
}

pub(crate) fn min_cov(bound: f64) -> Criterion {
    Criterion::hard("coverage.mean", Op::AtLeast, bound)
}

pub(crate) fn max_ds(bound: f64) -> Criterion {
    Criterion::hard("delta_s.question", Op::AtMost, bound)
}

pub(crate) fn policy(criteria: Vec<Criterion>) -> Policy {
    PolicyDraft { criteria, ..PolicyDraft::default() }.check().unwrap()
}

/// The policy of these criteria that decides by confidence bounds.
pub(crate) fn confident(criteria: Vec<Criterion>) -> EffectivePolicy {
    let decision = DecisionMode::Confident;
    let draft = PolicyDraft { decision, criteria, ..PolicyDraft::default() };
    let given = Setting { baseline: Baseline::Given, ..setting() };
    draft.check().unwrap().effective(&given).unwrap()
}

/// The finding of one criterion, alone in a policy that decides by confidence bounds.
pub(crate) fn surely(criterion: Criterion, evidence: &Evidence) -> Finding {
    let decision = decide(&confident(vec![criterion]), evidence).unwrap();
    let mut all = decision.decided.into_iter().chain(decision.measured);
    all.find(|finding| finding.criterion.is_some()).unwrap()
}

pub(crate) fn effective(criteria: Vec<Criterion>) -> EffectivePolicy {
    policy(criteria).effective(&setting()).unwrap()
}

/// The decision of a policy with these criteria.
pub(crate) fn decided(criteria: Vec<Criterion>, evidence: &Evidence) -> Decision {
    decide(&effective(criteria), evidence).unwrap()
}

/// The finding of one criterion, alone in its policy.
pub(crate) fn found(criterion: Criterion, evidence: &Evidence) -> Finding {
    let metric = criterion.metric.clone();
    let decision = decided(vec![criterion], evidence);
    let mut all = decision.decided.into_iter().chain(decision.measured);
    all.find(|finding| finding.criterion.is_some() && finding.name == metric).unwrap()
}

pub(crate) fn circumstances() -> Circumstances {
    Circumstances {
        runs_digest: Digest::of("runs"),
        engine_version: "0.1.0".to_owned(),
        index: "docs_vB".to_owned(),
        baseline: None,
        began: Timestamp::from_unix(1_000_000),
        ended: Timestamp::from_unix(1_000_060),
        host: "h".to_owned(),
        kernel_path: "avx2".to_owned(),
        began_seq: Some(7),
        earlier_evaluations: Some(0),
        unusable: None,
    }
}

pub(crate) fn verdict_file(policy: &EffectivePolicy, evidence: &Evidence) -> VerdictFile {
    let decision = decide(policy, evidence).unwrap();
    VerdictFile::new(policy, evidence, decision, circumstances()).unwrap()
}
