//! What may be wrong: of a whole evaluation, and `explain` of one question.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

use wfgy_core::evaluation::{Context, RunRecord};
use wfgy_core::{Deadline, GoldSet, Store};
use wfgy_engine::diagnosis::{Cause, causes, observe};
use wfgy_engine::labels::Labeller;
use wfgy_engine::passages::passages;
use wfgy_engine::{Parts, Settings, evaluate};
use wfgy_formats::gold;
use wfgy_formats::report::Diagnosis;

use super::run::{engine_failure, watched};
use super::table::shortened;
use crate::embedder;
use crate::exit::Failure;
use crate::options::{EmbedderSource, StoreOption};
use crate::plain::plain;
use crate::{say, target};

/// Causes that people are shown.
pub(super) const SHOWN_CAUSES: usize = 3;

/// What stands in their place where nothing looks wrong.
pub(super) const NO_CAUSE: &str =
    "none speaks up; `wfgy_eval explain QUESTION` shows a question whole";
/// Characters of a hit's text that are shown.
const SHOWN_TEXT: usize = 160;

/// Which question of which gold set on which index.
#[derive(Debug, clap::Args)]
pub(crate) struct ExplainArgs {
    /// Id of the question
    pub question: String,
    /// Gold set
    #[arg(long, value_name = "PATH")]
    pub gold: PathBuf,
    /// Index directory or alias
    #[arg(long, value_name = "DIR|ALIAS")]
    pub index: PathBuf,
    /// Hits that count
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub k: usize,
    /// Seeds
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seeds: usize,
    #[command(flatten)]
    pub source: EmbedderSource,
}

/// What may be wrong with an evaluated index, the likeliest first.
///
/// A diagnosis explains a verdict and is no part of it: what cannot be observed is said, and the
/// verdict stands.
pub(super) fn diagnosed(
    parts: &Parts<'_>,
    settings: &Settings,
    context: &Context,
    runs: &[RunRecord],
    baseline: Option<&dyn Store>,
) -> Option<Vec<Diagnosis>> {
    let diagnosis = |cause: Cause| Diagnosis {
        cause: cause.kind.to_string(),
        evidence: cause.evidence,
        advice: cause.kind.advice().to_owned(),
    };
    match observe(parts, settings, context, runs, baseline) {
        Ok(seen) => Some(causes(&seen).into_iter().map(diagnosis).collect()),
        Err(_) if settings.redact => {
            say::note("wfgy_eval: no diagnosis: a part failed; its message is redacted");
            None
        }
        Err(error) => {
            say::note(&format!("wfgy_eval: no diagnosis: {error}"));
            None
        }
    }
}

/// Shows one question.
///
/// # Errors
/// Where a part could not be opened, or the gold set has no such question.
pub(crate) fn run(args: &ExplainArgs, store: &StoreOption) -> Result<(), Failure> {
    let whole = gold::read(&args.gold).map_err(Failure::input)?;
    let chosen = whole.items.iter().find(|question| question.id == args.question).cloned();
    let Some(question) = chosen else {
        return Err(Failure::input(format!(
            "{}: has no question `{}`; its first is `{}`",
            args.gold.display(),
            args.question,
            whole.items.first().map_or("", |question| question.id.as_str())
        )));
    };
    let one = GoldSet { items: vec![question], ..whole };
    let opened = target::open(&args.index, &store.open())?;
    let embedder = embedder::of_index(&opened.index, &args.source)?;
    let parts = embedder.parts(&one, &opened.index);
    let mut settings = Settings::new(args.k, args.seeds);
    settings.call_timeout = Some(Duration::from_secs(args.source.embed_timeout));
    let evaluation =
        watched(&settings, &args.gold, |settings, progress| evaluate(parts, settings, progress))?;
    let failed = |error| engine_failure(error, &args.gold);
    let labels = Labeller::new(parts.store, parts.tokenizer, &settings, one.unit())
        .labels(&one.items, &|_| ())
        .map_err(failed)?;
    let targets: BTreeSet<u32> = labels.iter().flat_map(|l| l.positions.iter().copied()).collect();
    let mut text = String::new();
    for (record, question) in evaluation.context.questions.iter().zip(&one.items) {
        let _ = writeln!(text, "{}  {}", plain(&record.id), plain(&question.question));
        for expected in &record.expected {
            let _ = writeln!(text, "  expected  {}", plain(expected));
        }
        for problem in &record.label_problems {
            let _ = writeln!(text, "  label     {}", plain(problem));
        }
    }
    for run in &evaluation.runs {
        shown(run, parts.store, &settings, &targets, &mut text)?;
    }
    let found = diagnosed(&parts, &settings, &evaluation.context, &evaluation.runs, None);
    text.push_str(match found.as_deref() {
        // Said on standard error.
        None => "",
        Some([]) => "\nno cause speaks up\n",
        Some(_) => "\nLikely causes\n",
    });
    for one in found.iter().flatten() {
        let _ = writeln!(text, "  {}  {}\n    {}", one.cause, plain(&one.evidence), one.advice);
    }
    say::out(&text)
}

/// One run: what was asked, where the targets are, and the hits that count.
fn shown(
    run: &RunRecord,
    store: &dyn Store,
    settings: &Settings,
    targets: &BTreeSet<u32>,
    text: &mut String,
) -> Result<(), Failure> {
    let number = |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.3}"));
    let coverage = run.coverage.get(&settings.k).map(|coverage| coverage.coverage);
    let asked = plain(run.text.as_deref().unwrap_or_default());
    let _ = writeln!(text, "\nwording {}, seed {}  {asked}", run.wording, run.seed);
    let _ = writeln!(text, "  coverage {} in the top {}", number(coverage), settings.k);
    if let Some(error) = &run.error {
        let _ = writeln!(text, "  failed: {}", plain(error));
    }
    let rank = run.exact.iter().position(|position| targets.contains(position));
    let _ = match rank {
        Some(rank) => {
            writeln!(text, "  first target snippet: rank {} by an exact search", rank + 1)
        }
        None if targets.is_empty() => {
            writeln!(text, "  no snippet of this index overlaps a target")
        }
        None => {
            let n = run.exact.len();
            writeln!(text, "  no target snippet among the first {n} of an exact search")
        }
    };
    let hits = &run.hits[..run.hits.len().min(settings.k)];
    let positions: Vec<u32> = hits.iter().map(|hit| hit.position).collect();
    let found = passages(store, settings, &positions).map_err(|error| Failure::port(&error))?;
    for (n, (hit, passage)) in hits.iter().zip(found).enumerate() {
        let mark = if targets.contains(&hit.position) { "→" } else { " " };
        let _ = writeln!(
            text,
            "  {mark}{:>3}  ΔS {:.3}  to the anchor {}  {}\n        {}",
            n + 1,
            hit.delta_s_question,
            number(hit.delta_s_anchor),
            plain(&hit.snippet_id),
            shortened(&passage.text, SHOWN_TEXT)
        );
    }
    store.unchanged(Deadline::NONE).map_err(|error| Failure::port(&error))
}
