//! A store that cannot be used, a lock that is not had.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use wfgy_core::Deadline;
use wfgy_gate::Timestamp;
use wfgy_pointer::{Allowed, Flip, StoreDir, VerdictStore};

use crate::refused;
use crate::world::{Case, NOON, World, hash, live, person, plain, soon};

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
