//! Every planned run asked, by both paths.

use std::collections::BTreeSet;

use wfgy_core::{Answer, Depth, Path, PortError, Query, Unit};

use crate::embedded::Texts;
use crate::labels::Labels;
use crate::plan::Plan;
use crate::records::AskedRun;
use crate::retrieve::retrieve;
use crate::setup::{OnProgress, Parts, Settings};

/// Hits that every run has at least, where the store has so many: the end of the sweep.
const LEAST_DEPTH: usize = 50;

/// What the store answered, run by run as planned.
pub(crate) struct Asked {
    served: Vec<Result<Answer, PortError>>,
    exact: Vec<Vec<u32>>,
}

impl Asked {
    /// Every run by the serving path; those that did not fail once more by the exact path.
    pub(crate) fn of(
        parts: &Parts<'_>,
        settings: &Settings,
        unit: Unit,
        plan: &Plan,
        texts: &Texts<'_>,
        progress: OnProgress<'_>,
    ) -> Self {
        let deep = settings.k.max(LEAST_DEPTH);
        let documents = if unit == Unit::Document { deep } else { 0 };
        let depth = Depth { snippets: deep, documents };
        let queries: Vec<Query<'_>> = plan
            .runs
            .iter()
            .map(|run| Query { text: &run.text, vector: texts.asked(run) })
            .collect();
        let served = retrieve(parts.store, &queries, Path::Serving, depth, settings, progress);
        let alive: Vec<usize> = (0..served.len()).filter(|i| served[*i].is_ok()).collect();
        let again: Vec<Query<'_>> = alive.iter().map(|i| queries[*i]).collect();
        let found = retrieve(parts.store, &again, Path::Exact, depth, settings, progress);
        let mut exact = vec![Vec::new(); served.len()];
        for (i, answer) in alive.into_iter().zip(found) {
            if let Ok(answer) = answer {
                exact[i] = answer.hits.iter().map(|hit| hit.position).collect();
            }
        }
        Self { served, exact }
    }

    pub(crate) fn hits(&self) -> impl Iterator<Item = u32> + '_ {
        self.served.iter().flatten().flat_map(|answer| &answer.hits).map(|hit| hit.position)
    }

    /// Every snippet whose vector is needed.
    pub(crate) fn needed(&self, labels: &[Labels], decoys: &[Vec<u32>]) -> BTreeSet<u32> {
        let targets = labels.iter().flat_map(|labels| &labels.positions);
        self.hits().chain(targets.copied()).chain(decoys.iter().flatten().copied()).collect()
    }

    pub(crate) fn runs_of<'a>(
        &'a self,
        question: usize,
        plan: &'a Plan,
        texts: &'a Texts<'_>,
        hard: &[Option<u32>],
    ) -> Vec<AskedRun<'a>> {
        // Runs are planned in gold order.
        let first = plan.runs.partition_point(|run| run.question < question);
        let end = plan.runs.partition_point(|run| run.question <= question);
        (first..end)
            .map(|i| AskedRun {
                planned: &plan.runs[i],
                vector: texts.scored(&plan.runs[i]).unwrap_or_default(),
                served: &self.served[i],
                exact: &self.exact[i],
                hard: hard[i],
                embed_ms: texts.milliseconds(&plan.runs[i]),
            })
            .collect()
    }
}
