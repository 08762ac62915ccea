//! Bootstrap sums of many samples of one size: the draws are made once for all.

use rayon::prelude::*;

use super::{Path, ROW, STEPS, TASK, portable};
#[cfg(target_arch = "x86_64")]
use super::{avx2, avx512};
use crate::Isa;
use crate::resample::{FixedPoint, Stream};

/// Samples that are summed side by side: a row of codes fills one register of 512 bits.
pub const ABREAST: usize = 16;

/// Draws whose codes add up in 32 bits: of at most 2²⁵ each, 63 would.
const NARROW: usize = 32;

/// The codes of one value of each sample.
type Row = [i32; ABREAST];

/// [`bootstrap_sums`](super::bootstrap_sums) of each sample, from the same draws.
///
/// # Panics
/// Where samples differ in size; as there.
pub fn bootstrap_sums_abreast(
    isa: Isa,
    samples: &[&FixedPoint],
    resamples: usize,
    seed: u64,
) -> Vec<Vec<i64>> {
    let n = samples.first().map_or(0, |sample| sample.codes().len());
    let resamples = if n == 0 { 0 } else { resamples };
    assert!(samples.iter().all(|sample| sample.codes().len() == n), "samples differ in size");
    let mut all = Vec::with_capacity(samples.len());
    for group in samples.chunks(ABREAST) {
        let rows: Vec<Row> = (0..n)
            .map(|i| std::array::from_fn(|at| group.get(at).map_or(0, |sample| sample.codes()[i])))
            .collect();
        let path = Path::of(isa, group[0]);
        let task = (TASK / (n + 1)).clamp(1, 1_000);
        let sums: Vec<_> = (0..resamples)
            .into_par_iter()
            .with_min_len(task)
            .map(|resample| summed(path, &rows, seed, resample as u64))
            .collect();
        let of_sample = |at: usize| sums.iter().map(|sums| sums[at]).collect();
        all.extend((0..group.len()).map(of_sample));
    }
    all
}

/// The sums of one resample.
fn summed(path: Path, rows: &[Row], seed: u64, resample: u64) -> [i64; ABREAST] {
    match path {
        #[cfg(target_arch = "x86_64")]
        Path::Avx512 => {
            // SAFETY: a path is one that this processor has.
            let mut lanes = unsafe { avx512::Lanes::new(seed, resample) };
            // SAFETY: as above.
            drawn(
                rows,
                |n, steps| unsafe { lanes.draw(n, steps) },
                |rows, words, sums| unsafe { wide(rows, words, sums) },
            )
        }
        #[cfg(target_arch = "x86_64")]
        Path::Avx2 => {
            // SAFETY: as above.
            let mut lanes = unsafe { avx2::Lanes::new(seed, resample) };
            // SAFETY: as above.
            drawn(
                rows,
                |n, steps| unsafe { lanes.draw(n, steps) },
                |rows, words, sums| unsafe { half_wide(rows, words, sums) },
            )
        }
        Path::Portable => {
            let mut stream = Stream::new(seed, resample);
            drawn(rows, |n, steps| portable::draw(&mut stream, n, steps), add)
        }
    }
}

/// Draws as many rows as there are, in the order of [`drawn_sum`](super::drawn_sum), and adds them.
fn drawn(
    rows: &[Row],
    mut draw: impl FnMut(u64, &mut [[u64; 8]]),
    add: impl Fn(&[Row], &[u32], &mut [i64; ABREAST]),
) -> [i64; ABREAST] {
    let n = rows.len() as u64;
    let mut steps = [[0; 8]; STEPS];
    let mut indices = [0_u32; ROW * STEPS];
    let mut left = rows.len();
    let mut sums = [0; ABREAST];
    while left > 0 {
        let draws = left.min(ROW * STEPS);
        draw(n, &mut steps[..draws.div_ceil(ROW)]);
        for (pair, word) in indices.chunks_exact_mut(2).zip(steps.as_flattened()) {
            (pair[0], pair[1]) = (*word as u32, (word >> 32) as u32);
        }
        add(rows, &indices[..draws], &mut sums);
        left -= draws;
    }
    sums
}

/// Adds the rows at `indices` to `sums`.
#[inline(always)]
fn add(rows: &[Row], indices: &[u32], sums: &mut [i64; ABREAST]) {
    for block in indices.chunks(NARROW) {
        let mut narrow = [0_i32; ABREAST];
        for &index in block {
            let row = &rows[index as usize];
            for (sum, code) in narrow.iter_mut().zip(row) {
                *sum += code;
            }
        }
        for (sum, narrow) in sums.iter_mut().zip(narrow) {
            *sum += i64::from(narrow);
        }
    }
}

/// [`add`] with registers of 512 bits.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq")]
fn wide(rows: &[Row], indices: &[u32], sums: &mut [i64; ABREAST]) {
    add(rows, indices, sums);
}

/// [`add`] with registers of 256 bits.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn half_wide(rows: &[Row], indices: &[u32], sums: &mut [i64; ABREAST]) {
    add(rows, indices, sums);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resample::bootstrap_sums;

    #[test]
    fn rule_samples_abreast_have_the_sums_of_each_alone() {
        for n in [1, 7, 33, 301, 1031] {
            let sample = |seed: usize| {
                let value = |i: usize| ((i * 7919 + seed * 104_729) % 1009) as f64 / 1009.0;
                FixedPoint::around(0.4, &(0..n).map(value).collect::<Vec<_>>()).unwrap()
            };
            let samples: Vec<FixedPoint> = (0..ABREAST + 3).map(sample).collect();
            let samples: Vec<&FixedPoint> = samples.iter().collect();
            for isa in Isa::available() {
                let abreast = bootstrap_sums_abreast(isa, &samples, 40, 9);
                assert_eq!(abreast.len(), samples.len());
                for (sums, sample) in abreast.iter().zip(&samples) {
                    assert_eq!(*sums, bootstrap_sums(isa, sample, 40, 9), "{isa}, n = {n}");
                }
            }
        }
        assert!(bootstrap_sums_abreast(Isa::best(), &[], 40, 9).is_empty());
    }

    #[test]
    fn rule_no_path_overflows_at_the_greatest_codes() {
        let sample = FixedPoint::around(0.0, &[1.999_999_99; 5000]).unwrap();
        for isa in Isa::available() {
            for sums in bootstrap_sums_abreast(isa, &[&sample, &sample], 3, 1) {
                assert!(sums.iter().all(|&sum| sum == sample.total()), "{isa}");
            }
        }
    }
}
