//! Whether a wider search of the graph finds what the served one misses.

use std::collections::BTreeSet;

use wfgy_core::evaluation::RunRecord;
use wfgy_core::{Depth, Path, PortError, Query, SearchRequest, Store};

use crate::setup::Settings;

/// How wide the graph is searched, where that is wider than it is served: a search for the best n
/// keeps n candidates or more, so that it is one with an ef of n.
const WIDTHS: [usize; 6] = [32, 64, 128, 256, 512, 1024];

/// What a wider search finds of the exact top k.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EffortSight {
    /// Questions that were asked.
    pub questions: usize,
    /// Mean share of the exact top k that the served search finds.
    pub served: f64,
    /// The same of searches for so many hits, ascending.
    pub wider: Vec<(usize, f64)>,
}

/// Asks the serving path again, ever wider. `asked`: a run, and the vector that it was asked with.
pub(super) fn effort(
    store: &dyn Store,
    settings: &Settings,
    asked: &[(&RunRecord, &[f32])],
    k: usize,
) -> Result<EffortSight, PortError> {
    let known: Vec<&(&RunRecord, &[f32])> =
        asked.iter().filter(|(run, _)| !run.exact.is_empty()).collect();
    let text = |run: &RunRecord| run.text.clone().unwrap_or_default();
    let texts: Vec<String> = known.iter().map(|(run, _)| text(run)).collect();
    let queries = std::iter::zip(&texts, &known);
    let queries: Vec<Query<'_>> =
        queries.map(|(text, (_, vector))| Query { text, vector: Some(vector) }).collect();
    let mut sight = EffortSight { questions: known.len(), ..EffortSight::default() };
    let recall = |served: usize| -> Result<f64, PortError> {
        let depth = Depth { served, snippets: served, documents: 0 };
        let request = SearchRequest { path: Path::Serving, depth, deadline: settings.deadline() };
        let mut sum = 0.0;
        for (answer, (run, _)) in store.search(&queries, request)?.into_iter().zip(&known) {
            let exact = &run.exact[..run.exact.len().min(k)];
            let found: BTreeSet<u32> = answer?.hits.iter().map(|hit| hit.position).collect();
            let found = exact.iter().filter(|position| found.contains(position)).count();
            sum += found as f64 / exact.len() as f64;
        }
        Ok(sum / known.len() as f64)
    };
    if known.is_empty() {
        return Ok(sight);
    }
    sight.served = recall(k)?;
    let n = store.n_snippets();
    for width in WIDTHS.into_iter().filter(|width| *width > k && *width < n) {
        sight.wider.push((width, recall(width)?));
    }
    Ok(sight)
}
