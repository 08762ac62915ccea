//! The vectors that ΔS is taken from: stored ones where the index was built by the scorer,
//! else the text of the snippets embedded anew.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use wfgy_core::{Analyzer, PortError, RowState};

use crate::error::EvaluateError;
use crate::passages::passages;
use crate::setup::{Parts, Settings};
use crate::texts::embed_checked;

/// Scoring vectors of snippets.
pub(crate) struct SnippetVectors<'a> {
    parts: Parts<'a>,
    settings: &'a Settings,
    analyzer: &'a Analyzer,
    /// Rows made anew, by position; `None` where stored vectors serve.
    anew: Option<BTreeMap<u32, Vec<f32>>>,
    /// Snippets whose text was cut at the scorer's limit.
    truncated: BTreeSet<u32>,
}

impl<'a> SnippetVectors<'a> {
    /// `stored`: whether EMBED_MODEL_VER and EMBED_SCHEMA of the index are the scorer's.
    pub(crate) fn new(
        parts: Parts<'a>,
        settings: &'a Settings,
        analyzer: &'a Analyzer,
        stored: bool,
    ) -> Self {
        let anew = (!stored).then(BTreeMap::new);
        Self { parts, settings, analyzer, anew, truncated: BTreeSet::new() }
    }

    pub(crate) fn dim(&self) -> usize {
        self.parts.scorer.identity().dim
    }

    /// How many snippets were cut at the scorer's limit when they were embedded anew.
    pub(crate) fn truncated(&self) -> usize {
        self.truncated.len()
    }

    /// Rows of neighbouring snippets; those made anew are kept where `keep` has them.
    pub(crate) fn block(
        &mut self,
        positions: Range<u32>,
        keep: &BTreeSet<u32>,
    ) -> Result<Vec<f32>, EvaluateError> {
        let positions: Vec<u32> = positions.collect();
        if self.anew.is_none() {
            return self.stored(&positions);
        }
        let made = self.make(&positions)?;
        let kept = positions.iter().zip(made.chunks(self.parts.scorer.identity().dim));
        let kept: Vec<_> = kept
            .filter(|(position, _)| keep.contains(position))
            .map(|(position, row)| (*position, row.to_vec()))
            .collect();
        if let Some(anew) = &mut self.anew {
            anew.extend(kept);
        }
        Ok(made)
    }

    /// Makes sure that `positions` can be had by [`Self::rows`].
    pub(crate) fn prepare(&mut self, positions: &BTreeSet<u32>) -> Result<(), EvaluateError> {
        let Some(anew) = &self.anew else { return Ok(()) };
        let open: Vec<u32> = positions.iter().filter(|p| !anew.contains_key(p)).copied().collect();
        for block in open.chunks(AT_A_TIME) {
            let made = self.make(block)?;
            let rows = made.chunks(self.dim()).map(<[f32]>::to_vec);
            let rows: Vec<_> = block.iter().copied().zip(rows).collect();
            if let Some(anew) = &mut self.anew {
                anew.extend(rows);
            }
        }
        Ok(())
    }

    /// Rows of `positions`, in that order.
    pub(crate) fn rows(&self, positions: &[u32]) -> Result<Vec<f32>, EvaluateError> {
        let Some(anew) = &self.anew else { return self.stored(positions) };
        let mut rows = Vec::with_capacity(positions.len() * self.dim());
        for position in positions {
            let row = anew.get(position).ok_or_else(|| EvaluateError::NoVector {
                item: format!("snippet at position {position}"),
            })?;
            rows.extend_from_slice(row);
        }
        Ok(rows)
    }

    fn stored(&self, positions: &[u32]) -> Result<Vec<f32>, EvaluateError> {
        let store = self.parts.store;
        let at = EvaluateError::at("vectors");
        let rows = store.vectors(positions, self.settings.deadline()).map_err(&at)?;
        match rows {
            Some(rows) if rows.len() == positions.len() * self.dim() => Ok(rows),
            Some(rows) => {
                let expected = positions.len() * self.dim();
                let what = format!("gave {} values, expected {expected}", rows.len());
                Err(at(PortError::permanent(store.name(), what)))
            }
            None => Err(at(PortError::permanent(store.name(), "holds no vectors"))),
        }
    }

    fn make(&mut self, positions: &[u32]) -> Result<Vec<f32>, EvaluateError> {
        let passages = passages(self.parts.store, self.settings, positions)
            .map_err(EvaluateError::at("vectors"))?;
        let scorer = self.parts.scorer;
        let schema = &scorer.identity().schema;
        let texts: Vec<String> =
            passages.iter().map(|p| p.embedded(schema, self.analyzer)).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let embedded = embed_checked(scorer, &texts, self.settings)?;
        for ((position, passage), state) in positions.iter().zip(&passages).zip(&embedded.states) {
            match state {
                RowState::Whole => {}
                RowState::Truncated => {
                    self.truncated.insert(*position);
                }
                RowState::Missing => {
                    let item = format!("snippet {}", passage.snippet.snippet_id);
                    return Err(EvaluateError::NoVector { item });
                }
            }
        }
        Ok(embedded.values)
    }
}

/// Snippets embedded or read at a time.
pub(crate) const AT_A_TIME: usize = 1024;
