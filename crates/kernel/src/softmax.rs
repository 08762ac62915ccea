//! Softmax over the integer scores of attention, to 16-bit weights.

use crate::activation::exp_negative;
use crate::lanes::{LANES, ROUND};
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
    /// Rows of `sums` are `columns` apart, at least as many as the keys rounded up to a multiple of
    /// 16; `weights` takes half as many pairs as that multiple a row, and ends in 0 after the last
    /// key. A step that is NaN gives a total that is NaN. Every path gives the same bits.
    ///
    /// # Panics
    /// Where there is no key, `columns` is less than its chunks, `weights` is not as long as said, or
    /// `sums` or `steps` has fewer rows than `totals`.
    pub fn softmax16<V>(
        sums: &[i32],
        columns: usize,
        steps: &[f32],
        key_steps: &[f32],
        weights: &mut [[i16; 2]],
        totals: &mut [f32],
    ) {
        let keys = key_steps.len();
        assert!(keys > 0 && columns >= keys.next_multiple_of(LANES), "rows of whole chunks");
        let chunks = keys.div_ceil(LANES);
        assert_eq!(weights.len(), totals.len() * chunks * LANES / 2, "whole chunks a row");
        let mut scratch = vec![[0.0_f32; LANES]; 2 * chunks];
        let (factors, scores) = scratch.split_at_mut(chunks);
        factors.as_flattened_mut()[..keys].copy_from_slice(key_steps);
        let rows = weights.as_flattened_mut().chunks_exact_mut(chunks * LANES);
        for ((i, row), total) in rows.enumerate().zip(totals) {
            let sums = sums[i * columns..][..chunks * LANES].as_chunks::<LANES>().0;
            let step = V::splat(steps[i]);
            let mut largest = V::splat(f32::MIN);
            for (chunk, ((scores, sums), factors)) in
                scores.iter_mut().zip(sums).zip(&*factors).enumerate()
            {
                let mut score = V::load_integers(sums) * (step * V::load(factors));
                if chunk == chunks - 1 {
                    score.store(scores);
                    // Scores beyond the last key weigh nothing.
                    scores[keys - chunk * LANES..].fill(f32::MIN);
                    score = V::load(scores);
                }
                score.store(scores);
                largest = score.greater(largest);
            }
            let largest = V::splat(largest.greatest());
            let mut sum = V::splat(0.0);
            for scores in &mut *scores {
                let e = exp_negative(V::load(scores) - largest);
                e.store(scores);
                sum = sum + e;
            }
            let scale = TOTAL / sum.sum();
            // Beyond the last key stands exp(−87): it rounds to 0. Sums of codes are exact in f32.
            let (scales, round) = (V::splat(scale), V::splat(ROUND));
            let mut count = V::splat(0.0);
            for (codes, scores) in row.as_chunks_mut::<LANES>().0.iter_mut().zip(&*scores) {
                let rounded = V::load(scores) * scales + round;
                rounded.store_codes(codes);
                count = count + (rounded - round);
            }
            *total = if scale.is_finite() { count.sum() } else { f32::NAN };
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
            let pairs = keys.div_ceil(16) * 8;
            let (rows, columns) = (3, 2 * pairs + 7);
            let sums: Vec<i32> =
                (0..rows * columns).map(|i| (i as i32 * 7_919 % 20_011 - 10_000) * 40).collect();
            let key_steps: Vec<f32> = (0..keys).map(|j| 1e-5 + j as f32 * 1e-8).collect();
            let steps = [0.5, 1.0, 2.0];
            let run = |isa| {
                let mut weights = vec![[9_i16; 2]; rows * pairs];
                let mut totals = [0.0; 3];
                softmax16(isa, &sums, columns, &steps, &key_steps, &mut weights, &mut totals);
                (weights, totals)
            };
            let (weights, totals) = run(Isa::Portable);
            for i in 0..rows {
                let row = weights[i * pairs..][..pairs].as_flattened();
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
                softmax16(
                    isa,
                    &[3; 16],
                    16,
                    &[step],
                    &[key_step; 5],
                    &mut [[0; 2]; 8],
                    &mut totals,
                );
                assert!(totals[0].is_nan(), "{isa}");
            }
        }
    }
}
