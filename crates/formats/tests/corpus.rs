//! Corpus readers: every shape is read, and whatever is wrong is named by file, place and field.

#![allow(clippy::unwrap_used, reason = "a test ends at its first failure")]
use std::io::Write;
use std::path::Path;

use wfgy_core::Document;
use wfgy_formats::corpus::{self, Corpus, MAX_DOCUMENT, MAX_SECTION};
use wfgy_formats::{InputError, Origin, Place};

fn all(path: &Path) -> Result<Vec<(Document, Origin)>, InputError> {
    Corpus::open(path)?.collect()
}

fn read(bytes: &[u8]) -> Result<Vec<Document>, InputError> {
    let dir = tempfile::tempdir().unwrap();
    // The name says nothing: what the file holds is told from its bytes.
    let path = dir.path().join("corpus");
    std::fs::write(&path, bytes).unwrap();
    Ok(all(&path)?.into_iter().map(|(document, _)| document).collect())
}

fn ids(bytes: &[u8]) -> Vec<String> {
    read(bytes).unwrap().into_iter().map(|document| document.doc_id).collect()
}

fn error(bytes: &[u8]) -> String {
    let error = read(bytes).unwrap_err().to_string();
    assert!(!error.contains('\n'), "one line: {error}");
    error[error.find("corpus").unwrap()..].to_owned()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

const LINES: &str = "{\"doc_id\":\"a\",\"text\":\"x\"}\n\n{ \"doc_id\":\"b\",\"text\":\"y\"}";

#[test]
fn rule_a_corpus_is_an_array_an_object_with_documents_or_json_lines_also_compressed() {
    let array = "[\n {\"doc_id\":\"a\",\"text\":\"x\"} , {\"doc_id\":\"b\",\n\"text\":\"y\"}\n]\n";
    let object = format!("{{ \"documents\" : {array}, \"name\": \"n\"}}");
    let about = format!("{{\"schema_version\": 1,\n\"documents\":{array}}}");
    for text in [array, &object, &about, LINES, &format!("\u{feff}{LINES}")] {
        assert_eq!(ids(text.as_bytes()), ["a", "b"], "{text}");
        assert_eq!(ids(&gzip(text.as_bytes())), ["a", "b"], "gzip of {text}");
        let zstd = zstd::stream::encode_all(text.as_bytes(), 3).unwrap();
        assert_eq!(ids(&zstd), ["a", "b"], "zstd of {text}");
    }
}

#[test]
fn rule_documents_have_sections_or_text_and_beir_records_are_read_as_the_latter() {
    let text = r#"[{"doc_id":"d","source_url":"u","title":"T","sections":[
        {"section_id":"s","title":"","text":"é\u00e9\ud83d\ude00"},{"section_id":"../t","text":""}]},
        {"doc_id":"e","title":"E","text":"x"},
        {"_id":"31","title":"B","text":"y","metadata":{"url":"z","n":[1,2]}}]"#;
    let documents = read(text.as_bytes()).unwrap();
    assert_eq!(documents[0].source_url.as_deref(), Some("u"));
    assert_eq!(documents[0].sections[0].text, "éé😀");
    assert_eq!(documents[0].sections[0].title, None);
    assert_eq!(documents[0].sections[1].section_id, "../t");
    assert_eq!(documents[1].sections[0].section_id, "e");
    assert_eq!(documents[2].doc_id, "31");
    assert_eq!(documents[2].title.as_deref(), Some("B"));
    assert_eq!(documents[2].sections[0].section_id, "31");
}

#[test]
fn every_document_comes_with_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.jsonl");
    std::fs::write(&path, LINES).unwrap();
    let places: Vec<Place> =
        all(&path).unwrap().into_iter().map(|(_, origin)| origin.place).collect();
    assert_eq!(places, [Place::Line(1), Place::Line(3)]);
}

#[test]
fn bad_input_is_named_by_file_place_and_field() {
    let good = r#"{"doc_id":"a","text":"x"}"#;
    for (text, expected) in [
        ("", "the file is empty"),
        (" \n", "the file is empty"),
        ("[]", "holds no document"),
        ("{\"documents\":[]}", "holds no document"),
        ("hello", "corpus:1:1: expected `[` or `{`"),
        ("[1]", "corpus:1:2: expected `{`"),
        ("{}", "corpus:1: expected a key"),
        (&format!("[{good}"), "corpus:1:27: ends before `]`"),
        (&format!("[{good} {good}]"), "corpus:1:28: expected `,` or `]`"),
        (&format!("[{good},]"), "expected `{`"),
        (&format!("[{good}] x"), "corpus:1:29: something follows the corpus"),
        (&format!("{{\"documents\":[{good}]"), "the file is cut"),
        (&format!("{{\"documents\":[{good}],\"x\":1}}"), "x: unknown key"),
        (&format!("{{\"documents\":[{good}],\"schema_version\":2}}"), "schema_version: expected 1"),
        (&format!("{{\"documents\":[{good}],\"documents\":[]}}"), "documents: is given twice"),
        ("{\"name\":\"n\"}", "documents: is missing"),
        (&format!("{{\"documents\":{good}}}"), "documents: expected `[`"),
        (&format!("{good}\n{good}"), "corpus:2: doc_id: `a` is the id of an earlier"),
        (&format!("{good} {good}"), "corpus:1:27: something follows the record"),
        (&format!("{good}\n[]"), "corpus:2:1: expected `{`"),
        (&format!("{good}\n{{\"doc_id\":\"b\",\"text\":\"y\"\n"), "corpus:2: the line ends inside"),
        (
            &format!("{good}\n{{\"doc_id\":\"b\",\"text\":\"y\n"),
            "corpus:2: the line ends inside a text",
        ),
        (&format!("{good}\n{{\"doc_id\":\"b\",\"text\":\"y\""), "corpus:2: the file ends inside"),
        (&format!("{good}\n{{\"doc_id\":\"b\",,}}"), "corpus:2:"),
        (&format!("{good}\n{{\"text\":\"y\"}}"), "corpus:2: doc_id: is missing"),
        (&format!("{good}\n{{\"doc_id\":\"b\"}}"), "corpus:2: text: is missing"),
        (&format!("{good}\n{{\"doc_id\":7,\"text\":\"y\"}}"), "doc_id: invalid type: integer `7`"),
        (
            &format!("{good}\n{{\"doc_id\":\"b\",\"txt\":\"y\"}}"),
            "txt: unknown key, expected one of",
        ),
        (&format!("{good}\n{{\"doc_id\":\"\",\"text\":\"y\"}}"), "corpus:2: doc_id: is empty"),
        (r#"[{"doc_id":"a","_id":"a","text":"y"}]"#, "_id: give `doc_id` or `_id`"),
        (r#"[{"doc_id":"a","metadata":{},"text":"y"}]"#, "metadata: unknown key"),
        (r#"[{"doc_id":"a","sections":[],"text":"y"}]"#, "text: give `sections` or `text`"),
        (r#"[{"doc_id":"a","sections":[]}]"#, "sections: is empty"),
        (r#"[{"doc_id":"a","sections":[{"text":"y"}]}]"#, "sections[0].section_id: is missing"),
        (
            r#"[{"doc_id":"a","sections":[{"section_id":"","text":"y"}]}]"#,
            "sections[0].section_id: is empty",
        ),
        (
            r#"[{"doc_id":"a","sections":[{"section_id":"s","text":""},{"section_id":"s","text":""}]}]"#,
            "sections[1].section_id: `s` is the id of an earlier section of `a`",
        ),
        (r#"[{"doc_id":"a","text":null}]"#, "text: is missing"),
        ("[{\"doc_id\":\"a\",\"text\":\"a\nb\"}]", "control character"),
        (r#"[{"doc_id":"a","text":"\ud83d"}]"#, "corpus:1:"),
    ] {
        let error = error(text.as_bytes());
        assert!(error.contains(expected), "{text}\n  gives    {error}\n  expected {expected}");
    }
    let error = error(b"[{\"doc_id\":\"a\",\"text\":\"\xff\"}]");
    assert!(error.contains("corpus: byte 23: invalid UTF-8"), "{error}");
}

#[test]
fn rule_nesting_deeper_than_64_is_an_input_error_with_its_byte() {
    let deep = format!("{{\"_id\":\"a\",\"text\":\"\",\"metadata\":{}", "[".repeat(2_000_000));
    assert!(
        error(deep.as_bytes()).contains("byte 95: nested deeper than 64"),
        "{}",
        error(deep.as_bytes())
    );
}

#[test]
fn rule_a_document_over_64_mib_is_an_input_error_with_its_byte() {
    let mut text = b"[{\"doc_id\":\"a\",\"sections\":[".to_vec();
    while text.len() <= MAX_DOCUMENT {
        let section = format!("{{\"section_id\":\"{}\",\"text\":\"", text.len());
        text.extend(section.as_bytes());
        text.extend(std::iter::repeat_n(b'x', 4 << 20));
        text.extend(b"\"},");
    }
    let error = error(&text);
    assert!(error.contains("byte 1: a document of more than 67108864 bytes"), "{error}");
}

#[test]
fn rule_a_section_over_8_mib_is_an_input_error_with_its_byte_and_one_of_8_mib_is_not() {
    let with = |n: usize| format!("{{\"doc_id\":\"a\",\"text\":\"{}\"}}", "x".repeat(n));
    assert_eq!(read(with(MAX_SECTION).as_bytes()).unwrap()[0].sections[0].text.len(), MAX_SECTION);
    let error = error(with(MAX_SECTION + 1).as_bytes());
    let byte = with(0).len() - 2 + MAX_SECTION;
    assert!(error.contains(&format!("byte {byte}: a text of more than 8388608")), "{error}");
}

#[test]
fn a_cut_compressed_corpus_is_an_error_and_so_is_garbage_behind_it() {
    let whole = gzip(LINES.as_bytes());
    assert!(
        error(&whole[..whole.len() - 4]).contains("byte"),
        "{}",
        error(&whole[..whole.len() - 4])
    );
    let mut garbage = whole.clone();
    garbage.extend(b"garbage");
    assert!(read(&garbage).is_err());
    let zstd = zstd::stream::encode_all(LINES.as_bytes(), 3).unwrap();
    assert!(read(&zstd[..zstd.len() - 2]).is_err());
    let missing = Corpus::open("no/such/corpus.json").unwrap_err().to_string();
    assert_eq!(missing, "no/such/corpus.json: no such file");
}

#[test]
fn rule_a_beir_folder_is_read_by_its_corpus_file() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("queries.jsonl"), "{}").unwrap();
    std::fs::write(dir.path().join("README.md"), "# no document").unwrap();
    let corpus = "{\"_id\":\"1\",\"title\":\"\",\"text\":\"x\",\"metadata\":{}}\n";
    std::fs::write(dir.path().join("corpus.jsonl"), corpus).unwrap();
    let documents = all(dir.path()).unwrap();
    assert_eq!(documents.len(), 1);
    assert_eq!(documents[0].0.title, None);
}

#[test]
fn rule_a_folder_of_texts_has_headings_as_sections() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("b/.git")).unwrap();
    std::fs::write(dir.path().join("b/.git/x.md"), "hidden").unwrap();
    std::fs::write(dir.path().join("b/pic.png"), [0xff]).unwrap();
    std::fs::write(dir.path().join("b/n.txt"), "# plain\n").unwrap();
    let text = "\u{feff}---\ntags: x\n---\nfront\n\n# The Guide!\n\n## Setup ##\nrun it\n```sh\n# no heading\n```\n\
                \n## Setup\nagain\n### \nbody\n####### seven\n#hash\n\nUnder *lines*\n-----\nlast\n\n---\n\n- item\n";
    std::fs::write(dir.path().join("a.md"), text).unwrap();
    std::fs::write(dir.path().join("c.md"), "no heading").unwrap();
    let documents: Vec<Document> = all(dir.path()).unwrap().into_iter().map(|d| d.0).collect();
    let names: Vec<&str> = documents.iter().map(|d| d.doc_id.as_str()).collect();
    assert_eq!(names, ["a.md", "b/n.txt", "c.md"]);
    assert_eq!(documents[0].title.as_deref(), Some("The Guide!"));
    let sections: Vec<(&str, Option<&str>, &str)> = documents[0]
        .sections
        .iter()
        .map(|s| (s.section_id.as_str(), s.title.as_deref(), s.text.as_str()))
        .collect();
    assert_eq!(
        sections,
        [
            ("preamble", None, "---\ntags: x\n---\nfront"),
            ("setup", Some("Setup"), "run it\n```sh\n# no heading\n```"),
            ("setup-1", Some("Setup"), "again"),
            ("section", None, "body\n####### seven\n#hash"),
            ("under-lines", Some("Under lines"), "last\n\n---\n\n- item"),
        ]
    );
    assert_eq!(documents[1].sections[0].text, "# plain\n");
    assert_eq!(documents[1].sections[0].section_id, "b/n.txt");
    assert_eq!(documents[2].sections[0].section_id, "c.md");
}

#[test]
fn a_folder_without_documents_or_with_invalid_text_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let error = all(dir.path()).unwrap_err().to_string();
    assert!(error.contains("holds no document"), "{error}");
    std::fs::write(dir.path().join("a.txt"), [b'a', 0xff]).unwrap();
    let error = all(dir.path()).unwrap_err().to_string();
    assert!(error.contains("a.txt: byte 1: invalid UTF-8"), "{error}");
}

#[test]
fn rule_a_section_over_8_mib_in_a_folder_is_an_input_error_with_its_byte() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.md");
    let fits = "é".repeat(MAX_SECTION / 2);
    std::fs::write(&path, format!("Small\n===\nx\n\n# Long\n\n{fits}\n")).unwrap();
    assert_eq!(all(dir.path()).unwrap()[0].0.sections[1].text, fits);
    std::fs::write(&path, format!("Small\n===\nx\n\n# Long\n\n{fits}x\n")).unwrap();
    let error = all(dir.path()).unwrap_err();
    assert_eq!((error.place, error.field.as_deref()), (Place::Byte(21), Some("long")));
    assert!(error.to_string().contains("a.md: byte 21: long: a section of more than"), "{error}");
}

/// A reader of arbitrary bytes may refuse them, but never panic: what fuzzing would look for.
#[test]
fn mutated_corpora_never_panic() {
    let seed = r#"{"documents":[{"doc_id":"a","sections":[{"section_id":"s","text":"\u00e9x"}]}],"name":"n"}"#;
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("corpus");
    for source in [seed, LINES] {
        for _ in 0..3000 {
            let mut bytes = source.as_bytes().to_vec();
            for _ in 0..1 + next() % 3 {
                let at = next() as usize % bytes.len();
                match next() % 3 {
                    0 => bytes[at] = b"{}[]\",:\\u \n0x\xff"[next() as usize % 14],
                    1 => drop(bytes.remove(at)),
                    _ => bytes.insert(at, b"{}[]\",:\\\n"[next() as usize % 9]),
                }
            }
            std::fs::write(&path, &bytes).unwrap();
            if let Err(error) = all(&path) {
                assert!(error.to_string().lines().count() == 1);
            }
        }
    }
}

#[test]
fn rule_what_a_folder_holds_beside_documents_is_counted_by_kind() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("deep")).unwrap();
    let names = ["a.md", "b.txt", "c.PDF", "deep/d.pdf", "deep/e.md.bak", "LICENSE", ".hidden"];
    for name in names {
        std::fs::write(dir.path().join(name), "text").unwrap();
    }
    std::os::unix::fs::symlink("deep", dir.path().join("link.md")).unwrap();
    let corpus = Corpus::open(dir.path()).unwrap();
    let skipped: Vec<(String, u64)> = corpus.skipped().into_iter().collect();
    let expected =
        [(".bak", 1), (".pdf", 2), ("hidden", 1), ("not a file", 1), ("without an ending", 1)];
    assert_eq!(skipped, expected.map(|(kind, n)| (kind.to_owned(), n)));
    assert_eq!(corpus.count(), 2);
}

#[test]
fn the_schema_accepts_what_the_reader_accepts() {
    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    compiler.add_resource("corpus.json", serde_json::from_str(corpus::SCHEMA).unwrap()).unwrap();
    let schema = compiler.compile("corpus.json", &mut schemas).unwrap();
    let check = |text: &str, good: bool| {
        let value = serde_json::from_str(text).unwrap();
        let said = schemas.validate(&value, schema);
        let shown = &text[..text.len().min(200)];
        assert_eq!(said.is_ok(), good, "{shown}: {said:?}");
        assert_eq!(read(text.as_bytes()).is_ok(), good, "{shown}");
    };
    for good in [
        r#"[{"doc_id":"a","text":"x"}]"#,
        r#"[{"doc_id":"a","text":"","title":null,"source_url":null,"sections":null}]"#,
        r#"[{"doc_id":"a","text":null,"sections":[{"section_id":"s","title":null,"text":""}]}]"#,
        r#"{"schema_version":1,"name":"n","language":"de","documents":[{"doc_id":"a","text":"x"}]}"#,
    ] {
        check(good, true);
    }
    for bad in [
        "[]",
        r#"{"documents":[]}"#,
        r#"{"name":"n"}"#,
        r#"{"schema_version":2,"documents":[{"doc_id":"a","text":"x"}]}"#,
        r#"{"name":null,"documents":[{"doc_id":"a","text":"x"}]}"#,
        r#"{"nme":"n","documents":[{"doc_id":"a","text":"x"}]}"#,
        r#"[{"text":"x"}]"#,
        r#"[{"doc_id":"","text":"x"}]"#,
        r#"[{"doc_id":"a"}]"#,
        r#"[{"doc_id":"a","text":null}]"#,
        r#"[{"doc_id":"a","text":3}]"#,
        r#"[{"doc_id":"a","text":"x","sections":[{"section_id":"s","text":"x"}]}]"#,
        r#"[{"doc_id":"a","text":"x","metadata":{}}]"#,
        r#"[{"doc_id":"a","sections":[]}]"#,
        r#"[{"doc_id":"a","sections":[["s","x"]]}]"#,
        r#"[{"doc_id":"a","sections":[{"section_id":"s"}]}]"#,
        r#"[{"doc_id":"a","sections":[{"section_id":"","text":"x"}]}]"#,
        r#"[{"doc_id":"a","sections":[{"section_id":"s","text":"x","id":1}]}]"#,
    ] {
        check(bad, false);
    }
    let gold = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../gold");
    for name in ["corpus_vA.json", "corpus_vB.json"] {
        check(&std::fs::read_to_string(gold.join(name)).unwrap(), true);
    }
}
