//! The questions that an index serves worst, with what they retrieved and what they should have.

use wfgy_core::evaluation::{Context, RunRecord, RunStatus};
use wfgy_score::State;

use crate::error::EvaluateError;
use crate::summary::{Failed, Grid, QuestionRuns, lambda_over_rebuilds};

/// Hits shown of a question's worst run.
const SHOWN_HITS: usize = 3;

/// By what questions are ranked, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rank {
    /// Those without an answered run, then by coverage ascending, then by ΔS descending.
    Coverage,
    /// By ΔS(question, first hit) of one wording, 0 as written, descending.
    DeltaS {
        /// Its number.
        wording: usize,
    },
    /// By the share of runs that do not converge, descending, then as by coverage.
    Lambda,
}

/// A question and its worst run.
#[derive(Debug, Clone, PartialEq)]
pub struct WorstQuestion {
    /// Question id.
    pub id: String,
    /// Wording 0; `None` under `--redact`.
    pub text: Option<String>,
    /// Mean coverage at the served k, in [0, 1]; `None` where every run failed.
    pub coverage: Option<f64>,
    /// Mean ΔS between wording and first hit, in [0, 2], over the wording ranked by or over all;
    /// `None` where every run failed.
    pub delta_s: Option<f64>,
    /// λ of its runs, by wording, then seed; after them those of rebuilds.
    pub states: Vec<State>,
    /// Wording number of its worst run: lowest coverage, then greatest ΔS, of the wording ranked
    /// by greatest ΔS; `None` without runs.
    pub wording: Option<usize>,
    /// Seed of that run.
    pub seed: Option<u64>,
    /// Text of that run; `None` under `--redact`.
    pub asked: Option<String>,
    /// Why that run failed, where it did.
    pub error: Option<String>,
    /// Its first snippet ids, best first.
    pub retrieved: Vec<String>,
    /// Where the targets are, one entry a target.
    pub expected: Vec<String>,
    /// What is wrong with the targets in this index.
    pub label_problems: Vec<String>,
}

/// The `n` worst answerable questions at the served `k`, as `rank` says; equal ones in gold order.
///
/// # Errors
/// As [`summary`](crate::summary::summary()).
pub fn worst_questions(
    context: &Context,
    runs: &[RunRecord],
    k: usize,
    n: usize,
    rank: Rank,
) -> Result<Vec<WorstQuestion>, EvaluateError> {
    let grid = Grid::of(context, runs, k)?;
    let mut questions: Vec<WorstQuestion> =
        grid.answerable().map(|question| describe(&grid, question, rank)).collect();
    questions.sort_by(|a, b| {
        let coverage = |q: &WorstQuestion| q.coverage.unwrap_or(-1.0);
        let delta_s = |q: &WorstQuestion| q.delta_s.unwrap_or(f64::INFINITY);
        let by_delta_s = delta_s(b).total_cmp(&delta_s(a));
        let by_coverage = coverage(a).total_cmp(&coverage(b)).then(by_delta_s);
        match rank {
            Rank::Coverage => by_coverage,
            Rank::DeltaS { .. } => by_delta_s,
            Rank::Lambda => astray(b).total_cmp(&astray(a)).then(by_coverage),
        }
    });
    questions.truncate(n);
    Ok(questions)
}

/// Share of a question's runs that do not converge.
fn astray(question: &WorstQuestion) -> f64 {
    let states = &question.states;
    let n = states.iter().filter(|state| **state != State::Convergent).count();
    if states.is_empty() { 0.0 } else { n as f64 / states.len() as f64 }
}

pub(crate) fn coverage(run: &RunRecord, k: usize) -> Option<f64> {
    run.coverage.get(&k).map(|coverage| coverage.coverage)
}

pub(crate) fn first_delta_s(run: &RunRecord) -> f64 {
    run.hits.first().map_or(wfgy_score::delta_s::NO_HITS, |hit| hit.delta_s_question)
}

fn describe(grid: &Grid<'_>, question: &QuestionRuns<'_>, rank: Rank) -> WorstQuestion {
    let record = question.record;
    let ranked = |run: &RunRecord| match rank {
        Rank::DeltaS { wording } => run.wording == wording,
        Rank::Coverage | Rank::Lambda => true,
    };
    let worst = question.asked().filter(|run| ranked(run)).min_by(|a, b| {
        let by_delta_s = first_delta_s(b).total_cmp(&first_delta_s(a));
        let covered = |run: &RunRecord| coverage(run, grid.k).unwrap_or(-1.0);
        match rank {
            Rank::DeltaS { .. } => by_delta_s,
            Rank::Coverage | Rank::Lambda => covered(a).total_cmp(&covered(b)).then(by_delta_s),
        }
    });
    let retrieved = |run: &RunRecord| {
        run.hits.iter().take(SHOWN_HITS).map(|hit| hit.snippet_id.clone()).collect()
    };
    WorstQuestion {
        id: record.id.clone(),
        text: record.text.clone(),
        coverage: question.value(Failed::LeftOut, 0.0, |run| coverage(run, grid.k)),
        delta_s: question
            .value(Failed::LeftOut, 0.0, |run| ranked(run).then(|| first_delta_s(run))),
        states: lambda_over_rebuilds(grid, question, Failed::LeftOut).states,
        wording: worst.map(|run| run.wording),
        seed: worst.map(|run| run.seed),
        asked: worst.and_then(|run| run.text.clone()),
        error: worst.filter(|run| run.status == RunStatus::Failed).and_then(|r| r.error.clone()),
        retrieved: worst.map(retrieved).unwrap_or_default(),
        expected: record.expected.clone(),
        label_problems: record.label_problems.clone(),
    }
}
