//! Tokenizers: a model's own `tokenizer.json`, and the built-in WordPiece.

use std::path::Path;

use ahash::AHashMap;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::{TruncationParams, TruncationStrategy};
use wfgy_core::{Digest, PortError, Span, Tokenizer, Tokens};

use crate::OpenError;

/// A tokenizer that counts tokens in Unicode scalar values of the raw text.
///
/// Whatever padding and truncation its file bakes in is removed: the file of
/// all-MiniLM-L6-v2 cuts at 128 where the model itself takes 256.
pub struct WordPieceTokenizer {
    inner: tokenizers::Tokenizer,
    version: String,
}

/// Token ids as an encoder takes them, special tokens included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ModelInput {
    /// Vocabulary ids.
    pub(crate) ids: Vec<u32>,
    /// Whether the end of the text was cut.
    pub(crate) truncated: bool,
}

impl WordPieceTokenizer {
    /// Reads a `tokenizer.json`; `name` goes into TOK_VER beside the file's SHA-256.
    ///
    /// # Errors
    /// [`OpenError`] where the file is missing or is no tokenizer.
    pub fn open(path: &Path, name: &str) -> Result<Self, OpenError> {
        let bytes = OpenError::read(path)?;
        let mut inner = tokenizers::Tokenizer::from_bytes(&bytes)
            .map_err(|error| OpenError::invalid(path, "tokenizer", error))?;
        inner.with_padding(None);
        inner
            .with_truncation(None)
            .map_err(|error| OpenError::invalid(path, "truncation", error))?;
        Ok(Self { inner, version: format!("{name}@sha256:{}", Digest::of(&bytes)) })
    }

    /// Lower-casing BERT WordPiece over a vocabulary of one token a line.
    ///
    /// It knows no special tokens: the text `[SEP]` is three tokens.
    ///
    /// # Errors
    /// Where the lines are no vocabulary.
    pub fn from_vocabulary(vocabulary: &[u8], name: &str) -> Result<Self, OpenError> {
        let invalid = |problem: &dyn std::fmt::Display| OpenError::setting("vocabulary", problem);
        let text = std::str::from_utf8(vocabulary).map_err(|error| invalid(&error))?;
        let ids: AHashMap<String, u32> =
            text.lines().zip(0..).map(|(token, id)| (token.to_owned(), id)).collect();
        let model = WordPiece::builder()
            .vocab(ids)
            .unk_token("[UNK]".to_owned())
            .build()
            .map_err(|error| invalid(&error))?;
        let mut inner = tokenizers::Tokenizer::new(model);
        if inner.token_to_id("[UNK]").is_none() {
            return Err(invalid(&"has no [UNK]"));
        }
        inner.with_normalizer(Some(BertNormalizer::default()));
        inner.with_pre_tokenizer(Some(BertPreTokenizer));
        Ok(Self { inner, version: format!("{name}@sha256:{}", Digest::of(vocabulary)) })
    }

    /// How many ids there are, added tokens included.
    pub fn vocabulary_size(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    /// Ids alone, which is faster than [`Tokenizer::encode`].
    pub(crate) fn ids(&self, text: &str) -> Result<Vec<u32>, PortError> {
        let encoding = self
            .inner
            .encode_fast(text, false)
            .map_err(|error| PortError::permanent(&self.version, one_line(&error)))?;
        Ok(encoding.get_ids().to_vec())
    }

    /// A copy that cuts at `max_tokens`, special tokens counted, for an encoder's input.
    pub(crate) fn for_model(
        &self,
        max_tokens: usize,
        path: &Path,
    ) -> Result<ModelTokenizer, OpenError> {
        let mut inner = self.inner.clone();
        inner
            .with_truncation(Some(TruncationParams {
                max_length: max_tokens,
                strategy: TruncationStrategy::LongestFirst,
                ..TruncationParams::default()
            }))
            .map_err(|error| OpenError::invalid(path, "truncation", error))?;
        Ok(ModelTokenizer { inner, version: self.version.clone() })
    }
}

impl Tokenizer for WordPieceTokenizer {
    fn version(&self) -> &str {
        &self.version
    }

    fn encode(&self, text: &str) -> Result<Tokens, PortError> {
        let encoding = self
            .inner
            .encode_char_offsets(text, false)
            .map_err(|error| PortError::permanent(&self.version, one_line(&error)))?;
        let spans = encoding.get_offsets().iter().map(|&(a, b)| Span::new(a, b)).collect();
        Ok(Tokens { ids: encoding.get_ids().to_vec(), spans })
    }
}

/// The same tokenizer as an encoder's input stage.
pub(crate) struct ModelTokenizer {
    inner: tokenizers::Tokenizer,
    version: String,
}

impl ModelTokenizer {
    pub(crate) fn input(&self, text: &str) -> Result<ModelInput, PortError> {
        let encoding = self
            .inner
            .encode_fast(text, true)
            .map_err(|error| PortError::permanent(&self.version, one_line(&error)))?;
        Ok(ModelInput {
            ids: encoding.get_ids().to_vec(),
            truncated: !encoding.get_overflowing().is_empty(),
        })
    }
}

fn one_line(error: &tokenizers::Error) -> String {
    format!("text cannot be tokenised: {error}").replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn toy() -> WordPieceTokenizer {
        let vocabulary = "[PAD]\n[UNK]\ncaf\n##e\n東\n.\nhello\n##ss\n";
        WordPieceTokenizer::from_vocabulary(vocabulary.as_bytes(), "toy").unwrap()
    }

    #[test]
    fn offsets_are_unicode_scalar_values_of_the_raw_text() {
        let text = "  Cafe\u{301} 東. HELLOss 🙂";
        let tokens = toy().encode(text).unwrap();
        let chars: Vec<char> = text.chars().collect();
        let cut: Vec<String> =
            tokens.spans.iter().map(|s| chars[s.start..s.end].iter().collect()).collect();
        assert_eq!(tokens.ids, [2, 3, 4, 5, 6, 7, 1]);
        assert_eq!(cut[0], "Caf");
        assert!(cut[1].starts_with('e'), "{cut:?}");
        assert_eq!(&cut[2..], ["東", ".", "HELLO", "ss", "🙂"]);
        assert!(tokens.spans.windows(2).all(|w| w[0].end <= w[1].start));
    }

    #[test]
    fn empty_text_has_no_tokens_and_special_names_are_plain_text() {
        assert_eq!(toy().encode("").unwrap(), Tokens::default());
        assert_eq!(toy().encode("[PAD]").unwrap().ids, [1, 1, 1]);
    }

    #[test]
    fn version_is_name_and_content_hash() {
        let version = toy().version().to_owned();
        assert!(version.starts_with("toy@sha256:"));
        let other = WordPieceTokenizer::from_vocabulary(b"[PAD]\n[UNK]\ncaf\n", "toy").unwrap();
        assert_ne!(version, other.version());
        assert!(WordPieceTokenizer::from_vocabulary(b"a\nb\n", "toy").is_err());
    }

    #[test]
    fn a_file_that_is_no_tokenizer_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tokenizer.json");
        assert!(matches!(
            WordPieceTokenizer::open(&path, "x"),
            Err(OpenError::Missing { path: p }) if p == path
        ));
        std::fs::write(&path, "{\"version\": ").unwrap();
        let error = WordPieceTokenizer::open(&path, "x").err().unwrap().to_string();
        assert!(error.contains("tokenizer.json: tokenizer: "), "{error}");
        assert!(!error.contains('\n'));
    }
}
