//! What is read of a store, in calls of bounded size whose answers are held against the port.

use std::collections::{BTreeMap, BTreeSet};

use wfgy_core::{Deadline, PortError, Snippet, Store, StoredSection};

use crate::setup::Settings;

/// Positions asked for in one call.
pub(crate) const POSITIONS_AT_A_TIME: usize = 1024;
/// Documents whose text is asked for in one call, and held at a time.
pub(crate) const DOCUMENTS_AT_A_TIME: usize = 64;

/// A store that is asked for many things in few calls.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    store: &'a dyn Store,
    settings: &'a Settings,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(store: &'a dyn Store, settings: &'a Settings) -> Self {
        Self { store, settings }
    }

    pub(crate) fn store(&self) -> &'a dyn Store {
        self.store
    }

    /// The snippets at `positions`, in that order.
    pub(crate) fn snippets(&self, positions: &[u32]) -> Result<Vec<Snippet>, PortError> {
        self.blocks(positions, POSITIONS_AT_A_TIME, |store, block, deadline| {
            store.snippets(block, deadline)
        })
    }

    /// The sections of every document; callers that hold many ask for
    /// [`DOCUMENTS_AT_A_TIME`] themselves.
    pub(crate) fn sections<'d>(
        &self,
        doc_ids: &BTreeSet<&'d str>,
    ) -> Result<BTreeMap<&'d str, Vec<StoredSection>>, PortError> {
        let asked: Vec<&str> = doc_ids.iter().copied().collect();
        let found = self.blocks(&asked, DOCUMENTS_AT_A_TIME, |store, block, deadline| {
            store.sections(block, deadline)
        })?;
        Ok(doc_ids.iter().copied().zip(found).collect())
    }

    /// How many sections every document has.
    pub(crate) fn section_counts<'d>(
        &self,
        doc_ids: &BTreeSet<&'d str>,
    ) -> Result<BTreeMap<&'d str, usize>, PortError> {
        let asked: Vec<&str> = doc_ids.iter().copied().collect();
        let found = self.blocks(&asked, POSITIONS_AT_A_TIME, |store, block, deadline| {
            store.section_counts(block, deadline)
        })?;
        Ok(doc_ids.iter().copied().zip(found).collect())
    }

    /// Stored vectors at `positions`: row-major, a row of `dim` values each; `None` where the
    /// store holds none.
    pub(crate) fn vectors(
        &self,
        positions: &[u32],
        dim: usize,
    ) -> Result<Option<Vec<f32>>, PortError> {
        let mut rows = Vec::with_capacity(positions.len() * dim);
        for block in positions.chunks(POSITIONS_AT_A_TIME) {
            let Some(found) = self.store.vectors(block, self.settings.deadline())? else {
                return Ok(None);
            };
            if found.len() != block.len() * dim {
                let expected = block.len() * dim;
                let message = format!("gave {} values, expected {expected}", found.len());
                return Err(PortError::permanent(self.store.name(), message));
            }
            rows.extend(found);
        }
        Ok(Some(rows))
    }

    fn blocks<T, R>(
        &self,
        asked: &[T],
        at_a_time: usize,
        call: impl Fn(&dyn Store, &[T], Deadline) -> Result<Vec<R>, PortError>,
    ) -> Result<Vec<R>, PortError> {
        let mut found = Vec::with_capacity(asked.len());
        for block in asked.chunks(at_a_time) {
            let answer = call(self.store, block, self.settings.deadline())?;
            if answer.len() != block.len() {
                let message =
                    format!("gave {} answers where {} were asked", answer.len(), block.len());
                return Err(PortError::permanent(self.store.name(), message));
            }
            found.extend(answer);
        }
        Ok(found)
    }
}
