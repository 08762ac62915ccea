use wfgy_core::evaluation::RunStatus;
use wfgy_embed::StaticEmbedder;
use wfgy_gate::{Approves, Code, Verdict};

use super::*;
use crate::lexical::LexicalStore;
use crate::summary;

fn lexical() -> LexicalStore {
    LexicalStore::of(store(&HashEmbedder::new("m")))
}

fn lexical_parts<'a>(
    gold: &'a GoldSet,
    store: &'a LexicalStore,
    scorer: &'a StaticEmbedder,
) -> Parts<'a> {
    Parts {
        gold,
        store,
        tokenizer: None,
        embedder: None,
        scorer,
        embeds_any_text: false,
        scorer_embeds_any_text: true,
        cache: None,
    }
}

#[test]
fn rule_a_store_without_vectors_is_evaluated_to_a_verdict() {
    let (store, gold) = (lexical(), questions());
    let scorer = StaticEmbedder::new().unwrap();
    let found = evaluate(lexical_parts(&gold, &store, &scorer), &settings(), &|_| ()).unwrap();
    assert!(found.runs.iter().all(|run| run.status == RunStatus::Answered));
    assert!(!found.context.stored_vectors);
    assert_eq!(
        (found.context.integrity.mode.as_str(), found.context.integrity.checked),
        ("none", 0)
    );
    // The words of a question stand in its sentence only.
    for run in &found.runs {
        assert_eq!(run.coverage[&1].coverage, 1.0, "{} {:?}", run.question, run.text);
        // All characters of the first hit are target characters.
        assert_eq!((run.coverage[&1].precision, run.coverage[&1].iou), (1.0, 1.0));
        assert!(run.hits[0].delta_s_anchor.unwrap() < 1e-6, "the anchor is the hit's own text");
    }
    assert!(found.timings.iter().all(|timing| !timing.stages_ms.contains_key("embed")));
    let evidence = summary(&found.context, &found.runs, 10).unwrap();
    let decision = judged(&evidence, "cov>=0.70,lambda=convergent");
    assert_eq!((decision.verdict, decision.approves), (Verdict::Pass, Approves::Flip));
    let integrity = decision.decided.iter().find(|f| f.name == "integrity.mismatches").unwrap();
    assert_eq!((integrity.verdict, integrity.code), (Verdict::Pass, Code::Unchecked));
    assert!(integrity.reason.contains("holds no vectors"), "{}", integrity.reason);
    assert_eq!(judged(&evidence, "cov>=0.70,precision@1>=1.0,ds<=0.000001").verdict, Verdict::Fail);
}

#[test]
fn rule_a_store_whose_vectors_could_not_be_had_is_no_store_without_vectors() {
    let gold = questions();
    let scorer = StaticEmbedder::new().unwrap();
    let mut store = lexical();
    let found = evaluate(lexical_parts(&gold, &store, &scorer), &settings(), &|_| ()).unwrap();
    let sound = summary(&found.context, &found.runs, 10).unwrap();
    assert_eq!(judged(&sound, "cov>=0.70").verdict, Verdict::Pass);
    // A record that says so against its own pins, or under stored vectors, passes nothing.
    let mut pinned = sound.clone();
    pinned.pins.set("EMBED_DIM", 64);
    let mut stored = sound;
    stored.stored_vectors = true;
    for evidence in [pinned, stored] {
        assert_eq!(judged(&evidence, "cov>=0.70").verdict, Verdict::Inconclusive);
    }
    // Vectors without the pins of an embedder, and pins without an embedder, are refused.
    store.leaks_vectors = true;
    let error = evaluate(lexical_parts(&gold, &store, &scorer), &settings(), &|_| ()).unwrap_err();
    assert!(error.is_input() && error.to_string().contains("EMBED_MODEL_VER"), "{error}");
    store.pins.set("EMBED_MODEL_VER", "m");
    let error = evaluate(lexical_parts(&gold, &store, &scorer), &settings(), &|_| ()).unwrap_err();
    assert!(error.to_string().contains("name the embedder"), "{error}");
    let mut store = lexical();
    store.pins.set("TOK_VER", "words@1");
    let error = evaluate(lexical_parts(&gold, &store, &scorer), &settings(), &|_| ()).unwrap_err();
    assert!(error.to_string().contains("TOK_VER: is `words@1`"), "{error}");
    // An embedder or tokenizer that the index was not made with is refused as well.
    let embedder = HashEmbedder::new("m");
    let store = lexical();
    let with = Parts { embedder: Some(&embedder), ..lexical_parts(&gold, &store, &scorer) };
    let error = evaluate(with, &settings(), &|_| ()).unwrap_err();
    assert!(error.to_string().contains("EMBED_MODEL_VER is `nothing`"), "{error}");
}
