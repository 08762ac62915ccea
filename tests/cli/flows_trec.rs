//! `wfgy_eval trec`: the ranking measures of any system's run.

mod support;

use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use support::{WFGY_EVAL, World};

fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/trec").join(name);
    path.to_str().expect("UTF-8").to_owned()
}

#[test]
fn rule_every_mean_is_trec_evals_on_the_same_files() {
    let world = World::new();
    let (qrels, run) = (fixture("qrels.txt"), fixture("run.txt"));
    let expected = std::fs::read_to_string(fixture("expected.tsv")).expect("expected.tsv");
    let means: Vec<(String, f64)> = expected
        .lines()
        .filter_map(|line| line.strip_prefix("all\t"))
        .map(|line| {
            let columns: Vec<&str> = line.split('\t').collect();
            (format!("{}@{}", columns[0], columns[1]), columns[2].parse().expect("a number"))
        })
        .collect();
    assert_eq!(means.len(), 36, "6 measures, 6 cutoffs");
    let mut cutoffs: Vec<&str> =
        means.iter().map(|(name, _)| name.split('@').nth(1).expect("@")).collect();
    cutoffs.sort_unstable();
    cutoffs.dedup();
    let k = cutoffs.join(",");
    let flags = ["trec", "--qrels", &qrels, "--run", &run, "--k", &k, "--format", "json"];
    let printed = world.run(WFGY_EVAL, &flags).success();
    let report: serde_json::Value = serde_json::from_str(&printed.stdout).expect("JSON");
    for (name, value) in means {
        let ours = report["metrics"][&name]["point"].as_f64().expect(&name);
        assert!((ours - value).abs() <= 1e-9, "{name}: {ours}, trec_eval says {value}");
    }
}

#[test]
fn a_run_of_other_questions_or_a_wrong_line_is_exit_2() {
    let world = World::new();
    world.write("qrels", "q1 0 a 1\nq2 0 b 1\nq3 0 c 0\n");
    world.write("run", "q1 Q0 a 1 2.5 t\nq1 Q0 b 2 1.5 t\n");
    let asked = |run: &'static str| ["trec", "--qrels", "qrels", "--run", run];
    let printed = world.run(WFGY_EVAL, &asked("run")).success();
    let first = printed.stdout.lines().next().expect("a line");
    assert_eq!(
        first,
        "2 questions; 1 that the run lacks count 0; 1 without a relevant document are left out"
    );
    assert!(printed.stdout.contains("recall      0.5000"), "{}", printed.stdout);
    world.write("cut", "q1 Q0 a 1 2.5 t\nq1 Q0 b");
    world.write("other", "q9 Q0 a 1 2.5 t\n");
    for (run, parts) in [
        ("cut", &["cut:2:", "found 3"][..]),
        ("other", &["other", "are the ids the same"]),
        ("none", &["none", "no such file"]),
    ] {
        world.refused(WFGY_EVAL, &asked(run), 2, parts);
    }
}

#[test]
fn a_long_run_is_read_alike_whether_it_is_mapped_or_unpacked() {
    let world = World::new();
    let line = |q: usize, i: usize| format!("q{q} Q0 document-{i:05} {i} {} t\n", 1000 - i);
    let run: String = (0..60).flat_map(|q| (0..600).map(move |i| line(q, i))).collect();
    assert!(run.len() > 1 << 20, "long enough to be mapped");
    let qrels: String = (0..60).map(|q| format!("q{q} 0 document-{q:05} 2\n")).collect();
    world.write("qrels", &qrels);
    world.write("run", &run);
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(run.as_bytes()).expect("written");
    world.write("run.gz", packed.finish().expect("packed"));
    let asked = |run: &'static str| ["trec", "--qrels", "qrels", "--run", run, "--no-intervals"];
    let mapped = world.run(WFGY_EVAL, &asked("run")).success();
    assert!(mapped.stdout.starts_with("60 questions\n"), "{}", mapped.stdout);
    assert_eq!(mapped.stdout, world.run(WFGY_EVAL, &asked("run.gz")).success().stdout);
    world.write("cut", run + "q59 Q0 b");
    world.refused(WFGY_EVAL, &asked("cut"), 2, &["cut:36001:", "found 3"]);
}
