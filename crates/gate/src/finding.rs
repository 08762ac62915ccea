//! What is found for one criterion.

use std::fmt;

use serde::{Deserialize, Serialize};
use wfgy_core::Number;

use crate::criterion::{Criterion, Kind};
use crate::verdict::Verdict;

/// Why a finding is what it is, for programs; [`Finding::reason`] says it to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The value holds the bound.
    Holds,
    /// The value violates the bound.
    Violated,
    /// The value lies in the review band.
    Review,
    /// There is no value.
    NoData,
    /// There is a value that the metric cannot have.
    Impossible,
    /// Failed runs could change it.
    FailedRuns,
    /// The bound lets unrelated text pass.
    Blind,
    /// Whether the bound lets unrelated text pass is not known.
    Uncalibrated,
    /// Stored vectors are those of their text.
    Intact,
    /// Stored vectors are not those of their text.
    Damaged,
    /// Stored vectors were not compared with their text.
    Unchecked,
    /// Too few usable questions.
    TooFewQuestions,
    /// The policy has no hard criterion left.
    NoHardCriterion,
    /// A pin differs from the baseline's that may not.
    PinChanged,
}

/// What a reader should know although the finding stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "warning", rename_all = "snake_case", deny_unknown_fields)]
pub enum Warning {
    /// The bound is above the hard null's median.
    Weak {
        /// Median of the hard null.
        hard_median: f64,
        /// Share of wordings for which the nearest wrong snippet meets the bound, in [0, 1];
        /// `None` where the values themselves are not at hand.
        share: Option<f64>,
    },
}

/// What was found for one criterion, or for a rule that every policy has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// The metric or the rule: `questions.usable`, `policy.hard_criteria`, `pins.NAME`.
    pub name: String,
    /// The criterion; `None` for a rule that every policy has.
    pub criterion: Option<Criterion>,
    /// What it can do to the verdict.
    pub kind: Kind,
    /// What was found.
    pub verdict: Verdict,
    /// Why, for programs.
    pub code: Code,
    /// Why, for people: one line.
    pub reason: String,
    /// The value, where there is one.
    pub number: Option<Number>,
    /// The value with failed runs at their worst, where runs failed.
    pub worst_case: Option<f64>,
    /// The wording slot that decided, 0 as written.
    pub slot: Option<usize>,
    /// What a reader should know beside it.
    pub warnings: Vec<Warning>,
}

impl Finding {
    /// What it makes of the overall verdict: all of it, inconclusive at most, or nothing.
    pub fn weight(&self) -> Verdict {
        match self.kind {
            Kind::Hard => self.verdict,
            Kind::Soft => self.verdict.min(Verdict::Inconclusive),
            Kind::Advisory => Verdict::Pass,
        }
    }
}

/// The verdict of several findings: the worst weight; pass where there is none.
pub(crate) fn worst(findings: &[Finding]) -> Verdict {
    findings.iter().map(Finding::weight).max().unwrap_or(Verdict::Pass)
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Weak { hard_median, share } => {
                write!(f, "weak bound: a wrong neighbour would pass it for ")?;
                match share {
                    Some(share) => write!(f, "{:.0} %", 100.0 * share)?,
                    None => write!(f, "at least half")?,
                }
                write!(f, " of wordings; a bound below {hard_median:.3} passes fewer than half")
            }
        }
    }
}
