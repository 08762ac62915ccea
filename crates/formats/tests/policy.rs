//! Policies as files, and the presets.

#![allow(clippy::unwrap_used, reason = "a test ends at its first failure")]

use std::collections::BTreeSet;

use wfgy_formats::Place;
use wfgy_formats::policy::{PRESETS, load, parse, read};
use wfgy_gate::{Baseline, Criterion, IntegrityMode, Kind, OnNoData, Op, PolicyDraft, Setting};

fn error(text: &str) -> String {
    parse(text, "mine", "mine.toml").unwrap_err().to_string()
}

const GOOD: &str = "[[criterion]]\nmetric = \"coverage.mean\"\nop = \">=\"\nbound = 0.7\n";

#[test]
fn rule_a_policy_file_says_what_its_keys_say() {
    let text = r#"
        decision = "point"
        min_questions = 30
        k = 5
        seeds = 3
        may_change = ["INDEX_HASH"]
        integrity = "full"
        expiry_seconds = 3600
        [[criterion]]
        metric = "delta_s.question"
        op = "<="
        bound = 0.45
        review = [0.45, 0.60]
        min_wordings = 4
        [[criterion]]
        metric = "coverage.mean"
        op = ">="
        bound = 1
        kind = "soft"
        on_no_data = "fail"
    "#;
    let policy = parse(text, "mine", "mine.toml").unwrap();
    let parts = policy.parts();
    assert_eq!((parts.name.as_str(), parts.k, parts.seeds), ("mine", 5, 3));
    assert_eq!((parts.min_questions, parts.expiry_seconds), (30, 3600));
    assert_eq!(parts.integrity, IntegrityMode::Full);
    assert_eq!(parts.may_change, ["INDEX_HASH"]);
    assert_eq!(parts.criteria[0].review, Some([0.45, 0.60]));
    assert_eq!(parts.criteria[0].on_no_data, OnNoData::Fail);
    assert_eq!(parts.criteria[1].bound, 1.0);
    assert_eq!(
        (parts.criteria[1].kind, parts.criteria[1].on_no_data),
        (Kind::Soft, OnNoData::Fail)
    );
}

#[test]
fn rule_defaults_of_a_policy() {
    let policy = parse(GOOD, "mine", "mine.toml").unwrap();
    let expected = PolicyDraft {
        name: "mine".to_owned(),
        criteria: vec![Criterion::hard("coverage.mean", Op::AtLeast, 0.7)],
        ..PolicyDraft::default()
    };
    assert_eq!(policy.parts(), &expected);
    let soft = parse(&format!("{GOOD}kind = \"soft\"\n"), "s", "s.toml").unwrap();
    assert_eq!(soft.parts().criteria[0].on_no_data, OnNoData::Inconclusive);
}

#[test]
fn a_bad_policy_names_file_line_column_and_key() {
    for (text, expected) in [
        ("k = 10\nmin_question = 20\n", "mine.toml:2:1: unknown field `min_question`"),
        ("k = ten\n", "mine.toml:1:5: "),
        ("k = -1\n", "mine.toml:1:5: "),
        ("k = 1\nk = 2\n", "mine.toml:2:1: duplicate key"),
        ("seeds = 0\n", "mine.toml:1:9: seeds: seeds is 0: expected 1 to"),
        ("decision = \"confident\"\n", "mine.toml:1:12: decision: "),
        ("decision = \"maybe\"\n", "mine.toml:1:12: unknown variant `maybe`"),
        ("integrity = \"none\"\n", "mine.toml:1:13: unknown variant `none`"),
        ("may_change = [\"norm\"]\n", "mine.toml:1:14: may_change: "),
        ("expiry_seconds = 700000\n", "mine.toml:1:18: expiry_seconds: "),
        ("", "mine.toml: criterion: no criterion"),
        ("criterion = 1\n", "mine.toml:1:13: "),
        ("[[criterion]]\nmetric = \"coverage.mean\"\n", "missing field `op`"),
        ("[[criterion]\n", "mine.toml:1:"),
    ] {
        let error = error(text);
        assert!(error.contains(expected) && !error.contains('\n'), "{text:?}: {error}");
    }
    for (line, expected) in [
        ("treshold = 1", "mine.toml:5:1: unknown field `treshold`"),
        ("kind = \"critical\"", "mine.toml:5:8: unknown variant `critical`"),
        ("on_no_data = \"skip\"", "mine.toml:5:14: criterion[0].on_no_data: "),
        ("on_no_data = \"pass\"", "mine.toml:5:14: unknown variant `pass`"),
        ("review = [0.5, 0.6]", "mine.toml:5:10: criterion[0].review: "),
        ("review = [0.7]", "mine.toml:5:10: "),
        ("min_wordings = 0", "mine.toml:5:16: criterion[0].min_wordings: "),
    ] {
        let error = error(&format!("{GOOD}{line}\n"));
        assert!(error.contains(expected) && !error.contains('\n'), "{line}: {error}");
    }
    for (from, to, expected) in [
        ("coverage.mean", "coverage.maen", "mine.toml:2:10: criterion[0].metric: unknown metric"),
        ("\">=\"", "\"=>\"", "mine.toml:3:6: unknown variant `=>`"),
        ("\">=\"", "\"<=\"", "mine.toml:3:6: criterion[0].op: "),
        ("0.7", "nan", "mine.toml:4:9: criterion[0].bound: "),
        ("0.7", "1.5", "mine.toml:4:9: criterion[0].bound: "),
        ("0.7", "\"0.7\"", "mine.toml:4:9: "),
    ] {
        let error = error(&GOOD.replace(from, to));
        assert!(error.contains(expected), "{to}: {error}");
    }
    let twice = error(&format!("{GOOD}{GOOD}"));
    assert!(twice.contains("mine.toml:6:10: criterion[1].metric: "), "{twice}");
}

#[test]
fn a_policy_that_cannot_be_read_is_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("p.toml");
    let missing = load(path.to_str().unwrap()).unwrap_err().to_string();
    assert!(missing.contains("no such policy file; presets are cutover, canary"), "{missing}");
    std::fs::write(&path, b"k = 1 # \xff").unwrap();
    let error = read(&path).unwrap_err();
    assert_eq!(error.place, Place::Byte(8));
    std::fs::write(&path, "#".repeat((1 << 20) + 1)).unwrap();
    assert!(read(&path).unwrap_err().to_string().contains("1 MiB"));
    std::fs::write(&path, GOOD).unwrap();
    assert_eq!(load(path.to_str().unwrap()).unwrap().parts().name, "p");
}

/// Every criterion of a preset, as text.
fn criteria(preset: &str) -> BTreeSet<String> {
    let policy = load(preset).unwrap();
    let mark = |c: &Criterion| match c.kind {
        Kind::Hard => "",
        Kind::Soft => " (soft)",
        Kind::Advisory => " (advisory)",
    };
    policy.parts().criteria.iter().map(|c| format!("{c}{}", mark(c))).collect()
}

#[test]
fn rule_presets_are_those_of_the_documents() {
    let of = |list: &[&str]| -> BTreeSet<String> { list.iter().map(|s| s.to_string()).collect() };
    let lambda =
        ["lambda.convergence >= 0.8", "lambda.collapse_rate <= 0.02", "lambda.split_rate <= 0.1"];
    let cutover = [
        "delta_s.question <= 0.45",
        "coverage.mean >= 0.7",
        "drift.coverage >= -0.02",
        "drift.flip_rate <= 0.02",
        "latency.p95_ratio <= 1.15",
        "error_rate <= 0.005",
        "rollback.drill_age_seconds <= 86400 (advisory)",
        "rollback.drill_seconds <= 120 (advisory)",
    ];
    assert_eq!(criteria("cutover"), of(&[&cutover[..], &lambda].concat()));
    let canary = [
        "drift.delta_s.median <= 0.03",
        "drift.delta_s.p95 <= 0.1",
        "coverage.mean >= 0.7",
        "latency.p95_ratio <= 1.15",
        "error_rate <= 0.005",
        "live.tool_success >= 0.99 (soft)",
        "live.cost_ratio <= 1.1 (soft)",
    ];
    assert_eq!(criteria("canary"), of(&[&canary[..], &lambda].concat()));
    let stop = [
        "drift.delta_s.p95 <= 0.15",
        "coverage.mean >= 0.6",
        "lambda.flip_rate <= 0.2",
        "live.http_5xx <= 0.01",
        "live.tool_loops <= 0",
    ];
    assert_eq!(criteria("stop"), of(&stop));
    let more = ["live.http_429 <= 0.05", "latency.p99_ratio < 2", "live.pin_mismatches <= 0"];
    assert_eq!(criteria("rollback"), of(&[&stop[..], &more].concat()));
    let recovery = [
        "error_rate < 0.005",
        "drift.delta_s.median <= 0.03",
        "drift.delta_s.median >= -0.03",
        "drift.coverage >= -0.02",
        "latency.p95_ratio <= 1.15",
        "live.duplicates <= 0",
    ];
    assert_eq!(criteria("recovery"), of(&recovery));
}

#[test]
fn rule_cutover_wants_three_paraphrases_and_two_seeds() {
    let policy = load("cutover").unwrap();
    for criterion in &policy.parts().criteria {
        let metric = criterion.metric.as_str();
        let wordings = (metric == "delta_s.question").then_some(4);
        assert_eq!(criterion.min_wordings, wordings, "{metric}");
        let seeds = metric.starts_with("lambda.").then_some(2);
        assert_eq!(criterion.min_seeds, seeds, "{metric}");
    }
}

#[test]
fn rule_every_preset_needs_a_baseline_or_no_baseline() {
    for (preset, _) in PRESETS {
        let policy = load(preset).unwrap();
        let setting = |baseline| Setting {
            baseline,
            scorer: "m".to_owned(),
            scorer_schema: "s".to_owned(),
            live: BTreeSet::new(),
        };
        let error = policy.effective(&setting(Baseline::Unsaid)).unwrap_err();
        assert!(error.to_string().contains(preset), "{error}");
        let without = policy.effective(&setting(Baseline::Declined)).unwrap();
        assert!(without.skips_hard() && !without.criteria.is_empty(), "{preset}");
    }
}
