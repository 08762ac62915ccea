//! Digests of files, and the list of them that `sha256sum -c` checks.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use wfgy_core::{Digest, Hasher};

/// Digest and length in bytes of the file at `path`.
///
/// # Errors
/// Where it cannot be read to its end.
pub fn hash_file(path: &Path) -> io::Result<(Digest, u64)> {
    hash(File::open(path)?)
}

/// Digest and length in bytes of all that is left to read.
///
/// # Errors
/// Where it cannot be read to its end.
pub fn hash(mut from: impl Read) -> io::Result<(Digest, u64)> {
    let mut hasher = Hasher::new();
    let mut buffer = vec![0; 1 << 18];
    let mut length = 0;
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok((hasher.finish(), length)),
            Ok(n) => {
                hasher.update(&buffer[..n]);
                length += n as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The text of `SHA256SUMS`: `digest`, two spaces, name, a line each, names ascending.
///
/// Names must be plain: no line break, no backslash.
pub fn checksums(digests: &BTreeMap<String, Digest>) -> String {
    digests.iter().map(|(name, digest)| format!("{digest}  {name}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_file_is_the_digest_of_all_its_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        let bytes = vec![7u8; (1 << 18) + 5];
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(hash_file(&path).unwrap(), (Digest::of(&bytes), bytes.len() as u64));
        assert!(hash_file(dir.path()).is_err());
        let (start, rest) = bytes.split_at(100);
        assert_eq!(hash(start.chain(rest)).unwrap(), hash_file(&path).unwrap());
    }
}
