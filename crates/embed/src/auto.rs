//! Embedder `auto`: the encoder where its folder is found, else the built-in table.

use std::path::{Path, PathBuf};

use wfgy_core::Embedder;

use crate::{BertEmbedder, BertOptions, OpenError, StaticEmbedder};

/// An opened embedder and the one line that says which it is.
pub struct Chosen {
    /// The embedder.
    pub embedder: Box<dyn Embedder>,
    /// One line for the user.
    pub notice: String,
}

/// Opens `named`, a folder that the user named; else `default`, where there is a model; else the
/// built-in table.
///
/// A folder that was named must be a model: a mistyped path never ends in
/// another embedder. A model that is there but damaged is an error as well.
///
/// # Errors
/// [`OpenError`] where a folder that has to open does not.
pub fn auto(
    named: Option<&Path>,
    default: Option<&Path>,
    options: &BertOptions,
) -> Result<Chosen, OpenError> {
    let found = named.or_else(|| default.filter(|folder| is_model(folder)));
    if let Some(folder) = found {
        let embedder = Box::new(BertEmbedder::open(folder, options)?);
        let notice = format!("embedder: minilm, from {}", folder.display());
        return Ok(Chosen { embedder, notice });
    }
    let mut looked = default.map(PathBuf::from).unwrap_or_default().display().to_string();
    if looked.is_empty() {
        looked = "the default folder".to_owned();
    }
    Ok(Chosen {
        embedder: Box::new(StaticEmbedder::new()?),
        notice: format!(
            "embedder: static, since {looked} holds no model; scripts/fetch_model.sh installs one"
        ),
    })
}

fn is_model(folder: &Path) -> bool {
    folder.join("model.safetensors").exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_model_the_built_in_table_serves_and_says_so() {
        let empty = tempfile::tempdir().unwrap();
        let chosen = auto(None, Some(empty.path()), &BertOptions::default()).unwrap();
        assert!(chosen.embedder.identity().model_ver.starts_with("static@sha256:"));
        assert!(chosen.notice.starts_with("embedder: static, since "), "{}", chosen.notice);
        assert!(!chosen.notice.contains('\n'));
        let chosen = auto(None, None, &BertOptions::default()).unwrap();
        assert!(chosen.notice.contains("the default folder"));
    }

    #[test]
    fn a_named_folder_without_a_model_is_refused_not_replaced() {
        let empty = tempfile::tempdir().unwrap();
        let error = auto(Some(empty.path()), None, &BertOptions::default()).err().unwrap();
        assert!(matches!(error, OpenError::Missing { .. }), "{error}");
    }

    #[test]
    fn a_damaged_model_in_the_default_folder_is_refused_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("model.safetensors"), b"").unwrap();
        assert!(auto(None, Some(dir.path()), &BertOptions::default()).is_err());
    }
}
