//! Damaged copies of every file of an index: not one is taken under the digests of the whole
//! file, and where somebody makes all digests agree with the damage the index is asked, or refused
//! in one line, and nothing panics or takes memory that the file does not justify.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use wfgy_core::{Deadline, Depth, Digest, Path as By, Query, SearchRequest, Store};
use wfgy_index::{LocalIndex, OpenError, hashes, verify};

use crate::mutated::{Mutations, peak};
use crate::resealed::{index, reseal};
use crate::words::WordEmbedder;

/// Damaged copies of each file.
const CASES: usize = 300;

/// What the readers of all cases may take together: a wrong count asks for more.
const MEMORY: u64 = 1 << 30;

/// Asks all that a store is asked; it may refuse.
fn ask(index: &LocalIndex) {
    let vector = WordEmbedder::new(24).vector("q: wheel1 grain2 river");
    for path in [By::Serving, By::Exact] {
        let depth = Depth { served: 5, snippets: 5, documents: 3 };
        let query = Query { text: "wheel", vector: Some(&vector) };
        drop(index.search(&[query], SearchRequest { path, depth, deadline: Deadline::NONE }));
    }
    let positions: Vec<u32> = (0..index.n_snippets() as u32).collect();
    let Ok(snippets) = index.snippets(&positions, Deadline::NONE) else { return };
    let documents: Vec<&str> = snippets.iter().map(|snippet| snippet.doc_id.as_str()).collect();
    drop(index.sections(&documents, Deadline::NONE));
    drop(index.section_counts(&documents, Deadline::NONE));
    drop(index.vectors(&positions, Deadline::NONE));
}

/// Opens an index and asks it.
fn open(out: &Path) -> Result<Digest, OpenError> {
    let index = LocalIndex::open(out, "docs")?;
    ask(&index);
    Ok(index.manifest().index_hash)
}

/// The same on a damaged copy of `file`: neither a panic nor more than one line.
fn survive(out: &Path, file: &str, bytes: &[u8]) -> Result<Digest, String> {
    let kept = || {
        let kept = std::env::temp_dir().join("wfgy_mutated");
        fs::write(&kept, bytes).unwrap();
        format!("{file}, kept in {}", kept.display())
    };
    let opened = catch_unwind(AssertUnwindSafe(|| open(out)));
    opened.unwrap_or_else(|_| panic!("a panic: {}", kept())).map_err(|error| {
        let told = error.to_string();
        assert!(!told.contains('\n'), "{told:?}: {}", kept());
        assert!(told.starts_with(out.to_str().unwrap()), "{told}: {}", kept());
        told
    })
}

#[test]
fn rule_no_damaged_copy_of_a_file_is_taken_under_the_digests_of_the_whole() {
    let dir = tempfile::tempdir().unwrap();
    let out = index(dir.path());
    let before = peak();
    let whole = open(&out).unwrap();
    let files = ["manifest.json", "sections.jsonl", "snippets.jsonl", "vectors.npy", "graph.hnsw"];
    for file in files.into_iter().chain(["SHA256SUMS"]) {
        let path = out.join(file);
        let bytes = fs::read(&path).unwrap();
        for mutated in Mutations::of(&bytes, 0x5eed).take(CASES).filter(|m| *m != bytes) {
            fs::write(&path, &mutated).unwrap();
            let found = survive(&out, file, &mutated);
            assert!(found.is_err(), "{file}: taken");
            assert!(hashes(&out).is_err(), "{file}: hashed");
            assert!(!verify(&out).is_ok_and(|damage| damage.is_empty()), "{file}: verified");
        }
        fs::write(&path, &bytes).unwrap();
    }
    assert_eq!(open(&out).unwrap(), whole);
    assert!(peak() - before < MEMORY, "no count of a damaged file is believed");
}

#[test]
fn damage_that_all_digests_agree_with_is_asked_or_refused_in_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let out = index(dir.path());
    let before = peak();
    let whole = open(&out).unwrap();
    let manifest = fs::read(out.join("manifest.json")).unwrap();
    for file in ["sections.jsonl", "snippets.jsonl", "vectors.npy", "graph.hnsw"] {
        let path = out.join(file);
        let bytes = fs::read(&path).unwrap();
        let mut refused = 0;
        for mutated in Mutations::of(&bytes, 0x5eed).take(CASES).filter(|m| *m != bytes) {
            fs::write(&path, &mutated).unwrap();
            fs::write(out.join("manifest.json"), &manifest).unwrap();
            reseal(&out, |manifest| {
                let graph = Digest::of(fs::read(out.join("graph.hnsw")).unwrap());
                manifest["serving"]["files"]["graph.hnsw"] = graph.to_string().into();
            });
            match survive(&out, file, &mutated) {
                Ok(other) => assert!(file == "graph.hnsw" || other != whole, "{file}: one hash"),
                Err(_) => refused += 1,
            }
        }
        assert!(refused > CASES / 4, "{file}: {refused} of {CASES} refused");
        fs::write(&path, &bytes).unwrap();
    }
    let mut forged = 0;
    for mutated in Mutations::of(&manifest, 0x5eed).take(8 * CASES) {
        let parsed = serde_json::from_slice::<serde_json::Value>(&mutated);
        let Ok(value) = parsed else { continue };
        if value["identity"].is_object() && value["serving"].is_object() {
            forged += 1;
            fs::write(out.join("manifest.json"), &mutated).unwrap();
            reseal(&out, |_| ());
            drop(survive(&out, "manifest.json", &mutated));
        }
    }
    assert!(forged > CASES / 4, "{forged} manifests that are JSON");
    assert!(peak() - before < MEMORY, "no count of a damaged file is believed");
}
