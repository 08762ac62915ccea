//! From records to the gate's evidence: a pure function, and what a replay calls as well.
//!
//! Inner levels (seeds within a wording, wordings within a question) are arithmetic means, the
//! named statistic is taken over questions, in gold order. Runs that failed, or that could not be
//! asked for want of a vector, are left out of the values; where there are any, every value is
//! taken a second time with both at their worst: coverage 0, ΔS 2, and 0 for what is better when
//! higher.
//!
//! Unanswerable questions are in `delta_s.unanswerable` and in nothing else, counts included.

mod agreement;
mod coverage;
mod curves;
mod distance;
mod drift;
mod grid;
mod ranking;
mod sheet;

pub(crate) use agreement::{lambda, lambda_over_rebuilds};
pub(crate) use coverage::found_of_exact;
pub use curves::curves;
pub(crate) use drift::{DRIFTS, drifts_of_rebuilds};
pub use drift::{Records, paired_summary};
pub(crate) use grid::{Failed, Grid, QuestionRuns};

use wfgy_core::evaluation::{Context, RunRecord, RunStatus};
use wfgy_core::{Aggregate, Direction, Interval, Number};
use wfgy_gate::{Counts, Evidence, Nulls};
use wfgy_stats::{LEVEL, Pooled, Side, clopper_pearson};

use crate::error::EvaluateError;
use sheet::Sheet;

/// The evidence that `runs` are, at the served `k`: one of the cutoffs that the records hold.
///
/// The order of `runs` does not matter.
///
/// # Errors
/// [`EvaluateError::Setting`] where the records do not hold `k`, [`EvaluateError::Records`]
/// where context and runs do not fit together.
pub fn summary(context: &Context, runs: &[RunRecord], k: usize) -> Result<Evidence, EvaluateError> {
    Ok(evidence(context, runs, &Grid::of(context, runs, k)?))
}

fn evidence(context: &Context, runs: &[RunRecord], grid: &Grid<'_>) -> Evidence {
    let mut sheet = measures(grid, Failed::LeftOut);
    let counts = counts(context, grid);
    let slots = distance::slots(grid, Failed::LeftOut, &mut sheet);
    error_rate(&mut sheet, grid);
    nulls(&mut sheet, context);
    integrity(&mut sheet, context);
    let worst_case = runs.iter().any(is_lost).then(|| at_worst(grid));
    let (worst_case, worst_samples) = worst_case.map(|s| (s.numbers, s.samples)).unzip();
    let mut hard_values: Vec<f64> = runs.iter().filter_map(|run| run.hard_null).collect();
    hard_values.sort_by(f64::total_cmp);
    sheet.explain_the_rest();
    Evidence {
        pins: context.pins.clone(),
        baseline: None,
        gold_digest: context.gold_digest,
        unit: context.unit,
        k: grid.k,
        seeds: context.seeds.clone(),
        rebuild_seeds: context.rebuild_seeds,
        scorer: context.scorer.clone(),
        scorer_schema: context.scorer_schema.clone(),
        stored_vectors: context.stored_vectors,
        metrics: sheet.numbers,
        worst_case,
        slots,
        samples: sheet.samples,
        worst_samples: worst_samples.unwrap_or_default(),
        noise: None,
        latency_gap_ms: Default::default(),
        nulls: Nulls {
            random_p05: context.calibration.random.as_ref().map(|null| null.p05.point),
            hard_median: context.calibration.hard.as_ref().map(|null| null.p50.point),
            hard_values,
        },
        counts,
        integrity: context.integrity.clone(),
        missing: sheet.missing,
    }
}

/// Whether a run failed, or could not be asked.
fn is_lost(run: &RunRecord) -> bool {
    matches!(run.status, RunStatus::Failed | RunStatus::Unasked)
}

/// Every value with lost runs at their worst.
fn at_worst(grid: &Grid<'_>) -> Sheet {
    let mut sheet = measures(grid, Failed::AtWorst);
    distance::slots(grid, Failed::AtWorst, &mut sheet);
    sheet
}

fn measures(grid: &Grid<'_>, failed: Failed) -> Sheet {
    let mut sheet = Sheet::default();
    distance::measure(grid, failed, &mut sheet);
    coverage::measure(grid, failed, &mut sheet);
    agreement::measure(grid, failed, &mut sheet);
    ranking::measure(grid, &mut sheet);
    sheet
}

fn counts(context: &Context, grid: &Grid<'_>) -> Counts {
    let answerable = || grid.answerable();
    let runs = || answerable().flat_map(|question| question.asked());
    let with = |status| runs().filter(|run| run.status == status).count();
    let wordings: usize = answerable().map(|question| question.record.n_wordings).sum();
    let asked = runs().count();
    Counts {
        questions: context.questions.len(),
        answerable: answerable().count(),
        usable: answerable().filter(|q| q.asked().any(|r| r.status != RunStatus::Failed)).count(),
        runs: asked,
        failed: with(RunStatus::Failed),
        empty: with(RunStatus::Empty),
        dropped: (wordings * grid.seeds).saturating_sub(asked),
        min_wordings: answerable().map(|q| q.record.n_wordings).min().unwrap_or(0),
        label_problems: context.questions.iter().map(|q| q.label_problems.len()).sum(),
    }
}

/// The share of runs that failed; its interval is over questions, whose runs may fail together.
fn error_rate(sheet: &mut Sheet, grid: &Grid<'_>) {
    let failed = |run: &RunRecord| f64::from(u8::from(run.status == RunStatus::Failed));
    let of = |question: &QuestionRuns<'_>| question.asked().map(failed).collect();
    match Pooled::new(grid.answerable().map(of).collect()) {
        Ok(runs) => {
            let number = runs.share(Direction::LowerIsBetter, |failed| failed == 1.0);
            sheet.numbers.insert("error_rate".to_owned(), number);
        }
        Err(_) => sheet.lacks("error_rate", "no run of an answerable question was asked"),
    }
}

fn nulls(sheet: &mut Sheet, context: &Context) {
    let calibration = &context.calibration;
    for (name, null, lacking) in [
        ("null.random", &calibration.random, "every snippet overlaps a target: no decoy"),
        ("null.hard", &calibration.hard, "every snippet overlaps a target: no wrong neighbour"),
    ] {
        for (statistic, number) in [
            ("", null.as_ref().map(|null| null.p50)),
            (":p01", null.as_ref().map(|null| null.p01)),
            (":p05", null.as_ref().map(|null| null.p05)),
            (":p95", null.as_ref().map(|null| null.p95)),
        ] {
            let name = format!("{name}{statistic}");
            match number {
                Some(number) if number.point.is_finite() => {
                    sheet.numbers.insert(name, number);
                }
                _ => sheet.lacks(&name, lacking),
            }
        }
    }
}

/// How many of the stored vectors that were compared are not those of their text. Drawn ones stand
/// for all, each by itself; where all were compared the count is no estimate.
fn integrity(sheet: &mut Sheet, context: &Context) {
    let integrity = &context.integrity;
    if integrity.checked == 0 {
        let why = format!("stored vectors were not compared with their text ({})", integrity.mode);
        return sheet.lacks("integrity.mismatches", &why);
    }
    let (missed, drawn) = (integrity.mismatches, integrity.checked);
    let is_drawn = integrity.mode == "sample";
    let end = |side| Some(drawn as f64 * clopper_pearson(missed, drawn, side, LEVEL));
    sheet.numbers.insert(
        "integrity.mismatches".to_owned(),
        Number {
            point: missed as f64,
            ci: is_drawn.then(|| Interval {
                level: LEVEL,
                lower: end(Side::Lower),
                upper: end(Side::Upper),
            }),
            n_questions: 0,
            aggregate: Aggregate::Count,
            direction: Direction::LowerIsBetter,
        },
    );
}
