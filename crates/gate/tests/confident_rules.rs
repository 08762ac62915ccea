//! Decisions by confidence bounds.

#![allow(clippy::unwrap_used, reason = "a test ends at its first failure")]

mod healthy;

use healthy::{
    confident, evidence, found, max_ds, min_cov, number, put, put_slots, shares, spread, surely,
};
use wfgy_core::{Aggregate, Digest, Interval, Number};
use wfgy_gate::{
    Code, Criterion, DecisionMode, Evidence, Kind, OnNoData, Op, Verdict, VerdictFileError,
    Warning, decide,
};
use wfgy_stats::{LEVEL, Range, Sample, Side, clopper_pearson};

/// Healthy evidence with these coverages behind `coverage.mean`.
fn covered(values: &[f64]) -> Evidence {
    let mut evidence = evidence();
    put(&mut evidence, "coverage.mean", Aggregate::Mean, values);
    evidence
}

/// The mean of 0 and 1 has an exact bound, so what decides can be computed by hand.
fn lower(hits: usize, n: usize, level: f64) -> f64 {
    clopper_pearson(hits, n, Side::Lower, level)
}

#[test]
fn rule_confident_passes_iff_the_unfavourable_bound_holds() {
    for hits in 70..=100 {
        let finding = surely(min_cov(0.8), &covered(&shares(hits, 100)));
        let holds = lower(hits, 100, LEVEL) >= 0.8;
        assert_eq!(finding.verdict == Verdict::Pass, holds, "{hits}: {}", finding.reason);
        if holds {
            assert_eq!(finding.code, Code::Holds);
            assert!(finding.reason.contains("and so is its lower bound"), "{}", finding.reason);
        }
    }
    // Of all values alike the interval has a width: 20 times 1 does not show 0.9.
    let few = surely(min_cov(0.9), &covered(&[1.0; 20]));
    assert_eq!((few.verdict, few.code), (Verdict::Inconclusive, Code::Undecided));
    assert_eq!(surely(min_cov(0.9), &covered(&[1.0; 29])).verdict, Verdict::Pass);
}

#[test]
fn rule_confident_fails_iff_the_favourable_bound_violates() {
    for hits in 50..=90 {
        let finding = surely(min_cov(0.8), &covered(&shares(hits, 100)));
        let violates = clopper_pearson(hits, 100, Side::Upper, LEVEL) < 0.8;
        assert_eq!(finding.verdict == Verdict::Fail, violates, "{hits}: {}", finding.reason);
        if violates {
            assert_eq!(finding.code, Code::Violated);
            assert!(finding.reason.contains("nor is its upper bound"), "{}", finding.reason);
        }
    }
}

#[test]
fn rule_levels_of_a_fail_are_holms_over_hard_criteria_and_slots() {
    // 72 of 100 violates 0.8 at the plain level and not at a fourth of the error.
    let criteria = |kinds: [Kind; 4]| -> Vec<Criterion> {
        let metrics = ["coverage.mean", "coverage.precision", "coverage.iou", "graph.recall"];
        let of = |(metric, kind): (&str, Kind)| Criterion {
            kind,
            ..Criterion::hard(metric, Op::AtLeast, 0.8)
        };
        metrics.into_iter().zip(kinds).map(of).collect()
    };
    let mut evidence = evidence();
    put(&mut evidence, "coverage.mean", Aggregate::Mean, &shares(72, 100));
    for fine in ["coverage.precision", "coverage.iou", "graph.recall"] {
        put(&mut evidence, fine, Aggregate::Mean, &shares(95, 100));
    }
    let bound = |level| clopper_pearson(72, 100, Side::Upper, level);
    assert!(bound(LEVEL) < 0.8 && bound(1.0 - 0.05 / 4.0) > 0.8);
    let first = |kinds| {
        let decision = decide(&confident(criteria(kinds)), &evidence).unwrap();
        let mut findings = decision.decided.into_iter();
        findings.find(|finding| finding.name == "coverage.mean").unwrap().verdict
    };
    assert_eq!(first([Kind::Hard; 4]), Verdict::Inconclusive);
    // What is not hard is no member of the family.
    assert_eq!(first([Kind::Hard, Kind::Soft, Kind::Soft, Kind::Advisory]), Verdict::Fail);
    assert_eq!(first([Kind::Soft, Kind::Hard, Kind::Hard, Kind::Hard]), Verdict::Fail);
    // A rejection makes the next one easier.
    put(&mut evidence, "coverage.iou", Aggregate::Mean, &shares(10, 100));
    put(&mut evidence, "graph.recall", Aggregate::Mean, &shares(10, 100));
    let first = |evidence: &Evidence| {
        let decision = decide(&confident(criteria([Kind::Hard; 4])), evidence).unwrap();
        let mut findings = decision.decided.into_iter();
        findings.find(|finding| finding.name == "coverage.mean").unwrap().verdict
    };
    assert!(bound(1.0 - 0.05 / 2.0) > 0.8, "two are left, and that is not enough");
    assert_eq!(first(&evidence), Verdict::Inconclusive);
    put(&mut evidence, "coverage.precision", Aggregate::Mean, &shares(10, 100));
    assert_eq!(first(&evidence), Verdict::Fail);
}

#[test]
fn rule_wordings_and_strata_are_members_of_the_family_of_a_fail() {
    // Refuted at the plain level, and not at a fourth of the error.
    let far = spread(0.535, 0.7, 60);
    let sample = Sample::new(far.clone()).unwrap();
    let range = Range::new(0.0, 2.0).unwrap();
    let lower = |level| sample.bound(Aggregate::Median, range, Side::Lower, level).unwrap();
    assert!(lower(LEVEL) > 0.45 && lower(1.0 - 0.05 / 4.0) < 0.45, "{}", lower(LEVEL));
    let near = spread(0.30, 0.1, 60);
    let mut evidence = evidence();
    let mut found = |slots: &[Vec<f64>]| {
        put_slots(&mut evidence, slots);
        surely(max_ds(0.45), &evidence).verdict
    };
    assert_eq!(found(std::slice::from_ref(&far)), Verdict::Fail);
    let four = [far.clone(), near.clone(), near.clone(), near.clone()];
    assert_eq!(found(&four), Verdict::Inconclusive);
    // One that is refuted at the strictest level fails for all.
    assert_eq!(found(&[far, spread(0.9, 0.1, 60), near.clone(), near]), Verdict::Fail);
    let name = "coverage.worst_stratum";
    let mut strata = |others: usize| {
        put(&mut evidence, name, Aggregate::Mean, &shares(72, 100));
        let more = vec![Sample::new(shares(95, 100)).unwrap(); others];
        evidence.samples.get_mut(name).unwrap().extend(more);
        surely(Criterion::hard(name, Op::AtLeast, 0.8), &evidence).verdict
    };
    assert_eq!((strata(0), strata(3)), (Verdict::Fail, Verdict::Inconclusive));
}

#[test]
fn rule_every_wording_has_to_show_it_and_the_one_that_does_not_is_named() {
    let mut evidence = evidence();
    let near = spread(0.30, 0.2, 60);
    put_slots(&mut evidence, &[near.clone(), near.clone(), near.clone()]);
    let finding = surely(max_ds(0.45), &evidence);
    assert_eq!(finding.verdict, Verdict::Pass, "{}", finding.reason);
    // Its median holds, its bound does not, though another wording has the higher median.
    let wide = spread(0.40, 0.9, 60);
    put_slots(&mut evidence, &[near.clone(), wide, spread(0.41, 0.02, 60)]);
    assert_eq!(found(max_ds(0.45), &evidence).verdict, Verdict::Pass);
    let finding = surely(max_ds(0.45), &evidence);
    assert_eq!((finding.verdict, finding.slot), (Verdict::Inconclusive, Some(1)));
    assert!(finding.reason.contains("paraphrase 1"), "{}", finding.reason);
    put_slots(&mut evidence, &[near.clone(), near, spread(0.7, 0.1, 60)]);
    let finding = surely(max_ds(0.45), &evidence);
    assert_eq!((finding.verdict, finding.slot), (Verdict::Fail, Some(2)));
}

#[test]
fn rule_the_lowest_stratum_is_every_stratum() {
    let name = "coverage.worst_stratum";
    let mut evidence = evidence();
    put(&mut evidence, name, Aggregate::Mean, &shares(90, 100));
    let criterion = Criterion::hard(name, Op::AtLeast, 0.8);
    assert_eq!(surely(criterion.clone(), &evidence).verdict, Verdict::Pass);
    // A better mean of fewer questions shows less.
    let small = Sample::new(shares(19, 20)).unwrap();
    evidence.samples.get_mut(name).unwrap().push(small);
    assert_eq!(found(criterion.clone(), &evidence).verdict, Verdict::Pass);
    assert_eq!(surely(criterion, &evidence).verdict, Verdict::Inconclusive);
}

#[test]
fn rule_an_undecided_criterion_says_how_many_more_questions_would_settle_it() {
    let finding = surely(min_cov(0.8), &covered(&shares(34, 40)));
    assert_eq!((finding.verdict, finding.code), (Verdict::Inconclusive, Code::Undecided));
    let more = finding.needs.unwrap().more_questions.unwrap();
    assert!((100..1000).contains(&more), "{more}");
    assert!(finding.reason.contains(&format!("{more} more would settle it")), "{}", finding.reason);
    // Upon the bound none would.
    let finding = surely(min_cov(0.8), &covered(&shares(32, 40)));
    assert_eq!(finding.needs.unwrap().more_questions, None);
    assert!(finding.reason.contains("no feasible number more"), "{}", finding.reason);
    // Where it is decided nobody asks.
    let finding = surely(min_cov(0.8), &covered(&shares(39, 40)));
    assert_eq!(finding.needs.unwrap().more_questions, None);
}

#[test]
fn rule_each_criterion_says_from_how_many_questions_on_it_can_pass() {
    let mut evidence = evidence();
    let needs = |metric: &str, aggregate, op, bound, evidence: &mut Evidence| {
        put(evidence, metric, aggregate, &[0.0; 40]);
        let finding = surely(Criterion::hard(metric, op, bound), evidence);
        let also = found(Criterion::hard(metric, op, bound), evidence);
        assert_eq!(finding.needs.unwrap().smallest_n, also.needs.unwrap().smallest_n);
        finding.needs.unwrap().smallest_n
    };
    let collapse = ("lambda.collapse_rate", Aggregate::Mean, Op::AtMost);
    let (metric, mean, at_most) = collapse;
    assert_eq!(needs(metric, mean, at_most, 0.02, &mut evidence), Some(149));
    let p95 = Aggregate::P95;
    assert_eq!(needs("delta_s.anchor:p95", p95, Op::AtMost, 0.6, &mut evidence), Some(59));
    let finding = surely(Criterion::hard(metric, at_most, 0.02), &evidence);
    assert_eq!(finding.verdict, Verdict::Inconclusive);
    assert!(finding.reason.ends_with("it can pass from 149 questions on"), "{}", finding.reason);
    put(&mut evidence, metric, mean, &[0.0; 149]);
    assert_eq!(surely(Criterion::hard(metric, at_most, 0.02), &evidence).verdict, Verdict::Pass);
}

#[test]
fn rule_a_p95_needs_59_questions() {
    let criterion = Criterion::hard("delta_s.anchor:p95", Op::AtMost, 0.6);
    let mut evidence = evidence();
    for (n, verdict) in [(58, Verdict::Inconclusive), (59, Verdict::Pass)] {
        put(&mut evidence, "delta_s.anchor:p95", Aggregate::P95, &spread(0.3, 0.1, n));
        let finding = surely(criterion.clone(), &evidence);
        assert_eq!(finding.verdict, verdict, "{n}");
        assert_eq!(finding.number.unwrap().ci.unwrap().upper.is_some(), n == 59);
    }
}

#[test]
fn rule_a_count_of_questions_is_n_times_its_share() {
    let criterion = |bound| Criterion::hard("lambda.always_missed", Op::AtMost, bound);
    let mut evidence = evidence();
    put(&mut evidence, "lambda.always_missed", Aggregate::Count, &shares(2, 100));
    let upper = 100.0 * clopper_pearson(2, 100, Side::Upper, LEVEL);
    assert_eq!(surely(criterion(upper + 0.01), &evidence).verdict, Verdict::Pass);
    assert_eq!(surely(criterion(upper - 0.01), &evidence).verdict, Verdict::Inconclusive);
    assert_eq!(surely(criterion(0.1), &evidence).verdict, Verdict::Fail);
}

#[test]
fn rule_a_review_band_takes_precedence_over_bounds() {
    let band = Criterion { review: Some([0.6, 0.8]), ..min_cov(0.8) };
    // The point is in the band.
    let finding = surely(band.clone(), &covered(&shares(70, 100)));
    assert_eq!((finding.verdict, finding.code), (Verdict::Inconclusive, Code::Review));
    // The point is below it, the favourable bound is in it.
    let finding = surely(band.clone(), &covered(&shares(55, 100)));
    assert_eq!((finding.verdict, finding.code), (Verdict::Inconclusive, Code::Undecided));
    assert_eq!(surely(min_cov(0.8), &covered(&shares(55, 100))).verdict, Verdict::Fail);
    assert_eq!(surely(band.clone(), &covered(&shares(40, 100))).verdict, Verdict::Fail);
    assert_eq!(surely(band, &covered(&shares(95, 100))).verdict, Verdict::Pass);
    // On the passing side of a strict bound a pass begins beyond it.
    let strict = Criterion { op: Op::Above, review: Some([0.8, 0.9]), ..min_cov(0.8) };
    assert_eq!(surely(strict.clone(), &covered(&shares(94, 100))).verdict, Verdict::Inconclusive);
    assert_eq!(surely(strict, &covered(&shares(99, 100))).verdict, Verdict::Pass);
}

#[test]
fn rule_a_confident_pass_must_hold_with_failed_runs_at_their_worst() {
    let mut evidence = covered(&shares(95, 100));
    evidence.counts.failed = 1;
    let harmed = |hits| covered(&shares(hits, 100));
    for (hits, verdict, code) in [
        (94, Verdict::Pass, Code::Holds),
        // Its point holds, its bound does not.
        (86, Verdict::Inconclusive, Code::FailedRuns),
        (79, Verdict::Inconclusive, Code::FailedRuns),
    ] {
        evidence.worst_case = Some(harmed(hits).metrics);
        evidence.worst_samples = harmed(hits).samples;
        let finding = surely(min_cov(0.8), &evidence);
        assert_eq!((finding.verdict, finding.code), (verdict, code), "{hits}: {}", finding.reason);
    }
    // A worst case whose values are not at hand shows nothing.
    evidence.worst_case = Some(harmed(94).metrics);
    evidence.worst_samples.clear();
    assert_eq!(surely(min_cov(0.8), &evidence).code, Code::FailedRuns);
    // It fails without them.
    let mut low = covered(&shares(40, 100));
    low.counts.failed = 1;
    low.worst_case = Some(harmed(39).metrics);
    assert_eq!(surely(min_cov(0.8), &low).verdict, Verdict::Fail);
}

#[test]
fn rule_what_is_not_taken_over_questions_is_compared_by_its_value() {
    let mut evidence = evidence();
    let rate = Criterion::hard("error_rate", Op::AtMost, 0.005);
    assert_eq!(surely(rate.clone(), &evidence).verdict, Verdict::Pass);
    evidence.metrics.insert("error_rate".to_owned(), number(0.006));
    assert_eq!(surely(rate, &evidence).verdict, Verdict::Fail);
}

#[test]
fn rule_no_data_few_questions_and_blind_bounds_are_as_in_point_mode() {
    let mut few = covered(&shares(95, 100));
    few.metrics.remove("coverage.mean");
    let hard = surely(min_cov(0.7), &few);
    assert_eq!((hard.verdict, hard.code), (Verdict::Fail, Code::NoData));
    let open = Criterion { on_no_data: OnNoData::Inconclusive, ..min_cov(0.7) };
    assert_eq!(surely(open, &few).verdict, Verdict::Inconclusive);
    let mut few = covered(&shares(95, 100));
    few.counts.usable = 19;
    few.counts.answerable = 19;
    let decision = decide(&confident(vec![min_cov(0.7)]), &few).unwrap();
    assert_eq!(decision.verdict, Verdict::Inconclusive);
    assert!(decision.decided.iter().any(|f| f.code == Code::TooFewQuestions));
    let mut blind = evidence();
    put_slots(&mut blind, &[spread(0.30, 0.2, 60)]);
    let finding = surely(max_ds(0.81), &blind);
    assert_eq!((finding.verdict, finding.code), (Verdict::Inconclusive, Code::Blind));
}

#[test]
fn rule_a_noise_floor_widens_a_drift_margin_and_no_absolute_bound() {
    let drift = Criterion::hard("drift.coverage", Op::AtLeast, -0.02);
    let mut evidence = evidence();
    put(&mut evidence, "drift.coverage", Aggregate::Mean, &spread(-0.06, 0.04, 200));
    let before = surely(drift.clone(), &evidence);
    assert_eq!(before.verdict, Verdict::Fail, "{}", before.reason);
    let mut noise = healthy::noise("drift.coverage", 0.08);
    noise.iter_mut().for_each(|noise| {
        noise.floor.insert("coverage.mean".to_owned(), 0.5);
    });
    evidence.noise = noise;
    put(&mut evidence, "coverage.mean", Aggregate::Mean, &shares(40, 100));
    // A policy that asks for no noise floor takes none, whatever was measured.
    let unasked = surely(drift.clone(), &evidence);
    assert_eq!((unasked.verdict, unasked.noise_floor), (Verdict::Fail, None));
    for mode in [DecisionMode::Point, DecisionMode::Confident] {
        let mut policy = confident(vec![drift.clone(), min_cov(0.8)]);
        (policy.decision, policy.noise_rebuilds) = (mode, 3);
        let decision = decide(&policy, &evidence).unwrap();
        let of = |name: &str| decision.decided.iter().find(|f| f.name == name).unwrap().clone();
        let widened = of("drift.coverage");
        assert_eq!(widened.verdict, Verdict::Pass, "{}", widened.reason);
        assert_eq!(widened.noise_floor, Some(0.08));
        assert_eq!(widened.criterion, Some(drift.clone()), "what the policy asks");
        let said = "; bound -0.02 widened by a noise floor of 0.08";
        assert!(widened.reason.ends_with(said), "{}", widened.reason);
        let [remark] = &widened.remarks()[..] else { panic!("{:?}", widened.remarks()) };
        assert!(remark.contains("0.08 is greater than the margin 0.02"), "{remark}");
        let absolute = of("coverage.mean");
        assert_eq!((absolute.verdict, absolute.noise_floor), (Verdict::Fail, None));
        assert_eq!(decision.comparisons[0].margin, 0.02 + 0.08);
        // A verdict file whose floor was taken out, or put where none belongs, contradicts itself.
        let file = healthy::verdict_file(&policy, &evidence);
        file.check().unwrap();
        for (name, floor) in [("drift.coverage", None), ("coverage.mean", Some(0.5))] {
            let mut altered = file.clone();
            let mut findings = altered.decided.findings.iter_mut();
            findings.find(|f| f.name == name).unwrap().noise_floor = floor;
            altered.decided_digest = Digest::of_json(&altered.decided).unwrap();
            let error = altered.check().unwrap_err();
            assert!(matches!(error, VerdictFileError::Findings), "{error}");
        }
    }
}

#[test]
fn rule_drift_within_limits_is_decided_from_both_sides() {
    let within = |op, bound| Criterion::hard("drift.delta_s.median", op, bound);
    let mut evidence = evidence();
    let case = |middle: f64, width, evidence: &mut Evidence| {
        let values = spread(middle, width, 100);
        put(evidence, "drift.delta_s.median", Aggregate::Median, &values);
        let both = vec![within(Op::AtMost, 0.03), within(Op::AtLeast, -0.03)];
        decide(&confident(both), evidence).unwrap().verdict
    };
    assert_eq!(case(0.0, 0.02, &mut evidence), Verdict::Pass);
    assert_eq!(case(0.0, 0.9, &mut evidence), Verdict::Inconclusive);
    assert_eq!(case(0.5, 0.1, &mut evidence), Verdict::Fail);
    assert_eq!(case(-0.5, 0.1, &mut evidence), Verdict::Fail);
}

#[test]
fn rule_a_point_pass_whose_interval_crosses_the_bound_says_so() {
    let ci = |lower, upper| Some(Interval { level: LEVEL, lower, upper });
    let warned = |criterion: Criterion, ci: Option<Interval>, point| {
        let mut evidence = evidence();
        let number = Number { ci, ..number(point) };
        evidence.metrics.insert(criterion.metric.clone(), number);
        let finding = found(criterion, &evidence);
        finding.warnings.iter().any(|warning| matches!(warning, Warning::Crosses { .. }))
    };
    assert!(!warned(min_cov(0.8), ci(Some(0.8), Some(0.95)), 0.9));
    assert!(warned(min_cov(0.8), ci(Some(0.79), Some(0.95)), 0.9));
    assert!(warned(min_cov(0.8), ci(None, Some(0.95)), 0.9), "no bound is a crossing one");
    assert!(!warned(min_cov(0.8), ci(Some(0.6), Some(0.95)), 0.7), "it does not pass");
    assert!(!warned(min_cov(0.8), None, 0.9));
    let mut evidence = evidence();
    let number = Number { ci: ci(Some(0.2), Some(0.47)), ..number(0.30) };
    evidence.slots.insert(2, number);
    let finding = found(max_ds(0.45), &evidence);
    let warning = Warning::Crosses { lower: Some(0.2), upper: Some(0.47) };
    assert_eq!((finding.verdict, finding.warnings), (Verdict::Pass, vec![warning]));
    // What happened in the runs is compared by its value, whatever its interval says of others.
    let failed = Criterion::hard("error_rate", Op::AtMost, 0.005);
    assert!(!warned(failed, ci(Some(0.0), Some(0.072)), 0.0));
    let mismatches = Criterion::hard("integrity.mismatches", Op::AtMost, 0.0);
    assert!(!warned(mismatches, ci(Some(0.0), Some(2.9)), 0.0));
}
