//! One evaluation from beginning to end, of an index alone or beside a baseline.

use std::collections::{BTreeMap, BTreeSet};

use wfgy_core::Unit;
use wfgy_core::evaluation::{Context, Noise, RunRecord, TimingRecord};

use crate::arm::{Arm, Labelled};
use crate::asked::Asked;
use crate::embedded::Exports;
use crate::error::EvaluateError;
use crate::noise::{Rebuilds, Rebuilt, noise};
use crate::plan::Plan;
use crate::setup::{OnProgress, Parts, Settings};
use crate::summary::Records;

/// Everything that an evaluation saw.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// What stands beside the runs.
    pub context: Context,
    /// All runs that were asked: in gold order, then by wording, then by seed.
    pub runs: Vec<RunRecord>,
    /// Times of the runs that did not fail, in the same order. The only thing here that differs
    /// between two evaluations of the same bytes.
    pub timings: Vec<TimingRecord>,
    /// ΔS between wordings and what is known to answer, and what is known not to.
    pub known: KnownDistances,
    /// Vectors of wordings and anchors under the scorer.
    pub exports: Exports,
}

/// ΔS at seed 0 by question, in gold order; over its wordings, in the order of the runs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct KnownDistances {
    /// To the nearest snippet that overlaps a target; wordings of questions that have one.
    pub targets: Vec<Vec<f64>>,
    /// To each decoy.
    pub random: Vec<Vec<f64>>,
    /// To the nearest snippet of the whole index that overlaps no target.
    pub hard: Vec<Vec<f64>>,
}

/// Asks the store every wording of every question under every seed, and scores what comes back.
///
/// The same parts and settings give the same context, runs and exports on any number of threads,
/// as long as no run failed.
///
/// # Errors
/// [`EvaluateError`] where there is nothing to judge; a run that fails is no error but a record.
pub fn evaluate(
    parts: Parts<'_>,
    settings: &Settings,
    progress: OnProgress<'_>,
) -> Result<Evaluation, EvaluateError> {
    evaluate_rebuilt(parts, None, settings, progress)
}

/// [`evaluate`], and where `rebuilds` are given the runs of their seeds as well.
///
/// # Errors
/// As [`evaluate`].
pub fn evaluate_rebuilt(
    parts: Parts<'_>,
    rebuilds: Option<Rebuilds<'_>>,
    settings: &Settings,
    progress: OnProgress<'_>,
) -> Result<Evaluation, EvaluateError> {
    let ([mut evaluation], rebuilt) = arms([parts], rebuilds, settings, progress)?;
    evaluation.count_as_seeds(rebuilds, rebuilt);
    Ok(evaluation)
}

impl Evaluation {
    /// Adds the runs of rebuilds under numbers of seeds that nobody asked. Each rebuild is asked
    /// every seed: what its graph answers like the index's own leaves every share of λ as it is.
    fn count_as_seeds(&mut self, rebuilds: Option<Rebuilds<'_>>, rebuilt: Rebuilt) {
        let Some(Rebuilds { seeds: wanted @ 1.., .. }) = rebuilds else { return };
        let Self { context, runs, .. } = self;
        context.rebuild_seeds = wanted;
        let Some(mut rebuilt) = rebuilt else { return };
        rebuilt.truncate(wanted);
        context.rebuilt = rebuilt.len();
        let stride = first_rebuilt(&context.seeds);
        for (by, again) in (1..).zip(rebuilt) {
            runs.extend(
                again.into_iter().map(|run| RunRecord { seed: run.seed + by * stride, ..run }),
            );
        }
        let ids = context.questions.iter().map(|question| question.id.as_str());
        let places: BTreeMap<&str, usize> = ids.zip(0..).collect();
        runs.sort_by_key(|run| (places.get(run.question.as_str()), run.wording, run.seed));
    }
}

/// The number from which seeds are those of rebuilds: one above the greatest that was asked.
pub(crate) fn first_rebuilt(seeds: &[u64]) -> u64 {
    seeds.iter().max().map_or(0, |seed| seed.saturating_add(1))
}

/// What a candidate and a baseline gave side by side.
#[derive(Debug, Clone, PartialEq)]
pub struct PairEvaluation {
    /// The candidate's.
    pub candidate: Evaluation,
    /// The baseline's.
    pub baseline: Evaluation,
    /// How much the candidate differs from itself; `None` where nobody asked.
    pub noise: Option<Noise>,
}

/// Evaluates a candidate and a baseline side by side, and where `rebuilds` are given the candidate
/// once more by each of them.
///
/// Both are asked the same texts, those of the candidate's seeds, in turns of a few queries; a
/// wording or an anchor that both embed alike is embedded once.
///
/// # Errors
/// As [`evaluate`], of either; [`EvaluateError::Setting`] where their gold sets differ.
pub fn evaluate_pair(
    candidate: Parts<'_>,
    baseline: Parts<'_>,
    rebuilds: Option<Rebuilds<'_>>,
    settings: &Settings,
    progress: OnProgress<'_>,
) -> Result<PairEvaluation, EvaluateError> {
    if candidate.gold != baseline.gold {
        let problem = "differs from the candidate's gold set; pairs need one".to_owned();
        return Err(EvaluateError::Setting { name: "the baseline's gold set", problem });
    }
    let arms = arms([candidate, baseline], rebuilds, settings, progress)?;
    let ([mut candidate, baseline], rebuilt) = arms;
    let [of_candidate, of_baseline] =
        [&candidate, &baseline].map(|arm| Records { context: &arm.context, runs: &arm.runs });
    let wanted = rebuilds.map(|rebuilds| rebuilds.noise).filter(|wanted| *wanted > 0);
    let noise = wanted
        .map(|wanted| noise(wanted, rebuilt.as_deref(), of_candidate, of_baseline, settings.k));
    let noise = noise.transpose()?;
    candidate.count_as_seeds(rebuilds, rebuilt);
    Ok(PairEvaluation { noise, candidate, baseline })
}

/// Evaluates every arm under the plan of the first.
fn arms<const N: usize>(
    parts: [Parts<'_>; N],
    rebuilds: Option<Rebuilds<'_>>,
    settings: &Settings,
    progress: OnProgress<'_>,
) -> Result<([Evaluation; N], Rebuilt), EvaluateError> {
    check_settings(settings)?;
    let characters = tokenizers_differ(&parts);
    let mut labelled = Vec::with_capacity(N);
    for parts in parts {
        let arm = Labelled::of(parts, characters, settings, progress)?;
        // What cannot be meant of the candidate may be of a revision before it.
        if labelled.is_empty() {
            arm.refuse_impossible()?;
        }
        labelled.push(arm);
    }
    let gold = parts[0].gold;
    let plan = Plan::of(gold, &labelled[0].perturber(), &settings.seeds)?;
    let mut arms: Vec<Arm<'_>> = Vec::with_capacity(N);
    for labelled in labelled {
        let arm = labelled.embedded(&plan, &arms, settings, progress)?;
        arms.push(arm);
    }
    let asked = Asked::of(&arms, settings, &plan, progress);
    let again = match rebuilds {
        Some(rebuilds) => rebuilds.asked(&arms[0], settings, &plan, progress)?,
        None => None,
    };
    let mut evaluations = Vec::with_capacity(N);
    let mut rebuilt = None;
    for (arm, asked) in arms.into_iter().zip(asked) {
        // The first arm is the candidate.
        let again = again.as_deref().filter(|_| evaluations.is_empty());
        let (evaluation, runs) = arm.scored(&asked, again, &plan, settings, progress)?;
        evaluations.push(evaluation);
        rebuilt = rebuilt.or(runs);
    }
    let evaluations = evaluations
        .try_into()
        .map_err(|_| EvaluateError::Records("an arm gave no evaluation".to_owned()))?;
    Ok((evaluations, rebuilt))
}

/// Whether coverage of the arms can be compared in characters only.
fn tokenizers_differ(parts: &[Parts<'_>]) -> bool {
    let version =
        |parts: &Parts<'_>| parts.tokenizer.map(|tokenizer| tokenizer.version().to_owned());
    let in_tokens = parts.iter().all(|parts| parts.gold.unit() == Unit::Snippet);
    in_tokens && parts.windows(2).any(|pair| version(&pair[0]) != version(&pair[1]))
}

pub(crate) fn check_settings(settings: &Settings) -> Result<(), EvaluateError> {
    let wrong = |name, problem: &str| Err(EvaluateError::Setting { name, problem: problem.into() });
    if settings.k == 0 {
        return wrong("k", "is 0; at least one hit is needed");
    }
    if !settings.seeds.contains(&0) {
        return wrong("seeds", "seed 0, the wording as written, is not among them; add it");
    }
    let distinct: BTreeSet<u64> = settings.seeds.iter().copied().collect();
    if distinct.len() != settings.seeds.len() {
        return wrong("seeds", "one seed stands twice; name each once");
    }
    Ok(())
}
