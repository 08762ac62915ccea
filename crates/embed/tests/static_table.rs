//! The built-in table against values made by scripts/distill_static.py.

use std::path::PathBuf;

use wfgy_core::{Deadline, Embedder};
use wfgy_embed::StaticEmbedder;
use wfgy_formats::npy;
use wfgy_kernel::cosine_f64;

#[test]
fn vectors_agree_with_the_script_that_made_the_table() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/embed");
    let lines = std::fs::read_to_string(folder.join("minilm_texts.jsonl")).expect("texts");
    let texts: Vec<String> = lines
        .lines()
        .step_by(4)
        .map(|line| {
            let value: serde_json::Value = serde_json::from_str(line).expect("a JSON line");
            value["text"].as_str().expect("text").to_owned()
        })
        .collect();
    let expected = npy::read(folder.join("static_vectors.npy")).expect("vectors");
    assert_eq!((expected.rows, expected.columns), (125, 256));
    let model = StaticEmbedder::new().expect("the table");
    let given: Vec<&str> = texts.iter().map(String::as_str).collect();
    let made = model.embed(&given, Deadline::NONE).expect("vectors");
    let mut compared = 0;
    for (i, want) in expected.values.chunks_exact(256).enumerate() {
        let row = made.row(i).expect("a row");
        match cosine_f64(row, want) {
            Some(cosine) => {
                assert!(cosine > 0.999_999, "{:?}: cosine {cosine}", texts[i]);
                compared += 1;
            }
            None => assert_eq!(row, want, "{:?}: only one of them is zero", texts[i]),
        }
    }
    assert!(compared > 100, "only {compared} texts have a direction");
}
