//! Version fields that must not drift between two indexes.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::EmbedderIdentity;

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

/// Pins of the embedder that made an index's vectors; an index without vectors has none of them.
pub const EMBEDDER_PINS: [&str; 3] = ["EMBED_MODEL_VER", "EMBED_DIM", "EMBED_SCHEMA"];

/// A part that is not the one that an index was built with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{index}: {pin} is `{stored}` in this index, but `{given}` was given: \
     ask it with what it was built with, or build it anew"
)]
pub struct PinMismatch {
    /// The index as the user named it.
    pub index: String,
    /// The pin that differs.
    pub pin: &'static str,
    /// Its value in the index; `nothing` where it has none.
    pub stored: String,
    /// Its value in what was given.
    pub given: String,
}

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

    /// Whether a pin of an embedder is there: the index says that it holds vectors.
    pub fn name_embedder(&self) -> bool {
        EMBEDDER_PINS.iter().any(|pin| self.0.contains_key(*pin))
    }

    /// Checks that the index called `index` was built with this embedder.
    ///
    /// # Errors
    /// The first pin that differs.
    pub fn check_embedder(
        &self,
        index: &str,
        embedder: &EmbedderIdentity,
    ) -> Result<(), PinMismatch> {
        let dim = embedder.dim.to_string();
        let [model, size, schema] = EMBEDDER_PINS;
        self.check(index, model, &embedder.model_ver)?;
        self.check(index, size, &dim)?;
        self.check(index, schema, &embedder.schema.to_string())
    }

    /// Checks that the index called `index` was cut with the tokenizer of this version.
    ///
    /// # Errors
    /// Where it was not.
    pub fn check_tokenizer(&self, index: &str, version: &str) -> Result<(), PinMismatch> {
        self.check(index, "TOK_VER", version)
    }

    fn check(&self, index: &str, pin: &'static str, given: &str) -> Result<(), PinMismatch> {
        match self.get(pin) {
            Some(stored) if stored == given => Ok(()),
            stored => Err(PinMismatch {
                index: index.to_owned(),
                pin,
                stored: stored.unwrap_or("nothing").to_owned(),
                given: given.to_owned(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EmbedSchema;

    #[test]
    fn rule_an_index_is_asked_with_what_it_was_built_with_only() {
        let schema = EmbedSchema {
            pooling: "mean".into(),
            max_tokens: 256,
            query_prefix: "q: ".into(),
            passage_prefix: String::new(),
        };
        let (model_ver, settings) = ("m@1".into(), String::new());
        let identity = EmbedderIdentity { model_ver, dim: 4, schema, unit_norm: true, settings };
        let mut pins = Pins::default();
        assert!(!pins.name_embedder());
        pins.set("EMBED_MODEL_VER", "m@1");
        assert!(pins.name_embedder());
        let error = pins.check_embedder("docs", &identity).unwrap_err();
        assert_eq!((error.pin, error.stored.as_str()), ("EMBED_DIM", "nothing"));
        pins.set("EMBED_DIM", 4);
        pins.set("EMBED_SCHEMA", "mean;256;q: ;");
        pins.check_embedder("docs", &identity).unwrap();
        for (pin, value) in
            [("EMBED_MODEL_VER", "m@2"), ("EMBED_DIM", "5"), ("EMBED_SCHEMA", "mean;256;;")]
        {
            let mut other = pins.clone();
            other.set(pin, value);
            let error = other.check_embedder("docs", &identity).unwrap_err().to_string();
            assert!(error.starts_with(&format!("docs: {pin} is `{value}` in this")), "{error}");
        }
        assert!(pins.check_tokenizer("docs", "t@1").is_err(), "none is not any");
        pins.set("TOK_VER", "t@1");
        pins.check_tokenizer("docs", "t@1").unwrap();
    }
}
