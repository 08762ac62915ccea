//! A place to write that is part of an index or of the store: exit 2, one line, nothing written.

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;

use support::{INDEX_BUILD, Ran, VEC, WFGY_EVAL, World};

/// What every evaluation here begins with.
const EVAL: [&str; 6] = ["--gold", "gold.json", "--index", "docs", "--min-cov", "0.1"];

/// The index is whole after a refusal.
#[track_caller]
fn whole(world: &World) {
    world.run(INDEX_BUILD, &["verify", "docs"]).success();
}

#[test]
fn an_index_is_not_built_into_an_index_or_the_store() {
    let world = World::with_index();
    symlink(world.path("docs"), world.path("link")).expect("a link");
    world.eval(&EVAL).exits(3);
    for out in ["docs/next", "docs/./next", "link/next", "./home/../docs/next"] {
        let line = [&format!("--out {out}"), "lies in the index", "/docs,", "elsewhere"];
        world.build_refused(&["--input", "corpus.json", "--out", out], 2, &line);
        world.build_refused(&["--input", "corpus.json", "--out", out, "--force"], 2, &line);
    }
    for out in [".wfgy/next", ".wfgy/verdicts/next"] {
        let line = [&format!("--out {out}"), "lies in the store"];
        world.build_refused(&["--input", "corpus.json", "--out", out], 2, &line);
    }
    whole(&world);
    // Beside them and in the place of one it is built.
    world.build(&["--input", "corpus.json", "--out", "more"]).success();
    world.build(&["--input", "corpus.json", "--out", "more", "--force"]).success();
}

#[test]
fn a_store_is_not_made_in_an_index_by_any_program() {
    let world = World::with_index();
    let flip = ["alias", "create", "live", "--to", "docs", "--override", "--reason", "test"];
    let force = ["--embedder", "static", "--input", "corpus.json", "--out", "docs", "--force"];
    for store in ["docs", "docs/st", "new/../docs/st"] {
        let parts = [&format!("--store {store}"), "lies in the index", "elsewhere"];
        let named = ["--store", store];
        world.refused(WFGY_EVAL, &[&EVAL[..], &named].concat(), 2, &parts);
        world.refused(VEC, &[&flip[..], &named].concat(), 2, &parts);
        world.refused(INDEX_BUILD, &[&force[..], &named].concat(), 2, &parts);
        for verb in [&["update", "live", "--to", "docs"][..], &["rollback", "live"]] {
            world.refused(VEC, &[&["alias"], verb, &named].concat(), 2, &parts);
        }
        let before = world.listing();
        let mut command = world.command(WFGY_EVAL);
        let parts = [&format!("WFGY_STORE {store}"), "lies in the index", "--store DIR"];
        Ran::of(command.args(EVAL).env("WFGY_STORE", store)).refuses(2, &parts);
        assert_eq!(world.listing(), before);
    }
    whole(&world);
}

#[test]
fn in_the_folder_of_an_index_the_default_store_is_refused_and_what_only_reads_works() {
    let world = World::with_index();
    let inside = |program: &str, args: &[&str]| {
        let mut command = world.command(program);
        Ran::of(command.current_dir(world.path("docs")).args(args))
    };
    let before = world.listing();
    let eval = ["--gold", "../gold.json", "--index", ".", "--min-cov", "0.1"];
    let parts = ["the default store .wfgy", "lies in the index", "elsewhere with --store DIR"];
    inside(WFGY_EVAL, &eval).refuses(2, &parts);
    let flip = ["alias", "create", "live", "--to", ".", "--override", "--reason", "test"];
    inside(VEC, &flip).refuses(2, &parts);
    assert_eq!(world.listing(), before);
    inside(WFGY_EVAL, &[&eval[..], &["--no-file"]].concat()).exits(3);
    inside(INDEX_BUILD, &["verify", "."]).success();
    inside(VEC, &["alias", "list"]).refuses(2, &[".wfgy"]);
    assert_eq!(world.listing(), before);
    inside(WFGY_EVAL, &[&eval[..], &["--store", "../.wfgy"]].concat()).exits(3);
    inside(VEC, &[&flip[..], &["--store", "../.wfgy"]].concat()).success();
    whole(&world);
}

#[test]
fn files_of_an_evaluation_and_a_policy_go_into_no_index_and_no_store() {
    let world = World::with_index();
    world.eval(&EVAL).exits(3);
    world.build(&["--input", "corpus.json", "--out", "more"]).success();
    for (place, kind) in [("docs", "index"), ("more", "index"), (".wfgy", "store")] {
        let what = format!("lies in the {kind}");
        for (flag, path) in [
            ("--out", place.to_owned()),
            ("--out", format!("{place}/report")),
            ("--trec-run", format!("{place}/run.txt")),
            ("--trec-run", format!("new/../{place}/run.txt")),
        ] {
            let parts = [&format!("{flag} {path}"), &what, "elsewhere"];
            world.refused(WFGY_EVAL, &[&EVAL[..], &[flag, &path]].concat(), 2, &parts);
        }
        let path = format!("{place}/policy.toml");
        let calibrate = ["calibrate", "--gold", "gold.json", "--index", "docs", "--write", &path];
        world.refused(WFGY_EVAL, &calibrate, 2, &[&format!("--write {path}"), &what]);
    }
    whole(&world);
}

#[test]
fn another_folder_with_a_manifest_is_no_index() {
    let world = World::with_index();
    world.write("manifest.json", r#"{"name": "a web page"}"#);
    world.eval(&[&EVAL[..], &["--out", "report"]].concat()).exits(3);
    assert!(world.path("report/verdict.json").exists() && world.path(".wfgy").exists());
    fs::remove_file(world.path("docs/vectors.npy")).expect("it is there");
    let out = ["--input", "corpus.json", "--out", "docs/next"];
    world.build_refused(&out, 2, &["lies in the index"]);
}

#[test]
fn nothing_but_a_run_gives_way_to_a_run_and_no_file_to_a_folder() {
    let world = World::with_index();
    let eval = [&EVAL[..], &["--no-file"]].concat();
    world.eval(&[&eval[..], &["--trec-run", "run.txt"]].concat()).exits(3);
    world.eval(&[&eval[..], &["--trec-run", "run.txt"]].concat()).exits(3);
    symlink(world.path("run.txt"), world.path("link")).expect("a link");
    for (flag, path, part) in [
        ("--trec-run", "gold.json", "no run; name another file"),
        ("--trec-run", "docs", "no regular file"),
        ("--trec-run", "link", "no regular file"),
        ("--trec-run", "nowhere/run.txt", "folder is not there"),
        ("--out", "gold.json", "is no folder"),
    ] {
        let parts = [&format!("{flag} {path}"), part];
        world.refused(WFGY_EVAL, &[&eval[..], &[flag, path]].concat(), 2, &parts);
    }
    world.eval(&[&eval[..], &["--out", "report"]].concat()).exits(3);
    for (out, flag, path) in [
        ("report", "--trec-run", "report/runs.jsonl"),
        ("report/", "--trec-run", "docs/../report/run.txt"),
        ("next", "--trec-run", "next"),
        ("report", "--text-cache", "report/cache"),
        ("next", "--text-cache", "next/cache"),
        ("next", "--text-cache", "next"),
    ] {
        let parts = [&format!("{flag} {path}"), "lies in the folder of --out"];
        let args = [&eval[..], &["--out", out, flag, path]].concat();
        world.refused(WFGY_EVAL, &args, 2, &parts);
    }
    let before = world.listing();
    for path in ["docs", "link", "nowhere/policy.toml"] {
        let calibrate = ["calibrate", "--gold", "gold.json", "--index", "docs", "--write", path];
        world.refused(WFGY_EVAL, &calibrate, 2, &[&format!("--write {path}"), "name a file"]);
    }
    assert_eq!(world.listing(), before);
    let _socket = UnixListener::bind(world.path("socket")).expect("a socket");
    let run = [&eval[..], &["--trec-run", "socket"]].concat();
    world.eval(&run).refuses(2, &["--trec-run socket: is no regular file"]);
}
