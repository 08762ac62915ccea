//! Policies as files, TOML or YAML, and the presets, which are such files.
//!
//! A file is read into one tree with the place of every key (`node`); what the tree says is read
//! in this program's own form (`own`) or in one of the documents' (`documents`).

mod documents;
mod node;
mod own;
mod rewrite;
mod sketch;
mod toml;
mod words;
mod yaml;

use std::fmt;
use std::io::Read;
use std::path::Path;

use wfgy_gate::Policy;

use self::node::{Problem, Value};
pub use self::rewrite::with_upper_bound;
use crate::{InputError, Place, source};

/// JSON Schema of a policy file in this program's own form, as what its TOML or YAML says.
pub const SCHEMA: &str = include_str!("../schemas/policy.schema.json");

/// Longest policy file in bytes.
const LONGEST: usize = 1 << 20;

/// The presets: name and the file that it stands for.
pub const PRESETS: [(&str, &str); 5] = [
    ("cutover", include_str!("../presets/cutover.toml")),
    ("canary", include_str!("../presets/canary.toml")),
    ("stop", include_str!("../presets/stop.toml")),
    ("rollback", include_str!("../presets/rollback.toml")),
    ("recovery", include_str!("../presets/recovery.toml")),
];

/// A policy, and what its file says that asks nothing of an index.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// What is asked.
    pub policy: Policy,
    /// The rest, in the order of the file; empty in this program's own form, where every key has
    /// a meaning or is an error.
    pub remarks: Vec<Remark>,
}

/// A word of a documents' form that became no criterion and no setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// Where it stands.
    pub at: Place,
    /// Its path of keys.
    pub word: String,
    /// What becomes of it.
    pub kind: RemarkKind,
    /// Why.
    pub why: String,
}

/// What becomes of a word that asks nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemarkKind {
    /// It always holds here, whatever the file says.
    Always,
    /// It is known, and has no meaning here.
    NoMeaning,
    /// Nobody here knows it: it may be a typing error.
    Unknown,
}

/// The form of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// TOML.
    Toml,
    /// YAML, of which JSON is a part.
    Yaml,
}

impl Form {
    /// By its name: `.yml`, `.yaml` and `.json` are YAML, everything else is TOML.
    pub fn of(path: &Path) -> Self {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("yml" | "yaml" | "json") => Self::Yaml,
            _ => Self::Toml,
        }
    }
}

/// The policy that `--policy` names: a preset, else a file.
///
/// # Errors
/// [`InputError`]; also where a file has the bare name of a preset, since nobody can know which
/// was meant.
pub fn load(name: &str) -> Result<Loaded, InputError> {
    let path = Path::new(name);
    match PRESETS.iter().find(|(preset, _)| *preset == name) {
        Some(_) if path.is_file() => Err(InputError::file(
            path,
            format!("is both a preset and a file here: write ./{name} for the file, or rename it"),
        )),
        Some((preset, text)) => parse(text, Form::Toml, preset, path),
        None if !path.exists() => {
            let presets = PRESETS.map(|(preset, _)| preset).join(", ");
            Err(InputError::file(path, format!("no such policy file; presets are {presets}")))
        }
        None => read(path),
    }
}

/// The policy in the file at `path`, named after the file.
///
/// # Errors
/// [`InputError`] with line, column and key.
pub fn read(path: impl AsRef<Path>) -> Result<Loaded, InputError> {
    let path = path.as_ref();
    let mut bytes = Vec::new();
    source::open(path)?
        .take(LONGEST as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| source::read_error(path, &error))?;
    if bytes.len() > LONGEST {
        return Err(InputError::file(path, "longer than 1 MiB: this is no policy"));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let place = Place::Byte(error.utf8_error().valid_up_to() as u64);
        InputError::at(path, place, "invalid UTF-8: convert the file to UTF-8")
    })?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    parse(&text, Form::of(path), &name, path)
}

/// The policy that `text` is; `file` stands in errors.
///
/// # Errors
/// [`InputError`] with line, column and key.
pub fn parse(
    text: &str,
    form: Form,
    name: &str,
    file: impl AsRef<Path>,
) -> Result<Loaded, InputError> {
    understood(text, form, name).map(|(policy, remarks)| Loaded { policy, remarks }).map_err(
        |Problem { at, field, problem }| {
            let error = InputError::at(file.as_ref(), at, problem);
            if field.is_empty() { error } else { error.field(field) }
        },
    )
}

fn understood(text: &str, form: Form, name: &str) -> Result<(Policy, Vec<Remark>), Problem> {
    let tree = match form {
        Form::Toml => toml::tree(text)?,
        Form::Yaml => yaml::tree(text)?,
    };
    let Value::Table(entries) = &tree.value else {
        return Err(tree.wrong("", "the keys of a policy"));
    };
    let is_documents = entries.iter().any(|entry| documents::ROOTS.contains(&entry.key.as_str()));
    match is_documents {
        true => documents::read(name, entries)?.check(),
        false => own::read(name, entries)?.check(),
    }
}

impl fmt::Display for Remark {
    /// One line, without the file: `:line:column: word: what becomes of it: why`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let becomes = match self.kind {
            RemarkKind::Always => "always holds here",
            RemarkKind::NoMeaning => "has no meaning here",
            RemarkKind::Unknown => "is not known here and asks nothing",
        };
        write!(f, "{}: {}: {becomes}: {}", self.at, self.word, self.why)
    }
}
