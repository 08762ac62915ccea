//! An evaluation or a replay, judged: what every form of output is made of.

use std::collections::BTreeMap;
use std::path::PathBuf;

use wfgy_core::Digest;
use wfgy_core::evaluation::{Context, Curves, Latency, LatencyRecord, Noise, RunRecord};
use wfgy_engine::{
    Records, StageLatency, WorstQuestion, add_latency_ratios, add_noise_floor, curves,
    latency_quantiles, paired_summary, summary,
};
use wfgy_formats::report::Diagnosis;
use wfgy_formats::runs;
use wfgy_gate::{
    Approves, CannotEvaluate, Code, Comparison, CoverageUnit, Decision, DeltaSScale,
    EffectivePolicy, Evidence, Finding, NamedArm, OnNoData, Op, PinPair, SkipReason, Skipped,
    Unusable, Verdict, decide,
};

use super::culprits::Culprits;
use super::figures::value;
use super::standing::Standing;
use crate::exit::Failure;

/// How many of the worst questions are shown.
const SHOWN_QUESTIONS: usize = 5;

/// What one arm of an evaluation saw.
pub(crate) struct Arm {
    /// What stands beside the runs.
    pub context: Context,
    /// The runs.
    pub runs: Vec<RunRecord>,
}

impl Arm {
    /// For the engine.
    pub(crate) fn records(&self) -> Records<'_> {
        Records { context: &self.context, runs: &self.runs }
    }

    /// SHA-256 of the file that its runs are written to.
    ///
    /// # Errors
    /// Where a run has no canonical JSON.
    pub(crate) fn digest(&self) -> Result<Digest, Failure> {
        runs::digest_of_runs(&self.runs).map_err(Failure::unable)
    }

    /// It as a baseline of a verdict.
    ///
    /// # Errors
    /// As [`digest`](Self::digest).
    pub(crate) fn named(&self) -> Result<NamedArm, Failure> {
        Ok(NamedArm { name: self.context.index.clone(), runs_digest: self.digest()? })
    }
}

/// What the candidate was compared with.
pub(crate) struct Beside {
    /// The baseline.
    pub arm: Arm,
    /// How much the candidate differs from itself; `None` where nobody asked.
    pub noise: Option<Noise>,
}

/// A verdict and what it rests on.
pub(crate) struct Judged {
    /// What was evaluated.
    pub candidate: Arm,
    /// What it was compared with.
    pub baseline: Option<Beside>,
    /// The directory, as a person would name it to `vec`.
    pub target: String,
    /// The calls of the latency pass; empty where there was none.
    pub calls: Vec<LatencyRecord>,
    /// Their quantiles.
    pub single_calls: Latency,
    /// By what it was judged.
    pub policy: EffectivePolicy,
    /// What was measured.
    pub evidence: Evidence,
    /// ΔS and coverage against k.
    pub curves: Curves,
    /// What may be the cause where it did not pass, the likeliest first; `None` where nobody
    /// looked, as in a replay, or could.
    pub diagnosis: Option<Vec<Diagnosis>>,
    /// What was found.
    pub decision: Decision,
    /// By which criterion questions are the worst.
    pub culprits: Culprits,
    /// The questions that it serves worst by that.
    pub worst: Vec<WorstQuestion>,
    /// What makes its numbers say less than they seem to.
    pub remark: Option<String>,
    /// Milliseconds by stage; empty in a replay, which measures nothing.
    pub latency: BTreeMap<String, StageLatency>,
    /// Why the verdict counts for nothing wherever it turns up.
    pub unusable: Option<Unusable>,
    /// What the store says of the index; `None` where nothing was filed.
    pub standing: Option<Standing>,
    /// Where the verdict is filed, or why it is not; `None` before.
    pub filed: Option<String>,
}

impl Judged {
    /// Judges records under a policy.
    ///
    /// # Errors
    /// Where the records do not fit the policy, or too little was answered.
    pub(crate) fn of(
        candidate: Arm,
        baseline: Option<Beside>,
        calls: Vec<LatencyRecord>,
        policy: EffectivePolicy,
        target: PathBuf,
    ) -> Result<Self, Failure> {
        let engine = |error: wfgy_engine::EvaluateError| match error.is_input() {
            true => Failure::input(error),
            false => Failure::unable(error),
        };
        let Records { context, runs } = candidate.records();
        let evidence = match &baseline {
            Some(Beside { arm, .. }) => {
                paired_summary(candidate.records(), arm.records(), policy.k)
            }
            None => summary(context, runs, policy.k),
        };
        let mut evidence = evidence.map_err(engine)?;
        if baseline.is_some() && !calls.is_empty() {
            add_latency_ratios(&mut evidence, &calls);
        }
        if let Some(noise) = baseline.iter().find_map(|beside| beside.noise.as_ref()) {
            add_noise_floor(&mut evidence, noise);
        }
        let curves = curves(context, runs, &evidence).map_err(engine)?;
        let decision = decide(&policy, &evidence).map_err(|error: CannotEvaluate| Failure {
            code: error.exit_code(),
            message: error.to_string(),
        })?;
        let culprits = Culprits::of(&decision);
        let worst = culprits.among(context, runs, policy.k, SHOWN_QUESTIONS).map_err(engine)?;
        let target = target.display().to_string();
        Ok(Self {
            candidate,
            baseline,
            single_calls: latency_quantiles(&calls),
            calls,
            target,
            policy,
            evidence,
            curves,
            diagnosis: None,
            decision,
            culprits,
            worst,
            remark: None,
            latency: BTreeMap::new(),
            unusable: None,
            standing: None,
            filed: None,
        })
    }

    /// What follows from it, in one phrase.
    pub(crate) fn what_it_approves(&self) -> String {
        if self.decision.verdict != Verdict::Pass {
            return "may not go live".to_owned();
        }
        match (self.unusable, self.decision.approves) {
            (Some(why), _) => format!("approves nothing: {why}"),
            (None, Approves::Flip | Approves::Creation) if self.is_stood_against() => {
                "may not go live: what another policy or gold set found stands".to_owned()
            }
            (None, Approves::Flip) => "may go live".to_owned(),
            (None, Approves::Creation) => "may be the first target of a new alias, nothing more: \
                                           hard criteria were skipped"
                .to_owned(),
            (None, Approves::Nothing) => {
                "approves nothing: stored vectors were not compared with their text".to_owned()
            }
        }
    }

    /// A verdict that is no pass, or that other lines stand against, in one line: for logs whose
    /// reader sees nothing else.
    pub(crate) fn one_line(&self) -> Option<String> {
        let (verdict, index) = (self.decision.verdict, &self.candidate.context.index);
        if verdict == Verdict::Pass {
            return self.is_stood_against().then(|| {
                let against = self.standing.iter().flat_map(Standing::against);
                format!("PASS {index}, but {}", against.collect::<Vec<_>>().join("; "))
            });
        }
        let findings = self.decision.decided.iter().chain(&self.decision.measured);
        let found = findings.filter(|finding| finding.weight() == verdict).map(|finding| {
            let (name, reason) = (&finding.name, &finding.reason);
            match (finding.code, &finding.criterion, &finding.number) {
                (Code::Violated, Some(criterion), Some(number)) => {
                    let beyond = match criterion.op {
                        Op::AtMost | Op::Below => ">",
                        Op::AtLeast | Op::Above => "<",
                    };
                    format!("{name} {} {beyond} {}", value(number.point), criterion.bound)
                }
                _ => format!("{name}: {reason}"),
            }
        });
        let found: Vec<String> = found.collect();
        Some(format!("{} {index}: {}", verdict.to_string().to_uppercase(), found.join("; ")))
    }

    /// Whether a verdict of another line keeps the index from going live.
    pub(crate) fn is_stood_against(&self) -> bool {
        self.standing.as_ref().is_some_and(|standing| !standing.against.is_empty())
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
        let seeds = match evidence.seeds.len() {
            1 => "1 seed".to_owned(),
            n => format!("{n} seeds"),
        };
        text.push_str(&format!("; k = {} {unit}, {seeds}", evidence.k));
        match (evidence.rebuild_seeds, self.candidate.context.rebuilt) {
            (0, _) => {}
            (_, 0) => text.push_str(", no graph to rebuild"),
            (_, 1) => text.push_str(", λ over 1 rebuilt graph too"),
            (_, n) => text.push_str(&format!(", λ over {n} rebuilt graphs too")),
        }
        text
    }

    /// The pins of both arms side by side; none without a baseline.
    pub(crate) fn pin_pairs(&self) -> Vec<PinPair> {
        PinPair::all(&self.policy, &self.evidence)
    }

    /// What the baseline is and what the comparison rests on, in one phrase.
    pub(crate) fn compared(&self) -> Option<String> {
        let (baseline, arm) = (self.baseline.as_ref()?, self.evidence.baseline.as_ref()?);
        let pairing = &arm.pairing;
        let mut text = format!("against {}: {} pairs", baseline.arm.context.index, pairing.pairs);
        if pairing.delta_s == DeltaSScale::ZOfHardNull {
            text.push_str(", ΔS as z of each arm's hard null (different scorers)");
        }
        if pairing.coverage == CoverageUnit::Characters {
            text.push_str(", coverage in characters (different tokenizers)");
        }
        Some(text)
    }

    /// What the noise floor is, in one phrase; `None` where the policy asks for none, or there is
    /// no baseline.
    pub(crate) fn noise_floor(&self) -> Option<String> {
        let noise = self.baseline.as_ref()?.noise.as_ref()?;
        let (rebuilds, index) = (self.policy.noise_rebuilds, &self.candidate.context.index);
        let measured = self.evidence.noise.as_ref().filter(|n| n.noise_rebuilds == rebuilds)?;
        if noise.drifts.is_none() {
            return Some(format!("noise floor 0: {index} has no graph, so nothing of it is luck"));
        }
        let shown: Vec<String> =
            measured.floor.iter().map(|(metric, floor)| format!("{metric} {floor:.4}")).collect();
        let shown = if shown.is_empty() { "no data".to_owned() } else { shown.join(", ") };
        Some(format!("noise floor over {rebuilds} rebuilt graphs of {index}: {shown}"))
    }

    /// What stands beside a criterion on drift.
    pub(crate) fn comparison(&self, finding: &Finding) -> Option<String> {
        let criterion = finding.criterion.as_ref()?.to_string();
        let found = self.decision.comparisons.iter().find(|c| c.criterion == criterion)?;
        let Comparison { wins, ties, losses, p_holm, dominance, ci, .. } = found;
        // Rounded first, so that nothing reads as `-0.00`.
        let cents = |x: f64| (x * 100.0).round() / 100.0 + 0.0;
        let end = |end: Option<f64>| end.map_or("–".to_owned(), |x| format!("{:+.2}", cents(x)));
        let (effect, lower, upper) = (cents(*dominance), end(ci.lower), end(ci.upper));
        Some(format!(
            "{wins} better, {ties} equal, {losses} worse; effect {effect:+.2} [{lower}, {upper}]; \
             test for a mean worse than the margin: Holm's p {p_holm:.3}"
        ))
    }

    /// The whole effective policy: its digest, its settings, a line a criterion.
    pub(crate) fn policy_lines(&self) -> Vec<String> {
        let policy = &self.policy;
        let digest = policy.digest().map(|digest| digest.to_string()).unwrap_or_default();
        let expiry = match policy.expiry_seconds {
            seconds if seconds.is_multiple_of(3600) => format!("{} h", seconds / 3600),
            seconds => format!("{seconds} s"),
        };
        let set = |name, n| if n > 0 { format!("; {name} {n}") } else { String::new() };
        let rebuilds = set("rebuild_seeds", policy.rebuild_seeds)
            + &set("noise_rebuilds", policy.noise_rebuilds);
        let mut lines = vec![
            format!("policy {digest:.12}"),
            format!(
                "  decision {}; k {}; seeds {}{rebuilds}; min_questions {}; integrity {}; expiry {expiry}; \
                 may_change {}",
                policy.decision,
                policy.k,
                policy.seeds,
                policy.min_questions,
                policy.integrity,
                policy.may_change.join(" ")
            ),
        ];
        for criterion in &policy.criteria {
            let no_data = match criterion.on_no_data {
                OnNoData::Fail => "fail",
                OnNoData::Inconclusive => "inconclusive",
                OnNoData::Skip => "skip",
            };
            let mut line = format!("  {criterion} {}; no data: {no_data}", criterion.kind);
            if let Some([low, high]) = criterion.review {
                line.push_str(&format!("; review {low} to {high}"));
            }
            for (least, what) in
                [(criterion.min_wordings, "wordings"), (criterion.min_seeds, "seeds")]
            {
                if let Some(least) = least {
                    line.push_str(&format!("; at least {least} {what}"));
                }
            }
            lines.push(line);
        }
        lines
    }

    /// Why a criterion was not asked.
    pub(crate) fn why_skipped(&self, skipped: &Skipped) -> &'static str {
        match skipped.why {
            SkipReason::NoBaseline => "--no-baseline",
            SkipReason::NotConnected => "no such live signal is connected",
        }
    }
}
