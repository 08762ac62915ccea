//! A read-only mapped file.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use memmap2::Mmap;

/// A file mapped into memory for reading; an empty file is an empty slice.
///
/// Nobody may change the file meanwhile: who truncates it ends this process with SIGBUS, who
/// writes into it changes the bytes under its reader. An index is replaced by rename, never in
/// place, and its content compared with its recorded digest; of any other file the caller says in
/// its documentation that it is mapped.
#[derive(Debug)]
pub struct MappedFile {
    map: Option<Mmap>,
    path: PathBuf,
}

/// A file that could not be mapped.
#[derive(Debug, thiserror::Error)]
#[error("{path}: cannot be read: {source}", path = path.display())]
pub struct MappedError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

impl MappedFile {
    /// Maps the file at `path`.
    ///
    /// # Errors
    /// [`MappedError`] where it cannot be opened or mapped.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, MappedError> {
        let path = path.as_ref();
        match File::open(path) {
            Ok(file) => Self::of(&file, path),
            Err(source) => Err(MappedError { path: path.to_owned(), source }),
        }
    }

    /// Maps `file`, which was opened at `path`: who also hashes it has digest and bytes of one
    /// file, whatever becomes of the name.
    ///
    /// # Errors
    /// [`MappedError`] where it cannot be mapped.
    pub fn of(file: &File, path: impl AsRef<Path>) -> Result<Self, MappedError> {
        let path = path.as_ref().to_owned();
        let map = file.metadata().and_then(|meta| {
            if meta.len() == 0 {
                return Ok(None);
            }
            // SAFETY: the map is private to this value and read-only. That no one changes the
            // file underneath is the contract above; a change cannot break memory safety of
            // `[u8]` reads beyond giving other bytes.
            unsafe { Mmap::map(file) }.map(Some)
        });
        match map {
            Ok(map) => Ok(Self { map, path }),
            Err(source) => Err(MappedError { path, source }),
        }
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        self.map.as_deref().unwrap_or_default()
    }

    /// Its bytes from `offset` on as little-endian f32; `None` where `offset` is past the end,
    /// or not a multiple of four, or the rest is not a whole number of values.
    pub fn f32_from(&self, offset: usize) -> Option<&[f32]> {
        let bytes = self.bytes().get(offset..)?;
        if cfg!(target_endian = "big") {
            return None;
        }
        // SAFETY: every bit pattern is a valid f32; `align_to` splits at aligned addresses.
        let (head, values, tail) = unsafe { bytes.align_to::<f32>() };
        (head.is_empty() && tail.is_empty()).then_some(values)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn mapped_file_reads_what_was_written_and_names_what_is_missing() {
        let dir = std::env::temp_dir().join(format!("wfgy-mapped-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let path = dir.join("v.bin");
        let mut file = File::create(&path).unwrap();
        file.write_all(&[0; 4]).unwrap();
        file.write_all(&1.5f32.to_le_bytes()).unwrap();
        drop(file);
        let mapped = MappedFile::open(&path).unwrap();
        assert_eq!(mapped.f32_from(4).unwrap(), &[1.5]);
        assert!(mapped.f32_from(3).is_none());
        assert!(mapped.f32_from(9).is_none());
        std::fs::write(&path, b"").unwrap();
        assert!(MappedFile::open(&path).unwrap().bytes().is_empty());
        std::fs::remove_dir_all(&dir).unwrap();
        let error = MappedFile::open(&path).unwrap_err().to_string();
        assert!(error.contains("v.bin") && error.contains("cannot be read"), "{error}");
    }
}
