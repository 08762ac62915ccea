//! The project's handbook and its gold set in a fresh folder, judged by the built-in table.

#![allow(dead_code, reason = "no test file uses all of it")]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{Ran, World};

/// Criteria that both revisions meet under the built-in table; 0.45 is a bound for transformers.
pub(crate) const MET: [&str; 4] = ["--min-cov", "0.70", "--max-ds", "0.52"];
/// Criteria that neither revision meets under the built-in table.
pub(crate) const MISSED: [&str; 4] = ["--min-cov", "0.70", "--max-ds", "0.30"];

/// A file of the folder `gold/`.
pub(crate) fn gold_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../gold").join(name)
}

/// A fresh folder with both revisions of the handbook and the gold set.
pub(crate) fn folder() -> World {
    let world = World::new();
    for name in ["corpus_vA.json", "corpus_vB.json", "gold_40.json"] {
        fs::copy(gold_file(name), world.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
    }
    world
}

/// The same, with the index `docs_vB`.
pub(crate) fn with_b() -> World {
    let world = folder();
    world.build(&["--input", "corpus_vB.json", "--out", "docs_vB"]).success();
    world
}

/// The same, with both indexes.
pub(crate) fn with_both() -> World {
    let world = with_b();
    world.build(&["--input", "corpus_vA.json", "--out", "docs_vA"]).success();
    world
}

/// `wfgy_eval` of the gold set on an index, under the criteria and with what else is given.
pub(crate) fn judge(world: &World, index: &str, criteria: &[&str], more: &[&str]) -> Ran {
    let asked = ["--gold", "gold_40.json", "--index", index];
    world.eval(&[&asked, criteria, more].concat())
}

/// What a program printed, as JSON.
pub(crate) fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}\n{}", ran.told()))
}

/// A JSON file.
pub(crate) fn json_file(world: &World, name: &str) -> Value {
    serde_json::from_slice(&world.read(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The lines of a JSON Lines file.
pub(crate) fn json_lines(world: &World, name: &str) -> Vec<Value> {
    let bytes = world.read(name);
    let text = std::str::from_utf8(&bytes).expect("JSON is UTF-8");
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{name}: {e}: {line}")))
        .collect()
}

/// INDEX_HASH or SERVING_HASH, as `inspect` says it.
pub(crate) fn pin(world: &World, index: &str, name: &str) -> String {
    let shown = world.run(crate::support::INDEX_BUILD, &["inspect", index, "--format", "json"]);
    let shown = json(&shown.success());
    shown["pins"][name].as_str().unwrap_or_else(|| panic!("{name} in {shown}")).to_owned()
}
