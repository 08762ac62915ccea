//! Version fields that must not drift between two indexes.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How two vectors are compared; in every case a greater score is closer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Metric {
    /// Cosine of the angle; vectors are stored with unit norm.
    Cosine,
    /// Inner product.
    Dot,
    /// Negative squared Euclidean distance.
    L2,
}

/// Whether stored vectors have unit norm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Norm {
    /// Stored with unit norm; always for cosine.
    L2,
    /// Stored as the embedder gave them.
    None,
}

/// Text that names no metric.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown metric `{0}`: expected cosine, dot or l2")]
pub struct MetricError(String);

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cosine => "cosine",
            Self::Dot => "dot",
            Self::L2 => "l2",
        })
    }
}

impl FromStr for Metric {
    type Err = MetricError;

    fn from_str(text: &str) -> Result<Self, MetricError> {
        match text {
            "cosine" => Ok(Self::Cosine),
            "dot" => Ok(Self::Dot),
            "l2" => Ok(Self::L2),
            _ => Err(MetricError(text.to_owned())),
        }
    }
}

/// Names of the pins, in the order in which reports show them.
pub const PIN_NAMES: [&str; 15] = [
    "INDEX_HASH",
    "SERVING_HASH",
    "EMBED_MODEL_VER",
    "EMBED_DIM",
    "EMBED_SCHEMA",
    "NORM",
    "metric",
    "TOK_VER",
    "ANALYZER_CONF",
    "CHUNK_SCHEMA_VER",
    "RERANK_CONF",
    "PROMPT_VER",
    "MODEL_VER",
    "BUILD_ID",
    "GIT_SHA",
];

/// The pins of one index, by name; one that a store does not know is absent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pins(pub BTreeMap<String, String>);

impl Pins {
    /// The value of a pin.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Sets a pin.
    pub fn set(&mut self, name: &str, value: impl fmt::Display) {
        self.0.insert(name.to_owned(), value.to_string());
    }
}
