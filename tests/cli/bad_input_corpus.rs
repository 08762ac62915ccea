//! A corpus that cannot be used: exit 2, one line that says where and what, no index.

mod support;

use std::fs::File;
use std::io::Write;

use support::World;

/// `index_build` refuses the corpus in `corpus.json` with a line that has all of `parts`, and
/// leaves nothing; an index that stands at `--out` stays as it is under `--force`.
#[track_caller]
fn refused(corpus: impl AsRef<[u8]>, parts: &[&str]) {
    refused_as("corpus.json", corpus, parts);
}

#[track_caller]
fn refused_as(name: &str, corpus: impl AsRef<[u8]>, parts: &[&str]) {
    let world = World::new();
    world.write(name, corpus);
    refused_in(&world, name, parts);
}

#[track_caller]
fn refused_in(world: &World, input: &str, parts: &[&str]) {
    world.build_refused(&["--input", input, "--out", "new"], 2, parts);
    world.write("good.json", support::CORPUS);
    world.build(&["--input", "good.json", "--out", "old"]).success();
    world.build_refused(&["--input", input, "--out", "old", "--force"], 2, parts);
}

#[test]
fn malformed_json_in_an_array_is_named_by_line_and_column() {
    let corpus = "[\n  {\"doc_id\": \"a\", \"text\": \"one two\"},\n  {\"doc_id\": \"b\", \"text\": oops}\n]\n";
    refused(corpus, &["corpus.json:3:27: text: "]);
}

#[test]
fn malformed_json_behind_many_good_documents_leaves_no_index_of_these() {
    let mut corpus = String::from("[\n");
    for i in 0..3000 {
        corpus +=
            &format!("{{\"doc_id\": \"d{i}\", \"text\": \"sentence number {i} of many\"}},\n");
    }
    corpus += "{\"doc_id\": }\n]\n";
    refused(corpus, &["corpus.json:3002:12: "]);
}

#[test]
fn a_comma_that_is_missing_between_documents_is_named_by_its_place() {
    let corpus = "[\n{\"doc_id\": \"a\", \"text\": \"x\"}\n{\"doc_id\": \"b\", \"text\": \"y\"}]";
    refused(corpus, &["corpus.json:3:1: expected `,` or `]`"]);
}

#[test]
fn malformed_json_lines_are_named_by_their_line() {
    let good = "{\"doc_id\": \"a\", \"text\": \"one two\"}\n";
    refused_as(
        "corpus.jsonl",
        format!("{good}{{\"doc_id\": \"b\", \"text\": \"three}}\n"),
        &["corpus.jsonl:2: ", "quote is missing"],
    );
    refused_as(
        "corpus.jsonl",
        format!("{good}\n{{\"doc_id\": \"b\", \"text\": 7}}\n"),
        &["corpus.jsonl:3:", "text: "],
    );
}

#[test]
fn a_corpus_that_was_cut_off_is_not_a_shorter_corpus() {
    let cut = "[{\"doc_id\": \"a\", \"text\": \"x\"},\n{\"doc_id\": \"b\", \"te";
    refused(cut, &["corpus.json:2: ", "it is cut"]);
    refused("[{\"doc_id\": \"a\", \"text\": \"x\"}\n", &["corpus.json:2:1: ", "the file is cut"]);
}

#[test]
fn a_missing_field_is_named_with_line_and_path() {
    refused("[\n{\"title\": \"A\", \"text\": \"x\"}\n]", &["corpus.json:2: doc_id: is missing"]);
    refused("[\n{\"doc_id\": \"a\"}\n]", &["corpus.json:2: text: is missing"]);
    refused(
        "[\n{\"doc_id\": \"a\", \"sections\": [\n{\"section_id\": \"1\", \"text\": \"x\"},\n{\"section_id\": \"2\"}]}\n]",
        &["corpus.json:4:", "sections[1].text: is missing"],
    );
    refused("{\"name\": \"n\"}", &["corpus.json:1:", "documents: is missing"]);
}

#[test]
fn an_unknown_key_is_named_with_line_and_path() {
    refused("[\n{\"doc_id\": \"a\", \"txet\": \"x\"}\n]", &["corpus.json:2:", "txet", "unknown"]);
    refused(
        "[{\"doc_id\": \"a\", \"sections\": [\n{\"section_id\": \"1\", \"text\": \"x\", \"heading\": \"h\"}]}]",
        &["corpus.json:2:", "sections[0]", "heading", "unknown"],
    );
    refused("{\n\"documets\": []}", &["corpus.json:"]);
    refused("{\"name\": \"n\",\n\"docs\": []}", &["corpus.json:2:", "docs: unknown key"]);
}

#[test]
fn an_empty_corpus_is_no_corpus() {
    for corpus in ["", " \n\n", "[]", "{\"documents\": []}"] {
        refused(corpus, &["corpus.json: holds no document"]);
    }
    let world = World::new();
    std::fs::create_dir(world.path("folder")).expect("a folder");
    refused_in(&world, "folder", &["folder: holds no document", ".md and .txt"]);
}

#[test]
fn a_corpus_without_a_word_is_no_corpus() {
    refused("[{\"doc_id\": \"a\", \"text\": \" \\n \"}]", &["holds no text", "1 sections"]);
}

#[test]
fn a_repeated_document_id_is_named_with_its_second_line() {
    refused(
        "[\n{\"doc_id\": \"a\", \"text\": \"x\"},\n{\"doc_id\": \"a\", \"text\": \"y\"}\n]",
        &["corpus.json:3: doc_id: `a` is the id of an earlier document"],
    );
}

#[test]
fn a_repeated_section_id_is_named_with_its_document() {
    refused(
        "[\n{\"doc_id\": \"a\", \"sections\": [{\"section_id\": \"1\", \"text\": \"x\"}, {\"section_id\": \"1\", \"text\": \"y\"}]}]",
        &["corpus.json:2: sections[1].section_id: `1` is the id of an earlier section of `a`"],
    );
}

#[test]
fn json_nested_without_end_is_refused_at_the_byte_where_it_passes_the_limit() {
    let deep =
        format!("[{{\"_id\": \"a\", \"text\": \"x\", \"metadata\": {}", "[".repeat(1_000_000));
    // The record's own bracket is the first of the 64.
    let byte = "[{\"_id\": \"a\", \"text\": \"x\", \"metadata\": ".len() + 63;
    refused(deep, &[&format!("corpus.json: byte {byte}: nested deeper than 64 levels")]);
}

#[test]
fn a_section_over_8_mib_is_refused_with_its_byte() {
    let head = "[{\"doc_id\": \"a\", \"text\": \"";
    let long = format!("{head}{}\"}}]", "word ".repeat((8 << 20) / 5 + 1));
    let byte = head.len() + (8 << 20);
    refused(long, &[&format!("corpus.json: byte {byte}: "), "8 MiB"]);

    let world = World::new();
    world.write("folder/long.md", format!("# Long\n\n{}", "word ".repeat((8 << 20) / 5 + 1)));
    refused_in(&world, "folder", &["folder/long.md: byte 8: long: ", "8 MiB"]);
}

#[test]
fn a_document_over_64_mib_is_refused_with_the_byte_where_it_begins() {
    let world = World::new();
    let mut file = File::create(world.path("corpus.json")).expect("a file");
    let section = "word ".repeat((8 << 20) / 5 - 1);
    write!(file, "[\n{{\"doc_id\": \"a\", \"sections\": [").expect("room");
    for i in 0..9 {
        let comma = if i == 0 { "" } else { "," };
        write!(file, "{comma}{{\"section_id\": \"{i}\", \"text\": \"{section}\"}}").expect("room");
    }
    write!(file, "]}}]").expect("room");
    drop(file);
    refused_in(&world, "corpus.json", &["corpus.json: byte 2: ", "64 MiB"]);
}

#[test]
fn a_text_file_over_64_mib_is_refused() {
    let world = World::new();
    world.write("folder/a.md", "# A\n\nwords\n");
    let file = File::create(world.path("folder/b.txt")).expect("a file");
    file.set_len((64 << 20) + 1).expect("a sparse file");
    refused_in(&world, "folder", &["folder/b.txt: byte 67108864: ", "64 MiB"]);
}

#[test]
fn invalid_utf_8_is_refused_with_its_byte() {
    refused(b"[{\"doc_id\": \"a\", \"text\": \"caf\xe9\"}]", &["corpus.json: byte 29: ", "UTF-8"]);
    let world = World::new();
    world.write("folder/latin.txt", b"caf\xe9");
    refused_in(&world, "folder", &["folder/latin.txt: byte 3: ", "UTF-8"]);
}

#[test]
fn a_compressed_corpus_that_was_cut_is_not_a_shorter_corpus() {
    let mut lines = String::new();
    for i in 0..2000 {
        lines += &format!("{{\"doc_id\": \"d{i}\", \"text\": \"the words of {i}\"}}\n");
    }
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(lines.as_bytes()).expect("memory");
    let whole = gzip.finish().expect("memory");
    for end in [whole.len() / 2, whole.len() - 8, whole.len() - 1] {
        refused_as("corpus.jsonl.gz", &whole[..end], &["corpus.jsonl.gz: byte ", "cut"]);
    }
    let mut flipped = whole.clone();
    *flipped.last_mut().expect("it is not empty") ^= 1;
    refused_as("corpus.jsonl.gz", flipped, &["corpus.jsonl.gz: byte ", "cannot be read"]);
}

#[test]
fn a_corpus_that_is_not_there_is_named() {
    World::new().build_refused(
        &["--input", "none.json", "--out", "new"],
        2,
        &["none.json: no such file"],
    );
}

#[test]
fn something_else_than_a_corpus_is_named() {
    refused("hello", &["corpus.json:1:1: expected `[` or `{`"]);
    refused("[1, 2]", &["corpus.json:1:2: expected `{`: every document is an object"]);
    refused("[{\"doc_id\": \"a\", \"text\": \"x\"}] []", &["corpus.json:1:32: something follows"]);
    refused("[{\"doc_id\": \"a\", \"text\": [\"x\"]}]", &["corpus.json:1:", "text: "]);
}

#[test]
fn ids_that_look_like_paths_are_only_ids() {
    let world = World::new();
    world.write(
        "in/corpus.json",
        r#"[{"doc_id": "../../evil", "sections": [
              {"section_id": "../x", "text": "a way up and out"},
              {"section_id": "/etc/passwd", "text": "a root of all"}]},
            {"doc_id": "/tmp/y", "text": "a file of its own"},
            {"doc_id": "..", "text": "two dots"},
            {"doc_id": "nul\u0000l", "text": "no end of a name"}]"#,
    );
    let before = world.listing();
    world.build(&["--input", "in/corpus.json", "--out", "in/docs", "--chunk", "none"]).success();
    let after = world.listing();
    let new: Vec<&str> =
        after.keys().filter(|name| !before.contains_key(*name)).map(String::as_str).collect();
    assert_eq!(
        new,
        [
            "in/docs",
            "in/docs/SHA256SUMS",
            "in/docs/manifest.json",
            "in/docs/sections.jsonl",
            "in/docs/snippets.jsonl",
            "in/docs/vectors.npy",
        ]
    );
    assert!(before.iter().all(|(name, what)| after[name] == *what), "the rest is as it was");
    world.run(support::INDEX_BUILD, &["verify", "in/docs"]).success();

    world.write(
        "gold.json",
        r#"[{"id": "../q", "question": "Which way leads up and out?",
             "targets": [{"doc_id": "../../evil", "section_id": "../x"}]}]"#,
    );
    let args = ["--gold", "gold.json", "--index", "in/docs", "--min-cov", "0.5", "--out", "report"];
    // One question is too few to approve anything.
    world.eval(&args).exits(3);
    let runs = String::from_utf8(world.read("report/runs.jsonl")).expect("UTF-8");
    assert!(runs.contains("\"snippet_id\":\"..%2F..%2Fevil#..%2Fx#0-16\""), "{runs}");
    let outside: Vec<String> = world
        .listing()
        .into_keys()
        .filter(|name| !after.contains_key(name) && name != "gold.json")
        .filter(|name| !name.starts_with("report") && !name.starts_with(".wfgy"))
        .collect();
    assert!(outside.is_empty(), "{outside:?}");
}

#[test]
fn an_index_that_stands_at_out_is_not_replaced_unasked() {
    let world = World::with_index();
    world.build_refused(
        &["--input", "corpus.json", "--out", "docs"],
        2,
        &["docs: exists", "--force"],
    );
    world.write("mine/letter.txt", "not an index");
    let args = ["--input", "corpus.json", "--out", "mine", "--force"];
    world.build_refused(&args, 2, &["mine: exists and is no index"]);
}

#[test]
fn a_pipe_is_refused_rather_than_read_from_its_middle() {
    let world = World::new();
    world.build_refused(
        &["--input", "/dev/null", "--out", "new"],
        2,
        &["/dev/null: is no regular file", "cannot come from a pipe; write it to a file"],
    );
    let dash = ["--input", "-", "--out", "new"];
    world.build_refused(&dash, 2, &["--input -: ", "cannot come from a pipe; write it to a file"]);
}

#[test]
fn a_section_written_as_a_list_is_refused() {
    let corpus = "[{\"doc_id\": \"a\", \"sections\": [[\"s\", null, \"text\"]]}]";
    refused(corpus, &["corpus.json:1", "sections[0]", "an object"]);
}

#[test]
fn force_keeps_what_somebody_else_put_into_the_directory() {
    let world = World::new();
    world.write("good.json", support::CORPUS);
    world.build(&["--input", "good.json", "--out", "docs"]).success();
    world.write("docs/notes.txt", "mine");
    let args = ["--input", "good.json", "--out", "docs", "--force"];
    world.build_refused(&args, 2, &["docs: holds `notes.txt`"]);
}
