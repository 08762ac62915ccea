//! What the fuzz targets call (`tests/fuzz`), over their seeds and a few damaged copies of each:
//! the targets themselves are built by `scripts/fuzz.sh` only, which is also why this writes the
//! seeds into a folder for each target where `WFGY_FUZZ_SEEDS` names one.

#[allow(dead_code, reason = "a target runs one reader only")]
#[path = "fuzz/src/lib.rs"]
mod fuzz;
#[allow(dead_code, reason = "memory is watched by the tests of the crates")]
#[path = "mutated.rs"]
mod mutated;
#[path = "cli/support.rs"]
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use support::World;

/// Files of an evaluation, which only the programs write, by target; long ones cut to a few lines.
fn of_a_run() -> BTreeMap<&'static str, Vec<Vec<u8>>> {
    let world = World::with_index();
    world.build(&["--input", "corpus.json", "--out", "next"]).success();
    let judged = ["--index", "next", "--gold", "gold.json", "--baseline", "docs", "--out", "out"];
    let asked = ["--targets", "ds<=0.9,cov>=0.5,latency.p95_ratio<=5"];
    // Four questions are too few to pass.
    world.eval(&[&judged[..], &asked].concat()).exits(3);
    let few = |name: &str| {
        let whole = String::from_utf8(world.read(name)).expect("JSON");
        vec![whole.lines().take(6).map(|line| format!("{line}\n")).collect::<String>().into()]
    };
    let place = world.path("docs").display().to_string();
    world
        .vec(&["alias", "create", "live", "--to", &place, "--override", "--reason", "new"])
        .success();
    BTreeMap::from([
        ("verdict", vec![world.read("out/verdict.json")]),
        ("report", vec![world.read("out/report.json")]),
        ("runs", few("out/runs.jsonl")),
        ("latency", few("out/latency.jsonl")),
        ("journal", vec![world.read(".wfgy/journal.jsonl")]),
    ])
}

#[test]
fn every_reader_takes_its_seeds_and_no_damaged_copy_of_them_makes_it_panic() {
    let mut made = of_a_run();
    for reader in fuzz::readers() {
        let dir = tempfile::tempdir().expect("a folder");
        (reader.lay)(dir.path());
        let mut seeds = (reader.seeds)(dir.path());
        seeds.extend(made.remove(reader.name).unwrap_or_default());
        let taken = seeds.iter().filter(|seed| reader.takes(dir.path(), seed)).count();
        assert!(taken > 0, "{}: {taken} of {} seeds taken", reader.name, seeds.len());
        for damaged in seeds.iter().flat_map(|seed| mutated::Mutations::of(seed, 0x5eed).take(8)) {
            reader.takes(dir.path(), &damaged);
        }
        assert!(reader.takes(dir.path(), &seeds[0]), "{}: it depends on its past", reader.name);
        if let Some(folder) = std::env::var_os("WFGY_FUZZ_SEEDS") {
            let folder = Path::new(&folder).join(reader.name);
            fs::create_dir_all(&folder).expect("a folder");
            for seed in seeds {
                let name = wfgy_core::Digest::of(&seed).to_string();
                fs::write(folder.join(name), seed).expect("a file is written");
            }
        }
    }
    assert_eq!(made.keys().next(), None, "nobody reads it");
}

#[test]
fn every_reader_has_a_target_that_runs_it_and_no_other() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz");
    let readers: BTreeSet<String> =
        fuzz::readers().into_iter().map(|reader| reader.name.to_owned()).collect();
    assert_eq!(readers.len(), fuzz::readers().len(), "no two have one name");
    let mut targets = BTreeSet::new();
    for entry in fs::read_dir(folder.join("targets")).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).expect("a target");
        assert!(text.contains(&format!("wfgy_fuzz::fuzz(\"{name}\", bytes)")), "{text}");
        targets.insert(name);
    }
    assert_eq!(targets, readers);
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).expect("a manifest");
    let named = |line: &str| {
        line.strip_prefix("path = \"targets/")?.strip_suffix(".rs\"").map(String::from)
    };
    assert_eq!(manifest.lines().filter_map(named).collect::<BTreeSet<_>>(), readers);
}
