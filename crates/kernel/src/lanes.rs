//! Sixteen f32 side by side: what every reduction over a row adds up in, element `i` in lane
//! `i mod 16`, so that its order depends on no register's width.
//!
//! Loops over slices the compiler turns into wide instructions by itself; over a few chunks of 16 it
//! does so badly, and [`Lanes`] names the instructions.

/// Implements operators of two lanes `a` and `b`, without closures, which a path might not inline.
macro_rules! operators {
    ($lanes:ident: $a:ident, $b:ident; $($operator:ident $name:ident $result:expr;)*) => {$(
        impl std::ops::$operator for $lanes {
            type Output = Self;

            #[inline(always)]
            fn $name(self, $b: Self) -> Self {
                let $a = self;
                $result
            }
        }
    )*};
}

/// An expression of intrinsics of the path of the lanes.
#[cfg(target_arch = "x86_64")]
macro_rules! on_path {
    ($e:expr) => {
        // SAFETY: `vectorized` alone names the lanes, in functions of the path that are called where
        // the processor has it; pointers are to whole arrays.
        unsafe { $e }
    };
}

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;

use std::ops::{Add, Mul, Sub};

#[cfg(target_arch = "x86_64")]
pub(crate) use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) use avx512::Avx512;
pub(crate) use portable::Portable;

/// Lanes of every f32 reduction.
pub(crate) const LANES: usize = 16;

/// Adding 1.5 · 2²³ to |x| < 2²² rounds it, ties to even, into the low bits of the sum.
pub(crate) const ROUND: f32 = 12_582_912.0;

/// One f32, or several side by side.
pub(crate) trait Real:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self>
{
    /// `x` in every lane.
    fn splat(x: f32) -> Self;

    /// `self` where it is greater than `other`, else `other`: one instruction, unlike `f32::max`.
    fn greater(self, other: Self) -> Self;

    /// 2ⁿ where `self` is n + [`ROUND`], −126 ≤ n ≤ 127.
    fn power_of_two(self) -> Self;
}

/// [`LANES`] f32.
///
/// Every implementation gives the same bits. One that is for a kernel path may be used only in
/// functions that are compiled for that path, which [`vectorized`](crate::vectorized) sees to.
pub(crate) trait Lanes: Real {
    /// The lanes of `values`.
    fn load(values: &[f32; LANES]) -> Self;

    /// The integers of `values`, rounded to f32.
    fn load_integers(values: &[i32; LANES]) -> Self;

    /// The lanes, into `values`.
    fn store(self, values: &mut [f32; LANES]);

    /// n of each lane that is n + [`ROUND`], |n| ≤ 32,767.
    fn store_codes(self, codes: &mut [i16; LANES]);

    /// Without its sign.
    fn abs(self) -> Self;

    /// Lanes 0 and 8, 1 and 9, … first, then halves of what is left.
    fn sum(self) -> f32;

    /// The greatest lane, none of which is NaN.
    fn greatest(self) -> f32;
}

impl Real for f32 {
    #[inline(always)]
    fn splat(x: f32) -> Self {
        x
    }

    #[inline(always)]
    fn greater(self, other: Self) -> Self {
        if self > other { self } else { other }
    }

    #[inline(always)]
    fn power_of_two(self) -> Self {
        f32::from_bits((self.to_bits() << 23).wrapping_add(1.0_f32.to_bits()))
    }
}

/// The first lanes, zeros after them.
#[inline(always)]
pub(crate) fn padded(values: &[f32]) -> [f32; LANES] {
    let mut lanes = [0.0; LANES];
    lanes[..values.len()].copy_from_slice(values);
    lanes
}

/// `Σ term(x)`, lanes added pairwise at the end.
#[inline(always)]
pub(crate) fn sum(row: &[f32], term: impl Fn(f32) -> f32) -> f32 {
    let mut lanes = [0.0_f32; LANES];
    let (chunks, rest) = row.as_chunks::<LANES>();
    for chunk in chunks {
        for i in 0..LANES {
            lanes[i] += term(chunk[i]);
        }
    }
    for (i, x) in rest.iter().enumerate() {
        lanes[i] += term(*x);
    }
    Portable(lanes).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectorized::vectorized;

    vectorized! {
        /// All that lanes can do, in one row of bits.
        fn everything<V>(values: &[f32; LANES], integers: &[i32; LANES]) -> Vec<u32> {
            let (x, y) = (V::load(values), V::load_integers(integers));
            let (mut out, mut lanes, mut codes) = (Vec::new(), [0.0; LANES], [0; LANES]);
            for made in [
                x + y, x - y, x * y, x.greater(y), y.greater(x), x.abs(), V::splat(0.3),
                (y * V::splat(1e-4) + V::splat(ROUND)).power_of_two(),
            ] {
                made.store(&mut lanes);
                out.extend(lanes.map(f32::to_bits));
            }
            (y * V::splat(0.03) + V::splat(ROUND)).store_codes(&mut codes);
            out.extend(codes.map(|code| code as u32));
            out.extend([x.sum(), y.sum(), x.greatest(), y.greatest(), x.abs().greatest()].map(f32::to_bits));
            out
        }
    }

    #[test]
    fn every_path_gives_the_bits_of_plain_rust() {
        let values = std::array::from_fn(|i| (i as f32 - 7.3) * 0.37);
        let integers = std::array::from_fn(|i| (i as i32 * 524_287 + 77) % 1_000_003 - 500_000);
        let zeros = std::array::from_fn(|i| if i % 3 == 0 { 0.0 } else { -0.0 });
        for values in [&values, &zeros] {
            let wanted = everything(Isa::Portable, values, &integers);
            for isa in Isa::available() {
                assert_eq!(everything(isa, values, &integers), wanted, "{isa}");
            }
        }
        let mut with_nan = values;
        with_nan[5] = f32::NAN;
        for isa in Isa::available() {
            // The second operand stands where one of the two is NaN.
            assert_eq!(greater(isa, &with_nan, &values), values, "{isa}");
            assert!(greater(isa, &values, &with_nan)[5].is_nan(), "{isa}");
        }
    }

    vectorized! {
        fn greater<V>(a: &[f32; LANES], b: &[f32; LANES]) -> [f32; LANES] {
            let mut out = [0.0; LANES];
            V::load(a).greater(V::load(b)).store(&mut out);
            out
        }
    }

    use crate::Isa;

    #[test]
    fn lanes_are_added_pairwise() {
        // 2²⁵ swallows what is added to it one by one, not what is added up before.
        let mut values = [1.0; LANES];
        values[0] = 33_554_432.0;
        assert_eq!(Portable(values).sum(), 33_554_432.0 + 12.0);
        let codes = everything(Isa::Portable, &values, &[1_000_000; LANES]);
        assert_eq!(codes[8 * LANES] as i32, 30_000);
    }
}
