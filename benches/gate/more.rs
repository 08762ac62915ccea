//! How often the number of questions that a gate asks for settles what was open.

use std::io::Write;

use rayon::prelude::*;
use wfgy_gate::Verdict;
use wfgy_kernel::resample::Stream;
use wfgy_stats::Sample;

use crate::SEED;
use crate::scenario::{DataSet, Drawn, Failure, Scenario, scenarios, with_review};

/// A criterion that is asked about, with how many questions at hand, at which correlation between
/// the runs of a question.
struct Asked {
    scenario: Scenario,
    sizes: &'static [usize],
    correlations: &'static [f64],
    data_sets: u64,
}

/// Plain criteria, with the data sets of each row: bounds of means are resampled. Of [`MANY`]
/// questions half as many.
const PLAIN: [(&str, u64); 4] = [
    (SHARES, 400),
    ("mean of differences >= -0.02", 400),
    (MEDIAN, 600),
    ("p95 of distances <= 0.60", 600),
];

/// Questions at hand from which on a number takes long to find.
const MANY: usize = 300;

const SHARES: &str = "mean of shares >= 0.70";
const MEDIAN: &str = "median of distances <= 0.45";
const WORDINGS: &str = "worst of four wordings <= 0.45, all on it";

/// Asked about once more with a review band: of most data sets in it no number is feasible.
const IN_REVIEW: [(&str, &str, [f64; 2]); 2] = [
    (SHARES, "mean of shares >= 0.70, review from 0.66", [0.66, 0.70]),
    (MEDIAN, "median of distances <= 0.45, review to 0.48", [0.45, 0.48]),
];

fn asked() -> Result<Vec<Asked>, Failure> {
    let named = |name: &str| {
        let found = scenarios().into_iter().find(|scenario| scenario.name == name);
        found.ok_or_else(|| format!("no scenario is called {name}"))
    };
    let seldom =
        |scenario| Asked { scenario, sizes: &[40, 100], correlations: &[0.5], data_sets: 600 };
    let mut asked = Vec::new();
    for (name, data_sets) in PLAIN {
        let (sizes, correlations) = (&[20, 40, 100, MANY], &[0.0, 0.5, 0.9]);
        asked.push(Asked { scenario: named(name)?, sizes, correlations, data_sets });
    }
    asked.push(seldom(named(WORDINGS)?));
    for (plain, name, band) in IN_REVIEW {
        asked.push(seldom(with_review(named(plain)?, name, band)));
    }
    Ok(asked)
}

/// What became of one data set that was open.
enum Outcome {
    NoFeasibleNumber,
    Asked(usize, bool),
}

/// Rows, of which those are kept whose claim, correlation and n, as the CSV has them, contain
/// `only`.
pub(crate) fn simulate(data_sets: Option<u64>, only: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "claim,correlation,n,data_sets,open,no_feasible_number,median_n_more,decided,standard_error"
    )?;
    for Asked { scenario, sizes, correlations, data_sets: usual } in asked()? {
        for &correlation in correlations {
            let row = |n: usize| format!("\"{}\",{correlation},{n}", scenario.name);
            let sizes: Vec<usize> =
                sizes.iter().copied().filter(|&n| row(n).contains(only)).collect();
            if sizes.is_empty() {
                continue;
            }
            let drawn = scenario.at(correlation);
            for n in sizes {
                let usual = if n < MANY { usual } else { usual / 2 };
                let data_sets = data_sets.unwrap_or(usual);
                let outcomes = outcomes(&scenario, &drawn, n, data_sets)?;
                writeln!(out, "{},{data_sets},{}", row(n), summary(&outcomes))?;
                out.flush()?;
            }
        }
    }
    Ok(())
}

/// What became of each data set that was open. The truth is spread evenly within three standard
/// errors around the bound; the new questions come from the true population, the old ones are kept.
fn outcomes(
    scenario: &Scenario,
    drawn: &Drawn<'_>,
    n: usize,
    data_sets: u64,
) -> Result<Vec<Outcome>, Failure> {
    let error = scenario.error(drawn, n, SEED ^ 1)?;
    let outcomes: Vec<Option<Outcome>> = (0..data_sets)
        .into_par_iter()
        .map(|data_set| {
            let mut stream = Stream::new(SEED, data_set);
            let moved = (2.0 * stream.uniform() - 1.0) * 3.0 * error;
            let set = drawn.draw(moved, n, &mut stream)?;
            let (verdict, more) = scenario.by_gate(&set)?;
            if verdict != Verdict::Inconclusive {
                return Ok::<_, Failure>(None);
            }
            let Some(more) = more else { return Ok(Some(Outcome::NoFeasibleNumber)) };
            let together = join(set, &drawn.draw(moved, more, &mut stream)?)?;
            let decided = scenario.by_gate(&together)?.0 != Verdict::Inconclusive;
            Ok(Some(Outcome::Asked(more, decided)))
        })
        .collect::<Result<_, _>>()?;
    Ok(outcomes.into_iter().flatten().collect())
}

/// Counts, and the rest of a row; what is of the data sets that got a number is left empty where
/// none did.
fn summary(outcomes: &[Outcome]) -> String {
    let mut numbers: Vec<(usize, bool)> = outcomes
        .iter()
        .filter_map(|outcome| match outcome {
            Outcome::Asked(more, decided) => Some((*more, *decided)),
            Outcome::NoFeasibleNumber => None,
        })
        .collect();
    numbers.sort_unstable();
    let (open, asked) = (outcomes.len(), numbers.len());
    let decided = numbers.iter().filter(|(_, decided)| *decided).count();
    let rate = decided as f64 / asked as f64;
    let counts = format!("{open},{}", open - asked);
    match numbers.get(asked / 2) {
        None => format!("{counts},,,"),
        Some((median, _)) => {
            let error = (rate * (1.0 - rate) / asked as f64).sqrt();
            format!("{counts},{median},{rate:.4},{error:.4}")
        }
    }
}

/// The questions of both.
fn join(set: DataSet, more: &DataSet) -> Result<DataSet, Failure> {
    let joined = |(a, b): (&Sample, &Sample)| Sample::new([a.values(), b.values()].concat());
    set.iter()
        .zip(more)
        .map(|(a, b)| Ok(a.iter().zip(b).map(joined).collect::<Result<Vec<_>, _>>()?))
        .collect()
}
