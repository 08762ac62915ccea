//! The program `index_build`: builds, verifies and shows index directories.

mod args;
mod inspect;

use std::cell::{Cell, RefCell};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory, Parser};
use wfgy_core::Metric;
use wfgy_formats::corpus::{self, Corpus};
use wfgy_index::{
    AnnChoice, AnnKind, BuildError, BuildOptions, Chunk, HnswParams, Manifest, Progress, Replace,
    Tool,
};
use wfgy_pointer::{LocalPointer, named_by};

use crate::exit::{self, Failure};
use crate::plain::plain;
use crate::{clock, embedder, kernel_path, paperwork, place, say, terminal, version};
use args::{AnnName, BuildArgs, Cli, Command, MetricName, SchemaName};

/// Snippets of a corpus that says nothing else: 128 tokens, overlapping by 32.
const CHUNK: Chunk = Chunk::Windows { size: 128, overlap: 32 };

/// Runs it.
pub fn main() -> ExitCode {
    let done = kernel_path::select().and_then(|()| {
        let cli = Cli::parse();
        terminal::start_log(&cli.speech);
        kernel_path::log_refusals();
        dispatch(&cli)
    });
    exit::finish("index_build", done)
}

fn dispatch(cli: &Cli) -> Result<(), Failure> {
    match &cli.command {
        None => terminal::on_threads(cli.build.threads, || build(&cli.build)),
        Some(Command::Verify { index }) => inspect::verify(index, &cli.build.store.open()),
        Some(Command::Inspect { index, format }) => {
            inspect::inspect(index, &cli.build.store.open(), *format)
        }
        Some(Command::Schema { file: SchemaName::Corpus }) => say::out(corpus::SCHEMA),
        Some(Command::Paperwork(paperwork)) => paperwork::print(paperwork, Cli::command()),
    }
}

fn build(args: &BuildArgs) -> Result<(), Failure> {
    let (Some(input), Some(out)) = (&args.input, &args.out) else {
        return Err(Failure::input("--input and --out are both needed"));
    };
    if input.as_os_str() == "-" {
        return Err(Failure::input(
            "--input -: a corpus is looked at before it is read, so it cannot come from a pipe; \
             write it to a file (.gz and .zst are read as they are)",
        ));
    }
    let store = if args.force { args.store.writable()? } else { args.store.open() };
    place::new("--out", out, Some(store.path()))?;
    if let Some(folder) = out.parent().filter(|folder| !folder.as_os_str().is_empty())
        && !folder.exists()
    {
        let (out, folder) = (out.display(), folder.display());
        return Err(Failure::input(format!("--out {out}: no folder {folder}; make it first")));
    }
    let chunk = match &args.chunk {
        Some(name) => name.parse().map_err(|e| Failure::input(format!("--chunk: {e}")))?,
        None if corpus::is_beir(input).map_err(Failure::input)? => Chunk::None,
        None => CHUNK,
    };
    let analyzer = args.analyzer.parse().map_err(|e| Failure::input(format!("--analyzer: {e}")))?;
    let created = clock::now()?;
    let prefixes = embedder::Prefixes {
        query: args.query_prefix.clone(),
        passage: args.passage_prefix.clone(),
    };
    let opened = embedder::named(args.embedder, &args.source, &prefixes)?;
    if let Some(notice) = &opened.notice {
        say::note(notice);
    }
    let interrupt = terminal::Interrupt::listen()?;
    let patience = Duration::from_secs(args.source.embed_timeout);
    let options = BuildOptions {
        metric: match args.metric {
            MetricName::Cosine => Metric::Cosine,
            MetricName::Dot => Metric::Dot,
            MetricName::L2 => Metric::L2,
        },
        analyzer,
        chunk,
        ann: ann(args),
        embedder_name: opened.name.to_owned(),
        tool: Tool {
            version: version::SHORT.to_owned(),
            created_at: created.at.to_string(),
            build_id: args.build_id.clone(),
            git_sha: args.git_sha.clone(),
            ..Tool::default()
        },
        deadline: clock::within(patience).or(Some(interrupt.stop())),
    };
    tracing::info!(
        embedder = %plain(&opened.embedder.identity().model_ver),
        chunk = %options.chunk,
        analyzer = %options.analyzer,
        input = %plain(input.display()),
        "building"
    );
    // Between the last look at the aliases and the exchange of the directories no flip may come:
    // the lock of that look, and of no earlier one, is held until the build is over.
    let (held, finishing) = (RefCell::new(None), Cell::new(false));
    let in_use = |directory: &Path| {
        if !store.path().exists() {
            return None;
        }
        let deadline = clock::within(clock::STORE_PATIENCE);
        let named = store.lock(deadline).map_err(|error| error.to_string()).and_then(|lock| {
            if finishing.get() {
                held.replace(Some(lock));
            }
            named_by(&store, &LocalPointer::new(store.path()), directory, deadline)
                .map_err(|error| error.to_string())
        });
        match named {
            Ok(named) => named.first().map(|named| {
                let what = if named.live { "points to it" } else { "can be rolled back to it" };
                format!("alias `{}` {what}; build under another name", named.alias)
            }),
            Err(error) => Some(format!("whether an alias names it is not known: {error}")),
        }
    };
    let replace = if args.force { Replace::Unless(&in_use) } else { Replace::Never };
    let documents = Corpus::open(input).map_err(Failure::input)?;
    let meter = documents.meter();
    let skipped = skipped(&documents);
    let embedding = terminal::Rated::new("embed", "snippets");
    let mut linking = None;
    let mut report = |progress: Progress| {
        match progress {
            Progress::Embedding { snippets, share, .. } => {
                embedding.show(snippets, meter.share() * share);
            }
            Progress::Allocating { snippets, bytes } => {
                embedding.clear();
                say::note(&format!(
                    "a graph over {snippets} snippets takes about {:.0} MiB of memory to link",
                    bytes as f64 / f64::from(1 << 20)
                ));
            }
            Progress::Linking { done, total } => linking
                .get_or_insert_with(|| {
                    embedding.clear();
                    terminal::progress("graph", "snippets", total)
                })
                .set_position(done),
            Progress::Finishing => {
                embedding.clear();
                finishing.set(true);
            }
        }
        if interrupt.asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let built =
        wfgy_index::build(documents, opened.embedder.as_ref(), &options, out, replace, &mut report);
    embedding.clear();
    if let Some(bar) = &linking {
        bar.finish_and_clear();
    }
    let manifest = built.map_err(|error| match interrupt.asked() {
        true => Failure::interrupted(),
        false => failure(error, input),
    })?;
    tracing::info!(
        index_hash = %manifest.index_hash,
        serving_hash = %manifest.serving_hash,
        "index in place"
    );
    say::out(&format!("{}{}", summary(out, &manifest), skipped))
}

/// What a folder of texts holds that was not read, in one line; empty where there is nothing.
fn skipped(documents: &Corpus) -> String {
    let kinds = documents.skipped();
    if kinds.is_empty() {
        return String::new();
    }
    let total: u64 = kinds.values().sum();
    let entries = if total == 1 { "entry" } else { "entries" };
    let list: Vec<String> = kinds.iter().map(|(kind, n)| format!("{n} {kind}")).collect();
    format!("skipped {total} {entries} of the folder: {}\n", plain(list.join(", ")))
}

fn ann(args: &BuildArgs) -> AnnChoice {
    let BuildArgs { m, ef_construction, ef, ann_seed, .. } = *args;
    let params = HnswParams { m, ef_construction, ef, seed: ann_seed.into() };
    match args.ann {
        Some(AnnName::None) => AnnChoice::None,
        Some(AnnName::Hnsw) => AnnChoice::Graph(AnnKind::Hnsw, params),
        Some(AnnName::HnswRs) => AnnChoice::Graph(AnnKind::HnswRs, params),
        None if params == HnswParams::default() => AnnChoice::Auto,
        // Who sets up a graph wants one.
        None => AnnChoice::Graph(AnnKind::Hnsw, params),
    }
}

/// What was built.
fn summary(out: &Path, manifest: &Manifest) -> String {
    let (identity, counts) = (&manifest.identity, &manifest.counts);
    let mut text = format!(
        "{}: {} documents, {} sections, {} snippets of {} values, {} {}\n",
        plain(out.display()),
        identity.n_documents,
        counts.sections,
        identity.n_snippets,
        identity.embed_dim,
        plain(&identity.embed_model_ver),
        identity.metric
    );
    if counts.sections_without_tokens > 0 {
        let n = counts.sections_without_tokens;
        text.push_str(&format!("{n} sections hold no token and gave no snippet\n"));
    }
    if counts.truncated > 0 {
        text.push_str(&format!("{} snippets were cut at the embedder's limit\n", counts.truncated));
    }
    text.push_str(&match &manifest.serving.ann {
        None => "served by the exact sweep\n".to_owned(),
        Some(ann) => format!(
            "served by {} m {} ef_construction {} ef {}, {:.1} MiB\n",
            ann.kind,
            ann.m,
            ann.ef_construction,
            ann.ef,
            counts.graph_bytes as f64 / f64::from(1 << 20)
        ),
    });
    text.push_str(&format!("INDEX_HASH {}\n", manifest.index_hash));
    text
}

fn failure(error: BuildError, input: &Path) -> Failure {
    match error {
        BuildError::Interrupted => Failure::interrupted(),
        BuildError::Write(_) | BuildError::Mapped(_) | BuildError::Graph(_) => {
            Failure::unable(error)
        }
        BuildError::Embed { source } => Failure::port(&source),
        BuildError::NoSnippet { .. } | BuildError::TooMany => {
            Failure::input(format!("{}: {error}", input.display()))
        }
        _ => Failure::input(error),
    }
}
