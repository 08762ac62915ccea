//! Files that are there whole or not at all, and stay there.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
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
/// room has not. It is removed where it is not put in place, and locked (flock) until then, so
/// that nobody takes it for what a killed writer left.
#[derive(Debug)]
#[must_use = "it is removed where it is not put in place"]
pub struct Prepared {
    path: PathBuf,
    beside: PathBuf,
    file: File,
    placed: bool,
}

impl Prepared {
    /// Writes the file beside `path`.
    ///
    /// # Errors
    /// [`WriteError`], also where another writer is at it now; nothing is left.
    pub fn write(
        path: &Path,
        mode: u32,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<Self, WriteError> {
        let fail = |source| WriteError { path: path.to_owned(), source };
        let beside = beside(path);
        let file = create(&beside, mode).map_err(fail)?;
        let prepared = Self { path: path.to_owned(), beside, file, placed: false };
        let written = || {
            let mut buffer = io::BufWriter::new(&prepared.file);
            write(&mut buffer)?;
            buffer.flush()?;
            prepared.file.sync_all()
        };
        written().map_err(fail)?;
        Ok(prepared)
    }

    /// Gives the file its name, in one step and durably.
    ///
    /// # Errors
    /// [`WriteError`].
    pub fn put_in_place(mut self) -> Result<(), WriteError> {
        let renamed = fs::rename(&self.beside, &self.path);
        renamed.map_err(|source| WriteError { path: self.path.clone(), source })?;
        self.placed = true;
        sync_parent(&self.path)
    }
}

/// Makes the file and locks it. One that is there and that nobody has locked is of a process
/// that was killed and had the id of this one, as the first of every container has: it is removed.
fn create(beside: &Path, mode: u32) -> io::Result<File> {
    loop {
        match OpenOptions::new().write(true).create_new(true).mode(mode).open(beside) {
            Ok(file) => {
                file.lock()?;
                // Another writer may have removed it between its making and its locking.
                if is_still(&file, beside) {
                    return Ok(file);
                }
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => remove_leftover(beside)?,
            Err(error) => return Err(error),
        }
    }
}

/// Removes what is at `beside`, unless a writer that lives has it.
fn remove_leftover(beside: &Path) -> io::Result<()> {
    let gone = |error: &io::Error| error.kind() == ErrorKind::NotFound;
    let left = match fs::symlink_metadata(beside) {
        Err(error) if gone(&error) => return Ok(()),
        Ok(found) if found.is_file() => match File::open(beside) {
            Err(error) if gone(&error) => return Ok(()),
            opened => Some(opened?),
        },
        // No writer makes anything but a file.
        found => found.map(|_| None)?,
    };
    if let Some(left) = &left {
        match left.try_lock() {
            Ok(()) if is_still(left, beside) => {}
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) => {
                let name = beside.file_name().unwrap_or_default().to_string_lossy();
                let message = format!("another process is writing it now ({name}); wait for it");
                return Err(io::Error::new(ErrorKind::ResourceBusy, message));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    fs::remove_file(beside)
}

/// Whether the open `file` is what `path` names.
fn is_still(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(open), Ok(named)) => (open.dev(), open.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        // Once it is in place, what is there is another writer's.
        if !self.placed {
            let _ = fs::remove_file(&self.beside);
        }
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

/// A name in the same folder that no other process of this system uses now: its id keeps racing
/// writers apart. A process that was killed may have left a file of that name, and one of another
/// container or machine may have the same id: whoever writes here holds a lock beside.
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
    fn a_file_that_a_living_writer_of_the_same_id_is_at_is_left_to_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        let first = Prepared::write(&path, PRIVATE, |w| w.write_all(b"first")).unwrap();
        let second = replace(&path, PRIVATE, |w| w.write_all(b"second")).unwrap_err().to_string();
        assert!(second.contains("a.json: cannot be written: another process"), "{second}");
        assert!(!second.contains('\n'));
        first.put_in_place().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"first");
        replace(&path, PRIVATE, |w| w.write_all(b"second")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_link_in_the_way_is_removed_and_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (path, other) = (dir.path().join("a.json"), dir.path().join("other"));
        fs::write(&other, "kept").unwrap();
        std::os::unix::fs::symlink(&other, beside(&path)).unwrap();
        replace(&path, PRIVATE, |w| w.write_all(b"whole")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(fs::read(&other).unwrap(), b"kept");
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
