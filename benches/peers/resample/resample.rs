//! One timed resampling, for `compare.py`: `resample FILE bootstrap|sign-flip PATH RESAMPLES`.
//!
//! FILE holds little-endian f64 values. Prints seconds, after one run that warms up.

use std::time::Instant;

use wfgy_kernel::Isa;
use wfgy_kernel::resample::{FixedPoint, bootstrap_sums, sign_flip_sums};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let [file, what, path, resamples] = &arguments[..] else {
        // `cargo bench` runs every bench without arguments.
        eprintln!("usage: resample FILE bootstrap|sign-flip PATH RESAMPLES");
        return Ok(());
    };
    let (isa, resamples): (Isa, usize) = (path.parse()?, resamples.parse()?);
    let bytes = std::fs::read(file)?;
    let values: Vec<f64> = bytes.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)).collect();
    let mut seconds = 0.0;
    for seed in [1, 2] {
        let start = Instant::now();
        let result = match what.as_str() {
            "bootstrap" => interval(isa, &values, resamples, seed)?,
            "sign-flip" => p_value(isa, &values, resamples, seed)?,
            other => return Err(format!("no resampling is called {other}").into()),
        };
        seconds = start.elapsed().as_secs_f64();
        eprintln!("{result:?}");
    }
    println!("{seconds}");
    Ok(())
}

/// Percentile interval of the mean, 95 %.
fn interval(
    isa: Isa,
    values: &[f64],
    resamples: usize,
    seed: u64,
) -> Result<Vec<f64>, Box<dyn std::error::Error>> {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let codes = FixedPoint::around(mean, values)?;
    let mut sums = bootstrap_sums(isa, &codes, resamples, seed);
    sums.sort_unstable();
    Ok(vec![codes.mean_of(sums[resamples / 40]), codes.mean_of(sums[resamples - resamples / 40])])
}

/// One-sided p-value of the mean.
fn p_value(
    isa: Isa,
    values: &[f64],
    resamples: usize,
    seed: u64,
) -> Result<Vec<f64>, Box<dyn std::error::Error>> {
    let codes = FixedPoint::around(0.0, values)?;
    let (observed, sums) = (codes.total(), sign_flip_sums(isa, &codes, resamples, seed));
    let hits = sums.iter().filter(|&&sum| sum >= observed).count();
    Ok(vec![(hits + 1) as f64 / (resamples + 1) as f64])
}
