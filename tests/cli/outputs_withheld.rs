//! An evaluation that ends in an error leaves nothing that says pass.

mod handbook;
mod service;
mod support;

use std::fs;

use handbook::{MET, judge, with_b};
use service::Act;
use support::{Ran, World};

/// Nothing in the folder of `--out` or in the store says what the verdict would have been, and
/// neither does the program.
#[track_caller]
fn withheld(world: &World, ran: &Ran) {
    assert!(!ran.stdout.to_lowercase().contains("pass"), "{}", ran.told());
    for name in world.listing().keys() {
        let told = |part: &str| name.contains(part);
        assert!(!told("verdict.json") && !told("report.json"), "{name}\n{}", ran.told());
        assert!(!told(".tmp"), "{name}\n{}", ran.told());
    }
    let filed = fs::read_dir(world.path(".wfgy/verdicts")).into_iter().flatten().count();
    assert_eq!(filed, 0, "{}", ran.told());
}

#[test]
fn an_id_that_a_trec_run_cannot_name_leaves_no_pass() {
    let world = with_b();
    let corpus = String::from_utf8(world.read("corpus_vB.json")).expect("UTF-8");
    let gold = String::from_utf8(world.read("gold_40.json")).expect("UTF-8");
    let id = corpus.split("\"doc_id\": \"").nth(1).and_then(|rest| rest.split('"').next());
    let id = id.expect("a document").to_owned();
    let spaced = |text: &str| text.replace(&format!("\"{id}\""), "\"with space\"");
    world.write("corpus.json", spaced(&corpus));
    world.write("gold_40.json", spaced(&gold));
    world.build(&["--input", "corpus.json", "--out", "docs"]).success();
    let trec = ["--trec-run", "run.txt", "--trec-level", "document"];
    let refused = || {
        let ran = judge(&world, "docs", &MET, &[&trec[..], &["--out", "report"]].concat());
        withheld(&world, &ran.refuses(2, &["--trec-run", "with space"]));
        assert!(!world.path("run.txt").exists());
    };
    refused();
    // The pass of an earlier evaluation does not stay beside the runs of this one either.
    judge(&world, "docs", &MET, &["--out", "report", "--no-file"]).success();
    refused();
}

#[test]
fn an_index_that_changes_meanwhile_leaves_no_pass() {
    let world = with_b();
    let file = world.path("docs_vB/snippets.jsonl");
    let url = service::start(move |n| {
        if n == 1 {
            let file = fs::File::options().write(true).open(&file).expect("it is there");
            let long_ago = std::time::SystemTime::UNIX_EPOCH;
            file.set_modified(long_ago).expect("it is ours");
        }
        Act::Vectors
    });
    let more = ["--scorer", "openai", "--scorer-model", "m", "--scorer-url", &url];
    let ran = judge(&world, "docs_vB", &MET[..2], &[&more[..], &["--out", "report"]].concat());
    withheld(&world, &ran.refuses(2, &["snippets.jsonl", "changed"]));
    // Left alone it is a pass.
    judge(&world, "docs_vB", &MET[..2], &[&more[..], &["--out", "report"]].concat()).success();
}

#[test]
fn a_store_that_cannot_be_written_leaves_no_pass() {
    let world = with_b();
    let filing = world.path(".wfgy/verdicts");
    fs::create_dir(world.path(".wfgy")).expect("a folder");
    fs::write(&filing, "in the way").expect("a file");
    let ran = judge(&world, "docs_vB", &MET, &["--out", "report"]).refuses(4, &[".wfgy"]);
    fs::remove_file(&filing).expect("it goes");
    withheld(&world, &ran);
    judge(&world, "docs_vB", &MET, &["--out", "report"]).success();
    assert!(
        world.path("report/verdict.json").exists() && world.path("report/report.json").exists()
    );
}
