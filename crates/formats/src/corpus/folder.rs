//! A folder of `.md` and `.txt` files as a corpus.
//!
//! Every file is a document whose id is its path in the folder, `/` between names, in order of
//! the bytes of those ids. In `.md` files every ATX heading (`#` to `######`, outside fenced
//! code) begins a section; its id is the heading in the form that web anchors have, made unique.
//! A first level-1 heading also titles the document. Sections without text are left out; a file
//! without headings is one section, as `.txt` is, whose id is the document's.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use wfgy_core::{Document, Section};

use super::{MAX_DOCUMENT, MAX_SECTION};
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
}

impl Folder {
    pub(super) fn open(root: &Path) -> Result<Self, InputError> {
        let mut ids = Vec::new();
        collect(root, "", &mut ids)?;
        if ids.is_empty() {
            let problem = "holds no document: expected corpus.jsonl (BEIR), or .md and .txt files";
            return Err(InputError::file(root, problem));
        }
        ids.sort_unstable();
        let meter = Meter::new(ids.len() as u64);
        Ok(Self { root: root.to_owned(), ids: ids.into_iter(), meter })
    }

    pub(super) fn next_document(&mut self) -> Result<Option<Document>, InputError> {
        let Some(doc_id) = self.ids.next() else { return Ok(None) };
        self.meter.add(1);
        let path = self.root.join(&doc_id);
        let text = read_text(&path)?;
        let mut document = Document { title: None, sections: Vec::new(), source_url: None, doc_id };
        if document.doc_id.ends_with(".md") {
            cut_markdown(&text, &mut document);
        }
        if document.sections.is_empty() {
            let section_id = document.doc_id.clone();
            document.sections.push(Section { section_id, title: None, text });
        }
        for section in &document.sections {
            if section.text.len() > MAX_SECTION {
                let problem = format!(
                    "a section of more than {MAX_SECTION} bytes (8 MiB): cut it by headings"
                );
                return Err(InputError::file(&path, problem).field(&section.section_id));
            }
        }
        Ok(Some(document))
    }
}

/// Ids of all documents below `root/inside`; links to folders are not followed.
fn collect(root: &Path, inside: &str, ids: &mut Vec<String>) -> Result<(), InputError> {
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
            continue;
        }
        let id = if inside.is_empty() { name.to_owned() } else { format!("{inside}/{name}") };
        if kind.is_dir() {
            collect(root, &id, ids)?;
        } else if (name.ends_with(".md") || name.ends_with(".txt")) && entry.path().is_file() {
            ids.push(id);
        }
    }
    Ok(())
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

/// Fills in the title and the sections that have text.
fn cut_markdown(text: &str, document: &mut Document) {
    let mut slugs = HashSet::new();
    let mut title: Option<String> = None;
    let mut start = 0;
    let mut fence: Option<(u8, usize)> = None;
    let mut at = 0;
    let mut headings = 0;
    for line in text.split_inclusive('\n') {
        let end = at + line.len();
        let heading = if fence.is_none() { heading(line) } else { None };
        match (fence, fence_of(line)) {
            (None, Some((mark, length, _))) => fence = Some((mark, length)),
            (Some((mark, length)), Some((same, enough, true)))
                if same == mark && enough >= length =>
            {
                fence = None;
            }
            _ => {}
        }
        if let Some((level, name)) = heading {
            push_section(document, &mut slugs, title.take(), &text[start..at]);
            if headings == 0 && level == 1 && !name.is_empty() {
                document.title = Some(name.to_owned());
            }
            headings += 1;
            title = Some(name.to_owned());
            start = end;
        }
        at = end;
    }
    if headings > 0 {
        push_section(document, &mut slugs, title, &text[start..]);
    }
}

fn push_section(
    document: &mut Document,
    slugs: &mut HashSet<String>,
    title: Option<String>,
    text: &str,
) {
    let text = text.trim();
    if text.is_empty() {
        return;
    }
    let slug = title.as_deref().map_or(PREAMBLE.to_owned(), slug);
    let mut section_id = slug.clone();
    let mut n = 0;
    while !slugs.insert(section_id.clone()) {
        n += 1;
        section_id = format!("{slug}-{n}");
    }
    let title = title.filter(|title| !title.is_empty());
    document.sections.push(Section { section_id, title, text: text.to_owned() });
}

/// Level and text of an ATX heading.
fn heading(line: &str) -> Option<(usize, &str)> {
    let line = line.trim_end();
    let body = line.trim_start_matches(' ');
    if line.len() - body.len() > 3 {
        return None;
    }
    let level = body.bytes().take_while(|b| *b == b'#').count();
    let rest = &body[level..];
    if !(1..=6).contains(&level) || !(rest.is_empty() || rest.starts_with([' ', '\t'])) {
        return None;
    }
    let rest = rest.trim();
    let open = rest.trim_end_matches('#');
    let closed = open.is_empty() || open.ends_with([' ', '\t']);
    Some((level, if closed { open.trim_end() } else { rest }))
}

/// Mark and length of a code fence, and whether nothing follows it (so that it can close one).
fn fence_of(line: &str) -> Option<(u8, usize, bool)> {
    let body = line.trim_start_matches(' ');
    if line.len() - body.len() > 3 {
        return None;
    }
    let mark = *body.as_bytes().first().filter(|b| matches!(b, b'`' | b'~'))?;
    let length = body.bytes().take_while(|b| *b == mark).count();
    let rest = body[length..].trim();
    (length >= 3 && !(mark == b'`' && rest.contains('`'))).then_some((
        mark,
        length,
        rest.is_empty(),
    ))
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
