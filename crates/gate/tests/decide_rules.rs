//! The rules by which a verdict comes about.

#![allow(clippy::unwrap_used, reason = "a test ends at its first failure")]

mod healthy;

use healthy::{decided, effective, evidence, found, max_ds, min_cov, number, policy, setting};
use wfgy_gate::{
    Approves, Baseline, CannotEvaluate, Code, Criterion, Evidence, IntegrityMode, Kind, OnNoData,
    Op, PolicyDraft, Setting, Verdict, Warning, decide,
};

fn with(name: &str, point: f64) -> Evidence {
    let mut evidence = evidence();
    evidence.metrics.insert(name.to_owned(), number(point));
    if name == "delta_s.question" {
        evidence.slots.values_mut().for_each(|slot| *slot = number(point));
    }
    evidence
}

/// `failed` of 320 runs failed; with them at their worst the metric is `worst`.
fn failing(metric: &str, point: f64, worst: Option<f64>) -> Evidence {
    let mut evidence = with(metric, point);
    evidence.counts.failed = 8;
    evidence.worst_case = worst.map(|worst| [(metric.to_owned(), number(worst))].into());
    evidence
}

#[test]
fn rule_the_documents_command_passes_a_healthy_index_and_approves_a_flip() {
    let decision = decided(vec![min_cov(0.70), max_ds(0.45)], &evidence());
    assert_eq!(decision.verdict, Verdict::Pass);
    assert_eq!(decision.approves, Approves::Flip);
}

/// One of 40 questions has no run and no run failed; with it at its worst the metric is `worst`.
fn unasked(metric: &str, point: f64, worst: Option<f64>) -> Evidence {
    let mut evidence = failing(metric, point, worst);
    evidence.counts.failed = 0;
    evidence.counts.usable = evidence.counts.answerable - 1;
    evidence
}

#[test]
fn rule_a_question_without_any_run_counts_as_a_failed_one() {
    let cover = |worst| found(min_cov(0.96), &unasked("coverage.mean", 0.98, worst));
    for (worst, verdict) in [
        (Some(0.97), Verdict::Pass),
        (Some(0.9555), Verdict::Inconclusive),
        (Some(f64::NAN), Verdict::Inconclusive),
        (None, Verdict::Inconclusive),
    ] {
        assert_eq!(cover(worst).verdict, verdict, "{worst:?}");
    }
    // A worst case that does not say what the metric could be is none.
    let mut without = unasked("coverage.mean", 0.98, Some(0.97));
    without.worst_case = Some([].into());
    assert_eq!(found(min_cov(0.96), &without).verdict, Verdict::Inconclusive);
    // It fails where the others fail.
    let failed = unasked("coverage.mean", 0.95, Some(0.93));
    assert_eq!(found(min_cov(0.96), &failed).verdict, Verdict::Fail);
    // λ counts failed runs itself, but not those that were never asked.
    let name = "lambda.convergence";
    let converges = Criterion { metric: name.to_owned(), ..min_cov(0.96) };
    for (worst, verdict) in [(0.97, Verdict::Pass), (0.95, Verdict::Inconclusive)] {
        let evidence = unasked(name, 0.98, Some(worst));
        assert_eq!(found(converges.clone(), &evidence).verdict, verdict, "{worst}");
    }
}

#[test]
fn rule_28_of_40_is_at_least_0_70() {
    let share = (0..40).fold(0.0, |sum, i| sum + f64::from(i < 28)) / 40.0;
    for point in [share, 0.7 - 1e-13, (0..10).fold(0.0, |sum, _| sum + 0.07)] {
        assert_eq!(found(min_cov(0.70), &with("coverage.mean", point)).verdict, Verdict::Pass);
    }
    let below = with("coverage.mean", 0.7 - 1e-9);
    assert_eq!(found(min_cov(0.70), &below).verdict, Verdict::Fail);
    let strict = Criterion { op: Op::Above, ..min_cov(0.70) };
    assert_eq!(found(strict, &with("coverage.mean", 0.7 + 1e-13)).verdict, Verdict::Fail);
}

#[test]
fn rule_the_overall_verdict_is_the_worst_of_the_hard_ones() {
    let coverage = with("coverage.mean", 0.5);
    assert_eq!(decided(vec![max_ds(0.45), min_cov(0.7)], &coverage).verdict, Verdict::Fail);
    let review = Criterion { review: Some([0.4, 0.7]), ..min_cov(0.7) };
    let inconclusive = decided(vec![max_ds(0.45), review.clone()], &coverage);
    assert_eq!(inconclusive.verdict, Verdict::Inconclusive);
    assert_eq!(inconclusive.approves, Approves::Nothing);
    assert_eq!(decided(vec![max_ds(0.2), review], &coverage).verdict, Verdict::Fail);
}

#[test]
fn rule_a_soft_criterion_lowers_to_inconclusive_at_most_and_an_advisory_one_only_reports() {
    let coverage = with("coverage.mean", 0.5);
    for (kind, overall) in [(Kind::Soft, Verdict::Inconclusive), (Kind::Advisory, Verdict::Pass)] {
        let criterion = Criterion { kind, ..min_cov(0.7) };
        let decision = decided(vec![max_ds(0.45), criterion.clone()], &coverage);
        assert_eq!(decision.verdict, overall);
        assert_eq!(found(criterion, &coverage).verdict, Verdict::Fail);
    }
}

#[test]
fn rule_a_review_band_is_open_at_both_ends_and_takes_precedence() {
    let criterion = Criterion { review: Some([0.45, 0.60]), ..max_ds(0.45) };
    for (point, verdict, code) in [
        (0.45, Verdict::Pass, Code::Holds),
        (0.450_000_000_4, Verdict::Pass, Code::Holds),
        (0.450_000_001, Verdict::Inconclusive, Code::Review),
        (0.599_999_999, Verdict::Inconclusive, Code::Review),
        (0.60, Verdict::Fail, Code::Violated),
        (0.70, Verdict::Fail, Code::Violated),
    ] {
        let finding = found(criterion.clone(), &with("delta_s.question", point));
        assert_eq!((finding.verdict, finding.code), (verdict, code), "{point}");
    }
    let strict = Criterion { op: Op::Below, review: Some([0.40, 0.45]), ..max_ds(0.45) };
    for (point, verdict) in
        [(0.40, Verdict::Pass), (0.44, Verdict::Inconclusive), (0.45, Verdict::Fail)]
    {
        let finding = found(strict.clone(), &with("delta_s.question", point));
        assert_eq!(finding.verdict, verdict, "{point}");
    }
}

#[test]
fn rule_no_data_is_inconclusive_or_fails_and_says_why() {
    let mut evidence = evidence();
    evidence.metrics.remove("coverage.mean");
    evidence.missing.insert("coverage.mean".to_owned(), "no target has a weight".to_owned());
    let hard = found(min_cov(0.7), &evidence);
    assert_eq!((hard.verdict, hard.code), (Verdict::Fail, Code::NoData));
    assert!(hard.reason.contains("no target has a weight"));
    let open = Criterion { on_no_data: OnNoData::Inconclusive, ..min_cov(0.7) };
    assert_eq!(found(open, &evidence).verdict, Verdict::Inconclusive);
}

#[test]
fn rule_max_ds_holds_on_every_wording_and_the_worst_is_named() {
    let mut evidence = evidence();
    evidence.slots.insert(2, number(0.46));
    // Even where the summary says otherwise.
    assert_eq!(evidence.metrics["delta_s.question"].point, 0.30);
    let finding = found(max_ds(0.45), &evidence);
    assert_eq!((finding.verdict, finding.slot), (Verdict::Fail, Some(2)));
    assert!(finding.reason.contains("paraphrase 2"), "{}", finding.reason);
    assert_eq!(found(max_ds(0.46), &evidence).verdict, Verdict::Pass);
}

#[test]
fn rule_fewer_wordings_or_seeds_than_asked_for_are_no_data() {
    let wordings = |least| Criterion { min_wordings: Some(least), ..max_ds(0.45) };
    assert_eq!(found(wordings(4), &evidence()).verdict, Verdict::Pass);
    let finding = found(wordings(5), &evidence());
    assert_eq!((finding.verdict, finding.code), (Verdict::Fail, Code::NoData));
    let seeds = |least| Criterion { min_seeds: Some(least), ..max_ds(0.45) };
    assert_eq!(found(seeds(2), &evidence()).verdict, Verdict::Pass);
    assert_eq!(found(seeds(3), &evidence()).code, Code::NoData);
}

#[test]
fn rule_a_pass_must_hold_with_failed_runs_at_their_worst_and_a_fail_without_them() {
    for (point, worst, verdict) in [
        (0.90, Some(0.88), Verdict::Pass),
        (0.71, Some(0.69), Verdict::Inconclusive),
        (0.69, Some(0.67), Verdict::Fail),
        (0.90, None, Verdict::Inconclusive),
        (0.90, Some(f64::NAN), Verdict::Inconclusive),
    ] {
        let finding = found(min_cov(0.7), &failing("coverage.mean", point, worst));
        assert_eq!(finding.verdict, verdict, "{point} {worst:?}");
    }
    let review = Criterion { review: Some([0.6, 0.7]), ..min_cov(0.7) };
    let finding = found(review, &failing("coverage.mean", 0.71, Some(0.69)));
    assert_eq!((finding.verdict, finding.code), (Verdict::Inconclusive, Code::FailedRuns));
    // λ counts a failed run as aborted: it has no other worst case.
    let lambda = Criterion::hard("lambda.convergence", Op::AtLeast, 0.8);
    assert_eq!(found(lambda, &failing("coverage.mean", 0.9, None)).verdict, Verdict::Pass);
}

#[test]
fn rule_more_than_five_percent_failed_runs_is_no_verdict() {
    let policy = effective(vec![min_cov(0.7)]);
    let failed = |failed| {
        let mut evidence = failing("coverage.mean", 0.9, Some(0.8));
        evidence.counts.failed = failed;
        decide(&policy, &evidence)
    };
    assert!(failed(16).is_ok());
    let error = failed(17).unwrap_err();
    assert_eq!(error, CannotEvaluate::FailedRuns { failed: 17, runs: 320 });
    assert_eq!(error.exit_code(), 4);
}

#[test]
fn rule_more_than_five_percent_questions_without_an_answered_run_is_no_verdict() {
    let policy = effective(vec![min_cov(0.7)]);
    let usable = |usable| {
        let mut evidence = evidence();
        evidence.counts.usable = usable;
        decide(&policy, &evidence)
    };
    assert!(usable(38).is_ok());
    let error = usable(37).unwrap_err();
    assert_eq!(error.exit_code(), 4);
    assert!(matches!(error, CannotEvaluate::UnansweredQuestions { unanswered: 3, .. }));
}

#[test]
fn rule_fewer_usable_questions_than_asked_for_is_inconclusive() {
    let mut evidence = evidence();
    (evidence.counts.questions, evidence.counts.answerable) = (19, 19);
    evidence.counts.usable = 19;
    let decision = decided(vec![min_cov(0.7)], &evidence);
    assert_eq!(decision.verdict, Verdict::Inconclusive);
    assert!(decision.decided.iter().any(|f| f.code == Code::TooFewQuestions));
    // It lowers a pass only.
    assert_eq!(decided(vec![min_cov(0.95)], &evidence).verdict, Verdict::Fail);
}

#[test]
fn rule_a_policy_without_a_hard_criterion_is_inconclusive() {
    let soft = Criterion { kind: Kind::Soft, ..min_cov(0.7) };
    assert_eq!(decided(vec![soft], &evidence()).verdict, Verdict::Inconclusive);
    let drift = policy(vec![Criterion::hard("drift.flip_rate", Op::AtMost, 0.02)]);
    let declined = Setting { baseline: Baseline::Declined, ..setting() };
    let decision = decide(&drift.effective(&declined).unwrap(), &evidence()).unwrap();
    assert_eq!(decision.verdict, Verdict::Inconclusive);
}

#[test]
fn rule_a_skipped_hard_criterion_leaves_a_pass_for_creation_only() {
    let drift = Criterion::hard("drift.flip_rate", Op::AtMost, 0.02);
    let declined = Setting { baseline: Baseline::Declined, ..setting() };
    let decision = |kind| {
        let criteria = vec![min_cov(0.7), Criterion { kind, ..drift.clone() }];
        decide(&policy(criteria).effective(&declined).unwrap(), &evidence()).unwrap()
    };
    assert_eq!(decision(Kind::Hard).verdict, Verdict::Pass);
    assert_eq!(decision(Kind::Hard).approves, Approves::Creation);
    assert_eq!(decision(Kind::Soft).approves, Approves::Flip);
}

#[test]
fn rule_a_pass_under_a_blind_bound_is_inconclusive_and_a_fail_stays_a_fail() {
    let finding = found(max_ds(0.81), &evidence());
    assert_eq!((finding.verdict, finding.code), (Verdict::Inconclusive, Code::Blind));
    assert_eq!(found(max_ds(0.80), &evidence()).verdict, Verdict::Pass);
    let finding = found(max_ds(0.81), &with("delta_s.question", 0.9));
    assert_eq!((finding.verdict, finding.code), (Verdict::Fail, Code::Violated));
    assert!(finding.reason.contains("blind"));
}

#[test]
fn rule_a_weak_bound_warns_with_the_share_that_a_wrong_neighbour_would_pass() {
    let finding = found(max_ds(0.55), &evidence());
    assert_eq!(finding.verdict, Verdict::Pass);
    let hard = evidence().nulls.hard_values;
    let share = hard.iter().filter(|v| **v <= 0.55).count() as f64 / hard.len() as f64;
    let warning = Warning::Weak { hard_median: 0.50, share: Some(share) };
    assert_eq!(finding.warnings, [warning]);
    assert!(finding.warnings[0].to_string().contains("75 %"), "{}", finding.warnings[0]);
    assert!(found(max_ds(0.50), &evidence()).warnings.is_empty());
}

#[test]
fn rule_an_integrity_miss_is_a_hard_fail_that_names_its_kind() {
    let mut evidence = evidence();
    evidence.integrity.mismatches = 1;
    evidence.integrity.kind = Some("stale_text".to_owned());
    let decision = decided(vec![min_cov(0.7)], &evidence);
    assert_eq!(decision.verdict, Verdict::Fail);
    let finding = &decision.decided[0];
    assert_eq!(finding.name, "integrity.mismatches");
    assert!(finding.reason.contains("stale text"), "{}", finding.reason);
    // No policy can loosen it.
    let loose = Criterion::hard("integrity.mismatches", Op::AtMost, 60.0);
    let mut lax = evidence.clone();
    lax.metrics.insert("integrity.mismatches".to_owned(), number(1.0));
    assert_eq!(decided(vec![min_cov(0.7), loose], &lax).verdict, Verdict::Fail);
}

#[test]
fn rule_a_verdict_with_integrity_off_approves_nothing() {
    let draft = PolicyDraft {
        integrity: IntegrityMode::Off,
        criteria: vec![min_cov(0.7)],
        ..PolicyDraft::default()
    };
    let off = draft.check().unwrap().effective(&setting()).unwrap();
    let mut unchecked = evidence();
    (unchecked.integrity.mode, unchecked.integrity.checked) = ("off".to_owned(), 0);
    unchecked.integrity.lowest_cosine = None;
    let decision = decide(&off, &unchecked).unwrap();
    assert_eq!((decision.verdict, decision.approves), (Verdict::Pass, Approves::Nothing));
    // A policy that wants the comparison is not met by evidence without it.
    assert_eq!(decided(vec![min_cov(0.7)], &unchecked).verdict, Verdict::Inconclusive);
}

#[test]
fn rule_where_integrity_is_impossible_nothing_passes_unless_the_scorer_reads_the_text() {
    let mut evidence = evidence();
    (evidence.integrity.mode, evidence.integrity.checked) = ("impossible".to_owned(), 0);
    evidence.integrity.lowest_cosine = None;
    assert_eq!(decided(vec![min_cov(0.7)], &evidence).verdict, Verdict::Inconclusive);
    evidence.stored_vectors = false;
    let decision = decided(vec![min_cov(0.7)], &evidence);
    assert_eq!((decision.verdict, decision.approves), (Verdict::Pass, Approves::Flip));
}

#[test]
fn rule_a_store_without_vectors_has_nothing_to_compare_where_its_pins_say_so() {
    let mut evidence = evidence();
    (evidence.integrity.mode, evidence.integrity.checked) = ("none".to_owned(), 0);
    (evidence.integrity.lowest_cosine, evidence.stored_vectors) = (None, false);
    // The healthy evidence names an embedder: its vectors could not be had, that is all.
    assert_eq!(decided(vec![min_cov(0.7)], &evidence).verdict, Verdict::Inconclusive);
    evidence.pins.0.remove("EMBED_MODEL_VER");
    assert_eq!(decided(vec![min_cov(0.7)], &evidence).verdict, Verdict::Pass);
    evidence.stored_vectors = true;
    assert_eq!(decided(vec![min_cov(0.7)], &evidence).verdict, Verdict::Inconclusive);
}

#[test]
fn rule_full_integrity_is_not_met_by_a_sample() {
    let draft = PolicyDraft {
        integrity: IntegrityMode::Full,
        criteria: vec![min_cov(0.7)],
        ..PolicyDraft::default()
    };
    let full = draft.check().unwrap().effective(&setting()).unwrap();
    assert_eq!(decide(&full, &evidence()).unwrap().verdict, Verdict::Inconclusive);
    let mut evidence = evidence();
    evidence.integrity.mode = "full".to_owned();
    assert_eq!(decide(&full, &evidence).unwrap().verdict, Verdict::Pass);
    assert_eq!(decided(vec![min_cov(0.7)], &evidence).verdict, Verdict::Pass);
}

#[test]
fn rule_error_rate_and_latency_stand_in_the_measured_part() {
    let rate = Criterion::hard("error_rate", Op::AtMost, 0.005);
    let decision = decided(vec![min_cov(0.7), rate], &with("error_rate", 0.006));
    assert_eq!(decision.decided_verdict, Verdict::Pass);
    assert_eq!(decision.measured_verdict, Verdict::Fail);
    assert_eq!(decision.verdict, Verdict::Fail);
    assert_eq!(decision.measured.len(), 1);
}

#[test]
fn rule_evidence_under_other_settings_is_a_usage_error() {
    let policy = effective(vec![min_cov(0.7)]);
    let other: [fn(&mut Evidence); 4] = [
        |e| e.k = 5,
        |e| e.seeds = vec![0],
        |e| e.scorer = "static".to_owned(),
        |e| e.scorer_schema = "cls;512;;".to_owned(),
    ];
    for change in other {
        let mut evidence = evidence();
        change(&mut evidence);
        let error = decide(&policy, &evidence).unwrap_err();
        assert!(matches!(error, CannotEvaluate::OtherSetting { .. }));
        assert_eq!(error.exit_code(), 2);
    }
}
