//! Elementwise functions of the encoder, written so that the compiler vectorises them.

/// The error function, to 5e-7 absolute.
///
/// Rational approximation of degree 13 over 8 in f32, odd by construction and
/// saturated at |x| = 4, where erf differs from ±1 by 1.5e-8; the coefficients
/// are those of Eigen's `generic_fast_erf_float`.
fn erf(x: f32) -> f32 {
    let x = x.clamp(-4.0, 4.0);
    let t = x * x;
    let mut p = -2.726_142_3e-10_f32;
    for c in [
        2.770_681_4e-8_f32,
        -2.101_024e-6,
        -5.692_506_4e-5,
        -7.349_906_3e-4,
        -2.954_6e-3,
        -1.609_603_3e-2,
    ] {
        p = p * t + c;
    }
    let mut q = -1.456_607_2e-5_f32;
    for c in [-2.133_740_6e-4_f32, -1.682_827e-3, -7.373_329e-3, -1.426_473_9e-2] {
        q = q * t + c;
    }
    x * p / q
}

/// `x · Φ(x)` with the normal distribution function by [`erf`].
pub(crate) fn gelu(values: &mut [f32]) {
    for x in values {
        *x = 0.5 * *x * (1.0 + erf(*x * std::f32::consts::FRAC_1_SQRT_2));
    }
}

/// The tanh approximation of [`gelu`] (Hendrycks and Gimpel 2016), as `gelu_new` has it.
pub(crate) fn gelu_tanh(values: &mut [f32]) {
    for x in values {
        let inner = 0.797_884_6 * (*x + 0.044_715 * *x * *x * *x);
        *x = 0.5 * *x * (1.0 + inner.tanh());
    }
}

/// `max(x, 0)`.
pub(crate) fn relu(values: &mut [f32]) {
    for x in values {
        *x = x.max(0.0);
    }
}

/// `eˣ` for x ≤ 0, to about 2e-7 relative; 0 below −87.
///
/// Splits x into a power of two and a rest within ± ln 2 / 2, and takes the
/// rest's exponential by the degree-5 polynomial of Cephes' `expf`.
fn exp_negative(x: f32) -> f32 {
    /// Adding and taking away 1.5 · 2²³ rounds to an integer, which then stands in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let x = x.max(-87.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    // ln 2 in two parts, so that the rest is exact.
    let r = x - n * 0.693_359_4 + n * 2.121_944_4e-4;
    let mut p = 1.987_569_1e-4_f32;
    for c in [1.398_199_9e-3_f32, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_65, 0.5] {
        p = p * r + c;
    }
    let p = p * r * r + r + 1.0;
    let scale = f32::from_bits((shifted.to_bits() << 23).wrapping_add(0x3f80_0000));
    p * scale
}

/// Softmax of one row, in place: values in [0, 1] that sum to 1.
pub(crate) fn softmax(row: &mut [f32]) {
    let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    for x in row.iter_mut() {
        *x = exp_negative(*x - max);
    }
    let sum: f32 = lanes_sum(row);
    let scale = 1.0 / sum;
    for x in row {
        *x *= scale;
    }
}

/// Sum in 8 lanes, always the same ones, so that it vectorises and never depends on the machine.
fn lanes_sum(row: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; 8];
    let (chunks, rest) = row.as_chunks::<8>();
    for chunk in chunks {
        for (lane, x) in lanes.iter_mut().zip(chunk) {
            *lane += x;
        }
    }
    rest.iter().zip(&mut lanes).for_each(|(x, lane)| *lane += x);
    lanes.iter().sum()
}

/// Layer normalisation of one row, in place, with the biased variance.
pub(crate) fn layer_norm(row: &mut [f32], weight: &[f32], bias: &[f32], epsilon: f32) {
    let n = row.len() as f32;
    let mean = lanes_sum(row) / n;
    let mut lanes = [0.0_f32; 8];
    for x in row.iter_mut() {
        *x -= mean;
    }
    let (chunks, rest) = row.as_chunks::<8>();
    for chunk in chunks {
        for (lane, x) in lanes.iter_mut().zip(chunk) {
            *lane += x * x;
        }
    }
    rest.iter().zip(&mut lanes).for_each(|(x, lane)| *lane += x * x);
    let variance = lanes.iter().sum::<f32>() / n;
    let scale = 1.0 / (variance + epsilon).sqrt();
    for ((x, w), b) in row.iter_mut().zip(weight).zip(bias) {
        *x = *x * scale * w + b;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// erf by its Maclaurin series, and by its continued fraction where that cancels.
    fn reference_erf(x: f64) -> f64 {
        if x.abs() < 2.5 {
            let (mut term, mut sum) = (x, x);
            for n in 1..120 {
                term *= -x * x / f64::from(n);
                sum += term / f64::from(2 * n + 1);
            }
            return sum * 2.0 / std::f64::consts::PI.sqrt();
        }
        let a = x.abs();
        let fraction = (1..200).rev().fold(0.0, |f, k| f64::from(k) / 2.0 / (a + f));
        (1.0 - (-a * a).exp() / std::f64::consts::PI.sqrt() / (a + fraction)).copysign(x)
    }

    #[test]
    fn erf_is_within_5e_7_of_the_series() {
        for i in -6000..=6000 {
            let x = f64::from(i) / 1000.0;
            let error = (f64::from(erf(x as f32)) - reference_erf(x)).abs();
            assert!(error < 5e-7, "erf({x}) is off by {error}");
        }
    }

    #[test]
    fn exponential_is_within_3e_7_relative_and_ends_at_zero() {
        for i in 0..=86_000 {
            let x = -i as f32 / 1000.0;
            let exact = f64::from(x).exp();
            let error = (f64::from(exp_negative(x)) - exact).abs() / exact;
            assert!(error < 3e-7, "exp({x}) is off by {error}");
        }
        assert!(exp_negative(-1e30) < 1e-37);
        assert_eq!(exp_negative(0.0), 1.0);
    }

    #[test]
    fn softmax_sums_to_one_and_keeps_order() {
        let mut row: Vec<f32> = (0..19).map(|i| (i * 7 % 19) as f32 - 9.0).collect();
        let before = row.clone();
        softmax(&mut row);
        assert!((row.iter().map(|x| f64::from(*x)).sum::<f64>() - 1.0).abs() < 1e-6);
        for i in 0..19 {
            for j in 0..19 {
                assert_eq!(before[i] < before[j], row[i] < row[j]);
            }
        }
    }

    #[test]
    fn layer_norm_has_mean_zero_and_variance_one() {
        let mut row: Vec<f32> = (0..37).map(|i| (i * i % 23) as f32 + 100.0).collect();
        layer_norm(&mut row, &[1.0; 37], &[0.0; 37], 1e-12);
        let mean = row.iter().map(|x| f64::from(*x)).sum::<f64>() / 37.0;
        let variance = row.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / 37.0;
        assert!(mean.abs() < 1e-5 && (variance - 1.0).abs() < 1e-5, "{mean} {variance}");
    }

    #[test]
    fn gelu_and_its_approximation_agree_to_1e_3() {
        let mut a: Vec<f32> = (-400..400).map(|i| i as f32 / 50.0).collect();
        let mut b = a.clone();
        gelu(&mut a);
        gelu_tanh(&mut b);
        for (x, y) in a.iter().zip(&b) {
            assert!((x - y).abs() < 1e-3, "{x} {y}");
        }
        relu(&mut a);
        assert!(a.iter().all(|x| *x >= 0.0));
    }
}
