//! Index directories as the programs name them: by path or by alias.

use std::path::{Path, PathBuf};

use wfgy_core::PointerState;
use wfgy_index::{LocalIndex, OpenError};
use wfgy_pointer::{
    AliasName, Hashes, LocalPointer, ResolveError, Resolved, StoreDir, TargetError, resolve,
};

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
    let directory = directory(name, store)?;
    let index = LocalIndex::open(&directory, name.display().to_string())
        .map_err(|error| index_failure(&error))?;
    Ok(OpenedIndex { index, directory })
}

/// The directory that `name` means: that of an alias of the store, else itself.
///
/// # Errors
/// Where it is neither or both.
pub(crate) fn directory(name: &Path, store: &StoreDir) -> Result<PathBuf, Failure> {
    let text = match name.to_str() {
        Some(text) if text.parse::<AliasName>().is_ok() => text,
        _ => return Ok(name.to_owned()),
    };
    let pointer = LocalPointer::new(store.path());
    match resolve(text, store, &pointer, &|| clock::within(clock::STORE_PATIENCE)) {
        Ok(Resolved::Alias(state)) => Ok(PathBuf::from(state.target)),
        Ok(Resolved::Directory(directory)) => Ok(directory),
        // Something else is there: opening it says what.
        Err(ResolveError::Unknown { .. }) if name.exists() => Ok(name.to_owned()),
        Err(error) => Err(Failure { code: error.exit_code(), message: error.to_string() }),
    }
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
    wfgy_index::hashes(directory)
        .map(|(index_hash, serving_hash)| Hashes { index_hash, serving_hash })
        .map_err(|error| match error {
            OpenError::Missing { path } => TargetError::Unknown {
                path,
                problem: "no such directory; build the index there with `index_build`".to_owned(),
            },
            OpenError::NotAnIndex { path, problem } => TargetError::Unknown {
                path,
                problem: format!("is no index: {problem}; name the directory of one"),
            },
            OpenError::Unreadable { path, problem } => TargetError::Unavailable { path, problem },
            OpenError::Damaged(damage) => {
                let path = directory.to_owned();
                TargetError::Damaged { path, problem: damage.to_string() }
            }
        })
}

/// Whether the index that an alias points to is still what its state says: `every_byte` of it,
/// or what its manifest says of itself.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn still(state: &PointerState, every_byte: bool) -> Result<(), String> {
    let look = if every_byte { wfgy_index::hashes } else { wfgy_index::declared_hashes };
    let found = look(Path::new(&state.target)).map_err(|error| error.to_string())?;
    let (index, serving) = (("INDEX_HASH", state.index_hash), ("SERVING_HASH", state.serving_hash));
    for ((what, expected), found) in [index, serving].into_iter().zip([found.0, found.1]) {
        if expected != found {
            let target = &state.target;
            return Err(format!(
                "{target}: {what} is {found:.12}, but the alias says {expected:.12}"
            ));
        }
    }
    Ok(())
}
