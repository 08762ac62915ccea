//! Vectors of wordings and anchors, and how they are handed out.

use std::collections::BTreeMap;

use wfgy_core::evaluation::{TextRecord, TextRole};
use wfgy_core::{Analyzer, Digest, Embedder, Role};

use crate::error::EvaluateError;
use crate::labels::Labels;
use crate::plan::{Plan, PlannedRun};
use crate::setup::{OnProgress, Parts, Settings};
use crate::texts::TextVectors;
use crate::vectors::SnippetVectors;

/// Vectors of wordings and anchors, for whoever wants to count again.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Exports {
    /// What each row is of; row numbers ascend from 0.
    pub texts: Vec<TextRecord>,
    /// Row-major, `texts.len() × dim`.
    pub vectors: Vec<f32>,
    /// Values in a row.
    pub dim: usize,
}

/// Vectors of wordings under both embedders, and of anchors under the scorer.
pub(crate) struct Texts<'a> {
    parts: Parts<'a>,
    analyzer: Analyzer,
    retrieval: TextVectors,
    /// `None` where the scorer is the index's embedder.
    scoring: Option<TextVectors>,
}

impl<'a> Texts<'a> {
    /// Runs without a vector are dropped from `plan`.
    pub(crate) fn embed(
        parts: &Parts<'a>,
        settings: &Settings,
        analyzer: &Analyzer,
        plan: &mut Plan,
        labels: &[Labels],
        progress: OnProgress<'_>,
    ) -> Result<Self, EvaluateError> {
        let same = parts.embedder.identity() == parts.scorer.identity();
        let queries = |embedder: &dyn Embedder, plan: &Plan| -> Vec<String> {
            plan.runs.iter().map(|run| run.embedded(embedder, analyzer)).collect()
        };
        let schema = &parts.scorer.identity().schema;
        let anchors = labels
            .iter()
            .flat_map(|labels| &labels.anchors)
            .map(|text| schema.compose(Role::Passage, analyzer, None, text));
        let (retrieval, scoring) = if same {
            let all = queries(parts.embedder, plan).into_iter().chain(anchors);
            (TextVectors::embed(parts.embedder, all, settings, progress)?, None)
        } else {
            let mine = queries(parts.embedder, plan);
            let theirs = queries(parts.scorer, plan).into_iter().chain(anchors);
            (
                TextVectors::embed(parts.embedder, mine, settings, progress)?,
                Some(TextVectors::embed(parts.scorer, theirs, settings, progress)?),
            )
        };
        let texts = Self { parts: *parts, analyzer: *analyzer, retrieval, scoring };
        plan.keep(|run| texts.asked(run).is_some() && texts.scored(run).is_some());
        Ok(texts)
    }

    fn scoring(&self) -> &TextVectors {
        self.scoring.as_ref().unwrap_or(&self.retrieval)
    }

    /// The vector that the store is asked with.
    pub(crate) fn asked(&self, run: &PlannedRun) -> Option<&[f32]> {
        self.retrieval.get(&run.embedded(self.parts.embedder, &self.analyzer))
    }

    /// The vector that ΔS is measured from.
    pub(crate) fn scored(&self, run: &PlannedRun) -> Option<&[f32]> {
        self.scoring().get(&run.embedded(self.parts.scorer, &self.analyzer))
    }

    pub(crate) fn milliseconds(&self, run: &PlannedRun) -> f64 {
        self.retrieval.milliseconds(&run.embedded(self.parts.embedder, &self.analyzer))
    }

    fn anchor(&self, text: &str) -> String {
        self.parts.scorer.identity().schema.compose(Role::Passage, &self.analyzer, None, text)
    }

    pub(crate) fn anchors(&self, labels: &Labels) -> Vec<&[f32]> {
        labels.anchors.iter().filter_map(|text| self.scoring().get(&self.anchor(text))).collect()
    }

    /// Distinct texts that were cut at a model's limit.
    pub(crate) fn truncated(
        &self,
        plan: &Plan,
        labels: &[Labels],
        vectors: &SnippetVectors<'_>,
    ) -> BTreeMap<String, usize> {
        let queries: Vec<String> =
            plan.runs.iter().map(|run| run.embedded(self.parts.embedder, &self.analyzer)).collect();
        let anchors: Vec<String> =
            labels.iter().flat_map(|l| &l.anchors).map(|text| self.anchor(text)).collect();
        let count = |vectors: &TextVectors, texts: &[String]| {
            vectors.truncated(texts.iter().map(String::as_str))
        };
        BTreeMap::from([
            ("query".to_owned(), count(&self.retrieval, &queries)),
            ("anchor".to_owned(), count(self.scoring(), &anchors)),
            ("snippet".to_owned(), vectors.truncated()),
        ])
    }

    pub(crate) fn exports(
        &self,
        parts: &Parts<'_>,
        settings: &Settings,
        plan: &Plan,
        labels: &[Labels],
    ) -> Exports {
        let mut exports = Exports { dim: parts.scorer.identity().dim, ..Exports::default() };
        let mut push = |text: String, record: TextRecord| {
            let Some(vector) = self.scoring().get(&text) else { return };
            let row = exports.texts.len();
            let sha256 = Digest::of(&text);
            let text = (!settings.redact).then_some(text);
            exports.vectors.extend_from_slice(vector);
            exports.texts.push(TextRecord { row, sha256, text, ..record });
        };
        let blank = |role, question: &str| TextRecord {
            row: 0,
            role,
            question: question.to_owned(),
            wording: None,
            seed: None,
            anchor: None,
            sha256: Digest::of(""),
            text: None,
        };
        for run in &plan.runs {
            let id = &parts.gold.items[run.question].id;
            let record = TextRecord {
                wording: Some(run.wording),
                seed: Some(run.seed),
                ..blank(TextRole::Query, id)
            };
            push(run.embedded(parts.scorer, &self.analyzer), record);
        }
        for (question, labels) in parts.gold.items.iter().zip(labels) {
            for (n, text) in labels.anchors.iter().enumerate() {
                let record =
                    TextRecord { anchor: Some(n), ..blank(TextRole::Anchor, &question.id) };
                push(self.anchor(text), record);
            }
        }
        exports
    }
}
