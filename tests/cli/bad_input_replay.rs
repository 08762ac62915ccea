//! A folder of an evaluation that is not what was written: no replay makes a verdict of it.

mod support;

use std::fs;

use support::{WFGY_EVAL, World};

/// A world with an evaluation in `report`.
fn world() -> World {
    let world = World::with_index();
    let eval = ["--gold", "gold.json", "--index", "docs", "--min-cov", "0.7", "--out", "report"];
    world.eval(&[&eval[..], &["--no-file"]].concat()).exits(3);
    world
}

#[track_caller]
fn refused(world: &World, parts: &[&str]) {
    world.refused(WFGY_EVAL, &["replay", "report", "--min-cov", "0.7"], 2, parts);
}

#[test]
fn a_file_that_is_missing_is_named() {
    for name in ["report.json", "runs.jsonl"] {
        let world = world();
        fs::remove_file(world.path("report").join(name)).expect("it is there");
        refused(&world, &[&format!("report/{name}: no such file")]);
    }
    let replay = ["replay", "none", "--min-cov", "0.7"];
    World::new().refused(WFGY_EVAL, &replay, 2, &["none/report.json: no such file"]);
}

#[test]
fn malformed_json_is_named_by_its_line() {
    let world = world();
    let runs = String::from_utf8(world.read("report/runs.jsonl")).expect("UTF-8");
    let mut lines: Vec<&str> = runs.lines().collect();
    lines[4] = "{\"question\": oops}";
    world.write("report/runs.jsonl", lines.join("\n"));
    refused(&world, &["report/runs.jsonl:5:"]);
    world.write("report/report.json", "{");
    refused(&world, &["report/report.json:1:"]);
}

#[test]
fn runs_that_were_cut_are_not_fewer_runs() {
    let world = world();
    let runs = String::from_utf8(world.read("report/runs.jsonl")).expect("UTF-8");
    world.write("report/runs.jsonl", &runs[..runs.len() - 10]);
    refused(&world, &["report/runs.jsonl:24:", "ends too early"]);
    let lines: Vec<&str> = runs.split_inclusive('\n').collect();
    assert_eq!(lines.len(), 24, "four questions, three wordings, two seeds");
    world.write("report/runs.jsonl", lines[..23].concat());
    refused(&world, &["report", "records are missing"]);
    world.write("report/runs.jsonl", format!("{runs}{}", lines[3]));
    refused(&world, &["report"]);
    world.write("report/runs.jsonl", "");
    refused(&world, &["report"]);
}

#[test]
fn an_unknown_key_or_a_value_out_of_range_is_named_by_its_line() {
    let world = world();
    let runs = String::from_utf8(world.read("report/runs.jsonl")).expect("UTF-8");
    world.write(
        "report/runs.jsonl",
        runs.replacen("\"question\":", "\"colour\":1,\"question\":", 1),
    );
    refused(&world, &["report/runs.jsonl:1:", "colour: unknown key"]);
    world.write("report/runs.jsonl", runs.replacen("\"coverage\":1", "\"coverage\":1.5", 1));
    refused(&world, &["report", "coverage"]);
    world.write("report/runs.jsonl", runs.replacen("\"coverage\":1", "\"coverage\":null", 1));
    refused(&world, &["report", "coverage"]);
}
