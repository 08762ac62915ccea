//! The nonlinearities of a feed-forward layer, in place.
//!
//! Every path gives the same bits: see [`vectorized`](crate::vectorized).

use crate::lanes::{ROUND, Real};
use crate::vectorized::vectorized;

vectorized! {
    /// `x · Φ(x)` with the normal distribution function, to 1e-6 + 4e-7 |x| (Hendrycks and Gimpel 2016).
    pub fn gelu(values: &mut [f32]) {
        for x in values {
            *x = 0.5 * *x * (1.0 + erf(*x * std::f32::consts::FRAC_1_SQRT_2));
        }
    }
}

vectorized! {
    /// The tanh approximation of [`gelu`], as `gelu_new` has it.
    pub fn gelu_tanh(values: &mut [f32]) {
        for x in values {
            let inner = 0.797_884_6 * (*x + 0.044_715 * *x * *x * *x);
            // x · (1 + tanh u) / 2 = x / (1 + exp(−2u)), by the exponential of −2|u|.
            let e = exp_negative(-2.0 * inner.abs());
            let numerator = if inner < 0.0 { e } else { 1.0 };
            *x *= numerator / (1.0 + e);
        }
    }
}

vectorized! {
    /// `max(x, 0)`; NaN stays.
    pub fn relu(values: &mut [f32]) {
        for x in values {
            *x = if *x < 0.0 { 0.0 } else { *x };
        }
    }
}

/// The error function, to 5e-7 absolute.
///
/// Rational approximation of degree 13 over 8 in f32, odd by construction and
/// saturated at |x| = 4, where erf differs from ±1 by 1.5e-8; the coefficients
/// are those of Eigen's `generic_fast_erf_float`.
#[inline(always)]
fn erf(x: f32) -> f32 {
    let x = if x > 4.0 { 4.0 } else { x };
    let x = if x < -4.0 { -4.0 } else { x };
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

/// `eˣ` for x ≤ 0, to about 3e-7 relative; below 1e-37 from −87 on.
///
/// Splits x into a power of two and a rest within ± ln 2 / 2, and takes the
/// rest's exponential by the degree-5 polynomial of Cephes' `expf`.
#[inline(always)]
pub(crate) fn exp_negative<R: Real>(x: R) -> R {
    let x = R::splat(-87.0).greater(x);
    let shifted = x * R::splat(std::f32::consts::LOG2_E) + R::splat(ROUND);
    let n = shifted - R::splat(ROUND);
    // ln 2 in two parts, so that the rest is exact.
    let r = x - n * R::splat(0.693_359_4) + n * R::splat(2.121_944_4e-4);
    let mut p = R::splat(1.987_569_1e-4);
    for c in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_65, 0.5] {
        p = p * r + R::splat(c);
    }
    let p = p * r * r + r + R::splat(1.0);
    p * shifted.power_of_two()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Isa;

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
    fn nonlinearities_are_their_definitions_on_every_path() {
        let inputs: Vec<f32> = (-4003..4003).map(|i| i as f32 / 400.0).collect();
        for isa in Isa::available() {
            let run = |f: fn(Isa, &mut [f32])| {
                let mut out = inputs.clone();
                f(isa, &mut out);
                out
            };
            let (exact, tanh, kept) = (run(gelu), run(gelu_tanh), run(relu));
            for (i, x) in inputs.iter().enumerate() {
                let x64 = f64::from(*x);
                let bound = 1e-6 + 4e-7 * x64.abs();
                let want = 0.5 * x64 * (1.0 + reference_erf(x64 / 2.0_f64.sqrt()));
                assert!((f64::from(exact[i]) - want).abs() < bound, "{isa}: gelu({x})");
                let inner = (2.0 / std::f64::consts::PI).sqrt() * (x64 + 0.044_715 * x64.powi(3));
                let want = 0.5 * x64 * (1.0 + inner.tanh());
                assert!((f64::from(tanh[i]) - want).abs() < bound, "{isa}: gelu_tanh({x})");
                assert_eq!(kept[i], x.max(0.0));
            }
        }
    }

    #[test]
    fn every_path_gives_the_same_bits_and_nan_stays() {
        for f in [gelu, gelu_tanh, relu] {
            let run = |isa| {
                let mut out: Vec<f32> = (0..83).map(|i| (i as f32 - 40.0) * 0.17).collect();
                out[50] = f32::NAN;
                f(isa, &mut out);
                assert!(out[50].is_nan(), "{isa}");
                out.remove(50);
                out.iter().map(|x| x.to_bits()).collect::<Vec<_>>()
            };
            assert!(Isa::available().all(|isa| run(isa) == run(Isa::Portable)));
        }
    }
}
