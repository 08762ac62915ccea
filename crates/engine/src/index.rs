//! What a store says of itself, held against the parts that it is evaluated with.

use wfgy_core::Analyzer;

use crate::error::EvaluateError;
use crate::seeds::Perturber;
use crate::setup::Parts;

/// An index and the parts that belong to it.
pub(crate) struct Index {
    /// INDEX_HASH.
    pub(crate) hash: String,
    /// ANALYZER_CONF; `none` where the store holds no vectors and names none.
    pub(crate) analyzer: Analyzer,
    /// Whether ΔS is read from them: they are the scorer's.
    pub(crate) stored: bool,
}

impl Index {
    /// # Errors
    /// Where the store is empty, lacks a pin that these parts need, or was built with others.
    pub(crate) fn of(parts: &Parts<'_>) -> Result<Self, EvaluateError> {
        let store = parts.store;
        let (name, pins) = (store.name(), store.pins());
        let wrong =
            |pin, problem: String| EvaluateError::Pin { store: name.to_owned(), pin, problem };
        if store.n_snippets() == 0 {
            return Err(EvaluateError::EmptyStore { store: name.to_owned() });
        }
        let missing = || "is missing; rebuild the index".to_owned();
        let hash = pins.get("INDEX_HASH").ok_or_else(|| wrong("INDEX_HASH", missing()))?;
        match parts.embedder {
            Some(embedder) => pins.check_embedder(name, embedder.identity())?,
            None if pins.name_embedder() => {
                let problem = "is of vectors, which no question can be compared with: name the \
                               embedder that they were made by";
                return Err(wrong("EMBED_MODEL_VER", problem.to_owned()));
            }
            None => {}
        }
        match (parts.tokenizer, pins.get("TOK_VER")) {
            (Some(tokenizer), _) => pins.check_tokenizer(name, tokenizer.version())?,
            (None, Some(version)) => {
                let problem = format!("is `{version}`, and this tokenizer was not given");
                return Err(wrong("TOK_VER", problem));
            }
            (None, None) => {}
        }
        let holds_vectors = parts.embedder.is_some();
        let analyzer = match pins.get("ANALYZER_CONF") {
            Some(named) => {
                named.parse().map_err(|error| wrong("ANALYZER_CONF", format!("{error}")))?
            }
            None if holds_vectors => return Err(wrong("ANALYZER_CONF", missing())),
            None => Analyzer::default(),
        };
        let stored = holds_vectors && pins.check_embedder(name, parts.scorer.identity()).is_ok();
        Ok(Self { hash: hash.to_owned(), analyzer, stored })
    }

    /// Seeds are what the index sees of them: tokens where its tokenizer is known, else words.
    pub(crate) fn perturber<'a>(&self, parts: &Parts<'a>) -> Perturber<'a> {
        let language = &parts.gold.language;
        match (parts.embedder, parts.tokenizer) {
            (Some(embedder), tokenizer) => {
                let tokenizer = tokenizer.unwrap_or(embedder.tokenizer());
                let schema = &embedder.identity().schema;
                Perturber::new(tokenizer, Some(schema), self.analyzer, language)
            }
            (None, Some(tokenizer)) => Perturber::new(tokenizer, None, self.analyzer, language),
            (None, None) => Perturber::of_words(self.analyzer, language),
        }
    }
}
