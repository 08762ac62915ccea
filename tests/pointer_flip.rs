//! The flip protocol, rule by rule, on the local pointer.

#![allow(clippy::unwrap_used, reason = "a test that fails here has found something")]

#[path = "pointer/memory.rs"]
mod memory;
#[path = "pointer/world.rs"]
mod world;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use memory::{Fault, Faulty, MemoryPointer};
use wfgy_core::{Deadline, Digest, Pointer};
use wfgy_gate::{Refusal, Timestamp, Unusable, Verdict};
use wfgy_pointer::{
    Action, Allowed, Closing, Event, FilingError, Flip, FlipError, Ground, Journal, Moved, Named,
    Place, Recovery, Resolved, StoreDir, Update, VerdictStore, named_by, resolve,
};
use world::{Case, NOON, World, forward, hash, live, person, plain, soon};

/// The error, which must be one line and have this exit code.
fn refused(result: Result<Moved, FlipError>, exit_code: u8) -> FlipError {
    let error = result.expect_err("refused");
    assert_eq!(error.exit_code(), exit_code, "{error}");
    assert!(!error.to_string().contains('\n'), "{error}");
    error
}

fn refusal(result: Result<Moved, FlipError>, exit_code: u8) -> Refusal {
    match refused(result, exit_code) {
        FlipError::Refused { refusal, .. } => *refusal,
        other => panic!("not a refusal of the gate: {other}"),
    }
}

fn state(world: &World) -> wfgy_core::PointerState {
    world.flip().show(&live()).unwrap()
}

#[test]
fn rule_create_takes_its_first_target_like_a_forward_flip() {
    let world = World::new();
    let a = world.index("docs_vA", "a");
    let error = refused(world.create(&a), 1).to_string();
    assert!(error.contains("run `wfgy_eval --gold GOLD --index"), "{error}");
    assert!(!world.pointer.live(&live()).exists());
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
fn rule_update_of_an_unknown_alias_is_exit_2_and_prints_the_create_line() {
    let world = World::new();
    let error = refused(world.update(Path::new("docs_vB")), 2).to_string();
    assert!(error.contains("run `vec alias create docs_live --to docs_vB`"), "{error}");
    assert!(!world.store.path().exists(), "a refused command makes no store");
    refused(world.flip().rollback(&live(), None), 2);
    refused(world.flip().allow(&live(), Allowed::default(), "why"), 2);
    assert_eq!(world.flip().show(&live()).unwrap_err().exit_code(), 2);
    assert_eq!(world.flip().history(&live()).unwrap_err().exit_code(), 2);
}

#[test]
fn messages_repeat_the_store_option_where_it_was_given() {
    let world = World::new();
    let store = StoreDir::new(world.dir.path().join("my store"), true);
    let flip = Flip { store: &store, ..world.flip() };
    let error = flip.update(&live(), Path::new("docs_vB"), &plain()).unwrap_err().to_string();
    let line = format!(
        "vec alias create docs_live --to docs_vB --store '{}/my store'",
        world.dir.path().display()
    );
    assert!(error.contains(&line), "{error}");
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
fn rule_a_forward_flip_needs_a_standing_pass() {
    let world = World::new();
    world.through(&["a"]);
    let b = world.index("b", "b");
    assert!(matches!(refusal(world.update(&b), 1), Refusal::NoVerdict { .. }));
    let began = world.begin();
    let reviewed = |coverage| Case { review: true, coverage, ..Case::of("b", began, NOON) };
    world.file(&reviewed(0.6).verdict());
    assert!(matches!(refusal(world.update(&b), 3), Refusal::Inconclusive { .. }));
    let filed = world.file(&reviewed(0.9).verdict());
    let moved = world.update(&b).unwrap();
    assert_eq!(moved.action, Some(Action::Forward));
    assert_eq!(moved.state.verdict_digest, Some(filed.digest));
    assert_eq!(moved.state.stack.len(), 1);
    assert_eq!(world.reader(), b);
}

#[test]
fn rule_in_each_line_the_last_filed_stands_and_a_fail_never_lapses() {
    let world = World::new();
    world.through(&["a"]);
    let b = world.index("b", "b");
    world.evaluate("b", 0.9);
    world.evaluate("b", 0.1);
    assert!(matches!(refusal(world.update(&b), 1), Refusal::Failed { .. }));
    world.now.set(NOON + 400 * 86_400);
    assert!(matches!(refusal(world.update(&b), 1), Refusal::Failed { .. }));
    // A pass of another line does not outweigh it; one of the same line does.
    let other = Case { gold: "other".into(), ..Case::of("b", world.begin(), world.now.get()) };
    world.file(&other.verdict());
    assert!(matches!(refusal(world.update(&b), 1), Refusal::Failed { .. }));
    world.evaluate("b", 0.9);
    world.update(&b).unwrap();
}

#[test]
fn rule_clocks_serve_expiry_only_with_60_s_of_tolerance() {
    let world = World::new();
    let a = world.index("a", "a");
    world.evaluate("a", 0.9);
    world.now.set(NOON + 86_400 + 61);
    assert!(matches!(refusal(world.create(&a), 1), Refusal::Expired { .. }));
    world.now.set(NOON + 86_400 + 60);
    world.create(&a).unwrap();
}

#[test]
fn rule_a_verdict_is_bound_to_both_hashes() {
    let world = World::new();
    let a = world.index("a", "a");
    world.evaluate("a", 0.9);
    world.index("a", "a, changed after it was evaluated");
    assert!(matches!(refusal(world.create(&a), 1), Refusal::NoVerdict { .. }));
}

#[test]
fn rule_only_lines_that_the_alias_allows_count_and_a_change_of_them_is_journaled() {
    let world = World::new();
    let (a, b) = (world.index("a", "a"), world.index("b", "b"));
    world.evaluate("a", 0.9);
    let strict = Case { bound: 0.8, ..Case::of("a", 0, NOON) }.verdict().decided.policy_digest;
    let allowed = Allowed { policies: vec![strict], golds: Vec::new() };
    let create = |allowed| world.flip().create(&live(), &a, allowed, &Ground::Verdicts);
    assert!(matches!(refusal(create(allowed.clone()), 1), Refusal::NotAllowed { .. }));
    create(Allowed::default()).unwrap();

    refused(world.flip().allow(&live(), allowed.clone(), " \t"), 2);
    let moved = world.flip().allow(&live(), allowed.clone(), "stricter").unwrap();
    assert_eq!((moved.action, moved.state.epoch), (Some(Action::Policy), 2));
    assert_eq!((moved.state.policies, world.reader()), (vec![strict], a));
    let before = world.snapshot();
    assert_eq!(world.flip().allow(&live(), allowed, "again").unwrap().action, None);
    assert_eq!(world.snapshot(), before);

    world.evaluate("b", 0.9);
    assert!(matches!(refusal(world.update(&b), 1), Refusal::NotAllowed { .. }));
    let began = world.begin();
    world.file(&Case { bound: 0.8, ..Case::of("b", began, NOON) }.verdict());
    world.update(&b).unwrap();
    let history = world.flip().history(&live()).unwrap();
    assert_eq!(history[1].reason.as_deref(), Some("stricter"));
    assert_eq!(
        history.iter().map(|e| e.action).collect::<Vec<_>>(),
        [Action::Create, Action::Policy, Action::Forward]
    );
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

#[test]
fn rule_a_pass_with_a_baseline_counts_only_while_the_alias_points_to_it() {
    let world = World::new();
    let paths = world.through(&["a"]);
    let b = world.index("b", "b");
    let began = world.begin();
    let against = |baseline: &str| {
        Case { drift: Some(Some(baseline.into())), ..Case::of("b", began, NOON) }.verdict()
    };
    world.file(&against("other"));
    assert!(matches!(refusal(world.update(&b), 1), Refusal::WrongBaseline { .. }));
    world.file(&against("a"));
    world.update(&b).unwrap();
    assert_eq!(state(&world).stack[0].target, paths[0].to_str().unwrap());
}

#[test]
fn rule_update_to_the_current_target_is_exit_0_and_writes_nothing() {
    let world = World::new();
    let paths = world.through(&["a", "b"]);
    let before = world.snapshot();
    for options in [plain(), forward(), Update { ground: person("why"), ..plain() }] {
        let moved = world.flip().update(&live(), &paths[1], &options).unwrap();
        assert_eq!((moved.action, moved.seq), (None, None));
    }
    assert_eq!(world.snapshot(), before);
    // With another content the same path is another target.
    world.index("b", "b2");
    assert!(matches!(refusal(world.update(&paths[1]), 1), Refusal::NoVerdict { .. }));
}

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
    assert!(matches!(refusal(world.update(&paths[0]), 1), Refusal::Quarantined { .. }));
    let filed = world.evaluate("a", 0.9);
    let moved = world.update(&paths[0]).unwrap();
    assert_eq!(moved.action, Some(Action::Rollback));
    assert_eq!(moved.state.verdict_digest, Some(filed.digest));
    assert!(moved.state.stack.is_empty());
    let fled: Vec<&str> = moved.state.quarantine.iter().map(|q| q.entry.target.as_str()).collect();
    assert_eq!(fled, [paths[1].to_str().unwrap()]);
}

#[test]
fn rule_a_rollback_needs_no_verdict_but_recomputes_both_hashes() {
    let world = World::new();
    let paths = world.through(&["a", "b"]);
    world.index("a", "a, damaged");
    let before = world.snapshot();
    let error = refused(world.flip().rollback(&live(), None), 1);
    assert!(
        matches!(&error, FlipError::Differs { difference, .. } if difference.what == "INDEX_HASH")
    );
    assert!(error.to_string().contains("run `vec alias update docs_live --to DIR`"), "{error}");
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
    assert!(error.contains("its stack is empty"), "{error}");
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
    assert!(
        matches!(error, FlipError::Differs { difference, .. } if difference.what == "SERVING_HASH")
    );
}

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

#[test]
fn a_fail_that_is_filed_while_the_target_is_hashed_counts() {
    let world = World::new();
    world.through(&["a"]);
    let b = world.index("b", "b");
    world.evaluate("b", 0.9);
    let failing = |path: &Path| {
        world.evaluate("b", 0.1);
        hash(path)
    };
    let flip = Flip { hash: &failing, ..world.flip() };
    assert!(matches!(refusal(flip.update(&live(), &b, &plain()), 1), Refusal::Failed { .. }));
}

#[test]
fn rule_unusable_verdicts_are_not_filed() {
    let world = World::new();
    for why in [Unusable::Replayed, Unusable::SourceDateEpoch, Unusable::NotFiled] {
        let verdict = Case { unusable: Some(why), ..Case::of("a", 0, NOON) }.verdict();
        let now = Timestamp::from_unix(NOON);
        let error = VerdictStore::new(&world.store).file(&verdict, now, "me", soon()).unwrap_err();
        assert!(matches!(error, FilingError::Unusable { why: found } if found == why));
        assert_eq!(error.exit_code(), 2);
    }
    assert!(!world.store.path().exists());
}

#[test]
fn a_verdict_from_the_future_of_the_journal_or_changed_by_hand_is_not_filed() {
    let world = World::new();
    let file = |verdict: &wfgy_gate::VerdictFile| {
        VerdictStore::new(&world.store).file(verdict, Timestamp::from_unix(NOON), "me", soon())
    };
    let error = file(&Case::of("a", 5, NOON).verdict()).unwrap_err();
    assert!(matches!(error, FilingError::Contradiction { .. }), "{error}");
    let mut verdict = Case { coverage: 0.1, ..Case::of("a", 0, NOON) }.verdict();
    verdict.verdict = Verdict::Pass;
    assert!(matches!(file(&verdict).unwrap_err(), FilingError::Contradiction { .. }));
}

#[test]
fn filing_the_same_verdict_twice_does_not_make_it_the_last() {
    let world = World::new();
    let a = world.index("a", "a");
    let pass = Case::of("a", world.begin(), NOON).verdict();
    let first = world.file(&pass);
    world.evaluate("a", 0.1);
    assert_eq!(world.file(&pass), first);
    assert!(matches!(refusal(world.create(&a), 1), Refusal::Failed { .. }));
    let store = VerdictStore::new(&world.store);
    let hashes = world::hashes("a");
    assert_eq!(store.evaluations(hashes.index_hash, hashes.serving_hash).unwrap(), 2);
    let status = store.status(&pass, Timestamp::from_unix(NOON)).unwrap();
    assert_eq!(status.filed, Some(first.seq));
    assert!(status.superseded_by.is_some() && !status.expired);
    // Expiry has the tolerance that a flip grants.
    for (later, expired) in [(86_400 + 60, false), (86_400 + 61, true)] {
        let status = store.status(&pass, Timestamp::from_unix(NOON + later)).unwrap();
        assert_eq!(status.expired, expired);
    }
    let never = store.status(&Case::of("b", 0, NOON).verdict(), Timestamp::from_unix(NOON * 2));
    assert!(matches!(never.unwrap(), s if s.filed.is_none() && s.expired));
}

#[test]
fn rule_a_bare_name_is_an_alias_if_the_store_has_it_else_a_directory() {
    let world = World::new();
    world.through(&["a"]);
    let named = |name: &str| resolve(name, &world.pointer, soon());
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
    let named = |dir: &Path| named_by(&world.pointer, dir, soon()).unwrap();
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
fn last_closing(world: &World) -> Option<(Closing, bool)> {
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
fn a_store_that_is_a_file_is_exit_2_whatever_is_asked() {
    let world = World::new();
    let a = world.index("a", "a");
    let store = StoreDir::new(a.join("content"), true);
    let pointer = wfgy_pointer::LocalPointer::new(store.path());
    let flip = Flip { store: &store, pointer: &pointer, ..world.flip() };
    let verdicts = VerdictStore::new(&store);
    let verdict = Case::of("a", 0, NOON).verdict();
    let create = flip.create(&live(), &a, Allowed::default(), &person("why"));
    let told: [(u8, String); 8] = [
        create.map_err(|e| (e.exit_code(), e.to_string())).unwrap_err(),
        flip.update(&live(), &a, &plain()).map_err(|e| (e.exit_code(), e.to_string())).unwrap_err(),
        flip.rollback(&live(), None).map_err(|e| (e.exit_code(), e.to_string())).unwrap_err(),
        flip.show(&live()).map_err(|e| (e.exit_code(), e.to_string())).unwrap_err(),
        flip.history(&live()).map_err(|e| (e.exit_code(), e.to_string())).unwrap_err(),
        flip.list().map_err(|e| (e.exit_code(), e.to_string())).unwrap_err(),
        verdicts.begin(soon()).map_err(|e| (e.exit_code(), e.to_string())).unwrap_err(),
        verdicts
            .status(&verdict, Timestamp::from_unix(NOON))
            .map_err(|e| (e.exit_code(), e.to_string()))
            .unwrap_err(),
    ];
    for (code, message) in told {
        assert_eq!(code, 2, "{message}");
        assert!(message.contains("content: is a file, not the folder of a store"), "{message}");
        assert!(!message.contains('\n'), "{message}");
    }
    assert_eq!(fs::read_to_string(a.join("content")).unwrap(), "a");
}

#[test]
fn a_store_that_cannot_be_made_or_read_is_exit_4() {
    let world = World::new();
    let a = world.index("a", "a");
    let store = StoreDir::new(a.join("content/store"), true);
    let pointer = wfgy_pointer::LocalPointer::new(store.path());
    let flip = Flip { store: &store, pointer: &pointer, ..world.flip() };
    let overriding = person("why");
    refused(flip.create(&live(), &a, Allowed::default(), &overriding), 4);
    assert_eq!(VerdictStore::new(&store).begin(soon()).unwrap_err().exit_code(), 4);
    // A folder where the journal should be.
    fs::create_dir_all(world.journal()).unwrap();
    refused(world.flip().create(&live(), &a, Allowed::default(), &overriding), 4);
}

/// No patience at all.
fn passed() -> Deadline {
    Deadline::at(std::time::Instant::now())
}

#[test]
fn rule_patience_counts_from_the_lock_and_not_from_the_start() {
    let world = World::new();
    let paths = world.through(&["a", "b"]);
    let store = world.store.clone();
    let (hashed, waiting) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let holder = std::cell::Cell::new(None);
    // Somebody else takes the lock while the target is hashed, and lets go of it only once this
    // command has begun to wait. Patience that was measured out before is used up by then.
    let slow = |path: &Path| {
        let held = store.lock(soon()).unwrap();
        hashed.store(true, Ordering::SeqCst);
        let waiting = Arc::clone(&waiting);
        holder.set(Some(std::thread::spawn(move || {
            while !waiting.load(Ordering::SeqCst) {
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            drop(held);
        })));
        hash(path)
    };
    let deadline = || {
        if !hashed.load(Ordering::SeqCst) {
            return passed();
        }
        waiting.store(true, Ordering::SeqCst);
        soon()
    };
    let flip = Flip { hash: &slow, deadline: &deadline, ..world.flip() };
    flip.rollback(&live(), None).unwrap();
    assert_eq!(world.reader(), paths[0]);
    holder.take().unwrap().join().unwrap();
}

#[test]
fn rule_expiry_is_judged_by_the_clock_at_the_commit() {
    let world = World::new();
    world.through(&["a"]);
    let b = world.index("b", "b");
    world.evaluate("b", 0.9);
    let slow = |path: &Path| {
        world.now.set(NOON + 86_400 + 61);
        hash(path)
    };
    let flip = Flip { hash: &slow, ..world.flip() };
    assert!(matches!(refusal(flip.update(&live(), &b, &plain()), 1), Refusal::Expired { .. }));
    world.now.set(NOON);
    let slow = |path: &Path| {
        world.now.set(NOON + 86_400 + 60);
        hash(path)
    };
    let flip = Flip { hash: &slow, ..world.flip() };
    let moved = flip.update(&live(), &b, &plain()).unwrap();
    assert_eq!(moved.state.changed_at, Timestamp::from_unix(NOON + 86_400 + 60).to_string());
}

#[test]
fn a_lock_that_is_not_had_in_time_is_exit_4() {
    let world = World::new();
    let paths = world.through(&["a", "b"]);
    let held = world.store.lock(soon()).unwrap();
    let flip = || Flip { deadline: &passed, ..world.flip() };
    let error = refused(flip().rollback(&live(), None), 4).to_string();
    assert!(error.contains("run the command again"), "{error}");
    assert_eq!(flip().show(&live()).unwrap().target, paths[1].to_str().unwrap());
    drop(held);
    world.flip().rollback(&live(), None).unwrap();
}
