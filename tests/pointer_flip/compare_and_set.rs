//! What changed since it was looked at is not moved.

use std::fs;
use std::path::Path;

use wfgy_core::Pointer;
use wfgy_pointer::{Allowed, Closing, Flip, FlipError, Ground, Moved, Place, Update};

use crate::memory::{Fault, Faulty, MemoryPointer};
use crate::recovery::last_closing;
use crate::refused;
use crate::world::{NOON, World, hash, live, person, plain, soon};

#[test]
fn rule_a_differing_epoch_is_exit_5_even_if_the_target_is_the_same() {
    let world = World::new();
    let paths = world.through(&["a", "b"]);
    let before = world.snapshot();
    let expecting = |epoch| Update { expect_epoch: Some(epoch), ..plain() };
    for to in [&paths[1], &paths[0]] {
        let error = refused(world.flip().update(&live(), to, &expecting(1)), 5).to_string();
        assert!(error.contains("expected epoch 1, found epoch 2"), "{error}");
        assert!(error.contains("run `vec alias show docs_live`"), "{error}");
    }
    refused(world.flip().rollback(&live(), Some(3)), 5);
    assert_eq!(world.snapshot(), before);
    world.flip().rollback(&live(), Some(2)).unwrap();
}

#[test]
fn rule_compare_and_set_is_on_what_was_read_at_the_start() {
    let world = World::new();
    let paths = world.through(&["a", "b"]);
    // While this command hashes its target, another one rolls back and comes forward again.
    let meddled = std::cell::Cell::new(false);
    let meddling = |path: &Path| {
        if !meddled.replace(true) {
            world.flip().rollback(&live(), None).unwrap();
            world.evaluate("b", 0.9);
            world.update(&paths[1]).unwrap();
        }
        hash(path)
    };
    let flip = Flip { hash: &meddling, ..world.flip() };
    let error = refused(flip.rollback(&live(), None), 5);
    let at = |epoch| Some(Place { target: paths[1].to_str().unwrap().into(), epoch });
    assert!(
        matches!(&error, FlipError::Moved { expected, found, .. } if (expected, found) == (&at(2), &at(4))),
        "{error}"
    );
    assert_eq!(world.reader(), paths[1]);
}

#[test]
fn a_pointer_that_somebody_else_moves_meanwhile_is_exit_5() {
    let world = World::new();
    let memory = MemoryPointer::default();
    let paths: Vec<_> = ["a", "b"].map(|name| world.index(name, name)).into();
    world.evaluate("a", 0.9);
    world.evaluate("b", 0.9);
    let create = world.flip_of(&memory);
    create.create(&live(), &paths[0], Allowed::default(), &Ground::Verdicts).unwrap();
    let faulty = Faulty::new(&memory, Fault::Overtaken);
    let error = refused(world.flip_of(&faulty).update(&live(), &paths[1], &plain()), 5);
    assert!(error.to_string().contains("/elsewhere"), "{error}");
    assert_eq!(last_closing(&world), Some((Closing::Conflict, false)));
    // What somebody else wrote was never announced in this journal.
    let found = memory.read("docs_live", soon()).unwrap().unwrap();
    assert_eq!(found.target, "/elsewhere");
    refused(world.flip_of(&memory).update(&live(), &paths[1], &plain()), 1);
}

#[test]
fn a_directory_that_is_replaced_while_it_is_hashed_is_refused() {
    let world = World::new();
    world.through(&["a"]);
    let b = world.index("b", "b");
    world.evaluate("b", 0.9);
    let replacing = |path: &Path| {
        let hashes = hash(path);
        world.index("new", "something else");
        fs::rename(path, world.dir.path().join("old")).unwrap();
        fs::rename(world.dir.path().join("new"), path).unwrap();
        hashes
    };
    let flip = Flip { hash: &replacing, ..world.flip() };
    let error = refused(flip.update(&live(), &b, &plain()), 1);
    assert!(matches!(error, FlipError::Changed { .. }));
}

#[test]
fn rule_a_target_that_changes_after_it_was_hashed_is_refused_forward_and_back() {
    let world = World::new();
    let paths = world.through(&["a", "b"]);
    let c = world.index("c", "c");
    world.evaluate("c", 0.9);
    let long_ago = std::time::UNIX_EPOCH + std::time::Duration::from_secs(NOON);
    let age = |path: &Path| {
        let file = fs::File::options().write(true).open(path.join("content")).unwrap();
        file.set_modified(long_ago).unwrap();
    };
    // Damage of the same size in the same file, a file that came, a file that went.
    let damages: [&dyn Fn(&Path); 3] = [
        &|path| fs::write(path.join("content"), "x").unwrap(),
        &|path| fs::write(path.join("more"), "x").unwrap(),
        &|path| fs::remove_file(path.join("content")).unwrap(),
    ];
    let before = world.snapshot();
    for damage in damages {
        let damaging = |path: &Path| {
            let hashes = hash(path);
            damage(path);
            hashes
        };
        let flip = Flip { hash: &damaging, ..world.flip() };
        let new = "new".parse().unwrap();
        let commands: [&dyn Fn() -> Result<Moved, FlipError>; 4] = [
            &|| flip.update(&live(), &c, &plain()),
            &|| flip.update(&live(), &c, &Update { ground: person("why"), ..plain() }),
            &|| flip.rollback(&live(), None),
            &|| flip.create(&new, &c, Allowed::default(), &Ground::Verdicts),
        ];
        for command in commands {
            for (path, content) in [(&paths[0], "a"), (&c, "c")] {
                let _ = fs::remove_file(path.join("more"));
                fs::write(path.join("content"), content).unwrap();
                age(path);
            }
            let error = refused(command(), 1);
            assert!(matches!(error, FlipError::Changed { .. }), "{error}");
        }
        assert_eq!(world.snapshot(), before);
    }
    fs::write(c.join("content"), "c").unwrap();
    world.update(&c).unwrap();
}
