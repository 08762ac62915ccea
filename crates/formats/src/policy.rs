//! Policies as TOML files, and the presets, which are such files.

use std::io::Read;
use std::ops::Range;
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;
use wfgy_gate::{
    Criterion, DecisionMode, IntegrityMode, Kind, OnNoData, Op, Policy, PolicyDraft, PolicyError,
};

use crate::{InputError, Place, source};

/// JSON Schema of a policy file, as what its TOML says.
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyTable {
    decision: Option<Spanned<DecisionMode>>,
    min_questions: Option<Spanned<usize>>,
    k: Option<Spanned<usize>>,
    seeds: Option<Spanned<usize>>,
    may_change: Option<Spanned<Vec<String>>>,
    integrity: Option<Spanned<IntegrityMode>>,
    expiry_seconds: Option<Spanned<u64>>,
    #[serde(default)]
    criterion: Vec<Spanned<CriterionTable>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CriterionTable {
    metric: Spanned<String>,
    op: Spanned<Op>,
    bound: Spanned<f64>,
    kind: Option<Spanned<Kind>>,
    on_no_data: Option<Spanned<OnNoData>>,
    review: Option<Spanned<[f64; 2]>>,
    min_wordings: Option<Spanned<usize>>,
    min_seeds: Option<Spanned<usize>>,
}

/// The policy that `--policy` names: a preset, else a file.
///
/// # Errors
/// [`InputError`]; also where a file has the bare name of a preset, since nobody can know which
/// was meant.
pub fn load(name: &str) -> Result<Policy, InputError> {
    let path = Path::new(name);
    match PRESETS.iter().find(|(preset, _)| *preset == name) {
        Some(_) if path.is_file() => Err(InputError::file(
            path,
            format!("is both a preset and a file here: write ./{name} for the file, or rename it"),
        )),
        Some((preset, text)) => parse(text, preset, path),
        None if !path.exists() => {
            let presets = PRESETS.map(|(preset, _)| preset).join(", ");
            Err(InputError::file(path, format!("no such policy file; presets are {presets}")))
        }
        None => read(path),
    }
}

/// The policy in the TOML file at `path`, named after the file.
///
/// # Errors
/// [`InputError`] with line, column and key.
pub fn read(path: impl AsRef<Path>) -> Result<Policy, InputError> {
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
    parse(&text, &name, path)
}

/// The policy that `text` is; `file` stands in errors.
///
/// # Errors
/// [`InputError`] with line, column and key.
pub fn parse(text: &str, name: &str, file: impl AsRef<Path>) -> Result<Policy, InputError> {
    let file = file.as_ref();
    let table: PolicyTable = toml::from_str(text).map_err(|error| {
        let place = error.span().map_or(Place::File, |span| place(text, span));
        InputError::at(file, place, error.message())
    })?;
    let defaults = PolicyDraft::default();
    let criteria = table.criterion.iter().map(|table| criterion(table.get_ref())).collect();
    let draft = PolicyDraft {
        name: name.to_owned(),
        decision: value(&table.decision, defaults.decision),
        min_questions: value(&table.min_questions, defaults.min_questions),
        k: value(&table.k, defaults.k),
        seeds: value(&table.seeds, defaults.seeds),
        may_change: value(&table.may_change, defaults.may_change),
        integrity: value(&table.integrity, defaults.integrity),
        expiry_seconds: value(&table.expiry_seconds, defaults.expiry_seconds),
        criteria,
    };
    draft.check().map_err(|error| refused(&error, &table, text, file))
}

fn value<T: Clone>(given: &Option<Spanned<T>>, default: T) -> T {
    given.as_ref().map_or(default, |given| given.get_ref().clone())
}

fn criterion(table: &CriterionTable) -> Criterion {
    let kind = value(&table.kind, Kind::Hard);
    let on_no_data = match kind {
        Kind::Hard => OnNoData::Fail,
        Kind::Soft | Kind::Advisory => OnNoData::Inconclusive,
    };
    Criterion {
        metric: table.metric.get_ref().clone(),
        op: *table.op.get_ref(),
        bound: *table.bound.get_ref(),
        kind,
        on_no_data: value(&table.on_no_data, on_no_data),
        review: table.review.as_ref().map(|review| *review.get_ref()),
        min_wordings: table.min_wordings.as_ref().map(|least| *least.get_ref()),
        min_seeds: table.min_seeds.as_ref().map(|least| *least.get_ref()),
    }
}

/// A policy that was refused, at the key that it was refused for.
fn refused(error: &PolicyError, table: &PolicyTable, text: &str, file: &Path) -> InputError {
    fn span<T>(value: &Option<Spanned<T>>) -> Option<Range<usize>> {
        value.as_ref().map(Spanned::span)
    }
    let (index, field) = error.place();
    let (span, path) = match index.and_then(|index| Some((index, table.criterion.get(index)?))) {
        Some((index, whole)) => {
            let table = whole.get_ref();
            let span = match field {
                "metric" => Some(table.metric.span()),
                "op" => Some(table.op.span()),
                "bound" => Some(table.bound.span()),
                "on_no_data" => span(&table.on_no_data),
                "review" => span(&table.review),
                "min_wordings" => span(&table.min_wordings),
                "min_seeds" => span(&table.min_seeds),
                _ => None,
            };
            (span.or(Some(whole.span())), format!("criterion[{index}].{field}"))
        }
        None => {
            let span = match field {
                "decision" => span(&table.decision),
                "min_questions" => span(&table.min_questions),
                "k" => span(&table.k),
                "seeds" => span(&table.seeds),
                "may_change" => span(&table.may_change),
                "integrity" => span(&table.integrity),
                "expiry_seconds" => span(&table.expiry_seconds),
                _ => None,
            };
            (span, field.to_owned())
        }
    };
    let place = span.map_or(Place::File, |span| place(text, span));
    InputError::at(file, place, error).field(path)
}

/// Line and column of where `span` begins.
fn place(text: &str, span: Range<usize>) -> Place {
    let before = text.get(..span.start).unwrap_or(text);
    let line = before.matches('\n').count() as u64 + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() as u64 + 1;
    Place::LineColumn(line, column)
}
