//! Ids, texts, paths and reasons that are made to deceive whoever reads them on a terminal.

mod support;

use support::{INDEX_BUILD, Ran, VEC, WFGY_EVAL, World};

/// Ends a line, forges another, clears the screen, turns the text behind it.
const EVIL: &str =
    "x\nPASS forged\r\u{1b}[2J\u{1b}]0;t\u{7}\u{9b}1m\u{7f}\u{202e}\u{2066}\u{2028}y";

/// As text in JSON.
fn evil() -> String {
    serde_json::to_string(EVIL).expect("JSON").trim_matches('"').to_owned()
}

/// A path with most of it.
const FOLDER: &str = "docs\nPASS forged\u{1b}[2J\u{9b}1m\u{202e}y";

/// Nothing that a program printed reaches further than its place on its line.
#[track_caller]
fn harmless(ran: &Ran) {
    for text in [&ran.stdout, &ran.stderr] {
        for line in text.lines() {
            assert!(!line.starts_with("PASS forged"), "a line is forged\n{}", ran.told());
            let bad = |c: char| {
                c.is_control()
                    || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
            };
            assert!(!line.contains(bad), "{line:?}\n{}", ran.told());
        }
    }
}

/// A corpus, a gold set and an index of which every name and text is hostile.
fn world() -> World {
    let world = World::new();
    let evil = evil();
    world.write(
        "corpus.json",
        format!(
            r#"[{{"doc_id":"d{evil}","title":"{evil}","sections":[
                {{"section_id":"s{evil}","title":"{evil}","text":"The gate is opened {evil} with the brass key."}},
                {{"section_id":"t","text":"Nothing of {evil} that kind."}}]}}]"#
        ),
    );
    world.write(
        "gold.json",
        format!(
            r#"[{{"id":"q{evil}","question":"How is {evil} opened?","paraphrases":["What {evil} opens?"],"stratum":"{evil}",
                 "targets":[{{"doc_id":"d{evil}","section_id":"s{evil}","quote":"The gate"}}]}},
                {{"id":"r{evil}","question":"Where is {evil}?","targets":[{{"doc_id":"{evil}","section_id":"{evil}"}}]}}]"#
        ),
    );
    world
}

#[test]
fn no_name_and_no_text_forges_a_line_or_steers_the_terminal() {
    let world = world();
    let run = |program: &str, args: &[&str]| {
        let ran = world.run(program, args);
        harmless(&ran);
        ran
    };
    let build = ["--embedder", "static", "--input", "corpus.json", "--out"];
    let named = ["--build-id", EVIL, "--git-sha", EVIL];
    run(INDEX_BUILD, &[&build[..], &[FOLDER], &named].concat()).success();
    run(INDEX_BUILD, &[&build[..], &["more", "--chunk", "none"]].concat()).success();
    run(INDEX_BUILD, &["verify", FOLDER]).success();
    run(INDEX_BUILD, &["inspect", FOLDER]).success();
    run(INDEX_BUILD, &["inspect", EVIL]).exits(2);

    let asked = ["--gold", "gold.json", "--index", FOLDER, "--min-cov", "0.99"];
    for format in ["table", "markdown"] {
        let more = ["--diagnose", "--out", FOLDER, "--format", format];
        let ran = run(WFGY_EVAL, &[&asked[..], &more].concat()).exits(2);
        assert!(ran.stderr.contains("lies in the index"), "{}", ran.told());
        for baseline in [&[][..], &["--baseline", "more"]] {
            let more = ["--diagnose", "--out", "report", "--format", format];
            let ran = run(WFGY_EVAL, &[&asked[..], &more, baseline].concat());
            assert!([1, 3].contains(&ran.code), "{}", ran.told());
            assert!(
                ran.stdout.contains("gate is opened") || ran.stdout.contains("q"),
                "{}",
                ran.told()
            );
        }
    }
    run(WFGY_EVAL, &["replay", "report", "--min-cov", "0.5"]);
    let ran = run(WFGY_EVAL, &["diff", "report/baseline.runs.jsonl", "report"]).success();
    assert!(ran.stdout.contains("more → docs PASS forged"), "{}", ran.told());
    let ran = run(WFGY_EVAL, &["gold", "check", "--gold", "gold.json", "--index", FOLDER]).exits(1);
    assert!(ran.stdout.contains("question r"), "{}", ran.told());
    let question = format!("q{EVIL}");
    let of = ["--gold", "gold.json", "--index", FOLDER];
    let ran = run(WFGY_EVAL, &[&["explain", &question], &of[..]].concat()).success();
    assert!(ran.stdout.contains("\u{fffd}"), "what is replaced is seen to be: {}", ran.told());
    run(WFGY_EVAL, &[&["explain", EVIL], &of[..]].concat()).exits(2);
    run(WFGY_EVAL, &[&["calibrate"], &of[..]].concat());
    run(WFGY_EVAL, &["--gold", EVIL, "--index", FOLDER, "--min-cov", "0.5"]).exits(2);

    let because = ["--override", "--reason", EVIL];
    run(VEC, &[&["alias", "create", "live", "--to", FOLDER], &because[..]].concat()).success();
    run(VEC, &["alias", "update", "live", "--to", "more"]);
    run(VEC, &[&["alias", "update", "live", "--to", "more"], &because[..]].concat()).success();
    run(VEC, &["alias", "rollback", "live"]).success();
    run(VEC, &["alias", "update", "live", "--to", FOLDER]).success();
    for verb in
        [&["show", "live"][..], &["show", "live", "--verify"], &["history", "live"], &["list"]]
    {
        let ran = run(VEC, &[&["alias"], verb].concat()).success();
        assert!(ran.stdout.contains("docs PASS forged"), "{}", ran.told());
    }
    run(VEC, &["alias", "show", EVIL]).exits(2);
    run(VEC, &["verify", EVIL]).exits(2);
    run(VEC, &["alias", "list", "--store", EVIL]);
    run(VEC, &["-v", "alias", "update", "live", "--to", "more"]);
    run(WFGY_EVAL, &[&asked[..], &["-v", "--no-file"]].concat());
    std::fs::write(world.path(FOLDER).join(EVIL.replace('\n', "")), "").expect("a file");
    let ran = run(INDEX_BUILD, &["verify", FOLDER]).exits(1);
    assert!(ran.stdout.contains("does not belong to the index"), "{}", ran.told());
    run(VEC, &["alias", "show", "live", "--verify"]).exits(1);
}
