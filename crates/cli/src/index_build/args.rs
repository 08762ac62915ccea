//! Flags of `index_build`.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use crate::environment;
use crate::options::{EmbedderName, EmbedderSource, PRINTS_CODES, Speech, StoreOption};

const EXAMPLES: &str = "\
Examples:
  index_build --input corpus_vB.json --out docs_vB --metric cosine
  index_build --input beir/scifact --out scifact --chunk none --ann none
  index_build --input handbook/ --out docs --embedder openai --model e5-small \\
      --embedder-url http://127.0.0.1:8080/v1
  index_build verify docs_vB
  index_build inspect docs_live
  index_build schema corpus";

const EXIT_CODES: &str = "\
Exit codes:
  0    done; verify found nothing
  1    verify found damage
  2    usage, configuration or input error
  4    a service did not answer, or the disk could not be written
  130  interrupted

Nothing is left half-written: an index is built beside its target and renamed into place.";

const VERIFY_CODES: &str = "\
Exit codes:
  0    whole
  1    damaged
  2    no index, or unknown alias
  4    it could not be read
  130  interrupted";

/// Builds an index directory from a corpus.
#[derive(Debug, Parser)]
#[command(
    name = "index_build",
    version = crate::version::SHORT,
    long_version = crate::version::long(),
    before_help = EXAMPLES,
    after_help = format!("{EXIT_CODES}\n\n{}", environment::of_index_build()),
    subcommand_negates_reqs = true,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,

    #[command(flatten)]
    pub build: BuildArgs,

    #[command(flatten)]
    pub speech: Speech,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Recomputes every hash of an index and names all damage
    #[command(
        before_help = "\
Examples:
  index_build verify docs_vB
  index_build verify docs_live",
        after_help = VERIFY_CODES
    )]
    Verify {
        /// Index directory, or an alias of the store
        #[arg(value_name = "DIR|ALIAS")]
        index: PathBuf,
    },
    /// Shows what an index is: identity, sizes, settings
    #[command(
        before_help = "\
Examples:
  index_build inspect docs_vB
  index_build inspect docs_live --format json",
        after_help = PRINTS_CODES
    )]
    Inspect {
        /// Index directory, or an alias of the store
        #[arg(value_name = "DIR|ALIAS")]
        index: PathBuf,
        /// Form of the output
        #[arg(long, value_name = "FORM", default_value = "text")]
        format: InspectFormat,
    },
    /// Prints the JSON Schema of a file
    #[command(
        before_help = "\
Examples:
  index_build schema corpus > corpus.schema.json",
        after_help = PRINTS_CODES
    )]
    Schema {
        /// Which file
        file: SchemaName,
    },
    #[command(flatten)]
    Paperwork(crate::options::Paperwork),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaName {
    Corpus,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum InspectFormat {
    Text,
    Json,
}

#[derive(Debug, clap::Args)]
pub(crate) struct BuildArgs {
    /// Corpus: JSON, JSONL (.gz and .zst too), a BEIR folder or its corpus.jsonl, or a folder of .md and .txt
    #[arg(long, value_name = "PATH", required = true, help_heading = "Index")]
    pub input: Option<PathBuf>,

    /// Index directory to make
    #[arg(long, value_name = "DIR", required = true, help_heading = "Index")]
    pub out: Option<PathBuf>,

    /// How vectors are compared; greater is closer for all three
    #[arg(long, default_value = "cosine", help_heading = "Index")]
    pub metric: MetricName,

    /// Embedder
    #[arg(long, default_value = "auto", help_heading = "Embedder")]
    pub embedder: EmbedderName,

    #[command(flatten)]
    pub source: EmbedderSource,

    /// Put before every question [default: what the model's folder says, else nothing]
    #[arg(long, value_name = "TEXT", help_heading = "Embedder")]
    pub query_prefix: Option<String>,

    /// Put before every snippet [default: what the model's folder says, else nothing]
    #[arg(long, value_name = "TEXT", help_heading = "Embedder")]
    pub passage_prefix: Option<String>,

    /// Snippets: windows of N tokens that overlap by M (sN/oM), or whole sections (none) [default: s128/o32, for BEIR none]
    #[arg(long, value_name = "sN/oM|none", help_heading = "Index")]
    pub chunk: Option<String>,

    /// Text normalisation: none, or nfc or nfkc, lower, fold, ws joined by +
    #[arg(long, value_name = "NAME", default_value = "none", help_heading = "Index")]
    pub analyzer: String,

    /// Approximate graph, or none: the exact sweep serves [default: none below 10,000 snippets, else hnsw]
    #[arg(long, value_name = "KIND", help_heading = "Index")]
    pub ann: Option<AnnName>,

    /// Links a node of the graph
    #[arg(long, value_name = "N", default_value_t = 16, help_heading = "Index")]
    pub m: usize,

    /// Candidates held while the graph is built
    #[arg(long, value_name = "N", default_value_t = 200, help_heading = "Index")]
    pub ef_construction: usize,

    /// Candidates held while the graph is searched
    #[arg(long, value_name = "N", default_value_t = 128, help_heading = "Index")]
    pub ef: usize,

    /// Seed of the graph's levels and order of insertion; graphs of other seeds differ by luck alone
    #[arg(long, value_name = "SEED", default_value_t = 0, help_heading = "Index")]
    pub ann_seed: u32,

    /// Replace an index that exists; refused while an alias or a rollback stack of the store names it
    #[arg(long, help_heading = "Index")]
    pub force: bool,

    /// Your name for this build, kept in the manifest
    #[arg(long, value_name = "TEXT", help_heading = "Index")]
    pub build_id: Option<String>,

    /// Commit that the corpus or pipeline is built from, kept in the manifest
    #[arg(long, value_name = "TEXT", help_heading = "Index")]
    pub git_sha: Option<String>,

    #[command(flatten)]
    pub store: StoreOption,

    /// Threads [default: one a core]
    #[arg(long, value_name = "N", help_heading = "Index")]
    pub threads: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MetricName {
    Cosine,
    Dot,
    L2,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AnnName {
    /// Linked by this program, on all threads
    Hnsw,
    /// Linked by the crate hnsw_rs, on one thread
    #[value(name = "hnsw_rs")]
    HnswRs,
    /// No graph
    None,
}
