//! An index with a graph of another seed.

use std::ops::ControlFlow;

use wfgy_core::{Answer, Deadline, Depth, Metric, Path, Query, SearchRequest, Store};
use wfgy_index::{AnnChoice, AnnKind, HnswParams, LinkError, LocalIndex};

use crate::words::{WordEmbedder, built, corpus};

fn open(ann: AnnChoice) -> (tempfile::TempDir, LocalIndex) {
    let dir = tempfile::tempdir().unwrap();
    built(corpus(400), Metric::Cosine, ann, &dir.path().join("docs"));
    let index = LocalIndex::open(dir.path().join("docs"), "docs").unwrap();
    (dir, index)
}

fn ask(store: &dyn Store, path: Path) -> Vec<Vec<(u32, f64)>> {
    let embedder = WordEmbedder::new(24);
    let texts = (0..12).map(|i| format!("q: wheel{} grain{} river", i % 7, i % 3));
    let vectors: Vec<Vec<f32>> = texts.map(|text| embedder.vector(&text)).collect();
    let queries: Vec<Query<'_>> =
        vectors.iter().map(|v| Query { text: "", vector: Some(v) }).collect();
    let depth = Depth { served: 10, snippets: 10, documents: 0 };
    let answers = store.search(&queries, SearchRequest { path, depth, deadline: Deadline::NONE });
    let hits = |answer: Answer| answer.hits.iter().map(|h| (h.position, h.score)).collect();
    answers.unwrap().into_iter().map(|answer| hits(answer.unwrap())).collect()
}

#[test]
fn rule_a_relinked_index_answers_as_one_built_with_that_seed_and_is_the_same_in_all_else() {
    let go = &mut |_| ControlFlow::Continue(());
    for kind in [AnnKind::Hnsw, AnnKind::HnswRs] {
        let graph =
            |seed| AnnChoice::Graph(kind, HnswParams { m: 2, ef_construction: 4, ef: 1, seed });
        let (_dir, index) = open(graph(3));
        let (_other, built) = open(graph(5));
        let relinked = index.relinked(2, go).unwrap().unwrap();
        assert_eq!(ask(&relinked, Path::Serving), ask(&built, Path::Serving), "{kind:?}");
        assert_ne!(ask(&relinked, Path::Serving), ask(&index, Path::Serving), "{kind:?}");
        assert_eq!(ask(&relinked, Path::Exact), ask(&index, Path::Exact), "{kind:?}");
        assert_eq!((relinked.pins(), relinked.name()), (index.pins(), index.name()));
        assert_eq!(relinked.n_snippets(), index.n_snippets());
        // The seed stands in the manifest, and so in SERVING_HASH; INDEX_HASH is of content.
        assert_eq!(index.manifest().serving.ann.as_ref().unwrap().seed, 3);
        assert_eq!(index.manifest().index_hash, built.manifest().index_hash);
        assert_ne!(index.manifest().serving_hash, built.manifest().serving_hash);
    }
}

#[test]
fn rule_without_a_graph_there_is_nothing_to_relink_and_linking_can_be_stopped() {
    let (_dir, exact) = open(AnnChoice::None);
    assert!(exact.relinked(1, &mut |_| ControlFlow::Continue(())).unwrap().is_none());
    let (_dir, index) = open(AnnChoice::Graph(AnnKind::HnswRs, HnswParams::default()));
    let stopped = index.relinked(1, &mut |_| ControlFlow::Break(()));
    assert!(matches!(stopped.err(), Some(LinkError::Interrupted)));
}
