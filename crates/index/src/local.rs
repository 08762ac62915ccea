//! An index directory, opened.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use wfgy_core::{
    Analyzer, Answer, Deadline, Metric, Pins, PortError, Query, SearchRequest, Snippet, Store,
    StoredSection,
};
use wfgy_formats::InputError;

use crate::contents::{Contents, Damage, OpenError};
use crate::files::Files;
use crate::graph::{self, Hnsw, HnswParams, LinkError};
use crate::manifest::{Ann, Manifest, file};
use crate::relinked::Relinked;
use crate::search::{Searcher, Serving};
use crate::tables::Tables;
use crate::vectors::Vectors;

/// An index directory whose every file was compared with its digest when it was opened.
pub struct LocalIndex {
    name: String,
    contents: Contents,
    pins: Pins,
    analyzer: Analyzer,
    parts: Parts,
}

/// What the files hold.
struct Parts {
    tables: Tables,
    vectors: Vectors,
    graph: Option<Hnsw>,
}

impl LocalIndex {
    /// Opens the directory `dir`, which the user knows by `name` (a path or an alias).
    ///
    /// Every file is opened once, and hashed once while it is read. Vectors and texts stay mapped.
    ///
    /// # Errors
    /// [`OpenError`] where it is missing, no index, unreadable, or anything in it is not what
    /// its hashes were taken of.
    pub fn open(dir: impl AsRef<Path>, name: impl Into<String>) -> Result<Self, OpenError> {
        let (contents, parts) = Contents::whole(dir.as_ref(), Parts::open)?;
        let damaged = |problem: String| {
            OpenError::Damaged(Damage { path: contents.file(file::MANIFEST), problem })
        };
        let analyzer = contents.manifest.check().map_err(damaged)?;
        let parts = parts.map_err(OpenError::Damaged)?;
        let pins = contents.manifest.pins();
        Ok(Self { name: name.into(), contents, pins, analyzer, parts })
    }

    /// What it says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.contents.manifest
    }

    /// The text normalisation that it was built with.
    pub fn analyzer(&self) -> &Analyzer {
        &self.analyzer
    }

    /// How its vectors are compared.
    pub fn metric(&self) -> Metric {
        self.contents.manifest.identity.metric
    }

    /// The index with a graph of another seed, its own plus `by`, linked in memory from the stored
    /// vectors with the parameters of its own; `None` where it has no graph. `report` hears how
    /// many vectors are linked and may stop it.
    ///
    /// # Errors
    /// [`LinkError`].
    pub fn relinked(
        &self,
        by: u64,
        report: &mut dyn FnMut(usize) -> ControlFlow<()>,
    ) -> Result<Option<Relinked<'_>>, LinkError> {
        let ann = self.contents.manifest.serving.ann.as_ref();
        let Some((kind, params)) = ann.and_then(Ann::linking) else { return Ok(None) };
        let params = HnswParams { seed: params.seed.wrapping_add(by), ..params };
        let vectors = &self.parts.vectors;
        let links =
            graph::link(kind, params, self.metric(), vectors.values(), vectors.dim(), report)?;
        let graph = Hnsw::of(&links).map_err(LinkError::Failed)?;
        Ok(Some(Relinked { index: self, graph }))
    }

    /// Answers by `graph`, or by the sweep where there is none.
    pub(crate) fn search_by(
        &self,
        graph: Option<&Hnsw>,
        queries: &[Query<'_>],
        request: SearchRequest,
    ) -> Result<Vec<Result<Answer, PortError>>, PortError> {
        let serving = graph.zip(self.contents.manifest.serving.ann.as_ref());
        let searcher = Searcher {
            name: &self.name,
            metric: self.metric(),
            vectors: &self.parts.vectors,
            tables: &self.parts.tables,
            serving: serving.map(|(graph, ann)| Serving { graph, ef: ann.ef }),
        };
        searcher.search(queries, request)
    }

    fn damaged(&self, error: &InputError) -> PortError {
        PortError::input(&self.name, error.to_string())
    }

    fn check_positions(&self, positions: &[u32]) -> Result<(), PortError> {
        let n = self.parts.tables.n_snippets();
        match positions.iter().find(|position| **position as usize >= n) {
            Some(position) => {
                let message = format!("no snippet at position {position}: it holds {n}");
                Err(PortError::permanent(&self.name, message))
            }
            None => Ok(()),
        }
    }
}

impl Parts {
    /// Reads bytes that are hashed at the same time: nothing in them is trusted.
    fn open(manifest: &Manifest, files: &Files) -> Result<Self, Damage> {
        let vectors = Vectors::of(files.map(file::VECTORS)?).map_err(Damage::from)?;
        let identity = &manifest.identity;
        let shape = (vectors.rows() as u64, vectors.dim());
        if shape != (identity.n_snippets, identity.embed_dim) {
            return Err(Damage {
                path: files.path(file::VECTORS),
                problem: format!(
                    "holds {} vectors of dimension {} where the manifest says {} of {}",
                    shape.0, shape.1, identity.n_snippets, identity.embed_dim
                ),
            });
        }
        vectors.check(identity.norm).map_err(Damage::from)?;
        let tables = Tables::read(manifest, files.map(file::SECTIONS)?, files.map(file::SNIPPETS)?);
        let graph = match manifest.serving.ann {
            None => None,
            Some(_) => {
                let opened = Hnsw::open(files.map(file::GRAPH)?, vectors.rows());
                let path = || files.path(file::GRAPH);
                Some(opened.map_err(|problem| Damage { path: path(), problem })?)
            }
        };
        Ok(Self { tables: tables.map_err(Damage::from)?, vectors, graph })
    }
}

/// All damage of the index at `dir`: every file is hashed and compared, the two hashes are
/// recomputed, and lines, vectors and graph are read. Empty where there is none.
///
/// # Errors
/// [`OpenError`] where it is missing, no index or unreadable.
pub fn verify(dir: impl AsRef<Path>) -> Result<Vec<Damage>, OpenError> {
    let (contents, mut damage) = Contents::examine(dir.as_ref(), Parts::open)?;
    if let (Some((_, parts)), true) = (contents, damage.is_empty()) {
        damage.extend(parts.err());
    }
    Ok(damage)
}

/// What `inspect` shows.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Inspection {
    /// The directory.
    pub path: PathBuf,
    /// Its manifest.
    pub manifest: Manifest,
    /// Its version fields.
    pub pins: Pins,
    /// Bytes of every file by name.
    pub files: std::collections::BTreeMap<String, u64>,
}

/// Describes the index at `dir` after comparing every file with its digest.
///
/// # Errors
/// [`OpenError`] where it is no index, or is not what its hashes were taken of.
pub fn inspect(dir: impl AsRef<Path>) -> Result<Inspection, OpenError> {
    let path = dir.as_ref().to_owned();
    let (contents, ()) = Contents::whole(&path, |_, _| ())?;
    let files = contents.sizes();
    let manifest = contents.manifest;
    Ok(Inspection { path, pins: manifest.pins(), manifest, files })
}

impl Store for LocalIndex {
    fn name(&self) -> &str {
        &self.name
    }

    fn pins(&self) -> &Pins {
        &self.pins
    }

    fn n_snippets(&self) -> usize {
        self.parts.tables.n_snippets()
    }

    fn n_documents(&self) -> usize {
        self.parts.tables.n_documents()
    }

    fn search(
        &self,
        queries: &[Query<'_>],
        request: SearchRequest,
    ) -> Result<Vec<Result<Answer, PortError>>, PortError> {
        self.search_by(self.parts.graph.as_ref(), queries, request)
    }

    fn snippets(&self, positions: &[u32], _: Deadline) -> Result<Vec<Snippet>, PortError> {
        self.check_positions(positions)?;
        let snippet = |position: &u32| self.parts.tables.snippet(*position);
        let snippets: Result<_, InputError> = positions.iter().map(snippet).collect();
        snippets.map_err(|error| self.damaged(&error))
    }

    fn sections(
        &self,
        doc_ids: &[&str],
        _: Deadline,
    ) -> Result<Vec<Vec<StoredSection>>, PortError> {
        let sections = |doc_id: &&str| self.parts.tables.sections(doc_id);
        let found: Result<_, InputError> = doc_ids.iter().map(sections).collect();
        found.map_err(|error| self.damaged(&error))
    }

    fn section_counts(&self, doc_ids: &[&str], _: Deadline) -> Result<Vec<usize>, PortError> {
        Ok(doc_ids.iter().map(|doc_id| self.parts.tables.n_sections(doc_id)).collect())
    }

    fn vectors(&self, positions: &[u32], _: Deadline) -> Result<Option<Vec<f32>>, PortError> {
        self.check_positions(positions)?;
        let rows = positions.iter().flat_map(|position| self.parts.vectors.row(*position));
        Ok(Some(rows.copied().collect()))
    }

    fn unchanged(&self, _: Deadline) -> Result<(), PortError> {
        self.contents.unchanged(&self.name)
    }
}
