//! What a policy may say, what it means, and what its digest covers.

#![allow(clippy::unwrap_used, reason = "a test ends at its first failure")]

mod healthy;

use std::collections::BTreeSet;

use healthy::{effective, max_ds, min_cov, policy, setting};
use wfgy_core::Digest;
use wfgy_gate::{
    Baseline, Criterion, CriterionError, DecisionMode, IntegrityMode, Kind, OnNoData, Op,
    PolicyDraft, PolicyError, Setting, SkipReason,
};

fn refused(criterion: Criterion) -> CriterionError {
    criterion.check().unwrap_err()
}

fn draft(criteria: Vec<Criterion>) -> PolicyDraft {
    PolicyDraft { criteria, ..PolicyDraft::default() }
}

#[test]
fn rule_an_unknown_metric_is_refused_with_what_was_meant() {
    let error = refused(Criterion::hard("coverage.maen", Op::AtLeast, 0.7));
    assert_eq!(error.field(), "metric");
    assert!(error.to_string().contains("did you mean `coverage.mean`"), "{error}");
}

#[test]
fn rule_a_bound_is_finite_within_its_range_and_can_be_met_and_missed() {
    for bound in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert!(matches!(refused(min_cov(bound)), CriterionError::NotFinite { .. }));
    }
    assert!(matches!(refused(min_cov(1.01)), CriterionError::OutsideRange { .. }));
    assert!(matches!(refused(max_ds(-0.01)), CriterionError::OutsideRange { .. }));
    assert!(matches!(refused(min_cov(0.0)), CriterionError::AlwaysMet { .. }));
    assert!(matches!(refused(max_ds(2.0)), CriterionError::AlwaysMet { .. }));
    let above = Criterion::hard("coverage.mean", Op::Above, 1.0);
    assert!(matches!(refused(above), CriterionError::NeverMet { .. }));
    min_cov(1.0).check().unwrap();
    Criterion::hard("live.duplicates", Op::AtMost, 0.0).check().unwrap();
    Criterion::hard("drift.delta_s.p95", Op::AtMost, 0.10).check().unwrap();
}

#[test]
fn rule_a_criterion_bounds_the_worse_side_but_drift_may_be_bounded_from_both() {
    let coverage = refused(Criterion::hard("coverage.mean", Op::AtMost, 0.7));
    assert!(coverage.to_string().contains("higher is better"), "{coverage}");
    let distance = refused(Criterion::hard("delta_s.question", Op::Above, 0.4));
    assert!(distance.to_string().contains("lower is better"), "{distance}");
    let both = vec![
        Criterion::hard("drift.delta_s.median", Op::AtMost, 0.03),
        Criterion::hard("drift.delta_s.median", Op::AtLeast, -0.03),
    ];
    draft(both).check().unwrap();
}

#[test]
fn rule_a_review_band_has_the_bound_as_one_end() {
    let with = |op, band| Criterion {
        review: Some(band),
        ..Criterion::hard("delta_s.question", op, 0.45)
    };
    with(Op::AtMost, [0.45, 0.60]).check().unwrap();
    with(Op::Below, [0.40, 0.45]).check().unwrap();
    for band in [[0.40, 0.60], [0.60, 0.45], [0.45, 0.45], [0.45, f64::NAN], [f64::NAN, 0.45]] {
        let error = refused(with(Op::AtMost, band));
        assert!(matches!(error, CriterionError::ReviewBand { .. }), "{band:?}");
    }
    // Else 0.45 would pass while 0.44 is reviewed.
    let error = refused(with(Op::AtMost, [0.40, 0.45]));
    assert!(matches!(error, CriterionError::ReviewBeyondBound { op: Op::Below, .. }));
}

#[test]
fn rule_only_a_live_signal_that_is_not_hard_can_be_skipped_without_data() {
    let skip = |metric, op, bound, kind| Criterion {
        kind,
        on_no_data: OnNoData::Skip,
        ..Criterion::hard(metric, op, bound)
    };
    skip("live.tool_success", Op::AtLeast, 0.99, Kind::Soft).check().unwrap();
    for bad in [
        skip("live.tool_success", Op::AtLeast, 0.99, Kind::Hard),
        skip("coverage.mean", Op::AtLeast, 0.70, Kind::Soft),
    ] {
        assert!(matches!(refused(bad), CriterionError::Skip { .. }));
    }
}

#[test]
fn rule_duplicates_contradictions_and_empty_policies_are_refused() {
    let check = |criteria| draft(criteria).check().unwrap_err();
    assert_eq!(check(vec![]), PolicyError::Empty);
    let twice = check(vec![min_cov(0.7), min_cov(0.8)]);
    assert_eq!(twice.place(), (Some(1), "metric"));
    assert!(matches!(twice, PolicyError::Duplicate { .. }));
    let drift = |op, bound| Criterion::hard("drift.delta_s.median", op, bound);
    for apart in [
        vec![drift(Op::AtMost, -0.1), drift(Op::AtLeast, 0.1)],
        vec![drift(Op::Below, 0.1), drift(Op::AtLeast, 0.1)],
    ] {
        assert!(matches!(check(apart), PolicyError::Contradiction { index: 1, .. }));
    }
    let soft = Criterion { kind: Kind::Soft, ..min_cov(0.8) };
    draft(vec![min_cov(0.7), soft]).check().unwrap();
}

#[test]
fn rule_a_cutoff_that_is_never_measured_is_refused() {
    let at = |k| vec![Criterion::hard(format!("recall@{k}"), Op::AtLeast, 0.5)];
    draft(at(20)).check().unwrap();
    assert!(matches!(draft(at(7)).check(), Err(PolicyError::Cutoff { index: 0, .. })));
    PolicyDraft { k: 7, ..draft(at(7)) }.check().unwrap();
}

#[test]
fn rule_settings_stay_within_their_ranges_and_expiry_within_seven_days() {
    let good = || draft(vec![min_cov(0.7)]);
    let bad = [
        PolicyDraft { min_questions: 0, ..good() },
        PolicyDraft { k: 0, ..good() },
        PolicyDraft { k: 1_000_000, ..good() },
        PolicyDraft { seeds: 0, ..good() },
        PolicyDraft { rebuild_seeds: 21, ..good() },
        PolicyDraft { noise_rebuilds: 1, ..good() },
        PolicyDraft { noise_rebuilds: 21, ..good() },
        PolicyDraft { expiry_seconds: 0, ..good() },
        PolicyDraft { expiry_seconds: 7 * 24 * 3600 + 1, ..good() },
        PolicyDraft { may_change: vec!["index_hash".to_owned()], ..good() },
        PolicyDraft { may_change: vec!["NORM".to_owned(); 2], ..good() },
    ];
    for draft in bad {
        assert!(matches!(draft.clone().check(), Err(PolicyError::Setting { .. })), "{draft:?}");
    }
    PolicyDraft { expiry_seconds: 7 * 24 * 3600, ..good() }.check().unwrap();
    let confident = PolicyDraft { decision: DecisionMode::Confident, ..good() };
    assert!(confident.check().is_ok());
}

#[test]
fn rule_flags_override_the_same_criterion_and_keep_what_it_demands_of_the_evidence() {
    let ours = vec![
        Criterion {
            review: Some([0.45, 0.60]),
            min_wordings: Some(4),
            kind: Kind::Soft,
            on_no_data: OnNoData::Inconclusive,
            ..max_ds(0.45)
        },
        min_cov(0.70),
    ];
    let draft = draft(ours).overridden_by(vec![max_ds(0.40)]);
    let policy = draft.check().unwrap();
    let expected = vec![min_cov(0.70), Criterion { min_wordings: Some(4), ..max_ds(0.40) }];
    assert_eq!(policy.parts().criteria, expected);
}

#[test]
fn rule_a_criterion_that_needs_a_baseline_is_a_usage_error_or_skipped_by_name() {
    let drift = Criterion::hard("drift.flip_rate", Op::AtMost, 0.02);
    let policy = policy(vec![min_cov(0.7), drift.clone()]);
    let error = policy.effective(&setting()).unwrap_err().to_string();
    for word in ["drift.flip_rate", "--baseline", "--no-baseline"] {
        assert!(error.contains(word), "{error}");
    }
    let declined = Setting { baseline: Baseline::Declined, ..setting() };
    let effective = policy.effective(&declined).unwrap();
    assert_eq!(effective.criteria, [min_cov(0.7)]);
    assert_eq!(effective.skipped[0].criterion, drift);
    assert_eq!(effective.skipped[0].why, SkipReason::NoBaseline);
    assert!(effective.skips_hard());
    let given = Setting { baseline: Baseline::Given, ..setting() };
    assert_eq!(policy.effective(&given).unwrap().criteria.len(), 2);
}

#[test]
fn rule_a_live_signal_is_skipped_only_where_nobody_feeds_it_and_the_policy_says_so() {
    let signal = |on_no_data| Criterion {
        kind: Kind::Soft,
        on_no_data,
        ..Criterion::hard("live.tool_success", Op::AtLeast, 0.99)
    };
    let asked = |on_no_data, live: &[&str]| {
        let live = live.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        let policy = policy(vec![min_cov(0.7), signal(on_no_data)]);
        policy.effective(&Setting { live, ..setting() }).unwrap().criteria.len()
    };
    assert_eq!(asked(OnNoData::Skip, &[]), 1);
    assert_eq!(asked(OnNoData::Skip, &["live.tool_success"]), 2);
    assert_eq!(asked(OnNoData::Inconclusive, &[]), 2);
}

#[test]
fn rule_the_digest_covers_everything_that_can_change_a_verdict_and_nothing_else() {
    let base = || draft(vec![min_cov(0.7), max_ds(0.45)]);
    let digest = |draft: PolicyDraft, setting: &Setting| -> Digest {
        draft.check().unwrap().effective(setting).unwrap().digest().unwrap()
    };
    let first = digest(base(), &setting());
    let same = [
        PolicyDraft { name: "another name".to_owned(), ..base() },
        draft(vec![max_ds(0.45), min_cov(0.7)]),
        PolicyDraft { may_change: base().may_change.into_iter().rev().collect(), ..base() },
    ];
    for same in same {
        assert_eq!(digest(same, &setting()), first);
    }
    let two = |criterion| draft(vec![criterion, max_ds(0.45)]);
    let mut all = vec![
        digest(PolicyDraft { min_questions: 21, ..base() }, &setting()),
        digest(PolicyDraft { k: 5, ..base() }, &setting()),
        digest(PolicyDraft { seeds: 3, ..base() }, &setting()),
        digest(PolicyDraft { may_change: vec![], ..base() }, &setting()),
        digest(PolicyDraft { integrity: IntegrityMode::Full, ..base() }, &setting()),
        digest(PolicyDraft { expiry_seconds: 60, ..base() }, &setting()),
        digest(base(), &Setting { scorer: "static".to_owned(), ..setting() }),
        digest(base(), &Setting { scorer_schema: "cls;512;;".to_owned(), ..setting() }),
        digest(two(min_cov(0.71)), &setting()),
        digest(two(Criterion { op: Op::Above, ..min_cov(0.7) }), &setting()),
        digest(two(Criterion { kind: Kind::Soft, ..min_cov(0.7) }), &setting()),
        digest(two(Criterion { on_no_data: OnNoData::Inconclusive, ..min_cov(0.7) }), &setting()),
        digest(two(Criterion { review: Some([0.6, 0.7]), ..min_cov(0.7) }), &setting()),
        digest(two(Criterion { min_wordings: Some(4), ..min_cov(0.7) }), &setting()),
        digest(two(Criterion { min_seeds: Some(2), ..min_cov(0.7) }), &setting()),
        digest(draft(vec![min_cov(0.7)]), &setting()),
    ];
    let drift = Criterion::hard("drift.flip_rate", Op::AtMost, 0.02);
    let skipping = draft(vec![min_cov(0.7), max_ds(0.45), drift]);
    all.push(digest(skipping, &Setting { baseline: Baseline::Declined, ..setting() }));
    all.push(first);
    let n = all.len();
    assert_eq!(all.into_iter().collect::<BTreeSet<_>>().len(), n);
}

#[test]
fn rule_pins_of_the_content_may_change_under_every_policy() {
    for (named, expected) in [
        (vec![], vec!["INDEX_HASH", "SERVING_HASH"]),
        (vec!["ANALYZER_CONF"], vec!["ANALYZER_CONF", "INDEX_HASH", "SERVING_HASH"]),
        (vec!["SERVING_HASH", "NORM"], vec!["INDEX_HASH", "NORM", "SERVING_HASH"]),
    ] {
        let may_change = named.into_iter().map(str::to_owned).collect();
        let draft = PolicyDraft { may_change, ..draft(vec![min_cov(0.7)]) };
        let effective = draft.check().unwrap().effective(&setting()).unwrap();
        assert_eq!(effective.may_change, expected);
        effective.check().unwrap();
    }
}

#[test]
fn the_effective_policy_survives_its_file() {
    let policy = effective(vec![min_cov(0.7), max_ds(0.45)]);
    let bytes = wfgy_core::canonical_json(&policy).unwrap();
    let read: wfgy_gate::EffectivePolicy = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(read, policy);
    assert_eq!(read.digest().unwrap(), Digest::of(bytes));
}
