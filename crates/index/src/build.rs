//! From documents to an index directory.

mod error;
mod lines;
mod link;
mod seal;
mod writer;

use std::ops::ControlFlow;
use std::path::Path;

use wfgy_core::{Analyzer, Deadline, Document, Embedder, Metric};
use wfgy_formats::{InputError, Origin};

use crate::chunk::Chunk;
use crate::draft::{Draft, Replace};
use crate::graph::{AnnKind, HnswParams};
use crate::manifest::{Manifest, Tool};
use link::link;
use seal::seal;
use writer::Writer;

pub use error::BuildError;

/// From so many snippets on [`AnnChoice::Auto`] builds a graph.
pub const AUTO_ANN_SNIPPETS: u64 = 10_000;

/// Which graph to build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AnnChoice {
    /// None below [`AUTO_ANN_SNIPPETS`] snippets, else the default graph.
    #[default]
    Auto,
    /// None: queries are answered by the exact sweep.
    None,
    /// This one.
    Graph(AnnKind, HnswParams),
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
    /// A graph is about to be linked.
    Allocating {
        /// Snippets.
        snippets: u64,
        /// Bytes of memory that linking takes, beside the mapped vectors; about, for `hnsw_rs`.
        bytes: u64,
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

/// Builds the index of `corpus` at `out` and gives its manifest.
///
/// Documents stream through: beside what the embedder itself needs, memory holds one group of
/// documents, one batch of texts, and, where a graph is built, what [`Progress::Allocating`]
/// says. The same corpus, embedder and options give the same INDEX_HASH on any number of
/// threads. `report` may stop the build.
///
/// # Errors
/// [`BuildError`]; `out` is then what it was before.
pub fn build(
    corpus: impl IntoIterator<Item = Result<(Document, Origin), InputError>>,
    embedder: &dyn Embedder,
    options: &BuildOptions,
    out: &Path,
    replace: Replace<'_>,
    report: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Manifest, BuildError> {
    if let AnnChoice::Graph(_, params) = options.ann {
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
    for document in corpus {
        let (document, origin) = document?;
        writer.document(document, origin, report)?;
    }
    let built = writer.finish(report)?;
    let graph = link(&draft, embedder, options, built.snippets, report)?;
    if report(Progress::Finishing).is_break() {
        return Err(BuildError::Interrupted);
    }
    let manifest = seal(&draft, embedder, options, built, graph)?;
    draft.place(replace)?;
    Ok(manifest)
}
