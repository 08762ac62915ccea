//! TREC files: qrels and topics as a gold set, and runs for trec_eval.

mod lines;
mod qrels;
mod run;
mod white_space;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use wfgy_core::GoldSet;
use wfgy_core::evaluation::HitRecord;
use wfgy_score::trec::{Level, ranked};

use crate::beir::Judgements;
use crate::gold::{Builder, LANGUAGE, MAX_FILE};
use crate::{InputError, Place, source};

pub use qrels::{Qrels, parse_qrels};
pub use run::parse_run;

/// Reads a folder that holds one file whose name begins with `topics` and one with `qrels`.
///
/// # Errors
/// [`InputError`] where one is missing or there are several, else as [`read_gold`].
pub fn read_folder(folder: impl AsRef<Path>) -> Result<GoldSet, InputError> {
    let folder = folder.as_ref();
    let failed = |error: io::Error| source::read_error(folder, &error);
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        files.push(entry.map_err(failed)?.path());
    }
    files.sort();
    let one = |prefix: &str| {
        let named = |path: &&PathBuf| {
            path.is_file()
                && path.file_name().is_some_and(|n| n.to_string_lossy().starts_with(prefix))
        };
        let found: Vec<&PathBuf> = files.iter().filter(named).collect();
        match found[..] {
            [path] => Ok(path.clone()),
            [] => Err(InputError::file(
                folder,
                format!(
                    "holds no gold set: no `{prefix}*` file (TREC has topics* and qrels*, BEIR \
                     has queries.jsonl and qrels/test.tsv)"
                ),
            )),
            _ => {
                Err(InputError::file(folder, format!("holds several `{prefix}*` files: keep one")))
            }
        }
    };
    read_gold(one("qrels")?, one("topics")?)
}

/// Reads qrels (`question iteration document grade`, apart by white space) and topics (lines
/// `question<TAB>text`, or classic `<top>` blocks with `<num>` and `<title>`).
///
/// Every document of a positive grade is a target of its own; topics that the qrels do not name
/// are no questions. Order is that of the topics.
///
/// # Errors
/// [`InputError`] with file and line; also for a topic that is judged without any relevant
/// document.
pub fn read_gold(qrels: impl AsRef<Path>, topics: impl AsRef<Path>) -> Result<GoldSet, InputError> {
    let (qrels, topics) = (qrels.as_ref(), topics.as_ref());
    let mut judged = Judgements::new();
    for (i, line) in source::read_to_string(qrels, MAX_FILE)?.lines().enumerate() {
        let columns: Vec<&str> = line.split_ascii_whitespace().collect();
        match columns[..] {
            [] => {}
            [question, _, doc, grade] => {
                let fields = ["question", "document", "grade"];
                judged.take(qrels, i as u64 + 1, [question, doc, grade], fields)?;
            }
            _ => {
                let problem = format!(
                    "expected 4 columns (question, iteration, document, grade), found {}",
                    columns.len()
                );
                return Err(InputError::at(qrels, Place::Line(i as u64 + 1), problem));
            }
        }
    }
    judged.check(qrels)?;
    let mut builder = Builder::new(topics);
    for topic in read_topics(topics)? {
        if judged.has(&topic.id) {
            builder.push(judged.question(topic.id, topic.text), topic.line)?;
        }
    }
    judged.finish(qrels, topics)?;
    builder.finish(String::new(), LANGUAGE.to_owned())
}

/// One topic.
struct Topic {
    id: String,
    text: String,
    line: u64,
}

fn read_topics(path: &Path) -> Result<Vec<Topic>, InputError> {
    let text = source::read_to_string(path, MAX_FILE)?;
    let topics = if text.trim_start().starts_with('<') {
        classic_topics(path, &text)?
    } else {
        tab_topics(path, &text)?
    };
    if topics.is_empty() {
        return Err(InputError::file(path, "holds no topic"));
    }
    Ok(topics)
}

fn tab_topics(path: &Path, text: &str) -> Result<Vec<Topic>, InputError> {
    let mut topics = Vec::new();
    for (i, row) in text.lines().enumerate() {
        let line = i as u64 + 1;
        if row.trim().is_empty() {
            continue;
        }
        let wrong = |problem: &str| InputError::at(path, Place::Line(line), problem);
        let Some((id, text)) = row.split_once('\t') else {
            return Err(wrong("expected an id, a tab, and the question"));
        };
        let (id, text) = (id.trim().to_owned(), text.trim().to_owned());
        if id.is_empty() || text.is_empty() {
            let field = if id.is_empty() { "id" } else { "question" };
            return Err(wrong("an empty text").field(field));
        }
        topics.push(Topic { id, text, line });
    }
    Ok(topics)
}

/// SGML of the early TRECs: tags other than `<top>` are rarely closed.
fn classic_topics(path: &Path, text: &str) -> Result<Vec<Topic>, InputError> {
    let mut topics: Vec<Topic> = Vec::new();
    let mut open: Option<Block> = None;
    for (i, row) in text.lines().enumerate() {
        let line = i as u64 + 1;
        let wrong = |line, problem: &str| InputError::at(path, Place::Line(line), problem);
        let mut rest = row;
        loop {
            let (before, tag) = match rest.find('<') {
                Some(at) => (&rest[..at], Some(&rest[at..])),
                None => (rest, None),
            };
            if let Some(block) = &mut open {
                block.take(before);
            } else if !before.trim().is_empty() {
                return Err(wrong(line, "text outside <top> … </top>"));
            }
            let Some(tag) = tag else { break };
            let Some(end) = tag.find('>') else {
                // A `<` that opens no tag belongs to the text.
                if let Some(block) = &mut open {
                    block.take(tag);
                }
                break;
            };
            let name = tag[1..end].trim().to_ascii_lowercase();
            rest = &tag[end + 1..];
            match (name.as_str(), &mut open) {
                ("top", None) => open = Some(Block::new(line)),
                ("top", Some(block)) => {
                    return Err(wrong(block.line, "<top> without </top>"));
                }
                ("/top", None) => return Err(wrong(line, "</top> without <top>")),
                ("/top", Some(block)) => {
                    topics.push(block.topic(path)?);
                    open = None;
                }
                (name, Some(block)) => block.field = Field::of(name),
                (_, None) => return Err(wrong(line, "a tag outside <top> … </top>")),
            }
        }
        if let Some(block) = &mut open {
            block.take(" ");
        }
    }
    match open {
        Some(block) => {
            let problem = "<top> without </top>: the file is cut";
            Err(InputError::at(path, Place::Line(block.line), problem))
        }
        None => Ok(topics),
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Field {
    Number,
    Title,
    Other,
}

impl Field {
    fn of(tag: &str) -> Self {
        match tag {
            "num" => Self::Number,
            "title" => Self::Title,
            _ => Self::Other,
        }
    }
}

/// A `<top>` block while it is read.
struct Block {
    line: u64,
    field: Field,
    number: String,
    title: String,
}

impl Block {
    fn new(line: u64) -> Self {
        Self { line, field: Field::Other, number: String::new(), title: String::new() }
    }

    fn take(&mut self, text: &str) {
        match self.field {
            Field::Number => self.number.push_str(text),
            Field::Title => self.title.push_str(text),
            Field::Other => {}
        }
    }

    fn topic(&self, path: &Path) -> Result<Topic, InputError> {
        let clean = |text: &str, label: &str| {
            let words: Vec<&str> = text.split_whitespace().collect();
            let text = words.join(" ");
            text.strip_prefix(label).map_or(text.clone(), |rest| rest.trim_start().to_owned())
        };
        let id = clean(&self.number, "Number:");
        let text = clean(&self.title, "Topic:");
        if id.is_empty() || text.is_empty() {
            let field = if id.is_empty() { "num" } else { "title" };
            let problem = "is missing or empty in this <top>";
            return Err(InputError::at(path, Place::Line(self.line), problem).field(field));
        }
        Ok(Topic { id, text, line: self.line })
    }
}

/// Whether a file that begins so may be a run: empty, or six columns of which the second is `Q0`.
pub fn begins_as_run(start: &[u8]) -> bool {
    let first = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let columns: Vec<&[u8]> = lines::words(first).collect();
    start.is_empty() || (columns.len() == 6 && columns[1] == b"Q0")
}

/// A run that cannot be written as TREC wants it.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Fields are apart by white space, so an id cannot hold any, nor be empty.
    #[error("{what} `{id}` is empty or has white space, which a TREC run cannot hold: {advice}")]
    Space {
        /// `question`, `document` or `tag`.
        what: &'static str,
        /// The id.
        id: String,
        /// What to do.
        advice: &'static str,
    },
    /// The writer failed.
    #[error("cannot be written: {0}")]
    Write(#[from] io::Error),
}

/// Writes a run, `question Q0 unit rank score tag` a line, questions in the order given, their
/// units in trec_eval's order with ranks from 1.
///
/// Scores are the shortest digits that read back as the same f64, so that what is equal as f32
/// here is equal there, and trec_eval sees this very order.
///
/// # Errors
/// [`RunError`] for an id with white space, or where `out` fails.
pub fn write_run<'a>(
    out: &mut dyn Write,
    runs: impl IntoIterator<Item = (&'a str, &'a [HitRecord])>,
    level: Level,
    tag: &str,
) -> Result<(), RunError> {
    check("tag", tag, "choose another")?;
    for (question, hits) in runs {
        check("question", question, "rename it in the gold set")?;
        for (i, unit) in ranked(hits, level).iter().enumerate() {
            check("document", &unit.id, "use the level `section` or `snippet`, which encode ids")?;
            writeln!(out, "{question} Q0 {} {} {} {tag}", unit.id, i + 1, unit.score)?;
        }
    }
    Ok(())
}

fn check(what: &'static str, id: &str, advice: &'static str) -> Result<(), RunError> {
    if id.is_empty() || id.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(RunError::Space { what, id: id.to_owned(), advice });
    }
    Ok(())
}
