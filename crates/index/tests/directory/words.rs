//! An embedder over words, and indexes built with it.

use std::ops::ControlFlow;
use std::path::Path;

use wfgy_core::{
    Analyzer, Deadline, Digest, Document, EmbedSchema, Embedder, EmbedderIdentity, Embeddings,
    Metric, PortError, RowState, Section, Span, Tokenizer, Tokens,
};
use wfgy_formats::{InputError, Origin, Place};
use wfgy_index::{AnnChoice, BuildError, BuildOptions, Chunk, Manifest, Replace, Tool, build};

/// Words, and every other visible character alone.
pub(crate) struct WordTokenizer;

impl Tokenizer for WordTokenizer {
    fn version(&self) -> &str {
        "words@1"
    }

    fn encode(&self, text: &str) -> Result<Tokens, PortError> {
        let mut tokens = Tokens::default();
        let mut open = None;
        for (i, c) in text.chars().chain([' ']).enumerate() {
            if !c.is_alphanumeric() {
                if let Some(start) = open.take() {
                    tokens.spans.push(Span::new(start, i));
                }
                if !c.is_whitespace() {
                    tokens.spans.push(Span::new(i, i + 1));
                }
            } else if open.is_none() {
                open = Some(i);
            }
        }
        tokens.ids = vec![0; tokens.spans.len()];
        Ok(tokens)
    }
}

/// Sums a vector drawn from the digest of each word. Some words make it misbehave.
pub(crate) struct WordEmbedder {
    identity: EmbedderIdentity,
    tokenizer: WordTokenizer,
}

impl WordEmbedder {
    pub(crate) fn new(dim: usize) -> Self {
        let schema = EmbedSchema {
            pooling: "sif".to_owned(),
            max_tokens: 40,
            query_prefix: "q: ".to_owned(),
            passage_prefix: "p: ".to_owned(),
        };
        let (model_ver, settings) = ("words@sha256:1".into(), String::new());
        let identity = EmbedderIdentity { model_ver, dim, schema, unit_norm: false, settings };
        Self { identity, tokenizer: WordTokenizer }
    }

    pub(crate) fn named(mut self, model_ver: &str) -> Self {
        self.identity.model_ver = model_ver.to_owned();
        self
    }

    pub(crate) fn vector(&self, text: &str) -> Vec<f32> {
        let mut row = vec![0.0; self.identity.dim];
        for word in text.split_whitespace() {
            let digest = Digest::of(word);
            for (i, value) in row.iter_mut().enumerate() {
                *value += f32::from(digest.as_bytes()[i % 32]) / 128.0 - 0.99;
            }
        }
        match text {
            _ if text.contains("zerovector") => row.fill(0.0),
            _ if text.contains("nanvector") => row[1] = f32::NAN,
            _ if text.contains("infvector") => row[0] = f32::INFINITY,
            _ => {}
        }
        row
    }
}

impl Embedder for WordEmbedder {
    fn identity(&self) -> &EmbedderIdentity {
        &self.identity
    }

    fn tokenizer(&self) -> &dyn Tokenizer {
        &self.tokenizer
    }

    fn embed(&self, texts: &[&str], _: Deadline) -> Result<Embeddings, PortError> {
        let mut embeddings = Embeddings::default();
        for text in texts {
            if text.contains("deadserver") {
                return Err(PortError::retryable("words", "no answer: is the server running?"));
            }
            embeddings.values.extend(self.vector(text));
            embeddings.states.push(match text.split_whitespace().count() {
                _ if text.contains("novector") => RowState::Missing,
                n if n > self.identity.schema.max_tokens => RowState::Truncated,
                _ => RowState::Whole,
            });
        }
        if texts.iter().any(|text| text.contains("shortanswer")) {
            embeddings.values.pop();
        }
        Ok(embeddings)
    }
}

pub(crate) fn document(doc_id: &str, sections: &[(&str, &str)]) -> Document {
    let section = |(id, text): &(&str, &str)| Section {
        section_id: (*id).to_owned(),
        title: None,
        text: (*text).to_owned(),
    };
    Document {
        doc_id: doc_id.to_owned(),
        source_url: None,
        title: Some(format!("about {doc_id}")),
        sections: sections.iter().map(section).collect(),
    }
}

/// `n` documents of two sections of made-up sentences, some of them equal.
pub(crate) fn corpus(n: usize) -> Vec<Document> {
    let words = ["sluice", "gate", "miller", "grain", "sack", "wheel", "stone", "flour", "river"];
    let mut state = 88_172_645_463_325_252u64;
    let mut next = move |n: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize % n
    };
    (0..n)
        .map(|i| {
            let mut text = || {
                (0..4 + next(30))
                    .map(|_| {
                        let stop = if next(6) == 0 { "." } else { "" };
                        format!("{}{}{stop} ", words[next(words.len())], next(7))
                    })
                    .collect::<String>()
            };
            document(&format!("doc/{i}"), &[("a", &text()), ("b", &text())])
        })
        .collect()
}

pub(crate) fn options(metric: Metric, ann: AnnChoice) -> BuildOptions {
    BuildOptions {
        deadline: Deadline::NONE,
        metric,
        analyzer: Analyzer::default(),
        chunk: "s16/o4".parse::<Chunk>().unwrap(),
        ann,
        embedder_name: "words".to_owned(),
        tool: Tool {
            version: "0.1.0".to_owned(),
            created_at: "2024-05-01T00:00:00Z".to_owned(),
            build_id: Some("b7".to_owned()),
            ..Tool::default()
        },
    }
}

pub(crate) fn stream(
    documents: Vec<Document>,
) -> impl Iterator<Item = Result<(Document, Origin), InputError>> {
    documents.into_iter().enumerate().map(|(i, document)| {
        Ok((
            document,
            Origin { file: Path::new("c.jsonl").into(), place: Place::Line(i as u64 + 1) },
        ))
    })
}

pub(crate) fn build_with(
    documents: Vec<Document>,
    options: &BuildOptions,
    out: &Path,
    replace: Replace<'_>,
) -> Result<Manifest, BuildError> {
    let embedder = WordEmbedder::new(24);
    build(stream(documents), &embedder, options, out, replace, &mut |_| ControlFlow::Continue(()))
}

pub(crate) fn built(
    documents: Vec<Document>,
    metric: Metric,
    ann: AnnChoice,
    out: &Path,
) -> Manifest {
    build_with(documents, &options(metric, ann), out, Replace::Never).unwrap()
}
