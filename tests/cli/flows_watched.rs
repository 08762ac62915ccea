//! What the programs do while somebody looks on, or waits for too long.

mod handbook;
mod support;

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use handbook::folder;
use rustix::process::{Pid, Signal, kill_process};
use support::{INDEX_BUILD, Ran, VEC, World};

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
    let mut command = world.command(VEC);
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
