//! Options that more than one program has.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use wfgy_pointer::StoreDir;

use crate::exit::Failure;
use crate::{environment, place};

/// Exit codes of a command that reads and prints.
pub(crate) const PRINTS_CODES: &str = "\
Exit codes:
  0    done
  2    usage or input error
  4    something could not be read or written
  130  interrupted";

/// How a program speaks.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct Speech {
    /// Say more on standard error: -v steps, -vv details
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub verbose: u8,

    /// Form of what -v says
    #[arg(long, value_name = "FORM", default_value = "text", global = true)]
    pub log_format: LogFormat,
}

/// Form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Where verdicts, journal and pointers are kept.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Store")]
pub(crate) struct StoreOption {
    /// Folder of verdicts, journal and pointers [default: WFGY_STORE, else .wfgy]
    #[arg(long, value_name = "DIR", global = true)]
    pub store: Option<PathBuf>,
}

impl StoreOption {
    /// The store for a command that may write to it: never one inside an index.
    ///
    /// # Errors
    /// Where it lies in one.
    pub(crate) fn writable(&self) -> Result<StoreDir, Failure> {
        let store = self.open();
        let flag = match (&self.store, environment::STORE.read()) {
            (Some(_), _) => "--store",
            (None, Some(_)) => "WFGY_STORE",
            (None, None) => "the default store",
        };
        place::folder(flag, store.path(), None).map_err(|refused| Failure {
            message: match self.store {
                Some(_) => refused.message,
                None => format!("{} with --store DIR", refused.message),
            },
            ..refused
        })?;
        Ok(store)
    }

    /// The store. Commands that messages tell the user to run repeat `--store` only where
    /// neither the environment nor the default would find it.
    pub(crate) fn open(&self) -> StoreDir {
        let from_environment = environment::STORE.read().map(PathBuf::from);
        match (&self.store, from_environment) {
            (None, None) => StoreDir::new(".wfgy", false),
            (None, Some(path)) => StoreDir::new(path, false),
            (Some(path), other) => StoreDir::new(path, other.as_ref() != Some(path)),
        }
    }
}

/// Which embedder, and where its parts are.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Embedder")]
pub(crate) struct EmbedderSource {
    /// Folder of the sentence encoder; for openai and precomputed, the model's name [default: for a folder WFGY_MODEL, else where scripts/fetch_model.sh puts it]. A folder that is named here or by WFGY_MODEL and is missing is an error (exit 2), never replaced by another embedder
    #[arg(long, value_name = "DIR|NAME")]
    pub model: Option<String>,

    /// Base URL of an OpenAI-compatible service, up to and including /v1; its key is read from WFGY_EMBED_KEY, else OPENAI_API_KEY
    #[arg(long, value_name = "URL")]
    pub embedder_url: Option<String>,

    /// Precomputed vectors: N x D float32 in FILE.npy, the sha256 of each embedded string a line in FILE.ids
    #[arg(long, value_name = "FILE.npy")]
    pub vectors: Option<PathBuf>,

    /// Longest wait for an embedding service, in seconds for the whole job
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    pub embed_timeout: u64,
}

/// An embedder by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EmbedderName {
    /// minilm where its folder is found, else static
    Auto,
    /// A BERT-family sentence encoder from a local folder
    Minilm,
    /// The table built into the program
    Static,
    /// Any OpenAI-compatible /v1/embeddings
    Openai,
    /// Vectors from a file
    Precomputed,
}

/// Shell completions and manual pages, from the same definitions as --help.
#[derive(Debug, Clone, clap::Subcommand)]
pub(crate) enum Paperwork {
    /// Prints a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Prints the manual page (roff)
    Man,
}
