//! A live evaluation, from flags to exit code.

use std::path::Path;

use wfgy_core::{Embedder, Store, TextCache, Unit};
use wfgy_embed::TextCacheFolder;
use wfgy_engine::{
    CALLS, EvaluateError, Evaluation, OnProgress, Parts, Progress, Rebuilds, Settings,
    evaluate_pair, evaluate_rebuilt, measure_latency,
};
use wfgy_formats::gold;
use wfgy_gate::{Circumstances, EffectivePolicy, Unusable, Verdict, VerdictFile};
use wfgy_pointer::{FilingError, StoreDir, VerdictStore};

use super::args::{EvalArgs, Format};
use super::baseline::OpenedBaseline;
use super::judged::{Arm, Beside, Judged};
use super::standing::Standing;
use super::{baseline, explain, output, policy};
use crate::clock::{self, Now};
use crate::embedder::{self, Opened, Prefixes};
use crate::exit::{self, Failure};
use crate::options::EmbedderSource;
use crate::plain::plain;
use crate::recovery::Recovery;
use crate::target;
use crate::{place, say, terminal};

/// What an interrupt comes to.
const INTERRUPTED: &str = "interrupted; nothing was filed";

/// Evaluates, files and prints; the exit code is the verdict's.
///
/// # Errors
/// Everything that is no pass.
pub(crate) fn run(args: &EvalArgs) -> Result<(), Failure> {
    let result = terminal::on_threads(args.threads, || judged(args));
    match result {
        Ok((judged, file)) => {
            output::print(args.format, &judged, &file).map_err(|failure| {
                // What stands in the store stands, also where nobody could be told.
                let filed = judged.filed.as_deref().unwrap_or("nothing was filed");
                let verdict = judged.decision.verdict;
                let message = format!("the verdict is {verdict}, {filed}; {}", failure.message);
                Failure { message, ..failure }
            })?;
            match judged.decision.verdict.exit_code() {
                0 => Ok(()),
                code => Err(Failure::silent(code)),
            }
        }
        Err(failure) => {
            if args.format == Format::Junit {
                let index = args.index.as_deref().unwrap_or(Path::new("")).display().to_string();
                say::out(&wfgy_formats::junit::of_no_verdict(&index, &failure.message))?;
            }
            Err(failure)
        }
    }
}

fn judged(args: &EvalArgs) -> Result<(Judged, VerdictFile), Failure> {
    let (Some(gold_path), Some(index_name)) = (&args.gold, &args.index) else {
        return Err(Failure::input("--gold and --index are both needed"));
    };
    let store = if args.no_file { args.store.open() } else { args.store.writable()? };
    if let Some(file) = &args.trec_run {
        output::check_trec_run(file, store.path(), args.out.as_deref())?;
    }
    if let Some(folder) = &args.text_cache {
        output::check_apart("--text-cache", folder, args.out.as_deref())?;
    }
    // First of all, so that whatever this evaluation comes to no verdict of another stands there.
    if let Some(folder) = &args.out {
        output::check_folder(folder, store.path())?;
        output::clear_folder(folder)?;
    }
    let began = clock::now()?;
    let mut draft = policy::draft(&args.criteria)?;
    if let Some(seeds) = args.seeds {
        draft.seeds = usize::try_from(seeds).map_err(Failure::input)?;
    }
    draft.rebuild_seeds = args.rebuild_seeds.unwrap_or(draft.rebuild_seeds);
    draft.noise_rebuilds = args.noise_floor.unwrap_or(draft.noise_rebuilds);
    if let Some(integrity) = args.integrity {
        draft.integrity = integrity.into();
    }
    let gold = gold::read(gold_path).map_err(|error| match args.redact {
        true => Failure::input(error.redacted(&gold::KEYS)),
        false => Failure::input(error),
    })?;
    tracing::info!(questions = gold.items.len(), gold = %plain(gold_path.display()), "gold set read");
    let opened = target::open(index_name, &store)?;
    tracing::info!(
        directory = %plain(opened.directory.display()),
        index_hash = %opened.index.manifest().index_hash,
        snippets = opened.index.n_snippets(),
        "index opened, every file as its hash says"
    );
    let queries = embedder::of_index(&opened.index, &args.source)?;
    let scorer_source = EmbedderSource {
        model: args.scorer_model.clone(),
        embedder_url: args.scorer_url.clone(),
        vectors: args.scorer_vectors.clone(),
        embed_timeout: args.source.embed_timeout,
    };
    let scorer = args
        .scorer
        .map(|name| embedder::named(name, &scorer_source, &Prefixes::default()))
        .transpose()
        .map_err(|failure| Failure {
            message: format!("--scorer: {}", failure.message),
            ..failure
        })?;
    for notice in scorer.iter().filter_map(|scorer| scorer.notice.as_ref()) {
        say::note(&format!("wfgy_eval: scorer {notice}"));
    }
    let scorer_ref: &dyn Embedder = scorer.as_ref().unwrap_or(&queries).embedder.as_ref();
    let (scorer_ver, scorer_schema) = policy::scorer_names(scorer_ref);
    let said = policy::baseline(args.baseline.is_some(), args.criteria.no_baseline);
    let effective = policy::effective(draft, said, scorer_ver, scorer_schema)?;
    let baseline = args.baseline.as_deref();
    let baseline = baseline
        .map(|name| OpenedBaseline::open(name, &store, &queries, &args.source))
        .transpose()?;
    let arms = baseline.as_ref().map(|arm| &arm.own);
    let cache = args.text_cache.as_deref().map(|folder| {
        let asked = [Some(&queries), scorer.as_ref(), arms.and_then(Option::as_ref)];
        text_cache(folder, &store, asked.into_iter().flatten())
    });
    let cache = cache.transpose()?;
    // Only once everything is at hand: what cannot be evaluated makes no store.
    let began_seq = match args.no_file {
        true => None,
        false => Some(filing(VerdictStore::new(&store).begin(patience()))?),
    };

    tracing::info!(
        policy = %effective.digest().map_err(Failure::unable)?,
        k = effective.k,
        seeds = effective.seeds,
        scorer = %plain(&effective.scorer),
        "policy"
    );
    let mut settings = Settings::new(effective.k, effective.seeds);
    settings.integrity = effective.integrity;
    settings.redact = args.redact;
    settings.call_timeout = Some(std::time::Duration::from_secs(args.source.embed_timeout));
    let parts = Parts {
        scorer: scorer_ref,
        scorer_embeds_any_text: scorer.as_ref().unwrap_or(&queries).embeds_any_text,
        cache: cache.as_ref().map(|cache| cache as &dyn TextCache),
        ..queries.parts(&gold, &opened.index)
    };
    let other = baseline.as_ref().map(|arm| arm.parts(parts, &queries, scorer.as_ref()));
    let timed = args.latency || asks_for_latency(&effective);
    let evaluated = watched(&settings, gold_path, |settings, progress| {
        let graph = |seed| baseline::relinked(&opened.index, seed, progress);
        let noise = if other.is_some() { effective.noise_rebuilds } else { 0 };
        let rebuilds = Rebuilds { noise, seeds: effective.rebuild_seeds, graph: &graph };
        let rebuilds = (rebuilds.noise + rebuilds.seeds > 0).then_some(rebuilds);
        let (evaluation, beside) = match other {
            None => (evaluate_rebuilt(parts, rebuilds, settings, progress)?, None),
            Some(other) => {
                let pair = evaluate_pair(parts, other, rebuilds, settings, progress)?;
                (pair.candidate, Some((pair.baseline, pair.noise)))
            }
        };
        let latency = match timed {
            true => measure_latency(parts, other, CALLS, settings, progress)?,
            false => Vec::new(),
        };
        Ok((evaluation, beside, latency))
    });
    let (evaluation, other, latency) = evaluated?;
    let ended = clock::now()?;

    let Evaluation { mut context, runs, timings, exports, .. } = evaluation;
    tracing::info!(runs = runs.len(), "evaluated");
    context.index = index_name.display().to_string();
    let candidate = Arm { context, runs };
    let arm = |(arm, (evaluation, noise)): (&OpenedBaseline, (Evaluation, _))| {
        let Evaluation { mut context, runs, .. } = evaluation;
        context.index = arm.name.clone();
        Beside { arm: Arm { context, runs }, noise }
    };
    let other = baseline.as_ref().zip(other).map(arm);
    let mut judged = Judged::of(candidate, other, latency, effective, opened.directory.clone())?;
    judged.remark = shallow(&judged, &opened.index);
    if args.diagnose || judged.decision.verdict != Verdict::Pass {
        let live = baseline.as_ref().map(|arm| &arm.opened.index as &dyn Store);
        let Arm { context, runs } = &judged.candidate;
        judged.diagnosis = watched(&settings, gold_path, |settings, _| {
            Ok(explain::diagnosed(&parts, settings, context, runs, live))
        })?;
    }
    let file = verdict_file(&judged, args, &store, began, ended, began_seq)?;
    let results = match &args.out {
        None => None,
        Some(folder) => {
            let vectors = args.export_vectors.then_some(&exports);
            Some(output::write_folder(folder, &judged, &file, &timings, vectors)?)
        }
    };
    if let Some(path) = &args.trec_run {
        output::write_trec_run(path, &judged.candidate, args.trec_level)?;
    }
    // The last look before filing: what was judged is what is there.
    for index in std::iter::once(&opened).chain(baseline.as_ref().map(|arm| &arm.opened)) {
        index.index.unchanged(patience()).map_err(Failure::input)?;
    }
    judged.unusable = file.measured.unusable;
    judged.latency = wfgy_engine::latency(&timings);
    if file.measured.unusable.is_none() {
        judged.standing = Some(Standing::of(&store, &file, &opened.directory)?);
    }
    if terminal::Interrupt::listen()?.asked() {
        return Err(interrupted());
    }
    // From here on nothing takes the verdict back.
    let filed = file_verdict(&file, &store)?;
    if let Some(results) = results {
        results.put_in_place(&filed)?;
    }
    judged.filed = Some(filed);
    Ok((judged, file))
}

/// Where k is half of the index or more, random hits cover much of any target.
fn shallow(judged: &Judged, index: &dyn Store) -> Option<String> {
    let (n, unit) = match judged.evidence.unit {
        Unit::Snippet => (index.n_snippets(), "snippets"),
        Unit::Document => (index.n_documents(), "documents"),
    };
    let k = judged.evidence.k;
    (2 * k >= n).then(|| {
        format!("k = {k} of only {n} {unit} in the index: coverage proves little; lower --k")
    })
}

/// Whether a criterion can be decided by a latency pass only.
fn asks_for_latency(policy: &EffectivePolicy) -> bool {
    policy.criteria.iter().any(|criterion| criterion.metric.starts_with("latency."))
}

/// Evaluates under a progress bar. An interrupt ends the process, which has filed nothing yet:
/// between two steps at once, within a step when its part looks at the deadline.
pub(crate) fn watched<T>(
    settings: &Settings,
    gold: &Path,
    work: impl FnOnce(&Settings, OnProgress<'_>) -> Result<T, EvaluateError>,
) -> Result<T, Failure> {
    let interrupt = terminal::Interrupt::listen()?;
    let stages = terminal::Stages::default();
    let progress = |progress: Progress| {
        if interrupt.asked() {
            stages.clear();
            say::note(&format!("wfgy_eval: {INTERRUPTED}"));
            std::process::exit(130);
        }
        stages.show(progress.stage, progress.done, progress.total);
    };
    let settings = Settings { stop: Some(interrupt.stop()), ..settings.clone() };
    let result = work(&settings, &progress);
    stages.clear();
    if interrupt.asked() {
        return Err(interrupted());
    }
    result.map_err(|error| match (&error, settings.redact) {
        // A service may repeat what it was asked.
        (EvaluateError::Port { stage, .. }, true) => {
            let message = format!("{stage}: a part failed; its message is redacted");
            Failure { code: if error.is_input() { 2 } else { 4 }, message }
        }
        _ => engine_failure(error, gold),
    })
}

fn interrupted() -> Failure {
    Failure { message: INTERRUPTED.to_owned(), ..Failure::interrupted() }
}

/// The cache of `--text-cache`, for embedders whose identity has all that their vectors rest on.
fn text_cache<'a>(
    folder: &Path,
    store: &StoreDir,
    mut embedders: impl Iterator<Item = &'a Opened>,
) -> Result<TextCacheFolder, Failure> {
    if embedders.any(|opened| !matches!(opened.name, "minilm" | "static")) {
        return Err(Failure::input(
            "--text-cache: the model behind a service or a file of vectors can change under its \
             name; leave it out",
        ));
    }
    place::folder("--text-cache", folder, Some(store.path()))?;
    TextCacheFolder::open(folder).map_err(Failure::input)
}

/// Input errors are the user's, everything else the world's; those of the gold set name its file.
pub(crate) fn engine_failure(error: EvaluateError, gold: &Path) -> Failure {
    if matches!(error, EvaluateError::Gold { .. }) {
        return Failure::input(format!("{}: {error}", gold.display()));
    }
    match &error {
        EvaluateError::Port { source, .. } if !source.is_input() => {
            Failure::unable(format!("{error}{}", exit::advice(source)))
        }
        _ if error.is_input() => Failure::input(error),
        _ => Failure::unable(error),
    }
}

fn verdict_file(
    judged: &Judged,
    args: &EvalArgs,
    store: &StoreDir,
    began: Now,
    ended: Now,
    began_seq: Option<u64>,
) -> Result<VerdictFile, Failure> {
    let unusable = match (args.no_file, began.from_environment || ended.from_environment) {
        (true, _) => Some(Unusable::NotFiled),
        (false, true) => Some(Unusable::SourceDateEpoch),
        (false, false) => None,
    };
    let subject = wfgy_gate::Subject::of(&judged.evidence.pins).map_err(Failure::input)?;
    let earlier = match args.no_file {
        true => None,
        false => Some(filing(
            VerdictStore::new(store).evaluations(subject.index_hash, subject.serving_hash),
        )?),
    };
    let circumstances = Circumstances {
        runs_digest: judged.candidate.digest()?,
        engine_version: crate::version::SHORT.to_owned(),
        index: judged.candidate.context.index.clone(),
        baseline: judged.baseline.as_ref().map(|beside| beside.arm.named()).transpose()?,
        began: began.at,
        ended: ended.at.max(began.at),
        host: clock::host(),
        kernel_path: wfgy_kernel::Isa::active().name().to_owned(),
        began_seq,
        earlier_evaluations: earlier,
        unusable,
    };
    VerdictFile::new(&judged.policy, &judged.evidence, judged.decision.clone(), circumstances)
        .map_err(Failure::unable)
}

/// Files a verdict that may be filed, and says what became of it.
fn file_verdict(file: &VerdictFile, store: &StoreDir) -> Result<String, Failure> {
    let recovery = Recovery::watch(store);
    if let Some(why) = file.measured.unusable {
        return Ok(format!("not filed: {why}; it approves nothing"));
    }
    let filed =
        filing(VerdictStore::new(store).file(file, clock::wall()?, &clock::who(), patience()))?;
    recovery.say("wfgy_eval");
    Ok(format!("filed as {} (journal record {})", filed.path.display(), filed.seq))
}

pub(crate) fn filing<T>(result: Result<T, FilingError>) -> Result<T, Failure> {
    // A store that cannot be used is no verdict on the index: never exit 1.
    result.map_err(|error| Failure {
        code: if error.exit_code() == 4 { 4 } else { 2 },
        message: error.to_string(),
    })
}

fn patience() -> wfgy_core::Deadline {
    clock::within(clock::STORE_PATIENCE)
}
