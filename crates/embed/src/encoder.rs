//! The forward pass of a BERT-family encoder.
//!
//! Devlin et al. 2019, post-norm as published. A batch is ragged: the tokens
//! of all its texts lie one after another, nothing is padded, and attention
//! sees one text at a time. Every matrix product is one of 16-bit codes and
//! exact in i32, everything else is f32 in one fixed order: a text's vector is
//! the same bits whatever else is in its batch, and on every kernel path.

use std::sync::Arc;

use rayon::prelude::*;
use wfgy_kernel::{Isa, dequantize, dequantize_add, gelu, gelu_tanh, layer_norm, relu};

use crate::OpenError;
use crate::attention::{AttentionScratch, Projected, attend};
use crate::linear::{Codes, Linear};
use crate::model_config::{Activation, ModelConfig, Pooling};
use crate::weights::{MappedRows, WeightFile, Weights};

/// Rows that go through a layer's products together: many, so that its weights are read seldom, but
/// few enough that their integer sums stay in the second-level cache.
const ROWS: usize = 96;

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
    file: Arc<WeightFile>,
    words: MappedRows,
    /// The position's embedding plus that of token type 0, the only one there is in one text.
    positions: Vec<f32>,
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

/// Activations of one forward pass.
struct State {
    /// `tokens × hidden`.
    x: Vec<f32>,
    /// The same as codes.
    codes: Codes,
    projected: Projected,
    context: Vec<f32>,
    /// Integer sums of one block of rows.
    sums: Vec<i32>,
    /// One row of the widest product.
    row: Vec<f32>,
    inner: Codes,
    attention: AttentionScratch,
}

impl Encoder {
    pub(crate) fn load(config: ModelConfig, file: Arc<WeightFile>) -> Result<Self, OpenError> {
        let weights = file.tensors("embeddings.word_embeddings.weight")?;
        let h = config.hidden;
        let words = weights.rows("embeddings.word_embeddings.weight", [config.vocabulary, h])?;
        let mut positions =
            weights.get("embeddings.position_embeddings.weight", &[config.positions, h])?;
        let kinds = weights.get("embeddings.token_type_embeddings.weight", &[config.types, h])?;
        for row in positions.chunks_exact_mut(h) {
            row.iter_mut().zip(&kinds[..h]).for_each(|(p, k)| *p += k);
        }
        let embedding_norm = Norm::load(&weights, "embeddings.LayerNorm", h)?;
        let layer = |i| Layer::load(&weights, i, h, config.intermediate);
        let layers: Vec<_> = (0..config.layers).into_par_iter().map(layer).collect();
        // Of several that are wrong the first is named.
        let layers = layers.into_iter().collect::<Result<_, _>>()?;
        Ok(Self { config, words, positions, embedding_norm, layers, file })
    }

    pub(crate) fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// One pooled vector a text, row-major, `texts × hidden`; not normalised.
    ///
    /// The caller has checked that every id is below the vocabulary's size.
    pub(crate) fn forward(&self, isa: Isa, batch: &Batch) -> Vec<f32> {
        let (h, heads) = (self.config.hidden, self.config.heads);
        let tokens = batch.ids.len();
        let mut x = self.embed(batch);
        self.normalize(isa, &self.embedding_norm, &mut x);
        let mut codes = Codes::new(tokens, h);
        codes.set(isa, 0, &x, h);
        let rows = tokens.min(ROWS);
        let widest = self.layers.iter().map(Layer::columns).max().unwrap_or(0);
        let mut state = State {
            x,
            codes,
            projected: Projected {
                queries: Codes::new(tokens * heads, h / heads),
                keys: Codes::new(tokens * heads, h / heads),
                values: vec![0.0; tokens * h],
            },
            context: vec![0.0; tokens * h],
            sums: vec![0; rows * widest],
            row: vec![0.0; (3 * h).max(self.config.intermediate)],
            inner: Codes::new(rows, self.config.intermediate),
            attention: AttentionScratch::default(),
        };
        for layer in &self.layers {
            self.layer(isa, layer, &batch.lengths, &mut state);
        }
        self.pool(&state.x, &batch.lengths)
    }

    /// The sum of word, position and type embeddings.
    fn embed(&self, batch: &Batch) -> Vec<f32> {
        let h = self.config.hidden;
        let mut x = Vec::with_capacity(batch.ids.len() * h);
        let places = batch.lengths.iter().flat_map(|n| 0..*n);
        for (id, place) in batch.ids.iter().zip(places) {
            let word = self.file.row(&self.words, *id as usize);
            let position = &self.positions[(place + self.config.position_offset) * h..][..h];
            x.extend(word.zip(position).map(|(w, p)| w + p));
        }
        x
    }

    fn layer(&self, isa: Isa, layer: &Layer, lengths: &[usize], s: &mut State) {
        let h = self.config.hidden;
        let tokens = s.x.len() / h;
        let blocks = || (0..tokens).step_by(ROWS).map(|first| (first, ROWS.min(tokens - first)));
        for (first, rows) in blocks() {
            self.project(isa, &layer.projection, first, rows, s);
        }
        let mut start = 0;
        for &n in lengths {
            let heads = self.config.heads;
            attend(isa, &s.projected, heads, start, n, &mut s.context, &mut s.attention);
            start += n;
        }
        for (first, rows) in blocks() {
            let block = first * h..(first + rows) * h;
            s.codes.set(isa, first, &s.context[block.clone()], h);
            let sums = layer.attention_output.multiply(isa, &s.codes, first, rows, &mut s.sums);
            let x = &mut s.x[block];
            add(isa, &layer.attention_output, sums, &s.codes.steps()[first..], x);
            self.normalize(isa, &layer.attention_norm, x);
            s.codes.set(isa, first, x, h);

            let sums = layer.up.multiply(isa, &s.codes, first, rows, &mut s.sums);
            let row = &mut s.row[..self.config.intermediate];
            for (i, sums) in sums.enumerate() {
                let (steps, bias) = (layer.up.steps(), layer.up.bias());
                dequantize(isa, sums, s.codes.steps()[first + i], steps, bias, row);
                match self.config.activation {
                    Activation::Gelu => gelu(isa, row),
                    Activation::GeluTanh => gelu_tanh(isa, row),
                    Activation::Relu => relu(isa, row),
                }
                s.inner.set(isa, i, row, self.config.intermediate);
            }
            let sums = layer.down.multiply(isa, &s.inner, 0, rows, &mut s.sums);
            add(isa, &layer.down, sums, s.inner.steps(), x);
            self.normalize(isa, &layer.output_norm, x);
            s.codes.set(isa, first, x, h);
        }
    }

    /// Queries, keys and values of a block of rows.
    fn project(&self, isa: Isa, projection: &Linear, first: usize, rows: usize, s: &mut State) {
        let (h, heads) = (self.config.hidden, self.config.heads);
        let sums = projection.multiply(isa, &s.codes, first, rows, &mut s.sums);
        let row = &mut s.row[..3 * h];
        for (token, sums) in (first..).zip(sums) {
            let step = s.codes.steps()[token];
            dequantize(isa, sums, step, projection.steps(), projection.bias(), row);
            s.projected.queries.set(isa, token * heads, &row[..h], h / heads);
            s.projected.keys.set(isa, token * heads, &row[h..2 * h], h / heads);
            s.projected.values[token * h..][..h].copy_from_slice(&row[2 * h..]);
        }
    }

    fn normalize(&self, isa: Isa, norm: &Norm, x: &mut [f32]) {
        layer_norm(isa, x, &norm.weight, &norm.bias, self.config.epsilon);
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

/// Adds the rows of a product to those of `x`.
fn add<'s>(
    isa: Isa,
    linear: &Linear,
    sums: impl Iterator<Item = &'s [i32]>,
    steps: &[f32],
    x: &mut [f32],
) {
    let rows = x.chunks_exact_mut(linear.bias().len());
    for ((sums, step), row) in sums.zip(steps).zip(rows) {
        dequantize_add(isa, sums, *step, linear.steps(), linear.bias(), row);
    }
}

impl Norm {
    fn load(weights: &Weights<'_>, name: &str, hidden: usize) -> Result<Self, OpenError> {
        Ok(Self {
            weight: weights.get(&format!("{name}.weight"), &[hidden])?,
            bias: weights.get(&format!("{name}.bias"), &[hidden])?,
        })
    }
}

impl Layer {
    fn load(weights: &Weights<'_>, i: usize, h: usize, wide: usize) -> Result<Self, OpenError> {
        let name = |part: &str| format!("encoder.layer.{i}.{part}");
        let parts = ["query", "key", "value"].map(|part| name(&format!("attention.self.{part}")));
        let one =
            |part: &str, outputs, inputs| Linear::load(weights, &[name(part)], outputs, inputs);
        Ok(Self {
            projection: Linear::load(weights, &parts, h, h)?,
            attention_output: one("attention.output.dense", h, h)?,
            attention_norm: Norm::load(weights, &name("attention.output.LayerNorm"), h)?,
            up: one("intermediate.dense", wide, h)?,
            down: one("output.dense", h, wide)?,
            output_norm: Norm::load(weights, &name("output.LayerNorm"), h)?,
        })
    }

    /// Columns of its widest product.
    fn columns(&self) -> usize {
        let products = [&self.projection, &self.attention_output, &self.up, &self.down];
        products.map(Linear::columns).into_iter().max().unwrap_or(0)
    }
}
