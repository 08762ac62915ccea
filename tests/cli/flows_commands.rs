//! The documented commands, as they are written, in a fresh folder.

mod handbook;
#[path = "../model.rs"]
mod model;
mod support;

use std::path::Path;

use handbook::{folder, json};
use support::{Ran, World};

/// Where the sentence encoder is; the documented bounds are made for it.
fn model() -> String {
    model::model_folder().display().to_string()
}

/// Runs a line as a shell would, comment and all, with the programs of this build.
fn run(world: &World, line: &str, model: Option<&str>) -> Ran {
    let line = line.split('#').next().unwrap_or_default();
    let (program, rest) = line.trim().split_once(' ').expect("a program and its arguments");
    let program = match program {
        "index_build" => support::INDEX_BUILD,
        "wfgy_eval" => support::WFGY_EVAL,
        "vec" => support::VEC,
        other => panic!("`{other}` is none of the programs"),
    };
    let mut command = world.command(program);
    command.args(rest.split_whitespace());
    if let Some(model) = model {
        command.env("WFGY_MODEL", model);
    }
    Ran::of(&mut command)
}

/// The blocks of commands in README.md, in order.
fn readme() -> Vec<Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let text = std::fs::read_to_string(path).expect("README.md");
    text.split("```")
        .skip(1)
        .step_by(2)
        .map(|block| block.lines().map(str::to_owned).filter(|l| !l.is_empty()).collect())
        .collect()
}

/// Only the commands of the three programs.
fn commands(block: &[String]) -> Vec<&str> {
    let ours = |line: &&str| {
        ["index_build ", "wfgy_eval ", "vec "].iter().any(|program| line.starts_with(program))
    };
    block.iter().map(String::as_str).filter(ours).collect()
}

/// Where readers look.
fn live(world: &World) -> std::path::PathBuf {
    std::fs::canonicalize(world.path(".wfgy/aliases/docs_live/current/target"))
        .expect("readers can follow it")
}

#[test]
fn rule_a_model_that_is_named_wins_over_the_one_of_the_environment() {
    let (world, model) = (World::new(), model());
    world.write("corpus.json", support::CORPUS);
    let build = |out: &str, named: &str, environment: &str| {
        let line = format!(
            "index_build --input corpus.json --out {out} --embedder minilm --model {named}"
        );
        run(&world, &line, Some(environment))
    };
    build("docs", &model, "/nowhere/model").success();
    build("other", "/elsewhere/model", &model).refuses(2, &["/elsewhere/model"]);
}

#[test]
fn readme_from_nothing_to_a_flip_works_as_written() {
    let model = model();
    let world = folder();
    let blocks = readme();
    let prepare = blocks
        .iter()
        .find(|block| block.iter().any(|line| line.starts_with("cargo install")))
        .expect("the block that begins with nothing");
    let prepare = commands(prepare);
    assert_eq!(prepare.len(), 3, "{prepare:?}");
    for line in prepare {
        run(&world, line, Some(&model)).success();
    }
    let a = std::fs::canonicalize(world.path("docs_vA")).expect("docs_vA");
    assert_eq!(live(&world), a);

    let four = commands(&blocks[0]);
    assert_eq!(
        four[..2],
        [
            "index_build --input corpus_vB.json --out docs_vB --metric cosine",
            "wfgy_eval --gold gold_40.json --index docs_vB --min-cov 0.70 --max-ds 0.45",
        ]
    );
    assert_eq!(four.len(), 4, "{four:?}");
    for line in &four[..3] {
        run(&world, line, Some(&model)).success();
    }
    let b = std::fs::canonicalize(world.path("docs_vB")).expect("docs_vB");
    assert_eq!(live(&world), b);
    run(&world, four[3], Some(&model)).success();
    assert_eq!(live(&world), a, "the last line rolls back");
}

#[test]
fn without_a_model_the_built_in_table_embeds_says_so_in_one_line_and_the_gate_stays_closed() {
    let world = folder();
    let built =
        run(&world, "index_build --input corpus_vB.json --out docs_vB --metric cosine", None)
            .success();
    assert_eq!(built.stderr.lines().count(), 1, "{}", built.told());
    for part in ["embedder: static", "scripts/fetch_model.sh"] {
        assert!(built.stderr.contains(part), "{}", built.told());
    }
    let line = "wfgy_eval --gold gold_40.json --index docs_vB --min-cov 0.70 --max-ds 0.45";
    run(&world, line, None).exits(1);
    run(&world, "vec alias create docs_live --to docs_vB", None).refuses(1, &["docs_vB"]);
}

#[test]
fn with_a_model_auto_takes_it_and_says_so_in_one_line() {
    let model = model();
    let world = World::new();
    world.write("corpus.json", r#"[{"doc_id":"d","text":"A gate opens with a key."}]"#);
    let built = run(&world, "index_build --input corpus.json --out docs", Some(&model)).success();
    assert_eq!(built.stderr.lines().count(), 1, "{}", built.told());
    assert!(built.stderr.contains("embedder: minilm"), "{}", built.told());
    let shown = world.run(support::INDEX_BUILD, &["inspect", "docs", "--format", "json"]).success();
    assert_eq!(json(&shown)["manifest"]["identity"]["EMBED_DIM"], 384);
    assert!(!shown.stdout.contains(&model), "an index remembers no path: {}", shown.stdout);
}

#[test]
fn first_example_of_each_help_is_the_documented_command() {
    let world = World::new();
    for (program, line) in [
        (
            support::INDEX_BUILD,
            "  index_build --input corpus_vB.json --out docs_vB --metric cosine\n",
        ),
        (
            support::WFGY_EVAL,
            "  wfgy_eval --gold gold_40.json --index docs_vB --min-cov 0.70 --max-ds 0.45\n",
        ),
        (support::VEC, "  vec alias update docs_live --to docs_vB\n"),
    ] {
        let help = world.run(program, &["--help"]).success().stdout;
        assert!(help.contains(line), "{help}");
    }
}

#[test]
fn a_target_in_a_folder_that_is_not_there_is_refused_before_anything_is_embedded() {
    let world = World::with_index();
    let args = ["--input", "corpus.json", "--out", "no/such/docs"];
    world.build_refused(&args, 2, &["--out no/such/docs: no folder no/such; make it first"]);
}

#[test]
fn a_build_from_a_folder_says_in_one_line_what_it_skipped() {
    let world = World::new();
    for name in ["texts/a.md", "texts/b.pdf", "texts/c.PDF", "texts/.hidden", "texts/LICENSE"] {
        world.write(name, "A text about nothing.");
    }
    let args = ["--input", "texts", "--out", "docs"];
    let built = world.build(&args).success();
    let line = "skipped 4 entries of the folder: 2 .pdf, 1 hidden, 1 without an ending\n";
    assert!(built.stdout.ends_with(line), "{}", built.told());
    let remove = |name: &str| std::fs::remove_file(world.path("texts").join(name)).expect("a file");
    let again = |expected: &str| {
        std::fs::remove_dir_all(world.path("docs")).expect("an index");
        let built = world.build(&args).success();
        let said = built.stdout.lines().find(|line| line.starts_with("skipped"));
        assert_eq!(said.unwrap_or(""), expected, "{}", built.told());
    };
    ["b.pdf", "c.PDF", ".hidden"].into_iter().for_each(remove);
    again("skipped 1 entry of the folder: 1 without an ending");
    remove("LICENSE");
    again("");
}
