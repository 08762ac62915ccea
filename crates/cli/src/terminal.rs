//! Progress on a terminal, silence in a pipe; logging; interrupts.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use wfgy_core::Stop;

use crate::environment;
use crate::exit::Failure;
use crate::options::{LogFormat, Speech};

/// Makes a file-size limit an error of the write that meets it, as a full disk is, instead of
/// the end of the process with half a file left behind.
pub(crate) fn survive_file_size_limit() {
    // Where the handler cannot be installed the process ends as it did before.
    let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::default());
}

/// Starts logging to standard error: warnings always, steps with -v, details with -vv.
pub(crate) fn start_log(speech: &Speech) {
    survive_file_size_limit();
    let level = match speech.verbose {
        0 => tracing::Level::WARN,
        1 => tracing::Level::INFO,
        _ => tracing::Level::DEBUG,
    };
    let colour = std::io::stderr().is_terminal() && environment::NO_COLOR.read().is_none();
    let builder = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .with_ansi(colour)
        .with_target(false);
    // Only the first subscriber of a process counts; a second start is harmless.
    let _ = match speech.log_format {
        LogFormat::Text => builder.without_time().try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
}

/// A flag that the first interrupt sets; the second ends the process at once.
#[derive(Clone, Copy)]
pub(crate) struct Interrupt(&'static Arc<AtomicBool>);

impl Interrupt {
    /// Listens for SIGINT and SIGTERM, from the first call on for the rest of the process: what
    /// came between two of its steps is seen by the next.
    ///
    /// # Errors
    /// Where the handlers cannot be installed.
    pub(crate) fn listen() -> Result<Self, Failure> {
        static LISTENS: OnceLock<Result<Arc<AtomicBool>, String>> = OnceLock::new();
        let listens = LISTENS.get_or_init(|| {
            let flag: Arc<AtomicBool> = Arc::default();
            for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
                signal_hook::flag::register_conditional_shutdown(signal, 130, flag.clone())
                    .and_then(|_| signal_hook::flag::register(signal, flag.clone()))
                    .map_err(|error| error.to_string())?;
            }
            Ok(flag)
        });
        listens.as_ref().map(Self).map_err(Failure::unable)
    }

    /// Whether it was asked to stop.
    pub(crate) fn asked(self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// The same for those who wait or work for long.
    pub(crate) fn stop(self) -> Stop {
        Stop::when(self.0)
    }
}

/// A bar with rate and ETA; nothing where standard error is no terminal.
pub(crate) fn progress(what: &'static str, unit: &str, total: u64) -> ProgressBar {
    bar(total, &format!("{what} {{wide_bar}} {{pos}}/{{len}} {unit}  {{rate}}  ETA {{eta}}"))
}

fn bar(total: u64, template: &str) -> ProgressBar {
    let bar = ProgressBar::new(total);
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let rate = |state: &ProgressState, out: &mut dyn std::fmt::Write| {
        // A bar that cannot be drawn is no reason to stop.
        let _ = write!(out, "{:.0}/s", state.per_sec());
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.with_key("rate", rate));
    }
    bar
}

/// A bar for work whose items are counted and whose total is known as a share only.
pub(crate) struct Rated {
    bar: ProgressBar,
    unit: &'static str,
    begun: Instant,
}

impl Rated {
    /// Steps of the bar.
    const STEPS: f64 = 10_000.0;

    pub(crate) fn new(what: &str, unit: &'static str) -> Self {
        let template = format!("{what} {{wide_bar}} {{percent}} %  {{msg}}  ETA {{eta}}");
        Self { bar: bar(Self::STEPS as u64, &template), unit, begun: Instant::now() }
    }

    /// Shows that `items` are done, which is `share` of all, in [0, 1].
    pub(crate) fn show(&self, items: u64, share: f64) {
        let rate = items as f64 / self.begun.elapsed().as_secs_f64().max(1e-3);
        self.bar.set_message(format!("{items} {}  {rate:.0}/s", self.unit));
        self.bar.set_position((share * Self::STEPS) as u64);
    }

    /// Takes it away.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

/// Runs `work` on a pool of `threads` threads; one a core where it is not said.
///
/// # Errors
/// Where the pool cannot be made, or the work fails.
pub(crate) fn on_threads<T: Send>(
    threads: Option<usize>,
    work: impl FnOnce() -> Result<T, Failure> + Send,
) -> Result<T, Failure> {
    if threads == Some(0) {
        return Err(Failure::input("--threads: 0 threads do no work; give 1 or more"));
    }
    let mut pool = rayon::ThreadPoolBuilder::new();
    if let Some(threads) = threads {
        pool = pool.num_threads(threads);
    }
    pool.build().map_err(Failure::unable)?.install(work)
}

/// One bar after the other for work that has stages.
#[derive(Default)]
pub(crate) struct Stages(std::sync::Mutex<Option<(&'static str, ProgressBar)>>);

impl Stages {
    /// Shows how far a stage has come.
    pub(crate) fn show(&self, stage: &'static str, done: usize, total: usize) {
        let Ok(mut current) = self.0.lock() else { return };
        let bar = match &*current {
            Some((name, bar)) if *name == stage => bar,
            other => {
                if let Some((_, bar)) = other {
                    bar.finish_and_clear();
                }
                &current.insert((stage, progress(stage, "", total as u64))).1
            }
        };
        bar.set_position(done as u64);
    }

    /// Takes the last bar away.
    pub(crate) fn clear(&self) {
        if let Ok(mut current) = self.0.lock()
            && let Some((_, bar)) = current.take()
        {
            bar.finish_and_clear();
        }
    }
}
