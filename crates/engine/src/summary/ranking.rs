//! Ranking measures with trec_eval's digits: wording 0, seed 0, over all questions of the qrels.

use wfgy_core::evaluation::{RunRecord, RunStatus};
use wfgy_core::{Aggregate, Unit};
use wfgy_score::trec::{Level, Measures, Ranked, ranked};

use super::grid::{Grid, QuestionRuns};
use super::sheet::Sheet;

/// A run that failed, or was not asked, counts as one that found nothing: trec_eval averages over
/// the questions of the qrels.
pub(crate) fn measure(grid: &Grid<'_>, sheet: &mut Sheet) {
    let level = match grid.unit {
        Unit::Document => Level::Document,
        Unit::Snippet => Level::Section,
    };
    let asked: Vec<(&QuestionRuns<'_>, Vec<Ranked>)> = grid
        .answerable()
        .filter(|question| !question.record.qrels.is_empty())
        .map(|question| {
            let first = question.asked().find(|run| as_written(run));
            (question, first.map_or_else(Vec::new, |run| ranked(&run.hits, level)))
        })
        .collect();
    for cutoff in &grid.cutoffs {
        let measures: Vec<Measures> = asked
            .iter()
            .map(|(question, run)| Measures::at(run, &question.record.qrels, *cutoff))
            .collect();
        for (name, _) in Measures::default().named() {
            let values: Vec<f64> = measures.iter().filter_map(|m| m.get(name)).collect();
            sheet.put(&format!("{name}@{cutoff}"), &values, Aggregate::Mean);
        }
    }
}

fn as_written(run: &RunRecord) -> bool {
    run.wording == 0 && run.seed == 0 && run.status != RunStatus::Failed
}
