//! Cuts a section into snippets.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use wfgy_core::{PortError, Span, Tokenizer};

use crate::sentence;

/// Longest window in tokens that a name may ask for.
const MAX_TOKENS: usize = 1 << 20;

/// CHUNK_SCHEMA_VER: how sections become snippets. Its text form is `sN/oM` or `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chunk {
    /// One snippet a section.
    None,
    /// Windows of at most `size` tokens, each beginning `overlap` tokens before the end of the
    /// one before; 0 ≤ `overlap` ≤ `size` / 2, `size` ≥ 1.
    Windows {
        /// Most tokens in a window.
        size: usize,
        /// Tokens that two neighbours share.
        overlap: usize,
    },
}

/// A name that is no chunking.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no chunking: expected `none` or `sN/oM` with 1 ≤ N ≤ 1048576 and 0 ≤ M ≤ N/2")]
pub struct ChunkNameError(String);

/// A section that cannot be cut.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    /// The tokenizer failed.
    #[error(transparent)]
    Tokenizer(#[from] PortError),
    /// The tokenizer's spans are not in order within the text.
    #[error("tokenizer {tokenizer}: token {token} stands at {span:?}, which is out of order")]
    Spans {
        /// TOK_VER.
        tokenizer: String,
        /// Which token, 0-based.
        token: usize,
        /// Where it claims to stand.
        span: Span,
    },
}

/// One window of a section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Tokens of the section, [start, end).
    pub tokens: Span,
    /// Unicode scalar values of the section's text, from the first token's start to the last
    /// token's end.
    pub offsets: Span,
    /// The same in bytes.
    pub bytes: Range<usize>,
}

impl Chunk {
    /// The windows of `text`, in order; none where it has no token. Time is linear in the text.
    ///
    /// A window ends at the last sentence boundary (UAX #29) that leaves more than
    /// `size − overlap` and at most `size` tokens in it, else after `size` tokens; the window
    /// that reaches the last token is the last.
    ///
    /// # Errors
    /// [`ChunkError`] where the tokenizer fails.
    pub fn cut(self, text: &str, tokenizer: &dyn Tokenizer) -> Result<Vec<Window>, ChunkError> {
        let tokens = tokenizer.encode(text)?.spans;
        check_order(text, &tokens, tokenizer)?;
        let mut windows = Vec::new();
        match self {
            Self::None if tokens.is_empty() => {}
            Self::None => windows.push(Span::new(0, tokens.len())),
            Self::Windows { size, overlap } => {
                let last_boundary = match overlap {
                    // Without overlap no window has room to end early.
                    0 => Vec::new(),
                    _ => last_boundaries(text, &tokens),
                };
                let mut start = 0;
                while start < tokens.len() {
                    let full = start + size;
                    if full >= tokens.len() {
                        windows.push(Span::new(start, tokens.len()));
                        break;
                    }
                    let boundary = last_boundary.get(full).copied().unwrap_or(0);
                    let end = if boundary > full - overlap { boundary } else { full };
                    windows.push(Span::new(start, end));
                    start = end - overlap;
                }
            }
        }
        Ok(locate(text, &tokens, windows))
    }
}

fn check_order(text: &str, tokens: &[Span], tokenizer: &dyn Tokenizer) -> Result<(), ChunkError> {
    let length = text.chars().count();
    let mut before = Span::new(0, 0);
    for (token, span) in tokens.iter().copied().enumerate() {
        let ordered = before.start <= span.start && before.end <= span.end;
        if !ordered || span.start > span.end || span.end > length {
            let tokenizer = tokenizer.version().to_owned();
            return Err(ChunkError::Spans { tokenizer, token, span });
        }
        before = span;
    }
    Ok(())
}

/// For every number of tokens, the greatest number not above it behind which a sentence ends.
fn last_boundaries(text: &str, tokens: &[Span]) -> Vec<usize> {
    let mut ends = vec![false; tokens.len() + 1];
    let mut before = 0;
    for boundary in sentence::boundaries(text) {
        while tokens.get(before).is_some_and(|token| token.end <= boundary) {
            before += 1;
        }
        // A boundary inside a token ends no window.
        if tokens.get(before).is_none_or(|token| token.start >= boundary) {
            ends[before] = true;
        }
    }
    let mut last = 0;
    ends.iter()
        .enumerate()
        .map(|(count, ends)| {
            last = if *ends { count } else { last };
            last
        })
        .collect()
}

/// Adds offsets and bytes; starts and ends both ascend, so that one pass for each will do.
fn locate(text: &str, tokens: &[Span], windows: Vec<Span>) -> Vec<Window> {
    let mut starts = Bytes::new(text);
    let mut ends = Bytes::new(text);
    let window = |tokens_of: Span| {
        let offsets = Span::new(tokens[tokens_of.start].start, tokens[tokens_of.end - 1].end);
        let bytes = starts.at(offsets.start)..ends.at(offsets.end);
        Window { tokens: tokens_of, offsets, bytes }
    };
    windows.into_iter().map(window).collect()
}

/// Turns ascending positions in Unicode scalar values into bytes.
struct Bytes<'a> {
    chars: std::str::Chars<'a>,
    length: usize,
    position: usize,
}

impl<'a> Bytes<'a> {
    fn new(text: &'a str) -> Self {
        Self { chars: text.chars(), length: text.len(), position: 0 }
    }

    fn at(&mut self, position: usize) -> usize {
        while self.position < position && self.chars.next().is_some() {
            self.position += 1;
        }
        self.length - self.chars.as_str().len()
    }
}

impl fmt::Display for Chunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Windows { size, overlap } => write!(f, "s{size}/o{overlap}"),
        }
    }
}

impl FromStr for Chunk {
    type Err = ChunkNameError;

    fn from_str(name: &str) -> Result<Self, ChunkNameError> {
        let parse = || {
            let (size, overlap) = name.strip_prefix('s')?.split_once("/o")?;
            let number = |text: &str| {
                // `+8` and `08` would be other names for the same chunking.
                let plain = text.bytes().all(|b| b.is_ascii_digit())
                    && (text == "0" || !text.starts_with('0'));
                plain.then(|| text.parse::<usize>().ok()).flatten()
            };
            let (size, overlap) = (number(size)?, number(overlap)?);
            ((1..=MAX_TOKENS).contains(&size) && overlap <= size / 2)
                .then_some(Self::Windows { size, overlap })
        };
        match name {
            "none" => Ok(Self::None),
            _ => parse().ok_or_else(|| ChunkNameError(name.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use wfgy_core::Tokens;

    /// Words, and every other visible character alone.
    struct Words;

    impl Tokenizer for Words {
        fn version(&self) -> &str {
            "words"
        }

        fn encode(&self, text: &str) -> Result<Tokens, PortError> {
            let mut tokens = Tokens::default();
            let mut open = None;
            let end = text.chars().count();
            for (i, c) in text.chars().chain([' ']).enumerate() {
                if !c.is_alphanumeric() {
                    if let Some(start) = open.take() {
                        tokens.spans.push(Span::new(start, i));
                    }
                    if !c.is_whitespace() && i < end {
                        tokens.spans.push(Span::new(i, i + 1));
                    }
                } else if open.is_none() {
                    open = Some(i);
                }
            }
            tokens.ids = vec![0; tokens.spans.len()];
            Ok(tokens)
        }
    }

    fn cut(name: &str, text: &str) -> Vec<Window> {
        name.parse::<Chunk>().unwrap().cut(text, &Words).unwrap()
    }

    fn texts(name: &str, text: &str) -> Vec<String> {
        cut(name, text).iter().map(|w| text[w.bytes.clone()].to_owned()).collect()
    }

    #[test]
    fn rule_chunk_names_round_trip_and_overlap_is_at_most_half() {
        for name in ["none", "s128/o32", "s1/o0", "s9/o4", "s8/o4"] {
            assert_eq!(name.parse::<Chunk>().unwrap().to_string(), name);
        }
        for bad in
            ["", "s0/o0", "s8/o5", "s9/o5", "s8", "s08/o1", "s+8/o1", "s8/o-1", "s8/o", "S8/o1"]
        {
            assert!(bad.parse::<Chunk>().is_err(), "{bad}");
        }
    }

    #[test]
    fn rule_a_window_ends_at_the_last_sentence_boundary_that_leaves_more_than_n_minus_m() {
        let text = "One two three. Four five six seven. Eight nine ten eleven twelve.";
        // Tokens: 3 words and a stop, 4 and a stop, 5 and a stop.
        assert_eq!(
            texts("s6/o3", text),
            [
                "One two three.",
                "two three. Four five six",
                "Four five six seven.",
                "six seven. Eight nine ten",
                "Eight nine ten eleven twelve.",
            ]
        );
        // With o2 a boundary after 4 tokens leaves no more than 6 − 2: the window is full.
        assert_eq!(texts("s6/o2", text)[0], "One two three. Four five");
        // Without overlap windows are always full.
        assert_eq!(texts("s6/o0", text)[0], "One two three. Four five");
    }

    #[test]
    fn rule_none_is_one_snippet_a_section_and_a_section_without_tokens_gives_none() {
        assert_eq!(texts("none", "  a b. \n"), ["a b."]);
        for name in ["none", "s4/o1"] {
            assert!(cut(name, " \n\t").is_empty());
            assert!(cut(name, "").is_empty());
        }
    }

    #[test]
    fn rule_offsets_count_unicode_scalar_values() {
        let windows = cut("s2/o0", "é😀 中x y");
        assert_eq!(windows[0].offsets, Span::new(0, 2));
        assert_eq!(windows[0].tokens, Span::new(0, 2));
        assert_eq!(windows[1].offsets, Span::new(3, 7));
        assert_eq!(windows[1].bytes, 7..13);
    }

    #[test]
    fn spans_that_are_out_of_order_are_refused() {
        struct Wild;
        impl Tokenizer for Wild {
            fn version(&self) -> &str {
                "wild"
            }
            fn encode(&self, _: &str) -> Result<Tokens, PortError> {
                Ok(Tokens { ids: vec![0, 1], spans: vec![Span::new(2, 3), Span::new(0, 1)] })
            }
        }
        let error = Chunk::None.cut("abcd", &Wild).unwrap_err().to_string();
        assert!(error.contains("wild") && error.contains("token 1"), "{error}");
        assert!(Chunk::None.cut("a", &Wild).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(600))]
        #[test]
        fn rule_windows_cover_all_tokens_hold_at_most_n_and_share_exactly_m(
            text in "([a-zé]{1,3}[.!?]? ){0,60}",
            size in 1usize..12,
            half in 0usize..6,
        ) {
            let overlap = half.min(size / 2);
            let chunk = Chunk::Windows { size, overlap };
            let tokens = Words.encode(&text).unwrap().spans;
            let windows = chunk.cut(&text, &Words).unwrap();
            prop_assert_eq!(windows.is_empty(), tokens.is_empty());
            let boundaries: Vec<usize> = sentence::boundaries(&text);
            for (i, window) in windows.iter().enumerate() {
                let Span { start, end } = window.tokens;
                prop_assert!(window.tokens.len() <= size && !window.tokens.is_empty());
                prop_assert_eq!(window.offsets, Span::new(tokens[start].start, tokens[end - 1].end));
                let text_of: String = text.chars().skip(window.offsets.start).take(window.offsets.len()).collect();
                prop_assert_eq!(&text[window.bytes.clone()], text_of);
                prop_assert_eq!(i == 0, start == 0);
                prop_assert_eq!(i + 1 == windows.len(), end == tokens.len());
                if let Some(next) = windows.get(i + 1) {
                    prop_assert_eq!(next.tokens.start, end - overlap);
                    // The rule itself, stated by brute force.
                    let ends_sentence = |e: usize| boundaries.iter().any(|b| {
                        tokens[e - 1].end <= *b && *b <= tokens[e].start
                    });
                    let expected = (start + size - overlap + 1..=start + size)
                        .rev()
                        .find(|e| ends_sentence(*e))
                        .unwrap_or(start + size);
                    prop_assert_eq!(end, expected);
                }
            }
        }
    }

    #[test]
    fn rule_a_long_section_is_cut_in_linear_time() {
        let text = "word. ) ".repeat(300_000);
        let start = std::time::Instant::now();
        assert!(cut("s8/o4", &text).len() > 100_000);
        assert!(start.elapsed().as_secs() < 60);
    }
}
