//! What the journal says about an alias, for people and programs.

use serde::Serialize;
use wfgy_core::Digest;

use crate::chain::Chain;
use crate::record::{Action, Closing, Event};

/// One command that announced a move of an alias.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HistoryEntry {
    /// Number of its journal record.
    pub seq: u64,
    /// When, RFC 3339 UTC.
    pub at: String,
    /// Who.
    pub by: String,
    /// What.
    pub action: Action,
    /// The target before; `None` where the alias began to exist.
    pub from: Option<String>,
    /// The target after.
    pub to: String,
    /// Content of the target after.
    pub index_hash: Digest,
    /// The epoch after.
    pub epoch: u64,
    /// The verdict that approved it; `None` where none was needed or it was overridden.
    pub verdict_digest: Option<Digest>,
    /// Whether a verdict or a quarantine was overridden.
    pub overridden: bool,
    /// Why, where a reason was given.
    pub reason: Option<String>,
    /// How it ended; `None` while it is under way, or after a crash until the next command.
    pub result: Option<Closing>,
    /// Whether a later command had to find out how it ended.
    pub recovered: bool,
}

/// All moves of `alias` that the journal knows of, the oldest first.
pub(crate) fn history(chain: &Chain, alias: &str) -> Vec<HistoryEntry> {
    let mut entries = Vec::new();
    for record in chain.records() {
        let Event::Intent(intent) = &record.event else { continue };
        if intent.next.alias != alias {
            continue;
        }
        let closing = chain.closing(record.seq);
        entries.push(HistoryEntry {
            seq: record.seq,
            at: record.at.clone(),
            by: record.by.clone(),
            action: intent.action,
            from: intent.from.as_ref().map(|from| from.target.clone()),
            to: intent.next.target.clone(),
            index_hash: intent.next.index_hash,
            epoch: intent.next.epoch,
            verdict_digest: intent.verdict,
            overridden: intent.overridden,
            reason: intent.reason.clone(),
            result: closing.map(|(result, _)| result),
            recovered: closing.is_some_and(|(_, recovered)| recovered),
        });
    }
    entries
}
