//! The program `vec`: moves the pointer.

mod args;
mod show;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue};
use clap::{CommandFactory, Parser};
use wfgy_core::Digest;
use wfgy_formats::verdict::ReadError;
use wfgy_formats::{InputError, Place};
use wfgy_pointer::{
    AliasName, Allowed, Filing, Flip, FlipError, Ground, Hashes, LocalPointer, StoreDir,
    TargetError, Update, VerdictStore,
};

use crate::exit::{self, Failure};
use crate::plain::plain;
use crate::recovery::Recovery;
use crate::{clock, kernel_path, paperwork, target, terminal};
use args::{AliasCommand, Cli, Command, Format, Lines, Override};

/// The fewest digits by which a digest can be named.
const SHORTEST: usize = 8;

/// Runs it.
pub fn main() -> ExitCode {
    let done = kernel_path::select().and_then(|()| {
        let cli = Cli::try_parse()
            .or_else(|error| misplaced(&error).map_or_else(|| error.exit(), Err))?;
        terminal::start_log(&cli.speech);
        run(&cli)
    });
    exit::finish("vec", done)
}

/// A command on an alias that was given without the word `alias`.
fn misplaced(error: &clap::Error) -> Option<Failure> {
    let verb = match error.get(ContextKind::InvalidSubcommand)? {
        ContextValue::String(verb) => verb,
        _ => return None,
    };
    let known = Cli::command();
    let alias = known.find_subcommand("alias")?;
    alias.find_subcommand(verb)?;
    Some(Failure::input(format!("no command `vec {verb}`: run `vec alias {verb} …`")))
}

fn run(cli: &Cli) -> Result<(), Failure> {
    match &cli.command {
        Command::Paperwork(paperwork) => paperwork::print(paperwork, Cli::command()),
        Command::Verify { verdict } => verify(cli, verdict),
        Command::Alias { command } => alias(cli, command),
    }
}

fn alias(cli: &Cli, command: &AliasCommand) -> Result<(), Failure> {
    let store = match command {
        AliasCommand::List | AliasCommand::Show { .. } | AliasCommand::History { .. } => {
            cli.store.open()
        }
        AliasCommand::Create { .. }
        | AliasCommand::Update { .. }
        | AliasCommand::Rollback { .. }
        | AliasCommand::Policy { .. } => cli.store.writable()?,
    };
    let recovery = Recovery::watch(&store);
    let done = on_alias(cli, command, &store);
    recovery.say("vec");
    done
}

fn on_alias(cli: &Cli, command: &AliasCommand, store: &StoreDir) -> Result<(), Failure> {
    let pointer = LocalPointer::new(store.path());
    let started = clock::wall()?;
    let flip = Flip {
        store,
        pointer: &pointer,
        hash: &hash_target,
        by: &clock::who(),
        now: &|| clock::wall().unwrap_or(started),
        deadline: &|| clock::within(clock::STORE_PATIENCE),
    };
    let json = cli.format == Format::Json;
    tracing::info!(store = %plain(store.path().display()), by = flip.by, now = %started, "store");
    match command {
        AliasCommand::Create { alias, to, lines, overriding } => {
            let moved = flip.create(&name(alias)?, to, allowed(lines, store)?, &ground(overriding));
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
            let moved = flip.allow(&name(alias)?, allowed(lines, store)?, reason);
            show::moved(&moved.map_err(refused)?, json)
        }
        AliasCommand::List => show::list(flip.list().map_err(refused)?, store.path(), json),
        AliasCommand::Show { alias, verify } => {
            let alias = name(alias)?;
            let history = flip.history(&alias).map_err(refused)?;
            let state = flip.show(&alias).map_err(refused)?;
            let still = target::still(&state, *verify);
            let checked = match (&still, verify) {
                (Err(_), _) => show::Checked::Damaged,
                (Ok(()), true) => show::Checked::EveryByte,
                (Ok(()), false) => show::Checked::Manifest,
            };
            show::state(&state, &history, checked, json)?;
            still.map_err(|problem| {
                let leads = match flip.way_back(&alias, &state) {
                    Ok(_) => format!("`{}` leads back", flip.command("rollback", &alias, "")),
                    Err(FlipError::EmptyStack { problem, next, .. }) => {
                        format!("there is nothing to roll back to: {problem}; {next}")
                    }
                    Err(error) => error.to_string(),
                };
                let message = format!("{problem}; readers get it as it is; {leads}");
                Failure { code: 1, message }
            })
        }
        AliasCommand::History { alias } => {
            show::history(&flip.history(&name(alias)?).map_err(refused)?, json)
        }
    }
}

/// Checks a verdict file in itself, then what it is worth in this store.
fn verify(cli: &Cli, file: &Path) -> Result<(), Failure> {
    let store = cli.store.open();
    let digest = match file.to_str() {
        Some(text) if !file.exists() && is_beginning(text) => {
            Some(digest("verdict", text, &store, |filing| filing.digest)?)
        }
        _ => None,
    };
    let file = match digest {
        Some(digest) => store.path().join(format!("verdicts/{digest}.json")),
        None => file.to_owned(),
    };
    if !file.is_file() {
        return Err(Failure::input(format!("{}: no such verdict", file.display())));
    }
    let (verdict, found) = wfgy_formats::verdict::read(&file).map_err(|error| match error {
        // What stands under a digest once was what the digest is of.
        ReadError::Input(error) if digest.is_none() => Failure::input(no_verdict(error)),
        _ => Failure { code: 1, message: error.to_string() },
    })?;
    if digest.is_some_and(|digest| digest != found) {
        let message = format!("{}: was tampered with: its sha256 is {found}", file.display());
        return Err(Failure { code: 1, message });
    }
    let status = VerdictStore::new(&store)
        .status(&verdict, clock::wall()?)
        .map_err(|error| Failure { code: error.exit_code(), message: error.to_string() })?;
    show::verdict(&verdict, &status, cli.format == Format::Json)
}

/// A file that could be read and holds something else: said so before what is odd in it.
fn no_verdict(error: InputError) -> InputError {
    if error.place == Place::File {
        return error;
    }
    let InputError { file, place, field, problem, .. } = error;
    let field = field.map(|field| format!("{field}: ")).unwrap_or_default();
    InputError::at(file, place, format!("is no verdict: {field}{problem}"))
}

fn name(alias: &str) -> Result<AliasName, Failure> {
    alias.parse().map_err(|error: wfgy_pointer::NameError| Failure::input(error))
}

fn allowed(lines: &Lines, store: &StoreDir) -> Result<Allowed, Failure> {
    let digests = |flag: &str, texts: &[String], of: fn(&Filing) -> Digest| {
        texts.iter().map(|text| digest(flag, text, store, of)).collect::<Result<Vec<_>, _>>()
    };
    Ok(Allowed {
        policies: digests("--policy", &lines.policy, |filing| filing.policy_digest)?,
        golds: digests("--gold", &lines.gold, |filing| filing.gold_digest)?,
    })
}

/// Whether a text can be the beginning of a digest.
fn is_beginning(text: &str) -> bool {
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    (SHORTEST..=64).contains(&text.len()) && text.bytes().all(hex)
}

/// A digest that was written out, or of which the beginning names one on file.
fn digest(
    what: &str,
    text: &str,
    store: &StoreDir,
    of: fn(&Filing) -> Digest,
) -> Result<Digest, Failure> {
    if let Ok(digest) = text.parse() {
        return Ok(digest);
    }
    let refuse = |problem: &str| {
        Err(Failure::input(format!(
            "{what}: `{text}` {problem}; give all 64 hexadecimal digits, or at least {SHORTEST} of \
             one on file"
        )))
    };
    if !is_beginning(text) {
        return refuse("is not a SHA-256 digest nor the beginning of one");
    }
    let filings = VerdictStore::new(store)
        .filings()
        .map_err(|error| Failure { code: error.exit_code(), message: error.to_string() })?;
    let digests: BTreeSet<Digest> = filings.iter().map(of).collect();
    let mut found = digests.iter().filter(|digest| digest.to_string().starts_with(text));
    match (found.next(), found.next()) {
        (Some(digest), None) => Ok(*digest),
        (None, _) => refuse("begins no digest in this store"),
        (Some(_), Some(_)) => refuse("begins several digests in this store"),
    }
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
    tracing::info!(directory = %plain(path.display()), "hashing every file");
    target::hashes(path)
}
