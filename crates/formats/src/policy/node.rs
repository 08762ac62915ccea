//! What a policy file says, before anybody asks what it means: one tree for TOML and YAML, every
//! key and value with its place.

use crate::Place;

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) at: Place,
    pub(super) value: Value,
}

/// What stands there.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Text(String),
    /// A decimal number as it is written: `0.70` says more than 0.7 where a range counts in its
    /// last digit.
    Number(String),
    Boolean(bool),
    List(Vec<Node>),
    Table(Vec<Entry>),
    /// A key without a value.
    Nothing,
    /// A YAML word that its versions read differently: `off` is a text in 1.2 and false in 1.1.
    Doubtful(String),
    /// Something that no policy has, such as a date: what it is.
    Other(&'static str),
}

/// A key of a table, and its value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) at: Place,
    pub(super) key: String,
    pub(super) node: Node,
}

/// What is wrong, and where; the file's name is added by whoever knows it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Problem {
    pub(super) at: Place,
    /// Path of keys; empty where there is none.
    pub(super) field: String,
    pub(super) problem: String,
}

impl Problem {
    pub(super) fn new(at: Place, field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { at, field: field.into(), problem: problem.into() }
    }
}

impl Node {
    /// What stands there, for messages.
    pub(super) fn shown(&self) -> String {
        match &self.value {
            Value::Text(text) => format!("the text {text:?}"),
            Value::Number(text) => format!("the number {text}"),
            Value::Boolean(value) => format!("{value}"),
            Value::List(_) => "a list".to_owned(),
            Value::Table(_) => "a table".to_owned(),
            Value::Nothing => "nothing".to_owned(),
            Value::Doubtful(text) => format!("`{text}`, which YAML versions read differently"),
            Value::Other(what) => (*what).to_owned(),
        }
    }

    /// The problem that something else is `expected` here.
    pub(super) fn wrong(&self, field: &str, expected: &str) -> Problem {
        let hint = match &self.value {
            Value::Doubtful(_) => ": put it in quotes, or write a decimal number, true or false",
            _ => "",
        };
        Problem::new(self.at, field, format!("is {}, expected {expected}{hint}", self.shown()))
    }

    pub(super) fn text(&self, field: &str) -> Result<&str, Problem> {
        match &self.value {
            Value::Text(text) => Ok(text),
            _ => Err(self.wrong(field, "a text")),
        }
    }

    /// A finite or infinite number, or NaN: what a bound may be is not judged here.
    pub(super) fn number(&self, field: &str) -> Result<f64, Problem> {
        match &self.value {
            Value::Number(text) => text.parse().map_err(|_| self.wrong(field, "a number")),
            _ => Err(self.wrong(field, "a number")),
        }
    }

    pub(super) fn count(&self, field: &str) -> Result<u64, Problem> {
        match &self.value {
            Value::Number(text) => text.parse().map_err(|_| self.wrong(field, "a whole number")),
            _ => Err(self.wrong(field, "a whole number")),
        }
    }

    pub(super) fn list(&self, field: &str) -> Result<&[Node], Problem> {
        match &self.value {
            Value::List(nodes) => Ok(nodes),
            _ => Err(self.wrong(field, "a list")),
        }
    }

    pub(super) fn table(&self, field: &str) -> Result<&[Entry], Problem> {
        match &self.value {
            Value::Table(entries) => Ok(entries),
            _ => Err(self.wrong(field, "a table")),
        }
    }

    /// One of the words of a vocabulary.
    pub(super) fn word<T: Copy>(&self, field: &str, words: &[(&str, T)]) -> Result<T, Problem> {
        let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let expected = names.join(", ");
        match &self.value {
            Value::Text(text) => match words.iter().find(|(word, _)| word == text) {
                Some((_, value)) => Ok(*value),
                None => {
                    let problem = format!("unknown word `{text}`: expected one of {expected}");
                    Err(Problem::new(self.at, field, problem))
                }
            },
            _ => Err(self.wrong(field, &format!("one of {expected}"))),
        }
    }
}
