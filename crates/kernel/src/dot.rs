//! Inner products in one fixed order.

use crate::isa::Isa;

/// Lanes of the fixed summation order: element `i` is added to lane `i mod LANES`.
const LANES: usize = 16;

/// `Σ a·b` in f64: products are exact (24 + 24 bits fit into 53), lane `i mod 16`
/// takes element `i`, lanes are then added pairwise. The order does not depend on the machine.
///
/// # Panics
/// Where the lengths differ.
pub fn dot_f64(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len(), "vectors of one length");
    let lanes = match Isa::active() {
        // SAFETY: an active path is one that the processor has; the lengths are equal.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 | Isa::Avx512Vnni | Isa::Amx => unsafe { avx512::dot(a, b) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => unsafe { avx2::dot(a, b) },
        _ => lanes(a, b, product),
    };
    add_lanes(add_rest(lanes, a, b, product))
}

/// `Σ (a − b)²` in f64, in the order of [`dot_f64`].
///
/// # Panics
/// Where the lengths differ.
pub fn squared_distance_f64(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len(), "vectors of one length");
    let lanes = match Isa::active() {
        // SAFETY: an active path is one that the processor has; the lengths are equal.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 | Isa::Avx512Vnni | Isa::Amx => unsafe { avx512::squared_distance(a, b) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => unsafe { avx2::squared_distance(a, b) },
        _ => lanes(a, b, squared_difference),
    };
    add_lanes(add_rest(lanes, a, b, squared_difference))
}

/// Euclidean norm in f64.
pub fn norm_f64(a: &[f32]) -> f64 {
    dot_f64(a, a).sqrt()
}

/// Cosine of the angle between `a` and `b`, clamped to [−1, 1]; `None` where either
/// is zero or not finite: such a vector has no direction.
///
/// # Panics
/// Where the lengths differ.
pub fn cosine_f64(a: &[f32], b: &[f32]) -> Option<f64> {
    cosine_of(dot_f64(a, b), norm_f64(a), norm_f64(b))
}

/// [`cosine_f64`] from the product and the norms of two vectors.
pub(crate) fn cosine_of(dot: f64, a: f64, b: f64) -> Option<f64> {
    let norms = a * b;
    if norms == 0.0 || !norms.is_finite() {
        return None;
    }
    Some((dot / norms).clamp(-1.0, 1.0))
}

#[inline(always)]
fn product(x: f32, y: f32) -> f64 {
    f64::from(x) * f64::from(y)
}

#[inline(always)]
fn squared_difference(x: f32, y: f32) -> f64 {
    let d = f64::from(x) - f64::from(y);
    d * d
}

/// The lanes over all whole blocks.
#[inline(always)]
fn lanes(a: &[f32], b: &[f32], term: impl Fn(f32, f32) -> f64) -> [f64; LANES] {
    let mut lanes = [0.0f64; LANES];
    for (x, y) in a.as_chunks::<LANES>().0.iter().zip(b.as_chunks::<LANES>().0) {
        for i in 0..LANES {
            lanes[i] += term(x[i], y[i]);
        }
    }
    lanes
}

/// The elements after the last whole block.
#[inline(always)]
fn add_rest(
    mut lanes: [f64; LANES],
    a: &[f32],
    b: &[f32],
    term: impl Fn(f32, f32) -> f64,
) -> [f64; LANES] {
    for (lane, (x, y)) in
        lanes.iter_mut().zip(a.as_chunks::<LANES>().1.iter().zip(b.as_chunks::<LANES>().1))
    {
        *lane += term(*x, *y);
    }
    lanes
}

/// Defines [`lanes`] of both terms in registers of one width.
macro_rules! wide_lanes {
    ($name:ident, $feature:literal, $width:literal, $zero:ident, $load:ident, $convert:ident,
        $add:ident, $sub:ident, $mul:ident, $store:ident, $loaded:ident) => {
        #[cfg(target_arch = "x86_64")]
        mod $name {
            use super::LANES;
            use std::arch::x86_64::{
                $add, $convert, $load, $loaded as Wide, $mul, $store, $sub, $zero,
            };

            const REGISTERS: usize = LANES / $width;

            /// As the portable products: no fused multiply-add, though it would give the same
            /// bits, since adding has the shorter latency.
            ///
            /// # Safety
            /// The processor must have the feature; the lengths must be equal.
            #[target_feature(enable = $feature)]
            pub(super) unsafe fn dot(a: &[f32], b: &[f32]) -> [f64; LANES] {
                // SAFETY: the caller's.
                unsafe { lanes(a, b, |x, y| $mul(x, y)) }
            }

            /// # Safety
            /// The processor must have the feature; the lengths must be equal.
            #[target_feature(enable = $feature)]
            pub(super) unsafe fn squared_distance(a: &[f32], b: &[f32]) -> [f64; LANES] {
                // SAFETY: the caller's.
                unsafe {
                    lanes(a, b, |x, y| {
                        let d = $sub(x, y);
                        $mul(d, d)
                    })
                }
            }

            /// # Safety
            /// The processor must have the feature; the lengths must be equal.
            #[inline]
            #[target_feature(enable = $feature)]
            unsafe fn lanes(
                a: &[f32],
                b: &[f32],
                term: impl Fn(Wide, Wide) -> Wide,
            ) -> [f64; LANES] {
                let mut sums = [$zero(); REGISTERS];
                for block in 0..a.len() / LANES {
                    for (i, sum) in sums.iter_mut().enumerate() {
                        let at = block * LANES + i * $width;
                        // SAFETY: `at + width` is within whole blocks of `a`.
                        let x = unsafe { $load(a.as_ptr().add(at)) };
                        // SAFETY: as above; `b` is as long as `a`.
                        let y = unsafe { $load(b.as_ptr().add(at)) };
                        *sum = $add(*sum, term($convert(x), $convert(y)));
                    }
                }
                let mut lanes = [0.0; LANES];
                for (lanes, sum) in lanes.as_chunks_mut::<$width>().0.iter_mut().zip(sums) {
                    // SAFETY: a chunk is as wide as a register.
                    unsafe { $store(lanes.as_mut_ptr(), sum) };
                }
                lanes
            }
        }
    };
}

wide_lanes!(
    avx2,
    "avx2",
    4,
    _mm256_setzero_pd,
    _mm_loadu_ps,
    _mm256_cvtps_pd,
    _mm256_add_pd,
    _mm256_sub_pd,
    _mm256_mul_pd,
    _mm256_storeu_pd,
    __m256d
);
wide_lanes!(
    avx512,
    "avx512f",
    8,
    _mm512_setzero_pd,
    _mm256_loadu_ps,
    _mm512_cvtps_pd,
    _mm512_add_pd,
    _mm512_sub_pd,
    _mm512_mul_pd,
    _mm512_storeu_pd,
    __m512d
);

/// `Σ a·b` in f32, in the order of [`dot_f64`] and without fused multiply-add, so that
/// a graph built on it has the same edges on every machine.
///
/// # Panics
/// Where the lengths differ.
pub fn dot_f32(a: &[f32], b: &[f32]) -> f32 {
    match Isa::active() {
        #[cfg(target_arch = "x86_64")]
        isa if isa >= Isa::Avx2 => {
            // SAFETY: an active path is one that the processor has; all from here on have AVX2.
            unsafe { dot_f32_avx2(a, b) }
        }
        _ => dot_f32_portable(a, b),
    }
}

/// The portable body compiled for wider registers: the same operations in the same order.
///
/// # Safety
/// The processor must have AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn dot_f32_avx2(a: &[f32], b: &[f32]) -> f32 {
    dot_f32_portable(a, b)
}

#[inline(always)]
fn dot_f32_portable(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len(), "vectors of one length");
    let mut lanes = [0.0f32; LANES];
    let (a_blocks, a_rest) = a.as_chunks::<LANES>();
    let (b_blocks, b_rest) = b.as_chunks::<LANES>();
    for (x, y) in a_blocks.iter().zip(b_blocks) {
        for i in 0..LANES {
            lanes[i] += x[i] * y[i];
        }
    }
    for (i, (x, y)) in a_rest.iter().zip(b_rest).enumerate() {
        lanes[i] += x * y;
    }
    add_lanes(lanes)
}

#[inline(always)]
fn add_lanes<T: Copy + std::ops::Add<Output = T>>(lanes: [T; LANES]) -> T {
    let mut lanes = lanes;
    let mut half = LANES / 2;
    while half > 0 {
        for i in 0..half {
            lanes[i] = lanes[i] + lanes[i + half];
        }
        half /= 2;
    }
    lanes[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(n: usize, seed: u32) -> Vec<f32> {
        let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
        (0..n)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / (1 << 23) as f32 - 1.0
            })
            .collect()
    }

    #[test]
    fn dot_f64_is_the_naive_sum_at_every_length() {
        for n in [0, 1, 7, 15, 16, 17, 31, 33, 384, 385] {
            let (a, b) = (vector(n, 1), vector(n, 2));
            let naive: f64 = a.iter().zip(&b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum();
            assert!((dot_f64(&a, &b) - naive).abs() < 1e-12, "n = {n}");
        }
    }

    #[cfg(target_arch = "x86_64")]
    fn bits(lanes: [f64; LANES]) -> [u64; LANES] {
        lanes.map(f64::to_bits)
    }

    #[test]
    fn sums_in_f64_have_the_same_bits_on_every_path() {
        for n in [0, 1, 15, 16, 31, 384, 1000] {
            let (mut a, b) = (vector(n, 3), vector(n, 4));
            if n > 3 {
                // Squared differences of such values are not exact.
                (a[1], a[2]) = (3e38, 1e-40);
            }
            let dot = lanes(&a, &b, product);
            let distance = lanes(&a, &b, squared_difference);
            #[cfg(target_arch = "x86_64")]
            {
                if Isa::Avx2.is_available() {
                    // SAFETY: the processor has the path; the lengths are equal.
                    let wide = unsafe { [avx2::dot(&a, &b), avx2::squared_distance(&a, &b)] };
                    assert_eq!(wide.map(bits), [dot, distance].map(bits));
                }
                if Isa::Avx512.is_available() {
                    // SAFETY: as above.
                    let wide = unsafe { [avx512::dot(&a, &b), avx512::squared_distance(&a, &b)] };
                    assert_eq!(wide.map(bits), [dot, distance].map(bits));
                }
            }
            let whole = add_lanes(add_rest(dot, &a, &b, product));
            assert_eq!(dot_f64(&a, &b).to_bits(), whole.to_bits(), "n = {n}");
            let whole = add_lanes(add_rest(distance, &a, &b, squared_difference));
            assert_eq!(squared_distance_f64(&a, &b).to_bits(), whole.to_bits(), "n = {n}");
        }
    }

    #[test]
    fn dot_f32_gives_the_same_bits_on_every_path() {
        for n in [1, 16, 31, 384, 1000] {
            let (a, b) = (vector(n, 3), vector(n, 4));
            assert_eq!(dot_f32(&a, &b).to_bits(), dot_f32_portable(&a, &b).to_bits(), "n = {n}");
        }
    }

    #[test]
    fn rule_zero_and_non_finite_vectors_have_no_cosine() {
        assert_eq!(cosine_f64(&[0.0, 0.0], &[1.0, 0.0]), None);
        assert_eq!(cosine_f64(&[f32::NAN, 0.0], &[1.0, 0.0]), None);
        assert_eq!(cosine_f64(&[f32::INFINITY, 0.0], &[1.0, 0.0]), None);
        assert_eq!(cosine_f64(&[2.0, 0.0], &[3.0, 0.0]), Some(1.0));
        assert_eq!(cosine_f64(&[2.0, 0.0], &[-3.0, 0.0]), Some(-1.0));
    }
}
