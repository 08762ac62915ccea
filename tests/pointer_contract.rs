//! The contract of `core::Pointer`, for the local adapter and one in memory.

#![allow(clippy::unwrap_used, reason = "a test that fails here has found something")]

#[path = "pointer/contract.rs"]
mod contract;
#[path = "pointer/memory.rs"]
mod memory;

use std::fs;

use wfgy_core::{Deadline, Pointer};
use wfgy_pointer::LocalPointer;

contract!(local, || {
    let dir = tempfile::tempdir().unwrap();
    let pointer = LocalPointer::new(dir.path());
    (dir, pointer)
});

contract!(in_memory, || ((), memory::MemoryPointer::default()));

#[test]
fn rule_readers_open_current_target_while_the_pointer_moves() {
    let dir = tempfile::tempdir().unwrap();
    let targets = [0, 1, 2].map(|i| {
        let path = dir.path().join(format!("index {i}"));
        fs::create_dir(&path).unwrap();
        fs::write(path.join("content"), "x").unwrap();
        path.to_str().unwrap().to_owned()
    });
    let target = |epoch: u64| targets[epoch as usize % 3].clone();
    let pointer = LocalPointer::new(&dir.path().join("store"));
    let mut now = contract::state("docs", &target(1), 1);
    pointer.swap(None, &now, Deadline::NONE).unwrap();
    let live = pointer.live(&"docs".parse().unwrap()).join("content");
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::SeqCst) {
                assert_eq!(fs::read_to_string(&live).unwrap(), "x");
            }
        });
        for epoch in 2..=60 {
            let next = contract::state("docs", &target(epoch), epoch);
            pointer.swap(Some(&now), &next, Deadline::NONE).unwrap();
            now = next;
        }
        done.store(true, std::sync::atomic::Ordering::SeqCst);
    });
}

#[test]
fn rule_old_versions_are_kept_for_readers_and_then_swept() {
    let dir = tempfile::tempdir().unwrap();
    let pointer = LocalPointer::new(dir.path());
    let mut now = contract::state("docs", "/1", 1);
    pointer.swap(None, &now, Deadline::NONE).unwrap();
    let versions = dir.path().join("aliases/docs/versions");
    // What writers that died have left.
    fs::create_dir(versions.join(".7.999.tmp")).unwrap();
    fs::create_dir(versions.join("3")).unwrap();
    std::os::unix::fs::symlink("versions/3", dir.path().join("aliases/docs/.current.9.tmp"))
        .unwrap();
    for epoch in 2..=30 {
        let next = contract::state("docs", &format!("/{epoch}"), epoch);
        pointer.swap(Some(&now), &next, Deadline::NONE).unwrap();
        now = next;
    }
    let mut kept: Vec<u64> = fs::read_dir(&versions)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap().parse().unwrap())
        .collect();
    kept.sort_unstable();
    // 8 for readers, one for the one entry of the stack, and the live one.
    assert_eq!(kept, (21..=30).collect::<Vec<u64>>());
    let names = fs::read_dir(dir.path().join("aliases/docs")).unwrap().count();
    assert_eq!(names, 2, "current and versions");
}

#[test]
fn a_local_pointer_keeps_compare_and_set_natively() {
    let pointer = LocalPointer::new(std::path::Path::new("unused"));
    assert_eq!(pointer.strength().to_string(), "native_cas");
}
