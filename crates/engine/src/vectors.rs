//! The vectors that ΔS is taken from. Those of snippets are the stored ones where the index was
//! built by the scorer, else their text is embedded: each distinct string once, wordings and
//! anchors included.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::Range;

use wfgy_core::{Analyzer, Digest, Embeddings, PortError, RowState};

use crate::error::EvaluateError;
use crate::passages::{Passage, passages};
use crate::reader::{POSITIONS_AT_A_TIME, Reader};
use crate::setup::{OnProgress, Parts, Progress, Settings};
use crate::texts::{EmbeddedText, TextVectors, embed_checked};

/// Vectors under the scorer.
pub(crate) struct ScoringVectors<'a> {
    parts: Parts<'a>,
    settings: &'a Settings,
    analyzer: &'a Analyzer,
    /// Of wordings, anchors and the snippets that are embedded.
    pub(crate) texts: TextVectors,
    /// The embedded string of every snippet that is at hand; `None` where stored vectors serve.
    snippets: Option<BTreeMap<u32, Digest>>,
    /// Embedded strings of snippets that were cut at the scorer's limit.
    truncated: BTreeSet<Digest>,
}

/// Neighbouring snippets of a pass over the whole index.
pub(crate) struct Block {
    /// Corpus positions, ascending.
    pub(crate) positions: Vec<u32>,
    /// Row-major, a row a position.
    pub(crate) rows: Vec<f32>,
    /// Embedded strings, one a position; empty where stored vectors serve.
    keys: Vec<Digest>,
}

/// Rows of a pass that are worth keeping, with their embedded strings, by corpus position.
pub(crate) type Kept = BTreeMap<u32, (Digest, Vec<f32>)>;

impl<'a> ScoringVectors<'a> {
    /// `texts`: of wordings and anchors; `stored`: whether EMBED_MODEL_VER and EMBED_SCHEMA of
    /// the index are the scorer's.
    pub(crate) fn new(
        parts: Parts<'a>,
        settings: &'a Settings,
        analyzer: &'a Analyzer,
        texts: TextVectors,
        stored: bool,
    ) -> Self {
        let snippets = (!stored).then(BTreeMap::new);
        Self { parts, settings, analyzer, texts, snippets, truncated: BTreeSet::new() }
    }

    pub(crate) fn dim(&self) -> usize {
        self.parts.scorer.identity().dim
    }

    /// How many distinct strings of snippets were cut at the scorer's limit.
    pub(crate) fn truncated(&self) -> usize {
        self.truncated.len()
    }

    /// Makes sure that `positions` can be had by [`Self::rows`].
    pub(crate) fn prepare(
        &mut self,
        positions: &BTreeSet<u32>,
        progress: OnProgress<'_>,
    ) -> Result<(), EvaluateError> {
        let Some(at_hand) = &self.snippets else { return Ok(()) };
        let open: Vec<u32> =
            positions.iter().filter(|p| !at_hand.contains_key(p)).copied().collect();
        let total = open.len();
        progress(Progress { stage: "snippets", done: 0, total });
        for (i, block) in open.chunks(POSITIONS_AT_A_TIME).enumerate() {
            let texts = self.compose(block)?;
            let mut listed = BTreeSet::new();
            let mut fresh = Vec::new();
            for text in &texts {
                if !self.texts.knows(text.key()) && listed.insert(text.key()) {
                    fresh.push(text);
                }
            }
            let made = self.make(&fresh)?;
            for (i, text) in fresh.iter().enumerate() {
                self.texts.insert(text.key(), made.row(i), made.states[i], 0.0);
            }
            for (position, text) in block.iter().zip(&texts) {
                self.known(text)?;
                if self.texts.is_truncated(text.key()) {
                    self.truncated.insert(text.key());
                }
                self.name(*position, text.key());
            }
            let done = i * POSITIONS_AT_A_TIME + block.len();
            progress(Progress { stage: "snippets", done, total });
        }
        Ok(())
    }

    /// Neighbouring snippets, for a pass over the whole index from its beginning to its end.
    ///
    /// A string that stood in an earlier block is left out unless its vector is at hand: then
    /// its first snippet, whose row is the same, was in the pass. `seen` holds those strings.
    pub(crate) fn block(
        &mut self,
        positions: Range<u32>,
        seen: &mut HashSet<Digest>,
    ) -> Result<Block, EvaluateError> {
        let positions: Vec<u32> = positions.collect();
        if self.snippets.is_none() {
            let rows = self.stored(&positions)?;
            return Ok(Block { positions, rows, keys: Vec::new() });
        }
        let texts = self.compose(&positions)?;
        let mut fresh = Vec::new();
        let mut taken = Vec::new();
        for (position, text) in positions.iter().zip(&texts) {
            if self.texts.knows(text.key()) {
                taken.push((*position, text, None));
            } else if seen.insert(text.key()) {
                taken.push((*position, text, Some(fresh.len())));
                fresh.push(text);
            }
        }
        let made = self.make(&fresh)?;
        let mut block = Block { positions: Vec::new(), rows: Vec::new(), keys: Vec::new() };
        for (position, text, at) in taken {
            let row = match at.and_then(|i| made.row(i)) {
                Some(row) => row,
                None => self.known(text)?,
            };
            block.rows.extend_from_slice(row);
            block.positions.push(position);
            block.keys.push(text.key());
        }
        Ok(block)
    }

    /// Takes rows of a pass in, so that they can be had by [`Self::rows`].
    pub(crate) fn adopt(&mut self, kept: Kept) {
        for (position, (key, row)) in kept {
            if !self.texts.knows(key) {
                let state = match self.truncated.contains(&key) {
                    true => RowState::Truncated,
                    false => RowState::Whole,
                };
                self.texts.insert(key, Some(&row), state, 0.0);
            }
            self.name(position, key);
        }
    }

    /// Rows of `positions`, in that order.
    pub(crate) fn rows(&self, positions: &[u32]) -> Result<Vec<f32>, EvaluateError> {
        let Some(snippets) = &self.snippets else { return self.stored(positions) };
        let mut rows = Vec::with_capacity(positions.len() * self.dim());
        for position in positions {
            let row = snippets.get(position).and_then(|key| self.texts.get(*key));
            rows.extend_from_slice(row.ok_or_else(|| EvaluateError::NoVector {
                item: format!("snippet at position {position}"),
            })?);
        }
        Ok(rows)
    }

    fn stored(&self, positions: &[u32]) -> Result<Vec<f32>, EvaluateError> {
        let store = self.parts.store;
        let at = EvaluateError::at("vectors");
        let rows = Reader::new(store, self.settings).vectors(positions, self.dim());
        rows.map_err(&at)?.ok_or_else(|| at(PortError::permanent(store.name(), "holds no vectors")))
    }

    fn compose(&self, positions: &[u32]) -> Result<Vec<SnippetText>, EvaluateError> {
        let passages = passages(self.parts.store, self.settings, positions)
            .map_err(EvaluateError::at("vectors"))?;
        let schema = &self.parts.scorer.identity().schema;
        let composed = |passage: Passage| SnippetText {
            embedded: passage.embedded(schema, self.analyzer).into(),
            snippet_id: passage.snippet.snippet_id,
        };
        Ok(passages.into_iter().map(composed).collect())
    }

    fn make(&mut self, texts: &[&SnippetText]) -> Result<Embeddings, EvaluateError> {
        let strings: Vec<&str> = texts.iter().map(|text| text.embedded.text.as_str()).collect();
        let made = match strings.is_empty() {
            true => Embeddings::default(),
            false => embed_checked(self.parts.scorer, &strings, self.settings)?,
        };
        for (text, state) in texts.iter().zip(&made.states) {
            match state {
                RowState::Whole => {}
                RowState::Truncated => {
                    self.truncated.insert(text.key());
                }
                RowState::Missing => return Err(text.no_vector()),
            }
        }
        Ok(made)
    }

    /// The vector of a string that was embedded before.
    fn known(&self, text: &SnippetText) -> Result<&[f32], EvaluateError> {
        self.texts.get(text.key()).ok_or_else(|| text.no_vector())
    }

    fn name(&mut self, position: u32, key: Digest) {
        if let Some(snippets) = &mut self.snippets {
            snippets.insert(position, key);
        }
    }
}

impl Block {
    /// What is worth keeping of the row of a snippet; `None` where stored vectors serve.
    pub(crate) fn keep(&self, position: u32, dim: usize) -> Option<(Digest, Vec<f32>)> {
        let i = self.positions.binary_search(&position).ok()?;
        Some((*self.keys.get(i)?, self.rows[i * dim..(i + 1) * dim].to_vec()))
    }
}

/// The embedded string of a snippet, with its id for messages.
struct SnippetText {
    snippet_id: String,
    embedded: EmbeddedText,
}

impl SnippetText {
    fn key(&self) -> Digest {
        self.embedded.sha256
    }

    fn no_vector(&self) -> EvaluateError {
        EvaluateError::NoVector { item: format!("snippet {}", self.snippet_id) }
    }
}
