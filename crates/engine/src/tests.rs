//! The rules of an evaluation, on a store in memory.

mod agreement;
mod calibrate;
mod check;
mod diagnosis;
mod evaluation;
mod failures;
mod integrity;
mod labels;
mod latency;
mod noise;
mod once;
mod pairs;
mod rebuild_seeds;
mod summary;
mod without_vectors;

use wfgy_core::{GoldSet, Question, Span, Target, TargetRef};
use wfgy_gate::{Baseline, PolicyDraft, Setting, Targets};

use crate::memory::{HashEmbedder, MemoryStore, Words};
use crate::{EvaluateError, Evaluation, Parts, Settings, evaluate};

/// Sentence `i` of section `s` of document `d`: words of its own, of its section and document.
fn sentence(d: usize, s: usize, i: usize) -> String {
    format!("Own{d}x{s}x{i} alpha{d}x{s}x{i} beta{d}x{s}x{i} sec{d}x{s} doc{d} common.")
}

fn section_text(d: usize, s: usize) -> String {
    (0..3).map(|i| sentence(d, s, i)).collect::<Vec<_>>().join(" ")
}

/// 12 documents of 2 sections of 3 snippets; document 12 has one section.
fn store(embedder: &HashEmbedder) -> MemoryStore {
    let texts: Vec<(String, Vec<(String, String)>)> = (0..13)
        .map(|d| {
            let sections = if d == 12 { 1 } else { 2 };
            let sections = (0..sections).map(|s| (format!("s{s}"), section_text(d, s))).collect();
            (format!("d{d}"), sections)
        })
        .collect();
    let borrowed: Vec<(&str, Vec<(&str, &str)>)> = texts
        .iter()
        .map(|(d, sections)| {
            (d.as_str(), sections.iter().map(|(s, t)| (s.as_str(), t.as_str())).collect())
        })
        .collect();
    let documents: Vec<(&str, &[(&str, &str)])> =
        borrowed.iter().map(|(d, sections)| (*d, sections.as_slice())).collect();
    MemoryStore::build(&documents, embedder)
}

fn reference(doc: &str, section: Option<&str>, span: Option<(usize, usize)>) -> TargetRef {
    TargetRef {
        doc_id: doc.into(),
        section_id: section.map(Into::into),
        offsets: span.map(|(start, end)| Span::new(start, end)),
        quote: None,
        grade: 1,
    }
}

/// The target that is sentence `i`, with its quote.
fn span_of(d: usize, s: usize, i: usize) -> TargetRef {
    let text = section_text(d, s);
    let quote = sentence(d, s, i);
    let start = text.find(&quote).unwrap();
    TargetRef {
        quote: Some(quote.clone()),
        ..reference(&format!("d{d}"), Some(&format!("s{s}")), Some((start, start + quote.len())))
    }
}

fn question(id: &str, text: &str, targets: Vec<TargetRef>) -> Question {
    Question {
        id: id.into(),
        question: text.into(),
        paraphrases: Vec::new(),
        answerable: !targets.is_empty(),
        targets: targets.into_iter().map(|t| Target { any_of: vec![t] }).collect(),
        anchors: Vec::new(),
        stratum: None,
    }
}

/// A question for sentence `i`, with one paraphrase.
fn about(d: usize, s: usize, i: usize) -> Question {
    let words = format!("own{d}x{s}x{i} alpha{d}x{s}x{i}");
    Question {
        paraphrases: vec![format!("Tell us about {words} beta{d}x{s}x{i}")],
        ..question(&format!("Q_{d}_{s}_{i}"), &format!("What is {words}?"), vec![span_of(d, s, i)])
    }
}

fn gold(items: Vec<Question>) -> GoldSet {
    GoldSet { name: "test".into(), language: "en".into(), items }
}

/// 24 questions, one a document and section (and two more).
fn questions() -> GoldSet {
    gold((0..24).map(|n| about(n / 2, n % 2, n % 3)).collect())
}

fn parts<'a>(gold: &'a GoldSet, store: &'a MemoryStore, embedder: &'a HashEmbedder) -> Parts<'a> {
    Parts {
        gold,
        store,
        tokenizer: Some(&Words),
        embedder: Some(embedder),
        scorer: embedder,
        embeds_any_text: true,
        scorer_embeds_any_text: true,
        cache: None,
    }
}

fn settings() -> Settings {
    Settings { backoff: std::time::Duration::ZERO, ..Settings::new(10, 2) }
}

fn run(
    gold: &GoldSet,
    store: &MemoryStore,
    embedder: &HashEmbedder,
) -> Result<Evaluation, EvaluateError> {
    evaluate(parts(gold, store, embedder), &settings(), &|_| ())
}

/// Everything that must be the same bytes.
fn bytes(evaluation: &Evaluation) -> String {
    let Evaluation { context, runs, exports, .. } = evaluation;
    serde_json::to_string(&(context, runs, &exports.texts, &exports.vectors)).unwrap()
}

/// The verdict under the criteria of `--targets`.
fn judged(evidence: &wfgy_gate::Evidence, targets: &str) -> wfgy_gate::Decision {
    let criteria = Targets { targets: Some(targets), ..Targets::default() }.criteria().unwrap();
    let policy = PolicyDraft { criteria, k: evidence.k, ..PolicyDraft::default() }.check().unwrap();
    let setting = Setting {
        baseline: Baseline::Declined,
        scorer: evidence.scorer.clone(),
        scorer_schema: evidence.scorer_schema.clone(),
        live: std::collections::BTreeSet::new(),
    };
    wfgy_gate::decide(&policy.effective(&setting).unwrap(), evidence).unwrap()
}

fn point(evidence: &wfgy_gate::Evidence, name: &str) -> f64 {
    evidence.metrics.get(name).unwrap_or_else(|| panic!("{name}: {:?}", evidence.missing)).point
}
