//! The program `vec`: moves the pointer.

mod args;
mod show;

use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use wfgy_core::Digest;
use wfgy_pointer::{
    AliasName, Allowed, Flip, FlipError, Ground, Hashes, LocalPointer, TargetError, Update,
    VerdictStore,
};

use crate::exit::{self, Failure};
use crate::{clock, kernel_path, paperwork, terminal};
use args::{AliasCommand, Cli, Command, Format, Lines, Override};

/// Runs it.
pub fn main() -> ExitCode {
    let done = kernel_path::select().and_then(|()| {
        let cli = Cli::parse();
        terminal::start_log(&cli.speech);
        run(&cli)
    });
    exit::finish("vec", done)
}

fn run(cli: &Cli) -> Result<(), Failure> {
    match &cli.command {
        Command::Paperwork(paperwork) => paperwork::print(paperwork, Cli::command()),
        Command::Verify { verdict } => verify(cli, verdict),
        Command::Alias { command } => alias(cli, command),
    }
}

fn alias(cli: &Cli, command: &AliasCommand) -> Result<(), Failure> {
    let store = cli.store.open();
    let pointer = LocalPointer::new(store.path());
    let started = clock::wall()?;
    let flip = Flip {
        store: &store,
        pointer: &pointer,
        hash: &hash_target,
        by: &clock::who(),
        now: &|| clock::wall().unwrap_or(started),
        deadline: &|| clock::within(clock::STORE_PATIENCE),
    };
    let json = cli.format == Format::Json;
    tracing::info!(store = %store.path().display(), by = flip.by, now = %started, "store");
    match command {
        AliasCommand::Create { alias, to, lines, overriding } => {
            let moved = flip.create(&name(alias)?, to, allowed(lines)?, &ground(overriding));
            show::moved(&moved.map_err(refused)?, json)
        }
        AliasCommand::Update { alias, to, forward, expect_epoch, overriding } => {
            let options = Update {
                forward: *forward,
                expect_epoch: *expect_epoch,
                ground: ground(overriding),
            };
            let moved = flip.update(&name(alias)?, to, &options);
            show::moved(&moved.map_err(refused)?, json)
        }
        AliasCommand::Rollback { alias, expect_epoch } => {
            let moved = flip.rollback(&name(alias)?, *expect_epoch);
            show::moved(&moved.map_err(refused)?, json)
        }
        AliasCommand::Policy { alias, lines, reason } => {
            let moved = flip.allow(&name(alias)?, allowed(lines)?, reason);
            show::moved(&moved.map_err(refused)?, json)
        }
        AliasCommand::List => show::list(flip.list().map_err(refused)?, json),
        AliasCommand::Show { alias } => {
            let alias = name(alias)?;
            let history = flip.history(&alias).map_err(refused)?;
            show::state(&flip.show(&alias).map_err(refused)?, &history, json)
        }
        AliasCommand::History { alias } => {
            show::history(&flip.history(&name(alias)?).map_err(refused)?, json)
        }
    }
}

/// Checks a verdict file in itself, then what it is worth in this store.
fn verify(cli: &Cli, file: &Path) -> Result<(), Failure> {
    let store = cli.store.open();
    let digest = file.to_str().and_then(|text| text.parse::<Digest>().ok());
    let file = match digest {
        Some(digest) if !file.exists() => store.path().join(format!("verdicts/{digest}.json")),
        _ => file.to_owned(),
    };
    if !file.is_file() {
        return Err(Failure::input(format!("{}: no such verdict", file.display())));
    }
    let (verdict, found) = wfgy_formats::verdict::read(&file)
        .map_err(|error| Failure { code: 1, message: error.to_string() })?;
    if digest.is_some_and(|digest| digest != found) {
        let message = format!("{}: was tampered with: its sha256 is {found}", file.display());
        return Err(Failure { code: 1, message });
    }
    let status = VerdictStore::new(&store)
        .status(&verdict, clock::wall()?)
        .map_err(|error| Failure { code: error.exit_code(), message: error.to_string() })?;
    show::verdict(&verdict, &status, cli.format == Format::Json)
}

fn name(alias: &str) -> Result<AliasName, Failure> {
    alias.parse().map_err(|error: wfgy_pointer::NameError| Failure::input(error))
}

fn allowed(lines: &Lines) -> Result<Allowed, Failure> {
    let digests = |flag: &str, texts: &[String]| {
        texts
            .iter()
            .map(|text| text.parse::<Digest>().map_err(|e| Failure::input(format!("{flag}: {e}"))))
            .collect::<Result<Vec<_>, _>>()
    };
    Ok(Allowed {
        policies: digests("--policy", &lines.policy)?,
        golds: digests("--gold", &lines.gold)?,
    })
}

fn ground(overriding: &Override) -> Ground {
    match (&overriding.reason, overriding.overriding) {
        (Some(reason), true) => Ground::Override(reason.clone()),
        _ => Ground::Verdicts,
    }
}

fn refused(error: FlipError) -> Failure {
    Failure { code: error.exit_code(), message: error.to_string() }
}

fn hash_target(path: &Path) -> Result<Hashes, TargetError> {
    tracing::info!(directory = %path.display(), "hashing every file");
    crate::target::hashes(path)
}
