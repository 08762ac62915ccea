//! A pointer whose write or answer is lost.

use wfgy_pointer::{Allowed, Closing, Event, FlipError, Ground, Journal, Recovery};

use crate::memory::{Fault, Faulty, MemoryPointer};
use crate::world::{World, live, plain};
use crate::{refused, state};

#[test]
fn the_protocol_is_the_same_over_another_adapter() {
    let world = World::new();
    let memory = MemoryPointer::default();
    let flip = || world.flip_of(&memory);
    let paths: Vec<_> = ["a", "b"].map(|name| world.index(name, name)).into();
    world.evaluate("a", 0.9);
    world.evaluate("b", 0.9);
    flip().create(&live(), &paths[0], Allowed::default(), &Ground::Verdicts).unwrap();
    flip().update(&live(), &paths[1], &plain()).unwrap();
    let moved = flip().rollback(&live(), Some(2)).unwrap();
    assert_eq!((moved.state.epoch, moved.state.quarantine.len()), (3, 1));
    assert_eq!(flip().show(&live()).unwrap(), moved.state);
    assert!(!world.store.path().join("aliases").exists());
    world.settled();
}

/// What the last intent of the journal came to.
pub(crate) fn last_closing(world: &World) -> Option<(Closing, bool)> {
    let chain = Journal::new(world.store.path()).read().unwrap();
    let intent = chain.records().iter().rev().find(|r| matches!(r.event, Event::Intent(_)));
    chain.closing(intent.unwrap().seq)
}

#[test]
fn a_write_that_never_arrived_is_read_back_as_not_moved() {
    let world = World::new();
    let paths = world.through(&["a", "b"]);
    let faulty = Faulty::new(&world.pointer, Fault::Lost);
    let error = refused(world.flip_of(&faulty).rollback(&live(), None), 4);
    assert!(error.to_string().contains("nothing moved"), "{error}");
    assert_eq!(last_closing(&world), Some((Closing::NotMoved, false)));
    assert_eq!(world.reader(), paths[1]);
    world.flip().rollback(&live(), Some(2)).unwrap();
}

#[test]
fn a_write_whose_answer_was_lost_is_read_back_as_moved() {
    let world = World::new();
    let paths = world.through(&["a", "b"]);
    let faulty = Faulty::new(&world.pointer, Fault::Unanswered);
    let moved = world.flip_of(&faulty).rollback(&live(), None).unwrap();
    assert_eq!(moved.warnings.len(), 1);
    assert_eq!(last_closing(&world), Some((Closing::Moved, false)));
    assert_eq!(world.reader(), paths[0]);
}

#[test]
fn rule_recovery_reads_the_pointer_back_and_closes_the_intent() {
    let world = World::new();
    let paths = world.through(&["a", "b"]);
    let faulty = Faulty::new(&world.pointer, Fault::Gone);
    let error = refused(world.flip_of(&faulty).rollback(&live(), None), 4);
    assert!(matches!(error, FlipError::Unknown { .. }));
    assert_eq!(last_closing(&world), None);
    // Looking writes nothing; the next command that may move does.
    assert_eq!(state(&world).epoch, 3);
    assert_eq!(last_closing(&world), None);
    let moved = world.update(&paths[0]).unwrap();
    assert_eq!(moved.action, None);
    assert_eq!(last_closing(&world), Some((Closing::Moved, true)));
    let chain = Journal::new(world.store.path()).read().unwrap();
    assert!(matches!(
        chain.records().last().unwrap().event,
        Event::Recovered(Recovery::OpenIntent { result: Closing::Moved, .. })
    ));
    assert!(world.flip().history(&live()).unwrap().last().unwrap().recovered);
    world.settled();
}
