//! What a name means, and what names a directory.

use std::fs;
use std::path::Path;

use wfgy_pointer::{Allowed, Ground, Named, Resolved, named_by, resolve};

use crate::world::{World, soon};

#[test]
fn rule_a_bare_name_is_an_alias_if_the_store_has_it_else_a_directory() {
    let world = World::new();
    world.through(&["a"]);
    let named = |name: &str| resolve(name, &world.store, &world.pointer, &soon);
    assert!(matches!(named("docs_live").unwrap(), Resolved::Alias(state) if state.epoch == 1));
    let dir = world.dir.path().join("a");
    assert_eq!(named(dir.to_str().unwrap()).unwrap(), Resolved::Directory(dir));
    // Tests run in the crate's folder, which has a directory `src`.
    assert_eq!(named("src").unwrap(), Resolved::Directory("src".into()));
    for missing in ["nothing", "./docs_live", "../nothing/x"] {
        assert_eq!(named(missing).unwrap_err().exit_code(), 2);
    }
    let src = "src".parse().unwrap();
    let a = world.index("a", "a");
    world.flip().create(&src, &a, Allowed::default(), &Ground::Verdicts).unwrap();
    let error = named("src").unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().contains("write `./src`"), "{error}");
    assert_eq!(named("./src").unwrap(), Resolved::Directory("./src".into()));
}

#[test]
fn rule_a_directory_that_alias_or_stack_names_is_named_by_them() {
    let world = World::new();
    let paths = world.through(&["a", "b"]);
    let named = |dir: &Path| named_by(&world.store, &world.pointer, dir, soon()).unwrap();
    let by = |path: &Path, live| Named {
        alias: "docs_live".into(),
        target: path.to_str().unwrap().into(),
        live,
    };
    assert_eq!(named(&paths[1]), [by(&paths[1], true)]);
    assert_eq!(named(&paths[0]), [by(&paths[0], false)]);
    assert_eq!(named(&paths[0].join("../a/.")), [by(&paths[0], false)]);
    assert_eq!(named(world.dir.path()), [by(&paths[0], false), by(&paths[1], true)]);
    assert_eq!(named(&world.index("ab", "x")), []);
    assert_eq!(named(&world.dir.path().join("missing")), []);
}

#[test]
fn an_alias_that_was_removed_by_hand_still_names_what_it_named() {
    let world = World::new();
    let paths = world.through(&["a", "b"]);
    let alias = world.store.path().join("aliases/docs_live");
    let named = |dir: &Path| named_by(&world.store, &world.pointer, dir, soon()).unwrap();
    let whole = [named(&paths[0]), named(&paths[1])];
    fs::remove_file(alias.join("current")).unwrap();
    assert_eq!([named(&paths[0]), named(&paths[1])], whole);
    // Its name is not taken for a directory's.
    let error = resolve("docs_live", &world.store, &world.pointer, &soon).unwrap_err();
    assert_eq!(error.exit_code(), 2, "{error}");
    let told = error.to_string();
    assert!(told.contains("moved alias docs_live to epoch 2, but the alias is gone"), "{told}");
    // Nothing here is a directory of that name.
    assert!(!told.contains("./docs_live"), "{told}");
    fs::remove_dir_all(alias).unwrap();
    assert_eq!([named(&paths[0]), named(&paths[1])], whole);
    assert!(resolve("docs_live", &world.store, &world.pointer, &soon).is_err());
}

#[test]
fn an_alias_that_was_changed_by_hand_names_nothing_for_certain() {
    let world = World::new();
    let paths = world.through(&["a", "b"]);
    let current = world.store.path().join("aliases/docs_live/current");
    fs::remove_file(&current).unwrap();
    std::os::unix::fs::symlink("versions/1", &current).unwrap();
    let error = named_by(&world.store, &world.pointer, &paths[1], soon()).unwrap_err();
    assert_eq!(error.exit_code(), 2, "{error}");
    assert!(error.to_string().contains("it was put back by hand"), "{error}");
    assert!(resolve("docs_live", &world.store, &world.pointer, &soon).is_err());
}

#[test]
fn list_shows_every_alias_even_beside_a_damaged_one() {
    let world = World::new();
    world.through(&["a"]);
    let a = world.index("a", "a");
    let other = "another".parse().unwrap();
    world.flip().create(&other, &a, Allowed::default(), &Ground::Verdicts).unwrap();
    fs::write(world.store.path().join("aliases/another/versions/1/state.json"), "{").unwrap();
    let list = world.flip().list().unwrap();
    assert_eq!(list[0].0, "another");
    assert_eq!(list[0].1.as_ref().unwrap_err().exit_code(), 1);
    assert_eq!((list[1].0.as_str(), list[1].1.as_ref().unwrap().epoch), ("docs_live", 1));
}
