//! Cuts a JSON corpus into its records, byte by byte and within the limits.

use std::io::BufRead;
use std::path::Path;
use std::sync::Arc;

use super::MAX_DOCUMENT;
use crate::json::{Scan, Start, decode};
use crate::source::{self, Meter};
use crate::{InputError, Place};

/// Keys of a corpus object beside `documents`.
const ABOUT: [&str; 3] = ["schema_version", "name", "language"];
/// Longest key or description of a corpus object in bytes.
const MAX_ABOUT: usize = 4096;
const BOM: [u8; 3] = [0xef, 0xbb, 0xbf];

/// The records of one file.
pub(super) struct Frames {
    meter: Meter,
    cursor: Cursor,
    shape: Shape,
    record: Vec<u8>,
}

impl std::fmt::Debug for Frames {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Frames").field("file", &self.cursor.file).finish_non_exhaustive()
    }
}

/// Where in the file the cursor stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Before the first record of an array that stands alone or in an object.
    ArrayStart { in_object: bool },
    /// Behind a record of such an array.
    Array { in_object: bool },
    /// Behind the opening of the first record: its first bytes are in `record`.
    FirstLine,
    /// Between lines.
    Lines,
}

impl Frames {
    pub(super) fn open(path: &Path) -> Result<Self, InputError> {
        let (reader, meter) = source::open_metered(path)?;
        let mut cursor = Cursor { reader, file: path.into(), byte: 0, line: 1, line_start: 0 };
        cursor.skip_bom()?;
        let mut record = Vec::new();
        let shape = match cursor.skip_space()? {
            Some(b'[') => {
                cursor.bump()?;
                Shape::ArrayStart { in_object: false }
            }
            Some(b'{') => cursor.open_object(&mut record)?,
            Some(_) => {
                return Err(cursor.wrong(
                    "expected `[` or `{`: a corpus is JSON, JSON Lines, or a folder of .md and .txt",
                ));
            }
            None => return Err(InputError::file(path, "holds no document: the file is empty")),
        };
        Ok(Self { meter, cursor, shape, record })
    }

    pub(super) fn meter(&self) -> Meter {
        self.meter.clone()
    }

    pub(super) fn file(&self) -> Arc<Path> {
        self.cursor.file.clone()
    }

    /// The bytes of the record that [`Self::next_record`] found.
    pub(super) fn record(&self) -> &[u8] {
        &self.record
    }

    /// Reads the next record and says where it begins.
    pub(super) fn next_record(&mut self) -> Result<Option<Start>, InputError> {
        let cursor = &mut self.cursor;
        let start = match self.shape {
            Shape::FirstLine => {
                self.shape = Shape::Lines;
                let start = Start {
                    line: cursor.line,
                    column: cursor.column() - self.record.len() as u64,
                    byte: cursor.byte - self.record.len() as u64,
                };
                cursor.record(&mut self.record, start, true)?;
                cursor.end_line()?;
                return Ok(Some(start));
            }
            Shape::Lines => {
                if cursor.skip_space()?.is_none() {
                    return Ok(None);
                }
                cursor.start()
            }
            Shape::ArrayStart { in_object } | Shape::Array { in_object } => {
                let first = matches!(self.shape, Shape::ArrayStart { .. });
                self.shape = Shape::Array { in_object };
                match cursor.skip_space()? {
                    Some(b']') => {
                        cursor.bump()?;
                        if in_object {
                            cursor.close_object()?;
                        }
                        return match cursor.skip_space()? {
                            None => Ok(None),
                            Some(_) => Err(cursor.wrong("something follows the corpus: remove it")),
                        };
                    }
                    Some(b',') if !first => {
                        cursor.bump()?;
                        cursor.skip_space()?;
                    }
                    Some(_) if first => {}
                    Some(_) => return Err(cursor.wrong("expected `,` or `]` after a document")),
                    None => return Err(cursor.wrong("ends before `]`: the file is cut")),
                }
                cursor.start()
            }
        };
        match cursor.peek()? {
            Some(b'{') => {}
            Some(_) => return Err(cursor.wrong("expected `{`: every document is an object")),
            None => return Err(cursor.wrong("ends before `]`: the file is cut")),
        }
        self.record.clear();
        let lines = self.shape == Shape::Lines;
        cursor.record(&mut self.record, start, lines)?;
        if lines {
            cursor.end_line()?;
        }
        Ok(Some(start))
    }
}

/// A reader that knows where it is.
struct Cursor {
    reader: Box<dyn BufRead + Send>,
    file: Arc<Path>,
    byte: u64,
    line: u64,
    line_start: u64,
}

impl Cursor {
    fn column(&self) -> u64 {
        self.byte - self.line_start + 1
    }

    fn start(&self) -> Start {
        Start { line: self.line, column: self.column(), byte: self.byte }
    }

    fn wrong(&self, problem: impl std::fmt::Display) -> InputError {
        InputError::at(&self.file, Place::LineColumn(self.line, self.column()), problem)
    }

    fn failed(&self, error: &std::io::Error) -> InputError {
        InputError { place: Place::Byte(self.byte), ..source::read_error(&self.file, error) }
    }

    fn fill(&mut self) -> Result<&[u8], InputError> {
        // Asked twice because a slice that is returned early would keep the reader borrowed.
        if let Err(error) = self.reader.fill_buf() {
            return Err(self.failed(&error));
        }
        let (file, byte) = (&self.file, self.byte);
        self.reader.fill_buf().map_err(|error| InputError {
            place: Place::Byte(byte),
            ..source::read_error(file, &error)
        })
    }

    fn peek(&mut self) -> Result<Option<u8>, InputError> {
        Ok(self.fill()?.first().copied())
    }

    /// Takes the byte that [`Self::peek`] showed.
    fn bump(&mut self) -> Result<(), InputError> {
        let newline = self.peek()? == Some(b'\n');
        self.reader.consume(1);
        self.byte += 1;
        if newline {
            self.line += 1;
            self.line_start = self.byte;
        }
        Ok(())
    }

    fn skip_bom(&mut self) -> Result<(), InputError> {
        if self.fill()?.starts_with(&BOM) {
            self.reader.consume(BOM.len());
            self.byte += BOM.len() as u64;
            self.line_start = self.byte;
        }
        Ok(())
    }

    /// The next byte that is no JSON white space.
    fn skip_space(&mut self) -> Result<Option<u8>, InputError> {
        loop {
            match self.peek()? {
                Some(b' ' | b'\t' | b'\r' | b'\n') => self.bump()?,
                other => return Ok(other),
            }
        }
    }

    /// Behind a record of JSON Lines only the end of its line may follow.
    fn end_line(&mut self) -> Result<(), InputError> {
        loop {
            match self.peek()? {
                Some(b' ' | b'\t' | b'\r') => self.bump()?,
                Some(b'\n') => return self.bump(),
                None => return Ok(()),
                Some(_) => {
                    return Err(self.wrong("something follows the record: one record a line"));
                }
            }
        }
    }

    /// Appends to `record` up to the bracket that closes it. What is in it already has been read.
    fn record(
        &mut self,
        record: &mut Vec<u8>,
        start: Start,
        lines: bool,
    ) -> Result<(), InputError> {
        let mut scan = Scan::default();
        for byte in record.iter() {
            scan.byte(*byte).map_err(|problem| self.wrong(problem))?;
        }
        loop {
            let (mut taken, mut closed, mut newline) = (0, false, None);
            let mut problem = None;
            for byte in self.fill()? {
                taken += 1;
                if *byte == b'\n' {
                    newline = Some(taken);
                    if lines {
                        problem = Some(if scan.in_string() {
                            "the line ends inside a text: a quote is missing".to_owned()
                        } else {
                            "the line ends inside its record: a bracket is missing, or the \
                             record does not stand on one line"
                                .to_owned()
                        });
                        break;
                    }
                    // Counted one by one, since each moves the line on.
                    break;
                }
                match scan.byte(*byte) {
                    Ok(false) => {}
                    Ok(true) => {
                        closed = true;
                        break;
                    }
                    Err(limit) => {
                        problem = Some(limit);
                        break;
                    }
                }
            }
            if let Some(problem) = problem {
                let place = match newline {
                    Some(_) => Place::Line(self.line),
                    None => Place::Byte(self.byte + taken as u64 - 1),
                };
                return Err(InputError::at(&self.file, place, problem));
            }
            if taken == 0 {
                let problem =
                    "the file ends inside this record: it is cut, or a bracket is missing";
                return Err(InputError::at(&self.file, Place::Line(start.line), problem));
            }
            if record.len() + taken > MAX_DOCUMENT {
                let problem =
                    format!("a document of more than {MAX_DOCUMENT} bytes (64 MiB): split it");
                return Err(InputError::at(&self.file, Place::Byte(start.byte), problem));
            }
            let (file, byte) = (&self.file, self.byte);
            let buffer = self.reader.fill_buf().map_err(|error| InputError {
                place: Place::Byte(byte),
                ..source::read_error(file, &error)
            })?;
            record.extend_from_slice(&buffer[..taken]);
            self.reader.consume(taken);
            self.byte += taken as u64;
            if newline.is_some() {
                self.line += 1;
                self.line_start = self.byte;
            }
            if closed {
                return Ok(());
            }
        }
    }

    /// Tells a corpus object from a first record by its first key.
    fn open_object(&mut self, record: &mut Vec<u8>) -> Result<Shape, InputError> {
        let start = self.start();
        self.bump()?;
        record.push(b'{');
        // The space before the first key belongs to the record, if this is one.
        loop {
            match self.peek()? {
                Some(space @ (b' ' | b'\t' | b'\r')) => record.push(space),
                Some(b'\n') => record.push(b'\n'),
                _ => break,
            }
            self.bump()?;
            if record.len() > MAX_ABOUT {
                return Err(self.wrong("expected a key"));
            }
        }
        if self.peek()? != Some(b'"') {
            let problem = "expected a key: a document needs at least `doc_id`";
            return Err(InputError::at(&self.file, Place::Line(start.line), problem));
        }
        let raw = self.string()?;
        let key: String = decode(&raw, &self.file, start)?;
        if key != "documents" && !ABOUT.contains(&key.as_str()) {
            if record.contains(&b'\n') {
                let problem = "a document that does not stand on one line: put documents into an \
                               array, or one a line";
                return Err(InputError::at(&self.file, Place::Line(start.line), problem));
            }
            record.extend(raw);
            return Ok(Shape::FirstLine);
        }
        record.clear();
        self.colon()?;
        if key != "documents" {
            self.about(&key)?;
            self.members(true)?;
        }
        match self.skip_space()? {
            Some(b'[') => {
                self.bump()?;
                Ok(Shape::ArrayStart { in_object: true })
            }
            _ => Err(self.wrong("expected `[`").field("documents")),
        }
    }

    /// Behind `documents`: other keys and the closing bracket.
    fn close_object(&mut self) -> Result<(), InputError> {
        self.members(false)
    }

    /// Members behind the first one, each introduced by a comma. Ends behind the colon of
    /// `documents` where that key is `wanted`, else behind the closing bracket.
    fn members(&mut self, wanted: bool) -> Result<(), InputError> {
        loop {
            match self.skip_space()? {
                Some(b',') => self.bump()?,
                Some(b'}') if !wanted => return self.bump(),
                Some(b'}') => {
                    return Err(self.wrong("is missing").field("documents"));
                }
                Some(_) => return Err(self.wrong("expected `,` or `}`")),
                None => return Err(self.wrong("ends inside the corpus object: the file is cut")),
            }
            if self.skip_space()? != Some(b'"') {
                return Err(self.wrong("expected a key"));
            }
            let start = self.start();
            let key: String = decode(&self.string()?, &self.file, start)?;
            self.colon()?;
            match key.as_str() {
                "documents" if wanted => {
                    self.skip_space()?;
                    return Ok(());
                }
                "documents" => return Err(self.wrong("is given twice").field("documents")),
                _ => self.about(&key)?,
            }
        }
    }

    fn colon(&mut self) -> Result<(), InputError> {
        match self.skip_space()? {
            Some(b':') => self.bump()?,
            _ => return Err(self.wrong("expected `:`")),
        }
        self.skip_space().map(|_| ())
    }

    /// The value of a key that describes the corpus.
    fn about(&mut self, key: &str) -> Result<(), InputError> {
        if !ABOUT.contains(&key) {
            let problem = "unknown key, expected `documents`, `schema_version`, `name`, `language`";
            return Err(self.wrong(problem).field(key));
        }
        let start = self.start();
        let field = |error: InputError| error.field(key);
        if key != "schema_version" {
            if self.peek()? != Some(b'"') {
                return Err(field(self.wrong("expected a text")));
            }
            let raw = self.string()?;
            return decode::<String>(&raw, &self.file, start).map(|_| ()).map_err(field);
        }
        let mut raw = Vec::new();
        while let Some(digit @ b'0'..=b'9') = self.peek()? {
            raw.push(digit);
            self.bump()?;
            if raw.len() > 20 {
                break;
            }
        }
        if raw != b"1" {
            return Err(field(self.wrong("expected 1: this program reads corpora of version 1")));
        }
        Ok(())
    }

    /// The bytes of a short string, quotes included.
    fn string(&mut self) -> Result<Vec<u8>, InputError> {
        let mut raw = vec![b'"'];
        let mut escaped = false;
        self.bump()?;
        while let Some(byte) = self.peek()? {
            if byte == b'\n' || raw.len() > MAX_ABOUT {
                break;
            }
            raw.push(byte);
            self.bump()?;
            if byte == b'"' && !escaped {
                return Ok(raw);
            }
            escaped = byte == b'\\' && !escaped;
        }
        Err(self.wrong("the quote that ends this text is missing"))
    }
}
