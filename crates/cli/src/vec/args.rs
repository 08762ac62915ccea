//! Flags of `vec`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::environment;
use crate::options::{Speech, StoreOption};

const EXAMPLES: &str = "\
Examples:
  vec alias create docs_live --to docs_vA
  vec alias update docs_live --to docs_vB
  vec alias update docs_live --to docs_vA      # on the stack: a rollback, instant, needs no verdict
  vec alias rollback docs_live
  vec alias show docs_live
  vec alias history docs_live
  vec verify report/verdict.json";

const EXIT_CODES: &str = "\
Exit codes:
  0    done; already so
  1    refused: no verdict, failed, expired, wrong baseline, not allowed, tampered, quarantined,
       damaged target, empty stack
  2    usage, unknown alias or target
  3    refused: the verdict is inconclusive
  4    the store could not be read or written; nothing moved
  5    the pointer had moved: look again, then decide anew
  130  interrupted";

const STACK: &str = "\
Stack: the targets that the alias left by forward flips, the last one on top.
A rollback takes from it at once, without a verdict; a forward flip puts on it.

Quarantine: the targets that rollbacks left, because something was wrong with them.
They need an evaluation that began after the rollback, or --override --reason.";

const VERIFY_CODES: &str = "\
Exit codes:
  0    its digests agree; what it is worth in this store is printed
  1    it, or the store, was altered
  2    no such verdict, or no verdict
  4    the store could not be read
  130  interrupted";

const LOOKS_CODES: &str = "\
Exit codes:
  0    done
  1    the store was altered
  2    usage, unknown alias
  4    the store could not be read
  130  interrupted";

const SHOW_CODES: &str = "\
Exit codes:
  0    the target is what the alias says
  1    it is not, or the store was altered
  2    usage, unknown alias
  4    the store could not be read
  130  interrupted";

/// Moves the pointer that readers follow, forward only with a verdict.
#[derive(Debug, Parser)]
#[command(
    name = "vec",
    version = crate::version::SHORT,
    long_version = crate::version::long(),
    before_help = EXAMPLES,
    after_help = format!("{EXIT_CODES}\n\n{}", environment::of_vec()),
    disable_help_subcommand = true
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub command: Command,

    #[command(flatten)]
    pub store: StoreOption,

    /// Form of the output
    #[arg(long, value_name = "FORM", default_value = "text", global = true)]
    pub format: Format,

    #[command(flatten)]
    pub speech: Speech,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Work on an alias
    Alias {
        #[command(subcommand)]
        command: AliasCommand,
    },
    /// Checks a verdict: its digests, and whether it is filed, unexpired and standing
    #[command(
        before_help = "\
Examples:
  vec verify report/verdict.json
  vec verify 3f9a1c02",
        after_help = VERIFY_CODES
    )]
    Verify {
        /// Verdict file, or the digest of a filed one, or its first 8 digits or more
        verdict: PathBuf,
    },
    #[command(flatten)]
    Paperwork(crate::options::Paperwork),
}

#[derive(Debug, Subcommand)]
pub(crate) enum AliasCommand {
    /// Makes an alias; its first target needs a verdict like a forward flip
    #[command(
        before_help = "\
Examples:
  vec alias create docs_live --to docs_vA
  vec alias create docs_live --to docs_vA --policy 3f9a1c02",
        after_help = EXIT_CODES
    )]
    Create {
        /// Name: letters, digits, `.`, `_`, `-`, at most 64
        alias: String,
        /// Index directory
        #[arg(long, value_name = "DIR")]
        to: PathBuf,
        #[command(flatten)]
        lines: Lines,
        #[command(flatten)]
        overriding: Override,
    },
    /// Moves an alias: back, where the target is on the rollback stack, else forward with a verdict
    #[command(
        before_help = "\
Examples:
  vec alias update docs_live --to docs_vB
  vec alias update docs_live --to docs_vB --expect-epoch 3
  vec alias update docs_live --to docs_vB --override --reason \"outage 512\"",
        after_help = EXIT_CODES
    )]
    Update {
        /// The alias
        alias: String,
        /// Index directory
        #[arg(long, value_name = "DIR")]
        to: PathBuf,
        /// Forward, even where the rollback stack holds the target
        #[arg(long)]
        forward: bool,
        /// Only if the alias is at this epoch; else exit 5
        #[arg(long, value_name = "N")]
        expect_epoch: Option<u64>,
        #[command(flatten)]
        overriding: Override,
    },
    /// Returns to the last target that is not in quarantine; needs no verdict
    #[command(
        before_help = "\
Examples:
  vec alias rollback docs_live
  vec alias rollback docs_live --expect-epoch 4",
        after_help = EXIT_CODES
    )]
    #[command(long_about = format!("Returns to the last target that is not in quarantine; needs no verdict\n\n{STACK}"))]
    Rollback {
        /// The alias
        alias: String,
        /// Only if the alias is at this epoch; else exit 5
        #[arg(long, value_name = "N")]
        expect_epoch: Option<u64>,
    },
    /// Lists all aliases
    #[command(
        before_help = "\
Examples:
  vec alias list
  vec alias list --format json",
        after_help = LOOKS_CODES
    )]
    List,
    /// Shows an alias, and whether its target still is what it says; exit 1 where it is not
    #[command(
        before_help = "\
Examples:
  vec alias show docs_live
  vec alias show docs_live --verify",
        after_help = SHOW_CODES
    )]
    #[command(long_about = format!("Shows an alias, and whether its target still is what it says; exit 1 where it is not\n\n{STACK}"))]
    Show {
        /// The alias
        alias: String,
        /// Read every byte of the target, not only its manifest
        #[arg(long)]
        verify: bool,
    },
    /// Shows what happened to an alias, from the journal
    #[command(
        before_help = "\
Examples:
  vec alias history docs_live",
        after_help = LOOKS_CODES
    )]
    History {
        /// The alias
        alias: String,
    },
    /// Changes which policies and gold sets may approve a flip; recorded in the journal
    #[command(
        before_help = "\
Examples:
  vec alias policy docs_live --policy 3f9a1c02 --reason \"cutover only\"",
        after_help = EXIT_CODES
    )]
    Policy {
        /// The alias
        alias: String,
        #[command(flatten)]
        lines: Lines,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

/// Which lines of verdicts an alias listens to.
#[derive(Debug, Args)]
pub(crate) struct Lines {
    /// Policy digest that may approve, as a verdict shows it, or the first 8 digits or more of one on file; repeatable [default: all]
    #[arg(long, value_name = "DIGEST")]
    pub policy: Vec<String>,
    /// Gold digest that may approve, likewise; repeatable [default: all]
    #[arg(long, value_name = "DIGEST")]
    pub gold: Vec<String>,
}

/// A decision without evidence.
#[derive(Debug, Args)]
pub(crate) struct Override {
    /// Replace the verdict and the quarantine, nothing else; recorded as such
    #[arg(long = "override", requires = "reason")]
    pub overriding: bool,
    /// Why, for the journal
    #[arg(long, value_name = "TEXT", requires = "overriding")]
    pub reason: Option<String>,
}
