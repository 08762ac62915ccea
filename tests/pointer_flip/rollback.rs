//! Back along the stack.

use std::fs;
use std::path::Path;

use wfgy_core::Digest;
use wfgy_gate::Refusal;
use wfgy_pointer::{Action, Flip, FlipError, Update};

use crate::world::{NOON, World, forward, hash, live, person, plain};
use crate::{refusal, refused, state};

#[test]
fn rule_update_to_a_stack_entry_is_a_rollback_whatever_verdicts_exist() {
    let world = World::new();
    let paths = world.through(&["a", "b", "c"]);
    world.evaluate("a", 0.1);
    let moved = world.update(&paths[0]).unwrap();
    assert_eq!(moved.action, Some(Action::Rollback));
    assert_eq!(moved.state.verdict_digest, None, "it needed none; that of c is of c");
    assert_eq!(world.reader(), paths[0]);
    let state = state(&world);
    assert!(state.stack.is_empty());
    let fled: Vec<&str> = state.quarantine.iter().map(|q| q.entry.target.as_str()).collect();
    assert_eq!(fled, [paths[1].to_str().unwrap(), paths[2].to_str().unwrap()]);
    assert!(state.quarantine.iter().all(|q| Some(q.since) == moved.seq));
}

#[test]
fn rule_forward_makes_a_stack_entry_earn_it() {
    let world = World::new();
    let paths = world.through(&["a", "b"]);
    world.evaluate("a", 0.1);
    let refused = world.flip().update(&live(), &paths[0], &forward());
    assert!(matches!(refusal(refused, 1), Refusal::Failed { .. }));
    world.evaluate("a", 0.9);
    let moved = world.flip().update(&live(), &paths[0], &forward()).unwrap();
    assert_eq!(moved.action, Some(Action::Forward));
    assert_eq!((moved.state.stack.len(), moved.state.quarantine.len()), (2, 0));
}

#[test]
fn rule_a_rollback_needs_no_verdict_but_recomputes_both_hashes() {
    let world = World::new();
    let paths = world.through(&["a", "b"]);
    world.index("a", "a, damaged");
    let before = world.snapshot();
    let error = refused(world.flip().rollback(&live(), None), 1);
    assert_eq!(differs(&error), Some("INDEX_HASH"), "{error}");
    let told = error.to_string();
    assert!(
        told.contains("`vec alias update docs_live --to DIR --override --reason WHY`"),
        "{told}"
    );
    fs::remove_file(paths[0].join("content")).unwrap();
    refused(world.flip().rollback(&live(), None), 1);
    fs::remove_dir(&paths[0]).unwrap();
    refused(world.flip().rollback(&live(), None), 1);
    assert_eq!(world.snapshot(), before);
    world.index("a", "a");
    world.now.set(NOON + 400 * 86_400);
    let moved = world.flip().rollback(&live(), None).unwrap();
    assert_eq!(moved.action, Some(Action::Rollback));
    assert_eq!(world.reader(), paths[0]);
    let error = refused(world.flip().rollback(&live(), None), 1).to_string();
    // It was moved forward, and what the quarantine refuses is no offer.
    assert!(error.contains("its stack is empty, it is back at its first target"), "{error}");
    assert!(error.contains("was left by a rollback and first has to be evaluated"), "{error}");
}

#[test]
fn a_refusal_says_how_many_targets_were_left_by_rollbacks() {
    let world = World::new();
    let paths = world.through(&["a", "b", "c"]);
    (0..2).for_each(|_| drop(world.flip().rollback(&live(), None).unwrap()));
    let error = refused(world.flip().rollback(&live(), None), 1).to_string();
    let left = "/b and 1 more were left by rollbacks and first have to be evaluated again";
    assert!(paths[1].ends_with("b") && error.contains(left), "{error}");
}

#[test]
fn rule_rollback_refuses_on_a_serving_hash_that_differs() {
    let world = World::new();
    world.through(&["a", "b"]);
    let other = |path: &Path| {
        let serving_hash = Digest::of("another graph");
        hash(path).map(|hashes| wfgy_pointer::Hashes { serving_hash, ..hashes })
    };
    let flip = Flip { hash: &other, ..world.flip() };
    let error = refused(flip.rollback(&live(), None), 1);
    assert_eq!(differs(&error), Some("SERVING_HASH"), "{error}");
}

/// Which hash of the target is another one.
fn differs(error: &FlipError) -> Option<&'static str> {
    match error {
        FlipError::NotWhole { why, .. } => match &**why {
            FlipError::Differs { difference } => Some(difference.what),
            _ => None,
        },
        _ => None,
    }
}

#[test]
fn a_rollback_whose_target_is_damaged_names_the_next_entry_that_is_whole() {
    let world = World::new();
    let paths = world.through(&["a", "b", "c", "d"]);
    world.index("c", "c, damaged");
    fs::remove_dir_all(&paths[1]).unwrap();
    let told = refused(world.flip().rollback(&live(), None), 1).to_string();
    let next = format!("run `vec alias update docs_live --to {}`", paths[0].display());
    assert!(told.contains(&next), "{told}");
    let moved = world.update(&paths[0]).unwrap();
    assert_eq!(moved.action, Some(Action::Rollback), "as the message says");
}

#[test]
fn rule_the_reason_of_a_rollback_is_recorded_and_it_overrode_nothing() {
    let world = World::new();
    let paths = world.through(&["a", "b"]);
    let back = |reason: &str| {
        world.flip().update(&live(), &paths[0], &Update { ground: person(reason), ..plain() })
    };
    refused(back(" \t"), 2);
    assert_eq!(back(" b is slow ").unwrap().action, Some(Action::Rollback));
    let history = world.flip().history(&live()).unwrap();
    let last = history.last().unwrap();
    assert_eq!((last.reason.as_deref(), last.overridden), (Some("b is slow"), false));
    // One that replaces a quarantine is an override.
    let world = World::new();
    let paths = world.through(&["a", "b", "a"]);
    world.flip().rollback(&live(), None).unwrap();
    let options = Update { ground: person("b is worse"), ..plain() };
    let moved = world.flip().update(&live(), &paths[0], &options).unwrap();
    assert_eq!(moved.action, Some(Action::Rollback));
    let history = world.flip().history(&live()).unwrap();
    let last = history.last().unwrap();
    assert_eq!((last.reason.as_deref(), last.overridden), (Some("b is worse"), true));
}
