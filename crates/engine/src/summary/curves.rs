//! Coverage and ΔS against k.

use wfgy_core::Aggregate;
use wfgy_core::evaluation::{Context, Curves, RunRecord};
use wfgy_score::delta_s::NO_HITS;
use wfgy_stats::Sample;

use super::distance::{anchor, question};
use super::grid::{Failed, Grid};
use crate::error::EvaluateError;

/// The curves of `runs`, judged at the served `k`; a point without data is `None`.
///
/// # Errors
/// As [`summary`](super::summary).
pub fn curves(context: &Context, runs: &[RunRecord], k: usize) -> Result<Curves, EvaluateError> {
    let grid = Grid::of(context, runs, k)?;
    let along = |worst, aggregate, value: &dyn Fn(&RunRecord, usize) -> Option<f64>| {
        let at = |k: &usize| {
            let values = grid.values(Failed::LeftOut, worst, |run| value(run, *k));
            Sample::new(values).ok().map(|sample| sample.point(aggregate))
        };
        grid.cutoffs.iter().map(at).collect()
    };
    Ok(Curves {
        coverage: along(0.0, Aggregate::Mean, &|run, k| Some(run.coverage.get(&k)?.coverage)),
        delta_s: along(NO_HITS, Aggregate::Median, &|run, k| Some(question(run, k).mean)),
        delta_s_anchor: along(NO_HITS, Aggregate::Median, &|run, k| Some(anchor(run, k)?.best)),
        k: grid.cutoffs.clone(),
    })
}
