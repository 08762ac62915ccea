//! Values as integers of a common step, so that their sums are exact in any order.

/// A code never exceeds 2²⁵ in magnitude: 63 of them add up in an `i32` lane.
const BITS: i32 = 25;

/// Exponents below this are taken as this, so that the step stays a normal number.
const LOWEST_EXPONENT: i32 = -900;

/// Values `x ≈ origin + code · step`, |code| ≤ 2²⁵, `step` a power of two.
///
/// With M the greatest |x − origin| (M below 2⁻⁹⁰⁰ is taken as that), a value is off by at most
/// M · 2⁻²⁵ ≈ 3 · 10⁻⁸ M, and so is every mean of a resample. The standard error of a mean of n
/// values is at least about M / n where the origin is their mean, and the Monte-Carlo error of a
/// quantile from 10,000 resamples is about 2 % of a standard error: the quantisation is far below
/// it up to 100,000 values.
#[derive(Debug, Clone, PartialEq)]
pub struct FixedPoint {
    codes: Vec<i32>,
    origin: f64,
    step: f64,
}

/// Values that have no codes.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum FixedPointError {
    /// A value, or its distance from the origin, is no finite number.
    #[error("value {index} is {value}: its distance from {origin} is not a finite number")]
    NotFinite {
        /// Its position.
        index: usize,
        /// What it is.
        value: f64,
        /// What it was taken relative to.
        origin: f64,
    },
}

impl FixedPoint {
    /// Codes of `values` relative to `origin`.
    ///
    /// # Errors
    /// [`FixedPointError`] where a difference is not finite.
    pub fn around(origin: f64, values: &[f64]) -> Result<Self, FixedPointError> {
        let mut greatest = 0.0_f64;
        for (index, &value) in values.iter().enumerate() {
            let distance = (value - origin).abs();
            if !distance.is_finite() {
                return Err(FixedPointError::NotFinite { index, value, origin });
            }
            greatest = greatest.max(distance);
        }
        let exponent = ((greatest.to_bits() >> 52) as i32 - 1023).max(LOWEST_EXPONENT);
        let step = power_of_two(exponent + 1 - BITS);
        let codes = values.iter().map(|value| ((value - origin) / step).round() as i32).collect();
        Ok(Self { codes, origin, step })
    }

    /// One code per value.
    pub fn codes(&self) -> &[i32] {
        &self.codes
    }

    /// Sum of all codes.
    pub fn total(&self) -> i64 {
        self.codes.iter().map(|&code| i64::from(code)).sum()
    }

    /// The mean that a sum of as many codes as there are values stands for; NaN where there are none.
    pub fn mean_of(&self, sum: i64) -> f64 {
        self.origin + self.step * (sum as f64 / self.codes.len() as f64)
    }
}

/// 2^exponent, for exponents of normal numbers.
fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(((exponent + 1023) as u64) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_a_value_is_off_by_at_most_two_to_the_minus_25_of_the_greatest_distance() {
        for scale in [1e-250, 1e-9, 1.0, 0.999_999_99, 1.000_000_01, 3.7e5, 1e300] {
            let values: Vec<f64> =
                (0..1000).map(|i| scale * ((i * 7919 % 1000) as f64 / 999.0)).collect();
            let origin = scale * 0.31;
            let fixed = FixedPoint::around(origin, &values).unwrap();
            let bound =
                values.iter().map(|v| (v - origin).abs()).fold(0.0, f64::max) / 33_554_432.0;
            for (value, &code) in values.iter().zip(fixed.codes()) {
                assert!(code.abs() <= 1 << BITS);
                let back = fixed.origin + f64::from(code) * fixed.step;
                assert!((back - value).abs() <= bound * 1.001, "{scale}: {value} became {back}");
            }
            let mean = values.iter().sum::<f64>() / 1000.0;
            assert!((fixed.mean_of(fixed.total()) - mean).abs() <= bound * 1.001);
        }
    }

    #[test]
    fn equal_values_at_the_origin_and_denormals_have_codes() {
        let fixed = FixedPoint::around(0.3, &[0.3; 4]).unwrap();
        assert_eq!((fixed.codes(), fixed.mean_of(0)), (&[0; 4][..], 0.3));
        let tiny = FixedPoint::around(0.0, &[5e-324, 0.0]).unwrap();
        assert_eq!(tiny.codes(), [0, 0]);
    }

    #[test]
    fn rule_what_is_not_finite_has_no_code() {
        let error = FixedPoint::around(0.0, &[0.0, f64::NAN]).unwrap_err();
        assert!(error.to_string().starts_with("value 1 is NaN"), "{error}");
        assert!(FixedPoint::around(f64::INFINITY, &[0.0]).is_err());
        assert!(FixedPoint::around(-1e308, &[1.7e308]).is_err());
    }
}
