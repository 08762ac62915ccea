//! A damage is named first, and a healthy index has no cause.

use wfgy_core::GoldSet;

use super::{parts, questions, section_text, settings};
use crate::diagnosis::{CauseKind, causes, observe};
use crate::evaluate;
use crate::memory::{HashEmbedder, MemoryStore};

type Corpus = Vec<(String, Vec<(String, String)>)>;

fn corpus() -> Corpus {
    let section = |d: usize, s: usize| (format!("s{s}"), section_text(d, s));
    (0..12).map(|d| (format!("d{d:02}"), (0..2).map(|s| section(d, s)).collect())).collect()
}

/// The questions, about documents whose ids sort as they stand.
fn gold() -> GoldSet {
    let mut gold = questions();
    for reference in gold.items.iter_mut().flat_map(|q| &mut q.targets).flat_map(|t| &mut t.any_of)
    {
        reference.doc_id = format!("d{:0>2}", &reference.doc_id[1..]);
    }
    gold
}

fn built(corpus: &Corpus, embedder: &HashEmbedder) -> MemoryStore {
    let borrowed: Vec<(&str, Vec<(&str, &str)>)> = corpus
        .iter()
        .map(|(d, sections)| {
            (d.as_str(), sections.iter().map(|(s, t)| (s.as_str(), t.as_str())).collect())
        })
        .collect();
    let documents: Vec<(&str, &[(&str, &str)])> =
        borrowed.iter().map(|(d, sections)| (*d, sections.as_slice())).collect();
    MemoryStore::build(&documents, embedder)
}

fn named(
    store: &MemoryStore,
    embedder: &HashEmbedder,
    live: Option<&MemoryStore>,
) -> Vec<CauseKind> {
    let gold = gold();
    let (parts, settings) = (parts(&gold, store, embedder), settings());
    let seen = evaluate(parts, &settings, &|_| ()).unwrap();
    let live = live.map(|live| live as &dyn wfgy_core::Store);
    let observed = observe(&parts, &settings, &seen.context, &seen.runs, live).unwrap();
    let again = observe(&parts, &settings, &seen.context, &seen.runs, live).unwrap();
    assert_eq!(observed, again);
    causes(&observed).into_iter().map(|cause| cause.kind).collect()
}

fn first(corpus: &Corpus) -> Option<CauseKind> {
    let embedder = HashEmbedder::new("m");
    named(&built(corpus, &embedder), &embedder, None).first().copied()
}

#[test]
fn rule_a_healthy_index_has_no_cause() {
    assert_eq!(first(&corpus()), None);
}

#[test]
fn rule_documents_that_are_gone_are_named_and_a_run_of_them_is_a_partition() {
    let kept = |gone: fn(usize) -> bool| -> Corpus {
        corpus().into_iter().enumerate().filter(|(n, _)| !gone(*n)).map(|(_, d)| d).collect()
    };
    assert_eq!(first(&kept(|n| n % 3 == 1)), Some(CauseKind::MissingDocuments));
    assert_eq!(first(&kept(|n| (4..9).contains(&n))), Some(CauseKind::PartitionMissing));
}

#[test]
fn rule_texts_under_other_ids_are_shuffled_and_texts_without_the_passage_are_stale() {
    let mut shuffled = corpus();
    for (d, (_, sections)) in shuffled.iter_mut().enumerate() {
        *sections = corpus()[(d + 5) % 12].1.clone();
    }
    assert_eq!(first(&shuffled), Some(CauseKind::ShuffledIds));
    let mut stale = corpus();
    for (n, (_, sections)) in stale.iter_mut().enumerate().filter(|(n, _)| n % 3 == 0) {
        for (s, (_, text)) in sections.iter_mut().enumerate() {
            *text = section_text(100 + n, s);
        }
    }
    assert_eq!(first(&stale), Some(CauseKind::StaleDocuments));
}

#[test]
fn rule_texts_that_all_end_at_one_length_are_truncated() {
    let mut cut = corpus();
    for (_, text) in cut.iter_mut().flat_map(|(_, sections)| sections) {
        text.truncate(40);
    }
    assert_eq!(first(&cut), Some(CauseKind::TruncatedText));
}

#[test]
fn rule_repeated_documents_crowd_the_hits() {
    let mut repeated = corpus();
    for copy in 0..3 {
        let again =
            |(d, sections): (String, Vec<(String, String)>)| (format!("{d}-{copy}"), sections);
        repeated.splice(0..0, corpus().into_iter().map(again));
    }
    assert_eq!(first(&repeated), Some(CauseKind::NearDuplicates));
}

#[test]
fn rule_one_text_in_front_of_all_is_boilerplate() {
    let banner = "this page is for members of the house only and nobody may copy or print it. ";
    let mut framed = corpus();
    for (_, text) in framed.iter_mut().flat_map(|(_, sections)| sections) {
        *text = format!("{banner}{text}");
    }
    assert_eq!(first(&framed), Some(CauseKind::Boilerplate));
}

#[test]
fn rule_damage_of_vectors_and_of_the_graph_is_named() {
    let embedder = HashEmbedder::new("m");
    let healthy = || built(&corpus(), &embedder);
    let mut lossy = healthy();
    lossy.lossy = true;
    assert_eq!(named(&lossy, &embedder, None).first(), Some(&CauseKind::GraphLoss));
    let mut others = healthy();
    others.vectors = built(&corpus(), &HashEmbedder::new("n")).vectors;
    assert_eq!(named(&others, &embedder, None).first(), Some(&CauseKind::OtherEmbedder));
    let mut shuffled = healthy();
    shuffled.vectors.rotate_left(7);
    assert_eq!(named(&shuffled, &embedder, None).first(), Some(&CauseKind::ShuffledIds));
    let mut long = healthy();
    long.pins.set("metric", "dot");
    for (n, value) in
        long.vectors.iter_mut().enumerate().flat_map(|(n, row)| row.iter_mut().map(move |v| (n, v)))
    {
        *value *= 1.0 + (n % 9) as f32;
    }
    assert_eq!(named(&long, &embedder, None).first(), Some(&CauseKind::MissingNormalisation));
    let mut moved = healthy();
    for snippet in &mut moved.snippets {
        snippet.tokens.start += 1;
        snippet.tokens.end += 1;
    }
    assert_eq!(named(&moved, &embedder, None).first(), Some(&CauseKind::TokenizerDrift));
}

#[test]
fn rule_a_baseline_shows_what_the_gold_set_does_not_ask_about() {
    let embedder = HashEmbedder::new("m");
    let mut more = corpus();
    more.extend((20..40).map(|d| (format!("d{d}"), vec![("s0".to_owned(), section_text(d, 0))])));
    let (live, candidate) = (built(&more, &embedder), built(&corpus(), &embedder));
    assert_eq!(named(&candidate, &embedder, None), []);
    let causes = named(&candidate, &embedder, Some(&live));
    assert_eq!(causes.first(), Some(&CauseKind::MissingDocuments));
    assert_eq!(named(&live, &embedder, Some(&live)), []);
}
