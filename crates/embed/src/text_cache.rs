//! A folder of vectors by text, kept from run to run.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use wfgy_core::{Digest, EmbedderIdentity, Embeddings, PortError, RowState, TextCache};
use wfgy_formats::durable::PRIVATE;

use crate::OpenError;

/// Bytes of a SHA-256.
const DIGEST: usize = 32;

/// A [`TextCache`] in a folder: one file an embedder, records of one length, appended.
///
/// A record is the key, a byte of state, the values (f32, little-endian) and the SHA-256 of all
/// of these: one that is torn or damaged is as if it were not there, and its text is embedded
/// anew. The digest sees damage, not intent: whoever can write here can forge a vector. The
/// file's name is the digest of all of the embedder's identity and of this program's version, so
/// another model, tokenizer, setting, limit, prefix or version never meets these vectors. No text
/// is kept.
///
/// Processes may share a folder: appending is locked, and a record that came twice is the same.
#[derive(Debug)]
pub struct TextCacheFolder {
    folder: PathBuf,
    /// By the name of the file.
    files: Mutex<HashMap<Digest, Records>>,
}

/// The file of one embedder.
#[derive(Debug)]
struct Records {
    file: File,
    /// Values in a record.
    dim: usize,
    /// Where a key's record begins; the last one, where there are several.
    places: HashMap<Digest, u64>,
}

impl TextCacheFolder {
    /// Opens the folder, making it where there is none.
    ///
    /// # Errors
    /// [`OpenError`] where it cannot be made or is no folder.
    pub fn open(folder: &Path) -> Result<Self, OpenError> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|error| OpenError::invalid(folder, "text cache", error))?;
        Ok(Self { folder: folder.to_owned(), files: Mutex::default() })
    }

    /// Does `work` on the file of an embedder.
    fn with<T>(
        &self,
        embedder: &EmbedderIdentity,
        work: impl FnOnce(&mut Records) -> io::Result<T>,
    ) -> Result<T, PortError> {
        let name = Digest::of(format!("{} {embedder:?}", env!("CARGO_PKG_VERSION")));
        let path = self.folder.join(format!("{name}.vectors"));
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = match files.entry(name) {
            Entry::Occupied(records) => work(records.into_mut()),
            Entry::Vacant(place) => {
                Records::open(&path, embedder.dim).and_then(|records| work(place.insert(records)))
            }
        };
        answer.map_err(|error| {
            let part = format!("text cache {}", path.display());
            match error.kind() {
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                    let advice = "make room, or leave --text-cache out";
                    PortError::permanent(part, format!("{error}; {advice}"))
                }
                _ => {
                    let advice = "mend it, remove it, or leave --text-cache out";
                    PortError::input(part, format!("{error}; {advice}"))
                }
            }
        })
    }
}

impl TextCache for TextCacheFolder {
    fn get(&self, embedder: &EmbedderIdentity, keys: &[Digest]) -> Result<Embeddings, PortError> {
        self.with(embedder, |records| records.get(keys))
    }

    fn put(
        &self,
        embedder: &EmbedderIdentity,
        keys: &[Digest],
        vectors: &Embeddings,
    ) -> Result<(), PortError> {
        self.with(embedder, |records| records.put(keys, vectors))
    }
}

impl Records {
    /// Notes where the records are; that they are whole is seen when they are asked for.
    fn open(path: &Path, dim: usize) -> io::Result<Self> {
        let file =
            OpenOptions::new().read(true).append(true).create(true).mode(PRIVATE).open(path)?;
        let mut records = Self { file, dim, places: HashMap::new() };
        let length = records.length() as u64;
        let count = records.file.metadata()?.len() / length;
        for place in (0..count).map(|record| record * length) {
            let mut key = [0; DIGEST];
            records.file.read_exact_at(&mut key, place)?;
            records.places.insert(Digest::from_bytes(key), place);
        }
        Ok(records)
    }

    /// Bytes of a record.
    fn length(&self) -> usize {
        DIGEST + 1 + 4 * self.dim + DIGEST
    }

    fn get(&self, keys: &[Digest]) -> io::Result<Embeddings> {
        let mut values = vec![0.0; keys.len() * self.dim];
        let mut record = vec![0; self.length()];
        let rows = keys.iter().zip(values.chunks_exact_mut(self.dim));
        let states = rows.map(|(key, row)| self.read(*key, &mut record, row));
        let states = states.collect::<io::Result<_>>()?;
        Ok(Embeddings { values, states })
    }

    /// Reads the values of one record into `row`; all of them are zero where it is missing.
    fn read(&self, key: Digest, record: &mut [u8], row: &mut [f32]) -> io::Result<RowState> {
        let Some(place) = self.places.get(&key) else { return Ok(RowState::Missing) };
        match self.file.read_exact_at(record, *place) {
            // Cut away meanwhile.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(RowState::Missing),
            read => read?,
        }
        let (content, seal) = record.split_at(record.len() - DIGEST);
        let whole = content.starts_with(key.as_bytes()) && Digest::of(content).as_bytes() == seal;
        let state = match (whole, content[DIGEST]) {
            (true, 0) => RowState::Whole,
            (true, 1) => RowState::Truncated,
            _ => return Ok(RowState::Missing),
        };
        let values =
            content[DIGEST + 1..].as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
        if !values.clone().all(f32::is_finite) {
            return Ok(RowState::Missing);
        }
        row.iter_mut().zip(values).for_each(|(to, value)| *to = value);
        Ok(state)
    }

    fn put(&mut self, keys: &[Digest], vectors: &Embeddings) -> io::Result<()> {
        let mut appended = Vec::with_capacity(keys.len() * self.length());
        let mut begins = Vec::with_capacity(keys.len());
        let rows = vectors.values.chunks_exact(self.dim);
        for ((key, row), state) in keys.iter().zip(rows).zip(&vectors.states) {
            let state = match state {
                RowState::Whole => 0,
                RowState::Truncated => 1,
                RowState::Missing => continue,
            };
            let begin = appended.len();
            begins.push((*key, begin as u64));
            appended.extend_from_slice(key.as_bytes());
            appended.push(state);
            appended.extend(row.iter().flat_map(|value| value.to_le_bytes()));
            let seal = Digest::of(&appended[begin..]);
            appended.extend_from_slice(seal.as_bytes());
        }
        self.file.lock()?;
        let written = self.append(&appended);
        self.file.unlock()?;
        let end = written?;
        self.places.extend(begins.into_iter().map(|(key, begin)| (key, end + begin)));
        Ok(())
    }

    /// Appends whole records behind the last whole one, and gives where they begin.
    fn append(&mut self, records: &[u8]) -> io::Result<u64> {
        let length = self.length() as u64;
        let bytes = self.file.metadata()?.len();
        let end = bytes / length * length;
        if end < bytes {
            // A writer that was killed leaves part of a record.
            self.file.set_len(end)?;
        }
        self.file.write_all(records).inspect_err(|_| {
            let _ = self.file.set_len(end);
        })?;
        Ok(end)
    }
}
