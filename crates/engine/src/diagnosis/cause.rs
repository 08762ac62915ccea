//! A possible cause: its name, and what to do about it.

use std::fmt;

/// What may be wrong with an index, in the order of ties.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CauseKind {
    /// The stored vectors are another model's, or were asked in another way than it was trained for.
    OtherEmbedder,
    /// Some of them are.
    MixedEmbedders,
    /// Ids, texts and vectors do not belong together.
    ShuffledIds,
    /// The stored vectors were made under another ANALYZER_CONF than questions are.
    AnalyzerDrift,
    /// Snippets were cut under another tokenizer.
    TokenizerDrift,
    /// The metric is not the embedder's.
    MetricMismatch,
    /// Vectors of an embedder that gives unit vectors are of several lengths.
    MissingNormalisation,
    /// The graph does not find what an exact search finds.
    GraphLoss,
    /// A run of documents, side by side, is gone.
    PartitionMissing,
    /// Documents are gone.
    MissingDocuments,
    /// Some documents are in another language.
    LanguageChange,
    /// One text is in most sections.
    Boilerplate,
    /// Texts end early.
    TruncatedText,
    /// Documents are another revision than the one that was asked about.
    StaleDocuments,
    /// Hits repeat each other.
    NearDuplicates,
    /// The gold set names places that are elsewhere in this index.
    LabelDrift,
    /// Snippets are too short or too long.
    Chunking,
}

/// All of them, in the order of ties.
pub(super) const ALL: [CauseKind; 17] = [
    CauseKind::OtherEmbedder,
    CauseKind::MixedEmbedders,
    CauseKind::ShuffledIds,
    CauseKind::AnalyzerDrift,
    CauseKind::TokenizerDrift,
    CauseKind::MetricMismatch,
    CauseKind::MissingNormalisation,
    CauseKind::GraphLoss,
    CauseKind::PartitionMissing,
    CauseKind::MissingDocuments,
    CauseKind::LanguageChange,
    CauseKind::Boilerplate,
    CauseKind::TruncatedText,
    CauseKind::StaleDocuments,
    CauseKind::NearDuplicates,
    CauseKind::LabelDrift,
    CauseKind::Chunking,
];

/// A possible cause.
#[derive(Debug, Clone, PartialEq)]
pub struct Cause {
    /// Which.
    pub kind: CauseKind,
    /// How much speaks for it, in [0, 1].
    pub score: f64,
    /// What, with its numbers; no text of corpus or gold set.
    pub evidence: String,
}

impl fmt::Display for CauseKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OtherEmbedder => "other_embedder",
            Self::MixedEmbedders => "mixed_embedders",
            Self::ShuffledIds => "shuffled_ids",
            Self::AnalyzerDrift => "analyzer_drift",
            Self::TokenizerDrift => "tokenizer_drift",
            Self::MetricMismatch => "metric_mismatch",
            Self::MissingNormalisation => "missing_normalisation",
            Self::GraphLoss => "graph_loss",
            Self::PartitionMissing => "partition_missing",
            Self::MissingDocuments => "missing_documents",
            Self::LanguageChange => "language_change",
            Self::Boilerplate => "boilerplate",
            Self::TruncatedText => "truncated_text",
            Self::StaleDocuments => "stale_documents",
            Self::NearDuplicates => "near_duplicates",
            Self::LabelDrift => "label_drift",
            Self::Chunking => "chunking",
        })
    }
}

impl CauseKind {
    /// What to do about it.
    pub fn advice(self) -> &'static str {
        match self {
            Self::OtherEmbedder => {
                "embed the whole corpus anew with the model, pooling and prefixes that questions \
                 are embedded with"
            }
            Self::MixedEmbedders => {
                "an embedding job stopped half-way or ran with two models: embed the whole corpus \
                 anew with one"
            }
            Self::ShuffledIds => {
                "ids were joined to the wrong rows: join by key, not by order, and rebuild"
            }
            Self::AnalyzerDrift => {
                "build and ask under one ANALYZER_CONF: embed the corpus anew under this one"
            }
            Self::TokenizerDrift => "cut the corpus anew under the tokenizer that TOK_VER names",
            Self::MetricMismatch => "build with the metric that the model was trained for",
            Self::MissingNormalisation => "normalise vectors before they are stored, or use cosine",
            Self::GraphLoss => "build the graph with a greater m and ef_construction, or raise ef",
            Self::PartitionMissing => "load the partition or shard that was left out, and rebuild",
            Self::MissingDocuments => {
                "compare the list of documents with the source: a crawl or an import lost some"
            }
            Self::LanguageChange => {
                "index the language that is asked in, or use a multilingual model"
            }
            Self::Boilerplate => "strip headers, footers and banners before texts are cut",
            Self::TruncatedText => {
                "look for a column, a field or a reader that ends texts early; cut sections into \
                 snippets within the model's limit"
            }
            Self::StaleDocuments => {
                "index the current revision; where the corpus is the newer one, update the gold set"
            }
            Self::NearDuplicates => "remove repeated documents before they are indexed",
            Self::LabelDrift => "run `wfgy_eval gold check`, and move the labels",
            Self::Chunking => {
                "choose snippets about as long as an answer (--chunk sN/oM), and compare the curves"
            }
        }
    }
}
