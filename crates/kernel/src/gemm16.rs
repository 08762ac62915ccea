//! Products of 16-bit integer matrices, exact in i32.
//!
//! The right-hand side is packed once into panels that every kernel path reads
//! in the same order; sums are integers, so every path gives the same ones.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(any(test, target_arch = "x86_64"))]
mod tiled;

use crate::Isa;
use crate::fixed_point::{CODE_MAX, code};
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

    /// Packs `values` transposed: row `i` holds input `i` of every output and stands at `i · stride`.
    ///
    /// An output's codes are round(value / step) in ± 32,767; its step goes to `steps`, and is NaN
    /// where one of its values is not finite.
    ///
    /// # Panics
    /// Where `values` is too short for `inputs` rows of `steps.len()` values.
    pub fn quantize_transposed(
        &mut self,
        isa: Isa,
        values: &[f32],
        stride: usize,
        inputs: usize,
        steps: &mut [f32],
    ) {
        self.reshape(steps.len(), inputs.div_ceil(2));
        column_steps(isa, values, stride, inputs, steps);
        interleave(isa, values, stride, inputs, steps, &mut self.rows);
    }

    /// Zeros of another shape.
    fn reshape(&mut self, outputs: usize, pairs: usize) {
        self.outputs = outputs;
        self.pairs = pairs;
        self.rows.clear();
        self.rows.resize(outputs.div_ceil(PANEL) * pairs, ZERO);
    }

    /// Every panel with its number and, in `parts` parts, the panel after it: weights of a model
    /// are too many for the nearer caches, so they are fetched while the panel before is at work.
    #[cfg(target_arch = "x86_64")]
    fn in_turn(
        &self,
        parts: usize,
    ) -> impl Iterator<Item = (usize, &[PairRow], std::slice::Chunks<'_, PairRow>)> {
        let after = |p: usize| self.rows.get((p + 1) * self.pairs..(p + 2) * self.pairs);
        let part = self.pairs.div_ceil(parts);
        let panels = self.rows.chunks_exact(self.pairs).enumerate();
        panels.map(move |(p, panel)| (p, panel, after(p).unwrap_or_default().chunks(part)))
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
    fn column_steps(values: &[f32], stride: usize, inputs: usize, steps: &mut [f32]) {
        let outputs = steps.len();
        steps.fill(0.0);
        for i in 0..inputs {
            for (step, x) in steps.iter_mut().zip(&values[i * stride..][..outputs]) {
                // Unlike a maximum, a comparison that NaN always fails lets it in and keeps it.
                *step = if x.abs() <= *step || step.is_nan() { *step } else { x.abs() };
            }
        }
        for step in steps {
            let fitting = (*step / CODE_MAX).max(1e-30);
            *step = if step.is_finite() { fitting } else { f32::NAN };
        }
    }
}

vectorized! {
    fn interleave(
        values: &[f32],
        stride: usize,
        inputs: usize,
        steps: &[f32],
        rows: &mut [PairRow],
    ) {
        let pairs = inputs.div_ceil(2);
        for (p, steps) in steps.chunks(PANEL).enumerate() {
            let mut scales = [0.0; PANEL];
            for (scale, step) in scales.iter_mut().zip(steps) {
                *scale = 1.0 / step;
            }
            let panel = &mut rows[p * pairs..][..pairs];
            for i in 0..inputs {
                let row = &values[i * stride + p * PANEL..][..steps.len()];
                let packed = &mut panel[i / 2].0;
                for ((pair, x), scale) in packed.iter_mut().zip(row).zip(&scales) {
                    pair[i % 2] = code(x * scale);
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
        Isa::Amx if rows >= TILED_ROWS && b.pairs >= TILED_PAIRS => unsafe {
            multiply_amx(a, stride, b, c);
        },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Isa::Avx512Vnni | Isa::Amx => unsafe { avx512::multiply_vnni(a, stride, b, c) },
        _ => multiply_portable(a, stride, b, c),
    }
}

/// Rows, and pairs of inputs, from which on tiles are filled well enough to be worth it: below,
/// the AMX path multiplies by VNNI. Reckoned from the instructions' rates, not measured.
#[cfg(target_arch = "x86_64")]
const TILED_ROWS: usize = 16;
#[cfg(target_arch = "x86_64")]
const TILED_PAIRS: usize = 64;

/// The product by tiles of bytes.
///
/// # Safety
/// The processor has the path.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
unsafe fn multiply_amx(a: &[[i16; 2]], stride: usize, b: &Panels, c: &mut [i32]) {
    // SAFETY: the caller's; nothing below configures tiles.
    let mut tiles = unsafe { crate::tiles::Amx::configure() };
    tiled::multiply(&mut tiles, a, stride, b, c);
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
    use crate::tiles::Emulated;

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

    type Product<'a> = Box<dyn Fn(&[[i16; 2]], usize, &Panels, &mut [i32]) + 'a>;

    /// The product on every path of this processor, and by tiles in plain Rust.
    fn products() -> Vec<(&'static str, Product<'static>)> {
        let on = |isa: Isa| -> Product<'static> {
            Box::new(move |a, stride, b, c| multiply16(isa, a, stride, b, c))
        };
        let mut all: Vec<(_, Product<'_>)> =
            Isa::available().map(|isa| (isa.name(), on(isa))).collect();
        all.push((
            "emulated tiles",
            Box::new(|a, stride, b, c| tiled::multiply(&mut Emulated::new(), a, stride, b, c)),
        ));
        all
    }

    #[test]
    fn product_is_the_naive_one_on_every_path_at_odd_shapes() {
        for (path, product) in products() {
            for (m, n, pairs) in [
                (1, 1, 1),
                (5, 31, 3),
                (6, 32, 16),
                (13, 33, 17),
                (12, 64, 192),
                (26, 97, 5),
                (16, 16, 32),
                (17, 40, 33),
                (33, 70, 95),
            ] {
                for stride in [pairs, pairs + 3] {
                    let a = codes(m * stride, 1);
                    let b = codes(n * pairs, 2);
                    let panels = Panels::pack(&b, n);
                    let columns = panels.columns();
                    assert_eq!((columns, panels.pairs()), (n.next_multiple_of(32), pairs));
                    let mut c = vec![-1; m * columns];
                    product(&a, stride, &panels, &mut c);
                    for i in 0..m {
                        for j in 0..columns {
                            let want = if j < n {
                                naive(&a[i * stride..][..pairs], &b[j * pairs..][..pairs])
                            } else {
                                0
                            };
                            assert_eq!(c[i * columns + j], want, "{path} {m}×{n}×{pairs} {i},{j}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn extreme_codes_do_not_saturate_on_any_path() {
        let ends = [32_767, -32_767, 255, -256, 256, -255, 128, -129, 0, -1];
        // 70 pairs a row, so that tiles are full, and every end meets every other.
        let row = |r: usize| (0..70).map(move |t| [ends[(t + r) % 10], ends[(t * (r + 1)) % 10]]);
        let a: Vec<[i16; 2]> = (0..20).flat_map(row).collect();
        for (path, product) in products() {
            let panels = Panels::pack(&a, 20);
            let mut c = vec![0; 20 * 32];
            product(&a, 70, &panels, &mut c);
            for (i, x) in a.chunks(70).enumerate() {
                for (j, y) in a.chunks(70).enumerate() {
                    assert_eq!(c[i * 32 + j], naive(x, y), "{path} {i},{j}");
                }
            }
        }
    }

    #[test]
    fn sums_wrap_alike_on_every_path() {
        // 200 products of 2³⁰: beyond i32, where callers never go.
        let a = vec![[32_767, 32_767]; 16 * 100];
        for (path, product) in products() {
            let mut c = vec![0; 16 * 32];
            product(&a, 100, &Panels::pack(&a, 16), &mut c);
            assert!(c[..16].iter().all(|sum| *sum == naive(&a[..100], &a[..100])), "{path}");
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
    fn transposed_packing_is_packing_of_the_transpose_to_half_a_step() {
        for isa in Isa::available() {
            for (inputs, outputs) in [(1, 1), (7, 32), (8, 33), (3, 70)] {
                let stride = outputs + 5;
                let values: Vec<f32> =
                    (0..inputs * stride).map(|i| (i * 29 % 83) as f32 - 41.0).collect();
                let mut made = Panels::pack(&codes(12, 9), 3);
                let mut steps = vec![0.0; outputs];
                made.quantize_transposed(isa, &values, stride, inputs, &mut steps);
                let pairs = inputs.div_ceil(2);
                let mut rows = vec![[0_i16; 2]; outputs * pairs];
                for (o, step) in steps.iter().enumerate() {
                    let column = |i: usize| values[i * stride + o];
                    let largest = (0..inputs).map(|i| column(i).abs()).fold(0.0, f32::max);
                    assert_eq!(*step, (largest / 32_767.0).max(1e-30));
                    for i in 0..inputs {
                        let x = (column(i) * (1.0 / step)).round_ties_even();
                        rows[o * pairs + i / 2][i % 2] = x as i16;
                    }
                }
                assert!(made == Panels::pack(&rows, outputs), "{isa} {inputs}×{outputs}");
            }
        }
    }

    #[test]
    fn an_output_with_a_value_that_is_not_finite_has_no_step() {
        for isa in Isa::available() {
            for bad in [f32::NAN, f32::INFINITY] {
                let mut steps = [0.0; 2];
                let values = [1.0, 2.0, bad, 3.0, 4.0, 5.0];
                Panels::default().quantize_transposed(isa, &values, 2, 3, &mut steps);
                assert!(steps[0].is_nan() && steps[1] == 5.0 / 32_767.0, "{isa} {steps:?}");
            }
        }
    }
}
