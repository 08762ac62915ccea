//! What the help of each command says: examples, defaults, units, exit codes.

mod support;

use std::collections::BTreeSet;

use support::{INDEX_BUILD, VEC, WFGY_EVAL, World};

fn help(program: &str, command: &str) -> String {
    let world = World::new();
    let args: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
    world.run(program, &args).success().stdout
}

/// Commands of the programs that have a help of their own, in this order: what was called.
const COMMANDS: [(&str, &str, &str); 19] = [
    ("index_build", INDEX_BUILD, "verify"),
    ("index_build", INDEX_BUILD, "inspect"),
    ("index_build", INDEX_BUILD, "schema"),
    ("wfgy_eval", WFGY_EVAL, "replay"),
    ("wfgy_eval", WFGY_EVAL, "explain"),
    ("wfgy_eval", WFGY_EVAL, "calibrate"),
    ("wfgy_eval", WFGY_EVAL, "diff"),
    ("wfgy_eval", WFGY_EVAL, "trec"),
    ("wfgy_eval", WFGY_EVAL, "gold check"),
    ("wfgy_eval", WFGY_EVAL, "schema"),
    ("wfgy_eval", WFGY_EVAL, "preset"),
    ("vec", VEC, "verify"),
    ("vec", VEC, "alias create"),
    ("vec", VEC, "alias update"),
    ("vec", VEC, "alias rollback"),
    ("vec", VEC, "alias list"),
    ("vec", VEC, "alias show"),
    ("vec", VEC, "alias history"),
    ("vec", VEC, "alias policy"),
];

#[test]
fn help_of_every_command_begins_with_examples_of_it_and_ends_with_its_exit_codes() {
    for (name, program, command) in COMMANDS {
        let text = help(program, command);
        let (examples, rest) = text.split_once("\n\n").expect("examples, then the rest");
        let mut lines = examples.lines();
        assert_eq!(lines.next(), Some("Examples:"), "{command}: {text}");
        let mut seen = 0;
        for line in lines {
            let line = line.trim_start();
            assert!(line.starts_with(&format!("{name} {command}")), "{command}: {line:?}");
            for word in line.split_whitespace().filter(|word| word.starts_with("--")) {
                let known = rest.split([' ', '\n', ',']).any(|other| other == word);
                assert!(known, "{command}: {word} exists: {text}");
            }
            seen += 1;
        }
        assert!(seen > 0, "{command}: {text}");
        let (_, codes) = rest.split_once("Exit codes:\n").unwrap_or_else(|| panic!("{text}"));
        for code in ["0", "2", "4", "130"] {
            let says = |line: &str| line.split_whitespace().next() == Some(code);
            assert!(codes.lines().any(says), "{command}: exit code {code}: {text}");
        }
    }
}

/// Options that stand for nothing where they are not given, or that must be given.
const WITHOUT_DEFAULT: &str = "--input --out --gold --index --to --reason --build-id --git-sha \
     --embedder-url --vectors --min-cov --max-ds --targets --baseline --scorer-model --scorer-url \
     --scorer-vectors --trec-run --expect-epoch --write --questions --effect \
     --qrels --run";

/// The range or unit of each option that takes a number.
const UNITS: [(&str, &str); 18] = [
    ("--min-cov", "[0, 1]"),
    ("--max-ds", "[0, 2]"),
    ("--k", "hits"),
    ("--seeds", "seeds"),
    ("--rebuild-seeds", "graphs"),
    ("--threads", "threads"),
    ("--m", "links"),
    ("--ef-construction", "candidates"),
    ("--ef", "candidates"),
    ("--chunk", "tokens"),
    ("--embed-timeout", "seconds"),
    ("--expect-epoch", "epoch"),
    ("--correlation", "[0, 1]"),
    ("--deviation", "δs"),
    ("--effect", "unit"),
    ("--runs", "runs"),
    ("--limit", "questions"),
    ("--questions", "questions"),
];

#[test]
fn every_option_that_takes_a_value_says_its_default_and_every_number_its_unit() {
    let mut seen = BTreeSet::new();
    let more = [INDEX_BUILD, WFGY_EVAL, VEC].map(|program| ("", program, ""));
    let power = ("wfgy_eval", WFGY_EVAL, "power");
    for (_, program, command) in COMMANDS.into_iter().chain(more).chain([power]) {
        let text = help(program, command);
        let lines: Vec<&str> = text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let start = line.trim_start();
            let Some((flag, _)) = start.split_once(" <").filter(|_| start.starts_with("--")) else {
                continue;
            };
            // What is said of it: up to the next option or section.
            let said: Vec<&str> = lines[at + 1..]
                .iter()
                .take_while(|line| {
                    line.is_empty()
                        || line.starts_with("         ") && !line.trim().starts_with("--")
                })
                .copied()
                .collect();
            let said = said.join(" ");
            let none = WITHOUT_DEFAULT.split_whitespace().any(|option| option == flag)
                // What an alias listens to; `alias policy` has no default of its own.
                || said.contains("repeatable");
            assert!(none || said.contains("[default: "), "{command} {flag}: {said}");
            if let Some((_, unit)) = UNITS.iter().find(|(option, _)| *option == flag) {
                assert!(said.to_lowercase().contains(unit), "{command} {flag}: {said}");
                seen.insert(flag.to_owned());
            } else {
                assert!(!start.ends_with("<N>"), "{command} {flag} has a unit in this test");
            }
        }
    }
    assert_eq!(seen.len(), UNITS.len(), "{seen:?}");
}
