//! `calibrate`: the bound on ΔS that this embedder deserves on this index.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;
use wfgy_core::Number;
use wfgy_engine::{Calibrated, Known, Settings, evaluate, summary};
use wfgy_formats::policy::{Form, parse, with_upper_bound};
use wfgy_formats::{InputError, durable, gold};

use super::args::CheckFormat;
use super::figures::inline;
use super::plot;
use super::run::{engine_failure, watched};
use crate::embedder;
use crate::exit::Failure;
use crate::options::{EmbedderSource, StoreOption};
use crate::plain::plain;
use crate::{place, say, target};

/// The metric that is bounded.
const METRIC: &str = "delta_s.question";
/// The exit code of what too few questions were asked for.
const INCONCLUSIVE: u8 = 3;
/// Mode of a policy file, which holds no text of anybody.
const READABLE: u32 = 0o644;
/// Hits that are asked for: the nulls do not depend on it.
const K: usize = 10;

/// Which gold set and index, and where the bound goes.
#[derive(Debug, clap::Args)]
pub(crate) struct CalibrateArgs {
    /// Gold set
    #[arg(long, value_name = "PATH")]
    pub gold: PathBuf,
    /// Index directory or alias
    #[arg(long, value_name = "DIR|ALIAS")]
    pub index: PathBuf,
    #[command(flatten)]
    pub source: EmbedderSource,
    /// Write the bound into this TOML policy: a new file, or the bound on delta_s.question of an old one, whose other text stays
    #[arg(long, value_name = "FILE.toml")]
    pub write: Option<PathBuf>,
    /// Form of the output
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub format: CheckFormat,
}

/// Measures, prints, and writes the policy.
///
/// # Errors
/// Where a part could not be opened, nothing separates right from wrong, too much failed or too
/// few questions were answered, or the policy cannot be changed.
pub(crate) fn run(args: &CalibrateArgs, store: &StoreOption) -> Result<(), Failure> {
    let store = store.open();
    if let Some(file) = &args.write {
        place::file("--write", file, Some(store.path()))?;
    }
    let old = args.write.as_deref().map(policy_text).transpose()?;
    let gold = gold::read(&args.gold).map_err(Failure::input)?;
    let opened = target::open(&args.index, &store)?;
    let embedder = embedder::of_index(&opened.index, &args.source)?;
    let parts = embedder.parts(&gold, &opened.index);
    let mut settings = Settings::new(K, 1);
    settings.call_timeout = Some(Duration::from_secs(args.source.embed_timeout));
    let evaluation =
        watched(&settings, &args.gold, |settings, progress| evaluate(parts, settings, progress))?;
    let failed = |error| engine_failure(error, &args.gold);
    let evidence = summary(&evaluation.context, &evaluation.runs, K).map_err(failed)?;
    let counts = &evidence.counts;
    counts.check().map_err(|why| Failure { code: why.exit_code(), message: why.to_string() })?;
    let found = Calibrated::of(&evaluation, &evidence).map_err(failed)?;
    let integrity = &evaluation.context.integrity;
    if let Some(kind) = &integrity.kind {
        return Err(Failure::input(format!(
            "{}: {} of {} stored vectors are not those of their text ({kind}); mend the index first",
            args.index.display(),
            integrity.mismatches,
            integrity.checked
        )));
    }
    say::out(&match args.format {
        CheckFormat::Json => as_json(&found, &evidence)?,
        CheckFormat::Text => as_text(&found, &evidence.scorer),
    })?;
    if let (Some(path), Some(old)) = (&args.write, old) {
        if found.bound <= 0.0 {
            return Err(Failure::input(
                "no bound above 0 lies below both nulls: ΔS separates nothing here, and no policy \
                 is written",
            ));
        }
        let new = with_upper_bound(&old, METRIC, found.bound, path).map_err(Failure::input)?;
        let asked = parse(&new, Form::Toml, "", path).map_err(Failure::input)?.policy;
        let (usable, least) = (counts.usable, asked.parts().min_questions.max(1));
        if usable < least {
            let message = format!(
                "{} is not written: {usable} usable questions, at least {least} are needed: add \
                 questions with targets to the gold set",
                path.display()
            );
            return Err(Failure { code: INCONCLUSIVE, message });
        }
        durable::replace(path, READABLE, |out| out.write_all(new.as_bytes()))
            .map_err(Failure::unable)?;
        say::note(&format!("wfgy_eval: wrote {METRIC} <= {} to {}", found.bound, path.display()));
    }
    Ok(())
}

/// The policy that will be changed; empty where there is none yet.
fn policy_text(path: &Path) -> Result<String, Failure> {
    if Form::of(path) != Form::Toml {
        return Err(Failure::input(format!(
            "--write {}: only TOML policies are changed; write the bound there by hand",
            path.display()
        )));
    }
    match fs::read_to_string(path) {
        Ok(text) => {
            // What cannot be changed is said before anything is measured.
            with_upper_bound(&text, METRIC, 0.5, path).map_err(Failure::input)?;
            Ok(text)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(Failure::input(InputError::file(path, error.to_string()))),
    }
}

/// The three kinds of text, best first.
fn kinds(found: &Calibrated) -> [(&'static str, &'static str, &Known); 3] {
    [
        ("target", "target snippet, nearest", &found.targets),
        ("hard", "wrong snippet, nearest", &found.hard),
        ("random", "unrelated snippets", &found.random),
    ]
}

fn as_json(found: &Calibrated, evidence: &wfgy_gate::Evidence) -> Result<String, Failure> {
    let passing: serde_json::Map<_, _> = kinds(found)
        .map(|(name, _, known)| {
            (name.to_owned(), json!({"n": known.values.len(), "share": known.passing}))
        })
        .into_iter()
        .collect();
    let value = json!({
        "metric": METRIC,
        "bound": found.bound,
        "random_p01": found.random_p01,
        "hard_median": found.hard_median,
        "passing": passing,
        "auc": found.auc,
        "auc_hard": found.auc_hard,
        "scorer": evidence.scorer,
        "scorer_schema": evidence.scorer_schema,
        "gold_digest": evidence.gold_digest,
        "index_hash": evidence.pins.get("INDEX_HASH"),
    });
    Ok(serde_json::to_string_pretty(&value).map_err(Failure::unable)? + "\n")
}

fn as_text(found: &Calibrated, scorer: &str) -> String {
    let scorer = plain(scorer);
    let mut text = format!(
        "{METRIC} <= {}  under {scorer}\n\n  the lower of: random null p01 {}, hard null median \
         {}\n\n",
        found.bound,
        inline(&found.random_p01),
        inline(&found.hard_median)
    );
    let kinds = kinds(found);
    let number = |number: Option<Number>| number.as_ref().map_or("–".to_owned(), inline);
    text.push_str(&format!("  {:<26}{:>8}  passing\n", "ΔS to the", "n"));
    for (_, name, known) in kinds {
        let share = number(known.passing);
        text.push_str(&format!("  {name:<26}{:>8}  {share}\n", known.values.len()));
    }
    text.push_str(&format!(
        "\n  AUC {} against unrelated text, {} against the nearest wrong snippet\n\n",
        number(found.auc),
        number(found.auc_hard)
    ));
    let rows = kinds.map(|(_, name, known)| (name, known.values.as_slice()));
    for line in plot::distributions(&rows, found.bound) {
        text.push_str(&format!("  {line}\n"));
    }
    text
}
