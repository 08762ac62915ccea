//! Decisions by confidence bounds, and what point decisions report of them.
//!
//! A criterion passes iff every unfavourable bound satisfies it: each of its samples has to show
//! it, so no correction is needed (an intersection–union test; Berger 1982,
//! doi:10.1080/00401706.1982.10487790). It fails iff a favourable bound violates it at a level that
//! Holm's procedure gives over the hard criteria and their wording slots; a criterion that is not
//! hard is a family of its own. Otherwise it is inconclusive. A confident pass is a point pass and
//! a confident fail is a point fail.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use wfgy_core::{Aggregate, Number};
use wfgy_stats::{
    Claim, LEVEL, MoreQuestions, Range, Sample, Side, compare, holm_by_bounds, round9,
};

use crate::claims::{Claims, side};
use crate::criterion::{Comparison, Criterion, Kind};
use crate::evidence::Evidence;
use crate::finding::{Code, Finding, Needs, Warning};
use crate::judge::at_slot;
use crate::metric::{KnownMetric, Origin};
use crate::verdict::Verdict;

/// A criterion with the values that its bounds are taken of.
struct Case<'a> {
    /// Widened by the noise floor, where there is one.
    criterion: Criterion,
    aggregate: Aggregate,
    range: Range,
    /// Where it passes, and where it fails.
    claims: Claims,
    /// What was found, and over how many questions.
    found: (f64, usize),
    samples: &'a [Sample],
    /// The wording slot of each sample; empty where the metric has none.
    slots: Vec<usize>,
    /// With failed runs at their worst; `None` where that changes nothing.
    worst: Option<&'a [Sample]>,
    /// At which level the favourable bound of each sample violates the criterion.
    rejected: Vec<Option<f64>>,
    /// The level that the first rejection of its family takes.
    strictest: f64,
}

/// Adds to a finding of a point decision what bounds say: what a confident decision would need,
/// and a warning where the point passes and its interval crosses the bound.
pub(crate) fn report(finding: &mut Finding, evidence: &Evidence) {
    if let Some(Ok(case)) = Case::of(finding, evidence) {
        finding.needs = Some(case.needs(None));
    }
    let (Some(criterion), Some(number)) = (&finding.criterion, &finding.number) else { return };
    if finding.verdict != Verdict::Pass {
        return;
    }
    // What happened in the runs is no estimate: it is compared by its value in both modes.
    let happened = |known: KnownMetric| !known.over_questions && known.origin == Origin::Runs;
    if criterion.known().is_some_and(happened) {
        return;
    }
    let asked = criterion.widened(finding.noise_floor.unwrap_or(0.0));
    // A latency may pass by how little it is and lie beyond the bound with its whole interval.
    if asked.compare(number.point) != Comparison::Holds {
        return;
    }
    let slots = evidence.slots.values().filter(|_| criterion.metric == "delta_s.question");
    let crossing = std::iter::once(number).chain(slots).filter_map(|number| number.ci).find(|ci| {
        let end = if asked.op.is_upper() { ci.upper } else { ci.lower };
        end.is_none_or(|end| asked.compare(end) != Comparison::Holds)
    });
    if let Some(ci) = crossing {
        let finite = |end: Option<f64>| end.filter(|end| end.is_finite());
        let (lower, upper) = (finite(ci.lower), finite(ci.upper));
        finding.warnings.push(Warning::Crosses { lower, upper });
    }
}

/// Turns the findings of a point decision into those of a confident one.
pub(crate) fn settle(findings: &mut [Finding], evidence: &Evidence) {
    let mut cases: Vec<(usize, Case<'_>)> = Vec::new();
    for (index, finding) in findings.iter_mut().enumerate() {
        match Case::of(finding, evidence) {
            None => {}
            Some(Ok(case)) => cases.push((index, case)),
            Some(Err(reason)) => {
                finding.verdict = Verdict::Inconclusive;
                finding.code = Code::Undecided;
                finding.reason = reason;
            }
        }
    }
    let (hard, others): (Vec<_>, Vec<_>) =
        cases.iter_mut().map(|(_, case)| case).partition(|case| case.criterion.kind == Kind::Hard);
    reject(hard);
    others.into_iter().for_each(|case| reject(vec![case]));
    for (index, case) in &cases {
        case.decide(&mut findings[*index]);
    }
}

/// Holm's procedure over the samples of a family of cases.
fn reject(mut family: Vec<&mut Case<'_>>) {
    let tests: Vec<(usize, usize)> = family
        .iter()
        .enumerate()
        .flat_map(|(at, case)| (0..case.samples.len()).map(move |sample| (at, sample)))
        .collect();
    for case in &mut family {
        case.strictest = 1.0 - (1.0 - LEVEL) / tests.len() as f64;
    }
    holm_by_bounds(tests.len(), 1.0 - LEVEL, |test, level| {
        let (at, sample) = tests[test];
        let rejects = family[at].violates(sample, level);
        if rejects {
            family[at].rejected[sample] = Some(level);
        }
        rejects
    });
}

impl<'a> Case<'a> {
    /// The case of a finding that has a value of a metric over questions; `None` for others, and
    /// why not where the values per question are not what they should be.
    fn of(finding: &Finding, evidence: &'a Evidence) -> Option<Result<Self, String>> {
        let (criterion, number) = (finding.criterion.as_ref()?, finding.number.as_ref()?);
        let known = criterion.known().filter(|known| known.over_questions)?;
        let metric = criterion.metric.as_str();
        let asked = criterion.widened(finding.noise_floor.unwrap_or(0.0));
        let samples = evidence.samples.get(metric).map_or(&[][..], Vec::as_slice);
        let slots = match metric {
            "delta_s.question" => evidence.slots.keys().copied().collect(),
            _ => Vec::new(),
        };
        let points = samples.iter().map(|sample| sample.point(number.aggregate));
        let worst = points.reduce(|a, b| if asked.op.is_upper() { a.max(b) } else { a.min(b) });
        if worst.is_none_or(|worst| compare(worst, number.point) != Some(Ordering::Equal))
            || (!slots.is_empty() && slots.len() != samples.len())
        {
            let reason = "no interval: the values per question behind it are not at hand; use \
                          decision = \"point\", or leave it out";
            return Some(Err(reason.to_owned()));
        }
        let differs = |metrics: &BTreeMap<String, Number>| {
            let worst = metrics.get(metric);
            worst.is_some_and(|w| known.omits_failed_runs || w.point != number.point)
        };
        let worst = evidence
            .worst_case
            .as_ref()
            .filter(|metrics| differs(metrics))
            .map(|_| evidence.worst_samples.get(metric).map_or(&[][..], Vec::as_slice));
        Some(Ok(Self {
            aggregate: number.aggregate,
            range: known.range(),
            claims: Claims::of(&asked, &known, number.aggregate),
            found: (number.point, number.n_questions),
            samples,
            slots,
            worst,
            rejected: vec![None; samples.len()],
            strictest: LEVEL,
            criterion: asked,
        }))
    }

    /// A bound of a sample; NaN, which satisfies and violates nothing, where it has none.
    fn bound(&self, sample: &Sample, side: Side, level: f64) -> f64 {
        sample.bound(self.aggregate, self.range, side, level).unwrap_or(f64::NAN)
    }

    /// Whether the unfavourable bound satisfies the criterion.
    fn shows(&self, sample: &Sample) -> bool {
        let bound = self.bound(sample, side(&self.criterion), LEVEL);
        bound.is_finite() && self.criterion.compare(bound) == Comparison::Holds
    }

    /// Whether the favourable bound violates it; an infinite one violates nothing.
    fn violates(&self, sample: usize, level: f64) -> bool {
        let side = side(&self.criterion).opposite();
        let bound = self.bound(&self.samples[sample], side, level);
        bound.is_finite() && self.criterion.compare(bound) == Comparison::Violated
    }

    fn decide(&self, finding: &mut Finding) {
        let point_violates = match finding.code {
            Code::Violated => true,
            Code::Holds => false,
            // A person decides, or failed runs keep it from passing whatever the bounds are.
            _ => {
                finding.needs = Some(self.needs(None));
                return;
            }
        };
        let at = self.decisive(point_violates);
        let sample = &self.samples[at];
        finding.slot = self.slots.get(at).copied();
        if let Some(number) = &mut finding.number {
            number.point = sample.point(self.aggregate);
            number.n_questions = sample.n();
            number.ci = sample.interval(self.aggregate, self.range, LEVEL).ok();
        }
        let Criterion { op, bound, .. } = &self.criterion;
        let shown = format!("{}{}", round9(sample.point(self.aggregate)), at_slot(finding.slot));
        let (worse, better) = match op.is_upper() {
            true => ("upper", "lower"),
            false => ("lower", "upper"),
        };
        let rejected = self.rejected[at].filter(|_| point_violates);
        if let Some(level) = rejected {
            let end = self.bound(sample, side(&self.criterion).opposite(), level);
            finding.verdict = Verdict::Fail;
            finding.reason = format!(
                "{shown} is not {op} {bound}, nor is its {better} bound {} at {}",
                round9(end),
                round9(level)
            );
            finding.needs = Some(self.needs(None));
        } else if !point_violates && self.samples.iter().all(|sample| self.shows(sample)) {
            finding.needs = Some(self.needs(None));
            let fine = |worst: &[Sample]| {
                !worst.is_empty() && worst.iter().all(|sample| self.shows(sample))
            };
            if self.worst.is_none_or(fine) {
                let end = self.bound(sample, side(&self.criterion), LEVEL);
                finding.verdict = Verdict::Pass;
                finding.code = Code::Holds;
                finding.reason =
                    format!("{shown} is {op} {bound}, and so is its {worse} bound {}", round9(end));
            } else {
                finding.verdict = Verdict::Inconclusive;
                finding.code = Code::FailedRuns;
                finding.reason = format!(
                    "{shown} holds with its {worse} bound, but with what failed, or was never \
                     asked, the bound would not"
                );
            }
        } else {
            let needs = self.needs(Some(at));
            finding.verdict = Verdict::Inconclusive;
            finding.code = Code::Undecided;
            finding.reason = self.undecided(&shown, sample, &needs);
            finding.needs = Some(needs);
        }
    }

    fn undecided(&self, shown: &str, sample: &Sample, needs: &Needs) -> String {
        let Criterion { op, bound, .. } = &self.criterion;
        let end = |side| match self.bound(sample, side, LEVEL) {
            end if end.is_finite() => round9(end).to_string(),
            _ => "no bound".to_owned(),
        };
        let mut reason = format!(
            "{shown}, {} to {}, does not decide {op} {bound} over {} questions",
            end(Side::Lower),
            end(Side::Upper),
            sample.n()
        );
        match needs.more_questions {
            Some(more) => reason.push_str(&format!(": {more} more would settle it")),
            None => reason.push_str(": no feasible number more would settle it"),
        }
        match needs.smallest_n {
            Some(n) if n > sample.n() => {
                reason.push_str(&format!("; it can pass from {n} questions on"));
            }
            Some(_) => {}
            None => reason.push_str("; not even the best values let it pass"),
        }
        reason
    }

    /// The sample that decides, the first on ties: where the point is violated the worst of those
    /// that are rejected, else of those whose point is, as a point decision names it; where it
    /// holds the one whose unfavourable bound is worst.
    fn decisive(&self, point_violates: bool) -> usize {
        let side = side(&self.criterion);
        let rejects = self.rejected.iter().any(Option::is_some);
        let badness = |at: usize| {
            let sample = &self.samples[at];
            let value = match point_violates {
                true if rejects && self.rejected[at].is_none() => return f64::NEG_INFINITY,
                true => sample.point(self.aggregate),
                false => self.bound(sample, side, LEVEL),
            };
            match side {
                _ if value.is_nan() => f64::INFINITY,
                Side::Upper => value,
                Side::Lower => -value,
            }
        };
        let mut worst = 0;
        for at in 1..self.samples.len() {
            if badness(at) > badness(worst) {
                worst = at;
            }
        }
        worst
    }

    /// What a decision takes; how many more questions only for the sample that leaves it open.
    fn needs(&self, open: Option<usize>) -> Needs {
        let (value, n) = self.found;
        let smallest_n = self.claims.smallest_n(value, n);
        // A fail takes Holm's level.
        let Claims { passes, fails, .. } = self.claims;
        let fails = Claim { level: self.strictest, ..fails };
        let more = open.map(|at| passes.more_questions(&fails, &self.samples[at]));
        let more_questions = match more {
            Some(Ok(MoreQuestions::Number(more))) => Some(more),
            _ => None,
        };
        Needs { smallest_n, more_questions }
    }
}
