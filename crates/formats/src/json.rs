//! JSON records within limits, and errors that say where in them something is wrong.

use std::path::Path;

use serde::de::DeserializeOwned;

use crate::{InputError, Place};

/// Deepest nesting of a record; deeper input is refused before anything recurses into it.
pub const MAX_NESTING: usize = 64;

/// Longest record in bytes: a document's limit, 64 MiB.
pub const MAX_RECORD: usize = 64 << 20;

/// Longest string in bytes of its decoded text: a section's limit, 8 MiB.
pub const MAX_STRING: usize = 8 << 20;

/// Where a record begins in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// Line, 1-based.
    pub line: u64,
    /// Column in bytes, 1-based.
    pub column: u64,
    /// Byte offset, 0-based, of the decompressed content.
    pub byte: u64,
}

impl Start {
    /// The first column of a line.
    pub fn of_line(line: u64, byte: u64) -> Self {
        Self { line, column: 1, byte }
    }
}

/// Follows the brackets and strings of one JSON value byte by byte, so that limits hold before
/// anything is allocated for it. It judges nothing else: [`decode`] does.
#[derive(Debug, Clone, Default)]
pub struct Scan {
    depth: usize,
    string: Option<Escape>,
    length: usize,
}

#[derive(Debug, Clone, Copy)]
enum Escape {
    No,
    Begun,
    Unicode { digits: u8, unit: u16 },
}

impl Scan {
    /// Takes the next byte; true where it closes the outermost bracket.
    ///
    /// # Errors
    /// What limit the byte is beyond.
    pub fn byte(&mut self, byte: u8) -> Result<bool, String> {
        let Some(escape) = self.string else {
            match byte {
                b'"' => {
                    self.string = Some(Escape::No);
                    self.length = 0;
                }
                b'{' | b'[' => {
                    self.depth += 1;
                    if self.depth > MAX_NESTING {
                        return Err(format!(
                            "nested deeper than {MAX_NESTING} levels: flatten the record"
                        ));
                    }
                }
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    return Ok(self.depth == 0);
                }
                _ => {}
            }
            return Ok(false);
        };
        let (next, length) = match (escape, byte) {
            (Escape::No, b'"') => (None, 0),
            (Escape::No, b'\\') => (Some(Escape::Begun), 0),
            (Escape::No, _) => (Some(Escape::No), 1),
            (Escape::Begun, b'u') => (Some(Escape::Unicode { digits: 0, unit: 0 }), 0),
            (Escape::Begun, _) => (Some(Escape::No), 1),
            (Escape::Unicode { digits, unit }, digit) => {
                let digit = char::from(digit).to_digit(16).unwrap_or_default() as u16;
                let unit = unit << 4 | digit;
                match digits {
                    3 => (Some(Escape::No), utf8_length(unit)),
                    _ => (Some(Escape::Unicode { digits: digits + 1, unit }), 0),
                }
            }
        };
        self.string = next;
        self.length += length;
        if self.length > MAX_STRING {
            return Err(format!(
                "a text of more than {MAX_STRING} bytes (8 MiB): cut it into sections"
            ));
        }
        Ok(false)
    }

    /// Whether the next byte lies inside a string.
    pub fn in_string(&self) -> bool {
        self.string.is_some()
    }
}

/// Bytes that a UTF-16 unit adds to UTF-8 text; each half of a pair adds two.
fn utf8_length(unit: u16) -> usize {
    match unit {
        0..=0x7f => 1,
        0x80..=0x7ff | 0xd800..=0xdfff => 2,
        _ => 3,
    }
}

/// Decodes one record, strictly: one value, valid UTF-8, within [`MAX_NESTING`] and
/// [`MAX_STRING`].
///
/// # Errors
/// [`InputError`] with line, column and the path of the field (`sections[2].text`).
pub fn decode<T: DeserializeOwned>(
    bytes: &[u8],
    file: impl AsRef<Path>,
    start: Start,
) -> Result<T, InputError> {
    let file = file.as_ref();
    let mut scan = Scan::default();
    for (i, byte) in bytes.iter().enumerate() {
        scan.byte(*byte)
            .map_err(|problem| InputError::at(file, Place::Byte(start.byte + i as u64), problem))?;
    }
    decode_scanned(bytes, file, start)
}

/// [`decode`] for bytes that have been through a [`Scan`].
pub(crate) fn decode_scanned<T: DeserializeOwned>(
    bytes: &[u8],
    file: &Path,
    start: Start,
) -> Result<T, InputError> {
    if let Err(error) = std::str::from_utf8(bytes) {
        let byte = start.byte + error.valid_up_to() as u64;
        return Err(InputError::at(
            file,
            Place::Byte(byte),
            "invalid UTF-8: convert the file to UTF-8",
        ));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        // `.` is the record itself, `?` what ended before its key was read.
        let path = match path.as_str() {
            "." | "?" => String::new(),
            known => known.strip_suffix(".?").unwrap_or(known).to_owned(),
        };
        describe(error.inner(), path, file, start)
    })?;
    reader.end().map_err(|error| describe(&error, String::new(), file, start))?;
    Ok(value)
}

fn describe(error: &serde_json::Error, path: String, file: &Path, start: Start) -> InputError {
    let place = match (error.line() as u64, error.column() as u64) {
        (0, _) => Place::Line(start.line),
        (1, column) => Place::LineColumn(start.line, start.column + column.saturating_sub(1)),
        (line, column) => Place::LineColumn(start.line + line - 1, column.max(1)),
    };
    let text = error.to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
    let bare = without_value(text, &[""]);
    let text = &without_value(text, &["string", "character"]);
    let (field, problem) = match named_field(text) {
        Some((name, problem)) if path.ends_with(name) => (path, problem.to_owned()),
        Some((name, problem)) if path.is_empty() => (name.to_owned(), problem.to_owned()),
        Some((name, problem)) => (format!("{path}.{name}"), problem.to_owned()),
        None if error.is_eof() => {
            (path, "the record ends too early: the file is cut or a bracket is missing".to_owned())
        }
        None => (path, text.to_owned()),
    };
    let error = match bare == *text {
        true => InputError::at(file, place, problem),
        false => InputError::at(file, place, problem).bare(bare),
    };
    if field.is_empty() { error } else { error.field(field) }
}

/// Serde's messages about a value of another type without the value, where it is of one of these
/// `kinds`; an empty name stands for all. A text can be as long as a book, and somebody's secret.
fn without_value(text: &str, kinds: &[&str]) -> String {
    let kept = || {
        let said = ["invalid type: ", "invalid value: "].into_iter();
        let prefix = said.into_iter().find(|prefix| text.starts_with(prefix))?;
        // What was expected is said by this program and does not contain the separator.
        let (found, expected) = text[prefix.len()..].rsplit_once(", expected ")?;
        let kind = &found[..found.find(['`', '"'])?];
        let named = kinds.iter().any(|name| kind.starts_with(name));
        named.then(|| format!("{prefix}{}, expected {expected}", kind.trim_end()))
    };
    kept().unwrap_or_else(|| text.to_owned())
}

/// Splits serde's messages that name a field.
fn named_field(text: &str) -> Option<(&str, String)> {
    let between = |prefix: &str| text.strip_prefix(prefix)?.split_once('`');
    if let Some((name, _)) = between("missing field `") {
        return Some((name, "is missing".to_owned()));
    }
    if let Some((name, _)) = between("duplicate field `") {
        return Some((name, "is given twice".to_owned()));
    }
    // The name is the file's and may hold anything, what was expected is this program's.
    let text = text.strip_prefix("unknown field `")?;
    let end = text.rfind("`, expected ").or_else(|| text.rfind("`, there are no fields"))?;
    Some((&text[..end], format!("unknown key{}", &text[end + 1..])))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[allow(dead_code)]
        inner: Vec<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[allow(dead_code)]
        text: String,
    }

    fn error(text: &str) -> String {
        let start = Start { line: 7, column: 3, byte: 100 };
        decode::<Outer>(text.as_bytes(), "a.json", start).unwrap_err().to_string()
    }

    #[test]
    fn a_wrong_field_is_named_with_its_path_line_and_column() {
        for (text, expected) in [
            (r#"{"inner":[{"text":"a"},{}]}"#, "inner[1].text: is missing"),
            (r#"{"inner":[{"text":1}]}"#, "inner[0].text: invalid type: integer `1`"),
            (r#"{"inner":"a, expected b"}"#, "inner: invalid type: string, expected a sequence"),
            (
                r#"{"inner":[{"a`, expected b":"a"}]}"#,
                "inner[0].a`, expected b: unknown key, expected `text`",
            ),
            (r#"{"inner":[{"txt":"a"}]}"#, "inner[0].txt: unknown key, expected `text`"),
            (r#"{"inner":[{"text":"a","text":"b"}]}"#, "inner[0].text: is given twice"),
            (r#"{"inner":[]"#, ": the record ends too early"),
            (r#"{"inner":[{"text":"a""#, ": inner[0]: the record ends too early"),
            (r#"{"inner":[]} x"#, "trailing characters"),
            ("{}", "inner: is missing"),
        ] {
            let error = error(text);
            assert!(error.starts_with("a.json:7:") && error.contains(expected), "{error}");
            assert!(!error.contains('?'), "{error}");
        }
        assert!(
            error("{\n\n\"inner\":[1]}").starts_with("a.json:9:"),
            "{}",
            error("{\n\n\"inner\":[1]}")
        );
    }

    #[test]
    fn rule_nesting_deeper_than_64_is_refused_with_its_byte_and_without_recursion() {
        let deep = "[".repeat(10_000_000);
        assert!(error(&deep).starts_with("a.json: byte 164: nested deeper than 64"));
        let start = Start::of_line(1, 0);
        let fits = "[".repeat(64) + &"]".repeat(64);
        assert!(decode::<serde_json::Value>(fits.as_bytes(), "a", start).is_ok());
    }

    #[test]
    fn rule_a_text_over_8_mib_is_refused_at_the_byte_where_it_passes_the_limit() {
        let start = Start::of_line(1, 0);
        let fits = format!("[\"{}\"]", "a".repeat(MAX_STRING));
        assert!(decode::<serde_json::Value>(fits.as_bytes(), "a", start).is_ok());
        let over = format!("[\"{}\"]", "a".repeat(MAX_STRING + 1));
        let error = decode::<serde_json::Value>(over.as_bytes(), "a", start).unwrap_err();
        assert_eq!(error.place, Place::Byte(2 + MAX_STRING as u64));
        // Escapes count as what they stand for: here 2 bytes each.
        let escaped = format!("[\"{}\"]", "\\u00e9".repeat(MAX_STRING / 2));
        assert!(decode::<serde_json::Value>(escaped.as_bytes(), "a", start).is_ok());
        let pairs = format!("[\"{}\\n\"]", "\\ud83d\\ude00".repeat(MAX_STRING / 4));
        assert!(decode::<serde_json::Value>(pairs.as_bytes(), "a", start).is_err());
    }

    #[test]
    fn invalid_utf8_is_named_with_its_byte() {
        let start = Start::of_line(3, 50);
        let error = decode::<serde_json::Value>(b"[\"a\xff\"]", "a", start).unwrap_err();
        assert_eq!(error.place, Place::Byte(53));
        assert!(error.problem.contains("UTF-8"));
    }
}
