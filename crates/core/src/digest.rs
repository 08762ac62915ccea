//! SHA-256 digests and the canonical bytes that they are taken of.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::Digest as _;

/// A SHA-256 digest, written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u8; 32]);

/// A string that is no digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a SHA-256 digest: expected 64 lower-case hexadecimal digits")]
pub struct DigestError(String);

/// A value without canonical JSON: a map whose keys are no strings.
#[derive(Debug, thiserror::Error)]
#[error("no canonical JSON: {0}")]
pub struct CanonicalError(#[from] serde_json::Error);

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: impl AsRef<[u8]>) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// The digest of the RFC 8785 bytes of `value`.
    ///
    /// # Errors
    /// [`CanonicalError`] where the value has none.
    pub fn of_json<T: Serialize>(value: &T) -> Result<Self, CanonicalError> {
        canonical_json(value).map(Self::of)
    }

    /// The digest with these 32 bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first eight bytes, big-endian: the draws of docs/spec.md.
    pub fn prefix_u64(&self) -> u64 {
        let mut first = [0; 8];
        first.copy_from_slice(&self.0[..8]);
        u64::from_be_bytes(first)
    }

    /// The whole digest as a big-endian integer, modulo `n`. `n` must not be 0.
    pub fn modulo(&self, n: u64) -> u64 {
        let n = u128::from(n);
        let rest = self.0.iter().fold(0u128, |rest, byte| (rest * 256 + u128::from(*byte)) % n);
        rest as u64
    }
}

/// RFC 8785 (JSON Canonicalization Scheme) bytes of `value`.
///
/// A number that is not finite becomes `null`, which no reader takes for a number.
///
/// # Errors
/// [`CanonicalError`] where a key is no string.
pub fn canonical_json<T: Serialize>(value: &T) -> Result<Vec<u8>, CanonicalError> {
    Ok(serde_json_canonicalizer::to_vec(value)?)
}

/// A digest in the making, for files that are hashed while they stream by.
#[derive(Clone, Default)]
pub struct Hasher(sha2::Sha256);

impl Hasher {
    /// Nothing hashed yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.update(bytes);
    }

    /// The digest of all bytes taken.
    pub fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

impl std::io::Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// All 64 digits, or with a precision the first of them: `{digest:.12}`.
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut hex = String::with_capacity(64);
        self.0.iter().try_for_each(|byte| write!(hex, "{byte:02x}"))?;
        f.pad(&hex)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let error = || DigestError(text.to_owned());
        if text.len() != 64 || !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(error());
        }
        let mut bytes = [0; 32];
        for (i, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).map_err(|_| error())?;
        }
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for Digest {
    type Error = DigestError;

    fn try_from(text: String) -> Result<Self, DigestError> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_json_sorts_keys_and_writes_numbers_as_ecmascript() {
        let value = serde_json::json!({"b": 1e21, "a": [0.1, 1.0, -0.0], "é": "\u{7}"});
        let bytes = canonical_json(&value).unwrap();
        assert_eq!(String::from_utf8(bytes).unwrap(), r#"{"a":[0.1,1,0],"b":1e+21,"é":"\u0007"}"#);
    }

    #[test]
    fn a_number_that_is_not_finite_does_not_survive_a_round_trip() {
        #[derive(Serialize, Deserialize)]
        struct Holder {
            x: f64,
        }
        let bytes = canonical_json(&Holder { x: f64::NAN }).unwrap();
        assert_eq!(bytes, br#"{"x":null}"#);
        assert!(serde_json::from_slice::<Holder>(&bytes).is_err());
    }

    #[test]
    fn digest_round_trips_through_its_text_and_refuses_other_text() {
        let digest = Digest::of("abc");
        assert_eq!(
            digest.to_string(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
        assert!("BA78".parse::<Digest>().is_err());
        assert_eq!(digest.prefix_u64(), 0xba78_16bf_8f01_cfea);
        assert_eq!(digest.modulo(256), 0xad);
    }
}
