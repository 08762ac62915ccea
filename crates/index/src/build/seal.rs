//! The last files of a build: what the others are, and their digests.

use std::collections::BTreeMap;
use std::io;

use wfgy_core::{Embedder, Metric, Norm};
use wfgy_formats::checksum;
use wfgy_formats::durable::WriteError;

use super::lines::Lines;
use super::link::Linked;
use super::writer::Built;
use super::{BuildError, BuildOptions};
use crate::draft::Draft;
use crate::manifest::{Ann, EmbedderNote, Identity, Manifest, SCHEMA_VERSION, Serving, Tool, file};

/// Writes the manifest and `SHA256SUMS`.
pub(super) fn seal(
    draft: &Draft,
    embedder: &dyn Embedder,
    options: &BuildOptions,
    built: Built,
    graph: Option<Linked>,
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
    if let Some(graph) = graph {
        serving.ann = Some(Ann::new(graph.kind, graph.params));
        serving.files.insert(file::GRAPH.to_owned(), graph.digest);
        counts.graph_bytes = graph.bytes;
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
