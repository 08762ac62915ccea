//! Judges stored runs again, under other criteria, without asking the index.

use std::path::{Path, PathBuf};

use wfgy_formats::{runs, verdict};
use wfgy_gate::{Circumstances, Evidence, Finding, Setting, Unusable, VerdictFile};

use super::args::{CriteriaArgs, Format};
use super::judged::Judged;
use super::stored::Stored;
use super::{output, policy};
use crate::clock;
use crate::exit::Failure;
use crate::say;

/// Replays the folder that `--out` wrote.
///
/// # Errors
/// Everything that is no pass.
pub(crate) fn run(
    folder: &Path,
    criteria: &CriteriaArgs,
    noise_floor: Option<usize>,
    format: Format,
) -> Result<(), Failure> {
    let now = clock::now()?;
    let stored = Stored::open(folder)?;
    if stored.names_baseline {
        let problem = "are the baseline's runs; name the folder to judge the candidate's";
        return Err(Failure::input(format!("{}: {problem}", folder.display())));
    }
    let candidate = stored.candidate()?;
    // A replay that declines the baseline judges the candidate's runs alone.
    let baseline = match criteria.no_baseline {
        true => None,
        false => stored.baseline()?,
    };
    let context = &candidate.context;
    let mut draft = policy::draft(criteria)?;
    if criteria.policy.is_none() {
        // What was asked cannot be asked anew: without a policy of its own the replay has the
        // settings of the evaluation.
        draft.seeds = context.seeds.len();
        draft.rebuild_seeds = context.rebuild_seeds;
        draft.k = criteria.k.unwrap_or(context.k);
        let noise = baseline.as_ref().and_then(|beside| beside.noise.as_ref());
        draft.noise_rebuilds = noise.map_or(0, |noise| noise.noise_rebuilds);
    }
    draft.noise_rebuilds = noise_floor.unwrap_or(draft.noise_rebuilds);
    let setting = Setting {
        baseline: policy::baseline(baseline.is_some(), criteria.no_baseline),
        scorer: context.scorer.clone(),
        scorer_schema: context.scorer_schema.clone(),
        live: Default::default(),
    };
    let effective = policy::of_replay(draft, &setting, folder)?;
    let target = PathBuf::from(&context.index);
    let folder = &stored.folder;
    let calls = match &stored.report.latency {
        Some(_) => runs::read_latency(folder.join("latency.jsonl")).map_err(Failure::input)?,
        None => Vec::new(),
    };
    let mut judged =
        Judged::of(candidate, baseline, calls, effective, target).map_err(|failure| {
            let message = format!("{}: {}", folder.display(), failure.message);
            Failure { message, ..failure }
        })?;
    let circumstances = Circumstances {
        runs_digest: judged.candidate.digest()?,
        engine_version: crate::version::SHORT.to_owned(),
        index: judged.candidate.context.index.clone(),
        baseline: judged.baseline.as_ref().map(|beside| beside.arm.named()).transpose()?,
        began: now.at,
        ended: now.at,
        host: clock::host(),
        kernel_path: wfgy_kernel::Isa::active().name().to_owned(),
        began_seq: None,
        earlier_evaluations: None,
        unusable: Some(Unusable::Replayed),
    };
    let file =
        VerdictFile::new(&judged.policy, &judged.evidence, judged.decision.clone(), circumstances)
            .map_err(Failure::unable)?;
    warn_of_others(folder, &file, &judged.evidence);
    if stored.report.latency.is_some_and(|latency| latency != judged.single_calls) {
        warn(folder, "latency.jsonl", "what report.json gives the quantiles of");
    }
    judged.unusable = Some(Unusable::Replayed);
    judged.filed = Some(format!("not filed: {}; it approves nothing", Unusable::Replayed));
    output::print(format, &judged, &file)?;
    match judged.decision.verdict.exit_code() {
        0 => Ok(()),
        code => Err(Failure::silent(code)),
    }
}

/// Says where runs or noise floor are not those that the verdict beside them was given on.
/// `replayed`: the verdict that they give.
fn warn_of_others(folder: &Path, replayed: &VerdictFile, evidence: &Evidence) {
    let path = folder.join("verdict.json");
    let Ok((VerdictFile { decided, .. }, _)) = verdict::read(&path) else { return };
    let warn = |what: &str| warn(folder, what, "what verdict.json was given on");
    if decided.runs_digest != replayed.decided.runs_digest {
        warn("runs.jsonl");
    }
    // A replay that declines the baseline reads nothing of it.
    let baselines = decided.baseline.as_ref().zip(replayed.decided.baseline.as_ref());
    if baselines.is_some_and(|(there, here)| there.runs_digest != here.runs_digest) {
        warn("baseline.runs.jsonl");
    }
    let noise = evidence.noise.as_ref().filter(|_| decided.k == evidence.k);
    let is_other = |finding: &Finding| {
        let floor = noise.and_then(|noise| noise.floor.get(&finding.name));
        floor.zip(finding.noise_floor).is_some_and(|(here, there)| *here != there)
    };
    if decided.findings.iter().any(is_other) {
        warn("the noise floor in report.json");
    }
}

fn warn(folder: &Path, what: &str, expected: &str) {
    say::note(&format!(
        "wfgy_eval: {}: {what} is not {expected}: it was edited, or comes from another evaluation",
        folder.display()
    ));
}
