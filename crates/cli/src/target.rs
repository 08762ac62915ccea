//! Index directories as the programs name them: by path or by alias.

use std::path::{Path, PathBuf};

use wfgy_index::{LocalIndex, OpenError};
use wfgy_pointer::{Hashes, LocalPointer, Resolved, StoreDir, TargetError, resolve};

use crate::clock;
use crate::exit::Failure;

/// An index that was opened, every file of it hashed.
pub(crate) struct OpenedIndex {
    /// It.
    pub index: LocalIndex,
    /// Where it is.
    pub directory: PathBuf,
}

/// Opens the index that `name` means: an alias of the store, else a directory.
///
/// # Errors
/// Where it is neither or both, or the index is damaged.
pub(crate) fn open(name: &Path, store: &StoreDir) -> Result<OpenedIndex, Failure> {
    let directory = match name.to_str() {
        None => name.to_owned(),
        Some(text) => {
            let pointer = LocalPointer::new(store.path());
            match resolve(text, store, &pointer, &|| clock::within(clock::STORE_PATIENCE)) {
                Ok(Resolved::Alias(state)) => PathBuf::from(state.target),
                Ok(Resolved::Directory(directory)) => directory,
                Err(error) => {
                    return Err(Failure { code: error.exit_code(), message: error.to_string() });
                }
            }
        }
    };
    let index = LocalIndex::open(&directory, name.display().to_string())
        .map_err(|error| index_failure(&error))?;
    Ok(OpenedIndex { index, directory })
}

/// A damaged or unreadable index is the user's to mend.
pub(crate) fn index_failure(error: &OpenError) -> Failure {
    Failure::input(error)
}

/// Both hashes of a directory, recomputed from the bytes of every file.
///
/// # Errors
/// [`TargetError`] where it is no index, is damaged or cannot be read.
pub(crate) fn hashes(directory: &Path) -> Result<Hashes, TargetError> {
    let path = directory.to_owned();
    wfgy_index::hashes(directory)
        .map(|(index_hash, serving_hash)| Hashes { index_hash, serving_hash })
        .map_err(|error| match error {
            OpenError::Missing { .. } => TargetError::Unknown {
                path,
                problem: "no such directory; build the index there with `index_build`".to_owned(),
            },
            OpenError::NotAnIndex { problem, .. } => TargetError::Unknown {
                path,
                problem: format!("is no index: {problem}; name the directory of one"),
            },
            OpenError::Unreadable { path, problem } => TargetError::Unavailable { path, problem },
            OpenError::Damaged(damage) => {
                TargetError::Damaged { path, problem: damage.to_string() }
            }
        })
}
