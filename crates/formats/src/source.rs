//! Input files, plain or compressed, as one stream of bytes.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

use crate::{InputError, Place};

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
const BUFFER: usize = 1 << 16;
/// Bytes of a long file that one task reads.
const PART: usize = 1 << 20;

/// How much of something is read; clones look at the same reading.
#[derive(Debug, Clone)]
pub struct Meter {
    done: Arc<AtomicU64>,
    total: u64,
}

impl Meter {
    /// Nothing of `total` read yet.
    pub(crate) fn new(total: u64) -> Self {
        Self { done: Arc::default(), total }
    }

    pub(crate) fn add(&self, amount: u64) {
        self.done.fetch_add(amount, Ordering::Relaxed);
    }

    /// Share that is read, in [0, 1]; 0 where there is nothing to read.
    pub fn share(&self) -> f64 {
        let done = self.done.load(Ordering::Relaxed);
        (done as f64 / self.total.max(1) as f64).min(1.0)
    }
}

/// A file that counts what is read from it, before decompression.
struct Metered {
    file: File,
    meter: Meter,
}

impl Read for Metered {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(bytes)?;
        self.meter.add(read as u64);
        Ok(read)
    }
}

/// Opens the file at `path`; gzip and zstd are known by their first bytes, not by the name, and
/// all members of a concatenated file are read.
///
/// Damage inside a compressed stream is an error of the read that meets it: pass it through
/// [`read_error`].
///
/// # Errors
/// [`InputError`] where it is missing, a folder, or cannot be read.
pub fn open(path: impl AsRef<Path>) -> Result<Box<dyn BufRead + Send>, InputError> {
    open_metered(path).map(|(reader, _)| reader)
}

/// The same, with a meter of the file's bytes.
///
/// # Errors
/// As [`open`].
pub fn open_metered(
    path: impl AsRef<Path>,
) -> Result<(Box<dyn BufRead + Send>, Meter), InputError> {
    let path = path.as_ref();
    let (file, meter) = raw(path)?;
    let reader = decompressed(file).map_err(|error| read_error(path, &error))?;
    Ok((reader, meter))
}

/// The bytes of the file as they are.
fn raw(path: &Path) -> Result<(BufReader<Metered>, Meter), InputError> {
    let fail = |error: io::Error| read_error(path, &error);
    let file = File::open(path).map_err(fail)?;
    let metadata = file.metadata().map_err(fail)?;
    if metadata.is_dir() {
        return Err(InputError::file(path, "is a folder: name a file in it"));
    }
    let meter = Meter::new(metadata.len());
    Ok((BufReader::with_capacity(BUFFER, Metered { file, meter: meter.clone() }), meter))
}

/// How a file is compressed.
enum Codec {
    Gzip,
    Zstd,
}

/// What a file that begins with `start` is compressed by; `None` where it is plain.
fn compression(start: &[u8]) -> Option<Codec> {
    if start.starts_with(&GZIP_MAGIC) {
        Some(Codec::Gzip)
    } else if start.starts_with(&ZSTD_MAGIC) {
        Some(Codec::Zstd)
    } else {
        None
    }
}

fn decompressed(mut file: BufReader<Metered>) -> io::Result<Box<dyn BufRead + Send>> {
    Ok(match compression(file.fill_buf()?) {
        None => Box::new(file),
        Some(Codec::Gzip) => {
            let decoder = flate2::bufread::MultiGzDecoder::new(file);
            Box::new(BufReader::with_capacity(BUFFER, decoder))
        }
        Some(Codec::Zstd) => {
            let decoder = zstd::stream::read::Decoder::with_buffer(file)?;
            Box::new(BufReader::with_capacity(BUFFER, decoder))
        }
    })
}

/// The bytes of a regular file that is not compressed; copies and the faults of new pages are
/// shared by all threads.
fn plain(file: &File, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    let parts = bytes.par_chunks_mut(PART).enumerate();
    parts.try_for_each(|(i, part)| file.read_exact_at(part, (i * PART) as u64))?;
    Ok(bytes)
}

/// Whether `file`, which was opened at `path`, is not compressed, so that its bytes are its content.
///
/// # Errors
/// [`InputError`] where it cannot be read.
pub fn is_plain(file: &File, path: impl AsRef<Path>) -> Result<bool, InputError> {
    let mut start = [0; ZSTD_MAGIC.len()];
    let read = file.read_at(&mut start, 0).map_err(|error| read_error(path.as_ref(), &error))?;
    Ok(compression(&start[..read]).is_none())
}

/// Reads the whole file at `path`, decompressed.
///
/// # Errors
/// [`InputError`] where it cannot be read or is longer than `limit` bytes.
pub fn read(path: impl AsRef<Path>, limit: usize) -> Result<Vec<u8>, InputError> {
    let path = path.as_ref();
    let fail = |error: io::Error| read_error(path, &error);
    let (mut file, meter) = raw(path)?;
    let length = usize::try_from(meter.total).unwrap_or(usize::MAX);
    let is_plain = compression(file.fill_buf().map_err(fail)?).is_none();
    let bytes = if (PART..=limit).contains(&length) && is_plain {
        plain(&file.get_ref().file, length).map_err(fail)?
    } else {
        let mut bytes = Vec::with_capacity(limit.min(length.saturating_add(1)));
        let reader = decompressed(file).map_err(fail)?;
        reader.take(limit as u64 + 1).read_to_end(&mut bytes).map_err(fail)?;
        bytes
    };
    if bytes.len() > limit {
        let problem = format!("longer than {limit} bytes: split it");
        return Err(InputError::at(path, Place::Byte(limit as u64), problem));
    }
    Ok(bytes)
}

/// Reads the whole file at `path`, decompressed, without a byte order mark.
///
/// # Errors
/// As [`read`], and where it is no UTF-8.
pub fn read_to_string(path: impl AsRef<Path>, limit: usize) -> Result<String, InputError> {
    let path = path.as_ref();
    let bytes = read(path, limit)?;
    let mut text = String::from_utf8(bytes).map_err(|error| {
        let byte = error.utf8_error().valid_up_to() as u64;
        InputError::at(path, Place::Byte(byte), "invalid UTF-8: convert the file to UTF-8")
    })?;
    if text.starts_with('\u{feff}') {
        text.drain(..'\u{feff}'.len_utf8());
    }
    Ok(text)
}

/// What a failed read says about its file.
pub fn read_error(path: impl AsRef<Path>, error: &io::Error) -> InputError {
    let problem = match error.kind() {
        io::ErrorKind::NotFound => "no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "cannot be read: permission denied".to_owned(),
        io::ErrorKind::UnexpectedEof => "ends too early: the file is cut".to_owned(),
        _ => format!("cannot be read: {error}"),
    };
    InputError::file(path, problem)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn all(path: &Path) -> Result<String, InputError> {
        read_to_string(path, 1 << 30)
    }

    fn gzip(text: &str) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn compressed_files_are_known_by_their_bytes_and_read_to_their_last_member() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        let text = "é".repeat(PART + 3);
        let zstd = zstd::stream::encode_all(text.as_bytes(), 1).unwrap();
        for one in [text.clone().into_bytes(), gzip(&text), zstd] {
            std::fs::write(&path, [one.clone(), one].concat()).unwrap();
            assert_eq!(all(&path).unwrap(), text.repeat(2));
        }
        std::fs::write(&path, &text).unwrap();
        assert!(read(&path, text.len()).is_ok());
        let error = read(&path, text.len() - 1).unwrap_err().to_string();
        assert!(error.contains("longer than"), "{error}");
        std::fs::write(&path, b"").unwrap();
        assert_eq!(all(&path).unwrap(), "");
    }

    #[test]
    fn a_cut_compressed_file_is_an_error_and_never_a_shorter_text() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        let text = "abc ".repeat(1000);
        for whole in [gzip(&text), zstd::stream::encode_all(text.as_bytes(), 1).unwrap()] {
            for end in [whole.len() - 1, whole.len() / 2] {
                std::fs::write(&path, &whole[..end]).unwrap();
                let error = all(&path).unwrap_err().to_string();
                assert!(error.contains("cut") || error.contains("cannot be read"), "{error}");
            }
        }
    }

    #[test]
    fn a_missing_file_and_a_folder_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let missing = dir.path().join("none.json");
        assert!(all(&missing).unwrap_err().to_string().ends_with("none.json: no such file"));
        assert!(all(dir.path()).unwrap_err().to_string().contains("is a folder"));
    }
    #[test]
    fn a_file_over_its_limit_or_not_utf8_is_named_with_its_byte() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        // The limit holds for what comes out of the compressed file.
        std::fs::write(&path, gzip(&"a".repeat(1000))).unwrap();
        assert_eq!(read_to_string(&path, 1000).unwrap().len(), 1000);
        assert_eq!(read_to_string(&path, 999).unwrap_err().place, Place::Byte(999));
        std::fs::write(&path, b"ab\xff").unwrap();
        assert_eq!(read_to_string(&path, 9).unwrap_err().place, Place::Byte(2));
        std::fs::write(&path, "\u{feff}ab").unwrap();
        assert_eq!(read_to_string(&path, 9).unwrap(), "ab");
    }
}
