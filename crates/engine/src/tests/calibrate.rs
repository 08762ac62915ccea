//! A bound on ΔS from what is known to answer and what is known not to.

use super::{questions, run, store};
use crate::calibrate::{Calibrated, Known};
use crate::memory::HashEmbedder;
use crate::summary::summary;

#[test]
fn rule_the_bound_is_the_lower_of_the_random_p01_and_the_hard_median() {
    let embedder = HashEmbedder::new("m");
    let (store, gold) = (store(&embedder), questions());
    let evaluation = run(&gold, &store, &embedder).unwrap();
    let evidence = summary(&evaluation.context, &evaluation.runs, 10).unwrap();
    let calibrated = Calibrated::of(&evaluation, &evidence).unwrap();
    let nulls = &evaluation.context.calibration;
    let (random, hard) = (nulls.random.clone().unwrap(), nulls.hard.clone().unwrap());
    assert_eq!((calibrated.random_p01, calibrated.hard_median), (random.p01, hard.p50));
    assert_eq!(calibrated.auc, Some(evidence.metrics["delta_s.auc"]));
    let least = random.p01.point.min(hard.p50.point);
    assert!(calibrated.bound <= least && calibrated.bound > least - 1e-4);
    // One value a wording at seed 0; every question has two wordings.
    assert_eq!((calibrated.targets.values.len(), calibrated.hard.values.len()), (48, 48));
    assert_eq!(calibrated.random.values.len(), random.n);
    let passing = |known: &Known| {
        let number = known.passing.unwrap();
        let passing = known.values.iter().filter(|value| **value <= calibrated.bound).count();
        assert_eq!(number.point, passing as f64 / known.values.len() as f64);
        let ci = number.ci.unwrap();
        assert!(ci.lower.unwrap() <= number.point && number.point <= ci.upper.unwrap());
        assert!(ci.lower < ci.upper && number.n_questions == 24, "{number:?}");
        number.point
    };
    assert!(passing(&calibrated.random) < 0.011);
    assert!(passing(&calibrated.hard) <= 0.5);
    assert!(passing(&calibrated.targets) > passing(&calibrated.hard));
}

#[test]
fn without_a_null_there_is_no_bound() {
    let embedder = HashEmbedder::new("m");
    let (store, gold) = (store(&embedder), questions());
    let mut evaluation = run(&gold, &store, &embedder).unwrap();
    evaluation.context.calibration.hard = None;
    let evidence = summary(&evaluation.context, &evaluation.runs, 10).unwrap();
    let error = Calibrated::of(&evaluation, &evidence).unwrap_err().to_string();
    assert!(error.contains("add other documents"), "{error}");
}
