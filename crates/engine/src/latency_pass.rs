//! The latency pass: single calls at the served k, the arms taking turns call by call.
//!
//! A call embeds one wording and asks for the top k by the serving path, as a user's question
//! does. The wordings are those of the evaluation under every seed, in its order, again and again.
//! Before anything is kept, [`WARM_UP`] calls of each arm are made and forgotten. Which arm comes
//! first is even among wordings and among seeds ([`Turns`]), so that neither finds more often what
//! the other left in a cache.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use wfgy_core::evaluation::{ArmName, LatencyRecord};
use wfgy_core::{Depth, Path, PortError, Query, Role, SearchRequest, Unit};

use crate::error::EvaluateError;
use crate::index::Index;
use crate::plan::{Plan, PlannedRun};
use crate::setup::{OnProgress, Parts, Progress, Settings};
use crate::texts::embed_checked;

/// Calls of each arm that are kept.
pub const CALLS: usize = 2_000;
/// Calls of each arm before those.
const WARM_UP: usize = 100;
/// Failed calls, the warm-up's among them, with which the pass ends: the first left the ratios
/// without data, and of a service that is gone each takes as long as all of its tries.
const MOST_FAILED: usize = 20;
/// Turns between two steps of the progress.
const TURNS_AT_A_TIME: usize = 50;

/// An arm that can be called.
struct Caller<'a> {
    name: ArmName,
    parts: Parts<'a>,
    index: Index,
    depth: Depth,
}

/// Makes `calls` calls of the candidate, and as many of the baseline where there is one.
///
/// A call that fails is a record with its error: it is not tried again, and with the twentieth the
/// pass ends.
///
/// # Errors
/// [`EvaluateError`] where the calls cannot be planned.
pub fn measure_latency(
    candidate: Parts<'_>,
    baseline: Option<Parts<'_>>,
    calls: usize,
    settings: &Settings,
    progress: OnProgress<'_>,
) -> Result<Vec<LatencyRecord>, EvaluateError> {
    let mut arms = vec![Caller::of(ArmName::Candidate, candidate, settings)?];
    if let Some(baseline) = baseline {
        arms.push(Caller::of(ArmName::Baseline, baseline, settings)?);
    }
    let perturber = arms[0].index.perturber(&candidate);
    let plan = Plan::of(candidate.gold, &perturber, &settings.seeds)?;
    let mut records = Vec::with_capacity(calls * arms.len());
    progress(Progress { stage: "latency", done: 0, total: calls });
    let turns = plan.runs.iter().cycle().take(WARM_UP + calls).enumerate();
    let (mut failed, mut order) = (0, Turns::default());
    for (turn, run) in turns {
        let second = order.candidate_is_second(run);
        let (before, after) = arms.split_at(if second { arms.len() / 2 } else { 0 });
        for arm in after.iter().chain(before) {
            let (stages, error) = arm.call(run, settings);
            failed += usize::from(error.is_some());
            // A pass that ends in the warm-up has at least the call that ended it.
            if turn >= WARM_UP || (failed >= MOST_FAILED && error.is_some()) {
                let error = error.map(|error| match settings.redact {
                    true => "a call failed; its message is redacted".to_owned(),
                    false => error.to_string(),
                });
                records.push(LatencyRecord {
                    arm: arm.name,
                    call: turn.saturating_sub(WARM_UP),
                    question: candidate.gold.items[run.question].id.clone(),
                    wording: run.wording,
                    seed: run.seed,
                    stages_ms: stages,
                    error,
                });
            }
        }
        if failed >= MOST_FAILED {
            break;
        }
        let done = (turn + 1).saturating_sub(WARM_UP);
        if done.is_multiple_of(TURNS_AT_A_TIME) || done == calls {
            progress(Progress { stage: "latency", done, total: calls });
        }
    }
    Ok(records)
}

/// Who comes first: wording by wording as the Thue–Morse sequence says, which has no period, and
/// turn by turn within a wording. Alternating by turns alone, the candidate would always be the
/// first to meet a wording that is asked under an even number of seeds.
#[derive(Default)]
struct Turns {
    last: Option<(usize, usize)>,
    wordings: usize,
    within: usize,
}

impl Turns {
    fn candidate_is_second(&mut self, run: &PlannedRun) -> bool {
        let wording = Some((run.question, run.wording));
        if wording == self.last {
            self.within += 1;
        } else {
            (self.last, self.wordings, self.within) = (wording, self.wordings + 1, 0);
        }
        !(self.wordings.count_ones() as usize + self.within).is_multiple_of(2)
    }
}

impl<'a> Caller<'a> {
    fn of(name: ArmName, parts: Parts<'a>, settings: &Settings) -> Result<Self, EvaluateError> {
        let documents = if parts.gold.unit() == Unit::Document { settings.k } else { 0 };
        let depth = Depth { served: settings.k, snippets: settings.k, documents };
        Ok(Self { name, parts, index: Index::of(&parts)?, depth })
    }

    /// Milliseconds by stage, and why the call failed, where it did.
    fn call(
        &self,
        run: &PlannedRun,
        settings: &Settings,
    ) -> (BTreeMap<String, f64>, Option<EvaluateError>) {
        let mut stages = BTreeMap::new();
        let error = self.stages(run, settings, &mut stages).err();
        (stages, error)
    }

    fn stages(
        &self,
        run: &PlannedRun,
        settings: &Settings,
        stages: &mut BTreeMap<String, f64>,
    ) -> Result<(), EvaluateError> {
        let mut take = |stage: &str, time: Duration| {
            stages.insert(stage.to_owned(), time.as_secs_f64() * 1e3);
        };
        let store = self.parts.store;
        let vector = match self.parts.embedder {
            None => None,
            Some(embedder) => {
                let begun = Instant::now();
                let schema = &embedder.identity().schema;
                let text = schema.compose(Role::Query, &self.index.analyzer, None, &run.text);
                let embedded = embed_checked(embedder, &[text.as_str()], settings)?;
                take("embed", begun.elapsed());
                let vector = embedded.row(0).map(<[f32]>::to_vec);
                Some(
                    vector
                        .ok_or_else(|| EvaluateError::NoVector { item: "a wording".to_owned() })?,
                )
            }
        };
        let query = Query { text: &run.text, vector: vector.as_deref() };
        let request =
            SearchRequest { path: Path::Serving, depth: self.depth, deadline: settings.deadline() };
        let at = EvaluateError::at("latency");
        let mut answers = store.search(&[query], request).map_err(&at)?;
        let none = || PortError::permanent(store.name(), "gave no answer");
        let answer = answers.pop().unwrap_or_else(|| Err(none())).map_err(&at)?;
        take("retrieve", answer.retrieve);
        if let Some(time) = answer.rerank {
            take("rerank", time);
        }
        Ok(())
    }
}
