//! What `vec` prints.

use anstyle::{AnsiColor, Style};
use serde::Serialize;
use serde_json::{Value, json};
use wfgy_core::{Digest, PointerState};
use wfgy_gate::{Approves, Verdict, VerdictFile};
use wfgy_pointer::{Action, Closing, FlipError, HistoryEntry, Moved, Status, quarantined_since};

use crate::exit::Failure;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GREEN: Style = AnsiColor::Green.on_default().bold();
const RED: Style = AnsiColor::Red.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default().bold();

/// What a command did to an alias.
pub(crate) fn moved(moved: &Moved, json: bool) -> Result<(), Failure> {
    let state = &moved.state;
    if json {
        return print_json(&json!({
            "action": moved.action,
            "before": moved.before,
            "state": state,
            "seq": moved.seq,
            "strength": moved.strength,
            "warnings": moved.warnings,
        }));
    }
    for warning in &moved.warnings {
        anstream::eprintln!("vec: {YELLOW}warning{YELLOW:#}: {warning}");
    }
    let alias = &state.alias;
    let from = moved.before.as_ref().map_or(String::new(), |before| format!("{} ", before.target));
    match moved.action {
        None => anstream::println!("{BOLD}{alias}{BOLD:#} already points to {}", state.target),
        Some(Action::Policy) => {
            anstream::println!("{BOLD}{alias}{BOLD:#} listens to other verdicts from now on");
        }
        Some(action) => anstream::println!(
            "{GREEN}{}{GREEN:#}: {BOLD}{alias}{BOLD:#} {from}→ {}",
            match action {
                Action::Create => "created",
                Action::Forward => "moved forward",
                Action::Rollback => "rolled back",
                Action::Policy => "changed",
            },
            state.target
        ),
    }
    anstream::println!(
        "{DIM}epoch {}  index {}  {}{DIM:#}",
        state.epoch,
        short(&state.index_hash),
        moved.strength
    );
    Ok(())
}

/// A state, and what its history says of how it came about.
pub(crate) fn state(
    state: &PointerState,
    history: &[HistoryEntry],
    json: bool,
) -> Result<(), Failure> {
    if json {
        return print_json(state);
    }
    let row = |name: &str, value: &str| anstream::println!("{DIM}{name:<12}{DIM:#}{value}");
    anstream::println!("{BOLD}{}{BOLD:#} → {BOLD}{}{BOLD:#}", state.alias, state.target);
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
    Ok(())
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
    if json {
        print_json(&rows)?;
    } else if rows.is_empty() {
        anstream::println!("no aliases; `vec alias create NAME --to DIR` makes one");
    } else {
        let text = |row: &Value, key: &str| row[key].as_str().unwrap_or("").to_owned();
        let width = rows.iter().map(|row| text(row, "alias").chars().count()).max().unwrap_or(0);
        for row in &rows {
            match row.get("error") {
                Some(_) => {
                    anstream::println!("{:<width$}  {RED}unreadable{RED:#}", text(row, "alias"))
                }
                None => anstream::println!(
                    "{BOLD}{:<width$}{BOLD:#}  {}  {DIM}epoch {}  {}{DIM:#}",
                    text(row, "alias"),
                    text(row, "target"),
                    row["epoch"],
                    text(row, "changed_at")
                ),
            }
        }
    }
    broken.map_or(Ok(()), Err)
}

/// What happened to an alias, the oldest first.
pub(crate) fn history(entries: &[HistoryEntry], json: bool) -> Result<(), Failure> {
    if json {
        return print_json(entries);
    }
    for entry in entries {
        let ended = match (&entry.result, entry.recovered) {
            (None, _) => "not closed yet",
            (Some(Closing::Moved), false) => "",
            (Some(Closing::Moved), true) => "found done after a crash",
            (Some(Closing::NotMoved), _) => "did not move",
            (Some(Closing::Conflict), _) => "had moved: nothing written",
        };
        let why = match (&entry.verdict_digest, entry.overridden, &entry.reason) {
            (_, true, reason) => format!("OVERRIDE: {}", reason.as_deref().unwrap_or("")),
            (Some(digest), false, _) => format!("verdict {}", short(digest)),
            (None, false, Some(reason)) => reason.clone(),
            (None, false, None) => String::new(),
        };
        anstream::println!(
            "{DIM}{:>4}  {}{DIM:#}  {BOLD}{:<8}{BOLD:#}  epoch {:<4} {}  {DIM}{}  {why}{DIM:#}  {YELLOW}{ended}{YELLOW:#}",
            entry.seq,
            entry.at,
            entry.action.to_string(),
            entry.epoch,
            entry.to,
            entry.by
        );
    }
    Ok(())
}

/// What a verdict file says and is worth here; exit 1 where it approves nothing.
pub(crate) fn verdict(file: &VerdictFile, status: &Status, json: bool) -> Result<(), Failure> {
    let mut against = Vec::new();
    match (file.verdict, file.approves) {
        (Verdict::Pass, Approves::Nothing) => {
            let mode = "stored vectors were not compared with their text (--integrity off)";
            against.push(mode.to_owned());
        }
        (Verdict::Pass, Approves::Creation | Approves::Flip) => {}
        (Verdict::Inconclusive | Verdict::Fail, _) => {
            against.push(format!("the verdict is {}", file.verdict));
        }
    }
    if status.filed.is_none() {
        against.push("it is not filed in this store".to_owned());
    }
    if let Some(digest) = status.superseded_by {
        against.push(format!("{} was filed later and stands instead", short(&digest)));
    }
    if status.expired {
        against.push(format!("it expired at {}", status.expires));
    }
    if let Some(why) = status.unusable {
        against.push(why.to_string());
    }
    if json {
        print_json(&json!({
            "digest": status.digest,
            "verdict": file.verdict,
            "approves": file.approves,
            "filed": status.filed,
            "expires": status.expires,
            "against": against,
        }))?;
    } else {
        let style = match file.verdict {
            Verdict::Pass => GREEN,
            Verdict::Inconclusive => YELLOW,
            Verdict::Fail => RED,
        };
        anstream::println!(
            "{style}{}{style:#}  {}  {DIM}digests agree{DIM:#}",
            file.verdict.to_string().to_uppercase(),
            status.digest
        );
        anstream::println!("{DIM}index   {DIM:#}{}", file.decided.subject.index_hash);
        anstream::println!("{DIM}policy  {DIM:#}{}", file.decided.policy_digest);
        anstream::println!("{DIM}gold    {DIM:#}{}", file.decided.gold_digest);
        anstream::println!("{DIM}expires {DIM:#}{}", status.expires);
        if file.approves == Approves::Creation {
            anstream::println!(
                "approves the creation of an alias only: a hard criterion was skipped"
            );
        }
        for reason in &against {
            anstream::println!("approves nothing: {reason}");
        }
    }
    match (against.is_empty(), file.verdict) {
        (true, _) => Ok(()),
        (false, Verdict::Inconclusive) => Err(Failure::silent(3)),
        (false, _) => Err(Failure::silent(1)),
    }
}

fn short(digest: &Digest) -> String {
    digest.to_string()[..12].to_owned()
}

fn print_json<T: Serialize + ?Sized>(value: &T) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(Failure::unable)?;
    anstream::println!("{text}");
    Ok(())
}
