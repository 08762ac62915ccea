//! `report.json`: everything that was measured, and what a replay needs beside the runs.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use wfgy_core::evaluation::{Context, Curves, Latency, Noise};
use wfgy_core::{Digest, Number};
use wfgy_gate::{Comparison, Finding, Pairing, PinPair};

use crate::InputError;
use crate::durable::{Prepared, WriteError};
use crate::verdict::{prepare_canonical, read_canonical};

/// JSON Schema of a report.
pub const SCHEMA: &str = include_str!("../schemas/report.schema.json");

/// Version of the form of a report.
pub const SCHEMA_VERSION: u32 = 5;

/// Everything that was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// What a replay needs beside the runs.
    pub context: Context,
    /// The arm that it was compared with.
    pub baseline: Option<BaselineReport>,
    /// What the latency pass measured, where there was one.
    pub latency: Option<Latency>,
    /// By name; a metric without data is absent.
    pub metrics: BTreeMap<String, Number>,
    /// ΔS and coverage against k.
    pub curves: Curves,
    /// What was found, decided before measured.
    pub findings: Vec<Finding>,
    /// What may be the cause, the likeliest first; empty where nothing was diagnosed.
    pub diagnosis: Vec<Diagnosis>,
}

/// The baseline's arm of an evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaselineReport {
    /// What a replay needs beside its runs.
    pub context: Context,
    /// What both arms were paired by.
    pub pairing: Pairing,
    /// What stands beside the criteria on drift.
    pub comparisons: Vec<Comparison>,
    /// The pins of both arms side by side.
    pub pin_pairs: Vec<PinPair>,
    /// How much the candidate differs from itself; `None` where nobody asked.
    pub noise: Option<Noise>,
}

/// A possible cause of what was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Diagnosis {
    /// What may be wrong.
    pub cause: String,
    /// What speaks for it.
    pub evidence: String,
    /// What to do.
    pub advice: String,
}

/// Writes the report, mode 0600, to be put in place together with its verdict.
///
/// # Errors
/// [`WriteError`]; nothing is left.
pub fn prepare(path: &Path, report: &Report) -> Result<Prepared, WriteError> {
    prepare_canonical(path, report)
}

/// Reads a report.
///
/// # Errors
/// [`InputError`] where it cannot be read, or is not what this version writes byte by byte.
pub fn read(path: impl AsRef<Path>) -> Result<Report, InputError> {
    let path = path.as_ref();
    let (report, _): (Report, Digest) = read_canonical(path)?;
    if report.schema_version != SCHEMA_VERSION {
        let problem = format!("is {}, this version reads {SCHEMA_VERSION}", report.schema_version);
        return Err(InputError::file(path, problem).field("schema_version"));
    }
    Ok(report)
}
