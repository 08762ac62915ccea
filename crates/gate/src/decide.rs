//! From evidence to findings and a verdict: a pure function.

use serde::{Deserialize, Serialize};
use wfgy_core::Number;
use wfgy_core::pins::PIN_NAMES;
use wfgy_stats::round9;

use crate::criterion::{Comparison, Criterion, Kind, OnNoData};
use crate::effective::EffectivePolicy;
use crate::evidence::{Evidence, Nulls};
use crate::finding::{Code, Finding, Warning, worst};
use crate::integrity;
use crate::metric::KnownMetric;
use crate::policy::{IntegrityMode, PolicyError};
use crate::verdict::Verdict;

/// One in so many failed runs, or questions without an answered run, is still evidence: 5 %.
const FAILED_ONE_IN: usize = 20;

/// What a verdict can be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Approves {
    /// Nothing: it is no pass, or stored vectors were not compared with their text.
    Nothing,
    /// The creation of an alias: a hard criterion was skipped.
    Creation,
    /// The creation of an alias and every forward flip.
    Flip,
}

/// What was found and what follows.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Findings that are a function of index, gold, policy and seeds; by name.
    pub decided: Vec<Finding>,
    /// Findings that two evaluations of the same bytes may differ in; by name.
    pub measured: Vec<Finding>,
    /// Verdict of the decided findings.
    pub decided_verdict: Verdict,
    /// Verdict of the measured findings.
    pub measured_verdict: Verdict,
    /// The worse of both.
    pub verdict: Verdict,
    /// What it can be used for.
    pub approves: Approves,
}

/// Why there is no verdict.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CannotEvaluate {
    /// No run was asked.
    #[error("no run was asked: nothing can be said of this index")]
    NoRuns,
    /// More than 5 % of the runs failed.
    #[error("{failed} of {runs} runs failed, more than 5 %: mend the service and evaluate again")]
    FailedRuns {
        /// Runs that failed.
        failed: usize,
        /// Runs that were asked.
        runs: usize,
    },
    /// More than 5 % of the questions have no answered run.
    #[error(
        "{unanswered} of {answerable} questions have no answered run, more than 5 %: mend \
        the service, or the missing vectors, and evaluate again"
    )]
    UnansweredQuestions {
        /// Questions without an answered run.
        unanswered: usize,
        /// Questions that have targets.
        answerable: usize,
    },
    /// The counts contradict each other.
    #[error("the counts of the evidence contradict each other: {what}")]
    Counts {
        /// How.
        what: &'static str,
    },
    /// The evidence was taken under other settings than the policy's.
    #[error("the evidence has {field} {evidence}, the policy {policy}: evaluate with the policy's")]
    OtherSetting {
        /// Which setting.
        field: &'static str,
        /// In the evidence.
        evidence: String,
        /// In the policy.
        policy: String,
    },
    /// The policy cannot be decided by.
    #[error("policy: {0}")]
    Policy(#[from] PolicyError),
}

impl CannotEvaluate {
    /// Exit code: 4 where the world is at fault, 2 where what was asked for is.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::NoRuns
            | Self::FailedRuns { .. }
            | Self::UnansweredQuestions { .. }
            | Self::Counts { .. } => 4,
            Self::OtherSetting { .. } | Self::Policy(_) => 2,
        }
    }
}

/// Decides. The order of the policy's criteria has no influence.
///
/// # Errors
/// [`CannotEvaluate`]: there is no verdict, which is not a verdict.
pub fn decide(policy: &EffectivePolicy, evidence: &Evidence) -> Result<Decision, CannotEvaluate> {
    policy.check()?;
    check_settings(policy, evidence)?;
    check_counts(evidence)?;
    let mut decided = vec![integrity::finding(policy, evidence)];
    let mut measured = Vec::new();
    decided.extend(too_few_questions(policy, evidence));
    decided.extend(no_hard_criterion(policy));
    decided.extend(changed_pins(policy, evidence));
    for criterion in &policy.criteria {
        let finding = judge(criterion, evidence);
        match criterion.known().is_some_and(|known| known.measured) {
            true => measured.push(finding),
            false => decided.push(finding),
        }
    }
    for findings in [&mut decided, &mut measured] {
        findings.sort_by(|a, b| match (&a.criterion, &b.criterion) {
            (Some(x), Some(y)) => x.order(y),
            (x, y) => x.is_some().cmp(&y.is_some()).then_with(|| a.name.cmp(&b.name)),
        });
    }
    let (decided_verdict, measured_verdict) = (worst(&decided), worst(&measured));
    let verdict = decided_verdict.max(measured_verdict);
    let approves = approves(policy, verdict, evidence.integrity.mode == "off");
    Ok(Decision { decided, measured, decided_verdict, measured_verdict, verdict, approves })
}

/// What a verdict under this policy can be used for; `unchecked`: integrity was off.
pub(crate) fn approves(policy: &EffectivePolicy, verdict: Verdict, unchecked: bool) -> Approves {
    match verdict {
        Verdict::Inconclusive | Verdict::Fail => Approves::Nothing,
        Verdict::Pass if unchecked || policy.integrity == IntegrityMode::Off => Approves::Nothing,
        Verdict::Pass if policy.skips_hard() => Approves::Creation,
        Verdict::Pass => Approves::Flip,
    }
}

fn check_settings(policy: &EffectivePolicy, evidence: &Evidence) -> Result<(), CannotEvaluate> {
    let seeds = |seeds: &[u64]| format!("{seeds:?}");
    let asked: Vec<u64> = (0..policy.seeds as u64).collect();
    for (field, of_evidence, of_policy) in [
        ("k", evidence.k.to_string(), policy.k.to_string()),
        ("seeds", seeds(&evidence.seeds), seeds(&asked)),
        ("scorer", evidence.scorer.clone(), policy.scorer.clone()),
        ("scorer schema", evidence.scorer_schema.clone(), policy.scorer_schema.clone()),
    ] {
        if of_evidence != of_policy {
            return Err(CannotEvaluate::OtherSetting {
                field,
                evidence: of_evidence,
                policy: of_policy,
            });
        }
    }
    Ok(())
}

fn check_counts(evidence: &Evidence) -> Result<(), CannotEvaluate> {
    let counts = &evidence.counts;
    for (wrong, what) in [
        (counts.answerable > counts.questions, "more answerable questions than questions"),
        (counts.usable > counts.answerable, "more usable questions than answerable ones"),
        (counts.failed > counts.runs, "more failed runs than runs"),
        (counts.empty > counts.runs - counts.failed.min(counts.runs), "more empty runs than runs"),
    ] {
        if wrong {
            return Err(CannotEvaluate::Counts { what });
        }
    }
    if counts.runs == 0 {
        return Err(CannotEvaluate::NoRuns);
    }
    if counts.failed * FAILED_ONE_IN > counts.runs {
        return Err(CannotEvaluate::FailedRuns { failed: counts.failed, runs: counts.runs });
    }
    let unanswered = counts.answerable - counts.usable;
    if unanswered * FAILED_ONE_IN > counts.answerable {
        return Err(CannotEvaluate::UnansweredQuestions {
            unanswered,
            answerable: counts.answerable,
        });
    }
    Ok(())
}

/// A finding of a rule that every policy has.
pub(crate) fn rule(name: &str, verdict: Verdict, code: Code, reason: String) -> Finding {
    Finding {
        name: name.to_owned(),
        criterion: None,
        kind: Kind::Hard,
        verdict,
        code,
        reason,
        number: None,
        worst_case: None,
        slot: None,
        warnings: Vec::new(),
    }
}

fn too_few_questions(policy: &EffectivePolicy, evidence: &Evidence) -> Option<Finding> {
    let (usable, least) = (evidence.counts.usable, policy.min_questions.max(1));
    (usable < least).then(|| {
        let reason = format!(
            "{usable} usable questions, at least {least} are needed: add questions with targets \
             to the gold set"
        );
        rule("questions.usable", Verdict::Inconclusive, Code::TooFewQuestions, reason)
    })
}

fn no_hard_criterion(policy: &EffectivePolicy) -> Option<Finding> {
    let none = policy.criteria.iter().all(|criterion| criterion.kind != Kind::Hard);
    none.then(|| {
        let reason = if policy.skips_hard() {
            "every hard criterion was skipped: give --baseline, or a policy that needs none"
        } else {
            "the policy has no hard criterion: add one"
        };
        let code = Code::NoHardCriterion;
        rule("policy.hard_criteria", Verdict::Inconclusive, code, reason.to_owned())
    })
}

fn changed_pins<'a>(
    policy: &'a EffectivePolicy,
    evidence: &'a Evidence,
) -> impl Iterator<Item = Finding> + 'a {
    let baseline = evidence.baseline.iter();
    baseline
        .flat_map(|pins| PIN_NAMES.map(|pin| (pin, pins.get(pin), evidence.pins.get(pin))))
        .filter(|(pin, was, is)| was != is && !policy.may_change.iter().any(|name| name == pin))
        .map(|(pin, was, is)| {
            let [was, is] = [was, is].map(|value| value.unwrap_or("nothing"));
            let reason =
                format!("{pin} is {is}, the baseline has {was}, and may_change does not name it");
            rule(&format!("pins.{pin}"), Verdict::Fail, Code::PinChanged, reason)
        })
}

/// What is found for one criterion.
fn judge(criterion: &Criterion, evidence: &Evidence) -> Finding {
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
    /// `None` where no run failed, or the metric counts failed runs itself.
    worst_case: Option<f64>,
    /// Runs failed, and what that could do to the metric is not known.
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
    if evidence.counts.failed > 0 && known.omits_failed_runs {
        match evidence.worst_case.as_ref().and_then(|metrics| metrics.get(metric)) {
            Some(worst) if known.can_be(worst.point) => value.worst_case = Some(worst.point),
            Some(_) | None => value.worst_case_unknown = true,
        }
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
        let reason = format!("{shown}{at} holds, but runs failed and could change it");
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
            let reason = format!("{shown}{at} holds, but with the failed runs it could be {worst}");
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
