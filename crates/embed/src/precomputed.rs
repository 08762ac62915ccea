//! Embedder `precomputed`: vectors that somebody else has made.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use wfgy_core::{
    Deadline, Digest, EmbedSchema, Embedder, EmbedderIdentity, Embeddings, PortError, RowState,
    Tokenizer,
};
use wfgy_formats::{npy, source};
use wfgy_kernel::norm_f64;

use crate::static_table::built_in_tokenizer;
use crate::{OpenError, WordPieceTokenizer};

/// Longest file of ids in bytes: 2²⁶ lines.
const LONGEST_IDS: usize = 65 << 26;

/// How the vectors were made; it decides which strings they are looked up by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PrecomputedOptions {
    /// EMBED_MODEL_VER; `None` takes the hash of both files. Name it where snippets and
    /// wordings come in different files, else one is refused under the other's index.
    pub model_ver: Option<String>,
    /// What was put before every wording.
    pub query_prefix: String,
    /// What was put before every snippet and anchor.
    pub passage_prefix: String,
}

/// Looks vectors up by the SHA-256 of the embedded string.
///
/// A text without a vector is [`RowState::Missing`]. Vectors are given as they
/// stand in the file; their norm is the caller's business.
pub struct PrecomputedEmbedder {
    values: Vec<f32>,
    rows: HashMap<Digest, usize>,
    tokenizer: WordPieceTokenizer,
    identity: EmbedderIdentity,
}

impl PrecomputedEmbedder {
    /// Where the ids of `vectors` stand unless they are named: `x.npy` has `x.ids`.
    pub fn ids_beside(vectors: &Path) -> PathBuf {
        vectors.with_extension("ids")
    }

    /// Reads an N × D float32 `.npy` and its ids, one SHA-256 in lower-case hexadecimal a line.
    ///
    /// # Errors
    /// [`OpenError`] where a file is missing or damaged, counts differ, an id is no digest or
    /// stands twice, or a vector is zero or not finite; names the line or row.
    pub fn open(
        vectors: &Path,
        ids: &Path,
        options: &PrecomputedOptions,
    ) -> Result<Self, OpenError> {
        let matrix = npy::read(vectors)?;
        let text = source::read_to_string(ids, LONGEST_IDS)?;
        let mut rows = HashMap::with_capacity(matrix.rows);
        for (row, line) in text.lines().enumerate() {
            let at = format!("line {}", row + 1);
            let digest: Digest =
                line.parse().map_err(|error| OpenError::invalid(ids, &at, error))?;
            if let Some(first) = rows.insert(digest, row) {
                let problem = format!("repeats line {}; keep one of them", first + 1);
                return Err(OpenError::invalid(ids, at, problem));
            }
        }
        if rows.len() != matrix.rows {
            let problem = format!(
                "has {} lines, but {} has {} rows; they must be as many",
                rows.len(),
                vectors.display(),
                matrix.rows
            );
            return Err(OpenError::invalid(ids, "ids", problem));
        }
        for (i, row) in matrix.values.chunks_exact(matrix.columns).enumerate() {
            if let Some(j) = row.iter().position(|v| !v.is_finite()) {
                let field = format!("row {i}, column {j}");
                return Err(OpenError::invalid(vectors, field, "is not finite; embed it again"));
            }
            if norm_f64(row) == 0.0 {
                let problem = "is a zero vector, which has no direction; leave it out";
                return Err(OpenError::invalid(vectors, format!("row {i}"), problem));
            }
        }
        let model_ver = match &options.model_ver {
            Some(name) => name.clone(),
            None => {
                let mut both = wfgy_core::Hasher::new();
                matrix.values.iter().for_each(|v| both.update(v.to_le_bytes()));
                both.update(text.as_bytes());
                format!("precomputed@sha256:{}", both.finish())
            }
        };
        let identity = EmbedderIdentity {
            model_ver,
            dim: matrix.columns,
            schema: EmbedSchema {
                pooling: "unknown".to_owned(),
                max_tokens: 0,
                query_prefix: options.query_prefix.clone(),
                passage_prefix: options.passage_prefix.clone(),
            },
            unit_norm: false,
            settings: String::new(),
        };
        Ok(Self { values: matrix.values, rows, tokenizer: built_in_tokenizer()?, identity })
    }
}

impl Embedder for PrecomputedEmbedder {
    fn identity(&self) -> &EmbedderIdentity {
        &self.identity
    }

    fn tokenizer(&self) -> &dyn Tokenizer {
        &self.tokenizer
    }

    fn embed(&self, texts: &[&str], deadline: Deadline) -> Result<Embeddings, PortError> {
        let dim = self.identity.dim;
        let mut made = Embeddings {
            values: Vec::with_capacity(texts.len() * dim),
            states: Vec::with_capacity(texts.len()),
        };
        for text in texts {
            if deadline.passed(std::time::Instant::now()) {
                return Err(PortError::Deadline { part: self.identity.model_ver.clone() });
            }
            match self.rows.get(&Digest::of(text)) {
                Some(&row) => {
                    made.values.extend_from_slice(&self.values[row * dim..(row + 1) * dim]);
                    made.states.push(RowState::Whole);
                }
                None => {
                    made.values.resize(made.values.len() + dim, 0.0);
                    made.states.push(RowState::Missing);
                }
            }
        }
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Files {
        _dir: tempfile::TempDir,
        vectors: PathBuf,
        ids: PathBuf,
    }

    fn files(columns: usize, values: &[f32], ids: &str) -> Files {
        let dir = tempfile::tempdir().unwrap();
        let vectors = dir.path().join("made.npy");
        let mut bytes = Vec::new();
        npy::write(&mut bytes, columns, values).unwrap();
        std::fs::write(&vectors, bytes).unwrap();
        let path = PrecomputedEmbedder::ids_beside(&vectors);
        std::fs::write(&path, ids).unwrap();
        Files { vectors, ids: path, _dir: dir }
    }

    fn ids(texts: &[&str]) -> String {
        texts.iter().map(|t| format!("{}\n", Digest::of(t))).collect()
    }

    fn open(files: &Files) -> Result<PrecomputedEmbedder, OpenError> {
        PrecomputedEmbedder::open(&files.vectors, &files.ids, &PrecomputedOptions::default())
    }

    #[test]
    fn a_text_is_found_by_the_hash_of_its_embedded_string_else_it_is_missing() {
        let files = files(2, &[1.0, 2.0, 3.0, 4.0], &ids(&["one", "two"]));
        let model = open(&files).unwrap();
        let made = model.embed(&["two", "three", "one"], Deadline::NONE).unwrap();
        assert_eq!(made.row(0), Some(&[3.0, 4.0][..]));
        assert_eq!(made.row(1), None);
        assert_eq!(made.row(2), Some(&[1.0, 2.0][..]));
        assert_eq!(made.states[1], RowState::Missing);
        assert!(model.identity().model_ver.starts_with("precomputed@sha256:"));
    }

    #[test]
    fn rows_and_ids_must_pair_and_every_vector_must_have_a_direction() {
        let refusal = |columns, values: &[f32], ids: &str| {
            let error = open(&files(columns, values, ids)).err().unwrap().to_string();
            assert!(!error.contains('\n'), "{error}");
            error
        };
        let e = refusal(2, &[1.0, 2.0, 3.0, 4.0], &ids(&["one"]));
        assert!(e.contains("made.ids: ids: has 1 lines"), "{e}");
        let e = refusal(2, &[1.0, 2.0, 3.0, 4.0], &ids(&["one", "one"]));
        assert!(e.contains("made.ids: line 2: repeats line 1"), "{e}");
        let e = refusal(2, &[1.0, 2.0], "xyz\n");
        assert!(e.contains("made.ids: line 1: `xyz` is not a SHA-256"), "{e}");
        let e = refusal(2, &[1.0, f32::NAN], &ids(&["one"]));
        assert!(e.contains("made.npy: row 0, column 1: is not finite"), "{e}");
        let e = refusal(2, &[1.0, 1.0, 0.0, 0.0], &ids(&["one", "two"]));
        assert!(e.contains("made.npy: row 1: is a zero vector"), "{e}");
    }

    #[test]
    fn missing_and_cut_files_are_named() {
        let good = files(2, &[1.0, 2.0], &ids(&["one"]));
        let bytes = std::fs::read(&good.vectors).unwrap();
        std::fs::write(&good.vectors, &bytes[..bytes.len() - 3]).unwrap();
        let e = open(&good).err().unwrap().to_string();
        assert!(e.contains("made.npy"), "{e}");
        std::fs::write(&good.vectors, &bytes).unwrap();
        std::fs::remove_file(&good.ids).unwrap();
        let e = open(&good).err().unwrap().to_string();
        assert!(e.contains("made.ids: no such file"), "{e}");
        std::fs::remove_file(&good.vectors).unwrap();
        let e = open(&good).err().unwrap().to_string();
        assert!(e.contains("made.npy: no such file"), "{e}");
    }

    #[test]
    fn a_declared_version_lets_two_files_stand_for_one_model() {
        let files = files(1, &[1.0], &ids(&["one"]));
        let options = PrecomputedOptions {
            model_ver: Some("vendor-3-large".to_owned()),
            query_prefix: "q: ".to_owned(),
            ..PrecomputedOptions::default()
        };
        let model = PrecomputedEmbedder::open(&files.vectors, &files.ids, &options).unwrap();
        assert_eq!(model.identity().model_ver, "vendor-3-large");
        assert_eq!(model.identity().schema.to_string(), "unknown;0;q: ;");
    }
}
