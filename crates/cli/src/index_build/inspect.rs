//! `verify` and `inspect`.

use std::path::Path;

use wfgy_index::Inspection;
use wfgy_pointer::StoreDir;

use super::args::InspectFormat;
use crate::exit::Failure;
use crate::plain::plain;
use crate::say;
use crate::target::{self, index_failure};

/// Recomputes every hash and names all damage; exit 1 where there is any.
pub(crate) fn verify(name: &Path, store: &StoreDir) -> Result<(), Failure> {
    let dir = target::directory(name, store)?;
    let damage = wfgy_index::verify(&dir).map_err(|error| index_failure(&error))?;
    if damage.is_empty() {
        return say::out(&format!("{}: whole\n", plain(dir.display())));
    }
    let lines: Vec<String> = damage.iter().map(|problem| format!("{}\n", plain(problem))).collect();
    say::out(&lines.concat())?;
    Err(Failure::silent(1))
}

/// Shows what the manifest says.
pub(crate) fn inspect(name: &Path, store: &StoreDir, format: InspectFormat) -> Result<(), Failure> {
    let dir = target::directory(name, store)?;
    let inspection: Inspection =
        wfgy_index::inspect(&dir).map_err(|error| index_failure(&error))?;
    if format == InspectFormat::Json {
        let text = serde_json::to_string_pretty(&inspection).map_err(Failure::unable)?;
        return say::out(&(text + "\n"));
    }
    let Inspection { manifest, pins, files, .. } = &inspection;
    let (counts, tool) = (&manifest.counts, &manifest.tool);
    let identity = &manifest.identity;
    let mut text = String::new();
    let mut row = |name: &str, value: &dyn std::fmt::Display| {
        text.push_str(&format!("{:<20}{}\n", plain(name), plain(value)));
    };
    for (name, value) in &pins.0 {
        row(name, value);
    }
    row("documents", &identity.n_documents);
    row("sections", &counts.sections);
    row("  without tokens", &counts.sections_without_tokens);
    row("snippets", &identity.n_snippets);
    row("  cut at the limit", &counts.truncated);
    match &manifest.serving.ann {
        None => row("served by", &"exact sweep"),
        Some(ann) => {
            let (m, efc, ef) = (ann.m, ann.ef_construction, ann.ef);
            row("served by", &format!("{} m {m} ef_construction {efc} ef {ef}", ann.kind));
            row("graph bytes", &counts.graph_bytes);
        }
    }
    for (name, bytes) in files {
        row(name, &format!("{bytes} bytes"));
    }
    row("built", &format!("{} by {} ({})", tool.created_at, tool.version, tool.kernel));
    say::out(&text)
}
