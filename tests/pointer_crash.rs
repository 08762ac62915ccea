//! Killed at every write, and out of space at every write: the alias is the old one or the new
//! one, and the next command recovers.
//!
//! A command runs as a process of its own under `strace`, which kills it on entering its first,
//! second, … system call of each kind that changes a file system, or makes that call fail. This
//! file has a `main` of its own, because the harness of `cargo test` has threads and writes, and
//! the process under `strace` must make no calls but its own.

#![allow(clippy::unwrap_used, reason = "a test that fails here has found something")]

#[path = "pointer/world.rs"]
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use wfgy_core::{Pointer, PointerState};
use wfgy_pointer::{
    Allowed, Flip, FlipError, Ground, Journal, LocalPointer, Moved, StoreDir, VerdictStore,
};
use world::{Case, NOON, World, hash, live, noon, plain, soon};

const COMMAND: &str = "POINTER_CRASH_COMMAND";
const STORE: &str = "POINTER_CRASH_STORE";
const TARGET: &str = "POINTER_CRASH_TARGET";

/// Every system call with which the store changes.
const CALLS: [&str; 22] = [
    "write",
    "writev",
    "pwrite64",
    "rename",
    "renameat",
    "renameat2",
    "fsync",
    "fdatasync",
    "symlink",
    "symlinkat",
    "link",
    "linkat",
    "mkdir",
    "mkdirat",
    "unlink",
    "unlinkat",
    "rmdir",
    "truncate",
    "ftruncate",
    "fallocate",
    "flock",
    "fchmod",
];

/// What a process is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Do {
    Create,
    Forward,
    Rollback,
    Policy,
    File,
}

impl Do {
    fn name(self) -> String {
        format!("{self:?}")
    }

    fn run(self, store: &Path, target: &Path) -> Result<Option<Moved>, FlipError> {
        let store = StoreDir::new(store, false);
        let pointer = LocalPointer::new(store.path());
        let flip = Flip {
            store: &store,
            pointer: &pointer,
            hash: &hash,
            by: "me",
            now: &noon,
            deadline: &soon,
        };
        let anything = Allowed::default;
        match self {
            Self::Create => flip.create(&live(), target, anything(), &Ground::Verdicts).map(Some),
            Self::Forward => flip.update(&live(), target, &plain()).map(Some),
            Self::Rollback => flip.rollback(&live(), Some(2)).map(Some),
            Self::Policy => {
                let policies = vec![wfgy_core::Digest::of("policy")];
                flip.allow(&live(), Allowed { policies, ..anything() }, "why").map(Some)
            }
            Self::File => {
                let verdict = Case::of("filed", 1, NOON).verdict();
                VerdictStore::new(&store).file(&verdict, noon(), "me", soon())?;
                Ok(None)
            }
        }
    }

    /// A store in which this can be done, and the target.
    fn world(self) -> (World, PathBuf) {
        let world = World::new();
        match self {
            Self::Create => {
                world.evaluate("a", 0.9);
            }
            _ => {
                world.through(&["a", "b"]);
            }
        }
        world.evaluate("c", 0.9);
        let target = if self == Self::Create { "a" } else { "c" };
        let target = world.index(target, target);
        (world, target)
    }
}

/// The process that is killed: does what the environment says, exits with the exit code.
fn victim(name: &str) {
    let all = [Do::Create, Do::Forward, Do::Rollback, Do::Policy, Do::File];
    let command = all.into_iter().find(|command| command.name() == name).unwrap();
    let path = |name| PathBuf::from(std::env::var(name).unwrap());
    let code = match command.run(&path(STORE), &path(TARGET)) {
        Ok(moved) => match moved.is_none_or(|moved| moved.warnings.is_empty()) {
            true => 0,
            false => 42,
        },
        Err(error) => {
            assert!(!error.to_string().contains('\n'));
            error.exit_code()
        }
    };
    std::process::exit(code.into());
}

/// Runs the victim behind `prefix`, in which it is the last word.
fn run(prefix: &[&str], command: Do, store: &Path, target: &Path) -> ExitStatus {
    let mut line: Vec<&str> = prefix.to_vec();
    let executable = std::env::current_exe().unwrap();
    line.push(executable.to_str().unwrap());
    Command::new(line[0])
        .args(&line[1..])
        .env(COMMAND, command.name())
        .env(STORE, store)
        .env(TARGET, target)
        .env_remove("RUST_BACKTRACE")
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status()
        .unwrap_or_else(|e| panic!("{} (Debian package strace): {e}", line[0]))
}

/// How many calls the victim makes, by kind.
fn trace(command: Do, world: &World, target: &Path) -> BTreeMap<String, usize> {
    let (store, log) = (world.dir.path().join("traced"), world.dir.path().join("log"));
    copy(world.store.path(), &store);
    let calls = format!("trace={}", CALLS.join(","));
    let prefix = ["strace", "-f", "-qq", "-o", log.to_str().unwrap(), "-e", &calls];
    assert!(run(&prefix, command, &store, target).success());
    let mut found = BTreeMap::new();
    let mut threads = BTreeSet::new();
    for line in fs::read_to_string(log).unwrap().lines() {
        let (thread, call) = line.split_once(' ').unwrap();
        let Some((name, _)) = call.trim_start().split_once('(') else { continue };
        if CALLS.contains(&name) {
            threads.insert(thread.to_owned());
            *found.entry(name.to_owned()).or_default() += 1;
        }
    }
    // strace counts the calls of each thread by itself.
    assert_eq!(threads.len(), 1, "one thread makes all the calls");
    found
}

fn copy(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    assert!(Command::new("cp").arg("-a").args([from, to]).status().unwrap().success());
}

/// What there was before, and what there is if the command gets through.
struct Ends {
    old: Option<PointerState>,
    new: PointerState,
}

fn ends(command: Do, world: &World, target: &Path) -> Ends {
    let store = world.dir.path().join("undisturbed");
    copy(world.store.path(), &store);
    let pointer = LocalPointer::new(&store);
    let old = pointer.read("docs_live", soon()).unwrap();
    let moved = command.run(&store, target).unwrap();
    let new = moved.map(|moved| moved.state).or(old.clone()).unwrap();
    Ends { old, new }
}

/// The alias as the crash left it is whole, the next command does what this one wanted, and
/// then the journal is whole and closed. Says whether the alias had moved.
fn check(command: Do, store: &Path, target: &Path, ends: &Ends) -> bool {
    let pointer = LocalPointer::new(store);
    let found = pointer.read("docs_live", soon()).unwrap();
    let moved = found.as_ref() == Some(&ends.new);
    assert!(moved || found == ends.old, "old or new: {found:#?}");
    match &found {
        Some(state) => {
            let reader = fs::canonicalize(pointer.live(&live())).unwrap();
            assert_eq!(reader, Path::new(&state.target));
            assert!(reader.join("content").is_file());
        }
        None => assert!(!pointer.live(&live()).exists()),
    }
    // Before recovery: the journal can be read, and vouches for the state.
    let chain = Journal::new(store).read().unwrap();
    if let Some(state) = &found {
        chain.vouch(state).unwrap();
    }
    match (command.run(store, target), moved) {
        (Err(FlipError::Exists { .. }), true) => assert_eq!(command, Do::Create),
        (Err(FlipError::Moved { .. }), true) => assert_eq!(command, Do::Rollback),
        (Ok(Some(again)), true) => assert_eq!(again.action, None, "already so"),
        (Ok(Some(done)), false) => {
            assert!(done.warnings.is_empty());
            assert_eq!((done.state.target, done.state.epoch), place(&ends.new));
        }
        (Ok(None), _) => assert_eq!(command, Do::File),
        (result, moved) => panic!("moved: {moved}, then {result:?}"),
    }
    let chain = Journal::new(store).read().unwrap();
    assert!(!chain.needs_recovery(), "recovered");
    let state = pointer.read("docs_live", soon()).unwrap();
    if command == Do::File {
        assert_eq!(state, ends.old);
    } else {
        let state = state.unwrap();
        assert_eq!((state.target.clone(), state.epoch), place(&ends.new));
        chain.vouch(&state).unwrap();
        // However it got there, the journal says that it did.
        let (seq, last) = chain.last_moved("docs_live").unwrap();
        assert_eq!(PointerState { journal_head: state.journal_head, ..last.next.clone() }, state);
        assert!(chain.closing(seq).is_some());
    }
    // What nobody names is swept up or overwritten, not left to grow.
    let leftovers = walk(store).into_iter().filter(|path| path.ends_with(".tmp")).count();
    assert!(leftovers <= 3, "{leftovers} temporary files");
    moved
}

fn place(state: &PointerState) -> (String, u64) {
    (state.target.clone(), state.epoch)
}

fn walk(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if fs::symlink_metadata(&path).unwrap().is_dir() {
            found.extend(walk(&path));
        }
        found.push(path.to_str().unwrap().to_owned());
    }
    found
}

/// Kills `command` at every call, and makes every call fail with `errors`.
fn disturb_everywhere(command: Do, errors: &[&str]) {
    let (world, target) = command.world();
    let ends = ends(command, &world, &target);
    let calls = trace(command, &world, &target);
    for needed in ["pwrite64", "fsync", "rename"] {
        assert!(calls.contains_key(needed), "{calls:?}");
    }
    let store = world.dir.path().join("disturbed");
    let (mut old, mut new) = (0, 0);
    for (call, times) in &calls {
        for n in 1..=*times {
            for how in std::iter::once("signal=KILL").chain(errors.iter().copied()) {
                // A lock that cannot be had is a failure that nothing can leave behind.
                if call == "flock" && how != "signal=KILL" {
                    continue;
                }
                copy(world.store.path(), &store);
                let (trace, inject) =
                    (format!("trace={call}"), format!("inject={call}:{how}:when={n}"));
                let prefix =
                    ["strace", "-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject];
                let status = run(&prefix, command, &store, &target);
                let shown = format!("{command:?}: {how} at {call} {n}: {status}");
                let result = std::panic::catch_unwind(|| check(command, &store, &target, &ends));
                let moved = result.unwrap_or_else(|_| panic!("{shown}"));
                if how == "signal=KILL" {
                    assert_eq!(status.signal(), Some(9), "{shown}");
                } else {
                    // 4 and nothing moved, or done, perhaps with a warning.
                    let expected: &[i32] = match moved || command == Do::File {
                        true => &[0, 42, 4],
                        false => &[4],
                    };
                    let code = status.code().expect("exits");
                    assert!(expected.contains(&code), "{shown}");
                    assert!(!(moved && code == 4 && command != Do::File), "{shown}: moved");
                }
                *(if moved { &mut new } else { &mut old }) += 1;
            }
        }
    }
    if command != Do::File {
        assert!(old > 10 && new > 3, "both ends were seen: {old} old, {new} new");
    }
    println!("{command:?}: {} disturbed, {old} stayed old, {new} became new", old + new);
}

const FULL: [&str; 1] = ["error=ENOSPC"];

fn rule_killed_at_every_write_of_a_creation() {
    disturb_everywhere(Do::Create, &FULL);
}

fn rule_killed_at_every_write_of_a_forward_flip() {
    disturb_everywhere(Do::Forward, &FULL);
}

fn rule_killed_at_every_write_of_a_rollback() {
    disturb_everywhere(Do::Rollback, &FULL);
}

fn rule_killed_at_every_write_of_a_change_of_policies() {
    disturb_everywhere(Do::Policy, &[]);
}

fn rule_killed_at_every_write_of_a_filing() {
    disturb_everywhere(Do::File, &FULL);
}

fn rule_killed_while_recovering_the_next_command_recovers() {
    // A rollback that died after its rename: the intent is open, the pointer has moved. Then the
    // command that recovers is killed at each of its writes.
    let (world, target) = Do::Rollback.world();
    let ends = ends(Do::Rollback, &world, &target);
    let calls = trace(Do::Rollback, &world, &target);
    let renames = calls["rename"];
    let (crashed, store) = (world.dir.path().join("crashed"), world.dir.path().join("again"));
    let kill = |call: &str, n: usize, store: &Path| {
        let (trace, inject) =
            (format!("trace={call}"), format!("inject={call}:signal=KILL:when={n}"));
        let prefix = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject];
        run(&prefix, Do::Rollback, store, &target)
    };
    copy(world.store.path(), &crashed);
    // The last rename is that of the journal's head for the outcome.
    assert_eq!(kill("rename", renames, &crashed).signal(), Some(9));
    let mut killed = 0;
    for call in calls.keys() {
        for n in 1.. {
            copy(&crashed, &store);
            let status = kill(call, n, &store);
            check(Do::Rollback, &store, &target, &ends);
            match status.signal() {
                Some(9) => killed += 1,
                _ => break,
            }
        }
    }
    assert!(killed >= 5, "{killed}");
}

/// Power cuts leave what was synced, so the order of writes and syncs is the rule.
fn rule_the_intent_is_durable_before_the_one_write_and_the_outcome_comes_after() {
    let (world, target) = Do::Forward.world();
    let (store, log) = (world.dir.path().join("traced"), world.dir.path().join("log"));
    copy(world.store.path(), &store);
    let calls = "trace=pwrite64,write,fsync,rename,symlink";
    let prefix = ["strace", "-f", "-y", "-qq", "-o", log.to_str().unwrap(), "-e", calls];
    assert!(run(&prefix, Do::Forward, &store, &target).success());
    let root = format!("{}/", store.display());
    let mut found = Vec::new();
    for line in fs::read_to_string(log).unwrap().lines() {
        let call = line.split_once(' ').unwrap().1.trim_start();
        let (name, arguments) = call.split_once('(').unwrap();
        // The last path of the call: what is written, synced, or renamed to.
        let Some(at) = arguments.rfind(store.to_str().unwrap()) else { continue };
        let path: String = arguments[at..].chars().take_while(|c| !"\">".contains(*c)).collect();
        let path = match format!("{path}/").strip_prefix(&root) {
            Some(inside) => inside.trim_end_matches('/').to_owned(),
            None => continue,
        };
        // Temporary names carry a process id.
        let shown: Vec<&str> =
            path.split('/').map(|part| if part.ends_with(".tmp") { "*" } else { part }).collect();
        found.push(format!("{name} {}", shown.join("/")));
    }
    found.dedup();
    let alias = "aliases/docs_live";
    let expected = [
        // The pointer is read at the start, twice, and once more under the lock.
        format!("fsync {alias}"),
        // The intent, durable with the head that names it.
        "pwrite64 journal.jsonl".into(),
        "fsync journal.jsonl".into(),
        "write *".into(),
        "fsync *".into(),
        "rename journal.head".into(),
        "fsync ".into(),
        // Compare.
        format!("fsync {alias}"),
        // The version, whole and durable under its name.
        format!("write {alias}/versions/*/*"),
        format!("fsync {alias}/versions/*/*"),
        format!("rename {alias}/versions/*/state.json"),
        format!("fsync {alias}/versions/*"),
        format!("symlink {alias}/versions/*/target"),
        format!("fsync {alias}/versions/*"),
        format!("rename {alias}/versions/3"),
        format!("fsync {alias}/versions"),
        format!("symlink {alias}/*"),
        // The one write that moves the pointer.
        format!("rename {alias}/current"),
        format!("fsync {alias}"),
        // The outcome.
        "pwrite64 journal.jsonl".into(),
        "fsync journal.jsonl".into(),
        "write *".into(),
        "fsync *".into(),
        "rename journal.head".into(),
        "fsync ".into(),
    ];
    assert_eq!(found, expected);
}

fn rule_a_full_disk_is_exit_4_and_nothing_moved() {
    // A file-size limit below the journal's length, as a disk quota would be.
    let (world, target) = Do::Forward.world();
    let ends = ends(Do::Forward, &world, &target);
    let kib = fs::metadata(world.journal()).unwrap().len() / 1024;
    assert!(kib >= 1);
    let limit = format!("trap '' XFSZ; ulimit -f {kib}; exec \"$0\" \"$@\"");
    let store = world.dir.path().join("limited");
    copy(world.store.path(), &store);
    let journal = fs::read(store.join("journal.jsonl")).unwrap();
    let status = run(&["bash", "-c", &limit], Do::Forward, &store, &target);
    assert_eq!(status.code(), Some(4));
    assert_eq!(fs::read(store.join("journal.jsonl")).unwrap(), journal, "taken back");
    assert!(!check(Do::Forward, &store, &target, &ends));
}

type Test = (&'static str, fn());

macro_rules! tests {
    ($($name:ident),* $(,)?) => { [$((stringify!($name), $name as fn())),*] };
}

/// The arguments of `cargo test` and `cargo nextest` that matter: a filter, `--exact`, `--list`.
fn main() {
    if let Ok(name) = std::env::var(COMMAND) {
        return victim(&name);
    }
    let tests: [Test; 8] = tests![
        rule_the_intent_is_durable_before_the_one_write_and_the_outcome_comes_after,
        rule_killed_at_every_write_of_a_creation,
        rule_killed_at_every_write_of_a_forward_flip,
        rule_killed_at_every_write_of_a_rollback,
        rule_killed_at_every_write_of_a_change_of_policies,
        rule_killed_at_every_write_of_a_filing,
        rule_killed_while_recovering_the_next_command_recovers,
        rule_a_full_disk_is_exit_4_and_nothing_moved,
    ];
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let given = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let filter = arguments.iter().find(|argument| !argument.starts_with('-'));
    let wanted = |name: &str| match filter {
        Some(filter) if given("--exact") => name == filter,
        Some(filter) => name.contains(filter.as_str()),
        None => true,
    };
    for (name, test) in tests.into_iter().filter(|(name, _)| wanted(name)) {
        if !given("--list") {
            test();
            println!("test {name} ... ok");
        } else if !given("--ignored") {
            println!("{name}: test");
        }
    }
}
