//! Judgements for runs of any system, as trec_eval reads them.

use std::collections::BTreeMap;
use std::path::Path;

use super::lines::{by_question, line_of, number, shown, twice, words};
use crate::{InputError, Place};

/// Units with their grades by question, in the order of the file; grade 0 is not relevant.
pub type Qrels<'t> = BTreeMap<&'t [u8], Vec<(&'t [u8], u32)>>;

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
    let whole = |question, units: &[(&'t [u8], u32)]| {
        let twice = twice(units.iter().map(|(unit, _)| *unit));
        twice.map_or_else(|| Ok(units.to_vec()), |unit| Err((question, unit)))
    };
    let header = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let read = match words(header).eq([&b"query-id"[..], b"corpus-id", b"score"]) {
        true => {
            let row = |&[question, unit, score]: &[&'t [u8]; 3]| judged(question, unit, score);
            by_question(&text[header.len()..], row, whole)
                .map_err(|wrong| wrong.of(text, path, "query-id, corpus-id, score"))?
        }
        false => {
            let row = |&[question, _, unit, grade]: &[&'t [u8]; 4]| judged(question, unit, grade);
            by_question(text, row, whole)
                .map_err(|wrong| wrong.of(text, path, "question, iteration, unit, grade"))?
        }
    };
    // Ids are parts of the text, so they tell which comes first in it.
    let twice = read.iter().filter_map(|(_, judged)| judged.as_ref().err().copied());
    if let Some((question, unit)) = twice.min_by_key(|(_, unit)| unit.as_ptr()) {
        let problem = format!("`{}` and `{}` are judged twice", shown(question), shown(unit));
        let place = Place::Line(line_of(text, unit));
        return Err(InputError::at(path, place, problem).field("unit"));
    }
    let qrels: Qrels<'t> =
        read.into_iter().filter_map(|(question, judged)| Some((question, judged.ok()?))).collect();
    match qrels.values().flatten().any(|(_, grade)| *grade > 0) {
        true => Ok(qrels),
        false => Err(InputError::file(path, "no question has a relevant document")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn qrels(text: &str) -> Result<Qrels<'_>, String> {
        parse_qrels(text.as_bytes(), Path::new("qrels")).map_err(|error| error.to_string())
    }

    #[test]
    fn a_wrong_line_is_named() {
        for (text, parts) in [
            ("q 0 a 1\nq 0 a 0\n", ["qrels:2:", "twice"]),
            ("r 0 a 1\nq 0 b 1\nr 0 a 1\nq 0 b 1\n", ["qrels:3:", "`r`"]),
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
        let expected = BTreeMap::from([(&b"q"[..], vec![(&b"a"[..], 2), (b"b", 0)])]);
        assert_eq!(qrels("q 0 a 2\nq 0 b -1\n").unwrap(), expected);
        assert_eq!(qrels("query-id\tcorpus-id\tscore\nq\ta\t2\nq\tb\t0\n").unwrap(), expected);
    }
}
