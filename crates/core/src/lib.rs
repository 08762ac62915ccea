//! Nouns and ports that every other crate shares.
//!
//! This crate does no I/O, reads no clock and no environment: it is what a
//! store, an embedder, a judge and a pointer have to agree on, and nothing
//! else. Adapters implement the ports ([`Embedder`], [`Tokenizer`], [`TextCache`],
//! [`Store`], [`Pointer`]) in crates of their own.

pub mod analyzer;
pub mod corpus;
pub mod deadline;
pub mod digest;
pub mod embedder;
pub mod error;
pub mod evaluation;
pub mod gold;
pub mod number;
pub mod pins;
pub mod pointer;
pub mod span;
pub mod store;
pub mod text_cache;
pub mod tokenizer;

pub use analyzer::{Analyzer, AnalyzerError};
pub use corpus::{Document, Section, Snippet, snippet_id};
pub use deadline::{Deadline, Stop};
pub use digest::{CanonicalError, Digest, DigestError, Hasher, canonical_json};
pub use embedder::{EmbedSchema, Embedder, EmbedderIdentity, Embeddings, Role, RowState};
pub use error::PortError;
pub use gold::{GoldSet, Question, Target, TargetRef, Unit};
pub use number::{Aggregate, Direction, Interval, Number};
pub use pins::{Metric, Norm, PinMismatch, Pins};
pub use pointer::{Pointer, PointerState, StackEntry, Strength, Swap};
pub use span::Span;
pub use store::{Answer, Depth, Hit, Path, Query, SearchRequest, Store, StoredSection};
pub use text_cache::TextCache;
pub use tokenizer::{Tokenizer, Tokens};
