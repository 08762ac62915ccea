//! Policies, findings, verdicts and the approval that a forward flip needs.
//!
//! The gate is a pure function in two steps: [`decide`] takes a policy and the
//! evidence of one evaluation and gives findings and a verdict; [`approval`]
//! takes the verdicts on file for an index and the rules of an alias and gives
//! an [`Approval`], which nothing outside this crate can make, or a
//! [`Refusal`] that says what to do next. It does no I/O and reads no clock:
//! "now" is an argument.
//!
//! A policy decides by point values or by confidence bounds; the evidence carries
//! the values per question, so that bounds can be had at every level. [`plans`] says how
//! probable each finding is before there are questions.
//!
//! It fails closed. Data that are missing, not finite, outside their range or
//! unknown by name end in no pass, and a pass that rests on less than the
//! policy asked for approves less.

mod approval;
mod claims;
mod confident;
mod criterion;
mod decide;
mod effective;
mod evidence;
mod finding;
mod integrity;
mod judge;
mod metric;
mod nulls;
mod paired;
mod plan;
mod policy;
mod refusal;
mod standing;
mod targets;
mod timestamp;
mod verdict;
mod verdict_file;

pub use approval::{Approval, Candidate, OverrideError, Purpose};
pub use criterion::{Criterion, CriterionError, Kind, OnNoData, Op, OpError};
pub use decide::{Approves, CannotEvaluate, Decision, decide};
pub use effective::{
    Baseline, CONTENT_PINS, EffectivePolicy, NeedsBaseline, POLICY_SCHEMA_VERSION, Setting,
    SkipReason, Skipped,
};
pub use evidence::{Counts, Evidence, NoiseFloor, Nulls, Samples};
pub use finding::{Code, Finding, Needs, Warning};
pub use metric::{KnownMetric, METRIC_NAMES, Origin, nearest};
pub use paired::{
    BaselineArm, Compared, Comparison, CoverageUnit, DeltaSScale, NamedArm, Pairing, PinPair,
};
pub use plan::{Asking, Chances, Plan, Unplanned, Values, plans};
pub use policy::{
    DecisionMode, IntegrityMode, LARGEST_K, LONGEST_EXPIRY, MOST_REBUILDS, MOST_SEEDS, Policy,
    PolicyDraft, PolicyError,
};
pub use refusal::{Refusal, Stands};
pub use standing::{AliasRules, FiledVerdict, approval, has_expired, is_from_the_future};
pub use targets::{Targets, TargetsError};
pub use timestamp::{Timestamp, TimestampError};
pub use verdict::Verdict;
pub use verdict_file::{
    Circumstances, Decided, Measured, Subject, SubjectError, Unusable, VERDICT_SCHEMA_VERSION,
    VerdictFile, VerdictFileError,
};
/// What [`Evidence`] carries behind each metric, and the most questions that a [`Plan`] is for.
pub use wfgy_stats::{MOST_PLANNED, Sample};
