//! Embedder `static`: one vector a token, compiled in.
//!
//! `assets/static.bin` is made by `scripts/distill_static.py`. All integers
//! and floats are little-endian:
//!
//! ```text
//! 0    8 bytes   magic "WFGYSTA1"
//! 8    u32       tokens V
//! 12   u32       dimensions D
//! 16   u32       length L of the vocabulary in bytes
//! 20   u32       0
//! 24   L bytes   vocabulary: V lines, each a token and a newline; the line number is the id
//! …    V × f32   scale of each row; holds the token's SIF weight; 0 for special tokens
//! …    V × D i8  rows; value = scale × i8
//! ```
//!
//! A text's vector is the sum of its tokens' rows at unit norm, so a weighted
//! mean (Arora, Liang, Ma 2017) needs no division.

use rayon::prelude::*;
use wfgy_core::{
    Deadline, EmbedSchema, Embedder, EmbedderIdentity, Embeddings, PortError, RowState, Tokenizer,
};

use crate::{OpenError, WordPieceTokenizer};

const TABLE: &[u8] = include_bytes!("../assets/static.bin");

/// SHA-256 of `assets/static.bin`; a test recomputes it.
const TABLE_SHA256: &str = "d4eff5ca55ee1b28416393a10aca0b76b8529b49f748b6f8cef27d404769d578";

const MAGIC: &[u8; 8] = b"WFGYSTA1";
const HEADER: usize = 24;

/// The built-in embedder: fast, needs no file, knows words but no word order.
///
/// Unrelated texts are closer to each other under it than under a transformer,
/// so a ΔS bound made for a transformer may be blind; calibration says so.
/// A text without a known token has the zero vector, which callers refuse by
/// name wherever a direction is needed.
pub struct StaticEmbedder {
    table: Table<'static>,
    tokenizer: WordPieceTokenizer,
    identity: EmbedderIdentity,
}

/// A parsed `static.bin`.
struct Table<'a> {
    dim: usize,
    vocabulary: &'a [u8],
    scales: &'a [[u8; 4]],
    rows: &'a [u8],
}

impl<'a> Table<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self, OpenError> {
        let problem = |what: &str| OpenError::setting("built-in table", what);
        let (header, rest) =
            bytes.split_at_checked(HEADER).ok_or_else(|| problem("is shorter than its header"))?;
        if !header.starts_with(MAGIC) {
            return Err(problem("does not begin with WFGYSTA1"));
        }
        let word = |at: usize| {
            u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
                as usize
        };
        let (tokens, dim, text) = (word(8), word(12), word(16));
        let size = tokens.checked_mul(dim + 4).and_then(|n| n.checked_add(text));
        if dim == 0 || tokens == 0 || size != Some(rest.len()) {
            return Err(problem("has another size than its header says"));
        }
        let (vocabulary, rest) = rest.split_at(text);
        if vocabulary.iter().filter(|b| **b == b'\n').count() != tokens {
            return Err(problem("has not one line a token"));
        }
        let (scales, rows) = rest.split_at(tokens * 4);
        let scales = scales.as_chunks().0;
        if scales.iter().any(|s| !f32::from_le_bytes(*s).is_finite()) {
            return Err(problem("has a scale that is not finite"));
        }
        Ok(Self { dim, vocabulary, scales, rows })
    }

    /// The sum of the tokens' rows at unit norm; zero where no token has a row.
    fn embed(&self, ids: &[u32], out: &mut [f32]) {
        let mut sum = vec![0.0_f64; self.dim];
        for id in ids {
            let id = *id as usize;
            let scale = f64::from(f32::from_le_bytes(self.scales[id]));
            if scale != 0.0 {
                let row = &self.rows[id * self.dim..(id + 1) * self.dim];
                for (s, v) in sum.iter_mut().zip(row) {
                    *s += scale * f64::from(v.cast_signed());
                }
            }
        }
        let norm = sum.iter().map(|s| s * s).sum::<f64>().sqrt();
        let unit = if norm > 0.0 { 1.0 / norm } else { 0.0 };
        out.iter_mut().zip(&sum).for_each(|(o, s)| *o = (s * unit) as f32);
    }
}

impl StaticEmbedder {
    /// The table that is compiled in.
    ///
    /// # Errors
    /// Only where the program was built with a damaged table.
    pub fn new() -> Result<Self, OpenError> {
        let table = Table::parse(TABLE)?;
        let tokenizer = built_in_tokenizer()?;
        let identity = EmbedderIdentity {
            model_ver: format!("static@sha256:{TABLE_SHA256}"),
            dim: table.dim,
            schema: EmbedSchema {
                pooling: "sif".to_owned(),
                max_tokens: 0,
                query_prefix: String::new(),
                passage_prefix: String::new(),
            },
            unit_norm: true,
            settings: tokenizer.version().to_owned(),
        };
        if tokenizer.vocabulary_size() != table.scales.len() {
            return Err(OpenError::setting("built-in table", "has a token twice"));
        }
        Ok(Self { table, tokenizer, identity })
    }
}

/// The built-in WordPiece: what counts tokens where an embedder has no tokenizer of its own.
///
/// # Errors
/// Only where the program was built with a damaged table.
pub fn built_in_tokenizer() -> Result<WordPieceTokenizer, OpenError> {
    WordPieceTokenizer::from_vocabulary(Table::parse(TABLE)?.vocabulary, "wordpiece-uncased")
}

impl Embedder for StaticEmbedder {
    fn identity(&self) -> &EmbedderIdentity {
        &self.identity
    }

    fn tokenizer(&self) -> &dyn Tokenizer {
        &self.tokenizer
    }

    fn embed(&self, texts: &[&str], deadline: Deadline) -> Result<Embeddings, PortError> {
        let dim = self.table.dim;
        let mut values = vec![0.0; texts.len() * dim];
        values.par_chunks_exact_mut(dim).zip(texts.par_iter()).try_for_each(|(row, text)| {
            if deadline.passed(std::time::Instant::now()) {
                return Err(PortError::Deadline { part: self.identity.model_ver.clone() });
            }
            self.table.embed(&self.tokenizer.ids(text)?, row);
            Ok(())
        })?;
        Ok(Embeddings { values, states: vec![RowState::Whole; texts.len()] })
    }
}

#[cfg(test)]
#[path = "../../../tests/mutated.rs"]
mod mutated;

#[cfg(test)]
mod tests {
    use wfgy_core::Digest;
    use wfgy_kernel::{cosine_f64, norm_f64};

    use super::mutated::{Mutations, peak};
    use super::*;

    fn embed(texts: &[&str]) -> Embeddings {
        StaticEmbedder::new().unwrap().embed(texts, Deadline::NONE).unwrap()
    }

    #[test]
    fn table_is_the_one_that_its_hash_names_and_at_most_8_mib() {
        assert_eq!(Digest::of(TABLE).to_string(), TABLE_SHA256);
        assert!(TABLE.len() <= 8 * 1024 * 1024);
    }

    #[test]
    fn related_text_is_closer_than_unrelated_text() {
        let made = embed(&[
            "how do I restore a backup of the database?",
            "Recovering the database from last night's backup.",
            "The violinist tuned her instrument before the concert.",
        ]);
        let row = |i| made.row(i).unwrap();
        let near = cosine_f64(row(0), row(1)).unwrap();
        let far = cosine_f64(row(0), row(2)).unwrap();
        assert!(near > 0.5 && far < 0.3, "near {near}, far {far}");
        assert!((norm_f64(row(0)) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn word_order_and_case_do_not_matter_and_batches_neither() {
        let both = embed(&["Alpha beta gamma", "gamma BETA alpha"]);
        assert!(cosine_f64(both.row(0).unwrap(), both.row(1).unwrap()).unwrap() > 0.999_999);
        assert_eq!(embed(&["Alpha beta gamma"]).row(0), both.row(0));
    }

    #[test]
    fn text_without_a_known_token_is_the_zero_vector() {
        for text in ["", "  ", "🙂"] {
            assert!(embed(&[text]).values.iter().all(|v| *v == 0.0), "{text:?}");
        }
    }

    #[test]
    fn damaged_tables_are_refused() {
        for bytes in [&TABLE[..10], &TABLE[..TABLE.len() - 1], &TABLE[1..]] {
            assert!(Table::parse(bytes).is_err());
        }
        let mut nan = TABLE.to_vec();
        let scales = HEADER + Table::parse(TABLE).unwrap().vocabulary.len();
        nan[scales..scales + 4].copy_from_slice(&f32::NAN.to_le_bytes());
        assert!(Table::parse(&nan).is_err());
    }

    #[test]
    fn damaged_copies_of_a_small_table_are_a_table_or_an_error() {
        let (vocabulary, tokens, dim) = ("[PAD]\n[UNK]\nalias\n##s\nmoves\n", 5_u32, 6_u32);
        let mut whole = MAGIC.to_vec();
        for word in [tokens, dim, vocabulary.len() as u32, 0] {
            whole.extend(word.to_le_bytes());
        }
        whole.extend(vocabulary.bytes());
        whole.extend([0.0, 0.0, 0.5, 0.25, 1e-3_f32].iter().flat_map(|s| s.to_le_bytes()));
        whole.extend((0..tokens * dim).map(|i| i as u8 ^ 0x55));
        let before = peak();
        let (mut taken, mut refused) = (0, 0);
        for bytes in [whole.clone()].into_iter().chain(Mutations::of(&whole, 0x5eed).take(4000)) {
            match Table::parse(&bytes) {
                Ok(table) => {
                    taken += 1;
                    let ids: Vec<u32> = (0..table.scales.len() as u32).collect();
                    let mut out = vec![0.0; table.dim];
                    table.embed(&ids, &mut out);
                    assert!(out.iter().all(|value| value.is_finite()), "{bytes:?}");
                }
                Err(error) => {
                    refused += 1;
                    let told = error.to_string();
                    assert!(told.starts_with("built-in table: ") && !told.contains('\n'), "{told}");
                }
            }
        }
        // Values may differ and it is a table all the same; the digest of the shipped one tells.
        assert!(taken > 1 && refused > 2000, "{taken} tables, {refused} refused");
        assert!(peak() - before < 1 << 30, "no length of a damaged table is believed");
    }

    #[test]
    fn a_deadline_that_has_passed_gives_no_vectors() {
        let passed = Deadline::at(std::time::Instant::now() - std::time::Duration::from_secs(1));
        let model = StaticEmbedder::new().unwrap();
        assert!(matches!(model.embed(&["a"], passed), Err(PortError::Deadline { .. })));
    }
}
