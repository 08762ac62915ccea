//! Completions and manual pages.

use std::io::{self, Write};

use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use crate::exit::Failure;
use crate::options::Paperwork;
use crate::version;

/// Prints what was asked for to standard output.
///
/// # Errors
/// Where standard output cannot be written; a reader that left early is no error.
pub(crate) fn print(paperwork: &Paperwork, mut command: clap::Command) -> Result<(), Failure> {
    // Into memory first: the generator of completions panics where its writer fails.
    let mut page = Vec::new();
    match paperwork {
        Paperwork::Completions { shell } => {
            let name = command.get_name().to_owned();
            clap_complete::generate(*shell, &mut command, name, &mut page);
        }
        Paperwork::Man => {
            command.build();
            let source = format!("{} {}", command.get_name(), version::SHORT);
            manual(&command, &source, &mut page).map_err(Failure::unable)?;
        }
    }
    match io::stdout().lock().write_all(&page) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::unable(error)),
        _ => Ok(()),
    }
}

/// Parts of a program's help that have a section of their own in its manual page, in the order of
/// man-pages(7).
const SECTIONS: [(&str, &str); 3] =
    [("Exit codes:", "EXIT STATUS"), ("Environment:", "ENVIRONMENT"), ("Examples:", "EXAMPLES")];

/// The page of a command, then those of its subcommands.
fn manual(command: &clap::Command, source: &str, page: &mut Vec<u8>) -> io::Result<()> {
    let man = Man::new(command.clone()).source(source);
    man.render_title(page)?;
    man.render_name_section(page)?;
    // The generator's own would list every option and no value.
    let usage = command.clone().render_usage().to_string();
    let mut roff = Roff::default();
    roff.control("SH", ["SYNOPSIS"]);
    as_it_stands(&mut roff, usage.trim_start_matches("Usage:").lines().map(str::trim_start));
    roff.to_writer(page)?;
    man.render_description_section(page)?;
    // What stands around the options in the help would all be in a section `EXTRA`.
    let help = [command.get_before_help(), command.get_after_help()];
    let help: Vec<String> = help.into_iter().flatten().map(|text| text.to_string()).collect();
    let first_heading = |text: &str| {
        let starts = SECTIONS.iter().filter_map(|(heading, _)| text.find(&format!("{heading}\n")));
        starts.min().unwrap_or(text.len())
    };
    let mut roff = Roff::default();
    for text in help.iter().map(|text| text[..first_heading(text)].trim()).filter(|t| !t.is_empty())
    {
        roff.control("PP", []);
        for line in text.lines() {
            roff.text([roman(line)]);
        }
    }
    roff.to_writer(page)?;
    man.render_options_section(page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(page)?;
    }
    let mut roff = Roff::default();
    for (heading, title) in SECTIONS {
        let start = help.iter().find_map(|text| text.split_once(&format!("{heading}\n")));
        let Some((_, text)) = start else { continue };
        section(&mut roff, title, text[..first_heading(text)].trim_end());
    }
    if let Some(version) = command.get_long_version() {
        roff.control("SH", ["VERSION"]);
        as_it_stands(&mut roff, version.lines());
    }
    roff.to_writer(page)?;
    command.get_subcommands().try_for_each(|command| manual(command, source, page))
}

/// Lines that are not filled.
fn as_it_stands<'a>(roff: &mut Roff, lines: impl Iterator<Item = &'a str>) {
    roff.control("nf", []);
    for line in lines {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
}

/// One section: examples as they stand; of the others each indented line is a term, with what it
/// means behind it or below it, and a line that is not indented is a paragraph.
fn section(roff: &mut Roff, title: &str, text: &str) {
    roff.control("SH", [title]);
    if title == "EXAMPLES" {
        as_it_stands(roff, text.lines().map(|line| line.strip_prefix("  ").unwrap_or(line)));
        return;
    }
    for line in text.lines().filter(|line| !line.is_empty()) {
        match line.len() - line.trim_start().len() {
            0 => {
                roff.control("PP", []);
                roff.text([roman(line)]);
            }
            2 => {
                roff.control("TP", []);
                let (term, meaning) =
                    line.trim_start().split_once("  ").unwrap_or((line.trim(), ""));
                roff.text([roman(term)]);
                if !meaning.is_empty() {
                    roff.text([roman(meaning.trim_start())]);
                }
            }
            _ => drop(roff.text([roman(line.trim_start())])),
        }
    }
}
