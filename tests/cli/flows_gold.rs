//! Gold sets: what the check finds, the schemas, and every form that can be evaluated.

mod handbook;
mod support;

use std::collections::BTreeSet;

use handbook::{json, json_file};
use serde_json::{Value, json as value};
use support::{INDEX_BUILD, WFGY_EVAL, World};

/// Two documents; `a` has two sections, `b` one.
const CORPUS: &str = r#"[
  {"doc_id":"a","sections":[
    {"section_id":"gate","text":"The gate opens with a brass key. The key hangs beside the door."},
    {"section_id":"boat","text":"A boat needs paint each spring, and two coats in a wet year."}]},
  {"doc_id":"b","text":"Bread is baked at four in the morning with rye and salt."}]"#;

/// A policy that few questions can meet.
const FEW: &str = "min_questions = 1\n[[criterion]]\nmetric = \"coverage.mean\"\nop = \">=\"\nbound = 0.9\nkind = \"hard\"\n";

fn world() -> World {
    let world = World::new();
    world.write("corpus.json", CORPUS);
    world.write("few.toml", FEW);
    world.build(&["--input", "corpus.json", "--out", "docs"]).success();
    world
}

fn check(world: &World, gold: &Value) -> Vec<Value> {
    world.write("gold.json", gold.to_string());
    let args = ["gold", "check", "--gold", "gold.json", "--index", "docs", "--format", "json"];
    let ran = world.eval(&args);
    let rows = json(&ran).as_array().expect("a list").clone();
    let faulty = rows.iter().any(|row| row["severity"] == "problem");
    assert_eq!(ran.code, i32::from(faulty), "{}", ran.told());
    rows
}

/// One question with one target and what else is given.
fn question(id: &str, text: &str, target: Value, more: Value) -> Value {
    // An anchor that is near, unless the test gives another.
    let mut question = value!({"id": id, "question": text, "targets": [target], "anchor": text});
    for (key, value) in more.as_object().expect("an object") {
        question[key] = value.clone();
    }
    question
}

#[test]
fn gold_check_finds_nothing_in_a_sound_set() {
    let world = world();
    let target = value!({"doc_id": "a", "section_id": "gate", "offsets": [0, 32],
        "quote": "The gate opens with a brass key."});
    let more = value!({"paraphrases": ["What key opens it?"], "anchor": "How is the gate opened?"});
    let gold = value!([question("q", "How is the gate opened?", target, more)]);
    assert_eq!(check(&world, &gold), Vec::<Value>::new());
    let args = ["gold", "check", "--gold", "gold.json", "--index", "docs"];
    let ran = world.eval(&args).success();
    assert_eq!(ran.stdout, "1 questions, no problem found\n");
}

#[test]
fn rule_an_anchor_far_from_its_question_is_a_warning_and_no_fault() {
    let world = world();
    let target = value!({"doc_id": "b", "quote": "baked at four in the morning"});
    let far = value!({"anchor": "Two coats of paint in a wet year."});
    let gold = value!([question("q", "When is the bread baked?", target, far)]);
    let rows = check(&world, &gold);
    let said = |key: &str| rows.iter().map(|row| row[key].clone()).collect::<Vec<_>>();
    assert_eq!(
        (said("kind"), said("severity")),
        (vec![value!("far_anchor")], vec![value!("warning")])
    );
    let ran = world.eval(&["gold", "check", "--gold", "gold.json", "--index", "docs"]).success();
    assert!(ran.stdout.contains("gold.json: warning: question q"), "{}", ran.told());
    assert!(ran.stdout.ends_with("1 questions, 0 problems, 1 warnings\n"), "{}", ran.told());
}

#[test]
fn a_quote_without_offsets_names_its_span() {
    let world = world();
    let quoting = |quote: &str| {
        let target = value!({"doc_id": "a", "section_id": "gate", "quote": quote});
        let more = value!({"paraphrases": ["Where does one find the key?"]});
        value!([question("q", "Where is the key?", target, more)])
    };
    let gold = quoting("The key hangs beside the door.");
    assert_eq!(check(&world, &gold), Vec::<Value>::new());
    let eval = ["--gold", "gold.json", "--index", "docs", "--policy", "few.toml", "--out", "out"];
    world.eval(&eval).success();
    let report = json_file(&world, "out/report.json");
    assert_eq!(report["context"]["questions"][0]["expected"], value!(["a#gate#33-63"]));
    // Nowhere or in several places it says nothing, and the target is missing.
    for (quote, what) in [("Nobody wrote this.", "is not in"), ("key", "more than once")] {
        let problems = check(&world, &quoting(quote));
        assert_eq!(problems.len(), 1, "{problems:?}");
        let message = problems[0]["message"].as_str().expect("a message");
        assert!(message.contains(what) && message.contains("`gate` of `a`"), "{message}");
    }
}

#[test]
fn gold_check_finds_each_kind_of_problem_and_names_question_and_field() {
    let world = world();
    let whole = || value!({"doc_id": "a", "section_id": "gate"});
    let none = || value!({});
    let gold = value!([
        question(
            "section",
            "Where is the moat?",
            value!({"doc_id": "a", "section_id": "moat"}),
            none()
        ),
        question("document", "Where is the lake?", value!({"doc_id": "lake"}), none()),
        question(
            "range",
            "Where is the door?",
            value!({"doc_id": "a", "section_id": "gate", "offsets": [0, 4000]}),
            none()
        ),
        question(
            "moved",
            "Which key?",
            value!({"doc_id": "a", "section_id": "gate", "offsets": [5, 12], "quote": "brass key"}),
            none()
        ),
        question(
            "quote",
            "Which silver key?",
            value!({"doc_id": "a", "section_id": "gate", "offsets": [5, 12], "quote": "silver key"}),
            none()
        ),
        question("first", "What opens the gate?", whole(), none()),
        question("second", "What opens the gate?", whole(), none()),
        question(
            "repeated",
            "Where does the key hang?",
            whole(),
            value!({"paraphrases": ["Where is it?", "Where does the key hang?"]})
        ),
        question(
            "far",
            "How is the gate opened?",
            whole(),
            value!({"anchor": "Interest is paid on savings at the end of each quarter."})
        ),
        question(
            "sound",
            "How often is a boat painted?",
            value!({"doc_id": "a", "section_id": "boat"}),
            none()
        ),
    ]);
    let rows = check(&world, &gold);
    let text = |row: &Value, key: &str| row[key].as_str().expect("text").to_owned();
    let found: BTreeSet<(String, String, String)> = rows
        .iter()
        .map(|row| (text(row, "question"), text(row, "field"), text(row, "kind")))
        .collect();
    let expected = [
        ("section", "targets[0]", "missing_target"),
        ("document", "targets[0]", "missing_target"),
        ("range", "targets[0]", "offsets_out_of_range"),
        ("moved", "targets[0]", "moved_offsets"),
        ("quote", "targets[0]", "missing_target"),
        ("second", "question", "duplicate_question"),
        ("repeated", "paraphrases[1]", "repeated_wording"),
        ("far", "anchor 0", "far_anchor"),
    ]
    .map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned()));
    assert_eq!(found, BTreeSet::from(expected), "{rows:#?}");

    let args = ["gold", "check", "--gold", "gold.json", "--index", "docs"];
    let ran = world.eval(&args).exits(1);
    assert!(ran.stdout.ends_with(" questions, 7 problems, 1 warnings\n"), "{}", ran.told());
    for id in ["section", "range", "moved", "second", "repeated"] {
        assert!(ran.stdout.contains(&format!("gold.json: question {id}, ")), "{}", ran.told());
    }
}

#[test]
fn gold_check_takes_an_alias() {
    let world = world();
    world
        .vec(&["alias", "create", "live", "--to", "docs", "--override", "--reason", "a test"])
        .success();
    world.write(
        "gold.jsonl",
        r#"{"id":"q","question":"Bread?","anchor":"Bread?","targets":[{"doc_id":"b"}]}"#,
    );
    world.eval(&["gold", "check", "--gold", "gold.jsonl", "--index", "live"]).success();
}

#[test]
fn schema_of_each_file_is_a_json_schema_that_names_its_fields() {
    let world = World::new();
    for (program, file, fields) in [
        (INDEX_BUILD, "corpus", ["doc_id", "sections", "source_url"]),
        (WFGY_EVAL, "gold", ["question", "paraphrases", "any_of"]),
        (WFGY_EVAL, "policy", ["criterion", "min_questions", "may_change"]),
        (WFGY_EVAL, "verdict", ["decided_digest", "measured", "findings"]),
        (WFGY_EVAL, "report", ["metrics", "context", "diagnosis"]),
    ] {
        let ran = world.run(program, &["schema", file]).success();
        let schema = json(&ran);
        let dialect = schema["$schema"].as_str().expect("a dialect");
        assert!(dialect.contains("2020-12"), "{dialect}");
        for field in fields {
            assert!(ran.stdout.contains(&format!("\"{field}\"")), "{file} has {field}");
        }
    }
}

/// Evaluates a gold set under the small policy; gives the verdict.
fn evaluate(world: &World, gold: &str, index: &str, more: &[&str]) -> Value {
    let args = ["--gold", gold, "--index", index, "--policy", "few.toml", "--format", "json"];
    let ran = world.eval(&[&args[..], more].concat());
    assert!(ran.code == 0, "{}", ran.told());
    json(&ran)
}

#[test]
fn json_jsonl_and_csv_that_say_the_same_have_one_digest_and_one_verdict() {
    let world = world();
    let items = value!([
        {"id": "q1", "question": "What opens the gate?", "paraphrases": ["Which key is it?", "How do I open it?"],
         "targets": [{"doc_id": "a", "section_id": "gate", "offsets": [0, 32]}], "stratum": "s"},
        {"id": "q2", "question": "When is bread baked, and what needs paint?",
         "targets": [{"doc_id": "b"}, {"doc_id": "a", "section_id": "boat", "grade": 2}]},
    ]);
    world.write("gold.json", items.to_string());
    let lines: String =
        items.as_array().expect("items").iter().map(|item| format!("{item}\n")).collect();
    world.write("gold.jsonl", lines);
    world.write(
        "gold.csv",
        "id,question,paraphrase_1,paraphrase_2,doc_id,section_id,start,end,grade,stratum\n\
         q1,What opens the gate?,Which key is it?,How do I open it?,a,gate,0,32,,s\n\
         q2,\"When is bread baked, and what needs paint?\",,,b,,,,,\n\
         q2,,,,a,boat,,,2,\n",
    );
    let first = evaluate(&world, "gold.json", "docs", &[]);
    for name in ["gold.jsonl", "gold.csv"] {
        let verdict = evaluate(&world, name, "docs", &[]);
        assert_eq!(verdict["decided"]["gold_digest"], first["decided"]["gold_digest"], "{name}");
        assert_eq!(verdict["decided"]["findings"], first["decided"]["findings"], "{name}");
    }
}

#[test]
fn beir_folder_is_corpus_and_gold_set_its_chunk_default_is_none_and_its_unit_the_document() {
    let world = World::new();
    world.write("few.toml", FEW);
    let long = "Rivers carry silt to the sea. ".repeat(60);
    world.write(
        "beir/corpus.jsonl",
        format!(
            "{}\n{}\n{}\n",
            value!({"_id": "d1", "title": "Rivers", "text": long, "metadata": {"x": 1}}),
            value!({"_id": "d2", "title": "", "text": "Bread is baked with rye and salt."}),
            value!({"_id": "d3", "title": "Boats", "text": "A boat needs paint each spring."}),
        ),
    );
    world.write(
        "beir/queries.jsonl",
        "{\"_id\":\"1\",\"text\":\"What do rivers carry?\"}\n{\"_id\":\"2\",\"text\":\"What is bread baked with?\"}\n{\"_id\":\"3\",\"text\":\"Nobody judged this\"}\n",
    );
    world
        .write("beir/qrels/test.tsv", "query-id\tcorpus-id\tscore\n1\td1\t1\n2\td2\t2\n2\td3\t0\n");
    world.build(&["--input", "beir", "--out", "docs"]).success();
    let shown = world.run(INDEX_BUILD, &["inspect", "docs", "--format", "json"]).success();
    let identity = &json(&shown)["manifest"]["identity"];
    assert_eq!(identity["CHUNK_SCHEMA_VER"], "none");
    assert_eq!(identity["n_snippets"], 3, "the long document is one snippet");

    let verdict = evaluate(&world, "beir", "docs", &["--out", "out", "--trec-run", "run.txt"]);
    assert_eq!(verdict["decided"]["unit"], "document");
    assert_eq!(verdict["decided"]["counts"]["questions"], 2, "those with a judgement");
    let report = json_file(&world, "out/report.json");
    assert_eq!(report["metrics"]["recall@1"]["point"], 1.0);
    let run = String::from_utf8(world.read("run.txt")).expect("text");
    assert!(run.starts_with("1 Q0 d1 1 "), "documents by default: {run}");
    let args = ["--gold", "beir", "--index", "docs", "--policy", "few.toml", "--no-file"];
    let table = world.eval(&args).success();
    assert!(table.stdout.contains("documents (coverage is recall)"), "{}", table.told());

    // The file alone is the same corpus.
    world.build(&["--input", "beir/corpus.jsonl", "--out", "file"]).success();
    assert_eq!(
        handbook::pin(&world, "file", "INDEX_HASH"),
        handbook::pin(&world, "docs", "INDEX_HASH")
    );
}

#[test]
fn rule_grade_is_the_gain_of_ndcg() {
    let world = world();
    for (a, b) in [(1, 3), (3, 1), (2, 2)] {
        let gold = value!([{"id": "q", "question": "What key opens the gate?",
            "targets": [{"doc_id": "a", "grade": a}, {"doc_id": "b", "grade": b}]}]);
        world.write("gold.json", gold.to_string());
        evaluate(
            &world,
            "gold.json",
            "docs",
            &["--out", &format!("out{a}"), "--trec-run", "run.txt"],
        );
        let run = String::from_utf8(world.read("run.txt")).expect("text");
        assert!(run.starts_with("q Q0 a 1 ") && run.contains("\nq Q0 b 2 "), "{run}");
        let (a_gain, b_gain) = (f64::from(a), f64::from(b));
        let second = 3f64.log2();
        let ideal = a_gain.max(b_gain) + a_gain.min(b_gain) / second;
        let report = json_file(&world, &format!("out{a}/report.json"));
        let ndcg = report["metrics"]["ndcg@10"]["point"].as_f64().expect("a number");
        assert!((ndcg - (a_gain + b_gain / second) / ideal).abs() < 1e-9, "{a} {b}: {ndcg}");
    }
}

#[test]
fn rule_the_default_chunk_is_s128_o32() {
    let world = world();
    world.build(&["--input", "corpus.json", "--out", "named", "--chunk", "s128/o32"]).success();
    let shown = world.run(INDEX_BUILD, &["inspect", "docs", "--format", "json"]).success();
    assert_eq!(json(&shown)["manifest"]["identity"]["CHUNK_SCHEMA_VER"], "s128/o32");
    let hash = |index| handbook::pin(&world, index, "INDEX_HASH");
    assert_eq!(hash("docs"), hash("named"));
}

#[test]
fn trec_folder_is_a_gold_set_of_documents() {
    let world = world();
    world.write("trec/topics.tsv", "t1\tWhat opens the gate?\nt2\tWhen is bread baked?\n");
    world.write("trec/qrels.txt", "t1 0 a 1\nt2 0 b 2\nt2 0 a 0\n");
    let verdict = evaluate(&world, "trec", "docs", &[]);
    assert_eq!(verdict["decided"]["unit"], "document");
    assert_eq!(verdict["decided"]["counts"]["questions"], 2);
}

#[test]
fn trec_run_names_documents_by_default_also_where_targets_are_sections() {
    let world = world();
    world.write(
        "gold.json",
        r#"[{"id":"q1","question":"What opens the gate?","targets":[{"doc_id":"a","section_id":"gate"}]}]"#,
    );
    world.build(&["--input", "corpus.json", "--out", "small"]).success();
    evaluate_any(&world, &["--trec-run", "default.txt"]);
    evaluate_any(&world, &["--trec-run", "document.txt", "--trec-level", "document"]);
    evaluate_any(&world, &["--trec-run", "section.txt", "--trec-level", "section"]);
    assert_eq!(world.read("default.txt"), world.read("document.txt"));
    assert_ne!(world.read("default.txt"), world.read("section.txt"));
}

#[test]
fn trec_run_names_documents_sections_or_snippets_once_each_ranked_from_one() {
    let world = world();
    world.write(
        "gold.json",
        r#"[{"id":"q1","question":"What opens the gate?","targets":[{"doc_id":"a","section_id":"gate"}]},
            {"id":"q2","question":"When is bread baked?","targets":[{"doc_id":"b","section_id":"b"}]}]"#,
    );
    world.build(&["--input", "corpus.json", "--out", "small", "--chunk", "s8/o2"]).success();
    for (level, allowed) in [
        ("document", vec!["a", "b"]),
        ("section", vec!["a#gate", "a#boat", "b#b"]),
        ("snippet", vec![]),
    ] {
        let args = ["--trec-run", "run.txt", "--trec-level", level, "--k", "1"];
        evaluate_any(&world, &args);
        let run = String::from_utf8(world.read("run.txt")).expect("text");
        let mut seen = BTreeSet::new();
        let mut before: Option<(String, usize, f64)> = None;
        for line in run.lines() {
            let columns: Vec<&str> = line.split(' ').collect();
            let [question, "Q0", id, rank, score, "wfgy"] = columns[..] else {
                panic!("six columns: {line}")
            };
            let (rank, score): (usize, f64) =
                (rank.parse().expect("a rank"), score.parse().expect("a score"));
            match &before {
                Some((same, last, least)) if same == question => {
                    assert_eq!(rank, last + 1, "{line}");
                    assert!(score <= *least, "{line}");
                }
                _ => assert_eq!(rank, 1, "{line}"),
            }
            before = Some((question.to_owned(), rank, score));
            assert!(seen.insert((question.to_owned(), id.to_owned())), "once each: {line}");
            match level {
                "snippet" => assert_eq!(id.matches('#').count(), 2, "{line}"),
                _ => assert!(allowed.contains(&id), "{level}: {line}"),
            }
        }
        let of_first = seen.iter().filter(|(question, _)| question == "q1").count();
        match level {
            "snippet" => assert!(of_first > 3, "more snippets than sections: {run}"),
            _ => assert_eq!(of_first, allowed.len(), "{run}"),
        }
    }
}

/// Evaluates `gold.json` on `small`, whatever the verdict.
fn evaluate_any(world: &World, more: &[&str]) {
    let args = ["--gold", "gold.json", "--index", "small", "--policy", "few.toml"];
    let ran = world.eval(&[&args[..], more].concat());
    assert!([0, 1].contains(&ran.code), "{}", ran.told());
}

#[test]
fn folder_of_markdown_is_a_corpus_whose_headings_are_sections() {
    let world = World::new();
    world.write(
        "pages/a.md",
        "# Gate\n\nThe gate opens with a key.\n\n## Boat\n\nA boat needs paint.\n",
    );
    world.write("pages/deep/b.txt", "Bread is baked at four.\n");
    world.build(&["--input", "pages", "--out", "docs"]).success();
    let sections = String::from_utf8(world.read("docs/sections.jsonl")).expect("text");
    assert_eq!(sections.lines().count(), 3, "{sections}");
    for part in ["The gate opens", "A boat needs", "Bread is baked"] {
        assert!(sections.contains(part), "{sections}");
    }
}
