//! A candidate against a baseline: statistics of the differences of each question.
//!
//! A pair is a question with targets that both arms answered. With lost runs at their worst every
//! such question is a pair, the candidate's lost runs at the worst that they can be and the
//! baseline's at the best, so that nothing is gained by a run that nobody saw.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use wfgy_core::evaluation::{Context, RunRecord};
use wfgy_core::{Aggregate, Unit};
use wfgy_gate::{BaselineArm, CoverageUnit, DeltaSScale, Evidence, Pairing};
use wfgy_score::LambdaData;
use wfgy_score::delta_s::NO_HITS;
use wfgy_stats::Sample;

use super::agreement::{lambda, lambda_at_worst};
use super::distance::question;
use super::grid::{Failed, Grid, QuestionRuns};
use super::sheet::Sheet;
use super::{at_worst, counts, evidence, is_lost};
use crate::error::EvaluateError;

/// The metrics of drift.
pub(crate) const DRIFTS: [&str; 4] =
    ["drift.coverage", "drift.delta_s.median", "drift.delta_s.p95", "drift.flip_rate"];

/// A standard deviation of a normal distribution in median absolute deviations.
const DEVIATIONS: f64 = 1.4826;

/// What one arm of an evaluation saw.
#[derive(Debug, Clone, Copy)]
pub struct Records<'a> {
    /// What stands beside the runs.
    pub context: &'a Context,
    /// The runs.
    pub runs: &'a [RunRecord],
}

/// The evidence that the candidate's runs are, as [`summary`](super::summary()) gives it, with the
/// drift against a baseline that was asked the same.
///
/// # Errors
/// As [`summary`](super::summary()) of either arm; [`EvaluateError::Records`] where they were not
/// asked the same.
pub fn paired_summary(
    candidate: Records<'_>,
    baseline: Records<'_>,
    k: usize,
) -> Result<Evidence, EvaluateError> {
    let pair = Pair {
        new: &Grid::of(candidate.context, candidate.runs, k)?,
        old: &Grid::of(baseline.context, baseline.runs, k)?,
        scales: Scales::of(candidate, baseline),
        unit: unit(candidate, baseline),
    };
    check_same(candidate.context, baseline.context)?;
    let mut found = evidence(candidate.context, candidate.runs, pair.new);
    let sheet = pair.drift(Failed::LeftOut);
    found.metrics.extend(sheet.numbers);
    found.samples.extend(sheet.samples);
    found.missing.extend(sheet.missing);
    for name in ["latency.p95_ratio", "latency.p99_ratio"] {
        found.missing.insert(
            name.to_owned(),
            "no latency pass was made; --latency of an evaluation makes one".to_owned(),
        );
    }
    if candidate.runs.iter().chain(baseline.runs).any(is_lost) {
        let sheet = pair.drift(Failed::AtWorst);
        if found.worst_case.is_none() {
            let own = at_worst(pair.new);
            (found.worst_case, found.worst_samples) = (Some(own.numbers), own.samples);
        }
        found.worst_case.iter_mut().for_each(|worst| worst.extend(sheet.numbers.clone()));
        found.worst_samples.extend(sheet.samples);
    }
    found.baseline = Some(BaselineArm {
        pins: baseline.context.pins.clone(),
        stored_vectors: baseline.context.stored_vectors,
        pairing: Pairing {
            pairs: pair.usable().count(),
            delta_s: match pair.scales {
                Scales::Same => DeltaSScale::DeltaS,
                Scales::InNulls(..) => DeltaSScale::ZOfHardNull,
            },
            coverage: pair.unit,
            scorer: baseline.context.scorer.clone(),
            scorer_schema: baseline.context.scorer_schema.clone(),
            counts: counts(baseline.context, pair.old),
            integrity: baseline.context.integrity.clone(),
        },
    });
    Ok(found)
}

/// The drift of each of the candidate's `rebuilt` runs from each earlier ones, by metric, in the
/// units in which candidate and baseline are compared; a metric without data in a pair is absent.
///
/// # Errors
/// As [`paired_summary`].
pub(crate) fn drifts_of_rebuilds(
    rebuilt: &[Vec<RunRecord>],
    candidate: Records<'_>,
    baseline: Records<'_>,
    k: usize,
) -> Result<BTreeMap<String, Vec<f64>>, EvaluateError> {
    let grids = rebuilt.iter().map(|runs| Grid::of(candidate.context, runs, k));
    let grids: Vec<Grid<'_>> = grids.collect::<Result<_, _>>()?;
    let scales = match Scales::of(candidate, baseline) {
        Scales::Same => Scales::Same,
        // The candidate's scale is that of all its rebuilds: they have its vectors.
        Scales::InNulls(candidate, _) => Scales::InNulls(candidate, candidate),
    };
    let unit = unit(candidate, baseline);
    let pairs = (0..grids.len()).flat_map(|later| (0..later).map(move |earlier| (later, earlier)));
    let pairs: Vec<(usize, usize)> = pairs.collect();
    let sheets: Vec<Sheet> = pairs
        .par_iter()
        .map(|(later, earlier)| {
            let (new, old) = (&grids[*later], &grids[*earlier]);
            Pair { new, old, scales, unit }.drift(Failed::LeftOut)
        })
        .collect();
    let mut drifts = BTreeMap::new();
    for metric in DRIFTS {
        let points = sheets.iter().map(|sheet| Some(sheet.numbers.get(metric)?.point));
        if let Some(points) = points.collect::<Option<Vec<f64>>>() {
            drifts.insert(metric.to_owned(), points);
        }
    }
    Ok(drifts)
}

/// Both arms, question by question.
struct Pair<'a> {
    new: &'a Grid<'a>,
    old: &'a Grid<'a>,
    scales: Scales,
    unit: CoverageUnit,
}

type Questions<'p, 'a> = (&'p QuestionRuns<'a>, &'p QuestionRuns<'a>);

/// How the ΔS of each arm is made comparable.
#[derive(Clone, Copy)]
enum Scales {
    /// One scorer: as it is.
    Same,
    /// The candidate's and the baseline's.
    InNulls(Option<Scale>, Option<Scale>),
}

/// Center and deviation of an arm's hard null.
#[derive(Clone, Copy)]
struct Scale {
    center: f64,
    deviation: f64,
}

impl Scales {
    fn of(candidate: Records<'_>, baseline: Records<'_>) -> Self {
        let scorer =
            |arm: Records<'_>| (arm.context.scorer.clone(), arm.context.scorer_schema.clone());
        match scorer(candidate) == scorer(baseline) {
            true => Self::Same,
            false => Self::InNulls(Scale::of(candidate.runs), Scale::of(baseline.runs)),
        }
    }
}

impl Scale {
    /// Of the values pooled over wordings; `None` where there are none, or they do not differ.
    fn of(runs: &[RunRecord]) -> Option<Self> {
        let values: Vec<f64> = runs.iter().filter_map(|run| run.hard_null).collect();
        let center = Sample::new(values.clone()).ok()?.median();
        let apart = values.iter().map(|value| (value - center).abs()).collect();
        let deviation = DEVIATIONS * Sample::new(apart).ok()?.median();
        (deviation > 0.0).then_some(Self { center, deviation })
    }

    fn z(self, delta_s: f64) -> f64 {
        (delta_s - self.center) / self.deviation
    }
}

impl<'a> Pair<'a> {
    /// Questions with targets, in gold order.
    fn answerable(&self) -> impl Iterator<Item = Questions<'_, 'a>> {
        self.new.answerable().zip(self.old.answerable())
    }

    /// Those that both arms answered.
    fn usable(&self) -> impl Iterator<Item = Questions<'_, 'a>> {
        let answered = |question: &QuestionRuns<'_>| question.asked().any(|run| !is_lost(run));
        self.answerable().filter(move |(new, old)| answered(new) && answered(old))
    }

    fn drift(&self, failed: Failed) -> Sheet {
        let mut sheet = Sheet::default();
        self.delta_s(failed, &mut sheet);
        self.coverage(failed, &mut sheet);
        self.flip_rate(failed, &mut sheet);
        sheet
    }

    fn delta_s(&self, failed: Failed, sheet: &mut Sheet) {
        let names =
            [("drift.delta_s.median", Aggregate::Median), ("drift.delta_s.p95", Aggregate::P95)];
        let first = |run: &RunRecord| Some(question(run, self.new.k).first);
        let differences = self.differences(failed, NO_HITS, 0.0, &first, &first);
        let differences: Option<Vec<f64>> = match &self.scales {
            Scales::Same => Some(differences.iter().map(|(new, old)| new - old).collect()),
            Scales::InNulls(Some(of_new), Some(of_old)) => {
                Some(differences.iter().map(|(new, old)| of_new.z(*new) - of_old.z(*old)).collect())
            }
            Scales::InNulls(..) => None,
        };
        for (name, aggregate) in names {
            match &differences {
                Some(differences) => sheet.put(name, differences, aggregate),
                None => sheet.lacks(
                    name,
                    "the arms have different scorers, and the hard null of one of them has no \
                     spread to compare ΔS by: name one scorer with --scorer",
                ),
            }
        }
    }

    fn coverage(&self, failed: Failed, sheet: &mut Sheet) {
        let k = self.new.k;
        let value = |run: &RunRecord| match self.unit {
            CoverageUnit::Characters => run.character_coverage.get(&k).copied(),
            CoverageUnit::Tokens | CoverageUnit::Documents => {
                run.coverage.get(&k).map(|coverage| coverage.coverage)
            }
        };
        let pairs = self.differences(failed, 0.0, 1.0, &value, &value);
        let differences: Vec<f64> = pairs.iter().map(|(new, old)| new - old).collect();
        sheet.put("drift.coverage", &differences, Aggregate::Mean);
    }

    /// Values of both arms where both have one: candidate, baseline.
    fn differences(
        &self,
        failed: Failed,
        worst: f64,
        best: f64,
        new: &dyn Fn(&RunRecord) -> Option<f64>,
        old: &dyn Fn(&RunRecord) -> Option<f64>,
    ) -> Vec<(f64, f64)> {
        let values = |(candidate, baseline): Questions<'_, '_>| {
            Some((candidate.value(failed, worst, new)?, baseline.value(failed, best, old)?))
        };
        self.answerable().filter_map(values).collect()
    }

    /// Over the questions that λ is over in both arms; no data where fewer than half are.
    fn flip_rate(&self, failed: Failed, sheet: &mut Sheet) {
        let name = "drift.flip_rate";
        let questions: Vec<Questions<'_, '_>> = match failed {
            Failed::LeftOut => self.usable().collect(),
            Failed::AtWorst => self.answerable().collect(),
        };
        let of = |grid: &Grid<'_>, question: &QuestionRuns<'_>| match failed {
            Failed::LeftOut => lambda(grid, question),
            Failed::AtWorst => lambda_at_worst(grid, question),
        };
        let new: Vec<_> = questions.iter().map(|(new, _)| of(self.new, new)).collect();
        let old: Vec<_> = questions.iter().map(|(_, old)| of(self.old, old)).collect();
        let remaining = |questions: &[_]| {
            LambdaData::of(questions).remaining.unwrap_or_default().into_iter().collect()
        };
        let (in_new, in_old): (BTreeSet<usize>, BTreeSet<usize>) =
            (remaining(&new), remaining(&old));
        let both: Vec<usize> = in_new.intersection(&in_old).copied().collect();
        if both.is_empty() || 2 * both.len() < self.answerable().count() {
            let why = format!(
                "λ has data in both arms for {} of {} questions: fewer than half",
                both.len(),
                self.answerable().count()
            );
            return sheet.lacks(name, &why);
        }
        let difference = |i: usize| {
            let at_best = failed == Failed::AtWorst && questions[i].1.planned().any(is_lost);
            new[i].flip_rate() - if at_best { 0.0 } else { old[i].flip_rate() }
        };
        let differences: Vec<f64> = both.into_iter().map(difference).collect();
        sheet.put(name, &differences, Aggregate::Mean);
    }
}

/// What coverage of both arms is counted in: characters where one of them says so.
fn unit(candidate: Records<'_>, baseline: Records<'_>) -> CoverageUnit {
    let tokenizer = |arm: Records<'_>| arm.context.pins.get("TOK_VER").map(str::to_owned);
    match candidate.context.unit {
        Unit::Document => CoverageUnit::Documents,
        Unit::Snippet if tokenizer(candidate) != tokenizer(baseline) => CoverageUnit::Characters,
        Unit::Snippet => CoverageUnit::Tokens,
    }
}

/// Pairs need the same questions, asked in the same way.
fn check_same(new: &Context, old: &Context) -> Result<(), EvaluateError> {
    let ids = |context: &Context| -> Vec<(String, bool)> {
        context.questions.iter().map(|q| (q.id.clone(), q.answerable)).collect()
    };
    for (same, what) in [
        (new.gold_digest == old.gold_digest, "gold set"),
        (new.unit == old.unit, "unit of k"),
        (new.k == old.k, "k"),
        (new.seeds == old.seeds, "seeds"),
        (ids(new) == ids(old), "questions"),
    ] {
        if !same {
            let problem = format!("candidate and baseline were not asked alike: another {what}");
            return Err(EvaluateError::Records(problem));
        }
    }
    Ok(())
}
