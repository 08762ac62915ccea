//! Each distinct string is embedded once.

use std::collections::BTreeMap;
use std::time::Instant;

use wfgy_core::{Embedder, Embeddings, PortError, RowState};

use crate::error::EvaluateError;
use crate::setup::{OnProgress, Progress, Settings};

/// Strings handed to an embedder at a time, so that progress shows.
const AT_A_TIME: usize = 512;

/// Vectors of distinct embedded strings.
#[derive(Debug, Default)]
pub struct TextVectors {
    dim: usize,
    values: Vec<f32>,
    rows: BTreeMap<String, Row>,
}

#[derive(Debug, Clone, Copy)]
struct Row {
    /// Where its values start; `None` where there is no vector.
    start: Option<usize>,
    truncated: bool,
    /// Milliseconds: its even share of the call that embedded it.
    ms: f64,
}

impl TextVectors {
    /// Embeds every distinct string of `texts`, in ascending order.
    ///
    /// # Errors
    /// Where the embedder failed, or answered in another shape than it promises.
    pub fn embed(
        embedder: &dyn Embedder,
        texts: impl IntoIterator<Item = String>,
        settings: &Settings,
        progress: OnProgress<'_>,
    ) -> Result<Self, EvaluateError> {
        let mut vectors = Self { dim: embedder.identity().dim, ..Self::default() };
        let none = Row { start: None, truncated: false, ms: 0.0 };
        vectors.rows = texts.into_iter().map(|text| (text, none)).collect();
        let distinct: Vec<String> = vectors.rows.keys().cloned().collect();
        let total = distinct.len();
        progress(Progress { stage: "embed", done: 0, total });
        for (i, batch) in distinct.chunks(AT_A_TIME).enumerate() {
            let batch: Vec<&str> = batch.iter().map(String::as_str).collect();
            let begun = Instant::now();
            let embedded = embed_checked(embedder, &batch, settings)?;
            let ms = begun.elapsed().as_secs_f64() * 1e3 / batch.len() as f64;
            for (j, text) in batch.iter().enumerate() {
                let start = embedded.row(j).map(|row| {
                    vectors.values.extend_from_slice(row);
                    vectors.values.len() - row.len()
                });
                let truncated = embedded.states[j] == RowState::Truncated;
                vectors.rows.insert((*text).to_owned(), Row { start, truncated, ms });
            }
            progress(Progress { stage: "embed", done: i * AT_A_TIME + batch.len(), total });
        }
        Ok(vectors)
    }

    /// The vector of an embedded string; `None` where it has none.
    pub fn get(&self, text: &str) -> Option<&[f32]> {
        let start = self.rows.get(text)?.start?;
        Some(&self.values[start..start + self.dim])
    }

    /// How many of `texts` (distinct ones) were cut at the model's limit.
    pub fn truncated<'t>(&self, texts: impl IntoIterator<Item = &'t str>) -> usize {
        let distinct: std::collections::BTreeSet<&str> = texts.into_iter().collect();
        distinct
            .iter()
            .filter(|text| self.rows.get(**text).is_some_and(|row| row.truncated))
            .count()
    }

    /// Its share of the time that embedding took, in milliseconds.
    pub(crate) fn milliseconds(&self, text: &str) -> f64 {
        self.rows.get(text).map_or(0.0, |row| row.ms)
    }
}

/// Embeds `texts` and holds the answer against what the port promises.
pub(crate) fn embed_checked(
    embedder: &dyn Embedder,
    texts: &[&str],
    settings: &Settings,
) -> Result<Embeddings, EvaluateError> {
    let at = EvaluateError::at("embed");
    let embedded = embedder.embed(texts, settings.deadline()).map_err(&at)?;
    let identity = embedder.identity();
    let whole = embedded.states.len() == texts.len()
        && embedded.values.len() == texts.len() * identity.dim
        && embedded.values.iter().all(|value| value.is_finite());
    if whole {
        return Ok(embedded);
    }
    Err(at(PortError::permanent(
        &identity.model_ver,
        format!(
            "answered {} texts with {} rows and {} values that are not all finite; expected {} a row",
            texts.len(),
            embedded.states.len(),
            embedded.values.len(),
            identity.dim
        ),
    )))
}
