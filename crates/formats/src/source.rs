//! Input files, plain or compressed, as one stream of bytes.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use crate::InputError;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
const BUFFER: usize = 1 << 16;

/// Opens the file at `path`; gzip and zstd are known by their first bytes, not by the name, and
/// all members of a concatenated file are read.
///
/// Damage inside a compressed stream is an error of the read that meets it: pass it through
/// [`read_error`].
///
/// # Errors
/// [`InputError`] where it is missing, a folder, or cannot be read.
pub fn open(path: impl AsRef<Path>) -> Result<Box<dyn BufRead + Send>, InputError> {
    let path = path.as_ref();
    let fail = |error: io::Error| read_error(path, &error);
    let file = File::open(path).map_err(fail)?;
    if file.metadata().map_err(fail)?.is_dir() {
        return Err(InputError::file(path, "is a folder: name a file in it"));
    }
    let mut file = BufReader::with_capacity(BUFFER, file);
    let start = file.fill_buf().map_err(fail)?;
    if start.starts_with(&GZIP_MAGIC) {
        let decoder = flate2::bufread::MultiGzDecoder::new(file);
        return Ok(Box::new(BufReader::with_capacity(BUFFER, decoder)));
    }
    if start.starts_with(&ZSTD_MAGIC) {
        let decoder = zstd::stream::read::Decoder::with_buffer(file).map_err(fail)?;
        return Ok(Box::new(BufReader::with_capacity(BUFFER, decoder)));
    }
    Ok(Box::new(file))
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
    use std::io::{Read, Write};

    fn all(path: &Path) -> Result<String, InputError> {
        let mut text = String::new();
        open(path)?.read_to_string(&mut text).map_err(|e| read_error(path, &e))?;
        Ok(text)
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
        let text = "é".repeat(100_000);
        let zstd = zstd::stream::encode_all(text.as_bytes(), 1).unwrap();
        for one in [text.clone().into_bytes(), gzip(&text), zstd] {
            std::fs::write(&path, [one.clone(), one].concat()).unwrap();
            assert_eq!(all(&path).unwrap(), text.repeat(2));
        }
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
}
