//! Gold sets from every form, and one clear line for everything that is wrong with one.

use std::io::Write;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use wfgy_core::{GoldSet, Span, Unit};
use wfgy_formats::{InputError, Place, beir, gold, trec};

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(&path, content).expect("a file");
        path
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

fn read(name: &str, content: &str) -> Result<GoldSet, InputError> {
    gold::read(Folder::new().file(name, content))
}

/// The message without the folder.
fn error(name: &str, content: &str) -> String {
    let text = read(name, content).expect_err(content).to_string();
    assert!(!text.contains('\n'), "{text}");
    text[text.find(name).expect("the file's name")..].to_owned()
}

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

const QUERIES: &str = "{\"_id\":\"q1\",\"text\":\"one\",\"metadata\":{\"a\":[1]}}\n{\"_id\":\"q2\",\"text\":\"two\"}\n{\"_id\":\"q3\",\"text\":\"three\"}\n";
const HEADER: &str = "query-id\tcorpus-id\tscore\n";

#[test]
fn rule_beir_documents_are_targets_of_their_own_and_unjudged_queries_no_questions() {
    let folder = Folder::new();
    folder.file("queries.jsonl", QUERIES);
    folder.file(
        "qrels/test.tsv",
        format!("{HEADER}q3\td9\t2\nq1\td2\t1\nq1\td1\t1\nq1\td0\t0\r\nq2\td0\t-1\n"),
    );
    let gold = gold::read(folder.path()).unwrap();
    let of = |i: usize| {
        let targets = &gold.items[i].targets;
        targets.iter().map(|t| (t.any_of[0].doc_id.as_str(), t.any_of[0].grade)).collect::<Vec<_>>()
    };
    assert_eq!(gold.items.iter().map(|q| q.id.as_str()).collect::<Vec<_>>(), ["q1", "q3"]);
    assert_eq!((of(0), of(1)), (vec![("d2", 1), ("d1", 1)], vec![("d9", 2)]));
    assert_eq!((gold.unit(), gold.items[0].question.as_str()), (Unit::Document, "one"));
}

#[test]
fn bad_beir_folders_are_named_by_file_and_line() {
    let cases = [
        (QUERIES, "q1\td\t1\n", "test.tsv:1: expected the header"),
        (
            QUERIES,
            "query-id\tcorpus-id\tscore\nq1 d 1\n",
            "test.tsv:2: expected 3 columns apart by tabs, found 1",
        ),
        (
            QUERIES,
            "query-id\tcorpus-id\tscore\nq1\td\t1.0\n",
            "test.tsv:2: score: `1.0` is no whole number",
        ),
        (QUERIES, "query-id\tcorpus-id\tscore\nq1\t\t1\n", "test.tsv:2: corpus-id: an empty text"),
        (
            QUERIES,
            "query-id\tcorpus-id\tscore\nq1\td\t1\nq1\td\t1\n",
            "test.tsv:3: corpus-id: `q1` and `d` are judged twice, first at line 2",
        ),
        (
            QUERIES,
            "query-id\tcorpus-id\tscore\nq1\td\t1\nq9\td\t1\n",
            "test.tsv:3: question `q9` is judged but not in",
        ),
        (
            QUERIES,
            "query-id\tcorpus-id\tscore\nq1\td\t0\n",
            "test.tsv: no question has a relevant document",
        ),
        (
            "{\"_id\":\"q1\",\"txt\":\"one\"}\n",
            "query-id\tcorpus-id\tscore\nq1\td\t1\n",
            "queries.jsonl:1:17: txt: unknown key",
        ),
        (
            "{\"_id\":\"q1\",\"text\":\"\"}\n",
            "query-id\tcorpus-id\tscore\nq1\td\t1\n",
            "queries.jsonl:1: text: an empty text",
        ),
        (
            "{\"_id\":\"q1\",\"text\":\"a\"}\n{\"_id\":\"q1\",\"text\":\"b\"}\n",
            "query-id\tcorpus-id\tscore\nq1\td\t1\n",
            "queries.jsonl:2: id: duplicate id `q1`",
        ),
    ];
    for (queries, qrels, expected) in cases {
        let folder = Folder::new();
        folder.file("queries.jsonl", queries);
        folder.file("qrels/test.tsv", qrels);
        let error = beir::read_gold(folder.path()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let folder = Folder::new();
    folder.file("queries.jsonl", QUERIES);
    let error = gold::read(folder.path()).unwrap_err().to_string();
    assert!(error.contains("qrels/test.tsv: no such file"), "{error}");
}

const QRELS: &str = "301 0 FR-1 1\n301 0 FR-2 0\n302 Q0 FR-3 2\n302\t0\tFR-1\t1\n";

#[test]
fn trec_topics_are_tab_lines_or_classic_blocks() {
    let folder = Folder::new();
    let qrels = folder.file("qrels.txt", QRELS);
    let tabs = folder.file("topics.tsv", "301\tfoo bar\n302\tbaz\n303\tnot judged\n");
    let classic = "<top>\n\n<num> Number: 301\n<title> Topic: foo\nbar\n\n<desc> Description:\na < b\n</top>\n\
                   <top><num>302</num><title>baz</title></top>\n";
    let classic_path = folder.file("classic.txt", classic);
    let gold = trec::read_gold(&qrels, &tabs).unwrap();
    assert_eq!(gold, trec::read_gold(&qrels, classic_path).unwrap());
    assert_eq!(gold, gold::read(folder.path()).unwrap());
    assert_eq!(gold.items[0].question, "foo bar");
    let targets = &gold.items[1].targets;
    assert_eq!((targets.len(), targets[0].any_of[0].grade), (2, 2));
}

#[test]
fn bad_trec_files_are_named_by_file_and_line() {
    let cases = [
        ("301 0 FR-1\n", "301\tx\n", "qrels.txt:1: expected 4 columns"),
        ("301 0 FR-1 x\n", "301\tx\n", "qrels.txt:1: grade: `x` is no whole number"),
        (
            "301 0 d 1\n301 0 d 1\n",
            "301\tx\n",
            "qrels.txt:2: document: `301` and `d` are judged twice",
        ),
        ("301 0 d 1\n", "302\tx\n", "qrels.txt:1: question `301` is judged but not in"),
        ("301 0 d 1\n", "301 x\n", "topics.txt:1: expected an id, a tab, and the question"),
        ("301 0 d 1\n", "301\t \n", "topics.txt:1: question: an empty text"),
        ("301 0 d 1\n", "301\ta\n301\tb\n", "topics.txt:2: id: duplicate id `301`"),
        ("301 0 d 1\n", "", "topics.txt: holds no topic"),
        ("301 0 d 1\n", "<top>\n<num> 301\n<title> x\n", "topics.txt:1: <top> without </top>"),
        ("301 0 d 1\n", "\n<top>\n<num> 301\n</top>\n", "topics.txt:2: title: is missing"),
        ("301 0 d 1\n", "<top>\n<title> x\n</top>\n", "topics.txt:1: num: is missing"),
        ("301 0 d 0\n", "301\tx\n", "qrels.txt: no question has a relevant document"),
    ];
    for (qrels, topics, expected) in cases {
        let folder = Folder::new();
        folder.file("qrels.txt", qrels);
        folder.file("topics.txt", topics);
        let error = gold::read(folder.path()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let folder = Folder::new();
    folder.file("topics.txt", "1\tx\n");
    folder.file("qrels.a", QRELS);
    folder.file("qrels.b", QRELS);
    let error = gold::read(folder.path()).unwrap_err().to_string();
    assert!(error.contains("several `qrels*` files"), "{error}");
}

#[test]
fn csv_says_the_same_as_json() {
    let csv = "id,question,paraphrase_1,paraphrase_2,doc_id,section_id,start,end,quote,grade,anchor,stratum,answerable\n\
        1,why?,how come?,,a,s,3,9,\"because, so\",2,it is,billing,true\n\
        1,,,,b,,,,,,,,\n\
        2,\"what\nnow?\",,,,,,,,,,,false\n";
    let json = r#"[{"id":"1","question":"why?","paraphrases":["how come?"],"anchor":"it is","stratum":"billing",
        "targets":[{"doc_id":"a","section_id":"s","offsets":[3,9],"quote":"because, so","grade":2},{"doc_id":"b"}]},
        {"id":"2","question":"what\nnow?","answerable":false}]"#;
    assert_eq!(read("a.csv", csv).unwrap(), read("a.json", json).unwrap());
    let short = read("b.csv", "question,expected_doc,id\n?,d,1\n").unwrap();
    assert_eq!(short.items[0].targets[0].any_of[0].doc_id, "d");
}

#[test]
fn bad_csv_is_named_by_line_and_column() {
    let cases = [
        ("", "a.csv:1: id: this column is missing"),
        ("id,question,doc_id\n", "a.csv: holds no question"),
        ("id,doc_id\n1,d\n", "a.csv:1: question: this column is missing"),
        ("id,question,dcid\n1,?,d\n", "a.csv:1: dcid: unknown column"),
        ("id,question,doc_id,id\n1,?,d,1\n", "a.csv:1: id: this column is given twice"),
        ("id,question,doc_id,expected_doc\n1,?,d,\n", "a.csv:1: expected_doc: says the same"),
        (
            "id,question,paraphrase_2,doc_id\n1,?,x,d\n",
            "a.csv:1: paraphrase_1: this column is missing",
        ),
        ("id,question,paraphrase_01,doc_id\n1,?,x,d\n", "a.csv:1: paraphrase_01: unknown column"),
        (
            "id,question,paraphrase_18446744073709551615,doc_id\n1,?,x,d\n",
            "paraphrases count from 1",
        ),
        ("id,question,doc_id\n1,?,d,e\n", "a.csv:2: 4 cells where the header has 3"),
        ("id,question,doc_id\n1,?,d\n2,,d\n", "a.csv:3: question: is empty"),
        ("id,question,doc_id\n,?,d\n", "a.csv:2: id: is empty"),
        ("id,question,doc_id\n1,?,\n", "a.csv:2: targets: question `1` has no target"),
        (
            "id,question,doc_id,answerable\n1,?,d,false\n",
            "a.csv:2: answerable: question `1` is not answerable",
        ),
        ("id,question,doc_id,answerable\n1,?,d,no\n", "a.csv:2: answerable: `no` is neither"),
        ("id,question,doc_id,grade\n1,?,d,0\n", "a.csv:2: grade: 0 is not relevant"),
        ("id,question,doc_id,grade\n1,?,,2\n", "a.csv:2: doc_id: is empty beside `grade`"),
        (
            "id,question,doc_id,start,end\n1,?,d,9,3\n",
            "a.csv:2: end: 3 does not stand behind the start",
        ),
        ("id,question,doc_id,start,end\n1,?,d,9,\n", "a.csv:2: end: is empty beside `start`"),
        ("id,question,doc_id,start,end\n1,?,d,-1,3\n", "a.csv:2: start: `-1` is no whole number"),
        ("id,question,doc_id,start,end\n1,?,d,0,4294967296\n", "a.csv:2: end: `4294967296` is no"),
        (
            "id,question,paraphrase_1,paraphrase_2,doc_id\n1,?,,b,d\n",
            "a.csv:2: paraphrase_2: stands behind an empty one",
        ),
        ("id,question,doc_id\n1,?,d\n1,other,e\n", "a.csv:3: question: duplicate id `1`"),
        (
            "id,question,doc_id\n1,?,d\n1,?,\n",
            "a.csv:3: id: duplicate id `1`, and this row adds no target",
        ),
        (
            "id,question,doc_id\n1,?,d\n2,?,d\n1,?,e\n",
            "a.csv:4: id: duplicate id `1`, first at line 2",
        ),
        (
            "id,question,paraphrase_1,doc_id\n1,?,,d\n1,?,x,e\n",
            "a.csv:3: paraphrase_1: duplicate id",
        ),
    ];
    for (text, expected) in cases {
        let error = error("a.csv", text);
        assert!(error.contains(expected), "{text}\n  {error}");
    }
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
