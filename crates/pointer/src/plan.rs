//! What a move does to a pointer's state: pure rules, no I/O. A state that is made here has no
//! journal head yet: the record that announces it gives it one.

use wfgy_core::pointer::Quarantined;
use wfgy_core::{Digest, PointerState, StackEntry};

/// What `update --to X` turns out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// X is the target already.
    AlreadySo,
    /// X is this entry of the stack.
    Rollback(usize),
    /// Anything else.
    Forward,
}

/// When and by whom a state is made, and under which sequence number it is announced.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stamp<'a> {
    /// RFC 3339 UTC.
    pub(crate) at: &'a str,
    /// Who.
    pub(crate) by: &'a str,
    /// Number of the intent.
    pub(crate) seq: u64,
}

/// The target of a state as a stack entry.
pub(crate) fn live(state: &PointerState) -> StackEntry {
    StackEntry {
        target: state.target.clone(),
        index_hash: state.index_hash,
        serving_hash: state.serving_hash,
    }
}

/// What moving to `to` is. A rollback if path and both hashes equal a stack entry, whatever
/// verdicts exist; of equal entries the topmost, which puts the fewest targets in quarantine.
pub(crate) fn classify(state: &PointerState, to: &StackEntry, forward: bool) -> Kind {
    if live(state) == *to {
        return Kind::AlreadySo;
    }
    match state.stack.iter().rposition(|entry| entry == to) {
        Some(at) if !forward => Kind::Rollback(at),
        _ => Kind::Forward,
    }
}

/// The rollback after which a forward flip to `entry` needs an evaluation.
///
/// Forward, quarantine is of content: a copy of the same index at another path is no way around
/// it.
pub(crate) fn content_quarantined(quarantine: &[Quarantined], entry: &StackEntry) -> Option<u64> {
    quarantine.iter().filter(|q| same_content(&q.entry, entry)).map(|q| q.since).max()
}

/// The rollback since which an entry of the stack cannot be returned to without an evaluation;
/// `None` where it can, instantly.
///
/// Back, quarantine is of the path and both hashes, as the stack is: that a copy was fled from
/// does not hold up the return to an entry that has served.
pub fn quarantined_since(quarantine: &[Quarantined], entry: &StackEntry) -> Option<u64> {
    quarantine.iter().filter(|q| q.entry == *entry).map(|q| q.since).max()
}

/// The entry that a plain `rollback` means: the top one that is not in quarantine.
pub(crate) fn top(state: &PointerState) -> Option<usize> {
    state.stack.iter().rposition(|entry| quarantined_since(&state.quarantine, entry).is_none())
}

/// The first state of an alias.
pub(crate) fn created(
    alias: &str,
    to: StackEntry,
    (policies, golds): (Vec<Digest>, Vec<Digest>),
    verdict: Option<Digest>,
    stamp: Stamp<'_>,
) -> PointerState {
    PointerState {
        alias: alias.to_owned(),
        target: to.target,
        index_hash: to.index_hash,
        serving_hash: to.serving_hash,
        epoch: 1,
        stack: Vec::new(),
        quarantine: Vec::new(),
        policies,
        golds,
        changed_at: stamp.at.to_owned(),
        by: stamp.by.to_owned(),
        verdict_digest: verdict,
        journal_head: None,
    }
}

/// After a forward flip: the old target on the stack, no quarantine of the new one.
pub(crate) fn forwarded(
    state: &PointerState,
    to: StackEntry,
    verdict: Option<Digest>,
    stamp: Stamp<'_>,
) -> PointerState {
    let mut next = moved(state, &to, stamp);
    next.stack.push(live(state));
    next.quarantine.retain(|q| !same_content(&q.entry, &to));
    next.verdict_digest = verdict;
    next
}

/// After a rollback to `state.stack[at]`: the stack popped through it; the target left and every
/// entry popped above it in quarantine since this rollback. `approved` (with fresh evidence or
/// an override) says that the entry itself was in quarantine and leaves it.
pub(crate) fn rolled_back(
    state: &PointerState,
    at: usize,
    approved: Option<Option<Digest>>,
    stamp: Stamp<'_>,
) -> PointerState {
    let to = state.stack[at].clone();
    let mut next = moved(state, &to, stamp);
    let above = next.stack.split_off(at).into_iter().skip(1);
    for entry in above.chain([live(state)]) {
        next.quarantine.retain(|q| q.entry != entry);
        if entry != to {
            next.quarantine.push(Quarantined { entry, since: stamp.seq });
        }
    }
    if approved.is_some() {
        next.quarantine.retain(|q| !same_content(&q.entry, &to));
    }
    // The verdict of the target that was left says nothing of this one.
    next.verdict_digest = approved.flatten();
    next
}

/// After a change of what may approve: the target stays.
pub(crate) fn allowed(
    state: &PointerState,
    policies: Vec<Digest>,
    golds: Vec<Digest>,
    stamp: Stamp<'_>,
) -> PointerState {
    PointerState { policies, golds, ..moved(state, &live(state), stamp) }
}

fn moved(state: &PointerState, to: &StackEntry, stamp: Stamp<'_>) -> PointerState {
    PointerState {
        target: to.target.clone(),
        index_hash: to.index_hash,
        serving_hash: to.serving_hash,
        epoch: state.epoch + 1,
        changed_at: stamp.at.to_owned(),
        by: stamp.by.to_owned(),
        journal_head: None,
        ..state.clone()
    }
}

fn same_content(a: &StackEntry, b: &StackEntry) -> bool {
    a.index_hash == b.index_hash && a.serving_hash == b.serving_hash
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp<'_> = Stamp { at: "2026-01-01T00:00:00Z", by: "me", seq: 7 };

    fn entry(name: &str) -> StackEntry {
        let content = name.trim_end_matches('\'');
        StackEntry {
            target: format!("/{name}"),
            index_hash: Digest::of(content),
            serving_hash: Digest::of(format!("{content} served")),
        }
    }

    /// An alias that was moved forward through these targets.
    fn through(names: &[&str]) -> PointerState {
        let nothing = || (Vec::new(), Vec::new());
        let first = created("live", entry(names[0]), nothing(), None, STAMP);
        names[1..].iter().fold(first, |state, name| forwarded(&state, entry(name), None, STAMP))
    }

    fn names(entries: &[StackEntry]) -> Vec<&str> {
        entries.iter().map(|entry| entry.target.as_str()).collect()
    }

    fn in_quarantine(state: &PointerState) -> Vec<&str> {
        state.quarantine.iter().map(|q| q.entry.target.as_str()).collect()
    }

    #[test]
    fn rule_update_is_a_rollback_iff_path_and_both_hashes_equal_a_stack_entry() {
        let state = through(&["a", "b", "c"]);
        assert_eq!(classify(&state, &entry("c"), false), Kind::AlreadySo);
        assert_eq!(classify(&state, &entry("c"), true), Kind::AlreadySo);
        assert_eq!(classify(&state, &entry("a"), false), Kind::Rollback(0));
        assert_eq!(classify(&state, &entry("a"), true), Kind::Forward);
        assert_eq!(classify(&state, &entry("a'"), false), Kind::Forward);
        assert_eq!(classify(&state, &entry("d"), false), Kind::Forward);
        let other_serving = StackEntry { serving_hash: Digest::of("x"), ..entry("a") };
        assert_eq!(classify(&state, &other_serving, false), Kind::Forward);
        let other_content = StackEntry { index_hash: Digest::of("x"), ..entry("c") };
        assert_eq!(classify(&state, &other_content, false), Kind::Forward);
    }

    #[test]
    fn rule_rollback_pops_through_the_entry_and_quarantines_what_it_leaves() {
        let state = through(&["a", "b", "c", "d"]);
        let state = PointerState { verdict_digest: Some(Digest::of("v")), ..state };
        let next = rolled_back(&state, 1, None, STAMP);
        assert_eq!((next.target.as_str(), next.epoch), ("/b", 5));
        assert_eq!(next.verdict_digest, None, "that of d");
        assert_eq!(names(&next.stack), ["/a"]);
        assert_eq!(in_quarantine(&next), ["/c", "/d"]);
        assert!(next.quarantine.iter().all(|q| q.since == 7));
    }

    #[test]
    fn rule_forward_pushes_the_old_target_and_ends_the_quarantine_of_the_new_one() {
        let state = rolled_back(&through(&["a", "b", "c"]), 0, None, STAMP);
        assert_eq!(content_quarantined(&state.quarantine, &entry("c")), Some(7));
        let next = forwarded(&state, entry("c"), Some(Digest::of("v")), STAMP);
        assert_eq!(names(&next.stack), ["/a"]);
        assert_eq!(in_quarantine(&next), ["/b"]);
        assert_eq!(next.verdict_digest, Some(Digest::of("v")));
    }

    #[test]
    fn rule_rollback_means_the_top_entry_that_is_not_in_quarantine() {
        let state = through(&["a", "b"]);
        assert_eq!(top(&state), Some(0));
        assert_eq!(top(&through(&["a"])), None);
        // a, b, then a again with --forward: rolling back to b leaves [a] and puts a in quarantine.
        let again = forwarded(&state, entry("a"), None, STAMP);
        let back = rolled_back(&again, 1, None, STAMP);
        assert_eq!((names(&back.stack), top(&back)), (vec!["/a"], None));
    }

    #[test]
    fn a_copy_of_a_quarantined_index_is_quarantined_too() {
        let state = rolled_back(&through(&["a", "b"]), 0, None, STAMP);
        assert_eq!(content_quarantined(&state.quarantine, &entry("b'")), Some(7));
        assert_eq!(content_quarantined(&state.quarantine, &entry("c")), None);
    }

    #[test]
    fn rule_a_return_to_a_stack_entry_is_held_up_by_its_own_quarantine_only() {
        // b, its copy, back to b: the copy is in quarantine and b is not.
        let copied = rolled_back(&through(&["a", "b", "b'"]), 1, None, STAMP);
        assert_eq!((copied.target.as_str(), in_quarantine(&copied)), ("/b", vec!["/b'"]));
        let next = forwarded(&copied, entry("c"), None, STAMP);
        assert_eq!(names(&next.stack), ["/a", "/b"]);
        assert_eq!(content_quarantined(&next.quarantine, &entry("b")), Some(7));
        assert_eq!(quarantined_since(&next.quarantine, &entry("b")), None);
        assert_eq!(quarantined_since(&next.quarantine, &entry("b'")), Some(7));
        assert_eq!(top(&next), Some(1));
    }

    #[test]
    fn an_approved_return_to_a_quarantined_entry_ends_its_quarantine() {
        let again = forwarded(&through(&["a", "b"]), entry("a"), None, STAMP);
        let back = rolled_back(&again, 1, None, STAMP);
        let next = rolled_back(&back, 0, Some(None), STAMP);
        assert_eq!((next.target.as_str(), in_quarantine(&next)), ("/a", vec!["/b"]));
        assert_eq!(next.stack.len(), 0);
    }
}
