//! The exit codes, in one place.

use std::fmt;
use std::process::ExitCode;

use wfgy_core::PortError;

use crate::plain::plain;

/// Why a program did not do what it was asked; its code is the process's exit code.
///
/// | code | `index_build`, `wfgy_eval` | `vec` |
/// | --- | --- | --- |
/// | 0 | done; pass; nothing found | done; already so |
/// | 1 | fail; damage or problems found | refused |
/// | 2 | usage, configuration or input error | usage, unknown alias or target |
/// | 3 | inconclusive | refused: the verdict is inconclusive |
/// | 4 | could not evaluate or write | the same; nothing moved |
/// | 5 | | the pointer had moved |
/// | 130 | interrupted | interrupted |
#[derive(Debug)]
pub(crate) struct Failure {
    /// The exit code.
    pub code: u8,
    /// One line: what is wrong and what to do; empty where the output already says it.
    pub message: String,
}

impl Failure {
    /// Usage, configuration or input: the caller can mend it.
    pub(crate) fn input(message: impl fmt::Display) -> Self {
        Self { code: 2, message: message.to_string() }
    }

    /// The world: a service, a disk, an internal error.
    pub(crate) fn unable(message: impl fmt::Display) -> Self {
        Self { code: 4, message: message.to_string() }
    }

    /// What a part behind a port ran into.
    pub(crate) fn port(error: &PortError) -> Self {
        match error.is_input() {
            true => Self::input(error),
            false => Self::unable(format!("{error}{}", advice(error))),
        }
    }

    /// The output already says why.
    pub(crate) fn silent(code: u8) -> Self {
        Self { code, message: String::new() }
    }

    /// Interrupted by a signal.
    pub(crate) fn interrupted() -> Self {
        Self { code: 130, message: "interrupted; nothing was left half-written".to_owned() }
    }
}

/// What to do about a part that does not answer.
pub(crate) fn advice(error: &PortError) -> &'static str {
    match error {
        PortError::Retryable { part, .. } if part.starts_with("http") => {
            "; check that the service runs there and that its URL is right, then run the command again"
        }
        PortError::Deadline { .. } => "; --embed-timeout SECONDS allows it more",
        PortError::Retryable { .. } | PortError::Permanent { .. } | PortError::Input { .. } => "",
    }
}

/// Prints what went wrong, one line on standard error, and gives the exit code.
pub(crate) fn finish(program: &str, result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !failure.message.is_empty() {
                let line = plain(&failure.message);
                let error = clap::builder::Styles::styled();
                let style = error.get_error();
                anstream::eprintln!("{program}: {style}error{style:#}: {line}");
            }
            ExitCode::from(failure.code)
        }
    }
}
