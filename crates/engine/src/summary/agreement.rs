//! λ over questions.

use wfgy_core::Aggregate;
use wfgy_core::evaluation::{RunRecord, RunStatus};
use wfgy_score::lambda::items;
use wfgy_score::{LambdaData, LambdaRun, QuestionLambda};

use super::grid::{Failed, Grid, QuestionRuns};
use super::sheet::Sheet;

/// The metrics that need a question whose runs can agree.
const OF_QUESTIONS: [&str; 6] = [
    "lambda.convergence",
    "lambda.convergent",
    "lambda.flip_rate",
    "lambda.split_rate",
    "lambda.collapse_rate",
    "lambda.abort_rate",
];

/// λ of one answerable question at the served k, of the index's own graph; its states are in the
/// order of [`QuestionRuns::asked`].
pub(crate) fn lambda(grid: &Grid<'_>, question: &QuestionRuns<'_>) -> QuestionLambda {
    of_runs(grid, question.asked())
}

/// The same at worst: with the runs that could not be asked, as aborted ones.
pub(super) fn lambda_at_worst(grid: &Grid<'_>, question: &QuestionRuns<'_>) -> QuestionLambda {
    of_runs(grid, question.planned())
}

/// λ of one answerable question over the runs of rebuilds too, which come after the others.
pub(crate) fn lambda_over_rebuilds(
    grid: &Grid<'_>,
    question: &QuestionRuns<'_>,
    failed: Failed,
) -> QuestionLambda {
    let is_in = |run: &&RunRecord| failed == Failed::AtWorst || run.status != RunStatus::Unasked;
    let rebuilt = question.rebuilt.iter().copied();
    of_runs(grid, question.planned().chain(rebuilt).filter(is_in))
}

fn of_runs<'a>(grid: &Grid<'_>, runs: impl Iterator<Item = &'a RunRecord>) -> QuestionLambda {
    let runs: Vec<LambdaRun<'_>> = runs.map(|run| seen(grid, run)).collect();
    QuestionLambda::of(&runs)
}

fn seen<'a>(grid: &Grid<'_>, run: &'a RunRecord) -> LambdaRun<'a> {
    let failed = matches!(run.status, RunStatus::Failed | RunStatus::Unasked);
    let coverage = run.coverage.get(&grid.k).map_or(0.0, |coverage| coverage.coverage);
    LambdaRun {
        wording: run.wording,
        seed: run.seed,
        items: items(&run.hits, grid.k, grid.unit),
        failed,
        found: (!failed).then_some(coverage > 0.0),
    }
}

/// A failed run is an aborted one either way; at worst one that could not be asked is as well.
pub(crate) fn measure(grid: &Grid<'_>, failed: Failed, sheet: &mut Sheet) {
    let of = |question: &QuestionRuns<'_>| lambda_over_rebuilds(grid, question, failed);
    let questions: Vec<QuestionLambda> = grid.answerable().map(of).collect();
    let data = LambdaData::of(&questions);
    let missed: Vec<f64> =
        questions.iter().map(|question| f64::from(u8::from(question.always_missed))).collect();
    sheet.put("lambda.always_missed", &missed, Aggregate::Count);
    let Some(remaining) = data.remaining else {
        let why = format!(
            "of {} questions {} missed in every run and {} have fewer than two runs: fewer than \
             half are left",
            questions.len(),
            data.always_missed,
            data.too_few_runs
        );
        OF_QUESTIONS.iter().for_each(|name| sheet.lacks(name, &why));
        return;
    };
    let of = |value: fn(&QuestionLambda) -> f64| -> Vec<f64> {
        remaining.iter().map(|i| value(&questions[*i])).collect()
    };
    for (name, value, aggregate) in [
        (
            OF_QUESTIONS[0],
            QuestionLambda::convergence as fn(&QuestionLambda) -> f64,
            Aggregate::Mean,
        ),
        (OF_QUESTIONS[1], |q| f64::from(u8::from(q.is_convergent())), Aggregate::Share),
        (OF_QUESTIONS[2], QuestionLambda::flip_rate, Aggregate::Mean),
        (OF_QUESTIONS[3], QuestionLambda::split_rate, Aggregate::Mean),
        (OF_QUESTIONS[4], QuestionLambda::collapse_rate, Aggregate::Mean),
        (OF_QUESTIONS[5], QuestionLambda::abort_rate, Aggregate::Mean),
    ] {
        sheet.put(name, &of(value), aggregate);
    }
}
