//! Embedded strings and their vectors: each distinct one is embedded once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use wfgy_core::{Digest, Embedder, Embeddings, PortError, RowState, TextCache};

use crate::error::EvaluateError;
use crate::setup::{OnProgress, Progress, Settings};

/// Strings handed to an embedder at a time, so that progress shows.
const AT_A_TIME: usize = 512;

/// An embedded string and what its vector is known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddedText {
    /// As `EmbedSchema::compose` makes it.
    pub text: String,
    /// Of `text`: with the embedder, which never changes here, the cache key.
    pub sha256: Digest,
}

impl From<String> for EmbeddedText {
    fn from(text: String) -> Self {
        Self { sha256: Digest::of(&text), text }
    }
}

/// Vectors of distinct embedded strings under one embedder.
#[derive(Debug, Default)]
pub struct TextVectors {
    dim: usize,
    values: Vec<f32>,
    rows: BTreeMap<Digest, Row>,
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
    /// Embeds every distinct string of `texts` that is not among `known`, the vectors of the same
    /// embedder that are at hand, nor in the cache, and takes those from there.
    ///
    /// # Errors
    /// Where the embedder failed, or answered in another shape than it promises, or the cache
    /// cannot be read or written.
    pub fn embed<'t>(
        embedder: &dyn Embedder,
        texts: impl IntoIterator<Item = &'t EmbeddedText>,
        known: &[&Self],
        cache: Option<&dyn TextCache>,
        settings: &Settings,
        progress: OnProgress<'_>,
    ) -> Result<Self, EvaluateError> {
        let mut vectors = Self { dim: embedder.identity().dim, ..Self::default() };
        let mut distinct: BTreeMap<Digest, &str> =
            texts.into_iter().map(|text| (text.sha256, text.text.as_str())).collect();
        distinct.retain(|key, _| match known.iter().find(|known| known.knows(*key)) {
            Some(known) => {
                vectors.copy(*key, known);
                false
            }
            None => true,
        });
        if let Some(cache) = cache {
            vectors.recall(cache, embedder, &mut distinct)?;
        }
        let (keys, distinct): (Vec<Digest>, Vec<&str>) = distinct.into_iter().unzip();
        let (at_hand, total) = (vectors.rows.len(), distinct.len());
        progress(Progress { stage: "embed", done: 0, total });
        for (keys, batch) in keys.chunks(AT_A_TIME).zip(distinct.chunks(AT_A_TIME)) {
            let begun = Instant::now();
            let embedded = embed_checked(embedder, batch, settings)?;
            let ms = begun.elapsed().as_secs_f64() * 1e3 / batch.len() as f64;
            if let Some(cache) = cache {
                let put = cache.put(embedder.identity(), keys, &embedded);
                put.map_err(EvaluateError::at("embed"))?;
            }
            for (i, key) in keys.iter().enumerate() {
                vectors.insert(*key, embedded.row(i), embedded.states[i], ms);
            }
            progress(Progress { stage: "embed", done: vectors.rows.len() - at_hand, total });
        }
        Ok(vectors)
    }

    /// Takes what the cache holds out of `distinct`.
    fn recall(
        &mut self,
        cache: &dyn TextCache,
        embedder: &dyn Embedder,
        distinct: &mut BTreeMap<Digest, &str>,
    ) -> Result<(), EvaluateError> {
        let keys: Vec<Digest> = distinct.keys().copied().collect();
        let begun = Instant::now();
        let held = cache.get(embedder.identity(), &keys).map_err(EvaluateError::at("embed"))?;
        let held = checked(embedder, keys.len(), held)?;
        let ms = begun.elapsed().as_secs_f64() * 1e3 / keys.len().max(1) as f64;
        for (i, key) in keys.iter().enumerate() {
            if let Some(vector) = held.row(i) {
                self.insert(*key, Some(vector), held.states[i], ms);
                distinct.remove(key);
            }
        }
        Ok(())
    }

    /// Takes over what other vectors know of a string.
    fn copy(&mut self, key: Digest, from: &Self) {
        if let Some(row) = from.rows.get(&key) {
            let state = if row.truncated { RowState::Truncated } else { RowState::Whole };
            self.insert(key, from.get(key), state, row.ms);
        }
    }

    /// Takes a vector in; `None` where the embedder has none.
    pub(crate) fn insert(&mut self, key: Digest, vector: Option<&[f32]>, state: RowState, ms: f64) {
        let start = vector.map(|vector| {
            self.values.extend_from_slice(vector);
            self.values.len() - vector.len()
        });
        self.rows.insert(key, Row { start, truncated: state == RowState::Truncated, ms });
    }

    /// Whether this string was embedded, with or without a vector.
    pub(crate) fn knows(&self, key: Digest) -> bool {
        self.rows.contains_key(&key)
    }

    /// The vector of an embedded string; `None` where it has none.
    pub fn get(&self, key: Digest) -> Option<&[f32]> {
        let start = self.rows.get(&key)?.start?;
        Some(&self.values[start..start + self.dim])
    }

    /// Whether an embedded string was cut at the model's limit.
    pub fn is_truncated(&self, key: Digest) -> bool {
        self.rows.get(&key).is_some_and(|row| row.truncated)
    }

    /// How many distinct ones of `texts` were cut at the model's limit.
    pub(crate) fn truncated<'t>(&self, texts: impl IntoIterator<Item = &'t EmbeddedText>) -> usize {
        let distinct: BTreeSet<Digest> = texts.into_iter().map(|text| text.sha256).collect();
        distinct.into_iter().filter(|key| self.is_truncated(*key)).count()
    }

    /// Its share of the time that embedding took, in milliseconds.
    pub(crate) fn milliseconds(&self, key: Digest) -> f64 {
        self.rows.get(&key).map_or(0.0, |row| row.ms)
    }
}

/// Embeds `texts` and holds the answer against what the port promises.
pub(crate) fn embed_checked(
    embedder: &dyn Embedder,
    texts: &[&str],
    settings: &Settings,
) -> Result<Embeddings, EvaluateError> {
    let embedded = embedder.embed(texts, settings.deadline());
    checked(embedder, texts.len(), embedded.map_err(EvaluateError::at("embed"))?)
}

/// Rows of `count` texts under `embedder`, as they were promised.
fn checked(
    embedder: &dyn Embedder,
    count: usize,
    embedded: Embeddings,
) -> Result<Embeddings, EvaluateError> {
    let identity = embedder.identity();
    let whole = embedded.states.len() == count
        && embedded.values.len() == count * identity.dim
        && embedded.values.iter().all(|value| value.is_finite());
    if whole {
        return Ok(embedded);
    }
    let message = format!(
        "answered {count} texts with {} rows and {} values that are not all finite; expected {} a row",
        embedded.states.len(),
        embedded.values.len(),
        identity.dim
    );
    Err(EvaluateError::at("embed")(PortError::permanent(&identity.model_ver, message)))
}
