//! The rules of a candidate beside a baseline.

#![allow(clippy::unwrap_used, reason = "a test ends at its first failure")]

mod healthy;

use healthy::{baseline, circumstances, decided, evidence, min_cov, number, put, setting, spread};
use wfgy_core::{Aggregate, Digest, Interval, Number};
use wfgy_gate::{
    Baseline, CannotEvaluate, Code, Criterion, Decision, Evidence, NamedArm, Op, PinPair, Setting,
    Verdict, VerdictFile, VerdictFileError, decide,
};

fn drift(metric: &str, op: Op, bound: f64) -> Criterion {
    Criterion::hard(metric, op, bound)
}

/// Coverage that drifted by these differences, beside a healthy baseline.
fn drifted(differences: &[f64]) -> Evidence {
    let mut evidence = evidence();
    evidence.baseline = Some(baseline("docs_vA"));
    put(&mut evidence, "drift.coverage", Aggregate::Mean, differences);
    evidence
}

fn judged(criteria: Vec<Criterion>, evidence: &Evidence) -> Decision {
    let given = Setting { baseline: Baseline::Given, ..setting() };
    decide(&healthy::policy(criteria).effective(&given).unwrap(), evidence).unwrap()
}

#[test]
fn rule_a_pin_that_may_not_change_against_the_baseline_is_a_finding() {
    let mut evidence = evidence();
    evidence.baseline = Some(baseline("docs_vA"));
    assert_eq!(decided(vec![min_cov(0.7)], &evidence).verdict, Verdict::Pass);
    evidence.pins.set("TOK_VER", "other");
    let decision = decided(vec![min_cov(0.7)], &evidence);
    assert_eq!(decision.verdict, Verdict::Fail);
    assert!(decision.decided.iter().any(|f| f.name == "pins.TOK_VER"));
}

#[test]
fn rule_a_latency_ratio_fails_only_by_the_lower_end_and_passes_where_little_is_lost() {
    let given = Setting { baseline: Baseline::Given, ..setting() };
    let ratio = Criterion::hard("latency.p95_ratio", Op::AtMost, 1.15);
    let policy = healthy::policy(vec![min_cov(0.7), ratio]).effective(&given).unwrap();
    let found = |point: f64, lower: Option<f64>, gap: Option<f64>| {
        let mut evidence = evidence();
        let ci = Some(Interval { level: 0.95, lower, upper: None });
        evidence.metrics.insert("latency.p95_ratio".to_owned(), Number { ci, ..number(point) });
        evidence.latency_gap_ms.extend(gap.map(|gap| ("latency.p95_ratio".to_owned(), gap)));
        decide(&policy, &evidence).unwrap().measured[0].clone()
    };
    for (point, lower, gap, verdict) in [
        (1.15, Some(1.1), Some(30.0), Verdict::Pass),
        (1.4, Some(1.2), Some(30.0), Verdict::Fail),
        (1.4, Some(1.15), Some(30.0), Verdict::Inconclusive),
        (1.4, None, Some(30.0), Verdict::Inconclusive),
        (1.4, Some(f64::NAN), Some(30.0), Verdict::Inconclusive),
        (1.4, Some(1.2), Some(5.0), Verdict::Pass),
        (1.4, Some(1.2), Some(5.001), Verdict::Fail),
        (1.4, Some(1.2), Some(f64::NAN), Verdict::Fail),
        (1.4, Some(1.2), None, Verdict::Fail),
    ] {
        let finding = found(point, lower, gap);
        assert_eq!(finding.verdict, verdict, "{point} {lower:?} {gap:?}: {}", finding.reason);
        assert_eq!(finding.crosses(), point == 1.15, "{:?}", finding.warnings);
    }
}

#[test]
fn rule_a_baseline_that_is_not_intact_is_inconclusive_and_never_a_fail() {
    let mut damaged = drifted(&[0.0; 40]);
    let integrity = |evidence: &mut Evidence| {
        let found = judged(vec![min_cov(0.7)], evidence);
        let finding = found.decided.iter().find(|f| f.name == "baseline.integrity").cloned();
        (found.verdict, finding.unwrap().code)
    };
    assert_eq!(integrity(&mut damaged), (Verdict::Pass, Code::Intact));
    damaged.baseline.as_mut().unwrap().pairing.integrity.mismatches = 3;
    assert_eq!(integrity(&mut damaged), (Verdict::Inconclusive, Code::Damaged));
    damaged.baseline.as_mut().unwrap().pairing.integrity = damaged.integrity.clone();
    damaged.baseline.as_mut().unwrap().pairing.integrity.mode = "impossible".to_owned();
    assert_eq!(integrity(&mut damaged), (Verdict::Inconclusive, Code::Unchecked));
}

#[test]
fn rule_too_few_pairs_approve_nothing() {
    let mut evidence = drifted(&[0.0; 40]);
    for (pairs, verdict) in [(20, Verdict::Pass), (19, Verdict::Inconclusive)] {
        evidence.baseline.as_mut().unwrap().pairing.pairs = pairs;
        assert_eq!(judged(vec![min_cov(0.7)], &evidence).verdict, verdict, "{pairs}");
    }
}

#[test]
fn rule_a_baseline_that_did_not_answer_is_no_verdict() {
    let mut evidence = drifted(&[0.0; 40]);
    evidence.baseline.as_mut().unwrap().pairing.counts.failed = 17;
    let given = Setting { baseline: Baseline::Given, ..setting() };
    let policy = healthy::policy(vec![min_cov(0.7)]).effective(&given).unwrap();
    let error = decide(&policy, &evidence).unwrap_err();
    assert!(matches!(error, CannotEvaluate::Baseline(_)));
    assert_eq!(error.exit_code(), 4);
    assert!(error.to_string().starts_with("baseline: 17 of 320 runs failed"), "{error}");
}

#[test]
fn rule_lost_runs_of_either_arm_keep_a_drift_from_passing_where_their_worst_is_not_known() {
    let criterion = || vec![drift("drift.coverage", Op::AtLeast, -0.02)];
    assert_eq!(judged(criterion(), &drifted(&[0.0; 40])).verdict, Verdict::Pass);
    let mut of_baseline = drifted(&[0.0; 40]);
    of_baseline.baseline.as_mut().unwrap().pairing.counts.failed = 1;
    let mut of_candidate = drifted(&[0.0; 40]);
    of_candidate.counts.failed = 1;
    for mut evidence in [of_baseline, of_candidate] {
        assert_eq!(judged(criterion(), &evidence).verdict, Verdict::Inconclusive);
        let worst = |point: f64| [("drift.coverage".to_owned(), number(point))].into();
        evidence.worst_case = Some(worst(-0.03));
        assert_eq!(judged(criterion(), &evidence).verdict, Verdict::Inconclusive);
        evidence.worst_case = Some(worst(-0.02));
        assert_eq!(judged(criterion(), &evidence).verdict, Verdict::Pass);
    }
}

#[test]
fn rule_effect_and_p_stand_beside_a_drift_and_decide_nothing() {
    // Every question lost 0.05: the margin of 0.02 is exceeded, that of 0.06 is not.
    let evidence = drifted(&[-0.05; 40]);
    for (bound, verdict, p) in [(-0.02, Verdict::Fail, 1.0 / 10_001.0), (-0.06, Verdict::Pass, 1.0)]
    {
        let decision = judged(vec![drift("drift.coverage", Op::AtLeast, bound)], &evidence);
        assert_eq!(decision.verdict, verdict);
        let [beside] = &decision.comparisons[..] else { panic!("{:?}", decision.comparisons) };
        assert_eq!((beside.wins, beside.ties, beside.losses, beside.pairs), (0, 0, 40, 40));
        assert_eq!((beside.p, beside.margin, beside.dominance), (p, -bound, -1.0));
        assert!(beside.ci.upper.unwrap() < -0.8, "{beside:?}");
    }
}

#[test]
fn rule_p_values_are_adjusted_over_the_drift_criteria_of_the_policy() {
    let mut evidence = drifted(&spread(-0.03, 0.06, 40));
    put(&mut evidence, "drift.delta_s.median", Aggregate::Median, &spread(0.05, 0.02, 40));
    let criteria = vec![
        drift("drift.coverage", Op::AtLeast, -0.02),
        drift("drift.delta_s.median", Op::AtMost, 0.03),
        drift("drift.delta_s.median", Op::AtLeast, -0.03),
        min_cov(0.7),
    ];
    let found = judged(criteria, &evidence).comparisons;
    let named: Vec<&str> = found.iter().map(|c| c.criterion.as_str()).collect();
    let expected = [
        "drift.coverage >= -0.02",
        "drift.delta_s.median <= 0.03",
        "drift.delta_s.median >= -0.03",
    ];
    assert_eq!(named, expected);
    let p: Vec<f64> = found.iter().map(|c| c.p).collect();
    let adjusted: Vec<f64> = found.iter().map(|c| c.p_holm).collect();
    assert_eq!(adjusted, wfgy_stats::holm(&p));
    assert!(p[0] < 0.05 && p[1] < 0.001 && p[2] > 0.9, "{p:?}");
    // Both sides of one metric tell of the same wins: lower ΔS is better.
    assert_eq!((found[1].losses, found[2].losses), (40, 40));
}

#[test]
fn rule_pins_stand_side_by_side() {
    let mut evidence = drifted(&[0.0; 40]);
    evidence.pins.set("TOK_VER", "other");
    let given = Setting { baseline: Baseline::Given, ..setting() };
    let policy = healthy::policy(vec![min_cov(0.7)]).effective(&given).unwrap();
    let pairs = PinPair::all(&policy, &evidence);
    let pair = |name: &str| pairs.iter().find(|pair| pair.pin == name).unwrap();
    assert!(pair("INDEX_HASH").may_change && !pair("INDEX_HASH").is_equal());
    assert!(!pair("EMBED_MODEL_VER").may_change && pair("EMBED_MODEL_VER").is_equal());
    assert_eq!((pair("TOK_VER").baseline.as_deref(), pair("TOK_VER").is_equal()), (None, false));
    evidence.baseline = None;
    assert!(PinPair::all(&policy, &evidence).is_empty());
}

#[test]
fn rule_a_verdict_names_the_baseline_with_its_runs_or_none_of_both() {
    let evidence = drifted(&[0.0; 40]);
    let given = Setting { baseline: Baseline::Given, ..setting() };
    let criteria = vec![drift("drift.coverage", Op::AtLeast, -0.02)];
    let policy = healthy::policy(criteria).effective(&given).unwrap();
    let decision = decide(&policy, &evidence).unwrap();
    let arm = || NamedArm { name: "docs_live".into(), runs_digest: Digest::of("baseline runs") };
    let file = |evidence: &Evidence, baseline| {
        let circumstances = wfgy_gate::Circumstances { baseline, ..circumstances() };
        VerdictFile::new(&policy, evidence, decision.clone(), circumstances)
    };
    let whole = file(&evidence, Some(arm())).unwrap();
    whole.check().unwrap();
    let compared = whole.decided.baseline.as_ref().unwrap();
    assert_eq!(compared.subject.index_hash, Digest::of("docs_vA"));
    assert_eq!((compared.runs_digest, compared.pairing.pairs), (arm().runs_digest, 40));
    assert_eq!(compared.comparisons.len(), 1);
    let alone = Evidence { baseline: None, ..evidence.clone() };
    for error in [file(&evidence, None), file(&alone, Some(arm()))] {
        assert!(matches!(error.unwrap_err(), VerdictFileError::Baseline));
    }
    let mut altered = whole;
    altered.decided.baseline = None;
    altered.decided_digest = Digest::of_json(&altered.decided).unwrap();
    assert!(altered.check().unwrap_err().to_string().contains("measured.baseline"));
}
