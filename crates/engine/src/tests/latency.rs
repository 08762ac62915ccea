use std::collections::BTreeMap;

use wfgy_core::evaluation::{ArmName, LatencyRecord};
use wfgy_gate::Evidence;

use super::*;
use crate::{CALLS, add_latency_ratios, latency_quantiles, measure_latency, summary};

#[test]
fn rule_arms_take_turns_call_by_call_over_the_runs_of_the_evaluation() {
    let embedder = HashEmbedder::new("m");
    let (candidate, baseline, gold) = (store(&embedder), store(&embedder), questions());
    let [new, old] = [&candidate, &baseline].map(|store| parts(&gold, store, &embedder));
    let calls = measure_latency(new, Some(old), 100, &settings(), &|_| ()).unwrap();
    assert_eq!(calls.len(), 200);
    let asked = run(&gold, &candidate, &embedder).unwrap().runs;
    for (turn, pair) in calls.chunks(2).enumerate() {
        let [first, second] = pair else { panic!("a turn is a call of each arm") };
        assert_ne!(first.arm, second.arm);
        // 100 calls before these were forgotten; there are 96 runs.
        let run = &asked[(turn + 100) % asked.len()];
        for call in [first, second] {
            assert_eq!((call.call, &call.question), (turn, &run.question));
            assert_eq!((call.wording, call.seed), (run.wording, run.seed));
            assert_eq!(call.stages_ms.keys().collect::<Vec<_>>(), ["embed", "retrieve"]);
            assert_eq!((call.stages_ms["retrieve"], &call.error), (0.005, &None));
        }
    }
    let alone = measure_latency(new, None, 10, &settings(), &|_| ()).unwrap();
    assert_eq!(latency_quantiles(&alone).keys().collect::<Vec<_>>(), [&ArmName::Candidate]);
}

#[test]
fn rule_neither_arm_is_more_often_the_first_under_any_seed() {
    let embedder = HashEmbedder::new("m");
    let (store, gold) = (store(&embedder), questions());
    let parts = parts(&gold, &store, &embedder);
    for seeds in [1, 2, 3, 4, 6] {
        let settings = Settings { seeds: (0..seeds).collect(), ..settings() };
        let calls = measure_latency(parts, Some(parts), 600, &settings, &|_| ()).unwrap();
        // By seed: how often the candidate came first, and how often it was called. A wording is
        // new under its first seed.
        let mut by_seed: BTreeMap<u64, [usize; 2]> = BTreeMap::new();
        for pair in calls.chunks(2) {
            let [candidate_first, all] = by_seed.entry(pair[0].seed).or_default();
            *candidate_first += usize::from(pair[0].arm == ArmName::Candidate);
            *all += 1;
        }
        for (seed, [candidate_first, all]) in by_seed {
            let half = (all / 2).abs_diff(candidate_first);
            assert!(half <= 2 + all / 20, "{seeds} seeds, {seed}: {candidate_first} of {all}");
        }
    }
}

/// [`CALLS`] calls of each arm whose milliseconds are given by number.
fn calls(candidate: fn(usize) -> f64, baseline: fn(usize) -> f64) -> Vec<LatencyRecord> {
    let arms = [(ArmName::Candidate, candidate), (ArmName::Baseline, baseline)];
    let record = |call: usize, (arm, ms): (ArmName, fn(usize) -> f64)| LatencyRecord {
        arm,
        call,
        question: "Q".into(),
        wording: 0,
        seed: 0,
        stages_ms: BTreeMap::from([("embed".into(), 1.0), ("retrieve".into(), ms(call) - 1.0)]),
        error: None,
    };
    (0..CALLS).flat_map(|call| arms.map(|arm| record(call, arm))).collect()
}

fn taken(records: &[LatencyRecord]) -> Evidence {
    let embedder = HashEmbedder::new("m");
    let found = run(&questions(), &store(&embedder), &embedder).unwrap();
    let mut evidence = summary(&found.context, &found.runs, 10).unwrap();
    add_latency_ratios(&mut evidence, records);
    evidence
}

#[test]
fn rule_the_ratio_is_of_quantiles_of_the_calls_totals_with_an_interval() {
    let slow = calls(|call| 22.0 + 2.0 * (call % 101) as f64, |call| 11.0 + (call % 101) as f64);
    let evidence = taken(&slow);
    for name in ["latency.p95_ratio", "latency.p99_ratio"] {
        let number = evidence.metrics[name];
        assert!((number.point - 2.0).abs() < 1e-12, "{name}: {number:?}");
        let ci = number.ci.unwrap();
        // Both arms take the same blocks, so that this ratio is the same in every resample.
        assert!((ci.lower.unwrap() - 2.0).abs() < 1e-9 && (ci.upper.unwrap() - 2.0).abs() < 1e-9);
    }
    assert!((evidence.latency_gap_ms["latency.p95_ratio"] - 106.0).abs() < 1e-9);
    let stages = &latency_quantiles(&slow)[&ArmName::Baseline];
    assert_eq!((stages["embed"].calls, stages["embed"].p99.point), (CALLS, 1.0));
    assert!((stages["total"].p50.point - 60.5).abs() < 1e-9, "{:?}", stages["total"]);
}

#[test]
fn rule_a_failed_call_or_too_few_are_no_data() {
    let healthy = calls(|_| 5.0, |_| 5.0);
    assert_eq!(taken(&healthy).metrics["latency.p95_ratio"].point, 1.0);
    let mut failed = healthy.clone();
    failed[7].error = Some("busy".into());
    let fewer = &healthy[..2 * CALLS - 2];
    let one_sided = &healthy[..2 * CALLS - 1];
    for (records, why) in
        [(&failed[..], "1 of 4000 calls"), (fewer, "1999 calls"), (one_sided, "1999 calls")]
    {
        let evidence = taken(records);
        assert!(!evidence.metrics.contains_key("latency.p95_ratio"));
        assert!(evidence.missing["latency.p95_ratio"].contains(why), "{why}");
    }
    let nothing = calls(|_| 5.0, |_| 0.0);
    assert!(taken(&nothing).missing["latency.p99_ratio"].contains("no time"));
}

#[test]
fn a_call_that_fails_is_a_record_with_its_error() {
    let embedder = HashEmbedder::new("m");
    let (store, gold) = (store(&embedder), questions());
    store.failing.lock().unwrap().insert(gold.items[1].question.clone(), u32::MAX);
    let calls = measure_latency(parts(&gold, &store, &embedder), None, 96, &settings(), &|_| ());
    let failed: Vec<LatencyRecord> =
        calls.unwrap().into_iter().filter(|call| call.error.is_some()).collect();
    assert_eq!(failed.len(), 1);
    assert!(failed[0].error.as_ref().unwrap().contains("busy"));
    assert_eq!(failed[0].stages_ms.keys().collect::<Vec<_>>(), ["embed"]);
}

#[test]
fn a_pass_ends_where_calls_fail_and_the_ratios_have_no_data() {
    let embedder = HashEmbedder::new("m");
    let (candidate, baseline, gold) = (store(&embedder), store(&embedder), questions());
    let asked = run(&gold, &candidate, &embedder).unwrap().runs;
    let dead = asked.into_iter().filter_map(|run| Some((run.text?, u32::MAX))).collect();
    *candidate.failing.lock().unwrap() = dead;
    candidate.turns.lock().unwrap().clear();
    let [new, old] = [&candidate, &baseline].map(|store| parts(&gold, store, &embedder));
    let calls = measure_latency(new, Some(old), 100, &settings(), &|_| ()).unwrap();
    assert_eq!(candidate.turns.lock().unwrap().len(), 20, "the twentieth failure is the last");
    let [call] = &calls[..] else { panic!("the call that ended the pass: {calls:?}") };
    assert!(call.arm == ArmName::Candidate && call.error.is_some(), "{call:?}");
    let missing = &taken(&calls).missing["latency.p95_ratio"];
    assert!(missing.contains("1 of 1 calls of the latency pass failed"), "{missing}");
}
