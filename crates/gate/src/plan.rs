//! How probable each finding of a criterion is, before there are questions.
//!
//! Criteria are decided as `confident` decides them: a pass by the unfavourable bound at the plain
//! level, a fail by the favourable one at the level of Holm's first rejection, which is what it
//! takes where nothing else is refuted.

use wfgy_core::Aggregate;
use wfgy_stats::{BoundError, LEVEL, Population, PopulationError, round9};

use crate::claims::Claims;
use crate::criterion::{Criterion, Kind};
use crate::metric::KnownMetric;

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
    /// What passes, and, at the level of its family, what fails.
    claims: Claims,
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
        plan.claims.fails.level = 1.0 - (1.0 - LEVEL) / tests as f64;
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
        Ok(Self {
            criterion: criterion.clone(),
            aggregate,
            values,
            claims: Claims::of(criterion, &known, aggregate),
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
        let range = self.claims.passes.range;
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
        let (range, runs) = (self.claims.passes.range, slots * seeds);
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
    /// As [`wfgy_stats::Claim::power`].
    pub fn chances(
        &self,
        population: &Population,
        questions: usize,
    ) -> Result<[Chances; 2], BoundError> {
        let Claims { passes, fails, .. } = self.claims;
        let shows = passes.power(population, questions)?;
        let holds = match fails == passes {
            true => shows,
            false => fails.power(population, questions)?,
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
        // No count is planned, so the number at hand says nothing.
        self.claims.smallest_n(truth, 1)
    }

    /// The smallest number of questions that pass in `confident` mode with probability 0.8.
    ///
    /// # Errors
    /// As [`wfgy_stats::Claim::power`].
    pub fn questions_to_pass(&self, population: &Population) -> Result<Option<usize>, BoundError> {
        self.claims.passes.questions_to_show(population)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::criterion::Op;

    const ASKING: Asking =
        Asking { slots: 4, min_wordings: 4, seeds: 2, correlation: 0.5, deviation: 0.15 };

    fn plan(criterion: Criterion) -> Plan {
        let (mut planned, others) = plans(&[criterion], ASKING);
        assert!(others.is_empty(), "{others:?}");
        planned.remove(0)
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
        let levels: Vec<f64> = plans.iter().map(|plan| round9(plan.claims.fails.level)).collect();
        assert_eq!(levels, [0.99, 0.99, 0.95]);
        assert!(plans.iter().all(|plan| plan.claims.passes.level == LEVEL));
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
