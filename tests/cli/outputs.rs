//! Every form in which a verdict leaves the program, and what each verdict means.

mod handbook;
mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use handbook::{MET, MISSED, folder, gold_file, json, json_file, judge, with_b};
use support::{Ran, VEC, WFGY_EVAL, World};

/// A criterion that the handbook meets under any embedder.
const COVERED: [&str; 2] = ["--min-cov", "0.70"];

/// RFC 8785, in which 1.0 is 1.
fn canonical(value: &serde_json::Value) -> Vec<u8> {
    wfgy_core::canonical_json(value).expect("JSON")
}

/// Runs a command line as on a terminal.
fn on_terminal(world: &World, line: &str, environment: &[(&str, &str)]) -> Ran {
    let mut command = world.command("script");
    command.args(["-qec", line, "/dev/null"]).env("TERM", "xterm-256color");
    Ran::of(command.envs(environment.iter().copied()))
}

#[test]
fn out_folder_holds_the_files_that_the_specification_names_each_with_mode_0600() {
    let world = with_b();
    judge(&world, "docs_vB", &MET, &["--out", "out", "--trec-run", "run.txt"]).success();
    let names = |folder: &str| {
        let mut names: Vec<String> = fs::read_dir(world.path(folder))
            .expect("a folder")
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    };
    let always = ["report.json", "runs.jsonl", "timings.jsonl", "verdict.json"];
    assert_eq!(names("out"), always);
    judge(&world, "docs_vB", &MET, &["--out", "vectors", "--export-vectors"]).success();
    let exported = [
        "report.json",
        "runs.jsonl",
        "texts.jsonl",
        "timings.jsonl",
        "vectors.npy",
        "verdict.json",
    ];
    assert_eq!(names("vectors"), exported);

    let mut private = vec!["run.txt".to_owned(), ".wfgy/journal.jsonl".to_owned()];
    private.extend(always.iter().map(|name| format!("out/{name}")));
    private.extend(exported.iter().map(|name| format!("vectors/{name}")));
    private.extend(names(".wfgy/verdicts").iter().map(|name| format!(".wfgy/verdicts/{name}")));
    assert!(private.len() > 12, "verdicts were filed: {private:?}");
    for name in private {
        let mode = fs::metadata(world.path(&name)).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn out_folder_of_an_earlier_run_keeps_nothing_that_the_later_one_did_not_write() {
    let world = with_b();
    judge(&world, "docs_vB", &MET, &["--out", "out", "--export-vectors"]).success();
    judge(&world, "docs_vB", &MISSED, &["--out", "out"]).exits(1);
    assert_eq!(json_file(&world, "out/verdict.json")["verdict"], "fail");
    assert!(!world.path("out/vectors.npy").exists());
    assert!(!world.path("out/texts.jsonl").exists());
}

#[test]
fn table_says_the_verdict_first_then_each_criterion_then_the_five_worst_questions() {
    let world = with_b();
    let table = judge(&world, "docs_vB", &MISSED, &[]).exits(1).stdout;
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].starts_with("FAIL  docs_vB  may not go live"), "{table}");
    assert!(lines[1].starts_with("40 of 40 questions usable, 320 runs"), "{table}");
    let at = |part: &str| {
        lines
            .iter()
            .position(|line| line.contains(part))
            .unwrap_or_else(|| panic!("{part}: {table}"))
    };
    let coverage = at("✓ coverage.mean");
    assert!(lines[coverage].contains("≥ 0.7"), "{table}");
    let delta_s = at("✗ delta_s.question");
    assert!(lines[delta_s].contains("≤ 0.3"), "{table}");
    let worst = at("Worst questions");
    assert!(coverage < worst && delta_s < worst, "{table}");
    let shown = &lines[worst..];
    let count = |start: &str| shown.iter().filter(|line| line.starts_with(start)).count();
    assert_eq!(count("  Q_"), 5, "{table}");
    assert_eq!(count("    retrieved "), 5, "{table}");
    assert_eq!(count("    expected "), 5, "{table}");
    assert!(table.contains("\npolicy "), "the effective policy is printed: {table}");
    let digest = |word: &str| word.len() == 64 && word.chars().all(|c| c.is_ascii_hexdigit());
    assert!(!table.split_whitespace().any(digest), "digests are short: {table}");
    assert!(table.contains("min_questions 20; integrity sample"), "{table}");

    // Where no fail of another policy stands.
    let table = judge(&world, "docs_vB", &MET, &["--store", "new"]).success().stdout;
    assert!(table.starts_with("PASS  docs_vB  may go live\n"), "{table}");
    assert!(table.contains("filed as new/verdicts/"), "{table}");
    assert!(table.contains("next: vec alias "), "{table}");
}

#[test]
fn no_line_of_a_table_ends_in_blanks() {
    let world = with_b();
    for criteria in [&MET[..], &MISSED[..], &["--no-baseline"][..]] {
        let table = judge(&world, "docs_vB", criteria, &["--store", "new"]).stdout;
        assert!(table.lines().count() > 10, "{table}");
        for line in table.lines() {
            assert_eq!(line, line.trim_end(), "{table}");
        }
    }
}

#[test]
fn a_pipe_gets_no_colours_and_no_progress() {
    let world = with_b();
    for format in ["table", "json", "jsonl", "junit", "markdown"] {
        let ran = judge(&world, "docs_vB", &MET, &["--format", format]).success();
        assert!(!ran.stdout.contains('\u{1b}'), "{}", ran.told());
        assert!(!ran.stdout.contains('\r'), "{}", ran.told());
        assert_eq!(ran.stderr, "", "a pass says nothing on standard error");
    }
}

#[test]
fn a_terminal_gets_colours_unless_no_color_is_set() {
    let world = with_b();
    let line = format!(
        "{WFGY_EVAL} --gold gold_40.json --index docs_vB --min-cov 0.70 --max-ds 0.52 2>/dev/null"
    );
    let coloured = on_terminal(&world, &line, &[]).success();
    assert!(coloured.stdout.contains("\u{1b}[1m\u{1b}[32mPASS"), "{}", coloured.told());
    let plain = on_terminal(&world, &line, &[("NO_COLOR", "1")]).success();
    assert!(plain.stdout.contains("PASS  docs_vB"), "{}", plain.told());
    assert!(!plain.stdout.contains('\u{1b}'), "{}", plain.told());

    let line = format!("{VEC} alias list");
    let plain = on_terminal(&world, &line, &[("NO_COLOR", "1")]).success();
    assert!(!plain.stdout.contains('\u{1b}'), "{}", plain.told());
}

#[test]
fn json_is_the_verdict_file() {
    let world = with_b();
    let ran = judge(&world, "docs_vB", &MET, &["--format", "json", "--out", "out"]).success();
    assert!(ran.stdout.as_bytes() == world.read("out/verdict.json"), "the same bytes");
    world.write("saved.json", &ran.stdout);
    world.vec(&["verify", "saved.json"]).success();
    let digest = json(&ran)["decided_digest"].as_str().expect("a digest").to_owned();
    let decided = canonical(&json(&ran)["decided"]);
    assert_eq!(wfgy_core::Digest::of(&decided).to_string(), digest);
}

#[test]
fn jsonl_is_a_line_a_finding_and_the_verdict_last() {
    let world = with_b();
    let ran = judge(&world, "docs_vB", &MISSED, &["--format", "jsonl"]).exits(1);
    let lines: Vec<serde_json::Value> = ran
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
        .collect();
    let (last, findings) = lines.split_last().expect("lines");
    assert_eq!(last["verdict"], "fail");
    let name = |finding: &serde_json::Value| finding["finding"]["name"].as_str().map(str::to_owned);
    let names: Vec<_> = findings.iter().filter_map(name).collect();
    for expected in ["integrity.mismatches", "coverage.mean", "delta_s.question"] {
        assert!(names.iter().any(|name| name == expected), "{names:?}");
    }
}

#[test]
fn junit_shows_a_fail_as_failure_an_inconclusive_verdict_as_error_and_a_pass_as_neither() {
    let world = with_b();
    let suite = |criteria: &[&str], code: i32| {
        judge(&world, "docs_vB", criteria, &["--format", "junit"]).exits(code).stdout
    };
    let pass = suite(&MET, 0);
    assert!(pass.contains("<testsuites") && pass.contains("failures=\"0\" errors=\"0\""), "{pass}");
    assert!(!pass.contains("<failure") && !pass.contains("<error"), "{pass}");
    let fail = suite(&MISSED, 1);
    assert_eq!(fail.matches("<failure").count(), 2, "the criterion and the verdict: {fail}");
    assert!(!fail.contains("<error"), "{fail}");
    let blind = suite(&["--max-ds", "0.95"], 3);
    assert_eq!(blind.matches("<error").count(), 2, "the criterion and the verdict: {blind}");
    assert!(!blind.contains("<failure"), "{blind}");
}

#[test]
fn what_is_no_pass_is_said_on_standard_error_where_a_program_reads_the_output() {
    let world = with_b();
    for format in ["json", "jsonl", "junit", "markdown"] {
        let ran = judge(&world, "docs_vB", &MISSED, &["--format", format]).exits(1);
        let line = ran.stderr.trim_end();
        assert!(line.starts_with("wfgy_eval: FAIL docs_vB: delta_s.question 0."), "{line}");
        assert!(line.ends_with(" > 0.3") && line.lines().count() == 1, "{line}");
    }
    let blind = judge(&world, "docs_vB", &["--max-ds", "0.95"], &["--format", "json"]).exits(3);
    let line = "wfgy_eval: INCONCLUSIVE docs_vB: delta_s.question: ";
    assert!(blind.stderr.starts_with(line), "{}", blind.told());
    assert_eq!(judge(&world, "docs_vB", &MISSED, &[]).exits(1).stderr, "", "the table says it");
}

#[test]
fn a_missed_delta_s_names_the_questions_that_miss_it() {
    let world = with_b();
    let table = judge(&world, "docs_vB", &["--max-ds", "0.30"], &[]).exits(1).stdout;
    let heading = "Worst questions, by ΔS ";
    assert!(table.contains(heading) && table.contains("(bound 0.3)"), "{table}");
    let values: Vec<f64> = table
        .lines()
        .filter(|line| line.starts_with("  Q_"))
        .map(|line| line.split("ΔS ").nth(1).expect("a value")[..4].parse().expect("a number"))
        .collect();
    assert_eq!(values.len(), 5, "{table}");
    assert!(values.iter().all(|value| *value > 0.3), "{table}");
    assert!(values.windows(2).all(|pair| pair[0] >= pair[1]), "the worst first: {table}");
    assert!(table.contains("next: mend what the questions above show"), "{table}");
    let xml = judge(&world, "docs_vB", &["--max-ds", "0.30"], &["--format", "junit"]).exits(1);
    assert!(xml.stdout.contains("&#10;Q_"), "{}", xml.told());
    let page = judge(&world, "docs_vB", &["--max-ds", "0.30"], &["--format", "markdown"]).exits(1);
    assert!(page.stdout.contains(heading), "{}", page.told());

    let lambda = ["--targets", "lambda.convergence>=0.999"];
    let table = judge(&world, "docs_vB", &lambda, &[]).exits(1).stdout;
    assert!(
        table.contains("by λ") && table.contains("λ: → found a target and agrees"),
        "the marks are explained: {table}"
    );
}

#[test]
fn junit_of_an_evaluation_without_a_verdict_is_an_error() {
    let world = folder();
    let ran = judge(&world, "nowhere", &MET, &["--format", "junit"]).exits(2);
    assert!(ran.stdout.contains("<error"), "{}", ran.told());
    assert!(ran.stdout.contains("errors=\"1\""), "{}", ran.told());
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.told());
}

#[test]
fn markdown_is_a_heading_a_table_and_the_worst_questions() {
    let world = with_b();
    let page = judge(&world, "docs_vB", &MISSED, &["--format", "markdown"]).exits(1).stdout;
    assert!(page.starts_with("### ❌ wfgy: fail — `docs_vB`\n"), "{page}");
    for part in
        ["| --- | --- | ---: |", "`coverage.mean`", "≥ 0.7", "≤ 0.3", "nDCG@10 ", "<details>"]
    {
        assert!(page.contains(part), "{part}: {page}");
    }
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| Q\\_0")).collect();
    assert_eq!(rows.len(), 5, "{page}");
    let columns = |line: &str| line.replace("\\|", "").matches('|').count();
    for row in rows {
        assert_eq!(columns(row), 7, "six cells, whatever the text holds: {row}");
    }
}

#[test]
fn redact_keeps_every_text_of_corpus_and_gold_set_out_of_every_output() {
    let world = World::new();
    // Words that nothing else could print: one in each place where a text can stand.
    let section = "The zyxgate is opened with the brass zyxkey before the tide comes in.";
    world.write(
        "corpus.json",
        format!(
            r#"[{{"doc_id":"d1","title":"zyxbook","source_url":"https://zyxhost.example/a","sections":[
               {{"section_id":"s1","title":"zyxhead","text":"{section}"}},
               {{"section_id":"s2","text":"Nothing of that kind: zyxother things are kept in the shed."}}]}}]"#
        ),
    );
    world.write(
        "gold.json",
        r#"[{"id":"q1","question":"How is the zyxask opened?","paraphrases":["What opens the zyxphrase gate?"],
            "targets":[{"doc_id":"d1","section_id":"s1","offsets":[0,27],"quote":"The zyxgate is opened with "}],
            "anchor":"It is opened with a zyxanchor.","stratum":"x"},
           {"id":"q2","question":"Where are zyxlost things?","targets":[{"doc_id":"d1","section_id":"gone","quote":"zyxgone"}]},
           {"id":"q3","question":"What is the zyxnever?","targets":[],"answerable":false}]"#,
    );
    world.build(&["--input", "corpus.json", "--out", "docs"]).success();
    let texts = |world: &World, folder: &str, ran: &Ran| {
        let mut found = vec![format!("stdout: {}", ran.stdout), format!("stderr: {}", ran.stderr)];
        let mut folders = vec![world.path(folder), world.path(".wfgy")];
        while let Some(above) = folders.pop() {
            for entry in fs::read_dir(&above).into_iter().flatten() {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let bytes = fs::read(&path).expect("a file");
                    found.push(format!("{}: {}", path.display(), String::from_utf8_lossy(&bytes)));
                }
            }
        }
        found
    };
    for format in ["table", "json", "jsonl", "junit", "markdown"] {
        for redact in [true, false] {
            let folder = format!("out_{format}_{redact}");
            let mut args = vec![
                "--gold",
                "gold.json",
                "--index",
                "docs",
                "--min-cov",
                "0.99",
                "--out",
                &folder,
                "--export-vectors",
                "--format",
                format,
                "--trec-run",
                "trec.txt",
            ];
            if redact {
                args.push("--redact");
            }
            let ran = world.eval(&args);
            assert!([1, 3].contains(&ran.code), "{}", ran.told());
            let texts = texts(&world, &folder, &ran);
            assert!(texts.len() >= 8, "all files are looked at: {}", texts.len());
            let told: Vec<&String> = texts.iter().filter(|text| text.contains("zyx")).collect();
            // Without --redact the same search finds texts, so it can find them.
            assert_eq!(told.is_empty(), redact, "{format} {redact}: {told:?}");
        }
    }
    assert!(!String::from_utf8_lossy(&world.read("trec.txt")).contains("zyx"));
}

#[test]
fn redact_changes_no_number_of_the_verdict() {
    let world = with_b();
    let findings = |more: &[&str]| {
        let verdict = json(&judge(&world, "docs_vB", &MET, more).success());
        verdict["decided"]["findings"].clone()
    };
    assert_eq!(findings(&["--format", "json", "--redact"]), findings(&["--format", "json"]));
}

#[test]
fn a_pass_with_no_file_is_unusable_and_vec_refuses_it() {
    let world = with_b();
    let ran = judge(&world, "docs_vB", &MET, &["--no-file", "--out", "out"]).success();
    assert!(ran.stdout.contains("not filed"), "{}", ran.told());
    assert!(!world.path(".wfgy").exists(), "nothing was filed");
    world.vec(&["verify", "out/verdict.json"]).exits(1);
    world.vec(&["alias", "create", "docs_live", "--to", "docs_vB"]).refuses(1, &["wfgy_eval"]);
}

#[test]
fn a_pass_under_source_date_epoch_is_unusable_and_vec_refuses_it() {
    let world = with_b();
    let mut command = world.command(WFGY_EVAL);
    command.args(["--gold", "gold_40.json", "--index", "docs_vB", "--out", "out"]).args(MET);
    let ran = Ran::of(command.env("SOURCE_DATE_EPOCH", "1750000000")).success();
    assert!(ran.stdout.contains("SOURCE_DATE_EPOCH"), "{}", ran.told());
    let verdict = json_file(&world, "out/verdict.json");
    assert_eq!(verdict["verdict"], "pass");
    assert!(verdict["measured"]["unusable"].is_string(), "{verdict}");
    world.vec(&["verify", "out/verdict.json"]).exits(1);
    world.vec(&["alias", "create", "docs_live", "--to", "docs_vB"]).exits(1);
}

#[test]
fn two_runs_under_one_source_date_epoch_give_the_same_verdict_file_but_for_the_host() {
    let world = with_b();
    let once = |out: &str| {
        let mut command = world.command(WFGY_EVAL);
        command.args(["--gold", "gold_40.json", "--index", "docs_vB", "--out", out]).args(MET);
        Ran::of(command.env("SOURCE_DATE_EPOCH", "1750000000")).success();
        world.read(&format!("{out}/verdict.json"))
    };
    assert!(once("one") == once("two"), "the same bytes on one machine");
}

#[test]
fn integrity_off_approves_nothing() {
    let world = with_b();
    let ran = judge(&world, "docs_vB", &MET, &["--integrity", "off", "--format", "json"]);
    assert_eq!(json(&ran)["approves"], "nothing", "{}", ran.told());
    let ran = world.vec(&["alias", "create", "docs_live", "--to", "docs_vB"]);
    assert_ne!(ran.code, 0, "{}", ran.told());
    assert!(!world.path(".wfgy/aliases/docs_live").exists());
    let table = judge(&world, "docs_vB", &MET, &["--integrity", "off"]).success().stdout;
    assert!(table.contains("! integrity") && !table.contains("✓ integrity"), "{table}");
    assert!(table.contains("next: evaluate again without --integrity off"), "{table}");
    let suite = judge(&world, "docs_vB", &MET, &["--integrity", "off", "--format", "junit"]);
    assert!(suite.stdout.contains("errors=\"1\""), "not green: {}", suite.told());
    // With the check it is a pass that vec takes, so that alone made the difference.
    judge(&world, "docs_vB", &MET, &[]).success();
    judge(&world, "docs_vB", &MET, &["--integrity", "full"]).success();
}

#[test]
fn too_few_questions_are_inconclusive_and_vec_exits_3() {
    let world = World::with_index();
    let ran = world.eval(&["--gold", "gold.json", "--index", "docs", "--min-cov", "0.10"]);
    assert!(ran.stdout.contains("INCONCLUSIVE"), "{}", ran.told());
    assert!(ran.stdout.contains("! k = 10 of only 6 snippets in the index"), "{}", ran.told());
    ran.exits(3);
    world.vec(&["alias", "create", "docs_live", "--to", "docs"]).refuses(3, &["inconclusive"]);
}

#[test]
fn a_blind_bound_makes_a_pass_inconclusive_and_leaves_a_fail_a_fail() {
    let world = with_b();
    let blind = judge(&world, "docs_vB", &["--max-ds", "0.95"], &[]).exits(3);
    assert!(blind.stdout.contains("  the bound 0.95 is blind under "), "{}", blind.told());
    // Blind and failed: coverage is missed as well.
    judge(&world, "docs_vB", &["--max-ds", "0.95", "--min-cov", "0.999"], &[]).exits(1);
    let weak = judge(&world, "docs_vB", &["--max-ds", "0.60"], &[]).success();
    assert!(weak.stdout.contains("weak bound"), "{}", weak.told());
}

#[test]
fn cutover_without_a_baseline_approves_the_creation_of_an_alias_only() {
    let world = handbook::with_both();
    // The preset with bounds that the built-in table meets; what it skips stays skipped.
    let targets =
        "ds<=0.52,lambda.convergence>=0.5,lambda.split_rate<=0.5,lambda.collapse_rate<=0.5";
    let cutover = ["--policy", "cutover", "--no-baseline", "--targets", targets];
    for index in ["docs_vA", "docs_vB"] {
        let ran = judge(&world, index, &cutover, &["--format", "json"]).success();
        assert_eq!(json(&ran)["approves"], "creation", "{}", ran.told());
        let skipped = json(&ran)["decided"]["policy"]["skipped"].to_string();
        for metric in ["drift.coverage", "drift.flip_rate", "latency.p95_ratio"] {
            assert!(skipped.contains(metric), "{skipped}");
        }
    }
    world.vec(&["alias", "create", "docs_live", "--to", "docs_vA"]).success();
    world.vec(&["alias", "update", "docs_live", "--to", "docs_vB"]).refuses(1, &["docs_vB"]);
    let shown = json(&world.vec(&["alias", "show", "docs_live", "--format", "json"]).success());
    assert!(shown["target"].as_str().expect("a target").ends_with("docs_vA"), "{shown}");
}

#[test]
fn a_missed_criterion_is_exit_1_and_vec_refuses() {
    let world = with_b();
    judge(&world, "docs_vB", &MISSED, &[]).exits(1);
    world.vec(&["alias", "create", "docs_live", "--to", "docs_vB"]).refuses(1, &["docs_vB"]);
}

#[test]
fn broken_candidates_of_the_handbook_fail_on_coverage() {
    let world = folder();
    for name in ["corpus_stale.json", "corpus_shuffled.json"] {
        let input = gold_file(&format!("broken/{name}"));
        let input = input.to_str().expect("a plain path");
        world.build(&["--input", input, "--out", name]).success();
        judge(&world, name, &["--min-cov", "0.80"], &[]).exits(1);
    }
    world.build(&["--input", "corpus_vB.json", "--out", "fragments", "--chunk", "s8/o0"]).success();
    judge(&world, "fragments", &COVERED, &[]).exits(1);
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let world = with_b();
    judge(&world, "docs_vB", &MET, &["--format", "json", "--out", "out"]).success();
    world.vec(&["alias", "create", "docs_live", "--to", "docs_vB"]).success();
    let index_build = support::INDEX_BUILD;
    for (program, line, code) in [
        (WFGY_EVAL, "--gold gold_40.json --index docs_vB --min-cov 0.70", 0),
        (WFGY_EVAL, "--gold gold_40.json --index docs_vB --min-cov 0.70 --format json", 0),
        (WFGY_EVAL, "gold check --gold gold_40.json --index docs_vB", 1),
        (WFGY_EVAL, "schema gold", 0),
        (WFGY_EVAL, "completions bash", 0),
        (WFGY_EVAL, "--help", 0),
        (index_build, "inspect docs_vB", 0),
        (index_build, "inspect docs_vB --format json", 0),
        (index_build, "verify docs_vB", 0),
        (index_build, "--embedder static --input corpus_vA.json --out docs_vA", 0),
        (VEC, "alias show docs_live", 0),
        (VEC, "alias list", 0),
        (VEC, "alias history docs_live --format json", 0),
        (VEC, "alias update docs_live --to docs_vB", 0),
        (VEC, "man", 0),
    ] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = world.command(program);
        let ran = Ran::of(command.args(line.split(' ')).stdout(writer)).exits(code);
        assert_eq!(ran.stderr, "", "{}", ran.told());
    }
}
