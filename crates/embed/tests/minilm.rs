//! The encoder against the published model: values made by scripts/oracle_minilm.py.

#[path = "../../../tests/model.rs"]
mod model;

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use model::model_folder;
use wfgy_core::{Deadline, Embedder, PortError, RowState};
use wfgy_embed::{BertEmbedder, BertOptions, OpenError};
use wfgy_kernel::{Isa, cosine_f64, norm_f64};

fn open() -> BertEmbedder {
    BertEmbedder::open(&model_folder(), &BertOptions::default()).expect("the model opens")
}

struct OracleText {
    text: String,
    n_tokens: usize,
}

fn oracle() -> (Vec<OracleText>, Vec<f32>) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/embed");
    let lines = std::fs::read_to_string(folder.join("minilm_texts.jsonl")).expect("texts");
    let texts = lines
        .lines()
        .map(|line| {
            let value: serde_json::Value = serde_json::from_str(line).expect("a JSON line");
            OracleText {
                text: value["text"].as_str().expect("text").to_owned(),
                n_tokens: value["n_tokens"].as_u64().expect("n_tokens") as usize,
            }
        })
        .collect::<Vec<_>>();
    let bytes = std::fs::read(folder.join("minilm_vectors.npy")).expect("vectors");
    let header = 10 + u16::from_le_bytes([bytes[8], bytes[9]]) as usize;
    let values =
        bytes[header..].as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect::<Vec<_>>();
    assert_eq!((texts.len(), values.len()), (500, 500 * 384));
    (texts, values)
}

/// The best path takes every text, the others, which give the same bits, some of them; plain Rust
/// is built for the tests without much optimisation and takes the fewest.
fn step(isa: Isa) -> usize {
    match isa {
        Isa::Portable => 50,
        _ if isa == Isa::best() => 1,
        _ => 10,
    }
}

/// Who selects a path holds this; other tests take any path, since all give the same bits.
static PATH: Mutex<()> = Mutex::new(());

#[test]
fn cosine_to_the_published_model_is_at_least_0_9999_on_500_texts_on_every_path() {
    let _path = PATH.lock().expect("no test panicked with it");
    let model = open();
    let (texts, expected) = oracle();
    let mut seen: Vec<Vec<f32>> = vec![Vec::new(); texts.len()];
    for isa in Isa::available() {
        isa.select().expect("the path is there");
        let given: Vec<&str> = texts.iter().step_by(step(isa)).map(|t| t.text.as_str()).collect();
        let made = model.embed(&given, Deadline::NONE).expect("vectors");
        let mut worst = 1.0_f64;
        for (k, i) in (0..texts.len()).step_by(step(isa)).enumerate() {
            let row = made.row(k).expect("a row");
            let want = &expected[i * 384..(i + 1) * 384];
            let cosine = cosine_f64(row, want).expect("no zero vector");
            assert!(cosine >= 0.9999, "{isa}, text {i} {:?}: cosine {cosine}", texts[i].text);
            assert!((norm_f64(row) - 1.0).abs() < 1e-6);
            assert!(seen[i].is_empty() || seen[i] == row, "{isa}, text {i}: other bits");
            seen[i] = row.to_vec();
            worst = worst.min(cosine);
        }
        println!("{isa}: worst cosine {worst:.9}");
    }
}

#[test]
fn inputs_are_cut_at_256_tokens_special_ones_counted() {
    let model = open();
    let (texts, _) = oracle();
    let given: Vec<&str> = texts.iter().map(|t| t.text.as_str()).collect();
    let states = model.embed(&given, Deadline::NONE).expect("vectors").states;
    let mut cut = 0;
    for (text, state) in texts.iter().zip(states) {
        let whole = model.tokenizer().encode(&text.text).expect("tokens").ids.len() + 2;
        let expected = if whole > 256 { RowState::Truncated } else { RowState::Whole };
        assert_eq!(state, expected, "{:?}", text.text);
        assert_eq!(whole.min(256), text.n_tokens, "{:?}", text.text);
        cut += usize::from(whole > 256);
    }
    assert!(cut > 20, "only {cut} texts reach the limit");
}

#[test]
fn a_vector_is_the_same_bits_in_any_batch_on_any_number_of_threads_and_every_path() {
    let _path = PATH.lock().expect("no test panicked with it");
    let model = open();
    let (texts, _) = oracle();
    let on = |threads: usize, texts: &[&str]| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| model.embed(texts, Deadline::NONE)).expect("vectors")
    };
    for isa in Isa::available() {
        isa.select().expect("the path is there");
        let step = step(isa).max(25);
        let given: Vec<&str> = texts.iter().step_by(step).map(|t| t.text.as_str()).collect();
        let one = on(1, &given);
        assert!(one == on(2, &given), "{isa}: 2 threads differ from 1");
        assert!(one == on(8, &given), "{isa}: 8 threads differ from 1");
        for (i, text) in given.iter().enumerate() {
            let alone = on(1, &[text]);
            assert!(alone.row(0) == one.row(i), "{isa}: {text:?} differs when it is alone");
        }
        let reversed: Vec<&str> = given.iter().rev().copied().collect();
        let reversed = on(2, &reversed);
        assert!((0..given.len()).all(|i| one.row(i) == reversed.row(given.len() - 1 - i)));
    }
}

#[test]
fn identity_names_the_weights_and_never_the_folder() {
    let model = open();
    let identity = model.identity();
    assert_eq!(
        identity.model_ver,
        "all-MiniLM-L6-v2@sha256:53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    );
    assert_eq!((identity.dim, identity.unit_norm), (384, true));
    assert_eq!(identity.schema.to_string(), "mean;256;;");
    assert!(model.tokenizer().version().starts_with("all-MiniLM-L6-v2@sha256:"));
    let options = BertOptions {
        query_prefix: Some("query: ".to_owned()),
        passage_prefix: Some("passage: ".to_owned()),
    };
    let model = BertEmbedder::open(&model_folder(), &options).expect("the model opens");
    assert_eq!(model.identity().schema.to_string(), "mean;256;query: ;passage: ");
}

#[test]
fn token_offsets_select_the_tokens_of_the_raw_text() {
    let model = open();
    let text = "  Naïve CAFÉ: re-indexing 東京 🙂!";
    let chars: Vec<char> = text.chars().collect();
    let tokens = model.tokenizer().encode(text).expect("tokens");
    let cut: Vec<String> =
        tokens.spans.iter().map(|s| chars[s.start..s.end].iter().collect()).collect();
    assert_eq!(cut, ["Naïve", "CAFÉ", ":", "re", "-", "index", "ing", "東", "京", "🙂", "!"]);
}

#[test]
fn a_deadline_that_has_passed_gives_no_vectors() {
    let passed = Deadline::at(Instant::now() - Duration::from_secs(1));
    let error = open().embed(&["a"], passed).expect_err("too late");
    assert!(matches!(error, PortError::Deadline { .. }), "{error}");
    assert_eq!(open().embed(&[], Deadline::NONE).expect("nothing to do").states, []);
}

/// A folder with the model's small files linked and one of them replaced.
fn damaged(file: &str, content: &[u8]) -> Option<OpenError> {
    let dir = tempfile::tempdir().expect("a folder");
    let model = model_folder();
    std::fs::create_dir(dir.path().join("1_Pooling")).expect("a folder");
    for name in [
        "config.json",
        "modules.json",
        "sentence_bert_config.json",
        "tokenizer.json",
        "1_Pooling/config.json",
        "model.safetensors",
    ] {
        if name == file {
            std::fs::write(dir.path().join(name), content).expect("a file");
        } else {
            std::os::unix::fs::symlink(model.join(name), dir.path().join(name)).expect("a link");
        }
    }
    BertEmbedder::open(dir.path(), &BertOptions::default()).err()
}

#[test]
fn damaged_model_files_are_refused_in_one_line_that_names_them() {
    let weights = std::fs::read(model_folder().join("model.safetensors")).expect("weights");
    let tokenizer = std::fs::read_to_string(model_folder().join("tokenizer.json")).expect("text");
    let config = std::fs::read_to_string(model_folder().join("config.json")).expect("text");
    let cases: [(&str, Vec<u8>, &str); 6] = [
        ("model.safetensors", weights[..weights.len() / 2].to_vec(), "model.safetensors: header: "),
        ("model.safetensors", Vec::new(), "model.safetensors: header: "),
        ("tokenizer.json", b"[1, 2".to_vec(), "tokenizer.json: tokenizer: "),
        (
            "config.json",
            config.replace("30522", "30521").into_bytes(),
            "tokenizer.json: vocabulary: has 30522 tokens",
        ),
        (
            "config.json",
            config.replace("1536", "1535").into_bytes(),
            "intermediate.dense.weight: has shape [1536, 384], config.json says [1535, 384]",
        ),
        (
            "tokenizer.json",
            tokenizer
                .replace("\"post_processor\":{", "\"post_processor\":null,\"unused\":{")
                .into_bytes(),
            "tokenizer.json: ",
        ),
    ];
    for (file, content, expected) in cases {
        let error = damaged(file, &content).expect("refused").to_string();
        assert!(error.contains(expected), "{file}: {error}");
        assert!(!error.contains('\n'), "{error}");
    }
    assert!(damaged("README.md", b"").is_none());

    let mut bad = weights;
    let header = u64::from_le_bytes(*bad.first_chunk().expect("a length")) as usize;
    let tensors: serde_json::Value = serde_json::from_slice(&bad[8..8 + header]).expect("a header");
    let first =
        tensors["embeddings.LayerNorm.bias"]["data_offsets"][0].as_u64().expect("an offset");
    bad[8 + header + first as usize..][..4].copy_from_slice(&f32::NAN.to_le_bytes());
    let error = damaged("model.safetensors", &bad).expect("refused").to_string();
    assert!(error.contains("is not finite"), "{error}");
    let missing = BertEmbedder::open(&PathBuf::from("/nonexistent/model"), &BertOptions::default());
    let error = missing.err().expect("refused").to_string();
    assert!(error.contains("/nonexistent/model/config.json: no such model file"), "{error}");
    assert!(error.contains("scripts/fetch_model.sh"), "{error}");
}
