//! What an index has to show before it may go live.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use wfgy_core::pins::PIN_NAMES;

use crate::criterion::{Criterion, CriterionError, Kind, OnNoData};
use crate::metric;

/// Longest time for which a verdict may count, in seconds: 7 days.
pub const LONGEST_EXPIRY: u64 = 7 * 24 * 3600;
/// Largest k.
pub const LARGEST_K: usize = 10_000;
/// Most seeds.
pub const MOST_SEEDS: usize = 1_000;
/// Most rebuilds of the graph.
pub const MOST_REBUILDS: usize = 20;

/// What of a number is compared with a bound. A metric that is not taken over questions is what
/// happened, no estimate: its value is compared under both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecisionMode {
    /// The point estimate.
    Point,
    /// Its confidence bounds: it passes by the unfavourable one, fails by the favourable one, and
    /// is inconclusive otherwise.
    Confident,
}

/// How many stored vectors are compared with their text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntegrityMode {
    /// 64 snippets.
    Sample,
    /// All.
    Full,
    /// None: the verdict approves nothing.
    Off,
}

/// A policy as somebody wrote it; [`PolicyDraft::check`] makes it a [`Policy`].
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyDraft {
    /// What people call it; not part of its digest.
    pub name: String,
    /// What is compared.
    pub decision: DecisionMode,
    /// With fewer usable questions nothing is approved; ≥ 1.
    pub min_questions: usize,
    /// The served k, 1 to [`LARGEST_K`].
    pub k: usize,
    /// How many seeds are asked, from 0 on; 1 to [`MOST_SEEDS`].
    pub seeds: usize,
    /// On how many graphs linked anew λ is taken as well, at most [`MOST_REBUILDS`].
    pub rebuild_seeds: usize,
    /// Over how many rebuilds of the graph the noise floor is taken, 2 to [`MOST_REBUILDS`]; 0: no
    /// margin is widened.
    pub noise_rebuilds: usize,
    /// Pins that may differ between baseline and candidate.
    pub may_change: Vec<String>,
    /// How many stored vectors are checked.
    pub integrity: IntegrityMode,
    /// How long a verdict counts, in seconds after its evaluation ended; 1 to [`LONGEST_EXPIRY`].
    pub expiry_seconds: u64,
    /// What is asked.
    pub criteria: Vec<Criterion>,
}

/// A policy that can be decided by: checked, and never changed since.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy(PolicyDraft);

/// Why a policy cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PolicyError {
    /// One criterion is wrong in itself.
    #[error("{source}")]
    Criterion {
        /// Which, 0-based.
        index: usize,
        /// How.
        source: CriterionError,
    },
    /// Nothing is asked.
    #[error("no criterion: a policy that asks nothing approves nothing")]
    Empty,
    /// The same is asked twice.
    #[error("`{second}` repeats `{first}`: keep one")]
    Duplicate {
        /// The later one, 0-based.
        index: usize,
        /// The earlier.
        first: String,
        /// The later.
        second: String,
    },
    /// No value can meet both.
    #[error("`{first}` and `{second}` contradict each other: no value meets both")]
    Contradiction {
        /// The later one, 0-based.
        index: usize,
        /// The earlier.
        first: String,
        /// The later.
        second: String,
    },
    /// A cutoff that is never measured.
    #[error("{metric} is never measured: cutoffs are {} and k = {k}", sweep())]
    Cutoff {
        /// Which criterion, 0-based.
        index: usize,
        /// Its metric.
        metric: String,
        /// The policy's k.
        k: usize,
    },
    /// A setting outside its range.
    #[error("{field} is {value}: expected {expected}")]
    Setting {
        /// Which.
        field: &'static str,
        /// Its value.
        value: String,
        /// What would do.
        expected: String,
    },
}

fn sweep() -> String {
    wfgy_core::evaluation::SWEEP.map(|k| k.to_string()).join(", ")
}

impl PolicyError {
    /// The criterion (0-based) and the key of a policy file that it is about.
    pub fn place(&self) -> (Option<usize>, &'static str) {
        match self {
            Self::Criterion { index, source } => (Some(*index), source.field()),
            Self::Empty => (None, "criterion"),
            Self::Duplicate { index, .. } | Self::Cutoff { index, .. } => (Some(*index), "metric"),
            Self::Contradiction { index, .. } => (Some(*index), "bound"),
            Self::Setting { field, .. } => (None, field),
        }
    }
}

impl Default for PolicyDraft {
    /// The defaults of every policy, with no criterion yet.
    fn default() -> Self {
        Self {
            name: "command line".to_owned(),
            decision: DecisionMode::Point,
            min_questions: 20,
            k: 10,
            seeds: 2,
            rebuild_seeds: 0,
            noise_rebuilds: 0,
            may_change: ["INDEX_HASH", "SERVING_HASH", "BUILD_ID", "GIT_SHA"]
                .map(str::to_owned)
                .to_vec(),
            integrity: IntegrityMode::Sample,
            expiry_seconds: 24 * 3600,
            criteria: Vec::new(),
        }
    }
}

impl PolicyDraft {
    /// The draft whose criteria on the same metrics and sides give way to `criteria`.
    ///
    /// What a replaced criterion demanded of the evidence (wordings, seeds, data) stays demanded;
    /// its review band, which belonged to the old bound, goes.
    pub fn overridden_by(mut self, criteria: Vec<Criterion>) -> Self {
        for mut criterion in criteria {
            let same = |c: &Criterion| {
                c.metric == criterion.metric && c.op.is_upper() == criterion.op.is_upper()
            };
            let replaced: Vec<Criterion> =
                self.criteria.iter().filter(|c| same(c)).cloned().collect();
            self.criteria.retain(|c| !same(c));
            for old in replaced {
                criterion.min_wordings = criterion.min_wordings.max(old.min_wordings);
                criterion.min_seeds = criterion.min_seeds.max(old.min_seeds);
                if old.kind == Kind::Hard && old.on_no_data == OnNoData::Inconclusive {
                    criterion.on_no_data = OnNoData::Inconclusive;
                }
            }
            self.criteria.push(criterion);
        }
        self
    }

    /// Checks the whole of it.
    ///
    /// # Errors
    /// [`PolicyError`], the first that applies.
    pub fn check(self) -> Result<Policy, PolicyError> {
        self.check_settings()?;
        if self.criteria.is_empty() {
            return Err(PolicyError::Empty);
        }
        for (index, criterion) in self.criteria.iter().enumerate() {
            criterion.check().map_err(|source| PolicyError::Criterion { index, source })?;
            if metric::cutoff(&criterion.metric)
                .is_some_and(|k| k != self.k && !wfgy_core::evaluation::SWEEP.contains(&k))
            {
                let metric = criterion.metric.clone();
                return Err(PolicyError::Cutoff { index, metric, k: self.k });
            }
            for earlier in self.criteria[..index].iter().filter(|c| c.metric == criterion.metric) {
                let (first, second) = (earlier.to_string(), criterion.to_string());
                if earlier.op.is_upper() == criterion.op.is_upper() {
                    if earlier.kind == criterion.kind {
                        return Err(PolicyError::Duplicate { index, first, second });
                    }
                } else if !earlier.op.holds(criterion.bound, earlier.bound)
                    || !criterion.op.holds(earlier.bound, criterion.bound)
                {
                    return Err(PolicyError::Contradiction { index, first, second });
                }
            }
        }
        Ok(Policy(self))
    }

    fn check_settings(&self) -> Result<(), PolicyError> {
        let setting = |field, value: &dyn fmt::Display, expected: String| {
            Err(PolicyError::Setting { field, value: value.to_string(), expected })
        };
        if self.min_questions == 0 {
            return setting("min_questions", &self.min_questions, "at least 1".to_owned());
        }
        if !(1..=LARGEST_K).contains(&self.k) {
            return setting("k", &self.k, format!("1 to {LARGEST_K}"));
        }
        if !(1..=MOST_SEEDS).contains(&self.seeds) {
            return setting("seeds", &self.seeds, format!("1 to {MOST_SEEDS}"));
        }
        if self.rebuild_seeds > MOST_REBUILDS {
            return setting("rebuild_seeds", &self.rebuild_seeds, format!("0 to {MOST_REBUILDS}"));
        }
        if self.noise_rebuilds == 1 || self.noise_rebuilds > MOST_REBUILDS {
            let expected = format!("0 for no noise floor, or 2 to {MOST_REBUILDS}");
            return setting("noise_rebuilds", &self.noise_rebuilds, expected);
        }
        if !(1..=LONGEST_EXPIRY).contains(&self.expiry_seconds) {
            let expected = format!("1 to {LONGEST_EXPIRY} seconds (7 days)");
            return setting("expiry_seconds", &self.expiry_seconds, expected);
        }
        let mut seen = BTreeSet::new();
        for pin in &self.may_change {
            if !PIN_NAMES.contains(&pin.as_str()) {
                return setting("may_change", pin, format!("pins among {}", PIN_NAMES.join(", ")));
            }
            if !seen.insert(pin) {
                return setting("may_change", pin, "each pin once".to_owned());
            }
        }
        Ok(())
    }
}

impl Policy {
    /// What it says.
    pub fn parts(&self) -> &PolicyDraft {
        &self.0
    }

    /// A draft to change and check again.
    pub fn into_draft(self) -> PolicyDraft {
        self.0
    }
}

impl fmt::Display for DecisionMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Point => "point",
            Self::Confident => "confident",
        })
    }
}

impl fmt::Display for IntegrityMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sample => "sample",
            Self::Full => "full",
            Self::Off => "off",
        })
    }
}
