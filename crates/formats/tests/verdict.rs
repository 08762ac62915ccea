//! Verdict, report and JUnit as files: private, exact, and loud about any alteration.

#![allow(clippy::unwrap_used, reason = "a test ends at its first failure")]

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt;

use boon::{Compiler, Schemas};
use serde_json::{Value, json};
use wfgy_core::evaluation::{
    ArmName, Calibration, Context, Curves, Integrity, Noise, Null, QuestionRecord, StageQuantiles,
};
use wfgy_core::{Aggregate, Digest, Direction, Interval, Number, Pins, Unit, canonical_json};
use wfgy_formats::policy::Form;
use wfgy_formats::report::{BaselineReport, Diagnosis, Report};
use wfgy_formats::{junit, policy, report, verdict};
use wfgy_gate::{
    Baseline, BaselineArm, Circumstances, Comparison, Counts, CoverageUnit, DeltaSScale, Evidence,
    KnownMetric, NamedArm, Nulls, Pairing, PinPair, Policy, Sample, Setting, Timestamp, Verdict,
    VerdictFile, decide,
};

fn number(point: f64) -> Number {
    Number {
        point,
        ci: None,
        n_questions: 40,
        aggregate: Aggregate::Mean,
        direction: Direction::Neutral,
    }
}

fn pins() -> Pins {
    let mut pins = Pins::default();
    pins.set("INDEX_HASH", Digest::of("docs_vB"));
    pins.set("SERVING_HASH", Digest::of("docs_vB served"));
    pins
}

fn pairing() -> Pairing {
    Pairing {
        pairs: 40,
        delta_s: DeltaSScale::ZOfHardNull,
        coverage: CoverageUnit::Characters,
        scorer: "static".to_owned(),
        scorer_schema: "sif;256;;".to_owned(),
        counts: Counts {
            questions: 40,
            answerable: 40,
            usable: 40,
            runs: 320,
            ..Counts::default()
        },
        integrity: integrity(),
    }
}

fn comparison() -> Comparison {
    Comparison {
        criterion: "drift.coverage >= -0.02".to_owned(),
        pairs: 40,
        margin: 0.02,
        p: 0.9,
        p_holm: 1.0,
        dominance: 0.05,
        ci: Interval { level: 0.95, lower: Some(-0.1), upper: None },
        wins: 3,
        ties: 36,
        losses: 1,
    }
}

fn arm() -> BaselineArm {
    BaselineArm { pins: pins(), stored_vectors: true, pairing: pairing() }
}

fn integrity() -> Integrity {
    Integrity {
        mode: "sample".to_owned(),
        checked: 64,
        mismatches: 0,
        lowest_cosine: Some(0.99999),
        kind: None,
        examples: Vec::new(),
    }
}

/// An evaluation of 40 questions; what it measured is the argument.
fn evidence(metrics: &[(&str, f64)]) -> Evidence {
    let slot = metrics.iter().find(|(name, _)| *name == "delta_s.question");
    Evidence {
        pins: pins(),
        baseline: None,
        gold_digest: Digest::of("gold_40"),
        unit: Unit::Snippet,
        k: 10,
        seeds: vec![0, 1],
        rebuild_seeds: 0,
        scorer: "minilm".to_owned(),
        scorer_schema: "mean;256;;".to_owned(),
        stored_vectors: true,
        metrics: metrics.iter().map(|(name, x)| ((*name).to_owned(), number(*x))).collect(),
        worst_case: None,
        slots: slot.map(|(_, point)| (0, number(*point))).into_iter().collect(),
        samples: BTreeMap::new(),
        worst_samples: BTreeMap::new(),
        noise: None,
        latency_gap_ms: BTreeMap::new(),
        nulls: Nulls {
            random_p05: Some(0.8),
            hard_median: Some(0.4),
            hard_values: vec![0.3, 0.4, 0.5],
        },
        counts: Counts {
            questions: 40,
            answerable: 40,
            usable: 40,
            runs: 320,
            min_wordings: 4,
            ..Counts::default()
        },
        integrity: integrity(),
        missing: BTreeMap::new(),
    }
}

/// The same with the values behind `coverage.mean`: 1 for so many of 40 questions.
fn sampled(hits: usize) -> Evidence {
    let values = (0..40).map(|i| f64::from(u8::from(i < hits))).collect();
    let sample = Sample::new(values).unwrap();
    let range = KnownMetric::named("coverage.mean").unwrap().range();
    let direction = Direction::HigherIsBetter;
    let number = sample.estimate(Aggregate::Mean, direction, range).unwrap();
    let mut evidence = evidence(&HEALTHY);
    evidence.metrics.insert("coverage.mean".to_owned(), number);
    evidence.samples.insert("coverage.mean".to_owned(), vec![sample]);
    evidence
}

#[test]
fn rule_junit_says_the_interval_and_an_undecided_criterion_is_an_error() {
    let text = "decision = \"confident\"\n[[criterion]]\nmetric = \"coverage.mean\"\nop = \">=\"\n\
                bound = 0.7\n";
    let policy = policy::parse(text, Form::Toml, "mine", "mine.toml").unwrap().policy;
    let xml = junit::of_verdict(&file(&policy, &sampled(30)), &[]);
    assert!(xml.contains("<error type=\"inconclusive\" message=\"0.75, 0.61"), "{xml}");
    assert!(xml.contains("more would settle it"), "{xml}");
    assert!(xml.contains("interval: 0.61"), "{xml}");
    let xml = junit::of_verdict(&file(&policy, &sampled(10)), &[]);
    assert!(
        xml.contains("<failure type=\"fail\" message=\"0.25 is not &gt;= 0.7, nor is"),
        "{xml}"
    );
}

fn file(policy: &Policy, evidence: &Evidence) -> VerdictFile {
    let setting = Setting {
        baseline: Baseline::Declined,
        scorer: "minilm".to_owned(),
        scorer_schema: "mean;256;;".to_owned(),
        live: BTreeSet::new(),
    };
    let policy = policy.effective(&setting).unwrap();
    let decision = decide(&policy, evidence).unwrap();
    let circumstances = Circumstances {
        runs_digest: Digest::of("runs"),
        engine_version: "0.1.0".to_owned(),
        index: "docs <vB>".to_owned(),
        baseline: evidence.baseline.as_ref().map(|_| NamedArm {
            name: "docs_live".to_owned(),
            runs_digest: Digest::of("baseline runs"),
        }),
        began: Timestamp::from_unix(1_000_000),
        ended: Timestamp::from_unix(1_000_060),
        host: "h".to_owned(),
        kernel_path: "avx2".to_owned(),
        began_seq: Some(7),
        earlier_evaluations: None,
        unusable: None,
    };
    VerdictFile::new(&policy, evidence, decision, circumstances).unwrap()
}

const HEALTHY: [(&str, f64); 6] = [
    ("delta_s.question", 0.1 + 0.2),
    ("coverage.mean", 28.0 / 40.0),
    ("lambda.convergence", 0.95),
    ("lambda.collapse_rate", 0.01),
    ("lambda.split_rate", 1.0 / 30.0),
    ("error_rate", 0.0),
];

fn cutover(metrics: &[(&str, f64)]) -> VerdictFile {
    file(&policy::load("cutover").unwrap().policy, &evidence(metrics))
}

fn a_report(file: &VerdictFile) -> Report {
    let null =
        Null { n: 2560, p01: number(0.7), p05: number(0.8), p50: number(0.95), p95: number(1.05) };
    let question = QuestionRecord {
        id: "q1".to_owned(),
        text: None,
        stratum: Some("billing".to_owned()),
        answerable: true,
        n_wordings: 4,
        qrels: BTreeMap::from([("d#s".to_owned(), 1)]),
        expected: vec!["d#s#0-10".to_owned()],
        label_problems: Vec::new(),
    };
    let context = Context {
        index: "docs_vB".to_owned(),
        pins: pins(),
        gold_digest: Digest::of("gold_40"),
        gold_name: "gold".to_owned(),
        language: "en".to_owned(),
        unit: Unit::Snippet,
        k: 10,
        seeds: vec![0, 1],
        rebuild_seeds: 0,
        rebuilt: 0,
        scorer: "minilm".to_owned(),
        scorer_schema: "mean;256;;".to_owned(),
        stored_vectors: true,
        questions: vec![question],
        calibration: Calibration { random: Some(null), hard: None },
        integrity: integrity(),
        truncated: BTreeMap::from([("snippet".to_owned(), 3)]),
        dropped_runs: BTreeMap::new(),
    };
    Report {
        schema_version: report::SCHEMA_VERSION,
        context,
        baseline: None,
        latency: None,
        metrics: HEALTHY.iter().map(|(name, x)| ((*name).to_owned(), number(*x))).collect(),
        curves: Curves {
            k: vec![1, 10],
            coverage: vec![Some(number(0.5)), Some(number(0.75))],
            delta_s: vec![Some(number(0.25)), None],
            delta_s_anchor: vec![None, None],
        },
        findings: file.decided.findings.iter().chain(&file.measured.findings).cloned().collect(),
        diagnosis: vec![Diagnosis {
            cause: "stale documents".to_owned(),
            evidence: "3 label problems".to_owned(),
            advice: "build the index anew".to_owned(),
        }],
    }
}

#[test]
fn a_verdict_survives_its_file_private_and_named_by_its_digest() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("verdict.json");
    let file = cutover(&HEALTHY);
    assert_eq!(file.verdict, Verdict::Pass);
    let digest = file.digest().unwrap();
    let prepared = verdict::prepare(&path, &file).unwrap();
    assert!(!path.exists(), "nobody takes it for a verdict yet");
    prepared.put_in_place().unwrap();
    assert_eq!(digest, Digest::of(std::fs::read(&path).unwrap()));
    assert_eq!(verdict::read(&path).unwrap(), (file, digest));
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_verdict_with_any_byte_altered_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("verdict.json");
    verdict::prepare(&path, &cutover(&HEALTHY)).unwrap().put_in_place().unwrap();
    let bytes = std::fs::read(&path).unwrap();
    // Every byte at first, then every thirteenth.
    for at in (0..600).chain((600..bytes.len()).step_by(13)) {
        let mut altered = bytes.clone();
        altered[at] ^= 1;
        std::fs::write(&path, &altered).unwrap();
        let error = verdict::read(&path).map(|(_, digest)| digest).unwrap_err().to_string();
        assert!(error.starts_with(path.to_str().unwrap()) && !error.contains('\n'), "{error}");
    }
    for cut in [0, 1, bytes.len() / 2, bytes.len() - 1] {
        std::fs::write(&path, &bytes[..cut]).unwrap();
        assert!(verdict::read(&path).is_err(), "cut at {cut}");
    }
    let text = String::from_utf8(bytes).unwrap();
    let twice = text.replacen("{\"approves\":", "{\"approves\":\"flip\",\"approves\":", 1);
    let pins = text.replacen("\"pins\":{", "\"pins\":{\"INDEX_HASH\":\"x\",", 1);
    for altered in [twice, pins, format!("{text}\n"), text.replace(",\"", ", \"")] {
        std::fs::write(&path, altered).unwrap();
        assert!(verdict::read(&path).is_err());
    }
}

#[test]
fn a_report_survives_its_file_and_strange_ones_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("report.json");
    let mut written = a_report(&cutover(&HEALTHY));
    report::prepare(&path, &written).unwrap().put_in_place().unwrap();
    assert_eq!(report::read(&path).unwrap(), written);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(&path).unwrap();
    for (from, to) in
        [("\"k\":10", "\"k\":\"10\""), ("\"k\":10", "\"k\":10,\"kk\":1"), ("0.95", "1e999")]
    {
        std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
        let error = report::read(&path).unwrap_err().to_string();
        assert!(error.contains("report.json:1:"), "{error}");
    }
    written.schema_version = 2;
    report::prepare(&path, &written).unwrap().put_in_place().unwrap();
    assert!(report::read(&path).unwrap_err().to_string().contains("schema_version: is 2"));
    // A value that is no number is written as none, and nobody reads it as one.
    (written.schema_version, written.metrics) =
        (report::SCHEMA_VERSION, BTreeMap::from([("coverage.mean".to_owned(), number(f64::NAN))]));
    report::prepare(&path, &written).unwrap().put_in_place().unwrap();
    assert!(report::read(&path).unwrap_err().to_string().contains("metrics.coverage.mean"));
}

/// Attribute counts of the suite, and how many elements of each kind there are.
fn counts(xml: &str) -> [usize; 4] {
    let attribute = |name: &str| -> usize {
        let suite = &xml[xml.find("<testsuite ").unwrap()..];
        let from = suite.find(&format!("{name}=\"")).unwrap() + name.len() + 2;
        suite[from..].split('"').next().unwrap().parse().unwrap()
    };
    let all = ["tests", "failures", "errors", "skipped"].map(attribute);
    let found = ["<testcase ", "<failure ", "<error ", "<skipped "].map(|e| xml.matches(e).count());
    assert_eq!(all, found, "{xml}");
    all
}

#[test]
fn rule_junit_is_green_for_a_pass_only() {
    let [tests, failures, errors, skipped] = counts(&junit::of_verdict(&cutover(&HEALTHY), &[]));
    // Six asked and one integrity finding, two advisory, the verdict; three skipped.
    assert_eq!((tests, failures, errors, skipped), (13, 0, 0, 3));

    let mut stale = HEALTHY;
    stale[1].1 = 0.3;
    let failed = cutover(&stale);
    assert_eq!(failed.verdict, Verdict::Fail);
    let xml = junit::of_verdict(&failed, &[]);
    assert_eq!(counts(&xml)[1..3], [2, 0]);
    assert!(xml.contains("<failure type=\"fail\" message=\"0.3 is not &gt;= 0.7\"/>"), "{xml}");

    let blind = "[[criterion]]\nmetric = \"delta_s.question\"\nop = \"<=\"\nbound = 0.9\n";
    let blind = policy::parse(blind, Form::Toml, "blind", "blind.toml").unwrap().policy;
    let inconclusive = file(&blind, &evidence(&HEALTHY));
    assert_eq!(inconclusive.verdict, Verdict::Inconclusive);
    let xml = junit::of_verdict(&inconclusive, &[]);
    assert_eq!(counts(&xml)[1..3], [0, 2]);
    assert!(xml.contains("<error type=\"inconclusive\"") && xml.contains("weak bound"), "{xml}");

    let soft = "[[criterion]]\nmetric = \"coverage.mean\"\nop = \">=\"\nbound = 0.9\nkind = \"soft\"\n\
                [[criterion]]\nmetric = \"error_rate\"\nop = \"<\"\nbound = 0.01\n";
    let soft = policy::parse(soft, Form::Toml, "soft", "soft.toml").unwrap().policy;
    assert_eq!(counts(&junit::of_verdict(&file(&soft, &evidence(&HEALTHY)), &[]))[1..3], [0, 2]);
    assert!(xml.contains("name=\"docs &lt;vB&gt;\""), "{xml}");
    assert_eq!(counts(&junit::of_no_verdict("docs_vB", "no answer")), [1, 0, 1, 0]);
}

struct Schema {
    schemas: Schemas,
    index: boon::SchemaIndex,
}

impl Schema {
    fn of(text: &str) -> Self {
        let mut compiler = Compiler::new();
        let mut schemas = Schemas::new();
        compiler.add_resource("schema.json", serde_json::from_str(text).unwrap()).unwrap();
        let index = compiler.compile("schema.json", &mut schemas).unwrap();
        Self { schemas, index }
    }

    fn accepts(&self, value: &Value) -> bool {
        self.schemas.validate(value, self.index).is_ok()
    }

    /// The schema takes the document, and none that lacks a key or has one more, anywhere outside
    /// the maps named.
    fn is_exactly(&self, document: &Value, maps: &[&str]) {
        if let Err(error) = self.schemas.validate(document, self.index) {
            panic!("{error}");
        }
        let mut objects = Vec::new();
        walk(document, String::new(), maps, &mut objects);
        assert!(objects.len() > 1);
        for pointer in objects {
            let mut more = document.clone();
            more.pointer_mut(&pointer).unwrap()["one_more"] = json!(1);
            assert!(!self.accepts(&more), "one more key in {pointer}");
            for key in document.pointer(&pointer).unwrap().as_object().unwrap().keys() {
                let mut less = document.clone();
                less.pointer_mut(&pointer).unwrap().as_object_mut().unwrap().remove(key);
                assert!(!self.accepts(&less), "{pointer} without {key}");
            }
        }
    }
}

/// JSON pointers of all objects that are no maps.
fn walk(value: &Value, pointer: String, maps: &[&str], found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            let name = pointer.rsplit('/').next().unwrap_or_default();
            let is_map = maps.contains(&name);
            if !is_map {
                found.push(pointer.clone());
            }
            for (key, value) in object {
                walk(value, format!("{pointer}/{}", key.replace('/', "~1")), maps, found);
            }
        }
        Value::Array(items) => {
            for (i, value) in items.iter().enumerate() {
                walk(value, format!("{pointer}/{i}"), maps, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn value<T: serde::Serialize>(written: &T) -> Value {
    serde_json::from_slice(&canonical_json(written).unwrap()).unwrap()
}

#[test]
fn the_verdict_schema_is_what_is_written() {
    let mut broken = evidence(&HEALTHY[1..]);
    broken.integrity.mismatches = 2;
    broken.integrity.kind = Some("shuffled_ids".to_owned());
    broken.counts.failed = 3;
    broken.baseline = Some(arm());
    let schema = Schema::of(verdict::SCHEMA);
    schema.is_exactly(&value(&cutover(&HEALTHY)), &["pins"]);
    let weak = "[[criterion]]\nmetric = \"delta_s.question\"\nop = \"<=\"\nbound = 0.9\nreview = [0.9, 1]\n";
    let crossing = "[[criterion]]\nmetric = \"coverage.mean\"\nop = \">=\"\nbound = 0.7\n";
    let confident = format!("decision = \"confident\"\n{crossing}");
    let cases = [
        (weak, evidence(&HEALTHY)),
        (weak, broken),
        (crossing, sampled(29)),
        (&confident, sampled(29)),
        (&confident, sampled(40)),
        (&confident, sampled(4)),
    ];
    for (text, evidence) in cases {
        let policy = policy::parse(text, Form::Toml, "mine", "mine.toml").unwrap().policy;
        schema.is_exactly(&value(&file(&policy, &evidence)), &["pins"]);
    }
    let mut strange = value(&cutover(&HEALTHY));
    strange["verdict"] = json!("ok");
    assert!(!schema.accepts(&strange));
    // Left out where nobody asked.
    for (rebuilds, taken) in [(0, false), (2, true), (21, false)] {
        let mut rebuilt = value(&cutover(&HEALTHY));
        rebuilt["decided"]["policy"]["rebuild_seeds"] = json!(rebuilds);
        assert_eq!(schema.accepts(&rebuilt), taken, "{rebuilds}");
    }
}

#[test]
fn the_report_schema_is_what_is_written() {
    let schema = Schema::of(report::SCHEMA);
    let report = value(&a_report(&cutover(&HEALTHY)));
    let maps = ["pins", "metrics", "truncated", "dropped_runs", "qrels"];
    schema.is_exactly(&report, &maps);
    let mut paired = a_report(&cutover(&HEALTHY));
    paired.baseline = Some(BaselineReport {
        context: paired.context.clone(),
        pairing: pairing(),
        comparisons: vec![comparison()],
        pin_pairs: vec![PinPair {
            pin: "TOK_VER".to_owned(),
            baseline: None,
            candidate: Some("wordpiece".to_owned()),
            may_change: false,
        }],
        noise: Some(Noise {
            noise_rebuilds: 2,
            k: 10,
            drifts: Some(BTreeMap::from([("drift.coverage".to_owned(), vec![-0.01])])),
        }),
    });
    let stage =
        StageQuantiles { calls: 2000, p50: number(1.0), p95: number(2.0), p99: number(3.0) };
    let stages = BTreeMap::from([("total".to_owned(), stage)]);
    paired.latency = Some(BTreeMap::from([(ArmName::Candidate, stages)]));
    let maps = [&maps[..], &["latency", "candidate", "drifts"]].concat();
    schema.is_exactly(&value(&paired), &maps);
    let baseline = paired.baseline.as_mut().unwrap();
    baseline.noise = Some(Noise { noise_rebuilds: 20, k: 10, drifts: None });
    schema.is_exactly(&value(&paired), &maps);
    for (rebuilds, rebuilt, taken) in [(3, 3, true), (3, 0, true), (21, 21, false)] {
        let mut report = a_report(&cutover(&HEALTHY));
        (report.context.rebuild_seeds, report.context.rebuilt) = (rebuilds, rebuilt);
        assert_eq!(schema.accepts(&value(&report)), taken, "{rebuilds}, {rebuilt}");
    }
    let mut strange = report;
    strange["metrics"]["coverage.mean"]["point"] = json!(null);
    assert!(!schema.accepts(&strange));
}

#[test]
fn the_policy_schema_takes_the_presets_and_what_the_reader_takes() {
    let schema = Schema::of(policy::SCHEMA);
    for (preset, text) in policy::PRESETS {
        assert!(schema.accepts(&toml::from_str(text).unwrap()), "{preset}");
    }
    let base = "[[criterion]]\nmetric = \"coverage.mean\"\nop = \">=\"\nbound = 0.7\n";
    let all = "decision = \"point\"\nmin_questions = 1\nk = 1\nseeds = 1\nrebuild_seeds = 2\nnoise_rebuilds = 2\nmay_change = []\n\
               integrity = \"off\"\nexpiry_seconds = 604800\n";
    let more = "kind = \"soft\"\non_no_data = \"fail\"\nreview = [0.6, 0.7]\nmin_wordings = 1\nmin_seeds = 1\n";
    let both = |text: &str| {
        let read = policy::parse(text, Form::Toml, "p", "p.toml").is_ok();
        let accepted = schema.accepts(&toml::from_str(text).unwrap());
        assert_eq!(read, accepted, "{text}");
        read
    };
    assert!(both(base) && both(&format!("{all}{base}{more}")));
    for line in all.lines() {
        let (key, _) = line.split_once(" = ").unwrap();
        assert!(!both(&format!("{key}s = 1\n{base}")), "{key}s");
        assert!(!both(&format!("{key} = \"strange\"\n{base}")), "{key}");
    }
    for line in more.lines() {
        let (key, _) = line.split_once(" = ").unwrap();
        assert!(!both(&format!("{base}{key}s = 1\n")), "{key}s");
        assert!(!both(&format!("{base}{key} = \"strange\"\n")), "{key}");
    }
    for bad in ["", "k = 0\n", "seeds = 1001\n", "expiry_seconds = 604801\n", "min_questions = 0\n"]
    {
        assert!(
            !both(&if bad.is_empty() { String::new() } else { format!("{bad}{base}") }),
            "{bad}"
        );
    }
    assert!(both(&format!("rebuild_seeds = 20\n{base}")));
    assert!(!both(&format!("rebuild_seeds = 21\n{base}")));
    for (rebuilds, taken) in [(0, true), (1, false), (20, true), (21, false)] {
        assert_eq!(both(&format!("noise_rebuilds = {rebuilds}\n{base}")), taken, "{rebuilds}");
    }
    for key in ["metric", "op", "bound"] {
        let without: String =
            base.lines().filter(|line| !line.starts_with(key)).map(|l| format!("{l}\n")).collect();
        assert!(!both(&without), "{key}");
    }
}
