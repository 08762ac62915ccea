//! Models of the BERT family that are small enough to write in a test.

#![allow(dead_code, reason = "no test file uses all of it")]

use std::collections::BTreeMap;
use std::path::Path;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, serialize};

pub(crate) const HIDDEN: usize = 8;
pub(crate) const HEADS: usize = 2;
pub(crate) const LAYERS: usize = 2;
const INNER: usize = 12;
pub(crate) const POSITIONS: usize = 16;
const VOCABULARY: [&str; 9] =
    ["<s>", "<pad>", "</s>", "[UNK]", "index", "alias", "moves", "##s", "slowly"];
pub(crate) const EPSILON: f64 = 1e-5;

/// One of the family.
pub(crate) struct Variant {
    pub(crate) model_type: &'static str,
    pub(crate) prefix: &'static str,
    pub(crate) dtype: Dtype,
    pub(crate) activation: &'static str,
    pub(crate) pooling: &'static str,
    pub(crate) normalize: bool,
    pub(crate) offset: usize,
}

pub(crate) const VARIANTS: [Variant; 4] = [
    Variant {
        model_type: "bert",
        prefix: "",
        dtype: Dtype::F32,
        activation: "gelu",
        pooling: "mean_tokens",
        normalize: true,
        offset: 0,
    },
    Variant {
        model_type: "bert",
        prefix: "bert.",
        dtype: Dtype::F16,
        activation: "relu",
        pooling: "cls_token",
        normalize: false,
        offset: 0,
    },
    Variant {
        model_type: "xlm-roberta",
        prefix: "roberta.",
        dtype: Dtype::BF16,
        activation: "gelu_new",
        pooling: "mean_tokens",
        normalize: false,
        offset: 2,
    },
    Variant {
        model_type: "roberta",
        prefix: "",
        dtype: Dtype::F32,
        activation: "gelu",
        pooling: "cls_token",
        normalize: true,
        offset: 2,
    },
];

/// Names, shapes and values, rounded to what the variant's type can hold.
pub(crate) type Tensors = BTreeMap<String, (Vec<usize>, Vec<f64>)>;

/// Weights of a variant.
pub(crate) fn tensors(variant: &Variant) -> Tensors {
    let mut state = 7_u64;
    let mut out = Tensors::new();
    let mut add = |name: &str, shape: &[usize]| {
        let norm = name.contains("LayerNorm.weight");
        let values = (0..shape.iter().product())
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let x = (state >> 40) as f32 / (1 << 24) as f32 - 0.5;
                let x = if norm { 1.0 + 0.2 * x } else { x };
                f64::from(match variant.dtype {
                    Dtype::F16 => half::f16::from_f32(x).to_f32(),
                    Dtype::BF16 => half::bf16::from_f32(x).to_f32(),
                    _ => x,
                })
            })
            .collect();
        out.insert(name.to_owned(), (shape.to_vec(), values));
    };
    add("embeddings.word_embeddings.weight", &[VOCABULARY.len(), HIDDEN]);
    add("embeddings.position_embeddings.weight", &[POSITIONS, HIDDEN]);
    add("embeddings.token_type_embeddings.weight", &[1, HIDDEN]);
    let mut affine = |name: &str, shape: &[usize]| {
        add(&format!("{name}.weight"), shape);
        add(&format!("{name}.bias"), &shape[..1]);
    };
    affine("embeddings.LayerNorm", &[HIDDEN]);
    for i in 0..LAYERS {
        let layer = format!("encoder.layer.{i}");
        for part in ["self.query", "self.key", "self.value", "output.dense"] {
            affine(&format!("{layer}.attention.{part}"), &[HIDDEN, HIDDEN]);
        }
        affine(&format!("{layer}.attention.output.LayerNorm"), &[HIDDEN]);
        affine(&format!("{layer}.intermediate.dense"), &[INNER, HIDDEN]);
        affine(&format!("{layer}.output.dense"), &[HIDDEN, INNER]);
        affine(&format!("{layer}.output.LayerNorm"), &[HIDDEN]);
    }
    out
}

/// Writes the files of the model.
pub(crate) fn write_folder(folder: &Path, variant: &Variant, tensors: &Tensors) {
    let bytes: BTreeMap<String, (Vec<usize>, Vec<u8>)> = tensors
        .iter()
        .map(|(name, (shape, values))| {
            let data = values
                .iter()
                .flat_map(|x| match variant.dtype {
                    Dtype::F16 => half::f16::from_f64(*x).to_le_bytes().to_vec(),
                    Dtype::BF16 => half::bf16::from_f64(*x).to_le_bytes().to_vec(),
                    _ => (*x as f32).to_le_bytes().to_vec(),
                })
                .collect();
            (format!("{}{name}", variant.prefix), (shape.clone(), data))
        })
        .collect();
    let views = bytes.iter().map(|(name, (shape, data))| {
        (name, TensorView::new(variant.dtype, shape.clone(), data).expect("a tensor"))
    });
    let file = serialize(views, None).expect("safetensors");
    std::fs::write(folder.join("model.safetensors"), file).expect("weights");

    let config = serde_json::json!({
        "model_type": variant.model_type, "hidden_size": HIDDEN, "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS, "intermediate_size": INNER, "vocab_size": VOCABULARY.len(),
        "max_position_embeddings": POSITIONS, "type_vocab_size": 1, "layer_norm_eps": EPSILON,
        "hidden_act": variant.activation, "pad_token_id": 1,
    });
    let mut modules = vec![("", "Transformer"), ("1_Pooling", "Pooling")];
    if variant.normalize {
        modules.push(("2_Normalize", "Normalize"));
    }
    let modules: Vec<_> = modules
        .iter()
        .map(|(path, kind)| {
            let kind = format!("sentence_transformers.models.{kind}");
            serde_json::json!({"path": path, "type": kind})
        })
        .collect();
    let mode = format!("pooling_mode_{}", variant.pooling);
    let pooling = serde_json::json!({"word_embedding_dimension": HIDDEN, mode: true});
    let ids: BTreeMap<&str, usize> = VOCABULARY.iter().enumerate().map(|(i, t)| (*t, i)).collect();
    let special = |token: &str, id: usize| {
        serde_json::json!({"id": id, "content": token, "special": true, "single_word": false,
                           "lstrip": false, "rstrip": false, "normalized": false})
    };
    let tokenizer = serde_json::json!({
        "version": "1.0",
        "truncation": {"max_length": 4, "strategy": "LongestFirst", "stride": 0,
                       "direction": "Right"},
        "padding": {"strategy": {"Fixed": 4}, "direction": "Right", "pad_to_multiple_of": null,
                    "pad_id": 1, "pad_type_id": 0, "pad_token": "<pad>"},
        "added_tokens": [special("<s>", 0), special("<pad>", 1), special("</s>", 2)],
        "normalizer": {"type": "BertNormalizer", "clean_text": true,
                       "handle_chinese_chars": true, "strip_accents": null, "lowercase": true},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
                       {"Sequence": {"id": "A", "type_id": 0}},
                       {"SpecialToken": {"id": "</s>", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}},
                     {"Sequence": {"id": "B", "type_id": 0}}],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [0], "tokens": ["<s>"]},
                               "</s>": {"id": "</s>", "ids": [2], "tokens": ["</s>"]}}},
        "decoder": null,
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 100, "vocab": ids},
    });
    std::fs::create_dir(folder.join("1_Pooling")).expect("a folder");
    for (name, value) in [
        ("config.json", config),
        ("modules.json", serde_json::Value::Array(modules)),
        ("1_Pooling/config.json", pooling),
        ("tokenizer.json", tokenizer),
    ] {
        std::fs::write(folder.join(name), value.to_string()).expect("a file");
    }
}
