//! How probable each finding of a criterion is, before there are questions.
//!
//! Criteria are decided as `confident` decides them: a pass by the unfavourable bound at the plain
//! level, a fail by the favourable one at the level of Holm's first rejection, which is what it
//! takes where nothing else is refuted.

use wfgy_core::Aggregate;
use wfgy_stats::{BoundError, Claim, LEVEL, Population, PopulationError, Side, round9};

use crate::confident::side;
use crate::criterion::{Criterion, Kind};
use crate::metric::{KnownMetric, Origin};

/// Values are compared after they are rounded to this.
const STEP: f64 = 1e-9;

/// How questions will be asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Asking {
    /// Wording slots: wordings that at least half of the questions have; ≥ 1.
    pub slots: usize,
    /// Wordings of the question that has fewest.
    pub min_wordings: usize,
    /// Runs of each wording, ≥ 1: the seeds.
    pub seeds: usize,
    /// Of two runs of one question, in [0, 1].
    pub correlation: f64,
    /// Standard deviation of one run of what is no share: ΔS, and differences of two indexes; ≥ 0.
    pub deviation: f64,
}

/// A criterion over questions that can be planned for.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Which.
    pub criterion: Criterion,
    /// Its statistic.
    pub aggregate: Aggregate,
    /// What its values are like.
    pub values: Values,
    /// Shown: it passes.
    shows: Claim,
    /// Refuted: it fails. Its threshold is the other end of a review band, where there is one.
    holds: Claim,
    /// A difference that should not get worse, and none does not.
    stays: bool,
    asking: Asking,
}

/// What the values of questions are like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    /// Shares of the runs of a question that have a property: of all values with a given mean,
    /// those that vary most.
    Runs,
    /// A question has a property or has it not.
    Questions,
    /// Normal measurements, cut to the range of the metric.
    Measured,
    /// The same, for each wording slot.
    Slots,
}

/// A criterion that no number of questions says anything of.
#[derive(Debug, Clone, PartialEq)]
pub struct Unplanned {
    /// Which.
    pub criterion: Criterion,
    /// Why not.
    pub why: String,
}

/// How probable each finding is, under one decision mode; they sum to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chances {
    /// In [0, 1].
    pub pass: f64,
    /// In [0, 1].
    pub fail: f64,
    /// In [0, 1].
    pub inconclusive: f64,
}

/// What can be planned of these criteria, and what cannot, both in their order.
pub fn plans(criteria: &[Criterion], asking: Asking) -> (Vec<Plan>, Vec<Unplanned>) {
    let (mut planned, mut others) = (Vec::new(), Vec::new());
    for criterion in criteria {
        match Plan::of(criterion, asking) {
            Ok(plan) => planned.push(plan),
            Err(why) => others.push(Unplanned { criterion: criterion.clone(), why }),
        }
    }
    let hard = planned.iter().filter(|plan| plan.criterion.kind == Kind::Hard);
    let family: usize = hard.map(Plan::samples).sum();
    for plan in &mut planned {
        let tests = if plan.criterion.kind == Kind::Hard { family } else { plan.samples() };
        plan.holds.level = 1.0 - (1.0 - LEVEL) / tests as f64;
    }
    (planned, others)
}

impl Plan {
    fn of(criterion: &Criterion, asking: Asking) -> Result<Self, String> {
        let name = criterion.metric.as_str();
        let known = criterion.known().ok_or("no metric has this name")?;
        let (aggregate, values) = shape(name, &known)?;
        if let Some(least) = criterion.min_wordings.filter(|least| *least > asking.min_wordings) {
            let has = asking.min_wordings;
            return Err(format!(
                "no data: a question has {has} wordings, at least {least} are asked for"
            ));
        }
        if let Some(least) = criterion.min_seeds.filter(|least| *least > asking.seeds) {
            let seeds = asking.seeds;
            return Err(format!("no data: {seeds} seeds, at least {least} are asked for: --seeds"));
        }
        if let Some(slot) = name.strip_prefix("delta_s.question.slot.")
            && slot.parse().is_ok_and(|slot: usize| slot >= asking.slots)
        {
            let slots = asking.slots;
            return Err(format!("no data: the slots are 0 to {}", slots.saturating_sub(1)));
        }
        let [passes, fails] = thresholds(criterion);
        let side = side(criterion);
        let range = known.range();
        let claim = |threshold| Claim { aggregate, range, side, threshold, level: LEVEL };
        let stays = known.origin == Origin::Baseline && criterion.op.holds(0.0, criterion.bound);
        Ok(Self {
            criterion: criterion.clone(),
            aggregate,
            values,
            shows: claim(passes),
            holds: claim(fails),
            stays,
            asking,
        })
    }

    /// How many samples decide it.
    fn samples(&self) -> usize {
        if self.values == Values::Slots { self.asking.slots } else { 1 }
    }

    /// The true value that lies `effect` from the bound, on the good side where it is positive, or
    /// the end of the metric's range where that comes first.
    pub fn truth(&self, effect: f64) -> f64 {
        let by = if self.criterion.op.is_upper() { -effect } else { effect };
        let range = self.shows.range;
        round9((self.criterion.bound + by).clamp(range.lowest(), range.highest()))
    }

    /// Whether the range of the metric ends before the truth is `effect` from the bound.
    pub fn ends_before(&self, effect: f64) -> bool {
        let distance = (self.truth(effect) - self.criterion.bound).abs();
        wfgy_stats::strictly_below(distance, effect.abs())
    }

    /// Questions whose statistic is truly `truth`.
    ///
    /// # Errors
    /// [`PopulationError`] where the correlation or the deviation is none.
    pub fn population(&self, truth: f64) -> Result<Population, PopulationError> {
        let Asking { slots, seeds, correlation, deviation, .. } = self.asking;
        let (range, runs) = (self.shows.range, slots * seeds);
        let measured = match self.values {
            Values::Runs => return Population::runs(truth, runs, correlation),
            Values::Questions => return Population::runs(truth, 1, correlation),
            Values::Measured if self.criterion.metric.starts_with("delta_s.question.slot.") => {
                Population::slots(truth, deviation, 1, seeds, correlation, range)
            }
            Values::Measured => Population::normal(truth, deviation, runs, correlation, range),
            Values::Slots => Population::slots(truth, deviation, slots, seeds, correlation, range),
        }?;
        Ok(measured.moved_to(truth, self.aggregate))
    }

    /// The findings with so many questions: in `point` mode, then in `confident` mode.
    ///
    /// # Errors
    /// As [`Claim::power`].
    pub fn chances(
        &self,
        population: &Population,
        questions: usize,
    ) -> Result<[Chances; 2], BoundError> {
        let shows = self.shows.power(population, questions)?;
        let holds = match self.holds == self.shows {
            true => shows,
            false => self.holds.power(population, questions)?,
        };
        let chances = |pass: f64, fail: f64| Chances {
            pass,
            fail,
            // Shares of the same data sets: no less than 0 but for rounding.
            inconclusive: round9(1.0 - pass - fail).max(0.0),
        };
        Ok([
            chances(shows.point_holds, round9(1.0 - holds.point_holds)),
            chances(shows.shown, holds.refuted),
        ])
    }

    /// The smallest number of questions that could pass in `confident` mode, all of them at their
    /// best: for a difference that should not get worse none, unless the truth is better still.
    /// `None` where no number could.
    pub fn smallest_n(&self, truth: f64) -> Option<usize> {
        let Claim { range, side, .. } = self.shows;
        let end = range.end(side.opposite());
        let improves = if side == Side::Upper { truth < 0.0 } else { truth > 0.0 };
        let best = match self.stays && !improves {
            true => 0.0,
            false if end.is_finite() => end,
            // Quantiles ask of a value only that it passes; means have no bound without an end.
            false => truth,
        };
        self.shows.smallest_n(best)
    }

    /// The smallest number of questions that pass in `confident` mode with probability 0.8.
    ///
    /// # Errors
    /// As [`Claim::power`].
    pub fn questions_to_pass(&self, population: &Population) -> Result<Option<usize>, BoundError> {
        self.shows.questions_to_show(population)
    }
}

/// What a metric over questions is made of, as an evaluation makes it; why there is no plan for
/// others.
fn shape(name: &str, known: &KnownMetric) -> Result<(Aggregate, Values), &'static str> {
    use Aggregate::{Mean, Median, P05, P90, P95, Share, WorstSlotMedian};
    if !known.over_questions {
        return Err("it is not taken over questions");
    }
    let (base, statistic) = match name.split_once(':') {
        Some((base, statistic)) => (base, Some(statistic)),
        None => (name.split_once('@').map_or(name, |(base, _)| base), None),
    };
    match base {
        "null.random" | "null.hard" => return Err("it says what embedder and corpus are like"),
        "delta_s.unanswerable" => return Err("it is over questions without an answer only"),
        "coverage.worst_stratum" => return Err("it is over the questions of one stratum"),
        "lambda.always_missed" => return Err("it is a count, whose meaning changes with n"),
        _ => {}
    }
    Ok(match (base, statistic) {
        (_, Some("mean")) => (Mean, Values::Measured),
        (_, Some("median")) => (Median, Values::Measured),
        (_, Some("p90")) => (P90, Values::Measured),
        (_, Some("p95")) | ("drift.delta_s.p95", None) => (P95, Values::Measured),
        (_, Some(_)) | ("coverage.pass_rate" | "lambda.convergent", None) => {
            (Share, Values::Questions)
        }
        ("coverage.p05", None) => (P05, Values::Measured),
        ("delta_s.question", None) => (WorstSlotMedian, Values::Slots),
        ("drift.coverage" | "drift.flip_rate", None) => (Mean, Values::Measured),
        ("delta_s.auc" | "delta_s.auc_hard", None) => (Mean, Values::Runs),
        ("triangulation" | "drift.delta_s.median", None) => (Median, Values::Measured),
        (base, None) if base.starts_with("delta_s.") => (Median, Values::Measured),
        _ => (Mean, Values::Runs),
    })
}

/// The greatest value (for an upper bound; else the least) that passes, and that does not fail.
fn thresholds(criterion: &Criterion) -> [f64; 2] {
    let Criterion { op, bound, review, .. } = criterion;
    let inside = match side(criterion) {
        Side::Upper => |end: f64| round9(end) - STEP,
        Side::Lower => |end: f64| round9(end) + STEP,
    };
    let at_bound = if op.holds(*bound, *bound) { *bound } else { inside(*bound) };
    let Some([low, high]) = *review else { return [at_bound; 2] };
    let (passing, failing) = if op.is_upper() { (low, high) } else { (high, low) };
    // The band is open: its far end passes, its near end fails.
    let passes = if round9(passing) == round9(*bound) { at_bound } else { passing };
    [passes, inside(failing)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::criterion::{Comparison, Op};

    const ASKING: Asking =
        Asking { slots: 4, min_wordings: 4, seeds: 2, correlation: 0.5, deviation: 0.15 };

    fn plan(criterion: Criterion) -> Plan {
        let (mut planned, others) = plans(&[criterion], ASKING);
        assert!(others.is_empty(), "{others:?}");
        planned.remove(0)
    }

    #[test]
    fn rule_thresholds_are_where_a_value_passes_and_fails() {
        for (op, bound, review) in [
            (Op::AtMost, 0.45, None),
            (Op::Below, 0.45, None),
            (Op::AtLeast, 0.70, None),
            (Op::Above, 0.70, None),
            (Op::AtMost, 0.45, Some([0.45, 0.60])),
            (Op::Below, 0.60, Some([0.45, 0.60])),
            (Op::AtLeast, 0.70, Some([0.50, 0.70])),
            (Op::Above, 0.70, Some([0.70, 0.80])),
        ] {
            let mut criterion = Criterion::hard("delta_s.question:mean", op, bound);
            criterion.review = review;
            let [passes, fails] = thresholds(&criterion);
            for step in 0..=1000 {
                let value = f64::from(step) / 1000.0;
                let within = |end| match op.is_upper() {
                    true => wfgy_stats::at_most(value, end),
                    false => wfgy_stats::at_least(value, end),
                };
                let expected = match (within(passes), within(fails)) {
                    (true, _) => Comparison::Holds,
                    (false, true) => Comparison::Review,
                    (false, false) => Comparison::Violated,
                };
                assert_eq!(criterion.compare(value), expected, "{criterion} {review:?} {value}");
            }
        }
    }

    #[test]
    fn rule_a_review_band_is_inconclusive_in_both_modes() {
        let mut criterion = Criterion::hard("coverage.mean", Op::AtLeast, 0.70);
        criterion.review = Some([0.50, 0.70]);
        let plan = plan(criterion);
        let population = plan.population(plan.truth(-0.10)).unwrap();
        for chances in plan.chances(&population, 200).unwrap() {
            assert!(chances.inconclusive > 0.95, "{chances:?}");
        }
    }

    #[test]
    fn rule_a_fail_takes_the_level_of_its_family() {
        let hard = |metric| Criterion::hard(metric, Op::AtLeast, 0.70);
        let slots = Criterion::hard("delta_s.question", Op::AtMost, 0.45);
        let soft = Criterion { kind: Kind::Soft, ..hard("lambda.convergent") };
        let (plans, _) = plans(&[hard("coverage.mean"), slots, soft], ASKING);
        let levels: Vec<f64> = plans.iter().map(|plan| round9(plan.holds.level)).collect();
        assert_eq!(levels, [0.99, 0.99, 0.95]);
        assert!(plans.iter().all(|plan| plan.shows.level == LEVEL));
    }

    #[test]
    fn rule_the_truth_stays_in_the_range_of_its_metric() {
        let plan = plan(Criterion::hard("lambda.collapse_rate", Op::AtMost, 0.02));
        assert_eq!(plan.truth(0.01), 0.01);
        assert_eq!(plan.truth(0.05), 0.0);
        assert_eq!(plan.truth(-0.05), 0.07);
        assert_eq!(plan.smallest_n(0.01), Some(149));
    }

    #[test]
    fn rule_what_no_number_of_questions_says_anything_of_is_named() {
        let mut slots = Criterion::hard("delta_s.question", Op::AtMost, 0.45);
        slots.min_wordings = Some(5);
        let mut seeds = Criterion::hard("lambda.convergence", Op::AtLeast, 0.80);
        seeds.min_seeds = Some(3);
        let criteria = [
            slots,
            seeds,
            Criterion::hard("error_rate", Op::AtMost, 0.005),
            Criterion::hard("lambda.always_missed", Op::AtMost, 2.0),
            Criterion::hard("null.random:p05", Op::AtLeast, 0.5),
            Criterion::hard("delta_s.question.slot.4", Op::AtMost, 0.45),
        ];
        let (planned, others) = plans(&criteria, ASKING);
        assert!(planned.is_empty(), "{planned:?}");
        assert_eq!(others.len(), criteria.len());
        assert!(others[0].why.contains("at least 5"), "{}", others[0].why);
        assert!(others[1].why.contains("--seeds"), "{}", others[1].why);
    }
}
