//! One evaluation from beginning to end.

use std::collections::BTreeSet;

use rayon::prelude::*;
use wfgy_core::Analyzer;
use wfgy_core::evaluation::{Calibration, Context, Null, QuestionRecord, RunRecord, TimingRecord};
use wfgy_stats::Sample;

use crate::asked::Asked;
use crate::draw::{DRAWN, draw};
use crate::embedded::{Exports, Texts};
use crate::error::EvaluateError;
use crate::hard::{Wording, nearest_wrong};
use crate::integrity;
use crate::labels::{Labeller, Labels};
use crate::plan::Plan;
use crate::reader::Reader;
use crate::records::{AskedQuestion, Scored, score};
use crate::setup::{OnProgress, Parts, Progress, Settings};
use crate::vectors::SnippetVectors;

/// Everything that an evaluation saw.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// What stands beside the runs.
    pub context: Context,
    /// All runs that were asked: in gold order, then by wording, then by seed.
    pub runs: Vec<RunRecord>,
    /// Times of the runs that did not fail, in the same order. The only thing here that differs
    /// between two evaluations of the same bytes.
    pub timings: Vec<TimingRecord>,
    /// Vectors of wordings and anchors under the scorer.
    pub exports: Exports,
}

/// Asks the store every wording of every question under every seed, and scores what comes back.
///
/// The same parts and settings give the same context, runs and exports on any number of threads,
/// as long as no run failed.
///
/// # Errors
/// [`EvaluateError`] where there is nothing to judge; a run that fails is no error but a record.
pub fn evaluate(
    parts: Parts<'_>,
    settings: &Settings,
    progress: OnProgress<'_>,
) -> Result<Evaluation, EvaluateError> {
    check_settings(settings)?;
    let index = Index::of(&parts)?;
    let unit = parts.gold.unit();
    let labels = Labeller::new(parts.store, parts.embedder.tokenizer(), settings, unit)
        .labels(&parts.gold.items, progress)?;
    for (question, labels) in parts.gold.items.iter().zip(&labels) {
        labels.refuse_impossible(&question.id)?;
    }
    let mut plan = Plan::of(parts.gold, parts.embedder, &index.analyzer, &settings.seeds)?;
    let texts = Texts::embed(&parts, settings, &index.analyzer, &mut plan, &labels, progress)?;
    let integrity = integrity::check(&parts, settings, &index.analyzer, &index.hash, progress)?;
    let asked = Asked::of(&parts, settings, unit, &plan, &texts, progress);

    let decoys: Vec<Vec<u32>> = std::iter::zip(&parts.gold.items, &labels)
        .map(|(question, labels)| match question.answerable {
            true => draw("decoy", &question.id, parts.store.n_snippets(), DRAWN, &labels.positions),
            false => Vec::new(),
        })
        .collect();
    let needed = asked.needed(&labels, &decoys);
    let mut vectors = SnippetVectors::new(parts, settings, &index.analyzer, index.stored);
    let hard = hard_null(&parts, &plan, &texts, &labels, &needed, &mut vectors, progress)?;
    vectors.prepare(&needed)?;
    vectors.prepare(&hard.iter().flatten().copied().collect())?;
    let sole = sole_sections(&parts, settings, &asked)?;

    let questions: Vec<AskedQuestion<'_>> = parts
        .gold
        .items
        .iter()
        .enumerate()
        .map(|(q, question)| AskedQuestion {
            question,
            labels: &labels[q],
            anchors: texts.anchors(&labels[q]),
            decoys: &decoys[q],
            runs: asked.runs_of(q, &plan, &texts, &hard),
        })
        .collect();
    let total = questions.len();
    progress(Progress { stage: "score", done: 0, total });
    let scored: Vec<Result<Scored, EvaluateError>> = questions
        .par_iter()
        .map(|asked| score(asked, &vectors, parts.store, settings, &sole))
        .collect();
    progress(Progress { stage: "score", done: total, total });
    drop(questions);

    let mut runs = Vec::with_capacity(plan.runs.len());
    let mut timings = Vec::with_capacity(plan.runs.len());
    let mut random = Vec::new();
    for scored in scored {
        let scored = scored?;
        runs.extend(scored.runs);
        timings.extend(scored.timings);
        random.extend(scored.random);
    }
    let calibration = Calibration {
        random: null(random),
        hard: null(runs.iter().filter_map(|r| r.hard_null).collect()),
    };
    let context = Context {
        index: parts.store.name().to_owned(),
        pins: parts.store.pins().clone(),
        gold_digest: parts
            .gold
            .digest()
            .map_err(|error| EvaluateError::Records(format!("gold set: {error}")))?,
        gold_name: parts.gold.name.clone(),
        language: parts.gold.language.clone(),
        unit,
        k: settings.k,
        seeds: settings.seeds.clone(),
        scorer: parts.scorer.identity().model_ver.clone(),
        scorer_schema: parts.scorer.identity().schema.to_string(),
        stored_vectors: index.stored || !parts.scorer_embeds_any_text,
        questions: question_records(&parts, settings, &labels),
        calibration,
        integrity,
        truncated: texts.truncated(&plan, &labels, &vectors),
        dropped_runs: plan.dropped.clone(),
    };
    let exports = texts.exports(&parts, settings, &plan, &labels);
    Ok(Evaluation { context, runs, timings, exports })
}

pub(crate) fn check_settings(settings: &Settings) -> Result<(), EvaluateError> {
    let wrong = |name, problem: &str| Err(EvaluateError::Setting { name, problem: problem.into() });
    if settings.k == 0 {
        return wrong("k", "is 0; at least one hit is needed");
    }
    if !settings.seeds.contains(&0) {
        return wrong("seeds", "seed 0, the wording as written, is not among them; add it");
    }
    let distinct: BTreeSet<u64> = settings.seeds.iter().copied().collect();
    if distinct.len() != settings.seeds.len() {
        return wrong("seeds", "one seed stands twice; name each once");
    }
    Ok(())
}

/// What the store says of itself.
pub(crate) struct Index {
    hash: String,
    pub(crate) analyzer: Analyzer,
    /// Whether ΔS can be read from stored vectors.
    stored: bool,
}

impl Index {
    pub(crate) fn of(parts: &Parts<'_>) -> Result<Self, EvaluateError> {
        let store = parts.store;
        let pin = |pin: &'static str| {
            store.pins().get(pin).ok_or_else(|| EvaluateError::Pin {
                store: store.name().to_owned(),
                pin,
                problem: "is missing; rebuild the index".to_owned(),
            })
        };
        if store.n_snippets() == 0 {
            return Err(EvaluateError::EmptyStore { store: store.name().to_owned() });
        }
        let analyzer = pin("ANALYZER_CONF")?.parse().map_err(|error| EvaluateError::Pin {
            store: store.name().to_owned(),
            pin: "ANALYZER_CONF",
            problem: format!("{error}"),
        })?;
        let identity = parts.embedder.identity();
        for (name, given) in [
            ("EMBED_MODEL_VER", identity.model_ver.clone()),
            ("EMBED_SCHEMA", identity.schema.to_string()),
            ("EMBED_DIM", identity.dim.to_string()),
            ("TOK_VER", parts.embedder.tokenizer().version().to_owned()),
        ] {
            let built_with = pin(name)?;
            if built_with != given {
                return Err(EvaluateError::OtherEmbedder {
                    store: store.name().to_owned(),
                    pin: name,
                    built_with: built_with.to_owned(),
                    given,
                });
            }
        }
        let scorer = parts.scorer.identity();
        let stored = pin("EMBED_MODEL_VER")? == scorer.model_ver
            && pin("EMBED_SCHEMA")? == scorer.schema.to_string();
        Ok(Self { hash: pin("INDEX_HASH")?.to_owned(), analyzer, stored })
    }
}

/// By run: the nearest snippet that overlaps no target, for seed 0 of answerable questions.
fn hard_null(
    parts: &Parts<'_>,
    plan: &Plan,
    texts: &Texts<'_>,
    labels: &[Labels],
    needed: &BTreeSet<u32>,
    vectors: &mut SnippetVectors<'_>,
    progress: OnProgress<'_>,
) -> Result<Vec<Option<u32>>, EvaluateError> {
    let asked: Vec<usize> = (0..plan.runs.len())
        .filter(|i| plan.runs[*i].seed == 0)
        .filter(|i| parts.gold.items[plan.runs[*i].question].answerable)
        .collect();
    let wordings: Vec<Wording<'_>> = asked
        .iter()
        .map(|i| &plan.runs[*i])
        .map(|run| Wording {
            vector: texts.scored(run).unwrap_or_default(),
            targets: &labels[run.question].positions,
        })
        .collect();
    let n = parts.store.n_snippets();
    let found = nearest_wrong(vectors, n, &wordings, needed, progress)?;
    let mut hard = vec![None; plan.runs.len()];
    for (i, found) in asked.into_iter().zip(found) {
        hard[i] = found;
    }
    Ok(hard)
}

/// The documents among the hits that have one section only.
fn sole_sections(
    parts: &Parts<'_>,
    settings: &Settings,
    asked: &Asked,
) -> Result<BTreeSet<String>, EvaluateError> {
    let at = EvaluateError::at("sections");
    let reader = Reader::new(parts.store, settings);
    let positions: BTreeSet<u32> = asked.hits().collect();
    let positions: Vec<u32> = positions.into_iter().collect();
    let snippets = reader.snippets(&positions).map_err(&at)?;
    let doc_ids = snippets.iter().map(|snippet| snippet.doc_id.as_str()).collect();
    let counts = reader.section_counts(&doc_ids).map_err(&at)?;
    Ok(counts.into_iter().filter(|(_, n)| *n == 1).map(|(d, _)| d.to_owned()).collect())
}

fn question_records(
    parts: &Parts<'_>,
    settings: &Settings,
    labels: &[Labels],
) -> Vec<QuestionRecord> {
    let record = |(question, labels): (&wfgy_core::Question, &Labels)| QuestionRecord {
        id: question.id.clone(),
        text: (!settings.redact).then(|| question.question.clone()),
        stratum: question.stratum.clone(),
        answerable: question.answerable,
        n_wordings: question.wordings().count(),
        qrels: labels.qrels.clone(),
        expected: labels.expected.clone(),
        label_problems: labels.problems(),
    };
    parts.gold.items.iter().zip(labels).map(record).collect()
}

/// Quantiles of pooled values; `None` without values.
fn null(values: Vec<f64>) -> Option<Null> {
    let sample = Sample::new(values).ok()?;
    Some(Null {
        n: sample.n(),
        p01: sample.quantile(0.01),
        p05: sample.quantile(0.05),
        p50: sample.quantile(0.50),
        p95: sample.quantile(0.95),
    })
}
