//! Gaffke's bound of a mean of bounded values.
//!
//! With x₁ … xₙ the values, xₙ₊₁ the end of the range on the side of the bound, and w uniform on
//! the simplex (Dirichlet with all parameters 1), the upper bound is the `level` quantile of
//! Σ wᵢ xᵢ (Gaffke 2005, Mathematical Methods of Statistics 14, 451–467; Learned-Miller and Thomas
//! 2019, arXiv:1905.06208). Of values that are all 0 or 1 it is the Clopper–Pearson bound; that it
//! holds for every law on the range is conjectured by both, and proved for n = 1 and for laws on two
//! points.
//!
//! It is computed, not drawn. Σ wᵢ xᵢ > t iff Q = Σ cᵢ Eᵢ > 0, cᵢ = xᵢ − t, Eᵢ independent standard
//! exponentials, and P(Q > 0) is the integral of exp(F(s)) / 2πi, F(s) = −ln s − Σ ln(1 − cᵢ s),
//! along a vertical line between 0 and the next pole. On the line through the minimum of F the
//! integrand falls fastest, and the trapezoidal rule converges geometrically (Rice 1980, SIAM
//! Journal on Scientific and Statistical Computing 1, 438–448).

use std::f64::consts::PI;

use statrs::distribution::{ContinuousCDF, Normal};

use crate::Side;

/// Nodes of the trapezoidal rule that are looked at side by side.
const NODES: usize = 8;

/// Distance of two nodes in units of 1/√F″. The next pole is at least 1/√F″ from the line, so the
/// error of the rule is near exp(−2π / 0.25), or 10⁻¹¹ of the integral.
const STEP: f64 = 0.25;

/// Where a node has become this small beside the first, the rest is left out.
const SMALL: f64 = 1e-13;

/// The most nodes: three values, whose integrand falls most slowly, take a tenth of these.
const MOST_NODES: usize = 1 << 17;

/// Bound of the mean on `side` at `level` in (0, 1), or `other` where that is more cautious;
/// `augmented` are the values and the end of the range on that side, which are not all equal.
pub(crate) fn or_more_cautious(augmented: &[f64], side: Side, level: f64, other: f64) -> f64 {
    let sign = if side == Side::Upper { 1.0 } else { -1.0 };
    let mut values: Vec<f64> = augmented.iter().map(|value| sign * value).collect();
    values.sort_by(f64::total_cmp);
    let weighted = Weighted::of(&values);
    sign * weighted.upper(1.0 - level, sign * other)
}

/// Values, each with how often it stands.
struct Weighted(Vec<(f64, u32)>);

impl Weighted {
    /// Of values in ascending order: lattices have few.
    fn of(sorted: &[f64]) -> Self {
        let alike = sorted.chunk_by(|a, b| a == b);
        Self(alike.map(|equal| (equal[0], equal.len() as u32)).collect())
    }

    /// The t that the mean exceeds with probability `alpha`, or `least` where that is greater.
    fn upper(&self, alpha: f64, least: f64) -> f64 {
        let normal = Normal::standard();
        let wanted = normal.inverse_cdf(alpha);
        // On the scale of normal quantiles the tail is nearly straight; it falls.
        let excess = |t: f64| normal.inverse_cdf(self.above(t)) - wanted;
        let (mut low, mut high) = (self.0[0].0, self.0[self.0.len() - 1].0);
        if least >= high {
            return least;
        }
        let precision = 1e-12 * (high - low);
        let mut at = if least > low { least } else { low + (high - low) / 2.0 };
        let mut value = excess(at);
        if at == least && value <= 0.0 {
            return least;
        }
        // Secants through the last two points; the first by the slope of a normal mean.
        let mut slope = -1.0 / self.deviation();
        while value.abs() > 1e-10 && high - low > precision {
            if value > 0.0 {
                low = at
            } else {
                high = at
            }
            let secant = at - value / slope;
            let inside = secant > low && secant < high;
            let next = if inside { secant } else { low + (high - low) / 2.0 };
            if next <= low || next >= high {
                break;
            }
            let found = excess(next);
            let chord = (found - value) / (next - at);
            // Rounding makes chords of neighbours rise.
            slope = if chord < 0.0 { chord } else { slope };
            (at, value) = (next, found);
        }
        at
    }

    /// Standard deviation of the mean under uniform weights.
    fn deviation(&self) -> f64 {
        let n: f64 = self.0.iter().map(|(_, count)| f64::from(*count)).sum();
        let sum = |of: &dyn Fn(f64) -> f64| -> f64 {
            self.0.iter().map(|(value, count)| f64::from(*count) * of(*value)).sum()
        };
        let mean = sum(&|value| value) / n;
        (sum(&|value| (value - mean).powi(2)) / n / (n + 1.0)).sqrt()
    }

    /// P(Σ wᵢ xᵢ > t) for t strictly between the least and the greatest value.
    fn above(&self, t: f64) -> f64 {
        let factors: Vec<(f64, u32)> = self.0.iter().map(|(x, count)| (x - t, *count)).collect();
        let greatest = factors[factors.len() - 1].0;
        // F is convex between its poles at 0 and 1 / greatest: Newton steps, held between ends.
        let (mut low, mut high) = (0.0, 1.0 / greatest);
        let mut s = high / 2.0;
        let mut curvature = 0.0;
        for _ in 0..200 {
            let (mut slope, mut squares) = (-1.0 / s, 1.0 / (s * s));
            for (c, count) in &factors {
                let ratio = c / (1.0 - c * s);
                slope += f64::from(*count) * ratio;
                squares += f64::from(*count) * ratio * ratio;
            }
            curvature = squares;
            if slope > 0.0 {
                high = s
            } else {
                low = s
            }
            let newton = s - slope / squares;
            let inside = newton > low && newton < high;
            let next = if inside { newton } else { low + (high - low) / 2.0 };
            // Any line between the poles gives the same integral: near the minimum is enough.
            if (slope * slope) < 1e-6 * squares {
                break;
            }
            s = next;
        }
        let logs = factors.iter().map(|(c, count)| f64::from(*count) * (1.0 - c * s).ln());
        let log_at_line = logs.sum::<f64>() + s.ln();
        // On the line, each factor 1 / (1 − c (s + iy)) is 1 / (1 − c s) times 1 / (1 − i y r).
        let ratios = factors.iter().map(|(c, count)| (c / (1.0 - c * s), *count));
        let ratios: Vec<(f64, u32)> = ratios.chain([(-1.0 / s, 1)]).collect();
        let step = STEP / curvature.sqrt();
        let mut sum = 0.5;
        for first in (1..MOST_NODES).step_by(NODES) {
            let nodes =
                Complex::product(&ratios, std::array::from_fn(|node| (first + node) as f64 * step));
            let squared = nodes.squared();
            for (real, squared) in nodes.real.into_iter().zip(squared) {
                // The real part of 1 / product.
                sum += if squared.is_finite() { real / squared } else { 0.0 };
            }
            if 1.0 / squared[NODES - 1].sqrt() < SMALL {
                break;
            }
        }
        (sum * step / PI * (-log_at_line).exp()).clamp(0.0, 1.0)
    }
}

/// A complex number for each node.
#[derive(Clone, Copy)]
struct Complex {
    real: [f64; NODES],
    imaginary: [f64; NODES],
}

impl Complex {
    /// Π (1 − i y r) ^ count at each y.
    fn product(ratios: &[(f64, u32)], y: [f64; NODES]) -> Self {
        let mut product = Self { real: [1.0; NODES], imaginary: [0.0; NODES] };
        for &(ratio, count) in ratios {
            let mut power = Self { real: [1.0; NODES], imaginary: y.map(|y| -y * ratio) };
            let mut left = count;
            loop {
                if left % 2 == 1 {
                    product = product.times(&power);
                }
                left /= 2;
                if left == 0 {
                    break;
                }
                power = power.times(&power);
            }
        }
        product
    }

    #[inline]
    fn times(&self, other: &Self) -> Self {
        let (a, b, c, d) = (&self.real, &self.imaginary, &other.real, &other.imaginary);
        Self {
            real: std::array::from_fn(|node| a[node] * c[node] - b[node] * d[node]),
            imaginary: std::array::from_fn(|node| a[node] * d[node] + b[node] * c[node]),
        }
    }

    /// Squared magnitudes.
    fn squared(&self) -> [f64; NODES] {
        std::array::from_fn(|node| {
            self.real[node] * self.real[node] + self.imaginary[node] * self.imaginary[node]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clopper_pearson;

    fn bound(augmented: &[f64], side: Side, level: f64) -> f64 {
        or_more_cautious(augmented, side, level, side.opposite().nothing())
    }

    #[test]
    fn rule_of_zeros_and_ones_it_is_the_clopper_pearson_bound() {
        for (k, n) in [(0, 5), (1, 5), (4, 40), (20, 40), (39, 40), (3, 300), (299, 300), (7, 2000)]
        {
            let mut values = vec![0.0; n - k];
            values.extend(vec![1.0; k]);
            for level in [0.1, 0.5, 0.9, 0.95, 0.995, 0.9999] {
                for (side, end) in [(Side::Upper, 1.0), (Side::Lower, 0.0)] {
                    let augmented = [&values[..], &[end]].concat();
                    if augmented.iter().all(|value| *value == end) {
                        continue;
                    }
                    let exact = clopper_pearson(k, n, side, level);
                    let found = bound(&augmented, side, level);
                    let what = format!("{k} of {n}, {side:?} at {level}: {found}, exactly {exact}");
                    assert!((found - exact).abs() < 1e-9, "{what}");
                }
            }
        }
    }

    #[test]
    fn rule_it_is_the_quantile_of_means_under_uniform_weights() {
        use wfgy_kernel::resample::Stream;
        let values = [0.0, 0.1, 0.1, 0.35, 0.4, 0.8, 1.0];
        let mut means: Vec<f64> = (0..200_000)
            .map(|draw| {
                let mut stream = Stream::new(5, draw);
                let weights = values.map(|_| -stream.uniform().ln());
                let total: f64 = weights.iter().sum();
                weights.iter().zip(values).map(|(w, x)| w * x).sum::<f64>() / total
            })
            .collect();
        means.sort_by(f64::total_cmp);
        for level in [0.5, 0.9, 0.95, 0.99] {
            let drawn = means[(level * 2e5) as usize];
            let found = bound(&values, Side::Upper, level);
            assert!((found - drawn).abs() < 0.002, "{level}: {found}, drawn {drawn}");
        }
    }

    #[test]
    fn rule_the_more_cautious_of_two_bounds_stands() {
        let values = [0.0, 0.1, 0.1, 0.35, 0.4, 0.8, 1.0];
        for side in [Side::Lower, Side::Upper] {
            let own = bound(&values, side, 0.95);
            let nearer = or_more_cautious(&values, side, 0.95, 0.33);
            assert!((nearer - own).abs() < 1e-10, "{nearer} {own}");
            let farther = if side == Side::Upper { own + 0.01 } else { own - 0.01 };
            assert_eq!(or_more_cautious(&values, side, 0.95, farther), farther);
        }
    }
}
