use wfgy_core::evaluation::Integrity;
use wfgy_gate::IntegrityMode;

use super::*;
use crate::memory::Words;
use wfgy_core::{Embedder, Tokenizer};

fn check(store: &MemoryStore, embedder: &HashEmbedder, mode: IntegrityMode) -> Integrity {
    let gold = gold(vec![about(1, 0, 0)]);
    let settings = Settings { integrity: mode, ..settings() };
    evaluate(parts(&gold, store, embedder), &settings, &|_| ()).unwrap().context.integrity
}

fn vector(embedder: &HashEmbedder, text: &str) -> Vec<f32> {
    embedder.embed(&[&format!("passage: {text}")], wfgy_core::Deadline::NONE).unwrap().values
}

#[test]
fn rule_64_snippets_are_drawn_by_the_index_hash_and_compared() {
    let embedder = HashEmbedder::new("m");
    let found = check(&store(&embedder), &embedder, IntegrityMode::Sample);
    assert_eq!((found.mode.as_str(), found.checked, found.mismatches), ("sample", 64, 0));
    assert!(found.lowest_cosine.unwrap() > 0.999_999 && found.kind.is_none());
    let found = check(&store(&embedder), &embedder, IntegrityMode::Full);
    assert_eq!((found.mode.as_str(), found.checked), ("full", 75));
}

#[test]
fn rule_only_vectors_that_were_drawn_stand_for_others() {
    let embedder = HashEmbedder::new("m");
    let texts: Vec<String> = (0..65).map(|d| sentence(d, 0, 0)).collect();
    let interval = |n: usize| {
        let sections: Vec<[(&str, &str); 1]> =
            texts[..n].iter().map(|t| [("s0", &t[..])]).collect();
        let ids: Vec<String> = (0..n).map(|d| format!("d{d}")).collect();
        let documents: Vec<(&str, &[(&str, &str)])> =
            std::iter::zip(&ids, &sections).map(|(id, s)| (&id[..], &s[..])).collect();
        let store = MemoryStore::build(&documents, &embedder);
        assert_eq!(store.snippets.len(), n);
        let gold = gold(vec![about(1, 0, 0)]);
        let found = evaluate(parts(&gold, &store, &embedder), &settings(), &|_| ()).unwrap();
        let evidence = crate::summary(&found.context, &found.runs, 10).unwrap();
        let integrity = found.context.integrity;
        assert_eq!(integrity.checked, 64);
        (integrity.mode, evidence.metrics["integrity.mismatches"].ci.is_some())
    };
    assert_eq!(interval(64), ("full".to_owned(), false));
    assert_eq!(interval(65), ("sample".to_owned(), true));
}

#[test]
fn rule_off_and_impossible_compare_nothing_and_say_so() {
    let embedder = HashEmbedder::new("m");
    let store = store(&embedder);
    let found = check(&store, &embedder, IntegrityMode::Off);
    assert_eq!((found.mode.as_str(), found.checked, found.lowest_cosine), ("off", 0, None));
    let gold = gold(vec![about(1, 0, 0)]);
    let precomputed = Parts { embeds_any_text: false, ..parts(&gold, &store, &embedder) };
    let found = evaluate(precomputed, &settings(), &|_| ()).unwrap();
    assert_eq!(found.context.integrity.mode, "impossible");
    let evidence = crate::summary(&found.context, &found.runs, 10).unwrap();
    assert!(evidence.missing["integrity.mismatches"].contains("impossible"));
}

#[test]
fn rule_a_miss_names_shuffled_ids() {
    let embedder = HashEmbedder::new("m");
    let mut store = store(&embedder);
    store.vectors.rotate_left(7);
    let found = check(&store, &embedder, IntegrityMode::Sample);
    assert_eq!((found.mismatches, found.kind.as_deref()), (64, Some("shuffled_ids")));
    assert_eq!(found.examples.len(), 5);
    // Two swapped among many are shuffled too.
    let mut store = super::store(&embedder);
    store.vectors.swap(3, 40);
    let found = check(&store, &embedder, IntegrityMode::Full);
    assert_eq!((found.mismatches, found.kind.as_deref()), (2, Some("shuffled_ids")));
    assert_eq!(found.examples, [3, 40].map(|p: usize| store.snippets[p].snippet_id.clone()));
}

#[test]
fn rule_a_miss_names_stale_text() {
    let embedder = HashEmbedder::new("m");
    let mut store = store(&embedder);
    for position in (0..75).step_by(3) {
        // What was embedded had other words at its end.
        let snippet = &store.snippets[position];
        let text = &store.sections[&snippet.doc_id]
            .iter()
            .find(|s| s.section_id == snippet.section_id)
            .unwrap()
            .text[snippet.offsets.start..snippet.offsets.end];
        store.vectors[position] = vector(&embedder, &text.replace("common", "outdated wording"));
    }
    let found = check(&store, &embedder, IntegrityMode::Full);
    assert_eq!((found.mismatches, found.kind.as_deref()), (25, Some("stale_text")));
}

#[test]
fn rule_a_miss_names_another_model_or_mixed_models() {
    let (embedder, other) = (HashEmbedder::new("m"), HashEmbedder::new("another"));
    let theirs = store(&other);
    let mut all = store(&embedder);
    all.vectors = theirs.vectors.clone();
    let found = check(&all, &embedder, IntegrityMode::Sample);
    assert_eq!((found.mismatches, found.kind.as_deref()), (64, Some("other_model")));
    let mut some = store(&embedder);
    for position in (0..75).step_by(4) {
        some.vectors[position] = theirs.vectors[position].clone();
    }
    let found = check(&some, &embedder, IntegrityMode::Full);
    assert_eq!((found.mismatches, found.kind.as_deref()), (19, Some("mixed_models")));
}

#[test]
fn rule_a_stored_vector_is_its_texts_from_cosine_0_999_on() {
    let embedder = HashEmbedder::new("m");
    // The stored vector turned until the cosine with its text's is `cosine`.
    let mismatches = |cosine: f64| {
        let mut store = store(&embedder);
        let (own, other) = (store.vectors[5].clone(), store.vectors[60].clone());
        let dot = |a: &[f32], b: &[f32]| -> f64 {
            a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum()
        };
        let share = dot(&own, &other) / dot(&own, &own);
        let across: Vec<f64> =
            own.iter().zip(&other).map(|(x, y)| f64::from(*y) - share * f64::from(*x)).collect();
        let length = across.iter().map(|x| x * x).sum::<f64>().sqrt();
        let norm = dot(&own, &own).sqrt();
        store.vectors[5] = own
            .iter()
            .zip(&across)
            .map(|(x, y)| {
                let turned =
                    cosine * f64::from(*x) / norm + (1.0 - cosine * cosine).sqrt() * y / length;
                turned as f32
            })
            .collect();
        check(&store, &embedder, IntegrityMode::Full).mismatches
    };
    assert_eq!(mismatches(0.999_005), 0);
    assert_eq!(mismatches(0.998_995), 1);
}

#[test]
fn the_titles_and_offsets_of_what_is_embedded_are_those_of_the_snippet() {
    let embedder = HashEmbedder::new("m");
    let mut store = store(&embedder);
    store.sections.get_mut("d4").unwrap()[1].title = Some("A title".into());
    // d4#s1 is positions 27 to 29; they were embedded without a title.
    let found = check(&store, &embedder, IntegrityMode::Full);
    assert_eq!(found.mismatches, 3);
    for position in 27..30 {
        let i = position - 27;
        store.vectors[position] = vector(&embedder, &format!("A title {}", sentence(4, 1, i)));
    }
    assert_eq!(check(&store, &embedder, IntegrityMode::Full).mismatches, 0);
    assert!(Words.encode("A title").unwrap().ids.len() == 2);
}
