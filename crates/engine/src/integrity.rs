//! Stored vectors are trusted only after some of them were made again from their text.
//!
//! A miss is a stored vector whose cosine to the embedding of its text is below 0.999.
//! Its kind is a diagnosis, made in this order; *related* means a cosine above the
//! 95th percentile of those between stored vectors and the texts of *other* snippets:
//!
//! | kind | evidence |
//! | --- | --- |
//! | `shuffled_ids` | for at least half of the misses, the vector of the text is stored under another id |
//! | `other_model` | nothing matches: at most 1 in 20 stored vectors is that of its text |
//! | `stale_text` | most misses are related to their text: it was edited after it was embedded |
//! | `mixed_models` | some match exactly, most misses are not related to their text at all |
//!
//! Text that was replaced rather than edited looks like `mixed_models`.

use std::collections::BTreeSet;

use wfgy_core::evaluation::Integrity;
use wfgy_core::{Analyzer, Depth, Embedder, Path, Query, Store};
use wfgy_gate::IntegrityMode;
use wfgy_score::{Vector, delta_s};
use wfgy_stats::{Sample, at_least};

use crate::draw::{DRAWN, draw};
use crate::error::EvaluateError;
use crate::index::Index;
use crate::passages::passages;
use crate::reader::Reader;
use crate::retrieve::{Asking, Retrieval, retrieve};
use crate::setup::{OnProgress, Parts, Progress, Settings};
use crate::texts::embed_checked;

/// A stored vector and the embedding of its text are the same from this cosine on.
pub(crate) const SAME: f64 = 0.999;
/// Above this share of misses no stored vector can be said to be right.
const NEARLY_ALL: f64 = 0.95;
/// Snippets compared at a time.
const AT_A_TIME: usize = 256;
/// Where there is nothing to compare with, vectors above this cosine count as related.
const RELATED: f64 = 0.5;
/// Misses that the diagnosis looks at, and snippets that it takes the unrelated level from.
const EXAMINED: usize = 64;
/// Snippet ids named in the record.
const EXAMPLES: usize = 5;
/// How far the diagnosis looks for the vector of a text under another id.
const ELSEWHERE: usize = 10;

/// A snippet whose stored vector was compared.
struct Compared {
    position: u32,
    snippet_id: String,
    text: String,
    stored: Vec<f32>,
    made: Vec<f32>,
    cosine: f64,
}

/// Compares stored vectors with the embedding of their text, as the mode says.
///
/// # Errors
/// Where a part failed, or a vector has no direction.
pub(crate) fn check(
    parts: &Parts<'_>,
    settings: &Settings,
    index: &Index,
    progress: OnProgress<'_>,
) -> Result<Integrity, EvaluateError> {
    let n = parts.store.n_snippets();
    let (embedder, mode, positions) = match (settings.integrity, parts.embedder) {
        (IntegrityMode::Off, _) => return Ok(unchecked("off")),
        (_, None) => return without_vectors(parts, settings),
        (_, Some(_)) if !parts.embeds_any_text => return Ok(unchecked("impossible")),
        (IntegrityMode::Sample, Some(embedder)) if n > DRAWN => {
            (embedder, "sample", draw("integrity", &index.hash, n, DRAWN, &BTreeSet::new()))
        }
        // A sample of so few would be all of them.
        (IntegrityMode::Sample | IntegrityMode::Full, Some(embedder)) => {
            (embedder, "full", (0..n as u32).collect())
        }
    };
    let mut record = unchecked(mode);
    let mut misses = Vec::new();
    let mut reference = Vec::new();
    let total = positions.len();
    progress(Progress { stage: "integrity", done: 0, total });
    for block in positions.chunks(AT_A_TIME) {
        let Some(compared) = compare(embedder, parts.store, settings, &index.analyzer, block)?
        else {
            return Ok(unchecked("impossible"));
        };
        for one in compared {
            record.checked += 1;
            let lowest = record.lowest_cosine.map_or(one.cosine, |lowest| lowest.min(one.cosine));
            record.lowest_cosine = Some(lowest);
            let missed = !at_least(one.cosine, SAME);
            if reference.len() < EXAMINED {
                reference.push((one.stored.clone(), one.made.clone()));
            }
            if missed {
                record.mismatches += 1;
                if record.examples.len() < EXAMPLES {
                    record.examples.push(one.snippet_id.clone());
                }
                if misses.len() < EXAMINED {
                    misses.push(one);
                }
            }
        }
        progress(Progress { stage: "integrity", done: record.checked, total });
    }
    if !misses.is_empty() {
        let share = record.mismatches as f64 / record.checked as f64;
        record.kind = Some(diagnose(parts, settings, share, &misses, &reference)?.to_owned());
    }
    Ok(record)
}

/// There is nothing to compare, where the store gives no vector either.
fn without_vectors(parts: &Parts<'_>, settings: &Settings) -> Result<Integrity, EvaluateError> {
    let held = parts.store.vectors(&[0], settings.deadline());
    match held.map_err(EvaluateError::at("integrity"))? {
        None => Ok(unchecked("none")),
        Some(_) => Err(EvaluateError::Pin {
            store: parts.store.name().to_owned(),
            pin: "EMBED_MODEL_VER",
            problem: "is missing, although it holds vectors; rebuild the index".to_owned(),
        }),
    }
}

fn unchecked(mode: &str) -> Integrity {
    Integrity {
        mode: mode.to_owned(),
        checked: 0,
        mismatches: 0,
        lowest_cosine: None,
        kind: None,
        examples: Vec::new(),
    }
}

/// `None` where stored vectors or embeddings of their text cannot be had.
fn compare(
    embedder: &dyn Embedder,
    store: &dyn Store,
    settings: &Settings,
    analyzer: &Analyzer,
    positions: &[u32],
) -> Result<Option<Vec<Compared>>, EvaluateError> {
    let at = EvaluateError::at("integrity");
    let schema = &embedder.identity().schema;
    let dim = embedder.identity().dim;
    let stored = Reader::new(store, settings).vectors(positions, dim).map_err(&at)?;
    let Some(stored) = stored else { return Ok(None) };
    let passages = passages(store, settings, positions).map_err(&at)?;
    let texts: Vec<String> = passages.iter().map(|p| p.embedded(schema, analyzer)).collect();
    let embedded =
        embed_checked(embedder, &texts.iter().map(String::as_str).collect::<Vec<_>>(), settings)?;
    let mut compared = Vec::with_capacity(positions.len());
    for (i, passage) in passages.into_iter().enumerate() {
        let Some(made) = embedded.row(i) else { return Ok(None) };
        let stored = &stored[i * dim..(i + 1) * dim];
        let name = format!("snippet {}", passage.snippet.snippet_id);
        let cosine =
            1.0 - delta_s(Vector::new(&name, stored, dim)?, Vector::new(&name, made, dim)?);
        compared.push(Compared {
            position: positions[i],
            snippet_id: passage.snippet.snippet_id,
            text: passage.text,
            stored: stored.to_vec(),
            made: made.to_vec(),
            cosine,
        });
    }
    Ok(Some(compared))
}

fn diagnose(
    parts: &Parts<'_>,
    settings: &Settings,
    share: f64,
    misses: &[Compared],
    reference: &[(Vec<f32>, Vec<f32>)],
) -> Result<&'static str, EvaluateError> {
    if 2 * stored_elsewhere(parts, settings, misses)? >= misses.len() {
        return Ok("shuffled_ids");
    }
    if share >= NEARLY_ALL {
        return Ok("other_model");
    }
    let unrelated = unrelated_level(reference)?;
    let related = misses.iter().filter(|miss| miss.cosine > unrelated).count();
    Ok(if 2 * related > misses.len() { "stale_text" } else { "mixed_models" })
}

/// For how many misses the vector of the text is stored under another id.
fn stored_elsewhere(
    parts: &Parts<'_>,
    settings: &Settings,
    misses: &[Compared],
) -> Result<usize, EvaluateError> {
    let queries: Vec<Asking<'_>> = misses
        .iter()
        .map(|miss| Query { text: &miss.text, vector: Some(&miss.made) })
        .map(|query| Asking { query, counts: true })
        .collect();
    let depth = Depth { served: ELSEWHERE, snippets: ELSEWHERE, documents: 0 };
    let mut asked = [Retrieval::new(parts.store, queries)];
    retrieve(&mut asked, Path::Exact, depth, settings, &|_| ());
    let [Retrieval { answers, .. }] = asked;
    let mut elsewhere = 0;
    for (miss, answer) in misses.iter().zip(answers) {
        let dim = miss.made.len();
        let made = Vector::new(&miss.snippet_id, &miss.made, dim)?;
        // A search that fails here weakens the diagnosis, not the finding.
        let Ok(answer) = answer else { continue };
        let positions: Vec<u32> =
            answer.hits.iter().map(|h| h.position).filter(|p| *p != miss.position).collect();
        let at = EvaluateError::at("integrity");
        let rows = Reader::new(parts.store, settings).vectors(&positions, dim).map_err(at)?;
        let rows = rows.unwrap_or_default();
        let same = rows.chunks(dim).any(|row| {
            Vector::new("", row, dim).is_ok_and(|row| at_least(1.0 - delta_s(row, made), SAME))
        });
        elsewhere += usize::from(same);
    }
    Ok(elsewhere)
}

/// The 95th percentile of cosines between stored vectors and texts of other snippets.
fn unrelated_level(reference: &[(Vec<f32>, Vec<f32>)]) -> Result<f64, EvaluateError> {
    let mut cosines = Vec::new();
    for (i, (stored, _)) in reference.iter().enumerate() {
        let stored = Vector::new("a stored vector", stored, stored.len())?;
        for (j, (_, made)) in reference.iter().enumerate() {
            if i != j {
                let made = Vector::new("a snippet's text", made, made.len())?;
                cosines.push(1.0 - delta_s(stored, made));
            }
        }
    }
    Ok(Sample::new(cosines).map_or(RELATED, |sample| sample.quantile(0.95)))
}
