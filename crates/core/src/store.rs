//! Port: a candidate store, from which snippets are retrieved.

use std::time::Duration;

use crate::{Deadline, Pins, PortError, Snippet};

/// Which way an answer is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Path {
    /// What will answer users: the graph with its ef if there is one, fusion and reranker included.
    Serving,
    /// The exhaustive sweep: the reference for recall of the graph.
    Exact,
}

/// How far a retrieval goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth {
    /// The cutoff that users are served at: an approximate store finds the first so many hits with
    /// the effort of a search for so many, so that going deeper does not flatter them.
    pub served: usize,
    /// At least so many snippets, where the store has them.
    pub snippets: usize,
    /// And on until so many distinct documents are among them; 0 where documents do not matter.
    pub documents: usize,
}

/// One question to a store. A dense store reads the vector, a lexical one the text, a hybrid both.
#[derive(Debug, Clone, Copy)]
pub struct Query<'a> {
    /// The wording as asked, before prefix and analyzer.
    pub text: &'a str,
    /// Its embedding, finite and not zero; `None` where the store needs none.
    pub vector: Option<&'a [f32]>,
}

/// What all queries of one call share.
#[derive(Debug, Clone, Copy)]
pub struct SearchRequest {
    /// Which way.
    pub path: Path,
    /// How far.
    pub depth: Depth,
    /// Until when.
    pub deadline: Deadline,
}

/// One retrieved snippet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// Corpus position of the snippet, 0-based.
    pub position: u32,
    /// Greater is closer; rounded to 9 decimals; finite.
    pub score: f64,
}

/// The answer to one query: hits by score descending, ties by position ascending.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Answer {
    /// Distinct snippets.
    pub hits: Vec<Hit>,
    /// Time spent in retrieval.
    pub retrieve: Duration,
    /// Time spent in reranking, where there is a reranker.
    pub rerank: Option<Duration>,
}

/// A section as a store keeps it, with the snippets cut from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSection {
    /// Its id.
    pub section_id: String,
    /// The title that is embedded with it: the section's, else the document's.
    pub title: Option<String>,
    /// Raw decoded text.
    pub text: String,
    /// Corpus positions of its snippets, ascending.
    pub positions: Vec<u32>,
}

/// A candidate or live index, wherever it is kept.
///
/// A reader may rely on: positions are `0..n_snippets()` and name the same
/// snippet as long as [`Store::pins`] stay the same; answers are deterministic;
/// an answer without hits is an answer, a failure is an error.
///
/// An implementation may rely on: callers ask for many things in one call and for a bounded
/// number of them (at most 1,024 positions or 64 documents with their text), so that one call can
/// be one round trip.
pub trait Store: Send + Sync {
    /// How the user named it.
    fn name(&self) -> &str;

    /// Its version fields; INDEX_HASH and SERVING_HASH are always there. Those of an embedder
    /// are there iff it holds vectors; TOK_VER is there iff its snippets were cut by tokens.
    fn pins(&self) -> &Pins;

    /// How many snippets it holds.
    fn n_snippets(&self) -> usize;

    /// How many documents it holds.
    fn n_documents(&self) -> usize;

    /// Answers every query; the outer error is for the call, an inner one for its query.
    ///
    /// # Errors
    /// Where nothing could be asked at all.
    fn search(
        &self,
        queries: &[Query<'_>],
        request: SearchRequest,
    ) -> Result<Vec<Result<Answer, PortError>>, PortError>;

    /// The snippets at `positions`, in that order.
    ///
    /// # Errors
    /// Permanent for a position that does not exist.
    fn snippets(&self, positions: &[u32], deadline: Deadline) -> Result<Vec<Snippet>, PortError>;

    /// All sections of each document in reading order, one entry a document in the order of
    /// `doc_ids`; an empty one where there is no such document.
    ///
    /// # Errors
    /// Where the store could not be read.
    fn sections(
        &self,
        doc_ids: &[&str],
        deadline: Deadline,
    ) -> Result<Vec<Vec<StoredSection>>, PortError>;

    /// How many sections each document has, in the order of `doc_ids`; 0 where there is no such
    /// document. Asked of every document that is retrieved, so it should read no text.
    ///
    /// # Errors
    /// Where the store could not be read.
    fn section_counts(&self, doc_ids: &[&str], deadline: Deadline)
    -> Result<Vec<usize>, PortError>;

    /// Stored vectors at `positions`: row-major, `positions.len() × EMBED_DIM`, finite.
    /// `None` where the store holds none (lexical only); ΔS then embeds texts anew.
    ///
    /// # Errors
    /// Where the store could not be read.
    fn vectors(&self, positions: &[u32], deadline: Deadline)
    -> Result<Option<Vec<f32>>, PortError>;

    /// Fails if what the store holds is no longer what its hashes were taken of.
    ///
    /// # Errors
    /// Input where it changed since it was opened.
    fn unchanged(&self, deadline: Deadline) -> Result<(), PortError>;
}
