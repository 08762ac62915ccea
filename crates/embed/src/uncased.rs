//! The uncased BERT WordPiece (Devlin et al. 2019) by itself.
//!
//! The same steps as the `tokenizers` library takes, over the same Unicode
//! tables, without its alignment of every character: clean, space out Chinese
//! characters, decompose, drop accents, lower-case, split, longest match
//! first. Where places in the text are asked for, only printable ASCII is
//! taken here, since there every character stands for itself. Tests compare
//! the two token for token.

use ahash::AHashMap;
use tokenizers::{AddedToken, ModelWrapper, NormalizerWrapper, PreTokenizerWrapper};
use unicode_categories::UnicodeCategories;
use unicode_normalization_alignments::char::{canonical_combining_class, decompose_canonical};
use wfgy_core::{Span, Tokens};

/// Bytes that the library is given at once: its alignment takes some hundred bytes for each.
const STRETCH: usize = 64 << 10;

/// A vocabulary with everything that ids need.
pub(crate) struct Uncased {
    /// Whole tokens, as a word begins with them.
    words: Vocabulary,
    /// Tokens that continue a word, without their prefix.
    pieces: Vocabulary,
    unknown: u32,
    /// A longer word, in Unicode scalar values, is unknown.
    longest_word: usize,
    /// Names that stand for one token wherever they occur in a text.
    added: Vec<String>,
}

/// Ids by token, and the length in bytes of the longest token.
#[derive(Default)]
struct Vocabulary {
    ids: AHashMap<Box<[u8]>, u32>,
    longest: usize,
}

/// Why a text has no ids here: the library has to take it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unserved;

/// One text on its way to ids.
struct Run<'a> {
    vocabulary: &'a Uncased,
    /// The word that is being read: lower-cased, without accents.
    word: Vec<u8>,
    /// Its length in Unicode scalar values.
    length: usize,
    pieces: Vec<Piece>,
    ids: Vec<u32>,
}

/// A token of a word: its id, and how many bytes of the word it takes.
type Piece = (u32, usize);

impl Uncased {
    /// The same tokenizer as `inner`, where `inner` is an uncased BERT WordPiece.
    pub(crate) fn of(inner: &tokenizers::Tokenizer) -> Option<Self> {
        let Some(NormalizerWrapper::BertNormalizer(normalizer)) = inner.get_normalizer() else {
            return None;
        };
        let uncased = normalizer.clean_text
            && normalizer.handle_chinese_chars
            && normalizer.strip_accents != Some(false)
            && normalizer.lowercase;
        let splits =
            matches!(inner.get_pre_tokenizer(), Some(PreTokenizerWrapper::BertPreTokenizer(_)));
        let ModelWrapper::WordPiece(model) = inner.get_model() else {
            return None;
        };
        let added: Vec<AddedToken> = inner.get_added_tokens_decoder().into_values().collect();
        // Names are looked for in the raw text; a name that is normalised first is not.
        let raw = added.iter().all(|token| !token.normalized && !token.content.is_empty());
        if !uncased || !splits || !raw || model.continuing_subword_prefix.is_empty() {
            return None;
        }
        let (mut words, mut pieces) = (Vocabulary::default(), Vocabulary::default());
        for (token, id) in inner.get_vocab(false) {
            if let Some(piece) = token.strip_prefix(&model.continuing_subword_prefix) {
                pieces.insert(piece, id);
            }
            words.insert(&token, id);
        }
        Some(Self {
            unknown: *words.ids.get(model.unk_token.as_bytes())?,
            words,
            pieces,
            longest_word: model.max_input_chars_per_word,
            added: added.into_iter().map(|token| token.content).collect(),
        })
    }

    /// Ids of the first words of `text` that make at least `enough` tokens, or of all of them.
    ///
    /// # Errors
    /// [`Unserved`] where the text has the name of an added token, or combining marks whose
    /// order would change.
    pub(crate) fn ids(&self, text: &str, enough: usize) -> Result<Vec<u32>, Unserved> {
        if self.added.iter().any(|name| text.contains(name.as_str())) {
            return Err(Unserved);
        }
        let (word, pieces, ids) = (Vec::new(), Vec::new(), Vec::new());
        let mut run = Run { vocabulary: self, word, length: 0, pieces, ids };
        for c in text.chars() {
            if run.ids.len() >= enough {
                return Ok(run.ids);
            }
            if c.is_ascii_alphanumeric() {
                run.push(c.to_ascii_lowercase());
            } else if is_blank(c) {
                run.end_word();
            } else if c.is_ascii() {
                // Punctuation stands alone; control characters are dropped.
                if c.is_ascii_punctuation() {
                    run.single(c);
                }
            } else {
                run.other(c)?;
            }
        }
        run.end_word();
        Ok(run.ids)
    }

    /// Tokens of `text` with their places; None where it has the name of an added token.
    ///
    /// Between blanks, what is not printable ASCII goes to `library`: none of the steps looks
    /// past a blank, so the parts of a text have the tokens of the whole.
    ///
    /// # Errors
    /// Those of `library`.
    pub(crate) fn tokens<E>(
        &self,
        text: &str,
        mut library: impl FnMut(&str) -> Result<Tokens, E>,
    ) -> Result<Option<Tokens>, E> {
        if self.added.iter().any(|name| text.contains(name.as_str())) {
            return Ok(None);
        }
        let mut tokens = Tokens::default();
        // Unicode scalar values in front of `held`, which waits for the library.
        let (mut chars, mut held) = (0, 0..0);
        let mut leave = |held: &str, chars: &mut usize, tokens: &mut Tokens| {
            let part = library(held)?;
            tokens.ids.extend(part.ids);
            let moved = |span: Span| Span::new(*chars + span.start, *chars + span.end);
            tokens.spans.extend(part.spans.into_iter().map(moved));
            *chars += held.chars().count();
            Ok(())
        };
        // Of the same length, byte by byte: what is not ASCII stays.
        let lower = text.to_ascii_lowercase();
        let mut pieces = Vec::new();
        for word in text.split_inclusive(is_blank) {
            let begin = held.end;
            let plain = word.bytes().all(|byte| byte.is_ascii_graphic() || is_blank(byte.into()));
            if !held.is_empty() && (plain || held.len() >= STRETCH) {
                leave(&text[held], &mut chars, &mut tokens)?;
                held = begin..begin;
            }
            if plain {
                self.plain(&lower[begin..begin + word.len()], chars, &mut pieces, &mut tokens);
                chars += word.len();
                held.start = begin + word.len();
            }
            held.end = begin + word.len();
        }
        if !held.is_empty() {
            leave(&text[held], &mut chars, &mut tokens)?;
        }
        Ok(Some(tokens))
    }

    /// Tokens of printable ASCII in lower case that begins at character `start`.
    fn plain(&self, lower: &str, start: usize, pieces: &mut Vec<Piece>, tokens: &mut Tokens) {
        let mut begin = start;
        for part in lower.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
            let word = part.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
            let punctuation = part[word.len()..].trim_end_matches(is_blank);
            let mut at = begin;
            for word in [word, punctuation] {
                self.pieces(word.as_bytes(), word.len(), pieces);
                for &(id, bytes) in &*pieces {
                    tokens.ids.push(id);
                    tokens.spans.push(Span::new(at, at + bytes));
                    at += bytes;
                }
            }
            begin += part.len();
        }
    }

    /// Cuts a word of `length` characters into the longest tokens from its front; all of it is
    /// unknown where that fails.
    fn pieces(&self, word: &[u8], length: usize, pieces: &mut Vec<Piece>) {
        pieces.clear();
        let (mut rest, mut vocabulary) = (word, &self.words);
        while !rest.is_empty() {
            let found = match length <= self.longest_word {
                true => vocabulary.longest(rest),
                false => None,
            };
            let Some((id, bytes)) = found else {
                pieces.clear();
                pieces.push((self.unknown, word.len()));
                return;
            };
            pieces.push((id, bytes));
            rest = &rest[bytes..];
            vocabulary = &self.pieces;
        }
    }
}

impl Run<'_> {
    /// A character outside ASCII.
    fn other(&mut self, c: char) -> Result<(), Unserved> {
        if c == '\u{fffd}' || c.is_other() {
            return Ok(());
        }
        if is_chinese(c) {
            self.end_word();
            self.decomposed(c)?;
            self.end_word();
            return Ok(());
        }
        self.decomposed(c)
    }

    fn decomposed(&mut self, c: char) -> Result<(), Unserved> {
        let mut served = Ok(());
        decompose_canonical(c, |part| {
            if part.is_mark_nonspacing() {
                return;
            }
            // What is left would be put in another order among its like.
            if canonical_combining_class(part) != 0 {
                served = Err(Unserved);
            }
            for lower in part.to_lowercase() {
                if lower.is_whitespace() {
                    self.end_word();
                } else if lower.is_ascii_punctuation() || lower.is_punctuation() {
                    self.single(lower);
                } else {
                    self.push(lower);
                }
            }
        });
        served
    }

    fn push(&mut self, c: char) {
        self.word.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        self.length += 1;
    }

    /// A character that is a word by itself.
    fn single(&mut self, c: char) {
        self.end_word();
        self.push(c);
        self.end_word();
    }

    fn end_word(&mut self) {
        self.vocabulary.pieces(&self.word, self.length, &mut self.pieces);
        self.ids.extend(self.pieces.iter().map(|(id, _)| id));
        self.word.clear();
        self.length = 0;
    }
}

impl Vocabulary {
    fn insert(&mut self, token: &str, id: u32) {
        self.longest = self.longest.max(token.len());
        self.ids.insert(token.as_bytes().into(), id);
    }

    /// The longest token that `word` begins with, and its length in bytes.
    ///
    /// A prefix that ends inside a character is no token, since tokens are UTF-8.
    fn longest(&self, word: &[u8]) -> Option<(u32, usize)> {
        (1..=word.len().min(self.longest))
            .rev()
            .find_map(|bytes| Some((*self.ids.get(&word[..bytes])?, bytes)))
    }
}

/// What separates words, whatever stands around it.
fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

/// The blocks of ideographs that BERT spaces out.
fn is_chinese(c: char) -> bool {
    matches!(
        u32::from(c),
        0x4E00..=0x9FFF
            | 0x3400..=0x4DBF
            | 0x20000..=0x2A6DF
            | 0x2A700..=0x2B73F
            | 0x2B740..=0x2B81F
            | 0x2B920..=0x2CEAF
            | 0xF900..=0xFAFF
            | 0x2F800..=0x2FA1F
    )
}
