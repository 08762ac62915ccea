//! Evaluations that `--out` wrote, read again.

use std::path::{Path, PathBuf};

use wfgy_formats::report::{self, Report};
use wfgy_formats::runs;

use super::judged::{Arm, Beside};
use crate::exit::Failure;

/// The runs of the index that was judged.
const RUNS: &str = "runs.jsonl";
/// Those of the baseline.
const BASELINE_RUNS: &str = "baseline.runs.jsonl";

/// A folder that `--out` wrote.
pub(crate) struct Stored {
    /// It.
    pub folder: PathBuf,
    /// Its report.
    pub report: Report,
    /// Whether the baseline's runs were named, rather than the folder or the candidate's.
    pub names_baseline: bool,
}

impl Stored {
    /// Opens the folder, or the one that the runs of an arm stand in.
    ///
    /// # Errors
    /// Where another file is named, or the folder holds no report of this version.
    pub(crate) fn open(named: &Path) -> Result<Self, Failure> {
        let is = |name: &str| named.file_name().is_some_and(|file| file == name);
        let (folder, names_baseline) = match named.is_file() {
            true if is(RUNS) || is(BASELINE_RUNS) => {
                let parent = named.parent().filter(|parent| !parent.as_os_str().is_empty());
                (parent.unwrap_or(Path::new(".")).to_owned(), is(BASELINE_RUNS))
            }
            // Runs under another name are read by nobody: those beside them would be judged.
            true => {
                return Err(Failure::input(format!(
                    "{}: name the folder that --out wrote, or {RUNS} or {BASELINE_RUNS} in it",
                    named.display()
                )));
            }
            false => (named.to_owned(), false),
        };
        let report = report::read(folder.join("report.json")).map_err(Failure::input)?;
        Ok(Self { folder, report, names_baseline })
    }

    /// The arm that was judged.
    ///
    /// # Errors
    /// Where its runs cannot be read.
    pub(crate) fn candidate(&self) -> Result<Arm, Failure> {
        let runs = runs::read_runs(self.folder.join(RUNS)).map_err(Failure::input)?;
        Ok(Arm { context: self.report.context.clone(), runs })
    }

    /// The arm that it was compared with; `None` where it was judged alone.
    ///
    /// # Errors
    /// Where its runs cannot be read.
    pub(crate) fn baseline(&self) -> Result<Option<Beside>, Failure> {
        let Some(arm) = &self.report.baseline else { return Ok(None) };
        let runs = runs::read_runs(self.folder.join(BASELINE_RUNS)).map_err(Failure::input)?;
        let (context, noise) = (arm.context.clone(), arm.noise.clone());
        Ok(Some(Beside { arm: Arm { context, runs }, noise }))
    }
}
