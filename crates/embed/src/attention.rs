//! Scaled dot-product attention of one text (Vaswani et al. 2017), in 16-bit codes.

use wfgy_kernel::{Isa, Panels, dequantize, multiply16, softmax16};

use crate::linear::Codes;

/// Query rows that go through a head together: their scores stay in the first-level cache for texts
/// of up to about 100 tokens, in the second for longer ones.
const ROWS: usize = 48;

/// What attention needs of a batch's tokens: a row of codes a token and head, values in f32.
pub(crate) struct Projected {
    pub(crate) queries: Codes,
    pub(crate) keys: Codes,
    /// `tokens × hidden`.
    pub(crate) values: Vec<f32>,
}

/// Memory of [`attend`], kept between texts.
#[derive(Default)]
pub(crate) struct AttentionScratch {
    keys: Panels,
    values: Panels,
    value_steps: Vec<f32>,
    steps: Vec<f32>,
    key_steps: Vec<f32>,
    sums: Vec<i32>,
    weights: Vec<[i16; 2]>,
    totals: Vec<f32>,
    zeros: Vec<f32>,
}

/// Attention of the text whose `n` tokens begin at token `start`, into its rows of `context`
/// (`tokens × hidden`): nothing outside the text is looked at.
pub(crate) fn attend(
    isa: Isa,
    projected: &Projected,
    heads: usize,
    start: usize,
    n: usize,
    context: &mut [f32],
    s: &mut AttentionScratch,
) {
    let hidden = context.len() * heads / projected.queries.steps().len();
    let d = hidden / heads;
    let scale = 1.0 / (d as f32).sqrt();
    let stride = heads * projected.keys.stride();
    s.value_steps.resize(d, 0.0);
    s.zeros.resize(d, 0.0);
    for head in 0..heads {
        // Code rows are token by token, then head by head.
        let row = |token: usize| (start + token) * heads + head;
        let keys = projected.keys.pairs_from(row(0));
        s.keys.repack(keys, stride, n, projected.keys.stride());
        s.key_steps.clear();
        s.key_steps.extend((0..n).map(|t| projected.keys.steps()[row(t)]));
        let values = &projected.values[start * hidden + head * d..];
        s.values.quantize_transposed(isa, values, hidden, n, &mut s.value_steps);
        for first in (0..n).step_by(ROWS) {
            let rows = ROWS.min(n - first);
            s.steps.clear();
            s.steps
                .extend((first..first + rows).map(|t| projected.queries.steps()[row(t)] * scale));
            s.sums.resize(rows * s.keys.columns(), 0);
            let queries = projected.queries.pairs_from(row(first));
            multiply16(isa, queries, stride, &s.keys, &mut s.sums);
            // Softmax writes whole chunks of 16.
            let pairs = n.div_ceil(16) * 8;
            s.weights.resize(rows * pairs, [0; 2]);
            s.totals.resize(rows, 0.0);
            let columns = s.keys.columns();
            softmax16(isa, &s.sums, columns, &s.steps, &s.key_steps, &mut s.weights, &mut s.totals);
            s.sums.resize(rows * s.values.columns(), 0);
            multiply16(isa, &s.weights, pairs, &s.values, &mut s.sums);
            let sums = s.sums.chunks_exact(s.values.columns());
            for (i, (sums, total)) in sums.zip(&s.totals).enumerate() {
                let out = &mut context[(start + first + i) * hidden + head * d..][..d];
                dequantize(isa, sums, 1.0 / total, &s.value_steps, &s.zeros, out);
            }
        }
    }
}
