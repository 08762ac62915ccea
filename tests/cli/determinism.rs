//! The same inputs give the same bytes, whatever the threads and however often.

mod handbook;
mod support;

use std::io::Write;
use std::process::Stdio;

use handbook::{MET, folder, json, json_file, judge, pin, with_b};
use support::World;

/// The decided part of a verdict as its canonical bytes.
fn decided(world: &World, folder: &str) -> Vec<u8> {
    let verdict = json_file(world, &format!("{folder}/verdict.json"));
    let decided = wfgy_core::canonical_json(&verdict["decided"]).expect("it is JSON");
    assert!(decided.len() > 1000, "a decided part says something");
    decided
}

#[test]
fn verdict_runs_and_report_are_the_same_bytes_at_1_2_and_8_threads() {
    let world = with_b();
    for threads in ["1", "2", "8"] {
        let out = format!("out{threads}");
        judge(&world, "docs_vB", &MET, &["--threads", threads, "--out", &out, "--export-vectors"])
            .success();
        assert_eq!(decided(&world, &out), decided(&world, "out1"), "{threads} threads");
        for file in ["runs.jsonl", "report.json", "texts.jsonl", "vectors.npy"] {
            let (this, first) = (format!("{out}/{file}"), format!("out1/{file}"));
            assert!(world.read(&this) == world.read(&first), "{file} at {threads} threads");
        }
    }
}

#[test]
fn decided_part_is_the_same_bytes_over_20_repeats() {
    let world = with_b();
    let once = |threads: &str| {
        let ran = judge(&world, "docs_vB", &MET, &["--threads", threads, "--format", "json"]);
        let verdict = json(&ran.success());
        let bytes = wfgy_core::canonical_json(&verdict["decided"]).expect("it is JSON");
        (bytes, verdict["decided_digest"].clone())
    };
    let first = once("1");
    for repeat in 1..20 {
        let threads = ["1", "2", "8"][repeat % 3];
        assert_eq!(once(threads), first, "repeat {repeat}, {threads} threads");
    }
}

#[test]
fn index_hash_is_the_same_at_1_2_and_8_threads() {
    let world = folder();
    for ann in ["none", "hnsw"] {
        let mut first = None;
        for threads in ["1", "2", "8"] {
            let out = format!("docs_{ann}_{threads}");
            let args = ["--input", "corpus_vA.json", "--out", &out, "--ann", ann];
            world.build(&[&args[..], &["--threads", threads]].concat()).success();
            let hashes = [pin(&world, &out, "INDEX_HASH"), pin(&world, &out, "SERVING_HASH")];
            let first = first.get_or_insert_with(|| hashes.clone());
            assert_eq!(&hashes, first, "{threads} threads, graph {ann}");
        }
    }
}

#[test]
fn index_hash_is_the_same_from_every_form_of_one_corpus() {
    let world = folder();
    let corpus = json_file(&world, "corpus_vA.json");
    let documents = corpus["documents"].as_array().expect("documents").clone();
    let lines: String = documents.iter().map(|document| format!("{document}\n")).collect();
    let array = serde_json::to_vec(&documents).expect("JSON");
    world.write("array.json", &array);
    world.write("lines.jsonl", &lines);
    for name in ["array.json", "lines.jsonl", "corpus_vA.json"] {
        let bytes = world.read(name);
        world.write(&format!("{name}.gz"), packed(&world, "gzip", &bytes));
        world.write(&format!("{name}.zst"), packed(&world, "zstd", &bytes));
    }
    world.build(&["--input", "corpus_vA.json", "--out", "plain"]).success();
    let expected = pin(&world, "plain", "INDEX_HASH");
    for name in ["array.json", "lines.jsonl"] {
        for end in ["", ".gz", ".zst"] {
            same(&world, &format!("{name}{end}"), &expected);
        }
    }
    for end in [".gz", ".zst"] {
        same(&world, &format!("corpus_vA.json{end}"), &expected);
    }
    world.build(&["--input", "corpus_vB.json", "--out", "other"]).success();
    assert_ne!(pin(&world, "other", "INDEX_HASH"), expected, "another corpus, another hash");
}

fn same(world: &World, input: &str, expected: &str) {
    let out = format!("docs_of_{input}");
    world.build(&["--input", input, "--out", &out]).success();
    assert_eq!(pin(world, &out, "INDEX_HASH"), expected, "{input}");
}

/// Bytes through a compressor of the system.
fn packed(world: &World, program: &str, bytes: &[u8]) -> Vec<u8> {
    let mut child = world
        .command(program)
        .arg("-c")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program} is needed by this test: {error}"));
    let mut input = child.stdin.take().expect("it was piped");
    let bytes = bytes.to_vec();
    let writer = std::thread::spawn(move || input.write_all(&bytes));
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("the writer ends").expect("it takes all");
    assert!(output.status.success(), "{program} failed");
    output.stdout
}
