//! Readers of `wfgy-index`: every file of an index directory, with all digests made to agree with
//! it, since a fuzzer cannot guess a SHA-256.

#[allow(clippy::unwrap_used, reason = "it is of the crate's own tests")]
#[path = "../../../crates/index/tests/directory/resealed.rs"]
mod resealed;
#[allow(clippy::unwrap_used, dead_code, reason = "it is of the crate's own tests")]
#[path = "../../../crates/index/tests/directory/words.rs"]
mod words;

use std::fs;
use std::path::Path;

use wfgy_core::{Deadline, Depth, Digest, Path as By, Query, SearchRequest, Store};
use wfgy_index::{LocalIndex, hashes, inspect, verify};

use super::{Reader, Said, write};

pub fn readers() -> Vec<Reader> {
    let of = |name, file, seeds, read| Reader { name, file, lay, seeds, read };
    vec![
        of(
            "index_manifest",
            "docs/manifest.json",
            |folder| kept(folder, "manifest.json"),
            |folder| {
                let docs = folder.join("docs");
                let read = fs::read(docs.join("manifest.json")).expect("a file");
                let value = serde_json::from_slice::<serde_json::Value>(&read).unwrap_or_default();
                // Where it has hashes they agree with what it says; else it is read as it is.
                if value["identity"].is_object() && value["serving"].is_object() {
                    resealed::reseal(&docs, |_| ());
                }
                open(&docs)
            },
        ),
        of(
            "index_checksums",
            "docs/SHA256SUMS",
            |folder| kept(folder, "SHA256SUMS"),
            |folder| open(&folder.join("docs")),
        ),
        of("index_sections", "docs/sections.jsonl", |f| kept(f, "sections.jsonl"), sealed),
        of("index_snippets", "docs/snippets.jsonl", |f| kept(f, "snippets.jsonl"), sealed),
        of("index_vectors", "docs/vectors.npy", |folder| kept(folder, "vectors.npy"), sealed),
        of("index_graph", "docs/graph.hnsw", |folder| kept(folder, "graph.hnsw"), sealed),
    ]
}

/// The index `docs`, and its files once more where nothing changes them.
fn lay(folder: &Path) {
    let docs = resealed::index(folder);
    for entry in fs::read_dir(docs).expect("an index") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name");
        write(&folder.join("kept").join(name), fs::read(&path).expect("a file"));
    }
}

fn kept(folder: &Path, name: &str) -> Vec<Vec<u8>> {
    vec![fs::read(folder.join("kept").join(name)).expect("it was laid")]
}

/// Opens the index after all digests were made to agree with its files.
fn sealed(folder: &Path) -> Said {
    let docs = folder.join("docs");
    fs::copy(folder.join("kept/manifest.json"), docs.join("manifest.json")).expect("a file");
    resealed::reseal(&docs, |manifest| {
        let graph = Digest::of(fs::read(docs.join("graph.hnsw")).expect("a file"));
        manifest["serving"]["files"]["graph.hnsw"] = graph.to_string().into();
    });
    open(&docs)
}

/// Opens and asks the index; all that look at it say the same of it.
fn open(docs: &Path) -> Said {
    let opened = LocalIndex::open(docs, "docs").map_err(|error| error.to_string());
    let hashed = hashes(docs);
    drop((inspect(docs), verify(docs)));
    let index = opened?;
    let manifest = index.manifest();
    assert_eq!(hashed.ok(), Some((manifest.index_hash, manifest.serving_hash)));
    ask(&index);
    Ok(())
}

/// Asks all that a store is asked; it may refuse.
fn ask(index: &LocalIndex) {
    let vector = words::WordEmbedder::new(24).vector("q: wheel1 grain2 river");
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
