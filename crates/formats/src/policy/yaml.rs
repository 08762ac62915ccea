//! YAML into the tree, read strictly.
//!
//! YAML says one thing in many ways and some things in two, so only its plain part is taken: one
//! document of tables, lists and scalars. Anchors, aliases, tags, merge keys, keys that are no
//! scalar and keys given twice are refused with their place; a word that YAML 1.1 and 1.2 read
//! differently has to be quoted where its value counts. JSON is YAML.

use std::borrow::Cow;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span, StrInput};

use super::node::{Entry, Node, Problem, Value};
use crate::Place;

/// Deepest nesting of tables and lists.
const DEEPEST: usize = 16;

/// Stands for a `>` that is meant as an operator while the text is parsed. A private-use
/// character: YAML allows it, and a file that has one of its own is refused.
const OPERATOR: char = '\u{e000}';

/// The tree of a YAML document.
pub(super) fn tree(text: &str) -> Result<Node, Problem> {
    if let Some(at) = text.find(OPERATOR) {
        let line = text[..at].matches('\n').count() as u64 + 1;
        let problem = "has the private-use character U+E000: remove it";
        return Err(Problem::new(Place::Line(line), "", problem));
    }
    let text = operators(text);
    let mut reader = Reader { parser: Parser::new_from_str(&text), depth: 0 };
    let mut document = None;
    loop {
        let (event, span) = reader.next()?;
        match event {
            Event::StreamStart | Event::DocumentEnd | Event::Nothing => {}
            Event::StreamEnd => break,
            Event::DocumentStart(_) if document.is_some() => {
                return Err(refused(&span, "a second document begins: a policy is one"));
            }
            Event::DocumentStart(_) => {
                let (event, span) = reader.next()?;
                document = Some(reader.node(event, &span)?);
            }
            _ => return Err(refused(&span, "this is no YAML document")),
        }
    }
    // An empty file is an empty policy here as in TOML: whoever reads it says what is missing.
    let empty = || Node { at: Place::File, value: Value::Table(Vec::new()) };
    Ok(document.filter(|node| node.value != Value::Nothing).unwrap_or_else(empty))
}

/// `key: >=0.70` is no YAML, since `>` begins a folded block, but it is how people write a bound.
/// A `>` in front of a number to the end of the line, a lone `>=`, and the `>` of `op: >` are
/// taken as operators; every column stays where it is.
fn operators(text: &str) -> Cow<'_, str> {
    if !text.contains('>') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for line in text.split_inclusive('\n') {
        match operator(line) {
            Some(at) => {
                out.push_str(&line[..at]);
                out.push(OPERATOR);
                out.push_str(&line[at + 1..]);
            }
            None => out.push_str(line),
        }
    }
    Cow::Owned(out)
}

/// Where in a line the `>` stands that is an operator.
fn operator(line: &str) -> Option<usize> {
    let at = line.find(": ")? + 1;
    let at = at + line[at..].find('>')?;
    let (key, between) = line[..at].split_once(": ")?;
    let rest = line[at + 1..].split(" #").next().unwrap_or_default().trim_end();
    let bound = rest.strip_prefix('=').unwrap_or(rest).trim_start();
    let is_operator = is_decimal(bound)
        || rest == "="
        || (rest.is_empty() && key.trim_start_matches([' ', '-']) == "op");
    (between.trim().is_empty() && is_operator).then_some(at)
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), Problem> {
        match self.parser.next_event() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => Err(Problem::new(place(error.marker()), "", error.info())),
            None => Err(Problem::new(Place::File, "", "ends before the YAML document does")),
        }
    }

    fn node(&mut self, event: Event<'a>, span: &Span) -> Result<Node, Problem> {
        let at = place(&span.start);
        let value = match event {
            Event::Scalar(text, style, anchor, tag) => {
                plain(span, anchor, tag.is_some())?;
                scalar(&text.replace(OPERATOR, ">"), style)
            }
            Event::SequenceStart(anchor, tag) => {
                plain(span, anchor, tag.is_some())?;
                self.deeper(span)?;
                let mut nodes = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => break,
                        (event, span) => nodes.push(self.node(event, &span)?),
                    }
                }
                self.depth -= 1;
                Value::List(nodes)
            }
            Event::MappingStart(anchor, tag) => {
                plain(span, anchor, tag.is_some())?;
                self.deeper(span)?;
                let mut entries = Vec::new();
                loop {
                    match self.next()? {
                        (Event::MappingEnd, _) => break,
                        (event, span) => {
                            let entry = self.entry(event, &span, &entries)?;
                            entries.push(entry);
                        }
                    }
                }
                self.depth -= 1;
                Value::Table(entries)
            }
            Event::Alias(_) => {
                return Err(refused(span, "an alias: write out what it stands for"));
            }
            _ => return Err(refused(span, "a value is missing")),
        };
        Ok(Node { at, value })
    }

    fn entry(
        &mut self,
        event: Event<'a>,
        span: &Span,
        earlier: &[Entry],
    ) -> Result<Entry, Problem> {
        let at = place(&span.start);
        let key = match event {
            Event::Scalar(text, style, anchor, tag) => {
                plain(span, anchor, tag.is_some())?;
                let key = text.replace(OPERATOR, ">");
                if key == "<<" && style == ScalarStyle::Plain {
                    return Err(refused(span, "a merge key: write out what it merges"));
                }
                key
            }
            _ => return Err(refused(span, "a key that is no word")),
        };
        if let Some(first) = earlier.iter().find(|entry| entry.key == key) {
            let problem = format!("duplicate key: it stands at{} already", first.at);
            return Err(Problem::new(at, key, problem));
        }
        let (event, span) = self.next()?;
        Ok(Entry { at, key, node: self.node(event, &span)? })
    }

    fn deeper(&mut self, span: &Span) -> Result<(), Problem> {
        self.depth += 1;
        match self.depth > DEEPEST {
            true => Err(refused(span, &format!("nested deeper than {DEEPEST}"))),
            false => Ok(()),
        }
    }
}

/// Refuses an anchor or a tag.
fn plain(span: &Span, anchor: usize, tagged: bool) -> Result<(), Problem> {
    match (anchor, tagged) {
        (0, false) => Ok(()),
        (_, true) => Err(refused(span, "a tag: values are what they look like, leave it out")),
        (_, false) => Err(refused(span, "an anchor: write out what it names where it is used")),
    }
}

fn refused(span: &Span, problem: &str) -> Problem {
    Problem::new(place(&span.start), "", problem)
}

fn place(marker: &Marker) -> Place {
    Place::LineColumn(marker.line() as u64, marker.col() as u64 + 1)
}

fn scalar(text: &str, style: ScalarStyle) -> Value {
    if style != ScalarStyle::Plain {
        return Value::Text(text.to_owned());
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Nothing,
        "true" => Value::Boolean(true),
        "false" => Value::Boolean(false),
        _ if is_decimal(text) => Value::Number(text.to_owned()),
        _ if is_doubtful(text) => Value::Doubtful(text.to_owned()),
        _ => Value::Text(text.to_owned()),
    }
}

/// A number as JSON writes it.
fn is_decimal(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let (text, exponent) = match text.split_once(['e', 'E']) {
        Some((text, exponent)) => (text, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text, None),
    };
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|e| digits(e.strip_prefix(['+', '-']).unwrap_or(e)))
}

/// A word that is a boolean, a number or a date in one version of YAML and something else in
/// another: `no`, `off`, `017`, `1_000`, `1:30`, `0x1F`, `.5`, `.inf`, `2025-01-01`.
fn is_doubtful(text: &str) -> bool {
    const BOOLEANS: [&str; 8] = ["y", "n", "yes", "no", "on", "off", "true", "false"];
    let lower = text.to_ascii_lowercase();
    let numeric = |c: char| c.is_ascii_hexdigit() || "+-._:xo".contains(c);
    BOOLEANS.contains(&lower.as_str())
        || [".inf", "+.inf", "-.inf", ".nan"].contains(&lower.as_str())
        || (lower.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c))
            && lower.contains(|c: char| c.is_ascii_digit())
            && lower.chars().all(numeric))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        let problem = tree(text).unwrap_err();
        format!("{}: {}", problem.at, problem.problem)
    }

    #[test]
    fn rule_what_yaml_says_in_two_ways_is_refused_with_its_place() {
        for (text, expected) in [
            ("a: &x 1\n", ":1:4: an anchor"),
            ("a: 1\nb: *x\n", ":2:4: "),
            ("a: &x {b: 1}\nc: *x\n", ":1:4: an anchor"),
            ("a: 1\n<<: {b: 1}\n", ":2:1: a merge key"),
            ("a: !!str 1\n", ":1:4: a tag"),
            ("a: !mine 1\n", ":1:4: a tag"),
            ("a: 1\nb: 2\na: 3\n", ":3:1: duplicate key"),
            ("a:\n  b: 1\n  b: 2\n", ":3:3: duplicate key"),
            ("? [a, b]\n: 1\n", ":1:3: a key that is no word"),
            ("a: 1\n---\nb: 2\n", ":2:1: a second document"),
            ("a: [1, 2\n", ":"),
            ("a: 1\n b: 2\n", ":2:"),
            ("a: \"x\n", ":"),
            ("a: \u{e000}\n", ":1: has the private-use"),
        ] {
            let problem = problem(text);
            assert!(
                problem.starts_with(expected) && !problem.contains('\n'),
                "{text:?}: {problem}"
            );
        }
        let deep = format!("a: {}1{}\n", "[".repeat(40), "]".repeat(40));
        assert!(problem(&deep).contains("deeper than 16"));
    }

    fn value(text: &str) -> Value {
        let Value::Table(entries) = tree(&format!("a: {text}\n")).unwrap().value else {
            panic!("{text} is no table")
        };
        entries[0].node.value.clone()
    }

    #[test]
    fn rule_a_word_that_yaml_versions_read_differently_is_neither() {
        for text in [
            "no",
            "No",
            "off",
            "ON",
            "y",
            "True",
            "017",
            "0x1F",
            "0o17",
            "1_000",
            "1:30",
            ".5",
            "5.",
            "+1",
            ".inf",
            ".NaN",
            "2025-01-01",
        ] {
            assert_eq!(value(text), Value::Doubtful(text.to_owned()), "{text}");
            assert_eq!(value(&format!("\"{text}\"")), Value::Text(text.to_owned()));
        }
        for text in ["0", "-1", "0.70", "1e-3", "1.5E+2"] {
            assert_eq!(value(text), Value::Number(text.to_owned()));
        }
        for text in ["convergent", "eval_set_500.json", "<=0.45", "dead", "gold/40.json"] {
            assert_eq!(value(text), Value::Text(text.to_owned()));
        }
        assert_eq!(value("true"), Value::Boolean(true));
        assert_eq!(value("~"), Value::Nothing);
    }

    #[test]
    fn rule_a_bound_from_below_may_be_written_without_quotes() {
        for (text, read) in [
            (">=0.70", ">=0.70"),
            (">= 0.70 # comment", ">= 0.70"),
            (">0.7", ">0.7"),
            (">=", ">="),
            ("\">=0.70\"", ">=0.70"),
        ] {
            assert_eq!(value(text), Value::Text(read.to_owned()), "{text}");
        }
        let lines = tree("- op: >\n  bound: 1\n").unwrap();
        let Value::List(items) = lines.value else { panic!("no list") };
        let Value::Table(entries) = &items[0].value else { panic!("no table") };
        assert_eq!(entries[0].node.value, Value::Text(">".to_owned()));
        // A folded text stays one, and says what it said.
        assert_eq!(value(">\n  a >=1\n  b\n"), Value::Text("a >=1 b\n".to_owned()));
        assert_eq!(value("|\n  x: >=1\n"), Value::Text("x: >=1\n".to_owned()));
        let place = tree("a:\n  b: >=0.7\n  c: [\n").unwrap_err().at;
        assert!(matches!(place, Place::LineColumn(4 | 3, _)), "{place}");
    }

    #[test]
    fn an_empty_file_is_an_empty_policy() {
        for text in ["", "# nothing\n", "---\n", "~\n"] {
            assert_eq!(tree(text).unwrap().value, Value::Table(Vec::new()), "{text:?}");
        }
    }
}
