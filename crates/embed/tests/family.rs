//! The BERT family on a tiny model: each variant against a plain forward pass in f64.
//!
//! all-MiniLM-L6-v2 is one point of the family (BERT, f32, mean pooling, gelu,
//! normalised); this file covers the others with weights made here.

mod tiny;

use tiny::{
    EPSILON, HEADS, HIDDEN, LAYERS, POSITIONS, Tensors, VARIANTS, Variant, tensors, write_folder,
};
use wfgy_core::{Deadline, Digest, Embedder, TextCache};
use wfgy_embed::{BertEmbedder, BertOptions, TextCacheFolder};

/// Operands of a product are integers of 16 bits: each is off by at most 1.5e-5 of its row's
/// largest. After two layers of six products, values of about 1 are off by a few times that.
const TOLERANCE: f64 = 1e-4;

impl Variant {
    fn other_activation(&self) -> &'static str {
        if self.activation == "gelu" { "gelu_new" } else { "gelu" }
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
