//! Every reader of this crate on damaged copies of every committed file that it reads: it never
//! panics, never takes memory that the file does not justify, and its error is one line that names
//! the file.

#![allow(clippy::unwrap_used, reason = "a test that fails here has found something")]

#[path = "../../../tests/mutated.rs"]
mod mutated;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use mutated::{Mutations, peak};
use wfgy_formats::corpus::Corpus;
use wfgy_formats::{InputError, beir, gold, jsonl, npy, policy, runs, trec};

/// Bytes that the cases of one file add up to, about.
const BUDGET: usize = 6 << 20;

/// What the readers of all cases may take together: a wrong length in a header asks for more.
const MEMORY: u64 = 1 << 30;

type Read = fn(&Path) -> Result<(), InputError>;

fn root(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name)
}

fn corpus(path: &Path) -> Result<(), InputError> {
    for document in Corpus::open(path)? {
        document?;
    }
    Ok(())
}

fn lines(path: &Path) -> Result<(), InputError> {
    for record in jsonl::read::<serde_json::Value>(path)? {
        record?;
    }
    Ok(())
}

/// Reads damaged copies of `bytes` that stand in `name`, a file of a folder with `others` beside
/// it; what is read is that file, or the folder where `whole`.
fn survive(name: &str, bytes: &[u8], others: &[(&str, &str)], whole: bool, read: Read) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    for (other, text) in others {
        let other = dir.path().join(other);
        fs::create_dir_all(other.parent().unwrap()).unwrap();
        fs::write(other, text).unwrap();
    }
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, bytes).unwrap();
    let asked = if whole { dir.path().to_owned() } else { path.clone() };
    read(&asked).unwrap_or_else(|error| panic!("the whole file is read: {error}"));
    let before = peak();
    let cases = (BUDGET / bytes.len().max(1)).clamp(24, 400);
    let mut refused = 0;
    for (case, mutated) in Mutations::of(bytes, 0x5eed).take(cases).enumerate() {
        fs::write(&path, &mutated).unwrap();
        let result = catch_unwind(AssertUnwindSafe(|| read(&asked)));
        let kept = || {
            let kept = std::env::temp_dir().join("wfgy_mutated");
            fs::write(&kept, &mutated).unwrap();
            format!("{name}, case {case}, kept in {}", kept.display())
        };
        match result {
            Err(_) => panic!("a panic: {}", kept()),
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                refused += 1;
                let told = error.to_string();
                assert!(error.file.starts_with(dir.path()), "{told}: {}", kept());
                assert!(!told.contains('\n'), "{told:?}: {}", kept());
            }
        }
    }
    assert!(refused > 0, "{name}: no damage of {cases} was seen");
    let taken = peak().saturating_sub(before);
    assert!(taken < MEMORY, "{name}: {taken} bytes more than before");
}

#[test]
fn damaged_corpora_are_refused_by_name() {
    for name in ["gold/corpus_vA.json", "gold/broken/corpus_stale.json"] {
        survive("corpus.json", &fs::read(root(name)).unwrap(), &[], false, corpus);
    }
    let line = r#"{"_id": "d1", "title": "One", "text": "Some text.", "metadata": {}}"#;
    let beir = format!("{line}\n{}\n", line.replace("d1", "d2"));
    survive("corpus.jsonl", beir.as_bytes(), &[], false, corpus);
    let packed = zstd::encode_all(beir.as_bytes(), 3).unwrap();
    survive("corpus.jsonl.zst", &packed, &[], false, corpus);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut gzip, beir.as_bytes()).unwrap();
    survive("corpus.jsonl.gz", &gzip.finish().unwrap(), &[], false, corpus);
    let readme = fs::read(root("README.md")).unwrap();
    // Markdown is never wrong, but its bytes may be no UTF-8.
    survive("pages/readme.md", &readme, &[("other.txt", "Other text.")], true, corpus);
}

#[test]
fn damaged_gold_sets_are_refused_by_name() {
    let read = |path: &Path| gold::read(path).map(drop);
    survive("gold.json", &fs::read(root("gold/gold_40.json")).unwrap(), &[], false, read);
    let csv = "id,question,doc_id,section_id\nq1,What is it?,d1,s1\nq2,\"And, then?\",d2,s2\n";
    survive("gold.csv", csv.as_bytes(), &[], false, read);

    let queries = "{\"_id\":\"q1\",\"text\":\"What?\"}\n{\"_id\":\"q2\",\"text\":\"Where?\"}\n";
    let qrels = "query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td2\t1\n";
    let read = |path: &Path| beir::read_gold(path).map(drop);
    survive("queries.jsonl", queries.as_bytes(), &[("qrels/test.tsv", qrels)], true, read);
    survive("qrels/test.tsv", qrels.as_bytes(), &[("queries.jsonl", queries)], true, read);
}

#[test]
fn damaged_qrels_and_topics_are_refused_by_name() {
    let qrels = fs::read_to_string(root("fixtures/trec/qrels.txt")).unwrap();
    let mut ids: Vec<&str> = qrels.lines().filter_map(|l| l.split_whitespace().next()).collect();
    ids.dedup();
    let topics: String = ids.iter().map(|id| format!("{id}\tWhat of {id}?\n")).collect();
    let of_qrels: Read = |path| trec::read_gold(path, path.with_file_name("topics.tsv")).map(drop);
    survive("qrels.txt", qrels.as_bytes(), &[("topics.tsv", &topics)], false, of_qrels);
    let of_topics: Read = |path| trec::read_gold(path.with_file_name("qrels.txt"), path).map(drop);
    survive("topics.tsv", topics.as_bytes(), &[("qrels.txt", &qrels)], false, of_topics);
}

#[test]
fn damaged_runs_and_judgements_of_other_systems_are_refused_by_name() {
    let of_run: Read = |path| trec::parse_run(&fs::read(path).unwrap(), path, |_, _| ()).map(drop);
    let of_qrels: Read = |path| trec::parse_qrels(&fs::read(path).unwrap(), path).map(drop);
    for (name, read) in [("run.txt", of_run), ("qrels.txt", of_qrels)] {
        let bytes = fs::read(root("fixtures/trec").join(name)).unwrap();
        survive(name, &bytes, &[], false, read);
    }
    let beir = "query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td2\t0\nq2\td1\t2\n";
    survive("test.tsv", beir.as_bytes(), &[], false, of_qrels);
}

#[test]
fn damaged_calls_of_a_latency_pass_are_refused_by_name() {
    let line = |arm: &str, call: usize, error: &str| {
        format!(
            "{{\"arm\":\"{arm}\",\"call\":{call},\"error\":{error},\"question\":\"q1\",\"seed\":0,\
             \"stages_ms\":{{\"embed\":0.25,\"retrieve\":1e-3}},\"wording\":1}}\n"
        )
    };
    let calls =
        (0..4).map(|call| line("candidate", call, "null") + &line("baseline", call, "\"busy\""));
    let read = |path: &Path| runs::read_latency(path).map(drop);
    survive("latency.jsonl", calls.collect::<String>().as_bytes(), &[], false, read);
}

#[test]
fn damaged_policies_are_refused_by_name() {
    let read = |path: &Path| policy::read(path).map(drop);
    let mut read_any = 0;
    for folder in ["crates/formats/presets", "fixtures/policies"] {
        for entry in fs::read_dir(root(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            survive(name, &fs::read(&path).unwrap(), &[], false, read);
            read_any += 1;
        }
    }
    assert!(read_any > 8, "presets and the documents' gate files");
}

#[test]
fn damaged_vectors_and_lines_are_refused_by_name() {
    let vectors = fs::read(root("fixtures/embed/static_vectors.npy")).unwrap();
    // The header and a few rows: what is mutated then is mostly the header.
    let header = vectors.iter().position(|b| *b == b'\n').unwrap() + 1;
    let matrix = npy::header(4, 8);
    assert_eq!(matrix[..6], vectors[..6], "the same format as the committed file");
    let small = [&matrix[..], &vectors[header..header + 4 * 8 * 4]].concat();
    survive("vectors.npy", &small, &[], false, |path| npy::read(path).map(drop));
    let texts = fs::read(root("fixtures/embed/minilm_texts.jsonl")).unwrap();
    survive("texts.jsonl", &texts[..], &[], false, lines);
}
