//! What a criterion that bounds leave open names: the sample that decides, and what it takes.

#![allow(clippy::unwrap_used, reason = "a test ends at its first failure")]

mod healthy;

use healthy::{evidence, found, max_ds, min_cov, put, put_slots, shares, spread, surely};
use wfgy_core::Aggregate;
use wfgy_gate::{Code, Criterion, Op, Verdict};

#[test]
fn rule_a_value_that_violates_is_named_before_one_whose_bound_is_worse() {
    let near = spread(0.30, 0.1, 60);
    let violating = spread(0.47, 0.2, 60);
    let holding = spread(0.40, 1.2, 60);
    for (slots, slot) in [
        ([near.clone(), violating.clone(), holding.clone()], 1),
        ([near.clone(), holding.clone(), violating.clone()], 2),
        // Of two that violate, the worse.
        ([violating.clone(), spread(0.46, 0.6, 60), holding.clone()], 0),
        // Of two that are refuted too.
        ([spread(0.60, 0.1, 60), near.clone(), spread(0.70, 0.1, 60)], 2),
    ] {
        let mut evidence = evidence();
        put_slots(&mut evidence, &slots);
        let by_point = found(max_ds(0.45), &evidence);
        let finding = surely(max_ds(0.45), &evidence);
        assert_eq!((by_point.slot, by_point.verdict), (Some(slot), Verdict::Fail));
        assert_eq!(finding.slot, Some(slot), "{}", finding.reason);
        let (number, shown) = (finding.number.unwrap(), by_point.number.unwrap());
        assert_eq!(number.point, shown.point, "{}", finding.reason);
        let refuted = number.ci.unwrap().lower.unwrap() > 0.45;
        assert_eq!(finding.verdict == Verdict::Fail, refuted, "{}", finding.reason);
    }
}

#[test]
fn rule_beyond_a_review_band_questions_are_counted_to_its_failing_end() {
    let band = Criterion { review: Some([0.45, 0.60]), ..max_ds(0.45) };
    let mut evidence = evidence();
    // Median 0.69 violates; its lower bound lies in the band, above the bound at its other end.
    put_slots(&mut evidence, &[spread(0.69, 1.0, 60)]);
    let finding = surely(band.clone(), &evidence);
    assert_eq!((finding.verdict, finding.code), (Verdict::Inconclusive, Code::Undecided));
    let lower = finding.number.unwrap().ci.unwrap().lower.unwrap();
    assert!((0.45..0.60).contains(&lower), "{lower}");
    let more = finding.needs.unwrap().more_questions.unwrap();
    assert!(finding.reason.contains(&format!("{more} more would settle it")), "{}", finding.reason);
    // So many, with the same values, do settle it.
    put_slots(&mut evidence, &[spread(0.69, 1.0, 60 + more)]);
    assert_eq!(surely(band.clone(), &evidence).verdict, Verdict::Fail);
    // Before the band they are counted to its passing end.
    put_slots(&mut evidence, &[spread(0.40, 0.6, 60)]);
    let finding = surely(band.clone(), &evidence);
    let more = finding.needs.unwrap().more_questions.unwrap();
    put_slots(&mut evidence, &[spread(0.40, 0.6, 60 + more)]);
    assert_eq!(surely(band, &evidence).verdict, Verdict::Pass);
    // A lower bound has its band below.
    let band = Criterion { review: Some([0.6, 0.8]), ..min_cov(0.8) };
    put(&mut evidence, "coverage.mean", Aggregate::Mean, &shares(53, 100));
    assert!(surely(band, &evidence).needs.unwrap().more_questions.is_some());
}

#[test]
fn rule_no_number_is_said_only_where_no_number_passes() {
    let smallest = |metric: &str, aggregate, op, bound, values: &[f64]| {
        let mut evidence = evidence();
        put(&mut evidence, metric, aggregate, values);
        let finding = surely(Criterion::hard(metric, op, bound), &evidence);
        let passes = finding.verdict == Verdict::Pass;
        let said = finding.reason.contains("not even the best values");
        let smallest_n = finding.needs.unwrap().smallest_n;
        assert!(
            !passes || smallest_n.is_some_and(|n| n <= values.len()),
            "{metric}: {smallest_n:?}"
        );
        assert!(!said || smallest_n.is_none(), "{}", finding.reason);
        (passes, smallest_n)
    };
    // An improvement is asked for, and the best of a difference has no end: a median takes 5.
    let (median, at_most) = (Aggregate::Median, Op::AtMost);
    let drift = "drift.delta_s.median";
    assert_eq!(smallest(drift, median, at_most, -0.05, &[-0.06; 5]), (true, Some(5)));
    assert_eq!(smallest(drift, median, at_most, -0.05, &[0.01; 40]), (false, Some(5)));
    let p95 = Aggregate::P95;
    assert_eq!(smallest("drift.delta_s.p95", p95, at_most, -0.01, &[-0.02; 59]), (true, Some(59)));
    // No change is no pass at 0, and an improvement is.
    let flips = "drift.flip_rate";
    let (mean, n) = (Aggregate::Mean, 40);
    let better: Vec<f64> = (0..n).map(|i| if i % 2 == 0 { -1.0 } else { 0.0 }).collect();
    let (passes, least) = smallest(flips, mean, at_most, 0.0, &better);
    assert!(passes, "{least:?}");
    assert_eq!(smallest(flips, mean, at_most, 0.0, &[0.0; 40]), (false, least));
    // Where no change passes it is what is counted on, unless the change is for the better.
    assert_eq!(smallest(flips, mean, at_most, 0.02, &[0.0; 40]), (false, Some(149)));
    let (passes, least) = smallest(flips, mean, at_most, 0.02, &better);
    assert!(passes && least < Some(40), "{least:?}");
    // A count has its bound at the n at hand: of 20 questions without one it is 2.78.
    let missed = "lambda.always_missed";
    let count = Aggregate::Count;
    assert_eq!(smallest(missed, count, at_most, 2.0, &[0.0; 20]), (false, None));
    assert_eq!(smallest(missed, count, at_most, 2.8, &[0.0; 20]), (true, Some(1)));
    assert_eq!(smallest(missed, count, at_most, 2.8, &[0.0; 40]), (false, None));
    assert_eq!(smallest(missed, count, at_most, 3.0, &[0.0; 400]), (true, Some(1)));
}
