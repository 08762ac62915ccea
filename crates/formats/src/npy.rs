//! `.npy` matrices of f32: NumPy's own format 1.0.
//!
//! Layout: `\x93NUMPY`, bytes 1 and 0, header length (u16, little-endian), a Python dict padded
//! with spaces and ended by a newline so that the values begin at a multiple of 64, then the
//! values row by row. Source: NumPy, `numpy/lib/_format_impl.py`; what is written here has the
//! bytes that `numpy.save` writes, the room for a growing first axis included.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::{InputError, Place, source};

const MAGIC: &[u8; 6] = b"\x93NUMPY";
const ALIGN: usize = 64;
/// NumPy keeps room for a first axis of so many digits (`GROWTH_AXIS_MAX_DIGITS`).
const GROWTH_DIGITS: usize = 21;
/// Magic, version and length.
const PREFIX: usize = 10;

/// Shape of a matrix and where its values begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Rows.
    pub rows: usize,
    /// Values in a row.
    pub columns: usize,
    /// Byte offset of the first value.
    pub data: usize,
}

/// A matrix in memory, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix {
    /// Rows.
    pub rows: usize,
    /// Values in a row; more than 0.
    pub columns: usize,
    /// `rows × columns` values; may hold NaN where the file does.
    pub values: Vec<f32>,
}

impl Header {
    /// Reads the header of a C-order, little-endian f32 matrix from the first bytes of a file
    /// that is `length` bytes long, and checks that exactly its values follow.
    ///
    /// # Errors
    /// What is wrong, a lower-case fragment.
    pub fn parse(start: &[u8], length: u64) -> Result<Self, String> {
        if !start.starts_with(MAGIC) {
            return Err("is not a .npy file: it does not begin with \\x93NUMPY".to_owned());
        }
        let cut = || "ends inside its header: the file is cut".to_owned();
        let version = start.get(6..8).ok_or_else(cut)?;
        let (prefix, dict) = match version {
            [1, 0] => {
                let size = start.get(8..PREFIX).ok_or_else(cut)?;
                (PREFIX, usize::from(u16::from_le_bytes([size[0], size[1]])))
            }
            _ => {
                let (major, minor) = (version[0], version[1]);
                return Err(format!(
                    "has format {major}.{minor}: expected 1.0, which numpy.save writes for f32"
                ));
            }
        };
        let data = prefix + dict;
        let dict = start.get(prefix..data).ok_or_else(cut)?;
        let dict = std::str::from_utf8(dict).map_err(|_| "has a header that is not text")?;
        let (rows, columns) = parse_dict(dict)?;
        let size = rows
            .checked_mul(columns)
            .and_then(|values| values.checked_mul(4))
            .and_then(|bytes| bytes.checked_add(data))
            .ok_or("has a shape too large for any file")?;
        if size as u64 != length {
            return Err(format!(
                "holds {length} bytes where shape ({rows}, {columns}) needs {size}: \
                 the file is cut or has something after its values"
            ));
        }
        Ok(Self { rows, columns, data })
    }
}

/// `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`, spaces, newline.
fn parse_dict(text: &str) -> Result<(usize, usize), String> {
    let odd = || {
        format!(
            "has the header `{}`: expected C order, `<f4` (little-endian float32) and two axes",
            text.trim_end().chars().take(120).collect::<String>()
        )
    };
    let body = text
        .trim_end_matches(['\n', ' '])
        .strip_prefix('{')
        .and_then(|t| t.strip_suffix('}'))
        .ok_or_else(odd)?;
    let rest = body.trim().strip_prefix("'descr': '<f4',").ok_or_else(odd)?;
    let rest = rest.trim_start().strip_prefix("'fortran_order': False,").ok_or_else(odd)?;
    let rest = rest.trim_start().strip_prefix("'shape': (").ok_or_else(odd)?;
    let (shape, rest) = rest.split_once(')').ok_or_else(odd)?;
    if !matches!(rest.trim(), "" | ",") {
        return Err(odd());
    }
    let (rows, columns) = shape.split_once(',').ok_or_else(odd)?;
    let number = |text: &str| {
        let text = text.trim();
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| text.parse::<usize>().ok()).flatten()
    };
    match (number(rows), number(columns)) {
        (Some(rows), Some(columns)) if columns > 0 => Ok((rows, columns)),
        (Some(_), Some(_)) => Err("has rows without values: shape (n, 0)".to_owned()),
        _ => Err(odd()),
    }
}

/// The bytes before the values of a `rows × columns` matrix.
///
/// Their number does not depend on `rows`, so that a writer can fill them in at the end.
pub fn header(rows: usize, columns: usize) -> Vec<u8> {
    let mut dict =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {columns}), }}");
    let digits = rows.to_string().len();
    dict.push_str(&" ".repeat(GROWTH_DIGITS.saturating_sub(digits)));
    // NumPy pads a header that ends on the boundary by one more whole block.
    let padding = ALIGN - (PREFIX + dict.len() + 1) % ALIGN;
    dict.push_str(&" ".repeat(padding));
    dict.push('\n');
    let mut bytes = MAGIC.to_vec();
    bytes.extend([1, 0]);
    bytes.extend((dict.len() as u16).to_le_bytes());
    bytes.extend(dict.as_bytes());
    bytes
}

/// Writes a matrix row by row without knowing beforehand how many rows there are.
#[derive(Debug)]
pub struct Writer {
    file: BufWriter<File>,
    columns: usize,
    rows: usize,
}

impl Writer {
    /// Makes a new file with the permission bits `mode`; it must not exist.
    ///
    /// # Errors
    /// Where it cannot be made.
    ///
    /// # Panics
    /// Where `columns` is 0.
    pub fn create(path: &Path, mode: u32, columns: usize) -> io::Result<Self> {
        assert!(columns > 0, "rows hold values");
        let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
        let mut file = BufWriter::with_capacity(1 << 18, file);
        file.write_all(&header(0, columns))?;
        Ok(Self { file, columns, rows: 0 })
    }

    /// Appends whole rows.
    ///
    /// # Errors
    /// Where they cannot be written.
    ///
    /// # Panics
    /// Where `values` is not a whole number of rows.
    pub fn push(&mut self, values: &[f32]) -> io::Result<()> {
        assert_eq!(values.len() % self.columns, 0, "whole rows");
        for value in values {
            self.file.write_all(&value.to_le_bytes())?;
        }
        self.rows += values.len() / self.columns;
        Ok(())
    }

    /// Fills the header in, syncs the file and says how many rows it has.
    ///
    /// # Errors
    /// Where that cannot be written.
    pub fn finish(self) -> io::Result<usize> {
        let mut file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&header(self.rows, self.columns))?;
        file.sync_all()?;
        Ok(self.rows)
    }
}

/// Writes a whole matrix to `out`.
///
/// # Errors
/// Where it cannot be written.
///
/// # Panics
/// Where `values` is not a whole number of rows, or `columns` is 0.
pub fn write(out: &mut dyn Write, columns: usize, values: &[f32]) -> io::Result<()> {
    assert_eq!(values.len() % columns, 0, "whole rows");
    out.write_all(&header(values.len() / columns, columns))?;
    values.iter().try_for_each(|value| out.write_all(&value.to_le_bytes()))
}

/// Reads a whole matrix into memory.
///
/// # Errors
/// [`InputError`] where the file cannot be read or is no matrix of f32.
pub fn read(path: impl AsRef<Path>) -> Result<Matrix, InputError> {
    let path = path.as_ref();
    let fail = |error: io::Error| source::read_error(path, &error);
    let mut file = File::open(path).map_err(fail)?;
    let length = file.metadata().map_err(fail)?.len();
    let mut start = vec![0; length.min(1 << 17) as usize];
    file.read_exact(&mut start).map_err(fail)?;
    let header = Header::parse(&start, length).map_err(|p| InputError::file(path, p))?;
    // The header says the file's real length (checked above), so this asks for no more than that.
    let mut bytes = vec![0; header.rows * header.columns * 4];
    file.seek(SeekFrom::Start(header.data as u64)).map_err(fail)?;
    file.read_exact(&mut bytes).map_err(|_| {
        InputError::at(path, Place::Byte(header.data as u64), "ends too early: the file is cut")
    })?;
    let (words, _) = bytes.as_chunks::<4>();
    let values = words.iter().map(|word| f32::from_le_bytes(*word)).collect();
    Ok(Matrix { rows: header.rows, columns: header.columns, values })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `scripts`: `numpy.save` of `numpy.arange(n * d, dtype='<f4').reshape(n, d) / 8` (NumPy 2.4).
    const NUMPY: &[u8] = include_bytes!("../fixtures/numpy_3x5.npy");

    #[test]
    fn rule_npy_is_byte_equal_to_numpy() {
        let values: Vec<f32> = (0..15).map(|i| i as f32 / 8.0).collect();
        let mut bytes = Vec::new();
        write(&mut bytes, 5, &values).unwrap();
        assert_eq!(bytes, NUMPY);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("v.npy");
        let mut writer = Writer::create(&path, 0o600, 5).unwrap();
        writer.push(&values[..5]).unwrap();
        writer.push(&values[5..]).unwrap();
        assert_eq!(writer.finish().unwrap(), 3);
        assert_eq!(std::fs::read(&path).unwrap(), NUMPY);
        assert_eq!(read(&path).unwrap(), Matrix { rows: 3, columns: 5, values });
    }

    #[test]
    fn header_has_the_bytes_of_numpy_for_other_shapes() {
        // Each line: rows, columns, hex sha256 of the header that NumPy 2.4 writes.
        for line in include_str!("../fixtures/numpy_headers.txt").lines() {
            let [rows, columns, digest] = line.split(' ').collect::<Vec<_>>()[..] else {
                panic!("{line}")
            };
            let bytes = header(rows.parse().unwrap(), columns.parse().unwrap());
            assert_eq!(wfgy_core::Digest::of(&bytes).to_string(), digest, "{line}");
            let parsed = Header::parse(
                &bytes,
                (rows.parse::<u64>().unwrap() * columns.parse::<u64>().unwrap()) * 4
                    + bytes.len() as u64,
            );
            assert_eq!(parsed.unwrap().data, bytes.len());
        }
    }

    #[test]
    fn a_cut_or_lengthened_or_foreign_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("v.npy");
        let mut long = NUMPY.to_vec();
        long.push(0);
        let fortran = String::from_utf8_lossy(NUMPY).len();
        assert!(fortran > 0);
        let swap = |from: &[u8], to: &[u8]| {
            let at = NUMPY.windows(from.len()).position(|w| w == from).unwrap();
            let mut bytes = NUMPY.to_vec();
            bytes[at..at + from.len()].copy_from_slice(to);
            bytes
        };
        let bad: [(Vec<u8>, &str); 8] = [
            (NUMPY[..NUMPY.len() - 1].to_vec(), "cut"),
            (NUMPY[..20].to_vec(), "cut"),
            (NUMPY[..7].to_vec(), "cut"),
            (long, "something after"),
            (swap(b"False", b"True "), "C order"),
            (swap(b"<f4", b"<f8"), "float32"),
            (swap(b"(3, 5)", b"(3, 0)"), "without values"),
            (b"PK\x03\x04".to_vec(), "not a .npy"),
        ];
        for (bytes, expected) in bad {
            std::fs::write(&path, &bytes).unwrap();
            let error = read(&path).unwrap_err().to_string();
            assert!(error.contains("v.npy") && error.contains(expected), "{error}");
        }
    }
}
