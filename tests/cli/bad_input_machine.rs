//! A machine in trouble: what may not be read, a disk that is full, an interrupt. Nothing is left
//! half-written.

mod service;
mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use rustix::process::{Pid, Signal, geteuid, kill_process};
use service::Act;
use support::{INDEX_BUILD, Listing, Ran, VEC, WFGY_EVAL, World};

// ---- what may not be read or written -----------------------------------------------------------

/// The user `nobody`: permissions hold for it, as they do not for root.
const NOBODY: u32 = 65534;

/// A world in which [`NOBODY`] may do what its permissions say, with the programs in it, since
/// their own folder may be closed to others.
struct Guest {
    world: World,
}

impl Guest {
    fn new() -> Self {
        let world = World::with_index();
        fs::create_dir(world.path("bin")).expect("a folder");
        for program in [INDEX_BUILD, WFGY_EVAL, VEC] {
            fs::copy(program, Self::copy(&world, program)).expect("a copy");
        }
        let guest = Self { world };
        guest.open(guest.world.root(), 0o777);
        guest
    }

    fn copy(world: &World, program: &str) -> PathBuf {
        world.path("bin").join(Path::new(program).file_name().expect("a name"))
    }

    /// Lets everybody read, and write where `mode` says so, this and all below.
    fn open(&self, path: &Path, mode: u32) {
        let found = fs::symlink_metadata(path).expect("it is there");
        if found.is_symlink() {
            return;
        }
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours");
        if found.is_dir() {
            for entry in fs::read_dir(path).expect("a folder") {
                self.open(&entry.expect("an entry").path(), mode);
            }
        }
    }

    fn shut(&self, name: &str, mode: u32) {
        let path = self.world.path(name);
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours");
    }

    /// Runs a program as somebody for whom permissions hold; it is refused, and all is as it was.
    #[track_caller]
    fn refused(&self, program: &str, args: &[&str], code: i32, parts: &[&str]) {
        let before = self.listing();
        let mut command = self.world.command(Self::copy(&self.world, program));
        command.args(args);
        if geteuid().is_root() {
            // Also gives up all groups.
            command.uid(NOBODY).gid(NOBODY);
        }
        let ran = Ran::of(&mut command).refuses(code, parts);
        assert_eq!(self.listing(), before, "{}", ran.told());
    }

    /// Everything that can be read; what is shut counts by its name and mode.
    fn listing(&self) -> Vec<(PathBuf, u32)> {
        let mut found = Vec::new();
        let mut folders = vec![self.world.root().to_owned()];
        while let Some(folder) = folders.pop() {
            let Ok(entries) = fs::read_dir(&folder) else { continue };
            for entry in entries {
                let path = entry.expect("an entry").path();
                let meta = fs::symlink_metadata(&path).expect("it is there");
                if meta.is_dir() {
                    folders.push(path.clone());
                }
                found.push((path, meta.permissions().mode()));
            }
        }
        found.sort();
        found
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        // So that the temporary folder can be removed by who is not root.
        for entry in fs::read_dir(self.world.root()).into_iter().flatten().flatten() {
            let _ = fs::set_permissions(entry.path(), fs::Permissions::from_mode(0o777));
        }
    }
}

#[test]
fn a_corpus_folder_that_may_not_be_read_is_named() {
    let guest = Guest::new();
    guest.world.write("pages/a.md", "# A\n\nwords\n");
    guest.world.write("pages/more/b.md", "# B\n\nwords\n");
    let args = ["--embedder", "static", "--input", "pages", "--out", "new"];
    guest.shut("pages/more", 0o000);
    guest.refused(INDEX_BUILD, &args, 2, &["pages/more", "permission denied"]);
    guest.shut("pages/more", 0o755);
    guest.shut("pages/a.md", 0o000);
    guest.refused(INDEX_BUILD, &args, 2, &["pages/a.md", "permission denied"]);
    guest.shut("pages", 0o000);
    guest.refused(INDEX_BUILD, &args, 2, &["pages", "permission denied"]);
}

#[test]
fn a_corpus_gold_or_policy_file_that_may_not_be_read_is_named() {
    let guest = Guest::new();
    guest.world.write("policy.toml", "k = 10\n");
    for name in ["corpus.json", "gold.json", "policy.toml"] {
        guest.shut(name, 0o000);
    }
    let build = ["--embedder", "static", "--input", "corpus.json", "--out", "new"];
    guest.refused(INDEX_BUILD, &build, 2, &["corpus.json", "permission denied"]);
    let eval = ["--gold", "gold.json", "--index", "docs", "--min-cov", "0.7"];
    guest.refused(WFGY_EVAL, &eval, 2, &["gold.json", "permission denied"]);
    let eval = ["--gold", "gold.json", "--index", "docs", "--policy", "policy.toml"];
    guest.refused(WFGY_EVAL, &eval, 2, &["policy.toml", "permission denied"]);
}

#[test]
fn an_index_that_may_not_be_read_is_named_and_no_alias_goes_there() {
    let guest = Guest::new();
    let eval = ["--gold", "gold.json", "--index", "docs", "--min-cov", "0.7"];
    let create = ["alias", "create", "live", "--to", "docs", "--override", "--reason", "test"];
    for (name, mode) in [("docs/vectors.npy", 0o000), ("docs", 0o000)] {
        guest.shut(name, mode);
        let part = [name, "ermission denied"];
        guest.refused(INDEX_BUILD, &["verify", "docs"], 2, &part);
        guest.refused(WFGY_EVAL, &eval, 2, &part);
        guest.refused(VEC, &create, 4, &part);
    }
}

#[test]
fn a_folder_that_may_not_be_written_is_named() {
    let guest = Guest::new();
    fs::create_dir(guest.world.path("closed")).expect("a folder");
    guest.shut("closed", 0o555);
    let build = ["--embedder", "static", "--input", "corpus.json", "--out", "closed/new"];
    guest.refused(INDEX_BUILD, &build, 4, &["closed/new", "ermission denied"]);
    let eval = ["--gold", "gold.json", "--index", "docs", "--min-cov", "0.7"];
    let store = [&eval[..], &["--store", "closed/store"]].concat();
    guest.refused(WFGY_EVAL, &store, 4, &["closed/store", "ermission denied"]);
    let out = [&eval[..], &["--no-file", "--out", "closed/report"]].concat();
    guest.refused(WFGY_EVAL, &out, 4, &["closed/report", "ermission denied"]);
    let run = [&eval[..], &["--no-file", "--trec-run", "closed/run.txt"]].concat();
    guest.refused(WFGY_EVAL, &run, 4, &["closed/run.txt", "ermission denied"]);
    let create = ["alias", "create", "live", "--to", "docs", "--override", "--reason", "test"];
    let create = [&create[..], &["--store", "closed/store"]].concat();
    guest.refused(VEC, &create, 4, &["closed/store", "ermission denied"]);
}

// ---- a full disk -------------------------------------------------------------------------------

/// A program whose files may not grow beyond `kib` KiB, as on a disk that is full: a write beyond
/// gives an error (the signal that goes with it is ignored).
fn on_a_full_disk(world: &World, kib: usize, program: &str, args: &[&str]) -> Ran {
    let mut command = world.command("bash");
    command.args(["-c", r#"trap "" XFSZ; ulimit -f "$0" && exec "$@""#]);
    command.arg(kib.to_string()).arg(program).args(args);
    Ran::of(&mut command)
}

/// 3,000 documents, so that every file of an index is longer than a few KiB.
fn write_corpus(world: &World) {
    let lines: String = (0..3000)
        .map(|i| format!("{{\"doc_id\": \"d{i}\", \"text\": \"page {i} of the long book\"}}\n"))
        .collect();
    world.write("corpus.jsonl", lines);
}

#[test]
fn a_full_disk_leaves_no_index_whichever_file_it_stops() {
    let world = World::new();
    write_corpus(&world);
    let build = ["--embedder", "static", "--input", "corpus.jsonl", "--out", "docs"];
    let hnsw = ["--ann", "hnsw", "--ef-construction", "20", "--m", "8"];
    let build = [&build[..], &hnsw].concat();
    world.run(INDEX_BUILD, &build).success();
    let size = |name: &str| {
        fs::metadata(world.path("docs").join(name)).expect("it is there").len() as usize / 1024
    };
    let mut sizes = ["sections.jsonl", "snippets.jsonl", "graph.hnsw", "vectors.npy"].map(size);
    sizes.sort_unstable();
    assert!(sizes[0] > 4, "{sizes:?}");
    fs::remove_dir_all(world.path("docs")).expect("it is there");
    let before = world.listing();
    // Just too little for each of the files in turn, and for any.
    for kib in sizes.iter().copied().chain([0, 1]) {
        let ran = on_a_full_disk(&world, kib, INDEX_BUILD, &build).refuses(4, &["docs"]);
        assert!(ran.stderr.contains("cannot be written"), "{}", ran.told());
        assert_eq!(world.listing(), before, "{}", ran.told());
    }
    world.run(INDEX_BUILD, &build).success();
}

#[test]
fn a_full_disk_leaves_the_old_index_under_force() {
    let world = World::with_index();
    write_corpus(&world);
    let build = ["--embedder", "static", "--input", "corpus.jsonl", "--out", "docs", "--force"];
    let before = world.listing();
    on_a_full_disk(&world, 64, INDEX_BUILD, &build).refuses(4, &["docs", "cannot be written"]);
    assert_eq!(world.listing(), before);
}

/// No name of a listing is a temporary file's.
fn no_leftover(listing: &Listing) {
    let left: Vec<&String> = listing.keys().filter(|name| name.contains(".tmp")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_full_disk_files_no_verdict_and_leaves_no_half_report() {
    let world = World::with_index();
    let eval = ["--gold", "gold.json", "--index", "docs", "--min-cov", "0.7"];
    let ran = on_a_full_disk(&world, 0, WFGY_EVAL, &eval).refuses(4, &[".wfgy/verdicts/"]);
    no_leftover(&world.listing());
    let filed = fs::read_dir(world.path(".wfgy/verdicts")).map(Iterator::count).unwrap_or(0);
    assert_eq!(filed, 0, "{}", ran.told());
    assert!(!world.path(".wfgy/journal.jsonl").exists(), "{}", ran.told());

    let out = [&eval[..], &["--out", "report"]].concat();
    for kib in [0, 1, 4, 8] {
        let ran = on_a_full_disk(&world, kib, WFGY_EVAL, &out).refuses(4, &["report/"]);
        no_leftover(&world.listing());
        assert!(!world.path("report/verdict.json").exists(), "{}", ran.told());
        assert!(!world.path(".wfgy/journal.jsonl").exists(), "{}", ran.told());
    }
    // What is in the folder of an earlier evaluation stands beside no verdict of this one.
    world.eval(&out).exits(3);
    let journal = world.read(".wfgy/journal.jsonl");
    on_a_full_disk(&world, 1, WFGY_EVAL, &out).refuses(4, &["report/"]);
    no_leftover(&world.listing());
    assert!(!world.path("report/verdict.json").exists());
    assert_eq!(world.read(".wfgy/journal.jsonl"), journal);
}

#[test]
fn a_full_disk_moves_no_alias() {
    let world = World::with_index();
    world.build(&["--input", "corpus.json", "--out", "more", "--ann", "hnsw"]).success();
    let flip = ["--override", "--reason", "test"];
    let create = [&["alias", "create", "live", "--to", "docs"], &flip[..]].concat();
    let ran = on_a_full_disk(&world, 0, VEC, &create).refuses(4, &[".wfgy/journal"]);
    no_leftover(&world.listing());
    assert!(!world.path(".wfgy/aliases/live/current").exists(), "{}", ran.told());
    world.vec(&create).success();

    let update = [&["alias", "update", "live", "--to", "more"], &flip[..]].concat();
    let shown = |world: &World| world.vec(&["alias", "show", "live", "--format", "json"]).success();
    let before = shown(&world).stdout;
    on_a_full_disk(&world, 0, VEC, &update).refuses(4, &[".wfgy/journal"]);
    no_leftover(&world.listing());
    assert_eq!(shown(&world).stdout, before);
    world.vec(&update).success();
}

#[test]
fn an_output_that_takes_nothing_is_no_success_and_no_panic() {
    let world = World::with_index();
    for (program, args) in [
        (
            WFGY_EVAL,
            &["--gold", "gold.json", "--index", "docs", "--min-cov", "0.7", "--no-file"][..],
        ),
        (WFGY_EVAL, &["gold", "check", "--gold", "gold.json", "--index", "docs"]),
        (WFGY_EVAL, &["schema", "gold"]),
        (INDEX_BUILD, &["--embedder", "static", "--input", "corpus.json", "--out", "new"]),
        (INDEX_BUILD, &["verify", "docs"]),
        (INDEX_BUILD, &["inspect", "docs"]),
    ] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("Linux has it");
        let mut command = world.command(program);
        Ran::of(command.args(args).stdout(full)).refuses(4, &["o space left"]);
    }
    // What was done before it could not be said stays done, and whole.
    world.run(INDEX_BUILD, &["verify", "new"]).success();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("Linux has it");
    let mut command = world.command(WFGY_EVAL);
    command.args(["--gold", "gold.json", "--index", "docs", "--min-cov", "0.7"]).stdout(full);
    let parts = ["the verdict is inconclusive, filed as .wfgy/verdicts/", "o space left"];
    Ran::of(&mut command).refuses(4, &parts);
}

// ---- an interrupt ------------------------------------------------------------------------------

/// Runs a program against a service that, when asked for the `nth` time and ever after, answers
/// nothing; then the program is sent a signal. That it ends at all shows that an interrupt waits
/// for no answer.
fn interrupted(
    world: &World,
    nth: usize,
    signal: Signal,
    program: &str,
    args: impl FnOnce(&str) -> Vec<String>,
) -> Ran {
    let (asked, was_asked) = mpsc::channel();
    let url = service::start(move |n| {
        if n < nth {
            return Act::Vectors;
        }
        asked.send(()).expect("the test listens");
        Act::Silence
    });
    let before = world.listing();
    let mut command: Command = world.command(program);
    command.args(args(&url)).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().expect("the program starts");
    was_asked.recv_timeout(Duration::from_secs(60)).expect("the service is asked");
    kill_process(Pid::from_child(&child), signal).expect("it runs");
    let ran = Ran::ended(&child.wait_with_output().expect("it ends"), format!("{command:?}"));
    assert_eq!(world.listing(), before, "{}", ran.told());
    ran
}

#[test]
fn an_interrupt_during_a_build_exits_130_and_leaves_nothing() {
    let world = World::new();
    write_corpus(&world);
    let args = |url: &str| {
        let args = ["--input", "corpus.jsonl", "--out", "new", "--embedder", "openai", "--model"];
        args.iter().chain(&["m", "--embedder-url", url]).map(|arg| (*arg).to_owned()).collect()
    };
    for signal in [Signal::INT, Signal::TERM] {
        interrupted(&world, 2, signal, INDEX_BUILD, args).refuses(130, &["interrupted"]);
    }
    // The old index stays under --force.
    world.build(&["--input", "corpus.jsonl", "--out", "new"]).success();
    let forced = |url: &str| [args(url), vec!["--force".to_owned()]].concat();
    interrupted(&world, 2, Signal::INT, INDEX_BUILD, forced).refuses(130, &["interrupted"]);
}

#[test]
fn an_interrupt_during_an_evaluation_exits_130_and_files_nothing() {
    let world = World::new();
    world.write("corpus.json", support::CORPUS);
    world.write("gold.json", support::GOLD);
    let url = service::start(|_| Act::Vectors);
    let build = ["--input", "corpus.json", "--out", "docs", "--embedder", "openai", "--model", "m"];
    world.run(INDEX_BUILD, &[&build[..], &["--embedder-url", &url]].concat()).success();
    let args = |url: &str| {
        let args =
            ["--gold", "gold.json", "--index", "docs", "--min-cov", "0.7", "--out", "report"];
        args.iter().chain(&["--embedder-url", url]).map(|arg| (*arg).to_owned()).collect()
    };
    interrupted(&world, 1, Signal::INT, WFGY_EVAL, args)
        .refuses(130, &["interrupted; nothing was filed"]);
}
