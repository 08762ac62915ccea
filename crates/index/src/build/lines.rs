//! Files of an index that are hashed while they are written.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use serde::Serialize;
use wfgy_core::{Digest, Hasher};
use wfgy_formats::durable::{PRIVATE, WriteError};
use wfgy_formats::jsonl;

use super::BuildError;

/// A new file that is hashed while it is written.
pub(super) struct Lines {
    out: BufWriter<File>,
    path: PathBuf,
    hasher: Hasher,
    /// Written so far.
    pub(super) bytes: u64,
}

impl Lines {
    pub(super) fn create(path: PathBuf) -> Result<Self, BuildError> {
        let file = OpenOptions::new().write(true).create_new(true).mode(PRIVATE).open(&path);
        match file {
            Ok(file) => {
                let out = BufWriter::with_capacity(1 << 18, file);
                Ok(Self { out, path, hasher: Hasher::new(), bytes: 0 })
            }
            Err(source) => Err(WriteError { path, source }.into()),
        }
    }

    pub(super) fn push(&mut self, record: &impl Serialize) -> Result<(), BuildError> {
        self.write(|mut out| jsonl::write(&mut out, record).map(|_| ()))
    }

    pub(super) fn write(
        &mut self,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), BuildError> {
        let Self { out, hasher, bytes, path } = self;
        write(&mut Tee { out, hasher, bytes })
            .map_err(|source| WriteError { path: path.clone(), source }.into())
    }

    /// Syncs the file and gives its digest.
    pub(super) fn finish(self) -> Result<Digest, BuildError> {
        let synced = self.out.into_inner().map_err(io::IntoInnerError::into_error);
        match synced.and_then(|file| file.sync_all()) {
            Ok(()) => Ok(self.hasher.finish()),
            Err(source) => Err(WriteError { path: self.path, source }.into()),
        }
    }
}

/// Writes, hashes and counts.
struct Tee<'a> {
    out: &'a mut BufWriter<File>,
    hasher: &'a mut Hasher,
    bytes: &'a mut u64,
}

impl Write for Tee<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        *self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
