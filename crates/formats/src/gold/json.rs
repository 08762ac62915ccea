//! Gold sets as JSON: an array, an object with `items`, or JSON Lines.

use std::fmt;
use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;
use wfgy_core::GoldSet;

use super::item::{Id, Item};
use super::{Builder, LANGUAGE, MAX_FILE};
use crate::json::{Scan, Start, decode};
use crate::object::Object;
use crate::{InputError, Place, source};

/// The version of the object form that this program reads.
pub(crate) const SCHEMA_VERSION: u64 = 1;

/// Reads the set; which of the three forms it is shows in its first value.
pub(super) fn read(path: &Path) -> Result<GoldSet, InputError> {
    let text = source::read_to_string(path, MAX_FILE)?;
    let mut cursor = Cursor { file: path, bytes: text.as_bytes(), at: 0, line: 1, line_start: 0 };
    match cursor.skip_space() {
        Some(b'[') => {
            let mut builder = Builder::new(path);
            cursor.array(&mut builder)?;
            if cursor.skip_space().is_some() {
                return Err(cursor.wrong("something follows the gold set: remove it"));
            }
            builder.finish(String::new(), LANGUAGE.to_owned())
        }
        Some(b'{') => {
            let members = members(&cursor.bytes[cursor.at..]);
            if members.iter().any(|(key, _)| matches!(*key, b"id" | b"question")) {
                return read_lines(path, &text);
            }
            let head: Head = decode(cursor.bytes, path, Start::of_line(1, 0))?;
            let found = members.iter().find(|(key, _)| *key == b"items");
            cursor.move_to(cursor.at + found.map_or(0, |(_, value)| *value));
            if cursor.peek() != Some(b'[') {
                return Err(cursor.wrong("expected a list of questions").field("items"));
            }
            let mut builder = Builder::new(path);
            cursor.array(&mut builder)?;
            let language = head.language.map_or_else(|| LANGUAGE.to_owned(), |l| l.0);
            builder.finish(head.name.unwrap_or_default(), language)
        }
        Some(_) => Err(cursor.wrong(
            "expected `[` or `{`: a gold set is JSON, JSON Lines, .csv, or a BEIR or TREC folder",
        )),
        None => Err(InputError::file(path, "holds no question: the file is empty")),
    }
}

fn read_lines(path: &Path, text: &str) -> Result<GoldSet, InputError> {
    let mut builder = Builder::new(path);
    let (mut line, mut byte) = (0, 0);
    for record in text.split_inclusive('\n') {
        line += 1;
        if !record.trim_ascii().is_empty() {
            let text = record.trim_ascii_end().as_bytes();
            let Object(record): Object<Item> = decode(text, path, Start::of_line(line, byte))?;
            push(&mut builder, record, path, line)?;
        }
        byte += record.len() as u64;
    }
    builder.finish(String::new(), LANGUAGE.to_owned())
}

fn push(builder: &mut Builder, item: Item, file: &Path, line: u64) -> Result<(), InputError> {
    if item.expected_doc.is_some() && !item.targets.is_empty() {
        let problem = "stands beside `targets`: put it into a target of its own";
        return Err(InputError::at(file, Place::Line(line), problem).field("expected_doc"));
    }
    builder.push(item.into(), line)
}

/// A place in the text that knows its line.
struct Cursor<'a> {
    file: &'a Path,
    bytes: &'a [u8],
    at: usize,
    line: u64,
    line_start: usize,
}

impl<'a> Cursor<'a> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn move_to(&mut self, at: usize) {
        for (i, byte) in self.bytes[self.at..at].iter().enumerate() {
            if *byte == b'\n' {
                self.line += 1;
                self.line_start = self.at + i + 1;
            }
        }
        self.at = at;
    }

    fn skip_space(&mut self) -> Option<u8> {
        let rest = &self.bytes[self.at..];
        let space = rest.iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n')).count();
        self.move_to(self.at + space);
        self.peek()
    }

    fn start(&self) -> Start {
        let column = (self.at - self.line_start + 1) as u64;
        Start { line: self.line, column, byte: self.at as u64 }
    }

    fn wrong(&self, problem: impl fmt::Display) -> InputError {
        let start = self.start();
        InputError::at(self.file, Place::LineColumn(start.line, start.column), problem)
    }

    /// The questions of the array that opens here.
    fn array(&mut self, builder: &mut Builder) -> Result<(), InputError> {
        let mut first = true;
        self.at += 1;
        loop {
            match self.skip_space() {
                Some(b']') if first => return Err(self.wrong("holds no question")),
                Some(b']') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b',') if !first => {
                    self.at += 1;
                    self.skip_space();
                }
                Some(_) if first => {}
                Some(_) => return Err(self.wrong("expected `,` or `]` after a question")),
                None => return Err(self.wrong("ends before `]`: the file is cut")),
            }
            first = false;
            match self.peek() {
                Some(b'{') => {}
                Some(_) => return Err(self.wrong("expected `{`: every question is an object")),
                None => return Err(self.wrong("ends before `]`: the file is cut")),
            }
            let start = self.start();
            let Object(record): Object<Item> = decode(self.object()?, self.file, start)?;
            push(builder, record, self.file, start.line)?;
        }
    }

    /// The bytes of the object that opens here; moves behind it.
    fn object(&mut self) -> Result<&'a [u8], InputError> {
        let mut scan = Scan::default();
        let from = self.at;
        for (i, byte) in self.bytes[from..].iter().enumerate() {
            let closed = scan.byte(*byte).map_err(|problem| {
                InputError::at(self.file, Place::Byte((from + i) as u64), problem)
            })?;
            if closed {
                self.move_to(from + i + 1);
                return Ok(&self.bytes[from..=from + i]);
            }
        }
        let problem = "the file ends inside this question: it is cut, or a bracket is missing";
        Err(InputError::at(self.file, Place::Line(self.line), problem))
    }
}

/// The keys of the object at the start of `bytes`, each with where its value begins, as far as
/// brackets and quotes tell; whether it is valid is for [`decode`] to say.
fn members(bytes: &[u8]) -> Vec<(&[u8], usize)> {
    let mut members = Vec::new();
    let (mut depth, mut at) = (0usize, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    break;
                }
            }
            b'"' => {
                let from = at + 1;
                at = from;
                while at < bytes.len() && bytes[at] != b'"' {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                let key = bytes.get(from..at).unwrap_or_default();
                let space = |at: &usize| bytes.get(*at).is_some_and(u8::is_ascii_whitespace);
                let mut next = at + 1;
                while space(&next) {
                    next += 1;
                }
                if depth == 1 && bytes.get(next) == Some(&b':') {
                    next += 1;
                    while space(&next) {
                        next += 1;
                    }
                    members.push((key, next));
                    at = next;
                    continue;
                }
            }
            _ => {}
        }
        at += 1;
    }
    members
}

/// The object form but for its questions.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    #[serde(default, rename = "schema_version")]
    _schema_version: Option<SchemaVersion>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    language: Option<Id>,
    #[serde(rename = "items")]
    _items: IgnoredAny,
}

#[derive(Deserialize)]
#[serde(try_from = "u64")]
struct SchemaVersion;

impl TryFrom<u64> for SchemaVersion {
    type Error = String;

    fn try_from(version: u64) -> Result<Self, String> {
        if version == SCHEMA_VERSION {
            return Ok(Self);
        }
        Err(format!("expected {SCHEMA_VERSION}, the version that this program reads"))
    }
}
