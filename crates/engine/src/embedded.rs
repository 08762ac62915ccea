//! The embedded strings of wordings and anchors, composed once, and the vectors that ask.

use wfgy_core::evaluation::{TextRecord, TextRole};
use wfgy_core::{Analyzer, Digest, Embedder, Role};

use crate::arm::Arm;
use crate::error::EvaluateError;
use crate::labels::Labels;
use crate::plan::Plan;
use crate::setup::{OnProgress, Parts, Settings};
use crate::texts::{EmbeddedText, TextVectors};

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

/// Embedded strings of wordings under both embedders, and of anchors under the scorer.
pub(crate) struct Texts {
    /// By run as planned, under the index's embedder; `None` where the index holds no vectors.
    asked: Option<Vec<EmbeddedText>>,
    /// By run as planned, under the scorer.
    scored: Vec<EmbeddedText>,
    /// By question.
    anchors: Vec<Vec<EmbeddedText>>,
    /// Vectors under the index's embedder; `None` where it is the scorer, or there is none.
    retrieval: Option<TextVectors>,
}

impl Texts {
    pub(crate) fn compose(
        parts: &Parts<'_>,
        analyzer: &Analyzer,
        plan: &Plan,
        labels: &[Labels],
    ) -> Self {
        let composed = |embedder: &dyn Embedder, role, text: &str| {
            EmbeddedText::from(embedder.identity().schema.compose(role, analyzer, None, text))
        };
        let queries = |embedder| {
            plan.runs.iter().map(|run| composed(embedder, Role::Query, &run.text)).collect()
        };
        let anchors = |labels: &Labels| {
            let texts = labels.anchors.iter();
            texts.map(|anchor| composed(parts.scorer, Role::Passage, &anchor.text)).collect()
        };
        Self {
            asked: parts.embedder.map(queries),
            scored: queries(parts.scorer),
            anchors: labels.iter().map(anchors).collect(),
            retrieval: None,
        }
    }

    /// Embeds wordings for the index, and gives the vectors of wordings and anchors under the
    /// scorer. What an arm before this one embedded is not embedded again.
    pub(crate) fn embed(
        &mut self,
        parts: &Parts<'_>,
        before: &[Arm<'_>],
        settings: &Settings,
        progress: OnProgress<'_>,
    ) -> Result<TextVectors, EvaluateError> {
        let embedded = |embedder: &dyn Embedder, texts: &mut dyn Iterator<Item = &EmbeddedText>| {
            let vectors = before.iter().flat_map(|arm| arm.vectors_of(embedder.identity()));
            let known: Vec<&TextVectors> = vectors.collect();
            TextVectors::embed(embedder, texts, &known, parts.cache, settings, progress)
        };
        let others = parts.embedder.filter(|e| e.identity() != parts.scorer.identity());
        self.retrieval = match (others, &self.asked) {
            (Some(embedder), Some(asked)) => Some(embedded(embedder, &mut asked.iter())?),
            _ => None,
        };
        embedded(parts.scorer, &mut self.scored.iter().chain(self.anchors.iter().flatten()))
    }

    /// Vectors of wordings under the index's embedder, where it is not the scorer.
    pub(crate) fn retrieval(&self) -> Option<&TextVectors> {
        self.retrieval.as_ref()
    }

    /// Under the scorer, by run as planned.
    pub(crate) fn scored(&self, run: usize) -> Digest {
        self.scored[run].sha256
    }

    /// Under the scorer, by question.
    pub(crate) fn anchors(&self, question: usize) -> &[EmbeddedText] {
        &self.anchors[question]
    }

    /// The vector that the store is asked with; `None` where it needs none, or there is none.
    pub(crate) fn asked<'a>(&'a self, run: usize, scoring: &'a TextVectors) -> Option<&'a [f32]> {
        let asked = self.asked.as_ref()?;
        self.retrieval.as_ref().unwrap_or(scoring).get(asked[run].sha256)
    }

    /// Which vector the run cannot be asked or scored without.
    pub(crate) fn lacks(&self, run: usize, scoring: &TextVectors) -> Option<&'static str> {
        if self.asked.is_some() && self.asked(run, scoring).is_none() {
            return Some("the index's embedder has no vector for this text");
        }
        let scored = scoring.get(self.scored(run));
        scored.is_none().then_some("the scoring embedder has no vector for this text")
    }

    /// How long the wording took to embed; `None` where the store is not asked with a vector.
    pub(crate) fn milliseconds(&self, run: usize, scoring: &TextVectors) -> Option<f64> {
        let asked = self.asked.as_ref()?;
        Some(self.retrieval.as_ref().unwrap_or(scoring).milliseconds(asked[run].sha256))
    }

    /// Distinct wordings that were cut at a model's limit: the one that asks, else the scorer's.
    pub(crate) fn truncated_queries(&self, scoring: &TextVectors) -> usize {
        let queries = self.asked.as_ref().unwrap_or(&self.scored);
        self.retrieval.as_ref().unwrap_or(scoring).truncated(queries)
    }

    /// Distinct anchors that were cut at the scorer's limit.
    pub(crate) fn truncated_anchors(&self, scoring: &TextVectors) -> usize {
        scoring.truncated(self.anchors.iter().flatten())
    }

    pub(crate) fn exports(
        &self,
        parts: &Parts<'_>,
        settings: &Settings,
        plan: &Plan,
        scoring: &TextVectors,
    ) -> Exports {
        let blank = |embedded: &EmbeddedText, role, question: usize| TextRecord {
            row: 0,
            role,
            question: parts.gold.items[question].id.clone(),
            wording: None,
            seed: None,
            anchor: None,
            sha256: embedded.sha256,
            text: (!settings.redact).then(|| embedded.text.clone()),
        };
        let queries = plan.runs.iter().zip(&self.scored).map(|(run, embedded)| TextRecord {
            wording: Some(run.wording),
            seed: Some(run.seed),
            ..blank(embedded, TextRole::Query, run.question)
        });
        let anchors = self.anchors.iter().enumerate().flat_map(|(question, anchors)| {
            anchors.iter().enumerate().map(move |(n, embedded)| (question, n, embedded))
        });
        let anchors = anchors.map(|(question, n, embedded)| TextRecord {
            anchor: Some(n),
            ..blank(embedded, TextRole::Anchor, question)
        });
        let mut exports = Exports { dim: parts.scorer.identity().dim, ..Exports::default() };
        for record in queries.chain(anchors) {
            if let Some(vector) = scoring.get(record.sha256) {
                exports.vectors.extend_from_slice(vector);
                exports.texts.push(TextRecord { row: exports.texts.len(), ..record });
            }
        }
        exports
    }
}
