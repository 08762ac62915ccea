//! A person in place of verdict and quarantine.

use std::fs;
use std::path::Path;

use wfgy_pointer::Update;

use crate::refused;
use crate::world::{World, live, person, plain};

#[test]
fn rule_an_override_replaces_verdict_and_quarantine_only_and_is_recorded() {
    let world = World::new();
    let paths = world.through(&["a", "b"]);
    world.flip().rollback(&live(), None).unwrap();
    world.evaluate("b", 0.1);
    let overriding = Update { ground: person("the fire is elsewhere"), ..plain() };
    let with = |options: &Update, to: &Path| world.flip().update(&live(), to, options);
    refused(with(&Update { ground: person("  "), ..plain() }, &paths[1]), 2);
    // Not existence, not wholeness, not compare-and-set.
    refused(with(&overriding, &world.dir.path().join("missing")), 2);
    let hollow = world.dir.path().join("hollow");
    fs::create_dir(&hollow).unwrap();
    refused(with(&overriding, &hollow), 1);
    refused(with(&Update { expect_epoch: Some(1), ..overriding.clone() }, &paths[1]), 5);
    let moved = with(&overriding, &paths[1]).unwrap();
    assert_eq!((moved.state.verdict_digest, moved.state.quarantine.len()), (None, 0));
    let history = world.flip().history(&live()).unwrap();
    let last = history.last().unwrap();
    assert!(last.overridden && last.verdict_digest.is_none());
    assert_eq!(last.reason.as_deref(), Some("the fire is elsewhere"));
    assert!(history[..3].iter().all(|entry| !entry.overridden));
}
