//! `power`: what a gold set of some size could show, before it is written.

mod handbook;
mod support;

use handbook::{folder, json, json_file, judge, with_b};
use serde_json::Value;
use support::{WFGY_EVAL, World};

const CRITERIA: [&str; 4] = ["--min-cov", "0.70", "--max-ds", "0.45"];

/// What `power` says of the criterion on `metric`.
fn row(world: &World, args: &[&str], metric: &str) -> Value {
    let printed = json(&world.eval(&[&["power", "--format", "json"], args].concat()).success());
    let rows = printed["criteria"].as_array().expect("criteria");
    let found = rows.iter().find(|row| row["metric"] == metric);
    found.unwrap_or_else(|| panic!("{metric} in {printed}")).clone()
}

fn number(row: &Value, pointer: &str) -> f64 {
    let value = row.pointer(pointer).and_then(Value::as_f64);
    value.unwrap_or_else(|| panic!("{pointer} in {row}"))
}

#[test]
fn power_grows_with_the_questions_and_with_the_effect() {
    let world = World::new();
    for (metric, criterion, effects) in [
        ("coverage.mean", ["--min-cov", "0.70"], ["0.05", "0.10", "0.20"]),
        ("delta_s.question", ["--max-ds", "0.45"], ["0.02", "0.05", "0.1"]),
    ] {
        let of = |questions: &str, effect: &str| {
            let args = ["--questions", questions, "--effect", effect];
            row(&world, &[&args[..], &criterion].concat(), metric)
        };
        let rows = effects.map(|effect| of("60", effect));
        let passes = rows.each_ref().map(|row| number(row, "/confident/pass"));
        assert!(passes.is_sorted() && passes[0] < passes[2], "{metric}: {passes:?}");
        let needed = rows.each_ref().map(|row| number(row, "/n_for_80_percent_pass"));
        assert!(needed[0] > needed[1] && needed[1] > needed[2], "{metric}: {needed:?}");
        // The number that is proposed keeps what it promises.
        let proposed = of(&needed[1].to_string(), effects[1]);
        assert!(number(&proposed, "/confident/pass") >= 0.8, "{proposed}");
        // The curve is what each number of questions has.
        let curve = rows[1]["curve"].as_array().expect("a curve");
        let along = |pointer| -> Vec<f64> { curve.iter().map(|at| number(at, pointer)).collect() };
        assert_eq!(along("/questions"), [30.0, 60.0, 120.0, 240.0, 480.0], "{metric}");
        let by_n = along("/confident/pass");
        assert!(by_n.is_sorted() && by_n[4] > by_n[0] + 0.3, "{metric}: {by_n:?}");
        assert_eq!(curve[1]["confident"], rows[1]["confident"], "{metric}");
        assert_eq!(curve[2]["confident"], of("120", effects[1])["confident"], "{metric}");
        let bad = of("200", "-0.2");
        assert!(number(&bad, "/confident/fail") > 0.9, "{bad}");
        assert_eq!(number(&bad, "/confident/pass"), 0.0, "{bad}");
        assert_eq!(bad["n_for_80_percent_pass"], Value::Null, "{bad}");
    }
}

#[test]
fn a_truth_on_the_bound_rarely_passes_where_bounds_decide() {
    let world = World::new();
    for questions in ["40", "100"] {
        for metric in ["coverage.mean", "delta_s.question"] {
            let args = ["--questions", questions, "--effect", "0"];
            let row = row(&world, &[&args[..], &CRITERIA].concat(), metric);
            // 5 % and three standard errors of 200 data sets.
            assert!(number(&row, "/confident/pass") <= 0.10, "{row}");
            for mode in ["point", "confident"] {
                let of = |finding| number(&row, &format!("/{mode}/{finding}"));
                let sum = of("pass") + of("fail") + of("inconclusive");
                assert!((sum - 1.0).abs() < 1e-6, "{row}");
            }
        }
    }
}

#[test]
fn what_is_not_over_questions_is_named_and_the_smallest_numbers_are_those_of_the_bounds() {
    let world = World::new();
    let args = ["power", "--questions", "40", "--effect", "0.05", "--policy", "cutover"];
    let printed = json(&world.eval(&[&args[..], &["--format", "json"]].concat()).success());
    let names = |list: &str| -> Vec<String> {
        let rows = printed[list].as_array().expect("a list");
        rows.iter().map(|row| row["metric"].as_str().expect("a name").to_owned()).collect()
    };
    let (planned, skipped) = (names("criteria"), names("skipped"));
    assert_eq!(planned.len() + skipped.len(), 11, "{printed}");
    for metric in ["error_rate", "latency.p95_ratio", "rollback.drill_seconds"] {
        assert!(skipped.iter().any(|name| name == metric), "{metric}: {skipped:?}");
    }
    let smallest = |metric: &str| {
        let rows = printed["criteria"].as_array().expect("criteria");
        rows.iter().find(|row| row["metric"] == metric).map(|row| &row["smallest_n"])
    };
    assert_eq!(smallest("lambda.collapse_rate"), Some(&149.into()));
    assert_eq!(smallest("delta_s.question"), Some(&5.into()));
    assert_eq!(smallest("coverage.mean"), Some(&9.into()));
    let table = world.eval(&args).success().stdout;
    let lines_of = |metric: &str| table.lines().filter(|line| line.contains(metric)).count();
    for metric in &planned {
        assert_eq!(lines_of(metric), 2, "findings and curve of {metric}: {table}");
    }
    for metric in &skipped {
        assert_eq!(lines_of(metric), 1, "{metric}: {table}");
    }
    assert!(!table.contains('\u{1b}'), "no colours in a pipe: {table}");
    let alone =
        json(&world.eval(&[&args[..], &["--no-baseline", "--format", "json"]].concat()).success());
    let why = |metric: &str| {
        let rows = alone["skipped"].as_array().expect("a list");
        rows.iter().find(|row| row["metric"] == metric).map(|row| row["why"].clone())
    };
    assert_eq!(why("drift.coverage").expect("it is named"), "--no-baseline skips it");
}

#[test]
fn a_gold_set_says_how_many_questions_and_wordings_there_are() {
    let world = folder();
    let args = ["power", "--gold", "gold_40.json", "--effect", "0.05", "--format", "json"];
    let printed = json(&world.eval(&[&args[..], &CRITERIA].concat()).success());
    let same = ["power", "--questions", "40", "--effect", "0.05", "--format", "json"];
    assert_eq!(printed, json(&world.eval(&[&same[..], &CRITERIA].concat()).success()));
    assert_eq!((&printed["wordings"], &printed["seeds"]), (&4.into(), &2.into()));
    let first = printed["criteria"][0].clone();
    let fewer = json(&world.eval(&[&same[..], &CRITERIA, &["--runs", "2"]].concat()).success());
    assert_eq!(fewer["wordings"], 1);
    assert!(number(&first, "/confident/pass") > number(&fewer["criteria"][0], "/confident/pass"));
    // Without the paraphrases that a criterion asks for it has no data, however many questions.
    let cutover = ["--policy", "cutover", "--runs", "2"];
    let table = world.eval(&[&same[..5], &cutover].concat()).success().stdout;
    assert!(table.contains("no data: a question has 1 wordings, at least 4"), "{table}");
}

#[test]
fn a_statistic_is_planned_as_it_is_evaluated() {
    let world = with_b();
    let bounds = [
        ("coverage.iou", ">=", "0.1"),
        ("coverage.mean", ">=", "0.1"),
        ("coverage.p05", ">=", "0.1"),
        ("coverage.pass_rate", ">=", "0.1"),
        ("delta_s.anchor", "<=", "0.9"),
        ("delta_s.anchor.best:mean", "<=", "0.9"),
        ("delta_s.auc", ">=", "0.1"),
        ("delta_s.decoy", ">=", "0.1"),
        ("delta_s.question", "<=", "0.9"),
        ("delta_s.question.slot.1", "<=", "0.9"),
        ("delta_s.question:median", "<=", "0.9"),
        ("delta_s.question:p90", "<=", "0.9"),
        ("delta_s.question:p95", "<=", "0.9"),
        ("delta_s.question:stable", ">=", "0.1"),
        ("lambda.convergence", ">=", "0.1"),
        ("lambda.convergent", ">=", "0.1"),
        ("lambda.flip_rate", "<=", "0.9"),
        ("ndcg@10", ">=", "0.1"),
        ("triangulation", ">=", "0.1"),
    ];
    let criteria: String = bounds
        .iter()
        .map(|(metric, op, bound)| {
            format!("[[criterion]]\nmetric = \"{metric}\"\nop = \"{op}\"\nbound = {bound}\n")
        })
        .collect();
    world.write("all.toml", &criteria);
    judge(&world, "docs_vB", &["--policy", "all.toml"], &["--no-file", "--out", "out"]);
    let report = json_file(&world, "out/report.json");
    let args = ["power", "--gold", "gold_40.json", "--effect", "0.1", "--policy", "all.toml"];
    let printed = json(&world.eval(&[&args[..], &["--format", "json"]].concat()).success());
    let rows = printed["criteria"].as_array().expect("criteria");
    assert_eq!(rows.len(), bounds.len(), "{printed}");
    for row in rows {
        let metric = row["metric"].as_str().expect("a name");
        let measured = &report["metrics"][metric];
        assert!(measured.is_object(), "{metric} is measured");
        assert_eq!(row["aggregate"], measured["aggregate"], "{metric}");
    }
}

#[test]
fn the_same_bytes_at_1_and_8_threads() {
    let world = World::new();
    for format in ["table", "json"] {
        let of = |threads: &str| {
            let args = ["power", "--questions", "50", "--effect", "0.08", "--format", format];
            world.eval(&[&args[..], &["--threads", threads]].concat()).success().stdout
        };
        let one = of("1");
        assert!(one.contains("coverage.mean"), "{one}");
        assert_eq!(one, of("8"));
    }
}

#[test]
fn what_cannot_be_planned_is_refused() {
    let world = folder();
    let n = ["--questions", "40"];
    let effect = ["--effect", "0.05"];
    for (args, parts) in [
        (&["--questions", "0", "--effect", "0.05"][..], &["--questions", "0", "1 to 10000"][..]),
        (&["--questions", "10001", "--effect", "0.05"], &["--questions", "1 to 10000"]),
        (&["--questions", "40", "--effect", "NaN"], &["--effect NaN", "finite"]),
        (&["--questions", "40", "--effect", "inf"], &["--effect inf", "finite"]),
        (&[&n[..], &effect, &["--correlation", "1.5"]].concat(), &["--correlation 1.5", "0 to 1"]),
        (&[&n[..], &effect, &["--deviation", "-1"]].concat(), &["--deviation -1", "0 or more"]),
        (&[&n[..], &effect, &["--deviation", "NaN"]].concat(), &["--deviation NaN"]),
        (&[&n[..], &effect, &["--runs", "3"]].concat(), &["--runs 3", "2 seeds"]),
        (&[&n[..], &effect, &["--runs", "0"]].concat(), &["--runs 0"]),
        (&[&n[..], &effect, &["--seeds", "0"]].concat(), &["seeds"]),
        (&[&n[..], &effect, &["--runs", "102"]].concat(), &["102 runs", "at most 100"]),
        (&[&n[..], &effect, &["--policy", "none.toml"]].concat(), &["none.toml"]),
        (&["--gold", "none.json", "--effect", "0.05"], &["none.json"]),
    ] {
        world.refused(WFGY_EVAL, &[&["power"], args].concat(), 2, parts);
    }
    world.write(
        "word.toml",
        "[[criterion]]\nmetric = \"coverage.maen\"\nop = \">=\"\nbound = 0.7\n",
    );
    let unknown = [&n[..], &effect, &["--policy", "word.toml"]].concat();
    world.refused(
        WFGY_EVAL,
        &[&["power"], &unknown[..]].concat(),
        2,
        &["word.toml", "coverage.maen"],
    );
    for args in [&effect[..], &n, &["--gold", "gold_40.json", "--questions", "40", "--effect", "0"]]
    {
        world.eval(&[&["power"], args].concat()).exits(2);
    }
}
