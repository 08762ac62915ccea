//! Layer normalisation (Ba, Kiros, Hinton 2016).

use crate::lanes;
use crate::vectorized::vectorized;

vectorized! {
    /// Brings each row of `weight.len()` values to mean 0 and variance 1, then to
    /// `x · weight + bias`, in place; the variance is the biased one plus `epsilon`.
    ///
    /// Every path gives the same bits.
    ///
    /// # Panics
    /// Where `values` is not whole rows, or `bias` is not as long as `weight`.
    pub fn layer_norm(values: &mut [f32], weight: &[f32], bias: &[f32], epsilon: f32) {
        let width = weight.len();
        assert_eq!(bias.len(), width, "a bias a weight");
        assert!(values.len().is_multiple_of(width), "whole rows");
        for row in values.chunks_exact_mut(width) {
            let mean = lanes::sum(row, |x| x) / width as f32;
            let variance = lanes::sum(row, |x| (x - mean) * (x - mean)) / width as f32;
            let scale = 1.0 / (variance + epsilon).sqrt();
            for ((x, w), b) in row.iter_mut().zip(weight).zip(bias) {
                *x = (*x - mean) * scale * w + b;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Isa;

    #[test]
    fn rows_are_normalised_one_by_one_and_the_same_on_every_path() {
        for width in [1, 7, 37, 384] {
            let values: Vec<f32> = (0..3 * width).map(|i| (i * i % 23) as f32 + 100.0).collect();
            let weight: Vec<f32> = (0..width).map(|i| 1.0 + i as f32 / 64.0).collect();
            let bias: Vec<f32> = (0..width).map(|i| i as f32 / 32.0 - 1.0).collect();
            let run = |isa| {
                let mut out = values.clone();
                layer_norm(isa, &mut out, &weight, &bias, 1e-5);
                out
            };
            let made = run(Isa::Portable);
            for (row, out) in values.chunks(width).zip(made.chunks(width)) {
                let n = width as f64;
                let mean = row.iter().map(|x| f64::from(*x)).sum::<f64>() / n;
                let variance = row.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>() / n;
                for (i, x) in row.iter().enumerate() {
                    let unit = (f64::from(*x) - mean) / (variance + 1e-5).sqrt();
                    let want = unit * f64::from(weight[i]) + f64::from(bias[i]);
                    assert!((f64::from(out[i]) - want).abs() < 1e-4, "{width}: {} {want}", out[i]);
                }
            }
            for isa in Isa::available() {
                assert!(run(isa).iter().zip(&made).all(|(a, b)| a.to_bits() == b.to_bits()));
            }
        }
    }
}
