//! The folder of a store.

use std::fs::{self, DirBuilder};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use wfgy_core::Deadline;
use wfgy_formats::durable;

use crate::lock::{LockError, StoreLock};

/// Name of the lock file.
const LOCK: &str = "lock";

/// The folder that holds journal, filed verdicts and local aliases.
///
/// Naming it makes nothing; the first command that has something to keep does.
#[derive(Debug, Clone)]
pub struct StoreDir {
    path: PathBuf,
    flag: String,
}

/// A store that cannot be made or locked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder, or one in it, could not be made.
    #[error("{path}: the store's folder cannot be made: {source}; name another one with --store DIR", path = path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is something else of this name.
    #[error("{path}: is a file, not the folder of a store; name another one with --store DIR", path = path.display())]
    NotAFolder {
        /// What was named.
        path: PathBuf,
    },
    /// It could not be locked.
    #[error(transparent)]
    Lock(#[from] LockError),
}

impl StoreError {
    /// 2 for what the user named wrongly, 4 for a machine in trouble.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::NotAFolder { .. } => 2,
            Self::Folder { .. } | Self::Lock(_) => 4,
        }
    }
}

impl StoreDir {
    /// The store at `path`. `named` says that the user named it with `--store`: the commands
    /// that messages tell the user to run then repeat that option.
    pub fn new(path: impl Into<PathBuf>, named: bool) -> Self {
        let path = path.into();
        let flag = if named {
            format!(" --store {}", shell_word(&path.to_string_lossy()))
        } else {
            String::new()
        };
        Self { path, flag }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What a command line that shall use this store ends with: ` --store DIR`, or nothing.
    pub fn flag(&self) -> &str {
        &self.flag
    }

    /// Refuses where the path names something that is no folder; one that is not there yet is an
    /// empty store.
    ///
    /// # Errors
    /// [`StoreError::NotAFolder`].
    pub fn check(&self) -> Result<(), StoreError> {
        match fs::metadata(&self.path) {
            Ok(found) if !found.is_dir() => Err(StoreError::NotAFolder { path: self.path.clone() }),
            _ => Ok(()),
        }
    }

    /// Takes the lock of a store that has been written to. Of one that has not there is no lock,
    /// and nobody who is in the middle of a commit: nothing is made, `None` is given, once it is
    /// clear that the store could be made.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) fn lock_if_made(&self, deadline: Deadline) -> Result<Option<StoreLock>, StoreError> {
        self.check()?;
        let lock = self.path.join(LOCK);
        if lock.exists() {
            return Ok(Some(StoreLock::take(&lock, deadline)?));
        }
        let here =
            |path: &Path| if path.as_os_str().is_empty() { ".".into() } else { path.to_owned() };
        let ground: Option<PathBuf> = self.path.ancestors().map(here).find(|path| path.exists());
        let ground = ground.unwrap_or_else(|| self.path.clone());
        let writable = match ground.is_dir() {
            true => access(&ground, Access::WRITE_OK | Access::EXEC_OK).map_err(Into::into),
            false => Err(io::ErrorKind::NotADirectory.into()),
        };
        match writable {
            Ok(()) => Ok(None),
            Err(source) => Err(StoreError::Folder { path: self.path.clone(), source }),
        }
    }

    /// Takes the lock of the store, which is made where there is none.
    ///
    /// It is for the length of a commit: never held while a target is hashed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn lock(&self, deadline: Deadline) -> Result<StoreLock, StoreError> {
        self.check()?;
        make_folder(&self.path)?;
        Ok(StoreLock::take(&self.path.join(LOCK), deadline)?)
    }
}

/// Makes a folder and those above it, durably; one that is there is left as it is.
pub(crate) fn make_folder(path: &Path) -> Result<(), StoreError> {
    if path.is_dir() {
        return Ok(());
    }
    let fail = |source| StoreError::Folder { path: path.to_owned(), source };
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        make_folder(parent)?;
    }
    match DirBuilder::new().create(path) {
        Ok(()) => {}
        // Somebody else made it meanwhile.
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
        Err(source) => return Err(fail(source)),
    }
    durable::sync_parent(path).map_err(|e| fail(e.source))
}

/// `text` as one word of a shell command.
pub fn shell_word(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-./:@%+=,".contains(&b);
    if !text.is_empty() && text.bytes().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// Removes a file or a folder of two files if it is there; never follows a symlink.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    let gone = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(e) => Err(e),
    };
    match gone {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_a_command_line_survives_the_shell() {
        for text in ["docs_vB", "/a b/c", "it's", "", "$(x)", "-n", "a\"b", "ä"] {
            let command = format!("printf %s {}", shell_word(text));
            // `-n` is no option after a format string; the shell itself is the judge.
            let out = std::process::Command::new("sh").args(["-c", &command]).output().unwrap();
            assert_eq!(String::from_utf8(out.stdout).unwrap(), text);
        }
    }

    #[test]
    fn naming_a_store_makes_nothing_and_locking_it_makes_its_folders() {
        let dir = tempfile::tempdir().unwrap();
        let store = StoreDir::new(dir.path().join("a/b"), true);
        assert!(store.lock_if_made(Deadline::NONE).unwrap().is_none());
        assert!(!store.path().exists());
        drop(store.lock(Deadline::NONE).unwrap());
        assert!(store.path().join("lock").is_file());
        assert!(store.lock_if_made(Deadline::NONE).unwrap().is_some());
        assert!(store.flag().starts_with(" --store /"));
        assert_eq!(StoreDir::new("x", false).flag(), "");
    }
}
