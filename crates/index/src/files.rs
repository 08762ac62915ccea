//! The files of an index directory while it is opened.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use wfgy_kernel::MappedFile;

use crate::contents::{Damage, OpenError, unreadable};

/// What identifies one version of a file without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    device: u64,
    inode: u64,
    pub(crate) size: u64,
    modified: (i64, i64),
}

impl Stamp {
    pub(crate) fn of(meta: &Metadata) -> Self {
        let modified = (meta.mtime(), meta.mtime_nsec());
        Self { device: meta.dev(), inode: meta.ino(), size: meta.size(), modified }
    }
}

/// The files of a directory, each opened once: what is hashed is what is read, whatever becomes of
/// a name meanwhile.
#[derive(Debug)]
pub(crate) struct Files {
    pub(crate) dir: PathBuf,
    pub(crate) opened: BTreeMap<String, File>,
}

impl Files {
    /// Opens a file; `None` where there is something else of this name.
    pub(crate) fn open(&mut self, name: &str) -> Result<Option<Stamp>, OpenError> {
        let path = self.path(name);
        let fail = |error: io::Error| unreadable(&path, &error);
        // Not opened to find out: that may wait for ever where it is a pipe.
        if !fs::metadata(&path).map_err(fail)?.is_file() {
            return Ok(None);
        }
        let file = File::open(&path).map_err(fail)?;
        let stamp = Stamp::of(&file.metadata().map_err(fail)?);
        self.opened.insert(name.to_owned(), file);
        Ok(Some(stamp))
    }

    /// Where a file is.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// The bytes of a file.
    pub(crate) fn map(&self, name: &str) -> Result<MappedFile, Damage> {
        let path = self.path(name);
        let Some(file) = self.opened.get(name) else {
            return Err(Damage { path, problem: "is missing".to_owned() });
        };
        MappedFile::of(file, &path)
            .map_err(|error| Damage { path, problem: error.source.to_string() })
    }
}
