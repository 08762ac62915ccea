//! Standard output: what a program prints, in one write.

use std::fmt::Display;
use std::io::{self, Write};

use anstyle::AnsiColor;

use crate::exit::Failure;
use crate::plain::plain;

/// Prints `text` as it is; colours are dropped where nobody sees them. A reader that left early
/// (`| head`) is no error.
///
/// # Errors
/// Where standard output cannot be written; what the program did before is done.
pub(crate) fn out(text: &str) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::unable(format!(
            "standard output cannot be written: {error}; what was asked for is done all the same"
        ))),
        _ => Ok(()),
    }
}

/// Prints a note, a line on standard error; that nobody reads it is no error.
pub(crate) fn note(text: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{}", plain(text));
}

/// [`note`] of something that is to be looked at.
pub(crate) fn warning(program: &str, text: impl Display) {
    let style = AnsiColor::Yellow.on_default().bold();
    let text = plain(text);
    let _ = writeln!(anstream::stderr().lock(), "{program}: {style}warning{style:#}: {text}");
}
