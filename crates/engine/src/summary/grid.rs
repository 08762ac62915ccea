//! Records sorted by question, wording and seed, checked to fit together.

use std::collections::{BTreeMap, BTreeSet};

use wfgy_core::Unit;
use wfgy_core::evaluation::{Context, QuestionRecord, RunRecord, RunStatus};
use wfgy_stats::question_value;

use crate::error::EvaluateError;
use crate::evaluate::first_rebuilt;
use crate::setup::cutoffs;

/// What a run that failed, or that could not be asked, is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failed {
    /// Nothing: it is in no value.
    LeftOut,
    /// The worst that the metric can be.
    AtWorst,
}

impl Failed {
    /// `value` of a run that was answered; of another one `worst`, or nothing.
    pub(crate) fn or(
        self,
        worst: f64,
        run: &RunRecord,
        value: impl FnOnce(&RunRecord) -> Option<f64>,
    ) -> Option<f64> {
        match (run.status, self) {
            (RunStatus::Answered | RunStatus::Empty, _) => value(run),
            (RunStatus::Failed | RunStatus::Unasked, Self::LeftOut) => None,
            (RunStatus::Failed | RunStatus::Unasked, Self::AtWorst) => Some(worst),
        }
    }
}

/// All runs, by question in gold order, then by wording and seed.
#[derive(Debug)]
pub(crate) struct Grid<'a> {
    /// The questions.
    pub(crate) questions: Vec<QuestionRuns<'a>>,
    /// How many seeds were planned for each wording.
    pub(crate) seeds: usize,
    /// What k counts.
    pub(crate) unit: Unit,
    /// The served k.
    pub(crate) k: usize,
    /// Every cutoff that the records hold, ascending.
    pub(crate) cutoffs: Vec<usize>,
}

/// A question and its runs.
#[derive(Debug)]
pub(crate) struct QuestionRuns<'a> {
    /// The question.
    pub(crate) record: &'a QuestionRecord,
    /// Its runs by wording number, by seed within each.
    pub(crate) wordings: BTreeMap<usize, Vec<&'a RunRecord>>,
    /// What other graphs answered to the same, by wording, then seed; in λ alone.
    pub(crate) rebuilt: Vec<&'a RunRecord>,
}

impl QuestionRuns<'_> {
    /// All runs, by wording, then seed; also those that could not be asked.
    pub(crate) fn planned(&self) -> impl Iterator<Item = &RunRecord> {
        self.wordings.values().flatten().copied()
    }

    /// The runs that were asked, by wording, then seed.
    pub(crate) fn asked(&self) -> impl Iterator<Item = &RunRecord> {
        self.planned().filter(|run| run.status != RunStatus::Unasked)
    }

    /// The question's value: mean over wordings of means over seeds. Runs that failed, or could
    /// not be asked, take `worst` or are left out; `None` where no run has a value.
    pub(crate) fn value(
        &self,
        failed: Failed,
        worst: f64,
        value: impl Fn(&RunRecord) -> Option<f64>,
    ) -> Option<f64> {
        let of = |run: &&RunRecord| failed.or(worst, run, &value);
        let wordings: Vec<Vec<f64>> =
            self.wordings.values().map(|runs| runs.iter().filter_map(of).collect()).collect();
        question_value(&wordings)
    }
}

impl<'a> Grid<'a> {
    /// Sorts `runs`, to be judged at the served `k`.
    ///
    /// # Errors
    /// Where the records do not hold `k`, or do not fit together.
    pub(crate) fn of(
        context: &'a Context,
        runs: &'a [RunRecord],
        k: usize,
    ) -> Result<Self, EvaluateError> {
        let cutoffs = cutoffs(context.k);
        if !cutoffs.contains(&k) {
            let problem = format!(
                "{k} is none of the cutoffs that these runs hold ({}); evaluate anew",
                cutoffs.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")
            );
            return Err(EvaluateError::Setting { name: "k", problem });
        }
        let mut numbers = BTreeMap::new();
        for (number, question) in context.questions.iter().enumerate() {
            if numbers.insert(question.id.as_str(), number).is_some() {
                return records(format!("question {} stands twice in the context", question.id));
            }
        }
        let mut questions: Vec<QuestionRuns<'a>> = context
            .questions
            .iter()
            .map(|record| QuestionRuns { record, wordings: BTreeMap::new(), rebuilt: Vec::new() })
            .collect();
        if ![0, context.rebuild_seeds].contains(&context.rebuilt) {
            let Context { rebuild_seeds, rebuilt, .. } = context;
            return records(format!("{rebuilt} rebuilds, but {rebuild_seeds} were to be made"));
        }
        let first_rebuilt = first_rebuilt(&context.seeds);
        for run in runs {
            let Some(question) = numbers.get(run.question.as_str()).map(|n| &mut questions[*n])
            else {
                return records(format!("a run is of question {}, unknown here", run.question));
            };
            check(context, question.record, run, &cutoffs)?;
            match run.seed < first_rebuilt {
                true => question.wordings.entry(run.wording).or_default().push(run),
                false => question.rebuilt.push(run),
            }
        }
        for QuestionRuns { wordings, rebuilt, .. } in &mut questions {
            for runs in wordings.values_mut().chain([rebuilt]) {
                runs.sort_by_key(|run| (run.wording, run.seed));
                let key = |run: &RunRecord| (run.wording, run.seed);
                let twice = runs.windows(2).find(|pair| key(pair[0]) == key(pair[1]));
                let Some(pair) = twice else { continue };
                return records(format!("{} stands twice", shown(pair[0])));
            }
        }
        let wordings: usize = context.questions.iter().map(|q| q.n_wordings).sum();
        let dropped: usize = context.dropped_runs.values().sum();
        let planned = wordings * context.seeds.len();
        let times = context.rebuilt.saturating_add(1);
        let expected = planned.checked_sub(dropped).and_then(|n| n.checked_mul(times));
        if expected != Some(runs.len()) {
            return records(format!(
                "{} runs, but {planned} were planned, {dropped} dropped and {} rebuilds asked the \
                 same: records are missing or added",
                runs.len(),
                context.rebuilt
            ));
        }
        Ok(Self { questions, seeds: context.seeds.len(), unit: context.unit, k, cutoffs })
    }

    /// The questions that have targets.
    pub(crate) fn answerable(&self) -> impl Iterator<Item = &QuestionRuns<'a>> {
        self.questions.iter().filter(|question| question.record.answerable)
    }

    /// One value per answerable question that has one.
    pub(crate) fn values(
        &self,
        failed: Failed,
        worst: f64,
        value: impl Fn(&RunRecord) -> Option<f64>,
    ) -> Vec<f64> {
        self.answerable().filter_map(|question| question.value(failed, worst, &value)).collect()
    }
}

fn records<T>(problem: String) -> Result<T, EvaluateError> {
    Err(EvaluateError::Records(problem))
}

fn shown(run: &RunRecord) -> String {
    format!("run (question {}, wording {}, seed {})", run.question, run.wording, run.seed)
}

/// Holds a record against its context: numbers that a gate would trust must be possible ones.
fn check(
    context: &Context,
    question: &QuestionRecord,
    run: &RunRecord,
    cutoffs: &[usize],
) -> Result<(), EvaluateError> {
    let wrong = |what: &str| records(format!("{}: {what}", shown(run)));
    if run.wording >= question.n_wordings {
        return wrong("the question has no such wording");
    }
    let stride = first_rebuilt(&context.seeds);
    let rebuild = run.seed.checked_div(stride);
    if !context.seeds.contains(&run.seed.checked_rem(stride).unwrap_or(run.seed))
        || rebuild.is_none_or(|rebuild| rebuild > context.rebuilt as u64)
    {
        return wrong("this seed was not asked");
    }
    if (run.status == RunStatus::Answered) == run.hits.is_empty() {
        return wrong("its status and its hits contradict each other");
    }
    if matches!(run.status, RunStatus::Failed | RunStatus::Unasked) {
        return Ok(());
    }
    let distances = run
        .hits
        .iter()
        .flat_map(|hit| [Some(hit.delta_s_question), hit.delta_s_anchor])
        .chain([run.delta_s_decoy, run.hard_null]);
    if !distances.flatten().all(|distance| (0.0..=2.0).contains(&distance)) {
        return wrong("a ΔS is not in [0, 2]");
    }
    let mut shares: Vec<f64> = run.auc.into_iter().chain(run.auc_hard).collect();
    if question.answerable {
        let held: BTreeSet<usize> = run.coverage.keys().copied().collect();
        if !cutoffs.iter().all(|cutoff| held.contains(cutoff)) {
            return wrong("coverage at a cutoff is missing");
        }
        shares.extend(run.character_coverage.values());
        shares.extend(run.coverage.values().flat_map(|c| [c.coverage, c.precision, c.iou]));
    }
    if !shares.iter().all(|share| (0.0..=1.0).contains(share)) {
        return wrong("a share is not in [0, 1]");
    }
    Ok(())
}
