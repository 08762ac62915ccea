//! JSON Lines: one RFC 8785 record a line.

use std::io::{self, BufRead, Read, Write};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use wfgy_core::canonical_json;

use crate::json::{MAX_RECORD, Start, decode};
use crate::{InputError, Place, source};

/// Writes the RFC 8785 bytes of `record` and a newline; says how many bytes that were.
///
/// # Errors
/// Where it cannot be written, or the record has no canonical JSON.
pub fn write(out: &mut dyn Write, record: &impl Serialize) -> io::Result<usize> {
    let mut bytes = canonical_json(record).map_err(io::Error::other)?;
    bytes.push(b'\n');
    out.write_all(&bytes)?;
    Ok(bytes.len())
}

/// The records of a JSON Lines file, plain or compressed, with their line numbers (1-based).
///
/// Memory is bounded by one line of at most [`MAX_RECORD`] bytes. Ends after the first error.
pub struct Records<T> {
    reader: Box<dyn BufRead + Send>,
    file: PathBuf,
    line: u64,
    byte: u64,
    ended: bool,
    record: PhantomData<fn() -> T>,
}

/// Opens the file at `path`. A blank line is an error: every line is a record.
///
/// # Errors
/// [`InputError`] where it cannot be opened.
pub fn read<T: DeserializeOwned>(path: impl AsRef<Path>) -> Result<Records<T>, InputError> {
    let file = path.as_ref().to_owned();
    let reader = source::open(&file)?;
    Ok(Records { reader, file, line: 0, byte: 0, ended: false, record: PhantomData })
}

impl<T: DeserializeOwned> Records<T> {
    fn step(&mut self) -> Result<Option<(T, u64)>, InputError> {
        let mut bytes = Vec::new();
        let limit = MAX_RECORD as u64 + 1;
        let read = self.reader.by_ref().take(limit).read_until(b'\n', &mut bytes);
        let read = read.map_err(|error| {
            let place = Place::Byte(self.byte + bytes.len() as u64);
            InputError { place, ..source::read_error(&self.file, &error) }
        })?;
        if read == 0 {
            return Ok(None);
        }
        self.line += 1;
        let start = Start::of_line(self.line, self.byte);
        self.byte += read as u64;
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
        } else if bytes.len() > MAX_RECORD {
            let problem = format!("a line of more than {MAX_RECORD} bytes (64 MiB)");
            return Err(InputError::at(&self.file, Place::Byte(start.byte), problem));
        }
        if bytes.trim_ascii().is_empty() {
            let problem = "a blank line where a record was expected: remove it";
            return Err(InputError::at(&self.file, Place::Line(self.line), problem));
        }
        Ok(Some((decode(&bytes, &self.file, start)?, self.line)))
    }
}

impl<T: DeserializeOwned> Iterator for Records<T> {
    type Item = Result<(T, u64), InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let step = self.step();
        self.ended = !matches!(step, Ok(Some(_)));
        step.transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Pair {
        b: f64,
        a: String,
    }

    fn records(bytes: &[u8]) -> Result<Vec<(Pair, u64)>, InputError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("runs.jsonl");
        std::fs::write(&path, bytes).unwrap();
        read(&path)?.collect()
    }

    #[test]
    fn records_round_trip_as_canonical_lines() {
        let mut bytes = Vec::new();
        let pairs = [Pair { b: 1.0, a: "x\n".into() }, Pair { b: 0.1, a: "é".into() }];
        let written: usize = pairs.iter().map(|pair| write(&mut bytes, pair).unwrap()).sum();
        assert_eq!(bytes, "{\"a\":\"x\\n\",\"b\":1}\n{\"a\":\"é\",\"b\":0.1}\n".as_bytes());
        assert_eq!(written, bytes.len());
        let read = records(&bytes).unwrap();
        assert_eq!(read.iter().map(|(_, line)| *line).collect::<Vec<_>>(), [1, 2]);
        assert!(read.into_iter().map(|(pair, _)| pair).eq(pairs));
    }

    #[test]
    fn a_bad_line_is_named_by_its_number() {
        let good = "{\"a\":\"x\",\"b\":1}\n";
        for (bad, expected) in [
            ("{\"a\":\"x\"}\n", "runs.jsonl:2:9: b: is missing"),
            ("{\"a\":\"x\",\"b\":null}\n", "runs.jsonl:2:"),
            ("\n", "runs.jsonl:2: a blank line"),
            ("{\"a\":\"x\",\n", "runs.jsonl:2:"),
            ("{\"a\":\"x\",\"b\":1}{}\n", "trailing characters"),
        ] {
            let error = records(format!("{good}{bad}{good}").as_bytes()).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn reading_ends_after_the_first_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.jsonl");
        std::fs::write(&path, "[]\n{\"a\":\"x\",\"b\":1}\n").unwrap();
        let mut all = read::<Pair>(&path).unwrap();
        assert!(all.next().unwrap().is_err());
        assert!(all.next().is_none());
    }
}
