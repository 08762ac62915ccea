//! From answers and vectors to the records of one question.

use std::collections::{BTreeMap, BTreeSet};

use wfgy_core::evaluation::{HitRecord, RunRecord, RunStatus, TimingRecord};
use wfgy_core::{Answer, Deadline, Question, Snippet, Store};
use wfgy_score::coverage::Coverage;
use wfgy_score::delta_s::{auc, nearest};
use wfgy_score::{Retrieved, Vector, delta_s};
use wfgy_stats::Sample;

use crate::asked::Outcome;
use crate::error::EvaluateError;
use crate::labels::Labels;
use crate::plan::PlannedRun;
use crate::setup::Settings;
use crate::vectors::ScoringVectors;

/// A run with everything that was asked for it.
pub(crate) struct AskedRun<'a> {
    pub(crate) planned: &'a PlannedRun,
    /// The wording under the scorer; `None` only where the run was not asked.
    pub(crate) vector: Option<&'a [f32]>,
    pub(crate) outcome: &'a Outcome,
    /// The nearest snippet that overlaps no target, for seed 0 of an answerable question.
    pub(crate) hard: Option<u32>,
    /// `None` where the store is asked with text alone.
    pub(crate) embed_ms: Option<f64>,
}

/// What the runs of all questions share.
pub(crate) struct Scoring<'a> {
    pub(crate) vectors: &'a ScoringVectors<'a>,
    pub(crate) store: &'a dyn Store,
    pub(crate) settings: &'a Settings,
    /// The snippets among the hits, by corpus position.
    pub(crate) hits: &'a BTreeMap<u32, Snippet>,
    /// The documents among the hits that have one section only.
    pub(crate) sole: &'a BTreeSet<String>,
    /// What coverage counts of a hit: tokens, or characters where the store has no tokenizer.
    pub(crate) retrieved: for<'h> fn(&'h HitRecord) -> Retrieved<'h>,
}

/// What the runs of one question share.
pub(crate) struct AskedQuestion<'a> {
    pub(crate) question: &'a Question,
    pub(crate) labels: &'a Labels,
    /// Vectors of the anchors that have one, under the scorer.
    pub(crate) anchors: Vec<&'a [f32]>,
    /// Corpus positions, ascending.
    pub(crate) decoys: &'a [u32],
    /// The targets counted in characters, beside an arm with another tokenizer.
    pub(crate) characters: Option<&'a Coverage>,
    pub(crate) runs: Vec<AskedRun<'a>>,
}

/// What came of one question.
#[derive(Default)]
pub(crate) struct Scored {
    pub(crate) runs: Vec<RunRecord>,
    pub(crate) timings: Vec<TimingRecord>,
    /// ΔS between its wordings and its decoys at seed 0.
    pub(crate) random: Vec<f64>,
    /// ΔS between its wordings and their nearest target snippet at seed 0.
    pub(crate) targets: Vec<f64>,
    /// ΔS between its wordings and their nearest snippet that overlaps no target at seed 0.
    pub(crate) hard: Vec<f64>,
}

/// Vectors of the snippets that one question needs, by corpus position.
struct Rows<'a> {
    store: &'a dyn Store,
    positions: Vec<u32>,
    values: Vec<f32>,
    dim: usize,
}

impl Rows<'_> {
    fn get(&self, position: u32) -> Result<Vector<'_>, EvaluateError> {
        let i = self
            .positions
            .binary_search(&position)
            .map_err(|_| EvaluateError::NoVector { item: self.name(position) })?;
        let row = &self.values[i * self.dim..(i + 1) * self.dim];
        // The name is looked up only where an error needs it.
        Vector::new("", row, self.dim)
            .or_else(|_| Ok(Vector::new(&self.name(position), row, self.dim)?))
    }

    fn name(&self, position: u32) -> String {
        match self.store.snippets(&[position], Deadline::NONE).as_deref() {
            Ok([snippet]) => format!("snippet {}", snippet.snippet_id),
            _ => format!("snippet at position {position}"),
        }
    }
}

/// Scores the runs of one question, in their order.
pub(crate) fn score(
    asked: &AskedQuestion<'_>,
    scoring: &Scoring<'_>,
) -> Result<Scored, EvaluateError> {
    let Scoring { vectors, store, settings, .. } = *scoring;
    let hits = asked.runs.iter().filter_map(|run| match run.outcome {
        Outcome::Answered { answer, .. } => Some(&answer.hits),
        Outcome::Unasked(_) | Outcome::Failed(_) => None,
    });
    let mut positions: Vec<u32> = hits.flatten().map(|hit| hit.position).collect();
    positions.extend(asked.decoys);
    positions.extend(&asked.labels.positions);
    positions.extend(asked.runs.iter().filter_map(|run| run.hard));
    positions.sort_unstable();
    positions.dedup();
    let rows = Rows { store, values: vectors.rows(&positions)?, positions, dim: vectors.dim() };
    let name = |n: usize| format!("anchor {n} of question {}", asked.question.id);
    let anchors = asked
        .anchors
        .iter()
        .enumerate()
        .map(|(n, anchor)| Vector::new(&name(n), anchor, vectors.dim()))
        .collect::<Result<Vec<_>, _>>()?;
    let mut scored = Scored::default();
    for run in &asked.runs {
        let mut record = blank(asked.question, run, settings);
        let (answer, exact) = match run.outcome {
            Outcome::Answered { answer, exact } => (answer, exact),
            Outcome::Failed(error) => {
                record.status = RunStatus::Failed;
                record.error = Some(match settings.redact {
                    // A service may repeat what it was asked.
                    true => "retrieval failed; its message is redacted".to_owned(),
                    false => error.to_string(),
                });
                scored.runs.push(record);
                continue;
            }
            Outcome::Unasked(why) => {
                record.status = RunStatus::Unasked;
                record.error = Some((*why).to_owned());
                scored.runs.push(record);
                continue;
            }
        };
        let vector = run.vector.unwrap_or_default();
        let wording = Vector::new(&shown(asked.question, run), vector, vectors.dim())?;
        record.exact = exact.clone();
        for hit in &answer.hits {
            let snippet = scoring.hits.get(&hit.position);
            let Some(snippet) = snippet else {
                let item = format!("snippet at position {}", hit.position);
                return Err(EvaluateError::NoVector { item });
            };
            let row = rows.get(hit.position)?;
            record.hits.push(HitRecord {
                position: hit.position,
                snippet_id: snippet.snippet_id.clone(),
                doc_id: snippet.doc_id.clone(),
                section_id: snippet.section_id.clone(),
                offsets: snippet.offsets,
                tokens: snippet.tokens,
                sole_section: scoring.sole.contains(&snippet.doc_id),
                score: hit.score,
                delta_s_question: delta_s(wording, row),
                delta_s_anchor: nearest(row, &anchors),
            });
        }
        if !record.hits.is_empty() {
            record.status = RunStatus::Answered;
        }
        if asked.question.answerable {
            let retrieved: Vec<Retrieved<'_>> = record.hits.iter().map(scoring.retrieved).collect();
            record.coverage = asked.labels.coverage.at(&retrieved, settings.cutoffs());
            if let Some(characters) = asked.characters {
                let retrieved: Vec<Retrieved<'_>> =
                    record.hits.iter().map(Retrieved::in_characters).collect();
                let covered = characters.at(&retrieved, settings.cutoffs());
                record.character_coverage =
                    covered.into_iter().map(|(k, covered)| (k, covered.coverage)).collect();
            }
            record.delta_s_decoy = decoy(&record, asked.decoys, &rows)?;
            if run.planned.seed == 0 {
                hold_against_nulls(&mut record, wording, asked, run.hard, &rows, &mut scored)?;
            }
        }
        scored.timings.push(timing(&record, answer, run.embed_ms));
        scored.runs.push(record);
    }
    Ok(scored)
}

fn shown(question: &Question, run: &AskedRun<'_>) -> String {
    let PlannedRun { wording, seed, .. } = run.planned;
    format!("question {}, wording {wording}, seed {seed}", question.id)
}

fn blank(question: &Question, run: &AskedRun<'_>, settings: &Settings) -> RunRecord {
    RunRecord {
        question: question.id.clone(),
        wording: run.planned.wording,
        seed: run.planned.seed,
        text: (!settings.redact).then(|| run.planned.text.clone()),
        status: RunStatus::Empty,
        error: None,
        hits: Vec::new(),
        exact: Vec::new(),
        coverage: BTreeMap::new(),
        character_coverage: BTreeMap::new(),
        delta_s_decoy: None,
        auc: None,
        auc_hard: None,
        hard_null: None,
    }
}

/// ΔS between the first hit and the question's decoys other than it: their median.
fn decoy(
    record: &RunRecord,
    decoys: &[u32],
    rows: &Rows<'_>,
) -> Result<Option<f64>, EvaluateError> {
    let Some(first) = record.hits.first() else { return Ok(None) };
    let row = rows.get(first.position)?;
    let mut distances = Vec::new();
    for decoy in decoys.iter().filter(|decoy| **decoy != first.position) {
        distances.push(delta_s(row, rows.get(*decoy)?));
    }
    Ok(Sample::new(distances).ok().map(|sample| sample.median()))
}

/// ΔS to both nulls, and whether the nearest target snippet is nearer than they are.
fn hold_against_nulls(
    record: &mut RunRecord,
    wording: Vector<'_>,
    asked: &AskedQuestion<'_>,
    hard: Option<u32>,
    rows: &Rows<'_>,
    scored: &mut Scored,
) -> Result<(), EvaluateError> {
    let to = |position: &u32| rows.get(*position).map(|row| delta_s(wording, row));
    let decoys = asked.decoys.iter().map(to).collect::<Result<Vec<_>, _>>()?;
    let targets = asked.labels.positions.iter().map(to).collect::<Result<Vec<_>, _>>()?;
    record.hard_null = hard.as_ref().map(to).transpose()?;
    scored.hard.extend(record.hard_null);
    if let Some(target) = targets.into_iter().min_by(f64::total_cmp) {
        scored.targets.push(target);
        record.auc = auc(target, &decoys);
        record.auc_hard = record.hard_null.and_then(|hard| auc(target, &[hard]));
    }
    scored.random.extend(decoys);
    Ok(())
}

fn timing(record: &RunRecord, answer: &Answer, embed_ms: Option<f64>) -> TimingRecord {
    let stages = [
        ("embed", embed_ms),
        ("retrieve", Some(answer.retrieve.as_secs_f64() * 1e3)),
        ("rerank", answer.rerank.map(|time| time.as_secs_f64() * 1e3)),
    ];
    let stages_ms = stages.into_iter().filter_map(|(name, ms)| Some((name.to_owned(), ms?)));
    let stages_ms = stages_ms.collect();
    TimingRecord {
        question: record.question.clone(),
        wording: record.wording,
        seed: record.seed,
        stages_ms,
    }
}
