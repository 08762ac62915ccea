//! Port: how text becomes tokens.

use crate::{PortError, Span};

/// Tokens of one text, without special tokens, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tokens {
    /// Vocabulary ids; same length as `spans`.
    pub ids: Vec<u32>,
    /// Where each token stands, in Unicode scalar values of the text.
    pub spans: Vec<Span>,
}

/// Cuts text into the tokens that chunking and coverage count.
pub trait Tokenizer: Send + Sync {
    /// TOK_VER: name and content hash, so that equal strings mean equal tokens.
    fn version(&self) -> &str;

    /// All tokens of `text`, never truncated.
    ///
    /// # Errors
    /// Permanent where the text cannot be tokenised.
    fn encode(&self, text: &str) -> Result<Tokens, PortError>;
}
