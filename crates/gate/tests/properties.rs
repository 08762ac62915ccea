//! What holds for every policy and every evidence.

#![allow(clippy::unwrap_used, reason = "a test ends at its first failure")]

mod healthy;

use healthy::{confident, effective, evidence, max_ds, number, put, put_slots};
use proptest::prelude::*;
use wfgy_core::Aggregate;
use wfgy_gate::{Criterion, Evidence, Kind, OnNoData, Op, Verdict, decide};

/// Metrics whose bound is from below, and from above.
const LOWER: [&str; 3] = ["coverage.mean", "lambda.convergence", "coverage.p05"];
const UPPER: [&str; 4] = ["delta_s.question", "delta_s.anchor", "lambda.split_rate", "error_rate"];

prop_compose! {
    /// A criterion, and the same one with a tighter bound.
    fn tightened()(
        upper in any::<bool>(),
        which in 0usize..4,
        strict in any::<bool>(),
        bound in 0.2f64..0.7,
        by in 0.0f64..0.15,
        band in proptest::option::of(0.01f64..0.2),
        kind in prop_oneof![Just(Kind::Hard), Just(Kind::Soft)],
        lenient in any::<bool>(),
    ) -> (Criterion, Criterion) {
        let metric = if upper { UPPER[which] } else { LOWER[which.min(2)] };
        let op = match (upper, strict) {
            (true, false) => Op::AtMost,
            (true, true) => Op::Below,
            (false, false) => Op::AtLeast,
            (false, true) => Op::Above,
        };
        let tighter = if upper { bound - by } else { bound + by };
        // On the failing side the far end stays; there it is beyond both bounds.
        let with = |bound: f64, far: Option<f64>| Criterion {
            review: far.map(|far| if upper { [bound, far] } else { [far, bound] }),
            kind,
            on_no_data: if lenient { OnNoData::Inconclusive } else { OnNoData::Fail },
            ..Criterion::hard(metric, op, bound)
        };
        let far = band.map(|band| if upper { bound + band } else { bound - band });
        (with(bound, far), with(tighter, far))
    }
}

prop_compose! {
    /// Evidence in which anything may be missing, impossible or failed.
    fn any_evidence()(
        points in proptest::collection::vec(proptest::option::weighted(0.9, 0.0f64..1.0), 7),
        slots in proptest::collection::vec(0.0f64..1.0, 1..5),
        nan in proptest::option::weighted(0.1, 0usize..7),
        failed in prop_oneof![Just(0usize), 0usize..16],
        harm in proptest::option::of(0.0f64..0.2),
        p05 in proptest::option::weighted(0.9, 0.1f64..1.0),
        hard in 0.1f64..1.0,
        usable in 18usize..41,
        mismatches in prop_oneof![9 => Just(0usize), 1 => Just(3)],
    ) -> Evidence {
        let mut evidence = evidence();
        let names = LOWER.iter().chain(&UPPER);
        for (i, (name, point)) in names.zip(points).enumerate() {
            match point {
                Some(_) if nan == Some(i) => {
                    evidence.metrics.insert((*name).to_owned(), number(f64::NAN));
                }
                Some(point) => {
                    evidence.metrics.insert((*name).to_owned(), number(point));
                }
                None => {
                    evidence.metrics.remove(*name);
                }
            }
        }
        evidence.slots = slots.into_iter().map(number).enumerate().collect();
        evidence.counts.failed = failed;
        evidence.worst_case = harm.map(|harm| {
            let worse = |name: &str, point: f64| match LOWER.contains(&name) {
                true => (point - harm).max(0.0),
                false => point + harm,
            };
            let metrics = evidence.metrics.iter();
            metrics.map(|(name, n)| (name.clone(), number(worse(name, n.point)))).collect()
        });
        evidence.nulls.random_p05 = p05;
        evidence.nulls.hard_median = Some(hard);
        (evidence.counts.questions, evidence.counts.answerable) = (usable, usable);
        evidence.counts.usable = usable;
        evidence.integrity.mismatches = mismatches;
        evidence
    }
}

prop_compose! {
    /// Evidence with values per question behind every metric over questions, on a lattice so that
    /// ties and bounds that are met exactly are common; in some of them runs failed.
    fn sampled_evidence()(
        n in 20usize..60,
        levels in proptest::collection::vec(0usize..11, 6 * 60),
        shift in 0usize..8,
        slots in 1usize..4,
        failed in any::<bool>(),
    ) -> Evidence {
        let mut evidence = evidence();
        evidence.nulls.random_p05 = Some(0.9);
        let mut columns = levels.chunks(60).map(|levels| -> Vec<f64> {
            levels[..n].iter().map(|level| ((level + shift).min(10)) as f64 / 10.0).collect()
        });
        let mut next = || columns.next().unwrap();
        put(&mut evidence, "coverage.mean", Aggregate::Mean, &next());
        put(&mut evidence, "lambda.convergence", Aggregate::Mean, &next());
        put(&mut evidence, "coverage.p05", Aggregate::P05, &next());
        let far: Vec<f64> = next().iter().map(|x| 1.0 - x).collect();
        put(&mut evidence, "delta_s.anchor", Aggregate::Median, &far);
        let split: Vec<f64> = next().iter().map(|x| 1.0 - x).collect();
        put(&mut evidence, "lambda.split_rate", Aggregate::Mean, &split);
        let ds: Vec<f64> = next().iter().map(|x| 1.0 - x).collect();
        let of = |slot: usize| ds.iter().map(|x| (x + slot as f64 * 0.1).min(1.0)).collect();
        put_slots(&mut evidence, &(0..slots).map(of).collect::<Vec<Vec<f64>>>());
        evidence.metrics.insert("lambda.flip_rate".to_owned(), number(0.05));
        if failed {
            // One question failed: at its worst where it is not left out.
            let mut harmed = evidence.clone();
            for name in ["coverage.mean", "coverage.p05", "delta_s.anchor"] {
                let mut values = evidence.samples[name][0].values().to_vec();
                values[0] = if LOWER.contains(&name) { 0.0 } else { 2.0 };
                put(&mut harmed, name, evidence.metrics[name].aggregate, &values);
            }
            let slots: Vec<Vec<f64>> = evidence.samples["delta_s.question"]
                .iter()
                .map(|slot| std::iter::once(2.0).chain(slot.values()[1..].iter().copied()).collect())
                .collect();
            put_slots(&mut harmed, &slots);
            evidence.counts.failed = 1;
            evidence.worst_case = Some(harmed.metrics);
            evidence.worst_samples = harmed.samples;
        }
        evidence
    }
}

fn surely(criteria: Vec<Criterion>, evidence: &Evidence) -> Verdict {
    decide(&confident(criteria), evidence).unwrap().verdict
}

/// The criteria with different metrics, all hard.
fn family(criteria: Vec<Criterion>) -> Vec<Criterion> {
    let mut kept: Vec<Criterion> = Vec::new();
    for criterion in criteria {
        if kept.iter().all(|earlier| earlier.metric != criterion.metric) {
            kept.push(Criterion { kind: Kind::Hard, ..criterion });
        }
    }
    kept
}

proptest! {
    // Each case takes thousands of resamples, so there are fewer of them.
    #![proptest_config(ProptestConfig {
        cases: 40,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_confident_pass_is_a_point_pass_and_a_confident_fail_a_point_fail(
        criteria in proptest::collection::vec(tightened().prop_map(|(c, _)| c), 1..4),
        evidence in sampled_evidence(),
    ) {
        let criteria = family(criteria);
        let point = verdict(criteria.clone(), &evidence);
        match surely(criteria, &evidence) {
            Verdict::Pass => prop_assert_eq!(point, Verdict::Pass),
            Verdict::Inconclusive => {}
            Verdict::Fail => prop_assert_eq!(point, Verdict::Fail),
        }
    }

    #[test]
    fn by_bounds_tightening_never_turns_a_non_pass_into_a_pass(
        (loose, tight) in tightened(), (other, _) in tightened(), evidence in sampled_evidence(),
    ) {
        let was = surely(family(vec![loose, other.clone()]), &evidence);
        let is = surely(family(vec![tight, other]), &evidence);
        prop_assert!(was == Verdict::Pass || is != Verdict::Pass, "{was} became {is}");
    }

    #[test]
    fn by_bounds_one_more_criterion_never_makes_a_pass(
        (one, _) in tightened(), (two, _) in tightened(), evidence in sampled_evidence(),
    ) {
        let alone = surely(family(vec![one.clone()]), &evidence);
        let both = surely(family(vec![one, two]), &evidence);
        // It can make a fail of one inconclusive: with more tests each rejection takes more.
        prop_assert!(alone == Verdict::Pass || both != Verdict::Pass, "{alone} became {both}");
    }

    #[test]
    fn by_bounds_the_order_of_criteria_has_no_influence(
        criteria in proptest::collection::vec(tightened().prop_map(|(c, _)| c), 3),
        evidence in sampled_evidence(), turn in 0usize..3,
    ) {
        let mut criteria = family(criteria);
        let first = decide(&confident(criteria.clone()), &evidence).unwrap();
        let turn = turn % criteria.len();
        criteria.rotate_left(turn);
        prop_assert_eq!(first, decide(&confident(criteria), &evidence).unwrap());
    }
}

fn verdict(criteria: Vec<Criterion>, evidence: &Evidence) -> Verdict {
    decide(&effective(criteria), evidence).unwrap().verdict
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn tightening_a_bound_never_turns_a_non_pass_into_a_pass(
        (loose, tight) in tightened(), mut evidence in any_evidence(),
    ) {
        // A looser bound can be blind where a tighter one is not: the one way to gain by asking
        // for more. Here no bound is; the test below has them all.
        evidence.nulls.random_p05 = evidence.nulls.random_p05.map(|_| 0.9);
        let hard = Criterion::hard("lambda.flip_rate", Op::AtMost, 0.2);
        let was = verdict(vec![loose, hard.clone()], &evidence);
        let is = verdict(vec![tight, hard], &evidence);
        prop_assert!(is >= was, "{was} became {is}");
    }

    #[test]
    fn tightening_a_bound_never_turns_a_fail_into_a_pass(
        (loose, tight) in tightened(), evidence in any_evidence(),
    ) {
        let hard = Criterion::hard("lambda.flip_rate", Op::AtMost, 0.2);
        let was = verdict(vec![loose, hard.clone()], &evidence);
        let is = verdict(vec![tight, hard], &evidence);
        prop_assert!(was != Verdict::Fail || is == Verdict::Fail, "{was} became {is}");
    }

    #[test]
    fn one_more_criterion_never_improves_a_verdict(
        (one, _) in tightened(), (two, _) in tightened(), evidence in any_evidence(),
    ) {
        if one.metric == two.metric {
            return Ok(());
        }
        let hard = Criterion { kind: Kind::Hard, ..one };
        let alone = verdict(vec![hard.clone()], &evidence);
        prop_assert!(verdict(vec![hard, two], &evidence) >= alone);
    }

    #[test]
    fn a_worse_value_never_improves_a_verdict(
        (criterion, _) in tightened(), evidence in any_evidence(), by in 0.0f64..0.5,
    ) {
        // Its value is that of its slots, which stay.
        if criterion.metric == "delta_s.question" {
            return Ok(());
        }
        let Some(mut worse) = evidence.metrics.get(&criterion.metric).copied() else {
            return Ok(());
        };
        let sign = if criterion.op.is_upper() { 1.0 } else { -1.0 };
        worse.point = (worse.point + sign * by).clamp(0.0, 1.0);
        let mut harmed = evidence.clone();
        harmed.metrics.insert(criterion.metric.clone(), worse);
        let before = verdict(vec![criterion.clone()], &evidence);
        prop_assert!(verdict(vec![criterion], &harmed) >= before);
    }

    #[test]
    fn the_order_of_criteria_has_no_influence(
        (a, _) in tightened(), (b, _) in tightened(), (c, _) in tightened(),
        evidence in any_evidence(), turn in 0usize..3,
    ) {
        if a.metric == b.metric || b.metric == c.metric || a.metric == c.metric {
            return Ok(());
        }
        let mut criteria = vec![a, b, c];
        let first = effective(criteria.clone());
        criteria.rotate_left(turn);
        criteria.swap(0, 1);
        let second = effective(criteria);
        prop_assert_eq!(first.digest().unwrap(), second.digest().unwrap());
        // NaN is not equal to itself, its text is.
        let text = |policy| format!("{:?}", decide(policy, &evidence).unwrap());
        prop_assert_eq!(text(&first), text(&second));
    }

    #[test]
    fn a_pass_has_all_its_data(criterion in tightened().prop_map(|(c, _)| c), evidence in any_evidence()) {
        let policy = effective(vec![Criterion { kind: Kind::Hard, ..criterion.clone() }]);
        let decision = decide(&policy, &evidence).unwrap();
        if decision.verdict == Verdict::Pass {
            let value = evidence.metrics[&criterion.metric].point;
            prop_assert!(value.is_finite() && criterion.op.holds(value, criterion.bound));
            prop_assert!(evidence.counts.usable >= 20 && evidence.integrity.mismatches == 0);
            if max_ds(0.5).metric == criterion.metric {
                prop_assert!(evidence.slots.values().all(|s| criterion.op.holds(s.point, criterion.bound)));
            }
        }
    }
}
