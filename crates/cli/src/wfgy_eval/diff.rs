//! `diff`: the questions that two evaluations answer in different ways.

use std::cmp::Ordering;
use std::path::Path;

use serde_json::{Value, json};
use wfgy_engine::{ChangedQuestion, ChangedSide, changed_questions};
use wfgy_kernel::round9;

use super::args::CheckFormat;
use super::judged::Arm;
use super::run::engine_failure;
use super::stored::Stored;
use super::table::shortened;
use crate::exit::Failure;
use crate::plain::plain;
use crate::say;

/// Hits shown of each side in text; JSON has all of the top k.
const SHOWN_HITS: usize = 5;

/// Compares and prints; in text the first `limit` questions, 0 for all, of those of which
/// something that is shown changed.
///
/// # Errors
/// Where an evaluation cannot be read, or they are not of one gold set.
pub(crate) fn run(
    before: &Path,
    after: &Path,
    k: Option<usize>,
    limit: usize,
    format: CheckFormat,
) -> Result<(), Failure> {
    let arms = [arm(before)?, arm(after)?];
    let [old, new] = &arms;
    let k = k.unwrap_or(new.context.k);
    let changed = changed_questions(old.records(), new.records(), k)
        .map_err(|error| engine_failure(error, after))?;
    match format {
        CheckFormat::Json => {
            let rows: Vec<Value> = changed.iter().map(row).collect();
            say::out(&(serde_json::to_string_pretty(&rows).map_err(Failure::unable)? + "\n"))
        }
        CheckFormat::Text => {
            let mut text = format!(
                "{} → {}: {} of {} questions changed (k = {k})\n{}",
                plain(&old.context.index),
                plain(&new.context.index),
                changed.len(),
                new.context.questions.len(),
                totals(&changed)
            );
            let seen: Vec<&ChangedQuestion> = changed.iter().filter(|q| is_seen(q)).collect();
            let shown = if limit == 0 { seen.len() } else { limit.min(seen.len()) };
            seen[..shown].iter().for_each(|question| text.push_str(&lines(question)));
            let (more, below) = (seen.len() - shown, changed.len() - seen.len());
            if more > 0 {
                text.push_str(&format!("\n{more} more: --limit 0 shows them\n"));
            }
            if below > 0 {
                text.push_str(&format!(
                    "\n{below} of which only hits below the first {SHOWN_HITS} changed: --format \
                     json has them\n"
                ));
            }
            say::out(&text)
        }
    }
}

/// What changed, in numbers: none where nothing did.
fn totals(changed: &[ChangedQuestion]) -> String {
    if changed.is_empty() {
        return String::new();
    }
    let count = |is: &dyn Fn(&ChangedQuestion) -> bool| changed.iter().filter(|q| is(q)).count();
    let coverage = |question: &ChangedQuestion| {
        let [old, new] = question.sides.each_ref().map(|side| side.coverage.map(round9));
        new.partial_cmp(&old).unwrap_or(Ordering::Equal)
    };
    let states = |question: &ChangedQuestion| question.sides[0].states != question.sides[1].states;
    format!(
        "coverage: {} better, {} worse, {} the same; λ changed in {}; only hits or ΔS in {}\n",
        count(&|q| coverage(q) == Ordering::Greater),
        count(&|q| coverage(q) == Ordering::Less),
        count(&|q| coverage(q) == Ordering::Equal),
        count(&states),
        count(&|q| coverage(q) == Ordering::Equal && !states(q)),
    )
}

/// Whether anything changed that a text shows.
fn is_seen(question: &ChangedQuestion) -> bool {
    let [old, new] = &question.sides;
    let numbers = |side: &ChangedSide| [side.coverage, side.delta_s].map(|v| v.map(round9));
    let hits = |side: &ChangedSide| side.hits.iter().take(SHOWN_HITS).cloned().collect::<Vec<_>>();
    numbers(old) != numbers(new) || old.states != new.states || hits(old) != hits(new)
}

/// The arm that a folder of `--out`, or the runs in one, are of.
fn arm(named: &Path) -> Result<Arm, Failure> {
    let stored = Stored::open(named)?;
    if stored.names_baseline {
        let lacking = || Failure::input(format!("{}: its report knows none", named.display()));
        return stored.baseline()?.map(|beside| beside.arm).ok_or_else(lacking);
    }
    stored.candidate()
}

fn row(question: &ChangedQuestion) -> Value {
    let side = |side: &ChangedSide| {
        let states: Vec<&str> = side.states.iter().map(|state| state.symbol()).collect();
        json!({
            "coverage": side.coverage,
            "delta_s": side.delta_s,
            "lambda": states,
            "hits": side.hits,
        })
    };
    json!({
        "question": question.id,
        "text": question.text,
        "wording": question.run.map(|(wording, _)| wording),
        "seed": question.run.map(|(_, seed)| seed),
        "before": side(&question.sides[0]),
        "after": side(&question.sides[1]),
    })
}

fn lines(question: &ChangedQuestion) -> String {
    let [old, new] = &question.sides;
    let number = |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.3}"));
    // In brackets: an arrow is a state, too.
    let states = |side: &ChangedSide| {
        let states: Vec<&str> = side.states.iter().map(|state| state.symbol()).collect();
        format!("[{}]", states.join(" "))
    };
    let pair = |name: &str, old: String, new: String| match old == new {
        true => format!("  {name} {old}"),
        false => format!("  {name} {old} → {new}"),
    };
    let mut text = format!("\n{}", plain(&question.id));
    if let Some(asked) = &question.text {
        text.push_str(&format!("  {}", shortened(asked, 100)));
    }
    text.push('\n');
    text.push_str(&pair("coverage", number(old.coverage), number(new.coverage)));
    text.push_str(&pair("ΔS", number(old.delta_s), number(new.delta_s)));
    text.push_str(&pair("λ", states(old), states(new)));
    text.push('\n');
    if let Some((wording, seed)) = question.run {
        for (name, side) in [("before", old), ("after", new)] {
            let hits: Vec<&str> = side.hits.iter().take(SHOWN_HITS).map(String::as_str).collect();
            let hits = if hits.is_empty() { "nothing".to_owned() } else { plain(hits.join("  ")) };
            text.push_str(&format!("    {name:<7}{hits}\n"));
        }
        text.push_str(&format!("    (wording {wording}, seed {seed})\n"));
    }
    text
}
