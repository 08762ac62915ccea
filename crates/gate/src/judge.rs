//! What is found for one criterion: its value, its worst case, its nulls.

use wfgy_core::Number;
use wfgy_stats::round9;

use crate::criterion::{Comparison, Criterion, OnNoData};
use crate::evidence::{Evidence, Nulls};
use crate::finding::{Code, Finding, Warning};
use crate::metric::{KnownMetric, Origin};
use crate::verdict::Verdict;

/// What is found for one criterion.
pub(crate) fn judge(criterion: &Criterion, evidence: &Evidence) -> Finding {
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
        warnings: Vec::new(),
    };
    let value = match value_of(criterion, evidence) {
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
    (finding.verdict, finding.code, finding.reason) = compare(criterion, &value);
    if value.known.calibrated && criterion.op.is_upper() {
        hold_against_nulls(criterion, &evidence.nulls, &mut finding);
    }
    finding
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
    known: KnownMetric,
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
    let mut value = Value { known, number, slot, worst_case: None, worst_case_unknown: false };
    let counts = &evidence.counts;
    let lost = counts.failed > 0 || counts.usable < counts.answerable;
    match evidence.worst_case.as_ref().map(|metrics| metrics.get(metric)) {
        // What counts failed runs itself differs only by questions that were never asked.
        Some(Some(worst)) if !known.omits_failed_runs && worst.point == number.point => {}
        Some(Some(worst)) if known.can_be(worst.point) => value.worst_case = Some(worst.point),
        Some(Some(_)) => value.worst_case_unknown = true,
        Some(None) if known.origin == Origin::Runs => {
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

/// Point, and where runs failed also its worst case: a pass needs both, a fail the point alone.
fn compare(criterion: &Criterion, value: &Value) -> (Verdict, Code, String) {
    let point = criterion.compare(value.number.point);
    let shown = round9(value.number.point);
    let at = value.slot.map_or(String::new(), |slot| match slot {
        0 => " on the wording as written".to_owned(),
        slot => format!(" on paraphrase {slot}"),
    });
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

/// A blind bound cannot pass anything; a weak one says how many it lets through.
fn hold_against_nulls(criterion: &Criterion, nulls: &Nulls, finding: &mut Finding) {
    let bound = round9(criterion.bound);
    let known = |value: Option<f64>| value.filter(|v| v.is_finite()).map(round9);
    let (code, reason) = match known(nulls.random_p05) {
        Some(p05) if bound <= p05 => (None, String::new()),
        Some(p05) => (
            Some(Code::Blind),
            format!(
                "the bound {bound} is blind under this embedder: 5 % of unrelated text is within \
                 {p05}; use a bound below that"
            ),
        ),
        None => (
            Some(Code::Uncalibrated),
            "no unrelated text could be measured, so nobody knows whether the bound is blind"
                .to_owned(),
        ),
    };
    if let (Some(code), Verdict::Pass) = (code, finding.verdict) {
        finding.verdict = Verdict::Inconclusive;
        finding.code = code;
        finding.reason = format!("{}, but {reason}", finding.reason);
    } else if code.is_some() {
        finding.reason = format!("{}; {reason}", finding.reason);
    }
    if let Some(hard_median) = known(nulls.hard_median)
        && bound > hard_median
    {
        let passing = nulls.hard_values.iter().filter(|v| criterion.op.holds(**v, bound)).count();
        let share = (!nulls.hard_values.is_empty())
            .then(|| passing as f64 / nulls.hard_values.len() as f64);
        finding.warnings.push(Warning::Weak { hard_median, share });
    }
}
