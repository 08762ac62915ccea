//! What was altered, cut or removed is refused, by name; never taken for a pass.

#![allow(clippy::unwrap_used, reason = "a test that fails here has found something")]

#[path = "pointer/memory.rs"]
mod memory;
#[path = "pointer/world.rs"]
mod world;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use memory::{Fault, Faulty, MemoryPointer};
use wfgy_gate::Timestamp;
use wfgy_pointer::{Allowed, Event, FlipError, Ground, Journal, Recovery, VerdictStore};
use world::{Case, NOON, World, live, soon};

/// Three records a flip: a verdict, an intent, an outcome.
fn flipped() -> World {
    let world = World::new();
    world.through(&["a", "b", "c"]);
    world.evaluate("d", 0.9);
    world.index("d", "d");
    world
}

/// Nothing moves, whatever is asked; the first message.
fn refused_everywhere(world: &World) -> String {
    let before = fs::read_link(world.store.path().join("aliases/docs_live/current")).unwrap();
    let d = world.dir.path().join("d");
    let errors: Vec<FlipError> = [
        world.update(&d).unwrap_err(),
        world.flip().rollback(&live(), None).unwrap_err(),
        world.flip().show(&live()).unwrap_err(),
    ]
    .into();
    for error in &errors {
        assert_eq!(error.exit_code(), 1, "{error}");
        assert!(!error.to_string().contains('\n'), "{error}");
    }
    let after = fs::read_link(world.store.path().join("aliases/docs_live/current")).unwrap();
    assert_eq!(before, after);
    errors[0].to_string()
}

fn lines(world: &World) -> Vec<String> {
    fs::read_to_string(world.journal()).unwrap().lines().map(str::to_owned).collect()
}

fn write(world: &World, lines: &[String]) {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    fs::write(world.journal(), text).unwrap();
}

#[test]
fn rule_a_changed_byte_anywhere_in_the_journal_is_refused_with_the_first_bad_line() {
    let world = flipped();
    let whole = fs::read(world.journal()).unwrap();
    let mut line = 1;
    for (at, byte) in whole.iter().enumerate() {
        // Every 37th byte, and every end of a line.
        if at % 37 == 0 || *byte == b'\n' {
            let mut altered = whole.clone();
            altered[at] ^= 1;
            fs::write(world.journal(), &altered).unwrap();
            let error = Journal::new(world.store.path()).read().unwrap_err();
            assert_eq!(error.exit_code(), 1);
            let message = error.to_string();
            assert!(message.contains(&format!("journal.jsonl:{line}: ")), "byte {at}: {message}");
        }
        line += usize::from(*byte == b'\n');
    }
    assert_eq!(line, 11, "ten records");
    refused_everywhere(&world);
    fs::write(world.journal(), &whole).unwrap();
    world.update(&world.dir.path().join("d")).unwrap();
}

#[test]
fn an_unknown_field_or_another_spelling_is_an_altered_record() {
    let world = flipped();
    let whole = lines(&world);
    for (from, to) in [("{", "{\"zz\":1,"), (":4,", ":4.0,"), ("{", "{ ")] {
        let mut altered = whole.clone();
        altered[3] = altered[3].replacen(from, to, 1);
        assert_ne!(altered, whole);
        write(&world, &altered);
        assert!(refused_everywhere(&world).contains("journal.jsonl:4: "));
    }
}

#[test]
fn rule_a_cut_tail_is_seen() {
    let world = flipped();
    let whole = lines(&world);
    for kept in 0..whole.len() {
        write(&world, &whole[..kept]);
        let message = refused_everywhere(&world);
        assert!(message.contains("the tail was cut off"), "{kept}: {message}");
    }
    // Cut in the middle of a record that counted: not a torn write.
    let text = fs::read_to_string(world.journal()).unwrap() + &whole[9][..20];
    fs::write(world.journal(), text).unwrap();
    refused_everywhere(&world);
    fs::remove_file(world.journal()).unwrap();
    assert!(refused_everywhere(&world).contains("the tail was cut off"));
}

#[test]
fn rule_a_cut_tail_is_seen_by_the_head_that_the_state_carries() {
    // Journal and head from a backup, made before the last flip: they agree with each other.
    let world = World::new();
    world.through(&["a", "b"]);
    let store = world.store.path();
    let backup = ["journal.jsonl", "journal.head"].map(|name| fs::read(store.join(name)).unwrap());
    world.evaluate("c", 0.9);
    world.update(&world.index("c", "c")).unwrap();
    world.index("d", "d");
    for (name, bytes) in ["journal.jsonl", "journal.head"].iter().zip(backup) {
        fs::write(store.join(name), bytes).unwrap();
    }
    Journal::new(store).read().unwrap();
    let message = refused_everywhere(&world);
    assert!(message.contains("which announced the state of alias docs_live"), "{message}");
}

#[test]
fn records_that_were_taken_out_or_swapped_are_seen() {
    let world = flipped();
    let whole = lines(&world);
    for taken in 0..whole.len() - 1 {
        let mut altered = whole.clone();
        altered.remove(taken);
        write(&world, &altered);
        refused_everywhere(&world);
    }
    let mut altered = whole.clone();
    altered.swap(3, 4);
    write(&world, &altered);
    assert!(refused_everywhere(&world).contains("journal.jsonl:4: "));
}

#[test]
fn a_journal_without_its_head_is_refused() {
    let world = flipped();
    fs::remove_file(world.store.path().join("journal.head")).unwrap();
    assert!(refused_everywhere(&world).contains("journal.head: is missing"));
    fs::write(world.store.path().join("journal.head"), "{}").unwrap();
    assert!(refused_everywhere(&world).contains("journal.head: is damaged"));
}

#[test]
fn rule_a_torn_last_line_is_moved_aside_and_recorded() {
    let world = flipped();
    let before = fs::read(world.journal()).unwrap();
    for (n, torn) in ["{\"at\":\"20", "\0\0\0\0\0\0\n"].iter().enumerate() {
        let mut bytes = fs::read(world.journal()).unwrap();
        bytes.extend_from_slice(torn.as_bytes());
        fs::write(world.journal(), &bytes).unwrap();
        // Looking changes nothing.
        world.flip().show(&live()).unwrap();
        assert_eq!(fs::read(world.journal()).unwrap(), bytes);
        world.evaluate("x", 0.9);
        let aside = world.store.path().join(format!("journal.torn.{}", n + 1));
        assert_eq!(fs::read(aside).unwrap(), torn.as_bytes());
    }
    let chain = Journal::new(world.store.path()).read().unwrap();
    let torn: Vec<u64> = chain
        .records()
        .iter()
        .filter_map(|record| match &record.event {
            Event::Recovered(Recovery::TornLine { bytes, .. }) => Some(*bytes),
            _ => None,
        })
        .collect();
    assert_eq!(torn, [9, 7]);
    assert!(fs::read(world.journal()).unwrap().starts_with(&before));
    world.settled();
}

#[test]
fn rule_a_missing_or_altered_verdict_is_refused_as_tampered() {
    let world = World::new();
    world.through(&["a"]);
    let b = world.index("b", "b");
    let fail = world.evaluate("b", 0.1);
    let pass = world.evaluate("b", 0.9);
    let bytes = fs::read(&fail.path).unwrap();
    let check = |problem: &str| {
        let error = world.update(&b).unwrap_err();
        assert_eq!(error.exit_code(), 1, "{error}");
        let message = error.to_string();
        assert!(message.contains("tampered") && message.contains(problem), "{message}");
        assert!(message.contains(fail.path.to_str().unwrap()), "{message}");
    };
    fs::remove_file(&fail.path).unwrap();
    check("its file is missing");
    for at in (0..bytes.len()).step_by(211) {
        let mut altered = bytes.clone();
        altered[at] ^= 1;
        fs::write(&fail.path, altered).unwrap();
        check("its sha256 is");
    }
    // A whole verdict in the place of another.
    fs::copy(&pass.path, &fail.path).unwrap();
    check("its sha256 is");
    // Others are not held up by it, and neither is a rollback.
    world.evaluate("c", 0.9);
    world.update(&world.index("c", "c")).unwrap();
    world.flip().rollback(&live(), None).unwrap();
    fs::write(&fail.path, bytes).unwrap();
    world.update(&b).unwrap();
}

#[test]
fn a_verdict_that_was_never_filed_counts_for_nothing() {
    let world = World::new();
    world.through(&["a"]);
    let b = world.index("b", "b");
    let verdict = Case::of("b", 0, NOON).verdict();
    let bytes = wfgy_core::canonical_json(&verdict).unwrap();
    let name = format!("verdicts/{}.json", verdict.digest().unwrap());
    fs::write(world.store.path().join(name), bytes).unwrap();
    assert_eq!(world.update(&b).unwrap_err().exit_code(), 1);
}

#[test]
fn rule_a_changed_byte_anywhere_in_the_state_is_refused() {
    let world = flipped();
    let path = world.store.path().join("aliases/docs_live/versions/3/state.json");
    let whole = fs::read(&path).unwrap();
    for at in (0..whole.len()).step_by(13) {
        let mut altered = whole.clone();
        altered[at] ^= 1;
        fs::write(&path, &altered).unwrap();
        refused_everywhere(&world);
    }
    for (from, to) in [("\"epoch\":3", "\"epoch\":9"), ("\"quarantine\":[]", "\"quarantine\":[ ]")]
    {
        let text = String::from_utf8(whole.clone()).unwrap();
        assert!(text.contains(from));
        fs::write(&path, text.replace(from, to)).unwrap();
        refused_everywhere(&world);
    }
    // The state of before, which the journal announced, is not the state of now.
    let two = world.store.path().join("aliases/docs_live/versions/2/state.json");
    fs::copy(two, &path).unwrap();
    refused_everywhere(&world);
    fs::write(&path, whole).unwrap();
    world.update(&world.dir.path().join("d")).unwrap();
}

#[test]
fn a_pointer_that_was_put_elsewhere_by_hand_is_refused() {
    let world = flipped();
    let alias = world.store.path().join("aliases/docs_live");
    let point = |link: &Path, to: &str| {
        fs::remove_file(link).unwrap();
        symlink(to, link).unwrap();
    };
    // Back to an older version: its state is whole, but an epoch would come twice.
    point(&alias.join("current"), "versions/2");
    assert!(refused_everywhere(&world).contains("was put back by hand"));
    for nowhere in ["versions/9", "versions/03", "../../..", "/"] {
        point(&alias.join("current"), nowhere);
        refused_everywhere(&world);
    }
    point(&alias.join("current"), "versions/3");
    point(&alias.join("versions/3/target"), world.dir.path().join("d").to_str().unwrap());
    assert!(refused_everywhere(&world).contains("but state.json says"));
}

#[test]
fn rule_an_alias_that_was_removed_by_hand_is_refused_and_not_made_anew() {
    let world = World::new();
    let paths = world.through(&["a", "b"]);
    world.flip().rollback(&live(), None).unwrap();
    world.evaluate("b", 0.9);
    let folder = world.store.path().join("aliases/docs_live");
    let current = fs::read_link(folder.join("current")).unwrap();
    let check = || {
        let before = world.snapshot();
        let errors: [FlipError; 6] = [
            world.create(&paths[0]).unwrap_err(),
            world.create(&paths[1]).unwrap_err(),
            world.update(&paths[1]).unwrap_err(),
            world.flip().rollback(&live(), None).unwrap_err(),
            world.flip().show(&live()).unwrap_err(),
            world.flip().list().unwrap().remove(0).1.unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.exit_code(), 1, "{error}");
            let message = error.to_string();
            let parts = ["journal.jsonl:7: moved alias docs_live to epoch 3", "backup"];
            assert!(parts.iter().all(|part| message.contains(part)), "{message}");
            assert!(!message.contains('\n'), "{message}");
        }
        assert_eq!(world.snapshot(), before);
    };
    fs::remove_file(folder.join("current")).unwrap();
    check();
    // An alias beside it is not held up.
    let other = "other".parse().unwrap();
    world.flip().create(&other, &paths[1], Allowed::default(), &Ground::Verdicts).unwrap();
    assert_eq!(world.flip().list().unwrap().len(), 2);
    symlink(current, folder.join("current")).unwrap();
    world.update(&paths[1]).unwrap();
    fs::remove_dir_all(&folder).unwrap();
    assert_eq!(world.flip().show(&live()).unwrap_err().exit_code(), 1);
    assert_eq!(world.create(&paths[1]).unwrap_err().exit_code(), 1);
}

#[test]
fn an_open_intent_of_an_alias_that_was_removed_stays_open() {
    let world = World::new();
    let paths = world.through(&["a", "b"]);
    let faulty = Faulty::new(&world.pointer, Fault::Gone);
    assert_eq!(world.flip_of(&faulty).rollback(&live(), None).unwrap_err().exit_code(), 4);
    fs::remove_file(world.store.path().join("aliases/docs_live/current")).unwrap();
    let before = world.snapshot();
    assert_eq!(world.create(&paths[0]).unwrap_err().exit_code(), 1);
    assert_eq!(world.snapshot(), before);
    let other = "other".parse().unwrap();
    world.flip().create(&other, &paths[0], Allowed::default(), &Ground::Verdicts).unwrap();
    let chain = Journal::new(world.store.path()).read().unwrap();
    assert_eq!(chain.open_intents().len(), 1);
}

#[test]
fn a_creation_that_died_before_its_first_swap_is_no_damage() {
    let world = World::new();
    let a = world.index("a", "a");
    world.evaluate("a", 0.9);
    let memory = MemoryPointer::default();
    let faulty = Faulty::new(&memory, Fault::Gone);
    // The swap of the memory is lost with it: what is left is an open intent and no alias.
    let create = world.flip_of(&faulty);
    create.create(&live(), &a, Allowed::default(), &Ground::Verdicts).unwrap_err();
    assert_eq!(world.flip().show(&live()).unwrap_err().exit_code(), 2);
    assert!(world.flip().list().unwrap().is_empty());
    assert_eq!(world.create(&a).unwrap().state.epoch, 1);
    world.settled();
}

#[test]
fn an_evaluation_does_not_begin_or_file_in_a_store_that_was_tampered_with() {
    let world = flipped();
    let whole = lines(&world);
    write(&world, &whole[..4]);
    let store = VerdictStore::new(&world.store);
    assert_eq!(store.begin(soon()).unwrap_err().exit_code(), 1);
    let verdict = Case::of("a", 0, NOON).verdict();
    let error = store.file(&verdict, Timestamp::from_unix(NOON), "me", soon()).unwrap_err();
    assert_eq!(error.exit_code(), 1);
    assert_eq!(lines(&world), whole[..4]);
}
