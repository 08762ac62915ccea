//! The same inputs give the same bytes, whatever the threads and the kernel path, and however often.

mod handbook;
#[path = "../model.rs"]
mod model;
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::process::Stdio;

use handbook::{MET, folder, json, json_file, judge, pin, with_b};
use model::model_folder;
use support::{CORPUS, GOLD, INDEX_BUILD, Ran, VEC, WFGY_EVAL, World};
use wfgy_kernel::Isa;

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

/// A program of the three on one kernel path, at a build time that stands still.
fn on(isa: Isa, world: &World, program: &str, args: &[&str]) -> Ran {
    let mut command = world.command(program);
    command.env("WFGY_KERNEL", isa.name()).env("SOURCE_DATE_EPOCH", "1700000000");
    Ran::of(command.args(args))
}

/// What an index with a graph and an evaluation of it leave on one kernel path: the files of
/// the index, its hashes, and of the evaluation all that is not a time. Both folders are gone after it.
fn made_on(isa: Isa, world: &World, build: &[&str], eval: &[&str]) -> BTreeMap<String, Vec<u8>> {
    let mut made = BTreeMap::new();
    let index = ["--out", "docs", "--ann", "hnsw"];
    on(isa, world, INDEX_BUILD, &[build, &index].concat()).success();
    for name in ["sections.jsonl", "snippets.jsonl", "vectors.npy", "graph.hnsw"] {
        let name = format!("docs/{name}");
        made.insert(name.clone(), world.read(&name));
    }
    // The manifest says which path built it, and nothing else is another.
    let mut manifest = json_file(world, "docs/manifest.json");
    assert_eq!(manifest["tool"]["kernel"].take(), isa.name());
    made.insert("docs/manifest.json".to_owned(), manifest.to_string().into_bytes());
    assert!(made["docs/graph.hnsw"].len() > 100, "{isa}: there is a graph");
    for hash in ["INDEX_HASH", "SERVING_HASH"] {
        made.insert(hash.to_owned(), pin(world, "docs", hash).into_bytes());
    }
    let out = ["--index", "docs", "--out", "out", "--no-file", "--export-vectors"];
    on(isa, world, WFGY_EVAL, &[eval, &out].concat()).success();
    for name in ["runs.jsonl", "report.json", "texts.jsonl", "vectors.npy"] {
        made.insert(name.to_owned(), world.read(&format!("out/{name}")));
    }
    let verdict = json_file(world, "out/verdict.json");
    assert_eq!(verdict["measured"]["kernel_path"], isa.name(), "the path that was asked for");
    made.insert("decided".to_owned(), decided(world, "out"));
    made.insert("decided_digest".to_owned(), verdict["decided_digest"].to_string().into_bytes());
    for folder in ["docs", "out"] {
        fs::remove_dir_all(world.path(folder)).expect("it was made");
    }
    made
}

/// Asserts that every path of this processor makes what plain Rust makes, and that the others are
/// refused by name.
fn same_on_every_path(world: &World, build: &[&str], eval: &[&str]) {
    let plain = made_on(Isa::Portable, world, build, eval);
    for isa in Isa::ALL.into_iter().filter(|isa| *isa != Isa::Portable) {
        if !isa.is_available() {
            for program in [INDEX_BUILD, WFGY_EVAL, VEC] {
                let refused = on(isa, world, program, &["--version"]).exits(2);
                let named = format!("kernel path {isa}");
                assert!(refused.stderr.contains(&named), "{}", refused.told());
            }
            println!("skipped: this processor lacks the kernel path {isa}");
            continue;
        }
        let made = made_on(isa, world, build, eval);
        assert!(made.keys().eq(plain.keys()), "{isa}: {:?}", made.keys());
        for (name, bytes) in &made {
            assert!(*bytes == plain[name], "{name} on {isa}");
        }
    }
}

#[test]
fn index_graph_verdict_runs_and_report_are_the_same_bytes_on_every_kernel_path() {
    let build = ["--embedder", "static", "--input", "corpus_vB.json"];
    let eval = ["--gold", "gold_40.json"];
    same_on_every_path(&folder(), &build, &[&eval[..], &MET].concat());
}

#[test]
fn under_an_encoder_they_are_the_same_bytes_on_every_kernel_path_too() {
    let world = World::new();
    world.write("corpus.json", CORPUS);
    world.write("gold.json", GOLD);
    world.write(
        "few.toml",
        "min_questions = 1\nseeds = 2\n[[criterion]]\nmetric = \"coverage.mean\"\nop = \">=\"\nbound = 0.70\n",
    );
    let model = model_folder();
    let model = ["--model", model.to_str().expect("a path in UTF-8")];
    let build = ["--embedder", "minilm", "--input", "corpus.json", "--chunk", "s16/o4"];
    let eval = ["--gold", "gold.json", "--policy", "few.toml"];
    same_on_every_path(&world, &[&build[..], &model].concat(), &[&eval[..], &model].concat());
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
