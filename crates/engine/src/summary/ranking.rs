//! Ranking measures with trec_eval's digits: wording 0, seed 0, over all questions of the qrels.

use wfgy_core::evaluation::{RunRecord, RunStatus};
use wfgy_core::{Aggregate, Unit};
use wfgy_score::trec::{Level, Measures, Ranking, ranked};

use super::grid::Grid;
use super::sheet::Sheet;

/// A run that failed, or was not asked, counts as one that found nothing: trec_eval averages over
/// the questions of the qrels.
pub(crate) fn measure(grid: &Grid<'_>, sheet: &mut Sheet) {
    let level = match grid.unit {
        Unit::Document => Level::Document,
        Unit::Snippet => Level::Section,
    };
    let asked: Vec<Vec<Measures>> = grid
        .answerable()
        .filter(|question| !question.record.qrels.is_empty())
        .map(|question| {
            let first = question.asked().find(|run| as_written(run));
            let run = first.map_or_else(Vec::new, |run| ranked(&run.hits, level));
            Measures::at(&Ranking::of(&run), &question.record.qrels, &grid.cutoffs)
        })
        .collect();
    for (i, cutoff) in grid.cutoffs.iter().enumerate() {
        for (name, _) in Measures::default().named() {
            let values: Vec<f64> = asked.iter().filter_map(|each| each[i].get(name)).collect();
            sheet.put(&format!("{name}@{cutoff}"), &values, Aggregate::Mean);
        }
    }
}

fn as_written(run: &RunRecord) -> bool {
    run.wording == 0 && run.seed == 0 && run.status != RunStatus::Failed
}
