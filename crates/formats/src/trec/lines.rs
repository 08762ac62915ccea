//! Runs and qrels of any system, as trec_eval reads them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::Path;
use std::str::FromStr;

use ahash::AHashSet;
use rayon::prelude::*;
use wfgy_score::trec::Ranked;

use super::white_space;
use crate::{InputError, Place};

/// Bytes of a file that one task reads.
const BLOCK: usize = 1 << 18;

/// What a run ranks, by question.
pub type Run<'t> = BTreeMap<&'t [u8], Vec<Ranked<&'t [u8]>>>;

/// Grades by question and unit; 0 is not relevant.
pub type Qrels<'t> = BTreeMap<&'t [u8], BTreeMap<&'t [u8], u32>>;

/// Parses a run, `question Q0 unit rank score tag` a line, apart by white space. As in trec_eval
/// only question, unit and score say anything, and ids are bytes. `path` stands in errors.
///
/// # Errors
/// [`InputError`] with its line: other than six columns, a score that is no finite number, a unit
/// that a question has twice; or without a line for a run without any.
pub fn parse_run<'t>(text: &'t [u8], path: &Path) -> Result<Run<'t>, InputError> {
    let rows =
        parse(text, |[question, _, unit, _, score, _]: [&'t [u8]; 6]| {
            match short_decimal(score).or_else(|| number(score)) {
                Some(number) if f64::is_finite(number) => {
                    Ok((question, Ranked { id: unit, score: number }))
                }
                _ => Err(("score", format!("`{}` is no finite number", shown(score)))),
            }
        });
    let rows =
        rows.map_err(|wrong| wrong.of(text, path, "question, Q0, unit, rank, score, tag"))?;
    let mut run: Run<'t> = BTreeMap::new();
    for (question, found) in rows {
        match run.entry(question) {
            Entry::Vacant(new) => drop(new.insert(found)),
            Entry::Occupied(mut old) => old.get_mut().extend(found),
        }
    }
    let twice = run.par_iter().find_map_first(|(question, units)| Some((question, twice(units)?)));
    match twice {
        // An id is a part of the text, so it tells its line.
        Some((question, unit)) => {
            let problem = format!("`{}` has `{}` a second time", shown(question), shown(unit));
            Err(InputError::at(path, Place::Line(line_of(text, unit)), problem).field("unit"))
        }
        None if run.is_empty() => Err(InputError::file(path, "holds no line of a run")),
        None => Ok(run),
    }
}

/// The first unit that was there before.
fn twice<'t>(units: &[Ranked<&'t [u8]>]) -> Option<&'t [u8]> {
    let mut seen = AHashSet::with_capacity(units.len());
    units.iter().map(|unit| unit.id).find(|id| !seen.insert(*id))
}

/// Parses qrels: `question iteration unit grade` a line, apart by white space, or BEIR's three
/// columns under their header. A grade below 0 is 0. `path` stands in errors.
///
/// # Errors
/// [`InputError`] with its line: other columns, a grade that is no whole number, a unit that is
/// judged twice for a question; or without a line where nothing is relevant to any question.
pub fn parse_qrels<'t>(text: &'t [u8], path: &Path) -> Result<Qrels<'t>, InputError> {
    let judged = |question, unit, grade| match number::<i64>(grade) {
        Some(grade) if grade <= i64::from(u32::MAX) => {
            Ok((question, (unit, u32::try_from(grade.max(0)).unwrap_or(u32::MAX))))
        }
        _ => Err(("grade", format!("`{}` is no whole number up to 4294967295", shown(grade)))),
    };
    let header = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let rows = match words(header).eq([&b"query-id"[..], b"corpus-id", b"score"]) {
        true => {
            let rest = &text[header.len()..];
            parse(rest, |[question, unit, score]: [&'t [u8]; 3]| judged(question, unit, score))
                .map_err(|wrong| wrong.of(text, path, "query-id, corpus-id, score"))?
        }
        false => {
            parse(text, |[question, _, unit, grade]: [&'t [u8]; 4]| judged(question, unit, grade))
                .map_err(|wrong| wrong.of(text, path, "question, iteration, unit, grade"))?
        }
    };
    let mut qrels: Qrels<'t> = BTreeMap::new();
    for (question, judged) in rows {
        let units = qrels.entry(question).or_default();
        for (unit, grade) in judged {
            if units.insert(unit, grade).is_some() {
                let (question, id) = (shown(question), shown(unit));
                let problem = format!("`{question}` and `{id}` are judged twice");
                let place = Place::Line(line_of(text, unit));
                return Err(InputError::at(path, place, problem).field("unit"));
            }
        }
    }
    match qrels.values().any(|units| units.values().any(|grade| *grade > 0)) {
        true => Ok(qrels),
        false => Err(InputError::file(path, "no question has a relevant document")),
    }
}

/// A decimal such as `0.123456789` or `-7`, exactly: both parts of the quotient are whole numbers
/// that f64 holds, so it is rounded once (Clinger 1990). `None` for other forms and longer digits.
fn short_decimal(word: &[u8]) -> Option<f64> {
    let (sign, digits) = match word {
        [b'-', digits @ ..] => (-1.0, digits),
        digits => (1.0, digits),
    };
    if digits.len() > 16 || !digits.first().is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let (mut whole, mut scale, mut fraction) = (0_u64, 1_u64, false);
    for byte in digits {
        match byte {
            b'0'..=b'9' => {
                whole = whole * 10 + u64::from(byte - b'0');
                scale *= if fraction { 10 } else { 1 };
            }
            b'.' if !fraction => fraction = true,
            _ => return None,
        }
    }
    // 15 digits and a point, or less than 2^53.
    (whole < 1 << 53).then_some(sign * (whole as f64 / scale as f64))
}

fn number<N: FromStr>(word: &[u8]) -> Option<N> {
    str::from_utf8(word).ok()?.parse().ok()
}

fn shown(word: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(word)
}

/// The line, from 1, that `part` of `text` begins in.
fn line_of(text: &[u8], part: &[u8]) -> u64 {
    let before = (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
    let lines = text[..before.min(text.len())].iter().filter(|byte| **byte == b'\n').count();
    lines as u64 + 1
}

/// What is wrong with a line.
struct Wrong<'t> {
    line: &'t [u8],
    what: What,
}

enum What {
    Columns(usize),
    Field(&'static str, String),
}

impl Wrong<'_> {
    fn of(self, text: &[u8], path: &Path, columns: &str) -> InputError {
        let place = Place::Line(line_of(text, self.line));
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

/// Rows of neighbouring lines of one question.
type Grouped<'t, V> = Vec<(&'t [u8], Vec<V>)>;

/// Every line of `N` columns through `row`, which gives its question and a value; empty lines are
/// passed over. In order, and the first wrong line, on any number of threads.
fn parse<'t, const N: usize, V: Send>(
    text: &'t [u8],
    row: impl Fn([&'t [u8]; N]) -> Result<(&'t [u8], V), (&'static str, String)> + Sync,
) -> Result<Grouped<'t, V>, Wrong<'t>> {
    let block = |block: &'t [u8]| {
        let mut groups: Grouped<'t, V> = Vec::new();
        let (mut line, mut word) = (0, 0);
        let (mut columns, mut found) = ([&block[..0]; N], 0);
        for end in white_space::ends(block) {
            let is_line = block.get(end).is_none_or(|byte| *byte == b'\n');
            let text = &block[word..end];
            word = end + 1;
            if !text.is_empty() {
                if let Some(column) = columns.get_mut(found) {
                    *column = text;
                }
                found += 1;
            }
            if !is_line {
                continue;
            }
            let line = &block[std::mem::replace(&mut line, word)..end];
            match std::mem::take(&mut found) {
                0 => continue,
                n if n != N => return Err(Wrong { line, what: What::Columns(n) }),
                _ => {}
            }
            let (question, value) = row(columns)
                .map_err(|(field, problem)| Wrong { line, what: What::Field(field, problem) })?;
            match groups.last_mut() {
                Some((last, values)) if *last == question => values.push(value),
                _ => {
                    let usual = groups.last().map_or(0, |(_, values)| values.len());
                    let mut values = Vec::with_capacity(usual);
                    values.push(value);
                    groups.push((question, values));
                }
            }
        }
        Ok(groups)
    };
    let parsed: Vec<Result<Grouped<'t, V>, Wrong<'t>>> =
        blocks(text).into_par_iter().map(block).collect();
    let mut all = Vec::new();
    for groups in parsed {
        all.extend(groups?);
    }
    Ok(all)
}

/// What stands between white space.
pub(super) fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut begin = 0;
    let word = move |end| &line[std::mem::replace(&mut begin, end + 1)..end];
    white_space::ends(line).into_iter().map(word).filter(|word| !word.is_empty())
}

/// `text` in pieces that end with a line.
fn blocks(text: &[u8]) -> Vec<&[u8]> {
    let (mut blocks, mut rest) = (Vec::new(), text);
    while !rest.is_empty() {
        let from = BLOCK.min(rest.len());
        let newline = rest[from..].iter().position(|byte| *byte == b'\n');
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
        parse_run(text.as_bytes(), Path::new("run")).map_err(|error| error.to_string())
    }

    fn qrels(text: &str) -> Result<Qrels<'_>, String> {
        parse_qrels(text.as_bytes(), Path::new("qrels")).map_err(|error| error.to_string())
    }

    #[test]
    fn lines_of_a_question_need_not_stand_together() {
        let text = "q1 Q0 a 1 2.5 t\nq2 Q0 a 1 1e-3 t\r\n\n  q1\t0 b 2 -1 t\n";
        let read = run(text).unwrap();
        let units: Vec<_> = read[&b"q1"[..]].iter().map(|unit| (unit.id, unit.score)).collect();
        assert_eq!(units, [(&b"a"[..], 2.5), (b"b", -1.0)]);
        assert_eq!(read[&b"q2"[..]].len(), 1);
    }

    #[test]
    fn a_wrong_line_is_named() {
        for (text, parts) in [
            ("q Q0 a 1 2 t\nq Q0 b 2 1\n", ["run:2:", "found 5"]),
            ("q Q0 a 1 nan t\n", ["run:1:", "score"]),
            ("q Q0 a 1 1e999 t\n", ["run:1:", "score"]),
            ("q Q0 a 1 2 t\n\nr Q0 a 1 2 t\nq Q0 a 2 1 t\n", ["run:4:", "a second time"]),
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
    fn short_decimals_are_the_numbers_that_the_standard_library_reads() {
        let mut state = 20_261_u64;
        let mut next = |n: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % n
        };
        let mut short = 0;
        for _ in 0..50_000 {
            let length = 1 + next(18) as usize;
            let character = |_| b"0123456789012345678901234567.-e"[next(31) as usize];
            let word: Vec<u8> = (0..length).map(character).collect();
            if let Some(mine) = short_decimal(&word) {
                let theirs: f64 = number(&word).unwrap();
                assert_eq!(mine.to_bits(), theirs.to_bits(), "{}", shown(&word));
                short += 1;
            }
        }
        assert!(short > 10_000);
        for (word, none) in [("", true), ("-", true), (".5", true), ("1.", false), ("-0.0", false)]
        {
            assert_eq!(short_decimal(word.as_bytes()).is_none(), none, "{word}");
        }
    }

    #[test]
    fn qrels_have_four_columns_or_beirs_three() {
        let expected = BTreeMap::from([(&b"q"[..], BTreeMap::from([(&b"a"[..], 2), (b"b", 0)]))]);
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
        assert!(error.contains("run:150001:"), "{error}");
    }
}
