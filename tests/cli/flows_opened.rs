//! How often a program opens the files of an index, as the kernel counts it.

#![cfg(target_os = "linux")]

mod support;

use std::collections::BTreeMap;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

use rustix::fs::inotify::{self, CreateFlags, Reader, WatchFlags};
use rustix::io::Errno;

use support::{Ran, World};

/// Files below folders of a world, and how often each was opened.
type Opened = BTreeMap<String, u32>;

/// Two indexes with a graph each, and a gold set.
fn world() -> World {
    let world = World::with_index();
    for name in ["blue", "green"] {
        world.build(&["--input", "corpus.json", "--out", name, "--ann", "hnsw"]).success();
    }
    world
}

/// What `run` opens in the folders `watched`, and what it did.
fn opened(world: &World, watched: &[&str], run: impl FnOnce() -> Ran) -> (Opened, Ran) {
    let events: OwnedFd = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).expect("one");
    let watch = |name: &&str| {
        let place = inotify::add_watch(&events, world.path(name), WatchFlags::OPEN);
        (place.expect("a watch"), (*name).to_owned())
    };
    let folders: BTreeMap<i32, String> = watched.iter().map(watch).collect();
    let ran = run();
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut reader = Reader::new(&events, &mut buffer);
    let mut opened = Opened::new();
    loop {
        match reader.next() {
            Err(Errno::WOULDBLOCK) => return (opened, ran),
            Err(error) => panic!("{error}"),
            // The folder itself has no name.
            Ok(event) => {
                let Some(name) = event.file_name() else { continue };
                let name = name.to_str().expect("UTF-8");
                *opened.entry(format!("{}/{name}", folders[&event.wd()])).or_default() += 1;
            }
        }
    }
}

/// Every file of these indexes, once.
fn once(world: &World, indexes: &[&str]) -> Opened {
    let mut files = Opened::new();
    for index in indexes {
        for entry in std::fs::read_dir(world.path(index)).expect("an index") {
            let name = entry.expect("an entry").file_name().into_string().expect("UTF-8");
            files.insert(format!("{index}/{name}"), 1);
        }
    }
    assert_eq!(files.len(), 6 * indexes.len(), "{files:?}");
    files
}

const ASKED: [&str; 4] = ["--gold", "gold.json", "--targets", "ds<=0.9,cov>=0.5"];

#[test]
fn rule_an_evaluation_opens_every_file_of_its_indexes_once() {
    let world = world();
    let alone = [&["--index", "green"][..], &ASKED].concat();
    let pair = [&alone[..], &["--baseline", "blue", "--latency"]].concat();
    for (indexes, asked) in [(&["green"][..], &alone), (&["blue", "green"], &pair)] {
        let (opened, ran) = opened(&world, &["blue", "green"], || world.eval(asked));
        // Four questions are too few to pass.
        ran.exits(3);
        assert_eq!(opened, once(&world, indexes), "{asked:?}");
    }
}

#[test]
fn rule_an_evaluation_against_what_is_live_opens_every_file_once() {
    let world = world();
    let place = world.path("blue").display().to_string();
    let create = ["alias", "create", "live", "--to", &place, "--override", "--reason", "new"];
    world.vec(&create).success();
    let asked = [&["--index", "green", "--baseline", "live"][..], &ASKED].concat();
    let (opened, ran) = opened(&world, &["blue", "green"], || world.eval(&asked));
    ran.exits(3);
    assert_eq!(opened, once(&world, &["blue", "green"]));
}

#[test]
fn rule_a_check_of_an_index_opens_every_file_once() {
    let world = world();
    for command in ["verify", "inspect"] {
        let check = || world.run(support::INDEX_BUILD, &[command, "green"]);
        let (opened, ran) = opened(&world, &["green"], check);
        ran.success();
        assert_eq!(opened, once(&world, &["green"]), "{command}");
    }
}
