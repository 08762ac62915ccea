//! A candidate against the live index, from `--baseline` to the flip.

mod handbook;
mod support;

use std::fs;

use handbook::{gold_file, json, json_file, judge, with_both};
use serde_json::Value;
use support::{Ran, WFGY_EVAL, World};

/// A policy of drift whose other bounds the built-in table meets.
const POLICY: &str = r#"
[[criterion]]
metric = "coverage.mean"
op = ">="
bound = 0.70

[[criterion]]
metric = "delta_s.question"
op = "<="
bound = 0.52

[[criterion]]
metric = "drift.coverage"
op = ">="
bound = -0.02

[[criterion]]
metric = "drift.delta_s.median"
op = "<="
bound = 0.03

[[criterion]]
metric = "drift.delta_s.p95"
op = "<="
bound = 0.10

[[criterion]]
metric = "drift.flip_rate"
op = "<="
bound = 0.02
"#;

/// Both revisions, `docs_vA` behind `docs_live`, and the policy.
fn live() -> World {
    let world = with_both();
    world.write("drift.toml", POLICY);
    judge(&world, "docs_vA", &handbook::MET, &[]).success();
    world.vec(&["alias", "create", "docs_live", "--to", "docs_vA"]).success();
    world
}

fn against(world: &World, index: &str, baseline: &str, more: &[&str]) -> Ran {
    judge(world, index, &["--policy", "drift.toml", "--baseline", baseline], more)
}

fn finding<'v>(verdict: &'v Value, name: &str) -> &'v Value {
    let findings = verdict["decided"]["findings"].as_array().expect("findings");
    let found = findings.iter().find(|finding| finding["name"] == name);
    found.unwrap_or_else(|| panic!("{name} in {verdict}"))
}

#[test]
fn a_healthy_revision_passes_against_the_live_index_and_may_be_flipped() {
    let world = live();
    let ran = against(&world, "docs_vB", "docs_live", &["--out", "out"]).success();
    for said in [
        "against docs_live: 40 pairs",
        "Pins",
        "INDEX_HASH",
        "may change",
        "better",
        "test for a mean worse than the margin: Holm's p ",
    ] {
        assert!(ran.stdout.contains(said), "{said}: {}", ran.told());
    }
    let verdict = json_file(&world, "out/verdict.json");
    let baseline = &verdict["decided"]["baseline"];
    let hash = |index| Value::from(handbook::pin(&world, index, "INDEX_HASH"));
    assert_eq!(verdict["decided"]["subject"]["index_hash"], hash("docs_vB"));
    assert_eq!(baseline["subject"]["index_hash"], hash("docs_vA"));
    assert_eq!(baseline["pairing"]["pairs"], 40);
    assert_eq!(baseline["pairing"]["integrity"]["checked"], 64);
    assert_eq!(baseline["comparisons"].as_array().expect("a list").len(), 4);
    let runs = wfgy_core::Digest::of(world.read("out/baseline.runs.jsonl")).to_string();
    assert_eq!(baseline["runs_digest"], runs);
    assert_eq!(verdict["measured"]["baseline"], "docs_live");
    let report = json_file(&world, "out/report.json");
    assert_eq!(report["baseline"]["context"]["index"], "docs_live");
    assert_eq!(report["metrics"]["drift.coverage"], finding(&verdict, "drift.coverage")["number"]);
    world.vec(&["alias", "update", "docs_live", "--to", "docs_vB"]).success();
}

#[test]
fn markdown_has_the_pins_that_differ_and_no_table_of_none() {
    let world = live();
    let page = |index: &str, policy: &str, code: i32| {
        let compared = ["--policy", policy, "--baseline", "docs_live"];
        let more = ["--no-file", "--format", "markdown"];
        judge(&world, index, &compared, &more).exits(code).stdout
    };
    let other = page("docs_vB", "drift.toml", 0);
    assert!(other.contains("| pin |") && other.contains("\n| `INDEX_HASH` | "), "{other}");
    let same = page("docs_vA", "drift.toml", 0);
    assert!(!same.contains("| pin |"), "{same}");
    assert!(same.contains("40 pairs; all pins are equal.\n"), "{same}");
    assert!(same.contains("effect +0.00") && !same.contains("-0.00;"), "{same}");
    // A criterion that decides nothing says so.
    let cutover = page("docs_vA", "cutover", 1);
    assert!(cutover.contains("| advisory: no data"), "{cutover}");
}

#[test]
fn a_pass_without_a_baseline_is_to_be_made_against_what_is_live() {
    let world = live();
    let declined = ["--policy", "drift.toml", "--no-baseline"];
    let ran = judge(&world, "docs_vB", &declined, &["--out", "out"]).success();
    let next = "next: evaluate it against what is live: the same command with --baseline docs_live";
    assert!(ran.stdout.contains(next), "{}", ran.told());
    let update = ["alias", "update", "docs_live", "--to", "docs_vB"];
    let first = "evaluate it against what is live, under the same policy: `wfgy_eval";
    world.vec(&update).refuses(1, &[first, "--baseline docs_live`"]);
    // A replay has no such flag, and says what it has.
    let replay = ["replay", "out", "--policy", "drift.toml"];
    let parts = ["out was evaluated without one", "--no-baseline skips them", "evaluate anew"];
    world.refused(WFGY_EVAL, &replay, 2, &parts);
    against(&world, "docs_vB", "docs_live", &[]).success();
    world.vec(&update).success();
}

#[test]
fn a_changed_pin_names_the_line_that_allows_it_and_that_line_does() {
    let world = live();
    let build = ["--input", "corpus_vB.json", "--out", "nfc", "--analyzer", "nfc"];
    world.build(&build).success();
    let page = against(&world, "nfc", "docs_live", &[]).exits(1);
    let (_, line) = page.stdout.split_once("say may_change = ").expect("advice");
    let (line, _) = line.split_once(" at the top of a policy file").expect("where");
    assert_eq!(line, r#"["BUILD_ID", "GIT_SHA", "ANALYZER_CONF"]"#, "{}", page.told());
    for line in [line, r#"["ANALYZER_CONF"]"#] {
        world.write("drift.toml", format!("may_change = {line}\n{POLICY}"));
        let verdict = json(&against(&world, "nfc", "docs_live", &["--format", "json"]).success());
        assert!(!verdict.to_string().contains("pins."), "{verdict}");
    }
}

#[test]
fn damaged_candidates_fail_against_the_live_index() {
    let world = live();
    for name in ["corpus_stale.json", "corpus_shuffled.json"] {
        fs::copy(gold_file(&format!("broken/{name}")), world.path(name)).expect("a corpus");
    }
    world.build(&["--input", "corpus_stale.json", "--out", "stale"]).success();
    world.build(&["--input", "corpus_shuffled.json", "--out", "shuffled"]).success();
    let fragments = ["--input", "corpus_vB.json", "--out", "fragments", "--chunk", "s8/o0"];
    world.build(&fragments).success();
    for index in ["stale", "shuffled", "fragments"] {
        let verdict = json(&against(&world, index, "docs_live", &["--format", "json"]).exits(1));
        assert_eq!(finding(&verdict, "drift.coverage")["verdict"], "fail", "{index}");
        world.vec(&["alias", "update", "docs_live", "--to", index]).exits(1);
        if index == "fragments" {
            assert_eq!(finding(&verdict, "pins.CHUNK_SCHEMA_VER")["verdict"], "fail");
        }
    }
}

#[test]
fn a_pass_against_another_index_than_the_live_one_is_refused() {
    let world = live();
    against(&world, "docs_vB", "docs_vB", &[]).success();
    let flip = ["alias", "update", "docs_live", "--to", "docs_vB"];
    world.vec(&flip).refuses(1, &["baseline"]);
    against(&world, "docs_vB", "docs_vA", &[]).success();
    world.vec(&flip).success();
}

#[test]
fn decided_is_the_same_bytes_at_1_2_and_8_threads_with_a_baseline() {
    let world = live();
    let once = |threads: &str| {
        let more = ["--threads", threads, "--out", threads];
        against(&world, "docs_vB", "docs_live", &more).success();
        let verdict = json_file(&world, &format!("{threads}/verdict.json"));
        let decided = wfgy_core::canonical_json(&verdict["decided"]).expect("it is JSON");
        let runs = world.read(&format!("{threads}/baseline.runs.jsonl"));
        (decided, runs, world.read(&format!("{threads}/report.json")))
    };
    let first = once("1");
    for threads in ["2", "8"] {
        assert!(once(threads) == first, "{threads} threads");
    }
}

#[test]
fn the_candidates_runs_are_the_bytes_that_they_are_without_a_baseline() {
    let world = live();
    against(&world, "docs_vB", "docs_live", &["--out", "beside"]).success();
    judge(&world, "docs_vB", &handbook::MET, &["--out", "alone"]).success();
    assert!(world.read("beside/runs.jsonl") == world.read("alone/runs.jsonl"));
    // What an earlier evaluation left is taken away.
    judge(&world, "docs_vB", &handbook::MET, &["--out", "beside"]).success();
    assert!(!world.path("beside/baseline.runs.jsonl").exists());
}

#[test]
fn a_replay_compares_again_without_either_index() {
    let world = live();
    against(&world, "docs_vB", "docs_live", &["--out", "out"]).success();
    let verdict = json_file(&world, "out/verdict.json");
    for index in ["docs_vA", "docs_vB"] {
        fs::remove_dir_all(world.path(index)).expect("the index is not needed");
    }
    let replay = |more: &[&str]| {
        let asked = ["replay", "out", "--policy", "drift.toml", "--format", "json"];
        world.eval(&[&asked[..], more].concat())
    };
    let again = json(&replay(&[]).success());
    assert_eq!(again["decided_digest"], verdict["decided_digest"]);
    assert_eq!(replay(&[]).stderr, "");
    // A baseline made worse by hand would let a drift pass.
    let runs = String::from_utf8(world.read("out/baseline.runs.jsonl")).expect("JSON is UTF-8");
    let edited = runs.replacen("\"delta_s_question\":0.3", "\"delta_s_question\":0.4", 1);
    assert_ne!(runs, edited, "there is such a value");
    world.write("out/baseline.runs.jsonl", edited);
    let other = "baseline.runs.jsonl is not what verdict.json was given on";
    assert!(replay(&[]).stderr.contains(other), "{}", replay(&[]).told());
    let alone = replay(&["--no-baseline"]).success();
    assert_eq!(alone.stderr, "", "a replay that declines the baseline does not read it");
    let alone = json(&alone);
    assert_eq!(alone["decided"]["baseline"], Value::Null);
    assert_eq!(alone["approves"], "nothing", "as every replay");
    fs::remove_file(world.path("out/baseline.runs.jsonl")).expect("a file");
    let args = ["replay", "out", "--policy", "drift.toml"];
    world.refused(WFGY_EVAL, &args, 2, &["baseline.runs.jsonl"]);
}

/// The preset with bounds that the built-in table meets.
const CUTOVER: [&str; 4] = [
    "--policy",
    "cutover",
    "--targets",
    "ds<=0.52,lambda.convergence>=0.5,lambda.split_rate<=0.5,lambda.collapse_rate<=0.5",
];

#[test]
fn cutover_with_a_baseline_times_both_indexes_and_may_be_flipped() {
    let world = live();
    let more = ["--baseline", "docs_live", "--out", "out"];
    let ran = judge(&world, "docs_vB", &CUTOVER, &more).success();
    assert!(ran.stdout.contains("candidate, single calls in ms: embed p50"), "{}", ran.told());
    let verdict = json_file(&world, "out/verdict.json");
    assert_eq!((&verdict["verdict"], &verdict["approves"]), (&"pass".into(), &"flip".into()));
    let measured = verdict["measured"]["findings"].as_array().expect("findings");
    let ratio = measured.iter().find(|f| f["name"] == "latency.p95_ratio").expect("a ratio");
    assert_eq!(ratio["verdict"], "pass");
    let ci = &ratio["number"]["ci"];
    assert!(ci["lower"].as_f64() <= ratio["number"]["point"].as_f64(), "{ratio}");
    assert_eq!(handbook::json_lines(&world, "out/latency.jsonl").len(), 2 * 2000);
    let stages = &json_file(&world, "out/report.json")["latency"]["baseline"];
    assert_eq!(stages["total"]["calls"], 2000);
    assert!(stages["retrieve"]["p95"]["point"].as_f64() > Some(0.0), "{stages}");
    let again = world.eval(&[&["replay", "out", "--format", "json"][..], &CUTOVER].concat());
    let again = again.success();
    assert_eq!(again.stderr, "", "what is replayed is what was measured");
    let again = json(&again);
    assert_eq!(again["decided_digest"], verdict["decided_digest"]);
    assert_eq!(again["measured"]["findings"], verdict["measured"]["findings"]);
    let calls = String::from_utf8(world.read("out/latency.jsonl")).expect("JSON is UTF-8");
    let (first, rest) = calls.split_once('\n').expect("lines");
    let mut call: Value = serde_json::from_str(first).expect("JSON");
    call["stages_ms"]["retrieve"] = 9e6.into();
    world.write("out/latency.jsonl", format!("{call}\n{rest}"));
    let ran = world.eval(&[&["replay", "out"][..], &CUTOVER].concat());
    let other = "latency.jsonl is not what report.json gives the quantiles of";
    assert!(ran.stderr.contains(other), "{}", ran.told());
    // What was measured is no part of what was decided.
    judge(&world, "docs_vB", &CUTOVER, &more).success();
    let twice = json_file(&world, "out/verdict.json");
    assert_eq!(twice["decided_digest"], verdict["decided_digest"]);
    world.vec(&["alias", "update", "docs_live", "--to", "docs_vB"]).success();
}

#[test]
fn a_latency_ratio_without_enough_calls_passes_nothing() {
    let world = live();
    let more = ["--baseline", "docs_live", "--out", "out"];
    judge(&world, "docs_vB", &CUTOVER, &more).success();
    let calls = String::from_utf8(world.read("out/latency.jsonl")).expect("JSON is UTF-8");
    let lines: Vec<&str> = calls.lines().collect();
    let replay = |lines: &[&str]| {
        world.write("out/latency.jsonl", lines.join("\n") + "\n");
        world.eval(&[&["replay", "out", "--format", "json"][..], &CUTOVER].concat())
    };
    let verdict = json(&replay(&lines[2..]).exits(1));
    let measured = verdict["measured"]["findings"].to_string();
    assert!(measured.contains("1999 calls of each arm were made"), "{measured}");
    let failed = lines[0].replace("\"error\":null", "\"error\":\"busy\"");
    let verdict = json(&replay(&[&[failed.as_str()], &lines[1..]].concat()).exits(1));
    let measured = verdict["measured"]["findings"].to_string();
    assert!(measured.contains("1 of 4000 calls of the latency pass failed"), "{measured}");
    replay(&[&lines[..1], &lines[..]].concat()).refuses(2, &["latency.jsonl:2", "second time"]);
}

#[test]
fn diff_lists_the_questions_that_changed_with_both_hit_lists() {
    let world = live();
    fs::copy(gold_file("broken/corpus_stale.json"), world.path("stale.json")).expect("a corpus");
    world.build(&["--input", "stale.json", "--out", "stale"]).success();
    against(&world, "stale", "docs_live", &["--out", "out"]).exits(1);
    let sides = ["out/baseline.runs.jsonl", "out"];
    let diff = |more: &[&str]| world.eval(&[&["diff"][..], &sides, more].concat()).success();
    let rows = json(&diff(&["--format", "json"]));
    let rows = rows.as_array().expect("a list");
    assert!((1..=40).contains(&rows.len()), "{} questions", rows.len());
    let lost = |row: &Value| {
        let at = |side: &str| row[side]["coverage"].as_f64().expect("coverage");
        at("after") - at("before")
    };
    assert!(lost(&rows[0]) < 0.0, "{}", rows[0]);
    assert!(rows.is_sorted_by(|a, b| lost(a) <= lost(b) + 1e-9), "the worst come first");
    for row in rows.iter().filter(|row| !row["wording"].is_null()) {
        assert_ne!(row["before"]["hits"], row["after"]["hits"], "{row}");
        assert_eq!(row["after"]["lambda"].as_array().map(Vec::len), Some(8), "{row}");
    }
    let text = diff(&["--limit", "0"]).stdout;
    let worse = rows.iter().filter(|row| lost(row) < -1e-9).count();
    let better = rows.iter().filter(|row| lost(row) > 1e-9).count();
    let same = rows.len() - worse - better;
    let totals = format!("\ncoverage: {better} better, {worse} worse, {same} the same; λ changed");
    assert!(text.contains(&totals), "{text}");
    // One question at a time: of those that are shown, the worst.
    let first = diff(&["--limit", "1"]).stdout;
    let (worst, _) = first.split_once(" more: --limit 0 shows them\n").expect("what is left out");
    let worst = worst.trim_end_matches(|c: char| c.is_ascii_digit() || c == '\n');
    assert!(text.starts_with(worst) && worst.contains("before "), "{first}");
    assert!(text.contains(rows[0]["question"].as_str().expect("an id")), "{text}");
    let moved = rows.iter().filter(|row| row["before"]["lambda"] != row["after"]["lambda"]);
    assert_eq!(text.matches("] → [").count(), moved.count(), "{text}");
    assert!(text.contains("docs_live → stale") && text.contains("    before "), "{text}");
    let same = world.eval(&["diff", "out", "out/runs.jsonl"]).success();
    assert!(same.stdout.contains("0 of 40 questions changed"), "{}", same.told());
    world.refused(WFGY_EVAL, &["diff", "out", "nowhere"], 2, &["nowhere"]);
    judge(&world, "docs_vB", &handbook::MET, &["--out", "alone"]).success();
    let none = ["diff", "out", "alone/baseline.runs.jsonl"];
    world.refused(WFGY_EVAL, &none, 2, &["alone/baseline.runs.jsonl"]);
}

#[test]
fn no_call_is_timed_unless_it_is_asked_for() {
    let world = live();
    against(&world, "docs_vB", "docs_live", &["--out", "out"]).success();
    assert!(!world.path("out/latency.jsonl").exists());
    let asked = ["replay", "out", "--targets", "cov>=0.7,latency.p95_ratio<=2"];
    let ran = world.eval(&asked).exits(1);
    assert!(ran.stdout.contains("--latency of an evaluation makes one"), "{}", ran.told());
    judge(&world, "docs_vB", &handbook::MET, &["--latency", "--out", "alone"]).success();
    assert_eq!(handbook::json_lines(&world, "alone/latency.jsonl").len(), 2000);
    let report = json_file(&world, "alone/report.json");
    assert_eq!(report["latency"]["baseline"], Value::Null);
    assert_eq!(report["metrics"]["latency.p95_ratio"], Value::Null);
}

#[test]
fn a_baseline_that_is_none_is_refused_in_one_line() {
    let world = live();
    let asked = ["--gold", "gold_40.json", "--index", "docs_vB", "--policy", "drift.toml"];
    let with = |more: &[&'static str]| [&asked[..], more].concat();
    world.refused(WFGY_EVAL, &with(&[]), 2, &["drift.coverage", "--baseline", "--no-baseline"]);
    world.refused(WFGY_EVAL, &with(&["--baseline", "nowhere"]), 2, &["--baseline", "nowhere"]);
    world.eval(&with(&["--baseline", "docs_live", "--no-baseline"])).exits(2);
    let vectors = world.read("docs_vA/vectors.npy");
    let mut damaged = vectors.clone();
    damaged[4096] ^= 1;
    world.write("docs_vA/vectors.npy", damaged);
    world.refused(WFGY_EVAL, &with(&["--baseline", "docs_vA"]), 2, &["--baseline", "vectors.npy"]);
}
