//! Many processes and threads flip one alias at once.

#![allow(clippy::unwrap_used, reason = "a test that fails here has found something")]

#[path = "pointer/world.rs"]
mod world;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Barrier;
use std::time::Duration;

use wfgy_core::Pointer;
use wfgy_gate::Timestamp;
use wfgy_pointer::{Flip, LocalPointer, StoreDir, Update};
use world::{NOON, World, hash, live, noon, person, plain, soon};

const STORE: &str = "POINTER_RACE_STORE";
const TARGET: &str = "POINTER_RACE_TARGET";
const EPOCH: &str = "POINTER_RACE_EPOCH";
const GO: &str = "POINTER_RACE_GO";

/// One `vec alias update --expect-epoch`, as a process of its own; exits with its exit code.
#[test]
fn racer() {
    let Ok(store) = std::env::var(STORE) else { return };
    let read = |name| std::env::var(name).unwrap();
    let store = StoreDir::new(store, false);
    let pointer = LocalPointer::new(store.path());
    let by = format!("process {}", std::process::id());
    let flip = Flip {
        store: &store,
        pointer: &pointer,
        hash: &hash,
        by: &by,
        now: &noon,
        deadline: &soon,
    };
    let epoch = Some(read(EPOCH).parse().unwrap());
    let options = Update { expect_epoch: epoch, ground: person("race"), ..plain() };
    let go = PathBuf::from(read(GO));
    fs::write(go.with_extension(std::process::id().to_string()), "").unwrap();
    while !go.exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
    let code = match flip.update(&live(), Path::new(&read(TARGET)), &options) {
        Ok(moved) => {
            assert!(moved.warnings.is_empty());
            0
        }
        Err(error) => {
            eprintln!("{error}");
            error.exit_code()
        }
    };
    std::process::exit(code.into());
}

fn start(world: &World, target: &Path, epoch: u64, go: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "racer", "--nocapture", "--test-threads=1"])
        .env(STORE, world.store.path())
        .env(TARGET, target)
        .env(EPOCH, epoch.to_string())
        .env(GO, go)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn rule_of_racing_processes_with_one_expected_epoch_exactly_one_wins() {
    const RACERS: usize = 6;
    let world = World::new();
    world.through(&["start"]);
    let targets: Vec<PathBuf> =
        (0..RACERS).map(|i| world.index(&format!("t{i}"), &format!("t{i}"))).collect();
    let mut epoch = 1;
    for round in 0..8 {
        let ready = world.dir.path().join(format!("round{round}"));
        fs::create_dir(&ready).unwrap();
        let go = ready.join("go");
        // Racers whose target is the one that is live would be done without a race.
        let live_now = world.reader();
        let racers: Vec<(PathBuf, Child)> = targets
            .iter()
            .filter(|target| **target != live_now)
            .map(|target| (target.clone(), start(&world, target, epoch, &go)))
            .collect();
        while fs::read_dir(&ready).unwrap().count() < racers.len() {
            std::thread::sleep(Duration::from_millis(1));
        }
        fs::write(&go, "").unwrap();
        let mut winners = Vec::new();
        for (target, mut racer) in racers {
            match racer.wait().unwrap().code() {
                Some(0) => winners.push(target),
                Some(5) => {}
                other => panic!("exit {other:?}"),
            }
        }
        assert_eq!(winners.len(), 1, "round {round}");
        epoch += 1;
        let state = world.flip().show(&live()).unwrap();
        assert_eq!((state.epoch, Path::new(&state.target)), (epoch, winners[0].as_path()));
        assert_eq!(world.reader(), winners[0]);
    }
    world.settled();
}

#[test]
fn racing_threads_with_filings_and_readers_leave_one_whole_journal() {
    const THREADS: usize = 4;
    let world = World::new();
    world.through(&["start"]);
    let store = world.store.path().to_owned();
    let targets: Vec<PathBuf> =
        (0..THREADS).map(|i| world.index(&format!("t{i}"), &format!("t{i}"))).collect();
    let barrier = Barrier::new(THREADS);
    let wins: usize = std::thread::scope(|scope| {
        let flippers: Vec<_> = targets
            .iter()
            .enumerate()
            .map(|(i, target)| {
                let (store, barrier) = (&store, &barrier);
                scope.spawn(move || {
                    let store = StoreDir::new(store, false);
                    let pointer = LocalPointer::new(store.path());
                    let flip = || Flip {
                        store: &store,
                        pointer: &pointer,
                        hash: &hash,
                        by: "thread",
                        now: &noon,
                        deadline: &soon,
                    };
                    let mut wins = 0;
                    for round in 0..10 {
                        let epoch = flip().show(&live()).unwrap().epoch;
                        barrier.wait();
                        let options = Update {
                            expect_epoch: Some(epoch),
                            ground: person("race"),
                            forward: true,
                        };
                        match flip().update(&live(), target, &options) {
                            Ok(moved) if moved.action.is_some() => wins += 1,
                            Ok(_) => {}
                            Err(error) => assert_eq!(error.exit_code(), 5, "{error}"),
                        }
                        let verdicts = wfgy_pointer::VerdictStore::new(&store);
                        let began = verdicts.begin(soon()).unwrap();
                        let content = format!("thread {i} round {round}");
                        let verdict = world::Case::of(&content, began, NOON).verdict();
                        let now = Timestamp::from_unix(NOON);
                        verdicts.file(&verdict, now, "thread", soon()).unwrap();
                        flip().history(&live()).unwrap();
                        barrier.wait();
                    }
                    wins
                })
            })
            .collect();
        flippers.into_iter().map(|flipper| flipper.join().unwrap()).sum()
    });
    let state = world.pointer.read("docs_live", soon()).unwrap().unwrap();
    assert_eq!(state.epoch, 1 + wins as u64);
    assert!(wins > 0);
    world.settled();
    let filed = fs::read_dir(store.join("verdicts")).unwrap().count();
    assert_eq!(filed, 1 + THREADS * 10);
}

#[test]
fn a_store_that_many_begin_at_once_is_one_store() {
    for _ in 0..10 {
        let world = World::new();
        let store = world.store.path();
        let barrier = Barrier::new(4);
        std::thread::scope(|scope| {
            for i in 0..4 {
                let (store, barrier) = (StoreDir::new(store, false), &barrier);
                scope.spawn(move || {
                    let verdicts = wfgy_pointer::VerdictStore::new(&store);
                    let verdict = world::Case::of(&format!("thread {i}"), 0, NOON).verdict();
                    let subject = world::hashes(&format!("thread {i}"));
                    barrier.wait();
                    verdicts.file(&verdict, Timestamp::from_unix(NOON), "me", soon()).unwrap();
                    let filed = verdicts.evaluations(subject.index_hash, subject.serving_hash);
                    assert_eq!(filed.unwrap(), 1);
                });
            }
        });
        world.settled();
    }
}
