//! Corpora: the documents that an index is built from, streamed one at a time.
//!
//! What a path holds is told from its content: a JSON array, an object with `documents`, or JSON
//! Lines, each plain, gzip or zstd; a BEIR folder; a folder of `.md` and `.txt` files.
//! Memory is bounded by one document and 16 bytes (and the room of a hash table) a document id.

mod folder;
mod frame;
mod markdown;
mod record;

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wfgy_core::{Digest, Document};

use crate::source::Meter;
use crate::{InputError, Origin, Place};

/// JSON Schema (draft 2020-12) of a corpus as JSON; BEIR's records are not part of it.
pub const SCHEMA: &str = include_str!("../schemas/corpus.schema.json");

/// Longest document in bytes, as it stands in its file: 64 MiB.
pub const MAX_DOCUMENT: usize = crate::json::MAX_RECORD;

/// Longest section in bytes of its decoded text: 8 MiB.
pub const MAX_SECTION: usize = crate::json::MAX_STRING;

/// Names under which a BEIR folder keeps its corpus.
const BEIR: [&str; 3] = ["corpus.jsonl", "corpus.jsonl.gz", "corpus.jsonl.zst"];

/// The documents of a corpus in corpus order, each with where it begins.
///
/// Checked across documents: ids are unique and there is at least one document.
/// Ends after the first error.
#[derive(Debug)]
pub struct Corpus {
    source: Source,
    path: PathBuf,
    /// First 128 bits of the SHA-256 of each id: two ids that agree in them would be reported as
    /// one, never silently merged.
    seen: HashSet<u128>,
    ended: bool,
}

#[derive(Debug)]
enum Source {
    Records(frame::Frames),
    Folder(folder::Folder),
}

/// Whether the corpus at `path` has BEIR's form: a folder of it, or a file whose first record has
/// `_id`. What is no such file is not judged here; [`Corpus::open`] says what is wrong with it.
///
/// # Errors
/// [`InputError`] where it cannot be read.
pub fn is_beir(path: impl AsRef<Path>) -> Result<bool, InputError> {
    #[derive(serde::Deserialize)]
    struct Id {
        _id: Option<serde::de::IgnoredAny>,
    }
    let path = path.as_ref();
    if path.is_dir() {
        return Ok(BEIR.iter().any(|name| path.join(name).is_file()));
    }
    // What is looked at here is read once more: of a pipe the first records would be lost.
    if path.exists() && !path.is_file() {
        let problem = "is no regular file: a corpus is looked at before it is read, so it cannot come from a \
             pipe; write it to a file (.gz and .zst are read as they are)";
        return Err(InputError::file(path, problem));
    }
    let mut frames = frame::Frames::open(path)?;
    if frames.next_record()?.is_none() {
        return Ok(false);
    }
    Ok(serde_json::from_slice::<Id>(frames.record()).is_ok_and(|record| record._id.is_some()))
}

impl Corpus {
    /// Opens the corpus at `path`, a file or a folder.
    ///
    /// # Errors
    /// [`InputError`] where it cannot be read, or is nothing of the kind.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, InputError> {
        let path = path.as_ref();
        let source = if !path.is_dir() {
            Source::Records(frame::Frames::open(path)?)
        } else if let Some(file) = BEIR.iter().map(|name| path.join(name)).find(|f| f.is_file()) {
            Source::Records(frame::Frames::open(&file)?)
        } else {
            Source::Folder(folder::Folder::open(path)?)
        };
        Ok(Self { source, path: path.to_owned(), seen: HashSet::new(), ended: false })
    }

    /// How much of it is read.
    pub fn meter(&self) -> Meter {
        match &self.source {
            Source::Records(frames) => frames.meter(),
            Source::Folder(folder) => folder.meter.clone(),
        }
    }

    /// How many entries of a folder of texts are no documents and left out, by kind: an ending
    /// such as `.pdf`, `hidden`, `without an ending`, `not a file`. Of other corpora there are
    /// none.
    pub fn skipped(&self) -> BTreeMap<String, u64> {
        match &self.source {
            Source::Records(_) => BTreeMap::new(),
            Source::Folder(folder) => folder.skipped.clone(),
        }
    }

    fn step(&mut self) -> Result<Option<(Document, Origin)>, InputError> {
        let next = match &mut self.source {
            Source::Records(frames) => match frames.next_record()? {
                Some(start) => {
                    let file = frames.file();
                    let document = record::document(frames.record(), &file, start)?;
                    Some((document, Origin { file, place: Place::Line(start.line) }))
                }
                None => None,
            },
            Source::Folder(folder) => folder.next_document()?.map(|document| {
                let file = Arc::from(self.path.join(&document.doc_id));
                (document, Origin { file, place: Place::File })
            }),
        };
        let Some((document, origin)) = next else {
            if self.seen.is_empty() {
                return Err(InputError::file(&self.path, "holds no document"));
            }
            return Ok(None);
        };
        let mut id = [0; 16];
        id.copy_from_slice(&Digest::of(&document.doc_id).as_bytes()[..16]);
        if !self.seen.insert(u128::from_be_bytes(id)) {
            let problem = format!("`{}` is the id of an earlier document too", document.doc_id);
            return Err(InputError::at(origin.file, origin.place, problem).field("doc_id"));
        }
        Ok(Some((document, origin)))
    }
}

impl Iterator for Corpus {
    type Item = Result<(Document, Origin), InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let step = self.step();
        self.ended = !matches!(step, Ok(Some(_)));
        step.transpose()
    }
}
