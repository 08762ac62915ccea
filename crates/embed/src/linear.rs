//! Linear maps over rows of 16-bit codes.

use wfgy_kernel::{Isa, Panels, multiply16, quantize};

use crate::OpenError;
use crate::weights::Weights;

/// Rows of f32 as codes with one step each.
#[derive(Debug, Default)]
pub(crate) struct Codes {
    pairs: Vec<[i16; 2]>,
    steps: Vec<f32>,
    /// Pairs of a row.
    stride: usize,
}

impl Codes {
    /// Room for `rows` rows of `width` values.
    pub(crate) fn new(rows: usize, width: usize) -> Self {
        let stride = width.div_ceil(2);
        Self { pairs: vec![[0; 2]; rows * stride], steps: vec![0.0; rows], stride }
    }

    /// Sets the rows from `first` on to those of `values`, each `width` long.
    pub(crate) fn set(&mut self, isa: Isa, first: usize, values: &[f32], width: usize) {
        let rows = values.len() / width;
        let pairs = &mut self.pairs[first * self.stride..(first + rows) * self.stride];
        quantize(isa, values, width, pairs, &mut self.steps[first..first + rows]);
    }

    /// The pairs from row `first` on.
    pub(crate) fn pairs_from(&self, first: usize) -> &[[i16; 2]] {
        &self.pairs[first * self.stride..]
    }

    /// The steps of all rows.
    pub(crate) fn steps(&self) -> &[f32] {
        &self.steps
    }

    /// Pairs of a row.
    pub(crate) fn stride(&self) -> usize {
        self.stride
    }
}

/// A linear map whose weights are packed once, a step an output.
pub(crate) struct Linear {
    panels: Panels,
    steps: Vec<f32>,
    bias: Vec<f32>,
}

impl Linear {
    /// Reads and stacks the maps `names`, each from `inputs` values to `outputs`.
    pub(crate) fn load(
        weights: &Weights<'_>,
        names: &[String],
        outputs: usize,
        inputs: usize,
    ) -> Result<Self, OpenError> {
        let (mut matrix, mut bias) = (Vec::new(), Vec::new());
        for name in names {
            matrix.extend(weights.get(&format!("{name}.weight"), &[outputs, inputs])?);
            bias.extend(weights.get(&format!("{name}.bias"), &[outputs])?);
        }
        let mut codes = Codes::new(bias.len(), inputs);
        codes.set(Isa::active(), 0, &matrix, inputs);
        let panels = Panels::pack(&codes.pairs, bias.len());
        Ok(Self { panels, steps: codes.steps, bias })
    }

    /// Columns of [`multiply`](Self::multiply)'s sums.
    pub(crate) fn columns(&self) -> usize {
        self.panels.columns()
    }

    /// A step an output.
    pub(crate) fn steps(&self) -> &[f32] {
        &self.steps
    }

    /// A value an output.
    pub(crate) fn bias(&self) -> &[f32] {
        &self.bias
    }

    /// Integer sums of `rows` rows of `x` from `first` on, into the front of `sums`.
    pub(crate) fn multiply<'s>(
        &self,
        isa: Isa,
        x: &Codes,
        first: usize,
        rows: usize,
        sums: &'s mut [i32],
    ) -> std::slice::ChunksExact<'s, i32> {
        let sums = &mut sums[..rows * self.columns()];
        multiply16(isa, x.pairs_from(first), x.stride, &self.panels, sums);
        sums.chunks_exact(self.columns())
    }
}
