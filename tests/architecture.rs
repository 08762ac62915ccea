//! The arrows between crates are those of ARCHITECTURE.md, which are those below, and no others.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// The table of ARCHITECTURE.md, read from the document itself so that the two cannot differ.
fn documented() -> BTreeMap<String, BTreeSet<String>> {
    let map = include_str!("../ARCHITECTURE.md");
    let mut arrows = BTreeMap::new();
    for line in map.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [name, _, may_use] = cells[..] else { continue };
        let name = name.trim_matches('`').to_owned();
        if !std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(&name).is_dir() {
            continue;
        }
        let uses = match may_use {
            "–" => BTreeSet::new(),
            "all" => BTreeSet::from(["*".to_owned()]),
            list => list.split(',').map(|crate_name| crate_name.trim().to_owned()).collect(),
        };
        arrows.insert(name, uses);
    }
    arrows
}

/// The arrows, once more: adding one is a decision, taken here and in ARCHITECTURE.md.
const ARROWS: [(&str, &[&str]); 11] = [
    ("cli", &["*"]),
    ("core", &[]),
    ("embed", &["core", "formats", "kernel"]),
    ("engine", &["core", "gate", "score", "stats"]),
    ("formats", &["core", "gate", "score"]),
    ("gate", &["core", "stats"]),
    ("index", &["core", "formats", "kernel"]),
    ("kernel", &[]),
    ("pointer", &["core", "formats", "gate"]),
    ("score", &["core", "kernel"]),
    ("stats", &["core", "kernel"]),
];

/// What `cargo metadata` says, without the `wfgy-` prefix, development dependencies excluded.
fn actual() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo metadata runs");
    let metadata: serde_json::Value =
        serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
    let mut arrows = BTreeMap::new();
    for package in metadata["packages"].as_array().expect("packages") {
        let short = |value: &serde_json::Value| {
            value["name"].as_str().and_then(|name| name.strip_prefix("wfgy-")).map(str::to_owned)
        };
        let Some(name) = short(package) else { continue };
        let uses = package["dependencies"]
            .as_array()
            .expect("dependencies")
            .iter()
            .filter(|dependency| dependency["kind"].as_str() != Some("dev"))
            .filter_map(short)
            .collect();
        arrows.insert(name, uses);
    }
    arrows
}

#[test]
fn the_map_has_these_arrows_and_no_others() {
    let pinned: BTreeMap<String, BTreeSet<String>> = ARROWS
        .iter()
        .map(|(name, uses)| ((*name).to_owned(), uses.iter().map(ToString::to_string).collect()))
        .collect();
    assert_eq!(documented(), pinned);
}

#[test]
fn every_crate_is_in_the_map_and_uses_only_what_the_map_allows() {
    let (documented, actual) = (documented(), actual());
    assert_eq!(
        documented.keys().collect::<Vec<_>>(),
        actual.keys().collect::<Vec<_>>(),
        "ARCHITECTURE.md lists exactly the crates of the workspace"
    );
    for (name, uses) in &actual {
        let allowed = &documented[name];
        if allowed.contains("*") {
            continue;
        }
        let extra: Vec<_> = uses.difference(allowed).collect();
        assert!(extra.is_empty(), "{name} uses {extra:?}, which ARCHITECTURE.md does not allow");
    }
}

#[test]
fn unsafe_code_lives_in_the_kernel_only() {
    let crates = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for entry in std::fs::read_dir(crates).expect("crates") {
        let folder = entry.expect("entry").path();
        let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).expect("Cargo.toml");
        let inherits = manifest.contains("[lints]\nworkspace = true");
        let kernel = folder.ends_with("kernel");
        assert_eq!(inherits, !kernel, "{}: the workspace forbids unsafe", folder.display());
    }
}

/// Their instructions are safe to call only where `vectorized` does, behind its look at the processor.
#[test]
fn lanes_of_a_path_are_named_where_functions_are_compiled_for_it_only() {
    let sources = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../kernel/src");
    let mut open = vec![sources.clone()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).expect("sources") {
            let path = entry.expect("entry").path();
            let place = path.strip_prefix(&sources).expect("inside").to_owned();
            if path.is_dir() {
                open.push(path);
            } else if !place.starts_with("lanes")
                && !["lanes.rs", "vectorized.rs"].iter().any(|own| place.ends_with(own))
            {
                let text = std::fs::read_to_string(&path).expect("a source");
                assert!(!text.contains("lanes::Avx"), "{}", path.display());
                let imports = text.lines().filter(|line| line.starts_with("use crate::lanes"));
                assert!(imports.clone().all(|line| !line.contains("Avx")), "{}", path.display());
            }
        }
    }
}
