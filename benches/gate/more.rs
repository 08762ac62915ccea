//! How often the number of questions that a gate asks for settles what was open.

use std::io::Write;

use rayon::prelude::*;
use wfgy_gate::Verdict;
use wfgy_kernel::resample::Stream;
use wfgy_stats::Sample;

use crate::SEED;
use crate::scenario::{DataSet, Failure, scenarios, with_review};

/// Questions at hand.
const SIZES: [usize; 2] = [40, 100];

/// The scenarios that are asked about, with the data sets of each: bounds of means are resampled.
const ASKED: [(&str, u64); 5] = [
    (SHARES, 400),
    ("mean of differences >= -0.02", 400),
    (MEDIAN, 600),
    ("p95 of distances <= 0.60", 600),
    ("worst of four wordings <= 0.45, all on it", 600),
];

const SHARES: &str = "mean of shares >= 0.70";
const MEDIAN: &str = "median of distances <= 0.45";

/// Asked about once more with a review band: of most data sets in it no number is feasible.
const IN_REVIEW: [(&str, &str, [f64; 2], u64); 2] = [
    (SHARES, "mean of shares >= 0.70, review from 0.66", [0.66, 0.70], 600),
    (MEDIAN, "median of distances <= 0.45, review to 0.48", [0.45, 0.48], 600),
];

/// Correlation between the runs of a question.
const CORRELATION: f64 = 0.5;

/// What became of one data set that was open.
enum Outcome {
    NoFeasibleNumber,
    Asked(usize, bool),
}

/// The truth is spread evenly within three standard errors around the bound; the new questions come
/// from the true population, the old ones are kept.
pub(crate) fn simulate(data_sets: Option<u64>, only: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "claim,n,data_sets,open,no_feasible_number,median_n_more,decided,standard_error"
    )?;
    let named = |name| scenarios().into_iter().find(|scenario| scenario.name == name);
    let mut asked = Vec::new();
    for (name, usual) in ASKED {
        asked.push((named(name).ok_or("a scenario")?, usual));
    }
    for (plain, name, band, usual) in IN_REVIEW {
        asked.push((with_review(named(plain).ok_or("a scenario")?, name, band), usual));
    }
    for (scenario, usual) in asked.into_iter().filter(|(one, _)| one.name.contains(only)) {
        let data_sets = data_sets.unwrap_or(usual);
        let drawn = scenario.at(CORRELATION);
        for n in SIZES {
            let error = scenario.error(&drawn, n, SEED ^ 1)?;
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
            let open = outcomes.iter().flatten().count();
            let mut numbers: Vec<(usize, bool)> = outcomes
                .iter()
                .flatten()
                .filter_map(|outcome| match outcome {
                    Outcome::Asked(more, decided) => Some((*more, *decided)),
                    Outcome::NoFeasibleNumber => None,
                })
                .collect();
            numbers.sort_unstable();
            let asked = numbers.len();
            let decided = numbers.iter().filter(|(_, decided)| *decided).count();
            let rate = decided as f64 / asked as f64;
            writeln!(
                out,
                "\"{}\",{n},{data_sets},{open},{},{},{rate:.4},{:.4}",
                scenario.name,
                open - asked,
                numbers[asked / 2].0,
                (rate * (1.0 - rate) / asked as f64).sqrt(),
            )?;
            out.flush()?;
        }
    }
    Ok(())
}

/// The questions of both.
fn join(set: DataSet, more: &DataSet) -> Result<DataSet, Failure> {
    let joined = |(a, b): (&Sample, &Sample)| Sample::new([a.values(), b.values()].concat());
    set.iter()
        .zip(more)
        .map(|(a, b)| Ok(a.iter().zip(b).map(joined).collect::<Result<Vec<_>, _>>()?))
        .collect()
}
