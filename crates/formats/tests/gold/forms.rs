//! Gold sets from BEIR and TREC folders and from CSV, and what is wrong with them.

use wfgy_core::Unit;
use wfgy_formats::{beir, gold, trec};

use crate::{Folder, error, read};

const QUERIES: &str = "{\"_id\":\"q1\",\"text\":\"one\",\"metadata\":{\"a\":[1]}}\n{\"_id\":\"q2\",\"text\":\"two\"}\n{\"_id\":\"q3\",\"text\":\"three\"}\n";
const HEADER: &str = "query-id\tcorpus-id\tscore\n";

#[test]
fn rule_beir_documents_are_targets_of_their_own_and_unjudged_queries_no_questions() {
    let folder = Folder::new();
    folder.file("queries.jsonl", QUERIES);
    folder
        .file("qrels/test.tsv", format!("{HEADER}q3\td9\t2\nq1\td2\t1\nq1\td1\t1\nq1\td0\t0\r\n"));
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
            QUERIES,
            "query-id\tcorpus-id\tscore\nq1\td\t1\nq2\td\t0\nq2\te\t-1\n",
            "test.tsv:3: question `q2` has no relevant document",
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
        (
            "301 0 d 1\n302 0 d 0\n",
            "301\tx\n302\ty\n",
            "qrels.txt:2: question `302` has no relevant document",
        ),
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

/// Damages valid input in many ways: the readers may refuse it, and must not panic.
#[test]
fn damaged_input_never_panics() {
    let json = r#"{"schema_version":1,"name":"n\"\u00e9","items":[{"id":"1","question":"?","paraphrases":["a"],
        "targets":[{"doc_id":"d","offsets":[1,2],"quote":"q"},{"any_of":[{"doc_id":"e"}]}],"anchor":["x"]}]}"#;
    let lines = "{\"id\":\"1\",\"question\":\"?\",\"expected_doc\":\"d\"}\n\n{\"id\":\"2\",\"question\":\"é\",\"answerable\":false}\n";
    let csv = "id,question,doc_id,start,end,quote\n1,\"a, b\",d,1,2,q\n1,,e,,,\n2,?,d,,,\n";
    let topics = "<top>\n<num> Number: 301\n<title> foo\n</top>\n";
    let folder = Folder::new();
    folder.file("t/qrels.txt", QRELS);
    let mut state = 1u64;
    let mut below = |n: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as usize % n
    };
    let (mut read, mut refused) = (0, 0);
    for (name, valid) in
        [("a.json", json), ("a.jsonl", lines), ("a.csv", csv), ("t/topics.txt", topics)]
    {
        for _ in 0..400 {
            let mut bytes = valid.as_bytes().to_vec();
            for _ in 0..1 + below(3) {
                let at = below(bytes.len());
                match below(4) {
                    0 => bytes.truncate(at + 1),
                    1 => drop(bytes.remove(at)),
                    2 => bytes.insert(at, b"{}[]\",:\\\n<>0-\xff"[below(14)]),
                    _ => bytes[at] = b"{}[]\",:\\\n<>0-\xff"[below(14)],
                }
                if bytes.is_empty() {
                    break;
                }
            }
            let path = folder.file(name, &bytes);
            let path = if name == "t/topics.txt" { folder.path().join("t") } else { path };
            match gold::read(path) {
                Ok(gold) => {
                    assert!(!gold.items.is_empty());
                    read += 1;
                }
                Err(error) => {
                    assert!(!error.to_string().contains('\n'), "{error}");
                    refused += 1;
                }
            }
        }
    }
    assert!(read > 20 && refused > 300, "{read} read, {refused} refused");
}
