//! From documents to an index directory.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::ops::ControlFlow;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use wfgy_core::{
    Analyzer, Deadline, Digest, Document, Embedder, Hasher, Metric, Norm, PortError, Role,
    RowState, Section, Snippet, snippet_id,
};
use wfgy_formats::durable::{PRIVATE, WriteError};
use wfgy_formats::{InputError, Place, checksum, jsonl, npy};
use wfgy_kernel::{MappedError, norm_f64};

use crate::chunk::{Chunk, ChunkError, Window};
use crate::draft::{Draft, Replace};
use crate::graph::{Graph, HnswParamError, HnswParams};
use crate::hnsw::{Hnsw, LinkError};
use crate::manifest::{
    Counts, EmbedderNote, Identity, Manifest, SCHEMA_VERSION, Serving, Tool, file,
};
use crate::vectors::Vectors;

/// From so many snippets on [`AnnChoice::Auto`] builds a graph.
pub const AUTO_ANN_SNIPPETS: u64 = 10_000;
/// Texts that go to the embedder together.
const BATCH_TEXTS: usize = 256;
/// And their bytes together.
const BATCH_BYTES: usize = 16 << 20;
/// Text that is cut in parallel; a longer section is cut alone, since its tokens need room.
const GROUP_BYTES: usize = 1 << 20;

/// Which graph to build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AnnChoice {
    /// None below [`AUTO_ANN_SNIPPETS`] snippets, else the default graph.
    #[default]
    Auto,
    /// None: queries are answered by the exact sweep.
    None,
    /// This one.
    Hnsw(HnswParams),
}

/// How to build.
#[derive(Debug, Clone)]
pub struct BuildOptions {
    /// How vectors will be compared.
    pub metric: Metric,
    /// Text normalisation.
    pub analyzer: Analyzer,
    /// How sections become snippets.
    pub chunk: Chunk,
    /// Which graph.
    pub ann: AnnChoice,
    /// The user's name for the kind of embedder, e.g. `minilm`.
    pub embedder_name: String,
    /// Version, time and names of this build; `kernel` is filled in.
    pub tool: Tool,
    /// When the embedder has to be done with all of it.
    pub deadline: Deadline,
}

/// How far a build is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Progress {
    /// Documents are read and embedded; how many there will be is not known.
    Embedding {
        /// Documents read.
        documents: u64,
        /// Snippets embedded.
        snippets: u64,
        /// Share of the text read so far that is embedded, in [0, 1]: with the share of the
        /// corpus that is read ([`Meter`](wfgy_formats::source::Meter)) it tells how far the
        /// whole is.
        share: f64,
    },
    /// The graph is linked.
    Linking {
        /// Snippets linked.
        done: u64,
        /// Snippets in all.
        total: u64,
    },
    /// Files are hashed and put in place.
    Finishing,
}

/// A build that made no index; nothing is left behind.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The target exists.
    #[error("{path}: exists: choose another --out, or replace it with --force", path = path.display())]
    Exists {
        /// The target.
        path: PathBuf,
    },
    /// The target is no index, so `--force` does not remove it.
    #[error("{path}: exists and is no index: --force replaces only indexes", path = path.display())]
    Foreign {
        /// The target.
        path: PathBuf,
    },
    /// The target is an index with something else in it.
    #[error("{path}: holds `{name}`, which is no part of an index and would be lost: move it away", path = path.display())]
    Stranger {
        /// The target.
        path: PathBuf,
        /// What it holds.
        name: String,
    },
    /// The target is named by a pointer.
    #[error("{path}: cannot be replaced: {reason}", path = path.display())]
    InUse {
        /// The target.
        path: PathBuf,
        /// Who names it.
        reason: String,
    },
    /// A graph parameter is out of range.
    #[error("--ann hnsw: {0}")]
    Param(#[from] HnswParamError),
    /// An embedder name or version that holds an address: a manifest must not.
    #[error("the embedder's {field} `{value}` holds an address, which no manifest may name")]
    Address {
        /// `name` or `EMBED_MODEL_VER`.
        field: &'static str,
        /// Its value.
        value: String,
    },
    /// The corpus is wrong.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A section cannot be cut.
    #[error("document `{doc_id}`, section `{section_id}`: {source}")]
    Chunk {
        /// Its document.
        doc_id: String,
        /// The section.
        section_id: String,
        /// Why.
        source: ChunkError,
    },
    /// The embedder failed.
    #[error("{source}")]
    Embed {
        /// Why.
        source: PortError,
    },
    /// The embedder gave something that is no vector of its dimension.
    #[error("snippet `{snippet_id}`: {problem}")]
    Vector {
        /// The snippet.
        snippet_id: String,
        /// What is wrong with its vector.
        problem: String,
    },
    /// No section holds a token.
    #[error("the corpus holds no text: none of its {sections} sections has a token")]
    NoSnippet {
        /// How many there are.
        sections: u64,
    },
    /// More snippets than can be numbered.
    #[error("the corpus gives more than 4294967295 snippets: split it")]
    TooMany,
    /// The graph could not be built.
    #[error("{0}")]
    Graph(String),
    /// Vectors that no graph can be built over.
    #[error("{0}")]
    Unlinkable(String),
    /// A file could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// What was just written could not be read back.
    #[error(transparent)]
    Mapped(#[from] MappedError),
    /// The progress callback asked to stop.
    #[error("interrupted")]
    Interrupted,
}

/// A line of `sections.jsonl`; the title is the one that is embedded with the section.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SectionLine<'a> {
    #[serde(borrow)]
    pub(crate) doc_id: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) section_id: std::borrow::Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(crate) source_url: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(crate) title: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) text: std::borrow::Cow<'a, str>,
}

/// Builds the index of `corpus` at `out` and gives its manifest.
///
/// Documents stream through: beside what the embedder itself needs, memory holds one group of
/// documents, one batch of texts, and, where a graph is built, the graph with its copy of the
/// vectors. The same corpus, embedder and options give the same INDEX_HASH on any number of
/// threads. `report` may stop the build.
///
/// # Errors
/// [`BuildError`]; `out` is then what it was before.
pub fn build(
    corpus: impl IntoIterator<Item = Result<(Document, Place), InputError>>,
    embedder: &dyn Embedder,
    options: &BuildOptions,
    out: &Path,
    replace: Replace<'_>,
    report: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Manifest, BuildError> {
    if let AnnChoice::Hnsw(params) = options.ann {
        params.check()?;
    }
    for (field, value) in
        [("name", &options.embedder_name), ("EMBED_MODEL_VER", &embedder.identity().model_ver)]
    {
        if value.contains("://") {
            return Err(BuildError::Address { field, value: value.clone() });
        }
    }
    let draft = Draft::begin(out, replace)?;
    let mut writer = Writer::begin(&draft, embedder, options)?;
    let mut group = Vec::new();
    let mut bytes = 0;
    for document in corpus {
        let (document, _) = document?;
        let text = document.sections.iter().map(|s| s.text.len()).sum::<usize>();
        bytes += text;
        writer.read += text as u64;
        group.push(document);
        if bytes >= GROUP_BYTES {
            writer.documents(std::mem::take(&mut group), report)?;
            bytes = 0;
        }
    }
    writer.documents(group, report)?;
    writer.embed(report)?;
    let built = writer.finish()?;
    let graph = link(&draft, embedder, options, built.snippets, report)?;
    if report(Progress::Finishing).is_break() {
        return Err(BuildError::Interrupted);
    }
    let manifest = write_manifest(&draft, embedder, options, built, graph)?;
    draft.place(replace)?;
    Ok(manifest)
}

/// What the streaming part leaves behind.
struct Built {
    documents: u64,
    snippets: u64,
    counts: Counts,
    sections: Digest,
    snippet_lines: Digest,
}

/// The streaming part of a build.
struct Writer<'a> {
    embedder: &'a dyn Embedder,
    options: &'a BuildOptions,
    sections: Lines,
    snippets: Lines,
    vectors: npy::Writer,
    vectors_path: PathBuf,
    /// Texts that wait for the embedder, and the names of their snippets.
    texts: Vec<String>,
    names: Vec<String>,
    bytes: usize,
    documents: u64,
    embedded: u64,
    /// Bytes of text taken from the corpus, and cut.
    read: u64,
    cut: u64,
    counts: Counts,
}

impl<'a> Writer<'a> {
    fn begin(
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
            texts: Vec::new(),
            names: Vec::new(),
            bytes: 0,
            documents: 0,
            embedded: 0,
            read: 0,
            cut: 0,
            counts: Counts::default(),
        })
    }

    /// Cuts the sections of a group in parallel and takes them in corpus order.
    fn documents(
        &mut self,
        group: Vec<Document>,
        report: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<(), BuildError> {
        let (chunk, tokenizer) = (self.options.chunk, self.embedder.tokenizer());
        let cut = |section: &Section| chunk.cut(&section.text, tokenizer);
        for document in group {
            let sections = &document.sections;
            let mut start = 0;
            while start < sections.len() {
                // As many sections as fit into a group, at least one.
                let mut end = start + 1;
                let mut bytes = sections[start].text.len();
                while end < sections.len() && bytes + sections[end].text.len() <= GROUP_BYTES {
                    bytes += sections[end].text.len();
                    end += 1;
                }
                let windows: Vec<_> = sections[start..end].par_iter().map(cut).collect();
                for (section, windows) in sections[start..end].iter().zip(windows) {
                    let windows = windows.map_err(|source| BuildError::Chunk {
                        doc_id: document.doc_id.clone(),
                        section_id: section.section_id.clone(),
                        source,
                    })?;
                    self.section(&document, section, &windows, report)?;
                }
                start = end;
            }
            self.documents += 1;
        }
        Ok(())
    }

    fn section(
        &mut self,
        document: &Document,
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
            self.bytes += text.len();
            self.texts.push(text);
            self.names.push(snippet.snippet_id);
            if self.texts.len() >= BATCH_TEXTS || self.bytes >= BATCH_BYTES {
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
        let texts: Vec<&str> = self.texts.iter().map(String::as_str).collect();
        if !texts.is_empty() {
            let embeddings = self
                .embedder
                .embed(&texts, self.options.deadline)
                .map_err(|source| BuildError::Embed { source })?;
            let mut values = embeddings.values;
            if embeddings.states.len() != texts.len() || values.len() != texts.len() * dim {
                return Err(BuildError::Vector {
                    snippet_id: self.names[0].clone(),
                    problem: format!(
                        "the embedder gave {} values in {} rows for a batch of {} texts of \
                         dimension {dim}",
                        values.len(),
                        embeddings.states.len(),
                        texts.len()
                    ),
                });
            }
            let rows = values.chunks_exact_mut(dim).zip(&embeddings.states).zip(&self.names);
            for ((row, state), name) in rows {
                check_vector(row, *state, self.options.metric)
                    .map_err(|problem| BuildError::Vector { snippet_id: name.clone(), problem })?;
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
        self.texts.clear();
        self.names.clear();
        self.bytes = 0;
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

    fn finish(self) -> Result<Built, BuildError> {
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

/// Links and writes the graph that `options` ask for.
fn link(
    draft: &Draft,
    embedder: &dyn Embedder,
    options: &BuildOptions,
    snippets: u64,
    report: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Option<(HnswParams, Digest, u64)>, BuildError> {
    let params = match options.ann {
        AnnChoice::None => return Ok(None),
        AnnChoice::Auto if snippets < AUTO_ANN_SNIPPETS => return Ok(None),
        AnnChoice::Auto => HnswParams::default(),
        AnnChoice::Hnsw(params) => params,
    };
    let vectors = Vectors::open(&draft.file(file::VECTORS))
        .map_err(|error| BuildError::Graph(error.to_string()))?;
    let mut linking =
        |done: usize| report(Progress::Linking { done: done as u64, total: snippets });
    let graph =
        Hnsw::link(params, options.metric, vectors.values(), embedder.identity().dim, &mut linking)
            .map_err(|error| match error {
                LinkError::Interrupted => BuildError::Interrupted,
                LinkError::Norm(_) => BuildError::Unlinkable(error.to_string()),
                other => BuildError::Graph(other.to_string()),
            })?;
    let mut lines = Lines::create(draft.file(file::GRAPH))?;
    lines.write(|out| graph.write(out))?;
    let bytes = lines.bytes;
    Ok(Some((params, lines.finish()?, bytes)))
}

fn write_manifest(
    draft: &Draft,
    embedder: &dyn Embedder,
    options: &BuildOptions,
    built: Built,
    graph: Option<(HnswParams, Digest, u64)>,
) -> Result<Manifest, BuildError> {
    let vectors = draft.file(file::VECTORS);
    let hashed = checksum::hash_file(&vectors);
    let (vectors, _) = hashed.map_err(|source| WriteError { path: vectors, source })?;
    let embed = embedder.identity();
    let identity = Identity {
        schema_version: SCHEMA_VERSION,
        embed_model_ver: embed.model_ver.clone(),
        embed_dim: embed.dim,
        embed_schema: embed.schema.to_string(),
        norm: if options.metric == Metric::Cosine { Norm::L2 } else { Norm::None },
        metric: options.metric,
        tok_ver: embedder.tokenizer().version().to_owned(),
        analyzer_conf: options.analyzer.to_string(),
        chunk_schema_ver: options.chunk.to_string(),
        n_documents: built.documents,
        n_snippets: built.snippets,
        sections_sha256: built.sections,
        snippets_sha256: built.snippet_lines,
        vectors_sha256: vectors,
    };
    let mut serving = Serving::default();
    let mut counts = built.counts;
    if let Some((params, digest, bytes)) = graph {
        serving.ann = Some(params.into());
        serving.files.insert(file::GRAPH.to_owned(), digest);
        counts.graph_bytes = bytes;
    }
    let canonical = |error: wfgy_core::CanonicalError| WriteError {
        path: draft.file(file::MANIFEST),
        source: io::Error::other(error),
    };
    let index_hash = identity.hash().map_err(canonical)?;
    let serving_hash = serving.hash(index_hash).map_err(canonical)?;
    let manifest = Manifest {
        identity,
        index_hash,
        serving_hash,
        serving,
        embedder: EmbedderNote::new(&options.embedder_name, embed),
        counts,
        tool: Tool { kernel: wfgy_kernel::Isa::active().name().to_owned(), ..options.tool.clone() },
    };
    let mut lines = Lines::create(draft.file(file::MANIFEST))?;
    lines.push(&manifest)?;
    let mut digests = BTreeMap::from([
        (file::MANIFEST.to_owned(), lines.finish()?),
        (file::SECTIONS.to_owned(), manifest.identity.sections_sha256),
        (file::SNIPPETS.to_owned(), manifest.identity.snippets_sha256),
        (file::VECTORS.to_owned(), manifest.identity.vectors_sha256),
    ]);
    digests.extend(manifest.serving.files.clone());
    let mut sums = Lines::create(draft.file(file::CHECKSUMS))?;
    sums.write(|out| out.write_all(checksum::checksums(&digests).as_bytes()))?;
    sums.finish()?;
    Ok(manifest)
}

/// A new file that is hashed while it is written.
struct Lines {
    out: BufWriter<File>,
    path: PathBuf,
    hasher: Hasher,
    bytes: u64,
}

impl Lines {
    fn create(path: PathBuf) -> Result<Self, BuildError> {
        let file = OpenOptions::new().write(true).create_new(true).mode(PRIVATE).open(&path);
        match file {
            Ok(file) => {
                let out = BufWriter::with_capacity(1 << 18, file);
                Ok(Self { out, path, hasher: Hasher::new(), bytes: 0 })
            }
            Err(source) => Err(WriteError { path, source }.into()),
        }
    }

    fn push(&mut self, record: &impl Serialize) -> Result<(), BuildError> {
        self.write(|mut out| jsonl::write(&mut out, record).map(|_| ()))
    }

    fn write(
        &mut self,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), BuildError> {
        let Self { out, hasher, bytes, path } = self;
        write(&mut Tee { out, hasher, bytes })
            .map_err(|source| WriteError { path: path.clone(), source }.into())
    }

    /// Syncs the file and gives its digest.
    fn finish(self) -> Result<Digest, BuildError> {
        let synced = self.out.into_inner().map_err(io::IntoInnerError::into_error);
        match synced.and_then(|file| file.sync_all()) {
            Ok(()) => Ok(self.hasher.finish()),
            Err(source) => Err(WriteError { path: self.path, source }.into()),
        }
    }
}

/// Writes, hashes and counts.
struct Tee<'a> {
    out: &'a mut BufWriter<File>,
    hasher: &'a mut Hasher,
    bytes: &'a mut u64,
}

impl Write for Tee<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        *self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
