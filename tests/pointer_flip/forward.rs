//! What a forward flip needs.

use std::path::Path;

use wfgy_gate::{Refusal, Timestamp};
use wfgy_pointer::{Action, Allowed, Flip, Ground, StoreDir, Update};

use crate::world::{Case, NOON, World, forward, hash, live, person, plain};
use crate::{refusal, refused, state};

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
