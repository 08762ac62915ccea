//! Gold sets: questions with known answers, from any of the forms that users have.
//!
//! JSON and JSON Lines as `schemas/gold.schema.json` says ([`SCHEMA`]), a BEIR folder
//! ([`crate::beir`]), TREC topics with qrels ([`crate::trec`]) and CSV ([`crate::table`]); every
//! one plain, gzip or zstd. All forms that say the same give the same [`GoldSet`], hence the same
//! digest. Where a target lies in an index, and whether it is there at all, is not judged here.

mod item;
mod json;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::{Path, PathBuf};

use wfgy_core::{GoldSet, Question};

use crate::{InputError, Place, beir, table, trec};

/// JSON Schema (2020-12) of a gold set; its `$defs.question` is a line of JSON Lines.
pub const SCHEMA: &str = include_str!("../schemas/gold.schema.json");

/// Version of the form of a gold set.
pub const SCHEMA_VERSION: u64 = json::SCHEMA_VERSION;

/// Keys and columns of all forms of a gold set: names that are nobody's text.
pub const KEYS: [&str; 28] = [
    "_id",
    "anchor",
    "answerable",
    "any_of",
    "corpus-id",
    "doc_id",
    "document",
    "end",
    "expected_doc",
    "grade",
    "id",
    "items",
    "language",
    "metadata",
    "name",
    "offsets",
    table::PARAPHRASE,
    "paraphrases",
    "query-id",
    "question",
    "quote",
    "schema_version",
    "score",
    "section_id",
    "start",
    "stratum",
    "targets",
    "text",
];

/// Longest gold file in bytes, decompressed.
pub const MAX_FILE: usize = 256 << 20;

/// Language of a set that names none.
pub(crate) const LANGUAGE: &str = "en";

/// Endings of compressed files, which stand behind the ending that says what a file is.
const COMPRESSED: [&str; 3] = ["", ".gz", ".zst"];

/// Reads the gold set at `path`.
///
/// A folder with `queries.jsonl` is BEIR, one with a `topics*` and a `qrels*` file is TREC, a
/// name that ends in `.csv` is CSV, and everything else is JSON or JSON Lines, told apart by
/// content.
///
/// # Errors
/// [`InputError`] with file, line and field for everything that is not as the form says: unknown
/// keys, missing fields, wrong types, duplicate ids, empty texts, reversed offsets, grades below
/// 1, a question that is answerable and has no target or the other way round, no question at all.
pub fn read(path: impl AsRef<Path>) -> Result<GoldSet, InputError> {
    let path = path.as_ref();
    if path.is_dir() {
        if beside(path, "queries.jsonl").is_some() {
            return beir::read_gold(path);
        }
        return trec::read_folder(path);
    }
    let name = path.to_string_lossy().to_lowercase();
    if COMPRESSED.iter().any(|end| name.ends_with(&format!(".csv{end}"))) {
        return table::read_gold(path);
    }
    json::read(path)
}

/// The file `name` in `folder`, plain or compressed.
pub(crate) fn beside(folder: &Path, name: &str) -> Option<PathBuf> {
    COMPRESSED.iter().map(|end| folder.join(format!("{name}{end}"))).find(|path| path.is_file())
}

/// Questions on their way into a set; what no single field can tell is checked here.
#[derive(Debug)]
pub(crate) struct Builder {
    file: PathBuf,
    lines: HashMap<String, u64>,
    items: Vec<Question>,
}

impl Builder {
    pub(crate) fn new(file: impl AsRef<Path>) -> Self {
        let file = file.as_ref().to_owned();
        Self { file, lines: HashMap::new(), items: Vec::new() }
    }

    /// Takes a question that stands at `line`.
    pub(crate) fn push(&mut self, question: Question, line: u64) -> Result<(), InputError> {
        let wrong = |field, problem: String| {
            InputError::at(&self.file, Place::Line(line), problem).field(field)
        };
        match self.lines.entry(question.id.clone()) {
            Entry::Occupied(first) => {
                let problem =
                    format!("duplicate id `{}`, first at line {}", question.id, first.get());
                return Err(wrong("id", problem));
            }
            Entry::Vacant(entry) => entry.insert(line),
        };
        match (question.answerable, question.targets.is_empty()) {
            (true, true) => {
                let problem = format!(
                    "question `{}` has no target: add one, or say \"answerable\": false",
                    question.id
                );
                return Err(wrong("targets", problem));
            }
            (false, false) => {
                let problem = format!(
                    "question `{}` is not answerable and has targets: remove them, or the key",
                    question.id
                );
                return Err(wrong("answerable", problem));
            }
            _ => {}
        }
        self.items.push(question);
        Ok(())
    }

    /// The whole set.
    pub(crate) fn finish(self, name: String, language: String) -> Result<GoldSet, InputError> {
        if self.items.is_empty() {
            return Err(InputError::file(&self.file, "holds no question"));
        }
        Ok(GoldSet { name, language, items: self.items })
    }
}
