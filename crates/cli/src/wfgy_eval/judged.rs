//! An evaluation or a replay, judged: what every form of output is made of.

use std::collections::BTreeMap;
use std::path::PathBuf;

use wfgy_core::evaluation::{Context, RunRecord};
use wfgy_engine::{StageLatency, WorstQuestion, summary, worst_questions};
use wfgy_gate::{
    Approves, CannotEvaluate, Decision, EffectivePolicy, Evidence, Kind, SkipReason, Skipped,
    decide,
};

use super::table::short;
use crate::exit::Failure;

/// How many of the worst questions are shown.
const SHOWN_QUESTIONS: usize = 5;

/// A verdict and what it rests on.
pub(crate) struct Judged {
    /// What was evaluated.
    pub context: Context,
    /// The directory, as a person would name it to `vec`.
    pub target: String,
    /// By what it was judged.
    pub policy: EffectivePolicy,
    /// What was measured.
    pub evidence: Evidence,
    /// What was found.
    pub decision: Decision,
    /// The questions that it serves worst.
    pub worst: Vec<WorstQuestion>,
    /// Milliseconds by stage; empty in a replay, which measures nothing.
    pub latency: BTreeMap<String, StageLatency>,
    /// Where the verdict is filed, or why it is not; `None` before.
    pub filed: Option<String>,
}

impl Judged {
    /// Judges records under a policy.
    ///
    /// # Errors
    /// Where the records do not fit the policy, or too little was answered.
    pub(crate) fn of(
        context: Context,
        runs: &[RunRecord],
        policy: EffectivePolicy,
        target: PathBuf,
    ) -> Result<Self, Failure> {
        let engine = |error: wfgy_engine::EvaluateError| match error.is_input() {
            true => Failure::input(error),
            false => Failure::unable(error),
        };
        let evidence = summary(&context, runs, policy.k).map_err(engine)?;
        let worst = worst_questions(&context, runs, policy.k, SHOWN_QUESTIONS).map_err(engine)?;
        let decision = decide(&policy, &evidence).map_err(|error: CannotEvaluate| Failure {
            code: error.exit_code(),
            message: error.to_string(),
        })?;
        let target = target.display().to_string();
        Ok(Self {
            context,
            target,
            policy,
            evidence,
            decision,
            worst,
            latency: BTreeMap::new(),
            filed: None,
        })
    }

    /// What follows from it, in one phrase.
    pub(crate) fn what_it_approves(&self) -> &'static str {
        match self.decision.approves {
            Approves::Flip => "may go live",
            Approves::Creation => {
                "may be the first target of a new alias, nothing more: hard criteria were skipped"
            }
            Approves::Nothing if self.decision.verdict == wfgy_gate::Verdict::Pass => {
                "approves nothing: stored vectors were not compared with their text"
            }
            Approves::Nothing => "may not go live",
        }
    }

    /// How much was asked.
    pub(crate) fn asked(&self) -> String {
        let (evidence, counts) = (&self.evidence, &self.evidence.counts);
        let mut text = format!(
            "{} of {} questions usable, {} runs",
            counts.usable, counts.answerable, counts.runs
        );
        for (count, what) in [
            (counts.failed, "failed"),
            (counts.empty, "empty"),
            (counts.dropped, "dropped"),
            (counts.label_problems, "label problems"),
        ] {
            if count > 0 {
                text.push_str(&format!(", {count} {what}"));
            }
        }
        let unit = match evidence.unit {
            wfgy_core::Unit::Snippet => "snippets",
            wfgy_core::Unit::Document => "documents (coverage is recall)",
        };
        text.push_str(&format!("; k = {} {unit}, {} seeds", evidence.k, evidence.seeds.len()));
        text
    }

    /// The effective policy in one line.
    pub(crate) fn policy_line(&self) -> String {
        let policy = &self.policy;
        let criteria: Vec<String> = policy
            .criteria
            .iter()
            .map(|criterion| match criterion.kind {
                Kind::Hard => criterion.to_string(),
                Kind::Soft => format!("{criterion} (soft)"),
                Kind::Advisory => format!("{criterion} (advisory)"),
            })
            .collect();
        let digest = policy.digest().map(|digest| digest.to_string()).unwrap_or_default();
        format!(
            "policy {}: {}; point; min_questions {}; integrity {}; expires after {} h",
            short(&digest),
            criteria.join(", "),
            policy.min_questions,
            policy.integrity,
            policy.expiry_seconds / 3600
        )
    }

    /// Why a criterion was not asked.
    pub(crate) fn why_skipped(&self, skipped: &Skipped) -> &'static str {
        match skipped.why {
            SkipReason::NoBaseline => "--no-baseline",
            SkipReason::NotConnected => "no such live signal is connected",
        }
    }
}
