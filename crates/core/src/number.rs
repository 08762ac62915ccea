//! A reported number and everything that it must not travel without.

use serde::{Deserialize, Serialize};

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Lower is better.
    LowerIsBetter,
    /// Higher is better.
    HigherIsBetter,
    /// Neither: a count or a description.
    Neutral,
}

/// How per-question values became one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregate {
    /// Arithmetic mean over questions.
    Mean,
    /// Median (type 7) over questions.
    Median,
    /// The worst wording slot's median over questions.
    WorstSlotMedian,
    /// Type 7 quantile 0.01.
    P01,
    /// Type 7 quantile 0.05.
    P05,
    /// Type 7 quantile 0.90.
    P90,
    /// Type 7 quantile 0.95.
    P95,
    /// Type 7 quantile 0.99.
    P99,
    /// Share of questions (or runs) with a property, in [0, 1].
    Share,
    /// A count.
    Count,
}

/// A confidence interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interval {
    /// Confidence of each side, in (0, 1).
    pub level: f64,
    /// Lower end; `None` where there is none (too few questions).
    pub lower: Option<f64>,
    /// Upper end; `None` where there is none (too few questions).
    pub upper: Option<f64>,
}

/// A point estimate with its interval, n, aggregate and direction.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Number {
    /// The estimate; finite.
    pub point: f64,
    /// Its interval; `None` where it is no estimate: a count of all there is, or a value that its
    /// metric cannot have.
    pub ci: Option<Interval>,
    /// Over how many questions.
    pub n_questions: usize,
    /// How.
    pub aggregate: Aggregate,
    /// Which way is better.
    pub direction: Direction,
}
