//! What explains a verdict: curves, causes, a bound that means something.

mod handbook;
mod support;

use std::collections::BTreeMap;

use handbook::{MET, MISSED, folder, gold_file, json, json_file, json_lines, judge, with_b};
use serde_json::Value;
use support::World;

/// The point of a number.
fn point(number: &Value) -> f64 {
    number["point"].as_f64().unwrap_or_else(|| panic!("{number}"))
}

#[test]
fn the_report_has_the_curves_and_people_see_them() {
    let world = with_b();
    let table = judge(&world, "docs_vB", &MET, &["--out", "out"]).success();
    let report = json_file(&world, "out/report.json");
    let curves = &report["curves"];
    assert_eq!(curves["k"].to_string(), "[1,3,5,10,20,50]");
    let coverage: Vec<f64> = curves["coverage"].as_array().unwrap().iter().map(point).collect();
    for (k, coverage) in [1, 3, 5, 10, 20, 50].iter().zip(&coverage) {
        let metric = &report["metrics"][format!("coverage.mean@{k}")];
        assert_eq!(point(metric), *coverage, "k {k}");
    }
    assert!(coverage.is_sorted(), "{coverage:?}");
    let at_k = point(&curves["delta_s"][3]);
    let metric = point(&report["metrics"]["delta_s.question.mean"]);
    assert!((at_k - metric).abs() < 1e-9);
    let best = point(&curves["delta_s_anchor"][3]);
    let metric = point(&report["metrics"]["delta_s.anchor.best"]);
    assert!((best - metric).abs() < 1e-9);
    assert!(table.stdout.contains("against k"), "{}", table.told());
    let markdown = judge(&world, "docs_vB", &MISSED, &["--no-file", "--format", "markdown"]);
    assert!(markdown.exits(1).stdout.contains("```text\nagainst k"));
}

#[test]
fn a_fail_of_a_sound_index_says_that_no_cause_speaks_up_and_a_replay_does_not_look() {
    let world = with_b();
    for format in ["table", "markdown"] {
        let out = ["--out", format, "--format", format];
        let failed = judge(&world, "docs_vB", &MISSED, &out).exits(1);
        let none = "none speaks up; `wfgy_eval explain QUESTION` shows a question whole";
        assert!(failed.stdout.contains(none), "{}", failed.told());
        assert!(
            json_file(&world, &format!("{format}/report.json"))["diagnosis"]
                .as_array()
                .is_some_and(Vec::is_empty)
        );
        let again = world.eval(&["replay", format, "--format", format]);
        assert!(!again.stdout.contains("ikely causes"), "{}", again.told());
    }
}

#[test]
fn a_calibrated_bound_is_written_kept_apart_and_used() {
    let world = with_b();
    let ask = |more: &[&str]| {
        let args = ["calibrate", "--gold", "gold_40.json", "--index", "docs_vB"];
        world.eval(&[&args, more].concat())
    };
    let found = json(&ask(&["--format", "json"]).success());
    let number = |name: &str| found[name].as_f64().unwrap();
    let least = point(&found["random_p01"]).min(point(&found["hard_median"]));
    assert!(number("bound") <= least && number("bound") > least - 1e-4);
    let share = |kind: &str| point(&found["passing"][kind]["share"]);
    assert!(share("random") <= 0.01 && share("hard") <= 0.5 && share("target") > share("hard"));
    let text = ask(&["--write", "policy.toml"]).success();
    assert!(text.stdout.contains("passing") && text.stdout.contains('█'), "{}", text.told());
    let policy = String::from_utf8(world.read("policy.toml")).unwrap();
    assert!(policy.contains(&format!("bound = {}", number("bound"))), "{policy}");
    // Neither blind nor weak, whatever the verdict.
    let judged = judge(&world, "docs_vB", &["--policy", "policy.toml"], &["--no-file"]);
    assert!(!judged.stdout.contains("blind") && !judged.stdout.contains("weak"));
    let kept = "# ours\n[[criterion]]\nmetric = \"delta_s.question\" # this\nop = \"<=\"\n\
                bound = 0.9 # here\n";
    world.write("policy.toml", kept);
    ask(&["--write", "policy.toml"]).success();
    let new = String::from_utf8(world.read("policy.toml")).unwrap();
    assert_eq!(new, kept.replace("0.9", &number("bound").to_string()));
    world.write("policy.yml", "k: 10\n");
    ask(&["--write", "policy.yml"]).refuses(2, &["--write policy.yml", "TOML"]);
}

#[test]
fn the_cause_of_a_broken_candidate_comes_first() {
    let world = folder();
    for (name, corpus, chunk, cause) in [
        ("stale", "broken/corpus_stale.json", "s128/o32", "stale_documents"),
        ("shuffled", "broken/corpus_shuffled.json", "s128/o32", "shuffled_ids"),
        ("fragments", "corpus_vA.json", "s8/o0", "chunking"),
    ] {
        let corpus = gold_file(corpus).display().to_string();
        world.build(&["--input", &corpus, "--out", name, "--chunk", chunk]).success();
        let out = format!("out-{name}");
        let shown = judge(&world, name, &MISSED, &["--no-file", "--out", &out]).exits(1);
        let report = json_file(&world, &format!("{out}/report.json"));
        let first = &report["diagnosis"][0];
        assert_eq!(first["cause"], cause, "{report:.2000}");
        let causes = report["diagnosis"].as_array().expect("a list").iter().take(3);
        let part = |one: &Value, key: &str| one[key].as_str().expect("text").to_owned();
        let width = causes.clone().map(|one| part(one, "cause").len()).max().expect("a cause");
        for one in causes {
            let line = format!("\n  {:<width$}  {}\n", part(one, "cause"), part(one, "evidence"));
            assert!(shown.stdout.contains(&line), "{line}: {}", shown.told());
        }
        let junit = judge(&world, name, &MISSED, &["--no-file", "--format", "junit"]).exits(1);
        assert!(junit.stdout.contains(&format!("{cause}: ")), "{}", junit.told());
        let said = first["advice"].as_str().expect("advice");
        let markdown = judge(&world, name, &MISSED, &["--no-file", "--format", "markdown"]);
        assert!(markdown.exits(1).stdout.contains(&format!("1. `{cause}`: ")), "{said}");
    }
}

/// The handbook with an index of documents that are another revision than the one asked about.
fn stale() -> World {
    let world = folder();
    let corpus = gold_file("broken/corpus_stale.json").display().to_string();
    world.build(&["--input", &corpus, "--out", "stale", "--chunk", "s128/o32"]).success();
    world
}

#[test]
fn what_a_person_has_to_decide_comes_with_its_causes() {
    let world = stale();
    let band = "[[criterion]]\nmetric = \"coverage.mean\"\nop = \">=\"\nbound = 0.999\n\
                review = [0.01, 0.999]\n";
    world.write("band.toml", band);
    let more = ["--no-file", "--out", "out"];
    let shown = judge(&world, "stale", &["--policy", "band.toml"], &more).exits(3);
    let report = json_file(&world, "out/report.json");
    assert_eq!(report["diagnosis"][0]["cause"], "stale_documents", "{report:.2000}");
    assert!(shown.stdout.contains("\n  stale_documents  "), "{}", shown.told());
}

#[test]
fn a_pass_has_no_diagnosis_and_a_healthy_index_no_cause() {
    let world = with_b();
    judge(&world, "docs_vB", &MET, &["--no-file", "--out", "out"]).success();
    assert_eq!(json_file(&world, "out/report.json")["diagnosis"].to_string(), "[]");
    let asked = judge(&world, "docs_vB", &MET, &["--no-file", "--out", "out", "--diagnose"]);
    asked.success();
    assert_eq!(json_file(&world, "out/report.json")["diagnosis"].to_string(), "[]");
}

#[test]
fn one_question_is_explained() {
    let world = with_b();
    let ask =
        |id: &str| world.eval(&["explain", id, "--gold", "gold_40.json", "--index", "docs_vB"]);
    let shown = ask("Q_0001").success();
    for part in ["wording 3, seed 0", "first target snippet: rank", "  →", "to the anchor", "drain"]
    {
        assert!(shown.stdout.contains(part), "{part}: {}", shown.told());
    }
    ask("Q_9999").refuses(2, &["gold_40.json", "`Q_9999`"]);
}

#[test]
fn a_question_that_is_answered_whole_has_no_cause() {
    let world = with_b();
    judge(&world, "docs_vB", &MET, &["--no-file", "--out", "out"]).success();
    let mut covered: BTreeMap<String, bool> = BTreeMap::new();
    for run in json_lines(&world, "out/runs.jsonl").iter().filter(|run| run["seed"] == 0) {
        let whole = run["coverage"]["10"]["coverage"].as_f64() == Some(1.0);
        let id = run["question"].as_str().expect("an id").to_owned();
        let all = covered.entry(id).or_insert(true);
        *all = *all && whole;
    }
    let mut whole = covered.iter().filter(|(_, whole)| **whole).map(|(id, _)| id);
    for id in [whole.next().expect("one"), whole.next_back().expect("another")] {
        let asked = ["explain", id, "--gold", "gold_40.json", "--index", "docs_vB"];
        let shown = world.eval(&asked).success();
        assert!(shown.stdout.ends_with("no cause speaks up\n"), "{}", shown.told());
    }
}

#[test]
fn one_question_of_a_damaged_index_is_explained_with_its_cause() {
    let world = stale();
    let ask = |id: &str| world.eval(&["explain", id, "--gold", "gold_40.json", "--index", "stale"]);
    let shown = ask("Q_0001").success().stdout;
    let (_, causes) = shown.split_once("\nLikely causes\n").expect("causes");
    let first = "  stale_documents  1 of 1 passages are in no text any more";
    assert!(causes.starts_with(first), "{causes}");
    assert!(causes.contains("index the current revision"), "{causes}");
    assert!(shown.contains("no snippet of this index overlaps a target"), "{shown}");
    // A question about a document that did not change has none.
    assert!(ask("Q_0015").success().stdout.ends_with("no cause speaks up\n"));
}
