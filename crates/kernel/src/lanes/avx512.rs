//! Lanes in one register of 512 bits.

use std::arch::x86_64::*;

use super::{LANES, Lanes, Real};

/// Lanes of the paths with AVX-512 F, BW, DQ and VL.
#[derive(Clone, Copy)]
pub(crate) struct Avx512(__m512);

operators! {
    Avx512: a, b;
    Add add on_path!(Self(_mm512_add_ps(a.0, b.0)));
    Sub sub on_path!(Self(_mm512_sub_ps(a.0, b.0)));
    Mul mul on_path!(Self(_mm512_mul_ps(a.0, b.0)));
}

impl Real for Avx512 {
    #[inline(always)]
    fn splat(x: f32) -> Self {
        on_path!(Self(_mm512_set1_ps(x)))
    }

    #[inline(always)]
    fn greater(self, other: Self) -> Self {
        on_path!(Self(_mm512_max_ps(self.0, other.0)))
    }

    #[inline(always)]
    fn power_of_two(self) -> Self {
        on_path!({
            let exponent = _mm512_slli_epi32::<23>(_mm512_castps_si512(self.0));
            let one = _mm512_castps_si512(_mm512_set1_ps(1.0));
            Self(_mm512_castsi512_ps(_mm512_add_epi32(exponent, one)))
        })
    }
}

/// The halves of 16 lanes, then of 8, of 4 and of 2, by an instruction for two and for one register.
macro_rules! fold {
    ($x:expr, $two:ident, $four:ident, $one:ident) => {
        on_path!({
            let x = $x;
            let eight = $two(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps::<1>(x));
            let four = $four(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight));
            let two = $four(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32($one(two, _mm_movehdup_ps(two)))
        })
    };
}

impl Lanes for Avx512 {
    #[inline(always)]
    fn load(values: &[f32; LANES]) -> Self {
        on_path!(Self(_mm512_loadu_ps(values.as_ptr())))
    }

    #[inline(always)]
    fn load_integers(values: &[i32; LANES]) -> Self {
        on_path!(Self(_mm512_cvtepi32_ps(_mm512_loadu_si512(values.as_ptr().cast()))))
    }

    #[inline(always)]
    fn store(self, values: &mut [f32; LANES]) {
        on_path!(_mm512_storeu_ps(values.as_mut_ptr(), self.0));
    }

    #[inline(always)]
    fn store_codes(self, codes: &mut [i16; LANES]) {
        on_path!({
            let low = _mm512_cvtepi32_epi16(_mm512_castps_si512(self.0));
            _mm256_storeu_si256(codes.as_mut_ptr().cast(), low);
        });
    }

    #[inline(always)]
    fn abs(self) -> Self {
        on_path!(Self(_mm512_abs_ps(self.0)))
    }

    #[inline(always)]
    fn sum(self) -> f32 {
        fold!(self.0, _mm256_add_ps, _mm_add_ps, _mm_add_ss)
    }

    #[inline(always)]
    fn greatest(self) -> f32 {
        fold!(self.0, _mm256_max_ps, _mm_max_ps, _mm_max_ss)
    }
}
