//! Everything that other gates let through: none of it may end in a pass.

#![allow(clippy::unwrap_used, reason = "a test ends at its first failure")]

mod healthy;

use healthy::{decided, effective, evidence, found, max_ds, min_cov, number};
use wfgy_core::Direction;
use wfgy_gate::{
    CannotEvaluate, Code, Criterion, Evidence, Kind, KnownMetric, METRIC_NAMES, OnNoData, Op,
    PolicyError, Setting, Verdict, decide,
};

/// A criterion that some value meets and some value misses, for every metric there is.
fn some_criterion(name: &str) -> Criterion {
    let name = if name.ends_with('@') { format!("{name}10") } else { name.to_owned() };
    let known = KnownMetric::named(&name).unwrap();
    let op = if known.direction == Direction::HigherIsBetter { Op::AtLeast } else { Op::AtMost };
    Criterion::hard(name, op, 0.5)
}

/// The same policy decided without asking whether there is a baseline.
fn judged(criterion: Criterion, evidence: &Evidence) -> Verdict {
    let policy = healthy::policy(vec![criterion]);
    let given = Setting { baseline: wfgy_gate::Baseline::Given, ..healthy::setting() };
    decide(&policy.effective(&given).unwrap(), evidence).unwrap().verdict
}

#[test]
fn no_metric_passes_without_data() {
    for name in METRIC_NAMES {
        let criterion = some_criterion(name);
        let mut evidence = evidence();
        evidence.metrics.clear();
        assert_eq!(judged(criterion.clone(), &evidence), Verdict::Fail, "{name}");
        let open = Criterion { on_no_data: OnNoData::Inconclusive, ..criterion };
        assert_eq!(judged(open, &evidence), Verdict::Inconclusive, "{name}");
    }
}

#[test]
fn no_metric_passes_with_a_value_that_is_no_number_or_cannot_be() {
    for name in METRIC_NAMES {
        let criterion = some_criterion(name);
        let known = criterion.known().unwrap();
        let best = if criterion.op.is_upper() { known.lowest } else { known.highest };
        let beyond = if criterion.op.is_upper() { best - 1.0 } else { best + 1.0 };
        for point in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, beyond] {
            let mut evidence = evidence();
            evidence.metrics.insert(criterion.metric.clone(), number(point));
            assert_ne!(judged(criterion.clone(), &evidence), Verdict::Pass, "{name} {point}");
        }
    }
}

#[test]
fn no_metric_over_questions_passes_over_no_question() {
    for name in METRIC_NAMES {
        let criterion = some_criterion(name);
        let mut evidence = evidence();
        let mut best = number(if criterion.op.is_upper() { 0.0 } else { 1.0 });
        best.n_questions = 0;
        evidence.metrics.insert(criterion.metric.clone(), best);
        if criterion.known().unwrap().over_questions {
            assert_ne!(judged(criterion, &evidence), Verdict::Pass, "{name}");
        }
    }
}

#[test]
fn a_wording_without_a_number_does_not_pass() {
    let mut evidence = evidence();
    evidence.slots.insert(3, number(f64::NAN));
    let finding = found(max_ds(0.45), &evidence);
    assert_eq!((finding.verdict, finding.code), (Verdict::Fail, Code::Impossible));
    assert!(finding.number.is_none());
    evidence.slots.clear();
    assert_eq!(found(max_ds(0.45), &evidence).code, Code::NoData);
}

#[test]
fn an_index_of_which_nothing_was_asked_has_no_verdict() {
    let mut evidence = evidence();
    evidence.counts = Default::default();
    let error = decide(&effective(vec![min_cov(0.7)]), &evidence).unwrap_err();
    assert_eq!(error, CannotEvaluate::NoRuns);
    assert_eq!(error.exit_code(), 4);
}

#[test]
fn a_gold_set_without_an_answerable_question_passes_nothing() {
    let mut evidence = evidence();
    (evidence.counts.answerable, evidence.counts.usable) = (0, 0);
    let decision = decided(vec![min_cov(0.7)], &evidence);
    assert_eq!(decision.verdict, Verdict::Inconclusive);
}

#[test]
fn counts_that_contradict_each_other_have_no_verdict() {
    let policy = effective(vec![min_cov(0.7)]);
    let wrong: [fn(&mut Evidence); 4] = [
        |e| e.counts.answerable = 41,
        |e| e.counts.usable = 41,
        |e| e.counts.failed = 321,
        |e| e.counts.empty = 321,
    ];
    for change in wrong {
        let mut evidence = evidence();
        change(&mut evidence);
        assert!(decide(&policy, &evidence).is_err());
    }
}

#[test]
fn without_a_null_nobody_knows_whether_a_bound_is_blind() {
    for p05 in [None, Some(f64::NAN), Some(f64::INFINITY)] {
        let mut evidence = evidence();
        evidence.nulls.random_p05 = p05;
        let finding = found(max_ds(0.45), &evidence);
        assert_eq!((finding.verdict, finding.code), (Verdict::Inconclusive, Code::Uncalibrated));
    }
}

#[test]
fn an_integrity_check_that_checked_nothing_passes_nothing() {
    let wrong: [fn(&mut Evidence); 6] = [
        |e| e.integrity.checked = 0,
        |e| e.integrity.lowest_cosine = None,
        |e| e.integrity.lowest_cosine = Some(f64::NAN),
        |e| e.integrity.lowest_cosine = Some(0.9),
        |e| e.integrity.mode = "smaple".to_owned(),
        |e| e.integrity.mode = String::new(),
    ];
    for change in wrong {
        let mut evidence = evidence();
        change(&mut evidence);
        assert_ne!(decided(vec![min_cov(0.7)], &evidence).verdict, Verdict::Pass);
    }
}

/// An effective policy as a file has it, with one text in it replaced.
fn altered(from: &str, to: &str) -> Result<wfgy_gate::EffectivePolicy, serde_json::Error> {
    let policy = effective(vec![min_cov(0.7), max_ds(0.45)]);
    let text = String::from_utf8(wfgy_core::canonical_json(&policy).unwrap()).unwrap();
    assert!(text.contains(from), "{text}");
    serde_json::from_str(&text.replacen(from, to, 1))
}

#[test]
fn an_effective_policy_that_was_altered_decides_nothing() {
    for (from, to) in [
        ("coverage.mean", "coverage.maen"),
        ("\"op\":\">=\"", "\"op\":\"<=\""),
        ("\"bound\":0.7", "\"bound\":0"),
        ("\"bound\":0.45", "\"bound\":1e300"),
        ("\"decision\":\"point\"", "\"decision\":\"confident\""),
        ("\"min_questions\":20", "\"min_questions\":0"),
        ("\"expiry_seconds\":86400", "\"expiry_seconds\":999999999"),
    ] {
        let error = decide(&altered(from, to).unwrap(), &evidence()).unwrap_err();
        assert!(matches!(error, CannotEvaluate::Policy(_)), "{to}: {error}");
        assert_eq!(error.exit_code(), 2);
    }
    for (from, to) in [
        ("\"bound\":0.7", "\"bound\":null"),
        ("\"op\":\">=\"", "\"op\":\"=>\""),
        ("\"kind\":\"hard\"", "\"kind\":\"hrad\""),
        ("\"on_no_data\":\"fail\"", "\"on_no_data\":\"pass\""),
        ("\"integrity\":\"sample\"", "\"integrity\":\"none\""),
        ("\"k\":10", "\"k\":10,\"extra\":1"),
    ] {
        assert!(altered(from, to).is_err(), "{to}");
    }
}

#[test]
fn a_policy_that_only_advises_passes_nothing() {
    let advisory = Criterion { kind: Kind::Advisory, ..min_cov(0.7) };
    let decision = decided(vec![advisory], &evidence());
    assert_eq!(decision.verdict, Verdict::Inconclusive);
    let empty = wfgy_gate::PolicyDraft::default().check();
    assert_eq!(empty, Err(PolicyError::Empty));
}
