//! A store that ranks by BM25 and holds no vectors, for the tests of this crate.
//!
//! Robertson and Zaragoza: The Probabilistic Relevance Framework: BM25 and Beyond, 2009, with the
//! k1 and b that most engines take; words are lower-cased runs of letters and digits.

use std::collections::BTreeMap;
use std::time::Duration;

use wfgy_core::{
    Answer, Deadline, Digest, Hit, Pins, PortError, Query, SearchRequest, Snippet, Store,
    StoredSection,
};

use crate::memory::MemoryStore;
use crate::passages::slice;

const K1: f64 = 1.2;
const B: f64 = 0.75;

/// The corpus of a [`MemoryStore`] without its vectors, tokens and pins of an embedder.
pub(crate) struct LexicalStore {
    corpus: MemoryStore,
    pub(crate) pins: Pins,
    /// Word counts of every snippet.
    words: Vec<BTreeMap<String, f64>>,
    /// Whether it gives the vectors of its corpus away after all.
    pub(crate) leaks_vectors: bool,
}

fn words(text: &str) -> impl Iterator<Item = String> {
    let text = text.to_lowercase();
    let words: Vec<String> =
        text.split(|c: char| !c.is_alphanumeric()).map(str::to_owned).collect();
    words.into_iter().filter(|word| !word.is_empty())
}

impl LexicalStore {
    pub(crate) fn of(mut corpus: MemoryStore) -> Self {
        let mut counts = Vec::new();
        for snippet in &mut corpus.snippets {
            snippet.tokens = snippet.offsets;
            let section = corpus.sections[&snippet.doc_id]
                .iter()
                .find(|section| section.section_id == snippet.section_id)
                .unwrap();
            let mut of_snippet = BTreeMap::new();
            for word in words(slice(&section.text, snippet.offsets).unwrap()) {
                *of_snippet.entry(word).or_default() += 1.0;
            }
            counts.push(of_snippet);
        }
        let mut pins = Pins::default();
        pins.set("INDEX_HASH", Digest::of("lexical"));
        pins.set("SERVING_HASH", Digest::of("lexical, serving"));
        Self { corpus, pins, words: counts, leaks_vectors: false }
    }

    fn answer(&self, query: &Query<'_>, depth: usize) -> Result<Answer, PortError> {
        if query.vector.is_some() {
            return Err(PortError::permanent(self.name(), "was asked with a vector"));
        }
        let n = self.words.len() as f64;
        let length = |counts: &BTreeMap<String, f64>| counts.values().sum::<f64>();
        let mean = self.words.iter().map(length).sum::<f64>() / n;
        let mut scores = vec![0.0; self.words.len()];
        for word in words(query.text) {
            let having = self.words.iter().filter(|counts| counts.contains_key(&word)).count();
            let idf = (1.0 + (n - having as f64 + 0.5) / (having as f64 + 0.5)).ln();
            for (score, counts) in scores.iter_mut().zip(&self.words) {
                let frequency = counts.get(&word).copied().unwrap_or_default();
                let norm = K1 * (1.0 - B + B * length(counts) / mean);
                *score += idf * frequency * (K1 + 1.0) / (frequency + norm);
            }
        }
        let mut hits: Vec<Hit> = (0u32..)
            .zip(scores)
            .map(|(position, score)| Hit { position, score: (score * 1e9).round() / 1e9 })
            .filter(|hit| hit.score > 0.0)
            .collect();
        hits.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.position.cmp(&b.position)));
        hits.truncate(depth);
        Ok(Answer { hits, retrieve: Duration::from_micros(5), rerank: None })
    }
}

impl Store for LexicalStore {
    fn name(&self) -> &str {
        "lexical"
    }

    fn pins(&self) -> &Pins {
        &self.pins
    }

    fn n_snippets(&self) -> usize {
        self.corpus.n_snippets()
    }

    fn n_documents(&self) -> usize {
        self.corpus.n_documents()
    }

    fn search(
        &self,
        queries: &[Query<'_>],
        request: SearchRequest,
    ) -> Result<Vec<Result<Answer, PortError>>, PortError> {
        let depth = request.depth.snippets;
        Ok(queries.iter().map(|query| self.answer(query, depth)).collect())
    }

    fn snippets(&self, positions: &[u32], deadline: Deadline) -> Result<Vec<Snippet>, PortError> {
        self.corpus.snippets(positions, deadline)
    }

    fn sections(
        &self,
        doc_ids: &[&str],
        deadline: Deadline,
    ) -> Result<Vec<Vec<StoredSection>>, PortError> {
        self.corpus.sections(doc_ids, deadline)
    }

    fn section_counts(
        &self,
        doc_ids: &[&str],
        deadline: Deadline,
    ) -> Result<Vec<usize>, PortError> {
        self.corpus.section_counts(doc_ids, deadline)
    }

    fn vectors(
        &self,
        positions: &[u32],
        deadline: Deadline,
    ) -> Result<Option<Vec<f32>>, PortError> {
        match self.leaks_vectors {
            true => self.corpus.vectors(positions, deadline),
            false => Ok(None),
        }
    }

    fn unchanged(&self, _: Deadline) -> Result<(), PortError> {
        Ok(())
    }
}
