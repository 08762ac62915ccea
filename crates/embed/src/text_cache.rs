//! A folder of vectors by text, kept from run to run.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use wfgy_core::{Digest, EmbedderIdentity, PortError, RowState, TextCache};
use wfgy_formats::durable::PRIVATE;

use crate::OpenError;

/// Bytes of a SHA-256.
const DIGEST: usize = 32;

/// A [`TextCache`] in a folder: one file an embedder, records of one length, appended.
///
/// A record is the key, a byte of state, the values (f32, little-endian) and the SHA-256 of all
/// of these: one that is torn or damaged is as if it were not there, and its text is embedded
/// anew. The file's name is the digest of EMBED_MODEL_VER and EMBED_SCHEMA, so another model,
/// pooling, limit or prefix never meets these vectors. No text is kept.
///
/// Processes may share a folder: appending is locked, and a record that came twice is the same.
#[derive(Debug)]
pub struct TextCacheFolder {
    folder: PathBuf,
    files: Mutex<HashMap<PathBuf, Records>>,
}

/// The file of one embedder.
#[derive(Debug)]
struct Records {
    file: File,
    /// Values in a record.
    dim: usize,
    /// Where a key's record begins.
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
        let name = Digest::of(format!("{}\n{}", embedder.model_ver, embedder.schema));
        let path = self.folder.join(format!("{name}.vectors"));
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = || {
            let records = match files.remove(&path) {
                Some(records) => records,
                None => Records::open(&path, embedder.dim)?,
            };
            work(files.entry(path.clone()).or_insert(records))
        };
        answer().map_err(|error| {
            let message = format!("{error}; mend it, remove it, or leave --text-cache out");
            PortError::input(format!("text cache {}", path.display()), message)
        })
    }
}

impl TextCache for TextCacheFolder {
    fn get(
        &self,
        embedder: &EmbedderIdentity,
        key: Digest,
    ) -> Result<Option<(Vec<f32>, RowState)>, PortError> {
        self.with(embedder, |records| records.get(key))
    }

    fn put(
        &self,
        embedder: &EmbedderIdentity,
        keys: &[Digest],
        values: &[f32],
        states: &[RowState],
    ) -> Result<(), PortError> {
        self.with(embedder, |records| records.put(keys, values, states))
    }
}

impl Records {
    fn open(path: &Path, dim: usize) -> io::Result<Self> {
        let file =
            OpenOptions::new().read(true).append(true).create(true).mode(PRIVATE).open(path)?;
        let mut records = Self { file, dim, places: HashMap::new() };
        let mut reader = BufReader::with_capacity(1 << 20, records.file.try_clone()?);
        let mut record = vec![0; records.length()];
        let mut place = 0;
        loop {
            match reader.read_exact(&mut record) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
                Err(error) => return Err(error),
            }
            if let Some(key) = whole(&record) {
                records.places.insert(key, place);
            }
            place += record.len() as u64;
        }
        Ok(records)
    }

    /// Bytes of a record.
    fn length(&self) -> usize {
        DIGEST + 1 + 4 * self.dim + DIGEST
    }

    fn get(&mut self, key: Digest) -> io::Result<Option<(Vec<f32>, RowState)>> {
        let Some(place) = self.places.get(&key) else { return Ok(None) };
        let mut record = vec![0; self.length()];
        self.file.read_exact_at(&mut record, *place)?;
        let (state, values) = match (whole(&record), record[DIGEST]) {
            (Some(found), 0) if found == key => (RowState::Whole, &record[DIGEST + 1..]),
            (Some(found), 1) if found == key => (RowState::Truncated, &record[DIGEST + 1..]),
            _ => return Ok(None),
        };
        let values = values[..4 * self.dim].as_chunks().0;
        let values: Vec<f32> = values.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        Ok(values.iter().all(|value| value.is_finite()).then_some((values, state)))
    }

    fn put(&mut self, keys: &[Digest], values: &[f32], states: &[RowState]) -> io::Result<()> {
        let mut appended = Vec::with_capacity(keys.len() * self.length());
        let mut begins = Vec::with_capacity(keys.len());
        for ((key, row), state) in keys.iter().zip(values.chunks_exact(self.dim)).zip(states) {
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
        // A writer that was killed leaves part of a record.
        let end = self.file.seek(SeekFrom::End(0))? / length * length;
        self.file.set_len(end)?;
        self.file.write_all(records).inspect_err(|_| {
            let _ = self.file.set_len(end);
        })?;
        Ok(end)
    }
}

/// The key of a record that is what was written.
fn whole(record: &[u8]) -> Option<Digest> {
    let (content, seal) = record.split_at(record.len() - DIGEST);
    let key = content.first_chunk::<DIGEST>()?;
    (Digest::of(content).as_bytes() == seal).then(|| Digest::from_bytes(*key))
}
