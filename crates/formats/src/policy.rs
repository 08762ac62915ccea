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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use wfgy_gate::{Baseline, Setting};

    fn error(text: &str) -> String {
        parse(text, "mine", "mine.toml").unwrap_err().to_string()
    }

    const GOOD: &str = "[[criterion]]\nmetric = \"coverage.mean\"\nop = \">=\"\nbound = 0.7\n";

    #[test]
    fn rule_a_policy_file_says_what_its_keys_say() {
        let text = r#"
            decision = "point"
            min_questions = 30
            k = 5
            seeds = 3
            may_change = ["INDEX_HASH"]
            integrity = "full"
            expiry_seconds = 3600
            [[criterion]]
            metric = "delta_s.question"
            op = "<="
            bound = 0.45
            review = [0.45, 0.60]
            min_wordings = 4
            [[criterion]]
            metric = "coverage.mean"
            op = ">="
            bound = 1
            kind = "soft"
            on_no_data = "fail"
        "#;
        let policy = parse(text, "mine", "mine.toml").unwrap();
        let parts = policy.parts();
        assert_eq!((parts.name.as_str(), parts.k, parts.seeds), ("mine", 5, 3));
        assert_eq!((parts.min_questions, parts.expiry_seconds), (30, 3600));
        assert_eq!(parts.integrity, IntegrityMode::Full);
        assert_eq!(parts.may_change, ["INDEX_HASH"]);
        assert_eq!(parts.criteria[0].review, Some([0.45, 0.60]));
        assert_eq!(parts.criteria[0].on_no_data, OnNoData::Fail);
        assert_eq!(parts.criteria[1].bound, 1.0);
        assert_eq!(
            (parts.criteria[1].kind, parts.criteria[1].on_no_data),
            (Kind::Soft, OnNoData::Fail)
        );
    }

    #[test]
    fn rule_defaults_of_a_policy() {
        let policy = parse(GOOD, "mine", "mine.toml").unwrap();
        let expected = PolicyDraft {
            name: "mine".to_owned(),
            criteria: vec![Criterion::hard("coverage.mean", Op::AtLeast, 0.7)],
            ..PolicyDraft::default()
        };
        assert_eq!(policy.parts(), &expected);
        let soft = parse(&format!("{GOOD}kind = \"soft\"\n"), "s", "s.toml").unwrap();
        assert_eq!(soft.parts().criteria[0].on_no_data, OnNoData::Inconclusive);
    }

    #[test]
    fn a_bad_policy_names_file_line_column_and_key() {
        for (text, expected) in [
            ("k = 10\nmin_question = 20\n", "mine.toml:2:1: unknown field `min_question`"),
            ("k = ten\n", "mine.toml:1:5: "),
            ("k = -1\n", "mine.toml:1:5: "),
            ("k = 1\nk = 2\n", "mine.toml:2:1: duplicate key"),
            ("seeds = 0\n", "mine.toml:1:9: seeds: seeds is 0: expected 1 to"),
            ("decision = \"confident\"\n", "mine.toml:1:12: decision: "),
            ("decision = \"maybe\"\n", "mine.toml:1:12: unknown variant `maybe`"),
            ("integrity = \"none\"\n", "mine.toml:1:13: unknown variant `none`"),
            ("may_change = [\"norm\"]\n", "mine.toml:1:14: may_change: "),
            ("expiry_seconds = 700000\n", "mine.toml:1:18: expiry_seconds: "),
            ("", "mine.toml: criterion: no criterion"),
            ("criterion = 1\n", "mine.toml:1:13: "),
            ("[[criterion]]\nmetric = \"coverage.mean\"\n", "missing field `op`"),
            ("[[criterion]\n", "mine.toml:1:"),
        ] {
            let error = error(text);
            assert!(error.contains(expected) && !error.contains('\n'), "{text:?}: {error}");
        }
        for (line, expected) in [
            ("treshold = 1", "mine.toml:5:1: unknown field `treshold`"),
            ("kind = \"critical\"", "mine.toml:5:8: unknown variant `critical`"),
            ("on_no_data = \"skip\"", "mine.toml:5:14: criterion[0].on_no_data: "),
            ("on_no_data = \"pass\"", "mine.toml:5:14: unknown variant `pass`"),
            ("review = [0.5, 0.6]", "mine.toml:5:10: criterion[0].review: "),
            ("review = [0.7]", "mine.toml:5:10: "),
            ("min_wordings = 0", "mine.toml:5:16: criterion[0].min_wordings: "),
        ] {
            let error = error(&format!("{GOOD}{line}\n"));
            assert!(error.contains(expected) && !error.contains('\n'), "{line}: {error}");
        }
        for (from, to, expected) in [
            (
                "coverage.mean",
                "coverage.maen",
                "mine.toml:2:10: criterion[0].metric: unknown metric",
            ),
            ("\">=\"", "\"=>\"", "mine.toml:3:6: unknown variant `=>`"),
            ("\">=\"", "\"<=\"", "mine.toml:3:6: criterion[0].op: "),
            ("0.7", "nan", "mine.toml:4:9: criterion[0].bound: "),
            ("0.7", "1.5", "mine.toml:4:9: criterion[0].bound: "),
            ("0.7", "\"0.7\"", "mine.toml:4:9: "),
        ] {
            let error = error(&GOOD.replace(from, to));
            assert!(error.contains(expected), "{to}: {error}");
        }
        let twice = error(&format!("{GOOD}{GOOD}"));
        assert!(twice.contains("mine.toml:6:10: criterion[1].metric: "), "{twice}");
    }

    #[test]
    fn a_policy_that_cannot_be_read_is_one_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("p.toml");
        let missing = load(path.to_str().unwrap()).unwrap_err().to_string();
        assert!(missing.contains("no such policy file; presets are cutover, canary"), "{missing}");
        std::fs::write(&path, b"k = 1 # \xff").unwrap();
        let error = read(&path).unwrap_err();
        assert_eq!(error.place, Place::Byte(8));
        std::fs::write(&path, "#".repeat(LONGEST + 1)).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("1 MiB"));
        std::fs::write(&path, GOOD).unwrap();
        assert_eq!(load(path.to_str().unwrap()).unwrap().parts().name, "p");
    }

    /// Every criterion of a preset, as text.
    fn criteria(preset: &str) -> BTreeSet<String> {
        let policy = load(preset).unwrap();
        let mark = |c: &Criterion| match c.kind {
            Kind::Hard => "",
            Kind::Soft => " (soft)",
            Kind::Advisory => " (advisory)",
        };
        policy.parts().criteria.iter().map(|c| format!("{c}{}", mark(c))).collect()
    }

    #[test]
    fn rule_presets_are_those_of_the_documents() {
        let of =
            |list: &[&str]| -> BTreeSet<String> { list.iter().map(|s| s.to_string()).collect() };
        let lambda = [
            "lambda.convergence >= 0.8",
            "lambda.collapse_rate <= 0.02",
            "lambda.split_rate <= 0.1",
        ];
        let cutover = [
            "delta_s.question <= 0.45",
            "coverage.mean >= 0.7",
            "drift.coverage >= -0.02",
            "drift.flip_rate <= 0.02",
            "latency.p95_ratio <= 1.15",
            "error_rate <= 0.005",
            "rollback.drill_age_seconds <= 86400 (advisory)",
            "rollback.drill_seconds <= 120 (advisory)",
        ];
        assert_eq!(criteria("cutover"), of(&[&cutover[..], &lambda].concat()));
        let canary = [
            "drift.delta_s.median <= 0.03",
            "drift.delta_s.p95 <= 0.1",
            "coverage.mean >= 0.7",
            "latency.p95_ratio <= 1.15",
            "error_rate <= 0.005",
            "live.tool_success >= 0.99 (soft)",
            "live.cost_ratio <= 1.1 (soft)",
        ];
        assert_eq!(criteria("canary"), of(&[&canary[..], &lambda].concat()));
        let stop = [
            "drift.delta_s.p95 <= 0.15",
            "coverage.mean >= 0.6",
            "lambda.flip_rate <= 0.2",
            "live.http_5xx <= 0.01",
            "live.tool_loops <= 0",
        ];
        assert_eq!(criteria("stop"), of(&stop));
        let more = ["live.http_429 <= 0.05", "latency.p99_ratio < 2", "live.pin_mismatches <= 0"];
        assert_eq!(criteria("rollback"), of(&[&stop[..], &more].concat()));
        let recovery = [
            "error_rate < 0.005",
            "drift.delta_s.median <= 0.03",
            "drift.delta_s.median >= -0.03",
            "drift.coverage >= -0.02",
            "latency.p95_ratio <= 1.15",
            "live.duplicates <= 0",
        ];
        assert_eq!(criteria("recovery"), of(&recovery));
    }

    #[test]
    fn rule_cutover_wants_three_paraphrases_and_two_seeds() {
        let policy = load("cutover").unwrap();
        for criterion in &policy.parts().criteria {
            let metric = criterion.metric.as_str();
            let wordings = (metric == "delta_s.question").then_some(4);
            assert_eq!(criterion.min_wordings, wordings, "{metric}");
            let seeds = metric.starts_with("lambda.").then_some(2);
            assert_eq!(criterion.min_seeds, seeds, "{metric}");
        }
    }

    #[test]
    fn rule_every_preset_needs_a_baseline_or_no_baseline() {
        for (preset, _) in PRESETS {
            let policy = load(preset).unwrap();
            let setting = |baseline| Setting {
                baseline,
                scorer: "m".to_owned(),
                scorer_schema: "s".to_owned(),
                live: BTreeSet::new(),
            };
            let error = policy.effective(&setting(Baseline::Unsaid)).unwrap_err();
            assert!(error.to_string().contains(preset), "{error}");
            let without = policy.effective(&setting(Baseline::Declined)).unwrap();
            assert!(without.skips_hard() && !without.criteria.is_empty(), "{preset}");
        }
    }
}
