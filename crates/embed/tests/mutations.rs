//! Every reader of this crate on damaged copies of every file that it reads: it never panics and
//! never takes memory that the file does not justify, its error is one line that names the file,
//! and weights or ids that it takes have another digest in their name.

#[path = "../../../tests/mutated.rs"]
mod mutated;
mod tiny;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use mutated::{Mutations, peak};
use tiny::{VARIANTS, tensors, write_folder};
use wfgy_core::{Deadline, Digest, Embedder};
use wfgy_embed::{
    BertEmbedder, BertOptions, OpenError, PrecomputedEmbedder, PrecomputedOptions,
    WordPieceTokenizer,
};

/// Damaged copies of each file.
const CASES: usize = 600;

/// What the readers of all cases may take together: a wrong length in a header asks for more.
const MEMORY: u64 = 1 << 30;

/// Texts of words that the models here know, of others, and of none.
const TEXTS: [&str; 4] = ["Alias moves slowly", "", "indexs unknown caf\u{e9}", "\u{1f642} [UNK]"];

/// Opens and asks it; gives EMBED_MODEL_VER.
type Asked = Result<String, OpenError>;

/// Asks an embedder that was opened: it may refuse a text, but its vectors are as many as it says.
fn asked(model: &dyn Embedder) -> String {
    let identity = model.identity();
    for text in TEXTS {
        if let Ok(made) = model.embed(&[text], Deadline::NONE) {
            assert_eq!(made.values.len(), identity.dim, "{text:?}");
        }
        if let Ok(tokens) = model.tokenizer().encode(text) {
            assert_eq!(tokens.ids.len(), tokens.spans.len(), "{text:?}");
        }
    }
    identity.model_ver.clone()
}

/// Opens what stands in `folder` after `file` of it was damaged, again and again; `named`: whoever
/// takes other bytes than the whole file's gives them another name.
fn survive(folder: &Path, file: &str, named: bool, open: impl Fn() -> Asked) {
    let path = folder.join(file);
    let whole = fs::read(&path).expect("a file");
    let version = open().unwrap_or_else(|error| panic!("the whole file is read: {error}"));
    let before = peak();
    let mut refused = 0;
    for (case, mutated) in Mutations::of(&whole, 0x5eed).take(CASES).enumerate() {
        fs::write(&path, &mutated).expect("it is written");
        let kept = || {
            let kept = std::env::temp_dir().join("wfgy_mutated");
            fs::write(&kept, &mutated).expect("it is written");
            format!("{file}, case {case}, kept in {}", kept.display())
        };
        match catch_unwind(AssertUnwindSafe(&open)) {
            Err(_) => panic!("a panic: {}", kept()),
            Ok(Ok(other)) => {
                let is_named = !named || mutated == whole || other != version;
                assert!(is_named, "{other} stands for other bytes: {}", kept());
            }
            Ok(Err(error)) => {
                refused += 1;
                let told = error.to_string();
                let at = folder.to_str().expect("a path in UTF-8");
                assert!(told.starts_with(at), "{told}: {}", kept());
                assert!(!told.contains('\n'), "{told:?}: {}", kept());
            }
        }
    }
    fs::write(&path, &whole).expect("it is written");
    assert!(refused > CASES / 10, "{file}: {refused} of {CASES} damages were seen");
    let taken = peak().saturating_sub(before);
    assert!(taken < MEMORY, "{file}: {taken} bytes more than before");
}

#[test]
fn damaged_model_folders_are_refused_by_name() {
    for variant in &VARIANTS {
        let dir = tempfile::tempdir().expect("a folder");
        write_folder(dir.path(), variant, &tensors(variant));
        let sentence = r#"{"max_seq_length": 12, "do_lower_case": false}"#;
        fs::write(dir.path().join("sentence_bert_config.json"), sentence).expect("a file");
        let prompts = r#"{"prompts": {"query": "query: "}, "default_prompt_name": "query"}"#;
        let prompt_file = "config_sentence_transformers.json";
        fs::write(dir.path().join(prompt_file), prompts).expect("a file");
        let open = || {
            let model = BertEmbedder::open(dir.path(), &BertOptions::default())?;
            Ok(asked(&model))
        };
        survive(dir.path(), "model.safetensors", true, open);
        for file in [
            "tokenizer.json",
            "config.json",
            "modules.json",
            "1_Pooling/config.json",
            "sentence_bert_config.json",
            prompt_file,
        ] {
            survive(dir.path(), file, false, open);
        }
    }
}

#[test]
fn damaged_vectors_and_ids_of_somebody_else_are_refused_by_name() {
    let dir = tempfile::tempdir().expect("a folder");
    let vectors = dir.path().join("made.npy");
    let ids = PrecomputedEmbedder::ids_beside(&vectors);
    let mut bytes = Vec::new();
    let values: Vec<f32> = (0..TEXTS.len() * 3).map(|i| i as f32 + 0.5).collect();
    wfgy_formats::npy::write(&mut bytes, 3, &values).expect("memory takes all");
    fs::write(&vectors, bytes).expect("a file");
    let lines: String = TEXTS.iter().map(|text| format!("{}\n", Digest::of(text))).collect();
    fs::write(&ids, lines).expect("a file");
    let open = || {
        let model = PrecomputedEmbedder::open(&vectors, &ids, &PrecomputedOptions::default())?;
        Ok(asked(&model))
    };
    survive(dir.path(), "made.ids", true, open);
    survive(dir.path(), "made.npy", false, open);
}

#[test]
fn damaged_vocabularies_make_a_tokenizer_or_an_error() {
    let whole = "[PAD]\n[UNK]\nalias\n##s\nmoves\n東\n.\n";
    let mut refused = 0;
    for mutated in Mutations::of(whole.as_bytes(), 0x5eed).take(CASES) {
        match WordPieceTokenizer::from_vocabulary(&mutated, "toy") {
            Ok(tokenizer) => {
                let tokenizer: &dyn wfgy_core::Tokenizer = &tokenizer;
                for text in TEXTS {
                    drop(tokenizer.encode(text));
                }
            }
            Err(error) => {
                refused += 1;
                assert!(!error.to_string().contains('\n'), "{error}");
            }
        }
    }
    assert!(refused > CASES / 10, "{refused} of {CASES}");
}
