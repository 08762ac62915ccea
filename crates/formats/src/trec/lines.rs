//! Runs and qrels of any system, as trec_eval reads them.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use rayon::prelude::*;
use wfgy_score::trec::Ranked;

use crate::{InputError, Place};

/// Bytes of a file that one task reads.
const BLOCK: usize = 1 << 20;

/// What a run ranks, by question.
pub type Run<'t> = BTreeMap<&'t str, Vec<Ranked<&'t str>>>;

/// Grades by question and unit; 0 is not relevant.
pub type Qrels<'t> = BTreeMap<&'t str, BTreeMap<&'t str, u32>>;

/// What a question retrieved, each unit with its line.
type Lined<'t> = Vec<(Ranked<&'t str>, u64)>;

/// Parses a run, `question Q0 unit rank score tag` a line, apart by white space. As in trec_eval
/// only question, unit and score say anything. `path` stands in errors.
///
/// # Errors
/// [`InputError`] with its line: other than six columns, a score that is no finite number, a unit
/// that a question has twice; or without a line for a run without any.
pub fn parse_run<'t>(text: &'t str, path: &Path) -> Result<Run<'t>, InputError> {
    let rows =
        parse(text, |[question, _, unit, _, score, _]: [&'t str; 6]| match score.parse::<f64>() {
            Ok(score) if score.is_finite() => Ok((question, Ranked { id: unit, score })),
            _ => Err(("score", format!("`{score}` is no finite number"))),
        });
    let rows = rows.map_err(|wrong| wrong.of(path, "question, Q0, unit, rank, score, tag"))?;
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut questions: Vec<(&str, Lined<'t>)> = Vec::new();
    for (question, found) in rows {
        let at = *places.entry(question).or_insert(questions.len());
        match questions.get_mut(at) {
            Some((_, all)) => all.extend(found),
            None => questions.push((question, found)),
        }
    }
    let checked: Result<Vec<_>, InputError> = questions
        .into_par_iter()
        .map(|(question, mut units)| {
            units.sort_unstable_by(|(a, x), (b, y)| a.id.cmp(b.id).then(x.cmp(y)));
            for pair in units.windows(2) {
                let [(first, line), (second, again)] = pair else { continue };
                if first.id == second.id {
                    let problem = format!(
                        "`{question}` has `{}` a second time, first at line {line}",
                        first.id
                    );
                    return Err(InputError::at(path, Place::Line(*again), problem).field("unit"));
                }
            }
            Ok((question, units.into_iter().map(|(unit, _)| unit).collect()))
        })
        .collect();
    let run: Run<'t> = checked?.into_iter().collect();
    match run.is_empty() {
        true => Err(InputError::file(path, "holds no line of a run")),
        false => Ok(run),
    }
}

/// Parses qrels: `question iteration unit grade` a line, apart by white space, or BEIR's three
/// columns under their header. A grade below 0 is 0. `path` stands in errors.
///
/// # Errors
/// [`InputError`] with its line: other columns, a grade that is no whole number, a unit that is
/// judged twice for a question; or without a line where nothing is relevant to any question.
pub fn parse_qrels<'t>(text: &'t str, path: &Path) -> Result<Qrels<'t>, InputError> {
    let grade = |question, unit, grade: &str| match grade.parse::<i64>() {
        Ok(grade) if grade <= i64::from(u32::MAX) => {
            Ok((question, (unit, u32::try_from(grade.max(0)).unwrap_or(u32::MAX))))
        }
        _ => Err(("grade", format!("`{grade}` is no whole number up to 4294967295"))),
    };
    let rows = match text.lines().next().is_some_and(is_beir) {
        true => {
            // The header keeps its place as an empty line, so that numbers of lines stay true.
            let rest = text.find('\n').map_or("", |end| &text[end..]);
            parse(rest, |[question, unit, score]: [&'t str; 3]| grade(question, unit, score))
                .map_err(|wrong| wrong.of(path, "query-id, corpus-id, score"))?
        }
        false => {
            parse(text, |[question, _, unit, score]: [&'t str; 4]| grade(question, unit, score))
                .map_err(|wrong| wrong.of(path, "question, iteration, unit, grade"))?
        }
    };
    let mut qrels: Qrels<'t> = BTreeMap::new();
    for (question, judged) in rows {
        let units = qrels.entry(question).or_default();
        for ((unit, grade), line) in judged {
            if units.insert(unit, grade).is_some() {
                let problem = format!("`{question}` and `{unit}` are judged twice");
                return Err(InputError::at(path, Place::Line(line), problem).field("unit"));
            }
        }
    }
    match qrels.values().any(|units| units.values().any(|grade| *grade > 0)) {
        true => Ok(qrels),
        false => Err(InputError::file(path, "no question has a relevant document")),
    }
}

fn is_beir(header: &str) -> bool {
    header.split_ascii_whitespace().eq(["query-id", "corpus-id", "score"])
}

/// What is wrong with a line.
struct Wrong {
    line: u64,
    what: What,
}

enum What {
    Columns(usize),
    Field(&'static str, String),
}

impl Wrong {
    fn of(self, path: &Path, columns: &str) -> InputError {
        let place = Place::Line(self.line);
        match self.what {
            What::Field(field, problem) => InputError::at(path, place, problem).field(field),
            What::Columns(found) => {
                let expected = columns.split(", ").count();
                let problem = format!("expected {expected} columns ({columns}), found {found}");
                InputError::at(path, place, problem)
            }
        }
    }
}

/// Rows of neighbouring lines of one question, each with its line.
type Grouped<'t, V> = Vec<(&'t str, Vec<(V, u64)>)>;

/// Every line of `N` columns through `row`, which gives its question and a value; empty lines are
/// passed over. In order, and the first wrong line, on any number of threads.
fn parse<'t, const N: usize, V: Send>(
    text: &'t str,
    row: impl Fn([&'t str; N]) -> Result<(&'t str, V), (&'static str, String)> + Sync,
) -> Result<Grouped<'t, V>, Wrong> {
    let blocks = blocks(text);
    let lines = |block: &&str| block.bytes().filter(|byte| *byte == b'\n').count() as u64;
    let counts: Vec<u64> = blocks.par_iter().map(lines).collect();
    let firsts = counts.iter().scan(1, |next, count| {
        let first = *next;
        *next += count;
        Some(first)
    });
    let firsts: Vec<u64> = firsts.collect();
    let parsed: Vec<Result<Grouped<'t, V>, Wrong>> = blocks
        .par_iter()
        .zip(&firsts)
        .map(|(block, first)| {
            let mut groups: Grouped<'t, V> = Vec::new();
            for (line, text) in (*first..).zip(block.lines()) {
                let mut columns = [""; N];
                let mut found = 0;
                for word in text.split_ascii_whitespace() {
                    if let Some(column) = columns.get_mut(found) {
                        *column = word;
                    }
                    found += 1;
                }
                match found {
                    0 => continue,
                    n if n != N => return Err(Wrong { line, what: What::Columns(n) }),
                    _ => {}
                }
                let (question, value) = row(columns).map_err(|(field, problem)| Wrong {
                    line,
                    what: What::Field(field, problem),
                })?;
                match groups.last_mut() {
                    Some((last, values)) if *last == question => values.push((value, line)),
                    _ => groups.push((question, vec![(value, line)])),
                }
            }
            Ok(groups)
        })
        .collect();
    let mut all = Vec::new();
    for groups in parsed {
        all.extend(groups?);
    }
    Ok(all)
}

/// `text` in pieces that end with a line.
fn blocks(text: &str) -> Vec<&str> {
    let (mut blocks, mut rest) = (Vec::new(), text);
    while !rest.is_empty() {
        let from = BLOCK.min(rest.len());
        let newline = rest.as_bytes()[from..].iter().position(|byte| *byte == b'\n');
        let (block, after) = rest.split_at(newline.map_or(rest.len(), |at| from + at + 1));
        blocks.push(block);
        rest = after;
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(text: &str) -> Result<Run<'_>, String> {
        parse_run(text, Path::new("run")).map_err(|error| error.to_string())
    }

    fn qrels(text: &str) -> Result<Qrels<'_>, String> {
        parse_qrels(text, Path::new("qrels")).map_err(|error| error.to_string())
    }

    #[test]
    fn lines_of_a_question_need_not_stand_together() {
        let text = "q1 Q0 a 1 2.5 t\nq2 Q0 a 1 1e-3 t\r\n\n  q1\t0 b 2 -1 t\n";
        let read = run(text).unwrap();
        let units: Vec<_> = read["q1"].iter().map(|unit| (unit.id, unit.score)).collect();
        assert_eq!(units, [("a", 2.5), ("b", -1.0)]);
        assert_eq!(read["q2"].len(), 1);
    }

    #[test]
    fn a_wrong_line_is_named() {
        for (text, parts) in [
            ("q Q0 a 1 2 t\nq Q0 b 2 1\n", ["run:2:", "found 5"]),
            ("q Q0 a 1 nan t\n", ["run:1:", "score"]),
            ("q Q0 a 1 1e999 t\n", ["run:1:", "score"]),
            ("q Q0 a 1 2 t\n\nr Q0 a 1 2 t\nq Q0 a 2 1 t\n", ["run:4:", "first at line 1"]),
            (" \n", ["run", "no line"]),
        ] {
            let error = run(text).unwrap_err();
            assert!(parts.iter().all(|part| error.contains(part)), "{error}");
        }
        for (text, parts) in [
            ("q 0 a 1\nq 0 a 0\n", ["qrels:2:", "twice"]),
            ("q 0 a x\n", ["qrels:1:", "grade"]),
            ("q 0 a 4294967296\n", ["qrels:1:", "grade"]),
            ("q 0 a 0\n", ["qrels", "relevant"]),
            ("query-id\tcorpus-id\tscore\nq\ta\n", ["qrels:2:", "found 2"]),
        ] {
            let error = qrels(text).unwrap_err();
            assert!(parts.iter().all(|part| error.contains(part)), "{error}");
        }
    }

    #[test]
    fn qrels_have_four_columns_or_beirs_three() {
        let expected = BTreeMap::from([("q", BTreeMap::from([("a", 2), ("b", 0)]))]);
        assert_eq!(qrels("q 0 a 2\nq 0 b -1\n").unwrap(), expected);
        assert_eq!(qrels("query-id\tcorpus-id\tscore\nq\ta\t2\nq\tb\t0\n").unwrap(), expected);
    }

    #[test]
    fn blocks_change_neither_rows_nor_numbers_of_lines() {
        let line = |i: usize| format!("q{} Q0 d{i} 1 {i} t\n", i / 100);
        let mut text: String = (0..150_000).map(line).collect();
        assert!(text.len() > 2 * BLOCK);
        let read = run(&text).unwrap();
        assert_eq!(read.values().map(Vec::len).sum::<usize>(), 150_000);
        assert!(read.values().all(|units| units.len() == 100));
        text.push_str("q0 Q0 d7 1 1 t\n");
        let error = run(&text).unwrap_err();
        assert!(error.contains("run:150001:") && error.contains("line 8"), "{error}");
    }
}
