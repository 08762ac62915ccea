//! One evaluation from beginning to end, of an index alone or beside a baseline.

use std::collections::BTreeSet;

use wfgy_core::Unit;
use wfgy_core::evaluation::{Context, RunRecord, TimingRecord};

use crate::arm::{Arm, Labelled};
use crate::asked::Asked;
use crate::embedded::Exports;
use crate::error::EvaluateError;
use crate::plan::Plan;
use crate::setup::{OnProgress, Parts, Settings};

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

/// ΔS at seed 0, pooled over wordings in the order of the runs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct KnownDistances {
    /// To the nearest snippet that overlaps a target; wordings of questions that have one.
    pub targets: Vec<f64>,
    /// To each decoy.
    pub random: Vec<f64>,
    /// To the nearest snippet of the whole index that overlaps no target.
    pub hard: Vec<f64>,
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
    let [evaluation] = arms([parts], settings, progress)?;
    Ok(evaluation)
}

/// Evaluates a candidate and a baseline side by side: candidate first, baseline second.
///
/// Both are asked the same texts, those of the candidate's seeds, in turns of a few queries; a
/// wording or an anchor that both embed alike is embedded once.
///
/// # Errors
/// As [`evaluate`], of either; [`EvaluateError::Setting`] where their gold sets differ.
pub fn evaluate_pair(
    candidate: Parts<'_>,
    baseline: Parts<'_>,
    settings: &Settings,
    progress: OnProgress<'_>,
) -> Result<[Evaluation; 2], EvaluateError> {
    if candidate.gold != baseline.gold {
        let problem = "differs from the candidate's gold set; pairs need one".to_owned();
        return Err(EvaluateError::Setting { name: "the baseline's gold set", problem });
    }
    arms([candidate, baseline], settings, progress)
}

/// Evaluates every arm under the plan of the first.
fn arms<const N: usize>(
    parts: [Parts<'_>; N],
    settings: &Settings,
    progress: OnProgress<'_>,
) -> Result<[Evaluation; N], EvaluateError> {
    check_settings(settings)?;
    let characters = tokenizers_differ(&parts);
    let mut labelled = Vec::with_capacity(N);
    for parts in parts {
        labelled.push(Labelled::of(parts, characters, settings, progress)?);
        // What cannot be meant of the candidate may be of a revision before it.
        labelled[0].refuse_impossible()?;
    }
    let gold = parts[0].gold;
    let plan = Plan::of(gold, &labelled[0].perturber(), &settings.seeds)?;
    let mut arms: Vec<Arm<'_>> = Vec::with_capacity(N);
    for labelled in labelled {
        let arm = labelled.embedded(&plan, &arms, settings, progress)?;
        arms.push(arm);
    }
    let asked = Asked::of(&arms, settings, &plan, progress);
    let mut evaluations = Vec::with_capacity(N);
    for (arm, asked) in arms.into_iter().zip(asked) {
        evaluations.push(arm.scored(&asked, &plan, settings, progress)?);
    }
    evaluations
        .try_into()
        .map_err(|_| EvaluateError::Records("an arm gave no evaluation".to_owned()))
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
