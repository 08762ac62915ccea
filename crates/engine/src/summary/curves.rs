//! Coverage and ΔS against k.

use wfgy_core::evaluation::{Context, Curves, RunRecord};
use wfgy_core::{Aggregate, Number};
use wfgy_gate::Evidence;
use wfgy_score::delta_s::NO_HITS;

use super::distance::{anchor, question};
use super::grid::{Failed, Grid};
use super::sheet::Sheet;
use crate::error::EvaluateError;

/// The curves of `runs`, judged at the served k of the `evidence` that they are; a point without
/// data is `None`.
///
/// # Errors
/// As [`summary`](super::summary).
pub fn curves(
    context: &Context,
    runs: &[RunRecord],
    evidence: &Evidence,
) -> Result<Curves, EvaluateError> {
    let grid = Grid::of(context, runs, evidence.k)?;
    let coverage = |k: &usize| evidence.metrics.get(&format!("coverage.mean@{k}")).copied();
    let along = |metric, value: &dyn Fn(&RunRecord, usize) -> Option<f64>| {
        let at = |k: &usize| -> Option<Number> {
            let mut sheet = Sheet::default();
            let values = grid.values(Failed::LeftOut, NO_HITS, |run| value(run, *k));
            sheet.put(metric, &values, Aggregate::Median);
            sheet.numbers.remove(metric)
        };
        grid.cutoffs.iter().map(at).collect()
    };
    let best = |run: &RunRecord, k| Some(anchor(run, k)?.best);
    let hits = |run: &RunRecord, k| Some(question(run, k).mean);
    Ok(Curves {
        coverage: grid.cutoffs.iter().map(coverage).collect(),
        delta_s: along("delta_s.question.mean", &hits),
        delta_s_anchor: along("delta_s.anchor.best", &best),
        k: grid.cutoffs.clone(),
    })
}
