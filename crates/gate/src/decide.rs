//! From evidence to findings and a verdict: a pure function.

use serde::{Deserialize, Serialize};

use crate::criterion::{Criterion, Kind};
use crate::effective::EffectivePolicy;
use crate::evidence::{Counts, Evidence};
use crate::finding::{Code, Finding, worst};
use crate::judge::judge;
use crate::paired::{self, Comparison, PinPair};
use crate::policy::{DecisionMode, IntegrityMode, PolicyError};
use crate::verdict::Verdict;
use crate::{confident, integrity, nulls};

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
    /// What stands beside the criteria on drift, in the policy's order.
    pub comparisons: Vec<Comparison>,
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
    /// The baseline's arm gives none.
    #[error("baseline: {0}")]
    Baseline(Box<CannotEvaluate>),
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
            Self::Baseline(why) => why.exit_code(),
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
    evidence.counts.check()?;
    if let Some(arm) = &evidence.baseline {
        let of_baseline = |why| CannotEvaluate::Baseline(Box::new(why));
        arm.pairing.counts.check().map_err(of_baseline)?;
    }
    let mut decided = vec![integrity::finding(policy, evidence)];
    decided.extend(integrity::of_baseline(policy, evidence));
    let mut measured = Vec::new();
    decided.extend(too_few_questions(policy, evidence));
    decided.extend(too_few_pairs(policy, evidence));
    decided.extend(no_hard_criterion(policy));
    decided.extend(changed_pins(policy, evidence));
    let mut judged: Vec<Finding> =
        policy.criteria.iter().map(|c| judge(c, policy.noise_rebuilds, evidence)).collect();
    match policy.decision {
        DecisionMode::Point => judged.iter_mut().for_each(|f| confident::report(f, evidence)),
        DecisionMode::Confident => confident::settle(&mut judged, evidence),
    }
    for mut finding in judged {
        nulls::hold(&mut finding, &evidence.nulls);
        finding.say_widening();
        let known = finding.criterion.as_ref().and_then(Criterion::known);
        match known.is_some_and(|known| known.measured) {
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
    let comparisons = paired::comparisons(policy, evidence);
    Ok(Decision {
        decided,
        measured,
        decided_verdict,
        measured_verdict,
        verdict,
        approves,
        comparisons,
    })
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
        ("rebuild_seeds", evidence.rebuild_seeds.to_string(), policy.rebuild_seeds.to_string()),
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

impl Counts {
    /// Whether so much was answered that it says something: at most 5 % of the runs failed, and
    /// at most 5 % of the questions have none.
    ///
    /// # Errors
    /// [`CannotEvaluate`]: there is nothing to decide by.
    pub fn check(&self) -> Result<(), CannotEvaluate> {
        for (wrong, what) in [
            (self.answerable > self.questions, "more answerable questions than questions"),
            (self.usable > self.answerable, "more usable questions than answerable ones"),
            (self.failed > self.runs, "more failed runs than runs"),
            (self.empty > self.runs - self.failed.min(self.runs), "more empty runs than runs"),
        ] {
            if wrong {
                return Err(CannotEvaluate::Counts { what });
            }
        }
        if self.runs == 0 {
            return Err(CannotEvaluate::NoRuns);
        }
        if self.failed * FAILED_ONE_IN > self.runs {
            return Err(CannotEvaluate::FailedRuns { failed: self.failed, runs: self.runs });
        }
        let unanswered = self.answerable - self.usable;
        if unanswered * FAILED_ONE_IN > self.answerable {
            return Err(CannotEvaluate::UnansweredQuestions {
                unanswered,
                answerable: self.answerable,
            });
        }
        Ok(())
    }
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
        noise_floor: None,
        needs: None,
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

fn too_few_pairs(policy: &EffectivePolicy, evidence: &Evidence) -> Option<Finding> {
    let pairs = evidence.baseline.as_ref()?.pairing.pairs;
    let least = policy.min_questions.max(1);
    (pairs < least).then(|| {
        let reason = format!(
            "{pairs} questions that both indexes answered, at least {least} are needed: add \
             questions with targets to the gold set"
        );
        rule("questions.paired", Verdict::Inconclusive, Code::TooFewQuestions, reason)
    })
}

fn no_hard_criterion(policy: &EffectivePolicy) -> Option<Finding> {
    let none = policy.criteria.iter().all(|criterion| criterion.kind != Kind::Hard);
    none.then(|| {
        let reason = if policy.skips_hard() {
            "every hard criterion was skipped: use a policy with one that needs no baseline"
        } else {
            "the policy has no hard criterion: add one"
        };
        let code = Code::NoHardCriterion;
        rule("policy.hard_criteria", Verdict::Inconclusive, code, reason.to_owned())
    })
}

fn changed_pins(policy: &EffectivePolicy, evidence: &Evidence) -> Vec<Finding> {
    let pairs = PinPair::all(policy, evidence).into_iter();
    pairs
        .filter(|pair| !pair.is_equal() && !pair.may_change)
        .map(|PinPair { pin, baseline, candidate, .. }| {
            let [was, is] = [baseline, candidate].map(|pin| pin.unwrap_or("nothing".to_owned()));
            let reason =
                format!("{pin} is {is}, the baseline has {was}, and may_change does not name it");
            rule(&format!("pins.{pin}"), Verdict::Fail, Code::PinChanged, reason)
        })
        .collect()
}
