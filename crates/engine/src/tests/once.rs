use std::collections::BTreeMap;
use std::sync::Mutex;

use wfgy_core::{Deadline, Embedder, EmbedderIdentity, Embeddings, PortError, Tokenizer};
use wfgy_embed::StaticEmbedder;
use wfgy_score::{Vector, delta_s};

use super::*;
use crate::lexical::LexicalStore;

/// An embedder that counts how often it was asked for each string.
struct Counting<E> {
    inner: E,
    asked: Mutex<BTreeMap<String, usize>>,
}

impl<E: Embedder> Embedder for Counting<E> {
    fn identity(&self) -> &EmbedderIdentity {
        self.inner.identity()
    }

    fn tokenizer(&self) -> &dyn Tokenizer {
        self.inner.tokenizer()
    }

    fn embed(&self, texts: &[&str], deadline: Deadline) -> Result<Embeddings, PortError> {
        let mut asked = self.asked.lock().unwrap();
        for text in texts {
            *asked.entry((*text).to_owned()).or_default() += 1;
        }
        self.inner.embed(texts, deadline)
    }
}

/// More snippets than one block of a pass holds, with boilerplate and copies of a target in it.
fn repetitive(embedder: &HashEmbedder) -> MemoryStore {
    let filler: Vec<String> = (0..2300)
        .map(|i| match i {
            7 | 1500 | 2299 => sentence(1, 0, 0),
            i if i % 3 == 0 => "The same notice stands everywhere.".to_owned(),
            i => format!("Filler{} says item{} again.", i % 40, i % 700),
        })
        .collect();
    let filler = filler.join(" ");
    let sections: Vec<(String, String)> =
        (0..2).map(|s| (format!("s{s}"), section_text(1, s))).collect();
    let d1: Vec<(&str, &str)> = sections.iter().map(|(s, t)| (s.as_str(), t.as_str())).collect();
    MemoryStore::build(&[("d0", &[("s0", &filler)]), ("d1", &d1)], embedder)
}

fn texts(store: &MemoryStore) -> Vec<String> {
    let text = |snippet: &wfgy_core::Snippet| {
        let sections = &store.sections[&snippet.doc_id];
        let section = sections.iter().find(|s| s.section_id == snippet.section_id).unwrap();
        crate::passages::slice(&section.text, snippet.offsets).unwrap().to_owned()
    };
    store.snippets.iter().map(text).collect()
}

#[test]
fn rule_with_another_scorer_each_distinct_string_is_embedded_exactly_once() {
    let embedder = HashEmbedder::new("m");
    let scorer = Counting { inner: StaticEmbedder::new().unwrap(), asked: Mutex::default() };
    let store = repetitive(&embedder);
    let mut items = vec![about(1, 0, 0), about(1, 1, 2)];
    // A wording, an anchor and a snippet may be one string.
    items[0].paraphrases.push(sentence(1, 0, 1));
    items[1].anchors = vec!["The same notice stands everywhere.".into(), sentence(1, 0, 0)];
    let gold = gold(items);
    let with = Parts { scorer: &scorer, ..parts(&gold, &store, &embedder) };
    let found = evaluate(with, &settings(), &|_| ()).unwrap();
    let texts = texts(&store);
    {
        let asked = scorer.asked.lock().unwrap();
        let often: Vec<_> = asked.iter().filter(|(_, times)| **times != 1).collect();
        assert!(often.is_empty(), "{often:?}");
        assert!(texts.iter().all(|text| asked.contains_key(text)), "the whole index went by");
    }

    // What was left out of the pass changes nothing: a plain count says the same.
    let embed = |text: &str| scorer.inner.embed(&[text], Deadline::NONE).unwrap().values;
    let rows: BTreeMap<&str, Vec<f32>> = texts.iter().map(|t| (t.as_str(), embed(t))).collect();
    let apart = |a: &[f32], b: &[f32]| {
        let vector = |values| Vector::new("", values, scorer.identity().dim);
        delta_s(vector(a).unwrap(), vector(b).unwrap())
    };
    for run in found.runs.iter().filter(|run| run.seed == 0) {
        let target = if run.question == "Q_1_0_0" { 2300 } else { 2305 };
        let asked = embed(run.text.as_ref().unwrap());
        let to = |i: usize| apart(&asked, &rows[texts[i].as_str()]);
        let nearest =
            (0..texts.len()).filter(|i| *i != target).map(to).fold(f64::INFINITY, f64::min);
        assert!((run.hard_null.unwrap() - nearest).abs() < 1e-9, "{:?}", run.text);
        // A copy of the target outside of it is as near as the target itself.
        let copied = run.question == "Q_1_0_0" && to(target) <= nearest + 1e-9;
        assert_eq!(run.auc_hard == Some(0.5), copied, "{:?}", run.text);
        for hit in &run.hits {
            assert!((hit.delta_s_question - to(hit.position as usize)).abs() < 1e-12);
        }
    }
    assert!(found.runs.iter().any(|run| run.auc_hard == Some(0.5)));
}

#[test]
fn rule_a_store_without_vectors_has_each_distinct_string_embedded_exactly_once() {
    let scorer = Counting { inner: StaticEmbedder::new().unwrap(), asked: Mutex::default() };
    let store = LexicalStore::of(repetitive(&HashEmbedder::new("m")));
    let gold = gold(vec![about(1, 0, 0), about(1, 1, 2)]);
    let parts = Parts {
        gold: &gold,
        store: &store,
        tokenizer: None,
        embedder: None,
        scorer: &scorer,
        embeds_any_text: false,
        scorer_embeds_any_text: true,
        cache: None,
    };
    evaluate(parts, &settings(), &|_| ()).unwrap();
    assert!(scorer.asked.lock().unwrap().values().all(|times| *times == 1));
}
