//! What opening, verifying and asking an index with another embedder refuse.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;
use wfgy_core::{Deadline, Embedder, Metric, Store};
use wfgy_formats::npy;
use wfgy_index::{LocalIndex, OpenError, declared_hashes, hashes, inspect, verify};

use crate::resealed::{index, reseal};
use crate::words::WordEmbedder;

fn refusal(out: &Path) -> String {
    let error = LocalIndex::open(out, "docs").err().expect("refused").to_string();
    assert!(!error.contains('\n'), "{error}");
    // Whoever flips a pointer sees the same.
    assert!(hashes(out).is_err() || !verify(out).unwrap().is_empty());
    error
}

#[test]
fn a_whole_index_opens_verifies_and_shows_its_pins() {
    let dir = tempfile::tempdir().unwrap();
    let out = index(dir.path());
    let open = LocalIndex::open(&out, "docs_live").unwrap();
    assert_eq!(verify(&out).unwrap(), []);
    let pins = open.pins();
    let manifest = open.manifest();
    assert_eq!(pins.get("INDEX_HASH"), Some(manifest.index_hash.to_string().as_str()));
    assert_eq!(hashes(&out).unwrap(), (manifest.index_hash, manifest.serving_hash));
    assert_eq!(pins.get("EMBED_DIM"), Some("24"));
    assert_eq!(pins.get("NORM"), Some("l2"));
    assert_eq!(pins.get("BUILD_ID"), Some("b7"));
    assert_eq!(pins.get("GIT_SHA"), None);
    assert_eq!(open.name(), "docs_live");
    assert_eq!(open.n_documents(), 8);
    assert_eq!(open.metric(), Metric::Cosine);
    let schema = manifest.embedder.schema();
    assert_eq!(schema.to_string(), manifest.identity.embed_schema);
    let shown = inspect(&out).unwrap();
    assert_eq!(shown.files.len(), 6);
    assert_eq!(shown.files["graph.hnsw"], manifest.counts.graph_bytes);
    // Resealing an honest index changes nothing: the forgeries below differ only where they say.
    reseal(&out, |_| {});
    assert_eq!(hashes(&out).unwrap(), (manifest.index_hash, manifest.serving_hash));
}

#[test]
fn rule_a_flipped_bit_in_any_file_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let out = index(dir.path());
    for entry in std::fs::read_dir(&out).unwrap() {
        let path = entry.unwrap().path();
        let whole = std::fs::read(&path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        // Every byte of a small file, a spread over a large one; a bit that varies.
        for at in (0..whole.len()).step_by(whole.len() / 400 + 1).chain([whole.len() - 1]) {
            let mut flipped = whole.clone();
            flipped[at] ^= 1 << (at % 8);
            std::fs::write(&path, &flipped).unwrap();
            let error = refusal(&out);
            assert!(error.contains(name) || error.contains("SHA256SUMS"), "{name} {at}: {error}");
            assert!(!verify(&out).unwrap().is_empty());
        }
        std::fs::write(&path, &whole).unwrap();
    }
    assert!(LocalIndex::open(&out, "docs").is_ok());
}

#[test]
fn a_truncated_missing_or_additional_file_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let out = index(dir.path());
    let vectors = std::fs::read(out.join("vectors.npy")).unwrap();
    for end in [0, 60, vectors.len() - 4, vectors.len() - 1] {
        std::fs::write(out.join("vectors.npy"), &vectors[..end]).unwrap();
        assert!(refusal(&out).contains("vectors.npy"));
        // Also where somebody made all digests agree with the cut file.
        reseal(&out, |_| {});
        assert!(refusal(&out).contains("vectors.npy"), "{}", refusal(&out));
    }
    std::fs::write(out.join("vectors.npy"), &vectors).unwrap();
    reseal(&out, |_| {});
    for name in ["sections.jsonl", "graph.hnsw", "SHA256SUMS"] {
        let aside = dir.path().join("aside");
        std::fs::rename(out.join(name), &aside).unwrap();
        let error = refusal(&out);
        assert!(error.contains(name) && error.contains("missing"), "{error}");
        std::fs::rename(&aside, out.join(name)).unwrap();
    }
    std::fs::write(out.join("notes.txt"), "x").unwrap();
    assert!(refusal(&out).contains("notes.txt"));
    std::fs::remove_file(out.join("notes.txt")).unwrap();
    std::fs::create_dir(out.join("sub")).unwrap();
    assert!(refusal(&out).contains("sub"));
    std::fs::remove_dir(out.join("sub")).unwrap();
    let more = |i: usize| out.join(format!("more{i}"));
    (0..250).for_each(|i| std::fs::write(more(i), "").unwrap());
    assert!(refusal(&out).contains("does not belong to the index"));
    std::fs::write(more(250), "").unwrap();
    assert!(LocalIndex::open(&out, "docs").is_err_and(|e| e.to_string().contains("257 files")));
    (0..251).for_each(|i| std::fs::remove_file(more(i)).unwrap());
    assert!(LocalIndex::open(&out, "docs").is_ok());
}

#[test]
fn verify_lists_all_damage() {
    let dir = tempfile::tempdir().unwrap();
    let out = index(dir.path());
    std::fs::write(out.join("sections.jsonl"), "x").unwrap();
    std::fs::remove_file(out.join("graph.hnsw")).unwrap();
    std::fs::write(out.join("more"), "").unwrap();
    let damage = verify(&out).unwrap();
    for name in ["sections.jsonl", "graph.hnsw", "more"] {
        assert!(damage.iter().any(|d| d.path == out.join(name)), "{name}: {damage:?}");
    }
}

#[test]
fn what_is_no_index_is_said_to_be_none() {
    let dir = tempfile::tempdir().unwrap();
    let open = |path: &Path| LocalIndex::open(path, "x").err().unwrap();
    assert!(matches!(open(&dir.path().join("none")), OpenError::Missing { .. }));
    assert!(matches!(open(dir.path()), OpenError::NotAnIndex { .. }));
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    assert!(matches!(open(&file), OpenError::NotAnIndex { .. }));
    assert!(matches!(verify(dir.path()), Err(OpenError::NotAnIndex { .. })));
}

#[test]
fn rule_an_identity_that_does_not_give_its_hash_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let out = index(dir.path());
    reseal(&out, |manifest| {
        manifest["identity"]["n_documents"] = 9.into();
        manifest["keep_hashes"] = true.into();
    });
    assert!(refusal(&out).contains("INDEX_HASH"), "{}", refusal(&out));
    reseal(&out, |manifest| {
        manifest["identity"]["n_documents"] = 8.into();
    });
    reseal(&out, |manifest| {
        manifest["serving"]["ann"]["ef"] = 64.into();
        manifest["keep_hashes"] = true.into();
    });
    assert!(refusal(&out).contains("SERVING_HASH"), "{}", refusal(&out));
}

/// What is changed, how, and what the refusal says.
type Change<'a> = (&'a str, &'a dyn Fn(&mut Value), &'a str);

#[test]
fn a_manifest_that_agrees_with_its_hashes_but_not_with_the_files_or_this_program_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let out = index(dir.path());
    let manifest = std::fs::read(out.join("manifest.json")).unwrap();
    let changes: [Change<'_>; 12] = [
        ("unknown key", &|m| m["colour"] = "red".into(), "colour: unknown key"),
        ("unknown key", &|m| m["identity"]["x"] = 1.into(), "identity.x: unknown key"),
        (
            "missing",
            &|m| drop(m["identity"].as_object_mut().unwrap().remove("metric")),
            "metric: is missing",
        ),
        ("version", &|m| m["identity"]["schema_version"] = 2.into(), "schema_version: 2"),
        ("dimension", &|m| m["identity"]["EMBED_DIM"] = 25.into(), "of dimension 24"),
        ("count", &|m| m["identity"]["n_snippets"] = 1.into(), "vectors"),
        ("documents", &|m| m["identity"]["n_documents"] = 7.into(), "documents"),
        ("norm", &|m| m["identity"]["NORM"] = "none".into(), "NORM"),
        ("metric", &|m| m["identity"]["metric"] = "manhattan".into(), "metric"),
        ("schema", &|m| m["embedder"]["max_tokens"] = 41.into(), "schema"),
        ("fusion", &|m| m["serving"]["fusion"] = serde_json::json!({}), "fusion"),
        ("graph", &|m| m["serving"]["ann"] = Value::Null, "graph"),
    ];
    for (what, change, expected) in changes {
        std::fs::write(out.join("manifest.json"), &manifest).unwrap();
        reseal(&out, |m| change(m));
        let error = refusal(&out);
        assert!(error.contains(expected), "{what}: {error}");
    }
}

#[test]
fn bad_vectors_and_lines_are_refused_even_where_all_digests_agree() {
    let dir = tempfile::tempdir().unwrap();
    let out = index(dir.path());
    let matrix = npy::read(out.join("vectors.npy")).unwrap();
    let honest = |name: &str| std::fs::read_to_string(out.join(name)).unwrap();
    let (vectors, sections, snippets) = (
        std::fs::read(out.join("vectors.npy")).unwrap(),
        honest("sections.jsonl"),
        honest("snippets.jsonl"),
    );
    for (value, expected) in [(f32::NAN, "not finite"), (0.0, "zero"), (0.5, "norm")] {
        let mut values = matrix.values.clone();
        values[24..48].fill(value);
        let mut bytes = Vec::new();
        npy::write(&mut bytes, 24, &values).unwrap();
        std::fs::write(out.join("vectors.npy"), bytes).unwrap();
        reseal(&out, |_| {});
        let error = refusal(&out);
        assert!(error.contains("row 1") && error.contains(expected), "{error}");
    }
    std::fs::write(out.join("vectors.npy"), &vectors).unwrap();
    let second = snippets.lines().nth(1).unwrap();
    let lines = |text: &str| text.to_owned() + "\n";
    for (name, text, expected) in [
        (
            "snippets.jsonl",
            snippets.replacen("\"offsets\":[0,", "\"offsets\":[1,", 1),
            "snippet_id",
        ),
        ("snippets.jsonl", snippets.replacen("doc%2F0#a", "doc%2F9#a", 1), "snippet_id"),
        (
            "snippets.jsonl",
            snippets.replacen(second, &second.replace("doc/0", "doc/7"), 1),
            "snippets.jsonl",
        ),
        ("snippets.jsonl", snippets.replacen("\"tokens\":[0,", "\"tokens\":[99,", 1), "tokens"),
        ("snippets.jsonl", snippets.replacen("{", "{\"x\":1,", 1), "unknown key"),
        ("snippets.jsonl", lines(snippets.trim_end().rsplit_once('\n').unwrap().0), "snippets"),
        ("snippets.jsonl", snippets.trim_end().to_owned(), "whole line"),
        (
            "sections.jsonl",
            sections.replacen("\"section_id\":\"b\"", "\"section_id\":\"a\"", 1),
            "section_id",
        ),
        (
            "sections.jsonl",
            lines(&sections.lines().rev().collect::<Vec<_>>().join("\n")),
            "belongs to no section",
        ),
        ("sections.jsonl", sections.replacen("{", "", 1), "sections.jsonl: line 1:"),
    ] {
        std::fs::write(out.join("snippets.jsonl"), &snippets).unwrap();
        std::fs::write(out.join("sections.jsonl"), &sections).unwrap();
        std::fs::write(out.join(name), &text).unwrap();
        reseal(&out, |_| {});
        let error = refusal(&out);
        assert!(error.contains(expected), "{error}\n  expected {expected}");
    }
}

#[test]
fn rule_changes_after_opening_are_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let out = index(dir.path());
    let deadline = Deadline::NONE;
    let open = || LocalIndex::open(&out, "docs").unwrap();
    let index = open();
    index.unchanged(deadline).unwrap();
    // The same bytes in another inode.
    let path = out.join("snippets.jsonl");
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(out.join("tmp"), &bytes).unwrap();
    assert!(index.unchanged(deadline).unwrap_err().to_string().contains("was added"));
    std::fs::rename(out.join("tmp"), &path).unwrap();
    assert!(index.unchanged(deadline).unwrap_err().to_string().contains("snippets.jsonl"));
    // The same size in the same inode.
    let index = open();
    std::fs::write(&path, &bytes).unwrap();
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(5);
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(later).unwrap();
    assert!(index.unchanged(deadline).unwrap_err().to_string().contains("was changed"));
    let index = open();
    std::fs::rename(&out, dir.path().join("elsewhere")).unwrap();
    assert!(index.unchanged(deadline).is_err());
}

#[test]
fn rule_the_pins_are_those_of_the_embedder_and_tokenizer_it_was_built_with() {
    let dir = tempfile::tempdir().unwrap();
    let out = index(dir.path());
    let index = LocalIndex::open(&out, "docs").unwrap();
    let embedder = WordEmbedder::new(24);
    let pins = index.pins();
    pins.check_embedder(index.name(), embedder.identity()).unwrap();
    pins.check_tokenizer(index.name(), embedder.tokenizer().version()).unwrap();
    let other = WordEmbedder::new(24).named("words@sha256:2");
    let error = pins.check_embedder(index.name(), other.identity()).unwrap_err().to_string();
    for part in ["docs", "EMBED_MODEL_VER", "words@sha256:1", "words@sha256:2"] {
        assert!(error.contains(part), "{error}");
    }
    let other = WordEmbedder::new(25);
    let error = pins.check_embedder(index.name(), other.identity()).unwrap_err();
    assert_eq!((error.pin, error.stored.as_str(), error.given.as_str()), ("EMBED_DIM", "24", "25"));
}

#[test]
fn a_pipe_in_the_place_of_a_file_is_refused_and_not_waited_for() {
    for name in ["manifest.json", "vectors.npy"] {
        let dir = tempfile::tempdir().unwrap();
        let out = index(dir.path());
        std::fs::remove_file(out.join(name)).unwrap();
        let made = std::process::Command::new("mkfifo").arg(out.join(name)).status().unwrap();
        assert!(made.success());
        assert!(refusal(&out).contains(name));
        assert!(verify(&out).is_err() || !verify(&out).unwrap().is_empty());
        let declared = declared_hashes(&out).map_err(|error| error.to_string());
        assert_eq!(declared.is_ok(), name != "manifest.json", "{declared:?}");
    }
}

#[test]
fn an_unreadable_directory_or_file_is_named() {
    if let Some(out) = std::env::var_os("WFGY_TEST_CHILD") {
        println!("CHILD: {}", LocalIndex::open(out, "docs").err().unwrap());
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let out = index(dir.path());
    // Root reads everything, so another user looks; the program must be where that user can run it.
    let program = dir.path().join("program");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let root = std::process::Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    for (path, mode) in [(out.clone(), 0o000), (out.join("vectors.npy"), 0o000)] {
        std::fs::set_permissions(&out, PermissionsExt::from_mode(0o755)).unwrap();
        for entry in std::fs::read_dir(&out).unwrap() {
            let path = entry.unwrap().path();
            std::fs::set_permissions(path, PermissionsExt::from_mode(0o644)).unwrap();
        }
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        let mut command = match root {
            true => std::process::Command::new("setpriv"),
            false => std::process::Command::new("env"),
        };
        if root {
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        }
        command.arg(&program).args(["--exact", "opened::an_unreadable_directory_or_file_is_named"]);
        let output = command.arg("--nocapture").env("WFGY_TEST_CHILD", &out).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = text.lines().find(|line| line.contains("CHILD: ")).expect(&text);
        let expected = format!("{}: cannot be read: Permission denied", path.display());
        assert!(line.contains(&expected), "{line}");
    }
    std::fs::set_permissions(&out, PermissionsExt::from_mode(0o755)).unwrap();
}
