//! A damage is named first, and a healthy index has no cause.

use wfgy_core::{Deadline, Embedder, GoldSet, Snippet};

use super::{parts, questions, section_text, sentence, settings};
use crate::diagnosis::{Cause, CauseKind, EffortSight, causes, observe};
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
    caused(&gold(), store, embedder, live).into_iter().map(|cause| cause.kind).collect()
}

fn caused(
    gold: &GoldSet,
    store: &MemoryStore,
    embedder: &HashEmbedder,
    live: Option<&MemoryStore>,
) -> Vec<Cause> {
    let (parts, settings) = (parts(gold, store, embedder), settings());
    let seen = evaluate(parts, &settings, &|_| ()).unwrap();
    let live = live.map(|live| live as &dyn wfgy_core::Store);
    let observed = observe(&parts, &settings, &seen.context, &seen.runs, live).unwrap();
    let again = observe(&parts, &settings, &seen.context, &seen.runs, live).unwrap();
    assert_eq!(observed, again);
    causes(&observed)
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
    lossy.lossy_below = usize::MAX;
    assert_eq!(named(&lossy, &embedder, None).first(), Some(&CauseKind::GraphLoss));
    let mut others = healthy();
    others.vectors = built(&corpus(), &HashEmbedder::new("n")).vectors;
    assert_eq!(named(&others, &embedder, None).first(), Some(&CauseKind::OtherEmbedder));
    let mut shuffled = healthy();
    shuffled.vectors.rotate_left(7);
    assert_eq!(named(&shuffled, &embedder, None).first(), Some(&CauseKind::ShuffledIds));
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

/// An index, asked in a way that should name a cause first, and what its evidence says.
struct Case {
    cause: CauseKind,
    says: &'static str,
    gold: GoldSet,
    embedder: HashEmbedder,
    store: MemoryStore,
    live: Option<MemoryStore>,
}

impl Case {
    fn of(cause: CauseKind, says: &'static str, corpus: &Corpus) -> Self {
        let embedder = HashEmbedder::new("m");
        let store = built(corpus, &embedder);
        Self { cause, says, gold: gold(), embedder, store, live: None }
    }
}

/// Every wording and quote with `alpha` written so that only `fold` makes it plain.
fn accented(mut gold: GoldSet) -> GoldSet {
    for question in &mut gold.items {
        let quotes = question.targets.iter_mut().flat_map(|target| &mut target.any_of);
        let quotes = quotes.filter_map(|reference| reference.quote.as_mut());
        for text in quotes.chain(&mut question.paraphrases).chain([&mut question.question]) {
            *text = text.replace("alpha", "\u{e4}lpha");
        }
    }
    gold
}

/// The corpus with every text made anew from its document's number and its old text.
fn rewritten(with: impl Fn(usize, &str) -> String) -> Corpus {
    let mut corpus = corpus();
    for (n, (_, sections)) in corpus.iter_mut().enumerate() {
        for (_, text) in sections {
            *text = with(n, text);
        }
    }
    corpus
}

fn analyzer_drift() -> Case {
    let folded = rewritten(|_, text| text.replace("alpha", "\u{e4}lpha"));
    let mut case = Case::of(CauseKind::AnalyzerDrift, "under ANALYZER_CONF `none`", &folded);
    case.store.pins.set("ANALYZER_CONF", "fold");
    Case { gold: accented(gold()), ..case }
}

/// Two sections of a document have changed names, in each third document.
fn label_drift() -> Case {
    let mut renamed = corpus();
    for (_, sections) in renamed.iter_mut().step_by(3) {
        let names = [sections[1].0.clone(), sections[0].0.clone()];
        for (section, name) in sections.iter_mut().zip(names) {
            section.0 = name;
        }
    }
    Case::of(CauseKind::LabelDrift, "8 of 24 targets", &renamed)
}

fn mixed_embedders() -> Case {
    let mut case = Case::of(CauseKind::MixedEmbedders, "are not those of their text", &corpus());
    let others = built(&corpus(), &HashEmbedder::new("another")).vectors;
    for (row, other) in case.store.vectors.iter_mut().zip(others).step_by(4) {
        *row = other;
    }
    case
}

/// Vectors of nine lengths under a metric that they count in: the embedder's own, or those of
/// vectors that it would have given unit length.
fn lengths(cause: CauseKind, metric: &str) -> Case {
    let mut case = Case::of(cause, "norms of stored vectors run from 1.000 to 9.000", &corpus());
    case.embedder.identity.unit_norm = cause == CauseKind::MissingNormalisation;
    case.store.pins.set("metric", metric);
    for (n, row) in case.store.vectors.iter_mut().enumerate() {
        row.iter_mut().for_each(|value| *value *= 1.0 + (n % 9) as f32);
    }
    case
}

fn language_change() -> Case {
    let long = rewritten(|n, text| match n % 2 {
        0 => format!("{text} Tell us what is common about own{n} doc{n}."),
        _ => (0..30)
            .map(|i| format!("\u{3bf} \u{3b4}\u{3c1}\u{3cc}\u{3bc}\u{3bf}\u{3c2}{n}x{i} "))
            .collect(),
    });
    Case::of(CauseKind::LanguageChange, "50 % of 12 documents", &long)
}

/// Documents that nobody asks about have another text than the baseline's.
fn stale_against_a_baseline() -> Case {
    let more = |revision: usize| {
        let mut corpus = corpus();
        let section = |d: usize| vec![("s0".to_owned(), section_text(d + revision, 0))];
        corpus.extend((20..40).map(|d| (format!("d{d}"), section(d))));
        corpus
    };
    let case =
        Case::of(CauseKind::StaleDocuments, "20 of 32 documents have another text", &more(100));
    Case { live: Some(built(&more(0), &case.embedder)), ..case }
}

/// A graph that finds all only in searches wide enough, or in none.
fn graph_loss(lossy_below: usize, says: &'static str) -> Case {
    let mut case = Case::of(CauseKind::GraphLoss, says, &corpus());
    case.store.lossy_below = lossy_below;
    case
}

/// Passages that begin four tokens before the end of a snippet and end three after it.
fn chunking() -> Case {
    let says = "24 of 24 passages are cut by the end of a snippet, an overlap of 4 tokens";
    let mut case = Case::of(CauseKind::Chunking, says, &corpus());
    for question in &mut case.gold.items {
        let numbers: Vec<usize> =
            question.id.split('_').skip(1).map(|n| n.parse().unwrap()).collect();
        let (d, s, i) = (numbers[0], numbers[1], numbers[2].min(1));
        let text = section_text(d, s);
        let before: usize = (0..i).map(|i| sentence(d, s, i).len() + 1).sum();
        let start = before + sentence(d, s, i).find("sec").unwrap();
        let last = format!("beta{d}x{s}x{}", i + 1);
        let end = text.find(&last).unwrap() + last.len();
        let reference = &mut question.targets[0].any_of[0];
        reference.offsets = Some(wfgy_core::Span::new(start, end));
        reference.quote = Some(text[start..end].to_owned());
    }
    case
}

/// A model that reads four tokens of each text.
fn truncated_by_the_model() -> Case {
    let mut case = Case::of(
        CauseKind::TruncatedText,
        "100 % of the hits are cut at the model's 4",
        &[].into(),
    );
    case.embedder.identity.schema.max_tokens = 4;
    case.store = built(&corpus(), &case.embedder);
    case
}

/// Documents that nobody asks about are the beginning of the baseline's.
fn truncated_against_a_baseline() -> Case {
    let more = |most: usize| {
        let mut corpus = corpus();
        let text = |d: usize| section_text(d, 0)[..most.min(section_text(d, 0).len())].to_owned();
        corpus.extend((20..40).map(|d| (format!("d{d}"), vec![("s0".to_owned(), text(d))])));
        corpus
    };
    let says = "20 of 32 documents are the beginning of the baseline's";
    let case = Case::of(CauseKind::TruncatedText, says, &more(40));
    Case { live: Some(built(&more(usize::MAX), &case.embedder)), ..case }
}

#[test]
fn a_wider_search_is_no_advice_where_the_served_one_misses_nothing() {
    let embedder = HashEmbedder::new("m");
    let (gold, store) = (gold(), built(&corpus(), &embedder));
    let (parts, settings) = (parts(&gold, &store, &embedder), settings());
    let seen = evaluate(parts, &settings, &|_| ()).unwrap();
    let mut observed = observe(&parts, &settings, &seen.context, &seen.runs, None).unwrap();
    // Paraphrases lose what questions as written do not.
    observed.graph_recall = Some(0.97);
    let (served, wider) = (0.99, vec![(32, 0.99), (64, 1.0)]);
    observed.effort = Some(EffortSight { questions: 40, served, wider });
    let found = causes(&observed);
    assert_eq!(found[0].kind, CauseKind::GraphLoss, "{found:#?}");
    let says = "top 10; over 40 questions 99.0 % as served: too little to tell what would mend it";
    assert!(found[0].evidence.ends_with(says), "{}", found[0].evidence);
}

#[test]
fn rule_each_damage_comes_first_with_its_evidence() {
    for case in [
        graph_loss(64, "100.0 % with ef 64: raising ef to 64 mends it"),
        graph_loss(usize::MAX, "and no more with any ef up to 64: links are missing"),
        chunking(),
        truncated_by_the_model(),
        truncated_against_a_baseline(),
        analyzer_drift(),
        label_drift(),
        mixed_embedders(),
        lengths(CauseKind::MetricMismatch, "dot"),
        lengths(CauseKind::MetricMismatch, "l2"),
        lengths(CauseKind::MissingNormalisation, "dot"),
        lengths(CauseKind::MissingNormalisation, "l2"),
        language_change(),
        stale_against_a_baseline(),
    ] {
        let Case { cause, says, gold, embedder, store, live } = &case;
        let found = caused(gold, store, embedder, live.as_ref());
        let first = found.first().unwrap_or_else(|| panic!("{cause}: nothing was named"));
        assert_eq!(first.kind, *cause, "{found:#?}");
        assert!(first.evidence.contains(says), "{cause}: {}", first.evidence);
    }
    // Without the damage none of them is named.
    let healthy = Case::of(CauseKind::LabelDrift, "", &corpus());
    assert_eq!(caused(&healthy.gold, &healthy.store, &healthy.embedder, None), []);
}

/// The mean over questions of one over the rank of their first target under negative squared
/// distance, by the definition: differences squared and summed.
fn reciprocal_rank_by_l2(case: &Case) -> f64 {
    let Case { gold, embedder, store, .. } = case;
    let ranks: Vec<f64> = gold
        .items
        .iter()
        .filter(|question| !question.targets.is_empty())
        .map(|question| {
            let asked = format!("query: {}", question.question);
            let asked = embedder.embed(&[asked.as_str()], Deadline::NONE).unwrap().values;
            let distance = |row: &Vec<f32>| -> f64 {
                row.iter().zip(&asked).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum()
            };
            let aims = question.targets.iter().flat_map(|target| &target.any_of);
            let is_target = |snippet: &Snippet| {
                aims.clone().any(|aim| {
                    aim.doc_id == snippet.doc_id
                        && aim.section_id.as_ref().is_none_or(|id| *id == snippet.section_id)
                        && aim.offsets.is_none_or(|span| span.intersects(snippet.offsets))
                })
            };
            let all: Vec<f64> = store.vectors.iter().map(distance).collect();
            let targets = store.snippets.iter().zip(&all).filter(|(s, _)| is_target(s));
            let nearest = targets.map(|(_, d)| *d).fold(f64::INFINITY, f64::min);
            1.0 / (1.0 + all.iter().filter(|d| **d < nearest).count() as f64)
        })
        .collect();
    ranks.iter().sum::<f64>() / ranks.len() as f64
}

#[test]
fn rule_lengths_stand_beside_what_each_metric_would_find() {
    for metric in ["dot", "l2"] {
        for cause in [CauseKind::MetricMismatch, CauseKind::MissingNormalisation] {
            let case = lengths(cause, metric);
            let found = caused(&case.gold, &case.store, &case.embedder, None);
            let evidence = &found[0].evidence;
            let words = evidence.split([' ', ',', ';']);
            let numbers: Vec<f64> = words.filter_map(|word| word.parse().ok()).collect();
            let [least, greatest, served, questions, cosine, dot, l2] = numbers[..] else {
                panic!("{evidence}")
            };
            assert_eq!((least, greatest), (1.0, 9.0), "{evidence}");
            assert!(evidence.contains(&format!(" under {metric}; ")), "{evidence}");
            assert_eq!(served, if metric == "dot" { dot } else { l2 }, "{evidence}");
            assert!(cosine > served && dot != l2 && questions > 0.0, "{evidence}");
            assert!((l2 - reciprocal_rank_by_l2(&case)).abs() < 5e-4, "{evidence}");
        }
    }
    // Unit vectors, whatever the metric.
    for metric in ["dot", "l2"] {
        let mut case = Case::of(CauseKind::MetricMismatch, "", &corpus());
        case.store.pins.set("metric", metric);
        assert_eq!(caused(&case.gold, &case.store, &case.embedder, None), []);
    }
}
