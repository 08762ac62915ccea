//! `runs.jsonl`, `timings.jsonl` and `texts.jsonl`: one RFC 8785 record a line.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;
use wfgy_core::evaluation::{LatencyRecord, RunRecord, RunStatus, TextRecord, TimingRecord};
use wfgy_core::{Digest, Hasher};

use crate::durable::{self, PRIVATE, WriteError};
use crate::{InputError, Place, jsonl};

/// How far outside its range a value may be that a sum in f64 gave.
const SLACK: f64 = 1e-9;

/// Writes records, mode 0600, and gives the digest of the file's bytes.
fn write_lines<T: Serialize>(path: &Path, records: &[T]) -> Result<Digest, WriteError> {
    let mut hasher = Hasher::new();
    durable::replace(path, PRIVATE, |out| {
        let mut tee = Tee { out, hasher: &mut hasher };
        records.iter().try_for_each(|record| jsonl::write(&mut tee, record).map(drop))
    })?;
    Ok(hasher.finish())
}

struct Tee<'a> {
    out: &'a mut dyn Write,
    hasher: &'a mut Hasher,
}

impl Write for Tee<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// SHA-256 of the bytes that [`write_runs`] writes, without writing them.
///
/// # Errors
/// Where a record has no canonical JSON.
pub fn digest_of_runs(records: &[RunRecord]) -> io::Result<Digest> {
    let mut hasher = Hasher::new();
    records.iter().try_for_each(|record| jsonl::write(&mut hasher, record).map(drop))?;
    Ok(hasher.finish())
}

/// Writes `runs.jsonl` in the order given, mode 0600; its digest is the verdict's `runs_digest`.
///
/// # Errors
/// [`WriteError`]; nothing is left at `path` that was not there before.
pub fn write_runs(path: &Path, records: &[RunRecord]) -> Result<Digest, WriteError> {
    write_lines(path, records)
}

/// Writes `timings.jsonl`, mode 0600.
///
/// # Errors
/// [`WriteError`]; nothing is left at `path` that was not there before.
pub fn write_timings(path: &Path, records: &[TimingRecord]) -> Result<(), WriteError> {
    write_lines(path, records).map(drop)
}

/// Writes `latency.jsonl`, mode 0600.
///
/// # Errors
/// [`WriteError`]; nothing is left at `path` that was not there before.
pub fn write_latency(path: &Path, records: &[LatencyRecord]) -> Result<(), WriteError> {
    write_lines(path, records).map(drop)
}

/// Reads `latency.jsonl` for a replay: every call once, each time possible.
///
/// # Errors
/// [`InputError`] with line and field.
pub fn read_latency(path: impl AsRef<Path>) -> Result<Vec<LatencyRecord>, InputError> {
    let path = path.as_ref();
    let mut seen = BTreeSet::new();
    let mut records = Vec::new();
    for record in jsonl::read::<LatencyRecord>(path)? {
        let (record, line) = record?;
        let wrong = |field: &str, problem: String| {
            Err(InputError::at(path, Place::Line(line), problem).field(field))
        };
        if !seen.insert((record.arm, record.call)) {
            return wrong("call", format!("{} of this arm: a second time", record.call));
        }
        if let Some((stage, ms)) = record.stages_ms.iter().find(|(_, ms)| **ms < 0.0) {
            return wrong("stages_ms", format!("{stage} took {ms} ms"));
        }
        records.push(record);
    }
    Ok(records)
}

/// Writes `texts.jsonl`, mode 0600; record i is of row i of `vectors.npy`.
///
/// # Errors
/// [`WriteError`]; nothing is left at `path` that was not there before.
pub fn write_texts(path: &Path, records: &[TextRecord]) -> Result<(), WriteError> {
    write_lines(path, records).map(drop)
}

/// Reads `runs.jsonl` for a replay: every record whole, possible, and of another run than the rest.
///
/// # Errors
/// [`InputError`] with line and field.
pub fn read_runs(path: impl AsRef<Path>) -> Result<Vec<RunRecord>, InputError> {
    let path = path.as_ref();
    let mut seen = BTreeSet::new();
    let mut records = Vec::new();
    for record in jsonl::read::<RunRecord>(path)? {
        let (record, line) = record?;
        let wrong = |field: String, problem: String| {
            InputError::at(path, Place::Line(line), problem).field(field)
        };
        check(&record).map_err(|(field, problem)| wrong(field, problem))?;
        if !seen.insert((record.question.clone(), record.wording, record.seed)) {
            let RunRecord { question, wording, seed, .. } = &record;
            let problem = format!("`{question}`, wording {wording}, seed {seed}: a second time");
            return Err(wrong("question".to_owned(), problem));
        }
        records.push(record);
    }
    if records.is_empty() {
        return Err(InputError::file(path, "no run in it: nothing can be decided again"));
    }
    Ok(records)
}

/// What is impossible in a run: field and problem.
fn check(record: &RunRecord) -> Result<(), (String, String)> {
    let wrong = |field: &str, problem: &str| Err((field.to_owned(), problem.to_owned()));
    match record.status {
        RunStatus::Answered if record.hits.is_empty() => {
            return wrong("hits", "an answered run without hits: its status is `empty`");
        }
        RunStatus::Empty | RunStatus::Failed | RunStatus::Unasked if !record.hits.is_empty() => {
            return wrong("hits", "only an answered run has hits");
        }
        RunStatus::Answered | RunStatus::Empty if record.error.is_some() => {
            return wrong("error", "only a run that failed or was not asked has an error");
        }
        RunStatus::Failed | RunStatus::Unasked if record.error.is_none() => {
            return wrong("error", "a run that failed or was not asked says why");
        }
        RunStatus::Failed | RunStatus::Unasked if !record.coverage.is_empty() => {
            return wrong("coverage", "a run that failed or was not asked has no coverage");
        }
        RunStatus::Answered | RunStatus::Empty | RunStatus::Failed | RunStatus::Unasked => {}
    }
    let within = |field: String, value: f64, highest: f64| {
        let inside = (-SLACK..=highest + SLACK).contains(&value);
        if inside { Ok(()) } else { Err((field, format!("{value} is outside 0 to {highest}"))) }
    };
    let mut positions = BTreeSet::new();
    for (i, hit) in record.hits.iter().enumerate() {
        if !positions.insert(hit.position) {
            let problem = format!("snippet {} is retrieved twice", hit.position);
            return Err((format!("hits[{i}].position"), problem));
        }
        let higher = i.checked_sub(1).and_then(|before| record.hits.get(before));
        if higher.is_some_and(|higher| hit.score > higher.score) {
            return Err((format!("hits[{i}].score"), "higher than the hit before it".to_owned()));
        }
        within(format!("hits[{i}].delta_s_question"), hit.delta_s_question, 2.0)?;
        if let Some(anchor) = hit.delta_s_anchor {
            within(format!("hits[{i}].delta_s_anchor"), anchor, 2.0)?;
        }
    }
    for (k, at) in &record.coverage {
        if *k == 0 {
            return wrong("coverage", "a cutoff of 0");
        }
        for (name, value) in
            [("coverage", at.coverage), ("precision", at.precision), ("iou", at.iou)]
        {
            within(format!("coverage.{k}.{name}"), value, 1.0)?;
        }
    }
    for (k, value) in &record.character_coverage {
        within(format!("character_coverage.{k}"), *value, 1.0)?;
    }
    for (name, value, highest) in [
        ("delta_s_decoy", record.delta_s_decoy, 2.0),
        ("auc", record.auc, 1.0),
        ("auc_hard", record.auc_hard, 1.0),
        ("hard_null", record.hard_null, 2.0),
    ] {
        if let Some(value) = value {
            within(name.to_owned(), value, highest)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use wfgy_core::Span;
    use wfgy_core::evaluation::{CoverageRecord, HitRecord, TextRole};

    fn hit(position: u32, score: f64) -> HitRecord {
        HitRecord {
            position,
            snippet_id: format!("d#s#{position}-9"),
            doc_id: "d".to_owned(),
            section_id: "s".to_owned(),
            offsets: Span::new(position as usize, 9),
            tokens: Span::new(0, 3),
            sole_section: false,
            score,
            delta_s_question: 1.0 - score,
            delta_s_anchor: Some(0.1 + 0.2),
        }
    }

    fn run(question: &str) -> RunRecord {
        let at = CoverageRecord { coverage: 2.0 / 3.0, precision: 0.1, iou: 0.3 };
        RunRecord {
            question: question.to_owned(),
            wording: 0,
            seed: 0,
            text: Some("where?".to_owned()),
            status: RunStatus::Answered,
            error: None,
            hits: vec![hit(4, 0.7), hit(2, 0.7), hit(5, 0.1)],
            exact: vec![2, 4, 5],
            coverage: BTreeMap::from([(1, at), (10, at)]),
            character_coverage: BTreeMap::new(),
            delta_s_decoy: Some(0.9),
            auc: Some(1.0),
            auc_hard: Some(0.5),
            hard_null: None,
        }
    }

    #[test]
    fn runs_survive_their_file_to_the_last_bit_and_are_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("runs.jsonl");
        let mut failed = run("q2");
        (failed.status, failed.error) = (RunStatus::Failed, Some("no answer".to_owned()));
        (failed.hits, failed.coverage) = (Vec::new(), BTreeMap::new());
        let records = [run("q1"), failed];
        let digest = write_runs(&path, &records).unwrap();
        assert_eq!(digest, Digest::of(std::fs::read(&path).unwrap()));
        assert_eq!(digest, digest_of_runs(&records).unwrap());
        assert_eq!(read_runs(&path).unwrap(), records);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_run_that_cannot_be_is_refused_with_line_and_field() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("runs.jsonl");
        type Alteration = fn(&mut RunRecord);
        let cases: [(Alteration, &str); 12] = [
            (|r| r.hits.clear(), "hits: an answered run without hits"),
            (|r| r.status = RunStatus::Empty, "hits: only an answered run has hits"),
            (|r| r.error = Some("x".to_owned()), "error: only a run that failed or"),
            (|r| r.hits[1].position = 4, "hits[1].position: snippet 4 is retrieved twice"),
            (|r| r.hits[2].score = 0.8, "hits[2].score: higher"),
            (|r| r.hits[0].delta_s_question = 2.1, "hits[0].delta_s_question: 2.1 is outside"),
            (|r| r.hits[0].delta_s_anchor = Some(-0.1), "hits[0].delta_s_anchor: "),
            (|r| r.coverage.get_mut(&10).unwrap().coverage = 1.1, "coverage.10.coverage: "),
            (|r| r.auc = Some(1.5), "auc: 1.5 is outside 0 to 1"),
            (|r| r.hard_null = Some(-1.0), "hard_null: "),
            (|r| r.hits[0].score = f64::NAN, "hits[0].score: "),
            (|r| r.question = "q1".to_owned(), "question: `q1`, wording 0, seed 0: a second time"),
        ];
        for (alter, expected) in cases {
            let mut second = run("q2");
            alter(&mut second);
            write_runs(&path, &[run("q1"), second]).unwrap();
            let error = read_runs(&path).unwrap_err().to_string();
            assert!(error.contains("runs.jsonl:2") && error.contains(expected), "{error}");
        }
        write_runs(&path, &[]).unwrap();
        assert!(read_runs(&path).unwrap_err().to_string().contains("no run in it"));
        let line = serde_json::to_string(&run("q1")).unwrap();
        std::fs::write(&path, line.replace("\"seed\":0", "\"sede\":0")).unwrap();
        assert!(read_runs(&path).unwrap_err().to_string().contains("sede: unknown key"));
    }

    #[test]
    fn timings_and_texts_are_a_canonical_record_a_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.jsonl");
        let timing = TimingRecord {
            question: "q".to_owned(),
            wording: 1,
            seed: 1,
            stages_ms: BTreeMap::from([("embed".to_owned(), 0.25)]),
        };
        write_timings(&path, &[timing]).unwrap();
        let line = r#"{"question":"q","seed":1,"stages_ms":{"embed":0.25},"wording":1}"#;
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{line}\n"));

        let text = TextRecord {
            row: 0,
            role: TextRole::Anchor,
            question: "q".to_owned(),
            wording: None,
            seed: None,
            anchor: Some(0),
            sha256: Digest::of("x"),
            text: None,
        };
        write_texts(&path, &[text]).unwrap();
        let line = std::fs::read_to_string(&path).unwrap();
        assert!(
            line.starts_with(r#"{"anchor":0,"question":"q","role":"anchor","row":0,"#),
            "{line}"
        );
    }
}
