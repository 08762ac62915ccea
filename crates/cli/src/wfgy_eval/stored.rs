//! Evaluations that `--out` wrote, read again.

use std::path::{Path, PathBuf};

use wfgy_formats::report::{self, Report};
use wfgy_formats::runs;

use super::judged::{Arm, Beside};
use crate::exit::Failure;

/// The runs of the index that was judged.
const RUNS: &str = "runs.jsonl";
/// Those of the baseline.
pub(crate) const BASELINE_RUNS: &str = "baseline.runs.jsonl";

/// A folder that `--out` wrote.
pub(crate) struct Stored {
    /// It.
    pub folder: PathBuf,
    /// Its report.
    pub report: Report,
}

impl Stored {
    /// Opens the folder, or the one that a file of it stands in.
    ///
    /// # Errors
    /// Where it holds no report of this version.
    pub(crate) fn open(named: &Path) -> Result<Self, Failure> {
        let folder = match named.is_file() {
            true => named.parent().unwrap_or(Path::new(".")).to_owned(),
            false => named.to_owned(),
        };
        let report = report::read(folder.join("report.json")).map_err(Failure::input)?;
        Ok(Self { folder, report })
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
