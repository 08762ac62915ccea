//! A store in memory and a deterministic embedder, for the tests of this crate.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use wfgy_core::{
    Answer, Deadline, Digest, EmbedSchema, Embedder, EmbedderIdentity, Embeddings, Hit, Path, Pins,
    PortError, Query, RowState, SearchRequest, Snippet, Span, Store, StoredSection, Tokenizer,
    Tokens, snippet_id,
};

/// Words and punctuation marks, lower-cased; ids are hashes of the word.
pub(crate) struct Words;

impl Tokenizer for Words {
    fn version(&self) -> &str {
        "words@1"
    }

    fn encode(&self, text: &str) -> Result<Tokens, PortError> {
        let mut tokens = Tokens::default();
        let mut word = String::new();
        let mut start = 0;
        let chars: Vec<char> = text.chars().chain([' ']).collect();
        for (i, c) in chars.iter().enumerate() {
            if c.is_alphanumeric() {
                if word.is_empty() {
                    start = i;
                }
                word.extend(c.to_lowercase());
                continue;
            }
            if !word.is_empty() {
                tokens.ids.push(id(&std::mem::take(&mut word)));
                tokens.spans.push(Span::new(start, i));
            }
            if !c.is_whitespace() {
                tokens.ids.push(id(&c.to_string()));
                tokens.spans.push(Span::new(i, i + 1));
            }
        }
        Ok(tokens)
    }
}

fn id(word: &str) -> u32 {
    Digest::of(word).prefix_u64() as u32
}

/// Sum of hashed word vectors, unit norm: texts that share words are near each other.
pub(crate) struct HashEmbedder {
    pub(crate) identity: EmbedderIdentity,
    /// Embedded strings without a vector.
    pub(crate) missing: BTreeSet<String>,
    /// All strings embedded, in order.
    pub(crate) seen: Mutex<Vec<String>>,
}

impl HashEmbedder {
    pub(crate) fn new(model: &str) -> Self {
        let schema = EmbedSchema {
            pooling: "sif".into(),
            max_tokens: 64,
            query_prefix: "query: ".into(),
            passage_prefix: "passage: ".into(),
        };
        let (model_ver, settings) = (model.into(), String::new());
        let identity = EmbedderIdentity { model_ver, dim: 64, schema, unit_norm: true, settings };
        Self { identity, missing: BTreeSet::new(), seen: Mutex::new(Vec::new()) }
    }

    fn row(&self, text: &str) -> (Vec<f32>, RowState) {
        let body = text
            .strip_prefix(&self.identity.schema.query_prefix)
            .or_else(|| text.strip_prefix(&self.identity.schema.passage_prefix))
            .unwrap_or(text);
        let mut tokens = Words.encode(body).unwrap().ids;
        let state = if tokens.len() > self.identity.schema.max_tokens {
            RowState::Truncated
        } else {
            RowState::Whole
        };
        tokens.truncate(self.identity.schema.max_tokens);
        let mut row = vec![0.0f64; self.identity.dim];
        for token in tokens {
            for block in 0..self.identity.dim / 4 {
                let digest = Digest::of(format!("{}\0{token}\0{block}", self.identity.model_ver));
                for (lane, bytes) in digest.as_bytes().chunks(8).enumerate() {
                    let value = u64::from_be_bytes(bytes.try_into().unwrap());
                    row[block * 4 + lane] += value as f64 / u64::MAX as f64 - 0.5;
                }
            }
        }
        let norm = row.iter().map(|x| x * x).sum::<f64>().sqrt();
        (row.iter().map(|x| (x / norm) as f32).collect(), state)
    }
}

impl Embedder for HashEmbedder {
    fn identity(&self) -> &EmbedderIdentity {
        &self.identity
    }

    fn tokenizer(&self) -> &dyn Tokenizer {
        &Words
    }

    fn embed(&self, texts: &[&str], _: Deadline) -> Result<Embeddings, PortError> {
        let mut embeddings = Embeddings::default();
        for text in texts {
            self.seen.lock().unwrap().push((*text).to_owned());
            if self.missing.contains(*text) {
                embeddings.values.extend(vec![0.0; self.identity.dim]);
                embeddings.states.push(RowState::Missing);
                continue;
            }
            let (row, state) = self.row(text);
            embeddings.values.extend(row);
            embeddings.states.push(state);
        }
        Ok(embeddings)
    }
}

/// Snippets of a small corpus with stored vectors, by plain loops.
pub(crate) struct MemoryStore {
    pub(crate) pins: Pins,
    pub(crate) sections: BTreeMap<String, Vec<StoredSection>>,
    pub(crate) snippets: Vec<Snippet>,
    pub(crate) vectors: Vec<Vec<f32>>,
    /// Texts whose search fails, with how often it still does (`u32::MAX`: always).
    pub(crate) failing: Mutex<BTreeMap<String, u32>>,
    /// The serving path leaves out the best hit in searches for fewer than so many.
    pub(crate) lossy_below: usize,
    /// Texts that are answered without hits.
    pub(crate) empty: BTreeSet<String>,
    /// Calls for snippets and documents: which, and for how many.
    pub(crate) calls: Mutex<Vec<(&'static str, usize)>>,
    /// INDEX_HASH of whoever was searched, call by call; stores may share it.
    pub(crate) turns: Arc<Mutex<Vec<String>>>,
}

impl MemoryStore {
    /// `documents`: id, then sections of id and text; every sentence (at `. `) is a snippet.
    pub(crate) fn build(documents: &[(&str, &[(&str, &str)])], embedder: &HashEmbedder) -> Self {
        let mut sections = BTreeMap::new();
        let mut snippets = Vec::new();
        let mut vectors = Vec::new();
        for (doc_id, parts) in documents {
            let mut stored = Vec::new();
            for (section_id, text) in *parts {
                let tokens = Words.encode(text).unwrap();
                let mut positions = Vec::new();
                let mut start = 0;
                for sentence in text.split_inclusive(". ") {
                    let end = start + sentence.trim_end().chars().count();
                    let offsets = Span::new(start, end);
                    let inside: Vec<usize> = (0..tokens.spans.len())
                        .filter(|i| tokens.spans[*i].intersects(offsets))
                        .collect();
                    positions.push(snippets.len() as u32);
                    snippets.push(Snippet {
                        snippet_id: snippet_id(doc_id, section_id, offsets),
                        doc_id: (*doc_id).into(),
                        section_id: (*section_id).into(),
                        source_url: None,
                        offsets,
                        tokens: Span::new(inside[0], inside[inside.len() - 1] + 1),
                    });
                    let embedded = embedder.identity.schema.compose(
                        wfgy_core::Role::Passage,
                        &wfgy_core::Analyzer::default(),
                        None,
                        sentence.trim_end(),
                    );
                    vectors.push(embedder.row(&embedded).0);
                    start += sentence.chars().count();
                }
                stored.push(StoredSection {
                    section_id: (*section_id).into(),
                    title: None,
                    text: (*text).into(),
                    positions,
                });
            }
            sections.insert((*doc_id).to_owned(), stored);
        }
        let mut pins = Pins::default();
        pins.set("INDEX_HASH", Digest::of("memory"));
        pins.set("SERVING_HASH", Digest::of("memory, serving"));
        pins.set("EMBED_MODEL_VER", &embedder.identity.model_ver);
        pins.set("EMBED_DIM", embedder.identity.dim);
        pins.set("EMBED_SCHEMA", &embedder.identity.schema);
        pins.set("ANALYZER_CONF", "none");
        pins.set("TOK_VER", "words@1");
        Self {
            pins,
            sections,
            snippets,
            vectors,
            failing: Mutex::default(),
            lossy_below: 0,
            empty: BTreeSet::new(),
            calls: Mutex::default(),
            turns: Arc::default(),
        }
    }

    fn answer(&self, query: &Query<'_>, request: SearchRequest) -> Result<Answer, PortError> {
        if request.path == Path::Serving {
            if let Some(left) = self.failing.lock().unwrap().get_mut(query.text)
                && *left > 0
            {
                *left = if *left == u32::MAX { *left } else { *left - 1 };
                return Err(PortError::retryable("memory", "busy"));
            }
            if self.empty.contains(query.text) {
                return Ok(Answer::default());
            }
        }
        let vector = query.vector.ok_or_else(|| PortError::permanent("memory", "no vector"))?;
        let mut hits: Vec<Hit> = (0u32..)
            .zip(&self.vectors)
            .map(|(position, row)| {
                let dot: f64 = vector.iter().zip(row).map(|(a, b)| f64::from(a * b)).sum();
                Hit { position, score: (dot * 1e9).round() / 1e9 }
            })
            .collect();
        hits.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.position.cmp(&b.position)));
        if request.depth.served < self.lossy_below && request.path == Path::Serving {
            hits.remove(0);
        }
        let mut documents = BTreeSet::new();
        let enough = |(i, hit): &(usize, &Hit)| {
            let more = *i < request.depth.snippets || documents.len() < request.depth.documents;
            documents.insert(self.snippets[hit.position as usize].doc_id.clone());
            more
        };
        let hits: Vec<Hit> =
            hits.iter().enumerate().take_while(enough).map(|(_, hit)| *hit).collect();
        Ok(Answer { hits, retrieve: Duration::from_micros(5), rerank: None })
    }
}

impl Store for MemoryStore {
    fn name(&self) -> &str {
        "memory"
    }

    fn pins(&self) -> &Pins {
        &self.pins
    }

    fn n_snippets(&self) -> usize {
        self.snippets.len()
    }

    fn n_documents(&self) -> usize {
        self.sections.len()
    }

    fn search(
        &self,
        queries: &[Query<'_>],
        request: SearchRequest,
    ) -> Result<Vec<Result<Answer, PortError>>, PortError> {
        let searched = self.pins.get("INDEX_HASH").unwrap_or_default().to_owned();
        self.turns.lock().unwrap().push(searched);
        Ok(queries.iter().map(|query| self.answer(query, request)).collect())
    }

    fn snippets(&self, positions: &[u32], _: Deadline) -> Result<Vec<Snippet>, PortError> {
        self.calls.lock().unwrap().push(("snippets", positions.len()));
        let find = |p: &u32| self.snippets.get(*p as usize).cloned();
        positions
            .iter()
            .map(|p| find(p).ok_or_else(|| PortError::permanent("memory", "no such position")))
            .collect()
    }

    fn sections(
        &self,
        doc_ids: &[&str],
        _: Deadline,
    ) -> Result<Vec<Vec<StoredSection>>, PortError> {
        self.calls.lock().unwrap().push(("sections", doc_ids.len()));
        Ok(doc_ids.iter().map(|d| self.sections.get(*d).cloned().unwrap_or_default()).collect())
    }

    fn section_counts(&self, doc_ids: &[&str], _: Deadline) -> Result<Vec<usize>, PortError> {
        self.calls.lock().unwrap().push(("section_counts", doc_ids.len()));
        Ok(doc_ids.iter().map(|d| self.sections.get(*d).map_or(0, Vec::len)).collect())
    }

    fn vectors(&self, positions: &[u32], _: Deadline) -> Result<Option<Vec<f32>>, PortError> {
        Ok(Some(positions.iter().flat_map(|p| self.vectors[*p as usize].clone()).collect()))
    }

    fn unchanged(&self, _: Deadline) -> Result<(), PortError> {
        Ok(())
    }
}
