//! The luck of a graph, from `--noise-floor` to the verdict.

mod handbook;
mod support;

use handbook::{folder, json, json_file, judge};
use serde_json::Value;
use support::{Ran, World};

const DRIFTS: [&str; 4] =
    ["drift.coverage", "drift.delta_s.median", "drift.delta_s.p95", "drift.flip_rate"];

/// Limits that other luck alone breaks, beside an absolute bound.
const POLICY: &str = r#"
[[criterion]]
metric = "coverage.mean"
op = ">="
bound = 0.50

[[criterion]]
metric = "drift.coverage"
op = ">="
bound = -0.02
"#;

/// The index of the second revision, a poor graph linked under `seed`.
fn poor(world: &World, name: &str, seed: &str) {
    let graph = ["--m", "4", "--ef-construction", "8", "--ef", "8", "--ann-seed", seed];
    let of = ["--input", "corpus_vB.json", "--out", name];
    world.build(&[&of[..], &graph].concat()).success();
}

fn world() -> World {
    let world = folder();
    world.write("drift.toml", POLICY);
    poor(&world, "live", "0");
    poor(&world, "unlucky", "2");
    world
}

fn against_live(world: &World, index: &str, more: &[&str]) -> Ran {
    judge(world, index, &["--policy", "drift.toml", "--baseline", "live"], more)
}

fn finding<'v>(verdict: &'v Value, name: &str) -> &'v Value {
    let findings = verdict["decided"]["findings"].as_array().expect("findings");
    let found = findings.iter().find(|finding| finding["name"] == name);
    found.unwrap_or_else(|| panic!("{name} in {verdict}"))
}

#[test]
fn a_rebuild_that_fails_by_bad_luck_passes_within_the_noise_floor_and_its_replay_says_the_same() {
    let world = world();
    let alone = json(&against_live(&world, "unlucky", &["--format", "json"]).exits(1));
    assert_eq!(finding(&alone, "drift.coverage")["verdict"], "fail");
    assert_eq!(finding(&alone, "drift.coverage")["noise_floor"], Value::Null);
    let more = ["--noise-floor", "3", "--out", "out"];
    let ran = against_live(&world, "unlucky", &more).success();
    for said in ["noise floor over 3 rebuilt graphs of unlucky", "noise_rebuilds 3"] {
        assert!(ran.stdout.contains(said), "{said}: {}", ran.told());
    }
    for said in ["bound -0.02 widened by a noise floor of 0.", "is greater than the margin 0.02"] {
        assert!(ran.stdout.contains(said), "{said}: {}", ran.told());
    }
    let verdict = json_file(&world, "out/verdict.json");
    assert_eq!(verdict["decided"]["policy"]["noise_rebuilds"], 3);
    assert!(finding(&verdict, "drift.coverage")["noise_floor"].as_f64() > Some(0.02));
    assert_eq!(finding(&verdict, "coverage.mean")["noise_floor"], Value::Null);
    // Under the same policy a replay takes the floor where it is asked to.
    let replay = |more: &[&str]| {
        world.eval(
            &[&["replay", "out", "--policy", "drift.toml", "--format", "json"], more].concat(),
        )
    };
    let again = json(&replay(&["--noise-floor", "3"]).success());
    assert_eq!(again["decided"]["findings"], verdict["decided"]["findings"]);
    replay(&[]).exits(1);
    for more in [&["--noise-floor", "4"][..], &["--noise-floor", "3", "--k", "5"]] {
        let none = json(&replay(more).exits(1));
        assert_eq!(finding(&none, "drift.coverage")["code"], "no_data", "{more:?}");
    }
    // An absolute bound is not widened: one just above the coverage fails as before.
    let floor = finding(&verdict, "coverage.mean")["number"]["point"].as_f64().expect("a number");
    let missed = format!("cov>={}", floor + 0.001);
    let ran = against_live(&world, "unlucky", &["--noise-floor", "3", "--targets", &missed]);
    assert!(ran.exits(1).stdout.contains("✗ coverage.mean"));
}

#[test]
fn the_noise_floor_is_the_greatest_drift_of_three_rebuilds_judged_as_indexes_of_their_own() {
    let world = world();
    against_live(&world, "unlucky", &["--noise-floor", "3", "--out", "out"]).success();
    let noise = &json_file(&world, "out/report.json")["baseline"]["noise"];
    assert_eq!((&noise["noise_rebuilds"], &noise["k"]), (&Value::from(3), &Value::from(10)));
    // `unlucky` has seed 2, so its rebuilds have 3, 4 and 5.
    for seed in ["3", "4", "5"] {
        poor(&world, seed, seed);
    }
    for (at, (later, earlier)) in [("4", "3"), ("5", "3"), ("5", "4")].into_iter().enumerate() {
        let beside = ["--policy", "drift.toml", "--baseline", earlier];
        judge(&world, later, &beside, &["--no-file", "--out", "pair"]);
        let metrics = &json_file(&world, "pair/report.json")["metrics"];
        for metric in DRIFTS {
            let drifts = &noise["drifts"][metric];
            assert_eq!(drifts[at], metrics[metric]["point"], "{metric} of {later} from {earlier}");
        }
    }
    // Of three pairs the rank ⌈0.95 · 3⌉ is the last.
    let drifts = noise["drifts"]["drift.coverage"].as_array().expect("three drifts");
    let greatest = drifts.iter().filter_map(Value::as_f64).map(f64::abs).fold(0.0, f64::max);
    let verdict = json_file(&world, "out/verdict.json");
    assert_eq!(finding(&verdict, "drift.coverage")["noise_floor"], Value::from(greatest));
}

#[test]
fn without_a_graph_the_floor_is_zero_and_nothing_is_widened() {
    let world = folder();
    world.write("drift.toml", POLICY);
    for index in ["live", "exact"] {
        world.build(&["--input", "corpus_vB.json", "--out", index, "--ann", "none"]).success();
    }
    let ran = against_live(&world, "exact", &["--noise-floor", "5", "--out", "out"]).success();
    assert!(ran.stdout.contains("noise floor 0: exact has no graph"), "{}", ran.told());
    assert!(!ran.stdout.contains("widened"), "{}", ran.told());
    let verdict = json_file(&world, "out/verdict.json");
    assert_eq!(finding(&verdict, "drift.coverage")["noise_floor"].as_f64(), Some(0.0));
}

#[test]
fn rebuild_seeds_make_the_luck_of_a_poor_graph_show_in_lambda_and_in_its_replay() {
    let world = world();
    let asked = |more: &[&str]| judge(&world, "unlucky", &["--min-cov", "0.5"], more).success();
    asked(&["--out", "alone"]);
    let ran = asked(&["--rebuild-seeds", "3", "--out", "out"]);
    for said in ["2 seeds, λ over 3 rebuilt graphs too", "rebuild_seeds 3"] {
        assert!(ran.stdout.contains(said), "{said}: {}", ran.told());
    }
    let [alone, report] =
        ["alone", "out"].map(|folder| json_file(&world, &format!("{folder}/report.json")));
    assert_eq!(
        (&report["context"]["rebuilt"], &report["context"]["rebuild_seeds"]),
        (&3.into(), &3.into())
    );
    let metrics = |report: &Value| report["metrics"].as_object().expect("metrics").clone();
    for ((name, was), (_, is)) in metrics(&alone).iter().zip(&metrics(&report)) {
        assert!(was == is || name.starts_with("lambda."), "{name}");
    }
    let rate = |report: &Value| report["metrics"]["lambda.flip_rate"]["point"].as_f64();
    assert!(rate(&report) > rate(&alone), "{:?}, {:?}", rate(&report), rate(&alone));
    let verdict = json_file(&world, "out/verdict.json");
    assert_eq!(verdict["decided"]["policy"]["rebuild_seeds"], 3);
    let replay = ["replay", "out", "--min-cov", "0.5", "--format", "json"];
    let again = json(&world.eval(&replay).success());
    assert_eq!(again["decided"]["findings"], verdict["decided"]["findings"]);
    // A policy that asks for other rebuilds is another question.
    world.write(
        "other.toml",
        format!("rebuild_seeds = 2\n{}", POLICY.split("\n\n").next().expect("one")),
    );
    let ran = judge(&world, "unlucky", &["--policy", "other.toml"], &[]).success();
    assert!(ran.stdout.contains("rebuild_seeds 2"), "{}", ran.told());
    world
        .eval(&["replay", "out", "--policy", "other.toml"])
        .refuses(2, &["rebuild_seeds 3, the policy 2"]);
    let ran = judge(&world, "unlucky", &["--min-cov", "0.5"], &["--rebuild-seeds", "21"]);
    ran.refuses(2, &["rebuild_seeds is 21", "0 to 20"]);
    world.build(&["--input", "corpus_vB.json", "--out", "exact", "--ann", "none"]).success();
    let ran = judge(&world, "exact", &["--min-cov", "0.5"], &["--rebuild-seeds", "3"]).success();
    assert!(ran.stdout.contains("2 seeds, no graph to rebuild"), "{}", ran.told());
}

#[test]
fn a_noise_floor_is_decided_alike_at_1_and_8_threads() {
    let world = world();
    let once = |threads: &str| {
        let more = ["--noise-floor", "3", "--threads", threads, "--out", threads];
        against_live(&world, "unlucky", &more).success();
        let verdict = json_file(&world, &format!("{threads}/verdict.json"));
        let decided = wfgy_core::canonical_json(&verdict["decided"]).expect("it is JSON");
        (decided, world.read(&format!("{threads}/report.json")))
    };
    assert!(once("1") == once("8"));
}

#[test]
fn a_noise_floor_without_a_baseline_or_of_no_use_is_a_usage_error() {
    let world = world();
    let absolute = ["--min-cov", "0.5"];
    let alone = judge(&world, "live", &absolute, &["--noise-floor", "3"]).exits(2);
    assert!(alone.stderr.contains("--baseline <DIR|ALIAS>"), "{}", alone.told());
    for rebuilds in ["1", "21"] {
        let ran = against_live(&world, "live", &["--noise-floor", rebuilds]);
        ran.refuses(2, &["noise_rebuilds", "2 to 20"]);
    }
    world.write("drift.toml", format!("noise_rebuilds = 3\n{POLICY}"));
    let ran = against_live(&world, "unlucky", &[]).success();
    assert!(ran.stdout.contains("noise_rebuilds 3"), "{}", ran.told());
}

#[test]
fn a_replay_says_where_the_noise_floor_was_edited() {
    let world = world();
    against_live(&world, "unlucky", &["--noise-floor", "3", "--out", "out"]).success();
    let mut report = json_file(&world, "out/report.json");
    report["baseline"]["noise"]["drifts"]["drift.coverage"] = serde_json::json!([0.5, 0.5, 0.5]);
    let bytes = wfgy_core::canonical_json(&report).expect("it is JSON");
    std::fs::write(world.path("out/report.json"), bytes).expect("a report");
    let ran = world.eval(&["replay", "out", "--policy", "drift.toml", "--noise-floor", "3"]);
    assert!(ran.stderr.contains("the noise floor in report.json is not"), "{}", ran.told());
}
