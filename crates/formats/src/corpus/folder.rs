//! A folder of `.md` and `.txt` files as a corpus.
//!
//! Every file is a document whose id is its path in the folder, `/` between names, in order of
//! the bytes of those ids. In `.md` files every heading of the document itself (see [`markdown`])
//! begins a section; its id is the heading in the form that web anchors have, made unique.
//! A first level-1 heading also titles the document. Sections without text are left out; a file
//! without headings is one section, as `.txt` is, whose id is the document's. What else the folder
//! holds is skipped and counted.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

use wfgy_core::{Document, Section};

use super::{MAX_DOCUMENT, MAX_SECTION, markdown};
use crate::source::{self, Meter};
use crate::{InputError, Place};

/// Id of the text before the first heading.
const PREAMBLE: &str = "preamble";

/// Files still to be read.
#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
    ids: std::vec::IntoIter<String>,
    /// Counts files.
    pub(super) meter: Meter,
    /// How many entries were left out, by kind.
    pub(super) skipped: BTreeMap<String, u64>,
}

impl Folder {
    pub(super) fn open(root: &Path) -> Result<Self, InputError> {
        let mut ids = Vec::new();
        let mut skipped = BTreeMap::new();
        collect(root, "", &mut ids, &mut skipped)?;
        if ids.is_empty() {
            let problem = "holds no document: expected corpus.jsonl (BEIR), or .md and .txt files";
            return Err(InputError::file(root, problem));
        }
        ids.sort_unstable();
        let meter = Meter::new(ids.len() as u64);
        Ok(Self { root: root.to_owned(), ids: ids.into_iter(), meter, skipped })
    }

    pub(super) fn next_document(&mut self) -> Result<Option<Document>, InputError> {
        let Some(doc_id) = self.ids.next() else { return Ok(None) };
        self.meter.add(1);
        let path = self.root.join(&doc_id);
        let text = read_text(&path)?;
        // A byte order mark is no part of the text.
        let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        let mut document = Document { title: None, sections: Vec::new(), source_url: None, doc_id };
        let mut parts = Vec::new();
        if document.doc_id.ends_with(".md") {
            parts = cut_markdown(&text, start, &mut document.title);
        }
        if parts.is_empty() {
            let section_id = document.doc_id.clone();
            parts.push(Part { section_id, title: None, bytes: start..text.len() });
        }
        for part in parts {
            if part.bytes.len() > MAX_SECTION {
                let problem = format!(
                    "a section of more than {MAX_SECTION} bytes (8 MiB): cut it by headings"
                );
                let place = Place::Byte(part.bytes.start as u64);
                return Err(InputError::at(&path, place, problem).field(&part.section_id));
            }
            let Part { section_id, title, bytes } = part;
            let text = text[bytes].to_owned();
            document.sections.push(Section { section_id, title, text });
        }
        Ok(Some(document))
    }
}

/// A section by its place in the text.
struct Part {
    section_id: String,
    title: Option<String>,
    bytes: Range<usize>,
}

/// Ids of all documents below `root/inside`, and what else is there; links to folders are not
/// followed.
fn collect(
    root: &Path,
    inside: &str,
    ids: &mut Vec<String>,
    skipped: &mut BTreeMap<String, u64>,
) -> Result<(), InputError> {
    let folder = root.join(inside);
    let fail = |error: io::Error| source::read_error(&folder, &error);
    for entry in fs::read_dir(&folder).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let kind = entry.file_type().map_err(fail)?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else {
            let problem = "a name that is not UTF-8: rename the file";
            return Err(InputError::file(entry.path(), problem));
        };
        if name.starts_with('.') {
            *skipped.entry("hidden".to_owned()).or_default() += 1;
            continue;
        }
        let id = if inside.is_empty() { name.to_owned() } else { format!("{inside}/{name}") };
        if kind.is_dir() {
            collect(root, &id, ids, skipped)?;
        } else if (name.ends_with(".md") || name.ends_with(".txt")) && entry.path().is_file() {
            ids.push(id);
        } else {
            *skipped.entry(kind_of(&entry.path())).or_default() += 1;
        }
    }
    Ok(())
}

/// What a message calls a file that is no document: by its ending, in lower case.
fn kind_of(path: &Path) -> String {
    match path.extension().and_then(|ending| ending.to_str()) {
        _ if !path.is_file() => "not a file".to_owned(),
        Some(ending) => format!(".{}", ending.to_lowercase()),
        None => "without an ending".to_owned(),
    }
}

fn read_text(path: &Path) -> Result<String, InputError> {
    let fail = |error: io::Error| source::read_error(path, &error);
    let mut bytes = Vec::new();
    let limit = MAX_DOCUMENT as u64 + 1;
    File::open(path).map_err(fail)?.take(limit).read_to_end(&mut bytes).map_err(fail)?;
    if bytes.len() > MAX_DOCUMENT {
        let problem = format!("a document of more than {MAX_DOCUMENT} bytes (64 MiB): split it");
        return Err(InputError::at(path, Place::Byte(MAX_DOCUMENT as u64), problem));
    }
    String::from_utf8(bytes).map_err(|error| {
        let byte = error.utf8_error().valid_up_to() as u64;
        InputError::at(path, Place::Byte(byte), "invalid UTF-8: convert the file to UTF-8")
    })
}

/// The sections of `text` from `start` on that have text; fills in the document's title.
fn cut_markdown(text: &str, start: usize, document_title: &mut Option<String>) -> Vec<Part> {
    let headings = markdown::headings(&text[start..]);
    if let Some(first) = headings.first().filter(|h| h.level == 1 && !h.title.is_empty()) {
        *document_title = Some(first.title.clone());
    }
    let mut parts = Vec::new();
    if headings.is_empty() {
        return parts;
    }
    let mut slugs = HashSet::new();
    // The text before the first heading, then the text behind each.
    let starts = std::iter::once((None, start))
        .chain(headings.iter().map(|h| (Some(&h.title), start + h.bytes.end)));
    let ends = headings.iter().map(|h| start + h.bytes.start).chain([text.len()]);
    for ((title, start), end) in starts.zip(ends) {
        let raw = &text[start..end];
        let trimmed = raw.trim();
        if trimmed.is_empty() {
            continue;
        }
        let start = start + raw.len() - raw.trim_start().len();
        let slug = title.map_or(PREAMBLE.to_owned(), |title| slug(title));
        let mut section_id = slug.clone();
        let mut n = 0;
        while !slugs.insert(section_id.clone()) {
            n += 1;
            section_id = format!("{slug}-{n}");
        }
        let title = title.filter(|title| !title.is_empty()).cloned();
        parts.push(Part { section_id, title, bytes: start..start + trimmed.len() });
    }
    parts
}

/// Lower case; letters, digits, `-` and `_` stay, white space becomes `-`, the rest goes.
fn slug(title: &str) -> String {
    let slug: String = title
        .to_lowercase()
        .chars()
        .filter_map(|c| match c {
            c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
            c if c.is_whitespace() => Some('-'),
            _ => None,
        })
        .collect();
    if slug.is_empty() { "section".to_owned() } else { slug }
}
