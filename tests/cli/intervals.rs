//! Each number that estimates something carries its interval, in every form of output.

mod handbook;
mod support;

use std::path::Path;

use handbook::{json, json_file, judge, with_both};
use serde_json::Value;
use support::{WFGY_EVAL, World};

/// Numbers of a report that are no estimates, by their path in it without positions, and why they
/// have no interval. `docs/statistics.md` says the same ("What has no interval").
const EXACT: [(&str, &str); 32] = [
    ("schema_version", "a setting"),
    ("context.k", "a setting"),
    ("context.seeds", "a setting"),
    ("context.questions.n_wordings", "a count of all there are"),
    ("context.questions.qrels.*", "a judgement of the gold set"),
    ("context.calibration.random.n", "a count of all there are"),
    ("context.calibration.hard.n", "a count of all there are"),
    ("context.integrity.checked", "a count of all there are"),
    ("context.integrity.mismatches", "metrics has it with its interval"),
    ("context.integrity.lowest_cosine", "an extreme of what was drawn"),
    ("context.truncated.*", "a count of all there are"),
    ("baseline.pairing.pairs", "a count of all there are"),
    ("baseline.pairing.counts.*", "a count of all there are"),
    ("baseline.pairing.integrity.checked", "a count of all there are"),
    ("baseline.pairing.integrity.mismatches", "a count of what was drawn, which decides alone"),
    ("baseline.pairing.integrity.lowest_cosine", "an extreme of what was drawn"),
    ("baseline.comparisons.pairs", "a count of all there are"),
    ("baseline.comparisons.margin", "a threshold"),
    ("baseline.comparisons.p", "a test"),
    ("baseline.comparisons.p_holm", "a test"),
    ("baseline.comparisons.wins", "a count of all there are"),
    ("baseline.comparisons.ties", "a count of all there are"),
    ("baseline.comparisons.losses", "a count of all there are"),
    ("baseline.noise.noise_rebuilds", "a setting"),
    ("baseline.noise.k", "a setting"),
    ("baseline.noise.drifts.*", "the drift of one pair of rebuilds, of which a margin is made"),
    ("latency.*.*.calls", "a count of all there are"),
    ("curves.k", "a setting"),
    ("findings.criterion.bound", "a threshold"),
    ("findings.noise_floor", "a margin"),
    ("findings.needs.*", "a plan"),
    ("findings.warnings.*", "what metrics and findings have with their intervals, said again"),
];

/// The keys whose entries have names of their own.
const NAMED: [&str; 7] = ["qrels", "truncated", "counts", "drifts", "latency", "needs", "warnings"];

/// Walks a report: every estimate is held to its interval, every other number to [`EXACT`].
fn walk(path: &str, value: &Value, seen: &mut Vec<String>) {
    match value {
        Value::Object(entries) if entries.contains_key("point") => {
            holds_its_point(path, value, "point");
            seen.push(path.to_owned());
        }
        Value::Object(entries) => {
            // The effect stands beside its own interval.
            let is_effect = entries.contains_key("dominance");
            if is_effect {
                holds_its_point(path, value, "dominance");
            }
            let last = path.rsplit('.').next().unwrap_or_default();
            for (key, entry) in entries {
                if is_effect && (key == "dominance" || key == "ci") {
                    continue;
                }
                // Arms, and stages below them, are names as well.
                let named = NAMED.contains(&last) || path == "latency.*";
                let key = if named { "*" } else { key };
                let below = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
                walk(&below, entry, seen);
            }
        }
        Value::Array(entries) => entries.iter().for_each(|entry| walk(path, entry, seen)),
        Value::Number(_) => {
            // The baseline's arm has what the candidate's has.
            let own = path.strip_prefix("baseline.").filter(|own| own.starts_with("context."));
            let own = own.unwrap_or(path);
            let known = EXACT.iter().any(|(exact, _)| *exact == own);
            assert!(known, "{path} = {value} has no interval, and nothing says why");
            seen.push(own.to_owned());
        }
        _ => {}
    }
}

/// An interval at the project's level with its point inside, not of width zero, one end at least.
fn holds_its_point(path: &str, number: &Value, point: &str) {
    let ci = &number["ci"];
    assert_eq!(ci["level"].as_f64(), Some(0.95), "{path}: {number}");
    let (lower, upper) = (ci["lower"].as_f64(), ci["upper"].as_f64());
    let point = number[point].as_f64().expect("a point");
    assert!(lower.is_some() || upper.is_some(), "{path}: {number}");
    assert!(lower.is_none_or(|lower| lower <= point), "{path}: {number}");
    assert!(upper.is_none_or(|upper| point <= upper), "{path}: {number}");
    assert!(lower < upper || upper.is_none(), "{path}: {number}");
}

#[test]
fn rule_each_estimate_of_a_report_has_its_interval_and_all_else_says_why_not() {
    let world = with_both();
    world.write(
        "policy.toml",
        "noise_rebuilds = 2\n[[criterion]]\nmetric = \"coverage.mean\"\nop = \">=\"\nbound = 0.5\n\
         [[criterion]]\nmetric = \"drift.coverage\"\nop = \">=\"\nbound = -0.2\n\
         [[criterion]]\nmetric = \"graph.recall\"\nop = \">=\"\nbound = 0.99\n\
         [[criterion]]\nmetric = \"error_rate\"\nop = \"<=\"\nbound = 0.005\n",
    );
    world.build(&["--input", "corpus_vB.json", "--out", "graph", "--ann", "hnsw"]).success();
    let more = ["--baseline", "docs_vA", "--latency", "--out", "out", "--no-file"];
    let shown = judge(&world, "graph", &["--policy", "policy.toml"], &more).success();
    let report = json_file(&world, "out/report.json");
    let mut seen = Vec::new();
    walk("", &report, &mut seen);
    for name in ["null.random:p01", "null.hard", "error_rate", "integrity.mismatches", "ndcg@10"] {
        assert!(seen.contains(&format!("metrics.{name}")), "{name} is not in the report");
    }
    for path in ["curves.delta_s", "latency.*.*.p99", "context.calibration.hard.p50"] {
        assert!(seen.iter().any(|seen| seen == path), "{path} is not in the report");
    }
    // An entry of the list that nothing needs is taken out of it.
    for (path, _) in EXACT {
        assert!(seen.iter().any(|seen| seen == path), "{path} is in no report");
    }

    // That none failed is what happened, however wide the interval of what may fail.
    assert!(report["metrics"]["error_rate"]["ci"]["upper"].as_f64() > Some(0.005), "{report}");
    let verdict = json_file(&world, "out/verdict.json");
    let findings = verdict["measured"]["findings"].as_array().expect("findings");
    let failed = findings.iter().find(|finding| finding["name"] == "error_rate");
    let warnings = failed.expect("the criterion")["warnings"].as_array();
    assert_eq!(warnings.map(Vec::len), Some(0), "{verdict}");

    // What a person reads of it.
    let comparison = &report["baseline"]["comparisons"][0];
    let cents = |value: &Value| (value.as_f64().expect("a number") * 100.0).round() / 100.0 + 0.0;
    let (effect, ci) = (cents(&comparison["dominance"]), &comparison["ci"]);
    let effect =
        format!("effect {effect:+.2} [{:+.2}, {:+.2}]", cents(&ci["lower"]), cents(&ci["upper"]));
    let number = |number: &Value| {
        let end = |end: &Value| end.as_f64().map_or("–".to_owned(), |end| format!("{end:.3}"));
        let (lower, upper) = (end(&number["ci"]["lower"]), end(&number["ci"]["upper"]));
        format!("{:.3} [{lower}, {upper}]", number["point"].as_f64().expect("a point"))
    };
    let metric = |name: &str| number(&report["metrics"][name]);
    let p99 = number(&report["latency"]["candidate"]["retrieve"]["p99"]);
    for part in [
        effect.clone(),
        format!("5 % are below {}", metric("null.random:p05")),
        format!("half are below {}", metric("null.hard")),
        format!("nDCG@10 {}", metric("ndcg@10")),
        format!("p99 {p99}"),
    ] {
        assert!(shown.stdout.contains(&part), "{part}: {}", shown.told());
    }
    let replayed = world.eval(&["replay", "out", "--format", "markdown"]);
    let plain = replayed.stdout.replace('\\', "");
    assert!(plain.contains(&effect) && plain.contains(&metric("recall@10")), "{}", replayed.told());
}

#[test]
fn rule_where_every_stored_vector_is_compared_the_count_is_no_estimate() {
    let world = with_both();
    let more = ["--integrity", "full", "--no-file", "--out", "out"];
    judge(&world, "docs_vB", &["--min-cov", "0.5"], &more).success();
    let number = json_file(&world, "out/report.json")["metrics"]["integrity.mismatches"].clone();
    assert_eq!((number["point"].as_f64(), &number["ci"]), (Some(0.0), &Value::Null));
}

#[test]
fn rule_what_calibrates_a_bound_has_its_intervals() {
    let world = with_both();
    let args = ["calibrate", "--gold", "gold_40.json", "--index", "docs_vB", "--format", "json"];
    let found = json(&world.eval(&args).success());
    for number in ["random_p01", "hard_median", "auc", "auc_hard"] {
        holds_its_point(number, &found[number], "point");
    }
    for kind in ["target", "hard", "random"] {
        holds_its_point(kind, &found["passing"][kind]["share"], "point");
    }
    let share = &found["passing"]["hard"]["share"];
    let shown = world.eval(&args[..5]).success();
    let lower = share["ci"]["lower"].as_f64().expect("an end");
    let part = format!("{:.3} [{lower:.3}, ", share["point"].as_f64().expect("a share"));
    assert!(shown.stdout.contains(&part), "{part}: {}", shown.told());
}

#[test]
fn rule_ranking_measures_of_a_run_have_their_intervals_unless_they_are_left_out() {
    let world = World::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/trec");
    let file = |name: &str| folder.join(name).display().to_string();
    let (qrels, run) = (file("qrels.txt"), file("run.txt"));
    let ask = |more: &[&str]| {
        let args = ["trec", "--qrels", &qrels, "--run", &run, "--k", "10"];
        world.run(WFGY_EVAL, &[&args, more].concat()).success()
    };
    let with = json(&ask(&["--format", "json"]));
    let without = json(&ask(&["--format", "json", "--no-intervals"]));
    let metrics = with["metrics"].as_object().expect("metrics");
    assert_eq!(metrics.len(), 6);
    for (name, number) in metrics {
        holds_its_point(name, number, "point");
        assert_eq!(without["metrics"][name]["point"], number["point"]);
        assert_eq!(without["metrics"][name]["ci"], Value::Null);
    }
    let text = ask(&[]).stdout;
    let upper = metrics["ndcg@10"]["ci"]["upper"].as_f64().expect("an end");
    assert!(text.contains(&format!("\n{:<9}{upper:>9.4}\n", "  to")), "{text}");
    assert_eq!(ask(&["--no-intervals"]).stdout.lines().count(), 3 + 6);
}
