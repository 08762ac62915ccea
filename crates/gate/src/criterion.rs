//! One thing that a policy asks for.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use wfgy_core::Direction;
use wfgy_stats::round9;

use crate::metric::{self, KnownMetric, Origin};

/// How a value is compared with the bound; both are rounded to 9 decimals first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Op {
    /// `value <= bound`.
    #[serde(rename = "<=")]
    AtMost,
    /// `value < bound`.
    #[serde(rename = "<")]
    Below,
    /// `value >= bound`.
    #[serde(rename = ">=")]
    AtLeast,
    /// `value > bound`.
    #[serde(rename = ">")]
    Above,
}

/// What a finding of a criterion can do to the overall verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Its finding counts as it is.
    Hard,
    /// It lowers the verdict to inconclusive at most.
    Soft,
    /// It only reports.
    Advisory,
}

/// What a criterion without data gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnNoData {
    /// Fail: the default of a hard criterion.
    Fail,
    /// Inconclusive: the default of the others.
    Inconclusive,
    /// The criterion is skipped by name; only for a live signal that is not hard and that nobody
    /// feeds.
    Skip,
}

/// A bound on a metric.
///
/// A criterion of a checked policy names a known metric, bounds it from the side that is worse
/// (but for two-sided metrics) within its range, and can be both met and missed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Criterion {
    /// Name of the metric, as reports spell it.
    pub metric: String,
    /// How the value is compared.
    pub op: Op,
    /// With what, in the unit of the metric.
    pub bound: f64,
    /// What its finding can do.
    pub kind: Kind,
    /// What it gives without data.
    pub on_no_data: OnNoData,
    /// Inside these two values, one of which is the bound, a person decides; open at both ends.
    pub review: Option<[f64; 2]>,
    /// Fewer wordings (the question as written counts as one) of any question are no data.
    pub min_wordings: Option<usize>,
    /// Fewer seeds are no data.
    pub min_seeds: Option<usize>,
}

/// What a criterion says of one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Holds,
    Review,
    Violated,
}

/// Why a criterion cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CriterionError {
    /// The metric is not one of [`metric::METRIC_NAMES`].
    #[error("unknown metric `{name}`{}", hint(*.nearest))]
    UnknownMetric {
        /// As it was given.
        name: String,
        /// What may have been meant.
        nearest: Option<&'static str>,
    },
    /// The bound is NaN or infinite.
    #[error("the bound of {metric} is not a finite number")]
    NotFinite {
        /// Of which metric.
        metric: String,
    },
    /// The metric cannot have this value.
    #[error("the bound {bound} of {metric} is outside its range {lowest} to {highest}")]
    OutsideRange {
        /// Of which metric.
        metric: String,
        /// The bound.
        bound: f64,
        /// Lowest possible value.
        lowest: f64,
        /// Highest possible value.
        highest: f64,
    },
    /// It asks for the worse side.
    #[error("`{criterion}` bounds the wrong side: {} is better, use `{}` or `{}`",
        if *.higher { "higher" } else { "lower" },
        if *.higher { ">=" } else { "<=" },
        if *.higher { ">" } else { "<" })]
    WrongSide {
        /// The criterion.
        criterion: String,
        /// Whether higher is better.
        higher: bool,
    },
    /// Every index meets it.
    #[error("every index meets `{criterion}`: tighten it or leave it out")]
    AlwaysMet {
        /// The criterion.
        criterion: String,
    },
    /// No index meets it.
    #[error("no index can meet `{criterion}`: loosen it or leave it out")]
    NeverMet {
        /// The criterion.
        criterion: String,
    },
    /// The review band is no band at the bound.
    #[error("the review band of `{criterion}` is [{}, {}]: give two ascending finite values, \
        one of them the bound", .band[0], .band[1])]
    ReviewBand {
        /// The criterion.
        criterion: String,
        /// The band.
        band: [f64; 2],
    },
    /// The bound itself would pass while better values are reviewed.
    #[error(
        "the review band of `{criterion}` lies on its passing side: use `{op}`, else the bound \
        itself would pass while better values are reviewed"
    )]
    ReviewBeyondBound {
        /// The criterion.
        criterion: String,
        /// The strict operator.
        op: Op,
    },
    /// `on_no_data = "skip"` where it would let something pass unseen.
    #[error("{metric} cannot have on_no_data = \"skip\": only a soft or advisory live signal can")]
    Skip {
        /// Of which metric.
        metric: String,
    },
    /// A hard criterion that lives on optional evidence of zero wordings or seeds.
    #[error("{field} of {metric} is 0: leave it out or give at least 1")]
    ZeroMinimum {
        /// Which of the two minima.
        field: &'static str,
        /// Of which metric.
        metric: String,
    },
}

fn hint(nearest: Option<&'static str>) -> String {
    match nearest {
        Some(name) if name.ends_with('@') => format!(": did you mean `{name}10`?"),
        Some(name) => format!(": did you mean `{name}`?"),
        None => ": names are such as `delta_s.question`, `coverage.mean`, `ndcg@10`, `recall@10`"
            .to_owned(),
    }
}

impl CriterionError {
    /// The key of a policy file that it is about.
    pub fn field(&self) -> &'static str {
        match self {
            Self::UnknownMetric { .. } => "metric",
            Self::NotFinite { .. }
            | Self::OutsideRange { .. }
            | Self::AlwaysMet { .. }
            | Self::NeverMet { .. } => "bound",
            Self::WrongSide { .. } => "op",
            Self::ReviewBand { .. } | Self::ReviewBeyondBound { .. } => "review",
            Self::Skip { .. } => "on_no_data",
            Self::ZeroMinimum { field, .. } => field,
        }
    }
}

impl Op {
    /// Whether it bounds from above.
    pub fn is_upper(self) -> bool {
        match self {
            Self::AtMost | Self::Below => true,
            Self::AtLeast | Self::Above => false,
        }
    }

    fn strict(self) -> Self {
        match self {
            Self::AtMost | Self::Below => Self::Below,
            Self::AtLeast | Self::Above => Self::Above,
        }
    }

    /// Whether `value op bound` holds, both rounded to 9 decimals; never for NaN.
    pub fn holds(self, value: f64, bound: f64) -> bool {
        match self {
            Self::AtMost => wfgy_stats::at_most(value, bound),
            Self::Below => wfgy_stats::strictly_below(value, bound),
            Self::AtLeast => wfgy_stats::at_least(value, bound),
            Self::Above => wfgy_stats::strictly_below(bound, value),
        }
    }
}

impl Criterion {
    /// `metric op bound`, hard, failing without data.
    pub fn hard(metric: impl Into<String>, op: Op, bound: f64) -> Self {
        Self {
            metric: metric.into(),
            op,
            bound,
            kind: Kind::Hard,
            on_no_data: OnNoData::Fail,
            review: None,
            min_wordings: None,
            min_seeds: None,
        }
    }

    /// What is known of its metric.
    pub fn known(&self) -> Option<KnownMetric> {
        KnownMetric::named(&self.metric)
    }

    /// Checks everything that can be said of it alone.
    ///
    /// # Errors
    /// [`CriterionError`], the first that applies.
    pub fn check(&self) -> Result<(), CriterionError> {
        let metric = || self.metric.clone();
        let criterion = || self.to_string();
        let known = self.known().ok_or_else(|| CriterionError::UnknownMetric {
            name: metric(),
            nearest: metric::nearest(&self.metric, &metric::METRIC_NAMES),
        })?;
        if !self.bound.is_finite() {
            return Err(CriterionError::NotFinite { metric: metric() });
        }
        if !known.can_be(self.bound) {
            return Err(CriterionError::OutsideRange {
                metric: metric(),
                bound: self.bound,
                lowest: known.lowest,
                highest: known.highest,
            });
        }
        let higher = known.direction == Direction::HigherIsBetter;
        if !known.two_sided && higher == self.op.is_upper() {
            return Err(CriterionError::WrongSide { criterion: criterion(), higher });
        }
        let (best, worst) = match self.op.is_upper() {
            true => (known.lowest, known.highest),
            false => (known.highest, known.lowest),
        };
        if self.op.holds(worst, self.bound) {
            return Err(CriterionError::AlwaysMet { criterion: criterion() });
        }
        if best.is_finite() && !self.op.holds(best, self.bound) {
            return Err(CriterionError::NeverMet { criterion: criterion() });
        }
        if let Some(band) = self.review {
            let [lower, upper] = band.map(round9);
            let bound = round9(self.bound);
            // NaN makes the comparison false, so it is refused here as well.
            if !(lower < upper && band.iter().all(|end| end.is_finite()))
                || (lower != bound && upper != bound)
            {
                return Err(CriterionError::ReviewBand { criterion: criterion(), band });
            }
            let passing_side = if self.op.is_upper() { upper == bound } else { lower == bound };
            if passing_side && self.op != self.op.strict() {
                return Err(CriterionError::ReviewBeyondBound {
                    criterion: criterion(),
                    op: self.op.strict(),
                });
            }
        }
        if self.on_no_data == OnNoData::Skip
            && (known.origin != Origin::Live || self.kind == Kind::Hard)
        {
            return Err(CriterionError::Skip { metric: metric() });
        }
        for (field, minimum) in [("min_wordings", self.min_wordings), ("min_seeds", self.min_seeds)]
        {
            if minimum == Some(0) {
                return Err(CriterionError::ZeroMinimum { field, metric: metric() });
            }
        }
        Ok(())
    }

    /// The criterion whose bound and review band give way by `floor` ≥ 0.
    pub(crate) fn widened(&self, floor: f64) -> Self {
        let by = if self.op.is_upper() { floor } else { -floor };
        let review = self.review.map(|band| band.map(|end| end + by));
        Self { bound: self.bound + by, review, ..self.clone() }
    }

    /// What it says of a value that the metric can have.
    pub(crate) fn compare(&self, value: f64) -> Comparison {
        if let Some(band) = self.review {
            let [lower, upper] = band.map(round9);
            if lower < round9(value) && round9(value) < upper {
                return Comparison::Review;
            }
        }
        if self.op.holds(value, self.bound) { Comparison::Holds } else { Comparison::Violated }
    }

    /// The order in which criteria stand in an effective policy and in a verdict.
    pub(crate) fn order(&self, other: &Self) -> Ordering {
        let key = |c: &Self| (c.metric.clone(), c.op, c.kind);
        key(self).cmp(&key(other)).then(self.bound.total_cmp(&other.bound))
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AtMost => "<=",
            Self::Below => "<",
            Self::AtLeast => ">=",
            Self::Above => ">",
        })
    }
}

/// Text that is no operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown operator `{0}`: expected <=, <, >= or >")]
pub struct OpError(String);

impl FromStr for Op {
    type Err = OpError;

    fn from_str(text: &str) -> Result<Self, OpError> {
        match text {
            "<=" => Ok(Self::AtMost),
            "<" => Ok(Self::Below),
            ">=" => Ok(Self::AtLeast),
            ">" => Ok(Self::Above),
            _ => Err(OpError(text.to_owned())),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hard => "hard",
            Self::Soft => "soft",
            Self::Advisory => "advisory",
        })
    }
}

impl fmt::Display for Criterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.metric, self.op, self.bound)
    }
}
