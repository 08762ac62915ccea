//! Gold × wording × seed → distinct runs.

use std::collections::BTreeMap;

use wfgy_core::{Analyzer, Embedder, GoldSet, Role};

use crate::error::EvaluateError;
use crate::seeds::{DropReason, Perturber, Seeded};

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

impl PlannedRun {
    /// Its embedded string under `embedder`.
    pub(crate) fn embedded(&self, embedder: &dyn Embedder, analyzer: &Analyzer) -> String {
        embedder.identity().schema.compose(Role::Query, analyzer, None, &self.text)
    }
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
    /// Where a wording cannot be tokenised, or the analyzer does not do what its name says.
    pub fn of(
        gold: &GoldSet,
        embedder: &dyn Embedder,
        analyzer: &Analyzer,
        seeds: &[u64],
    ) -> Result<Self, EvaluateError> {
        let schema = &embedder.identity().schema;
        let perturber = Perturber::new(embedder.tokenizer(), schema, *analyzer, &gold.language);
        let mut plan = Self::default();
        for (question, item) in gold.items.iter().enumerate() {
            for (wording, text) in item.wordings().enumerate() {
                if !perturber.survives_width_and_form(text) {
                    return Err(EvaluateError::Analyzer {
                        question: item.id.clone(),
                        wording,
                        analyzer: analyzer.to_string(),
                    });
                }
                let seeded = perturber
                    .seeded(&item.id, wording, text, seeds)
                    .map_err(EvaluateError::at("seeds"))?;
                for (seed, seeded) in seeds.iter().zip(seeded) {
                    match seeded {
                        Seeded::Text(text) => {
                            plan.runs.push(PlannedRun { question, wording, seed: *seed, text });
                        }
                        Seeded::Dropped(reason) => plan.count(reason),
                    }
                }
            }
        }
        Ok(plan)
    }

    /// Drops the runs that have no vector.
    pub(crate) fn keep(&mut self, has_vector: impl Fn(&PlannedRun) -> bool) {
        let before = self.runs.len();
        self.runs.retain(has_vector);
        for _ in self.runs.len()..before {
            self.count(DropReason::NoVector);
        }
    }

    fn count(&mut self, reason: DropReason) {
        *self.dropped.entry(reason.name().to_owned()).or_default() += 1;
    }
}
