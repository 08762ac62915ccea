//! `gold check`: what is wrong with a gold set against an index.

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use wfgy_engine::{Progress, Settings, check_gold};
use wfgy_formats::gold;

use super::args::CheckFormat;
use super::run::engine_failure;
use crate::embedder;
use crate::exit::Failure;
use crate::options::{EmbedderSource, StoreOption};
use crate::plain::plain;
use crate::{say, target, terminal};

/// Checks and prints; exit 1 where more than warnings were found.
///
/// # Errors
/// Where a part could not be opened, or more than warnings were found.
pub(crate) fn run(
    gold_path: &Path,
    index: &Path,
    source: &EmbedderSource,
    store: &StoreOption,
    format: CheckFormat,
) -> Result<(), Failure> {
    let gold = gold::read(gold_path).map_err(Failure::input)?;
    let opened = target::open(index, &store.open())?;
    let embedder = embedder::of_index(&opened.index, source)?;
    let parts = embedder.parts(&gold, &opened.index);
    let stages = terminal::Stages::default();
    let progress = |p: Progress| stages.show(p.stage, p.done, p.total);
    let mut settings = Settings::new(10, 1);
    settings.call_timeout = Some(Duration::from_secs(source.embed_timeout));
    let found = check_gold(parts, &settings, &progress);
    stages.clear();
    let problems = found.map_err(|error| engine_failure(error, gold_path))?;
    let faults = problems.iter().filter(|problem| !problem.kind.is_warning()).count();
    match format {
        CheckFormat::Json => {
            let rows: Vec<_> = problems
                .iter()
                .map(|problem| {
                    json!({
                        "question": problem.question,
                        "field": problem.field,
                        "kind": problem.kind.name(),
                        "severity": if problem.kind.is_warning() { "warning" } else { "problem" },
                        "message": problem.kind.to_string(),
                    })
                })
                .collect();
            let text = serde_json::to_string_pretty(&rows).map_err(Failure::unable)?;
            say::out(&(text + "\n"))?;
        }
        CheckFormat::Text => {
            let mut text = String::new();
            for problem in &problems {
                let warning = if problem.kind.is_warning() { "warning: " } else { "" };
                let line = format!("{}: {warning}{problem}", gold_path.display());
                text.push_str(&format!("{}\n", plain(line)));
            }
            let questions = gold.items.len();
            text.push_str(&match (faults, problems.len() - faults) {
                (0, 0) => format!("{questions} questions, no problem found\n"),
                (faults, warnings) => {
                    format!("{questions} questions, {faults} problems, {warnings} warnings\n")
                }
            });
            say::out(&text)?;
        }
    }
    if faults == 0 { Ok(()) } else { Err(Failure::silent(1)) }
}
