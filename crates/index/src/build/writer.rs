//! The streaming part of a build: documents in; lines and vectors out.

use std::ops::ControlFlow;
use std::path::PathBuf;

use rayon::prelude::*;
use wfgy_core::{Digest, Document, Embedder, Metric, Role, RowState, Section, Snippet, snippet_id};
use wfgy_formats::durable::{PRIVATE, WriteError};
use wfgy_formats::{Origin, npy};
use wfgy_kernel::norm_f64;

use super::lines::Lines;
use super::{BuildError, BuildOptions, Progress};
use crate::chunk::Window;
use crate::draft::Draft;
use crate::manifest::{Counts, file};
use crate::section_line::SectionLine;

/// Texts that go to the embedder together.
const BATCH_TEXTS: usize = 256;
/// And their bytes together.
const BATCH_BYTES: usize = 16 << 20;
/// Text that is cut in parallel; a longer section is cut alone, since its tokens need room.
const GROUP_BYTES: usize = 1 << 20;

/// What the streaming part leaves behind.
pub(super) struct Built {
    pub(super) documents: u64,
    pub(super) snippets: u64,
    pub(super) counts: Counts,
    pub(super) sections: Digest,
    pub(super) snippet_lines: Digest,
}

/// A text that waits for the embedder.
struct Waiting {
    text: String,
    snippet_id: String,
    origin: Origin,
}

/// The streaming part of a build.
pub(super) struct Writer<'a> {
    embedder: &'a dyn Embedder,
    options: &'a BuildOptions,
    sections: Lines,
    snippets: Lines,
    vectors: npy::Writer,
    vectors_path: PathBuf,
    /// Documents to be cut, and the bytes of their text.
    group: Vec<(Document, Origin)>,
    group_bytes: usize,
    waiting: Vec<Waiting>,
    waiting_bytes: usize,
    documents: u64,
    embedded: u64,
    /// Bytes of text taken from the corpus, and cut.
    read: u64,
    cut: u64,
    counts: Counts,
}

impl<'a> Writer<'a> {
    pub(super) fn begin(
        draft: &Draft,
        embedder: &'a dyn Embedder,
        options: &'a BuildOptions,
    ) -> Result<Self, BuildError> {
        let vectors_path = draft.file(file::VECTORS);
        let vectors = npy::Writer::create(&vectors_path, PRIVATE, embedder.identity().dim)
            .map_err(|source| WriteError { path: vectors_path.clone(), source })?;
        Ok(Self {
            embedder,
            options,
            sections: Lines::create(draft.file(file::SECTIONS))?,
            snippets: Lines::create(draft.file(file::SNIPPETS))?,
            vectors,
            vectors_path,
            group: Vec::new(),
            group_bytes: 0,
            waiting: Vec::new(),
            waiting_bytes: 0,
            documents: 0,
            embedded: 0,
            read: 0,
            cut: 0,
            counts: Counts::default(),
        })
    }

    /// Takes a document; it is cut together with others.
    pub(super) fn document(
        &mut self,
        document: Document,
        origin: Origin,
        report: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<(), BuildError> {
        let bytes = document.sections.iter().map(|s| s.text.len()).sum::<usize>();
        self.read += bytes as u64;
        self.group_bytes += bytes;
        self.group.push((document, origin));
        if self.group_bytes >= GROUP_BYTES { self.cut_group(report) } else { Ok(()) }
    }

    /// Cuts the sections of the group in parallel and takes them in corpus order.
    fn cut_group(
        &mut self,
        report: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<(), BuildError> {
        let (chunk, tokenizer) = (self.options.chunk, self.embedder.tokenizer());
        let group = std::mem::take(&mut self.group);
        self.group_bytes = 0;
        let sections: Vec<(&Document, &Origin, &Section)> = group
            .iter()
            .flat_map(|(document, origin)| {
                document.sections.iter().map(move |section| (document, origin, section))
            })
            .collect();
        let mut rest = sections.as_slice();
        while let Some((_, _, first)) = rest.first() {
            // As many sections as fit, at least one: the tokens of a long document need room.
            let mut bytes = first.text.len();
            let fits = |(_, _, section): &&(_, _, &Section)| {
                bytes += section.text.len();
                bytes <= GROUP_BYTES
            };
            let length = 1 + rest[1..].iter().take_while(fits).count();
            let (these, others) = rest.split_at(length);
            let windows: Vec<_> =
                these.par_iter().map(|(_, _, s)| chunk.cut(&s.text, tokenizer)).collect();
            for ((document, origin, section), windows) in these.iter().zip(windows) {
                let windows = windows.map_err(|source| BuildError::Chunk {
                    origin: (*origin).clone(),
                    doc_id: document.doc_id.clone(),
                    section_id: section.section_id.clone(),
                    source: Box::new(source),
                })?;
                self.section(document, origin, section, &windows, report)?;
            }
            rest = others;
        }
        self.documents += group.len() as u64;
        Ok(())
    }

    fn section(
        &mut self,
        document: &Document,
        origin: &Origin,
        section: &Section,
        windows: &[Window],
        report: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<(), BuildError> {
        let title = section.title.as_deref().or(document.title.as_deref());
        self.sections.push(&SectionLine {
            doc_id: document.doc_id.as_str().into(),
            section_id: section.section_id.as_str().into(),
            source_url: document.source_url.as_deref().map(Into::into),
            title: title.map(Into::into),
            text: section.text.as_str().into(),
        })?;
        self.counts.sections += 1;
        self.cut += section.text.len() as u64;
        self.counts.sections_without_tokens += u64::from(windows.is_empty());
        let schema = &self.embedder.identity().schema;
        for window in windows {
            let snippet = Snippet {
                snippet_id: snippet_id(&document.doc_id, &section.section_id, window.offsets),
                doc_id: document.doc_id.clone(),
                section_id: section.section_id.clone(),
                source_url: document.source_url.clone(),
                offsets: window.offsets,
                tokens: window.tokens,
            };
            self.snippets.push(&snippet)?;
            let text = &section.text[window.bytes.clone()];
            let text = schema.compose(Role::Passage, &self.options.analyzer, title, text);
            self.waiting_bytes += text.len();
            let snippet_id = snippet.snippet_id;
            self.waiting.push(Waiting { text, snippet_id, origin: origin.clone() });
            if self.waiting.len() >= BATCH_TEXTS || self.waiting_bytes >= BATCH_BYTES {
                self.embed(report)?;
            }
        }
        Ok(())
    }

    /// Embeds what waits, checks every vector, and appends it.
    fn embed(
        &mut self,
        report: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<(), BuildError> {
        let dim = self.embedder.identity().dim;
        let texts: Vec<&str> = self.waiting.iter().map(|w| w.text.as_str()).collect();
        if !texts.is_empty() {
            let embeddings = self
                .embedder
                .embed(&texts, self.options.deadline)
                .map_err(|source| BuildError::Embed { source })?;
            let wrong = |of: &Waiting, problem: String| BuildError::Vector {
                origin: of.origin.clone(),
                snippet_id: of.snippet_id.clone(),
                problem,
            };
            let mut values = embeddings.values;
            if embeddings.states.len() != texts.len() || values.len() != texts.len() * dim {
                let problem = format!(
                    "the embedder gave {} values in {} rows for a batch of {} texts of \
                     dimension {dim}",
                    values.len(),
                    embeddings.states.len(),
                    texts.len()
                );
                return Err(wrong(&self.waiting[0], problem));
            }
            let rows = values.chunks_exact_mut(dim).zip(&embeddings.states).zip(&self.waiting);
            for ((row, state), of) in rows {
                check_vector(row, *state, self.options.metric)
                    .map_err(|problem| wrong(of, problem))?;
                self.counts.truncated += u64::from(*state == RowState::Truncated);
            }
            self.vectors
                .push(&values)
                .map_err(|source| WriteError { path: self.vectors_path.clone(), source })?;
            self.embedded += texts.len() as u64;
            if self.embedded > u64::from(u32::MAX) {
                return Err(BuildError::TooMany);
            }
        }
        self.waiting.clear();
        self.waiting_bytes = 0;
        let progress = Progress::Embedding {
            documents: self.documents,
            snippets: self.embedded,
            share: self.cut as f64 / self.read.max(1) as f64,
        };
        match report(progress) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(BuildError::Interrupted),
        }
    }

    /// Cuts and embeds the rest, and closes the files.
    pub(super) fn finish(
        mut self,
        report: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Built, BuildError> {
        self.cut_group(report)?;
        self.embed(report)?;
        if self.embedded == 0 {
            return Err(BuildError::NoSnippet { sections: self.counts.sections });
        }
        self.vectors.finish().map_err(|source| WriteError { path: self.vectors_path, source })?;
        Ok(Built {
            documents: self.documents,
            snippets: self.embedded,
            counts: self.counts,
            sections: self.sections.finish()?,
            snippet_lines: self.snippets.finish()?,
        })
    }
}

/// Checks one vector and brings it to the norm in which it is stored.
fn check_vector(row: &mut [f32], state: RowState, metric: Metric) -> Result<(), String> {
    if state == RowState::Missing {
        return Err("has no vector: add one for its text to --vectors".to_owned());
    }
    if let Some(i) = row.iter().position(|value| !value.is_finite()) {
        return Err(format!("its vector holds {} at {i}", row[i]));
    }
    let norm = norm_f64(row);
    if norm == 0.0 {
        return Err("its vector is zero, which has no direction".to_owned());
    }
    if metric == Metric::Cosine {
        row.iter_mut().for_each(|value| *value = (f64::from(*value) / norm) as f32);
    }
    Ok(())
}
