//! Operating characteristics: how often a gate that decides by `wfgy-stats` is wrong.
//!
//! `cargo bench -p wfgy-stats --bench gate -- WHAT [DATA_SETS [CLAIM]]`, WHAT one of `boundary`,
//! `power`, `watch`, `more`, CLAIM a part of the claims to keep; a CSV on standard output. `run.sh` beside this file runs all four.

use std::io::Write;

use rayon::prelude::*;
use wfgy_core::Aggregate;
use wfgy_kernel::Isa;
use wfgy_kernel::resample::Stream;
use wfgy_stats::{
    Answer, Claim, LEVEL, MeanTest, MoreQuestions, Population, Range, Sample, Side, at_least,
    at_most,
};

/// Seed of the simulated gold sets; that of the estimators is their own.
const SEED: u64 = 41;
/// Questions in a gold set.
const SIZES: [usize; 4] = [20, 40, 100, 300];
/// Correlation between the runs of a question.
const CORRELATIONS: [f64; 3] = [0.0, 0.5, 0.9];
/// Runs of a question: four wordings under two seeds.
const RUNS: usize = 8;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let what = arguments.first().map_or("", String::as_str);
    let data_sets = |default: usize| -> Result<usize, Failure> {
        Ok(arguments.get(1).map_or(Ok(default), |n| n.parse())?)
    };
    let claim = arguments.get(2).map_or("", String::as_str);
    if !what.is_empty() {
        println!("# kernel path {}", Isa::active());
    }
    match what {
        "boundary" => decisions(&[0.0], data_sets(20_000)?, claim),
        "power" => decisions(&[-1.0, 1.0], data_sets(2_000)?, claim),
        "watch" => watch(data_sets(20_000)?),
        "more" => more(data_sets(600)?),
        // `cargo bench` runs every bench without arguments.
        "" => {
            eprintln!("usage: gate boundary|power|watch|more [DATA_SETS [CLAIM]]");
            Ok(())
        }
        other => Err(format!("no simulation is called `{other}`").into()),
    }
}

/// A claim, the population whose truth lies on its threshold, and ones whose truth does not.
struct Scenario {
    name: &'static str,
    claim: Claim,
    /// How far the truth is moved for an effect of 1.
    effect: f64,
    population: Shape,
}

/// Where the values come from, given how far the truth is moved.
#[derive(Clone, Copy)]
enum Shape {
    /// Shares of runs that succeed.
    Runs,
    /// Distances whose statistic lies on the threshold; deviation of a run.
    Normal(f64),
    /// Almost all questions near the good end, a few at the bad one: the bootstrap's worst case.
    /// Width of what is near the good end.
    Rare(f64),
}

fn scenarios() -> Vec<Scenario> {
    let claim = |aggregate, side, threshold, highest| {
        let range = Range::new(0.0, highest).expect("a range");
        Claim { aggregate, range, side, threshold, level: LEVEL }
    };
    use Aggregate::{Mean, Median, P95};
    use Side::{Lower, Upper};
    let scenario = |name, claim, effect, population| Scenario { name, claim, effect, population };
    vec![
        scenario("mean of shares >= 0.70", claim(Mean, Lower, 0.70, 1.0), 0.10, Shape::Runs),
        scenario("mean of shares >= 0.95", claim(Mean, Lower, 0.95, 1.0), 0.04, Shape::Runs),
        scenario("mean of shares <= 0.02", claim(Mean, Upper, 0.02, 1.0), -0.018, Shape::Runs),
        scenario(
            "mean of skewed values <= 0.05",
            claim(Mean, Upper, 0.05, 1.0),
            -0.03,
            Shape::Rare(0.02),
        ),
        scenario(
            "median of distances <= 0.45",
            claim(Median, Upper, 0.45, 2.0),
            -0.05,
            Shape::Normal(0.15),
        ),
        scenario(
            "p95 of distances <= 0.60",
            claim(P95, Upper, 0.60, 2.0),
            -0.10,
            Shape::Normal(0.15),
        ),
    ]
}

impl Scenario {
    /// The population whose statistic is `moved` beyond the threshold, in the good direction.
    fn population(&self, moved: f64, correlation: f64) -> Result<Drawn, Failure> {
        let truth = self.claim.threshold + moved * self.effect;
        Ok(match self.population {
            Shape::Runs => Drawn::Planned(Population::runs(truth, RUNS, correlation)?),
            Shape::Normal(deviation) => {
                let at = |center| {
                    Population::normal(center, deviation, RUNS, correlation, self.claim.range)
                };
                // No value reaches an end of the range, so the statistic moves with the center.
                let offset = at(0.5)?.truth(self.claim.aggregate).ok_or("a truth")? - 0.5;
                Drawn::Planned(at(truth - offset)?)
            }
            Shape::Rare(width) => {
                Drawn::Rare { width, share: (truth - width / 2.0) / (1.0 - width / 2.0) }
            }
        })
    }
}

/// Something to draw values from.
enum Drawn {
    Planned(Population),
    Rare { width: f64, share: f64 },
}

impl Drawn {
    fn draw(&self, questions: usize, stream: &mut Stream) -> Vec<f64> {
        match self {
            Self::Planned(population) => population.draw(questions, stream),
            Self::Rare { width, share } => (0..questions)
                .map(|_| if stream.uniform() < *share { 1.0 } else { width * stream.uniform() })
                .collect(),
        }
    }
}

/// Rates of both modes; at an effect of 0 a pass is a false pass and a fail a false fail.
fn decisions(effects: &[f64], data_sets: usize, claim: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "claim,correlation,n,effect,data_sets,point_pass,pass,fail,inconclusive")?;
    for scenario in scenarios().into_iter().filter(|scenario| scenario.name.contains(claim)) {
        for correlation in CORRELATIONS {
            if matches!(scenario.population, Shape::Rare(_)) && correlation > 0.0 {
                continue;
            }
            for n in SIZES {
                for &effect in effects {
                    let population = scenario.population(effect, correlation)?;
                    let counts = answers(&scenario.claim, &population, n, data_sets)?;
                    let rate = |count: usize| count as f64 / data_sets as f64;
                    writeln!(
                        out,
                        "{},{correlation},{n},{effect},{data_sets},{:.4},{:.4},{:.4},{:.4}",
                        scenario.name,
                        rate(counts[0]),
                        rate(counts[1]),
                        rate(counts[2]),
                        rate(data_sets - counts[1] - counts[2]),
                    )?;
                    out.flush()?;
                }
            }
        }
    }
    Ok(())
}

/// How often the point passes, the claim is shown, and the claim is refuted.
fn answers(
    claim: &Claim,
    population: &Drawn,
    n: usize,
    data_sets: usize,
) -> Result<[usize; 3], Failure> {
    let counts = (0..data_sets as u64)
        .into_par_iter()
        .map(|data_set| {
            let values = population.draw(n, &mut Stream::new(SEED, data_set));
            let sample = Sample::new(values).map_err(|error| error.to_string())?;
            let point = sample.point(claim.aggregate);
            let passes = match claim.side {
                Side::Upper => at_most(point, claim.threshold),
                Side::Lower => at_least(point, claim.threshold),
            };
            let answer = claim.answer(&sample).map_err(|error| error.to_string())?;
            Ok([passes, answer == Answer::Shown, answer == Answer::Refuted].map(usize::from))
        })
        .try_reduce(|| [0; 3], |a, b| Ok::<_, String>(std::array::from_fn(|i| a[i] + b[i])))?;
    Ok(counts)
}

/// How often a watch of 1,000 looks, ten probes each, is ever wrong about a mean on its threshold.
fn watch(data_sets: usize) -> Result<(), Failure> {
    const LOOKS: usize = 1_000;
    const PROBES: usize = 10;
    let mut out = std::io::stdout().lock();
    writeln!(out, "probes,side,mean,looks,data_sets,ever_wrong")?;
    let indicator = |share: f64| Population::runs(share, 1, 0.0);
    let shares = |share: f64| Population::runs(share, RUNS, 0.5);
    for (name, mean, population) in [
        ("indicators of a p95 rule", 0.05, indicator(0.05)?),
        ("indicators", 0.5, indicator(0.5)?),
        ("shares of runs", 0.02, shares(0.02)?),
        ("shares of runs", 0.70, shares(0.70)?),
        ("shares of runs", 0.95, shares(0.95)?),
    ] {
        for side in [Side::Lower, Side::Upper] {
            let wrong: usize = (0..data_sets as u64)
                .into_par_iter()
                .map(|data_set| {
                    let mut stream = Stream::new(SEED, data_set);
                    let mut test = MeanTest::new(Range::UNIT, side, mean, LEVEL)
                        .map_err(|error| error.to_string())?;
                    for _ in 0..LOOKS {
                        for value in population.draw(PROBES, &mut stream) {
                            test.observe(value).map_err(|error| error.to_string())?;
                        }
                        if test.is_shown() {
                            return Ok::<_, String>(1);
                        }
                    }
                    Ok(0)
                })
                .try_reduce(|| 0, |a, b| Ok(a + b))?;
            let rate = wrong as f64 / data_sets as f64;
            writeln!(out, "{name},{side:?},{mean},{LOOKS},{data_sets},{rate:.4}")?;
            out.flush()?;
        }
    }
    Ok(())
}

/// How often the number of questions that was asked for settles what was open.
///
/// The truth is spread evenly within three standard errors around the threshold; the new questions
/// come from the true population, the old ones are kept.
fn more(data_sets: usize) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "claim,n,data_sets,open,no_feasible_number,median_n_more,decided")?;
    for scenario in scenarios() {
        // A standard error at 100 questions, in effects.
        let (n, error) = match scenario.name {
            "mean of shares >= 0.70" => (100, 0.0343 / 0.10),
            "median of distances <= 0.45" => (100, 0.0141 / 0.05),
            _ => continue,
        };
        let outcomes: Vec<Option<Option<(usize, bool)>>> = (0..data_sets as u64)
            .into_par_iter()
            .map(|data_set| {
                let failed = |error: &dyn std::fmt::Display| error.to_string();
                let mut stream = Stream::new(SEED, data_set);
                let moved = (2.0 * stream.uniform() - 1.0) * 3.0 * error;
                let population = scenario.population(moved, 0.5).map_err(|e| failed(&e))?;
                let mut values = population.draw(n, &mut stream);
                let sample = Sample::new(values.clone()).map_err(|e| failed(&e))?;
                match scenario.claim.more_questions(&sample).map_err(|e| failed(&e))? {
                    MoreQuestions::Settled => Ok::<_, String>(None),
                    MoreQuestions::NoFeasibleNumber => Ok(Some(None)),
                    MoreQuestions::Number(more) => {
                        values.extend(population.draw(more, &mut stream));
                        let sample = Sample::new(values).map_err(|e| failed(&e))?;
                        let answer = scenario.claim.answer(&sample).map_err(|e| failed(&e))?;
                        Ok(Some(Some((more, answer != Answer::Open))))
                    }
                }
            })
            .collect::<Result<_, _>>()?;
        let open = outcomes.iter().flatten().count();
        let mut numbers: Vec<(usize, bool)> =
            outcomes.iter().flatten().flatten().copied().collect();
        numbers.sort_unstable();
        let decided = numbers.iter().filter(|(_, decided)| *decided).count();
        writeln!(
            out,
            "{},{n},{data_sets},{open},{},{},{:.4}",
            scenario.name,
            open - numbers.len(),
            numbers[numbers.len() / 2].0,
            decided as f64 / numbers.len() as f64,
        )?;
        out.flush()?;
    }
    Ok(())
}
