//! Inner products in one fixed order.

/// Lanes of the fixed summation order: element `i` is added to lane `i mod LANES`.
const LANES: usize = 16;

/// `Σ a·b` in f64: products are exact (24 + 24 bits fit into 53), lane `i mod 16`
/// takes element `i`, lanes are then added pairwise. The order does not depend on the machine.
///
/// # Panics
/// Where the lengths differ.
pub fn dot_f64(a: &[f32], b: &[f32]) -> f64 {
    fold_f64(a, b, |x, y| f64::from(x) * f64::from(y))
}

/// `Σ (a − b)²` in f64, in the order of [`dot_f64`].
///
/// # Panics
/// Where the lengths differ.
pub fn squared_distance_f64(a: &[f32], b: &[f32]) -> f64 {
    fold_f64(a, b, |x, y| {
        let d = f64::from(x) - f64::from(y);
        d * d
    })
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
    let norms = norm_f64(a) * norm_f64(b);
    if norms == 0.0 || !norms.is_finite() {
        return None;
    }
    Some((dot_f64(a, b) / norms).clamp(-1.0, 1.0))
}

#[inline(always)]
fn fold_f64(a: &[f32], b: &[f32], term: impl Fn(f32, f32) -> f64) -> f64 {
    assert_eq!(a.len(), b.len(), "vectors of one length");
    let mut lanes = [0.0f64; LANES];
    let (a_blocks, a_rest) = a.as_chunks::<LANES>();
    let (b_blocks, b_rest) = b.as_chunks::<LANES>();
    for (x, y) in a_blocks.iter().zip(b_blocks) {
        for i in 0..LANES {
            lanes[i] += term(x[i], y[i]);
        }
    }
    for (i, (x, y)) in a_rest.iter().zip(b_rest).enumerate() {
        lanes[i] += term(*x, *y);
    }
    add_lanes(lanes)
}

/// `Σ a·b` in f32, in the order of [`dot_f64`] and without fused multiply-add, so that
/// a graph built on it has the same edges on every machine.
///
/// # Panics
/// Where the lengths differ.
pub fn dot_f32(a: &[f32], b: &[f32]) -> f32 {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        return unsafe { dot_f32_avx2(a, b) };
    }
    dot_f32_portable(a, b)
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
