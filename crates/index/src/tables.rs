//! Where in `sections.jsonl` and `snippets.jsonl` everything stands.
//!
//! Both files stay on disk, mapped; memory holds offsets, numbers and the ids of documents.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use rayon::prelude::*;
use wfgy_core::{Snippet, Span, StoredSection, snippet_id};
use wfgy_formats::json::{self, Start};
use wfgy_formats::{InputError, Place};
use wfgy_kernel::MappedFile;

use crate::Manifest;
use crate::section_line::SectionLine;

/// Bytes of lines that are decoded ahead.
const AHEAD: usize = 1 << 20;

/// Lines of a mapped file.
#[derive(Debug)]
struct Lines {
    map: MappedFile,
    /// Where each line begins, and the end of the last one.
    starts: Vec<usize>,
}

impl Lines {
    fn new(map: MappedFile) -> Result<Self, InputError> {
        let bytes = map.bytes();
        if bytes.last() != Some(&b'\n') {
            return Err(InputError::file(map.path(), "does not end with a whole line"));
        }
        let mut starts = vec![0];
        let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        starts.extend(ends.map(|(i, _)| i + 1));
        Ok(Self { map, starts })
    }

    fn len(&self) -> usize {
        self.starts.len() - 1
    }

    fn line(&self, i: usize) -> &[u8] {
        &self.map.bytes()[self.starts[i]..self.starts[i + 1] - 1]
    }

    fn wrong(&self, i: usize, field: &str, problem: impl std::fmt::Display) -> InputError {
        InputError::at(self.map.path(), Place::Line(i as u64 + 1), problem).field(field)
    }
}

/// The two files, mapped.
#[derive(Debug)]
struct Files {
    sections: Lines,
    snippets: Lines,
}

impl Files {
    fn section(&self, i: usize) -> Result<SectionLine<'_>, InputError> {
        let line = self.sections.line(i);
        serde_json::from_slice(line).map_err(|error| {
            InputError::at(self.sections.map.path(), Place::Line(i as u64 + 1), error)
        })
    }

    fn snippet(&self, position: usize) -> Result<Snippet, InputError> {
        let start = Start::of_line(position as u64 + 1, self.snippets.starts[position] as u64);
        json::decode(self.snippets.line(position), self.snippets.map.path(), start)
    }

    /// How many snippets from `first` on belong to `section`, whose text has `length` characters;
    /// each is checked against it.
    fn snippets_of(
        &self,
        (section, length): &(SectionLine<'_>, usize),
        snippets: &mut Ahead<'_, (Snippet, bool)>,
        first: usize,
    ) -> Result<usize, InputError> {
        let length = *length;
        let mut before: Option<(Span, Span)> = None;
        for position in first..self.snippets.len() {
            let (snippet, named) = snippets.get(position)?;
            if snippet.doc_id != section.doc_id || snippet.section_id != section.section_id {
                return Ok(position - first);
            }
            let wrong = |field: &str, problem: &str| self.snippets.wrong(position, field, problem);
            if snippet.offsets.start > snippet.offsets.end || snippet.offsets.end > length {
                return Err(wrong("offsets", "reach outside their section"));
            }
            if snippet.tokens.is_empty() {
                return Err(wrong("tokens", "hold no token"));
            }
            let ordered = |(tokens, offsets): (Span, Span)| {
                tokens.start < snippet.tokens.start && offsets.start <= snippet.offsets.start
            };
            if !before.is_none_or(ordered) {
                return Err(wrong("tokens", "do not follow those of the snippet before"));
            }
            if !named {
                return Err(wrong("snippet_id", "is not what document, section and offsets give"));
            }
            if snippet.source_url.as_deref() != section.source_url.as_deref() {
                return Err(wrong("source_url", "differs from its section's"));
            }
            before = Some((snippet.tokens, snippet.offsets));
        }
        Ok(self.snippets.len() - first)
    }
}

/// Lines of a file, read in order: some are decoded ahead by all threads.
struct Ahead<'a, T> {
    lines: &'a Lines,
    decode: &'a (dyn Fn(usize) -> Result<T, InputError> + Sync),
    begin: usize,
    decoded: Vec<Result<T, InputError>>,
}

impl<'a, T: Send> Ahead<'a, T> {
    fn of(lines: &'a Lines, decode: &'a (dyn Fn(usize) -> Result<T, InputError> + Sync)) -> Self {
        Self { lines, decode, begin: 0, decoded: Vec::new() }
    }

    /// What line `i` holds.
    fn get(&mut self, i: usize) -> Result<&T, InputError> {
        if !(self.begin..self.begin + self.decoded.len()).contains(&i) {
            let until = self.lines.starts[i] + AHEAD;
            let end = self.lines.starts.partition_point(|start| *start < until) - 1;
            self.begin = i;
            self.decoded = (i..end.max(i + 1)).into_par_iter().map(self.decode).collect();
        }
        self.decoded[i - self.begin].as_ref().map_err(Clone::clone)
    }
}

/// The tables of an open index.
#[derive(Debug)]
pub(crate) struct Tables {
    files: Files,
    /// First snippet of each section, and the number of snippets at the end.
    first_snippet: Vec<u32>,
    /// Document of each snippet.
    document_of: Vec<u32>,
    /// First section of each document, and the number of sections at the end.
    first_section: Vec<u32>,
    documents: HashMap<Box<str>, u32>,
    /// Documents that have a snippet.
    with_snippets: usize,
}

impl Tables {
    /// Reads both files once, line by line, and checks that they belong together.
    pub(crate) fn read(
        manifest: &Manifest,
        sections: MappedFile,
        snippets: MappedFile,
    ) -> Result<Self, InputError> {
        let files = Files { sections: Lines::new(sections)?, snippets: Lines::new(snippets)? };
        let mut first_snippet = Vec::with_capacity(files.sections.len() + 1);
        let mut document_of = Vec::with_capacity(files.snippets.len());
        let mut first_section = Vec::new();
        let mut documents: HashMap<Box<str>, u32> = HashMap::new();
        let mut ids = HashSet::new();
        let mut without_tokens = 0;
        let decode_section = |i| {
            let section = files.section(i)?;
            let characters = section.text.chars().count();
            Ok((section, characters))
        };
        let decode_snippet = |position| {
            let snippet = files.snippet(position)?;
            let id = snippet_id(&snippet.doc_id, &snippet.section_id, snippet.offsets);
            let named = snippet.snippet_id == id;
            Ok((snippet, named))
        };
        let mut sections = Ahead::of(&files.sections, &decode_section);
        let mut snippets = Ahead::of(&files.snippets, &decode_snippet);
        for i in 0..files.sections.len() {
            let section_and_length = sections.get(i)?;
            let section = &section_and_length.0;
            let next = documents.len() as u32;
            let document = match documents.get(&*section.doc_id).copied() {
                None => {
                    documents.insert(section.doc_id.as_ref().into(), next);
                    first_section.push(i as u32);
                    ids.clear();
                    next
                }
                Some(known) if known + 1 == next => known,
                Some(_) => {
                    return Err(files.sections.wrong(
                        i,
                        "doc_id",
                        "stands apart from its document",
                    ));
                }
            };
            if !ids.insert(section.section_id.to_string()) {
                return Err(files.sections.wrong(i, "section_id", "is given twice"));
            }
            let first = document_of.len();
            first_snippet.push(first as u32);
            let count = files.snippets_of(section_and_length, &mut snippets, first)?;
            document_of.extend(std::iter::repeat_n(document, count));
            without_tokens += u64::from(count == 0);
        }
        first_section.push(files.sections.len() as u32);
        first_snippet.push(document_of.len() as u32);
        if document_of.len() < files.snippets.len() {
            let problem = "belongs to no section";
            return Err(files.snippets.wrong(document_of.len(), "section_id", problem));
        }
        let (identity, counts) = (&manifest.identity, &manifest.counts);
        for (what, here, there) in [
            ("documents", documents.len() as u64, identity.n_documents),
            ("sections", files.sections.len() as u64, counts.sections),
            ("snippets", files.snippets.len() as u64, identity.n_snippets),
            ("sections without tokens", without_tokens, counts.sections_without_tokens),
        ] {
            if here != there {
                let problem = format!("gives {here} {what} where the manifest says {there}");
                return Err(InputError::file(files.sections.map.path(), problem));
            }
        }
        let mut distinct: Vec<u32> = document_of.clone();
        distinct.dedup();
        let with_snippets = distinct.len();
        Ok(Self { files, first_snippet, document_of, first_section, documents, with_snippets })
    }

    /// The snippet at `position`, which must be below [`Self::n_snippets`].
    pub(crate) fn snippet(&self, position: u32) -> Result<Snippet, InputError> {
        self.files.snippet(position as usize)
    }

    pub(crate) fn n_snippets(&self) -> usize {
        self.document_of.len()
    }

    pub(crate) fn n_documents(&self) -> usize {
        self.documents.len()
    }

    /// How many documents a search can find at most.
    pub(crate) fn n_findable(&self) -> usize {
        self.with_snippets
    }

    /// Number of the document that the snippet at `position` belongs to.
    pub(crate) fn document_of(&self, position: u32) -> u32 {
        self.document_of[position as usize]
    }

    /// Numbers of the sections of a document; none where there is no such document.
    fn section_range(&self, doc_id: &str) -> Range<u32> {
        let document = self.documents.get(doc_id).map(|document| *document as usize);
        document.map_or(0..0, |d| self.first_section[d]..self.first_section[d + 1])
    }

    /// How many sections a document has; 0 where there is no such document.
    pub(crate) fn n_sections(&self, doc_id: &str) -> usize {
        self.section_range(doc_id).len()
    }

    /// All sections of a document; none where there is no such document.
    pub(crate) fn sections(&self, doc_id: &str) -> Result<Vec<StoredSection>, InputError> {
        let section = |i: u32| {
            let i = i as usize;
            let line = self.files.section(i)?;
            Ok(StoredSection {
                section_id: line.section_id.into_owned(),
                title: line.title.map(std::borrow::Cow::into_owned),
                text: line.text.into_owned(),
                positions: (self.first_snippet[i]..self.first_snippet[i + 1]).collect(),
            })
        };
        self.section_range(doc_id).map(section).collect()
    }
}
