//! Files that are there whole or not at all, and stay there.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Mode of every file that may hold customers' text: its owner only.
pub const PRIVATE: u32 = 0o600;

/// A write that did not happen; nothing is left at the file's name that was not there before.
#[derive(Debug, thiserror::Error)]
#[error("{path}: cannot be written: {source}", path = path.display())]
pub struct WriteError {
    /// The file or folder.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

/// Replaces the file at `path` in one step: a file beside it is written, synced, renamed over
/// it, and its folder synced. After a crash the old content is there or the new.
///
/// # Errors
/// [`WriteError`]; the file beside it is removed.
pub fn replace(
    path: &Path,
    mode: u32,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), WriteError> {
    Prepared::write(path, mode, write)?.put_in_place()
}

/// A file that is whole and synced beside its name, and not at it yet: what can fail for want of
/// room has not. It is removed where it is not put in place.
#[derive(Debug)]
#[must_use = "it is removed where it is not put in place"]
pub struct Prepared {
    path: PathBuf,
    beside: PathBuf,
}

impl Prepared {
    /// Writes the file beside `path`.
    ///
    /// # Errors
    /// [`WriteError`]; nothing is left.
    pub fn write(
        path: &Path,
        mode: u32,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<Self, WriteError> {
        let fail = |source| WriteError { path: path.to_owned(), source };
        let beside = beside(path);
        let open = || OpenOptions::new().write(true).create_new(true).mode(mode).open(&beside);
        let file = match open() {
            // Of a process that was killed and had the id of this one, as the first of every
            // container has: nobody else writes here.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                fs::remove_file(&beside).and_then(|()| open())
            }
            opened => opened,
        };
        let file = file.map_err(fail)?;
        let prepared = Self { path: path.to_owned(), beside };
        let written = || {
            let mut buffer = io::BufWriter::new(file);
            write(&mut buffer)?;
            buffer.into_inner().map_err(|e| e.into_error())?.sync_all()
        };
        written().map_err(fail)?;
        Ok(prepared)
    }

    /// Gives the file its name, in one step and durably.
    ///
    /// # Errors
    /// [`WriteError`].
    pub fn put_in_place(self) -> Result<(), WriteError> {
        let renamed = fs::rename(&self.beside, &self.path);
        renamed.map_err(|source| WriteError { path: self.path.clone(), source })?;
        sync_parent(&self.path)
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        // Nothing is there any more once it was put in place.
        let _ = fs::remove_file(&self.beside);
    }
}

/// Makes the names in the folder of `path` durable.
///
/// # Errors
/// [`WriteError`] where the folder cannot be synced.
pub fn sync_parent(path: &Path) -> Result<(), WriteError> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(parent)
        .and_then(|folder| folder.sync_all())
        .map_err(|source| WriteError { path: parent.to_owned(), source })
}

/// A name in the same folder that no other process on this machine uses now: its id keeps racing
/// writers apart. A process that was killed may have left a file of that name.
pub fn beside(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.tmp", std::process::id()));
    path.with_file_name(name)
}

/// Whether some process's [`beside`] a file called `of` has this name.
pub fn is_leftover(name: &OsStr, of: &OsStr) -> bool {
    let id = name.as_bytes().strip_prefix(b".").and_then(|rest| rest.strip_prefix(of.as_bytes()));
    let id = id.and_then(|rest| rest.strip_prefix(b".")?.strip_suffix(b".tmp"));
    id.is_some_and(|id| !id.is_empty() && id.iter().all(u8::is_ascii_digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_beside_it() {
        let dir = std::env::temp_dir().join(format!("wfgy-durable-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let path = dir.join("a.json");
        replace(&path, PRIVATE, |w| w.write_all(b"old")).unwrap();
        let error = replace(&path, PRIVATE, |w| {
            w.write_all(b"half")?;
            Err(io::Error::other("disk full"))
        });
        assert!(error.unwrap_err().to_string().contains("disk full"));
        drop(Prepared::write(&path, PRIVATE, |w| w.write_all(b"new")).unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 1);
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn what_a_killed_process_of_the_same_id_left_does_not_block_a_write() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        fs::write(beside(&path), "half").unwrap();
        replace(&path, PRIVATE, |w| w.write_all(b"whole")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_leftover_is_told_by_the_name_it_is_beside() {
        let beside = beside(Path::new("somewhere/a.json"));
        let name = beside.file_name().unwrap();
        assert!(is_leftover(name, OsStr::new("a.json")));
        assert!(!is_leftover(name, OsStr::new("b.json")));
        for other in ["a.json", ".a.json.tmp", ".a.json..tmp", ".a.json.7x.tmp", ".a.json.7.tmp~"] {
            assert!(!is_leftover(OsStr::new(other), OsStr::new("a.json")), "{other}");
        }
    }
}
