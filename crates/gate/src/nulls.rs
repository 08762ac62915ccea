//! Bounds on ΔS against what ΔS is for text that does not answer.

use wfgy_stats::round9;

use crate::evidence::Nulls;
use crate::finding::{Code, Finding, Warning};
use crate::verdict::Verdict;

/// A blind bound cannot pass anything; a weak one says how many it lets through.
///
/// Only for an upper bound on the ΔS of what should be near, where there is a value.
pub(crate) fn hold(finding: &mut Finding, nulls: &Nulls) {
    let Some(criterion) = finding.criterion.clone() else { return };
    let is_calibrated = criterion.known().is_some_and(|known| known.calibrated);
    if !is_calibrated || !criterion.op.is_upper() || finding.number.is_none() {
        return;
    }
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
