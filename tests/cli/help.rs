//! What the programs say of themselves: help, versions, completions, manual pages, logs.

mod handbook;
mod support;

use std::fs;
use std::path::Path;

use handbook::{MET, folder, judge, with_b};
use serde_json::Value;
use support::{INDEX_BUILD, Ran, VEC, WFGY_EVAL, World};

const PROGRAMS: [(&str, &str); 3] =
    [("index_build", INDEX_BUILD), ("wfgy_eval", WFGY_EVAL), ("vec", VEC)];

/// Options that each command must explain: what was called, then the flags.
const OPTIONS: [(&str, &str, &str); 15] = [
    (
        INDEX_BUILD,
        "",
        "--input --out --metric --embedder --model --embedder-url --vectors --chunk --analyzer --ann \
         --m --ef-construction --ef --store --force --threads --verbose --log-format --version",
    ),
    (
        WFGY_EVAL,
        "",
        "--gold --index --min-cov --max-ds --targets --policy --baseline --no-baseline --latency \
         --k --seeds --rebuild-seeds --integrity --model --embedder-url --vectors --scorer --out --export-vectors --no-file --format \
         --trec-run --trec-level --store --redact --threads --verbose --log-format --version",
    ),
    (WFGY_EVAL, "replay", "--policy --min-cov --max-ds --targets --k --no-baseline --format"),
    (WFGY_EVAL, "explain", "--gold --index --k --seeds --model --store"),
    (WFGY_EVAL, "calibrate", "--gold --index --model --write --store --format"),
    (
        WFGY_EVAL,
        "power",
        "--gold --questions --effect --policy --no-baseline --correlation --deviation --runs --seeds \
         --threads --format",
    ),
    (WFGY_EVAL, "diff", "--k --limit --format"),
    (WFGY_EVAL, "gold check", "--gold --index --model --store --format"),
    (VEC, "", "--store --format --verbose --log-format --version"),
    (VEC, "alias create", "--to --policy --gold --override --reason --store --format"),
    (VEC, "alias update", "--to --forward --expect-epoch --override --reason --store --format"),
    (VEC, "alias rollback", "--expect-epoch --store --format"),
    (VEC, "alias policy", "--policy --gold --reason --store --format"),
    (VEC, "alias history", "--store --format"),
    (VEC, "verify", "--store --format"),
];

fn help(program: &str, command: &str) -> String {
    let world = World::new();
    let args: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
    let ran = world.run(program, &args).success();
    assert_eq!(ran.stderr, "", "{}", ran.told());
    ran.stdout
}

#[test]
fn help_shows_examples_first_then_options_then_exit_codes() {
    for (name, program) in PROGRAMS {
        let text = help(program, "");
        assert!(text.starts_with("Examples:\n"), "{name}: {text}");
        let first = text.lines().nth(1).expect("an example");
        assert!(first.starts_with(&format!("  {name} ")), "{first}");
        let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part} in {text}"));
        assert!(at("Examples:") < at("Usage:") && at("Usage:") < at("Exit codes:"), "{name}");
        let codes = &text[at("Exit codes:")..];
        let (table, _) = codes.split_once("\n\n").expect("a table");
        let digit = |line: &str| line.trim_start().starts_with(|c: char| c.is_ascii_digit());
        let hangs = |line: &str| digit(line) || line.starts_with("       ");
        assert!(table.lines().skip(1).all(hangs), "{name}: {table}");
        let expected: &[&str] = match name {
            "index_build" => &["0", "1", "2", "4", "130"],
            "wfgy_eval" => &["0", "1", "2", "3", "4", "130"],
            _ => &["0", "1", "2", "3", "4", "5", "130"],
        };
        for code in expected {
            let line = |line: &str| line.split_whitespace().next() == Some(code);
            assert!(codes.lines().any(line), "{name}: exit code {code}: {codes}");
        }
    }
}

/// What the sources of the programs look at in the environment: the names that stand in the one
/// file that may, as string literals.
fn variables() -> Vec<String> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut names = Vec::new();
    let mut folders = vec![crates];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().and_then(|name| name.to_str()).expect("UTF-8").to_owned();
            if path.is_dir() && name != "tests" {
                folders.push(path);
            } else if name.ends_with(".rs") && name != "build.rs" {
                let source = fs::read_to_string(&path).expect("a source");
                // What only the tests of a file read is no setting of a program.
                let source = source.split("#[cfg(test)]").next().expect("a first part");
                let reads = ["env::var", "env::vars", "env = "];
                if name != "environment.rs" {
                    let found = reads.iter().find(|read| source.contains(**read));
                    assert_eq!(found, None, "{}: only environment.rs reads it", path.display());
                    continue;
                }
                let literals = source.split('"').skip(1).step_by(2).map(str::to_owned);
                let is_name = |text: &String| {
                    !text.is_empty() && text.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
                };
                names.extend(literals.filter(is_name));
            }
        }
    }
    assert!(names.len() > 10, "{names:?}");
    names
}

#[test]
fn every_variable_that_the_sources_read_is_named_in_a_help() {
    let sections: Vec<String> = PROGRAMS
        .iter()
        .map(|(name, program)| {
            let text = help(program, "");
            let at = text.find("Environment:\n").unwrap_or_else(|| panic!("{name}: {text}"));
            text[at..].to_owned()
        })
        .collect();
    let names =
        |section: &str, name: &str| section.split([' ', ',', '\n']).any(|word| word == name);
    for name in variables() {
        assert!(sections.iter().any(|section| names(section, &name)), "{name} is explained");
    }
    for name in ["WFGY_STORE", "WFGY_KERNEL", "NO_COLOR"] {
        assert!(sections.iter().all(|section| names(section, name)), "{name} is of all three");
    }
    for isa in wfgy_kernel::Isa::ALL {
        assert!(sections.iter().all(|section| names(section, isa.name())), "{}", isa.name());
    }
}

#[test]
fn a_variable_that_is_empty_is_not_set() {
    let world = World::with_index();
    let eval = ["--gold", "gold.json", "--index", "docs", "--min-cov", "0.7"];
    let mut command = world.command(WFGY_EVAL);
    for name in variables() {
        if name != "HOME" {
            command.env(name, "");
        }
    }
    Ran::of(command.args(eval)).exits(3);
    assert!(world.path(".wfgy/journal.jsonl").is_file());
}

#[test]
fn every_option_of_every_command_is_explained() {
    for (program, command, options) in OPTIONS {
        let text = help(program, command);
        let lines: Vec<&str> = text.lines().collect();
        for option in options.split_whitespace() {
            let at = lines
                .iter()
                .position(|line| {
                    line.split([' ', ',', '=']).any(|word| word.trim_end_matches("...") == option)
                        && line.trim_start().starts_with('-')
                })
                .unwrap_or_else(|| panic!("{command} has {option}: {text}"));
            let said = lines.get(at + 1).is_some_and(|next| !next.trim().is_empty());
            assert!(said, "{command} says what {option} is: {text}");
        }
    }
}

#[test]
fn examples_of_the_help_name_options_that_exist() {
    let known: Vec<String> = OPTIONS
        .iter()
        .flat_map(|(program, command, _)| {
            help(program, command)
                .lines()
                .filter(|line| line.trim_start().starts_with('-'))
                .flat_map(|line| line.split([' ', ',']).map(str::to_owned).collect::<Vec<_>>())
                .filter(|word| word.starts_with("--"))
                .collect::<Vec<_>>()
        })
        .collect();
    let programs = PROGRAMS.map(|(name, program)| (name, program, ""));
    for (name, program, command) in programs.into_iter().chain([("power", WFGY_EVAL, "power")]) {
        let text = help(program, command);
        let examples = text.split("\n\n").next().expect("the examples");
        assert!(examples.starts_with("Examples:\n"), "{name}: {examples}");
        let mut seen = 0;
        for word in examples.split_whitespace().filter(|word| word.starts_with("--")) {
            assert!(known.iter().any(|option| option == word), "{name}: {word}");
            seen += 1;
        }
        assert!(seen > 0, "{name} has an example with an option");
    }
}

#[test]
fn no_line_of_an_example_is_wrapped() {
    for (name, program) in PROGRAMS {
        let text = help(program, "");
        let examples = text.split("\n\n").next().expect("the examples");
        for line in examples.lines().skip(1) {
            let start = line.trim_start();
            let continues = line.starts_with("    ");
            assert!(continues || start.starts_with(name), "one command a line: {line:?}");
        }
    }
}

#[test]
fn version_names_release_commit_kernel_path_and_schemas() {
    let world = World::new();
    for (name, program) in PROGRAMS {
        let short = world.run(program, &["-V"]).success().stdout;
        assert_eq!(short, format!("{name} {}\n", env!("CARGO_PKG_VERSION")));
        let long = world.run(program, &["--version"]).success().stdout;
        let lines: Vec<&str> = long.lines().collect();
        assert_eq!(lines[0], short.trim_end());
        let value = |key: &str| {
            let found = lines.iter().find_map(|line| line.strip_prefix(key));
            found.unwrap_or_else(|| panic!("{key} in {long}")).trim().to_owned()
        };
        assert!(!value("commit:").is_empty());
        assert_eq!(value("kernel:"), wfgy_kernel::Isa::active().name());
        for schema in ["index 1", "gold 1", "verdict 2", "report 5"] {
            assert!(value("schemas:").contains(schema), "{long}");
        }
    }
}

#[test]
fn a_kernel_path_can_be_forced_and_an_unknown_one_is_refused() {
    let world = World::new();
    for (_, program) in PROGRAMS {
        let forced =
            world.command(program).env("WFGY_KERNEL", "portable").arg("--version").output();
        let forced = String::from_utf8(forced.expect("a program that runs").stdout).unwrap();
        assert!(forced.contains("kernel: portable\n"), "{forced}");
        let refused = Ran::of(world.command(program).env("WFGY_KERNEL", "sse9").arg("--version"));
        assert_eq!(refused.code, 2, "{}", refused.told());
        assert!(refused.stderr.contains("WFGY_KERNEL") && refused.stderr.contains("sse9"));
    }
}

#[test]
fn completions_parse_and_know_the_options() {
    let world = World::new();
    for (name, program) in PROGRAMS {
        for shell in ["bash", "zsh", "fish"] {
            let script = world.run(program, &["completions", shell]).success().stdout;
            assert!(script.contains(name), "{shell}: {script}");
            let option = if shell == "fish" { "log-format" } else { "--log-format" };
            assert!(script.contains(option), "{shell} knows {option}");
            world.write(&format!("{name}.{shell}"), script);
        }
        let file = format!("{name}.bash");
        let parsed = Ran::of(world.command("bash").args(["-n", &file])).success();
        assert_eq!(parsed.stderr, "", "{}", parsed.told());
    }
}

#[test]
fn bash_completes_an_option() {
    let world = World::new();
    world.write("vec.bash", world.run(VEC, &["completions", "bash"]).success().stdout);
    let script = "source ./vec.bash; COMP_WORDS=(vec alias update --expe); COMP_CWORD=3; \
                  COMP_LINE='vec alias update --expe'; COMP_POINT=${#COMP_LINE}; \
                  _vec vec --expe update; echo \"${COMPREPLY[@]}\"";
    let ran = Ran::of(world.command("bash").args(["--norc", "-c", script])).success();
    assert_eq!(ran.stdout.trim(), "--expect-epoch", "{}", ran.told());
}

#[test]
fn manual_page_has_the_sections_that_manual_pages_have() {
    let world = World::new();
    for (name, program) in PROGRAMS {
        let page = world.run(program, &["man"]).success().stdout;
        assert!(page.contains(&format!(".TH {name} 1")), "{page}");
        let own = page.split("\n.TH ").nth(1).expect("the program's own page");
        let mut after = 0;
        for part in ["NAME", "SYNOPSIS", "OPTIONS", "EXIT STATUS", "ENVIRONMENT", "EXAMPLES"] {
            let line = [format!("\n.SH {part}\n"), format!("\n.SH \"{part}\"\n")];
            let at = line.iter().find_map(|line| own.find(line));
            let at = at.unwrap_or_else(|| panic!("{name}: {part}: {own}"));
            assert!(at > after, "{name}: {part} in its place");
            after = at;
        }
        assert!(!page.contains("EXTRA"), "{name}: {page}");
        assert!(own.contains(".SH SYNOPSIS\n.nf\n"), "{name}: {own}");
        assert!(own.contains("COMMAND>\n"), "{name}: how it is called: {own}");
        assert!(own.contains(".nf\n0."), "{name}: the version on a line of its own: {own}");
        let environment = own.split("ENVIRONMENT").nth(1).expect("a section");
        assert!(environment.contains(".TP\nNO_COLOR\n"), "{name}: {environment}");
        assert!(own.contains(".TP\n130\ninterrupted\n"), "{name}: {own}");
        assert!(page.contains("\\-\\-log\\-format"), "{name}: {page}");
    }
    let page = world.run(WFGY_EVAL, &["man"]).success().stdout;
    let power = page.split("\n.TH ").find(|page| page.contains("200 simulated gold sets"));
    let (before, _) =
        power.expect("what power's numbers mean").split_once(".SH OPTIONS").expect("it");
    assert!(before.contains("\n.SH DESCRIPTION\n") && before.contains("simulated"), "{before}");
}

/// The lines of standard error, each of which is one JSON object.
fn json_log(ran: &Ran) -> Vec<Value> {
    let parse = |line: &str| match serde_json::from_str::<Value>(line) {
        Ok(value @ Value::Object(_)) => value,
        other => panic!("{other:?}: {line}\n{}", ran.told()),
    };
    ran.stderr.lines().map(parse).collect()
}

#[test]
fn log_says_the_steps_as_json_lines_and_leaves_standard_output_alone() {
    let world = folder();
    let speech = ["-v", "--log-format", "json"];
    let args = ["--input", "corpus_vB.json", "--out", "docs_vB"];
    let built = world.build(&[&args[..], &speech[..]].concat()).success();
    let asked = [&["--format", "json"], &speech[..]].concat();
    let judged = judge(&world, "docs_vB", &MET, &asked).success();
    assert_eq!(handbook::json(&judged)["verdict"], "pass", "{}", judged.told());
    let created = ["alias", "create", "docs_live", "--to", "docs_vB", "--format", "json"];
    let created = world.vec(&[&created[..], &speech[..]].concat()).success();
    assert_eq!(handbook::json(&created)["action"], "create", "{}", created.told());
    for ran in [&built, &judged, &created] {
        let lines = json_log(ran);
        assert!(!lines.is_empty(), "-v says something: {}", ran.told());
        for line in lines {
            assert_eq!(line["level"], "INFO", "{line}");
            assert!(line["fields"]["message"].is_string(), "{line}");
        }
    }
}

#[test]
fn log_as_text_says_the_steps_and_without_v_nothing_is_said() {
    let world = with_b();
    let quiet = judge(&world, "docs_vB", &MET, &[]).success();
    assert_eq!(quiet.stderr, "");
    let spoken = judge(&world, "docs_vB", &MET, &["-v"]).success();
    assert!(spoken.stderr.contains("gold set read"), "{}", spoken.told());
    assert!(!spoken.stderr.contains('\u{1b}'), "no colours in a pipe: {}", spoken.told());
}

#[test]
fn unknown_option_and_missing_argument_are_exit_2_and_name_it() {
    let world = World::new();
    for (program, args, named) in [
        (INDEX_BUILD, vec!["--input", "x", "--out", "y", "--chnk", "none"], "--chnk"),
        (INDEX_BUILD, vec!["--input", "x"], "--out"),
        (WFGY_EVAL, vec!["--gold", "x"], "--index"),
        (WFGY_EVAL, vec!["--gold", "x", "--index", "y", "--format", "yaml"], "yaml"),
        (WFGY_EVAL, vec!["--gold", "x", "--index", "y", "--export-vectors"], "--out"),
        (VEC, vec!["alias", "update", "docs_live"], "--to"),
        (VEC, vec!["alias", "policy", "docs_live"], "--reason"),
    ] {
        let ran = world.run(program, &args).exits(2);
        assert!(ran.stderr.contains(named), "{}", ran.told());
        assert_eq!(ran.stdout, "");
    }
}
