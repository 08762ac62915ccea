//! The noise floor: rebuilds of the candidate against each other.

use std::collections::BTreeSet;

use wfgy_core::evaluation::Noise;
use wfgy_core::{PortError, Store};
use wfgy_gate::{Evidence, IntegrityMode};

use super::*;
use crate::{PairEvaluation, Rebuilds, Records, add_noise_floor, evaluate_pair, paired_summary};

/// Whether the best hit of every answer is lost, rebuild by rebuild.
const LUCK: [usize; 3] = [0, usize::MAX, usize::MAX];

fn rebuild(seed: u64, embedder: &HashEmbedder) -> MemoryStore {
    let mut rebuilt = store(embedder);
    rebuilt.lossy_below = LUCK[seed as usize - 1];
    rebuilt
}

type Graph<'a> = &'a dyn Fn(u64) -> Result<Option<Box<dyn Store + 'a>>, PortError>;

/// A candidate and a baseline of one content, and the candidate's rebuilds as `graph` gives them.
fn evaluated(
    gold: &GoldSet,
    embedders: [&HashEmbedder; 2],
    settings: &Settings,
    graph: Graph<'_>,
) -> PairEvaluation {
    let stores = embedders.map(store);
    let [candidate, baseline] = [0, 1].map(|i| parts(gold, &stores[i], embedders[i]));
    let rebuilds = Some(Rebuilds { noise: LUCK.len(), seeds: 0, graph });
    evaluate_pair(candidate, baseline, rebuilds, settings, &|_| ()).unwrap()
}

fn evidence(found: &PairEvaluation) -> Evidence {
    let [new, old] = [&found.candidate, &found.baseline]
        .map(|arm| Records { context: &arm.context, runs: &arm.runs });
    let mut evidence = paired_summary(new, old, 10).unwrap();
    add_noise_floor(&mut evidence, found.noise.as_ref().unwrap());
    evidence
}

#[test]
fn rule_the_noise_floor_is_how_far_rebuilds_drift_from_each_other() {
    let embedder = HashEmbedder::new("m");
    let gold = questions();
    let graph = |seed| Ok(Some(Box::new(rebuild(seed, &embedder)) as Box<dyn Store>));
    let found = evaluated(&gold, [&embedder; 2], &settings(), &graph);
    // The same two answers as arms of a comparison, which is other code from end to end.
    let [lucky, unlucky] = [1, 2].map(|seed| run(&gold, &rebuild(seed, &embedder), &embedder));
    let [lucky, unlucky] = [lucky, unlucky].map(Result::unwrap);
    let [new, old] =
        [&unlucky, &lucky].map(|arm| Records { context: &arm.context, runs: &arm.runs });
    let drift = paired_summary(new, old, 10).unwrap();
    let drifts = found.noise.as_ref().unwrap().drifts.as_ref().unwrap();
    let noise = evidence(&found).noise.unwrap();
    assert_eq!((noise.noise_rebuilds, drifts.len()), (3, noise.floor.len()));
    // λ of the unlucky ones is over too few questions, so flips have no drift and no floor.
    let with_data = drift.metrics.keys().filter(|metric| metric.starts_with("drift."));
    assert!(drifts.keys().eq(with_data) && drifts.len() == 3);
    for (metric, drifts) in drifts {
        let expected = point(&drift, metric);
        // (1, 0), (2, 0), (2, 1)
        assert_eq!(drifts, &[expected, expected, 0.0], "{metric}");
        assert_eq!(noise.floor[metric], expected.abs(), "{metric}");
    }
    assert!(noise.floor["drift.coverage"] > 0.0);
}

#[test]
fn rule_rebuilds_change_nothing_else_and_embed_nothing_again() {
    let embedder = HashEmbedder::new("m");
    let gold = questions();
    let settings = Settings { integrity: IntegrityMode::Off, ..settings() };
    // The stores are made by a twin, so that only the evaluation's texts are seen.
    let twin = HashEmbedder::new("m");
    let stores = [store(&twin), store(&twin)];
    let graph = |seed| Ok(Some(Box::new(rebuild(seed, &twin)) as Box<dyn Store>));
    let [candidate, baseline] = [0, 1].map(|i| parts(&gold, &stores[i], &embedder));
    let rebuilds = Some(Rebuilds { noise: 3, seeds: 0, graph: &graph });
    let found = evaluate_pair(candidate, baseline, rebuilds, &settings, &|_| ()).unwrap();
    let seen = embedder.seen.lock().unwrap().clone();
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), seen.len());
    let alone = evaluate_pair(candidate, baseline, None, &settings, &|_| ()).unwrap();
    assert_eq!(bytes(&found.candidate), bytes(&alone.candidate));
    assert_eq!(bytes(&found.baseline), bytes(&alone.baseline));
    assert_eq!(alone.noise, None);
}

#[test]
fn rule_between_embedders_the_noise_of_delta_s_is_in_the_unit_of_the_comparison() {
    let [one, other] = ["m", "n"].map(HashEmbedder::new);
    let gold = questions();
    let graph = |seed| Ok(Some(Box::new(rebuild(seed, &one)) as Box<dyn Store>));
    let same = evidence(&evaluated(&gold, [&one, &one], &settings(), &graph)).noise.unwrap();
    let found = evaluated(&gold, [&one, &other], &settings(), &graph);
    let in_nulls = evidence(&found).noise.unwrap();
    let mut hard: Vec<f64> = found.candidate.runs.iter().filter_map(|run| run.hard_null).collect();
    let median = |values: &mut Vec<f64>| {
        values.sort_by(f64::total_cmp);
        (values[(values.len() - 1) / 2] + values[values.len() / 2]) / 2.0
    };
    let center = median(&mut hard);
    let deviation = 1.4826 * median(&mut hard.iter().map(|x| (x - center).abs()).collect());
    let expected = same.floor["drift.delta_s.median"] / deviation;
    assert!((in_nulls.floor["drift.delta_s.median"] - expected).abs() < 1e-9 * expected);
    assert_eq!(in_nulls.floor["drift.coverage"], same.floor["drift.coverage"]);
}

#[test]
fn rule_an_index_without_a_graph_has_a_floor_of_zero() {
    let embedder = HashEmbedder::new("m");
    let found = evaluated(&questions(), [&embedder; 2], &settings(), &|_| Ok(None));
    assert_eq!(found.noise, Some(Noise { noise_rebuilds: 3, k: 10, drifts: None }));
    let noise = evidence(&found).noise.unwrap();
    assert_eq!(noise.floor.len(), 4);
    assert_eq!(noise.floor.values().copied().collect::<Vec<f64>>(), [0.0; 4]);
}

#[test]
fn rule_failures_and_another_k_widen_nothing() {
    let embedder = HashEmbedder::new("m");
    let gold = questions();
    let text = gold.items[0].question.clone();
    let graph = |seed| {
        let rebuilt = rebuild(seed, &embedder);
        if seed == 2 {
            rebuilt.failing.lock().unwrap().insert(text.clone(), u32::MAX);
        }
        Ok(Some(Box::new(rebuilt) as Box<dyn Store>))
    };
    let found = evaluated(&gold, [&embedder; 2], &settings(), &graph);
    assert!(evidence(&found).noise.unwrap().floor.is_empty());
    let mut evidence = evidence(&found);
    evidence.noise = None;
    let drifts = Some([("drift.coverage".to_owned(), vec![0.1])].into());
    add_noise_floor(&mut evidence, &Noise { noise_rebuilds: 2, k: 5, drifts });
    assert_eq!(evidence.noise, None);
    let names: BTreeSet<String> = found.noise.unwrap().drifts.unwrap().into_keys().collect();
    assert!(names.is_empty());
}

#[test]
fn rule_the_floor_is_the_95th_percentile_of_the_absolute_drifts_by_nearest_rank() {
    let embedder = HashEmbedder::new("m");
    let found = evaluated(&questions(), [&embedder; 2], &settings(), &|_| Ok(None));
    let mut evidence = evidence(&found);
    // 20 rebuilds are 190 pairs, of which 181 are at or below rank ⌈0.95 · 190⌉.
    let drifts: Vec<f64> =
        (1..=190).map(|i| f64::from(i) / if i % 2 == 0 { 1000.0 } else { -1000.0 }).collect();
    let drifts = Some([("drift.coverage".to_owned(), drifts)].into());
    add_noise_floor(&mut evidence, &Noise { noise_rebuilds: 20, k: 10, drifts });
    let noise = evidence.noise.unwrap();
    assert_eq!(noise.floor.into_iter().collect::<Vec<_>>(), [("drift.coverage".to_owned(), 0.181)]);
}
