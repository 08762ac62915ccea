//! Softmax over the integer scores of attention, to 16-bit weights.

use crate::activation::exp_negative;
use crate::fixed_point::code;
use crate::lanes::{self, LANES};
use crate::vectorized::vectorized;

/// What the weights of a row sum to before rounding.
///
/// Rounding at most doubles a weight, so a row's weights sum to at most 64,000,
/// and their product with codes of ± 32,767 fits an i32 however many there are.
const TOTAL: f32 = 32_000.0;

vectorized! {
    /// Rows of scores to weights: row `i` of `weights` is softmax(`steps[i] · key_steps[j] · sums[i][j]`)
    /// over `j` as integers, of which `totals[i]` is the sum.
    ///
    /// Rows of `sums` are `columns` apart; `weights` takes ⌈keys / 2⌉ pairs a row, the last of which ends
    /// in 0 where the number of keys is odd. A step that is NaN gives a total that is NaN.
    /// Every path gives the same bits.
    ///
    /// # Panics
    /// Where a slice is shorter than `totals`, as a number of rows, says.
    pub fn softmax16(
        sums: &[i32],
        columns: usize,
        steps: &[f32],
        key_steps: &[f32],
        weights: &mut [[i16; 2]],
        totals: &mut [f32],
    ) {
        let keys = key_steps.len();
        let pairs = keys.div_ceil(2);
        // Scores beyond the last key weigh nothing.
        let mut scratch = vec![f32::MIN; keys.next_multiple_of(LANES)];
        for (i, total) in totals.iter_mut().enumerate() {
            let sums = &sums[i * columns..][..keys];
            let scores = &mut scratch[..keys];
            for ((score, sum), step) in scores.iter_mut().zip(sums).zip(key_steps) {
                *score = *sum as f32 * (steps[i] * step);
            }
            let largest = lanes::max(&scratch, f32::MIN, |x| x);
            let mut parts = [0.0_f32; LANES];
            for chunk in scratch.as_chunks_mut::<LANES>().0 {
                for (part, x) in parts.iter_mut().zip(chunk) {
                    *x = exp_negative(*x - largest);
                    *part += *x;
                }
            }
            let scale = TOTAL / lanes::add(parts);
            // The end of the scratch is exp(−87): it rounds to 0.
            let mut counts = [0_i32; LANES];
            let row = weights[i * pairs..][..pairs].as_flattened_mut();
            for (out, chunk) in row.chunks_mut(LANES).zip(scratch.as_chunks::<LANES>().0) {
                let mut codes = [0; LANES];
                for lane in 0..LANES {
                    codes[lane] = code(chunk[lane] * scale);
                    counts[lane] += i32::from(codes[lane]);
                }
                match out.as_mut_array::<LANES>() {
                    Some(out) => *out = codes,
                    None => out.copy_from_slice(&codes[..out.len()]),
                }
            }
            let whole = counts.iter().sum::<i32>() as f32;
            *total = if scale.is_finite() { whole } else { f32::NAN };
            scratch[keys..].fill(f32::MIN);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Isa;

    #[test]
    fn weights_over_their_total_are_the_softmax_and_the_same_on_every_path() {
        for keys in [1_usize, 2, 15, 16, 17, 33, 188, 512] {
            let (rows, columns) = (3, keys + 7);
            let sums: Vec<i32> =
                (0..rows * columns).map(|i| (i as i32 * 7_919 % 20_011 - 10_000) * 40).collect();
            let key_steps: Vec<f32> = (0..keys).map(|j| 1e-5 + j as f32 * 1e-8).collect();
            let steps = [0.5, 1.0, 2.0];
            let run = |isa| {
                let mut weights = vec![[9_i16; 2]; rows * keys.div_ceil(2)];
                let mut totals = [0.0; 3];
                softmax16(isa, &sums, columns, &steps, &key_steps, &mut weights, &mut totals);
                (weights, totals)
            };
            let (weights, totals) = run(Isa::Portable);
            for i in 0..rows {
                let row = weights[i * keys.div_ceil(2)..][..keys.div_ceil(2)].as_flattened();
                let sum: i64 = row.iter().map(|w| i64::from(*w)).sum();
                assert!(sum <= 64_000 && sum as f32 == totals[i], "{keys}: {sum}");
                assert!(row[keys..].iter().all(|w| *w == 0));
                let score = |j: usize| {
                    f64::from(sums[i * columns + j]) * f64::from(steps[i]) * f64::from(key_steps[j])
                };
                let top = (0..keys).map(score).fold(f64::MIN, f64::max);
                let exps: Vec<f64> = (0..keys).map(|j| (score(j) - top).exp()).collect();
                let all: f64 = exps.iter().sum();
                for j in 0..keys {
                    let want = exps[j] / all;
                    let off = (f64::from(row[j]) / f64::from(totals[i]) - want).abs();
                    let bound = (0.5 + want * keys as f64 * 0.5) / 31_000.0;
                    assert!(off < bound, "{keys} {i},{j}: {off}");
                }
            }
            for isa in Isa::available() {
                assert!(run(isa) == (weights.clone(), totals), "{isa} {keys}");
            }
        }
    }

    #[test]
    fn a_step_that_is_nan_gives_no_total() {
        for isa in Isa::available() {
            for (step, key_step) in [(f32::NAN, 1.0), (1.0, f32::NAN)] {
                let mut totals = [0.0];
                softmax16(isa, &[3; 5], 5, &[step], &[key_step; 5], &mut [[0; 2]; 3], &mut totals);
                assert!(totals[0].is_nan(), "{isa}");
            }
        }
    }
}
