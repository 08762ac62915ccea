//! Completions and manual pages.

use std::io;

use crate::exit::Failure;
use crate::options::Paperwork;

/// Prints what was asked for to standard output.
///
/// # Errors
/// Where standard output cannot be written.
pub(crate) fn print(paperwork: &Paperwork, mut command: clap::Command) -> Result<(), Failure> {
    match paperwork {
        Paperwork::Completions { shell } => {
            let name = command.get_name().to_owned();
            clap_complete::generate(*shell, &mut command, name, &mut io::stdout());
            Ok(())
        }
        Paperwork::Man => {
            clap_mangen::Man::new(command).render(&mut io::stdout()).map_err(Failure::unable)
        }
    }
}
