//! Lines of columns apart by white space, by the question that they name.

use std::borrow::Cow;
use std::path::Path;
use std::str::FromStr;

use ahash::AHashSet;
use rayon::prelude::*;

use super::white_space;
use crate::{InputError, Place};

/// Bytes of a file that one task reads.
pub(super) const BLOCK: usize = 1 << 17;

/// Lines of a question from which on they are worth something before it is known whether there are
/// more: what is made of them never takes much more than the lines do.
const ENOUGH: usize = 4;

/// What is wrong with a field: its name, and why.
pub(super) type WrongField = (&'static str, String);

/// Questions in ascending order, with what `whole` makes of their rows in the order of the file.
/// `row` gives a line of `N` columns its question and what it says; empty lines are passed over.
///
/// Rows are kept no longer than a task reads its block, so that they stay in the cache; lines of a
/// question that do not stand together, or that a block cuts, are read a second time. So `whole`
/// is asked in no order, about parts of a question too, and what counts is its last answer.
///
/// # Errors
/// The first wrong line, on any number of threads.
pub(super) fn by_question<'t, const N: usize, V, T: Send>(
    text: &'t [u8],
    row: impl Fn(&[&'t [u8]; N]) -> Result<(&'t [u8], V), WrongField> + Sync,
    whole: impl Fn(&'t [u8], &[V]) -> T + Sync,
) -> Result<Vec<(&'t [u8], T)>, Wrong<'t>> {
    let read: Vec<Result<Vec<Group<'t, T>>, Wrong<'t>>> = (0..text.len().div_ceil(BLOCK))
        .into_par_iter()
        .map(|i| groups(block(text, i), &row, &whole))
        .collect();
    let mut all = Vec::new();
    for groups in read {
        all.extend(groups?);
    }
    // Stable: parts of a question stay in order.
    all.par_sort_by(|a, b| a.question.cmp(b.question));
    all.par_chunk_by_mut(|a, b| a.question == b.question)
        .map(|parts| {
            let question = parts[0].question;
            if let [Group { made, .. }] = parts
                && let Some(made) = made.take()
            {
                return Ok((question, made));
            }
            let mut rows = Vec::new();
            for part in parts {
                each_line(part.lines, |columns| {
                    rows.push(row(columns)?.1);
                    Ok(())
                })?;
            }
            Ok((question, whole(question, &rows)))
        })
        .collect()
}

/// Neighbouring lines of one question in a block.
struct Group<'t, T> {
    question: &'t [u8],
    /// Empty lines behind them are among them.
    lines: &'t [u8],
    /// What was made of them, where they are enough.
    made: Option<T>,
}

fn groups<'t, const N: usize, V, T>(
    block: &'t [u8],
    row: impl Fn(&[&'t [u8]; N]) -> Result<(&'t [u8], V), WrongField>,
    whole: impl Fn(&'t [u8], &[V]) -> T,
) -> Result<Vec<Group<'t, T>>, Wrong<'t>> {
    let mut groups: Vec<Group<'t, T>> = Vec::new();
    let mut rows: Vec<V> = Vec::new();
    let enough = |question, rows: &[V]| (rows.len() >= ENOUGH).then(|| whole(question, rows));
    each_line(block, |columns| {
        let (question, value) = row(columns)?;
        match groups.last_mut() {
            Some(group) if group.question == question => {}
            last => {
                let lines = &block[place_of(block, question)..];
                if let Some(group) = last {
                    group.lines = &group.lines[..group.lines.len() - lines.len()];
                    group.made = enough(group.question, &rows);
                    rows.clear();
                }
                groups.push(Group { question, lines, made: None });
            }
        }
        rows.push(value);
        Ok(())
    })?;
    if let Some(group) = groups.last_mut() {
        group.made = enough(group.question, &rows);
    }
    Ok(groups)
}

/// Gives `take` the columns of every line of `block` that has any.
fn each_line<'t, const N: usize>(
    block: &'t [u8],
    mut take: impl FnMut(&[&'t [u8]; N]) -> Result<(), WrongField>,
) -> Result<(), Wrong<'t>> {
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
            0 => {}
            n if n == N => take(&columns)
                .map_err(|(field, problem)| Wrong { line, what: What::Field(field, problem) })?,
            n => return Err(Wrong { line, what: What::Columns(n) }),
        }
    }
    Ok(())
}

/// The first id that was there before.
pub(super) fn twice<'t>(ids: impl ExactSizeIterator<Item = &'t [u8]>) -> Option<&'t [u8]> {
    let mut seen = AHashSet::with_capacity(ids.len());
    let mut ids = ids;
    ids.find(|id| !seen.insert(*id))
}

pub(super) fn number<N: FromStr>(word: &[u8]) -> Option<N> {
    str::from_utf8(word).ok()?.parse().ok()
}

pub(super) fn shown(word: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(word)
}

/// Where `part` of `text` begins.
fn place_of(text: &[u8], part: &[u8]) -> usize {
    (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize).min(text.len())
}

/// The line, from 1, that `part` of `text` begins in.
pub(super) fn line_of(text: &[u8], part: &[u8]) -> u64 {
    let before = &text[..place_of(text, part)];
    before.iter().filter(|byte| **byte == b'\n').count() as u64 + 1
}

/// What is wrong with a line.
pub(super) struct Wrong<'t> {
    line: &'t [u8],
    what: What,
}

enum What {
    Columns(usize),
    Field(&'static str, String),
}

impl Wrong<'_> {
    pub(super) fn of(self, text: &[u8], path: &Path, columns: &str) -> InputError {
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

/// What stands between white space.
pub(super) fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut begin = 0;
    let word = move |end| &line[std::mem::replace(&mut begin, end + 1)..end];
    white_space::ends(line).map(word).filter(|word| !word.is_empty())
}

/// Block `i` of `text`: the lines that begin in its bytes, so that no task waits for another to learn
/// where its own begin; but for those that go on with a question of the block before, which they
/// belong to, so that few questions are read twice.
fn block(text: &[u8], i: usize) -> &[u8] {
    &text[block_begin(text, i)..block_begin(text, i + 1)]
}

fn block_begin(text: &[u8], i: usize) -> usize {
    let line_from = |byte: usize| {
        let newline = text.get(byte - 1..)?.iter().position(|b| *b == b'\n');
        newline.map(|at| byte + at)
    };
    let question = |line: usize| words(&text[line..]).next();
    if i == 0 {
        return 0;
    }
    let Some(mut line) = line_from(i * BLOCK) else { return text.len() };
    let before = text[..line - 1].iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
    let before = question(before);
    while line < (i + 1) * BLOCK && question(line) == before {
        let Some(next) = line_from(line + 1) else { return text.len() };
        line = next;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines of the numbers of a question, all of one length.
    fn lines(questions: impl Iterator<Item = usize>) -> String {
        questions.map(|q| format!("q{q:05} a\n")).collect()
    }

    #[test]
    fn blocks_are_the_text_and_cut_no_question_that_fits_in_one() {
        let short = lines((0..100_000).map(|line| line / 100));
        let long = lines((0..100_000).map(|line| line / 30_000));
        let open = format!("\n \n{}", short.trim_end());
        for text in [&short, &long, &open, "", "\n", "q a"] {
            let blocks = (0..text.len().div_ceil(BLOCK)).map(|i| block(text.as_bytes(), i));
            let blocks: Vec<&str> = blocks.map(|block| str::from_utf8(block).unwrap()).collect();
            assert_eq!(blocks.concat(), text);
            let question = |line: Option<&str>| line.map(|line| line[..6].to_owned());
            for ends in blocks.windows(2) {
                assert!(ends[0].is_empty() || ends[0].ends_with('\n'));
                let cut = question(ends[0].lines().last()) == question(ends[1].lines().next());
                assert!(*text == long || !cut, "{ends:?}");
            }
        }
        assert!(short.len() > 3 * BLOCK && 30_000 * 9 > 2 * BLOCK);
    }
}
