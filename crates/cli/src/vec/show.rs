//! What `vec` prints.

use std::path::Path;

use anstyle::{AnsiColor, Style};
use serde::Serialize;
use serde_json::{Value, json};
use wfgy_core::{Digest, PointerState};
use wfgy_gate::{Approves, Verdict, VerdictFile};
use wfgy_pointer::{Action, Closing, FlipError, HistoryEntry, Moved, Status, quarantined_since};

use crate::exit::Failure;
use crate::plain::plain;
use crate::say;

/// One more line of a text that is printed in one write.
macro_rules! line {
    ($text:ident, $($parts:tt)*) => {{
        $text.push_str(&format!($($parts)*));
        $text.push('\n');
    }};
}

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GREEN: Style = AnsiColor::Green.on_default().bold();
const RED: Style = AnsiColor::Red.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default().bold();

/// What a command did to an alias.
pub(crate) fn moved(moved: &Moved, json: bool) -> Result<(), Failure> {
    // By now the pointer has moved, and whoever cannot be told the rest has to know that.
    let written = |text: String| {
        say::out(&text).map_err(|failure| match moved.action {
            None => failure,
            Some(Action::Policy) => told(failure, "what may approve was changed"),
            Some(_) => told(failure, "the pointer moved"),
        })
    };
    let state = &moved.state;
    if json {
        return written(as_json(&json!({
            "action": moved.action,
            "before": moved.before,
            "state": state,
            "seq": moved.seq,
            "strength": moved.strength,
            "warnings": moved.warnings,
        }))?);
    }
    for warning in &moved.warnings {
        say::warning("vec", warning);
    }
    let mut text = String::new();
    let (alias, target) = (plain(&state.alias), plain(&state.target));
    let from = moved.before.as_ref();
    let from = from.map_or(String::new(), |before| format!("{} ", plain(&before.target)));
    match moved.action {
        None => line!(text, "{BOLD}{alias}{BOLD:#} already points to {target}"),
        Some(Action::Policy) => {
            line!(text, "{BOLD}{alias}{BOLD:#} listens to other verdicts from now on");
        }
        Some(action) => line!(
            text,
            "{GREEN}{}{GREEN:#}: {BOLD}{alias}{BOLD:#} {from}→ {target}",
            match action {
                Action::Create => "created",
                Action::Forward => "moved forward",
                Action::Rollback => "rolled back",
                Action::Policy => "changed",
            }
        ),
    }
    let hash = short(&state.index_hash);
    line!(text, "{DIM}epoch {}  index {hash}  {}{DIM:#}", state.epoch, moved.strength);
    written(text)
}

/// What was found of the live target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Checked {
    /// Its manifest is what the alias says.
    Manifest,
    /// Every byte is.
    EveryByte,
    /// It is gone or something else.
    Damaged,
}

/// A state, and what its history says of how it came about.
pub(crate) fn state(
    state: &PointerState,
    history: &[HistoryEntry],
    checked: Checked,
    json: bool,
) -> Result<(), Failure> {
    if json {
        return say::out(&as_json(state)?);
    }
    let mut text = String::new();
    let (alias, target) = (plain(&state.alias), plain(&state.target));
    line!(text, "{BOLD}{alias}{BOLD:#} → {BOLD}{target}{BOLD:#}");
    let (style, found) = match checked {
        Checked::Manifest => {
            let found = "is there, its manifest is what the alias says; --verify reads every byte";
            (Style::new(), found)
        }
        Checked::EveryByte => (Style::new(), "every byte is what the alias says"),
        Checked::Damaged => (RED, "is not what the alias says"),
    };
    line!(text, "{DIM}{:<12}{DIM:#}{style}{found}{style:#}", "target");
    let mut row = |name: &str, value: &str| {
        line!(text, "{DIM}{name:<12}{DIM:#}{}", plain(value));
    };
    row("epoch", &state.epoch.to_string());
    row("index", &state.index_hash.to_string());
    row("serving", &state.serving_hash.to_string());
    row("changed", &format!("{} by {}", state.changed_at, state.by));
    row("verdict", &ground(state, history));
    for (name, digests) in [("policies", &state.policies), ("gold sets", &state.golds)] {
        let list: Vec<String> = digests.iter().map(Digest::to_string).collect();
        row(name, if list.is_empty() { "all".to_owned() } else { list.join(" ") }.as_str());
    }
    if state.stack.is_empty() {
        row("stack", "empty: nothing to roll back to");
    }
    for (depth, entry) in state.stack.iter().rev().enumerate() {
        let name = if depth == 0 { "stack" } else { "" };
        let quarantined = quarantined_since(&state.quarantine, entry).is_some();
        let note = if quarantined { "  (quarantine)" } else { "" };
        row(name, &format!("{}  {}{note}", entry.target, short(&entry.index_hash)));
    }
    for (i, entry) in state.quarantine.iter().enumerate() {
        let name = if i == 0 { "quarantine" } else { "" };
        let (target, hash) = (&entry.entry.target, short(&entry.entry.index_hash));
        row(name, &format!("{target}  {hash}  since journal record {}", entry.since));
    }
    say::out(&text)
}

/// What the target rests on: a verdict, or why there is none.
fn ground(state: &PointerState, history: &[HistoryEntry]) -> String {
    if let Some(digest) = state.verdict_digest {
        return digest.to_string();
    }
    // The last command that brought it here; one that failed is not it.
    let came = history.iter().rev().find(|entry| {
        entry.action != Action::Policy
            && entry.epoch <= state.epoch
            && !matches!(entry.result, Some(Closing::NotMoved | Closing::Conflict))
    });
    match came {
        Some(entry) if entry.overridden => "none (overridden)",
        Some(entry) if entry.action == Action::Rollback => "none needed (rollback)",
        _ => "none",
    }
    .to_owned()
}

/// All aliases; one that cannot be read is said and makes the command fail.
pub(crate) fn list(
    aliases: Vec<(String, Result<PointerState, FlipError>)>,
    store: &Path,
    json: bool,
) -> Result<(), Failure> {
    let mut broken = None;
    let mut rows = Vec::new();
    for (alias, state) in aliases {
        match state {
            Ok(state) => rows.push(json!({
                "alias": alias, "target": state.target, "epoch": state.epoch,
                "index_hash": state.index_hash, "changed_at": state.changed_at,
            })),
            Err(error) => {
                rows.push(json!({"alias": alias, "error": error.to_string()}));
                broken = Some(Failure { code: error.exit_code(), message: error.to_string() });
            }
        }
    }
    let mut text = String::new();
    if json {
        text = as_json(&rows)?;
    } else if rows.is_empty() {
        let store = plain(store.display());
        line!(text, "no aliases in {store}; `vec alias create NAME --to DIR` makes one");
    } else {
        let cell = |row: &Value, key: &str| plain(row[key].as_str().unwrap_or(""));
        let width = rows.iter().map(|row| cell(row, "alias").chars().count()).max().unwrap_or(0);
        for row in &rows {
            match row.get("error") {
                Some(_) => {
                    line!(text, "{:<width$}  {RED}unreadable{RED:#}", cell(row, "alias"))
                }
                None => line!(
                    text,
                    "{BOLD}{:<width$}{BOLD:#}  {}  {DIM}epoch {}  {}{DIM:#}",
                    cell(row, "alias"),
                    cell(row, "target"),
                    row["epoch"],
                    cell(row, "changed_at")
                ),
            }
        }
    }
    say::out(&text)?;
    broken.map_or(Ok(()), Err)
}

/// What happened to an alias, the oldest first.
pub(crate) fn history(entries: &[HistoryEntry], json: bool) -> Result<(), Failure> {
    if json {
        return say::out(&as_json(entries)?);
    }
    let mut text = String::new();
    let width = entries.iter().map(|entry| entry.to.chars().count()).max().unwrap_or(0);
    for entry in entries {
        let ended = match (&entry.result, entry.recovered) {
            (None, _) => Some("not closed yet"),
            (Some(Closing::Moved), false) => None,
            (Some(Closing::Moved), true) => Some("found done after a crash"),
            (Some(Closing::NotMoved), _) => Some("did not move"),
            (Some(Closing::Conflict), _) => Some("had moved: nothing written"),
        };
        let ended = ended.map(|ended| format!("  {YELLOW}{ended}{YELLOW:#}")).unwrap_or_default();
        let why = match (&entry.verdict_digest, entry.overridden, &entry.reason) {
            (_, true, reason) => {
                let reason = plain(reason.as_deref().unwrap_or(""));
                format!("  {DIM:#}{YELLOW}OVERRIDE: {reason}{YELLOW:#}")
            }
            (Some(digest), false, _) => format!("  verdict {}", short(digest)),
            (None, false, Some(reason)) => format!("  {}", plain(reason)),
            (None, false, None) => String::new(),
        };
        line!(
            text,
            "{DIM}{:>4}  {}{DIM:#}  {BOLD}{:<8}{BOLD:#}  epoch {:<4} {:<width$}  {DIM}{}{why}{DIM:#}{ended}",
            entry.seq,
            plain(&entry.at),
            entry.action.to_string(),
            entry.epoch,
            plain(&entry.to),
            plain(&entry.by)
        );
    }
    say::out(&text)
}

/// What a verdict file says and is worth here; exit 1 where it approves nothing.
pub(crate) fn verdict(file: &VerdictFile, status: &Status, json: bool) -> Result<(), Failure> {
    let mut against = Vec::new();
    match file.verdict {
        Verdict::Pass if file.is_unchecked() => {
            let mode = "stored vectors were not compared with their text (--integrity off)";
            against.push(mode.to_owned());
        }
        Verdict::Pass => {}
        Verdict::Inconclusive | Verdict::Fail => {
            against.push(format!("the verdict is {}", file.verdict));
        }
    }
    if status.filed.is_none() {
        against.push("it is not filed in this store".to_owned());
    }
    if let Some(digest) = status.superseded_by {
        against.push(format!("{} was filed later and stands instead", short(&digest)));
    }
    if status.from_the_future {
        let made = status.ended;
        against.push(format!("it was made at {made}, which is after now: set the clock right"));
    }
    if status.expired && file.verdict == Verdict::Pass {
        against.push(format!("it expired at {}", status.expires));
    }
    if let Some(why) = status.unusable {
        against.push(why.to_string());
    }
    let mut text = String::new();
    if json {
        text = as_json(&json!({
            "digest": status.digest,
            "verdict": file.verdict,
            "approves": file.approves,
            "filed": status.filed,
            "expires": (file.verdict == Verdict::Pass).then_some(status.expires),
            "against": against,
        }))?;
    } else {
        let style = match file.verdict {
            Verdict::Pass => GREEN,
            Verdict::Inconclusive => YELLOW,
            Verdict::Fail => RED,
        };
        line!(
            text,
            "{style}{}{style:#}  {}  {DIM}digests agree{DIM:#}",
            file.verdict.to_string().to_uppercase(),
            status.digest
        );
        line!(text, "{DIM}index   {DIM:#}{}", file.decided.subject.index_hash);
        line!(text, "{DIM}policy  {DIM:#}{}", file.decided.policy_digest);
        line!(text, "{DIM}gold    {DIM:#}{}", file.decided.gold_digest);
        let until = match file.verdict {
            Verdict::Pass => status.expires.to_string(),
            verdict => format!("never: it stands until its line is evaluated again ({verdict})"),
        };
        line!(text, "{DIM}expires {DIM:#}{until}");
        if file.approves == Approves::Creation {
            line!(text, "approves the creation of an alias only: a hard criterion was skipped");
        }
        for reason in &against {
            line!(text, "approves nothing: {}", plain(reason));
        }
    }
    say::out(&text)?;
    match (against.is_empty(), file.verdict) {
        (true, _) => Ok(()),
        (false, Verdict::Inconclusive) => Err(Failure::silent(3)),
        (false, _) => Err(Failure::silent(1)),
    }
}

fn short(digest: &Digest) -> String {
    digest.to_string()[..12].to_owned()
}

/// A failure that begins with what was done before it.
fn told(failure: Failure, done: &str) -> Failure {
    Failure { message: format!("{done}; {}", failure.message), ..failure }
}

fn as_json<T: Serialize + ?Sized>(value: &T) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(value).map_err(Failure::unable)?;
    Ok(text + "\n")
}
