//! What the program `vec` says of a store, and what becomes of what it says.

#![allow(clippy::unwrap_used, reason = "a test that fails here has found something")]

#[path = "pointer/world.rs"]
mod world;

use std::fs::File;
use std::process::{Command, Output, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use wfgy_pointer::Update;
use world::{Case, World, live, person, plain};

/// `vec` on the store of this world.
fn vec(world: &World, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vec"));
    command.args(args).arg("--store").arg(world.store.path()).env_remove("WFGY_STORE");
    command.current_dir(world.dir.path()).stdin(Stdio::null());
    command
}

fn text(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What `alias show` prints. The targets of a world are plain directories, which it refuses.
fn show(world: &World) -> String {
    let output = vec(world, &["alias", "show", "docs_live"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// A world whose clock is that of the programs.
fn now() -> World {
    let world = World::new();
    world.now.set(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs());
    world
}

fn row(shown: &str, name: &str) -> String {
    let line = shown.lines().find(|line| line.starts_with(name)).unwrap();
    line[name.len()..].trim().to_owned()
}

#[test]
fn show_says_why_there_is_no_verdict() {
    let world = now();
    let paths = world.through(&["a", "b"]);
    let verdict = || row(&show(&world), "verdict");
    assert_eq!(verdict().len(), 64);
    world.flip().rollback(&live(), None).unwrap();
    assert_eq!(verdict(), "none needed (rollback)");
    let options = Update { ground: person("why"), ..plain() };
    world.flip().update(&live(), &paths[1], &options).unwrap();
    assert_eq!(verdict(), "none (overridden)");
    // A change of what may approve changes nothing of it.
    let policy = ["alias", "policy", "docs_live", "--reason", "x", "--gold", &"0".repeat(64)];
    text(&vec(&world, &policy).output().unwrap());
    assert_eq!(verdict(), "none (overridden)");
}

#[test]
fn show_marks_as_quarantined_what_a_rollback_would_pass_over() {
    let world = now();
    world.through(&["a", "b"]);
    // b, its copy, back to b, then c: the copy is in quarantine, b on the stack is not.
    world.update(&world.index("copy", "b")).unwrap();
    world.flip().rollback(&live(), None).unwrap();
    world.evaluate("c", 0.9);
    world.update(&world.index("c", "c")).unwrap();
    let shown = show(&world);
    assert!(!shown.contains("(quarantine)"), "{shown}");
    assert!(row(&shown, "quarantine").contains("/copy"), "{shown}");
    // a, b, a again, back to b: a is on the stack and in quarantine.
    let world = now();
    world.through(&["a", "b", "a"]);
    world.flip().rollback(&live(), None).unwrap();
    let shown = show(&world);
    assert!(row(&shown, "stack").ends_with("(quarantine)"), "{shown}");
}

#[test]
fn verify_says_what_a_verdict_approves() {
    let world = now();
    let begun = || Case::of("a", world.begin(), world.now.get());
    let verify = |case: Case| {
        let filed = world.file(&case.verdict());
        vec(&world, &["verify", &filed.digest.to_string()]).output().unwrap()
    };
    let shown = text(&verify(begun()));
    assert!(shown.starts_with("PASS") && !shown.contains("approves"), "{shown}");
    let shown = text(&verify(Case { drift: Some(None), ..begun() }));
    assert!(shown.contains("approves the creation of an alias only"), "{shown}");
    let unchecked = verify(Case { compared: false, ..begun() });
    assert_eq!(unchecked.status.code(), Some(1), "{unchecked:?}");
    let shown = String::from_utf8(unchecked.stdout).unwrap();
    assert!(shown.starts_with("PASS"), "{shown}");
    assert!(shown.contains("approves nothing: stored vectors were not compared"), "{shown}");
}

#[test]
fn verify_grants_the_tolerance_of_expiry_that_a_flip_grants() {
    let world = now();
    let aged = |seconds: u64| {
        let ended = world.now.get() - 86_400 - seconds;
        let filed = world.file(&Case::of("a", world.begin(), ended).verdict());
        vec(&world, &["verify", &filed.digest.to_string()]).output().unwrap().status.code()
    };
    // A second has perhaps passed since the world read the clock.
    assert_eq!(aged(20), Some(0));
    assert_eq!(aged(61), Some(1));
}

#[test]
fn verify_says_that_a_verdict_is_from_the_future() {
    let world = now();
    let ahead = |seconds: u64| {
        let ended = world.now.get() + seconds;
        let filed = world.file(&Case::of("a", world.begin(), ended).verdict());
        vec(&world, &["verify", &filed.digest.to_string()]).output().unwrap()
    };
    assert_eq!(ahead(50).status.code(), Some(0));
    let output = ahead(3600);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.starts_with("PASS"), "{shown}");
    assert!(shown.contains("approves nothing: it was made at 20"), "{shown}");
    assert!(shown.contains("which is after now: set the clock right"), "{shown}");
}

#[test]
fn an_output_that_cannot_be_written_is_exit_4_and_says_what_was_done() {
    let world = now();
    world.through(&["a"]);
    let full = || File::options().write(true).open("/dev/full").unwrap();
    let gold = "0".repeat(64);
    let policy = ["alias", "policy", "docs_live", "--reason", "x", "--gold", &gold];
    let commands: [(&[&str], &str); 4] = [
        (&policy, "what may approve was changed; standard output cannot be written"),
        (&["alias", "show", "docs_live"], "standard output cannot be written"),
        (&["alias", "list"], "standard output cannot be written"),
        (&["alias", "history", "docs_live"], "standard output cannot be written"),
    ];
    for (args, message) in commands {
        for form in ["text", "json"] {
            let mut command = vec(&world, args);
            let output = command.args(["--format", form]).stdout(full()).output().unwrap();
            let told = String::from_utf8(output.stderr).unwrap();
            // The change is made in the first form and is already so in the second.
            let message = if form == "json" { "standard output cannot" } else { message };
            assert_eq!(output.status.code(), Some(4), "{args:?}: {told}");
            assert!(told.contains(message) && told.lines().count() == 1, "{args:?}: {told}");
        }
    }
    assert_eq!(world.flip().show(&live()).unwrap().epoch, 2);
}

#[test]
fn a_reader_that_left_early_is_no_error() {
    let world = now();
    world.through(&["a"]);
    let commands: [&[&str]; 2] = [&["alias", "list"], &["alias", "history", "docs_live"]];
    for args in commands {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = vec(&world, args);
        let output = command.stdout(writer).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert!(output.stderr.is_empty(), "{output:?}");
    }
}

#[test]
fn a_store_option_that_names_a_file_is_exit_2() {
    let world = now();
    let file = world.index("a", "a").join("content");
    let verdict = world.dir.path().join("verdict.json");
    let bytes = wfgy_core::canonical_json(&Case::of("a", 0, world.now.get()).verdict()).unwrap();
    std::fs::write(&verdict, bytes).unwrap();
    let commands: [&[&str]; 4] = [
        &["alias", "list"],
        &["alias", "show", "docs_live"],
        &["alias", "create", "docs_live", "--to", "a"],
        &["verify", "verdict.json"],
    ];
    for args in commands {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vec"));
        command.args(args).arg("--store").arg(&file).current_dir(world.dir.path());
        let output = command.output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {told}");
        assert!(told.contains("is a file, not the folder of a store"), "{args:?}: {told}");
        assert_eq!(told.lines().count(), 1, "{args:?}: {told}");
    }
}
