//! `manifest.json`: what an index is, and what its two hashes are taken of.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wfgy_core::{
    Analyzer, CanonicalError, Digest, EmbedSchema, EmbedderIdentity, Metric, Norm, Pins,
};

use crate::{AnnKind, Chunk, HnswParams};

/// Version of the files of an index directory.
pub const SCHEMA_VERSION: u32 = 1;

/// Files that every index has, beside those that SERVING_HASH lists.
pub(crate) mod file {
    pub(crate) const MANIFEST: &str = "manifest.json";
    pub(crate) const SECTIONS: &str = "sections.jsonl";
    pub(crate) const SNIPPETS: &str = "snippets.jsonl";
    pub(crate) const VECTORS: &str = "vectors.npy";
    pub(crate) const CHECKSUMS: &str = "SHA256SUMS";
    pub(crate) const GRAPH: &str = "graph.hnsw";
}

/// What INDEX_HASH is taken of: equal identities mean equal content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Name and content hash of the embedder.
    #[serde(rename = "EMBED_MODEL_VER")]
    pub embed_model_ver: String,
    /// Values in a vector.
    #[serde(rename = "EMBED_DIM")]
    pub embed_dim: usize,
    /// `pooling;max_tokens;query_prefix;passage_prefix`.
    #[serde(rename = "EMBED_SCHEMA")]
    pub embed_schema: String,
    /// Whether stored vectors have unit norm.
    #[serde(rename = "NORM")]
    pub norm: Norm,
    /// How vectors are compared.
    pub metric: Metric,
    /// Name and content hash of the tokenizer.
    #[serde(rename = "TOK_VER")]
    pub tok_ver: String,
    /// Name of the text normalisation.
    #[serde(rename = "ANALYZER_CONF")]
    pub analyzer_conf: String,
    /// Name of the chunking.
    #[serde(rename = "CHUNK_SCHEMA_VER")]
    pub chunk_schema_ver: String,
    /// Documents of the corpus.
    pub n_documents: u64,
    /// Snippets cut from them: rows of `vectors.npy`, lines of `snippets.jsonl`.
    pub n_snippets: u64,
    /// Digest of `sections.jsonl`.
    pub sections_sha256: Digest,
    /// Digest of `snippets.jsonl`.
    pub snippets_sha256: Digest,
    /// Digest of `vectors.npy`, header included.
    pub vectors_sha256: Digest,
}

/// The graph of the serving path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ann {
    /// `hnsw` or `hnsw_rs`, see [`AnnKind`].
    pub kind: String,
    /// Links a node keeps in each layer (twice as many in the lowest).
    pub m: usize,
    /// Candidates kept while a node is inserted.
    pub ef_construction: usize,
    /// Candidates kept while a query is answered, at least.
    pub ef: usize,
    /// Of levels and of the order of insertion; absent where it is 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub seed: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(seed: &u64) -> bool {
    *seed == 0
}

impl Ann {
    /// What a manifest says of a graph.
    pub(crate) fn new(kind: AnnKind, params: HnswParams) -> Self {
        let HnswParams { m, ef_construction, ef, seed } = params;
        Self { kind: kind.name().to_owned(), m, ef_construction, ef, seed }
    }

    /// How it was linked; `None` where this program links no such graph.
    pub(crate) fn linking(&self) -> Option<(AnnKind, HnswParams)> {
        let Self { m, ef_construction, ef, seed, .. } = *self;
        Some((AnnKind::named(&self.kind)?, HnswParams { m, ef_construction, ef, seed }))
    }
}

/// The serving path; with INDEX_HASH it is what SERVING_HASH is taken of.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Serving {
    /// Digests of graph and lexical files by name.
    pub files: BTreeMap<String, Digest>,
    /// The graph; `None`: every query is answered by the exact sweep.
    pub ann: Option<Ann>,
    /// How dense and lexical hits are fused; this version writes and opens `None` only.
    pub fusion: Option<serde_json::Value>,
    /// The reranker; this version writes and opens `None` only.
    #[serde(rename = "RERANK_CONF")]
    pub rerank_conf: Option<String>,
}

/// Enough of the embedder to compose its strings again; never where it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmbedderNote {
    /// `minilm`, `static`, `openai`, `precomputed` or another adapter's name.
    pub name: String,
    /// See [`EmbedSchema`].
    pub pooling: String,
    /// See [`EmbedSchema`].
    pub max_tokens: usize,
    /// See [`EmbedSchema`].
    pub query_prefix: String,
    /// See [`EmbedSchema`].
    pub passage_prefix: String,
    /// Whether it gives vectors of unit norm.
    pub unit_norm: bool,
}

/// Counts that are no part of the identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Sections of all documents.
    pub sections: u64,
    /// Sections that gave no snippet because they hold no token.
    pub sections_without_tokens: u64,
    /// Snippets whose end the embedder cut at its own limit.
    pub truncated: u64,
    /// Bytes of the graph file; 0 without a graph.
    pub graph_bytes: u64,
}

/// What built the index.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    /// Version of the program.
    pub version: String,
    /// Instruction set of the kernel, see `wfgy_kernel::Isa`.
    pub kernel: String,
    /// When, RFC 3339 UTC, as the caller gave it.
    pub created_at: String,
    /// The user's name for the build.
    #[serde(rename = "BUILD_ID")]
    pub build_id: Option<String>,
    /// Commit of the program.
    #[serde(rename = "GIT_SHA")]
    pub git_sha: Option<String>,
}

/// `manifest.json`; unknown keys are refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// What INDEX_HASH is taken of.
    pub identity: Identity,
    /// Digest of the identity's RFC 8785 bytes.
    #[serde(rename = "INDEX_HASH")]
    pub index_hash: Digest,
    /// Digest of INDEX_HASH and the serving path.
    #[serde(rename = "SERVING_HASH")]
    pub serving_hash: Digest,
    /// The serving path.
    pub serving: Serving,
    /// The embedder.
    pub embedder: EmbedderNote,
    /// Counts.
    pub counts: Counts,
    /// The builder.
    pub tool: Tool,
}

impl Identity {
    /// INDEX_HASH.
    ///
    /// # Errors
    /// Never for an identity, whose keys are strings.
    pub fn hash(&self) -> Result<Digest, CanonicalError> {
        Digest::of_json(self)
    }
}

impl Serving {
    /// SERVING_HASH, given INDEX_HASH.
    ///
    /// # Errors
    /// Where `fusion` holds no JSON object.
    pub fn hash(&self, index_hash: Digest) -> Result<Digest, CanonicalError> {
        #[derive(Serialize)]
        struct Hashed<'a> {
            #[serde(rename = "INDEX_HASH")]
            index_hash: Digest,
            #[serde(flatten)]
            serving: &'a Serving,
        }
        Digest::of_json(&Hashed { index_hash, serving: self })
    }
}

impl EmbedderNote {
    /// What an index remembers of `identity`, known to the user by `name`.
    pub fn new(name: &str, identity: &EmbedderIdentity) -> Self {
        let schema = &identity.schema;
        Self {
            name: name.to_owned(),
            pooling: schema.pooling.clone(),
            max_tokens: schema.max_tokens,
            query_prefix: schema.query_prefix.clone(),
            passage_prefix: schema.passage_prefix.clone(),
            unit_norm: identity.unit_norm,
        }
    }

    /// The schema that composes embedded strings.
    pub fn schema(&self) -> EmbedSchema {
        EmbedSchema {
            pooling: self.pooling.clone(),
            max_tokens: self.max_tokens,
            query_prefix: self.query_prefix.clone(),
            passage_prefix: self.passage_prefix.clone(),
        }
    }
}

impl Manifest {
    /// All version fields.
    pub fn pins(&self) -> Pins {
        let mut pins = Pins::default();
        let identity = &self.identity;
        pins.set("INDEX_HASH", self.index_hash);
        pins.set("SERVING_HASH", self.serving_hash);
        pins.set("EMBED_MODEL_VER", &identity.embed_model_ver);
        pins.set("EMBED_DIM", identity.embed_dim);
        pins.set("EMBED_SCHEMA", &identity.embed_schema);
        pins.set("NORM", if identity.norm == Norm::L2 { "l2" } else { "none" });
        pins.set("metric", identity.metric);
        pins.set("TOK_VER", &identity.tok_ver);
        pins.set("ANALYZER_CONF", &identity.analyzer_conf);
        pins.set("CHUNK_SCHEMA_VER", &identity.chunk_schema_ver);
        for (name, value) in [
            ("RERANK_CONF", &self.serving.rerank_conf),
            ("BUILD_ID", &self.tool.build_id),
            ("GIT_SHA", &self.tool.git_sha),
        ] {
            if let Some(value) = value {
                pins.set(name, value);
            }
        }
        pins
    }

    /// Checks what no digest shows: that the parts agree and that this program can serve them.
    /// Gives the text normalisation.
    pub(crate) fn check(&self) -> Result<Analyzer, String> {
        let identity = &self.identity;
        if identity.schema_version != SCHEMA_VERSION {
            return Err(format!(
                "identity.schema_version: {} where this program reads {SCHEMA_VERSION}",
                identity.schema_version
            ));
        }
        let index_hash = identity.hash().map_err(|e| e.to_string())?;
        if index_hash != self.index_hash {
            return Err(format!(
                "INDEX_HASH: {} is written, but the identity gives {index_hash}",
                self.index_hash
            ));
        }
        let serving_hash = self.serving.hash(index_hash).map_err(|e| e.to_string())?;
        if serving_hash != self.serving_hash {
            return Err(format!(
                "SERVING_HASH: {} is written, but the serving path gives {serving_hash}",
                self.serving_hash
            ));
        }
        let schema = self.embedder.schema().to_string();
        if schema != identity.embed_schema {
            return Err(format!(
                "embedder: gives the schema `{schema}`, but the identity says `{}`",
                identity.embed_schema
            ));
        }
        if identity.metric == Metric::Cosine && identity.norm != Norm::L2 {
            return Err("identity.NORM: must be `l2` where the metric is cosine".to_owned());
        }
        let analyzer = identity.analyzer_conf.parse().map_err(|e| format!("ANALYZER_CONF: {e}"))?;
        let _: Chunk =
            identity.chunk_schema_ver.parse().map_err(|e| format!("CHUNK_SCHEMA_VER: {e}"))?;
        if self.serving.fusion.is_some() || self.serving.rerank_conf.is_some() {
            return Err("serving: has fusion or a reranker, which this version cannot serve: \
                        use the version that built it"
                .to_owned());
        }
        let names: Vec<&str> = self.serving.files.keys().map(String::as_str).collect();
        match self.serving.ann.as_ref().map(Ann::linking) {
            None if names.is_empty() => {}
            Some(Some((_, params))) if names == [file::GRAPH] => {
                params.check().map_err(|e| format!("serving.ann: {e}"))?;
            }
            _ => {
                return Err(format!(
                    "serving: {names:?} do not belong to the graph it names: \
                     use the version that built it"
                ));
            }
        }
        if identity.embed_dim == 0 || identity.n_snippets == 0 {
            return Err("identity: an index holds at least one vector".to_owned());
        }
        if u32::try_from(identity.n_snippets).is_err() {
            return Err("identity.n_snippets: more than this program can number".to_owned());
        }
        Ok(analyzer)
    }
}
