//! One evaluation from beginning to end.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use wfgy_core::Snippet;
use wfgy_core::evaluation::{Calibration, Context, Null, QuestionRecord, RunRecord, TimingRecord};
use wfgy_score::Retrieved;
use wfgy_stats::Sample;

use crate::asked::Asked;
use crate::draw::{DRAWN, draw};
use crate::embedded::{Exports, Texts};
use crate::error::EvaluateError;
use crate::hard::{Wording, nearest_wrong};
use crate::index::Index;
use crate::integrity;
use crate::labels::{Labeller, Labels};
use crate::plan::Plan;
use crate::reader::Reader;
use crate::records::{AskedQuestion, AskedRun, Scored, Scoring, score};
use crate::seeds::Perturber;
use crate::setup::{OnProgress, Parts, Progress, Settings};
use crate::texts::EmbeddedText;
use crate::vectors::ScoringVectors;

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
    /// ΔS between wordings and what is known to answer, and what is known not to.
    pub known: KnownDistances,
    /// Vectors of wordings and anchors under the scorer.
    pub exports: Exports,
}

/// ΔS at seed 0, pooled over wordings in the order of the runs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct KnownDistances {
    /// To the nearest snippet that overlaps a target; wordings of questions that have one.
    pub targets: Vec<f64>,
    /// To each decoy.
    pub random: Vec<f64>,
    /// To the nearest snippet of the whole index that overlaps no target.
    pub hard: Vec<f64>,
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
    let labels = Labeller::new(parts.store, parts.tokenizer, settings, unit)
        .labels(&parts.gold.items, progress)?;
    for (question, labels) in parts.gold.items.iter().zip(&labels) {
        labels.refuse_impossible(&question.id)?;
    }
    let plan = Plan::of(parts.gold, &perturber(&parts, &index), &settings.seeds)?;
    let mut texts = Texts::compose(&parts, &index.analyzer, &plan, &labels);
    let scoring = texts.embed(&parts, settings, progress)?;
    let integrity = integrity::check(&parts, settings, &index, progress)?;
    let asked = Asked::of(&parts, settings, &plan, &texts, &scoring, progress);

    let decoys: Vec<Vec<u32>> = std::iter::zip(&parts.gold.items, &labels)
        .map(|(question, labels)| match question.answerable {
            true => draw("decoy", &question.id, parts.store.n_snippets(), DRAWN, &labels.positions),
            false => Vec::new(),
        })
        .collect();
    let mut vectors = ScoringVectors::new(parts, settings, &index.analyzer, scoring, index.stored);
    vectors.prepare(&asked.needed(&labels, &decoys), progress)?;
    let hard = hard_null(&parts, &plan, &texts, &labels, &mut vectors, progress)?;
    let reader = Reader::new(parts.store, settings);
    let hits = hit_snippets(reader, &asked)?;
    let sole = sole_sections(reader, &hits)?;

    let run = |i: usize| AskedRun {
        planned: &plan.runs[i],
        vector: vectors.texts.get(texts.scored(i)),
        outcome: &asked.outcomes[i],
        hard: hard[i],
        embed_ms: texts.milliseconds(i, &vectors.texts),
    };
    let anchor = |text: &EmbeddedText| vectors.texts.get(text.sha256);
    let questions: Vec<AskedQuestion<'_>> = parts
        .gold
        .items
        .iter()
        .enumerate()
        .map(|(q, question)| AskedQuestion {
            question,
            labels: &labels[q],
            anchors: texts.anchors(q).iter().filter_map(anchor).collect(),
            decoys: &decoys[q],
            runs: plan.runs_of(q).map(run).collect(),
        })
        .collect();
    let frame = Scoring {
        vectors: &vectors,
        store: parts.store,
        settings,
        hits: &hits,
        sole: &sole,
        retrieved: match parts.tokenizer {
            Some(_) => |hit| Retrieved::in_tokens(hit),
            None => |hit| Retrieved::in_characters(hit),
        },
    };
    let total = questions.len();
    progress(Progress { stage: "score", done: 0, total });
    let scored: Vec<Result<Scored, EvaluateError>> =
        questions.par_iter().map(|asked| score(asked, &frame)).collect();
    progress(Progress { stage: "score", done: total, total });
    drop(questions);

    let mut runs = Vec::with_capacity(plan.runs.len());
    let mut timings = Vec::with_capacity(plan.runs.len());
    let mut known = KnownDistances::default();
    for scored in scored {
        let scored = scored?;
        runs.extend(scored.runs);
        timings.extend(scored.timings);
        known.random.extend(scored.random);
        known.targets.extend(scored.targets);
    }
    known.hard = runs.iter().filter_map(|run| run.hard_null).collect();
    let calibration =
        Calibration { random: null(known.random.clone()), hard: null(known.hard.clone()) };
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
        truncated: BTreeMap::from([
            ("query".to_owned(), texts.truncated_queries(&vectors.texts)),
            ("anchor".to_owned(), texts.truncated_anchors(&vectors.texts)),
            ("snippet".to_owned(), vectors.truncated()),
        ]),
        dropped_runs: plan.dropped.clone(),
    };
    let exports = texts.exports(&parts, settings, &plan, &vectors.texts);
    Ok(Evaluation { context, runs, timings, known, exports })
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

/// Seeds are what the index sees of them: tokens where its tokenizer is known, else words.
fn perturber<'a>(parts: &Parts<'a>, index: &Index) -> Perturber<'a> {
    let language = &parts.gold.language;
    match (parts.embedder, parts.tokenizer) {
        (Some(embedder), tokenizer) => {
            let tokenizer = tokenizer.unwrap_or(embedder.tokenizer());
            let schema = &embedder.identity().schema;
            Perturber::new(tokenizer, Some(schema), index.analyzer, language)
        }
        (None, Some(tokenizer)) => Perturber::new(tokenizer, None, index.analyzer, language),
        (None, None) => Perturber::of_words(index.analyzer, language),
    }
}

/// By run: the nearest snippet that overlaps no target, for seed 0 of answerable questions.
fn hard_null(
    parts: &Parts<'_>,
    plan: &Plan,
    texts: &Texts,
    labels: &[Labels],
    vectors: &mut ScoringVectors<'_>,
    progress: OnProgress<'_>,
) -> Result<Vec<Option<u32>>, EvaluateError> {
    let has_null = |i: &usize| {
        let run = &plan.runs[*i];
        let answerable = parts.gold.items[run.question].answerable;
        run.seed == 0 && answerable && vectors.texts.get(texts.scored(*i)).is_some()
    };
    let asked: Vec<usize> = (0..plan.runs.len()).filter(has_null).collect();
    let wordings: Vec<Wording<'_>> = asked
        .iter()
        .map(|i| Wording {
            key: texts.scored(*i),
            targets: &labels[plan.runs[*i].question].positions,
        })
        .collect();
    let found = nearest_wrong(vectors, parts.store.n_snippets(), &wordings, progress)?;
    let mut hard = vec![None; plan.runs.len()];
    for (i, found) in asked.into_iter().zip(found) {
        hard[i] = found;
    }
    Ok(hard)
}

/// The snippets among the hits, by corpus position.
fn hit_snippets(
    reader: Reader<'_>,
    asked: &Asked,
) -> Result<BTreeMap<u32, Snippet>, EvaluateError> {
    let positions: BTreeSet<u32> = asked.hits().collect();
    let positions: Vec<u32> = positions.into_iter().collect();
    let snippets = reader.snippets(&positions).map_err(EvaluateError::at("snippets"))?;
    Ok(positions.into_iter().zip(snippets).collect())
}

/// The documents among the hits that have one section only.
fn sole_sections(
    reader: Reader<'_>,
    hits: &BTreeMap<u32, Snippet>,
) -> Result<BTreeSet<String>, EvaluateError> {
    let doc_ids = hits.values().map(|snippet| snippet.doc_id.as_str()).collect();
    let counts = reader.section_counts(&doc_ids).map_err(EvaluateError::at("sections"))?;
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
