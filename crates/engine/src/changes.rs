//! What changed between two evaluations of one gold set, question by question.

use std::collections::BTreeSet;

use wfgy_core::evaluation::RunRecord;
use wfgy_score::State;
use wfgy_stats::{compare, round9};

use crate::error::EvaluateError;
use crate::summary::{Failed, Grid, QuestionRuns, Records, lambda};
use crate::worst::{coverage, first_delta_s};

/// A question that the second evaluation answers in another way than the first.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangedQuestion {
    /// Question id.
    pub id: String,
    /// Wording 0; `None` under `--redact`.
    pub text: Option<String>,
    /// In the first evaluation, then in the second.
    pub sides: [ChangedSide; 2],
    /// Wording and seed of the first run whose hits changed; `None` where no hits did, and then
    /// the hits are those of the wording as written.
    pub run: Option<(usize, u64)>,
}

/// A question in one of two evaluations.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangedSide {
    /// Mean coverage at k, in [0, 1]; `None` where it is unanswerable or every run failed.
    pub coverage: Option<f64>,
    /// Mean ΔS between wording and first hit, in [0, 2]; `None` where every run failed.
    pub delta_s: Option<f64>,
    /// λ of its runs, by wording, then seed.
    pub states: Vec<State>,
    /// Snippet ids of the run in the top k, best first.
    pub hits: Vec<String>,
}

/// The questions whose coverage, ΔS (to 9 decimals), λ states or hits in the top k differ: those
/// that lost most coverage first, then those whose ΔS rose most, then in gold order.
///
/// # Errors
/// As [`summary`](crate::summary()) of either, and where their gold sets differ.
pub fn changed_questions(
    before: Records<'_>,
    after: Records<'_>,
    k: usize,
) -> Result<Vec<ChangedQuestion>, EvaluateError> {
    if before.context.gold_digest != after.context.gold_digest {
        let problem = format!(
            "the gold sets differ ({} and {}): evaluate both under one",
            before.context.gold_digest, after.context.gold_digest
        );
        return Err(EvaluateError::Records(problem));
    }
    let grids =
        [Grid::of(before.context, before.runs, k)?, Grid::of(after.context, after.runs, k)?];
    let [old, new] = &grids;
    let mut changed = Vec::new();
    for (was, is) in old.questions.iter().zip(&new.questions) {
        if was.record.id != is.record.id {
            let problem = "the questions are not the same, or not in one order".to_owned();
            return Err(EvaluateError::Records(problem));
        }
        let run = first_changed(was, is, k);
        let sides = [side(old, was, run), side(new, is, run)];
        let differs = |a: Option<f64>, b: Option<f64>| a.map(round9) != b.map(round9);
        let [a, b] = &sides;
        if run.is_some()
            || differs(a.coverage, b.coverage)
            || differs(a.delta_s, b.delta_s)
            || a.states != b.states
        {
            let (id, text) = (was.record.id.clone(), was.record.text.clone());
            changed.push(ChangedQuestion { id, text, sides, run });
        }
    }
    changed.sort_by(|a, b| {
        let lost = |q: &ChangedQuestion| rise(q.sides[0].coverage, q.sides[1].coverage, 0.0);
        let risen = |q: &ChangedQuestion| rise(q.sides[0].delta_s, q.sides[1].delta_s, 2.0);
        let by = |x, y| compare(x, y).unwrap_or(std::cmp::Ordering::Equal);
        by(lost(a), lost(b)).then(by(risen(b), risen(a)))
    });
    Ok(changed)
}

/// The second value less the first; one that is not there is `worst`.
fn rise(before: Option<f64>, after: Option<f64>, worst: f64) -> f64 {
    after.unwrap_or(worst) - before.unwrap_or(worst)
}

fn top(run: &RunRecord, k: usize) -> Vec<String> {
    run.hits.iter().take(k).map(|hit| hit.snippet_id.clone()).collect()
}

/// The first run of both, by wording and seed, whose hits in the top k differ.
fn first_changed(was: &QuestionRuns<'_>, is: &QuestionRuns<'_>, k: usize) -> Option<(usize, u64)> {
    let of = |question: &QuestionRuns<'_>| -> BTreeSet<(usize, u64)> {
        question.planned().map(|run| (run.wording, run.seed)).collect()
    };
    let hits = |question: &QuestionRuns<'_>, key| find(question, key).map(|run| top(run, k));
    of(was).intersection(&of(is)).copied().find(|key| hits(was, *key) != hits(is, *key))
}

fn find<'a>(question: &'a QuestionRuns<'_>, key: (usize, u64)) -> Option<&'a RunRecord> {
    question.planned().find(|run| (run.wording, run.seed) == key)
}

fn side(grid: &Grid<'_>, question: &QuestionRuns<'_>, run: Option<(usize, u64)>) -> ChangedSide {
    let shown = find(question, run.unwrap_or((0, 0)));
    ChangedSide {
        coverage: question.value(Failed::LeftOut, 0.0, |run| coverage(run, grid.k)),
        delta_s: question.value(Failed::LeftOut, 0.0, |run| Some(first_delta_s(run))),
        states: lambda(grid, question).states,
        hits: shown.map(|run| top(run, grid.k)).unwrap_or_default(),
    }
}
