//! Where an input is wrong, and how.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A place in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The file as a whole.
    File,
    /// A line, 1-based.
    Line(u64),
    /// A line and a column, both 1-based.
    LineColumn(u64, u64),
    /// A byte offset, 0-based, of the decompressed content.
    Byte(u64),
}

impl fmt::Display for Place {
    /// What follows a file's name in a message; nothing for the file as a whole.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File => Ok(()),
            Self::Line(line) => write!(f, ":{line}"),
            Self::LineColumn(line, column) => write!(f, ":{line}:{column}"),
            Self::Byte(byte) => write!(f, ": byte {byte}"),
        }
    }
}

/// Where a record stands, for messages about what was made of it later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Its file; records of one file share the name.
    pub file: Arc<Path>,
    /// Where it begins.
    pub place: Place,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.file.display(), self.place)
    }
}

/// An input that cannot be used: one clear line.
///
/// Its text is `file:line: field: problem`; the problem says what to do where that is not plain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct InputError {
    /// The file.
    pub file: PathBuf,
    /// Where in it.
    pub place: Place,
    /// Which field, as a path such as `sections[2].text`.
    pub field: Option<String>,
    /// What is wrong with it, a lower-case fragment on one line.
    pub problem: String,
    /// The same without what the file holds, where the problem quotes something of it.
    pub bare: Option<String>,
}

impl InputError {
    /// A problem with the file as a whole.
    pub fn file(file: impl AsRef<Path>, problem: impl fmt::Display) -> Self {
        Self::at(file, Place::File, problem)
    }

    /// A problem at a place.
    pub fn at(file: impl AsRef<Path>, place: Place, problem: impl fmt::Display) -> Self {
        Self {
            file: file.as_ref().to_owned(),
            place,
            field: None,
            problem: one_line(&problem.to_string()),
            bare: None,
        }
    }

    /// The same, of a field.
    pub fn field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(one_line(&field.into()));
        self
    }

    /// The same, whose problem quotes what the file holds: how it is said without.
    pub fn bare(mut self, problem: impl fmt::Display) -> Self {
        self.bare = Some(one_line(&problem.to_string()));
        self
    }

    /// The same with nothing of what the file holds but ids: no values, and of the field only what
    /// comes before a key that is not one of `known`. Numbers at the end of a key, and places in a
    /// list behind it, do not count.
    pub fn redacted(mut self, known: &[&str]) -> Self {
        let is_known = |key: &&str| {
            let (key, places) = key.split_at(key.find('[').unwrap_or(key.len()));
            known.contains(&key.trim_end_matches(|c: char| c.is_ascii_digit()))
                && places.chars().all(|c| c.is_ascii_digit() || matches!(c, '[' | ']'))
        };
        self.field = self.field.and_then(|field| {
            let keys: Vec<&str> = field.split('.').take_while(is_known).collect();
            (!keys.is_empty()).then(|| keys.join("."))
        });
        self.problem = self.bare.take().unwrap_or(self.problem);
        self
    }
}

/// Input is quoted in messages, and may hold anything.
fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.file.display(), self.place)?;
        if let Some(field) = &self.field {
            write!(f, ": {field}")?;
        }
        write!(f, ": {}", self.problem)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redacted_field_has_places_in_lists_and_nothing_else_in_brackets() {
        let known = ["items", "question", "paraphrase_"];
        for (field, expected) in [
            ("items[3].question", Some("items[3].question")),
            ("items[3][0].paraphrase_12", Some("items[3][0].paraphrase_12")),
            ("items[3].question[call me]", Some("items[3]")),
            ("question[call me]", None),
            ("question[3] and more", None),
        ] {
            let error = InputError::file("gold.json", "is wrong").field(field).redacted(&known);
            assert_eq!(error.field.as_deref(), expected, "{field}");
        }
    }
}
