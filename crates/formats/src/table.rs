//! Gold sets as CSV, one target a row.
//!
//! The first row names the columns, in any order: `id` and `question` are needed, and
//! `paraphrase_1`, `paraphrase_2` …, `doc_id` (or `expected_doc`), `section_id`, `start`, `end`,
//! `quote`, `grade`, `anchor`, `stratum`, `answerable` (`true` or `false`) may follow. An empty
//! cell is an absent value. Rows with one id that follow each other are one question with several
//! targets (an AND); their other cells are those of the first row, or empty. Alternatives (an OR)
//! and several anchors need JSON.

use std::path::Path;

use csv::StringRecord;
use wfgy_core::{GoldSet, Question, Span, Target, TargetRef};

use crate::gold::{Builder, LANGUAGE, MAX_FILE};
use crate::{InputError, Place, source};

pub(crate) const PARAPHRASE: &str = "paraphrase_";
/// Columns of a target.
const TARGET: [&str; 7] =
    ["doc_id", "expected_doc", "section_id", "start", "end", "quote", "grade"];
/// Columns of a question beside its paraphrases.
const QUESTION: [&str; 5] = ["id", "question", "anchor", "stratum", "answerable"];

/// Reads a CSV gold set.
///
/// # Errors
/// [`InputError`] with line and column name.
pub fn read_gold(path: impl AsRef<Path>) -> Result<GoldSet, InputError> {
    let path = path.as_ref();
    let text = source::read_to_string(path, MAX_FILE)?;
    let mut reader = csv::ReaderBuilder::new().from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| csv_error(path, &error))?.clone();
    let columns = Columns::new(path, &header)?;
    let mut builder = Builder::new(path);
    let mut open: Option<(Question, u64)> = None;
    for record in reader.into_records() {
        let record = record.map_err(|error| csv_error(path, &error))?;
        let line = record.position().map_or(0, csv::Position::line);
        let row = Row { path, line, columns: &columns, record: &record };
        match &mut open {
            Some((question, _)) if row.get("id") == Some(&question.id) => {
                row.continues(question)?
            }
            _ => {
                let question = row.question()?;
                if let Some((done, line)) = open.replace((question, line)) {
                    builder.push(done, line)?;
                }
            }
        }
    }
    if let Some((done, line)) = open {
        builder.push(done, line)?;
    }
    builder.finish(String::new(), LANGUAGE.to_owned())
}

fn csv_error(path: &Path, error: &csv::Error) -> InputError {
    let place = error.position().map_or(Place::File, |p| Place::Line(p.line()));
    let problem = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} cells where the header has {expected_len}: quote cells that hold commas")
        }
        _ => error.to_string(),
    };
    InputError::at(path, place, problem)
}

/// Which cell is what.
struct Columns {
    names: Vec<String>,
    paraphrases: usize,
}

impl Columns {
    fn new(path: &Path, header: &StringRecord) -> Result<Self, InputError> {
        let wrong = |field: &str, problem: &str| {
            Err(InputError::at(path, Place::Line(1), problem).field(field))
        };
        let names: Vec<String> = header.iter().map(|name| name.trim().to_owned()).collect();
        let mut paraphrases = 0;
        for (i, name) in names.iter().enumerate() {
            let number = name.strip_prefix(PARAPHRASE).and_then(|n| n.parse::<usize>().ok());
            match number {
                Some(n) if n >= 1 && *name == format!("{PARAPHRASE}{n}") => {
                    paraphrases = paraphrases.max(n);
                }
                _ if TARGET.contains(&name.as_str()) || QUESTION.contains(&name.as_str()) => {}
                _ => {
                    let known = [QUESTION.join("`, `"), TARGET.join("`, `")].join("`, `");
                    let problem = format!("unknown column, expected `{known}`, `{PARAPHRASE}N`");
                    return wrong(name, &problem);
                }
            }
            if names[..i].contains(name) {
                return wrong(name, "this column is given twice");
            }
        }
        for needed in ["id", "question"] {
            if !names.iter().any(|name| name == needed) {
                return wrong(needed, "this column is missing");
            }
        }
        if ["doc_id", "expected_doc"].iter().all(|n| names.iter().any(|name| name == n)) {
            return wrong("expected_doc", "says the same as `doc_id`: keep one of the two");
        }
        if paraphrases > names.len() {
            return wrong(&format!("{PARAPHRASE}{paraphrases}"), "paraphrases count from 1 on");
        }
        for n in 1..=paraphrases {
            let needed = format!("{PARAPHRASE}{n}");
            if !names.contains(&needed) {
                return wrong(&needed, "this column is missing: paraphrases count from 1 on");
            }
        }
        Ok(Self { names, paraphrases })
    }
}

/// One row.
struct Row<'a> {
    path: &'a Path,
    line: u64,
    columns: &'a Columns,
    record: &'a StringRecord,
}

impl<'a> Row<'a> {
    /// The cell, unless it is absent or empty.
    fn get(&self, column: &str) -> Option<&'a str> {
        let i = self.columns.names.iter().position(|name| name == column)?;
        self.record.get(i).filter(|cell| !cell.trim().is_empty())
    }

    fn need(&self, column: &str) -> Result<String, InputError> {
        self.get(column).map(str::to_owned).ok_or_else(|| self.wrong(column, "is empty"))
    }

    fn wrong(&self, column: &str, problem: impl std::fmt::Display) -> InputError {
        InputError::at(self.path, Place::Line(self.line), problem).field(column)
    }

    fn number(&self, column: &str) -> Result<Option<u32>, InputError> {
        let Some(cell) = self.get(column) else { return Ok(None) };
        let wrong = |_| {
            let problem = format!("is no whole number from 0 to {}", u32::MAX);
            self.wrong(column, format!("`{cell}` {problem}")).bare(&problem)
        };
        cell.trim().parse().map(Some).map_err(wrong)
    }

    fn question(&self) -> Result<Question, InputError> {
        let mut paraphrases = Vec::new();
        for n in 1..=self.columns.paraphrases {
            let column = format!("{PARAPHRASE}{n}");
            match self.get(&column) {
                Some(_) if paraphrases.len() + 1 < n => {
                    let problem = "stands behind an empty one: fill them from 1 on";
                    return Err(self.wrong(&column, problem));
                }
                Some(text) => paraphrases.push(text.to_owned()),
                None => {}
            }
        }
        let answerable = match self.get("answerable").map(str::trim) {
            None | Some("true") => true,
            Some("false") => false,
            Some(other) => {
                let problem = "is neither `true` nor `false`";
                let error = self.wrong("answerable", format!("`{other}` {problem}"));
                return Err(error.bare(problem));
            }
        };
        Ok(Question {
            id: self.need("id")?,
            question: self.need("question")?,
            paraphrases,
            targets: self.target()?.into_iter().collect(),
            anchors: self.get("anchor").map(str::to_owned).into_iter().collect(),
            stratum: self.get("stratum").map(str::to_owned),
            answerable,
        })
    }

    /// Adds this row's target to the question of the rows above.
    fn continues(&self, question: &mut Question) -> Result<(), InputError> {
        let answerable = if question.answerable { "true" } else { "false" };
        let paraphrases = question.paraphrases.iter().enumerate();
        let same = [
            ("question".to_owned(), Some(question.question.as_str())),
            ("anchor".to_owned(), question.anchors.first().map(String::as_str)),
            ("stratum".to_owned(), question.stratum.as_deref()),
            ("answerable".to_owned(), Some(answerable)),
        ]
        .into_iter()
        .chain(paraphrases.map(|(i, p)| (format!("{PARAPHRASE}{}", i + 1), Some(p.as_str()))));
        for (column, above) in same {
            if let Some(cell) = self.get(&column).filter(|cell| above != Some(*cell)) {
                let problem = format!("duplicate id `{}` with another value here", question.id);
                let error = self.wrong(&column, format!("{problem}: `{cell}`"));
                return Err(error.bare(problem));
            }
        }
        for n in question.paraphrases.len() + 1..=self.columns.paraphrases {
            let column = format!("{PARAPHRASE}{n}");
            if self.get(&column).is_some() {
                let problem = format!("duplicate id `{}` with another value here", question.id);
                return Err(self.wrong(&column, problem));
            }
        }
        match self.target()? {
            Some(target) => question.targets.push(target),
            None => {
                let problem =
                    format!("duplicate id `{}`, and this row adds no target", question.id);
                return Err(self.wrong("id", problem));
            }
        }
        Ok(())
    }

    fn target(&self) -> Result<Option<Target>, InputError> {
        let Some(doc_id) = self.get("doc_id").or(self.get("expected_doc")) else {
            for column in TARGET {
                if self.get(column).is_some() {
                    return Err(self.wrong("doc_id", format!("is empty beside `{column}`")));
                }
            }
            return Ok(None);
        };
        let offsets = match (self.number("start")?, self.number("end")?) {
            (None, None) => None,
            (Some(start), Some(end)) if start < end => {
                Some(Span::new(start as usize, end as usize))
            }
            (Some(start), Some(end)) => {
                let problem = format!("{end} does not stand behind the start, {start}");
                return Err(self.wrong("end", problem));
            }
            (None, _) => return Err(self.wrong("start", "is empty beside `end`")),
            (_, None) => return Err(self.wrong("end", "is empty beside `start`")),
        };
        let grade = match self.number("grade")? {
            Some(0) => return Err(self.wrong("grade", "0 is not relevant: at least 1")),
            grade => grade.unwrap_or(1),
        };
        let only = TargetRef {
            doc_id: doc_id.to_owned(),
            section_id: self.get("section_id").map(str::to_owned),
            offsets,
            quote: self.get("quote").map(str::to_owned),
            grade,
        };
        Ok(Some(Target { any_of: vec![only] }))
    }
}
