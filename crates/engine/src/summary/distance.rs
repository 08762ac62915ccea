//! ΔS over questions.

use std::collections::BTreeMap;

use wfgy_core::evaluation::{RunRecord, RunStatus};
use wfgy_core::{Aggregate, Number};
use wfgy_score::delta_s::{AtK, Band, NO_HITS, triangulation};
use wfgy_stats::{Slot, mean, worst_slot};

use super::grid::{Failed, Grid, QuestionRuns};
use super::sheet::Sheet;

/// The best that a distance can be where lower is better; the worst where higher is.
const NEAREST: f64 = 0.0;

/// ΔS(wording, hit) of a run.
pub(super) fn question(run: &RunRecord, k: usize) -> AtK {
    let values: Vec<f64> = run.hits.iter().map(|hit| hit.delta_s_question).collect();
    AtK::of(&values, k)
}

/// ΔS(hit, nearest anchor) of a run; `None` where its question has no anchor.
pub(super) fn anchor(run: &RunRecord, k: usize) -> Option<AtK> {
    let values: Option<Vec<f64>> = run.hits.iter().map(|hit| hit.delta_s_anchor).collect();
    values.map(|values| AtK::of(&values, k))
}

/// ΔS(hit at rank 1, decoys) of a run; without hits it is [`NO_HITS`], as every ΔS is.
fn decoy(run: &RunRecord) -> Option<f64> {
    if run.status == RunStatus::Empty { Some(NO_HITS) } else { run.delta_s_decoy }
}

pub(crate) fn measure(grid: &Grid<'_>, failed: Failed, sheet: &mut Sheet) {
    let k = grid.k;
    let means = grid.values(failed, NO_HITS, |run| Some(question(run, k).first));
    sheet.put("delta_s.question:median", &means, Aggregate::Median);
    spread("delta_s.question", &means, sheet);
    for (name, band) in [
        ("stable", Band::Stable),
        ("transitional", Band::Transitional),
        ("critical", Band::Critical),
    ] {
        let inside: Vec<f64> =
            means.iter().map(|mean| f64::from(u8::from(Band::of(*mean) == band))).collect();
        sheet.put(&format!("delta_s.question:{name}"), &inside, Aggregate::Share);
    }
    let far = |value: &dyn Fn(&RunRecord) -> Option<f64>| grid.values(failed, NO_HITS, value);
    let near = |worst, value: &dyn Fn(&RunRecord) -> Option<f64>| grid.values(failed, worst, value);
    for (name, values) in [
        ("delta_s.question.best", far(&|run| Some(question(run, k).best))),
        ("delta_s.question.mean", far(&|run| Some(question(run, k).mean))),
        ("delta_s.anchor", far(&|run| Some(anchor(run, k)?.first))),
        ("delta_s.anchor.best", far(&|run| Some(anchor(run, k)?.best))),
        ("delta_s.decoy", near(NEAREST, &decoy)),
        (
            "triangulation",
            near(NEAREST - NO_HITS, &|run| Some(triangulation(decoy(run)?, anchor(run, k)?.first))),
        ),
    ] {
        sheet.put(name, &values, Aggregate::Median);
        spread(name, &values, sheet);
    }
    aucs(grid, failed, sheet);
    unanswerable(grid, failed, sheet);
}

fn spread(name: &str, values: &[f64], sheet: &mut Sheet) {
    sheet.put(&format!("{name}:mean"), values, Aggregate::Mean);
    sheet.put(&format!("{name}:p90"), values, Aggregate::P90);
    sheet.put(&format!("{name}:p95"), values, Aggregate::P95);
}

/// Taken at seed 0 only, so that a failed run of another seed says nothing about them.
fn aucs(grid: &Grid<'_>, failed: Failed, sheet: &mut Sheet) {
    for (name, value) in [
        ("delta_s.auc", (|run| run.auc) as fn(&RunRecord) -> Option<f64>),
        ("delta_s.auc_hard", |run| run.auc_hard),
    ] {
        let as_written = |run: &&RunRecord| run.seed == 0;
        let wording = |runs: &Vec<&RunRecord>| {
            let runs = runs.iter().copied().filter(as_written);
            mean(&runs.filter_map(|run| failed.or(0.0, run, value)).collect::<Vec<_>>())
        };
        let question = |q: &QuestionRuns<'_>| {
            mean(&q.wordings.values().filter_map(wording).collect::<Vec<_>>())
        };
        let values: Vec<f64> = grid.answerable().filter_map(question).collect();
        sheet.put(name, &values, Aggregate::Mean);
    }
}

/// ΔS between an unanswerable question and its nearest hit in the top k: higher is better.
fn unanswerable(grid: &Grid<'_>, failed: Failed, sheet: &mut Sheet) {
    let name = "delta_s.unanswerable";
    let of = |run: &RunRecord| Some(question(run, grid.k).best);
    let values: Vec<f64> = grid
        .questions
        .iter()
        .filter(|q| !q.record.answerable)
        .filter_map(|q| q.value(failed, NEAREST, of))
        .collect();
    if values.is_empty() {
        return sheet.lacks(name, "no unanswerable question has an answered run");
    }
    sheet.put(name, &values, Aggregate::Median);
}

/// `delta_s.question` by wording slot, and the worst slot's median under the metric's own name.
pub(crate) fn slots(grid: &Grid<'_>, failed: Failed, sheet: &mut Sheet) -> BTreeMap<usize, Number> {
    let name = "delta_s.question";
    let most = grid.answerable().map(|q| q.record.n_wordings).max().unwrap_or(0);
    let slot = |wording: usize| Slot {
        wording,
        questions: grid.answerable().filter(|q| q.record.n_wordings > wording).count(),
        values: grid
            .answerable()
            .filter(|q| q.record.n_wordings > wording)
            .filter_map(|q| {
                let runs = q.wordings.get(&wording)?;
                let first = |run: &RunRecord| Some(question(run, grid.k).first);
                let of = |run: &&RunRecord| failed.or(NO_HITS, run, first);
                mean(&runs.iter().filter_map(of).collect::<Vec<_>>())
            })
            .collect(),
    };
    let slots: Vec<Slot> = (0..most).map(slot).collect();
    let Some(worst) = worst_slot(&slots, grid.answerable().count()) else {
        sheet.lacks(name, "a wording that half of the questions have has no answered run");
        return BTreeMap::new();
    };
    let samples = worst.slots.iter().map(|slot| slot.sample.clone()).collect();
    sheet.put_worst(name, samples, worst.worst, Aggregate::WorstSlotMedian);
    let mut numbers = BTreeMap::new();
    for slot in &worst.slots {
        let of_slot = format!("{name}.slot.{}", slot.wording);
        sheet.put_sample(&of_slot, &slot.sample, Aggregate::Median);
        numbers.extend(sheet.numbers.get(&of_slot).map(|number| (slot.wording, *number)));
    }
    numbers
}
