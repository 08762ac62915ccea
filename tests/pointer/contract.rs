//! What every pointer adapter must do: functions over `&dyn Pointer`, to be run for each.
//!
//! Each takes an adapter that has no pointer yet.

#![allow(unreachable_pub, reason = "a module of test files")]

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use wfgy_core::{Deadline, Digest, Pointer, PointerState, PortError, StackEntry, Swap};

const NONE: Deadline = Deadline::NONE;

/// A state at an epoch; each is announced by another record.
pub fn state(alias: &str, target: &str, epoch: u64) -> PointerState {
    PointerState {
        alias: alias.to_owned(),
        target: target.to_owned(),
        index_hash: Digest::of(target),
        serving_hash: Digest::of(format!("{target} served")),
        epoch,
        stack: vec![StackEntry {
            target: "/older".to_owned(),
            index_hash: Digest::of("older"),
            serving_hash: Digest::of("older served"),
        }],
        quarantine: Vec::new(),
        policies: vec![Digest::of("policy")],
        golds: Vec::new(),
        changed_at: "2026-05-28T20:26:40Z".to_owned(),
        by: "tester".to_owned(),
        verdict_digest: None,
        journal_head: Some(Digest::of(format!("{alias} {epoch} {target}"))),
    }
}

fn moved(swap: Result<Swap, PortError>) {
    assert_eq!(swap.unwrap(), Swap::Moved);
}

fn conflict(swap: Result<Swap, PortError>) -> Option<PointerState> {
    match swap.unwrap() {
        Swap::Conflict(found) => found.map(|state| *state),
        Swap::Moved => panic!("moved, although it was not where it was expected"),
    }
}

pub fn what_was_written_is_read_back_and_listed(pointer: &dyn Pointer) {
    assert_eq!(pointer.read("docs", NONE).unwrap(), None);
    assert!(pointer.list(NONE).unwrap().is_empty());
    let (docs, other) = (state("docs", "/a", 1), state("another", "/a", 1));
    moved(pointer.swap(None, &docs, NONE));
    moved(pointer.swap(None, &other, NONE));
    assert_eq!(pointer.read("docs", NONE).unwrap(), Some(docs));
    assert_eq!(pointer.read("another", NONE).unwrap(), Some(other));
    assert_eq!(pointer.list(NONE).unwrap(), ["another", "docs"]);
}

pub fn a_pointer_that_is_not_where_it_was_expected_does_not_move(pointer: &dyn Pointer) {
    let (first, second) = (state("docs", "/a", 1), state("docs", "/b", 2));
    assert_eq!(conflict(pointer.swap(Some(&first), &second, NONE)), None);
    moved(pointer.swap(None, &first, NONE));
    assert_eq!(conflict(pointer.swap(None, &second, NONE)), Some(first.clone()));
    let other_epoch = state("docs", "/a", 7);
    assert_eq!(conflict(pointer.swap(Some(&other_epoch), &second, NONE)), Some(first.clone()));
    let other_target = state("docs", "/c", 1);
    assert_eq!(conflict(pointer.swap(Some(&other_target), &second, NONE)), Some(first.clone()));
    assert_eq!(pointer.read("docs", NONE).unwrap(), Some(first.clone()));
    moved(pointer.swap(Some(&first), &second, NONE));
    assert_eq!(pointer.read("docs", NONE).unwrap(), Some(second));
}

pub fn coming_back_to_a_target_is_not_being_where_it_was(pointer: &dyn Pointer) {
    let states = [state("docs", "/a", 1), state("docs", "/b", 2), state("docs", "/a", 3)];
    moved(pointer.swap(None, &states[0], NONE));
    moved(pointer.swap(Some(&states[0]), &states[1], NONE));
    moved(pointer.swap(Some(&states[1]), &states[2], NONE));
    let late = state("docs", "/c", 2);
    assert_eq!(conflict(pointer.swap(Some(&states[0]), &late, NONE)), Some(states[2].clone()));
}

pub fn an_epoch_that_does_not_grow_is_refused(pointer: &dyn Pointer) {
    let first = state("docs", "/a", 5);
    moved(pointer.swap(None, &first, NONE));
    for epoch in [4, 5] {
        assert!(pointer.swap(Some(&first), &state("docs", "/b", epoch), NONE).is_err());
    }
    assert_eq!(pointer.read("docs", NONE).unwrap(), Some(first));
}

pub fn a_state_that_no_record_announced_is_refused(pointer: &dyn Pointer) {
    let unannounced = PointerState { journal_head: None, ..state("docs", "/a", 1) };
    assert!(pointer.swap(None, &unannounced, NONE).is_err());
    assert_eq!(pointer.read("docs", NONE).unwrap(), None);
}

pub fn a_name_that_is_none_is_refused(pointer: &dyn Pointer) {
    for name in ["../docs", "a/b", "", ".docs", "-docs"] {
        assert!(pointer.read(name, NONE).is_err(), "{name}");
        assert!(pointer.swap(None, &state(name, "/a", 1), NONE).is_err(), "{name}");
    }
    assert!(pointer.list(NONE).unwrap().is_empty());
}

pub fn of_racing_swaps_exactly_one_wins(pointer: &dyn Pointer) {
    const RACERS: usize = 6;
    let mut now = None;
    for epoch in 1..=25 {
        let (wins, start) = (AtomicUsize::new(0), Barrier::new(RACERS));
        std::thread::scope(|scope| {
            for racer in 0..RACERS {
                let (wins, start, now) = (&wins, &start, now.as_ref());
                scope.spawn(move || {
                    let next = state("docs", &format!("/{racer}"), epoch);
                    start.wait();
                    match pointer.swap(now, &next, NONE).unwrap() {
                        Swap::Moved => wins.fetch_add(1, Ordering::SeqCst),
                        Swap::Conflict(found) => {
                            assert_eq!(found.unwrap().epoch, epoch);
                            0
                        }
                    };
                });
            }
        });
        assert_eq!(wins.load(Ordering::SeqCst), 1, "epoch {epoch}");
        now = pointer.read("docs", NONE).unwrap();
        assert_eq!(now.as_ref().unwrap().epoch, epoch);
    }
}

pub fn a_reader_sees_whole_states_that_never_go_back(pointer: &dyn Pointer) {
    moved(pointer.swap(None, &state("docs", "/1", 1), NONE));
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut last = 0;
                while !done.load(Ordering::SeqCst) {
                    let seen = pointer.read("docs", NONE).unwrap().unwrap();
                    assert_eq!(seen, state("docs", &format!("/{}", seen.epoch), seen.epoch));
                    assert!(seen.epoch >= last);
                    last = seen.epoch;
                }
            });
        }
        for epoch in 2..=60 {
            let from = state("docs", &format!("/{}", epoch - 1), epoch - 1);
            moved(pointer.swap(Some(&from), &state("docs", &format!("/{epoch}"), epoch), NONE));
        }
        done.store(true, Ordering::SeqCst);
    });
}

/// The suite for one adapter: `contract!(name, expression that makes a fresh adapter)`.
#[macro_export]
macro_rules! contract {
    ($adapter:ident, $fresh:expr) => {
        mod $adapter {
            #[allow(unused_imports)]
            use super::*;

            $crate::contract!(@each $fresh;
                what_was_written_is_read_back_and_listed,
                a_pointer_that_is_not_where_it_was_expected_does_not_move,
                coming_back_to_a_target_is_not_being_where_it_was,
                an_epoch_that_does_not_grow_is_refused,
                a_state_that_no_record_announced_is_refused,
                a_name_that_is_none_is_refused,
                of_racing_swaps_exactly_one_wins,
                a_reader_sees_whole_states_that_never_go_back,
            );
        }
    };
    (@each $fresh:expr; $($rule:ident,)*) => {
        $(
            #[test]
            fn $rule() {
                #[allow(clippy::redundant_closure_call)]
                let (_kept, pointer) = ($fresh)();
                contract::$rule(&pointer);
            }
        )*
    };
}
