//! Operating characteristics: how often a gate is wrong.
//!
//! `cargo bench -p wfgy-gate --bench gate -- WHAT [DATA_SETS [SCENARIO]]`, WHAT one of `boundary`,
//! `power`, `watch`, `more`, `latency`, SCENARIO a part of the names to keep (of `more`: of the
//! rows'); a CSV on standard output.
//! `run.sh` beside this file runs all of them.

#[path = "../../crates/gate/tests/healthy/mod.rs"]
#[allow(clippy::unwrap_used, reason = "what every test starts from: it cannot fail")]
mod healthy;
mod latency;
mod law;
mod more;
mod scenario;

use std::io::Write;

use rayon::prelude::*;
use wfgy_gate::Verdict;
use wfgy_kernel::Isa;
use wfgy_kernel::resample::Stream;
use wfgy_stats::{LEVEL, MeanTest, Population, Range, Side};

use crate::scenario::{Drawn, Failure, Scenario, scenarios};

/// Seed of the simulated gold sets; that of the estimators is their own.
const SEED: u64 = 41;

/// Data sets that are decided together: their resamples share the draws.
const TOGETHER: usize = 64;

/// Of so many the first, and all that pass or fail, are decided by a whole gate as well, and both
/// must agree: fewer by as many criteria as there are, since a gate also says how many questions
/// each that is open needs.
const CHECKED: u64 = 64;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let what = arguments.first().map_or("", String::as_str);
    let given: Option<u64> = arguments.get(1).map(|n| n.parse()).transpose()?;
    let data_sets = |default: u64| given.unwrap_or(default);
    let name = arguments.get(2).map_or("", String::as_str);
    if !what.is_empty() {
        println!("# kernel path {}", Isa::active());
    }
    match what {
        "boundary" => decisions(&[0.0], data_sets(20_000), name),
        "power" => decisions(&[-1.0, 1.0], data_sets(20_000), name),
        "watch" => watch(data_sets(20_000)),
        "more" => more::simulate(given, name),
        "latency" => latency::simulate(data_sets(1_000)),
        // `cargo bench` runs every bench without arguments.
        "" => {
            eprintln!("usage: gate boundary|power|watch|more|latency [DATA_SETS [SCENARIO]]");
            Ok(())
        }
        other => Err(format!("no simulation is called `{other}`").into()),
    }
}

/// Rates of both modes; at an effect of 0 a pass is a false pass and a fail a false fail.
fn decisions(effects: &[f64], data_sets: u64, name: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "claim,correlation,n,effect,data_sets,point_pass,pass,fail,inconclusive")?;
    for scenario in scenarios().into_iter().filter(|scenario| scenario.name.contains(name)) {
        for &correlation in scenario.correlations {
            let drawn = scenario.at(correlation);
            for &n in scenario.sizes {
                for &effect in effects {
                    let counts = rates(&scenario, &drawn, effect, n, data_sets)?;
                    let rate = |count: usize| count as f64 / data_sets as f64;
                    writeln!(
                        out,
                        "\"{}\",{correlation},{n},{effect},{data_sets},{:.5},{:.5},{:.5},{:.5}",
                        scenario.name,
                        rate(counts[0]),
                        rate(counts[1]),
                        rate(counts[2]),
                        rate(data_sets as usize - counts[1] - counts[2]),
                    )?;
                    out.flush()?;
                }
            }
        }
    }
    Ok(())
}

/// How often the points pass, all is shown, and anything is refuted.
fn rates(
    scenario: &Scenario,
    drawn: &Drawn<'_>,
    effect: f64,
    n: usize,
    data_sets: u64,
) -> Result<[usize; 3], Failure> {
    let checked = CHECKED / scenario.criteria() as u64;
    let all: Vec<u64> = (0..data_sets).collect();
    all.par_chunks(TOGETHER)
        .map(|chunk| {
            let sets = chunk
                .iter()
                .map(|&at| drawn.draw(effect, n, &mut Stream::new(SEED, at)))
                .collect::<Result<Vec<_>, _>>()?;
            let mut counts = [0; 3];
            for ((at, set), decided) in chunk.iter().zip(&sets).zip(scenario.decide(&sets)?) {
                let decides = decided.verdict != Verdict::Inconclusive;
                if *at == 0 || (*at < checked && decides) {
                    let (by_gate, _) = scenario.by_gate(set)?;
                    if by_gate != decided.verdict {
                        let what = format!("{}, n = {n}, data set {at}", scenario.name);
                        return Err(format!("{what}: {decided:?}, a gate says {by_gate:?}").into());
                    }
                }
                counts[0] += usize::from(decided.point_passes);
                counts[1] += usize::from(decided.verdict == Verdict::Pass);
                counts[2] += usize::from(decided.verdict == Verdict::Fail);
            }
            Ok(counts)
        })
        .try_reduce(|| [0; 3], |a, b| Ok(std::array::from_fn(|i| a[i] + b[i])))
}

/// How often a watch of 1,000 looks, ten probes each, is ever wrong about a mean on its threshold.
fn watch(data_sets: u64) -> Result<(), Failure> {
    const LOOKS: usize = 1_000;
    const PROBES: usize = 10;
    let mut out = std::io::stdout().lock();
    writeln!(out, "probes,side,mean,looks,data_sets,ever_wrong")?;
    let indicator = |share: f64| Population::runs(share, 1, 0.0);
    let shares = |share: f64| Population::runs(share, 8, 0.5);
    for (name, mean, population) in [
        ("indicators of a p95 rule", 0.05, indicator(0.05)?),
        ("indicators", 0.5, indicator(0.5)?),
        ("shares of runs", 0.02, shares(0.02)?),
        ("shares of runs", 0.70, shares(0.70)?),
        ("shares of runs", 0.95, shares(0.95)?),
    ] {
        // Both sides look at the same probes.
        let wrong = (0..data_sets)
            .into_par_iter()
            .map(|data_set| {
                let mut stream = Stream::new(SEED, data_set);
                let test = |side| MeanTest::new(Range::UNIT, side, mean, LEVEL);
                let mut tests = [test(Side::Lower)?, test(Side::Upper)?];
                let mut wrong = [0_usize; 2];
                for _ in 0..LOOKS {
                    let values = population.draw(PROBES, &mut stream);
                    for (test, wrong) in tests.iter_mut().zip(&mut wrong) {
                        for &value in &values {
                            test.observe(value)?;
                        }
                        *wrong |= usize::from(test.is_shown());
                    }
                }
                Ok::<_, Failure>(wrong)
            })
            .try_reduce(|| [0; 2], |a, b| Ok(std::array::from_fn(|i| a[i] + b[i])))?;
        for (side, wrong) in ["lower", "upper"].iter().zip(wrong) {
            let rate = wrong as f64 / data_sets as f64;
            writeln!(out, "{name},{side},{mean},{LOOKS},{data_sets},{rate:.5}")?;
        }
        out.flush()?;
    }
    Ok(())
}
