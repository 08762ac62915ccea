//! Every planned run asked, by both paths.

use std::collections::BTreeSet;

use wfgy_core::{Answer, Depth, Path, PortError, Query, Unit};

use crate::embedded::Texts;
use crate::labels::Labels;
use crate::plan::Plan;
use crate::retrieve::{Asking, retrieve};
use crate::setup::{OnProgress, Parts, Settings};
use crate::texts::TextVectors;

/// Hits that every run has at least, where the store has so many: the end of the sweep.
const LEAST_DEPTH: usize = 50;

/// What became of a planned run.
pub(crate) enum Outcome {
    /// There is no vector for it; says whose.
    Unasked(&'static str),
    /// It failed after its retries.
    Failed(PortError),
    /// It was answered.
    Answered {
        /// By the serving path.
        answer: Answer,
        /// Positions that the exact sweep gives; none where it failed.
        exact: Vec<u32>,
    },
}

/// What the store answered, run by run as planned.
pub(crate) struct Asked {
    pub(crate) outcomes: Vec<Outcome>,
}

impl Asked {
    /// Every run by the serving path; those that did not fail once more by the exact path.
    pub(crate) fn of(
        parts: &Parts<'_>,
        settings: &Settings,
        plan: &Plan,
        texts: &Texts,
        scoring: &TextVectors,
        progress: OnProgress<'_>,
    ) -> Self {
        let deep = settings.k.max(LEAST_DEPTH);
        let documents = if parts.gold.unit() == Unit::Document { deep } else { 0 };
        let depth = Depth { snippets: deep, documents };
        let mut outcomes = Vec::with_capacity(plan.runs.len());
        let mut asked = Vec::new();
        for (i, run) in plan.runs.iter().enumerate() {
            // Overwritten below for every run that is asked.
            outcomes.push(Outcome::Unasked(texts.lacks(i, scoring).unwrap_or_default()));
            if texts.lacks(i, scoring).is_none() {
                let query = Query { text: &run.text, vector: texts.asked(i, scoring) };
                let counts = parts.gold.items[run.question].answerable;
                asked.push((i, Asking { query, counts }));
            }
        }
        let ask = |asked: &[(usize, Asking<'_>)], path| {
            let queries: Vec<Asking<'_>> = asked.iter().map(|(_, asking)| *asking).collect();
            retrieve(parts.store, &queries, path, depth, settings, progress)
        };
        let mut answered = Vec::new();
        for (asking, served) in asked.iter().zip(ask(&asked, Path::Serving)) {
            match served {
                Ok(answer) => answered.push((*asking, answer)),
                Err(error) => outcomes[asking.0] = Outcome::Failed(error),
            }
        }
        let (again, answers): (Vec<_>, Vec<_>) = answered.into_iter().unzip();
        let exact = ask(&again, Path::Exact);
        for (((i, _), answer), exact) in again.iter().zip(answers).zip(exact) {
            let exact = exact.unwrap_or_default().hits.iter().map(|hit| hit.position).collect();
            outcomes[*i] = Outcome::Answered { answer, exact };
        }
        Self { outcomes }
    }

    pub(crate) fn hits(&self) -> impl Iterator<Item = u32> + '_ {
        let answers = self.outcomes.iter().filter_map(|outcome| match outcome {
            Outcome::Answered { answer, .. } => Some(answer),
            Outcome::Unasked(_) | Outcome::Failed(_) => None,
        });
        answers.flat_map(|answer| &answer.hits).map(|hit| hit.position)
    }

    /// Every snippet whose vector is needed.
    pub(crate) fn needed(&self, labels: &[Labels], decoys: &[Vec<u32>]) -> BTreeSet<u32> {
        let targets = labels.iter().flat_map(|labels| &labels.positions);
        self.hits().chain(targets.copied()).chain(decoys.iter().flatten().copied()).collect()
    }
}
