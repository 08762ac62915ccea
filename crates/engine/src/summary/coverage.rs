//! Coverage over questions, and how much of the exact answer the serving path found.

use std::collections::{BTreeMap, BTreeSet};

use wfgy_core::Aggregate;
use wfgy_core::evaluation::{CoverageRecord, RunRecord};
use wfgy_stats::{Sample, SampleError};

use super::grid::{Failed, Grid};
use super::sheet::Sheet;

/// A question passes from this mean coverage on.
const PASSES_FROM: f64 = 0.70;
/// A stratum of fewer questions says nothing.
const LEAST_STRATUM: usize = 20;

pub(crate) fn measure(grid: &Grid<'_>, failed: Failed, sheet: &mut Sheet) {
    for cutoff in &grid.cutoffs {
        for (name, of) in [
            ("coverage.mean", (|c| c.coverage) as fn(&CoverageRecord) -> f64),
            ("coverage.precision", |c| c.precision),
            ("coverage.iou", |c| c.iou),
        ] {
            let values = grid.values(failed, 0.0, |run| run.coverage.get(cutoff).map(of));
            at(name, *cutoff, grid.k, &values, sheet);
        }
        graph_recall(grid, failed, *cutoff, sheet);
    }
    let served = |run: &RunRecord| run.coverage.get(&grid.k).map(|c| c.coverage);
    let values = grid.values(failed, 0.0, served);
    sheet.put("coverage.p05", &values, Aggregate::P05);
    let passing: Vec<f64> = values
        .iter()
        .map(|value| f64::from(u8::from(wfgy_stats::at_least(*value, PASSES_FROM))))
        .collect();
    sheet.put("coverage.pass_rate", &passing, Aggregate::Share);
    worst_stratum(grid, failed, sheet);
}

fn at(name: &str, cutoff: usize, k: usize, values: &[f64], sheet: &mut Sheet) {
    sheet.put(&format!("{name}@{cutoff}"), values, Aggregate::Mean);
    if cutoff == k {
        sheet.put(name, values, Aggregate::Mean);
    }
}

/// No data where the exact answer to an answered run is not known: a mean over the questions
/// that happen to have one would hide the others.
fn graph_recall(grid: &Grid<'_>, failed: Failed, cutoff: usize, sheet: &mut Sheet) {
    let name = "graph.recall";
    let runs = grid.answerable().flat_map(|question| question.asked());
    let unknown = runs.filter(|run| !run.hits.is_empty() && run.exact.is_empty()).count();
    if unknown > 0 {
        let why = format!("the exact answer to {unknown} runs is not known");
        sheet.lacks(&format!("{name}@{cutoff}"), &why);
        return sheet.lacks(name, &why);
    }
    let values = grid.values(failed, 0.0, |run| found_of_exact(run, cutoff));
    at(name, cutoff, grid.k, &values, sheet);
}

/// Share of the exact top k that the serving path has in its own; `None` where the exact answer
/// is not known.
pub(crate) fn found_of_exact(run: &RunRecord, k: usize) -> Option<f64> {
    let exact = &run.exact[..run.exact.len().min(k)];
    let served: BTreeSet<u32> = run.hits.iter().take(k).map(|hit| hit.position).collect();
    let found = exact.iter().filter(|position| served.contains(position)).count();
    (!exact.is_empty()).then(|| found as f64 / exact.len() as f64)
}

/// The lowest mean of a stratum with enough questions; the first in name order on ties.
fn worst_stratum(grid: &Grid<'_>, failed: Failed, sheet: &mut Sheet) {
    let name = "coverage.worst_stratum";
    let mut strata: BTreeMap<&str, (usize, Vec<f64>)> = BTreeMap::new();
    for question in grid.answerable() {
        let Some(stratum) = &question.record.stratum else { continue };
        let (questions, values) = strata.entry(stratum).or_default();
        *questions += 1;
        values.extend(
            question.value(failed, 0.0, |run| {
                run.coverage.get(&grid.k).map(|coverage| coverage.coverage)
            }),
        );
    }
    let large = strata.values().filter(|(questions, _)| *questions >= LEAST_STRATUM);
    let samples: Result<Vec<Sample>, SampleError> =
        large.map(|(_, values)| Sample::new(values.clone())).collect();
    match samples {
        Err(error) => sheet.lacks(name, &error.to_string()),
        Ok(samples) => {
            let means = samples.iter().map(Sample::mean).enumerate();
            match means.min_by(|a, b| a.1.total_cmp(&b.1)) {
                Some((worst, _)) => sheet.put_worst(name, samples, worst, Aggregate::Mean),
                None => sheet.lacks(name, "no stratum has 20 questions"),
            }
        }
    }
}
