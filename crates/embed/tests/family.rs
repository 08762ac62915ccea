//! The BERT family on a tiny model: each variant against a plain forward pass in f64.
//!
//! all-MiniLM-L6-v2 is one point of the family (BERT, f32, mean pooling, gelu,
//! normalised); this file covers the others with weights made here.

use std::collections::BTreeMap;
use std::path::Path;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, serialize};
use wfgy_core::{Deadline, Digest, Embedder, TextCache};
use wfgy_embed::{BertEmbedder, BertOptions, TextCacheFolder};

const HIDDEN: usize = 8;
const HEADS: usize = 2;
const LAYERS: usize = 2;
const INNER: usize = 12;
const POSITIONS: usize = 16;
const VOCABULARY: [&str; 9] =
    ["<s>", "<pad>", "</s>", "[UNK]", "index", "alias", "moves", "##s", "slowly"];
const EPSILON: f64 = 1e-5;

/// Operands of a product are integers of 16 bits: each is off by at most 1.5e-5 of its row's
/// largest. After two layers of six products, values of about 1 are off by a few times that.
const TOLERANCE: f64 = 1e-4;

struct Variant {
    model_type: &'static str,
    prefix: &'static str,
    dtype: Dtype,
    activation: &'static str,
    pooling: &'static str,
    normalize: bool,
    offset: usize,
}

impl Variant {
    fn other_activation(&self) -> &'static str {
        if self.activation == "gelu" { "gelu_new" } else { "gelu" }
    }
}

const VARIANTS: [Variant; 4] = [
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
type Tensors = BTreeMap<String, (Vec<usize>, Vec<f64>)>;

fn tensors(variant: &Variant) -> Tensors {
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

fn write_folder(folder: &Path, variant: &Variant, tensors: &Tensors) {
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

/// The forward pass as the paper has it: one text, one number at a time, f64.
struct Plain<'a> {
    tensors: &'a Tensors,
    variant: &'a Variant,
}

impl Plain<'_> {
    fn affine(&self, name: &str, x: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let (shape, weight) = &self.tensors[&format!("{name}.weight")];
        let bias = &self.tensors[&format!("{name}.bias")].1;
        let cell = |row: &[f64], o: usize| {
            bias[o] + (0..shape[1]).map(|i| row[i] * weight[o * shape[1] + i]).sum::<f64>()
        };
        x.iter().map(|row| (0..shape[0]).map(|o| cell(row, o)).collect()).collect()
    }

    fn norm(&self, name: &str, x: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let weight = &self.tensors[&format!("{name}.weight")].1;
        let bias = &self.tensors[&format!("{name}.bias")].1;
        x.iter()
            .map(|row| {
                let mean = row.iter().sum::<f64>() / row.len() as f64;
                let variance =
                    row.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / row.len() as f64;
                let scale = (variance + EPSILON).sqrt();
                (0..row.len()).map(|i| (row[i] - mean) / scale * weight[i] + bias[i]).collect()
            })
            .collect()
    }

    fn activate(&self, x: f64) -> f64 {
        match self.variant.activation {
            "relu" => x.max(0.0),
            "gelu_new" => {
                let root = (2.0 / std::f64::consts::PI).sqrt();
                0.5 * x * (1.0 + (root * (x + 0.044_715 * x.powi(3))).tanh())
            }
            _ => {
                // Maclaurin series of the error function; arguments are small here.
                let z = x / 2.0_f64.sqrt();
                let (mut term, mut sum) = (z, z);
                for n in 1..200 {
                    term *= -z * z / f64::from(n);
                    sum += term / f64::from(2 * n + 1);
                }
                0.5 * x * (1.0 + sum * 2.0 / std::f64::consts::PI.sqrt())
            }
        }
    }

    fn attend(&self, layer: &str, x: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let part = |name: &str| self.affine(&format!("{layer}.attention.self.{name}"), x);
        let (q, k, v) = (part("query"), part("key"), part("value"));
        let d = HIDDEN / HEADS;
        let mut out = vec![vec![0.0; HIDDEN]; x.len()];
        for head in 0..HEADS {
            let range = head * d..(head + 1) * d;
            for i in 0..x.len() {
                let weights: Vec<f64> = (0..x.len())
                    .map(|j| range.clone().map(|c| q[i][c] * k[j][c]).sum::<f64>())
                    .map(|s| (s / (d as f64).sqrt()).exp())
                    .collect();
                let total: f64 = weights.iter().sum();
                for c in range.clone() {
                    out[i][c] = (0..x.len()).map(|j| weights[j] / total * v[j][c]).sum();
                }
            }
        }
        out
    }

    fn embed(&self, ids: &[usize]) -> Vec<f64> {
        let row = |name: &str, i: usize| {
            self.tensors[&format!("embeddings.{name}.weight")].1[i * HIDDEN..][..HIDDEN].to_vec()
        };
        let sum = |a: &[Vec<f64>], b: &[Vec<f64>]| -> Vec<Vec<f64>> {
            a.iter().zip(b).map(|(a, b)| a.iter().zip(b).map(|(a, b)| a + b).collect()).collect()
        };
        let words: Vec<_> = ids.iter().map(|id| row("word_embeddings", *id)).collect();
        let places: Vec<_> =
            (0..ids.len()).map(|i| row("position_embeddings", i + self.variant.offset)).collect();
        let kinds = vec![row("token_type_embeddings", 0); ids.len()];
        let mut x = self.norm("embeddings.LayerNorm", &sum(&sum(&words, &places), &kinds));
        for i in 0..LAYERS {
            let layer = format!("encoder.layer.{i}");
            let attended = self.attend(&layer, &x);
            let a = self.affine(&format!("{layer}.attention.output.dense"), &attended);
            x = self.norm(&format!("{layer}.attention.output.LayerNorm"), &sum(&x, &a));
            let mut inner = self.affine(&format!("{layer}.intermediate.dense"), &x);
            inner.iter_mut().flatten().for_each(|v| *v = self.activate(*v));
            let b = self.affine(&format!("{layer}.output.dense"), &inner);
            x = self.norm(&format!("{layer}.output.LayerNorm"), &sum(&x, &b));
        }
        let mut pooled = match self.variant.pooling {
            "cls_token" => x[0].clone(),
            _ => (0..HIDDEN)
                .map(|c| x.iter().map(|row| row[c]).sum::<f64>() / x.len() as f64)
                .collect(),
        };
        if self.variant.normalize {
            let norm = pooled.iter().map(|v| v * v).sum::<f64>().sqrt();
            pooled.iter_mut().for_each(|v| *v /= norm);
        }
        pooled
    }
}

#[test]
fn every_variant_of_the_family_equals_the_plain_forward_pass() {
    let texts: [(&str, &[usize]); 4] = [
        ("Alias moves slowly", &[0, 5, 6, 8, 2]),
        ("", &[0, 2]),
        ("indexs unknown", &[0, 4, 7, 3, 2]),
        ("alias alias index moves slowly index", &[0, 5, 5, 4, 6, 8, 4, 2]),
    ];
    for variant in &VARIANTS {
        let dir = tempfile::tempdir().expect("a folder");
        let tensors = tensors(variant);
        write_folder(dir.path(), variant, &tensors);
        let model =
            BertEmbedder::open(dir.path(), &BertOptions::default()).expect("the model opens");
        assert_eq!(model.identity().unit_norm, variant.normalize);
        assert_eq!(model.identity().schema.max_tokens, POSITIONS - variant.offset);
        let given: Vec<&str> = texts.iter().map(|(text, _)| *text).collect();
        let made = model.embed(&given, Deadline::NONE).expect("vectors");
        let other = Variant { activation: variant.other_activation(), ..*variant };
        let (mut squares, mut squares_of_other) = (0.0, 0.0);
        for (i, (text, ids)) in texts.iter().enumerate() {
            let want = Plain { tensors: &tensors, variant }.embed(ids);
            let wrong = Plain { tensors: &tensors, variant: &other }.embed(ids);
            for ((a, b), c) in made.row(i).expect("a row").iter().zip(&want).zip(&wrong) {
                let off = (f64::from(*a) - b).abs();
                assert!(off < TOLERANCE, "{} {text:?}: off by {off}", variant.model_type);
                squares += off * off;
                squares_of_other += (f64::from(*a) - c).powi(2);
            }
        }
        // Two forms of GELU are nearly one at arguments as small as these; rounding is smaller.
        assert!(squares * 2.0 < squares_of_other, "{squares} {squares_of_other}");
    }
}

#[test]
fn vectors_of_the_same_weights_under_other_settings_or_tokens_are_not_taken_from_a_cache() {
    let models = tempfile::tempdir().expect("a folder");
    let cache = TextCacheFolder::open(&models.path().join("cache")).expect("a cache");
    let variant = &VARIANTS[0];
    let tensors = tensors(variant);
    let open = |name: &str, file: &str, from: &str, to: &str| {
        let at = models.path().join(name);
        std::fs::create_dir(&at).expect("a folder");
        write_folder(&at, variant, &tensors);
        let text = std::fs::read_to_string(at.join(file)).expect("a file");
        assert!(text.contains(from), "{text}");
        std::fs::write(at.join(file), text.replace(from, to)).expect("written");
        BertEmbedder::open(&at, &BertOptions::default()).expect("the model opens")
    };
    let model = open("model", "config.json", "", "");
    let key = [Digest::of("alias")];
    let made = model.embed(&["alias"], Deadline::NONE).expect("a vector");
    cache.put(model.identity(), &key, &made).expect("written");
    let held = |model: &BertEmbedder| {
        cache.get(model.identity(), &key).expect("it can be read").row(0).map(<[f32]>::to_vec)
    };
    assert_eq!(held(&open("same", "config.json", "", "")).as_deref(), made.row(0));
    for other in [
        open("activation", "config.json", "\"gelu\"", "\"relu\""),
        open("epsilon", "config.json", "\"layer_norm_eps\":0.00001", "\"layer_norm_eps\":0.0001"),
        open("heads", "config.json", "\"num_attention_heads\":2", "\"num_attention_heads\":4"),
        open("tokens", "tokenizer.json", "\"lowercase\":true", "\"lowercase\":false"),
    ] {
        assert_eq!(other.identity().model_ver, model.identity().model_ver);
        assert_eq!(other.identity().schema, model.identity().schema);
        assert_eq!(held(&other), None, "{}", other.identity().settings);
    }
}
