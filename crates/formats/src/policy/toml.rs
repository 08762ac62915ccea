//! TOML into the tree.

use std::ops::Range;

use ::toml::Spanned;
use ::toml::de::{DeString, DeTable, DeValue};

use super::node::{Entry, Node, Problem, Value};
use crate::Place;

/// The tree of a TOML document.
pub(super) fn tree(text: &str) -> Result<Node, Problem> {
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(Place::File, |span| place(text, &span));
        Problem::new(at, "", error.message())
    })?;
    Ok(Node { at: Place::File, value: of_table(text, table.get_ref()) })
}

fn of_table(text: &str, table: &DeTable<'_>) -> Value {
    let entry = |(key, node): (&Spanned<DeString<'_>>, &Spanned<DeValue<'_>>)| Entry {
        at: place(text, &key.span()),
        key: key.get_ref().to_string(),
        node: Node { at: place(text, &node.span()), value: of_value(text, node.get_ref()) },
    };
    let mut entries: Vec<Entry> = table.iter().map(entry).collect();
    // The parser sorts by name; the first mistake of a file is the first that a reader meets.
    entries.sort_by_key(|entry| match entry.at {
        Place::LineColumn(line, column) => (line, column),
        _ => (0, 0),
    });
    Value::Table(entries)
}

fn of_value(text: &str, value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(string) => Value::Text(string.to_string()),
        DeValue::Integer(integer) if integer.radix() == 10 => {
            Value::Number(integer.as_str().to_owned())
        }
        DeValue::Integer(_) => Value::Other("a number that is not decimal"),
        DeValue::Float(float) => Value::Number(float.as_str().to_owned()),
        DeValue::Boolean(boolean) => Value::Boolean(*boolean),
        DeValue::Datetime(_) => Value::Other("a date"),
        DeValue::Array(array) => {
            let node = |node: &Spanned<DeValue<'_>>| Node {
                at: place(text, &node.span()),
                value: of_value(text, node.get_ref()),
            };
            Value::List(array.iter().map(node).collect())
        }
        DeValue::Table(table) => of_table(text, table),
    }
}

/// Line and column of where `span` begins.
fn place(text: &str, span: &Range<usize>) -> Place {
    let before = text.get(..span.start).unwrap_or(text);
    let line = before.matches('\n').count() as u64 + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() as u64 + 1;
    Place::LineColumn(line, column)
}
