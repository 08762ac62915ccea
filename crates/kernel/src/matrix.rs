//! Matrix products.

use gemm::Parallelism;

/// `c = a · bᵀ` in f32: `a` is `m × k`, `b` is `n × k`, `c` is `m × n`, all row-major.
///
/// Runs on the calling thread, so that callers decide about threads; a row of `c`
/// depends on the machine's instruction set, to about `k · 2⁻²⁴ · |a||b|`.
///
/// # Panics
/// Where a slice has not the length that its shape says.
pub fn multiply_transposed(m: usize, n: usize, k: usize, a: &[f32], b: &[f32], c: &mut [f32]) {
    assert_eq!(a.len(), m * k, "a is m × k");
    assert_eq!(b.len(), n * k, "b is n × k");
    assert_eq!(c.len(), m * n, "c is m × n");
    if m == 0 || n == 0 {
        return;
    }
    if k == 0 {
        c.fill(0.0);
        return;
    }
    // SAFETY: the three slices have the lengths that shapes and strides below span (asserted
    // above), `c` is not aliased since it is borrowed mutably, and it is written, not read.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            c.as_mut_ptr(),
            1,
            n as isize,
            false,
            a.as_ptr(),
            1,
            k as isize,
            b.as_ptr(),
            k as isize,
            1,
            0.0,
            1.0,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn product_is_the_naive_one_at_odd_shapes() {
        for (m, n, k) in [(1, 1, 1), (3, 5, 7), (17, 33, 65), (64, 48, 384), (2, 3, 0)] {
            let a: Vec<f32> = (0..m * k).map(|i| ((i * 37 % 101) as f32 - 50.0) / 50.0).collect();
            let b: Vec<f32> = (0..n * k).map(|i| ((i * 53 % 97) as f32 - 48.0) / 48.0).collect();
            let mut c = vec![f32::NAN; m * n];
            multiply_transposed(m, n, k, &a, &b, &mut c);
            for i in 0..m {
                for j in 0..n {
                    let naive: f64 =
                        (0..k).map(|z| f64::from(a[i * k + z]) * f64::from(b[j * k + z])).sum();
                    assert!((f64::from(c[i * n + j]) - naive).abs() < 1e-3, "{m}x{n}x{k}");
                }
            }
        }
    }
}
