//! A gold set that cannot be used: exit 2, one line that says where and what, nothing filed.

mod support;

use std::io::Write;

use support::{WFGY_EVAL, World};

/// A question that is right, without its brackets.
const Q1: &str = r#""id": "q1", "question": "How long does a refund take?", "targets": [{"doc_id": "billing", "section_id": "refund"}]"#;

/// `wfgy_eval` refuses this gold set with a line that has all of `parts`. Nothing is written: no
/// report, no store, no verdict.
#[track_caller]
fn refused(gold: impl AsRef<[u8]>, parts: &[&str]) {
    refused_as("bad.json", gold, parts);
}

#[track_caller]
fn refused_as(name: &str, gold: impl AsRef<[u8]>, parts: &[&str]) {
    let world = World::with_index();
    world.write(name, gold);
    let args = ["--gold", name, "--index", "docs", "--min-cov", "0.7", "--out", "report"];
    world.refused(WFGY_EVAL, &args, 2, parts);
    world.refused(WFGY_EVAL, &["gold", "check", "--gold", name, "--index", "docs"], 2, parts);
}

#[test]
fn malformed_json_is_named_by_line_and_column() {
    refused(
        format!("{{\"items\": [\n{{{Q1}}},\n{{\"id\": \"q2\", \"question\": oops}}]}}"),
        &["bad.json:3:26: "],
    );
    refused(format!("[\n{{{Q1}}},\n{{\"id\" \"q2\"}}]"), &["bad.json:3:7: "]);
    refused(format!("[\n{{{Q1}}},\n{{\"id\": \"q2\","), &["bad.json:3", "the file", "cut"]);
}

#[test]
fn malformed_json_lines_are_named_by_their_line() {
    refused_as(
        "bad.jsonl",
        format!("{{{Q1}}}\n\n{{\"id\": \"q2\", \"question\": \"x\"\n"),
        &["bad.jsonl:3:", "ends too early"],
    );
}

#[test]
fn a_missing_field_is_named_with_line_and_path() {
    refused(
        "[\n{\"id\": \"q1\", \"targets\": [{\"doc_id\": \"billing\"}]}]",
        &["bad.json:2:", "question: is missing"],
    );
    refused(
        "[\n{\"question\": \"x\", \"targets\": [{\"doc_id\": \"billing\"}]}]",
        &["bad.json:2:", "id: is missing"],
    );
    refused(
        "[\n{\"id\": \"q1\", \"question\": \"x\", \"targets\": [{\"section_id\": \"refund\"}]}]",
        &["bad.json:2:", "targets[0]", "a target needs `doc_id`"],
    );
    refused("[\n{\"id\": \"q1\", \"question\": \"x\"}]", &["bad.json:2: targets: question `q1`"]);
}

#[test]
fn an_unknown_key_is_named_with_line_and_path() {
    refused(format!("[\n{{{Q1}, \"anker\": \"x\"}}]"), &["bad.json:2:", "anker: unknown key"]);
    refused(
        "[\n{\"id\": \"q1\", \"question\": \"x\", \"targets\": [\n{\"doc_id\": \"billing\", \"offset\": [0, 4]}]}]",
        &["bad.json:3:", "targets[0].offset: unknown key"],
    );
    refused(
        format!("{{\"items\": [{{{Q1}}}],\n\"lang\": \"en\"}}"),
        &["bad.json:2:", "lang: unknown"],
    );
}

#[test]
fn an_empty_gold_set_is_no_gold_set() {
    for gold in ["", "\n", "[]", "{\"items\": []}"] {
        refused(gold, &["bad.json", "holds no question"]);
    }
    refused_as("bad.csv", "id,question,doc_id\n", &["bad.csv: holds no question"]);
}

#[test]
fn a_repeated_id_is_named_with_both_lines() {
    refused(
        format!("[\n{{{Q1}}},\n{{{Q1}}}]"),
        &["bad.json:3: id: duplicate id `q1`, first at line 2"],
    );
}

#[test]
fn offsets_that_no_text_can_have_are_named_by_line_and_path() {
    for offsets in
        ["[40, 10]", "[10, 10]", "[-1, 10]", "[0, 5000000000]", "[0.5, 3]", "[1]", "[1, 2, 3]"]
    {
        let gold = format!(
            "[\n{{\"id\": \"q1\", \"question\": \"x\",\n\"targets\": [{{\"doc_id\": \"billing\", \"section_id\": \"refund\", \"offsets\": {offsets}}}]}}]"
        );
        refused(gold, &["bad.json:3:", "targets[0].offsets"]);
    }
}

#[test]
fn offsets_beyond_the_end_of_their_section_are_named_with_file_question_and_field() {
    let world = World::with_index();
    world.write(
        "bad.json",
        r#"[{"id": "q7", "question": "x y", "targets": [{"doc_id": "billing", "section_id": "refund", "offsets": [0, 92]}]}]"#,
    );
    let args = ["--gold", "bad.json", "--index", "docs", "--min-cov", "0.7", "--no-file"];
    let parts = ["bad.json: ", "q7", "targets[0].offsets", "0-92", "has 91 characters"];
    world.refused(WFGY_EVAL, &args, 2, &parts);
    let check = ["gold", "check", "--gold", "bad.json", "--index", "docs"];
    let found = world.eval(&check).exits(1);
    assert!(
        found.stdout.contains("bad.json: question q7, targets[0]: offsets 0-92"),
        "{}",
        found.told()
    );
}

#[test]
fn a_target_that_the_index_lacks_is_found_by_the_check_and_never_passes() {
    let world = World::with_index();
    world.write(
        "bad.json",
        r#"[{"id": "q7", "question": "x y", "targets": [{"doc_id": "billing", "section_id": "nope"}]}]"#,
    );
    let found = world.eval(&["gold", "check", "--gold", "bad.json", "--index", "docs"]).exits(1);
    let problem = "bad.json: question q7, targets[0]: document `billing` has no section `nope`";
    assert!(found.stdout.contains(problem), "{}", found.told());
    let args = ["--gold", "bad.json", "--index", "docs", "--min-cov", "0.01", "--no-file"];
    let ran = world.eval(&args);
    assert!([1, 3].contains(&ran.code), "{}", ran.told());
}

#[test]
fn values_that_say_nothing_are_named_by_line_and_path() {
    for (value, field) in [
        (r#""id": "", "question": "x", "targets": [{"doc_id": "a"}]"#, "id: "),
        (r#""id": "q", "question": " ", "targets": [{"doc_id": "a"}]"#, "question: "),
        (
            r#""id": "q", "question": "x", "paraphrases": [""], "targets": [{"doc_id": "a"}]"#,
            "paraphrases[0]: ",
        ),
        (
            r#""id": "q", "question": "x", "targets": [{"doc_id": "a", "grade": 0}]"#,
            "targets[0].grade: ",
        ),
        (r#""id": "q", "question": "x", "targets": [{"any_of": []}]"#, "targets[0]"),
        (
            r#""id": "q", "question": "x", "answerable": false, "targets": [{"doc_id": "a"}]"#,
            "answerable: ",
        ),
        (r#""id": 7, "question": "x", "targets": [{"doc_id": "a"}]"#, "id: "),
    ] {
        refused(format!("[\n{{{value}}}]"), &["bad.json:2", field]);
    }
    refused(
        format!("{{\"schema_version\": 2,\n\"items\": [{{{Q1}}}]}}"),
        &["bad.json:1:", "schema_version: "],
    );
}

#[test]
fn json_nested_without_end_is_refused_with_its_byte() {
    let gold = format!("[{{{Q1}, \"anchor\": {}", "[".repeat(1_000_000));
    let byte = Q1.len() + "[{, \"anchor\": ".len() + 63;
    refused(gold, &[&format!("bad.json: byte {byte}: nested deeper than 64 levels")]);
}

#[test]
fn invalid_utf_8_is_refused_with_its_byte() {
    refused(b"[{\"id\": \"caf\xe9\"}]", &["bad.json: byte 12: ", "UTF-8"]);
}

#[test]
fn a_compressed_gold_set_that_was_cut_is_not_a_shorter_one() {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    for i in 0..200 {
        let line = format!(
            "{{\"id\": \"q{i}\", \"question\": \"x\", \"targets\": [{{\"doc_id\": \"billing\"}}]}}\n"
        );
        gzip.write_all(line.as_bytes()).expect("memory");
    }
    let whole = gzip.finish().expect("memory");
    for end in [whole.len() / 2, whole.len() - 1] {
        refused_as("bad.jsonl.gz", &whole[..end], &["bad.jsonl.gz: ", "cut"]);
    }
}

#[test]
fn a_csv_row_that_does_not_fit_its_header_is_named_by_its_line() {
    refused_as("bad.csv", "id,question,doc_id\nq1,How long?,billing\nq2,short\n", &["bad.csv:3: "]);
    refused_as("bad.csv", "id,question,doc\nq1,How long?,billing\n", &["bad.csv:1", "doc"]);
}

#[test]
fn a_gold_set_that_is_not_there_is_named() {
    let world = World::with_index();
    let args = ["--gold", "none.json", "--index", "docs"];
    world.refused(WFGY_EVAL, &args, 2, &["none.json: no such file"]);
    std::fs::create_dir(world.path("empty")).expect("a folder");
    let args = ["--gold", "empty", "--index", "docs"];
    world.refused(WFGY_EVAL, &args, 2, &["empty: holds no gold set"]);
}

#[test]
fn under_junit_an_input_error_is_an_error_and_never_green() {
    let world = World::with_index();
    world.write("bad.json", "[");
    let args = ["--gold", "bad.json", "--index", "docs", "--min-cov", "0.7", "--format", "junit"];
    let ran = world.refused(WFGY_EVAL, &args, 2, &["bad.json:1"]);
    assert!(ran.stdout.contains("<error") && ran.stdout.contains("bad.json:1"), "{}", ran.told());
    assert!(ran.stdout.contains("errors=\"1\""), "{}", ran.told());
}

#[test]
fn under_redact_an_error_names_file_place_and_field_and_no_text() {
    let world = World::with_index();
    let alike = "Zyxwho, expected `zyxname`";
    let csv = |row: &str| format!("id,question,paraphrase_1,doc_id,start,end,answerable\n{row}\n");
    for (name, gold, parts) in [
        (
            "a.json",
            format!("[{{{Q1}, \"paraphrases\": \"{alike}\"}}]"),
            &["a.json:1:", "paraphrases: invalid type: string, expected a sequence"][..],
        ),
        (
            "b.json",
            format!("[{{{Q1},\n\"{alike}\": 1}}]"),
            &["b.json:2:", ": unknown key, expected one of `id`, `question`"],
        ),
        (
            "c.json",
            "[{\"id\": \"q\", \"question\": 77005501, \"targets\": []}]".to_owned(),
            &["c.json:1:", "question: invalid type: integer, expected a string"],
        ),
        (
            "d.json",
            format!(
                "[{{\"id\": \"q\", \"question\": \"x\", \"targets\": [{{\"zyx`, there are no fields\": \"{alike}\"}}]}}]"
            ),
            &["d.json:1:", "targets[0]: unknown key, expected one of"],
        ),
        (
            "e.json",
            "{\"items\": [{\"zyxkey\": oops}]}".to_owned(),
            &["e.json:1:", "items: expected value"],
        ),
        (
            "f.jsonl",
            format!("{{{Q1}, \"stratum\": [\"zyx\"]}}"),
            &["f.jsonl:1:", "stratum: invalid type"],
        ),
        ("g.csv", "id,question,Who is zyxname?\n".to_owned(), &["g.csv:1: unknown column"]),
        ("h.csv", csv("q,x,y,d,zyxname,2,true"), &["h.csv:2: start: is no whole number"]),
        ("i.csv", csv("q,x,y,d,1,2,zyxname"), &["i.csv:2: answerable: is neither"]),
        (
            "j.csv",
            csv("q,x,y,d,1,2,true\nq,x,zyxname,d,3,4,"),
            &["j.csv:3: paraphrase_1: duplicate id `q` with another value here"],
        ),
    ] {
        world.write(name, &gold);
        let args = ["--gold", name, "--index", "docs", "--min-cov", "0.7", "--format", "junit"];
        let secret = |text: &str| text.to_lowercase().contains("zyx") || text.contains("77005501");
        let ran = world.eval(&[&args[..], &["--redact"]].concat()).refuses(2, parts);
        assert!(ran.stdout.contains("<error"), "{}", ran.told());
        assert!(!secret(&ran.stdout) && !secret(&ran.stderr), "{}", ran.told());
    }
    // Somebody else's numbers and keys are named where nothing is to be redacted; texts never.
    let shown = |name: &str| {
        world.eval(&["--gold", name, "--index", "docs", "--min-cov", "0.7"]).exits(2).stderr
    };
    assert!(shown("c.json").contains("77005501") && shown("b.json").contains(alike));
    assert!(!shown("a.json").contains("Zyx"), "{}", shown("a.json"));
}
