//! Policies as files, and the presets.

#![allow(clippy::unwrap_used, reason = "a test ends at its first failure")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use wfgy_formats::policy::{Form, PRESETS, RemarkKind, load, read};
use wfgy_formats::{Place, policy};
use wfgy_gate::{
    Baseline, Criterion, IntegrityMode, Kind, OnNoData, Op, Policy, PolicyDraft, Setting,
};

fn parse(text: &str, name: &str) -> Policy {
    let loaded = policy::parse(text, Form::Toml, name, "mine.toml").unwrap();
    assert!(loaded.remarks.is_empty(), "{:?}", loaded.remarks);
    loaded.policy
}

fn error(text: &str) -> String {
    policy::parse(text, Form::Toml, "mine", "mine.toml").unwrap_err().to_string()
}

fn yaml_error(text: &str) -> String {
    policy::parse(text, Form::Yaml, "mine", "mine.yml").unwrap_err().to_string()
}

/// A file of fixtures/policies.
fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/policies").join(name)
}

const GOOD: &str = "[[criterion]]\nmetric = \"coverage.mean\"\nop = \">=\"\nbound = 0.7\n";

#[test]
fn rule_a_policy_file_says_what_its_keys_say_in_toml_and_yaml_alike() {
    for file in ["own.toml", "own.yml"] {
        let loaded = read(fixture(file)).unwrap();
        assert!(loaded.remarks.is_empty());
        let parts = loaded.policy.parts();
        assert_eq!((parts.name.as_str(), parts.k, parts.seeds), ("own", 5, 3));
        assert_eq!((parts.min_questions, parts.expiry_seconds), (30, 3600));
        assert_eq!(parts.integrity, IntegrityMode::Full);
        assert_eq!(parts.may_change, ["INDEX_HASH"]);
        assert_eq!(parts.criteria[0].review, Some([0.45, 0.60]));
        assert_eq!(parts.criteria[0].on_no_data, OnNoData::Fail);
        assert_eq!(parts.criteria[1].bound, 1.0);
        let [_, soft] = parts.criteria.as_slice() else { panic!("two criteria") };
        assert_eq!((soft.kind, soft.on_no_data), (Kind::Soft, OnNoData::Fail));
    }
    let of = |file| read(fixture(file)).unwrap().policy;
    assert_eq!(of("own.toml"), of("own.yml"));
}

#[test]
fn rule_defaults_of_a_policy() {
    let policy = parse(GOOD, "mine");
    let expected = PolicyDraft {
        name: "mine".to_owned(),
        criteria: vec![Criterion::hard("coverage.mean", Op::AtLeast, 0.7)],
        ..PolicyDraft::default()
    };
    assert_eq!(policy.parts(), &expected);
    let soft = parse(&format!("{GOOD}kind = \"soft\"\n"), "s");
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
        ("decision = \"maybe\"\n", "mine.toml:1:12: decision: unknown word `maybe`"),
        ("integrity = \"none\"\n", "mine.toml:1:13: integrity: unknown word `none`"),
        ("may_change = [\"norm\"]\n", "mine.toml:1:14: may_change: "),
        ("expiry_seconds = 700000\n", "mine.toml:1:18: expiry_seconds: "),
        ("", "mine.toml: criterion: no criterion"),
        ("criterion = 1\n", "mine.toml:1:13: criterion: is the number 1, expected a list"),
        (
            "[[criterion]]\nmetric = \"coverage.mean\"\n",
            "mine.toml:1:1: criterion[0]: missing field `op`",
        ),
        ("[[criterion]\n", "mine.toml:1:"),
    ] {
        let error = error(text);
        assert!(error.contains(expected) && !error.contains('\n'), "{text:?}: {error}");
    }
    for (line, expected) in [
        ("treshold = 1", "mine.toml:5:1: criterion[0]: unknown field `treshold`"),
        ("kind = \"critical\"", "mine.toml:5:8: criterion[0].kind: unknown word `critical`"),
        ("on_no_data = \"skip\"", "mine.toml:5:14: criterion[0].on_no_data: "),
        ("on_no_data = \"pass\"", "mine.toml:5:14: criterion[0].on_no_data: unknown word `pass`"),
        ("review = [0.5, 0.6]", "mine.toml:5:10: criterion[0].review: "),
        ("review = [0.7]", "mine.toml:5:10: "),
        ("min_wordings = 0", "mine.toml:5:16: criterion[0].min_wordings: "),
    ] {
        let error = error(&format!("{GOOD}{line}\n"));
        assert!(error.contains(expected) && !error.contains('\n'), "{line}: {error}");
    }
    for (from, to, expected) in [
        ("coverage.mean", "coverage.maen", "mine.toml:2:10: criterion[0].metric: unknown metric"),
        ("\">=\"", "\"=>\"", "mine.toml:3:6: criterion[0].op: unknown word `=>`"),
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
    let contrary = GOOD.replace(">=", "<=").replace("coverage.mean", "drift.coverage");
    let contrary = format!("{contrary}{}", GOOD.replace("coverage.mean", "drift.coverage"));
    let contrary = error(&contrary.replacen("0.7", "0.5", 1));
    assert!(contrary.contains("mine.toml:8:9: criterion[1].bound: "), "{contrary}");
    assert!(contrary.contains("contradict each other"), "{contrary}");
}

const GOOD_YAML: &str = "criterion:\n  - metric: coverage.mean\n    op: \">=\"\n    bound: 0.7\n";

#[test]
fn a_bad_yaml_policy_names_file_line_column_and_key() {
    for (text, expected) in [
        ("k: 10\nmin_question: 20\n", "mine.yml:2:1: unknown field `min_question`: did you"),
        ("k: ten\n", "mine.yml:1:4: k: is the text \"ten\", expected a whole number"),
        ("k: 010\n", "mine.yml:1:4: k: is `010`, which YAML versions read differently"),
        ("k: 1\nk: 2\n", "mine.yml:2:1: k: duplicate key: it stands at:1:1 already"),
        ("seeds: 0\n", "mine.yml:1:8: seeds: seeds is 0: expected 1 to"),
        ("integrity: off\n", "mine.yml:1:12: integrity: is `off`, which YAML versions read"),
        ("decision: [point]\n", "mine.yml:1:11: decision: is a list, expected one of point"),
        ("may_change: [NO]\n", "mine.yml:1:14: may_change: is `NO`"),
        ("k: &k 5\nseeds: *k\n", "mine.yml:1:4: an anchor"),
        ("", "mine.yml: criterion: no criterion"),
        ("- metric: coverage.mean\n", "mine.yml:1:1: is a list, expected the keys of a policy"),
        ("criterion:\n  - bound: 0.7\n", "mine.yml:2:5: criterion[0]: missing field `metric`"),
        ("criterion: [{metric: coverage.mean, op: \">=\"", "mine.yml:2:1: "),
    ] {
        let error = yaml_error(text);
        assert!(error.starts_with(expected) && !error.contains('\n'), "{text:?}: {error}");
    }
    for (from, to, expected) in [
        ("coverage.mean", "coverage.maen", "mine.yml:2:13: criterion[0].metric: unknown metric"),
        ("\">=\"", "=>", "mine.yml:3:9: criterion[0].op: unknown word `=>`"),
        ("\">=\"", "<=", "mine.yml:3:9: criterion[0].op: `coverage.mean <= 0.7` bounds the"),
        ("0.7", "1.5", "mine.yml:4:12: criterion[0].bound: the bound 1.5"),
        ("0.7", ".nan", "mine.yml:4:12: criterion[0].bound: is `.nan`"),
        ("0.7", "\"0.7\"", "mine.yml:4:12: criterion[0].bound: is the text"),
        ("0.7", "0.7\n    treshold: 1", "mine.yml:5:5: criterion[0]: unknown field `treshold`"),
        ("0.7", "0.7\n    review: [0.5, 0.6]", "mine.yml:5:13: criterion[0].review: "),
    ] {
        let error = yaml_error(&GOOD_YAML.replace(from, to));
        assert!(error.starts_with(expected), "{to}: {error}");
    }
    let (_, second) = GOOD_YAML.split_once('\n').unwrap();
    let twice = yaml_error(&format!("{GOOD_YAML}{second}"));
    assert!(twice.starts_with("mine.yml:5:13: criterion[1].metric: "), "{twice}");
    let drift = GOOD_YAML.replace("coverage.mean", "drift.coverage");
    let (_, second) = drift.split_once('\n').unwrap();
    let contrary = drift.replace(">=", "<=").replace("0.7", "0.5");
    let contrary = yaml_error(&format!("{contrary}{second}"));
    assert!(contrary.starts_with("mine.yml:7:12: criterion[1].bound: "), "{contrary}");
    assert!(contrary.contains("contradict each other") && !contrary.contains('\n'), "{contrary}");
}

#[test]
fn yaml_that_is_made_to_hurt_ends_in_one_line() {
    let bomb: String = (0..9).fold("a0: &a0 [x]\n".to_owned(), |text, i| {
        let refs = vec![format!("*a{i}"); 9].join(", ");
        format!("{text}a{}: &a{} [{refs}]\n", i + 1, i + 1)
    });
    let deep = |open: &str| open.repeat(100_000);
    for text in [
        bomb,
        deep("["),
        deep("{a: "),
        deep("- "),
        deep("? "),
        format!("a: {}", deep("&a")),
        format!("a: \"{}", deep("\\")),
        format!("{}: 1", "k".repeat(900_000)),
        (0..5_000).map(|i| format!("k{i}: 1\n")).collect(),
    ] {
        let error = yaml_error(&text);
        assert!(error.starts_with("mine.yml:") && !error.contains('\n'), "{:.60}", error);
    }
}

/// What the file of a documents' form asks, and the words that ask nothing.
fn documents(name: &str) -> (BTreeSet<String>, PolicyDraft, Vec<(String, RemarkKind)>) {
    let loaded = read(fixture(name)).unwrap();
    let mark = |c: &Criterion| match (c.kind, c.review) {
        (Kind::Hard, None) => c.to_string(),
        (Kind::Hard, Some([low, high])) => format!("{c}, review {low} to {high}"),
        _ => format!("{c} ({})", c.kind),
    };
    let asked = loaded.policy.parts().criteria.iter().map(mark).collect();
    let remarks = loaded.remarks.iter().map(|r| (r.word.clone(), r.kind)).collect();
    (asked, loaded.policy.into_draft(), remarks)
}

const CONVERGENT: [&str; 3] =
    ["lambda.convergence >= 0.8", "lambda.collapse_rate <= 0.02", "lambda.split_rate <= 0.1"];

fn set(list: &[&[&str]]) -> BTreeSet<String> {
    list.concat().iter().map(|text| (*text).to_owned()).collect()
}

fn words(list: &[(&str, RemarkKind)]) -> Vec<(String, RemarkKind)> {
    list.iter().map(|(word, kind)| ((*word).to_owned(), *kind)).collect()
}

#[test]
fn rule_a_regression_gate_of_the_documents_loads_unchanged() {
    let (asked, draft, remarks) = documents("regression_gate.yml");
    let own = ["delta_s.question <= 0.45, review 0.45 to 0.6", "coverage.mean >= 0.7"];
    assert_eq!(asked, set(&[&own, &CONVERGENT]));
    assert_eq!(draft.seeds, 2);
    assert_eq!(draft.criteria[0].min_wordings, Some(4), "three paraphrases and the question");
    assert!(draft.criteria.iter().all(|c| c.metric == "coverage.mean" || c.min_seeds == Some(2)));
    let expected = [
        ("metrics.resonance", RemarkKind::NoMeaning),
        ("goldset", RemarkKind::NoMeaning),
        ("policy.fail_on_drift", RemarkKind::Always),
    ];
    assert_eq!(remarks, words(&expected));
    let remark = &read(fixture("regression_gate.yml")).unwrap().remarks[0];
    assert!(remark.to_string().starts_with(":6:3: metrics.resonance: has no meaning here: "));
}

#[test]
fn rule_a_rollout_readiness_gate_of_the_documents_loads_unchanged() {
    let (asked, draft, remarks) = documents("rollout_readiness_gate.yml");
    assert_eq!(asked, set(&[&["delta_s.question <= 0.45", "coverage.mean >= 0.7"]]));
    assert_eq!(draft.seeds, 2);
    let of = |metric: &str| draft.criteria.iter().find(|c| c.metric == metric).unwrap();
    let delta_s = of("delta_s.question");
    assert_eq!((delta_s.min_wordings, delta_s.min_seeds), (Some(4), Some(2)));
    assert_eq!(of("coverage.mean").min_wordings, None);
    let quality = "gates.rag_quality.evals";
    let expected = [
        ("gates.warmup_invariants.checks.secrets_present", RemarkKind::NoMeaning),
        ("gates.warmup_invariants.checks.index_hash_matches", RemarkKind::Always),
        ("gates.warmup_invariants.checks.version_lock", RemarkKind::Always),
        ("gates.warmup_invariants.checks.boot_order_ok", RemarkKind::NoMeaning),
        (&format!("{quality}.name"), RemarkKind::NoMeaning),
        (&format!("{quality}.spec"), RemarkKind::NoMeaning),
        (&format!("{quality}.name"), RemarkKind::NoMeaning),
        (&format!("{quality}.spec"), RemarkKind::NoMeaning),
        ("gates.hallucination_fence.schema", RemarkKind::NoMeaning),
        ("gates.hallucination_fence.require_citations", RemarkKind::NoMeaning),
        ("gates.index_metric_sanity.actions_on_fail", RemarkKind::NoMeaning),
        ("decision.on_fail", RemarkKind::Always),
        ("decision.on_pass", RemarkKind::NoMeaning),
        ("artifacts", RemarkKind::NoMeaning),
    ];
    assert_eq!(remarks, words(&expected));
}

#[test]
fn rule_a_regression_suite_of_the_documents_loads_unchanged() {
    let (asked, _, remarks) = documents("regression_suite.yml");
    let own = [
        "delta_s.question <= 0.45",
        "coverage.mean >= 0.7",
        "latency.p95_ratio <= 1.15",
        "error_rate <= 0.005",
    ];
    assert_eq!(asked, set(&[&own, &CONVERGENT]));
    let expected = [
        ("invariants.pin_fields", RemarkKind::Always),
        ("invariants.forbid_mutation_during_rollout", RemarkKind::Always),
        ("scenarios", RemarkKind::NoMeaning),
        ("decision.on_fail", RemarkKind::Always),
        ("decision.on_pass", RemarkKind::NoMeaning),
        ("artifacts", RemarkKind::NoMeaning),
    ];
    assert_eq!(remarks, words(&expected));
}

#[test]
fn rule_an_eval_contract_loads_unchanged_and_a_word_that_nobody_knows_is_reported() {
    let (asked, draft, remarks) = documents("eval_contract.yml");
    let own = [
        "drift.delta_s.median <= 0.03",
        "drift.delta_s.p95 <= 0.1",
        "delta_s.question <= 0.45",
        "coverage.mean >= 0.7",
        "latency.p95_ratio <= 1.15",
        "error_rate <= 0.005",
        "live.tool_success >= 0.99 (soft)",
        "live.cost_ratio <= 1.1 (soft)",
    ];
    assert_eq!(asked, set(&[&own, &CONVERGENT]));
    assert_eq!((draft.k, draft.seeds), (10, 2));
    let expected = [
        ("eval_contract.precision", RemarkKind::NoMeaning),
        ("eval_contract.e_resonance", RemarkKind::NoMeaning),
        ("eval_contract.coverge_min", RemarkKind::Unknown),
    ];
    assert_eq!(remarks, words(&expected));
    let remark = read(fixture("eval_contract.yml")).unwrap().remarks.pop().unwrap();
    assert_eq!(
        remark.to_string(),
        ":18:3: eval_contract.coverge_min: is not known here and asks nothing: did you mean \
         `coverage_min`?"
    );
}

#[test]
fn a_documents_form_with_a_value_that_its_word_cannot_have_is_an_error() {
    for (text, expected) in [
        ("metrics:\n  deltaS: low\n", "mine.yml:2:11: metrics.deltaS: is the text \"low\""),
        ("metrics:\n  deltaS: >=0.45\n", "mine.yml:2:11: metrics.deltaS: `delta_s.question >="),
        ("metrics:\n  coverage: >=1.5\n", "mine.yml:2:13: metrics.coverage: the bound 1.5"),
        ("metrics:\n  coverage: =>0.7\n", "mine.yml:2:13: metrics.coverage: is the text"),
        ("metrics:\n  lambda: divergent\n", "mine.yml:2:11: metrics.lambda: is the text"),
        ("metrics:\n  coverage: yes\n", "mine.yml:2:13: metrics.coverage: is `yes`"),
        ("metrics:\n  resonance: flat\n", "mine.yml: criterion: no criterion"),
        ("gates:\n  a: {cov: 0.7}\n  b: {min_cov: 0.8}\n", "mine.yml:3:16: gates.b.min_cov: "),
        ("gates:\n  cov: 0.7\n  seeds: 0\n", "mine.yml:3:10: gates.seeds: seeds is 0"),
        (
            "metrics:\n  ds: 0.45\npolicy:\n  manual_review_range: [0.50, 0.59]\n",
            "mine.yml:4:24: policy.manual_review_range: begins at 0.5, but the bound on ΔS is 0.45",
        ),
        (
            "metrics:\n  ds: 0.45\npolicy:\n  manual_review_range: [0.45]\n",
            "mine.yml:4:24: policy.manual_review_range: is a list, expected two numbers",
        ),
    ] {
        let error = yaml_error(text);
        assert!(error.starts_with(expected) && !error.contains('\n'), "{text:?}: {error}");
    }
}

#[test]
fn a_word_of_a_documents_form_that_has_nothing_to_act_on_is_reported() {
    let text = "metrics: {cov: 0.7, lambda_convergent: false}\npolicy:\n  require_paraphrases: 3\n";
    let loaded = policy::parse(text, Form::Yaml, "mine", "mine.yml").unwrap();
    let said: Vec<String> = loaded.remarks.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            ":1:40: metrics.lambda_convergent: has no meaning here: false asks nothing",
            ":3:24: policy.require_paraphrases: has no meaning here: the file has no bound on ΔS",
        ]
    );
}

#[test]
fn rule_a_file_is_yaml_by_its_name_and_json_is_yaml() {
    let dir = tempfile::tempdir().unwrap();
    let json = r#"{"criterion": [{"metric": "coverage.mean", "op": ">=", "bound": 0.7}]}"#;
    for (name, text) in [("p.json", json), ("p.yaml", json), ("p.yml", GOOD_YAML), ("p", GOOD)] {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        let loaded = read(&path).unwrap();
        assert_eq!(loaded.policy.parts().criteria[0].to_string(), "coverage.mean >= 0.7");
    }
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
    assert_eq!(load(path.to_str().unwrap()).unwrap().policy.parts().name, "p");
}

/// Every criterion of a preset, as text.
fn criteria(preset: &str) -> BTreeSet<String> {
    let policy = load(preset).unwrap().policy;
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
    let policy = load("cutover").unwrap().policy;
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
        let policy = load(preset).unwrap().policy;
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
