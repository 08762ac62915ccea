//! An index that is not what it was built as, or not what it is asked as: no program uses it.

mod support;

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;
use support::{INDEX_BUILD, VEC, WFGY_EVAL, World};
use wfgy_formats::checksum;
use wfgy_index::Manifest;

const EVAL: [&str; 7] = ["--gold", "gold.json", "--index", "bad", "--min-cov", "0.7", "--out"];

/// The six-section index in `docs` with a graph, `live` pointing to it, and a copy in `bad`.
fn world() -> World {
    let world = World::new();
    world.write("corpus.json", support::CORPUS);
    world.write("gold.json", support::GOLD);
    world.build(&["--input", "corpus.json", "--out", "docs", "--ann", "hnsw"]).success();
    let create = ["alias", "create", "live", "--to", "docs", "--override", "--reason", "test"];
    world.vec(&create).success();
    fs::create_dir(world.path("bad")).expect("a folder");
    for name in files(&world, "docs") {
        fs::copy(world.path("docs").join(&name), world.path("bad").join(&name)).expect("a copy");
    }
    world
}

fn files(world: &World, dir: &str) -> Vec<String> {
    let entries = fs::read_dir(world.path(dir)).expect("a folder");
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .collect();
    names.sort();
    names
}

/// `bad` is damaged and `parts` say how: `verify` exits 1 and names it, `wfgy_eval` exits 2,
/// `vec` exits 1 even where a person overrides, and nothing is written by any of them.
#[track_caller]
fn damaged(world: &World, parts: &[&str]) {
    let before = world.listing();
    let verified = world.run(INDEX_BUILD, &["verify", "bad"]).exits(1);
    for part in parts {
        assert!(verified.stdout.contains(part), "verify names `{part}`\n{}", verified.told());
    }
    assert!(verified.stdout.lines().all(|line| line.starts_with("bad/")), "{}", verified.told());
    let named: Vec<&str> = ["bad/"].iter().chain(parts).copied().collect();
    world.run(WFGY_EVAL, &[&EVAL[..], &["report"]].concat()).refuses(2, &named);
    world.run(INDEX_BUILD, &["inspect", "bad"]).refuses(2, &named);
    let update = ["alias", "update", "live", "--to", "bad", "--override", "--reason", "test"];
    world.run(VEC, &update).refuses(1, &named);
    assert_eq!(world.listing(), before, "nothing was written");
}

#[test]
fn a_flipped_bit_in_any_file_is_found_by_every_program() {
    let world = world();
    let names = files(&world, "bad");
    assert_eq!(
        names,
        [
            "SHA256SUMS",
            "graph.hnsw",
            "manifest.json",
            "sections.jsonl",
            "snippets.jsonl",
            "vectors.npy",
        ]
    );
    for name in names {
        let path = format!("bad/{name}");
        let whole = world.read(&path);
        for (at, bit) in [(0, 0), (whole.len() / 3, 1), (whole.len() / 2, 5), (whole.len() - 1, 7)]
        {
            let mut flipped = whole.clone();
            flipped[at] ^= 1 << bit;
            world.write(&path, flipped);
            damaged(&world, &[&name]);
        }
        world.write(&path, whole);
    }
    world.run(INDEX_BUILD, &["verify", "bad"]).success();
}

#[test]
fn a_file_that_was_cut_or_emptied_is_named() {
    let world = world();
    for name in files(&world, "bad") {
        let path = format!("bad/{name}");
        let whole = world.read(&path);
        for end in [0, whole.len() / 2, whole.len() - 1] {
            world.write(&path, &whole[..end]);
            damaged(&world, &[&name]);
        }
        world.write(&path, whole);
    }
}

#[test]
fn a_missing_file_is_named() {
    let world = world();
    for name in files(&world, "bad").into_iter().filter(|name| name != "manifest.json") {
        let path = world.path("bad").join(&name);
        let whole = fs::read(&path).expect("it is there");
        fs::remove_file(&path).expect("it is there");
        damaged(&world, &[&format!("bad/{name}: "), "missing"]);
        fs::write(&path, whole).expect("room");
    }
}

#[test]
fn a_directory_without_manifest_is_no_index() {
    let world = world();
    fs::remove_file(world.path("bad/manifest.json")).expect("it is there");
    let parts = ["bad: ", "is no index", "manifest.json"];
    world.refused(INDEX_BUILD, &["verify", "bad"], 2, &parts);
    world.refused(WFGY_EVAL, &[&EVAL[..], &["report"]].concat(), 2, &parts);
    let before = world.listing();
    let update = ["alias", "update", "live", "--to", "bad", "--override", "--reason", "test"];
    world.vec(&update).refuses(2, &parts);
    assert_eq!(world.listing(), before);
}

#[test]
fn a_file_or_folder_too_many_is_named() {
    let world = world();
    world.write("bad/notes.txt", "mine");
    damaged(&world, &["bad/notes.txt"]);
    fs::remove_file(world.path("bad/notes.txt")).expect("it is there");
    fs::create_dir(world.path("bad/more")).expect("a folder");
    damaged(&world, &["bad/more: is no file"]);
}

/// Writes `bad/SHA256SUMS` anew, so that only what the manifest says is left to disagree.
fn sum_up(world: &World) {
    let digests: BTreeMap<_, _> = files(world, "bad")
        .into_iter()
        .filter(|name| name != "SHA256SUMS")
        .map(|name| {
            let (digest, _) =
                checksum::hash_file(&world.path("bad").join(&name)).expect("it is read");
            (name, digest)
        })
        .collect();
    world.write("bad/SHA256SUMS", checksum::checksums(&digests));
}

/// Alters the manifest of `bad` and nothing else but `SHA256SUMS`.
fn alter(world: &World, change: impl FnOnce(&mut Value)) {
    let mut manifest = serde_json::from_slice(&world.read("bad/manifest.json")).expect("JSON");
    change(&mut manifest);
    let bytes = wfgy_core::canonical_json(&manifest).expect("JSON");
    world.write("bad/manifest.json", bytes);
    sum_up(world);
}

/// Alters the manifest of `bad` and recomputes every digest: a forgery that only the content,
/// or the embedder, can show.
fn forge(world: &World, change: impl FnOnce(&mut Manifest)) {
    let mut manifest: Manifest =
        serde_json::from_slice(&world.read("bad/manifest.json")).expect("a manifest");
    let digest = |name: &str| checksum::hash_file(&world.path("bad").join(name)).expect("read").0;
    manifest.identity.sections_sha256 = digest("sections.jsonl");
    manifest.identity.snippets_sha256 = digest("snippets.jsonl");
    manifest.identity.vectors_sha256 = digest("vectors.npy");
    change(&mut manifest);
    manifest.index_hash = manifest.identity.hash().expect("a digest");
    manifest.serving_hash = manifest.serving.hash(manifest.index_hash).expect("a digest");
    let bytes = wfgy_core::canonical_json(&manifest).expect("JSON");
    world.write("bad/manifest.json", bytes);
    sum_up(world);
}

#[test]
fn another_metric_written_into_the_manifest_is_named() {
    let world = world();
    alter(&world, |manifest| manifest["identity"]["metric"] = "dot".into());
    damaged(&world, &["manifest.json", "INDEX_HASH"]);
}

#[test]
fn every_field_of_the_identity_is_bound_by_the_hash() {
    let world = world();
    let whole = world.read("bad/manifest.json");
    let manifest: Value = serde_json::from_slice(&whole).expect("JSON");
    let identity = manifest["identity"].as_object().expect("an object");
    assert_eq!(identity.len(), 14);
    for (field, value) in identity {
        let other: Value = match (field.as_str(), value) {
            ("metric", _) => "l2".into(),
            ("NORM", _) => "none".into(),
            ("ANALYZER_CONF", _) => "nfc".into(),
            ("CHUNK_SCHEMA_VER", _) => "none".into(),
            (_, Value::Number(n)) => (n.as_u64().expect("a count") + 1).into(),
            (_, Value::String(text)) if text.len() == 64 => "0".repeat(64).into(),
            (_, other) => format!("{}x", other.as_str().expect("a text")).into(),
        };
        alter(&world, |manifest| manifest["identity"][field] = other);
        damaged(&world, &["manifest.json"]);
        world.write("bad/manifest.json", &whole);
    }
}

#[test]
fn every_field_of_the_serving_path_is_bound_by_the_hash() {
    let world = world();
    let whole = world.read("bad/manifest.json");
    for (field, other) in [("m", 8), ("ef_construction", 50), ("ef", 64)] {
        alter(&world, |manifest| manifest["serving"]["ann"][field] = other.into());
        damaged(&world, &["manifest.json", "SERVING_HASH"]);
        world.write("bad/manifest.json", &whole);
    }
}

#[test]
fn an_unknown_key_in_the_manifest_is_named() {
    let world = world();
    alter(&world, |manifest| manifest["identity"]["colour"] = "red".into());
    damaged(&world, &["manifest.json", "colour", "unknown key"]);
}

#[test]
fn a_manifest_of_another_schema_version_is_named() {
    let world = world();
    forge(&world, |manifest| manifest.identity.schema_version = 2);
    damaged(&world, &["manifest.json", "schema_version"]);
}

#[test]
fn a_norm_that_the_metric_cannot_have_is_named() {
    let world = world();
    forge(&world, |manifest| manifest.identity.norm = wfgy_core::Norm::None);
    damaged(&world, &["manifest.json", "NORM"]);
}

/// Overwrites a row of `bad/vectors.npy`.
fn overwrite_row(world: &World, row: usize, values: impl Fn(usize, f32) -> f32) -> usize {
    let mut bytes = world.read("bad/vectors.npy");
    let header = wfgy_formats::npy::Header::parse(&bytes, bytes.len() as u64).expect("a header");
    let begin = header.data + row * header.columns * 4;
    for (i, word) in bytes[begin..begin + header.columns * 4].chunks_exact_mut(4).enumerate() {
        let old = f32::from_le_bytes(word.try_into().expect("four bytes"));
        word.copy_from_slice(&values(i, old).to_le_bytes());
    }
    world.write("bad/vectors.npy", bytes);
    begin
}

/// `bad` agrees with all of its hashes, and what is in it cannot be served: `verify` and
/// `wfgy_eval` say so, and write nothing.
#[track_caller]
fn senseless(world: &World, parts: &[&str]) {
    let verified = world.run(INDEX_BUILD, &["verify", "bad"]).exits(1);
    for part in parts {
        assert!(verified.stdout.contains(part), "verify names `{part}`\n{}", verified.told());
    }
    world.refused(WFGY_EVAL, &[&EVAL[..], &["report"]].concat(), 2, parts);
    let before = world.listing();
    let update = ["alias", "update", "live", "--to", "bad"];
    assert_eq!(world.vec(&update).code, 1, "no verdict is on file for it");
    assert_eq!(world.listing(), before);
}

#[test]
fn a_zero_vector_is_named_with_its_row_and_byte() {
    let world = world();
    let byte = overwrite_row(&world, 2, |_, _| 0.0);
    forge(&world, |_| {});
    senseless(&world, &["bad/vectors.npy", &format!("byte {byte}"), "row 2 is zero"]);
}

#[test]
fn a_value_that_is_not_finite_is_named_with_its_row_and_byte() {
    let world = world();
    let whole = world.read("bad/vectors.npy");
    for odd in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        world.write("bad/vectors.npy", &whole);
        let byte = overwrite_row(&world, 3, |i, old| if i == 7 { odd } else { old });
        forge(&world, |_| {});
        let parts = ["bad/vectors.npy", &format!("byte {byte}"), "row 3", "not finite"];
        senseless(&world, &parts);
    }
}

#[test]
fn a_norm_that_is_not_what_the_manifest_says_is_named_with_its_row() {
    let world = world();
    overwrite_row(&world, 1, |_, old| old * 2.0);
    forge(&world, |_| {});
    senseless(&world, &["bad/vectors.npy", "row 1 has norm 2", "NORM"]);
}

#[test]
fn a_dimension_that_the_vectors_do_not_have_is_named() {
    let world = world();
    forge(&world, |manifest| manifest.identity.embed_dim = 128);
    senseless(&world, &["bad/", "128", "256"]);
}

#[test]
fn counts_that_the_files_do_not_have_are_named() {
    let world = world();
    let whole = world.read("bad/manifest.json");
    forge(&world, |manifest| manifest.identity.n_snippets = 7);
    senseless(&world, &["bad/", "7", "6"]);
    world.write("bad/manifest.json", whole);
    forge(&world, |manifest| manifest.identity.n_documents = 4);
    senseless(&world, &["bad/", "3 documents", "says 4"]);
}

#[test]
fn snippet_offsets_outside_their_section_are_named_by_line_and_field() {
    let world = world();
    let lines = String::from_utf8(world.read("bad/snippets.jsonl")).expect("UTF-8");
    let mut lines: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    lines[1]["offsets"][1] = 100_000.into();
    let mut bytes = Vec::new();
    for line in &lines {
        bytes.extend(wfgy_core::canonical_json(line).expect("JSON"));
        bytes.push(b'\n');
    }
    world.write("bad/snippets.jsonl", bytes);
    forge(&world, |_| {});
    senseless(&world, &["bad/snippets.jsonl", "offsets", "outside their section"]);
}

#[test]
fn a_section_line_that_is_no_json_is_named_by_its_line() {
    let world = world();
    let mut bytes = world.read("bad/sections.jsonl");
    let second = bytes.iter().position(|byte| *byte == b'\n').expect("lines") + 1;
    bytes[second] = b'<';
    world.write("bad/sections.jsonl", bytes);
    forge(&world, |_| {});
    senseless(&world, &["bad/sections.jsonl", "line 2"]);
}

#[test]
fn an_index_of_another_version_of_the_embedder_is_refused_by_name() {
    let world = world();
    let other = format!("static@sha256:{}", "0".repeat(64));
    forge(&world, |manifest| manifest.identity.embed_model_ver.clone_from(&other));
    let args = [&EVAL[..], &["report"]].concat();
    world.refused(WFGY_EVAL, &args, 2, &["bad", "EMBED_MODEL_VER", &other, "static@sha256:"]);
    let check = ["gold", "check", "--gold", "gold.json", "--index", "bad"];
    world.refused(WFGY_EVAL, &check, 2, &["bad", "EMBED_MODEL_VER", &other]);
}

#[test]
fn an_index_of_another_tokenizer_is_refused_by_name() {
    let world = world();
    let other = format!("wordpiece@sha256:{}", "0".repeat(64));
    forge(&world, |manifest| manifest.identity.tok_ver.clone_from(&other));
    let args = [&EVAL[..], &["report"]].concat();
    world.refused(WFGY_EVAL, &args, 2, &["bad", "TOK_VER", &other]);
}

#[test]
fn an_index_of_no_known_embedder_is_refused_by_name() {
    let world = world();
    forge(&world, |manifest| manifest.identity.embed_model_ver = "word2vec".to_owned());
    let args = [&EVAL[..], &["report"]].concat();
    world.refused(WFGY_EVAL, &args, 2, &["bad", "word2vec"]);
}

#[test]
fn the_same_texts_under_another_metric_are_another_index() {
    let world = world();
    world.build(&["--input", "corpus.json", "--out", "dot", "--metric", "dot"]).success();
    let hash = |dir: &str| {
        let manifest = world.read(&format!("{dir}/manifest.json"));
        let manifest: Manifest = serde_json::from_slice(&manifest).expect("a manifest");
        manifest.index_hash
    };
    assert_ne!(hash("dot"), hash("docs"));
    let update = ["alias", "update", "live", "--to", "dot"];
    world.vec(&update).refuses(1, &["dot", "wfgy_eval"]);
}

#[test]
fn a_path_that_leads_to_no_index_is_named() {
    let world = World::with_index();
    world.refused(INDEX_BUILD, &["verify", "none"], 2, &["`none` is neither an alias"]);
    world.refused(INDEX_BUILD, &["inspect", "corpus.json"], 2, &["corpus.json: is no index"]);
    let args = ["--gold", "gold.json", "--index", "none"];
    world.refused(WFGY_EVAL, &[&args[..], &["--min-cov", "0.7"]].concat(), 2, &["none"]);
}
