//! What is found for one criterion.

use std::fmt;

use serde::{Deserialize, Serialize};
use wfgy_core::Number;
use wfgy_stats::round9;

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
    /// Its confidence bounds lie on both sides of the bound.
    Undecided,
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
    /// The point holds the bound, an end of the interval does not.
    Crosses {
        /// Lower end; `None` where there is none.
        lower: Option<f64>,
        /// Upper end; `None` where there is none.
        upper: Option<f64>,
    },
}

/// What it takes to decide a criterion with confidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Needs {
    /// The fewest questions with which it could pass under `decision = "confident"`, each at its
    /// best; `None` where no number of questions does. A count grows with the questions: 1 where
    /// as many as there are could pass, else `None`.
    pub smallest_n: Option<usize>,
    /// How many more questions would probably settle it; `None` where it is decided, and, where it
    /// is undecided, if no feasible number would.
    pub more_questions: Option<usize>,
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
    /// By how much the noise floor that the policy asks for widened the margin; `None` where it
    /// asks for none, or the criterion is not on drift, or has no data.
    pub noise_floor: Option<f64>,
    /// What a confident decision takes, for a metric over questions.
    pub needs: Option<Needs>,
    /// What a reader should know beside it.
    pub warnings: Vec<Warning>,
}

impl Finding {
    /// Whether the interval of a value that passes crosses the bound.
    pub fn crosses(&self) -> bool {
        self.warnings.iter().any(|warning| matches!(warning, Warning::Crosses { .. }))
    }

    /// What the noise floor did to the margin; `None` where it did nothing.
    pub fn widening(&self) -> Option<String> {
        let floor = self.noise_floor.filter(|floor| *floor > 0.0)?;
        let bound = self.criterion.as_ref()?.bound;
        Some(format!("bound {bound} widened by a noise floor of {}", round9(floor)))
    }

    /// What a reader should know although the finding stands, a line each; that the interval
    /// crosses the bound is said by [`crosses`](Self::crosses).
    pub fn remarks(&self) -> Vec<String> {
        let warnings = self.warnings.iter();
        let said = warnings.filter(|warning| !matches!(warning, Warning::Crosses { .. }));
        said.map(Warning::to_string).chain(self.mostly_noise()).collect()
    }

    /// That the noise floor is greater than the margin of the policy, where it is.
    fn mostly_noise(&self) -> Option<String> {
        let (floor, margin) = (round9(self.noise_floor?), self.criterion.as_ref()?.bound.abs());
        (floor > margin).then(|| {
            format!(
                "the noise floor {floor} is greater than the margin {margin}: most of what is \
                 allowed is the luck of the graph; raise --ef or --ef-construction"
            )
        })
    }

    /// Ends the reason with what the noise floor did.
    pub(crate) fn say_widening(&mut self) {
        if let Some(widening) = self.widening() {
            self.reason.push_str("; ");
            self.reason.push_str(&widening);
        }
    }

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
            Self::Crosses { lower, upper } => {
                let end =
                    |end: &Option<f64>| end.map_or("no bound".to_owned(), |x| format!("{x:.4}"));
                write!(
                    f,
                    "passes, but the interval crosses the bound: {} to {}",
                    end(lower),
                    end(upper)
                )
            }
        }
    }
}
