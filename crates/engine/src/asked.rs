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
        let depth = Depth { served: settings.k, snippets: deep, documents };
        let lacks: Vec<Option<&'static str>> =
            (0..plan.runs.len()).map(|i| texts.lacks(i, scoring)).collect();
        let asking = |i: usize| Asking {
            query: Query { text: &plan.runs[i].text, vector: texts.asked(i, scoring) },
            counts: parts.gold.items[plan.runs[i].question].answerable,
        };
        let askings: Vec<Asking<'_>> =
            (0..lacks.len()).filter(|i| lacks[*i].is_none()).map(asking).collect();
        let ask = |askings: &[Asking<'_>], path| {
            retrieve(parts.store, askings, path, depth, settings, progress)
        };
        let served = ask(&askings, Path::Serving);
        let again = askings.iter().zip(&served).filter(|(_, answer)| answer.is_ok());
        let again: Vec<Asking<'_>> = again.map(|(asking, _)| *asking).collect();
        let mut exact = ask(&again, Path::Exact).into_iter();
        let mut served = served.into_iter();
        let outcome = |lacks: Option<&'static str>| match lacks {
            Some(why) => Outcome::Unasked(why),
            None => match served.next() {
                Some(Ok(answer)) => {
                    let exact = exact.next().and_then(Result::ok).unwrap_or_default();
                    let exact = exact.hits.iter().map(|hit| hit.position).collect();
                    Outcome::Answered { answer, exact }
                }
                Some(Err(error)) => Outcome::Failed(error),
                None => Outcome::Failed(PortError::permanent(parts.store.name(), "was not asked")),
            },
        };
        Self { outcomes: lacks.into_iter().map(outcome).collect() }
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
