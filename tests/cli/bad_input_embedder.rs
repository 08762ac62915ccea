//! An embedder that is missing, is another one, is dead, or gives what is no vector.

#[path = "../model.rs"]
mod model;
mod service;
mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use model::model_folder;
use serde_json::Value;
use service::Act;
use support::{INDEX_BUILD, Ran, WFGY_EVAL, World};
use wfgy_core::Digest;
use wfgy_formats::npy;

// ---- the sentence encoder -------------------------------------------------------------------

const FILES: [&str; 2] = ["config.json", "tokenizer.json"];

/// The model in `name`: its weights by a link, everything else as copies that can be altered.
fn copy_model(world: &World, name: &str) {
    copy_folder(&model_folder(), &world.path(name));
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let from = entry.expect("an entry").path();
        let to = to.join(from.file_name().expect("a name"));
        if from.is_dir() {
            copy_folder(&from, &to);
        } else if from.extension().is_some_and(|end| end == "safetensors") {
            symlink(fs::canonicalize(&from).expect("a path"), &to).expect("a link");
        } else {
            fs::copy(&from, &to).expect("a copy");
        }
    }
}

fn minilm<'a>(model: &'a str, args: &[&'a str]) -> Vec<&'a str> {
    [&["--embedder", "minilm", "--model", model, "--input", "corpus.json", "--out"], args].concat()
}

#[test]
fn a_missing_model_is_named_with_the_command_that_fetches_it() {
    let world = World::with_index();
    let build = ["--input", "corpus.json", "--out", "new", "--embedder"];
    let parts = ["home/.local/share/wfgy/models/all-MiniLM-L6-v2", "scripts/fetch_model.sh"];
    world.refused(INDEX_BUILD, &[&build[..], &["minilm"]].concat(), 2, &parts);
    // A folder that was named is never replaced by another embedder.
    for embedder in ["minilm", "auto"] {
        let args = [&build[..], &[embedder, "--model", "no/such"]].concat();
        world.refused(INDEX_BUILD, &args, 2, &["no/such/", "--model"]);
    }
    let eval = ["--gold", "gold.json", "--index", "docs", "--min-cov", "0.7", "--scorer", "minilm"];
    world.refused(WFGY_EVAL, &eval, 2, &parts);
}

#[test]
fn a_model_without_one_of_its_files_is_refused_by_that_file() {
    let world = World::new();
    world.write("corpus.json", support::CORPUS);
    copy_model(&world, "model");
    for name in FILES {
        let path = world.path("model").join(name);
        let whole = fs::read(&path).expect("the model has it");
        fs::remove_file(&path).expect("it is there");
        world.refused(INDEX_BUILD, &minilm("model", &["new"]), 2, &[&format!("model/{name}")]);
        fs::write(&path, &whole[..whole.len() / 2]).expect("room");
        world.refused(INDEX_BUILD, &minilm("model", &["new"]), 2, &[&format!("model/{name}")]);
        fs::write(&path, whole).expect("room");
    }
}

#[test]
fn weights_that_were_cut_are_refused_by_their_file() {
    let world = World::new();
    world.write("corpus.json", support::CORPUS);
    copy_model(&world, "model");
    let path = world.path("model/model.safetensors");
    let mut whole = fs::read(&path).expect("weights");
    fs::remove_file(&path).expect("a link");
    whole.truncate(whole.len() / 2);
    fs::write(&path, whole).expect("room");
    world.refused(INDEX_BUILD, &minilm("model", &["new"]), 2, &["model/model.safetensors"]);
}

#[test]
fn an_index_asked_with_another_tokenizer_is_refused_by_name() {
    let world = World::new();
    world.write("corpus.json", support::CORPUS);
    world.write("gold.json", support::GOLD);
    copy_model(&world, "model");
    world.run(INDEX_BUILD, &minilm("model", &["docs"])).success();

    copy_model(&world, "other");
    let path = world.path("other/tokenizer.json");
    let mut tokenizer: Value =
        serde_json::from_slice(&fs::read(&path).expect("a tokenizer")).expect("JSON");
    let lower = &mut tokenizer["normalizer"]["lowercase"];
    assert_eq!(*lower, Value::Bool(true));
    *lower = Value::Bool(false);
    fs::write(&path, tokenizer.to_string()).expect("room");

    let eval = ["--gold", "gold.json", "--index", "docs", "--min-cov", "0.7", "--model"];
    let parts = ["docs: TOK_VER is `", "in this index"];
    world.refused(WFGY_EVAL, &[&eval[..], &["other"]].concat(), 2, &parts);
    // The model is not found at all.
    let parts = ["docs was built with embedder ", "no/such"];
    world.refused(WFGY_EVAL, &[&eval[..], &["no/such"]].concat(), 2, &parts);
    // With its own tokenizer the same command evaluates; four questions approve nothing.
    world.eval(&[&eval[..], &["model", "--no-file"]].concat()).exits(3);
}

#[test]
fn a_tokenizer_with_more_tokens_than_the_model_is_refused() {
    let world = World::new();
    world.write("corpus.json", support::CORPUS);
    copy_model(&world, "model");
    let path = world.path("model/tokenizer.json");
    let mut tokenizer: Value =
        serde_json::from_slice(&fs::read(&path).expect("a tokenizer")).expect("JSON");
    let vocab = tokenizer["model"]["vocab"].as_object_mut().expect("a vocabulary");
    vocab.insert("refund".to_owned(), 40_000.into());
    fs::write(&path, tokenizer.to_string()).expect("room");
    world.refused(INDEX_BUILD, &minilm("model", &["new"]), 2, &["model/tokenizer.json"]);
}

// ---- precomputed vectors --------------------------------------------------------------------

const TEXTS: [&str; 3] = ["red apple", "green pear", "blue plum"];

#[test]
fn a_tokenizer_that_its_library_would_end_the_program_on_is_refused_in_one_line() {
    let world = World::new();
    world.write("corpus.json", support::CORPUS);
    copy_model(&world, "model");
    let whole: Value = serde_json::from_slice(&world.read("model/tokenizer.json")).expect("JSON");
    let changed = |part: &str, value: Value| {
        let mut changed = whole.clone();
        changed[part] = value;
        changed.to_string()
    };
    let map = serde_json::json!({"type": "Precompiled", "precompiled_charsmap": "none"});
    let nested = serde_json::json!({"type": "Sequence", "normalizers": [map]});
    for text in [
        changed("decoder", "HOLE".into()).replace("\"HOLE\"", ".ull"),
        changed("decoder", "HOLE".into()).replace("HOLE", "\\ud800"),
        changed("normalizer", map.clone()),
        changed("normalizer", nested),
        changed(
            "normalizer",
            serde_json::json!({"type": "Precompiled", "precompiled_charsmap": "AAAAAA=="}),
        ),
        changed("normalizer", serde_json::json!({"type": {"Precompiled": null}})),
    ] {
        world.write("model/tokenizer.json", text);
        world.refused(INDEX_BUILD, &minilm("model", &["new"]), 2, &["model/tokenizer.json"]);
    }
}

/// A corpus of [`TEXTS`], and `name.npy` with `name.ids` for them.
fn write_vectors(world: &World, name: &str, columns: usize, values: &[f32]) {
    let corpus: Vec<Value> = TEXTS
        .iter()
        .enumerate()
        .map(|(i, text)| serde_json::json!({"doc_id": format!("d{i}"), "text": text}))
        .collect();
    world.write("fruit.json", serde_json::to_vec(&corpus).expect("JSON"));
    let mut bytes = Vec::new();
    npy::write(&mut bytes, columns, values).expect("memory");
    world.write(&format!("{name}.npy"), bytes);
    let ids: String = TEXTS.iter().map(|text| format!("{}\n", Digest::of(text))).collect();
    world.write(&format!("{name}.ids"), ids);
}

const GOOD: [f32; 6] = [1.0, 0.0, 0.0, 1.0, 1.0, 1.0];
const FRUIT: [&str; 8] =
    ["--input", "fruit.json", "--out", "new", "--embedder", "precomputed", "--vectors", "made.npy"];

#[track_caller]
fn vectors_refused(world: &World, parts: &[&str]) {
    world.refused(INDEX_BUILD, &FRUIT, 2, parts);
}

#[test]
fn precomputed_vectors_that_are_good_build() {
    let world = World::new();
    write_vectors(&world, "made", 2, &GOOD);
    world.run(INDEX_BUILD, &FRUIT).success();
}

#[test]
fn a_precomputed_value_that_is_not_finite_is_named_by_row_and_column() {
    let world = World::new();
    for odd in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut values = GOOD;
        values[3] = odd;
        write_vectors(&world, "made", 2, &values);
        vectors_refused(&world, &["made.npy: row 1, column 1: is not finite"]);
    }
}

#[test]
fn a_precomputed_zero_vector_is_named_by_its_row() {
    let world = World::new();
    write_vectors(&world, "made", 2, &[1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
    vectors_refused(&world, &["made.npy: row 2: is a zero vector"]);
}

#[test]
fn precomputed_vectors_that_were_cut_are_refused() {
    let world = World::new();
    write_vectors(&world, "made", 2, &GOOD);
    let whole = world.read("made.npy");
    for end in [0, 5, 64, whole.len() - 1] {
        world.write("made.npy", &whole[..end]);
        vectors_refused(&world, &["made.npy: "]);
    }
}

#[test]
fn precomputed_vectors_of_another_type_are_refused() {
    let world = World::new();
    write_vectors(&world, "made", 2, &GOOD);
    let text = world.read("made.npy");
    let at = text.windows(3).position(|window| window == b"<f4").expect("a type");
    let mut other = text;
    other[at + 2] = b'8';
    world.write("made.npy", other);
    vectors_refused(&world, &["made.npy: ", "float32"]);
}

#[test]
fn ids_that_do_not_fit_their_vectors_are_named_by_line() {
    let world = World::new();
    write_vectors(&world, "made", 2, &GOOD);
    let ids = String::from_utf8(world.read("made.ids")).expect("UTF-8");
    let lines: Vec<&str> = ids.lines().collect();
    world.write("made.ids", format!("{}\n{}\n", lines[0], lines[1]));
    vectors_refused(&world, &["made.ids: ids: has 2 lines", "made.npy has 3 rows"]);
    world.write("made.ids", format!("{}\n{}\n{}\n", lines[0], lines[1], lines[0]));
    vectors_refused(&world, &["made.ids: line 3: repeats line 1"]);
    world.write("made.ids", format!("{}\nabc\n{}\n", lines[0], lines[1]));
    vectors_refused(&world, &["made.ids: line 2: ", "abc"]);
    fs::remove_file(world.path("made.ids")).expect("it is there");
    vectors_refused(&world, &["made.ids: "]);
}

#[test]
fn a_snippet_without_a_precomputed_vector_is_named() {
    let world = World::new();
    write_vectors(&world, "made", 2, &GOOD);
    let ids = String::from_utf8(world.read("made.ids")).expect("UTF-8");
    let other = Digest::of("something else").to_string();
    let ids = ids.replace(&Digest::of(TEXTS[1]).to_string(), &other);
    world.write("made.ids", ids);
    vectors_refused(&world, &["d1#d1#0-10"]);
}

#[test]
fn precomputed_without_vectors_says_what_it_needs() {
    let world = World::with_index();
    let args = ["--input", "corpus.json", "--out", "new", "--embedder", "precomputed"];
    world.refused(INDEX_BUILD, &args, 2, &["--vectors: "]);
    let args = [&args[..], &["--vectors", "none.npy"]].concat();
    world.refused(INDEX_BUILD, &args, 2, &["none."]);
}

#[test]
fn an_index_asked_with_other_vectors_or_of_another_dimension_is_refused_by_name() {
    let world = World::new();
    world.write(
        "gold.json",
        r#"[{"id": "q", "question": "red apple", "targets": [{"doc_id": "d0"}]}]"#,
    );
    write_vectors(&world, "made", 2, &GOOD);
    world.run(INDEX_BUILD, &[&FRUIT[..], &["--model", "fruit-1"]].concat()).success();
    write_vectors(&world, "wide", 3, &[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
    let eval = ["--gold", "gold.json", "--index", "new", "--min-cov", "0.7"];
    let wide = [&eval[..], &["--vectors", "wide.npy"]].concat();
    world.refused(WFGY_EVAL, &wide, 2, &["new: EMBED_DIM is `2`", "`3`"]);
    world.refused(
        WFGY_EVAL,
        &eval,
        2,
        &["new was built with embedder precomputed:fruit-1", "--vectors"],
    );

    // Not named, the vectors' own hash is their version.
    fs::remove_dir_all(world.path("new")).expect("it is there");
    world.run(INDEX_BUILD, &FRUIT).success();
    write_vectors(&world, "other", 2, &[0.0, 1.0, 1.0, 0.0, 1.0, 1.0]);
    let other = [&eval[..], &["--vectors", "other.npy"]].concat();
    world.refused(WFGY_EVAL, &other, 2, &["new: EMBED_MODEL_VER is `precomputed@sha256:"]);
}

#[test]
fn an_index_asked_with_another_kind_of_embedder_is_refused_by_name() {
    let world = World::with_index();
    write_vectors(&world, "made", 2, &GOOD);
    for (flag, value) in
        [("--model", "model"), ("--vectors", "made.npy"), ("--embedder-url", "http://127.0.0.1:1")]
    {
        let parts = ["docs was built with embedder static@sha256:", &format!("{flag}: ")];
        let eval = ["--gold", "gold.json", "--index", "docs", "--min-cov", "0.7", flag, value];
        world.refused(WFGY_EVAL, &eval, 2, &parts);
        let check = ["gold", "check", "--gold", "gold.json", "--index", "docs", flag, value];
        world.refused(WFGY_EVAL, &check, 2, &parts);
    }
    world.run(INDEX_BUILD, &FRUIT).success();
    let eval = ["--gold", "gold.json", "--index", "new", "--min-cov", "0.7", "--model", "model"];
    world.refused(WFGY_EVAL, &eval, 2, &["new was built with embedder precomputed@", "--model: "]);
}

// ---- a service ------------------------------------------------------------------------------

/// 300 documents: five requests of a build.
fn write_corpus(world: &World) {
    let lines: String = (0..300)
        .map(|i| format!("{{\"doc_id\": \"d{i}\", \"text\": \"page {i} of the long book\"}}\n"))
        .collect();
    world.write("corpus.jsonl", lines);
    world.write(
        "gold.json",
        r#"[{"id": "q", "question": "page 7 of the book", "targets": [{"doc_id": "d7"}]}]"#,
    );
}

fn from_service<'a>(url: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let build = ["--input", "corpus.jsonl", "--out", "new", "--embedder", "openai"];
    [&build[..], &["--embedder-url", url, "--model", "test-model"], more].concat()
}

#[test]
fn a_service_that_is_dead_is_named_and_leaves_nothing() {
    let world = World::new();
    write_corpus(&world);
    let url = service::nobody();
    world.refused(INDEX_BUILD, &from_service(&url, &[]), 4, &[&url, "after 6 tries"]);
    // The user's patience is shorter.
    let args = from_service(&url, &["--embed-timeout", "1"]);
    world.refused(INDEX_BUILD, &args, 4, &[&url]);
}

#[test]
fn a_service_that_dies_in_the_middle_of_a_build_leaves_no_index() {
    let world = World::new();
    write_corpus(&world);
    let url = service::start(|n| if n < 3 { Act::Vectors } else { Act::Die });
    world.refused(INDEX_BUILD, &from_service(&url, &[]), 4, &[&url]);
}

#[test]
fn a_service_that_refuses_in_the_middle_of_a_build_leaves_the_old_index() {
    let world = World::new();
    write_corpus(&world);
    let url = service::start(|_| Act::Vectors);
    world.run(INDEX_BUILD, &from_service(&url, &[])).success();
    let url = service::start(|n| if n < 3 { Act::Vectors } else { Act::Status(401) });
    let args = from_service(&url, &["--force"]);
    world.refused(INDEX_BUILD, &args, 2, &[&url, "status 401", "WFGY_EMBED_KEY"]);
}

/// What a service can do wrong, the exit code that it means in every program at every moment, and
/// what the line says of it.
type Wrong = (fn() -> Act, i32, &'static str);

const WRONGS: [Wrong; 11] = [
    (|| Act::Status(401), 2, "set the key in WFGY_EMBED_KEY or OPENAI_API_KEY"),
    (|| Act::Status(403), 2, "set the key in WFGY_EMBED_KEY or OPENAI_API_KEY"),
    (|| Act::Status(400), 2, "check the URL and the model's name"),
    (|| Act::Status(404), 2, "check the URL and the model's name"),
    (|| Act::Status(307), 2, "name the URL that it redirects to"),
    (|| Act::Body("<html>".to_owned()), 4, "is this an OpenAI-compatible service?"),
    (|| Act::Body(r#"{"data": []}"#.to_owned()), 4, "the answer has 0"),
    // These may pass, and are asked again until the user's patience ends: the line keeps the last cause if there was one.
    (|| Act::Status(429), 4, "/embeddings"),
    (|| Act::Status(500), 4, "/embeddings"),
    (|| Act::Reset, 4, "/embeddings"),
    (|| Act::Die, 4, "/embeddings"),
];

/// A service that answers `good` requests before it does wrong for good.
fn wrong_after(good: usize, act: fn() -> Act) -> String {
    service::start(move |n| if n < good { Act::Vectors } else { act() })
}

#[test]
fn a_failure_of_a_service_has_one_exit_code_in_every_program_at_every_moment() {
    let world = World::new();
    write_corpus(&world);
    let url = service::start(|_| Act::Vectors);
    world.run(INDEX_BUILD, &from_service(&url, &[])).success();
    let ask = |verb: &[&str], url: &str| -> Vec<String> {
        let args = ["--gold", "gold.json", "--index", "new", "--embed-timeout", "1"];
        let args = verb.iter().chain(&args).chain(&["--embedder-url"]).copied().chain([url]);
        args.map(str::to_owned).collect()
    };
    for (act, code, part) in WRONGS {
        for good in [0, 1] {
            let url = wrong_after(good, act);
            let more = ["--embed-timeout", "1", "--force"];
            world.refused(INDEX_BUILD, &from_service(&url, &more), code, &[&url, part]);
            for verb in [&["gold", "check"][..], &["--min-cov", "0.7", "--no-file"]] {
                let url = wrong_after(good, act);
                let args = ask(verb, &url);
                let args: Vec<&str> = args.iter().map(String::as_str).collect();
                world.refused(WFGY_EVAL, &args, code, &[&url, part]);
            }
        }
    }
}

#[test]
fn a_key_that_is_refused_is_not_asked_for_again() {
    let world = World::new();
    write_corpus(&world);
    let url = service::start(|_| Act::Status(401));
    let mut command = world.command(INDEX_BUILD);
    command.args(from_service(&url, &[])).env("WFGY_EMBED_KEY", "sk-test-1");
    let ran = Ran::of(&mut command).refuses(2, &["refuses the key of WFGY_EMBED_KEY"]);
    assert!(!ran.stderr.contains("sk-test-1"), "{}", ran.told());
}

#[test]
fn a_service_that_changes_its_dimension_or_gives_no_numbers_leaves_no_index() {
    let world = World::new();
    write_corpus(&world);
    for (act, part) in [
        ((|| Act::Dimension(9)) as fn() -> Act, "dimension 9, expected 8"),
        (|| Act::Body(r#"{"data": []}"#.to_owned()), "asked for 64 vectors, the answer has 0"),
        (|| Act::Body("<html>".to_owned()), "no embedding list"),
        (
            || Act::Body(r#"{"data": [{"index": 0, "embedding": [NaN]}]}"#.to_owned()),
            "no embedding list",
        ),
    ] {
        let url = service::start(move |n| if n < 2 { Act::Vectors } else { act() });
        world.refused(INDEX_BUILD, &from_service(&url, &[]), 4, &[&url, part]);
    }
}

#[test]
fn a_zero_vector_of_a_service_is_named_with_its_snippet() {
    let world = World::new();
    write_corpus(&world);
    let url = service::start(|n| if n < 2 { Act::Vectors } else { Act::Zero });
    world.refused(INDEX_BUILD, &from_service(&url, &[]), 2, &["d64#d64#0-", "zero"]);
}

#[test]
fn an_index_asked_while_its_service_is_dead_files_nothing() {
    let world = World::new();
    write_corpus(&world);
    let url = service::start(|_| Act::Vectors);
    world.run(INDEX_BUILD, &from_service(&url, &[])).success();
    let dead = service::nobody();
    let eval = ["--gold", "gold.json", "--index", "new", "--min-cov", "0.7", "--out", "report"];
    let args = [&eval[..], &["--embedder-url", &dead]].concat();
    world.refused(WFGY_EVAL, &args, 4, &["new was built with embedder openai:test-model", &dead]);
    world.refused(WFGY_EVAL, &eval, 2, &["new was built with", "--embedder-url"]);
}

#[test]
fn a_service_that_dies_in_the_middle_of_an_evaluation_files_no_verdict() {
    let world = World::new();
    write_corpus(&world);
    let url = service::start(|_| Act::Vectors);
    world.run(INDEX_BUILD, &from_service(&url, &[])).success();
    let dying = service::start(|n| if n < 1 { Act::Vectors } else { Act::Die });
    let args = ["--gold", "gold.json", "--index", "new", "--min-cov", "0.7", "--out", "report"];
    let args = [&args[..], &["--embedder-url", &dying]].concat();
    world.refused(WFGY_EVAL, &args, 4, &[&dying]);
}

#[test]
fn an_evaluation_without_a_verdict_leaves_none_of_an_earlier_one() {
    let world = World::new();
    write_corpus(&world);
    let url = service::start(|_| Act::Vectors);
    world.run(INDEX_BUILD, &from_service(&url, &[])).success();
    let dead = service::nobody();
    let dying = service::start(|n| if n < 1 { Act::Vectors } else { Act::Die });
    let asked = ["--index", "new", "--min-cov", "0.7", "--out", "report", "--no-file", "--gold"];
    let eval = |gold, url| world.eval(&[&asked[..], &[gold, "--embedder-url", url]].concat());
    for (gold, service, code) in
        [("gold.json", &dying, 4), ("gold.json", &dead, 4), ("no_gold.json", &url, 2)]
    {
        let ran = eval("gold.json", &url);
        assert!(world.path("report/verdict.json").exists(), "{}", ran.told());
        eval(gold, service).refuses(code, &[]);
        assert_eq!(fs::read_dir(world.path("report")).expect("a folder").count(), 0, "{gold}");
    }
    // What is no evaluation takes nothing away.
    eval("gold.json", &url);
    let before = world.listing();
    world.eval(&[&asked[..], &["gold.json", "--what"]].concat()).exits(2);
    assert_eq!(world.listing(), before);
}

#[test]
fn an_index_asked_with_a_service_of_another_dimension_is_refused_by_name() {
    let world = World::new();
    write_corpus(&world);
    let url = service::start(|_| Act::Vectors);
    world.run(INDEX_BUILD, &from_service(&url, &[])).success();
    let other = service::start(|_| Act::Dimension(16));
    let args = ["--gold", "gold.json", "--index", "new", "--min-cov", "0.7", "--out", "report"];
    let args = [&args[..], &["--embedder-url", &other]].concat();
    world.refused(WFGY_EVAL, &args, 2, &["new: EMBED_DIM is `8`", "`16`"]);
}

#[test]
fn addresses_that_are_none_are_refused_before_anybody_is_asked() {
    let world = World::new();
    write_corpus(&world);
    for url in ["ftp://127.0.0.1/v1", "127.0.0.1:1", "http://", ""] {
        world.refused(INDEX_BUILD, &from_service(url, &[]), 2, &["URL"]);
    }
}
