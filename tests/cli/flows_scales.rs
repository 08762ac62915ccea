//! Two indexes under two real models: what of them can be compared, and in which units.

mod handbook;
#[path = "../model.rs"]
mod model;
mod support;

use std::collections::BTreeMap;

use handbook::{folder, json_file, json_lines, judge};
use model::model_folder;
use serde_json::Value;
use support::{INDEX_BUILD, World};

/// A replacement of the model, which may change what a model changes.
const POLICY: &str = r#"
seeds = 2
may_change = ["EMBED_MODEL_VER", "EMBED_DIM", "EMBED_SCHEMA", "TOK_VER"]

[[criterion]]
metric = "coverage.mean"
op = ">="
bound = 0.70

[[criterion]]
metric = "drift.delta_s.median"
op = "<="
bound = 3.0
"#;

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    (values[(values.len() - 1) / 2] + values[values.len() / 2]) / 2.0
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// ΔS of the first hit by question: the mean over wordings of the means over seeds.
fn first_hits(runs: &[Value]) -> BTreeMap<String, f64> {
    let mut found: BTreeMap<String, BTreeMap<u64, Vec<f64>>> = BTreeMap::new();
    for run in runs {
        let question = run["question"].as_str().expect("an id").to_owned();
        let wording = run["wording"].as_u64().expect("a number");
        let value = run["hits"][0]["delta_s_question"].as_f64().expect("a first hit");
        found.entry(question).or_default().entry(wording).or_default().push(value);
    }
    let of = |wordings: BTreeMap<u64, Vec<f64>>| {
        mean(&wordings.values().map(|seeds| mean(seeds)).collect::<Vec<_>>())
    };
    found.into_iter().map(|(question, wordings)| (question, of(wordings))).collect()
}

/// The same as z in the arm's own hard null, (ΔS − median) / (1.4826 · MAD).
fn z_of_first_hits(runs: &[Value]) -> BTreeMap<String, f64> {
    let null: Vec<f64> = runs.iter().filter_map(|run| run["hard_null"].as_f64()).collect();
    assert!(null.len() > 40, "every wording has a hard null");
    let center = median(null.clone());
    let deviation = 1.4826 * median(null.iter().map(|value| (value - center).abs()).collect());
    let z = |(question, value)| (question, (value - center) / deviation);
    first_hits(runs).into_iter().map(z).collect()
}

/// The median over questions of candidate − baseline.
fn drift(candidate: &BTreeMap<String, f64>, baseline: &BTreeMap<String, f64>) -> f64 {
    assert!(candidate.keys().eq(baseline.keys()) && candidate.len() == 40);
    median(candidate.iter().map(|(question, value)| value - baseline[question]).collect())
}

/// The runs of one arm, of questions that have targets.
fn answered(world: &World, out: &str, name: &str) -> Vec<Value> {
    let report = json_file(world, &format!("{out}/report.json"));
    let questions = report["context"]["questions"].as_array().expect("questions").clone();
    let with_targets = questions.iter().filter(|question| question["answerable"] == true);
    let ids: Vec<&Value> = with_targets.map(|question| &question["id"]).collect();
    let mut runs = json_lines(world, &format!("{out}/{name}"));
    runs.retain(|run| ids.contains(&&run["question"]));
    runs
}

/// The handbook as one index of each model, `live` under the table and `next` under the encoder.
fn two_models() -> World {
    let world = folder();
    world.write("drift.toml", POLICY);
    world.build(&["--input", "corpus_vB.json", "--out", "live"]).success();
    let model = model_folder();
    let model = model.to_str().expect("a path in UTF-8");
    let next = ["--input", "corpus_vB.json", "--out", "next", "--embedder", "minilm"];
    world.run(INDEX_BUILD, &[&next[..], &["--model", model]].concat()).success();
    world
}

#[test]
fn rule_drift_across_two_models_is_on_the_z_scale_and_the_report_says_so() {
    let world = two_models();
    let model = model_folder();
    let model = model.to_str().expect("a path in UTF-8");
    let policy = ["--policy", "drift.toml", "--baseline", "live"];
    let more = ["--model", model, "--no-file", "--out", "out"];
    let ran = judge(&world, "next", &policy, &more).success();
    assert!(
        ran.stdout.contains("ΔS as z of each arm's hard null (different scorers)"),
        "{}",
        ran.told()
    );
    let report = json_file(&world, "out/report.json");
    let pairing = &report["baseline"]["pairing"];
    assert_eq!((&pairing["delta_s"], &pairing["pairs"]), (&"z_of_hard_null".into(), &40.into()));
    assert_ne!(pairing["scorer"], report["context"]["scorer"]);

    let arm = |name: &str| answered(&world, "out", name);
    let (candidate, baseline) = (arm("runs.jsonl"), arm("baseline.runs.jsonl"));
    let expected = drift(&z_of_first_hits(&candidate), &z_of_first_hits(&baseline));
    let found = report["metrics"]["drift.delta_s.median"]["point"].as_f64().expect("a drift");
    assert!((found - expected).abs() < 1e-9, "{found}, {expected} from the runs");
    // As distances they would say something else.
    let plain = drift(&first_hits(&candidate), &first_hits(&baseline));
    assert!((found - plain).abs() > 0.01, "{found}, {plain} without a scale");

    // One scorer for both arms: ΔS itself.
    let one = [&more[..4], &["one", "--scorer", "static"]].concat();
    judge(&world, "next", &policy, &one).success();
    let report = json_file(&world, "one/report.json");
    assert_eq!(report["baseline"]["pairing"]["delta_s"], "delta_s");
    let arm = |name: &str| first_hits(&answered(&world, "one", name));
    let drifted = drift(&arm("runs.jsonl"), &arm("baseline.runs.jsonl"));
    let found = report["metrics"]["drift.delta_s.median"]["point"].as_f64().expect("a drift");
    assert!((found - drifted).abs() < 1e-9, "{found}, {drifted} from the runs");
}
