//! `verdict.json`: one RFC 8785 document, so that its SHA-256 is the digest it is filed by.

use std::io::Read;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use wfgy_core::{Digest, canonical_json};
use wfgy_gate::VerdictFile;

use crate::durable::{PRIVATE, Prepared, WriteError};
use crate::json::{MAX_RECORD, Start, decode};
use crate::{InputError, Place, source};

/// JSON Schema of a verdict file.
pub const SCHEMA: &str = include_str!("../schemas/verdict.schema.json");

/// Writes the verdict, mode 0600, to be put in place when nothing can go wrong any more: a file of
/// this name is believed.
///
/// # Errors
/// [`WriteError`]; nothing is left.
pub fn prepare(path: &Path, verdict: &VerdictFile) -> Result<Prepared, WriteError> {
    prepare_canonical(path, verdict)
}

/// A file that is no verdict, or one that is not what it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// It cannot be read, or holds something else.
    #[error(transparent)]
    Input(#[from] InputError),
    /// It is one, but not as it was written: bytes or statements contradict each other.
    #[error(transparent)]
    Altered(InputError),
}

impl From<ReadError> for InputError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Input(error) | ReadError::Altered(error) => error,
        }
    }
}

/// Reads a verdict, checks that it does not contradict itself, and gives the digest of its bytes.
///
/// # Errors
/// [`ReadError::Input`] where it cannot be read, [`ReadError::Altered`] where it is not what this
/// version writes byte by byte, or says one thing in one place and another in another.
pub fn read(path: impl AsRef<Path>) -> Result<(VerdictFile, Digest), ReadError> {
    let path = path.as_ref();
    let (verdict, digest): (VerdictFile, Digest) = read_canonical(path)?;
    verdict.check().map_err(|error| ReadError::Altered(InputError::file(path, error)))?;
    Ok((verdict, digest))
}

/// Writes the RFC 8785 bytes of `value`, mode 0600.
pub(crate) fn prepare_canonical<T: Serialize>(
    path: &Path,
    value: &T,
) -> Result<Prepared, WriteError> {
    let bytes = canonical_json(value).map_err(|error| WriteError {
        path: path.to_owned(),
        source: std::io::Error::other(error),
    })?;
    Prepared::write(path, PRIVATE, |out| out.write_all(&bytes))
}

/// Reads a document that [`prepare_canonical`] wrote: a key given twice, another spelling of a
/// number, or anything else that a reader could take in two ways, is refused with its place.
pub(crate) fn read_canonical<T: Serialize + DeserializeOwned>(
    path: &Path,
) -> Result<(T, Digest), ReadError> {
    let mut bytes = Vec::new();
    source::open(path)?
        .take(MAX_RECORD as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| source::read_error(path, &error))?;
    if bytes.len() > MAX_RECORD {
        let problem = format!("longer than {MAX_RECORD} bytes (64 MiB)");
        return Err(InputError::file(path, problem).into());
    }
    let value: T = decode(&bytes, path, Start::of_line(1, 0))?;
    let canonical = canonical_json(&value).map_err(|error| InputError::file(path, error))?;
    if canonical != bytes {
        let at = canonical.iter().zip(&bytes).take_while(|(a, b)| a == b).count();
        let problem = "not as it was written: the file was altered, or made by another program";
        return Err(ReadError::Altered(InputError::at(path, Place::Byte(at as u64), problem)));
    }
    Ok((value, Digest::of(&bytes)))
}
