//! Gold sets as JSON and JSON Lines, and one clear line for everything that is wrong with one.

use std::io::Write;
use std::path::Path;

use wfgy_core::{Span, Unit};
use wfgy_formats::{Place, gold};

use crate::{Folder, error, read};

const ITEM: &str = r#"{"id": "Q1", "question": "why?", "paraphrases": ["how come?", "what for?"],
 "targets": [{"doc_id": "a", "section_id": "s", "offsets": [3, 9], "quote": "because", "grade": 2},
             {"any_of": [{"doc_id": "b"}, {"expected_doc": "c", "section_id": "t"}]}],
 "anchor": "it is so", "stratum": "billing", "answerable": true}"#;

#[test]
fn rule_a_gold_set_is_an_array_an_object_or_json_lines_and_all_say_the_same() {
    let line = ITEM.replace('\n', " ");
    let second = r#"{"id":"Q2","question":"x?","answerable":false}"#;
    let forms = [
        read("a.json", &format!("[{ITEM}, {second}]")).unwrap(),
        read("b.json", &format!("{{\"items\": [{ITEM},\n{second}], \"schema_version\": 1}}"))
            .unwrap(),
        read("c.jsonl", &format!("{line}\n\n{second}\n")).unwrap(),
        read("d.json", &format!("\u{feff}[{ITEM}, {second}]")).unwrap(),
    ];
    let gold = &forms[0];
    let q = &gold.items[0];
    assert_eq!((gold.name.as_str(), gold.language.as_str(), gold.items.len()), ("", "en", 2));
    assert_eq!(q.wordings().collect::<Vec<_>>(), ["why?", "how come?", "what for?"]);
    assert_eq!(
        (q.anchors.as_slice(), q.stratum.as_deref()),
        (&["it is so".to_owned()][..], Some("billing"))
    );
    let span = &q.targets[0].any_of[0];
    assert_eq!(
        (span.offsets, span.quote.as_deref(), span.grade),
        (Some(Span::new(3, 9)), Some("because"), 2)
    );
    let either = &q.targets[1].any_of;
    assert_eq!((either[0].doc_id.as_str(), either[0].grade), ("b", 1));
    assert_eq!((either[1].doc_id.as_str(), either[1].section_id.as_deref()), ("c", Some("t")));
    assert!(!gold.items[1].answerable && gold.items[1].targets.is_empty());
    assert_eq!(gold.unit(), Unit::Snippet);
    for form in &forms {
        assert_eq!(form.digest().unwrap(), gold.digest().unwrap());
    }
}

#[test]
fn rule_name_and_language_stand_in_the_object_form_and_language_is_en_unless_given() {
    let text = r#"{"schema_version":1,"name":"n","language":"de","items":[{"id":"1","question":"?","expected_doc":"d"}]}"#;
    let gold = read("a.json", text).unwrap();
    assert_eq!((gold.name.as_str(), gold.language.as_str()), ("n", "de"));
    // Keys that look like the questions' own, inside them or in strings, confuse nothing.
    let text = r#"{"name":"\"items\":[", "items" : [{"id":"1","question":"\"items\": [","expected_doc":"d"}]}"#;
    assert_eq!(read("a.json", text).unwrap().name, "\"items\":[");
}

#[test]
fn rule_expected_doc_is_read_as_doc_id() {
    let in_target =
        read("a.json", r#"[{"id":"1","question":"?","targets":[{"expected_doc":"d"}]}]"#);
    let in_item = read("a.json", r#"[{"id":"1","question":"?","expected_doc":"d"}]"#);
    let plain = read("a.json", r#"[{"id":"1","question":"?","targets":[{"doc_id":"d"}]}]"#);
    assert_eq!(in_target, plain);
    assert_eq!(in_item, plain);
    assert_eq!(plain.unwrap().unit(), Unit::Document);
}

#[test]
fn rule_anchor_may_be_a_list_and_offsets_need_no_section() {
    let text = r#"[{"id":"1","question":"?","anchor":["x","y"],"targets":[{"doc_id":"d","offsets":[0,4]}]}]"#;
    let gold = read("a.json", text).unwrap();
    assert_eq!(gold.items[0].anchors, ["x", "y"]);
    assert_eq!(gold.unit(), Unit::Snippet);
}

#[test]
fn compressed_gold_sets_are_read_like_plain_ones() {
    let folder = Folder::new();
    let text = format!("[{ITEM}]");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    let gzip = folder.file("a.json.gz", gzip.finish().unwrap());
    let zstd = folder.file("a.json.zst", zstd::encode_all(text.as_bytes(), 1).unwrap());
    let plain = read("a.json", &text).unwrap();
    assert_eq!(gold::read(gzip).unwrap(), plain);
    assert_eq!(gold::read(zstd).unwrap(), plain);
}

#[test]
fn bad_json_is_one_line_with_file_line_field_and_problem() {
    let cases = [
        ("", "a.json: holds no question: the file is empty"),
        ("[]", "a.json:1:2: holds no question"),
        (r#"{"items":[]}"#, "holds no question"),
        ("3", "a.json:1:1: expected `[` or `{`"),
        ("[3]", "a.json:1:2: expected `{`"),
        (
            "[{\"id\":\"1\",\n\"question\":\"?\",\n\"expected_doc\":\"d\"",
            "a.json:1: the file ends inside",
        ),
        ("[{\"id\":\"1\",\"question\":\"?\",\"expected_doc\":\"d\"}", "ends before `]`"),
        (
            "[{\"id\":\"1\",\"question\":\"?\",\"expected_doc\":\"d\"}] x",
            "a.json:1:48: something follows",
        ),
        ("[{\"id\":\"1\",\"question\":\"?\",\"expected_doc\":\"d\"} {}]", "expected `,` or `]`"),
        ("[{\"id\":\"1\",\n\"question\" \"?\"}]", "a.json:2:"),
        (
            "[{\"id\":\"1\",\n\"question\":\"?\",\n\"targts\":[]}]",
            "a.json:3:8: targts: unknown key, expected one of",
        ),
        ("[{\"question\":\"?\",\"targets\":[]}]", "id: is missing"),
        ("[{\"id\":\"1\"}]", "question: is missing"),
        ("[{\"id\":7,\"question\":\"?\"}]", "id: invalid type: integer `7`, expected a string"),
        ("[{\"id\":\"\",\"question\":\"?\"}]", "id: an empty text"),
        ("[{\"id\":\"1\",\"question\":\" \"}]", "question: an empty text"),
        (
            "[{\"id\":\"1\",\"question\":\"?\",\"paraphrases\":[\"a\",\n\"\"]}]",
            "a.json:2:3: paraphrases[1]: an empty text",
        ),
        ("[{\"id\":\"1\",\"question\":\"?\",\"anchor\":[\"a\",\"\"]}]", "anchor[1]: an empty text"),
        (
            "[{\"id\":\"1\",\"question\":\"?\",\"anchor\":3}]",
            "anchor: invalid type: integer `3`, expected a text or a list of texts",
        ),
        ("[{\"id\":\"1\",\"question\":\"?\"}]", "a.json:1: targets: question `1` has no target"),
        ("[{\"id\":\"1\",\"question\":\"?\",\"targets\":[],\"answerable\":true}]", "has no target"),
        (
            "[{\"id\":\"1\",\"question\":\"?\",\"answerable\":false,\"expected_doc\":\"d\"}]",
            "answerable: question `1` is not answerable and has targets",
        ),
        ("[{\"id\":\"1\",\"question\":\"?\",\"answerable\":\"no\"}]", "answerable: invalid type"),
        (
            "[{\"id\":\"1\",\"question\":\"?\",\"targets\":[{\"doc_id\":\"d\"}],\"expected_doc\":\"d\"}]",
            "expected_doc: stands beside `targets`",
        ),
        ("[{\"id\":\"1\",\"id\":\"1\",\"question\":\"?\"}]", "id: is given twice"),
        (
            "{\"items\":[{\"id\":\"1\",\"question\":\"?\",\"expected_doc\":\"d\"}],\"nme\":\"x\"}",
            "nme: unknown key",
        ),
        ("{\"item\":[]}", "item: unknown key"),
        ("{\"name\":\"x\"}", "items: is missing"),
        ("{\"schema_version\":2,\"items\":[]}", "schema_version: expected 1"),
        ("{\"schema_version\":\"1\",\"items\":[]}", "schema_version: invalid type"),
        ("{\"language\":\"\",\"items\":[]}", "language: an empty text"),
        ("{\"items\":{}}", "a.json:1:10: items: expected a list of questions"),
    ];
    for (text, expected) in cases {
        let error = error("a.json", text);
        assert!(error.contains(expected), "{text}\n  {error}");
    }
}

#[test]
fn bad_targets_are_named_by_their_path() {
    let cases = [
        ("{}", "targets[0]: a target needs `doc_id` or `any_of`"),
        (r#"{"doc_id":""}"#, "targets[0].doc_id: an empty text"),
        (r#"{"doc_id":"d","doc":"d"}"#, "targets[0].doc: unknown key"),
        (r#"{"doc_id":"d","expected_doc":"d"}"#, "is given twice"),
        (r#"{"doc_id":"d","offsets":[9,3]}"#, "targets[0].offsets: [9, 3] holds nothing"),
        (r#"{"doc_id":"d","offsets":[3,3]}"#, "targets[0].offsets: [3, 3] holds nothing"),
        (
            r#"{"doc_id":"d","offsets":[-1,3]}"#,
            "targets[0].offsets[0]: invalid value: integer `-1`",
        ),
        (r#"{"doc_id":"d","offsets":[0,4294967296]}"#, "targets[0].offsets[1]: invalid value"),
        (r#"{"doc_id":"d","offsets":[0,1.5]}"#, "targets[0].offsets[1]: invalid type: floating"),
        (r#"{"doc_id":"d","offsets":[0]}"#, "targets[0].offsets"),
        (r#"{"doc_id":"d","offsets":[0,1,2]}"#, "targets[0].offsets"),
        (r#"{"doc_id":"d","grade":0}"#, "targets[0].grade: 0 is not relevant"),
        (r#"{"doc_id":"d","quote":""}"#, "targets[0].quote: an empty text"),
        (r#"{"any_of":[]}"#, "targets[0]: `any_of` is empty"),
        (r#"{"any_of":[{"doc_id":"d"}],"grade":2}"#, "targets[0]: `any_of` stands alone"),
        (r#"{"any_of":[{"doc_id":"d"}],"doc_id":"d"}"#, "targets[0]: `doc_id` beside `any_of`"),
        (
            r#"{"any_of":[{"doc_id":"d"},{"section_id":"s"}]}"#,
            "targets[0].any_of[1].doc_id: is missing",
        ),
        (r#"{"any_of":[{"any_of":[]}]}"#, "targets[0].any_of[0].any_of: unknown key"),
        (r#"["d","s"]"#, "targets[0]: invalid type: sequence, expected an object"),
        (r#"{"any_of":[["d"]]}"#, "targets[0].any_of[0]: invalid type: sequence"),
    ];
    for (target, expected) in cases {
        let text = format!("[\n{{\"id\":\"1\",\"question\":\"?\",\n\"targets\":[{target}]}}]");
        let error = error("a.json", &text);
        assert!(error.starts_with("a.json:3:") && error.contains(expected), "{target}\n  {error}");
    }
}

#[test]
fn a_duplicate_id_names_both_lines() {
    let item = |id| format!("{{\"id\":\"{id}\",\"question\":\"?\",\n\"expected_doc\":\"d\"}}");
    let text = format!("[{},\n{},\n{}]", item("1"), item("2"), item("1"));
    assert_eq!(error("a.json", &text), "a.json:5: id: duplicate id `1`, first at line 1");
    let line = |id| item(id).replace('\n', "");
    let text = format!("{}\n{}\n", line("1"), line("1"));
    assert_eq!(error("a.jsonl", &text), "a.jsonl:2: id: duplicate id `1`, first at line 1");
}

#[test]
fn bad_json_lines_are_named_by_their_line() {
    let good = "{\"id\":\"1\",\"question\":\"?\",\"expected_doc\":\"d\"}\n";
    for (bad, expected) in [
        ("{\"id\":\"2\"}\n", "a.jsonl:2:10: question: is missing"),
        ("{\"id\":\"2\",\n\"question\":\"?\"}\n", "a.jsonl:2:"),
        ("{} {}\n", "a.jsonl:2:"),
        ("null\n", "a.jsonl:2:"),
        ("[\"2\",\"?\"]\n", "a.jsonl:2:1: invalid type: sequence, expected an object"),
    ] {
        let error = error("a.jsonl", &format!("{good}{bad}"));
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn deep_nesting_is_refused_with_its_byte_and_without_recursion() {
    let deep = "[".repeat(1_000_000);
    let text = format!("[{{\"id\":\"1\",\"question\":\"?\",\"targets\":{deep}");
    let error = error("a.json", &text);
    assert!(error.starts_with("a.json: byte ") && error.contains("nested deeper"), "{error}");
}

#[test]
fn invalid_utf8_and_missing_files_are_named() {
    let folder = Folder::new();
    let path = folder.file("a.json", b"[{\"id\":\"\xff\"}]");
    assert_eq!(gold::read(path).unwrap_err().place, Place::Byte(8));
    let missing = gold::read(folder.path().join("none.json")).unwrap_err().to_string();
    assert!(missing.ends_with("none.json: no such file"), "{missing}");
    let empty = gold::read(folder.path()).unwrap_err().to_string();
    assert!(empty.contains("holds no gold set"), "{empty}");
}

#[test]
fn the_schema_and_the_reader_know_the_same_keys() {
    let schema: serde_json::Value = serde_json::from_str(gold::SCHEMA).unwrap();
    let keys = |pointer: &str| -> Vec<String> {
        let object = schema.pointer(pointer).and_then(|v| v.as_object()).expect(pointer);
        let mut keys: Vec<String> = object.keys().cloned().collect();
        keys.sort();
        keys
    };
    // What the reader expects stands in its message about an unknown key.
    let expected = |text: &str| -> Vec<String> {
        let error = error("a.json", text);
        let list = error.split_once("expected ").expect(&error).1;
        let mut keys: Vec<String> = list.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        keys.sort();
        keys
    };
    let item =
        |target: &str| format!("[{{\"id\":\"1\",\"question\":\"?\",\"targets\":[{target}]}}]");
    assert_eq!(expected("[{\"x\":1}]"), keys("/$defs/question/properties"));
    assert_eq!(expected("{\"x\":1}"), keys("/$defs/set/properties"));
    let mut alternative = keys("/$defs/alternative/properties");
    assert_eq!(expected(&item("{\"any_of\":[{\"x\":1}]}")), alternative);
    alternative.push("any_of".to_owned());
    alternative.sort();
    assert_eq!(expected(&item("{\"x\":1}")), alternative);
}

#[test]
fn the_projects_own_gold_set_is_read() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../gold/gold_40.json");
    let gold = gold::read(path).unwrap();
    assert_eq!((gold.items.len(), gold.unit()), (40, Unit::Snippet));
    assert!(gold.items.iter().all(|q| q.paraphrases.len() == 3));
}

#[test]
fn the_schema_accepts_what_the_reader_accepts() {
    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    compiler.add_resource("gold.json", serde_json::from_str(gold::SCHEMA).unwrap()).unwrap();
    let schema = compiler.compile("gold.json", &mut schemas).unwrap();
    let with = |rest: &str| format!(r#"[{{"id":"1","question":"?",{rest}}}]"#);
    let target = |target: &str| with(&format!(r#""targets":[{target}]"#));
    let good = [
        format!("[{ITEM}]"),
        format!(r#"{{"schema_version":1,"name":null,"language":"de","items":[{ITEM}]}}"#),
        with(r#""expected_doc":"d","anchor":["a"],"stratum":null"#),
        with(r#""answerable":false"#),
        with(r#""answerable":false,"targets":[]"#),
        target(
            r#"{"expected_doc":"d","section_id":null,"offsets":null,"quote":null,"grade":null}"#,
        ),
        target(r#"{"doc_id":"d","offsets":[0,4294967295],"grade":3}"#),
        target(r#"{"any_of":[{"expected_doc":"d"},{"doc_id":"e","section_id":"s"}]}"#),
    ];
    let bad = [
        "[]".to_owned(),
        r#"{"items":[]}"#.to_owned(),
        format!(r#"{{"schema_version":2,"items":[{ITEM}]}}"#),
        format!(r#"{{"language":"","items":[{ITEM}]}}"#),
        format!(r#"{{"nme":"","items":[{ITEM}]}}"#),
        r#"[["1","?"]]"#.to_owned(),
        r#"[{"id":"1","expected_doc":"d"}]"#.to_owned(),
        r#"[{"id":"","question":"?","expected_doc":"d"}]"#.to_owned(),
        with(r#""targets":[]"#),
        with(r#""stratum":"""#),
        with(r#""expected_doc":null"#),
        with(r#""expected_doc":"d","paraphrases":[" "]"#),
        with(r#""expected_doc":"d","paraphrases":null"#),
        with(r#""expected_doc":"d","anchor":3"#),
        with(r#""expected_doc":"d","targets":[{"doc_id":"d"}]"#),
        with(r#""expected_doc":"d","answerable":false"#),
        target("{}"),
        target(r#"["d"]"#),
        target(r#"{"doc_id":"d","expected_doc":"d"}"#),
        target(r#"{"doc_id":"d","any_of":[{"doc_id":"d"}]}"#),
        target(r#"{"any_of":[]}"#),
        target(r#"{"any_of":[{"any_of":[]}]}"#),
        target(r#"{"doc_id":"d","offsets":[1]}"#),
        target(r#"{"doc_id":"d","offsets":[1,2,3]}"#),
        target(r#"{"doc_id":"d","offsets":[-1,2]}"#),
        target(r#"{"doc_id":"d","offsets":[1,4294967296]}"#),
        target(r#"{"doc_id":"d","grade":0}"#),
        target(r#"{"doc_id":"d","quote":""}"#),
    ];
    for (texts, expected) in [(&good[..], true), (&bad[..], false)] {
        for text in texts {
            let value: serde_json::Value = serde_json::from_str(text).unwrap();
            assert_eq!(schemas.validate(&value, schema).is_ok(), expected, "schema: {text}");
            assert_eq!(read("a.json", text).is_ok(), expected, "reader: {text}");
        }
    }
}

#[test]
fn every_key_of_the_schema_is_a_name_that_a_redacted_message_may_say() {
    fn keys(schema: &serde_json::Value, found: &mut Vec<String>) {
        match schema {
            serde_json::Value::Object(map) => {
                let own = map.get("properties").and_then(serde_json::Value::as_object);
                found.extend(own.into_iter().flat_map(|own| own.keys().cloned()));
                map.values().for_each(|value| keys(value, found));
            }
            serde_json::Value::Array(list) => list.iter().for_each(|value| keys(value, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    keys(&serde_json::from_str(gold::SCHEMA).unwrap(), &mut found);
    assert!(found.len() > 15, "{found:?}");
    for key in found {
        assert!(gold::KEYS.contains(&key.as_str()), "{key}");
    }
}
