//! Rows of f32 as 16-bit integers with one step each.
//!
//! A row x becomes q = round(x / step) with |q| ≤ 32,767 and Euclidean norm at
//! most 2¹⁵·⁵, so that by Cauchy–Schwarz the product of two such rows fits an
//! i32 whatever their length: products of matrices are then exact, and equal
//! on every kernel path.

use crate::lanes::{LANES, ROUND, padded};
use crate::vectorized::vectorized;

/// Largest magnitude of a code.
pub(crate) const CODE_MAX: f32 = 32_767.0;

/// Largest norm of a row of codes before rounding.
///
/// Rounding adds at most √k / 2, which is 128 at the k ≤ 65,536 that
/// [`quantize`] takes: 46,200 + 128 < √(2³¹) = 46,340.9.
const NORM_MAX: f32 = 46_200.0;

/// The longest row.
const WIDTH_MAX: usize = 1 << 16;

/// `x` rounded to an integer, ties to even; |x| ≤ 32,767.
#[inline(always)]
pub(crate) fn code(x: f32) -> i16 {
    (x + ROUND).to_bits() as i16
}

vectorized! {
    /// Rows of `width` values to codes and a step each: x ≈ step · code.
    ///
    /// `codes` takes every row in ⌈width / 2⌉ pairs, the last of which ends in 0
    /// where `width` is odd. The error of a value is at most half a step. A row
    /// with a value that is not finite, or is beyond about 10¹⁹, gets the step NaN,
    /// which makes everything computed from it NaN.
    ///
    /// # Panics
    /// Where the slices disagree about the number of rows, or `width` is 0 or above 65,536.
    pub fn quantize<V>(values: &[f32], width: usize, codes: &mut [[i16; 2]], steps: &mut [f32]) {
        assert!((1..=WIDTH_MAX).contains(&width), "1 to 65,536 values a row");
        assert_eq!(values.len(), steps.len() * width, "a step a row");
        assert_eq!(codes.len(), steps.len() * width.div_ceil(2), "⌈width / 2⌉ pairs a row");
        let rows = values.chunks_exact(width).zip(codes.chunks_exact_mut(width.div_ceil(2)));
        for ((row, codes), step) in rows.zip(steps) {
            let (chunks, rest) = row.as_chunks::<LANES>();
            let (mut largest, mut squares) = (V::splat(0.0), V::splat(0.0));
            for chunk in chunks {
                let x = V::load(chunk);
                largest = x.abs().greater(largest);
                squares = squares + x * x;
            }
            if !rest.is_empty() {
                let x = V::load(&padded(rest));
                largest = x.abs().greater(largest);
                squares = squares + x * x;
            }
            let (largest, norm) = (largest.greatest(), squares.sum().sqrt());
            // Below 1e-30 a row is zero to everything that is computed from it.
            let fitting = (largest / CODE_MAX).max(norm / NORM_MAX).max(1e-30);
            *step = if norm.is_finite() { fitting } else { f32::NAN };
            let scale = 1.0 / fitting;
            let flat = codes.as_flattened_mut();
            let (exact, padding) = flat.split_at_mut(width);
            let (exact, exact_rest) = exact.as_chunks_mut::<LANES>();
            let (scales, round) = (V::splat(scale), V::splat(ROUND));
            for (codes, chunk) in exact.iter_mut().zip(chunks) {
                (V::load(chunk) * scales + round).store_codes(codes);
            }
            for (c, x) in exact_rest.iter_mut().zip(rest) {
                *c = code(x * scale);
            }
            padding.fill(0);
        }
    }
}

vectorized! {
    /// `out[j] = sums[j] · step · steps[j] + bias[j]`: a row of a product of codes as f32.
    ///
    /// `sums` may be longer than `out`: what the product padded is passed over.
    ///
    /// # Panics
    /// Where `sums` is shorter than `out`, or `steps` or `bias` has another length.
    pub fn dequantize(sums: &[i32], step: f32, steps: &[f32], bias: &[f32], out: &mut [f32]) {
        let n = out.len();
        assert!(steps.len() == n && bias.len() == n, "a step and a bias a column");
        for (((o, c), s), b) in out.iter_mut().zip(&sums[..n]).zip(steps).zip(bias) {
            *o = *c as f32 * (step * s) + b;
        }
    }
}

vectorized! {
    /// [`dequantize`] added to what `out` holds.
    ///
    /// # Panics
    /// As [`dequantize`].
    pub fn dequantize_add(sums: &[i32], step: f32, steps: &[f32], bias: &[f32], out: &mut [f32]) {
        let n = out.len();
        assert!(steps.len() == n && bias.len() == n, "a step and a bias a column");
        for (((o, c), s), b) in out.iter_mut().zip(&sums[..n]).zip(steps).zip(bias) {
            *o += *c as f32 * (step * s) + b;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Isa;

    fn values(n: usize) -> Vec<f32> {
        (0..n).map(|i| ((i * 37 % 101) as f32 - 50.0) * 0.031).collect()
    }

    #[test]
    fn a_code_is_within_half_a_step_and_no_product_of_rows_leaves_i32() {
        for isa in Isa::available() {
            for width in [1, 2, 3, 16, 17, 384, 1536, WIDTH_MAX] {
                for mut row in [values(width), vec![1.0; width], vec![-3e18 / 256.0; width]] {
                    row[width / 2] *= 7.0;
                    let mut codes = vec![[9, 9]; width.div_ceil(2)];
                    let mut step = [0.0];
                    quantize(isa, &row, width, &mut codes, &mut step);
                    let flat = codes.as_flattened();
                    let norm: i64 = flat.iter().map(|c| i64::from(*c).pow(2)).sum();
                    assert!(norm <= i64::from(i32::MAX), "{isa} {width}: {norm}");
                    for (c, x) in flat.iter().zip(&row) {
                        let off = (f64::from(*c) - f64::from(*x) / f64::from(step[0])).abs();
                        assert!(off <= 0.51, "{isa} {width}: {off}");
                    }
                    assert!(flat[width..].iter().all(|c| *c == 0));
                }
            }
        }
    }

    #[test]
    fn rows_that_are_not_finite_have_no_step_and_zero_rows_are_zero() {
        for isa in Isa::available() {
            for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30] {
                let mut row = values(40);
                row[21] = bad;
                let mut step = [1.0];
                quantize(isa, &row, 40, &mut [[0; 2]; 20], &mut step);
                assert!(step[0].is_nan(), "{isa} {bad}");
            }
            let (mut codes, mut steps) = ([[1; 2]; 4], [0.0; 2]);
            quantize(isa, &[0.0, 0.0, 0.0, 1e-42, -1e-42, 0.0], 3, &mut codes, &mut steps);
            assert_eq!(codes, [[0; 2]; 4]);
            assert!(steps.iter().all(|s| *s > 0.0));
        }
    }

    #[test]
    fn every_path_gives_the_same_bits() {
        let row = values(77);
        let sums: Vec<i32> = (0..80).map(|i| i * 91_382 - 1_000_000).collect();
        let run = |isa| {
            let (mut codes, mut steps) = (vec![[0; 2]; 7 * 6], vec![0.0; 7]);
            quantize(isa, &row, 11, &mut codes, &mut steps);
            let mut out = vec![0.0; 77];
            dequantize(isa, &sums, 3e-5, &row, &row, &mut out);
            dequantize_add(isa, &sums, 1e-5, &row, &row, &mut out);
            let bits: Vec<u32> = out.iter().chain(&steps).map(|x| x.to_bits()).collect();
            (codes, bits)
        };
        for isa in Isa::available() {
            assert!(run(isa) == run(Isa::Portable), "{isa}");
        }
        let mut out = [0.0; 2];
        dequantize(Isa::Portable, &[3, -4, 99], 0.5, &[2.0, 1.0], &[0.25, 0.0], &mut out);
        assert_eq!(out, [3.25, -2.0]);
    }
}
