//! Coverage and ΔS against k.

use wfgy_core::evaluation::{Context, Curves, RunRecord};
use wfgy_core::{Aggregate, Number};
use wfgy_score::delta_s::NO_HITS;

use super::distance::{anchor, question};
use super::grid::{Failed, Grid};
use super::sheet::Sheet;
use crate::error::EvaluateError;

/// The curves of `runs`, judged at the served `k`; a point without data is `None`.
///
/// # Errors
/// As [`summary`](super::summary).
pub fn curves(context: &Context, runs: &[RunRecord], k: usize) -> Result<Curves, EvaluateError> {
    let grid = Grid::of(context, runs, k)?;
    let along = |metric, worst, aggregate, value: &dyn Fn(&RunRecord, usize) -> Option<f64>| {
        let at = |k: &usize| -> Option<Number> {
            let mut sheet = Sheet::default();
            let values = grid.values(Failed::LeftOut, worst, |run| value(run, *k));
            sheet.put(metric, &values, aggregate);
            sheet.numbers.remove(metric)
        };
        grid.cutoffs.iter().map(at).collect()
    };
    let best = |run: &RunRecord, k| Some(anchor(run, k)?.best);
    let hits = |run: &RunRecord, k| Some(question(run, k).mean);
    let covered = |run: &RunRecord, k: usize| Some(run.coverage.get(&k)?.coverage);
    Ok(Curves {
        coverage: along("coverage.mean", 0.0, Aggregate::Mean, &covered),
        delta_s: along("delta_s.question.mean", NO_HITS, Aggregate::Median, &hits),
        delta_s_anchor: along("delta_s.anchor.best", NO_HITS, Aggregate::Median, &best),
        k: grid.cutoffs.clone(),
    })
}
