//! An open index that answers by a graph of another seed.

use wfgy_core::{
    Answer, Deadline, Pins, PortError, Query, SearchRequest, Snippet, Store, StoredSection,
};

use crate::graph::Hnsw;
use crate::local::LocalIndex;

/// An index whose graph was linked anew in memory; all else, its pins too, is the index's own.
///
/// It is for asking what the luck of a build is worth, and no index that anybody serves: its
/// SERVING_HASH is that of the graph that it does not use.
pub struct Relinked<'a> {
    pub(crate) index: &'a LocalIndex,
    pub(crate) graph: Hnsw,
}

impl Store for Relinked<'_> {
    fn name(&self) -> &str {
        self.index.name()
    }

    fn pins(&self) -> &Pins {
        self.index.pins()
    }

    fn n_snippets(&self) -> usize {
        self.index.n_snippets()
    }

    fn n_documents(&self) -> usize {
        self.index.n_documents()
    }

    fn search(
        &self,
        queries: &[Query<'_>],
        request: SearchRequest,
    ) -> Result<Vec<Result<Answer, PortError>>, PortError> {
        self.index.search_by(Some(&self.graph), queries, request)
    }

    fn snippets(&self, positions: &[u32], deadline: Deadline) -> Result<Vec<Snippet>, PortError> {
        self.index.snippets(positions, deadline)
    }

    fn sections(
        &self,
        doc_ids: &[&str],
        deadline: Deadline,
    ) -> Result<Vec<Vec<StoredSection>>, PortError> {
        self.index.sections(doc_ids, deadline)
    }

    fn section_counts(
        &self,
        doc_ids: &[&str],
        deadline: Deadline,
    ) -> Result<Vec<usize>, PortError> {
        self.index.section_counts(doc_ids, deadline)
    }

    fn vectors(
        &self,
        positions: &[u32],
        deadline: Deadline,
    ) -> Result<Option<Vec<f32>>, PortError> {
        self.index.vectors(positions, deadline)
    }

    fn unchanged(&self, deadline: Deadline) -> Result<(), PortError> {
        self.index.unchanged(deadline)
    }
}
