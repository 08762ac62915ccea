//! Completions and manual pages.

use std::io::{self, Write};

use crate::exit::Failure;
use crate::options::Paperwork;

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
            manual(&command, &mut page).map_err(Failure::unable)?;
        }
    }
    match io::stdout().lock().write_all(&page) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::unable(error)),
        _ => Ok(()),
    }
}

/// The page of a command, then those of its subcommands.
fn manual(command: &clap::Command, page: &mut Vec<u8>) -> io::Result<()> {
    clap_mangen::Man::new(command.clone()).render(page)?;
    command.get_subcommands().try_for_each(|command| manual(command, page))
}
