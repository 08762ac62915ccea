//! Flags of `wfgy_eval`.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use crate::environment;
use crate::options::{EmbedderName, EmbedderSource, PRINTS_CODES, Speech, StoreOption};

const EXAMPLES: &str = "\
Examples:
  wfgy_eval --gold gold_40.json --index docs_vB --min-cov 0.70 --max-ds 0.45
  wfgy_eval --gold gold_40.json --index docs_vB --policy cutover --baseline docs_live --out report/
  wfgy_eval --gold gold_40.json --index docs_vB --format junit \\
      --targets \"ds<=0.45,cov>=0.70,lambda=convergent\" > wfgy.xml
  wfgy_eval replay report/ --policy strict.toml
  wfgy_eval calibrate --gold gold_40.json --index docs_live --write policy.toml
  wfgy_eval power --questions 40 --effect 0.05 --policy cutover
  wfgy_eval diff report/baseline.runs.jsonl report/runs.jsonl
  wfgy_eval gold check --gold gold_40.json --index docs_vB
  wfgy_eval schema gold
  wfgy_eval preset cutover > policy.toml";

const EXIT_CODES: &str = "\
Exit codes:
  0    pass
  1    fail; gold check found problems
  2    usage, configuration or input error: damaged index, missing model, unknown name
  3    inconclusive: look at it
  4    could not evaluate: a service that does not answer, a full disk
  130  interrupted

A pass is filed in the store, bound to the content of the index, and vec acts on it.";

const CHECK_CODES: &str = "\
Exit codes:
  0    nothing found
  1    problems found
  2    usage or input error
  4    something could not be read
  130  interrupted";

const REPLAY_CODES: &str = "\
Exit codes:
  0    pass, which approves nothing: a replay is never filed
  1    fail
  2    usage or input error
  3    inconclusive
  4    something could not be read
  130  interrupted";

const CALIBRATE_CODES: &str = "\
Exit codes:
  0    done
  2    usage or input error
  3    too few questions were answered: no policy is written
  4    too many runs failed, or something could not be read or written
  130  interrupted";

/// Decides whether an index may go live.
#[derive(Debug, Parser)]
#[command(
    name = "wfgy_eval",
    version = crate::version::SHORT,
    long_version = crate::version::long(),
    before_help = EXAMPLES,
    after_help = format!("{EXIT_CODES}\n\n{}", environment::of_wfgy_eval()),
    subcommand_negates_reqs = true,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,

    #[command(flatten)]
    pub eval: EvalArgs,

    #[command(flatten)]
    pub speech: Speech,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Judges stored runs again, without asking the index; files nothing
    #[command(
        before_help = "\
Examples:
  wfgy_eval replay report/ --policy strict.toml
  wfgy_eval replay report/ --targets \"cov>=0.80\" --k 5",
        after_help = REPLAY_CODES
    )]
    Replay {
        /// Folder that --out wrote
        runs: PathBuf,
        #[command(flatten)]
        criteria: CriteriaArgs,
        /// Widen margins on drift by the noise floor that was measured over R rebuilds; 0: by none [default: the policy's noise_rebuilds; without --policy, as evaluated]
        #[arg(long, value_name = "R", conflicts_with = "no_baseline")]
        noise_floor: Option<usize>,
        /// Form of the output
        #[arg(long, value_name = "FORM", default_value = "table")]
        format: Format,
    },
    /// Shows one question: its wordings, hits with their text, where its targets rank, and what may be wrong
    #[command(
        before_help = "\
Examples:
  wfgy_eval explain Q_0007 --gold gold_40.json --index docs_vB",
        after_help = PRINTS_CODES
    )]
    Explain(super::explain::ExplainArgs),
    /// Proposes the bound on ΔS that separates right from unrelated text under this embedder
    #[command(
        before_help = "\
Examples:
  wfgy_eval calibrate --gold gold_40.json --index docs_live --write policy.toml",
        after_help = CALIBRATE_CODES
    )]
    Calibrate(super::calibrate::CalibrateArgs),
    /// Says how probable each finding is with so many questions, and how many questions it takes
    Power(super::power::PowerArgs),
    /// Lists the questions that two evaluations answer in different ways, with both hit lists
    #[command(
        before_help = "\
Examples:
  wfgy_eval diff report/baseline.runs.jsonl report/runs.jsonl
  wfgy_eval diff monday/ tuesday/ --k 5 --format json",
        after_help = PRINTS_CODES
    )]
    Diff {
        /// Folder that --out wrote, or a file of runs in one
        #[arg(value_name = "RUNS_A")]
        before: PathBuf,
        /// Another
        #[arg(value_name = "RUNS_B")]
        after: PathBuf,
        /// Hits that count [default: those of the second]
        #[arg(long, value_name = "N")]
        k: Option<usize>,
        /// Questions shown in text, those that lost most first; 0 for all
        #[arg(long, value_name = "N", default_value_t = 10)]
        limit: usize,
        /// Form of the output
        #[arg(long, value_name = "FORM", default_value = "text")]
        format: CheckFormat,
    },
    /// Ranking measures of a TREC run of any system, with trec_eval's digits
    #[command(
        before_help = "\
Examples:
  wfgy_eval trec --qrels qrels.txt --run run.txt
  wfgy_eval trec --qrels beir/qrels/test.tsv --run run.txt --k 10 --format json",
        after_help = PRINTS_CODES
    )]
    Trec(super::trec::TrecArgs),
    /// Work on gold sets
    Gold {
        #[command(subcommand)]
        command: GoldCommand,
    },
    /// Prints the JSON Schema of a file
    #[command(
        before_help = "\
Examples:
  wfgy_eval schema gold > gold.schema.json",
        after_help = PRINTS_CODES
    )]
    Schema {
        /// Which file
        file: SchemaName,
    },
    /// Prints a preset as the policy file that it is, to keep or to change
    #[command(
        before_help = "\
Examples:
  wfgy_eval preset cutover > policy.toml",
        after_help = PRINTS_CODES
    )]
    Preset {
        /// Which
        #[arg(value_name = "PRESET", value_parser = wfgy_formats::policy::PRESETS.map(|(name, _)| name))]
        name: String,
    },
    #[command(flatten)]
    Paperwork(crate::options::Paperwork),
}

#[derive(Debug, Subcommand)]
pub(crate) enum GoldCommand {
    /// Finds what is wrong with a gold set against an index
    #[command(
        before_help = "\
Examples:
  wfgy_eval gold check --gold gold_40.json --index docs_vB",
        after_help = CHECK_CODES
    )]
    Check {
        /// Gold set
        #[arg(long, value_name = "PATH")]
        gold: PathBuf,
        /// Index directory or alias
        #[arg(long, value_name = "DIR|ALIAS")]
        index: PathBuf,
        #[command(flatten)]
        source: EmbedderSource,
        /// Form of the output
        #[arg(long, value_name = "FORM", default_value = "text")]
        format: CheckFormat,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckFormat {
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaName {
    Gold,
    Policy,
    Verdict,
    Report,
}

/// What is demanded.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Criteria")]
pub(crate) struct CriteriaArgs {
    /// Mean coverage of the targets in the top k, at least: [0, 1]
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    pub min_cov: Option<f64>,

    /// Median ΔS(question, hit at rank 1) of every wording, at most: [0, 2]
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    pub max_ds: Option<f64>,

    /// Criteria in one string: "ds<=0.45,cov>=0.70,lambda=convergent"
    #[arg(long, value_name = "LIST")]
    pub targets: Option<String>,

    /// Policy file (TOML; .yml, .yaml and .json are YAML) or preset: cutover, canary, stop, rollback, recovery [default: the criteria given here; with none, cutover]
    #[arg(long, value_name = "FILE|PRESET")]
    pub policy: Option<String>,

    /// Skip, by name, every criterion that compares with a live index
    #[arg(long)]
    pub no_baseline: bool,

    /// Hits that count [default: the policy's, else 10]
    #[arg(long, value_name = "N")]
    pub k: Option<usize>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct EvalArgs {
    /// Gold set: JSON, JSONL, CSV, a BEIR folder, or a folder with TREC qrels and topics
    #[arg(long, value_name = "PATH", required = true, help_heading = "Evaluation")]
    pub gold: Option<PathBuf>,

    /// Index directory, or an alias of the store
    #[arg(long, value_name = "DIR|ALIAS", required = true, help_heading = "Evaluation")]
    pub index: Option<PathBuf>,

    #[command(flatten)]
    pub criteria: CriteriaArgs,

    /// The live index to compare with: its directory, or an alias of the store
    #[arg(
        long,
        value_name = "DIR|ALIAS",
        conflicts_with = "no_baseline",
        help_heading = "Evaluation"
    )]
    pub baseline: Option<PathBuf>,

    /// Link the index's graph anew R times, 2 to 20, and widen every margin on drift, never an absolute bound, by how much these differ [default: the policy's noise_rebuilds, else 0: none]
    #[arg(long, value_name = "R", requires = "baseline", help_heading = "Evaluation")]
    pub noise_floor: Option<usize>,

    /// Time single calls of both indexes, also where no criterion asks for it
    #[arg(long, help_heading = "Evaluation")]
    pub latency: bool,

    /// Take λ over what N graphs more answer, at most 20, linked anew over the index's vectors: luck in the build shows [default: the policy's rebuild_seeds, else 0: none]
    #[arg(long, value_name = "N", help_heading = "Evaluation")]
    pub rebuild_seeds: Option<usize>,

    /// Seeds: 0 leaves a wording as written, the others perturb it [default: the policy's, else 2]
    #[arg(long, value_name = "N", help_heading = "Evaluation")]
    pub seeds: Option<u64>,

    /// Compare stored vectors with their text: 64 of them, all, or none (then nothing is approved) [default: the policy's, else sample]
    #[arg(long, value_name = "HOW", help_heading = "Evaluation")]
    pub integrity: Option<IntegrityName>,

    #[command(flatten)]
    pub source: EmbedderSource,

    /// Folder where vectors of wordings and anchors are kept for the next evaluation (minilm and static); integrity and latency never look there [default: each is embedded anew]
    #[arg(long, value_name = "DIR", help_heading = "Embedder")]
    pub text_cache: Option<PathBuf>,

    /// Another embedder for ΔS [default: the index's own]
    #[arg(long, value_name = "NAME", help_heading = "Evaluation")]
    pub scorer: Option<EmbedderName>,

    /// The scorer's model: a folder, or a name for openai and precomputed
    #[arg(long, value_name = "DIR|NAME", requires = "scorer", help_heading = "Evaluation")]
    pub scorer_model: Option<String>,

    /// The scorer's service
    #[arg(long, value_name = "URL", requires = "scorer", help_heading = "Evaluation")]
    pub scorer_url: Option<String>,

    /// The scorer's precomputed vectors
    #[arg(long, value_name = "FILE.npy", requires = "scorer", help_heading = "Evaluation")]
    pub scorer_vectors: Option<PathBuf>,

    /// Folder for verdict.json, report.json, runs.jsonl, timings.jsonl, baseline.runs.jsonl, latency.jsonl
    #[arg(long, value_name = "DIR", help_heading = "Results")]
    pub out: Option<PathBuf>,

    /// Also write texts.jsonl and vectors.npy of wordings and anchors to --out
    #[arg(long, requires = "out", help_heading = "Results")]
    pub export_vectors: bool,

    /// Do not file the verdict in the store; it approves nothing
    #[arg(long, help_heading = "Results")]
    pub no_file: bool,

    /// Say what may be wrong even where the verdict is pass
    #[arg(long, help_heading = "Results")]
    pub diagnose: bool,

    /// Form of what is printed
    #[arg(long, value_name = "FORM", default_value = "table", help_heading = "Results")]
    pub format: Format,

    /// Write the hits of wording 0, seed 0 as a TREC run
    #[arg(long, value_name = "FILE", help_heading = "Results")]
    pub trec_run: Option<PathBuf>,

    /// What the TREC run names, each once, at the rank of its first snippet
    #[arg(
        long,
        value_name = "LEVEL",
        default_value = "document",
        requires = "trec_run",
        help_heading = "Results"
    )]
    pub trec_level: TrecLevel,

    /// Keep every text of corpus and gold set out of every output
    #[arg(long, help_heading = "Results")]
    pub redact: bool,

    #[command(flatten)]
    pub store: StoreOption,

    /// Threads [default: one a core]
    #[arg(long, value_name = "N", help_heading = "Evaluation")]
    pub threads: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum IntegrityName {
    Sample,
    Full,
    Off,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TrecLevel {
    Document,
    Section,
    Snippet,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Table,
    /// The verdict file
    Json,
    /// A line a finding, then the verdict
    Jsonl,
    /// For CI: fail is a failure, inconclusive an error
    Junit,
    /// For a pull request
    Markdown,
}
