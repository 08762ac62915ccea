//! What a search answers, by either path.

use std::time::{Duration, Instant};

use wfgy_core::{
    Answer, Deadline, Depth, Document, Metric, Path, PortError, Query, Role, SearchRequest, Store,
};
use wfgy_index::{AnnChoice, AnnKind, HnswParams, LocalIndex};
use wfgy_kernel::{Similarity, round9};

use crate::words::{WordEmbedder, built, corpus, document};

const METRICS: [(Metric, Similarity); 3] = [
    (Metric::Cosine, Similarity::Cosine),
    (Metric::Dot, Similarity::Dot),
    (Metric::L2, Similarity::NegativeSquaredL2),
];

fn open(
    documents: Vec<Document>,
    metric: Metric,
    ann: AnnChoice,
) -> (tempfile::TempDir, LocalIndex) {
    let dir = tempfile::tempdir().unwrap();
    built(documents, metric, ann, &dir.path().join("docs"));
    let index = LocalIndex::open(dir.path().join("docs"), "docs").unwrap();
    (dir, index)
}

fn hnsw() -> AnnChoice {
    let params = HnswParams { m: 8, ef_construction: 60, ef: 32, seed: 0 };
    AnnChoice::Graph(AnnKind::Hnsw, params)
}

fn request(path: Path, snippets: usize, documents: usize) -> SearchRequest {
    let depth = Depth { served: snippets, snippets, documents };
    SearchRequest { path, depth, deadline: Deadline::NONE }
}

fn questions() -> Vec<Vec<f32>> {
    let embedder = WordEmbedder::new(24);
    (0..12).map(|i| embedder.vector(&format!("q: wheel{} grain{} river", i % 7, i % 3))).collect()
}

fn ask(index: &LocalIndex, vectors: &[Vec<f32>], request: SearchRequest) -> Vec<Answer> {
    let queries: Vec<Query<'_>> =
        vectors.iter().map(|v| Query { text: "", vector: Some(v) }).collect();
    index.search(&queries, request).unwrap().into_iter().map(|answer| answer.unwrap()).collect()
}

fn hits(answers: &[Answer]) -> Vec<Vec<(u32, f64)>> {
    let pairs = |answer: &Answer| answer.hits.iter().map(|h| (h.position, h.score)).collect();
    answers.iter().map(pairs).collect()
}

/// All positions, best first, by the definition.
fn reference(index: &LocalIndex, similarity: Similarity, query: &[f32]) -> Vec<(u32, f64)> {
    let n = index.n_snippets() as u32;
    let positions: Vec<u32> = (0..n).collect();
    let vectors = index.vectors(&positions, Deadline::NONE).unwrap().unwrap();
    let mut all: Vec<(u32, f64)> = positions
        .into_iter()
        .zip(vectors.chunks(24))
        .map(|(position, row)| (position, round9(similarity.score(query, row))))
        .collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    all
}

#[test]
fn rule_the_exact_path_is_the_whole_ranking_by_rounded_score_ties_by_position() {
    for (metric, similarity) in METRICS {
        // Every document twice, so that there are ties.
        let twins = corpus(40).into_iter().flat_map(|document| {
            let mut twin = document.clone();
            twin.doc_id += "-twin";
            twin.title = document.title.clone();
            [document, twin]
        });
        let (_dir, index) = open(twins.collect(), metric, hnsw());
        let queries = questions();
        for k in [1, 7, 50, 100_000] {
            let answers = ask(&index, &queries, request(Path::Exact, k, 0));
            for (query, found) in queries.iter().zip(hits(&answers)) {
                let mut expected = reference(&index, similarity, query);
                expected.truncate(k);
                assert_eq!(found, expected, "{metric} k = {k}");
            }
        }
    }
}

#[test]
fn rule_the_graph_path_rescores_what_it_found_and_finds_nearly_everything() {
    for (kind, (metric, similarity)) in
        [AnnKind::Hnsw, AnnKind::HnswRs].into_iter().flat_map(|kind| METRICS.map(|m| (kind, m)))
    {
        let graph = AnnChoice::Graph(kind, HnswParams::default());
        let (_dir, index) = open(corpus(600), metric, graph);
        let queries = questions();
        let served = hits(&ask(&index, &queries, request(Path::Serving, 10, 0)));
        let mut found = 0;
        for (query, served) in queries.iter().zip(&served) {
            let all = reference(&index, similarity, query);
            assert_eq!(served.len(), 10);
            // Every hit has the very score of the definition, and the order is that of all.
            let ranks: Vec<usize> =
                served.iter().map(|hit| all.iter().position(|a| a == hit).unwrap()).collect();
            assert!(ranks.is_sorted());
            found += ranks.iter().filter(|rank| **rank < 10).count();
        }
        // A query lies far from all vectors in the extended space of inner products.
        let least = if metric == Metric::Dot { 110 } else { 118 };
        assert!(found >= least, "{kind:?} {metric}: {found} of 120");
    }
}

#[test]
fn rule_the_served_hits_are_those_of_a_search_for_so_many_however_deep_it_goes() {
    // A poor graph, asked with no more effort than the cutoff needs.
    let params = HnswParams { m: 2, ef_construction: 4, ef: 1, seed: 0 };
    let (_dir, index) = open(corpus(600), Metric::Cosine, AnnChoice::Graph(AnnKind::Hnsw, params));
    let served = ask(&index, &questions(), request(Path::Serving, 3, 0));
    let mut deep = request(Path::Serving, 50, 0);
    deep.depth.served = 3;
    let deep = ask(&index, &questions(), deep);
    let flattered = ask(&index, &questions(), request(Path::Serving, 50, 0));
    let mut missed = 0;
    for ((served, deep), flattered) in served.iter().zip(&deep).zip(&flattered) {
        assert_eq!(deep.hits[..3], served.hits[..]);
        assert!(deep.hits.windows(2).all(|pair| {
            let order = pair[1].score.total_cmp(&pair[0].score);
            order.then(pair[0].position.cmp(&pair[1].position)).is_lt()
        }));
        missed += usize::from(flattered.hits[..3] != served.hits[..]);
    }
    assert!(missed > 0, "the graph is good enough for every question");
}

#[test]
fn rule_without_a_graph_the_serving_path_is_the_sweep() {
    let (_dir, index) = open(corpus(30), Metric::Cosine, AnnChoice::None);
    let served = ask(&index, &questions(), request(Path::Serving, 10, 0));
    let exact = ask(&index, &questions(), request(Path::Exact, 10, 0));
    assert_eq!(hits(&served), hits(&exact));
}

#[test]
fn rule_answers_are_the_same_on_any_thread_count_and_in_any_batch() {
    let (_dir, index) = open(corpus(200), Metric::Cosine, hnsw());
    let queries = questions();
    for path in [Path::Serving, Path::Exact] {
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| hits(&ask(&index, &queries, request(path, 50, 20))))
        };
        let one = on(1);
        assert_eq!(one, on(2));
        assert_eq!(one, on(8));
        for (query, hits_of) in queries.iter().zip(&one) {
            let alone = ask(&index, std::slice::from_ref(query), request(path, 50, 20));
            assert_eq!(hits(&alone)[0], *hits_of);
        }
    }
}

#[test]
fn rule_a_search_goes_on_until_enough_distinct_documents_are_found() {
    // One document of many near snippets in front of all others, and one without a token.
    let crowd = "wheel1 grain1 river river river river river river. ".repeat(60);
    let mut documents = vec![document("crowd", &[("s", &crowd)]), document("blank", &[("s", " ")])];
    documents.extend(corpus(40));
    for ann in [AnnChoice::None, hnsw()] {
        let (_dir, index) = open(documents.clone(), Metric::Cosine, ann);
        let embedder = WordEmbedder::new(24);
        let query = vec![embedder.vector("wheel1 grain1 river river river river")];
        for (snippets, wanted) in [(5, 1), (5, 30), (50, 10), (1, 42), (0, 3), (0, 0), (0, 1000)] {
            for path in [Path::Serving, Path::Exact] {
                let answer = &ask(&index, &query, request(path, snippets, wanted))[0];
                let positions: Vec<u32> = answer.hits.iter().map(|hit| hit.position).collect();
                let found = index.snippets(&positions, Deadline::NONE).unwrap();
                let distinct = |n: usize| {
                    let mut ids: Vec<&str> = found[..n].iter().map(|s| s.doc_id.as_str()).collect();
                    ids.sort_unstable();
                    ids.dedup();
                    ids.len()
                };
                // 41 documents have a snippet.
                assert!(distinct(found.len()) >= wanted.min(41), "{path:?} {snippets} {wanted}");
                assert!(found.len() >= snippets);
                // And no further than that.
                if found.len() > snippets {
                    assert!(distinct(found.len() - 1) < wanted.min(41));
                }
            }
        }
        let all = &ask(&index, &query, request(Path::Serving, 1_000_000, 0))[0];
        assert_eq!(all.hits.len(), index.n_snippets());
    }
}

#[test]
fn a_query_that_cannot_be_compared_fails_alone() {
    for ann in [AnnChoice::None, hnsw()] {
        let (_dir, index) = open(corpus(20), Metric::Cosine, ann);
        let good = questions().remove(0);
        let mut nan = good.clone();
        nan[3] = f32::NAN;
        let vectors: [Option<&[f32]>; 6] =
            [Some(&good), None, Some(&good[1..]), Some(&nan), Some(&[0.0; 24]), Some(&good)];
        let queries: Vec<Query<'_>> =
            vectors.iter().map(|vector| Query { text: "q", vector: *vector }).collect();
        for path in [Path::Serving, Path::Exact] {
            let answers = index.search(&queries, request(path, 5, 0)).unwrap();
            assert_eq!(answers[0].as_ref().unwrap().hits, answers[5].as_ref().unwrap().hits);
            for (i, expected) in
                [(1, "without a vector"), (2, "dimension 23"), (3, "not finite"), (4, "zero")]
            {
                let error = answers[i].as_ref().unwrap_err();
                assert!(!error.is_retryable() && error.to_string().contains(expected), "{error}");
            }
        }
        assert!(index.search(&[], request(Path::Serving, 5, 0)).unwrap().is_empty());
    }
}

#[test]
fn a_deadline_that_has_passed_is_an_error_and_not_an_empty_answer() {
    let (_dir, index) = open(corpus(20), Metric::Cosine, hnsw());
    let good = questions().remove(0);
    let past = Instant::now().checked_sub(Duration::from_secs(1)).unwrap();
    for path in [Path::Serving, Path::Exact] {
        let late = SearchRequest { deadline: Deadline::at(past), ..request(path, 5, 0) };
        let query = Query { text: "", vector: Some(&good) };
        let failed = match index.search(&[query], late) {
            Err(error) => error,
            Ok(mut answers) => answers.remove(0).unwrap_err(),
        };
        assert!(matches!(failed, PortError::Deadline { .. }));
    }
}

#[test]
fn snippets_sections_and_vectors_agree_with_the_corpus() {
    let documents = corpus(10);
    let (_dir, index) = open(documents.clone(), Metric::Dot, AnnChoice::None);
    let embedder = WordEmbedder::new(24);
    let schema = index.manifest().embedder.schema();
    let mut next = 0;
    let ids: Vec<&str> = documents.iter().map(|document| document.doc_id.as_str()).collect();
    let of_documents = index.sections(&ids, Deadline::NONE).unwrap();
    assert_eq!(of_documents.len(), documents.len());
    for (document, sections) in documents.iter().zip(of_documents) {
        assert_eq!(sections.len(), 2);
        for (section, stored) in document.sections.iter().zip(sections) {
            assert_eq!((&stored.section_id, &stored.text), (&section.section_id, &section.text));
            assert_eq!(stored.title, document.title);
            let snippets = index.snippets(&stored.positions, Deadline::NONE).unwrap();
            let vectors = index.vectors(&stored.positions, Deadline::NONE).unwrap().unwrap();
            for (i, snippet) in snippets.iter().enumerate() {
                assert_eq!(stored.positions[i], next);
                next += 1;
                let span = snippet.offsets;
                let text: String = stored.text.chars().skip(span.start).take(span.len()).collect();
                let title = stored.title.as_deref();
                let composed = schema.compose(Role::Passage, index.analyzer(), title, &text);
                assert_eq!(vectors[i * 24..(i + 1) * 24], embedder.vector(&composed));
            }
        }
    }
    assert_eq!(next as usize, index.n_snippets());
    let asked = [ids[1], "no such document", ids[0]];
    let found = index.sections(&asked, Deadline::NONE).unwrap();
    assert_eq!(found.iter().map(Vec::len).collect::<Vec<_>>(), [2, 0, 2]);
    assert_eq!(found[2][0].positions[0], 0, "in the order asked");
    assert_eq!(index.section_counts(&asked, Deadline::NONE).unwrap(), [2, 0, 2]);
    for error in [
        index.snippets(&[0, next], Deadline::NONE).unwrap_err(),
        index.vectors(&[next], Deadline::NONE).unwrap_err(),
    ] {
        assert!(!error.is_retryable() && error.to_string().contains(&next.to_string()), "{error}");
    }
}
