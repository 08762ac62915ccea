//! Runs of any system, as trec_eval reads them.

use std::collections::BTreeMap;
use std::path::Path;

use wfgy_score::trec::{Ranked, Ranking};

use super::lines::{WrongField, by_question, line_of, number, shown};
use crate::{InputError, Place};

/// Reads a run, `question Q0 unit rank score tag` a line, apart by white space, and gives what
/// `measure` makes of the ranking of each question. As in trec_eval only question, unit and score say
/// anything, and ids are bytes. `path` stands in errors.
///
/// `measure` is asked by many threads, in no order, and about a part of a question too before the
/// whole of it: what it answers last is what counts, so it does nothing but answer.
///
/// # Errors
/// [`InputError`] with its line: other than six columns, a score that is no finite number, a unit
/// that a question has twice; or without a line for a run without any.
pub fn parse_run<'t, T: Send>(
    text: &'t [u8],
    path: &Path,
    measure: impl Fn(&'t [u8], &Ranking<'_, &'t [u8]>) -> T + Sync,
) -> Result<BTreeMap<&'t [u8], T>, InputError> {
    let whole = |question, units: &[Ranked<&'t [u8]>]| {
        let ranking = Ranking::of(units);
        ranking.repeated().map_or_else(|| Ok(measure(question, &ranking)), |unit| Err(*unit))
    };
    let read = by_question(text, row, whole)
        .map_err(|wrong| wrong.of(text, path, "question, Q0, unit, rank, score, tag"))?;
    if read.is_empty() {
        return Err(InputError::file(path, "holds no line of a run"));
    }
    let measured = read.into_iter().map(|(question, made)| match made {
        Ok(made) => Ok((question, made)),
        // An id is a part of the text, so it tells its line.
        Err(unit) => {
            let problem = format!("`{}` has `{}` a second time", shown(question), shown(unit));
            Err(InputError::at(path, Place::Line(line_of(text, unit)), problem).field("unit"))
        }
    });
    measured.collect()
}

#[inline]
fn row<'t>(
    &[question, _, unit, _, score, _]: &[&'t [u8]; 6],
) -> Result<(&'t [u8], Ranked<&'t [u8]>), WrongField> {
    match short_decimal(score).or_else(|| number(score)) {
        Some(number) if f64::is_finite(number) => {
            Ok((question, Ranked { id: unit, score: number }))
        }
        _ => Err(("score", format!("`{}` is no finite number", shown(score)))),
    }
}

/// A decimal such as `0.123456789` or `-7`, exactly: both parts of the quotient are whole numbers
/// that f64 holds, so it is rounded once (Clinger 1990). `None` for other forms and longer digits.
#[inline]
fn short_decimal(word: &[u8]) -> Option<f64> {
    let (sign, digits) = match word {
        [b'-', digits @ ..] => (-1.0, digits),
        digits => (1.0, digits),
    };
    if digits.len() > 16 || !digits.first().is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let (whole, places) = match digits.iter().position(|byte| *byte == b'.') {
        None => (natural(digits)?, 0),
        Some(point) => {
            let (before, after) = (&digits[..point], &digits[point + 1..]);
            (natural(before)? * TENS[after.len()] + natural(after)?, after.len())
        }
    };
    // 15 digits and a point, or less than 2^53.
    (whole < 1 << 53).then(|| sign * (whole as i64 as f64 / TENS[places] as i64 as f64))
}

/// 10 to the power of `i`.
const TENS: [u64; 16] = {
    let mut tens = [1; 16];
    let mut i = 1;
    while i < tens.len() {
        tens[i] = tens[i - 1] * 10;
        i += 1;
    }
    tens
};

/// Up to 16 decimal digits, none being 0; `None` where other bytes are among them.
#[inline]
fn natural(digits: &[u8]) -> Option<u64> {
    let (eights, rest) = digits.as_chunks();
    let mut number = 0;
    for eight in eights {
        number = number * 100_000_000 + eight_digits(*eight)?;
    }
    for digit in rest {
        number = number * 10 + u64::from(digit.is_ascii_digit().then(|| digit - b'0')?);
    }
    Some(number)
}

/// Eight decimal digits at once: neighbours are joined to numbers of two, four and eight digits,
/// each in as many bytes (Lemire 2022, "Number parsing at a gigabyte per second").
#[inline]
fn eight_digits(digits: [u8; 8]) -> Option<u64> {
    // The first digit is the lowest byte.
    let bytes = u64::from_le_bytes(digits);
    // The upper halves of `0` to `9` are 3, and so they are when 6 is added.
    let upper = 0xf0f0_f0f0_f0f0_f0f0;
    let more = bytes.wrapping_add(0x0606_0606_0606_0606);
    if bytes & upper | (more & upper) >> 4 != 0x3333_3333_3333_3333 {
        return None;
    }
    let ones = bytes & 0x0f0f_0f0f_0f0f_0f0f;
    let twos = (ones * 10 + (ones >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (twos * 100 + (twos >> 16)) & 0x0000_ffff_0000_ffff;
    Some((fours * 10_000 + (fours >> 32)) & 0xffff_ffff)
}

#[cfg(test)]
mod tests {
    use super::super::lines::BLOCK;
    use super::*;

    /// Units and scores by question.
    type Read = BTreeMap<String, Vec<(String, f64)>>;

    fn run(text: &str) -> Result<Read, String> {
        let all = |_: &[u8], ranking: &Ranking<'_, &[u8]>| {
            let units = ranking.units().iter();
            units.map(|unit| (shown(unit.id).into_owned(), unit.score)).collect()
        };
        let read = parse_run(text.as_bytes(), Path::new("run"), all).map_err(|e| e.to_string())?;
        Ok(read
            .into_iter()
            .map(|(question, units)| (shown(question).into_owned(), units))
            .collect())
    }

    fn units(units: &[(&str, f64)]) -> Vec<(String, f64)> {
        units.iter().map(|(id, score)| ((*id).to_owned(), *score)).collect()
    }

    #[test]
    fn lines_of_a_question_need_not_stand_together() {
        let text = "q1 Q0 a 1 2.5 t\nq2 Q0 a 1 1e-3 t\r\n\n  q1\t0 b 2 -1 t\n";
        let read = run(text).unwrap();
        assert_eq!(read["q1"], units(&[("a", 2.5), ("b", -1.0)]));
        assert_eq!(read["q2"], units(&[("a", 0.001)]));
        // Many of them, so that both parts were measured by themselves before.
        let part = |question: &str, ids: std::ops::Range<usize>| {
            ids.map(|i| format!(" {question} Q0 d{i} 1 {i} t \n\n")).collect::<String>()
        };
        let read = run(&(part("q1", 0..50) + &part("q2", 0..50) + &part("q1", 50..90))).unwrap();
        let expected: Vec<_> = (0..90).map(|i| (format!("d{i}"), f64::from(i))).collect();
        assert_eq!(read["q1"], expected);
        assert_eq!(read["q2"], expected[..50]);
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
    }

    #[test]
    fn a_repeated_unit_is_named_of_the_least_question_and_after_every_wrong_line() {
        let question = |q: &str, last: &str| {
            let lines = (0..9).map(|i| format!("{q} Q0 d{i} 1 1 t\n")).collect::<String>();
            lines + &format!("{q} Q0 {last} 1 1 t\n")
        };
        let text = question("q2", "d3") + &question("q1", "d5");
        let error = run(&text).unwrap_err();
        assert!(error.contains("run:20:") && error.contains("`d5` a second time"), "{error}");
        let error = run(&(text + "q0 Q0 d 1 one t\n")).unwrap_err();
        assert!(error.contains("run:21:") && error.contains("score"), "{error}");
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
    fn blocks_change_neither_rows_nor_numbers_of_lines() {
        let line = |i: usize| format!("q{} Q0 d{i} 1 {i} t\n", i / 100);
        let mut text: String = (0..150_000).map(line).collect();
        assert!(text.len() > 2 * BLOCK);
        let read = run(&text).unwrap();
        assert_eq!(read.len(), 1_500);
        for (question, units) in read {
            let first = 100 * question[1..].parse::<usize>().unwrap();
            let expected: Vec<_> =
                (first..first + 100).map(|i| (format!("d{i}"), i as f64)).collect();
            assert_eq!(units, expected, "{question}");
        }
        text.push_str("q0 Q0 d7 1 1 t\n");
        let error = run(&text).unwrap_err();
        assert!(error.contains("run:150001:"), "{error}");
    }
}
