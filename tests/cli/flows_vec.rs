//! The pointer, end to end: what `vec` says, does and refuses, and who may replace an index.

mod handbook;
mod support;

use std::fs;

use handbook::{MET, MISSED, json, json_file, judge, with_both};
use serde_json::Value;
use support::{INDEX_BUILD, Ran, VEC, World};

/// `vec alias create docs_live --to docs_vA` or another command, by a clock that is wrong by so
/// much.
fn by_a_clock(world: &World, wrong: &str, args: &[&str]) -> Ran {
    let mut command = world.command("faketime");
    Ran::of(command.args(["-f", wrong, VEC]).args(args))
}

/// Both indexes, both with a standing pass.
fn passed() -> World {
    let world = with_both();
    for index in ["docs_vA", "docs_vB"] {
        judge(&world, index, &MET, &[]).success();
    }
    world
}

/// The same, and `docs_live` on `docs_vA`.
fn live() -> World {
    let world = passed();
    alias(&world, &["create", "docs_live", "--to", "docs_vA"]).success();
    world
}

fn alias(world: &World, args: &[&str]) -> Ran {
    world.vec(&[&["alias"], args].concat())
}

fn alias_json(world: &World, args: &[&str]) -> Value {
    json(&alias(world, &[args, &["--format", "json"]].concat()).success())
}

fn show(world: &World) -> Value {
    alias_json(world, &["show", "docs_live"])
}

/// The name of the directory that readers see.
fn target(world: &World) -> String {
    let path = fs::canonicalize(world.path(".wfgy/aliases/docs_live/current/target"))
        .expect("readers can follow it");
    path.file_name().expect("a name").to_string_lossy().into_owned()
}

fn absolute(world: &World, name: &str) -> String {
    fs::canonicalize(world.path(name)).expect("it is there").display().to_string()
}

#[test]
fn rule_a_move_names_the_strength_of_its_compare_and_set() {
    let world = passed();
    let created = alias(&world, &["create", "docs_live", "--to", "docs_vA"]).success();
    assert!(created.stdout.contains("native_cas"), "{}", created.told());
}

#[test]
fn rule_to_is_stored_as_the_canonical_path() {
    let world = passed();
    std::os::unix::fs::symlink(world.path("docs_vA"), world.path("link")).expect("a link");
    let created = alias_json(&world, &["create", "docs_live", "--to", "link"]);
    assert_eq!(created["state"]["target"], absolute(&world, "docs_vA").as_str());
}

#[test]
fn json_of_every_command_says_what_happened() {
    let world = passed();
    let (a, b) = (absolute(&world, "docs_vA"), absolute(&world, "docs_vB"));
    let created = alias_json(&world, &["create", "docs_live", "--to", "docs_vA"]);
    assert_eq!(created["action"], "create");
    assert_eq!(created["before"], Value::Null);
    assert_eq!(created["state"]["target"], a.as_str());
    assert_eq!(created["state"]["epoch"], 1);
    assert_eq!(created["strength"], "native_cas");

    let moved = alias_json(&world, &["update", "docs_live", "--to", "docs_vB"]);
    assert_eq!(moved["action"], "forward");
    assert_eq!(moved["before"]["target"], a.as_str());
    assert_eq!(moved["state"]["target"], b.as_str());
    assert_eq!(moved["state"]["epoch"], 2);
    assert_eq!(moved["state"]["stack"][0]["target"], a.as_str());
    assert_eq!(moved["state"]["index_hash"], handbook::pin(&world, "docs_vB", "INDEX_HASH"));
    assert_eq!(moved["state"], show(&world));

    let back = alias_json(&world, &["rollback", "docs_live"]);
    assert_eq!(back["action"], "rollback");
    assert_eq!(back["state"]["target"], a.as_str());
    assert_eq!(back["state"]["quarantine"][0]["entry"]["target"], b.as_str(), "{back}");

    let listed = alias_json(&world, &["list"]);
    assert_eq!(listed[0]["alias"], "docs_live");
    assert_eq!(listed[0]["epoch"], 3);

    let history = alias_json(&world, &["history", "docs_live"]);
    let actions: Vec<&str> = history
        .as_array()
        .expect("a list")
        .iter()
        .map(|entry| entry["action"].as_str().expect("an action"))
        .collect();
    assert_eq!(actions, ["create", "forward", "rollback"]);
}

#[test]
fn flip_and_rollback_by_the_documented_commands() {
    let world = live();
    assert_eq!(target(&world), "docs_vA");
    let moved = alias(&world, &["update", "docs_live", "--to", "docs_vB"]).success();
    assert!(moved.stdout.contains("moved forward"), "{}", moved.told());
    assert_eq!(target(&world), "docs_vB");
    let back = alias(&world, &["update", "docs_live", "--to", "docs_vA"]).success();
    assert!(back.stdout.contains("rolled back"), "{}", back.told());
    assert_eq!(target(&world), "docs_vA");
}

#[test]
fn update_to_where_it_points_is_exit_0_and_writes_nothing() {
    let world = live();
    let before = world.listing();
    let ran = alias(&world, &["update", "docs_live", "--to", "docs_vA"]).success();
    assert!(ran.stdout.contains("already points to"), "{}", ran.told());
    assert_eq!(world.listing(), before);
}

#[test]
fn expect_epoch_that_is_not_the_pointers_is_exit_5_and_moves_nothing() {
    let world = live();
    for epoch in ["0", "2", "999"] {
        alias(&world, &["update", "docs_live", "--to", "docs_vB", "--expect-epoch", epoch])
            .refuses(5, &["docs_live"]);
        assert_eq!(target(&world), "docs_vA");
    }
    // Even to the same target.
    alias(&world, &["update", "docs_live", "--to", "docs_vA", "--expect-epoch", "2"]).exits(5);
    alias(&world, &["update", "docs_live", "--to", "docs_vB", "--expect-epoch", "1"]).success();
    alias(&world, &["rollback", "docs_live", "--expect-epoch", "1"]).exits(5);
    assert_eq!(target(&world), "docs_vB");
    alias(&world, &["rollback", "docs_live", "--expect-epoch", "2"]).success();
    assert_eq!(target(&world), "docs_vA");
}

#[test]
fn forward_flips_where_the_stack_holds_the_target() {
    let world = live();
    alias(&world, &["update", "docs_live", "--to", "docs_vB"]).success();
    let moved = alias_json(&world, &["update", "docs_live", "--to", "docs_vA", "--forward"]);
    assert_eq!(moved["action"], "forward");
    let stack = moved["state"]["stack"].as_array().expect("a stack").len();
    assert_eq!(stack, 2, "both former targets: {moved}");
    assert_eq!(moved["state"]["quarantine"], serde_json::json!([]));
}

#[test]
fn forward_needs_a_verdict_where_a_rollback_needs_none() {
    let world = live();
    alias(&world, &["update", "docs_live", "--to", "docs_vB"]).success();
    judge(&world, "docs_vA", &MISSED, &[]).exits(1);
    alias(&world, &["update", "docs_live", "--to", "docs_vA", "--forward"])
        .refuses(1, &["docs_vA"]);
    assert_eq!(target(&world), "docs_vB");
    alias(&world, &["update", "docs_live", "--to", "docs_vA"]).success();
    assert_eq!(target(&world), "docs_vA");
}

#[test]
fn target_that_was_left_by_a_rollback_needs_a_verdict_that_began_after_it() {
    let world = live();
    alias(&world, &["update", "docs_live", "--to", "docs_vB"]).success();
    alias(&world, &["rollback", "docs_live"]).success();
    let shown = alias(&world, &["show", "docs_live"]).success();
    assert!(shown.stdout.contains("quarantine"), "{}", shown.told());
    let tried = json(&judge(&world, "docs_vB", &MET, &["--no-file", "--format", "json"]).success());
    let policy = &tried["decided"]["policy_digest"].as_str().expect("a digest")[..12];
    let parts = ["quarantine", "--policy …`", policy, "`cutover` is asked"];
    alias(&world, &["update", "docs_live", "--to", "docs_vB"]).refuses(1, &parts);
    assert_eq!(target(&world), "docs_vA");
    judge(&world, "docs_vB", &MET, &[]).success();
    let moved = alias_json(&world, &["update", "docs_live", "--to", "docs_vB"]);
    assert_eq!(moved["state"]["quarantine"], serde_json::json!([]), "a forward flip ends it");
}

#[test]
fn rollback_of_an_empty_stack_is_refused() {
    let world = live();
    alias(&world, &["rollback", "docs_live"]).refuses(1, &["docs_live", "never moved forward"]);
    assert_eq!(target(&world), "docs_vA");
}

#[test]
fn override_moves_without_a_verdict_with_a_reason_and_stands_in_history() {
    let world = live();
    judge(&world, "docs_vB", &MISSED, &[]).exits(1);
    alias(&world, &["update", "docs_live", "--to", "docs_vB"]).exits(1);
    // Neither alone.
    alias(&world, &["update", "docs_live", "--to", "docs_vB", "--override"]).exits(2);
    alias(&world, &["update", "docs_live", "--to", "docs_vB", "--reason", "x"]).exits(2);
    assert_eq!(target(&world), "docs_vA");
    let because = ["--override", "--reason", "the old one burns"];
    alias(&world, &[&["update", "docs_live", "--to", "docs_vB"], &because[..]].concat()).success();
    assert_eq!(target(&world), "docs_vB");
    let history = alias(&world, &["history", "docs_live"]).success();
    assert!(history.stdout.contains("OVERRIDE: the old one burns"), "{}", history.told());
    let shown = alias(&world, &["show", "docs_live"]).success();
    assert!(shown.stdout.contains("overridden"), "{}", shown.told());
    // However long the names of targets are, who moved the alias stands in one column.
    world.build(&["--input", "corpus_vB.json", "--out", "docs_of_spring"]).success();
    let to = ["update", "docs_live", "--to", "docs_of_spring"];
    alias(&world, &[&to, &because[..]].concat()).success();
    let history = alias(&world, &["history", "docs_live"]).success();
    let at: Vec<Option<usize>> = history.stdout.lines().map(|l| l.find("tester@")).collect();
    assert!(at.len() == 3 && at[0].is_some(), "{}", history.told());
    assert!(at.iter().all(|column| *column == at[0]), "{}", history.told());
}

#[test]
fn override_replaces_neither_existence_nor_wholeness() {
    let world = live();
    let because = ["--override", "--reason", "at any cost"];
    let update =
        |to: &str| alias(&world, &[&["update", "docs_live", "--to", to], &because[..]].concat());
    update("nowhere").refuses(2, &["nowhere"]);
    let mut vectors = world.read("docs_vB/vectors.npy");
    let last = vectors.len() - 1;
    vectors[last] ^= 1;
    world.write("docs_vB/vectors.npy", vectors);
    update("docs_vB").refuses(1, &["vectors.npy"]);
    assert_eq!(target(&world), "docs_vA");
}

#[test]
fn rollback_to_a_target_that_has_changed_is_refused() {
    let world = live();
    alias(&world, &["update", "docs_live", "--to", "docs_vB"]).success();
    fs::remove_dir_all(world.path("docs_vA")).expect("it goes");
    world.build(&["--input", "corpus_vA.json", "--out", "docs_vA", "--chunk", "none"]).success();
    alias(&world, &["rollback", "docs_live"]).refuses(1, &["docs_vA"]);
    assert_eq!(target(&world), "docs_vB");
}

#[test]
fn policy_lines_of_an_alias_decide_which_verdicts_count() {
    let world = with_both();
    let digest = |criteria: &[&str]| {
        let verdict = json(&judge(&world, "docs_vA", criteria, &["--format", "json"]));
        let text = |name: &str| verdict["decided"][name].as_str().expect("a digest").to_owned();
        (text("policy_digest"), text("gold_digest"))
    };
    let (strict, gold) = digest(&["--min-cov", "0.80"]);
    let (loose, _) = digest(&["--min-cov", "0.50"]);
    assert_ne!(strict, loose);
    let lines = ["--policy", &strict, "--gold", &gold];
    alias(&world, &[&["create", "docs_live", "--to", "docs_vA"], &lines[..]].concat()).success();
    assert_eq!(show(&world)["policies"], serde_json::json!([strict]));

    // B passes another line only: refused, until the alias listens to it.
    judge(&world, "docs_vB", &["--min-cov", "0.50"], &[]).success();
    alias(&world, &["update", "docs_live", "--to", "docs_vB"]).refuses(1, &["docs_vB"]);
    alias(&world, &["policy", "docs_live", "--policy", &loose]).exits(2);
    alias(&world, &["policy", "docs_live", "--policy", &loose, "--reason", "for the test"])
        .success();
    alias(&world, &["update", "docs_live", "--to", "docs_vB"]).success();
    let history = alias(&world, &["history", "docs_live"]).success();
    assert!(history.stdout.contains("for the test"), "{}", history.told());
}

#[test]
fn standing_fail_of_one_line_refuses_what_another_line_passes_unless_the_alias_ignores_it() {
    let world = with_both();
    judge(&world, "docs_vA", &MISSED, &[]).exits(1);
    let verdict = json(&judge(&world, "docs_vA", &MET, &["--format", "json"]).success());
    alias(&world, &["create", "docs_live", "--to", "docs_vA"]).refuses(1, &["docs_vA"]);
    let policy = verdict["decided"]["policy_digest"].as_str().expect("a digest");
    alias(&world, &["create", "docs_live", "--to", "docs_vA", "--policy", policy]).success();
}

#[test]
fn a_pass_beside_a_standing_fail_says_so_and_the_refusal_says_every_way_out() {
    let world = with_both();
    let failed = json(&judge(&world, "docs_vA", &MISSED, &["--format", "json"]).exits(1));
    let digest = |verdict: &Value, name: &str| {
        verdict["decided"][name].as_str().expect("a digest")[..12].to_owned()
    };
    let passed = judge(&world, "docs_vA", &MET, &[]).success();
    let (policy, gold) = (digest(&failed, "policy_digest"), digest(&failed, "gold_digest"));
    assert!(passed.stdout.starts_with("PASS  docs_vA  may not go live: "), "{}", passed.told());
    let stands = format!("a fail under policy {policy} on gold set {gold} stands");
    assert!(passed.stdout.contains(&stands), "{}", passed.told());
    assert!(!passed.stdout.contains("vec alias update"), "{}", passed.told());
    let page = judge(&world, "docs_vA", &MET, &["--format", "markdown"]).success();
    assert!(page.stdout.starts_with("### ⚠️ wfgy: pass — `docs_vA`\n"), "{}", page.told());
    // A program's reader is told as well.
    let tests = judge(&world, "docs_vA", &MET, &["--format", "junit"]).success();
    assert!(tests.stdout.contains(&stands), "{}", tests.told());
    let lines = judge(&world, "docs_vA", &MET, &["--format", "jsonl"]).success();
    assert!(lines.stderr.contains(&format!("PASS docs_vA, but {stands}")), "{}", lines.told());
    let last = lines.stdout.lines().last().expect("the verdict");
    let last: Value = serde_json::from_str(last).expect("JSON");
    assert_eq!(last["standing_against"][0]["verdict"], "fail");

    judge(&world, "docs_vA", &["--min-cov", "0.7", "--max-ds", "1.5"], &[]).exits(3);
    let blind = judge(&world, "docs_vA", &MET, &["--format", "jsonl"]).success();
    assert!(blind.stderr.contains("; an inconclusive verdict under "), "{}", blind.told());

    let create = ["create", "docs_live", "--to", "docs_vA"];
    let ran = alias(&world, &create).refuses(1, &[]);
    assert!(ran.stderr.contains(&format!("under policy {policy} on gold set {gold}")));
    // Both commands work as they are told.
    let verify = ran.stderr.split('`').find(|part| part.starts_with("vec verify")).expect("one");
    let args: Vec<&str> = verify.split(' ').skip(1).collect();
    assert!(world.vec(&args).exits(1).stdout.starts_with("FAIL"));
    let narrow = ran.stderr.split('`').find(|part| part.starts_with("vec alias create"));
    let narrow = narrow.expect("a command").strip_prefix("vec alias create docs_live ");
    let next = passed.stdout.lines().find(|line| line.starts_with("next: ")).expect("a line");
    let (_, line) = next.split_once("vec alias create ALIAS ").expect("a command");
    assert_eq!(narrow, Some(line), "{}", ran.told());
    alias(&world, &[&["create", "docs_live"], &line.split(' ').collect::<Vec<_>>()[..]].concat())
        .success();
}

#[test]
fn next_names_the_alias_there_is_and_nothing_where_the_index_is_live() {
    let world = live();
    let next = |index: &str| {
        let table = judge(&world, index, &MET, &[]).success().stdout;
        table.lines().find_map(|line| line.strip_prefix("next: ").map(str::to_owned))
    };
    let update = format!("vec alias update docs_live --to {}", "docs_vB");
    assert_eq!(next("docs_vB"), Some(update));
    assert_eq!(next("docs_vA"), None, "it is live");
    assert_eq!(next("docs_live"), None, "the alias itself");
}

#[test]
fn show_says_whether_the_live_target_still_is_what_the_alias_says() {
    let world = live();
    let ran = alias(&world, &["show", "docs_live"]).success();
    let compared = "its manifest is what the alias says; --verify reads every byte";
    assert!(ran.stdout.contains(compared), "{}", ran.told());
    let ran = alias(&world, &["show", "docs_live", "--verify"]).success();
    assert!(ran.stdout.contains("every byte is what the alias says"), "{}", ran.told());
    for index in ["docs_live", "docs_vA"] {
        world.run(INDEX_BUILD, &["verify", index]).success();
        world.run(INDEX_BUILD, &["inspect", index]).success();
    }

    let mut vectors = world.read("docs_vA/vectors.npy");
    let last = vectors.len() - 1;
    vectors[last] ^= 1;
    world.write("docs_vA/vectors.npy", vectors);
    alias(&world, &["show", "docs_live"]).success();
    let verify = ["show", "docs_live", "--verify"];
    let parts = ["vectors.npy", "readers get it as it is", "nothing to roll back to"];
    let ran = alias(&world, &verify).refuses(1, &parts);
    assert!(ran.stdout.contains("is not what the alias says"), "{}", ran.told());
    world.run(INDEX_BUILD, &["verify", "docs_live"]).exits(1);
    fs::remove_file(world.path("docs_vA/vectors.npy")).expect("it goes");
    alias(&world, &["show", "docs_live"]).refuses(1, &["vectors.npy: is missing"]);
    fs::remove_dir_all(world.path("docs_vA")).expect("it goes");
    world.build(&["--input", "corpus_vB.json", "--out", "docs_vA"]).success();
    alias(&world, &["show", "docs_live"]).refuses(1, &["INDEX_HASH is "]);
    fs::remove_dir_all(world.path("docs_vA")).expect("it goes");
    alias(&world, &["show", "docs_live", "--format", "json"]).refuses(1, &["no such index"]);
}

#[test]
fn verify_says_what_a_verdict_is_worth_here() {
    let world = with_both();
    judge(&world, "docs_vA", &MET, &["--out", "first"]).success();
    let ran = world.vec(&["verify", "first/verdict.json"]).success();
    assert!(ran.stdout.starts_with("PASS"), "{}", ran.told());
    let told = json(&world.vec(&["verify", "first/verdict.json", "--format", "json"]).success());
    assert_eq!(told["verdict"], "pass");
    assert_eq!(told["against"], serde_json::json!([]));
    let digest = told["digest"].as_str().expect("a digest").to_owned();
    world.vec(&["verify", &digest]).success();
    world.vec(&["verify", &digest[..8]]).success();
    world.vec(&["verify", &digest[..7]]).refuses(2, &["no such verdict"]);
    world.vec(&["verify", "0123abcd"]).refuses(2, &["begins no digest in this store"]);

    // Another store knows nothing of it.
    let ran = world.vec(&["verify", "first/verdict.json", "--store", "elsewhere"]).exits(1);
    assert!(ran.stdout.contains("not filed"), "{}", ran.told());

    // A later verdict of its line stands instead.
    judge(&world, "docs_vA", &MET, &[]).success();
    let ran = world.vec(&["verify", "first/verdict.json"]).exits(1);
    assert!(ran.stdout.contains("stands instead"), "{}", ran.told());

    judge(&world, "docs_vA", &MISSED, &["--out", "failed"]).exits(1);
    let ran = world.vec(&["verify", "failed/verdict.json"]).exits(1);
    assert!(ran.stdout.contains("expires never: it stands until"), "{}", ran.told());
    let told = json(&world.vec(&["verify", "failed/verdict.json", "--format", "json"]).exits(1));
    assert_eq!(told["expires"], Value::Null);
    world.vec(&["verify", "gold_40.json"]).refuses(2, &["gold_40.json:", ": is no verdict: "]);
    judge(&world, "docs_vA", &["--max-ds", "0.95"], &["--out", "blind"]).exits(3);
    world.vec(&["verify", "blind/verdict.json"]).exits(3);

    let verdict = String::from_utf8(world.read("failed/verdict.json")).expect("JSON");
    world.write("forged.json", verdict.replace(r#""verdict":"fail""#, r#""verdict":"pass""#));
    world.vec(&["verify", "forged.json"]).refuses(1, &["forged.json"]);
}

#[test]
fn build_with_force_is_refused_while_an_alias_or_a_stack_names_the_directory() {
    let world = live();
    alias(&world, &["update", "docs_live", "--to", "docs_vB"]).success();
    let force = ["--force", "--chunk", "none"];
    for (out, why) in [("docs_vB", "points to it"), ("docs_vA", "rolled back to it")] {
        let args = ["--input", "corpus_vA.json", "--out", out];
        world.build_refused(&[&args[..], &force[..]].concat(), 2, &["docs_live", why]);
        // By another name of the same directory too.
        std::os::unix::fs::symlink(world.path(out), world.path("other_name")).expect("a link");
        let args = ["--input", "corpus_vA.json", "--out", "other_name"];
        world.build_refused(&[&args[..], &force[..]].concat(), 2, &[]);
        fs::remove_file(world.path("other_name")).expect("it goes");
    }
}

#[test]
fn build_over_an_index_is_refused_and_with_force_exchanges_it() {
    let world = with_both();
    let before = handbook::pin(&world, "docs_vA", "INDEX_HASH");
    let again = ["--input", "corpus_vB.json", "--out", "docs_vA"];
    world.build_refused(&again, 2, &["docs_vA", "--force"]);
    world.build(&[&again[..], &["--force"]].concat()).success();
    let after = handbook::pin(&world, "docs_vA", "INDEX_HASH");
    assert_ne!(after, before);
    assert_eq!(after, handbook::pin(&world, "docs_vB", "INDEX_HASH"));
    world.run(INDEX_BUILD, &["verify", "docs_vA"]).success();
    let mut names: Vec<String> = fs::read_dir(world.root())
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    let expected =
        ["corpus_vA.json", "corpus_vB.json", "docs_vA", "docs_vB", "gold_40.json", "home"];
    assert_eq!(names, expected, "nothing is left of the old one");
}

#[test]
fn alias_is_an_index_to_evaluate() {
    let world = live();
    judge(&world, "docs_live", &MET, &["--out", "alias"]).success();
    judge(&world, "docs_vA", &MET, &["--out", "directory"]).success();
    let decided =
        |folder: &str| json_file(&world, &format!("{folder}/verdict.json"))["decided"].clone();
    assert_eq!(decided("alias"), decided("directory"), "the subject is the content");
    let measured = &json_file(&world, "alias/verdict.json")["measured"];
    assert_eq!(measured["index"], "docs_live");
    alias(&world, &["update", "docs_live", "--to", "docs_vB"]).success();
    judge(&world, "docs_live", &MET, &["--out", "moved"]).success();
    assert_ne!(decided("moved")["subject"], decided("alias")["subject"]);
}

#[test]
fn update_of_an_unknown_alias_says_the_create_line_to_run_and_that_line_works() {
    let world = passed();
    let ran = alias(&world, &["update", "docs_live", "--to", "docs_vA"])
        .refuses(2, &["vec alias create docs_live --to docs_vA"]);
    let line = ran.stderr.split('`').find(|part| part.starts_with("vec ")).expect("a command");
    let args: Vec<&str> = line.split(' ').skip(1).collect();
    world.vec(&args).success();
    alias(&world, &["create", "docs_live", "--to", "docs_vA"]).refuses(2, &["docs_live"]);
}

#[test]
fn refusal_without_a_verdict_says_the_evaluation_to_run() {
    let world = with_both();
    let ran = alias(&world, &["create", "docs_live", "--to", "docs_vA"]).refuses(1, &["wfgy_eval"]);
    assert!(ran.stderr.contains("--index") && ran.stderr.contains("docs_vA"), "{}", ran.told());
}

#[test]
fn store_is_an_option_or_a_variable_and_each_store_knows_its_own() {
    let world = with_both();
    judge(&world, "docs_vA", &MET, &["--store", "mine"]).success();
    alias(&world, &["create", "docs_live", "--to", "docs_vA"]).exits(1);
    alias(&world, &["create", "docs_live", "--to", "docs_vA", "--store", "mine"]).success();
    assert!(!world.path(".wfgy/aliases/docs_live").exists());
    let mut command = world.command(VEC);
    let listed = Ran::of(command.args(["alias", "list"]).env("WFGY_STORE", "mine")).success();
    assert!(listed.stdout.contains("docs_live"), "{}", listed.told());
    let mut command = world.command(support::WFGY_EVAL);
    command.args(["--gold", "gold_40.json", "--index", "docs_live"]).args(MET);
    Ran::of(command.env("WFGY_STORE", "mine")).success();
}

#[test]
fn a_pass_approves_for_a_day_and_no_longer() {
    let world = with_both();
    judge(&world, "docs_vA", &MET, &["--out", "report"]).success();
    let create = ["alias", "create", "docs_live", "--to", "docs_vA"];
    let verify = ["verify", "report/verdict.json"];
    // A minute of tolerance, half of which the test may take.
    by_a_clock(&world, "+86430s", &verify).success();
    let before = world.listing();
    let late = by_a_clock(&world, "+86461s", &verify).exits(1);
    assert!(late.stdout.contains("approves nothing: it expired at 20"), "{}", late.told());
    by_a_clock(&world, "+86461s", &create).refuses(1, &["the pass of docs_vA expired at 20"]);
    // Made by a clock that was ahead of this one.
    let early = by_a_clock(&world, "-2h", &verify).exits(1);
    assert!(early.stdout.contains("which is after now: set the clock right"), "{}", early.told());
    by_a_clock(&world, "-2h", &create).refuses(1, &["which is after now: set the clock right"]);
    assert_eq!(world.listing(), before);
    by_a_clock(&world, "+86430s", &create).success();
}

#[test]
fn a_policy_says_for_how_long_a_pass_approves() {
    let world = with_both();
    world.write(
        "short.toml",
        "expiry_seconds = 600\n[[criterion]]\nmetric = \"coverage.mean\"\nop = \">=\"\nbound = 0.7\nkind = \"hard\"\n",
    );
    judge(&world, "docs_vA", &["--policy", "short.toml"], &[]).success();
    let create = ["alias", "create", "docs_live", "--to", "docs_vA"];
    by_a_clock(&world, "+700s", &create).refuses(1, &["the pass of docs_vA expired at 20"]);
    by_a_clock(&world, "+620s", &create).success();
}
