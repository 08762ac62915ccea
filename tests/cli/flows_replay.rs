//! A replay judges stored runs again: the same findings, other bounds, and it approves nothing.

mod handbook;
#[path = "../mutated.rs"]
mod mutated;
mod support;

use handbook::{MET, MISSED, json, json_file, judge, with_b};
use support::{Ran, World};

fn replay(world: &World, more: &[&str]) -> Ran {
    world.eval(&[&["replay", "out"][..], more].concat())
}

/// The handbook with the folder `out` of a passing evaluation.
fn evaluated() -> World {
    let world = with_b();
    judge(&world, "docs_vB", &MET, &["--out", "out"]).success();
    world
}

#[test]
fn same_criteria_give_the_same_decided_part() {
    let world = evaluated();
    let again = json(&replay(&world, &[&MET[..], &["--format", "json"]].concat()).success());
    let verdict = json_file(&world, "out/verdict.json");
    assert_eq!(again["verdict"], "pass");
    assert_eq!(again["decided"]["findings"], verdict["decided"]["findings"]);
    assert_eq!(again["decided_digest"], verdict["decided_digest"]);
}

#[test]
fn runs_that_are_not_those_of_the_verdict_beside_them_are_said() {
    let world = evaluated();
    assert_eq!(replay(&world, &MET).success().stderr, "");
    let runs = String::from_utf8(world.read("out/runs.jsonl")).expect("JSON");
    let first = runs.lines().next().expect("a run");
    let mut run: serde_json::Value = serde_json::from_str(first).expect("JSON");
    run["hits"][0]["delta_s_question"] = 0.123_456.into();
    let edited = wfgy_core::canonical_json(&run).expect("JSON");
    let edited = String::from_utf8(edited).expect("UTF-8");
    world.write("out/runs.jsonl", runs.replacen(first, &edited, 1));
    let mut beside = world.command(support::WFGY_EVAL);
    beside.args([&["replay", "runs.jsonl"][..], &MET].concat()).current_dir(world.path("out"));
    let ran = Ran::of(&mut beside);
    assert!(ran.stderr.starts_with("wfgy_eval: .: runs.jsonl is not"), "{}", ran.told());
    let ran = replay(&world, &MET);
    assert!(
        ran.stderr.contains("runs.jsonl is not what verdict.json was given on"),
        "{}",
        ran.told()
    );
}

#[test]
fn runs_under_another_name_are_not_taken_for_those_beside_them() {
    let world = evaluated();
    std::fs::copy(world.path("out/runs.jsonl"), world.path("out/monday.jsonl")).expect("a copy");
    let refused = |args: &[&str], part: &str| {
        world.refused(support::WFGY_EVAL, args, 2, &[part, "name the folder"]);
    };
    refused(&["diff", "out/monday.jsonl", "out/runs.jsonl"], "out/monday.jsonl");
    refused(&["diff", "out", "out/report.json"], "out/report.json");
    refused(&[&["replay", "out/monday.jsonl"], &MET[..]].concat(), "out/monday.jsonl");
    std::fs::copy(world.path("out/runs.jsonl"), world.path("out/baseline.runs.jsonl")).expect("it");
    refused(&[&["replay", "out/baseline.runs.jsonl"], &MET[..]].concat(), "out/baseline.runs");
    world.eval(&[&["replay", "out/runs.jsonl"], &MET[..]].concat()).success();
}

#[test]
fn damaged_results_are_refused_by_name_and_never_panic() {
    let world = World::with_index();
    let ask = ["--gold", "gold.json", "--index", "docs", "--min-cov", "0.1", "--no-file"];
    world.eval(&[&ask[..], &["--out", "out"]].concat()).exits(3);
    type Read = fn(&std::path::Path) -> Result<(), wfgy_formats::InputError>;
    let files: [(&str, Read); 3] = [
        ("runs.jsonl", |path| wfgy_formats::runs::read_runs(path).map(drop)),
        ("report.json", |path| wfgy_formats::report::read(path).map(drop)),
        ("verdict.json", |path| Ok(wfgy_formats::verdict::read(path).map(drop)?)),
    ];
    let before = mutated::peak();
    for (name, read) in files {
        let (whole, path) = (world.read(&format!("out/{name}")), world.path(format!("out/{name}")));
        read(&path).expect("the whole file is read");
        let mut refused = 0;
        for bytes in mutated::Mutations::of(&whole, 0x5eed).take(300) {
            std::fs::write(&path, &bytes).expect("it is written");
            if let Err(error) = read(&path) {
                refused += 1;
                assert_eq!(error.file, path, "{error}");
                assert!(!error.to_string().contains('\n'), "{error}");
            }
        }
        assert!(refused > 100, "{name}: {refused}");
    }
    assert!(mutated::peak() - before < 1 << 30, "no length of a damaged file is believed");
}

#[test]
fn other_thresholds_flip_the_verdict_and_the_index_is_not_asked() {
    let world = evaluated();
    std::fs::remove_dir_all(world.path("docs_vB")).expect("the index is not needed");
    replay(&world, &MET).success();
    replay(&world, &MISSED).exits(1);
    replay(&world, &["--max-ds", "0.95"]).exits(3);
    world.write(
        "strict.toml",
        "[[criterion]]\nmetric = \"coverage.mean\"\nop = \">=\"\nbound = 0.99\nkind = \"hard\"\n",
    );
    replay(&world, &["--policy", "strict.toml"]).exits(1);
}

#[test]
fn k_of_the_sweep_is_judged_and_another_is_refused() {
    let world = evaluated();
    for k in ["1", "3", "5", "10", "20", "50"] {
        let more = ["--k", k, "--min-cov", "0.01", "--format", "json"];
        let verdict = json(&replay(&world, &more).success());
        assert_eq!(verdict["decided"]["k"].to_string(), k);
        let number = verdict["decided"]["findings"]
            .as_array()
            .expect("findings")
            .iter()
            .find(|finding| finding["name"] == "coverage.mean")
            .expect("coverage")["number"]["point"]
            .as_f64();
        let swept = &json_file(&world, "out/report.json")["metrics"][format!("coverage.mean@{k}")];
        assert_eq!(number, swept["point"].as_f64(), "k {k}");
    }
    let args = ["replay", "out", "--min-cov", "0.01", "--k", "7"];
    world.refused(support::WFGY_EVAL, &args, 2, &["7", "1, 3, 5, 10, 20, 50"]);
}

#[test]
fn replay_at_another_k_equals_an_evaluation_at_that_k() {
    let world = evaluated();
    judge(&world, "docs_vB", &MET, &["--k", "5", "--out", "five"]).success();
    let live = json_file(&world, "five/verdict.json");
    let again = json(&replay(&world, &[&MET[..], &["--k", "5", "--format", "json"]].concat()));
    assert_eq!(again["decided"]["findings"], live["decided"]["findings"]);
}

#[test]
fn replay_files_nothing_and_approves_nothing() {
    let world = with_b();
    judge(&world, "docs_vB", &MET, &["--out", "out", "--no-file"]).success();
    let before = world.listing();
    let ran = replay(&world, &[&MET[..], &["--format", "json"]].concat()).success();
    assert_eq!(world.listing(), before, "a replay writes nothing");
    assert!(json(&ran)["measured"]["unusable"].is_string(), "{}", ran.told());
    world.write("replayed.json", &ran.stdout);
    world.vec(&["verify", "replayed.json"]).exits(1);
    world.vec(&["alias", "create", "docs_live", "--to", "docs_vB"]).exits(1);
    let table = replay(&world, &MET).success();
    assert!(table.stdout.contains("approves nothing"), "{}", table.told());
}

#[test]
fn altered_runs_are_another_verdict() {
    let world = evaluated();
    let digest = |ran: &Ran| json(ran)["decided"]["runs_digest"].clone();
    let asked = [&MET[..], &["--format", "json"]].concat();
    let before = digest(&replay(&world, &asked));
    let runs = String::from_utf8(world.read("out/runs.jsonl")).expect("JSON is UTF-8");
    let altered = runs.replacen("\"delta_s_question\":0.3", "\"delta_s_question\":0.2", 1);
    assert_ne!(runs, altered, "there is such a value");
    world.write("out/runs.jsonl", altered);
    assert_ne!(digest(&replay(&world, &asked)), before);
}

#[test]
fn every_form_of_output_is_there_for_a_replay() {
    let world = evaluated();
    for (format, part) in [
        ("table", "PASS"),
        ("json", "\"verdict\":\"pass\""),
        ("jsonl", "\"verdict\":\"pass\""),
        ("junit", "<testsuites"),
        ("markdown", "### "),
    ] {
        let ran = replay(&world, &[&MET[..], &["--format", format]].concat()).success();
        assert!(ran.stdout.contains(part), "{format}: {}", ran.told());
    }
}
