//! Readers of `wfgy-embed`.

#[allow(clippy::duplicate_mod, reason = "the crate's own tests have it too")]
#[path = "../../../crates/embed/tests/tiny/mod.rs"]
mod tiny;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use wfgy_core::{
    Deadline, Digest, EmbedSchema, Embedder, EmbedderIdentity, Embeddings, RowState, TextCache,
    Tokenizer,
};
use wfgy_embed::{
    BertEmbedder, BertOptions, OpenAiEmbedder, OpenAiOptions, OpenError, PrecomputedEmbedder,
    PrecomputedOptions, RetryPolicy, TextCacheFolder, WordPieceTokenizer,
};
use wfgy_formats::npy;

use super::{Reader, Said, write};

/// Texts of words that the models here know, of others, and of none.
const TEXTS: [&str; 4] = ["Alias moves slowly", "", "indexs unknown caf\u{e9}", "\u{1f642} [UNK]"];

pub fn readers() -> Vec<Reader> {
    let model = [
        ("model_weights", "model.safetensors"),
        ("model_tokenizer", "tokenizer.json"),
        ("model_config", "config.json"),
        ("model_modules", "modules.json"),
        ("model_pooling", "1_Pooling/config.json"),
        ("model_sentence", SENTENCE),
        ("model_prompts", PROMPTS),
    ];
    model.into_iter().map(of_a_model).chain(others()).collect()
}

const SENTENCE: &str = "sentence_bert_config.json";
const PROMPTS: &str = "config_sentence_transformers.json";

/// A whole model in a folder.
fn lay_variant(folder: &Path, variant: &tiny::Variant) {
    fs::create_dir_all(folder).expect("a folder");
    tiny::write_folder(folder, variant, &tiny::tensors(variant));
    write(&folder.join(SENTENCE), r#"{"max_seq_length": 12, "do_lower_case": false}"#);
    let prompts = r#"{"prompts": {"query": "query: "}, "default_prompt_name": "query"}"#;
    write(&folder.join(PROMPTS), prompts);
}

/// A file of a model's folder. The seeds are those of every variant, though what stands beside
/// the file is of the first: a reader has to see that they do not fit.
fn of_a_model((name, file): (&'static str, &'static str)) -> Reader {
    Reader {
        name,
        file,
        lay: |folder| {
            lay_variant(folder, &tiny::VARIANTS[0]);
            for (i, variant) in tiny::VARIANTS.iter().enumerate() {
                lay_variant(&folder.join(format!("seed{i}")), variant);
            }
        },
        seeds: match file {
            "model.safetensors" => |folder| variants(folder, "model.safetensors"),
            "tokenizer.json" => |folder| variants(folder, "tokenizer.json"),
            "config.json" => |folder| variants(folder, "config.json"),
            "modules.json" => |folder| variants(folder, "modules.json"),
            "1_Pooling/config.json" => |folder| variants(folder, "1_Pooling/config.json"),
            SENTENCE => |folder| variants(folder, SENTENCE),
            _ => |folder| variants(folder, PROMPTS),
        },
        read: |folder| {
            let opened = BertEmbedder::open(folder, &BertOptions::default());
            opened.map(|model| ask(&model)).map_err(|error| error.to_string())
        },
    }
}

fn variants(folder: &Path, file: &str) -> Vec<Vec<u8>> {
    (0..tiny::VARIANTS.len())
        .map(|i| fs::read(folder.join(format!("seed{i}")).join(file)).expect("it was laid"))
        .collect()
}

/// Asks an embedder that was opened: it may refuse a text, but its vectors are as many as it says.
fn ask(model: &dyn Embedder) {
    for text in TEXTS {
        if let Ok(made) = model.embed(&[text], Deadline::NONE) {
            assert_eq!(made.values.len(), model.identity().dim, "{text:?}");
        }
        ask_tokens(model.tokenizer());
    }
}

fn ask_tokens(tokenizer: &dyn Tokenizer) {
    for text in TEXTS {
        let Ok(tokens) = tokenizer.encode(text) else { continue };
        assert_eq!(tokens.ids.len(), tokens.spans.len(), "{text:?}");
        let length = text.chars().count();
        assert!(tokens.spans.iter().all(|span| span.end <= length), "{text:?}");
    }
}

fn others() -> Vec<Reader> {
    vec![
        Reader {
            name: "tokenizer",
            file: "tokenizer.json",
            lay: |folder| lay_variant(&folder.join("seed"), &tiny::VARIANTS[0]),
            seeds: |folder| vec![fs::read(folder.join("seed/tokenizer.json")).expect("laid")],
            read: |folder| {
                let opened = WordPieceTokenizer::open(&folder.join("tokenizer.json"), "toy");
                opened.map(|tokenizer| ask_tokens(&tokenizer)).map_err(|error| error.to_string())
            },
        },
        Reader {
            name: "precomputed_vectors",
            file: "made.npy",
            lay: |folder| write(&folder.join("made.ids"), ids()),
            seeds: |_| vec![vectors()],
            read: precomputed,
        },
        Reader {
            name: "precomputed_ids",
            file: "made.ids",
            lay: |folder| write(&folder.join("made.npy"), vectors()),
            seeds: |_| vec![ids().into_bytes()],
            read: precomputed,
        },
        Reader {
            name: "text_cache",
            file: "cache.bytes",
            lay: |folder| {
                let cache = TextCacheFolder::open(&folder.join("cache")).expect("a folder");
                cache.put(&identity(), &keys(), &rows()).expect("room");
            },
            seeds: |folder| vec![fs::read(cache_file(folder)).expect("laid")],
            read: text_cache,
        },
        Reader {
            name: "certificates",
            file: "authorities.pem",
            lay: |_| (),
            seeds: |_| {
                let pem = |kind: &str| {
                    format!("-----BEGIN {kind}-----\nMIIBszCC\nAVmgAwIB\n-----END {kind}-----\n")
                };
                vec![pem("CERTIFICATE").into(), (pem("PRIVATE KEY") + &pem("CERTIFICATE")).into()]
            },
            read: certificates,
        },
    ]
}

fn vectors() -> Vec<u8> {
    let values: Vec<f32> = (0..TEXTS.len() * 3).map(|i| i as f32 + 0.5).collect();
    let mut bytes = Vec::new();
    npy::write(&mut bytes, 3, &values).expect("memory");
    bytes
}

fn ids() -> String {
    TEXTS.iter().map(|text| format!("{}\n", Digest::of(text))).collect()
}

fn precomputed(folder: &Path) -> Said {
    let (vectors, ids) = (folder.join("made.npy"), folder.join("made.ids"));
    let opened = PrecomputedEmbedder::open(&vectors, &ids, &PrecomputedOptions::default());
    opened.map(|model| ask(&model)).map_err(|error| error.to_string())
}

fn identity() -> EmbedderIdentity {
    let schema = EmbedSchema {
        pooling: "mean".to_owned(),
        max_tokens: 8,
        query_prefix: String::new(),
        passage_prefix: String::new(),
    };
    let (model_ver, settings) = ("toy@sha256:1".to_owned(), String::new());
    EmbedderIdentity { model_ver, dim: 2, schema, unit_norm: false, settings }
}

fn keys() -> Vec<Digest> {
    TEXTS.iter().map(Digest::of).collect()
}

fn rows() -> Embeddings {
    let values = (0..2 * TEXTS.len()).map(|i| i as f32).collect();
    let states = vec![RowState::Whole, RowState::Truncated, RowState::Whole, RowState::Whole];
    Embeddings { values, states }
}

/// The one file of the cache.
fn cache_file(folder: &Path) -> PathBuf {
    let mut entries = fs::read_dir(folder.join("cache")).expect("laid");
    entries.next().expect("a file").expect("an entry").path()
}

/// A record is as it was put, or as if it were not there; what is put is there.
fn text_cache(folder: &Path) -> Said {
    fs::copy(folder.join("cache.bytes"), cache_file(folder)).expect("a file");
    let cache = TextCacheFolder::open(&folder.join("cache")).map_err(|error| error.to_string())?;
    let told = |error: wfgy_core::PortError| error.to_string();
    let found = cache.get(&identity(), &keys()).map_err(told)?;
    for (got, put) in pairs(&found).zip(pairs(&rows())) {
        // A forged record needs a SHA-256 that agrees with it.
        assert!(got.0 == RowState::Missing || got == put, "{got:?} is not what was put: {put:?}");
    }
    cache.put(&identity(), &keys(), &rows()).map_err(told)?;
    for cache in [cache, TextCacheFolder::open(&folder.join("cache")).expect("it opened")] {
        let found = cache.get(&identity(), &keys()).map_err(told)?;
        assert!(pairs(&found).eq(pairs(&rows())), "what was put is there");
    }
    Ok(())
}

fn pairs(embeddings: &Embeddings) -> impl Iterator<Item = (RowState, &[f32])> {
    embeddings.states.iter().copied().zip(embeddings.values.chunks_exact(2))
}

/// Certificates that are taken are those of a service that nobody runs.
fn certificates(folder: &Path) -> Said {
    let mut options = OpenAiOptions::new("http://127.0.0.1:9", "model");
    options.authorities = Some(folder.join("authorities.pem"));
    options.retry = RetryPolicy { tries: 1, base: Duration::ZERO, cap: Duration::ZERO };
    match OpenAiEmbedder::open(options, Deadline::NONE) {
        Ok(_) | Err(OpenError::Service(_)) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}
