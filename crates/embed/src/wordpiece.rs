//! Tokenizers: a model's own `tokenizer.json`, and the built-in WordPiece.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use ahash::AHashMap;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::{TruncationParams, TruncationStrategy};
use wfgy_core::{Digest, PortError, Span, Tokenizer, Tokens};

use crate::OpenError;
use crate::tokenizer_file::believed;
use crate::uncased::Uncased;

/// A tokenizer that counts tokens in Unicode scalar values of the raw text.
///
/// Whatever padding and truncation its file bakes in is removed: the file of
/// all-MiniLM-L6-v2 cuts at 128 where the model itself takes 256.
pub struct WordPieceTokenizer {
    inner: tokenizers::Tokenizer,
    /// The same many times as fast, where it is an uncased BERT WordPiece.
    /// Made when it is first asked for: services and files of vectors need none.
    uncased: OnceLock<Option<Arc<Uncased>>>,
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
        believed(&bytes).map_err(|error| OpenError::invalid(path, "tokenizer", error))?;
        let mut inner = tokenizers::Tokenizer::from_bytes(&bytes)
            .map_err(|error| OpenError::invalid(path, "tokenizer", error))?;
        inner.with_padding(None);
        inner
            .with_truncation(None)
            .map_err(|error| OpenError::invalid(path, "truncation", error))?;
        Ok(Self::new(inner, name, &bytes))
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
        Ok(Self::new(inner, name, vocabulary))
    }

    fn new(inner: tokenizers::Tokenizer, name: &str, source: &[u8]) -> Self {
        let version = format!("{name}@sha256:{}", Digest::of(source));
        Self { inner, uncased: OnceLock::new(), version }
    }

    fn uncased(&self) -> Option<&Arc<Uncased>> {
        self.uncased.get_or_init(|| Uncased::of(&self.inner).map(Arc::new)).as_ref()
    }

    /// How many ids there are, added tokens included.
    pub fn vocabulary_size(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    /// Ids alone, without special tokens, which is faster than [`Tokenizer::encode`].
    ///
    /// # Errors
    /// Permanent where the text cannot be tokenised.
    pub fn ids(&self, text: &str) -> Result<Vec<u32>, PortError> {
        if let Some(Ok(ids)) = self.uncased().map(|own| own.ids(text, usize::MAX)) {
            return Ok(ids);
        }
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
        let own = self.uncased().and_then(|uncased| {
            let (front, back) = special_tokens(&self.inner)?;
            let room = max_tokens.checked_sub(front.len() + back.len())?;
            Some(OwnInput { uncased: Arc::clone(uncased), front, back, room })
        });
        Ok(ModelTokenizer { inner, own, version: self.version.clone() })
    }
}

impl Tokenizer for WordPieceTokenizer {
    fn version(&self) -> &str {
        &self.version
    }

    fn encode(&self, text: &str) -> Result<Tokens, PortError> {
        let library = |text: &str| {
            let encoding = self
                .inner
                .encode_char_offsets(text, false)
                .map_err(|error| PortError::permanent(&self.version, one_line(&error)))?;
            let spans = encoding.get_offsets().iter().map(|&(a, b)| Span::new(a, b)).collect();
            Ok(Tokens { ids: encoding.get_ids().to_vec(), spans })
        };
        if let Some(own) = self.uncased()
            && let Some(tokens) = own.tokens(text, library)?
        {
            return Ok(tokens);
        }
        library(text)
    }
}

/// The same tokenizer as an encoder's input stage.
pub(crate) struct ModelTokenizer {
    inner: tokenizers::Tokenizer,
    own: Option<OwnInput>,
    version: String,
}

/// Ids by [`Uncased`], special tokens around them.
struct OwnInput {
    uncased: Arc<Uncased>,
    front: Vec<u32>,
    back: Vec<u32>,
    /// Tokens that fit between the special ones.
    room: usize,
}

/// What the tokenizer puts before and after a text's own ids.
fn special_tokens(inner: &tokenizers::Tokenizer) -> Option<(Vec<u32>, Vec<u32>)> {
    let plain = inner.encode_fast("a", false).ok()?;
    let whole = inner.encode_fast("a", true).ok()?;
    let (plain, whole) = (plain.get_ids(), whole.get_ids());
    let at = whole.windows(plain.len().max(1)).position(|window| window == plain)?;
    Some((whole[..at].to_vec(), whole[at + plain.len()..].to_vec()))
}

impl ModelTokenizer {
    pub(crate) fn input(&self, text: &str) -> Result<ModelInput, PortError> {
        if let Some(own) = &self.own
            && let Ok(ids) = own.uncased.ids(text, own.room + 1)
        {
            let truncated = ids.len() > own.room;
            let kept = &ids[..ids.len().min(own.room)];
            return Ok(ModelInput { ids: [&own.front, kept, &own.back].concat(), truncated });
        }
        self.by_library(text)
    }

    fn by_library(&self, text: &str) -> Result<ModelInput, PortError> {
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
    use rayon::prelude::*;

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

    /// Numbers from a literal seed.
    struct Random(u64);

    impl Random {
        fn below(&mut self, n: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 >> 11) as usize % n
        }

        fn one<'t>(&mut self, texts: &'t [String]) -> &'t str {
            &texts[self.below(texts.len())]
        }

        /// Words of the vocabulary, whole and changed, among characters of every plane.
        fn words(&mut self, vocabulary: &[String]) -> String {
            let mut text = String::new();
            for _ in 0..1 + self.below(12) {
                match self.below(8) {
                    0..4 => text.push_str(self.one(vocabulary).trim_start_matches("##")),
                    4 => text.push(char::from(self.below(128) as u8)),
                    5 => text.extend(char::from_u32(self.below(0x3100) as u32)),
                    6 => text.extend(char::from_u32(self.below(0x11_0000) as u32)),
                    _ => text.extend(self.one(vocabulary).chars().map(|c| match self.below(5) {
                        0 => c.to_ascii_uppercase(),
                        1 => char::from_u32(0x300 + self.below(0x70) as u32).unwrap_or(c),
                        _ => c,
                    })),
                }
                if self.below(3) > 0 {
                    text.push([' ', ' ', '\t', '\u{a0}', '-', '.'][self.below(6)]);
                }
            }
            text
        }

        /// The front of one text and the end of another, up to three characters changed.
        fn prose(&mut self, texts: &[String]) -> String {
            let [front, end] = [self.one(texts), self.one(texts)].map(|t| t.chars());
            let (front, end): (Vec<char>, Vec<char>) = (front.collect(), end.collect());
            let (a, b) = (self.below(front.len() + 1), self.below(end.len() + 1));
            let mut text = [&front[..a], &end[b..]].concat();
            for _ in 0..self.below(4).min(text.len()) {
                let at = self.below(text.len());
                let plane = [0x80, 0x800, 0x1_0000, 0x11_0000][self.below(4)];
                text[at] = char::from_u32(self.below(plane) as u32).unwrap_or(text[at]);
            }
            text.into_iter().collect()
        }
    }

    /// The texts that the encoder is compared on, and those of a file, one a line.
    fn prose() -> Vec<String> {
        let committed =
            concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/embed/minilm_texts.jsonl");
        let lines = std::fs::read_to_string(committed).unwrap();
        let text = |line| {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            value["text"].as_str().unwrap().to_owned()
        };
        let mut texts: Vec<String> = lines.lines().map(text).collect();
        if let Some(path) = std::env::var_os("WFGY_TOKENIZER_FILE") {
            texts.extend(std::fs::read_to_string(path).unwrap().lines().map(str::to_owned));
        }
        texts
    }

    /// WFGY_TOKENIZER_TEXTS sets how many texts are compared, WFGY_TOKENIZER_FILE adds prose.
    #[test]
    fn own_ids_are_those_of_the_library_token_for_token() {
        let count = std::env::var("WFGY_TOKENIZER_TEXTS")
            .map_or(20_000, |n| n.parse().expect("WFGY_TOKENIZER_TEXTS is a number"));
        let tokenizer = crate::built_in_tokenizer().unwrap();
        let own = tokenizer.uncased().expect("the built-in tokenizer is uncased");
        let mut vocabulary: Vec<String> = tokenizer.inner.get_vocab(false).into_keys().collect();
        vocabulary.sort_unstable();
        let prose = prose();
        let left = (1..=count)
            .into_par_iter()
            .filter(|seed: &u64| {
                let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
                let text = match seed % 2 {
                    0 => random.words(&vocabulary),
                    _ => random.prose(&prose),
                };
                let library = tokenizer.inner.encode_char_offsets(text.as_str(), false).unwrap();
                let ids = own.ids(&text, usize::MAX);
                if let Ok(ids) = &ids {
                    assert_eq!(ids, library.get_ids(), "{seed}: {text:?}");
                }
                let tokens = tokenizer.encode(&text).unwrap();
                let spans: Vec<_> = tokens.spans.iter().map(|s| (s.start, s.end)).collect();
                assert_eq!(tokens.ids, library.get_ids(), "{seed}: {text:?}");
                assert_eq!(spans, library.get_offsets(), "{seed}: {text:?}");
                ids.is_err()
            })
            .count() as u64;
        assert!(left * 50 < count, "{left} of {count} texts are left to the library");
        println!("{count} texts, {left} of them left to the library");
    }

    #[test]
    fn every_character_alone_and_between_letters_gives_the_ids_of_the_library() {
        let tokenizer = crate::built_in_tokenizer().unwrap();
        let own = tokenizer.uncased().expect("the built-in tokenizer is uncased");
        // All of the first 8,192 characters, every 37th of the others.
        let chars = (0..0x11_0000).filter(|c| *c < 0x2000 || c % 37 == 0);
        for c in chars.filter_map(char::from_u32) {
            let text = format!("{c} a{c}B");
            let library = tokenizer.inner.encode_char_offsets(text.as_str(), false).unwrap();
            if let Ok(ids) = own.ids(&text, usize::MAX) {
                assert_eq!(ids, library.get_ids(), "{c:?}");
            }
            let tokens = tokenizer.encode(&text).unwrap();
            let spans: Vec<_> = tokens.spans.iter().map(|s| (s.start, s.end)).collect();
            assert_eq!(tokens.ids, library.get_ids(), "{c:?}");
            assert_eq!(spans, library.get_offsets(), "{c:?}");
        }
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
