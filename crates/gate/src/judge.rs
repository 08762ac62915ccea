//! What is found for one criterion by the value of its metric, and by its worst case.

use wfgy_core::Number;
use wfgy_stats::round9;

use crate::criterion::{Comparison, Criterion, OnNoData};
use crate::evidence::{Counts, Evidence};
use crate::finding::{Code, Finding};
use crate::metric::{KnownMetric, Origin};
use crate::paired::is_drift;
use crate::verdict::Verdict;

/// A quantile of latency that is at most so many milliseconds above the baseline's is no slower,
/// whatever the ratio.
const FLOOR_MS: f64 = 5.0;

/// What is found for one criterion; `noise_rebuilds` as the policy has it.
pub(crate) fn judge(criterion: &Criterion, noise_rebuilds: usize, evidence: &Evidence) -> Finding {
    let mut finding = Finding {
        name: criterion.metric.clone(),
        criterion: Some(criterion.clone()),
        kind: criterion.kind,
        verdict: Verdict::Fail,
        code: Code::NoData,
        reason: String::new(),
        number: None,
        worst_case: None,
        slot: None,
        noise_floor: None,
        needs: None,
        warnings: Vec::new(),
    };
    let found = margin(criterion, noise_rebuilds, evidence)
        .and_then(|floor| Ok((floor, value_of(criterion, evidence)?)));
    let (floor, value) = match found {
        Ok(value) => value,
        Err((code, reason)) => {
            finding.verdict = without_data(criterion);
            finding.code = code;
            finding.reason = reason;
            return finding;
        }
    };
    finding.number = Some(value.number);
    finding.slot = value.slot;
    finding.worst_case = value.worst_case;
    finding.noise_floor = floor;
    let asked = criterion.widened(floor.unwrap_or(0.0));
    let known = criterion.known();
    let is_ratio = known.is_some_and(|known| known.origin == Origin::Baseline && !is_drift(&known));
    (finding.verdict, finding.code, finding.reason) = match is_ratio {
        true => compare_ratio(&asked, &value, evidence.latency_gap_ms.get(&criterion.metric)),
        false => compare(&asked, &value),
    };
    finding
}

/// By how much the noise floor widens the margin of a criterion on drift: `None` where the policy
/// asks for none, whatever was measured. It never widens an absolute bound.
pub(crate) fn margin(
    criterion: &Criterion,
    noise_rebuilds: usize,
    evidence: &Evidence,
) -> Result<Option<f64>, (Code, String)> {
    let metric = &criterion.metric;
    let drifts = criterion.known().as_ref().is_some_and(is_drift);
    if noise_rebuilds == 0 || !drifts {
        return Ok(None);
    }
    let noise = evidence.noise.as_ref().filter(|noise| noise.noise_rebuilds == noise_rebuilds);
    match noise.and_then(|noise| noise.floor.get(metric)) {
        Some(floor) if floor.is_finite() && *floor >= 0.0 => Ok(Some(*floor)),
        Some(floor) => {
            let reason = format!("the noise floor of {metric} is {floor}: it widens nothing");
            Err((Code::Impossible, reason))
        }
        None => {
            let reason = format!(
                "no data: no noise floor over {noise_rebuilds} rebuilds at k = {} is at hand (none \
                 is where a rebuild's run failed): evaluate with --noise-floor {noise_rebuilds}",
                evidence.k
            );
            Err((Code::NoData, reason))
        }
    }
}

fn without_data(criterion: &Criterion) -> Verdict {
    match criterion.on_no_data {
        OnNoData::Fail => Verdict::Fail,
        // A criterion that could have been skipped, and was not, has no data all the same.
        OnNoData::Inconclusive | OnNoData::Skip => Verdict::Inconclusive,
    }
}

/// A value that can be compared.
struct Value {
    number: Number,
    slot: Option<usize>,
    /// `None` where no run failed and every question has one, or the metric counts them itself.
    worst_case: Option<f64>,
    /// Runs failed, or questions have none, and what that could do to the metric is not known.
    worst_case_unknown: bool,
}

fn value_of(criterion: &Criterion, evidence: &Evidence) -> Result<Value, (Code, String)> {
    let metric = criterion.metric.as_str();
    let no_data = |reason: String| Err((Code::NoData, reason));
    let Some(known) = criterion.known() else {
        return no_data(format!("no metric is called `{metric}`"));
    };
    if let Some(least) = criterion.min_wordings
        && evidence.counts.min_wordings < least
    {
        return no_data(format!(
            "a question has {} wordings, at least {least} are asked for: add paraphrases to the \
             gold set",
            evidence.counts.min_wordings
        ));
    }
    if let Some(least) = criterion.min_seeds
        && evidence.seeds.len() < least
    {
        let seeds = evidence.seeds.len();
        return no_data(format!("{seeds} seeds were asked, at least {least} are needed: --seeds"));
    }
    let Some(mut number) = evidence.metrics.get(metric).copied() else {
        let reason = evidence.missing.get(metric).map_or("it was not measured", String::as_str);
        return no_data(format!("no data: {reason}"));
    };
    check_number(&known, &number, metric)?;
    let mut slot = None;
    if metric == "delta_s.question" {
        // The bound is on every wording, so the slots are what counts, not their summary.
        let mut worst = f64::NEG_INFINITY;
        for (at, of_slot) in &evidence.slots {
            check_number(&known, of_slot, &format!("wording {at} of {metric}"))?;
            if of_slot.point > worst {
                (slot, worst) = (Some(*at), of_slot.point);
            }
        }
        if slot.is_none() {
            return no_data(
                "no data: no wording is one that half of the questions have".to_owned(),
            );
        }
        number.point = number.point.max(worst);
    }
    let mut value = Value { number, slot, worst_case: None, worst_case_unknown: false };
    let lost_of = |counts: &Counts| counts.failed > 0 || counts.usable < counts.answerable;
    let drifts = is_drift(&known);
    let baseline = evidence.baseline.as_ref().filter(|_| drifts);
    let lost = lost_of(&evidence.counts)
        || baseline.is_some_and(|baseline| lost_of(&baseline.pairing.counts));
    match evidence.worst_case.as_ref().map(|metrics| metrics.get(metric)) {
        // What counts failed runs itself differs only by questions that were never asked.
        Some(Some(worst)) if !known.omits_failed_runs && worst.point == number.point => {}
        Some(Some(worst)) if known.can_be(worst.point) => value.worst_case = Some(worst.point),
        Some(Some(_)) => value.worst_case_unknown = true,
        Some(None) if drifts || known.origin == Origin::Runs => {
            value.worst_case_unknown = known.omits_failed_runs;
        }
        Some(None) | None => value.worst_case_unknown = lost && known.omits_failed_runs,
    }
    Ok(value)
}

fn check_number(known: &KnownMetric, number: &Number, what: &str) -> Result<(), (Code, String)> {
    if !known.can_be(number.point) {
        let (lowest, highest) = (known.lowest, known.highest);
        let reason = format!("{what} is {}, outside {lowest} to {highest}", number.point);
        return Err((Code::Impossible, reason));
    }
    if known.over_questions && number.n_questions == 0 {
        return Err((Code::NoData, format!("no data: {what} is over no question")));
    }
    Ok(())
}

/// Which wording decided, for a reason.
pub(crate) fn at_slot(slot: Option<usize>) -> String {
    match slot {
        None => String::new(),
        Some(0) => " on the wording as written".to_owned(),
        Some(slot) => format!(" on paraphrase {slot}"),
    }
}

/// A ratio of latencies: a pass by its point or by how little it is, a fail only where the lower
/// end of its interval is violated too; calls that follow each other are alike, and one slow
/// minute is no fail.
fn compare_ratio(
    criterion: &Criterion,
    value: &Value,
    gap_ms: Option<&f64>,
) -> (Verdict, Code, String) {
    let (verdict, code, reason) = compare(criterion, value);
    if code != Code::Violated {
        return (verdict, code, reason);
    }
    if let Some(gap) = gap_ms.filter(|gap| gap.is_finite() && **gap <= FLOOR_MS) {
        let reason = format!("{reason}, but {gap:.3} ms more are too little to matter");
        return (Verdict::Pass, Code::Holds, reason);
    }
    let lower = value.number.ci.and_then(|ci| ci.lower).filter(|lower| lower.is_finite());
    match lower.map(|lower| (round9(lower), criterion.compare(lower))) {
        Some((lower, Comparison::Violated)) => {
            (Verdict::Fail, Code::Violated, format!("{reason}, nor is its lower bound {lower}"))
        }
        _ => {
            let reason = format!(
                "{reason}, but its lower bound does not show it: evaluate again, on a machine \
                 that does nothing else"
            );
            (Verdict::Inconclusive, Code::Undecided, reason)
        }
    }
}

/// Point, and where runs failed also its worst case: a pass needs both, a fail the point alone.
fn compare(criterion: &Criterion, value: &Value) -> (Verdict, Code, String) {
    let point = criterion.compare(value.number.point);
    let shown = round9(value.number.point);
    let at = at_slot(value.slot);
    match point {
        Comparison::Violated => {
            let Criterion { op, bound, .. } = criterion;
            let reason = format!("{shown}{at} is not {op} {bound}");
            return (Verdict::Fail, Code::Violated, reason);
        }
        Comparison::Review => {
            let [lower, upper] = criterion.review.unwrap_or([criterion.bound; 2]);
            let reason = format!("{shown}{at} lies between {lower} and {upper}: a person decides");
            return (Verdict::Inconclusive, Code::Review, reason);
        }
        Comparison::Holds => {}
    }
    if value.worst_case_unknown {
        let reason = format!(
            "{shown}{at} holds, but runs failed, or a question has none, and could change it"
        );
        return (Verdict::Inconclusive, Code::FailedRuns, reason);
    }
    match value.worst_case.map(|worst| (worst, criterion.compare(worst))) {
        None | Some((_, Comparison::Holds)) => (
            Verdict::Pass,
            Code::Holds,
            format!("{shown}{at} is {} {}", criterion.op, criterion.bound),
        ),
        Some((worst, Comparison::Review | Comparison::Violated)) => {
            let worst = round9(worst);
            let reason = format!(
                "{shown}{at} holds, but with what failed, or was never asked, it could be {worst}"
            );
            (Verdict::Inconclusive, Code::FailedRuns, reason)
        }
    }
}
