use std::collections::BTreeSet;

use wfgy_core::evaluation::RunStatus;
use wfgy_core::{Embedder, Unit};
use wfgy_gate::IntegrityMode;

use super::*;
use crate::Progress;

/// 1 − cosine by a plain loop.
fn ds(a: &[f32], b: &[f32]) -> f64 {
    let dot = |x: &[f32], y: &[f32]| -> f64 {
        x.iter().zip(y).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum()
    };
    1.0 - dot(a, b) / (dot(a, a).sqrt() * dot(b, b).sqrt())
}

fn embed(embedder: &HashEmbedder, text: &str) -> Vec<f32> {
    embedder.embed(&[text], wfgy_core::Deadline::NONE).unwrap().values
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-12
}

#[test]
fn rule_every_run_is_asked_once_and_stands_in_gold_wording_seed_order() {
    let embedder = HashEmbedder::new("m");
    let (store, gold) = (store(&embedder), questions());
    let found = run(&gold, &store, &embedder).unwrap();
    assert_eq!(found.runs.len(), 24 * 2 * 2);
    assert_eq!(found.timings.len(), found.runs.len());
    let place = |r: &wfgy_core::evaluation::RunRecord| {
        (gold.items.iter().position(|q| q.id == r.question).unwrap(), r.wording, r.seed)
    };
    assert!(found.runs.windows(2).all(|pair| place(&pair[0]) < place(&pair[1])));
    for run in &found.runs {
        assert_eq!(run.status, RunStatus::Answered);
        assert_eq!(run.hits.len(), 50);
        assert_eq!(run.exact.len(), 50);
        assert_eq!(run.coverage.keys().copied().collect::<Vec<_>>(), [1, 3, 5, 10, 20, 50]);
    }
    assert!(found.context.dropped_runs.is_empty());
    assert_eq!(found.context.unit, Unit::Snippet);
    assert!(found.context.stored_vectors);
}

#[test]
fn rule_each_distinct_text_is_embedded_once() {
    let embedder = HashEmbedder::new("m");
    let (store, mut gold) = (store(&embedder), questions());
    gold.items[1].anchors = gold.items[0].anchors.clone();
    gold.items[2].paraphrases = vec![gold.items[3].question.clone()];
    let settings = Settings { integrity: IntegrityMode::Off, ..settings() };
    evaluate(parts(&gold, &store, &embedder), &settings, &|_| ()).unwrap();
    let seen = embedder.seen.lock().unwrap();
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), seen.len());
}

#[test]
fn rule_delta_s_anchor_decoy_auc_and_hard_null_are_what_a_plain_count_gives() {
    let embedder = HashEmbedder::new("m");
    let store = store(&embedder);
    let mut gold = gold(vec![about(2, 1, 0), about(12, 0, 2)]);
    gold.items[0].anchors = vec!["alpha2x1x0 common".into(), "doc5 doc6".into()];
    let found = run(&gold, &store, &embedder).unwrap();
    let n = store.vectors.len();
    for run in &found.runs {
        let question = gold.items.iter().find(|q| q.id == run.question).unwrap();
        let text = run.text.as_ref().unwrap();
        let query = embed(&embedder, &format!("query: {text}"));
        let anchors: Vec<Vec<f32>> = match question.anchors.is_empty() {
            true => vec![question.targets[0].any_of[0].quote.clone().unwrap()],
            false => question.anchors.clone(),
        }
        .iter()
        .map(|anchor| embed(&embedder, &format!("passage: {anchor}")))
        .collect();
        let target = if run.question == "Q_2_1_0" { 15 } else { 74 };
        for hit in &run.hits {
            let row = &store.vectors[hit.position as usize];
            assert!(near(hit.delta_s_question, ds(&query, row)));
            let nearest = anchors.iter().map(|a| ds(row, a)).fold(2.0, f64::min);
            assert!(near(hit.delta_s_anchor.unwrap(), nearest));
            assert_eq!(hit.sole_section, hit.doc_id == "d12");
        }
        let excluded = BTreeSet::from([target as u32]);
        let decoys = crate::draw::draw("decoy", &run.question, n, 64, &excluded);
        assert_eq!(decoys.len(), 64);
        let first = &store.vectors[run.hits[0].position as usize];
        let mut apart: Vec<f64> = decoys
            .iter()
            .filter(|d| **d != run.hits[0].position)
            .map(|d| ds(first, &store.vectors[*d as usize]))
            .collect();
        apart.sort_by(f64::total_cmp);
        let median = (apart[(apart.len() - 1) / 2] + apart[apart.len() / 2]) / 2.0;
        assert!(near(run.delta_s_decoy.unwrap(), median));
        if run.seed != 0 {
            assert_eq!((run.auc, run.auc_hard, run.hard_null), (None, None, None));
            continue;
        }
        let distances: Vec<f64> = store.vectors.iter().map(|row| ds(&query, row)).collect();
        let hard =
            (0..n).filter(|p| *p != target).map(|p| distances[p]).fold(f64::INFINITY, f64::min);
        assert!((run.hard_null.unwrap() - hard).abs() < 1e-9);
        let won = decoys.iter().filter(|d| distances[**d as usize] > distances[target]).count();
        assert!(near(run.auc.unwrap(), won as f64 / 64.0));
        assert_eq!(run.auc_hard, Some(f64::from(u8::from(hard > distances[target]))));
    }
    let calibration = &found.context.calibration;
    assert_eq!(calibration.random.as_ref().unwrap().n, 4 * 64);
    assert_eq!(calibration.hard.as_ref().unwrap().n, 4);
}

#[test]
fn rule_results_are_the_same_bytes_on_any_number_of_threads() {
    let embedder = HashEmbedder::new("m");
    let (store, gold) = (store(&embedder), questions());
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| bytes(&run(&gold, &store, &embedder).unwrap()))
    };
    let one = on(1);
    assert_eq!(one, on(2));
    assert_eq!(one, on(8));
}

#[test]
fn rule_another_scorer_measures_the_text_embedded_anew() {
    let (embedder, scorer) = (HashEmbedder::new("m"), HashEmbedder::new("another"));
    let (store, gold) = (store(&embedder), questions());
    let with = Parts { scorer: &scorer, ..parts(&gold, &store, &embedder) };
    let found = evaluate(with, &settings(), &|_| ()).unwrap();
    let same = run(&gold, &store, &embedder).unwrap();
    assert!(!found.context.stored_vectors);
    assert_eq!(found.context.scorer, "another");
    for (run, other) in found.runs.iter().zip(&same.runs) {
        // The store is asked with its own embedder: the same hits, other distances.
        let positions = |r: &wfgy_core::evaluation::RunRecord| -> Vec<u32> {
            r.hits.iter().map(|h| h.position).collect()
        };
        assert_eq!(positions(run), positions(other));
        let query = embed(&scorer, &format!("query: {}", run.text.as_ref().unwrap()));
        let hit = &run.hits[0];
        let section = &store.sections[&hit.doc_id].iter().find(|s| s.section_id == hit.section_id);
        let text = &section.unwrap().text[hit.offsets.start..hit.offsets.end];
        let row = embed(&scorer, &format!("passage: {text}"));
        assert!(near(hit.delta_s_question, ds(&query, &row)));
    }
    // The whole index was swept for the hard null, and every snippet made once for it.
    assert_eq!(found.context.calibration.hard.as_ref().unwrap().n, 48);
}

#[test]
fn rule_a_query_with_another_embedder_is_refused_by_name() {
    let (embedder, other) = (HashEmbedder::new("m"), HashEmbedder::new("other"));
    let (store, gold) = (store(&embedder), questions());
    let error = run(&gold, &store, &other).unwrap_err();
    assert!(error.is_input());
    let error = error.to_string();
    assert!(error.contains("EMBED_MODEL_VER is `m`") && error.contains("`other`"), "{error}");
}

#[test]
fn rule_the_document_unit_goes_on_until_max_k_50_documents_are_found() {
    let embedder = HashEmbedder::new("m");
    let store = store(&embedder);
    let mut item = question("Q", "What is own3x1x2 alpha3x1x2?", vec![]);
    item.answerable = true;
    for doc in ["d3", "d7", "gone"] {
        item.targets.push(Target { any_of: vec![reference(doc, None, None)] });
    }
    let gold = gold(vec![item]);
    let found = run(&gold, &store, &embedder).unwrap();
    assert_eq!(found.context.unit, Unit::Document);
    let record = &found.runs[0];
    // There are 13 documents only, so every snippet is retrieved.
    assert_eq!(record.hits.len(), store.snippets.len());
    assert!((record.coverage[&1].coverage - 1.0 / 3.0).abs() < 1e-12);
    assert!((record.coverage[&20].coverage - 2.0 / 3.0).abs() < 1e-12);
    let qrels = &found.context.questions[0].qrels;
    assert_eq!(qrels.keys().collect::<Vec<_>>(), ["d3", "d7", "gone"]);
    let evidence = crate::summary(&found.context, &found.runs, 10).unwrap();
    for k in [1, 3, 5, 10, 20, 50] {
        // With seeds both equal where rankings agree; recall is wording 0, seed 0 alone.
        let coverage = found.runs[0].coverage[&k].coverage;
        assert!(near(point(&evidence, &format!("recall@{k}")), coverage), "{k}");
    }
}

#[test]
fn rule_redaction_leaves_no_text_of_the_customer_in_any_record() {
    let embedder = HashEmbedder::new("m");
    let store = store(&embedder);
    let mut gold = questions();
    gold.items[0].anchors = vec!["alpha0x0x0 secret".into()];
    let settings = Settings { redact: true, ..settings() };
    let found = evaluate(parts(&gold, &store, &embedder), &settings, &|_| ()).unwrap();
    let bytes = bytes(&found).to_lowercase();
    for word in ["alpha", "what is", "tell us", "secret", "common"] {
        assert!(!bytes.contains(word), "{word}");
    }
}

#[test]
fn rule_exports_name_every_vector_by_the_hash_of_its_embedded_string() {
    let embedder = HashEmbedder::new("m");
    let (store, gold) = (store(&embedder), gold(vec![about(1, 0, 0), about(4, 1, 2)]));
    let exports = run(&gold, &store, &embedder).unwrap().exports;
    assert_eq!(exports.vectors.len(), exports.texts.len() * exports.dim);
    assert_eq!(exports.texts.len(), 8 + 2);
    for (row, record) in exports.texts.iter().enumerate() {
        assert_eq!(record.row, row);
        let text = record.text.as_ref().unwrap();
        assert_eq!(record.sha256, wfgy_core::Digest::of(text));
        let vector = &exports.vectors[row * exports.dim..(row + 1) * exports.dim];
        assert_eq!(vector, embed(&embedder, text));
    }
}

#[test]
fn rule_truncated_texts_are_counted_by_what_they_are() {
    let mut embedder = HashEmbedder::new("m");
    embedder.identity.schema.max_tokens = 12;
    let store = store(&embedder);
    let mut gold = gold(vec![about(1, 0, 0)]);
    gold.items[0].anchors = vec!["word ".repeat(40), "short".into()];
    gold.items[0].paraphrases = vec!["long ".repeat(40)];
    let found = run(&gold, &store, &embedder).unwrap();
    assert_eq!(found.context.truncated["anchor"], 1);
    assert_eq!(found.context.truncated["query"], 2, "the paraphrase under both seeds");
    assert_eq!(found.context.truncated["snippet"], 0, "stored vectors are not made anew");
}

#[test]
fn progress_of_every_stage_ends_at_its_total() {
    let embedder = HashEmbedder::new("m");
    let (store, gold) = (store(&embedder), questions());
    let steps = std::sync::Mutex::new(std::collections::BTreeMap::new());
    let tell = |p: Progress| {
        steps.lock().unwrap().insert(p.stage, (p.done, p.total));
    };
    evaluate(parts(&gold, &store, &embedder), &settings(), &tell).unwrap();
    let steps = steps.into_inner().unwrap();
    let stages = ["embed", "exact", "integrity", "labels", "nulls", "retrieve", "score"];
    assert_eq!(steps.keys().copied().collect::<Vec<_>>(), stages);
    assert!(steps.values().all(|(done, total)| done == total && *total > 0));
}
