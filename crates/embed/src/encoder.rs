//! The forward pass of a BERT-family encoder.
//!
//! Devlin et al. 2019, post-norm as published. A batch is ragged: the tokens
//! of all its texts lie one after another, nothing is padded, and attention
//! sees one text at a time. A matrix product computes each row on its own, in
//! an order that depends on the inner dimension only, so a text's vector does
//! not depend on what else is in its batch.

use wfgy_kernel::multiply_transposed;

use crate::OpenError;
use crate::activation::{gelu, gelu_tanh, layer_norm, relu, softmax};
use crate::model_config::{Activation, ModelConfig, Pooling};
use crate::weights::Weights;

/// A linear map: `weight` is outputs × inputs, row-major.
struct Linear {
    weight: Vec<f32>,
    bias: Vec<f32>,
}

struct Norm {
    weight: Vec<f32>,
    bias: Vec<f32>,
}

struct Layer {
    /// Query, key and value stacked: 3 · hidden outputs.
    projection: Linear,
    attention_output: Linear,
    attention_norm: Norm,
    up: Linear,
    down: Linear,
    output_norm: Norm,
}

/// A loaded model without its tokenizer.
pub(crate) struct Encoder {
    config: ModelConfig,
    words: Vec<f32>,
    positions: Vec<f32>,
    /// The embedding of token type 0, the only one there is in one text.
    kind: Vec<f32>,
    embedding_norm: Norm,
    layers: Vec<Layer>,
}

/// Token ids of some texts, one after another.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    ids: Vec<u32>,
    lengths: Vec<usize>,
}

impl Batch {
    /// Adds a text; it must have at least two tokens, which special tokens see to.
    pub(crate) fn push(&mut self, ids: &[u32]) {
        self.ids.extend_from_slice(ids);
        self.lengths.push(ids.len());
    }
}

/// Memory of one forward pass, kept between layers.
struct Scratch {
    projected: Vec<f32>,
    context: Vec<f32>,
    inner: Vec<f32>,
    hidden: Vec<f32>,
}

impl Encoder {
    pub(crate) fn load(config: ModelConfig, weights: &Weights<'_>) -> Result<Self, OpenError> {
        let (h, wide) = (config.hidden, config.intermediate);
        let norm = |name: &str| {
            Ok::<_, OpenError>(Norm {
                weight: weights.get(&format!("{name}.weight"), &[h])?,
                bias: weights.get(&format!("{name}.bias"), &[h])?,
            })
        };
        let linear = |name: &str, outputs: usize, inputs: usize| {
            Ok::<_, OpenError>(Linear {
                weight: weights.get(&format!("{name}.weight"), &[outputs, inputs])?,
                bias: weights.get(&format!("{name}.bias"), &[outputs])?,
            })
        };
        let layers = (0..config.layers)
            .map(|i| {
                let name = |part: &str| format!("encoder.layer.{i}.{part}");
                let mut projection = linear(&name("attention.self.query"), h, h)?;
                for part in ["attention.self.key", "attention.self.value"] {
                    let next = linear(&name(part), h, h)?;
                    projection.weight.extend(next.weight);
                    projection.bias.extend(next.bias);
                }
                Ok(Layer {
                    projection,
                    attention_output: linear(&name("attention.output.dense"), h, h)?,
                    attention_norm: norm(&name("attention.output.LayerNorm"))?,
                    up: linear(&name("intermediate.dense"), wide, h)?,
                    down: linear(&name("output.dense"), h, wide)?,
                    output_norm: norm(&name("output.LayerNorm"))?,
                })
            })
            .collect::<Result<_, OpenError>>()?;
        let mut kind =
            weights.get("embeddings.token_type_embeddings.weight", &[config.types, h])?;
        kind.truncate(h);
        Ok(Self {
            words: weights.get("embeddings.word_embeddings.weight", &[config.vocabulary, h])?,
            positions: weights
                .get("embeddings.position_embeddings.weight", &[config.positions, h])?,
            kind,
            embedding_norm: norm("embeddings.LayerNorm")?,
            layers,
            config,
        })
    }

    pub(crate) fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// One pooled vector a text, row-major, `texts × hidden`; not normalised.
    ///
    /// The caller has checked that every id is below the vocabulary's size.
    pub(crate) fn forward(&self, batch: &Batch) -> Vec<f32> {
        let h = self.config.hidden;
        let tokens = batch.ids.len();
        let mut x = self.embed(batch);
        let mut scratch = Scratch {
            projected: vec![0.0; tokens * 3 * h],
            context: vec![0.0; tokens * h],
            inner: vec![0.0; tokens * self.config.intermediate],
            hidden: vec![0.0; tokens * h],
        };
        for layer in &self.layers {
            self.layer(layer, &batch.lengths, &mut x, &mut scratch);
        }
        self.pool(&x, &batch.lengths)
    }

    fn embed(&self, batch: &Batch) -> Vec<f32> {
        let h = self.config.hidden;
        let mut x = Vec::with_capacity(batch.ids.len() * h);
        let places = batch.lengths.iter().flat_map(|n| 0..*n);
        for (id, place) in batch.ids.iter().zip(places) {
            let word = &self.words[*id as usize * h..][..h];
            let position = &self.positions[(place + self.config.position_offset) * h..][..h];
            x.extend(word.iter().zip(position).zip(&self.kind).map(|((w, p), k)| w + p + k));
        }
        self.normalize_rows(&mut x, &self.embedding_norm);
        x
    }

    fn layer(&self, layer: &Layer, lengths: &[usize], x: &mut [f32], s: &mut Scratch) {
        apply(&layer.projection, x, &mut s.projected);
        self.attend(lengths, &s.projected, &mut s.context);
        apply(&layer.attention_output, &s.context, &mut s.hidden);
        add(x, &s.hidden);
        self.normalize_rows(x, &layer.attention_norm);
        apply(&layer.up, x, &mut s.inner);
        match self.config.activation {
            Activation::Gelu => gelu(&mut s.inner),
            Activation::GeluTanh => gelu_tanh(&mut s.inner),
            Activation::Relu => relu(&mut s.inner),
        }
        apply(&layer.down, &s.inner, &mut s.hidden);
        add(x, &s.hidden);
        self.normalize_rows(x, &layer.output_norm);
    }

    /// Scaled dot-product attention, text by text and head by head.
    fn attend(&self, lengths: &[usize], projected: &[f32], context: &mut [f32]) {
        let h = self.config.hidden;
        let d = h / self.config.heads;
        let scale = 1.0 / (d as f32).sqrt();
        let longest = lengths.iter().copied().max().unwrap_or(0);
        let (mut q, mut k) = (vec![0.0; longest * d], vec![0.0; longest * d]);
        let (mut v, mut out) = (vec![0.0; longest * d], vec![0.0; longest * d]);
        let mut scores = vec![0.0; longest * longest];
        let mut start = 0;
        for &n in lengths {
            let rows = &projected[start * 3 * h..(start + n) * 3 * h];
            for head in 0..self.config.heads {
                for (i, row) in rows.chunks_exact(3 * h).enumerate() {
                    for j in 0..d {
                        q[i * d + j] = row[head * d + j] * scale;
                        k[i * d + j] = row[h + head * d + j];
                        v[j * n + i] = row[2 * h + head * d + j];
                    }
                }
                let scores = &mut scores[..n * n];
                multiply_transposed(n, n, d, &q[..n * d], &k[..n * d], scores);
                scores.chunks_exact_mut(n).for_each(softmax);
                multiply_transposed(n, d, n, scores, &v[..n * d], &mut out[..n * d]);
                for (i, row) in out[..n * d].chunks_exact(d).enumerate() {
                    context[(start + i) * h + head * d..][..d].copy_from_slice(row);
                }
            }
            start += n;
        }
    }

    fn normalize_rows(&self, x: &mut [f32], norm: &Norm) {
        for row in x.chunks_exact_mut(self.config.hidden) {
            layer_norm(row, &norm.weight, &norm.bias, self.config.epsilon);
        }
    }

    fn pool(&self, x: &[f32], lengths: &[usize]) -> Vec<f32> {
        let h = self.config.hidden;
        let mut out = Vec::with_capacity(lengths.len() * h);
        let mut start = 0;
        for &n in lengths {
            let rows = &x[start * h..(start + n) * h];
            match self.config.pooling {
                Pooling::Cls => out.extend_from_slice(&rows[..h]),
                Pooling::Mean => {
                    let mut sum = vec![0.0_f64; h];
                    for row in rows.chunks_exact(h) {
                        sum.iter_mut().zip(row).for_each(|(s, v)| *s += f64::from(*v));
                    }
                    out.extend(sum.iter().map(|s| (s / n as f64) as f32));
                }
            }
            start += n;
        }
        out
    }
}

/// `out = x · weightᵀ + bias`, row by row.
fn apply(linear: &Linear, x: &[f32], out: &mut [f32]) {
    let outputs = linear.bias.len();
    let inputs = linear.weight.len() / outputs;
    multiply_transposed(x.len() / inputs, outputs, inputs, x, &linear.weight, out);
    for row in out.chunks_exact_mut(outputs) {
        add(row, &linear.bias);
    }
}

fn add(x: &mut [f32], y: &[f32]) {
    x.iter_mut().zip(y).for_each(|(x, y)| *x += y);
}
