//! What was left needs fresh evidence.

use wfgy_gate::Refusal;
use wfgy_pointer::Action;

use crate::world::{Case, NOON, World, forward, live};
use crate::{refusal, refused, state};

#[test]
fn rule_quarantine_needs_an_evaluation_that_began_after_the_rollback() {
    let world = World::new();
    let paths = world.through(&["a", "b"]);
    let early = world.begin();
    world.flip().rollback(&live(), None).unwrap();
    assert!(matches!(refusal(world.update(&paths[1]), 1), Refusal::Quarantined { .. }));
    // Filed after the rollback, but begun before it.
    world.file(&Case::of("b", early, NOON).verdict());
    assert!(matches!(refusal(world.update(&paths[1]), 1), Refusal::Quarantined { .. }));
    // A copy of the same index is the same index.
    let copy = world.index("copy of b", "b");
    assert!(matches!(refusal(world.update(&copy), 1), Refusal::Quarantined { .. }));
    world.evaluate("b", 0.9);
    let moved = world.update(&paths[1]).unwrap();
    assert!(moved.state.quarantine.is_empty());
}

#[test]
fn rule_quarantine_is_of_content_forward_and_of_path_and_hashes_back() {
    let world = World::new();
    let b = world.through(&["a", "b"])[1].clone();
    let copy = world.index("copy of b", "b");
    // b, its copy, back to b: the copy was left, b was not.
    world.update(&copy).unwrap();
    world.flip().rollback(&live(), None).unwrap();
    assert_eq!(state(&world).quarantine[0].entry.target, copy.to_str().unwrap());
    world.evaluate("c", 0.9);
    let c = world.index("c", "c");
    for instant in [true, false] {
        world.flip().update(&live(), &c, &forward()).unwrap();
        let moved = match instant {
            true => world.flip().rollback(&live(), None).unwrap(),
            false => world.update(&b).unwrap(),
        };
        assert_eq!((moved.action, world.reader()), (Some(Action::Rollback), b.clone()));
        world.evaluate("c", 0.9);
    }
    // Forward, a copy anywhere needs fresh evidence, and so does b itself.
    world.update(&c).unwrap();
    let third = world.index("third", "b");
    assert!(matches!(refusal(world.update(&third), 1), Refusal::Quarantined { .. }));
    let again = world.flip().update(&live(), &b, &forward());
    assert!(matches!(refusal(again, 1), Refusal::Quarantined { .. }));
    world.evaluate("b", 0.9);
    assert!(world.update(&third).unwrap().state.quarantine.is_empty());
}

#[test]
fn rule_a_quarantined_target_needs_evidence_even_where_the_stack_holds_it() {
    let world = World::new();
    let paths = world.through(&["a", "b", "a"]);
    // b again; a is in quarantine and still below it on the stack.
    world.flip().rollback(&live(), None).unwrap();
    assert_eq!(world.reader(), paths[1]);
    let error = refused(world.flip().rollback(&live(), None), 1).to_string();
    assert!(error.contains("all of its stack is in quarantine"), "{error}");
    for part in ["`wfgy_eval --gold GOLD --index ", "`vec alias update", "--override --reason WHY`"]
    {
        assert!(error.contains(part), "{part}: {error}");
    }
    assert!(matches!(refusal(world.update(&paths[0]), 1), Refusal::Quarantined { .. }));
    let filed = world.evaluate("a", 0.9);
    let moved = world.update(&paths[0]).unwrap();
    assert_eq!(moved.action, Some(Action::Rollback));
    assert_eq!(moved.state.verdict_digest, Some(filed.digest));
    assert!(moved.state.stack.is_empty());
    let fled: Vec<&str> = moved.state.quarantine.iter().map(|q| q.entry.target.as_str()).collect();
    assert_eq!(fled, [paths[1].to_str().unwrap()]);
}
