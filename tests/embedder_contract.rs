//! The contract of `core::Embedder`, for the adapters that compute or look up vectors themselves.
//!
//! A service behind HTTP answers with vectors of its own making, the same bits in any batch or
//! not; what this project adds to it is tested in `crates/embed/tests/openai.rs`.

#![allow(clippy::unwrap_used, reason = "a test that fails here has found something")]

#[path = "embedder/contract.rs"]
mod contract;
mod model;

use model::model_folder;
use wfgy_core::{Deadline, Digest, Embedder};
use wfgy_embed::{
    BertEmbedder, BertOptions, PrecomputedEmbedder, PrecomputedOptions, StaticEmbedder,
};
use wfgy_formats::npy;

contract!(static_table, || ((), StaticEmbedder::new().unwrap()));

contract!(minilm, || ((), BertEmbedder::open(&model_folder(), &BertOptions::default()).unwrap()));

contract!(precomputed, || {
    let dir = tempfile::tempdir().unwrap();
    let mut texts = contract::texts();
    texts.sort();
    texts.dedup();
    let given: Vec<&str> = texts.iter().map(String::as_str).collect();
    let made = StaticEmbedder::new().unwrap().embed(&given, Deadline::NONE).unwrap();
    let (vectors, ids) = (dir.path().join("made.npy"), dir.path().join("made.ids"));
    let mut bytes = Vec::new();
    npy::write(&mut bytes, made.values.len() / texts.len(), &made.values).unwrap();
    std::fs::write(&vectors, bytes).unwrap();
    let lines: String = texts.iter().map(|text| format!("{}\n", Digest::of(text))).collect();
    std::fs::write(&ids, lines).unwrap();
    let options = PrecomputedOptions::default();
    (dir, PrecomputedEmbedder::open(&vectors, &ids, &options).unwrap())
});
