//! What is planned is what gates would find.

#![allow(clippy::unwrap_used, reason = "a test ends at its first failure")]

mod healthy;

use std::f64::consts::TAU;

use healthy::{confident, effective, evidence, max_ds, min_cov, put, put_slots, spread};
use wfgy_gate::{
    Asking, Chances, Criterion, EffectivePolicy, Evidence, Op, Plan, Values, Verdict, decide, plans,
};
use wfgy_kernel::resample::Stream;
use wfgy_stats::SEED;

/// Data sets of a simulation, and of a plan.
const DATA_SETS: u64 = 200;

const ASKING: Asking =
    Asking { slots: 4, min_wordings: 4, seeds: 2, correlation: 0.5, deviation: 0.15 };

/// The plan of the first of these.
fn plan(criteria: &[Criterion]) -> Plan {
    let (mut planned, others) = plans(criteria, ASKING);
    assert!(others.is_empty(), "{others:?}");
    planned.swap_remove(0)
}

/// What a gate finds for the first criterion in so many data sets, in point mode and in confident.
fn found(criteria: &[Criterion], data_sets: u64, draw: impl Fn(u64) -> Evidence) -> [Chances; 2] {
    let policies = [effective(criteria.to_vec()), confident(criteria.to_vec())];
    policies.map(|policy: EffectivePolicy| {
        let verdicts: Vec<Verdict> = (0..data_sets)
            .map(|at| {
                let decision = decide(&policy, &draw(at)).unwrap();
                let mut findings = decision.decided.into_iter();
                findings.find(|finding| finding.name == criteria[0].metric).unwrap().verdict
            })
            .collect();
        let share = |asked| {
            verdicts.iter().filter(|verdict| **verdict == asked).count() as f64 / data_sets as f64
        };
        Chances {
            pass: share(Verdict::Pass),
            fail: share(Verdict::Fail),
            inconclusive: share(Verdict::Inconclusive),
        }
    })
}

/// Evidence with these values behind a metric, a list a wording slot; nothing else is wrong.
fn with(plan: &Plan, values: &[Vec<f64>]) -> Evidence {
    let mut evidence = evidence();
    put_slots(&mut evidence, &vec![spread(0.30, 0.1, 60); ASKING.slots]);
    match plan.values {
        Values::Slots => put_slots(&mut evidence, values),
        _ => put(&mut evidence, &plan.criterion.metric, plan.aggregate, &values[0]),
    }
    evidence
}

fn assert_near(planned: &Chances, found: &Chances, within: f64, of: &str) {
    for (planned_share, share) in [
        (planned.pass, found.pass),
        (planned.fail, found.fail),
        (planned.inconclusive, found.inconclusive),
    ] {
        let far = (planned_share - share).abs();
        assert!(far <= within + 1e-9, "{of}: planned {planned:?}, found {found:?}");
    }
}

#[test]
fn rule_a_gate_finds_in_the_data_sets_of_a_plan_what_the_plan_says() {
    let at_least = |metric, bound| Criterion::hard(metric, Op::AtLeast, bound);
    let band = Criterion { review: Some([0.45, 0.55]), ..max_ds(0.45) };
    // Bounds of means are resampled, with fewer resamples in a plan; the others are exact.
    let resampled = 0.03;
    for (criteria, effect, questions, within) in [
        (vec![min_cov(0.70)], 0.14, 60, resampled),
        (vec![min_cov(0.70)], -0.17, 60, resampled),
        // Five tests of one family: a fail takes Holm's level.
        (vec![min_cov(0.70), max_ds(0.45)], -0.20, 60, resampled),
        (vec![at_least("lambda.convergent", 0.80)], 0.12, 60, 0.0),
        (vec![at_least("lambda.convergent", 0.80)], -0.12, 60, 0.0),
        (vec![Criterion::hard("delta_s.question:p95", Op::Below, 0.60)], 0.10, 90, 0.0),
        (vec![max_ds(0.45)], 0.06, 60, 0.0),
        (vec![max_ds(0.45)], -0.05, 60, 0.0),
        (vec![band.clone()], 0.05, 60, 0.0),
        (vec![band], -0.12, 60, 0.0),
    ] {
        let plan = plan(&criteria);
        let population = plan.population(plan.truth(effect)).unwrap();
        let planned = plan.chances(&population, questions).unwrap();
        let found = found(&criteria, DATA_SETS, |at| {
            with(&plan, &population.draw_slots(questions, &mut Stream::new(SEED ^ 1, at)))
        });
        let of = format!("{} {effect}", criteria[0]);
        assert_near(&planned[0], &found[0], 0.0, &format!("{of}, point"));
        assert_near(&planned[1], &found[1], within, &format!("{of}, confident"));
        let open = |chances: &Chances| (0.02..0.98).contains(&chances.inconclusive);
        assert!(open(&planned[1]), "{of} decides something and leaves something: {planned:?}");
    }
}

#[test]
fn rule_a_plan_is_what_a_simulation_run_by_run_gives() {
    let normal = |stream: &mut Stream| {
        let (a, b) = (1.0 - stream.uniform(), stream.uniform());
        (-2.0 * a.ln()).sqrt() * (TAU * b).cos()
    };
    let Asking { slots, seeds, correlation, deviation, .. } = ASKING;
    let (questions, data_sets) = (60, 400);
    for (effect, bound) in [(0.05, 0.45), (-0.04, 0.45)] {
        let criteria = [max_ds(bound)];
        let plan = plan(&criteria);
        let population = plan.population(plan.truth(effect)).unwrap();
        let planned = plan.chances(&population, questions).unwrap();
        let found = found(&criteria, data_sets, |at| {
            let mut stream = Stream::new(7, at);
            let mut values = vec![Vec::new(); slots];
            for _ in 0..questions {
                let shared = correlation.sqrt() * normal(&mut stream);
                for of_slot in &mut values {
                    let runs = (0..seeds).map(|_| {
                        let own = (1.0 - correlation).sqrt() * normal(&mut stream);
                        bound - effect + deviation * (shared + own)
                    });
                    of_slot.push((runs.sum::<f64>() / seeds as f64).clamp(0.0, 2.0));
                }
            }
            with(&plan, &values)
        });
        // Three standard errors of the difference of two shares near a half.
        let within = 3.0 * (0.25 / DATA_SETS as f64 + 0.25 / data_sets as f64).sqrt();
        for (planned, found) in planned.iter().zip(&found) {
            assert_near(planned, found, within, &format!("{effect}"));
        }
    }
}

#[test]
fn rule_more_questions_and_a_greater_effect_never_make_a_pass_much_less_probable() {
    for criterion in [
        min_cov(0.70),
        max_ds(0.45),
        Criterion::hard("lambda.collapse_rate", Op::AtMost, 0.10),
        Criterion::hard("drift.coverage", Op::AtLeast, -0.02),
    ] {
        let plan = plan(&[criterion]);
        let pass = |effect, questions| {
            let population = plan.population(plan.truth(effect)).unwrap();
            plan.chances(&population, questions).unwrap()[1].pass
        };
        let by_n = [20, 40, 80, 160, 320, 640].map(|questions| pass(0.05, questions));
        let by_effect = [-0.05, 0.0, 0.02, 0.05, 0.10].map(|effect| pass(effect, 160));
        for curve in [&by_n[..], &by_effect[..]] {
            // Exact and lattice bounds move in steps.
            assert!(curve.windows(2).all(|w| w[1] >= w[0] - 0.02), "{}: {curve:?}", plan.criterion);
            assert!(curve[curve.len() - 1] > curve[0] + 0.3, "{}: {curve:?}", plan.criterion);
        }
    }
}

#[test]
fn rule_no_number_passes_probably_that_cannot_pass_at_all() {
    for criterion in [
        min_cov(0.70),
        max_ds(0.45),
        Criterion::hard("lambda.collapse_rate", Op::AtMost, 0.02),
        Criterion::hard("drift.coverage", Op::AtLeast, -0.02),
        Criterion::hard("drift.flip_rate", Op::AtMost, 0.02),
        Criterion::hard("drift.delta_s.median", Op::AtMost, 0.03),
    ] {
        let plan = plan(&[criterion]);
        for effect in [0.02, 0.05, 0.20] {
            let truth = plan.truth(effect);
            let probable = plan.questions_to_pass(&plan.population(truth).unwrap()).unwrap();
            let least = plan.smallest_n(truth).unwrap();
            assert!(
                probable.is_some_and(|n| n >= least),
                "{}: {probable:?} {least}",
                plan.criterion
            );
        }
        let wrong = plan.population(plan.truth(-0.01)).unwrap();
        assert_eq!(plan.questions_to_pass(&wrong).unwrap(), None, "{}", plan.criterion);
    }
}
