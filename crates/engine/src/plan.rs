//! Gold × wording × seed → distinct runs.

use std::collections::BTreeMap;

use wfgy_core::GoldSet;

use crate::error::EvaluateError;
use crate::seeds::{Perturber, Seeded};

/// One retrieval to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedRun {
    /// Position of its question in the gold set.
    pub question: usize,
    /// Wording number, 0 as written.
    pub wording: usize,
    /// Seed.
    pub seed: u64,
    /// The text to ask.
    pub text: String,
}

/// All runs, in gold order, then by wording, then by seed as given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// What is asked.
    pub runs: Vec<PlannedRun>,
    /// What is not, by reason.
    pub dropped: BTreeMap<String, usize>,
}

impl Plan {
    /// Expands every question, the unanswerable ones too.
    ///
    /// # Errors
    /// Where a wording cannot be tokenised.
    pub fn of(
        gold: &GoldSet,
        perturber: &Perturber<'_>,
        seeds: &[u64],
    ) -> Result<Self, EvaluateError> {
        let mut plan = Self::default();
        for (question, item) in gold.items.iter().enumerate() {
            for (wording, text) in item.wordings().enumerate() {
                let seeded = perturber
                    .seeded(&item.id, wording, text, seeds)
                    .map_err(EvaluateError::at("seeds"))?;
                for (seed, seeded) in seeds.iter().zip(seeded) {
                    match seeded {
                        Seeded::Text(text) => {
                            plan.runs.push(PlannedRun { question, wording, seed: *seed, text });
                        }
                        Seeded::Dropped(reason) => {
                            *plan.dropped.entry(reason.name().to_owned()).or_default() += 1;
                        }
                    }
                }
            }
        }
        Ok(plan)
    }

    /// Numbers of the runs of a question, which follow each other.
    pub(crate) fn runs_of(&self, question: usize) -> std::ops::Range<usize> {
        self.runs.partition_point(|run| run.question < question)
            ..self.runs.partition_point(|run| run.question <= question)
    }
}
