//! Port: text to vectors.

use std::fmt;

use crate::{Analyzer, Deadline, PortError, Tokenizer};

/// On which side of the comparison a text stands; decides its prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A wording.
    Query,
    /// A snippet or an anchor.
    Passage,
}

/// How an embedder treats its input; part of what an index is bound to.
///
/// Its `Display` is the pin EMBED_SCHEMA: `pooling;max_tokens;query_prefix;passage_prefix`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbedSchema {
    /// `mean`, `cls`, `sif` or `unknown` (a remote service).
    pub pooling: String,
    /// Longest input in tokens, special tokens counted; 0 where there is no limit or it is unknown.
    pub max_tokens: usize,
    /// Put before every wording.
    pub query_prefix: String,
    /// Put before every snippet and anchor.
    pub passage_prefix: String,
}

impl EmbedSchema {
    /// The embedded string: prefix, then the analyzed `title` + one space + `text`.
    ///
    /// It is what the embedder gets, what a cache is keyed by, and what
    /// precomputed vectors name by its SHA-256.
    pub fn compose(
        &self,
        role: Role,
        analyzer: &Analyzer,
        title: Option<&str>,
        text: &str,
    ) -> String {
        let prefix = match role {
            Role::Query => &self.query_prefix,
            Role::Passage => &self.passage_prefix,
        };
        let body = match title {
            Some(title) => analyzer.apply(&format!("{title} {text}")),
            None => analyzer.apply(text),
        };
        format!("{prefix}{body}")
    }
}

impl fmt::Display for EmbedSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{};{};{};{}",
            self.pooling, self.max_tokens, self.query_prefix, self.passage_prefix
        )
    }
}

/// What an index remembers of its embedder, and refuses another one by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbedderIdentity {
    /// EMBED_MODEL_VER: name and content hash; never a URL, a path or a key.
    pub model_ver: String,
    /// EMBED_DIM.
    pub dim: usize,
    /// EMBED_SCHEMA.
    pub schema: EmbedSchema,
    /// Whether its vectors come with unit norm.
    pub unit_norm: bool,
    /// Whatever else its vectors rest on: the version of its tokenizer and the settings of its
    /// model. It is no pin; what keeps vectors from run to run keeps them by this too.
    pub settings: String,
}

/// What became of one text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowState {
    /// Embedded whole.
    Whole,
    /// Embedded after its end was cut at the model's limit.
    Truncated,
    /// There is no vector for it (precomputed vectors only); its row is all zero and means nothing.
    Missing,
}

/// Vectors of a batch: row-major, `states.len() × dim`, finite.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Embeddings {
    /// Row-major values.
    pub values: Vec<f32>,
    /// One a row.
    pub states: Vec<RowState>,
}

impl Embeddings {
    /// Row `i`, or `None` where its text has no vector.
    pub fn row(&self, i: usize) -> Option<&[f32]> {
        let dim = self.values.len() / self.states.len().max(1);
        (*self.states.get(i)? != RowState::Missing).then(|| &self.values[i * dim..(i + 1) * dim])
    }
}

/// Turns embedded strings into vectors.
///
/// A caller may rely on: the same text gives the same row whatever else is in
/// the batch and on however many threads; every value is finite; rows come in
/// the order of the texts. Callers pass whole work lists; the adapter cuts them
/// into the batches that suit it.
pub trait Embedder: Send + Sync {
    /// What it is.
    fn identity(&self) -> &EmbedderIdentity;

    /// The tokenizer whose tokens chunking and coverage count.
    fn tokenizer(&self) -> &dyn Tokenizer;

    /// Embeds strings made by [`EmbedSchema::compose`].
    ///
    /// It looks at `deadline` between pieces of well under a second, since that is how an
    /// interrupt arrives.
    ///
    /// # Errors
    /// Retryable where a service did not answer, input where it refused or the model is damaged,
    /// permanent where it answered with another dimension or a value that is not finite.
    fn embed(&self, texts: &[&str], deadline: Deadline) -> Result<Embeddings, PortError>;
}
