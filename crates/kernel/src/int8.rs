//! Rows of 8-bit codes and their inner products, exact in i32.
//!
//! A graph compares codes: a quarter of the bytes of f32, and sums of integers, which are the same
//! on every kernel path in any order.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512_vnni;

use rayon::prelude::*;

use crate::Isa;
use crate::vectorized::vectorized;

/// Greatest code; −128 never occurs, so that a code can change its sign.
const CODE_MAX: f32 = 127.0;
/// Codes in a line.
const LINE: usize = 64;

/// Codes of one cache line, aligned to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C, align(64))]
struct Line([i8; LINE]);

const ZERO: Line = Line([0; LINE]);

/// `n × dim` codes in [−127, 127], row-major, each row padded with zeros to whole cache lines.
///
/// Row `x` is stored as codes `c` and a scale `s = max |x| / 127`, so that every value is within
/// `s / 2` (and a rounding of f32) of `s · c`. With `r = x − s c`, the inner product with `y`, itself
/// `t d` and a rest `u`, is `s t Σ c d` to within `|r| |y| + |x| |u| + |r| |u|` (Cauchy and Schwarz).
#[derive(Debug, Clone)]
pub struct Int8Rows {
    /// A path of this processor.
    isa: Isa,
    dim: usize,
    lines: usize,
    codes: Vec<Line>,
    scales: Vec<f32>,
    rest: f64,
}

/// One vector in the form of [`Int8Rows`].
#[derive(Debug, Clone)]
pub struct Int8Vector {
    codes: Vec<Line>,
    scale: f32,
    rest: f64,
}

impl Int8Rows {
    /// Greatest dimension: up to it a sum of products fits into i32.
    pub const MAX_DIM: usize = 1 << 17;

    /// Quantises `n` rows of `dim` finite values each; `row(i)` gives the i-th.
    ///
    /// # Panics
    /// Where the processor lacks `isa`, a row is not `dim` long, or `dim` is 0 or above
    /// [`Self::MAX_DIM`].
    pub fn quantize<'a>(
        isa: Isa,
        n: usize,
        dim: usize,
        row: impl Fn(usize) -> &'a [f32] + Sync,
    ) -> Self {
        assert!(isa.is_available(), "this processor lacks the kernel path {isa}");
        assert!((1..=Self::MAX_DIM).contains(&dim), "a dimension from 1 to {}", Self::MAX_DIM);
        let lines = dim.div_ceil(LINE);
        let mut codes = vec![ZERO; n * lines];
        let (scales, rests): (Vec<f32>, Vec<f64>) = codes
            .par_chunks_mut(lines)
            .enumerate()
            .map(|(i, codes)| {
                let row = row(i);
                assert_eq!(row.len(), dim, "rows of length dim");
                encode(isa, row, codes)
            })
            .unzip();
        let rest = rests.into_iter().fold(0.0, f64::max);
        Self { isa, dim, lines, codes, scales, rest }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.scales.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.scales.is_empty()
    }

    /// Scale of a row.
    pub fn scale(&self, row: u32) -> f32 {
        self.scales[row as usize]
    }

    /// Greatest norm of what the codes leave of a row, `|x − s c|`.
    pub fn rest(&self) -> f64 {
        self.rest
    }

    /// Quantises one finite vector to compare it with the rows.
    ///
    /// # Panics
    /// Where it has another dimension.
    pub fn vector(&self, values: &[f32]) -> Int8Vector {
        assert_eq!(values.len(), self.dim, "a vector of the rows' dimension");
        let mut codes = vec![ZERO; self.lines];
        let (scale, rest) = encode(self.isa, values, &mut codes);
        Int8Vector { codes, scale, rest }
    }

    /// `Σ c d` of the vector with each of `rows`, in order, into `out`.
    ///
    /// # Panics
    /// Where the vector has another dimension, a row does not exist, or `out` has another length.
    pub fn dots(&self, vector: &Int8Vector, rows: &[u32], out: &mut [i32]) {
        assert_eq!(vector.codes.len(), self.lines, "a vector of the rows' dimension");
        self.dots_with(&vector.codes, rows, out);
    }

    /// The same of one row with others.
    ///
    /// # Panics
    /// Where a row does not exist, or `out` has another length.
    pub fn dots_of_row(&self, row: u32, rows: &[u32], out: &mut [i32]) {
        self.dots_with(self.codes_of(row), rows, out);
    }

    /// Asks for the codes of a row ahead of their use.
    #[inline]
    pub fn prefetch(&self, row: u32) {
        crate::prefetch(self.codes_of(row));
    }

    #[inline]
    fn codes_of(&self, row: u32) -> &[Line] {
        &self.codes[row as usize * self.lines..][..self.lines]
    }

    fn dots_with(&self, codes: &[Line], rows: &[u32], out: &mut [i32]) {
        assert_eq!(rows.len(), out.len(), "one place for each product");
        match self.isa {
            // SAFETY: the processor has the path, which was asserted when `self` was made.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 | Isa::Avx512 => unsafe { avx2::dots(codes, self, rows, out) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512Vnni | Isa::Amx => unsafe { avx512_vnni::dots(codes, self, rows, out) },
            _ => {
                for (row, out) in rows.iter().zip(out) {
                    *out = dot(codes, self.codes_of(*row));
                }
            }
        }
    }
}

impl Int8Vector {
    /// Its scale.
    pub fn scale(&self) -> f32 {
        self.scale
    }

    /// Norm of what its codes leave of it.
    pub fn rest(&self) -> f64 {
        self.rest
    }
}

/// The naive sum.
fn dot(a: &[Line], b: &[Line]) -> i32 {
    let products = |(a, b): (&Line, &Line)| {
        let product = |(a, b): (&i8, &i8)| i32::from(i16::from(*a) * i16::from(*b));
        a.0.iter().zip(&b.0).map(product).sum::<i32>()
    };
    a.iter().zip(b).map(products).sum()
}

vectorized! {
    /// Fills in the codes; gives the scale and the norm of what they leave.
    fn encode(values: &[f32], codes: &mut [Line]) -> (f32, f64) {
        let greatest = values.iter().fold(0.0f32, |greatest, x| greatest.max(x.abs()));
        // Below this the reciprocal is infinite: such a row has no codes, and all of it is left.
        let fits = greatest >= f32::MIN_POSITIVE * CODE_MAX;
        let (per_unit, scale) = match fits {
            true => (CODE_MAX / greatest, greatest / CODE_MAX),
            false => (0.0, 0.0),
        };
        let mut rests = [0.0f64; LINE];
        for (values, line) in values.chunks(LINE).zip(codes) {
            for ((x, code), rest) in values.iter().zip(&mut line.0).zip(&mut rests) {
                *code = (x * per_unit).round_ties_even() as i8;
                let left = f64::from(*x) - f64::from(scale) * f64::from(*code);
                *rest += left * left;
            }
        }
        (scale, rests.iter().sum::<f64>().sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{dot_f64, norm_f64};

    fn values(n: usize, seed: u64) -> Vec<f32> {
        let mut state = seed | 1;
        (0..n)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
            })
            .collect()
    }

    fn quantized(isa: Isa, values: &[f32], dim: usize) -> Int8Rows {
        Int8Rows::quantize(isa, values.len() / dim, dim, |i| &values[i * dim..][..dim])
    }

    /// The sum of products over the codes themselves.
    fn naive(a: &[Line], b: &[Line]) -> i64 {
        let codes = |lines: &[Line]| lines.iter().flat_map(|line| line.0).collect::<Vec<i8>>();
        codes(a).iter().zip(codes(b)).map(|(a, b)| i64::from(*a) * i64::from(b)).sum()
    }

    #[test]
    fn products_are_the_naive_sums_on_every_path_at_odd_dimensions() {
        for isa in Isa::available() {
            for dim in [1, 2, 31, 63, 64, 65, 100, 127, 128, 129, 384, 385, 512, 768, 1000, 1024] {
                let rows = quantized(isa, &values(9 * dim, dim as u64), dim);
                let vector = rows.vector(&values(dim, 77));
                let which = [8, 0, 3, 3, 7];
                let (mut dots, mut of_row) = ([0; 5], [0; 5]);
                rows.dots(&vector, &which, &mut dots);
                rows.dots_of_row(2, &which, &mut of_row);
                for (i, row) in which.into_iter().enumerate() {
                    let codes = rows.codes_of(row);
                    assert_eq!(i64::from(dots[i]), naive(&vector.codes, codes), "{isa} {dim}");
                    assert_eq!(i64::from(of_row[i]), naive(rows.codes_of(2), codes), "{isa} {dim}");
                }
            }
        }
    }

    #[test]
    fn the_greatest_codes_neither_saturate_nor_overflow_at_the_greatest_dimension() {
        for isa in Isa::available() {
            for dim in [64, 384, Int8Rows::MAX_DIM] {
                let mut extremes = vec![1.0f32; dim];
                extremes.extend(vec![-1.0; dim]);
                let rows = quantized(isa, &extremes, dim);
                let mut dots = [0; 2];
                rows.dots_of_row(1, &[0, 1], &mut dots);
                let most = 127 * 127 * dim as i32;
                assert_eq!(dots, [-most, most], "{isa} {dim}");
            }
        }
    }

    #[test]
    fn codes_scales_and_rests_are_the_same_on_every_path() {
        let dim = 100;
        let mut all = values(50 * dim, 3);
        // A zero row, denormals, huge values, one value alone.
        all[..dim].fill(0.0);
        all[dim..2 * dim].fill(1e-41);
        all[2 * dim..3 * dim].fill(f32::MAX);
        all[3 * dim..4 * dim].fill(0.0);
        all[3 * dim] = -5.0;
        let portable = quantized(Isa::Portable, &all, dim);
        assert_eq!((portable.scale(0), portable.scale(1)), (0.0, 0.0));
        assert_eq!(portable.codes_of(3)[0].0[0], -127);
        for isa in Isa::available() {
            let rows = quantized(isa, &all, dim);
            assert_eq!(rows.codes, portable.codes, "{isa}");
            assert_eq!(rows.scales, portable.scales, "{isa}");
            assert_eq!(rows.rest().to_bits(), portable.rest().to_bits(), "{isa}");
        }
    }

    #[test]
    fn a_value_is_within_half_a_step_and_a_product_within_its_bound() {
        let dim = 77;
        let (all, query) = (values(40 * dim, 5), values(dim, 6));
        let rows = quantized(Isa::best(), &all, dim);
        let vector = rows.vector(&query);
        let which: Vec<u32> = (0..40).collect();
        let mut dots = vec![0; 40];
        rows.dots(&vector, &which, &mut dots);
        for (i, row) in all.chunks(dim).enumerate() {
            let scale = f64::from(rows.scale(i as u32));
            let codes = rows.codes_of(i as u32).iter().flat_map(|line| line.0);
            for (x, code) in row.iter().zip(codes) {
                let off = (f64::from(*x) - scale * f64::from(code)).abs();
                assert!(off <= scale * 0.500_01, "{x} {code}");
            }
            let product = f64::from(vector.scale()) * scale * f64::from(dots[i]);
            let (of_row, of_query) = (rows.rest(), vector.rest());
            let bound = of_query * norm_f64(row) + norm_f64(&query) * of_row + of_query * of_row;
            assert!((product - dot_f64(&query, row)).abs() <= bound);
        }
    }
}
