//! A policy, a bound or a flag that cannot be used: exit 2 before anything is evaluated.

mod support;

use support::{INDEX_BUILD, VEC, WFGY_EVAL, World};

const GOOD: &str = "[[criterion]]\nmetric = \"coverage.mean\"\nop = \">=\"\nbound = 0.7\n";

/// `wfgy_eval` with `flags` is refused with a line that has all of `parts`; nothing is written.
#[track_caller]
fn refused(world: &World, flags: &[&str], parts: &[&str]) {
    let args = [&["--gold", "gold.json", "--index", "docs", "--out", "report"], flags].concat();
    world.refused(WFGY_EVAL, &args, 2, parts);
}

/// The policy file `policy.toml` is refused with a line that has all of `parts`.
#[track_caller]
fn policy_refused(policy: &str, parts: &[&str]) {
    let world = World::with_index();
    world.write("policy.toml", policy);
    refused(&world, &["--policy", "policy.toml"], parts);
}

#[test]
fn malformed_toml_is_named_by_line_and_column() {
    policy_refused("k = 10\nseeds = = 2\n", &["policy.toml:2:9: "]);
    policy_refused("k = 10\n[[criterion]\n", &["policy.toml:2:"]);
    policy_refused("k = \"ten\n", &["policy.toml:1:"]);
}

#[test]
fn an_unknown_key_is_named_by_line_and_column() {
    policy_refused(
        &format!("k = 10\nmin_question = 20\n{GOOD}"),
        &["policy.toml:2:1: ", "min_question"],
    );
    policy_refused(&format!("{GOOD}on_nodata = \"fail\"\n"), &["policy.toml:5:1: ", "on_nodata"]);
}

#[test]
fn a_missing_key_is_named_by_line() {
    policy_refused(
        "[[criterion]]\nmetric = \"coverage.mean\"\nop = \">=\"\n",
        &["policy.toml:1:", "bound"],
    );
}

#[test]
fn a_typo_in_a_value_is_named_by_line_column_and_key() {
    policy_refused(
        &GOOD.replace("coverage.mean", "coverage.men"),
        &["policy.toml:2:10: ", "criterion[0].metric", "coverage.men"],
    );
    policy_refused(&GOOD.replace(">=", "=>"), &["policy.toml:3:6: ", "=>"]);
    policy_refused(&format!("{GOOD}kind = \"hrad\"\n"), &["policy.toml:5:8: ", "hrad"]);
    policy_refused(&format!("{GOOD}on_no_data = \"pass\"\n"), &["policy.toml:5:14: ", "pass"]);
    policy_refused(&format!("decision = \"sure\"\n{GOOD}"), &["policy.toml:1:12: ", "sure"]);
    policy_refused(&format!("k = \"10\"\n{GOOD}"), &["policy.toml:1:5: "]);
    policy_refused(&format!("k = -1\n{GOOD}"), &["policy.toml:1:5: "]);
}

#[test]
fn a_bound_that_no_value_can_have_is_named_by_line_column_and_key() {
    for bound in ["1.5", "-0.1", "nan", "inf", "-inf"] {
        policy_refused(&GOOD.replace("0.7", bound), &["policy.toml:4:9: ", "criterion[0].bound"]);
    }
    policy_refused(&format!("{GOOD}review = [0.2, 0.3]\n"), &["policy.toml:5:10: ", "review"]);
    policy_refused(&format!("k = 0\n{GOOD}"), &["policy.toml:1:5: k"]);
    policy_refused(&format!("seeds = 0\n{GOOD}"), &["policy.toml:1:9: seeds"]);
    policy_refused(
        &format!("expiry_seconds = 604801\n{GOOD}"),
        &["policy.toml:1:18: expiry_seconds"],
    );
}

#[test]
fn criteria_that_contradict_each_other_are_named_by_line_and_column_in_toml_and_yaml() {
    let world = World::with_index();
    let toml = |op: &str, bound: f64| {
        format!("[[criterion]]\nmetric = \"drift.coverage\"\nop = \"{op}\"\nbound = {bound}\n")
    };
    world.write("policy.toml", toml("<=", 0.5) + &toml(">=", 0.7));
    let yaml = |op: &str, bound: f64| {
        format!("  - metric: drift.coverage\n    op: \"{op}\"\n    bound: {bound}\n")
    };
    world.write("policy.yml", format!("criterion:\n{}{}", yaml("<=", 0.5), yaml(">=", 0.7)));
    for at in ["policy.toml:8:9: ", "policy.yml:7:12: "] {
        let (name, _) = at.split_once(':').expect("a name");
        refused(&world, &["--policy", name], &[at, "criterion[1].bound", "contradict each other"]);
    }
}

#[test]
fn an_unknown_policy_is_named_beside_the_presets() {
    let world = World::with_index();
    refused(&world, &["--policy", "strict"], &["strict: no such policy file", "cutover", "canary"]);
    refused(&world, &["--policy", "none.toml"], &["none.toml: no such policy file"]);
}

#[test]
fn a_name_that_is_a_preset_and_a_file_is_refused() {
    let world = World::with_index();
    world.write("canary", GOOD);
    refused(&world, &["--policy", "canary"], &["canary: is both a preset and a file", "./canary"]);
}

#[test]
fn a_policy_that_needs_a_baseline_names_both_flags() {
    let world = World::with_index();
    for flags in [&["--policy", "cutover"][..], &[]] {
        refused(&world, flags, &["cutover", "drift.coverage", "--baseline", "--no-baseline"]);
    }
}

#[test]
fn a_bound_on_the_command_line_that_no_value_can_have_is_named_by_its_flag() {
    let world = World::with_index();
    for (flag, bound) in [
        ("--min-cov", "1.5"),
        ("--min-cov", "-0.1"),
        ("--min-cov", "NaN"),
        ("--min-cov", "inf"),
        ("--max-ds", "2.1"),
        ("--max-ds", "-1"),
        ("--max-ds", "nan"),
        ("--max-ds", "-inf"),
    ] {
        let joined = format!("{flag}={bound}");
        refused(&world, &[&joined], &[&format!("{flag}: the bound"), "of "]);
    }
    refused(&world, &["--max-ds", "-1"], &["--max-ds: the bound -1"]);
    refused(&world, &["--min-cov", "-0.1"], &["--min-cov: the bound -0.1"]);
}

#[test]
fn a_bound_that_every_index_meets_is_refused() {
    let world = World::with_index();
    for flags in [["--min-cov", "0"], ["--max-ds", "2"], ["--targets", "lambda.flip_rate<=1"]] {
        refused(&world, &flags, &[flags[0], "every index meets"]);
    }
    policy_refused(&GOOD.replace("0.7", "0.0"), &["policy.toml:4:9: ", "every index meets"]);
}

#[test]
fn targets_that_are_no_criteria_are_named_by_their_part() {
    let world = World::with_index();
    for (targets, part) in [
        ("foo", "`foo`"),
        ("", "``"),
        ("cov>=0.7,", "``"),
        ("cov>=x", "`cov>=x`"),
        ("cov>=1.5", "1.5"),
        ("cov>=NaN", "not a finite number"),
        ("nope>=0.5", "`nope`"),
        ("lambda=stable", "lambda"),
        ("cov>=0.7,cov>=0.8", "coverage.mean >= 0.8"),
    ] {
        refused(&world, &["--targets", targets], &[part]);
    }
    refused(&world, &["--min-cov", "0.7", "--targets", "cov>=0.8"], &["both asked for"]);
}

#[test]
fn counts_that_leave_nothing_to_do_are_refused() {
    let world = World::with_index();
    let asked = ["--min-cov", "0.7"];
    refused(&world, &[&asked[..], &["--threads", "0"]].concat(), &["--threads: 0 threads"]);
    refused(&world, &[&asked[..], &["--k", "0"]].concat(), &["k is 0"]);
    refused(&world, &[&asked[..], &["--seeds", "0"]].concat(), &["seeds is 0"]);
    let build = ["--input", "corpus.json", "--out", "new"];
    world.build_refused(&[&build[..], &["--threads", "0"]].concat(), 2, &["--threads: 0 threads"]);
}

#[test]
fn settings_of_a_build_that_cannot_be_are_named_by_their_flag() {
    let world = World::with_index();
    let build = ["--input", "corpus.json", "--out", "new"];
    for (flags, part) in [
        (["--chunk", "s128"], "--chunk: "),
        (["--chunk", "s0/o0"], "--chunk: "),
        (["--chunk", "s128/o65"], "--chunk: "),
        (["--analyzer", "upper"], "--analyzer: "),
        (["--analyzer", "nfc+nfkc"], "--analyzer: "),
        (["--m", "0"], "--ann: m = 0: "),
        (["--m", "257"], "--ann: m = 257: "),
        (["--ef-construction", "0"], "--ann: ef-construction = 0: "),
        (["--ef", "0"], "--ann: ef = 0: "),
    ] {
        world.build_refused(&[&build[..], &flags].concat(), 2, &[part]);
    }
}

#[test]
fn flags_that_nobody_knows_exit_2_and_write_nothing() {
    let world = World::with_index();
    let before = world.listing();
    for (program, args) in [
        (INDEX_BUILD, &["--input", "corpus.json", "--out", "new", "--metrik", "dot"][..]),
        (INDEX_BUILD, &["--input", "corpus.json", "--out", "new", "--metric", "manhattan"]),
        (INDEX_BUILD, &["--input", "corpus.json"]),
        (WFGY_EVAL, &["--gold", "gold.json", "--index", "docs", "--min-kov", "0.7"]),
        (WFGY_EVAL, &["--gold", "gold.json", "--index", "docs", "--min-cov", "high"]),
        (WFGY_EVAL, &["--gold", "gold.json"]),
        (VEC, &["alias", "update", "live"]),
        (VEC, &["alias", "create", "live", "--to", "docs", "--override"]),
    ] {
        let ran = world.run(program, args).exits(2);
        let errors = ran.stderr.lines().filter(|line| line.contains("error:")).count();
        assert_eq!(errors, 1, "{}", ran.told());
    }
    assert_eq!(world.listing(), before);
}
