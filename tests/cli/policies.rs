//! Policies in every form, and both decision modes, through the programs.

mod handbook;
mod support;

use std::fs;
use std::path::Path;

use handbook::{json, json_file, judge, with_b};
use support::World;

/// Puts a file of fixtures/policies into the world.
fn fixture(world: &World, name: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/policies");
    fs::copy(folder.join(name), world.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
}

#[test]
fn rule_a_gate_file_of_the_documents_is_a_policy_and_every_other_word_is_named() {
    let world = with_b();
    fixture(&world, "regression_gate.yml");
    // Its bounds are for transformers: the built-in table is in the review range of ΔS and misses λ.
    let ran = judge(&world, "docs_vB", &["--policy", "regression_gate.yml"], &[]).exits(1);
    assert!(ran.stdout.contains("lies between 0.45 and 0.6: a person decides"), "{}", ran.told());
    for part in ["delta_s.question", "≤ 0.45", "review 0.45 to 0.6", "≥ 0.7", "lambda.convergence"]
    {
        assert!(ran.stdout.contains(part), "{part}: {}", ran.told());
    }
    let said: Vec<&str> = ran.stderr.lines().collect();
    assert_eq!(said.len(), 3, "{}", ran.told());
    assert!(
        said[0]
            .starts_with("wfgy_eval: regression_gate.yml:6:3: metrics.resonance: has no meaning"),
        "{}",
        ran.told()
    );
    assert!(said[2].contains(":9:3: policy.fail_on_drift: always holds here: "), "{}", ran.told());
}

#[test]
fn rule_a_preset_is_printed_as_the_file_that_it_is() {
    let world = with_b();
    for name in ["cutover", "canary", "stop", "rollback", "recovery"] {
        let printed = world.eval(&["preset", name]).success().stdout;
        world.write("mine.toml", &printed);
        let policy = |named: &str| {
            let asked = ["--policy", named, "--no-baseline", "--format", "json", "--no-file"];
            let ran = judge(&world, "docs_vB", &asked, &[]);
            json(&ran)["decided"]["policy_digest"].clone()
        };
        assert!(policy(name).is_string());
        assert_eq!(policy(name), policy("mine.toml"), "{name}");
    }
    let ran = world.eval(&["preset", "cutovr"]).exits(2);
    assert!(ran.stderr.contains("cutover"), "{}", ran.told());
}

#[test]
fn a_gate_file_with_a_bound_that_cannot_be_is_refused_by_line_and_column() {
    let world = with_b();
    world.write("gate.yml", "metrics:\n  coverage: >=1.7\n");
    let asked = ["--gold", "gold_40.json", "--index", "docs_vB", "--policy", "gate.yml"];
    let parts = ["gate.yml:2:13: ", "metrics.coverage", "1.7"];
    world.refused(support::WFGY_EVAL, &asked, 2, &parts);
}

#[test]
fn rule_a_confident_policy_passes_only_by_its_bounds_and_says_what_would_settle_it() {
    let world = with_b();
    let policy = |decision: &str, bound: f64| {
        format!(
            "decision: {decision}\ncriterion:\n  - metric: coverage.mean\n    op: >=\n    bound: {bound}\n"
        )
    };
    let value = {
        world.write("p.yml", policy("point", 0.5));
        let ran = judge(&world, "docs_vB", &["--policy", "p.yml"], &["--out", "out"]).success();
        assert!(ran.stdout.contains("decision point"), "{}", ran.told());
        json_file(&world, "out/report.json")["metrics"]["coverage.mean"].clone()
    };
    let end = |name: &str| value["ci"][name].as_f64().expect("an end");
    let (point, lower) = (value["point"].as_f64().expect("a value"), end("lower"));
    assert!(lower < point && point < end("upper"), "{value}");

    // A bound that the value meets and its interval does not.
    let between = (1e4 * (lower + point) / 2.0).round() / 1e4;
    world.write("p.yml", policy("point", between));
    let ran = judge(&world, "docs_vB", &["--policy", "p.yml"], &[]).success();
    assert!(ran.stdout.contains("the interval crosses the bound"), "{}", ran.told());
    world.write("p.yml", policy("confident", between));
    let ran = judge(&world, "docs_vB", &["--policy", "p.yml"], &[]).exits(3);
    assert!(ran.stdout.contains("decision confident"), "{}", ran.told());
    assert!(ran.stdout.contains("undecided: "), "{}", ran.told());
    let ran = judge(&world, "docs_vB", &["--policy", "p.yml"], &["--format", "json"]).exits(3);
    let findings = json(&ran)["decided"]["findings"].clone();
    let finding =
        findings.as_array().expect("findings").iter().find(|f| f["name"] == "coverage.mean");
    let finding = finding.expect("the criterion");
    assert_eq!(finding["code"], "undecided", "{finding}");
    assert!(finding["needs"]["smallest_n"].as_u64() > Some(1), "{finding}");

    // A bound that its interval meets as well, by a replay of the same runs.
    let below = (1e4 * (lower - 0.01)).floor() / 1e4;
    world.write("p.yml", policy("confident", below));
    world.eval(&["replay", "out", "--policy", "p.yml"]).success();
    // And one that it misses whole.
    let above = (1e4 * (end("upper") + 0.005)).ceil() / 1e4;
    assert!(above < 1.0, "the interval leaves room above it: {value}");
    world.write("p.yml", policy("confident", above));
    let ran = world.eval(&["replay", "out", "--policy", "p.yml"]).exits(1);
    assert!(ran.stdout.contains("decision confident"), "{}", ran.told());
}
