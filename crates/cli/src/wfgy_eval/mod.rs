//! The program `wfgy_eval`: decides whether an index may go live.

mod args;
mod baseline;
mod calibrate;
mod check;
mod culprits;
mod diff;
mod explain;
mod figures;
mod judged;
mod markdown;
mod output;
mod plot;
mod policy;
mod power;
mod replay;
mod run;
mod standing;
mod stored;
mod table;
mod trec;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use wfgy_formats::{gold, policy as policy_file, report, verdict};

use crate::exit::{self, Failure};
use crate::{kernel_path, paperwork, say, terminal};
use args::{Cli, Command, GoldCommand, SchemaName};

/// Runs it.
pub fn main() -> ExitCode {
    let done = kernel_path::select().and_then(|()| {
        let cli = Cli::parse();
        terminal::start_log(&cli.speech);
        kernel_path::log_refusals();
        dispatch(&cli)
    });
    exit::finish("wfgy_eval", done)
}

fn dispatch(cli: &Cli) -> Result<(), Failure> {
    match &cli.command {
        None => run::run(&cli.eval),
        Some(Command::Replay { runs, criteria, noise_floor, format }) => {
            replay::run(runs, criteria, *noise_floor, *format)
        }
        Some(Command::Diff { before, after, k, limit, format }) => {
            diff::run(before, after, *k, *limit, *format)
        }
        Some(Command::Gold { command: GoldCommand::Check { gold, index, source, format } }) => {
            check::run(gold, index, source, &cli.eval.store, *format)
        }
        Some(Command::Explain(args)) => explain::run(args, &cli.eval.store),
        Some(Command::Calibrate(args)) => calibrate::run(args, &cli.eval.store),
        Some(Command::Power(args)) => power::run(args),
        Some(Command::Trec(args)) => trec::run(args),
        Some(Command::Schema { file }) => {
            let schema = match file {
                SchemaName::Gold => gold::SCHEMA,
                SchemaName::Policy => policy_file::SCHEMA,
                SchemaName::Verdict => verdict::SCHEMA,
                SchemaName::Report => report::SCHEMA,
            };
            say::out(schema)
        }
        Some(Command::Preset { name }) => {
            let preset = policy_file::PRESETS.iter().find(|(preset, _)| preset == name);
            // The parser took no other name.
            preset.map_or(Ok(()), |(_, text)| say::out(text))
        }
        Some(Command::Paperwork(paperwork)) => paperwork::print(paperwork, Cli::command()),
    }
}
