//! A bound on ΔS from what is known to answer and what is known not to.

use super::{questions, run, store};
use crate::calibrate::{Calibrated, share_passing};
use crate::memory::HashEmbedder;

#[test]
fn rule_the_bound_is_the_lower_of_the_random_p01_and_the_hard_median() {
    let embedder = HashEmbedder::new("m");
    let (store, gold) = (store(&embedder), questions());
    let evaluation = run(&gold, &store, &embedder).unwrap();
    let calibrated = Calibrated::of(&evaluation, Some(1.0), None).unwrap();
    let nulls = &evaluation.context.calibration;
    let (random, hard) = (nulls.random.clone().unwrap(), nulls.hard.clone().unwrap());
    assert_eq!((calibrated.random_p01, calibrated.hard_median), (random.p01, hard.p50));
    let least = random.p01.min(hard.p50);
    assert!(calibrated.bound <= least && calibrated.bound > least - 1e-4);
    // One value a wording at seed 0; every question has two wordings.
    assert_eq!((calibrated.known.targets.len(), calibrated.known.hard.len()), (48, 48));
    assert_eq!(calibrated.known.random.len(), random.n);
    let passing = |values: &[f64]| share_passing(values, calibrated.bound).unwrap();
    assert!(passing(&calibrated.known.random) < 0.011);
    assert!(passing(&calibrated.known.hard) <= 0.5);
    assert!(passing(&calibrated.known.targets) > passing(&calibrated.known.hard));
    assert_eq!(share_passing(&[], 1.0), None);
}

#[test]
fn without_a_null_there_is_no_bound() {
    let embedder = HashEmbedder::new("m");
    let (store, gold) = (store(&embedder), questions());
    let mut evaluation = run(&gold, &store, &embedder).unwrap();
    evaluation.known.hard.clear();
    let error = Calibrated::of(&evaluation, None, None).unwrap_err().to_string();
    assert!(error.contains("add other documents"), "{error}");
}
