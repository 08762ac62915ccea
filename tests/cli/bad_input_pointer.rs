//! Names, aliases and stores that cannot be used: nothing moves.

mod support;

use std::fs;

use support::{INDEX_BUILD, VEC, WFGY_EVAL, World};

const OVERRIDE: [&str; 3] = ["--override", "--reason", "test"];

/// The index in `docs` and its copy in `more`, with `live` pointing to the first.
fn world() -> World {
    let world = World::with_index();
    world.build(&["--input", "corpus.json", "--out", "more", "--ann", "hnsw"]).success();
    world.vec(&[&["alias", "create", "live", "--to", "docs"], &OVERRIDE[..]].concat()).success();
    world
}

#[track_caller]
fn refused(world: &World, args: &[&str], code: i32, parts: &[&str]) {
    world.refused(VEC, args, code, parts);
}

#[test]
fn a_name_that_leads_out_of_the_store_is_refused() {
    let world = world();
    let long = "a".repeat(65);
    let names =
        ["../evil", "..", ".", "a/b", "/tmp/evil", ".hidden", "", "a b", "a\nb", "café", &long];
    for name in names {
        let shown = name.replace('\n', "\\n");
        let parts: &[&str] = &[shown.as_str()];
        let create = ["alias", "create", name, "--to", "docs"];
        refused(&world, &[&create[..], &OVERRIDE].concat(), 2, parts);
        let update = ["alias", "update", name, "--to", "more"];
        refused(&world, &[&update[..], &OVERRIDE].concat(), 2, parts);
        refused(&world, &["alias", "rollback", name], 2, parts);
        refused(&world, &["alias", "show", name], 2, parts);
    }
}

#[test]
fn an_alias_that_is_not_there_is_named_with_the_command_that_makes_it() {
    let world = world();
    let parts = ["unknown alias `docs_live`", "vec alias create docs_live"];
    refused(&world, &["alias", "update", "docs_live", "--to", "docs"], 2, &parts);
    // Who only looks for one is told where was looked and what is there.
    let store = world.root().canonicalize().expect("a folder").join(".wfgy").display().to_string();
    let there = format!("the store {store} has `live`; --store DIR or WFGY_STORE names another");
    let parts = ["unknown alias `docs_live`", there.as_str()];
    for verb in ["rollback", "show", "history"] {
        let ran = world.refused(VEC, &["alias", verb, "docs_live"], 2, &parts);
        assert!(!ran.stderr.contains("create"), "{}", ran.told());
    }
    refused(&world, &["alias", "policy", "docs_live", "--reason", "x"], 2, &parts);
    let eval = ["--gold", "gold.json", "--index", "docs_live", "--min-cov", "0.7"];
    world.refused(WFGY_EVAL, &eval, 2, &["`docs_live` is neither an alias", there.as_str()]);
    world.refused(INDEX_BUILD, &["verify", "docs_live"], 2, &["neither an alias", there.as_str()]);
}

#[test]
fn a_command_on_an_alias_without_the_word_alias_is_said() {
    let world = world();
    refused(&world, &["rollback", "live"], 2, &["run `vec alias rollback …`"]);
}

#[test]
fn a_store_that_does_not_exist_is_said_and_is_not_an_empty_one() {
    let world = world();
    let nowhere = world.root().canonicalize().expect("a folder").join("nowhere");
    let missing = format!("the store {} does not exist", nowhere.display());
    for format in ["text", "json"] {
        let list = ["alias", "list", "--store", "nowhere", "--format", format];
        refused(&world, &list, 2, &[&missing, "WFGY_STORE"]);
    }
    let show = ["alias", "show", "live", "--store", "nowhere"];
    refused(&world, &show, 2, &["unknown alias `live`", &missing]);
    fs::create_dir(world.path("nowhere")).expect("a folder");
    let ran = world.vec(&["alias", "list", "--store", "nowhere"]).success();
    assert!(ran.stdout.contains("no aliases in nowhere"), "{}", ran.told());
}

#[test]
fn an_alias_that_is_there_is_not_made_again() {
    let world = world();
    let create = ["alias", "create", "live", "--to", "more"];
    refused(
        &world,
        &[&create[..], &OVERRIDE].concat(),
        2,
        &["alias `live` exists", "vec alias update"],
    );
}

#[test]
fn a_target_that_is_no_index_is_refused_even_by_a_person() {
    let world = world();
    fs::create_dir(world.path("empty")).expect("a folder");
    for (target, part) in [
        ("none", "none: no such directory"),
        ("corpus.json", "corpus.json: is no directory"),
        ("empty", "empty: is no index"),
        ("home", "home: is no index"),
    ] {
        let update = ["alias", "update", "live", "--to", target];
        refused(&world, &[&update[..], &OVERRIDE].concat(), 2, &[part]);
        refused(&world, &update, 2, &[part]);
        let create = ["alias", "create", "other", "--to", target];
        refused(&world, &[&create[..], &OVERRIDE].concat(), 2, &[part]);
    }
}

#[test]
fn a_name_that_is_an_alias_and_a_directory_is_refused() {
    let world = world();
    world.vec(&[&["alias", "create", "more", "--to", "docs"], &OVERRIDE[..]].concat()).success();
    let eval = ["--gold", "gold.json", "--index", "more", "--min-cov", "0.7"];
    world.refused(WFGY_EVAL, &eval, 2, &["`more` is an alias and a directory", "./more"]);
    let check = ["gold", "check", "--gold", "gold.json", "--index", "more"];
    world.refused(WFGY_EVAL, &check, 2, &["`more` is an alias and a directory", "./more"]);
    // As the message says: four questions approve nothing, but they are asked.
    let eval = ["--gold", "gold.json", "--index", "./more", "--min-cov", "0.7", "--no-file"];
    world.eval(&eval).exits(3);
}

#[test]
fn an_alias_that_was_removed_by_hand_is_neither_a_directory_nor_gone() {
    let world = world();
    fs::remove_file(world.path(".wfgy/aliases/live/current")).expect("a link");
    // What it pointed to is not replaced.
    let force = ["--embedder", "static", "--input", "corpus.json", "--out", "docs", "--force"];
    world.refused(INDEX_BUILD, &force, 2, &["docs: cannot be replaced: alias `live`"]);
    let eval = ["--gold", "gold.json", "--min-cov", "0.7", "--no-file", "--index"];
    let gone = ["moved alias live to epoch 1, but the alias is gone", "write `./live`"];
    world.refused(WFGY_EVAL, &[&eval[..], &["live"]].concat(), 2, &gone[..1]);
    world.build(&["--input", "corpus.json", "--out", "live"]).success();
    world.refused(WFGY_EVAL, &[&eval[..], &["live"]].concat(), 2, &gone);
    world.eval(&[&eval[..], &["./live"]].concat()).exits(3);
    refused(&world, &["alias", "show", "live"], 1, &gone[..1]);
}

#[test]
fn what_is_refused_makes_no_store() {
    let world = World::with_index();
    refused(&world, &["alias", "create", "live", "--to", "docs"], 1, &["no verdict on docs"]);
    refused(&world, &["alias", "update", "live", "--to", "docs"], 2, &["unknown alias"]);
    refused(&world, &["verify", "none.json"], 2, &["none.json"]);
    let eval = ["--gold", "gold.json", "--index", "docs", "--min-cov", "0.7", "--out", "docs"];
    world.refused(WFGY_EVAL, &eval, 2, &["docs"]);
}

#[test]
fn an_override_without_a_reason_is_refused() {
    let world = world();
    for reason in ["", " "] {
        let update = ["alias", "update", "live", "--to", "more", "--override", "--reason", reason];
        refused(&world, &update, 2, &["reason"]);
    }
}

#[test]
fn digests_that_are_none_are_named_by_their_flag() {
    let world = world();
    for flag in ["--policy", "--gold"] {
        let create = ["alias", "create", "other", "--to", "docs", flag, "abc"];
        refused(&world, &[&create[..], &OVERRIDE].concat(), 2, &[&format!("{flag}: `abc`")]);
        let create = ["alias", "create", "other", "--to", "docs", flag, "0123456789ab"];
        let parts = [&format!("{flag}: `0123456789ab`"), "begins no digest in this store"];
        refused(&world, &[&create[..], &OVERRIDE].concat(), 2, &parts);
    }
}

/// Every command that would rest on the journal refuses with `parts`.
#[track_caller]
fn tampered(world: &World, parts: &[&str]) {
    let update = ["alias", "update", "live", "--to", "more"];
    refused(world, &[&update[..], &OVERRIDE].concat(), 1, parts);
    refused(world, &["alias", "rollback", "live"], 1, parts);
    refused(world, &["alias", "history", "live"], 1, parts);
    let eval = ["--gold", "gold.json", "--index", "docs", "--min-cov", "0.7"];
    // A directory needs no store: its name with the folder is the short way out.
    let short = ["error: write `./docs` for the directory of this name", parts[0]];
    let ran = world.refused(WFGY_EVAL, &eval, 2, &short);
    assert!(!ran.stderr.contains("--override"), "{}", ran.told());
    world.refused(INDEX_BUILD, &["verify", "docs"], 2, &short);
    world.run(INDEX_BUILD, &["verify", "./docs"]).success();
}

#[test]
fn a_store_that_cannot_be_read_names_the_directory_only_where_there_is_one() {
    let world = world();
    let unreadable = |store: &str, code: i32, part: &str| {
        let show = ["alias", "show", "live", "--store", store];
        let ran = world.refused(VEC, &show, code, &[part]);
        assert!(!ran.stderr.contains("--override"), "{}", ran.told());
        for (name, directory) in [("live", false), ("docs", true)] {
            let ran = world.run(INDEX_BUILD, &["verify", name, "--store", store]);
            let ran = ran.refuses(code, &[part]);
            assert_eq!(ran.stderr.contains("write `./docs`"), directory, "{}", ran.told());
            assert!(!ran.stderr.contains("`./live`"), "{}", ran.told());
        }
    };
    unreadable("corpus.json", 2, "corpus.json: is a file, not the folder of a store");
    fs::remove_file(world.path(".wfgy/journal.head")).expect("it is there");
    fs::create_dir(world.path(".wfgy/journal.head")).expect("a folder");
    unreadable(".wfgy", 4, ".wfgy/journal.head: cannot be read: Is a directory");
}

#[test]
fn a_journal_whose_tail_was_cut_is_refused() {
    let world = world();
    world.vec(&[&["alias", "update", "live", "--to", "more"], &OVERRIDE[..]].concat()).success();
    let whole = String::from_utf8(world.read(".wfgy/journal.jsonl")).expect("UTF-8");
    let lines: Vec<&str> = whole.split_inclusive('\n').collect();
    assert_eq!(lines.len(), 4, "an intent and an outcome of each move");
    for kept in 0..lines.len() {
        world.write(".wfgy/journal.jsonl", lines[..kept].concat());
        tampered(&world, &["journal.", "backup"]);
    }
    fs::remove_file(world.path(".wfgy/journal.jsonl")).expect("it is there");
    tampered(&world, &["journal.", "backup"]);
}

#[test]
fn the_way_out_of_a_damaged_journal_works_as_it_is_told() {
    let world = world();
    // The index to get away from is live; the way back is what stands beside it.
    world.vec(&[&["alias", "update", "live", "--to", "more"], &OVERRIDE[..]].concat()).success();
    let target = world.path("docs").canonicalize().expect("a path");
    world.write(".wfgy/journal.jsonl", "{}\n{}\n");
    let ran = world.vec(&["alias", "rollback", "live"]).exits(1);
    let told: Vec<&str> = ran.stderr.split('`').collect();
    let create = told.iter().find(|part| part.starts_with("vec alias create")).expect("a command");
    let exchange = told.iter().find(|part| part.starts_with("mv ")).expect("a command");
    let live = told.iter().find(|part| part.starts_with("readlink ")).expect("a command");
    let (_, rest) = ran.stderr.split_once("\"stack\" in ").expect("a place");
    let (state, _) = rest.split_once(')').expect("the end of a name");
    let state: serde_json::Value =
        serde_json::from_slice(&world.read(&state.replace("NAME", "live"))).expect("JSON");
    let earlier = state["stack"][0]["target"].as_str().expect("a target");
    assert_eq!(std::path::Path::new(earlier), target);
    let create = create.replace("NAME", "live").replace("DIR", earlier);
    let line = format!("{} && {create} && {exchange}", live.replace("NAME", "live"));
    let mut shell = world.command("sh");
    let path = std::path::Path::new(VEC).parent().expect("a folder").display().to_string();
    let path = format!("{path}:{}", std::env::var("PATH").unwrap_or_default());
    let ran = support::Ran::of(shell.args(["-c", &line]).env("PATH", path)).success();
    assert!(ran.stdout.lines().next().is_some_and(|l| l.ends_with("/more")), "{}", ran.told());
    let live = world.path(".wfgy/aliases/live/current/target").canonicalize().expect("a target");
    assert_eq!(live, target, "readers get what they had before");
    world.vec(&[&["alias", "update", "live", "--to", "more"], &OVERRIDE[..]].concat()).success();
    world.vec(&["alias", "rollback", "live"]).success();
}

#[test]
fn what_stands_after_the_last_record_is_moved_aside_and_said() {
    let world = world();
    let mut journal = world.read(".wfgy/journal.jsonl");
    journal.extend(b"{\"torn");
    world.write(".wfgy/journal.jsonl", journal);
    let update = ["alias", "update", "live", "--to", "more"];
    let ran = world.vec(&[&update[..], &OVERRIDE].concat()).success();
    let said = "vec: the last 6 bytes of .wfgy/journal.jsonl were no record";
    assert!(ran.stderr.contains(said), "{}", ran.told());
    assert!(ran.stderr.contains("moved aside to .wfgy/journal.torn.1"), "{}", ran.told());
    assert_eq!(world.read(".wfgy/journal.torn.1"), b"{\"torn");
    let ran = world.vec(&["alias", "rollback", "live"]).success();
    assert_eq!(ran.stderr, "", "once");
}

#[test]
fn a_journal_and_its_head_cut_together_are_refused_by_the_alias() {
    let world = world();
    let journal = world.read(".wfgy/journal.jsonl");
    let head = world.read(".wfgy/journal.head");
    world.vec(&[&["alias", "update", "live", "--to", "more"], &OVERRIDE[..]].concat()).success();
    world.write(".wfgy/journal.jsonl", journal);
    world.write(".wfgy/journal.head", head);
    let update = ["alias", "update", "live", "--to", "docs"];
    refused(&world, &[&update[..], &OVERRIDE].concat(), 1, &["journal.jsonl", "live"]);
    refused(&world, &["alias", "rollback", "live"], 1, &["journal.jsonl", "live"]);
}

#[test]
fn a_flipped_bit_in_the_journal_is_refused_with_its_line() {
    let world = world();
    let whole = world.read(".wfgy/journal.jsonl");
    let first = whole.iter().position(|byte| *byte == b'\n').expect("lines");
    for (at, line) in [(20, 1), (first / 2, 1), (first + 30, 2)] {
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        world.write(".wfgy/journal.jsonl", flipped);
        tampered(&world, &[&format!(".wfgy/journal.jsonl:{line}: ")]);
    }
}

#[test]
fn an_alias_state_that_was_altered_is_refused() {
    let world = world();
    let path = ".wfgy/aliases/live/current/state.json";
    let state = String::from_utf8(world.read(path)).expect("UTF-8");
    let name =
        |target: &str| world.path(target).canonicalize().expect("a path").display().to_string();
    let other = state.replace(&name("docs"), &name("more"));
    assert_ne!(other, state);
    world.write(path, other);
    let before = world.listing();
    let update = ["alias", "update", "live", "--to", "more"];
    let ran = world.vec(&[&update[..], &OVERRIDE].concat());
    assert!([1, 4].contains(&ran.code), "{}", ran.told());
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.told());
    assert!(ran.stderr.contains("live"), "{}", ran.told());
    assert_eq!(world.listing(), before);
}

#[test]
fn a_verdict_file_that_was_altered_is_refused() {
    let world = world();
    let eval = ["--gold", "gold.json", "--index", "more", "--min-cov", "0.7", "--out", "report"];
    world.eval(&eval).exits(3);
    let filed: Vec<_> = fs::read_dir(world.path(".wfgy/verdicts"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .collect();
    assert_eq!(filed.len(), 1);
    let path = format!(".wfgy/verdicts/{}", filed[0]);
    let text = String::from_utf8(world.read(&path)).expect("UTF-8");
    world.write(&path, text.replace("inconclusive", "pass"));
    refused(&world, &["verify", &path], 1, &[&path]);
    refused(&world, &["alias", "update", "live", "--to", "more"], 1, &["verdicts/"]);
    fs::remove_file(world.path(&path)).expect("it is there");
    refused(&world, &["alias", "update", "live", "--to", "more"], 1, &["verdicts/"]);
}

#[test]
fn a_verdict_that_is_no_verdict_is_named() {
    let world = world();
    world.write("odd.json", "{\"verdict\": \"pass\"}");
    refused(&world, &["verify", "odd.json"], 2, &["odd.json:1:", "is missing"]);
    world.write("odd.json", "{\"verdict\": \"pass\"");
    refused(&world, &["verify", "odd.json"], 2, &["odd.json:1:", "ends too early"]);
    // Only what is a verdict and contradicts itself is refused as one; so is whatever stands
    // where a verdict was filed.
    let eval = ["--gold", "gold.json", "--index", "more", "--min-cov", "0.7", "--out", "report"];
    world.eval(&eval).exits(3);
    let text = String::from_utf8(world.read("report/verdict.json")).expect("UTF-8");
    world.write("odd.json", text.replace("inconclusive", "pass"));
    refused(&world, &["verify", "odd.json"], 1, &["odd.json"]);
    world.write("odd.json", text.replacen(":", ": ", 1));
    refused(&world, &["verify", "odd.json"], 1, &["odd.json: byte ", "altered"]);
    let digest = wfgy_core::Digest::of(&text).to_string();
    world.vec(&["verify", &digest]).exits(3);
    world.write(&format!(".wfgy/verdicts/{digest}.json"), "{");
    refused(&world, &["verify", &digest], 1, &["verdicts/"]);
}

#[test]
fn a_damaged_live_target_is_told_a_way_back_only_where_there_is_one() {
    let world = world();
    let show = ["alias", "show", "live"];
    let back = "`vec alias rollback live` leads back";
    let aside = world.path("aside");
    fs::rename(world.path("docs"), &aside).expect("it moves");
    let ran = world.vec(&show).refuses(1, &["docs", "nothing to roll back to", "stack is empty"]);
    assert!(!ran.stderr.contains("leads back"), "{}", ran.told());
    fs::rename(&aside, world.path("docs")).expect("it moves back");

    let to = |dir: &str| {
        world.vec(&[&["alias", "update", "live", "--to", dir, "--forward"], &OVERRIDE[..]].concat())
    };
    to("more").success();
    fs::rename(world.path("more"), &aside).expect("it moves");
    world.vec(&show).refuses(1, &["more", back]);
    fs::rename(&aside, world.path("more")).expect("it moves back");

    // The only entry left is what a rollback left since.
    to("docs").success();
    world.vec(&["alias", "rollback", "live"]).success();
    fs::rename(world.path("more"), &aside).expect("it moves");
    let ran = world.vec(&show).refuses(1, &["more", "all of its stack is in quarantine"]);
    assert!(!ran.stderr.contains("leads back"), "{}", ran.told());
}
