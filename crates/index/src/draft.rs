//! A directory in the making: beside its target until it is whole.
//!
//! It is called `.NAME.PID-N.tmp` and locked (flock) as long as its process lives: whoever can
//! lock one has found what a killed build left, and removes it.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::fs::{CWD, FlockOperation, RenameFlags, flock, renameat_with};
use wfgy_formats::durable::{self, WriteError};

use crate::BuildError;
use crate::contents::is_index;
use crate::manifest::file;

/// Says why an existing index must not be replaced; `None` where it may be.
///
/// It gets the canonical path. `index_build --force` asks the pointer store whether an alias or
/// a rollback stack names it.
pub type InUse<'a> = dyn Fn(&Path) -> Option<String> + 'a;

/// What to do where the target exists.
#[derive(Clone, Copy)]
pub enum Replace<'a> {
    /// Refuse.
    Never,
    /// Exchange the directories in one step, unless this says that the old one is in use.
    Unless(&'a InUse<'a>),
}

/// A fresh directory that is removed unless it is put in place.
pub(crate) struct Draft {
    at: PathBuf,
    out: PathBuf,
    placed: bool,
    /// Holds the lock.
    _lock: File,
}

/// Drafts that this process began: no name is used twice.
static BEGUN: AtomicU32 = AtomicU32::new(0);

impl Draft {
    /// Checks the target, removes what killed builds of it left, and makes a directory beside it.
    pub(crate) fn begin(out: &Path, replace: Replace<'_>) -> Result<Self, BuildError> {
        let out = target(out, replace)?;
        sweep(&out);
        let fail = |source: io::Error| WriteError { path: out.clone(), source };
        loop {
            let at = beside(&out, BEGUN.fetch_add(1, Ordering::Relaxed));
            match DirBuilder::new().mode(0o700).create(&at) {
                // A process that had this id was killed, and what it left cannot be removed.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                made => made.map_err(fail)?,
            }
            let lock = match File::open(&at) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                opened => opened.map_err(fail)?,
            };
            flock(&lock, FlockOperation::LockExclusive).map_err(|e| fail(e.into()))?;
            // Another build may have swept it between its making and its locking.
            if is_still(&lock, &at) {
                return Ok(Self { at, out, placed: false, _lock: lock });
            }
        }
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.at.join(name)
    }

    /// Puts the directory in place in one step; whatever was there before is removed after that.
    pub(crate) fn place(mut self, replace: Replace<'_>) -> Result<(), BuildError> {
        let fail = |source: io::Error| WriteError { path: self.out.clone(), source };
        File::open(&self.at).and_then(|folder| folder.sync_all()).map_err(fail)?;
        // Looked at again: a build takes long, and an alias may have come to name the old index.
        let old = target(&self.out, replace)?;
        let exists = fs::symlink_metadata(&old).is_ok();
        let flags = if exists { RenameFlags::EXCHANGE } else { RenameFlags::NOREPLACE };
        let renamed = match renameat_with(CWD, &self.at, CWD, &old, flags) {
            Err(rustix::io::Errno::INVAL) if exists => Err(io::Error::other(
                "this file system cannot exchange two directories: \
                 build under another name, or remove the old index first",
            )),
            // Without flags a rename still refuses a directory that is not empty.
            Err(rustix::io::Errno::INVAL) => fs::rename(&self.at, &old),
            other => other.map_err(io::Error::from),
        };
        renamed.map_err(fail)?;
        self.placed = !exists;
        durable::sync_parent(&old)?;
        Ok(())
    }
}

impl Drop for Draft {
    /// Removes what is under the draft's name: an unfinished index, or the old one.
    fn drop(&mut self) {
        if !self.placed {
            let _ = fs::remove_dir_all(&self.at);
        }
    }
}

/// The name of this process's n-th draft of `out`.
fn beside(out: &Path, n: u32) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(out.file_name().unwrap_or_default());
    name.push(format!(".{}-{n}.tmp", std::process::id()));
    out.with_file_name(name)
}

/// Removes drafts of `out` whose process is gone. What cannot be removed stays: it harms nobody.
fn sweep(out: &Path) {
    let folder = match out.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let Some(target) = out.file_name() else { return };
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if !is_folder || !is_draft_of(target, &entry.file_name()) {
            continue;
        }
        let path = entry.path();
        let Ok(lock) = File::open(&path) else { continue };
        let free = flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok();
        // Someone may have named a folder of theirs like a draft.
        if free && is_still(&lock, &path) && matches!(stranger(&path), Ok(None)) {
            let _ = fs::remove_dir_all(&path);
        }
    }
}

/// Whether `name` is one that [`beside`] gives for a target called `target`.
fn is_draft_of(target: &OsStr, name: &OsStr) -> bool {
    let numbers = name
        .as_bytes()
        .strip_prefix(b".")
        .and_then(|rest| rest.strip_prefix(target.as_bytes()))
        .and_then(|rest| rest.strip_prefix(b"."))
        .and_then(|rest| rest.strip_suffix(b".tmp"))
        .and_then(|numbers| std::str::from_utf8(numbers).ok())
        .and_then(|numbers| numbers.split_once('-'));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    numbers.is_some_and(|(process, n)| digits(process) && digits(n))
}

/// Whether the open `folder` is what `path` names.
fn is_still(folder: &File, path: &Path) -> bool {
    match (folder.metadata(), fs::symlink_metadata(path)) {
        (Ok(open), Ok(named)) => (open.dev(), open.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

/// The path to put the index at, links resolved, once it is known that it may be put there.
fn target(out: &Path, replace: Replace<'_>) -> Result<PathBuf, BuildError> {
    let exists = || BuildError::Exists { path: out.to_owned() };
    if out.file_name().is_none() {
        return Err(exists());
    }
    let fail = |source: io::Error| WriteError { path: out.to_owned(), source };
    match fs::symlink_metadata(out) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(out.to_owned()),
        Err(error) => return Err(fail(error).into()),
        Ok(_) => {}
    }
    let Replace::Unless(in_use) = replace else { return Err(exists()) };
    let old = out.canonicalize().map_err(fail)?;
    let is_index = is_index(&old);
    let is_empty = || fs::read_dir(&old).is_ok_and(|mut entries| entries.next().is_none());
    if !is_index && !is_empty() {
        return Err(BuildError::Foreign { path: out.to_owned() });
    }
    if is_index && let Some(name) = stranger(&old).map_err(fail)? {
        return Err(BuildError::Stranger { path: out.to_owned(), name });
    }
    if let Some(reason) = in_use(&old) {
        return Err(BuildError::InUse { path: out.to_owned(), reason });
    }
    Ok(old)
}

/// Something in the directory of an index that no index holds.
fn stranger(index: &Path) -> io::Result<Option<String>> {
    let own = [
        file::MANIFEST,
        file::SECTIONS,
        file::SNIPPETS,
        file::VECTORS,
        file::CHECKSUMS,
        file::GRAPH,
    ];
    for entry in fs::read_dir(index)? {
        let name = entry?.file_name();
        if !own.iter().any(|own| name == *own) {
            return Ok(Some(name.to_string_lossy().into_owned()));
        }
    }
    Ok(None)
}
