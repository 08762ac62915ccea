//! Judges stored runs again, under other criteria, without asking the index.

use std::path::{Path, PathBuf};

use wfgy_core::Digest;
use wfgy_formats::{report, runs, verdict};
use wfgy_gate::{Circumstances, Unusable, VerdictFile};

use super::args::{CriteriaArgs, Format};
use super::judged::Judged;
use super::{output, policy};
use crate::clock;
use crate::exit::Failure;
use crate::say;

/// Replays the folder that `--out` wrote.
///
/// # Errors
/// Everything that is no pass.
pub(crate) fn run(folder: &Path, criteria: &CriteriaArgs, format: Format) -> Result<(), Failure> {
    // `runs.jsonl` itself is taken for the folder that it stands in.
    let folder: PathBuf = match folder.is_file() {
        true => folder.parent().unwrap_or(Path::new(".")).to_owned(),
        false => folder.to_owned(),
    };
    let now = clock::now()?;
    let report = report::read(folder.join("report.json")).map_err(Failure::input)?;
    let records = runs::read_runs(folder.join("runs.jsonl")).map_err(Failure::input)?;
    let runs_digest = runs::digest_of_runs(&records).map_err(Failure::unable)?;
    warn_of_other_runs(&folder, runs_digest);
    let context = report.context;
    let mut draft = policy::draft(criteria)?;
    if criteria.policy.is_none() {
        // What was asked cannot be asked anew: without a policy of its own the replay has the
        // settings of the evaluation.
        draft.seeds = context.seeds.len();
        draft.k = criteria.k.unwrap_or(context.k);
    }
    let names = (context.scorer.clone(), context.scorer_schema.clone());
    let effective = policy::effective(draft, criteria.no_baseline, names.0, names.1)?;
    let target = PathBuf::from(&context.index);
    let mut judged = Judged::of(context, &records, effective, target).map_err(|failure| {
        let message = format!("{}: {}", folder.display(), failure.message);
        Failure { message, ..failure }
    })?;
    let circumstances = Circumstances {
        runs_digest,
        engine_version: crate::version::SHORT.to_owned(),
        index: judged.context.index.clone(),
        baseline: None,
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
    judged.unusable = Some(Unusable::Replayed);
    judged.filed = Some(format!("not filed: {}; it approves nothing", Unusable::Replayed));
    output::print(format, &judged, &file)?;
    match judged.decision.verdict.exit_code() {
        0 => Ok(()),
        code => Err(Failure::silent(code)),
    }
}

/// Says where the runs are not those that the verdict beside them was given on.
fn warn_of_other_runs(folder: &Path, runs: Digest) {
    let path = folder.join("verdict.json");
    let Ok((verdict, _)) = verdict::read(&path) else { return };
    if verdict.decided.runs_digest != runs {
        say::note(&format!(
            "wfgy_eval: {}: runs.jsonl is not what verdict.json was given on: it was edited, or \
             comes from another evaluation",
            folder.display()
        ));
    }
}
