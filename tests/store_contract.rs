//! The contract of `core::Store`, for the index directory under each way to serve it.

#![allow(clippy::unwrap_used, reason = "a test that fails here has found something")]

#[path = "store/contract.rs"]
mod contract;
#[path = "../crates/index/tests/directory/words.rs"]
#[allow(dead_code, reason = "shared with the tests of the directory")]
mod words;

use wfgy_core::Metric;
use wfgy_index::{AnnChoice, AnnKind, HnswParams, LocalIndex};
use words::{WordEmbedder, built, corpus};

/// An index directory, and queries with their vectors.
fn directory(
    metric: Metric,
    ann: AnnChoice,
) -> (tempfile::TempDir, LocalIndex, Vec<(String, Vec<f32>)>) {
    let dir = tempfile::tempdir().unwrap();
    built(corpus(30), metric, ann, &dir.path().join("docs"));
    let index = LocalIndex::open(dir.path().join("docs"), "docs").unwrap();
    let embedder = WordEmbedder::new(24);
    let query = |i| format!("wheel{} grain{} river", i % 7, i % 3);
    let asked = (0..8).map(query).map(|text| {
        let vector = embedder.vector(&format!("q: {text}"));
        (text, vector)
    });
    (dir, index, asked.collect())
}

fn graph(kind: AnnKind) -> AnnChoice {
    AnnChoice::Graph(kind, HnswParams { m: 8, ef_construction: 60, ef: 32, seed: 0 })
}

contract!(exact_cosine, || directory(Metric::Cosine, AnnChoice::None));
contract!(exact_l2, || directory(Metric::L2, AnnChoice::None));
contract!(graph_cosine, || directory(Metric::Cosine, graph(AnnKind::Hnsw)));
contract!(graph_dot, || directory(Metric::Dot, graph(AnnKind::Hnsw)));
contract!(hnsw_rs_cosine, || directory(Metric::Cosine, graph(AnnKind::HnswRs)));
