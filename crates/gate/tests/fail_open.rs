//! Everything that other gates let through: none of it may end in a pass.

#![allow(clippy::unwrap_used, reason = "a test ends at its first failure")]

mod healthy;

use healthy::{
    confident, decided, effective, evidence, found, max_ds, min_cov, number, put, surely,
};
use wfgy_core::{Aggregate, Direction, Interval};
use wfgy_gate::{
    CannotEvaluate, Code, Criterion, Evidence, Kind, KnownMetric, METRIC_NAMES, OnNoData, Op,
    PolicyDraft, PolicyError, Setting, Verdict, decide,
};
use wfgy_stats::Sample;

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
        ("\"decision\":\"point\"", "\"decision\":\"confidnet\""),
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
    let empty = PolicyDraft::default().check();
    assert_eq!(empty, Err(PolicyError::Empty));
}

/// Values with which this criterion passes by its bounds: 200 questions at their best but one.
fn good_values(criterion: &Criterion) -> Vec<f64> {
    let (most, one) = if criterion.op.is_upper() { (0.0, 0.2) } else { (1.0, 0.9) };
    let mut values = vec![most; 200];
    values[7] = one;
    values
}

/// The verdict of one criterion that is decided by its bounds.
fn judged_surely(criterion: Criterion, evidence: &Evidence) -> Verdict {
    decide(&confident(vec![criterion]), evidence).unwrap().verdict
}

#[test]
fn no_metric_over_questions_passes_by_bounds_without_its_values_per_question() {
    let mut passed = 0;
    for name in METRIC_NAMES {
        let criterion = some_criterion(name);
        let known = criterion.known().unwrap();
        // What stands in slots has a test of its own; a count of 200 questions is no 0.5.
        if !known.over_questions || name == "delta_s.question" || name == "lambda.always_missed" {
            continue;
        }
        let mut evidence = evidence();
        put(&mut evidence, &criterion.metric, Aggregate::Mean, &good_values(&criterion));
        evidence.nulls.random_p05 = Some(0.9);
        // A drift of unbounded range has no bound of its mean: nothing to fail open.
        if known.lowest.is_finite() {
            assert_eq!(judged_surely(criterion.clone(), &evidence), Verdict::Pass, "{name}");
            passed += 1;
        }
        let whole = evidence.clone();
        let (metric, samples) = evidence.samples.pop_first().unwrap();
        let of = |values: Vec<f64>| vec![Sample::new(values).unwrap()];
        let other: [(&str, Option<Vec<Sample>>); 5] = [
            ("none", None),
            ("empty", Some(Vec::new())),
            ("of another metric", Some(of(vec![0.3; 200]))),
            ("twice, once worse", Some([samples.clone(), of(vec![0.5; 200])].concat())),
            ("too few", Some(of(good_values(&criterion)[..1].to_vec()))),
        ];
        for (what, samples) in other {
            evidence.samples =
                samples.map(|samples| (metric.clone(), samples)).into_iter().collect();
            let verdict = judged_surely(criterion.clone(), &evidence);
            assert_ne!(verdict, Verdict::Pass, "{name}: {what}");
        }
        // No value makes up for it.
        let mut without = whole;
        without.metrics.clear();
        assert_eq!(judged_surely(criterion, &without), Verdict::Fail, "{name}");
    }
    assert!(passed > 20, "{passed}");
}

#[test]
fn an_interval_without_finite_ends_is_warned_of_and_passes_nothing_that_its_value_does_not() {
    let ends = [None, Some(f64::NAN), Some(f64::INFINITY), Some(f64::NEG_INFINITY)];
    for lower in ends {
        for upper in ends {
            let ci = Some(Interval { level: 0.95, lower, upper });
            for (point, verdict) in [(0.9, Verdict::Pass), (0.6, Verdict::Fail)] {
                let mut evidence = evidence();
                let number = wfgy_core::Number { ci, ..number(point) };
                evidence.metrics.insert("coverage.mean".to_owned(), number);
                let finding = found(min_cov(0.7), &evidence);
                assert_eq!(finding.verdict, verdict, "{lower:?} {upper:?}");
                assert_eq!(finding.warnings.len(), usize::from(verdict == Verdict::Pass));
                // By its bounds it is no pass, whatever the interval beside it says.
                assert_eq!(surely(min_cov(0.7), &evidence).verdict, Verdict::Inconclusive);
            }
        }
    }
}

#[test]
fn a_wording_whose_values_are_not_at_hand_passes_nothing_by_bounds() {
    let mut evidence = evidence();
    healthy::put_slots(&mut evidence, &vec![healthy::spread(0.3, 0.2, 40); 4]);
    assert_eq!(surely(max_ds(0.45), &evidence).verdict, Verdict::Pass);
    let all = evidence.samples["delta_s.question"].clone();
    for kept in 0..4 {
        evidence.samples.insert("delta_s.question".to_owned(), all[..kept].to_vec());
        assert_eq!(surely(max_ds(0.45), &evidence).verdict, Verdict::Inconclusive, "{kept}");
    }
}

#[test]
fn a_noise_floor_that_is_no_amount_passes_nothing() {
    let drift = Criterion::hard("drift.coverage", Op::AtLeast, -0.02);
    let given = Setting { baseline: wfgy_gate::Baseline::Given, ..healthy::setting() };
    let draft = healthy::policy(vec![drift]).into_draft();
    let draft = PolicyDraft { noise_rebuilds: 3, ..draft };
    let policy = draft.check().unwrap().effective(&given).unwrap();
    for (floor, verdict) in [
        (0.0, Verdict::Pass),
        (-0.01, Verdict::Fail),
        (f64::NAN, Verdict::Fail),
        (f64::INFINITY, Verdict::Fail),
    ] {
        let mut evidence = evidence();
        evidence.metrics.insert("drift.coverage".to_owned(), number(0.0));
        evidence.noise = healthy::noise("drift.coverage", floor);
        assert_eq!(decide(&policy, &evidence).unwrap().verdict, verdict, "{floor}");
    }
    let mut evidence = evidence();
    evidence.metrics.insert("drift.coverage".to_owned(), number(0.0));
    let mut of_others = healthy::noise("drift.coverage", 0.0).unwrap();
    of_others.noise_rebuilds = 4;
    for noise in [None, healthy::noise("drift.flip_rate", 0.0), Some(of_others)] {
        evidence.noise = noise;
        let decision = decide(&policy, &evidence).unwrap();
        let finding = decision.decided.iter().find(|f| f.name == "drift.coverage").unwrap();
        assert_eq!((finding.verdict, finding.code), (Verdict::Fail, Code::NoData));
        assert_eq!(
            finding.reason,
            "no data: no noise floor over 3 rebuilds at k = 10 is at hand (none is where a \
             rebuild's run failed): evaluate with --noise-floor 3"
        );
    }
}
