//! Everything that leaves: standard output, the folder of `--out`, TREC runs.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;

use serde_json::json;
use wfgy_core::canonical_json;
use wfgy_core::evaluation::{RunStatus, TimingRecord};
use wfgy_engine::Exports;
use wfgy_formats::durable::{self, PRIVATE, Prepared};
use wfgy_formats::{junit, npy, report, runs, trec, verdict};
use wfgy_gate::{Verdict, VerdictFile};
use wfgy_score::trec::Level;

use super::args::{Format, TrecLevel};
use super::explain::SHOWN_CAUSES;
use super::judged::{Arm, Judged};
use super::standing::Standing;
use super::{culprits, markdown, table};
use crate::exit::Failure;
use crate::{place, say};

/// What the folder of `--out` holds.
const FILES: [&str; 8] = [
    "verdict.json",
    "report.json",
    "runs.jsonl",
    "baseline.runs.jsonl",
    "timings.jsonl",
    "latency.jsonl",
    "texts.jsonl",
    "vectors.npy",
];

/// Tag of the TREC runs.
const TREC_TAG: &str = "wfgy";

/// Prints a verdict to standard output, and where a program reads that, what is wrong in one line
/// to standard error.
///
/// # Errors
/// Where standard output cannot be written; a reader that left early is no error.
pub(crate) fn print(format: Format, judged: &Judged, file: &VerdictFile) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    let written = match format {
        Format::Table => table::write(&mut out, judged),
        Format::Markdown => markdown::write(&mut out, judged),
        Format::Junit => {
            let lines: Vec<String> = match file.verdict {
                Verdict::Pass => judged.standing.iter().flat_map(Standing::against).collect(),
                _ => {
                    let causes = judged.diagnosis.iter().flatten().take(SHOWN_CAUSES);
                    let causes = causes.map(|one| format!("{}: {}", one.cause, one.evidence));
                    judged.worst.iter().map(culprits::line).chain(causes).collect()
                }
            };
            out.write_all(junit::of_verdict(file, &lines).as_bytes())
        }
        // The bytes of verdict.json, so that what is redirected into a file is one.
        Format::Json => {
            canonical_json(file).map_err(io::Error::other).and_then(|bytes| out.write_all(&bytes))
        }
        Format::Jsonl => lines(&mut out, judged, file),
    };
    match written.and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            return Err(Failure::unable(error));
        }
        _ => {}
    }
    if let (false, Some(remark)) = (format == Format::Table, &judged.remark) {
        say::note(&format!("wfgy_eval: {remark}"));
    }
    if let (false, Some(line)) = (format == Format::Table, judged.one_line()) {
        say::note(&format!("wfgy_eval: {line}"));
    }
    Ok(())
}

/// A line a finding, then the verdict.
fn lines(out: &mut dyn Write, judged: &Judged, file: &VerdictFile) -> io::Result<()> {
    for (part, findings) in
        [("decided", &file.decided.findings), ("measured", &file.measured.findings)]
    {
        for finding in findings {
            let line = json!({"part": part, "finding": finding});
            writeln!(out, "{line}")?;
        }
    }
    for skipped in &file.decided.policy.skipped {
        writeln!(out, "{}", json!({"skipped": skipped}))?;
    }
    let line = json!({
        "verdict": file.verdict,
        "approves": file.approves,
        "index": file.measured.index,
        "index_hash": file.decided.subject.index_hash,
        "policy_digest": file.decided.policy_digest,
        "gold_digest": file.decided.gold_digest,
        "decided_digest": file.decided_digest,
        "unusable": file.measured.unusable,
        "standing_against": judged.standing.as_ref().map(|standing| &standing.against),
    });
    writeln!(out, "{line}")
}

/// Refuses a folder for `--out` in which something else lives: an index, the store, a user's files.
///
/// # Errors
/// Where it may not be written to.
pub(crate) fn check_folder(folder: &Path, store: &Path) -> Result<(), Failure> {
    place::folder("--out", folder, Some(store))?;
    if folder.symlink_metadata().is_ok() && !folder.is_dir() {
        let problem = "is no folder; name one of its own";
        return Err(Failure::input(format!("--out {}: {problem}", folder.display())));
    }
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    let names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
    match names.iter().find(|name| !is_ours(name)) {
        None => Ok(()),
        Some(name) => Err(Failure::input(format!(
            "--out {}: holds `{}`; name a folder of its own",
            folder.display(),
            name.to_string_lossy()
        ))),
    }
}

/// Whether a file of `--out`, or what an evaluation that was killed left of one, has this name.
fn is_ours(name: &OsStr) -> bool {
    FILES.iter().any(|file| name == *file || durable::is_leftover(name, OsStr::new(file)))
}

/// Takes away what an earlier evaluation left in the folder of `--out`.
///
/// # Errors
/// Where a file cannot be removed.
pub(crate) fn clear_folder(folder: &Path) -> Result<(), Failure> {
    let at = |error: io::Error| Failure::unable(format!("{}: {error}", folder.display()));
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(at)?,
    };
    let names: Vec<_> = entries.map(|entry| entry.map(|entry| entry.file_name())).collect();
    let mut names = names.into_iter().collect::<Result<Vec<_>, _>>().map_err(at)?;
    // Files that are believed go first: runs without them are read by nobody.
    names.retain(|name| is_ours(name));
    names.sort_by_key(|name| FILES.iter().position(|file| name == file).unwrap_or(FILES.len()));
    names.iter().try_for_each(|name| fs::remove_file(folder.join(name))).map_err(at)
}

/// Refuses a path that is the folder of `--out` or lies in it. `flag` is what it was named by.
///
/// # Errors
/// Where it is or does.
pub(crate) fn check_apart(flag: &str, path: &Path, out: Option<&Path>) -> Result<(), Failure> {
    if !out.is_some_and(|folder| place::is_within(path, folder)) {
        return Ok(());
    }
    let problem = "lies in the folder of --out, which holds nothing else; name a place elsewhere";
    Err(Failure::input(format!("{flag} {}: {problem}", path.display())))
}

/// Refuses a run's file that cannot be written, lies in the folder of `--out`, or would take the
/// place of something that is no run.
///
/// # Errors
/// Where it may not be written.
pub(crate) fn check_trec_run(path: &Path, store: &Path, out: Option<&Path>) -> Result<(), Failure> {
    place::file("--trec-run", path, Some(store))?;
    check_apart("--trec-run", path, out)?;
    let Ok(mut old) = fs::File::open(path) else { return Ok(()) };
    let mut start = [0; 4096];
    let read = old.read(&mut start).map_err(Failure::unable)?;
    match trec::begins_as_run(&start[..read]) {
        true => Ok(()),
        false => Err(Failure::input(format!(
            "--trec-run {}: holds something that is no run; name another file, or remove it",
            path.display()
        ))),
    }
}

/// Files of `--out` that are believed, written and not in place yet: the report, then the verdict,
/// so that where it is, the rest is whole.
pub(crate) struct Results([Prepared; 2]);

impl Results {
    /// Puts them in place, once everything that can take a verdict back is over.
    ///
    /// # Errors
    /// Where a file cannot be renamed; `done` is what was done all the same.
    pub(crate) fn put_in_place(self, done: &str) -> Result<(), Failure> {
        self.0
            .into_iter()
            .try_for_each(Prepared::put_in_place)
            .map_err(|error| Failure::unable(format!("{error}; the verdict was {done}")))
    }
}

/// Writes the files of `--out` into the folder, which was [cleared](clear_folder), and gives those
/// that wait for the verdict to be filed.
///
/// # Errors
/// Where a file cannot be written.
pub(crate) fn write_folder(
    folder: &Path,
    judged: &Judged,
    file: &VerdictFile,
    timings: &[TimingRecord],
    exports: Option<&Exports>,
) -> Result<Results, Failure> {
    let at = |error: io::Error| Failure::unable(format!("{}: {error}", folder.display()));
    fs::create_dir_all(folder).map_err(at)?;
    let written = |name: &str, arm: &Arm| {
        runs::write_runs(&folder.join(name), &arm.runs).map(drop).map_err(Failure::unable)
    };
    written("runs.jsonl", &judged.candidate)?;
    judged.baseline.iter().try_for_each(|beside| written("baseline.runs.jsonl", &beside.arm))?;
    runs::write_timings(&folder.join("timings.jsonl"), timings).map_err(Failure::unable)?;
    if !judged.calls.is_empty() {
        runs::write_latency(&folder.join("latency.jsonl"), &judged.calls)
            .map_err(Failure::unable)?;
    }
    if let Some(exports) = exports {
        runs::write_texts(&folder.join("texts.jsonl"), &exports.texts).map_err(Failure::unable)?;
        write_vectors(&folder.join("vectors.npy"), exports)?;
    }
    let findings = [&judged.decision.decided[..], &judged.decision.measured[..]].concat();
    let report = report::Report {
        schema_version: report::SCHEMA_VERSION,
        context: judged.candidate.context.clone(),
        baseline: baseline_report(judged),
        latency: (!judged.calls.is_empty()).then(|| judged.single_calls.clone()),
        metrics: judged.evidence.metrics.clone(),
        curves: judged.curves.clone(),
        findings,
        diagnosis: judged.diagnosis.clone().unwrap_or_default(),
    };
    let report = report::prepare(&folder.join("report.json"), &report);
    let report = report.map_err(Failure::unable)?;
    let verdict = verdict::prepare(&folder.join("verdict.json"), file).map_err(Failure::unable)?;
    Ok(Results([report, verdict]))
}

fn baseline_report(judged: &Judged) -> Option<report::BaselineReport> {
    let (beside, evidence) = (judged.baseline.as_ref()?, judged.evidence.baseline.as_ref()?);
    Some(report::BaselineReport {
        context: beside.arm.context.clone(),
        pairing: evidence.pairing.clone(),
        comparisons: judged.decision.comparisons.clone(),
        pin_pairs: judged.pin_pairs(),
        noise: beside.noise.clone(),
    })
}

fn write_vectors(path: &Path, exports: &Exports) -> Result<(), Failure> {
    durable::replace(path, PRIVATE, |out| npy::write(out, exports.dim, &exports.vectors))
        .map_err(Failure::unable)
}

/// Writes the hits of wording 0, seed 0 as trec_eval reads them.
///
/// # Errors
/// Where an id cannot stand in such a file, or it cannot be written.
pub(crate) fn write_trec_run(path: &Path, arm: &Arm, level: TrecLevel) -> Result<(), Failure> {
    let level = match level {
        TrecLevel::Document => Level::Document,
        TrecLevel::Section => Level::Section,
        TrecLevel::Snippet => Level::Snippet,
    };
    let first = arm
        .runs
        .iter()
        .filter(|run| run.wording == 0 && run.seed == 0)
        .filter(|run| matches!(run.status, RunStatus::Answered | RunStatus::Empty));
    let mut problem = None;
    let written = durable::replace(path, PRIVATE, |out| {
        let lines = first.map(|run| (run.question.as_str(), run.hits.as_slice()));
        trec::write_run(out, lines, level, TREC_TAG).map_err(|error| {
            let text = error.to_string();
            problem = Some(error);
            io::Error::other(text)
        })
    });
    match (written, problem) {
        (Ok(()), _) => Ok(()),
        (Err(_), Some(error @ trec::RunError::Space { .. })) => {
            Err(Failure::input(format!("--trec-run: {error}")))
        }
        (Err(error), _) => Err(Failure::unable(error)),
    }
}
