//! Lanes in two registers of 256 bits.

use std::arch::x86_64::*;

use super::{LANES, Lanes, Real};

/// Lanes of the path AVX2: 0 to 7, and 8 to 15.
#[derive(Clone, Copy)]
pub(crate) struct Avx2(__m256, __m256);

operators! {
    Avx2: a, b;
    Add add on_path!(Self(_mm256_add_ps(a.0, b.0), _mm256_add_ps(a.1, b.1)));
    Sub sub on_path!(Self(_mm256_sub_ps(a.0, b.0), _mm256_sub_ps(a.1, b.1)));
    Mul mul on_path!(Self(_mm256_mul_ps(a.0, b.0), _mm256_mul_ps(a.1, b.1)));
}

/// 2ⁿ of eight lanes.
///
/// # Safety
/// The processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
fn power_of_two(x: __m256) -> __m256 {
    let exponent = _mm256_slli_epi32::<23>(_mm256_castps_si256(x));
    let one = _mm256_castps_si256(_mm256_set1_ps(1.0));
    _mm256_castsi256_ps(_mm256_add_epi32(exponent, one))
}

impl Real for Avx2 {
    #[inline(always)]
    fn splat(x: f32) -> Self {
        on_path!(Self(_mm256_set1_ps(x), _mm256_set1_ps(x)))
    }

    #[inline(always)]
    fn greater(self, other: Self) -> Self {
        on_path!(Self(_mm256_max_ps(self.0, other.0), _mm256_max_ps(self.1, other.1)))
    }

    #[inline(always)]
    fn power_of_two(self) -> Self {
        on_path!(Self(power_of_two(self.0), power_of_two(self.1)))
    }
}

/// The halves of 16 lanes, then of 8, of 4 and of 2, by an instruction for each width.
macro_rules! fold {
    ($x:expr, $eight:ident, $four:ident, $one:ident) => {
        on_path!({
            let eight = $eight($x.0, $x.1);
            let four = $four(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight));
            let two = $four(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32($one(two, _mm_movehdup_ps(two)))
        })
    };
}

impl Lanes for Avx2 {
    #[inline(always)]
    fn load(values: &[f32; LANES]) -> Self {
        let values = values.as_ptr();
        on_path!(Self(_mm256_loadu_ps(values), _mm256_loadu_ps(values.add(8))))
    }

    #[inline(always)]
    fn load_integers(values: &[i32; LANES]) -> Self {
        let values: *const __m256i = values.as_ptr().cast();
        on_path!(Self(
            _mm256_cvtepi32_ps(_mm256_loadu_si256(values)),
            _mm256_cvtepi32_ps(_mm256_loadu_si256(values.add(1))),
        ))
    }

    #[inline(always)]
    fn store(self, values: &mut [f32; LANES]) {
        on_path!({
            _mm256_storeu_ps(values.as_mut_ptr(), self.0);
            _mm256_storeu_ps(values.as_mut_ptr().add(8), self.1);
        });
    }

    #[inline(always)]
    fn store_codes(self, codes: &mut [i16; LANES]) {
        on_path!({
            // The low half of each lane with its sign, so that packing saturates nothing.
            let code = |x| _mm256_srai_epi32::<16>(_mm256_slli_epi32::<16>(_mm256_castps_si256(x)));
            let packed = _mm256_packs_epi32(code(self.0), code(self.1));
            let in_order = _mm256_permute4x64_epi64::<0b11_01_10_00>(packed);
            _mm256_storeu_si256(codes.as_mut_ptr().cast(), in_order);
        });
    }

    #[inline(always)]
    fn abs(self) -> Self {
        on_path!({
            let sign = _mm256_set1_ps(-0.0);
            Self(_mm256_andnot_ps(sign, self.0), _mm256_andnot_ps(sign, self.1))
        })
    }

    #[inline(always)]
    fn sum(self) -> f32 {
        fold!(self, _mm256_add_ps, _mm_add_ps, _mm_add_ss)
    }

    #[inline(always)]
    fn greatest(self) -> f32 {
        fold!(self, _mm256_max_ps, _mm_max_ps, _mm_max_ss)
    }
}
