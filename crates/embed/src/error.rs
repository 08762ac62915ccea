//! Why an embedder could not be opened.

use std::path::{Path, PathBuf};

/// A model, a vector file or a service setting that cannot be used: one clear line.
///
/// Always the user's to mend; what fails later, while embedding, is a
/// [`PortError`](wfgy_core::PortError).
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The model's folder is not there, or a file of it is not.
    #[error(
        "{path}: no such model file; run scripts/fetch_model.sh, or name a model folder with --model",
        path = path.display()
    )]
    Missing {
        /// The file that was looked for.
        path: PathBuf,
    },
    /// A file is there but cannot be read.
    #[error("{path}: cannot be read: {source}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is not what it should be.
    #[error("{path}: {field}: {problem}", path = path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The field, tensor, line or byte that is wrong.
        field: String,
        /// What is wrong and what to do, a lower-case fragment.
        problem: String,
    },
    /// A well-formed model of a kind that is not served.
    #[error("{path}: {field} `{found}` is not supported; supported: {supported}", path = path.display())]
    Unsupported {
        /// The file that says so.
        path: PathBuf,
        /// The field.
        field: String,
        /// Its value.
        found: String,
        /// The values that are served.
        supported: &'static str,
    },
    /// A file of vectors that cannot be used.
    #[error(transparent)]
    Input(#[from] wfgy_formats::InputError),
    /// A setting that did not come from a file.
    #[error("{setting}: {problem}")]
    Setting {
        /// The setting, as the user knows it.
        setting: String,
        /// What is wrong and what to do, a lower-case fragment.
        problem: String,
    },
    /// A service that has to answer before it can be used did not.
    #[error(transparent)]
    Service(#[from] wfgy_core::PortError),
}

impl OpenError {
    pub(crate) fn invalid(
        path: &Path,
        field: impl Into<String>,
        problem: impl std::fmt::Display,
    ) -> Self {
        Self::Invalid {
            path: path.to_owned(),
            field: field.into(),
            problem: problem.to_string().replace(['\n', '\r'], " "),
        }
    }

    pub(crate) fn unsupported(
        path: &Path,
        field: impl Into<String>,
        found: impl std::fmt::Display,
        supported: &'static str,
    ) -> Self {
        Self::Unsupported {
            path: path.to_owned(),
            field: field.into(),
            found: found.to_string(),
            supported,
        }
    }

    pub(crate) fn setting(setting: impl Into<String>, problem: impl std::fmt::Display) -> Self {
        Self::Setting { setting: setting.into(), problem: problem.to_string() }
    }

    /// Reads a file of a model, telling a missing one from an unreadable one.
    pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Self> {
        std::fs::read(path).map_err(|source| Self::from_io(path, source))
    }

    pub(crate) fn from_io(path: &Path, source: std::io::Error) -> Self {
        match source.kind() {
            std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => {
                Self::Missing { path: path.to_owned() }
            }
            _ => Self::Unreadable { path: path.to_owned(), source },
        }
    }
}
