//! Lanes in plain Rust.

use super::{LANES, Lanes, Real};

/// Lanes in an array.
#[derive(Clone, Copy)]
pub(crate) struct Portable(pub(crate) [f32; LANES]);

impl Portable {
    #[inline(always)]
    fn with(self, other: Self, f: impl Fn(f32, f32) -> f32) -> Self {
        Self(std::array::from_fn(|i| f(self.0[i], other.0[i])))
    }

    /// Lanes 0 and 8, 1 and 9, … first, then halves of what is left.
    #[inline(always)]
    fn fold(mut self, f: impl Fn(f32, f32) -> f32) -> f32 {
        let mut half = LANES / 2;
        while half > 0 {
            for i in 0..half {
                self.0[i] = f(self.0[i], self.0[i + half]);
            }
            half /= 2;
        }
        self.0[0]
    }
}

operators! {
    Portable: a, b;
    Add add a.with(b, |x, y| x + y);
    Sub sub a.with(b, |x, y| x - y);
    Mul mul a.with(b, |x, y| x * y);
}

impl Real for Portable {
    #[inline(always)]
    fn splat(x: f32) -> Self {
        Self([x; LANES])
    }

    #[inline(always)]
    fn greater(self, other: Self) -> Self {
        self.with(other, Real::greater)
    }

    #[inline(always)]
    fn power_of_two(self) -> Self {
        Self(self.0.map(Real::power_of_two))
    }
}

impl Lanes for Portable {
    #[inline(always)]
    fn load(values: &[f32; LANES]) -> Self {
        Self(*values)
    }

    #[inline(always)]
    fn load_integers(values: &[i32; LANES]) -> Self {
        Self(values.map(|x| x as f32))
    }

    #[inline(always)]
    fn store(self, values: &mut [f32; LANES]) {
        *values = self.0;
    }

    #[inline(always)]
    fn store_codes(self, codes: &mut [i16; LANES]) {
        *codes = self.0.map(|x| x.to_bits() as i16);
    }

    #[inline(always)]
    fn abs(self) -> Self {
        Self(self.0.map(f32::abs))
    }

    #[inline(always)]
    fn sum(self) -> f32 {
        self.fold(|a, b| a + b)
    }

    #[inline(always)]
    fn greatest(self) -> f32 {
        self.fold(Real::greater)
    }
}
