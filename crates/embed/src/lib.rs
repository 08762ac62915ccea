//! Embedders behind the core's port.
//!
//! [`BertEmbedder`] runs a sentence encoder from a local folder,
//! [`StaticEmbedder`] is built in and needs no file, [`OpenAiEmbedder`] asks a
//! service, [`PrecomputedEmbedder`] looks vectors up; [`auto()`] takes the
//! encoder where there is one, else the built-in table. [`TextCacheFolder`] keeps
//! vectors of texts from run to run. None of them reads the
//! environment: paths, URLs and keys are arguments.

mod attention;
mod auto;
mod bert;
mod character_map;
mod encoder;
mod error;
mod linear;
mod model_config;
mod openai;
mod precomputed;
mod retry;
mod static_table;
mod text_cache;
mod tokenizer_file;
mod uncased;
mod weights;
mod wordpiece;

pub use auto::{Chosen, auto};
pub use bert::{BertEmbedder, BertOptions};
pub use error::OpenError;
pub use openai::{ApiKey, OpenAiEmbedder, OpenAiOptions};
pub use precomputed::{PrecomputedEmbedder, PrecomputedOptions};
pub use retry::RetryPolicy;
pub use static_table::{StaticEmbedder, built_in_tokenizer};
pub use text_cache::TextCacheFolder;
pub use wordpiece::WordPieceTokenizer;
