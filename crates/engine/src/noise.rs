//! The noise floor: how much an index drifts from itself when its graph is linked by other luck.
//!
//! The candidate is asked the very texts of its evaluation by each of several graphs over its own
//! vectors; how much these answers drift from each other no criterion on drift can tell from a
//! change.

use wfgy_core::evaluation::{Noise, RunRecord, RunStatus};
use wfgy_core::{PortError, Store};
use wfgy_gate::{Evidence, NoiseFloor};
use wfgy_stats::Sample;

use crate::arm::Arm;
use crate::asked::Asked;
use crate::error::EvaluateError;
use crate::plan::Plan;
use crate::setup::{OnProgress, Settings};
use crate::summary::{DRIFTS, Records, drifts_of_rebuilds};

/// Share of the pairs, in percent, that drift by no more than the noise floor.
const PERCENT: usize = 95;

/// The runs of each rebuild; `None` where there was nothing to rebuild.
pub(crate) type Rebuilt = Option<Vec<Vec<RunRecord>>>;

/// The candidate's index with other graphs.
#[derive(Clone, Copy)]
pub struct Rebuilds<'a> {
    /// Over how many the noise floor is taken: at least 2, or 0.
    pub noise: usize,
    /// The runs of how many count as seeds.
    pub seeds: usize,
    /// The index with its graph linked anew; the argument, from 1 on, is what its seed differs by.
    /// It holds the snippets of the candidate at the same positions. `None` where the index has no
    /// graph.
    pub graph: &'a dyn Fn(u64) -> Result<Option<Box<dyn Store + 'a>>, PortError>,
}

impl Rebuilds<'_> {
    /// What each rebuild answers to the runs of the candidate's `arm`, one graph in memory at a
    /// time; `None` where there is nothing to rebuild.
    pub(crate) fn asked(
        &self,
        arm: &Arm<'_>,
        settings: &Settings,
        plan: &Plan,
        progress: OnProgress<'_>,
    ) -> Result<Option<Vec<Asked>>, EvaluateError> {
        let count = self.noise.max(self.seeds);
        let mut asked = Vec::with_capacity(count);
        for seed in 1..=count as u64 {
            let rebuilt = (self.graph)(seed).map_err(EvaluateError::at("rebuild"))?;
            let Some(store) = rebuilt else { return Ok(None) };
            asked.push(Asked::of_other_graph(arm, store.as_ref(), settings, plan, progress));
        }
        Ok(Some(asked))
    }
}

/// What the runs of the rebuilds say; `None`: there was nothing to rebuild.
pub(crate) fn noise(
    noise_rebuilds: usize,
    rebuilt: Option<&[Vec<RunRecord>]>,
    candidate: Records<'_>,
    baseline: Records<'_>,
    k: usize,
) -> Result<Noise, EvaluateError> {
    let failed = |runs: &Vec<RunRecord>| runs.iter().any(|run| run.status == RunStatus::Failed);
    let drifts = match rebuilt.map(|rebuilt| &rebuilt[..noise_rebuilds]) {
        None => None,
        // What a failure does to a drift would widen a margin.
        Some(rebuilt) if rebuilt.iter().any(failed) => Some(Default::default()),
        Some(rebuilt) => Some(drifts_of_rebuilds(rebuilt, candidate, baseline, k)?),
    };
    Ok(Noise { noise_rebuilds, k, drifts })
}

/// Adds the noise floor to `evidence`: by metric of drift the 95th percentile, by nearest rank, of
/// the absolute drifts between pairs of rebuilds; 0 where the index has no graph. Drifts that were
/// taken at another k than that of the evidence say nothing of it.
pub fn add_noise_floor(evidence: &mut Evidence, noise: &Noise) {
    if noise.k != evidence.k {
        return;
    }
    let floor = |metric: &str| match &noise.drifts {
        None => Some(0.0),
        Some(drifts) => {
            let drifts: Vec<f64> = drifts.get(metric)?.iter().map(|drift| drift.abs()).collect();
            Sample::new(drifts).ok().map(|drifts| drifts.nearest_rank(PERCENT))
        }
    };
    let floor = DRIFTS.iter().filter_map(|metric| Some(((*metric).to_owned(), floor(metric)?)));
    let floor = floor.collect();
    evidence.noise = Some(NoiseFloor { noise_rebuilds: noise.noise_rebuilds, floor });
}
