//! Readers of `wfgy-pointer`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::{Value, json};
use wfgy_core::{Deadline, Digest, Pointer, PointerState, StackEntry, canonical_json};
use wfgy_pointer::{Journal, LocalPointer};

use super::{Reader, Said, write};

pub fn readers() -> Vec<Reader> {
    vec![
        Reader {
            name: "journal",
            file: "journal.jsonl",
            lay: |_| (),
            seeds: |_| vec![journal()],
            read: |folder| {
                let path = folder.join("journal.jsonl");
                let bytes = fs::read(&path).expect("a file");
                write(&folder.join("journal.head"), head(&bytes));
                let read = journal_in(folder);
                // Once more with a chain that holds, which a fuzzer cannot make.
                if let Some(chained) = chained(&bytes) {
                    write(&folder.join("journal.head"), head(&chained));
                    write(&path, chained);
                    journal_in(folder)?;
                }
                read
            },
        },
        Reader {
            name: "journal_head",
            file: "journal.head",
            lay: |folder| write(&folder.join("journal.jsonl"), journal()),
            seeds: |_| vec![head(&journal())],
            read: journal_in,
        },
        Reader {
            name: "pointer_state",
            file: "aliases/docs_live/versions/2/state.json",
            lay: |folder| {
                let alias = folder.join("aliases/docs_live");
                fs::create_dir_all(alias.join("versions/2")).expect("a folder");
                symlink("versions/2", alias.join("current")).expect("a link");
                symlink("/indexes/green", alias.join("versions/2/target")).expect("a link");
            },
            seeds: |_| vec![canonical_json(&state(Some(Digest::of("head")))).expect("a state")],
            read: |folder| {
                let pointer = LocalPointer::new(folder);
                let state = pointer.read("docs_live", Deadline::NONE);
                let state = state.map_err(|error| error.to_string())?.expect("there is one");
                assert_eq!((state.epoch, &*state.target), (2, "/indexes/green"));
                Ok(())
            },
        },
    ]
}

/// Reads the journal, and asks it all that it is asked.
fn journal_in(folder: &Path) -> Said {
    let chain = Journal::new(folder).read().map_err(|error| error.to_string())?;
    assert_eq!(chain.seq(), chain.records().len() as u64);
    let _ = (chain.head(), chain.needs_recovery(), chain.last_moved("docs_live"));
    for (seq, _, _) in chain.open_intents() {
        let _ = chain.closing(seq);
    }
    drop(chain.moved_aside(0).collect::<Vec<_>>());
    drop(chain.vouch(&state(chain.head())));
    Ok(())
}

fn state(journal_head: Option<Digest>) -> PointerState {
    let entry = |name: &str| StackEntry {
        target: format!("/indexes/{name}"),
        index_hash: Digest::of(name),
        serving_hash: Digest::of(name),
    };
    let StackEntry { target, index_hash, serving_hash } = entry("green");
    PointerState {
        alias: "docs_live".to_owned(),
        target,
        index_hash,
        serving_hash,
        epoch: 2,
        stack: vec![entry("blue")],
        quarantine: Vec::new(),
        policies: vec![Digest::of("policy")],
        golds: Vec::new(),
        changed_at: "2026-05-28T20:26:40Z".to_owned(),
        by: "tester".to_owned(),
        verdict_digest: Some(Digest::of("verdict")),
        journal_head,
    }
}

/// A verdict filed, a move announced and made, a torn line put right.
fn journal() -> Vec<u8> {
    let digest = |text: &str| Digest::of(text).to_string();
    let events = [
        json!({"kind": "verdict_filed", "digest": digest("verdict"), "began_seq": 0,
               "index_hash": digest("green"), "serving_hash": digest("green"),
               "policy_digest": digest("policy"), "gold_digest": digest("gold"),
               "verdict": "pass"}),
        json!({"kind": "intent", "action": "forward", "strength": "emulated_cas",
               "from": {"target": "/indexes/blue", "epoch": 1}, "next": state(None),
               "verdict": digest("verdict"), "reason": null, "overridden": false}),
        json!({"kind": "outcome", "intent": 2, "result": "moved", "message": null}),
        json!({"kind": "recovered", "found": "torn_line", "file": "journal.torn.1", "bytes": 3,
               "sha256": digest("abc")}),
    ];
    let lines = events.map(|mut event| {
        event["at"] = "2026-05-28T20:26:40Z".into();
        event["by"] = "tester".into();
        event
    });
    chain(lines.into()).expect("JSON")
}

/// Lines of records, numbered, each with the digest of the one before; `None` where one has no
/// canonical form.
fn chain(records: Vec<Value>) -> Option<Vec<u8>> {
    let (mut bytes, mut prev) = (Vec::new(), Value::Null);
    for (i, mut record) in records.into_iter().enumerate() {
        record["seq"] = (i + 1).into();
        record["prev"] = prev;
        let line = canonical_json(&record).ok()?;
        prev = Digest::of(&line).to_string().into();
        bytes.extend(line);
        bytes.push(b'\n');
    }
    Some(bytes)
}

/// The same records in a chain that holds, where they are objects.
fn chained(bytes: &[u8]) -> Option<Vec<u8>> {
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let records = lines.map(|line| serde_json::from_slice::<Value>(line).ok());
    let records: Vec<Value> = records.collect::<Option<_>>()?;
    let whole = !records.is_empty() && records.iter().all(Value::is_object);
    whole.then(|| chain(records)).flatten()
}

/// The head that names the last whole line.
fn head(bytes: &[u8]) -> Vec<u8> {
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
    let lines: Vec<&[u8]> = bytes[..whole].split(|byte| *byte == b'\n').collect();
    let last = Digest::of(lines.last().copied().unwrap_or_default());
    canonical_json(&json!({"seq": lines.len(), "digest": last})).expect("JSON")
}
