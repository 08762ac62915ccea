//! The first target of an alias.

use std::fs;
use std::path::Path;

use wfgy_gate::Refusal;
use wfgy_pointer::Action;

use crate::world::{Case, NOON, World};
use crate::{refusal, refused};

#[test]
fn rule_create_takes_its_first_target_like_a_forward_flip() {
    let world = World::new();
    let a = world.index("docs_vA", "a");
    let error = refused(world.create(&a), 1).to_string();
    assert!(error.contains("run `wfgy_eval --gold GOLD --index"), "{error}");
    assert!(!world.store.path().exists(), "a refused command makes no store");
    let filed = world.evaluate("a", 0.9);
    let moved = world.create(&a).unwrap();
    assert_eq!(moved.action, Some(Action::Create));
    assert_eq!((moved.state.epoch, moved.state.verdict_digest), (1, Some(filed.digest)));
    assert_eq!(moved.state.changed_at, "2026-05-28T20:26:40Z");
    assert_eq!(world.reader(), a);
    assert!(moved.warnings.is_empty());
    world.settled();
}

#[test]
fn rule_create_of_an_existing_alias_is_exit_2_and_names_the_update() {
    let world = World::new();
    world.through(&["a"]);
    let b = world.index("b c", "b");
    let error = refused(world.create(&b), 2).to_string();
    assert!(error.contains(&format!("vec alias update docs_live --to '{}'", b.display())));
}

#[test]
fn rule_to_takes_a_directory_and_stores_its_canonical_absolute_path() {
    let world = World::new();
    let a = world.index("docs_vA", "a");
    let link = world.dir.path().join("link");
    std::os::unix::fs::symlink(&a, &link).unwrap();
    world.evaluate("a", 0.9);
    let moved = world.create(&link.join("../docs_vA/.")).unwrap();
    assert_eq!(Path::new(&moved.state.target), a);
    refused(world.update(&world.dir.path().join("missing")), 2);
    refused(world.update(&a.join("content")), 2);
}

#[test]
fn a_path_that_is_not_utf_8_is_refused() {
    use std::os::unix::ffi::OsStrExt;
    let world = World::new();
    let path = world.dir.path().join(std::ffi::OsStr::from_bytes(b"docs\xff"));
    fs::create_dir(&path).unwrap();
    fs::write(path.join("content"), "x").unwrap();
    world.evaluate("x", 0.9);
    let error = refused(world.create(&path), 2).to_string();
    assert!(error.contains("is not UTF-8"), "{error}");
}

#[test]
fn rule_a_verdict_with_a_skipped_hard_criterion_approves_a_creation_only() {
    let world = World::new();
    let (a, b) = (world.index("a", "a"), world.index("b", "b"));
    for content in ["a", "b"] {
        let began = world.begin();
        world.file(&Case { drift: Some(None), ..Case::of(content, began, NOON) }.verdict());
    }
    world.create(&a).unwrap();
    assert!(matches!(refusal(world.update(&b), 1), Refusal::CreationOnly { .. }));
}
