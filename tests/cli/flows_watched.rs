//! What the programs do while somebody looks on, or waits for too long.

mod handbook;
mod service;
mod support;

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc;
use std::time::Duration;

use handbook::{MET, folder, judge, with_b};
use rustix::process::{Pid, Signal, kill_process};
use service::Act;
use support::{INDEX_BUILD, Ran, VEC, WFGY_EVAL, World};

#[test]
fn a_build_on_a_terminal_shows_a_bar_with_rate_and_eta() {
    let world = folder();
    let line = format!("{INDEX_BUILD} --embedder static --input corpus_vB.json --out docs_vB");
    let mut command = world.command("script");
    command.args(["-qec", &line, "/dev/null"]).env("TERM", "xterm-256color");
    let ran = Ran::of(&mut command).success();
    // The first drawing of a bar may come before there is a rate; each has both places.
    let drawn: Vec<&str> = ran.stdout.split('\r').filter(|part| part.contains("ETA ")).collect();
    assert!(!drawn.is_empty(), "{}", ran.told());
    for bar in drawn {
        let rate = bar.split_whitespace().any(|word| {
            word.strip_suffix("/s")
                .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
        });
        assert!(rate, "{bar:?}");
    }
}

/// Whether a process has a file of this name open.
fn has_open(pid: u32, path: &Path) -> bool {
    let open = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let names = |fd: fs::DirEntry| fs::read_link(fd.path()).is_ok_and(|target| target == path);
    open.into_iter().any(names)
}

#[test]
fn an_interrupt_while_vec_waits_for_the_lock_exits_130_and_moves_nothing() {
    let world = World::with_index();
    let drill = ["--override", "--reason", "drill"];
    world.vec(&[&["alias", "create", "live", "--to", "docs"][..], &drill].concat()).success();
    world.build(&["--input", "corpus.json", "--out", "other", "--chunk", "none"]).success();

    let lock = fs::canonicalize(world.path(".wfgy/lock")).expect("the store has a lock");
    let mut holder = world.command("flock");
    holder.args(["--no-fork".as_ref(), lock.as_os_str(), "sleep".as_ref(), "600".as_ref()]);
    let mut holder = holder.spawn().expect("flock of util-linux runs");
    let pause = || std::thread::sleep(Duration::from_millis(10));
    let becomes = |holds: &dyn Fn() -> bool| {
        (0..6000).any(|_| {
            holds() || {
                pause();
                false
            }
        })
    };
    let sleeps = format!("/proc/{}/comm", holder.id());
    let held = becomes(&|| fs::read_to_string(&sleeps).is_ok_and(|name| name == "sleep\n"));
    assert!(held, "the lock is held");

    let before = world.listing();
    // A script's background job is started with interrupts ignored, and so would be its tests.
    let mut command = world.command("env");
    command.args(["--default-signal=INT", VEC]);
    command.args([&["alias", "update", "live", "--to", "other"][..], &drill].concat());
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    assert!(becomes(&|| has_open(child.id(), &lock)), "it waits for the lock");
    kill_process(Pid::from_child(&child), Signal::INT).expect("it runs");
    // It ends by the signal itself, at once: that is exit 130 in a shell, and here.
    Ran::ended(&child.wait_with_output().expect("it ends"), format!("{command:?}")).exits(130);
    assert_eq!(world.listing(), before, "nothing moved");
    holder.kill().expect("it runs");
    holder.wait().expect("it ends");
    world.vec(&[&["alias", "update", "live", "--to", "other"][..], &drill].concat()).success();
}

#[test]
fn an_interrupt_in_the_diagnosis_exits_130_and_files_nothing() {
    // A service that tells of each request, and answers once it is told to.
    let (asked, requests) = mpsc::channel();
    let (answer, answers) = mpsc::channel();
    let url = service::start(move |_| {
        asked.send(()).expect("the test listens");
        answers.recv().expect("the test answers");
        Act::Vectors
    });
    let world = World::new();
    world.write("corpus.json", support::CORPUS);
    world.write("gold.json", support::GOLD);
    // Runs a program to its end, and calls `before` with its process id and the number of a
    // request before that is answered.
    let serve = |program: &str, args: &[&str], before: &dyn Fn(Pid, usize)| {
        let mut command = world.command(program);
        command.args(args).args(["--embedder-url", &url]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let mut n = 0;
        while child.try_wait().expect("its state").is_none() {
            if requests.recv_timeout(Duration::from_millis(10)).is_ok() {
                before(Pid::from_child(&child), n);
                answer.send(()).expect("the service waits");
                n += 1;
            }
        }
        (Ran::ended(&child.wait_with_output().expect("it ended"), format!("{command:?}")), n)
    };
    let build = ["--input", "corpus.json", "--out", "docs", "--embedder", "openai", "--model", "m"];
    serve(INDEX_BUILD, &build, &|_, _| ()).0.success();
    let eval = ["--gold", "gold.json", "--index", "docs", "--min-cov", "0.1", "--out", "report"];
    let (ran, n) = serve(WFGY_EVAL, &eval, &|_, _| ());
    ran.exits(3);
    let filed = || fs::read_dir(world.path(".wfgy/verdicts")).expect("a store").count();
    assert_eq!(filed(), 1);

    // The last thing that is asked is how the diagnosis finds texts cut by the model.
    let interrupt = |pid: Pid, at: usize| {
        if at + 1 == n {
            kill_process(pid, Signal::INT).expect("it runs");
        }
    };
    let (ran, _) = serve(WFGY_EVAL, &eval, &interrupt);
    let ran = ran.exits(130);
    assert!(ran.stderr.contains("interrupted; nothing was filed"), "{}", ran.told());
    assert_eq!(filed(), 1, "nothing was filed");
    assert!(!world.path("report/verdict.json").exists(), "no verdict of an earlier evaluation");
}

#[test]
fn what_a_killed_run_left_in_the_out_folder_is_no_file_of_somebody_else() {
    let world = with_b();
    for name in [".report.json.4711.tmp", ".verdict.json.1.tmp", ".runs.jsonl.23.tmp"] {
        world.write(&format!("out/{name}"), "half");
    }
    judge(&world, "docs_vB", &MET, &["--out", "out"]).success();
    let left = world.listing().into_keys().filter(|name| name.ends_with(".tmp"));
    assert_eq!(left.collect::<Vec<_>>(), Vec::<String>::new());
    world.write("out/.report.json.mine.tmp", "kept");
    let args = ["--gold", "gold_40.json", "--index", "docs_vB", "--out", "out"];
    let args = [&args[..], &MET].concat();
    world.refused(WFGY_EVAL, &args, 2, &["holds `.report.json.mine.tmp`"]);
}
