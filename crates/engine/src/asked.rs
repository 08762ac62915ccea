//! Every planned run asked, by both paths.

use std::collections::BTreeSet;

use wfgy_core::{Answer, Depth, Path, PortError, Query, Store, Unit};

use crate::arm::Arm;
use crate::labels::Labels;
use crate::plan::Plan;
use crate::retrieve::{Asking, Retrieval, retrieve};
use crate::setup::{OnProgress, Settings};

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

/// The runs of an arm that can be asked, in the order of the plan.
fn askings<'a>(arm: &'a Arm<'_>, store: &'a dyn Store, plan: &'a Plan) -> Retrieval<'a> {
    let asking = |i: usize| Asking {
        query: Query { text: &plan.runs[i].text, vector: arm.texts.asked(i, &arm.scoring) },
        counts: arm.parts.gold.items[plan.runs[i].question].answerable,
    };
    let can_be = |i: &usize| arm.texts.lacks(*i, &arm.scoring).is_none();
    let askings = (0..plan.runs.len()).filter(can_be).map(asking).collect();
    Retrieval::new(store, askings)
}

/// How deep every run goes: to the end of the sweep.
fn depth(arms: &[Arm<'_>], settings: &Settings) -> Depth {
    let deep = settings.k.max(LEAST_DEPTH);
    let of_documents = arms.iter().any(|arm| arm.parts.gold.unit() == Unit::Document);
    let documents = if of_documents { deep } else { 0 };
    Depth { served: settings.k, snippets: deep, documents }
}

/// What the store answered, run by run as planned.
pub(crate) struct Asked {
    pub(crate) outcomes: Vec<Outcome>,
}

impl Asked {
    /// Every run of every arm by the serving path; those that did not fail once more by the exact
    /// path.
    pub(crate) fn of(
        arms: &[Arm<'_>],
        settings: &Settings,
        plan: &Plan,
        progress: OnProgress<'_>,
    ) -> Vec<Self> {
        let depth = depth(arms, settings);
        let mut served: Vec<Retrieval<'_>> =
            arms.iter().map(|arm| askings(arm, arm.parts.store, plan)).collect();
        retrieve(&mut served, Path::Serving, depth, settings, progress);
        let mut exact: Vec<Retrieval<'_>> = served.iter().map(Retrieval::again).collect();
        retrieve(&mut exact, Path::Exact, depth, settings, progress);
        let answers = served.into_iter().zip(exact);
        let one = |(arm, (served, exact)): (_, (Retrieval<'_>, Retrieval<'_>))| {
            Self::joined(arm, plan, served.answers, exact.answers)
        };
        arms.iter().zip(answers).map(one).collect()
    }

    /// Every run of the arm by the serving path of `store`, which holds the same snippets as the
    /// arm's own; as deep, and not by the exact path, which is the arm's.
    pub(crate) fn of_other_graph(
        arm: &Arm<'_>,
        store: &dyn Store,
        settings: &Settings,
        plan: &Plan,
        progress: OnProgress<'_>,
    ) -> Self {
        let mut served = [askings(arm, store, plan)];
        let depth = depth(std::slice::from_ref(arm), settings);
        retrieve(&mut served, Path::Serving, depth, settings, progress);
        let [served] = served;
        Self::joined(arm, plan, served.answers, Vec::new())
    }

    fn joined(
        arm: &Arm<'_>,
        plan: &Plan,
        served: Vec<Result<Answer, PortError>>,
        exact: Vec<Result<Answer, PortError>>,
    ) -> Self {
        let (mut served, mut exact) = (served.into_iter(), exact.into_iter());
        let mut outcome = |lacks: Option<&'static str>| match lacks {
            Some(why) => Outcome::Unasked(why),
            None => match served.next() {
                Some(Ok(answer)) => {
                    let exact = exact.next().and_then(Result::ok).unwrap_or_default();
                    let exact = exact.hits.iter().map(|hit| hit.position).collect();
                    Outcome::Answered { answer, exact }
                }
                Some(Err(error)) => Outcome::Failed(error),
                None => {
                    Outcome::Failed(PortError::permanent(arm.parts.store.name(), "was not asked"))
                }
            },
        };
        let outcomes = (0..plan.runs.len()).map(|i| outcome(arm.texts.lacks(i, &arm.scoring)));
        Self { outcomes: outcomes.collect() }
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
