//! The metrics that a policy can name, and what a criterion may ask of each.

use wfgy_core::Direction::{self, HigherIsBetter, LowerIsBetter, Neutral};
use wfgy_stats::Range;

/// Where the values of a metric come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// The runs of this evaluation.
    Runs,
    /// This evaluation, paired with one of a baseline.
    Baseline,
    /// A signal of the live system, fed by name.
    Live,
    /// A drill of the rollback path.
    Drill,
}

/// What is known of a metric before anything is measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KnownMetric {
    /// Which way is better.
    pub direction: Direction,
    /// The lowest value that it can have; may be −∞.
    pub lowest: f64,
    /// The highest value that it can have; may be +∞.
    pub highest: f64,
    /// Where its values come from.
    pub origin: Origin,
    /// Whether it stands in the `measured` part of a verdict: two evaluations of the same bytes
    /// may differ in it.
    pub measured: bool,
    /// Whether an upper bound on it is judged against the nulls: it is the ΔS of what should be
    /// near.
    pub calibrated: bool,
    /// Whether failed runs are absent from it, so that a pass needs its worst-case value too.
    /// The others count a failed run as what it is: aborted, or failed.
    pub omits_failed_runs: bool,
    /// Whether it may be bounded on its better side too ("within ±").
    pub two_sided: bool,
    /// Whether it is taken over questions, so that without a question it is no value.
    pub over_questions: bool,
}

/// Every name, without cutoff and statistic; one that ends in `@` needs a cutoff.
///
/// Beside these, `delta_s.question.slot.N` is wording slot N of `delta_s.question`.
pub const METRIC_NAMES: [&str; 51] = [
    "coverage.iou",
    "coverage.mean",
    "coverage.p05",
    "coverage.pass_rate",
    "coverage.precision",
    "coverage.worst_stratum",
    "delta_s.anchor",
    "delta_s.anchor.best",
    "delta_s.auc",
    "delta_s.auc_hard",
    "delta_s.decoy",
    "delta_s.question",
    "delta_s.question.best",
    "delta_s.question.mean",
    "delta_s.unanswerable",
    "drift.coverage",
    "drift.delta_s.median",
    "drift.delta_s.p95",
    "drift.flip_rate",
    "error_rate",
    "graph.recall",
    "hit@",
    "integrity.mismatches",
    "lambda.abort_rate",
    "lambda.always_missed",
    "lambda.collapse_rate",
    "lambda.convergence",
    "lambda.convergent",
    "lambda.flip_rate",
    "lambda.split_rate",
    "latency.p95_ratio",
    "latency.p99_ratio",
    "live.breaker_open",
    "live.cost_ratio",
    "live.duplicates",
    "live.http_429",
    "live.http_5xx",
    "live.pin_mismatches",
    "live.queue_wait_ms",
    "live.tool_loops",
    "live.tool_success",
    "map@",
    "mrr@",
    "ndcg@",
    "null.hard",
    "null.random",
    "precision@",
    "recall@",
    "rollback.drill_age_seconds",
    "rollback.drill_seconds",
    "triangulation",
];

const SHARE: (f64, f64) = (0.0, 1.0);
const DISTANCE: (f64, f64) = (0.0, 2.0);
const AMOUNT: (f64, f64) = (0.0, f64::INFINITY);

/// A metric over the answered runs of questions, in the `decided` part.
const fn of_runs(direction: Direction, (lowest, highest): (f64, f64)) -> KnownMetric {
    KnownMetric {
        direction,
        lowest,
        highest,
        origin: Origin::Runs,
        measured: false,
        calibrated: false,
        omits_failed_runs: true,
        two_sided: matches!(direction, Neutral),
        over_questions: true,
    }
}

impl KnownMetric {
    /// The metric of this name, or `None`: such a name never passes anything.
    pub fn named(name: &str) -> Option<Self> {
        let (name, cutoff) = match name.split_once('@') {
            Some((name, cutoff)) => (name, Some(cutoff)),
            None => (name, None),
        };
        let (name, statistic) = match name.split_once(':') {
            Some((name, statistic)) => (name, Some(statistic)),
            None => (name, None),
        };
        match (statistic, cutoff) {
            (None, None) => Self::bare(name),
            (Some(statistic), None) => Self::with_statistic(name, statistic),
            (None, Some(cutoff)) if is_count_from(cutoff, 1) => Self::with_cutoff(name),
            _ => None,
        }
    }

    fn bare(name: &str) -> Option<Self> {
        let near = Self { calibrated: true, ..of_runs(LowerIsBetter, DISTANCE) };
        let lambda = |direction| Self { omits_failed_runs: false, ..of_runs(direction, SHARE) };
        let other = |direction, range, origin| Self {
            origin,
            measured: true,
            omits_failed_runs: false,
            over_questions: false,
            ..of_runs(direction, range)
        };
        let live = |direction, range| other(direction, range, Origin::Live);
        let drift = |direction, range| Self {
            origin: Origin::Baseline,
            two_sided: true,
            ..of_runs(direction, range)
        };
        Some(match name {
            "delta_s.question"
            | "delta_s.question.best"
            | "delta_s.question.mean"
            | "delta_s.anchor"
            | "delta_s.anchor.best" => near,
            "delta_s.decoy" | "delta_s.unanswerable" => of_runs(HigherIsBetter, DISTANCE),
            "triangulation" => of_runs(HigherIsBetter, (-2.0, 2.0)),
            "delta_s.auc" | "delta_s.auc_hard" => of_runs(HigherIsBetter, SHARE),
            "null.random" | "null.hard" => {
                Self { omits_failed_runs: false, ..of_runs(Neutral, DISTANCE) }
            }
            "coverage.mean"
            | "coverage.pass_rate"
            | "coverage.p05"
            | "coverage.precision"
            | "coverage.iou"
            | "coverage.worst_stratum"
            | "graph.recall" => of_runs(HigherIsBetter, SHARE),
            "lambda.convergence" | "lambda.convergent" => lambda(HigherIsBetter),
            "lambda.flip_rate"
            | "lambda.split_rate"
            | "lambda.collapse_rate"
            | "lambda.abort_rate" => lambda(LowerIsBetter),
            "lambda.always_missed" => {
                Self { omits_failed_runs: false, ..of_runs(LowerIsBetter, AMOUNT) }
            }
            "error_rate" => other(LowerIsBetter, SHARE, Origin::Runs),
            "integrity.mismatches" => Self {
                omits_failed_runs: false,
                over_questions: false,
                ..of_runs(LowerIsBetter, AMOUNT)
            },
            // Where the arms have different scorers it is a difference of z, which has no range.
            "drift.delta_s.median" | "drift.delta_s.p95" => {
                drift(LowerIsBetter, (f64::NEG_INFINITY, f64::INFINITY))
            }
            "drift.coverage" => drift(HigherIsBetter, (-1.0, 1.0)),
            "drift.flip_rate" => {
                Self { omits_failed_runs: false, ..drift(LowerIsBetter, (-1.0, 1.0)) }
            }
            "latency.p95_ratio" | "latency.p99_ratio" => {
                other(LowerIsBetter, AMOUNT, Origin::Baseline)
            }
            "live.http_5xx" | "live.http_429" => live(LowerIsBetter, SHARE),
            "live.tool_success" => live(HigherIsBetter, SHARE),
            "live.breaker_open"
            | "live.cost_ratio"
            | "live.duplicates"
            | "live.pin_mismatches"
            | "live.queue_wait_ms"
            | "live.tool_loops" => live(LowerIsBetter, AMOUNT),
            "rollback.drill_age_seconds" | "rollback.drill_seconds" => {
                other(LowerIsBetter, AMOUNT, Origin::Drill)
            }
            _ => {
                let slot = name.strip_prefix("delta_s.question.slot.")?;
                return is_count_from(slot, 0).then_some(near);
            }
        })
    }

    fn with_statistic(name: &str, statistic: &str) -> Option<Self> {
        let share = |direction| Self { calibrated: false, ..of_runs(direction, SHARE) };
        match (name, statistic) {
            ("delta_s.question", "stable") => Some(share(HigherIsBetter)),
            ("delta_s.question", "transitional") => Some(share(Neutral)),
            ("delta_s.question", "critical") => Some(share(LowerIsBetter)),
            ("delta_s.question", "median" | "mean" | "p90" | "p95")
            | (
                "delta_s.question.best"
                | "delta_s.question.mean"
                | "delta_s.anchor"
                | "delta_s.anchor.best"
                | "delta_s.decoy"
                | "triangulation",
                "mean" | "p90" | "p95",
            )
            | ("null.random" | "null.hard", "p01" | "p05" | "p95") => Self::bare(name),
            _ => None,
        }
    }

    fn with_cutoff(name: &str) -> Option<Self> {
        match name {
            "coverage.mean" | "coverage.precision" | "coverage.iou" | "graph.recall" => {
                Self::bare(name)
            }
            "recall" | "precision" | "hit" | "mrr" | "ndcg" | "map" => {
                Some(of_runs(HigherIsBetter, SHARE))
            }
            _ => None,
        }
    }

    /// The values that one question can have: those of the metric, but for a count of questions,
    /// where a question counts or does not.
    pub fn range(&self) -> Range {
        if self.origin == Origin::Runs && self.highest == f64::INFINITY {
            return Range::UNIT;
        }
        Range::new(self.lowest, self.highest).unwrap_or(Range::UNBOUNDED)
    }

    /// Whether `value` is one that this metric can have; never for NaN.
    pub fn can_be(&self, value: f64) -> bool {
        value.is_finite() && self.lowest <= value && value <= self.highest
    }
}

/// A number in plain ASCII decimal, at least `least`: `010` and `+1` are other names, not this one.
fn is_count_from(text: &str, least: u32) -> bool {
    text.parse::<u32>().is_ok_and(|n| n >= least && n.to_string() == text)
}

/// The cutoff of a name, where it has one.
pub(crate) fn cutoff(name: &str) -> Option<usize> {
    name.split_once('@').and_then(|(_, k)| k.parse().ok())
}

/// The one of `known` that is nearest to a name that is not among them, for a message; `None`
/// where none is near.
pub fn nearest(name: &str, known: &[&'static str]) -> Option<&'static str> {
    known
        .iter()
        .map(|known| (edits(name, known), *known))
        .min()
        .filter(|(edits, known)| *edits <= 1 + known.len() / 4)
        .map(|(_, known)| known)
}

/// Levenshtein distance in bytes; names are short.
fn edits(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().take(64).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let next = (diagonal + usize::from(x != y)).min(row[j] + 1).min(row[j + 1] + 1);
            diagonal = std::mem::replace(&mut row[j + 1], next);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_name_is_known_and_the_list_is_sorted() {
        for name in METRIC_NAMES {
            let name = if name.ends_with('@') { format!("{name}10") } else { name.to_owned() };
            assert!(KnownMetric::named(&name).is_some(), "{name}");
        }
        assert!(METRIC_NAMES.is_sorted());
    }

    #[test]
    fn rule_a_name_is_known_only_as_it_is_spelled() {
        for good in [
            "delta_s.question:p95",
            "delta_s.question:stable",
            "delta_s.question.slot.0",
            "coverage.mean@50",
            "null.hard:p05",
            "graph.recall@1",
            "ndcg@10",
        ] {
            assert!(KnownMetric::named(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "coverage",
            "Coverage.mean",
            "coverage.mean ",
            "coverage.mean@",
            "coverage.mean@0",
            "coverage.mean@010",
            "coverage.mean@+1",
            "coverage.mean@1@1",
            "coverage.mean:p05",
            "coverage.pass_rate@10",
            "delta_s.question:p99",
            "delta_s.question:",
            "delta_s.question.slot.",
            "delta_s.question.slot.-1",
            "delta_s.question.slot.1:p95",
            "delta_s.decoy:stable",
            "ndcg",
            "ndcg@10:mean",
            "recall@99999999999999999999",
            "live.http_500",
        ] {
            assert!(KnownMetric::named(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_typo_is_answered_with_the_name_that_was_meant() {
        assert_eq!(nearest("coverage.maen", &METRIC_NAMES), Some("coverage.mean"));
        assert_eq!(nearest("lambda.split-rate", &METRIC_NAMES), Some("lambda.split_rate"));
        assert_eq!(nearest("bananas", &METRIC_NAMES), None);
    }

    #[test]
    fn a_value_outside_the_range_cannot_be() {
        let coverage = KnownMetric::named("coverage.mean").unwrap();
        assert!(coverage.can_be(0.0) && coverage.can_be(1.0));
        assert!(!coverage.can_be(1.1) && !coverage.can_be(f64::NAN));
        let ratio = KnownMetric::named("latency.p95_ratio").unwrap();
        assert!(ratio.can_be(40.0) && !ratio.can_be(f64::INFINITY));
    }
}
