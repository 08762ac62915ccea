//! What every store must do: functions over `&dyn Store`, to be run for each.
//!
//! Each takes a store of at least 40 snippets of which every document has several, and queries
//! that it can answer.

#![allow(unreachable_pub, reason = "a module of test files")]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use wfgy_core::{Answer, Deadline, Depth, Path, PortError, Query, SearchRequest, Store};

const NONE: Deadline = Deadline::NONE;
const PATHS: [Path; 2] = [Path::Serving, Path::Exact];

fn request(path: Path, snippets: usize, documents: usize) -> SearchRequest {
    let depth = Depth { served: 5, snippets, documents };
    SearchRequest { path, depth, deadline: NONE }
}

fn answers(store: &dyn Store, queries: &[Query<'_>], asked: SearchRequest) -> Vec<Answer> {
    store.search(queries, asked).unwrap().into_iter().map(Result::unwrap).collect()
}

fn positions(store: &dyn Store) -> Vec<u32> {
    (0..u32::try_from(store.n_snippets()).unwrap()).collect()
}

fn documents(store: &dyn Store) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    for snippet in store.snippets(&positions(store), NONE).unwrap() {
        if !ids.contains(&snippet.doc_id) {
            ids.push(snippet.doc_id);
        }
    }
    ids
}

pub fn hits_are_distinct_by_score_descending_ties_by_position(
    store: &dyn Store,
    queries: &[Query<'_>],
) {
    for path in PATHS {
        for answer in answers(store, queries, request(path, 20, 0)) {
            assert!(answer.hits.len() >= 20);
            for pair in answer.hits.windows(2) {
                let ordered = pair[0].score > pair[1].score
                    || (pair[0].score == pair[1].score && pair[0].position < pair[1].position);
                assert!(ordered, "{pair:?}");
            }
            for hit in &answer.hits {
                assert!((hit.position as usize) < store.n_snippets());
                assert!(hit.score.is_finite());
                // To 9 decimals: what is left of it is the rounding of the product.
                let scaled = hit.score * 1e9;
                assert!((scaled - scaled.round()).abs() < 1e-4, "{}", hit.score);
            }
            let distinct: BTreeSet<u32> = answer.hits.iter().map(|hit| hit.position).collect();
            assert_eq!(distinct.len(), answer.hits.len());
        }
    }
}

pub fn answers_are_the_same_alone_in_any_batch_and_again(store: &dyn Store, queries: &[Query<'_>]) {
    for path in PATHS {
        let asked = request(path, 20, 0);
        let together = answers(store, queries, asked);
        assert_eq!(together.len(), queries.len(), "one answer a query, in their order");
        for (query, answer) in queries.iter().zip(&together) {
            let alone = answers(store, &[*query], asked);
            assert_eq!(alone[0].hits, answer.hits);
        }
        let turned: Vec<Query<'_>> = queries.iter().rev().copied().collect();
        for (answer, again) in together.iter().zip(answers(store, &turned, asked).iter().rev()) {
            assert_eq!(answer.hits, again.hits);
        }
        assert!(store.search(&[], asked).unwrap().is_empty());
    }
}

pub fn a_search_goes_on_until_there_are_enough_documents(store: &dyn Store, queries: &[Query<'_>]) {
    let enough = store.n_documents();
    for path in PATHS {
        for answer in answers(store, queries, request(path, 1, enough)) {
            let found: Vec<u32> = answer.hits.iter().map(|hit| hit.position).collect();
            let snippets = store.snippets(&found, NONE).unwrap();
            let distinct: BTreeSet<String> = snippets.into_iter().map(|s| s.doc_id).collect();
            assert_eq!(distinct.len(), enough);
        }
    }
}

pub fn positions_name_snippets_and_sections_hold_each_once(store: &dyn Store, _: &[Query<'_>]) {
    let all = positions(store);
    let snippets = store.snippets(&all, NONE).unwrap();
    let ids: BTreeSet<&str> = snippets.iter().map(|s| s.snippet_id.as_str()).collect();
    assert_eq!(ids.len(), all.len());
    let turned: Vec<u32> = all.iter().rev().copied().collect();
    let mut again = store.snippets(&turned, NONE).unwrap();
    again.reverse();
    assert_eq!(snippets, again, "in the order asked");

    let names = documents(store);
    assert_eq!(names.len(), store.n_documents());
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let of_documents = store.sections(&names, NONE).unwrap();
    let counts: Vec<usize> = of_documents.iter().map(Vec::len).collect();
    assert_eq!(store.section_counts(&names, NONE).unwrap(), counts);
    let mut seen = BTreeSet::new();
    for (doc_id, sections) in names.iter().zip(&of_documents) {
        for section in sections {
            let length = section.text.chars().count();
            assert!(section.positions.is_sorted());
            for position in &section.positions {
                let snippet = &snippets[*position as usize];
                assert_eq!(
                    (&snippet.doc_id[..], &snippet.section_id),
                    (*doc_id, &section.section_id)
                );
                assert!(
                    snippet.offsets.start < snippet.offsets.end && snippet.offsets.end <= length
                );
                assert!(seen.insert(*position), "in one section only");
            }
        }
    }
    assert_eq!(seen.len(), all.len(), "and none in no section");
}

pub fn what_does_not_exist_is_empty_by_name_and_an_error_by_position(
    store: &dyn Store,
    _: &[Query<'_>],
) {
    let names = documents(store);
    let asked = [names[1].as_str(), "no such document", names[0].as_str()];
    let counts = store.section_counts(&asked, NONE).unwrap();
    assert!(counts[0] > 0 && counts[1] == 0 && counts[2] > 0, "{counts:?}");
    assert!(store.sections(&asked, NONE).unwrap()[1].is_empty());
    let beyond = u32::try_from(store.n_snippets()).unwrap();
    let error = store.snippets(&[0, beyond], NONE).unwrap_err();
    assert!(matches!(error, PortError::Permanent { .. }), "{error:?}");
    assert!(store.snippets(&[], NONE).unwrap().is_empty());
}

pub fn vectors_are_there_iff_the_pins_name_an_embedder(store: &dyn Store, _: &[Query<'_>]) {
    let all = positions(store);
    let dim = store.pins().get("EMBED_DIM");
    assert_eq!(dim.is_some(), store.pins().get("EMBED_MODEL_VER").is_some());
    let vectors = store.vectors(&all, NONE).unwrap();
    assert_eq!(vectors.is_some(), dim.is_some());
    if let (Some(vectors), Some(dim)) = (vectors, dim) {
        let dim: usize = dim.parse().unwrap();
        assert_eq!(vectors.len(), all.len() * dim);
        assert!(vectors.iter().all(|value| value.is_finite()));
        let last = store.vectors(&all[all.len() - 1..], NONE).unwrap().unwrap();
        assert_eq!(last, vectors[(all.len() - 1) * dim..]);
    }
}

pub fn it_is_bound_to_both_hashes_and_unchanged(store: &dyn Store, _: &[Query<'_>]) {
    for name in ["INDEX_HASH", "SERVING_HASH"] {
        let hash = store.pins().get(name).unwrap();
        assert!(hash.parse::<wfgy_core::Digest>().is_ok(), "{name} {hash}");
    }
    store.unchanged(NONE).unwrap();
}

pub fn a_deadline_that_has_passed_is_an_error_and_no_empty_answer(
    store: &dyn Store,
    queries: &[Query<'_>],
) {
    let passed = Deadline::at(Instant::now() - Duration::from_secs(1));
    for path in PATHS {
        let late = SearchRequest { deadline: passed, ..request(path, 20, 0) };
        let errors: Vec<PortError> = match store.search(queries, late) {
            Err(error) => vec![error],
            Ok(answers) => answers.into_iter().map(Result::unwrap_err).collect(),
        };
        assert!(errors.iter().all(|error| matches!(error, PortError::Deadline { .. })));
    }
}

/// Runs every rule for one adapter; `$fresh` gives what must live as long, the adapter, and the
/// vectors of its queries (none for a store that reads their text).
#[macro_export]
macro_rules! contract {
    ($adapter:ident, $fresh:expr) => {
        mod $adapter {
            #[allow(unused_imports)]
            use super::*;

            $crate::contract!(@each $fresh;
                hits_are_distinct_by_score_descending_ties_by_position,
                answers_are_the_same_alone_in_any_batch_and_again,
                a_search_goes_on_until_there_are_enough_documents,
                positions_name_snippets_and_sections_hold_each_once,
                what_does_not_exist_is_empty_by_name_and_an_error_by_position,
                vectors_are_there_iff_the_pins_name_an_embedder,
                it_is_bound_to_both_hashes_and_unchanged,
                a_deadline_that_has_passed_is_an_error_and_no_empty_answer,
            );
        }
    };
    (@each $fresh:expr; $($rule:ident,)*) => {
        $(
            #[test]
            fn $rule() {
                #[allow(clippy::redundant_closure_call)]
                let (_kept, store, asked) = ($fresh)();
                let queries: Vec<wfgy_core::Query<'_>> = asked
                    .iter()
                    .map(|(text, vector)| wfgy_core::Query { text, vector: Some(vector) })
                    .collect();
                contract::$rule(&store, &queries);
            }
        )*
    };
}
