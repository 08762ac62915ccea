//! Products of 16-bit integer matrices, exact in i32.
//!
//! The right-hand side is packed once into panels that every kernel path reads
//! in the same order; sums are integers, so every path gives the same ones.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;

use crate::Isa;
use crate::vectorized::vectorized;

/// Outputs of a panel.
const PANEL: usize = 32;

/// Two consecutive inputs of the outputs of a panel: `[output][input]`.
///
/// As long as two cache lines and aligned to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C, align(64))]
struct PairRow([[i16; 2]; PANEL]);

const ZERO: PairRow = PairRow([[0; 2]; PANEL]);

/// The right-hand side of a product: `outputs × inputs` codes.
///
/// Panels of 32 outputs, one after another; in a panel, for every pair of
/// inputs, the 32 outputs' pairs side by side. Outputs are padded with zeros to
/// a multiple of 32, inputs to a multiple of 2.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Panels {
    rows: Vec<PairRow>,
    outputs: usize,
    pairs: usize,
}

impl Panels {
    /// Packs `outputs` rows, each of as many pairs as `codes` has for it.
    ///
    /// # Panics
    /// Where `codes` is not `outputs` rows of one length.
    pub fn pack(codes: &[[i16; 2]], outputs: usize) -> Self {
        let mut panels = Self::default();
        let pairs = codes.len() / outputs.max(1);
        assert_eq!(codes.len(), outputs * pairs, "rows of one length");
        panels.repack(codes, pairs, outputs, pairs);
        panels
    }

    /// [`pack`](Self::pack) into the memory at hand: output `o` is `codes[o · stride..][..pairs]`.
    ///
    /// # Panics
    /// Where `codes` is too short for that.
    pub fn repack(&mut self, codes: &[[i16; 2]], stride: usize, outputs: usize, pairs: usize) {
        self.reshape(outputs, pairs);
        if pairs == 0 {
            return;
        }
        for (o, panel) in self.rows.chunks_exact_mut(pairs).enumerate() {
            let first = o * PANEL;
            for lane in 0..PANEL.min(outputs - first) {
                let row = &codes[(first + lane) * stride..][..pairs];
                for (pair_row, code) in panel.iter_mut().zip(row) {
                    pair_row.0[lane] = *code;
                }
            }
        }
    }

    /// Packs the codes of `values` transposed: `values` holds a row of `outputs` values an input,
    /// row `i` at `i · stride`, and output `o`'s codes are `round(value · scales[o])`.
    ///
    /// The caller chooses scales that keep codes within ± 32,767.
    ///
    /// # Panics
    /// Where `values` is too short for `inputs` rows.
    pub fn repack_transposed(
        &mut self,
        isa: Isa,
        values: &[f32],
        stride: usize,
        inputs: usize,
        scales: &[f32],
    ) {
        self.reshape(scales.len(), inputs.div_ceil(2));
        interleave(isa, values, stride, inputs, scales, &mut self.rows);
    }

    /// Zeros of another shape.
    fn reshape(&mut self, outputs: usize, pairs: usize) {
        self.outputs = outputs;
        self.pairs = pairs;
        self.rows.clear();
        self.rows.resize(outputs.div_ceil(PANEL) * pairs, ZERO);
    }

    /// Columns of a product: outputs, padded to a multiple of 32.
    pub fn columns(&self) -> usize {
        self.outputs.next_multiple_of(PANEL)
    }

    /// Pairs of inputs.
    pub fn pairs(&self) -> usize {
        self.pairs
    }
}

vectorized! {
    fn interleave(
        values: &[f32],
        stride: usize,
        inputs: usize,
        scales: &[f32],
        rows: &mut [PairRow],
    ) {
        let pairs = inputs.div_ceil(2);
        for i in 0..inputs {
            let row = &values[i * stride..][..scales.len()];
            for (p, (values, scales)) in row.chunks(PANEL).zip(scales.chunks(PANEL)).enumerate() {
                let packed = &mut rows[p * pairs + i / 2].0;
                for ((pair, x), s) in packed.iter_mut().zip(values).zip(scales) {
                    pair[i % 2] = crate::fixed_point::code(x * s);
                }
            }
        }
    }
}

/// `c = a · bᵀ`, exact modulo 2³²: row `i` of `a` is the `b.pairs()` pairs at `i · stride`,
/// `c` has `b.columns()` columns.
///
/// Codes lie in ± 32,767. Runs on the calling thread.
///
/// # Panics
/// Where `c` is not whole rows, `a` is too short for them, or the processor lacks `isa`.
pub fn multiply16(isa: Isa, a: &[[i16; 2]], stride: usize, b: &Panels, c: &mut [i32]) {
    assert!(isa.is_available(), "this processor lacks the kernel path {isa}");
    let columns = b.columns();
    if columns == 0 || c.is_empty() {
        return;
    }
    let rows = c.len() / columns;
    assert_eq!(c.len(), rows * columns, "c is whole rows");
    assert!(a.len() >= (rows - 1) * stride + b.pairs, "a is rows of b.pairs() pairs");
    if b.pairs == 0 {
        c.fill(0);
        return;
    }
    match isa {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the processor has the path and the shapes fit, both asserted above.
        Isa::Avx2 => unsafe { avx2::multiply(a, stride, b, c) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Isa::Avx512 => unsafe { avx512::multiply(a, stride, b, c) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Isa::Avx512Vnni | Isa::Amx => unsafe { avx512::multiply_vnni(a, stride, b, c) },
        _ => multiply_portable(a, stride, b, c),
    }
}

fn multiply_portable(a: &[[i16; 2]], stride: usize, b: &Panels, c: &mut [i32]) {
    for (i, row) in c.chunks_exact_mut(b.columns()).enumerate() {
        let a = &a[i * stride..][..b.pairs];
        let panels = b.rows.chunks_exact(b.pairs);
        for (panel, out) in panels.zip(row.as_chunks_mut::<PANEL>().0) {
            let mut sums = [0_i32; PANEL];
            for (x, pair_row) in a.iter().zip(panel) {
                let (x0, x1) = (i32::from(x[0]), i32::from(x[1]));
                for (sum, y) in sums.iter_mut().zip(&pair_row.0) {
                    let pair = (x0 * i32::from(y[0])).wrapping_add(x1 * i32::from(y[1]));
                    *sum = sum.wrapping_add(pair);
                }
            }
            *out = sums;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(n: usize, seed: u32) -> Vec<[i16; 2]> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((state >> 16) as i16).max(-32_767)
        };
        (0..n).map(|_| [next(), next()]).collect()
    }

    fn naive(a: &[[i16; 2]], b: &[[i16; 2]]) -> i32 {
        let products = a.as_flattened().iter().zip(b.as_flattened());
        products.fold(0, |sum, (x, y)| sum.wrapping_add(i32::from(*x) * i32::from(*y)))
    }

    #[test]
    fn product_is_the_naive_one_on_every_path_at_odd_shapes() {
        for isa in Isa::available() {
            for (m, n, pairs) in
                [(1, 1, 1), (5, 31, 3), (6, 32, 16), (13, 33, 17), (12, 64, 192), (26, 97, 5)]
            {
                for stride in [pairs, pairs + 3] {
                    let a = codes(m * stride, 1);
                    let b = codes(n * pairs, 2);
                    let panels = Panels::pack(&b, n);
                    let columns = panels.columns();
                    assert_eq!((columns, panels.pairs()), (n.next_multiple_of(32), pairs));
                    let mut c = vec![-1; m * columns];
                    multiply16(isa, &a, stride, &panels, &mut c);
                    for i in 0..m {
                        for j in 0..columns {
                            let want = if j < n {
                                naive(&a[i * stride..][..pairs], &b[j * pairs..][..pairs])
                            } else {
                                0
                            };
                            assert_eq!(c[i * columns + j], want, "{isa} {m}×{n}×{pairs} {i},{j}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn extreme_codes_do_not_saturate_on_any_path() {
        let a = [[32_767, 32_767], [-32_767, -32_767], [32_767, -32_767]];
        for isa in Isa::available() {
            let panels = Panels::pack(&a, 1);
            let mut c = [0; 32];
            multiply16(isa, &a, 3, &panels, &mut c);
            assert_eq!(c[0], naive(&a, &a), "{isa}");
        }
    }

    #[test]
    fn empty_products_are_zero() {
        for isa in Isa::available() {
            let mut c = [7; 64];
            multiply16(isa, &[], 0, &Panels::pack(&[], 20), &mut c);
            assert_eq!(c, [0; 64]);
            multiply16(isa, &[], 0, &Panels::default(), &mut []);
        }
    }

    #[test]
    #[should_panic(expected = "a is rows of b.pairs() pairs")]
    fn a_left_side_that_is_too_short_is_refused() {
        let panels = Panels::pack(&codes(6, 3), 2);
        multiply16(Isa::Portable, &codes(5, 3), 3, &panels, &mut [0; 64]);
    }

    #[test]
    fn transposed_packing_equals_packing_of_the_transpose() {
        for isa in Isa::available() {
            for (inputs, outputs) in [(1, 1), (7, 32), (8, 33), (3, 70)] {
                let stride = outputs + 5;
                let values: Vec<f32> =
                    (0..inputs * stride).map(|i| (i * 29 % 83) as f32 - 41.0).collect();
                let scales: Vec<f32> = (0..outputs).map(|o| 1.0 + o as f32 / 7.0).collect();
                let mut made = Panels::pack(&codes(12, 9), 3);
                made.repack_transposed(isa, &values, stride, inputs, &scales);
                let pairs = inputs.div_ceil(2);
                let mut rows = vec![[0_i16; 2]; outputs * pairs];
                for o in 0..outputs {
                    for i in 0..inputs {
                        let x = (values[i * stride + o] * scales[o]).round_ties_even();
                        rows[o * pairs + i / 2][i % 2] = x as i16;
                    }
                }
                assert!(made == Panels::pack(&rows, outputs), "{isa} {inputs}×{outputs}");
            }
        }
    }
}
