use std::collections::BTreeSet;
use std::sync::Arc;

use wfgy_core::evaluation::RunStatus;
use wfgy_core::{PortError, Tokenizer, Tokens};
use wfgy_gate::{CoverageUnit, DeltaSScale, Evidence, IntegrityMode};

use super::*;
use crate::{Records, evaluate_pair, paired_summary, summary};

/// A candidate that loses the best hit of every answer, and the whole baseline.
fn stores(embedder: &HashEmbedder) -> [MemoryStore; 2] {
    let [mut candidate, mut baseline] = [store(embedder), store(embedder)];
    candidate.lossy_below = usize::MAX;
    candidate.pins.set("INDEX_HASH", "candidate");
    baseline.pins.set("INDEX_HASH", "baseline");
    [candidate, baseline]
}

fn pair(gold: &GoldSet, stores: &[MemoryStore; 2], embedder: &HashEmbedder) -> [Evaluation; 2] {
    let [candidate, baseline] = stores.each_ref().map(|store| parts(gold, store, embedder));
    let found = evaluate_pair(candidate, baseline, None, &settings(), &|_| ()).unwrap();
    [found.candidate, found.baseline]
}

fn drift(found: &[Evaluation; 2]) -> Evidence {
    let [new, old] = found.each_ref().map(|e| Records { context: &e.context, runs: &e.runs });
    paired_summary(new, old, 10).unwrap()
}

#[test]
fn rule_an_arm_beside_another_gives_the_bytes_that_it_gives_alone() {
    let embedder = HashEmbedder::new("m");
    let (stores, gold) = (stores(&embedder), questions());
    let found = pair(&gold, &stores, &embedder);
    for (found, store) in found.iter().zip(&stores) {
        assert_eq!(bytes(found), bytes(&run(&gold, store, &embedder).unwrap()));
    }
    let alone = summary(&found[0].context, &found[0].runs, 10).unwrap();
    let beside = drift(&found);
    for (name, number) in &alone.metrics {
        assert_eq!(beside.metrics[name], *number, "{name}");
    }
}

#[test]
fn rule_what_both_arms_embed_is_embedded_once() {
    let embedder = HashEmbedder::new("m");
    let (stores, gold) = (stores(&embedder), questions());
    let [candidate, baseline] = stores.each_ref().map(|store| parts(&gold, store, &embedder));
    let settings = Settings { integrity: IntegrityMode::Off, ..settings() };
    evaluate_pair(candidate, baseline, None, &settings, &|_| ()).unwrap();
    let seen = embedder.seen.lock().unwrap();
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), seen.len());
}

#[test]
fn rule_arms_take_turns_on_the_same_queries() {
    let embedder = HashEmbedder::new("m");
    let (mut stores, gold) = (stores(&embedder), questions());
    stores[1].turns = Arc::clone(&stores[0].turns);
    pair(&gold, &stores, &embedder);
    // 96 runs are two calls a path.
    let turns = stores[0].turns.lock().unwrap().clone();
    assert_eq!(turns, ["candidate", "baseline"].repeat(4));
}

#[test]
fn rule_drift_is_a_statistic_of_the_differences_of_each_question() {
    let embedder = HashEmbedder::new("m");
    let (stores, gold) = (stores(&embedder), questions());
    let found = pair(&gold, &stores, &embedder);
    let drift = drift(&found);
    let alone = found.each_ref().map(|e| summary(&e.context, &e.runs, 10).unwrap());
    let values = |arm: &Evidence, name: &str| arm.samples[name][0].values().to_vec();
    let differences = |name: &str| -> Vec<f64> {
        let pairs = values(&alone[0], name).into_iter().zip(values(&alone[1], name));
        pairs.map(|(new, old)| new - old).collect()
    };
    assert_eq!(values(&drift, "drift.coverage"), differences("coverage.mean"));
    let mut delta_s = differences("delta_s.question:median");
    assert_eq!(values(&drift, "drift.delta_s.p95"), delta_s);
    delta_s.sort_by(f64::total_cmp);
    let median = (delta_s[11] + delta_s[12]) / 2.0;
    assert!((point(&drift, "drift.delta_s.median") - median).abs() < 1e-12);
    let mean = differences("coverage.mean").iter().sum::<f64>() / 24.0;
    assert!((point(&drift, "drift.coverage") - mean).abs() < 1e-12);
    assert!(mean < 0.0 && median > 0.0, "the best hit of the candidate is lost");
    assert!(drift.missing.contains_key("latency.p95_ratio"));
    let arm = drift.baseline.unwrap();
    assert_eq!(arm.pins.get("INDEX_HASH"), Some("baseline"));
    assert_eq!((arm.pairing.pairs, arm.pairing.delta_s), (24, DeltaSScale::DeltaS));
    assert_eq!((arm.pairing.coverage, arm.pairing.counts.runs), (CoverageUnit::Tokens, 96));
}

#[test]
fn rule_an_index_does_not_drift_from_itself() {
    let embedder = HashEmbedder::new("m");
    let ([_, same], gold) = (stores(&embedder), questions());
    let found = pair(&gold, &[same, store(&embedder)], &embedder);
    let drift = drift(&found);
    for name in ["drift.coverage", "drift.delta_s.median", "drift.delta_s.p95", "drift.flip_rate"] {
        assert_eq!(point(&drift, name), 0.0, "{name}");
    }
}

#[test]
fn rule_lost_runs_are_worst_for_the_candidate_and_best_for_the_baseline() {
    let embedder = HashEmbedder::new("m");
    let gold = questions();
    for sick in [0, 1] {
        let stores = [store(&embedder), store(&embedder)];
        let text = gold.items[0].question.clone();
        stores[sick].failing.lock().unwrap().insert(text, u32::MAX);
        let found = pair(&gold, &stores, &embedder);
        assert_eq!(found[sick].runs[0].status, RunStatus::Failed);
        let drift = drift(&found);
        let worst = drift.worst_case.as_ref().unwrap();
        // One of four runs of one of 24 questions: coverage 0 against 1, ΔS 2 against 0.
        let healthy = found[1 - sick].runs[0].coverage[&10].coverage;
        let lost = if sick == 0 { healthy } else { 1.0 - healthy };
        assert!((worst["drift.coverage"].point + lost / 96.0).abs() < 1e-12);
        assert!(worst["drift.delta_s.p95"].point >= 0.0);
        assert!(drift.worst_samples["drift.delta_s.p95"][0].values()[0] > 0.05);
        assert!(worst["drift.flip_rate"].point >= point(&drift, "drift.flip_rate"));
        // What the candidate itself lost, and no more, is in the rest of the worst case.
        let alone = summary(&found[0].context, &found[0].runs, 10).unwrap();
        let expected = alone.worst_case.unwrap_or(alone.metrics);
        assert_eq!(worst["coverage.mean"], expected["coverage.mean"]);
    }
}

#[test]
fn rule_arms_of_different_scorers_are_compared_by_z_in_their_own_hard_null() {
    let (one, other) = (HashEmbedder::new("m"), HashEmbedder::new("other"));
    let (new, old, gold) = (store(&one), store(&other), questions());
    let found = evaluate_pair(
        parts(&gold, &new, &one),
        parts(&gold, &old, &other),
        None,
        &settings(),
        &|_| (),
    );
    let found = found.unwrap();
    let found = [found.candidate, found.baseline];
    let drift = drift(&found);
    assert_eq!(drift.baseline.as_ref().unwrap().pairing.delta_s, DeltaSScale::ZOfHardNull);
    let z = |evaluation: &Evaluation| -> Vec<f64> {
        let median = |mut values: Vec<f64>| {
            values.sort_by(f64::total_cmp);
            (values[(values.len() - 1) / 2] + values[values.len() / 2]) / 2.0
        };
        let null: Vec<f64> = evaluation.runs.iter().filter_map(|r| r.hard_null).collect();
        let center = median(null.clone());
        let deviation = 1.4826 * median(null.iter().map(|v| (v - center).abs()).collect());
        let evidence = summary(&evaluation.context, &evaluation.runs, 10).unwrap();
        let values = evidence.samples["delta_s.question:median"][0].values().to_vec();
        values.into_iter().map(|value| (value - center) / deviation).collect()
    };
    let expected = z(&found[0]).into_iter().zip(z(&found[1])).map(|(new, old)| new - old);
    let values = drift.samples["drift.delta_s.median"][0].values();
    assert!(values.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{values:?}");
}

/// Characters that are no white space, each a token.
struct Letters;

impl Tokenizer for Letters {
    fn version(&self) -> &str {
        "letters@1"
    }

    fn encode(&self, text: &str) -> Result<Tokens, PortError> {
        let mut tokens = Tokens::default();
        for (i, c) in text.chars().enumerate().filter(|(_, c)| !c.is_whitespace()) {
            tokens.ids.push(c as u32);
            tokens.spans.push(Span::new(i, i + 1));
        }
        Ok(tokens)
    }
}

#[test]
fn rule_arms_of_different_tokenizers_are_compared_in_characters() {
    let embedder = HashEmbedder::new("m");
    let (stores, gold) = (stores(&embedder), questions());
    let [candidate, mut baseline] = stores;
    baseline.pins.set("TOK_VER", "letters@1");
    let other = Parts { tokenizer: Some(&Letters), ..parts(&gold, &baseline, &embedder) };
    let candidate = parts(&gold, &candidate, &embedder);
    let found = evaluate_pair(candidate, other, None, &settings(), &|_| ()).unwrap();
    let found = [found.candidate, found.baseline];
    let drift = drift(&found);
    assert_eq!(drift.baseline.as_ref().unwrap().pairing.coverage, CoverageUnit::Characters);
    for run in found.iter().flat_map(|e| &e.runs) {
        assert_eq!(run.character_coverage.len(), run.coverage.len());
    }
    // A whole sentence is covered or none of it, in tokens as in characters.
    let value = |e: &Evaluation| e.runs.iter().map(|r| r.character_coverage[&10]).sum::<f64>();
    let mean = (value(&found[0]) - value(&found[1])) / 96.0;
    assert!((point(&drift, "drift.coverage") - mean).abs() < 1e-12);
}

#[test]
fn arms_that_were_not_asked_alike_are_no_pairs() {
    let embedder = HashEmbedder::new("m");
    let (stores, gold) = (stores(&embedder), questions());
    let [new, old] = pair(&gold, &stores, &embedder);
    let mut others = vec![(old.context.clone(), "gold set"), (old.context.clone(), "questions")];
    others[0].0.gold_digest = wfgy_core::Digest::of("another");
    others[1].0.questions.swap(0, 1);
    for (context, what) in others {
        let baseline = Records { context: &context, runs: &old.runs };
        let candidate = Records { context: &new.context, runs: &new.runs };
        let error = paired_summary(candidate, baseline, 10).unwrap_err().to_string();
        assert!(error.contains("not asked alike") && error.contains(what), "{error}");
    }
    let mut fewer = gold.clone();
    fewer.items.pop();
    let candidate = parts(&gold, &stores[0], &embedder);
    let baseline = parts(&fewer, &stores[1], &embedder);
    let error = evaluate_pair(candidate, baseline, None, &settings(), &|_| ()).unwrap_err();
    assert!(error.is_input() && error.to_string().contains("gold set"), "{error}");
}
