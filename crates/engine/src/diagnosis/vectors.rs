//! What stored vectors are like: their lengths, the order that each metric would give, and what
//! they would be the vectors of, where they are not those of their text.

use std::collections::BTreeSet;

use wfgy_core::{Analyzer, Embedder, Metric, PortError};
use wfgy_score::{Vector, delta_s};
use wfgy_stats::at_least;

use crate::draw::{DRAWN, draw};
use crate::error::EvaluateError;
use crate::integrity::SAME;
use crate::passages::passages;
use crate::reader::Reader;
use crate::setup::{Parts, Settings};
use crate::texts::embed_checked;

/// Stored vectors whose norm is taken.
const NORMED: usize = 1024;
/// Stored vectors among which targets are ranked.
const RANKED_AMONG: usize = 4096;
/// Analyzers that a stored vector may have been made under.
const ANALYZERS: [&str; 6] = ["none", "lower", "fold", "lower+fold", "nfkc", "nfkc+lower+fold+ws"];

/// Lengths of stored vectors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NormSight {
    /// Least norm.
    pub least: f64,
    /// Greatest.
    pub greatest: f64,
    /// Standard deviation over mean.
    pub variation: f64,
    /// Whether the embedder itself gives unit vectors.
    pub unit_embedder: bool,
}

/// Mean over questions of one over the rank of their first target, by metric, in (0, 1].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MetricSight {
    /// Questions that were ranked.
    pub questions: usize,
    /// The metric that the index says.
    pub served: Metric,
    /// Under cosine.
    pub cosine: f64,
    /// Under the inner product.
    pub dot: f64,
    /// Under the negative squared distance.
    pub l2: f64,
}

impl MetricSight {
    /// Under one of them.
    pub fn under(&self, metric: Metric) -> f64 {
        match metric {
            Metric::Cosine => self.cosine,
            Metric::Dot => self.dot,
            Metric::L2 => self.l2,
        }
    }
}

fn length(row: &[f32]) -> f64 {
    dot(row, row).sqrt()
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

/// `None` where the store holds no vectors.
pub(super) fn norms(
    reader: &Reader<'_>,
    embedder: &dyn Embedder,
    key: &str,
) -> Result<Option<NormSight>, PortError> {
    let n = reader.store().n_snippets();
    let positions = draw("diagnosis", key, n, NORMED, &BTreeSet::new());
    let identity = embedder.identity();
    let Some(rows) = reader.vectors(&positions, identity.dim)? else { return Ok(None) };
    let norms: Vec<f64> = rows.chunks(identity.dim).map(length).collect();
    let vectors = norms.len();
    let mean = norms.iter().sum::<f64>() / vectors as f64;
    let variance = norms.iter().map(|norm| (norm - mean).powi(2)).sum::<f64>() / vectors as f64;
    Ok(Some(NormSight {
        least: norms.iter().copied().fold(f64::INFINITY, f64::min),
        greatest: norms.iter().copied().fold(0.0, f64::max),
        variation: variance.sqrt() / mean,
        unit_embedder: identity.unit_norm,
    }))
}

/// Ranks targets among drawn snippets under each metric. `asked`: the vector of a question as
/// written, and the positions of its targets.
pub(super) fn metrics(
    reader: &Reader<'_>,
    asked: &[(&[f32], &BTreeSet<u32>)],
    key: &str,
) -> Result<Option<MetricSight>, PortError> {
    let served = reader.store().pins().get("metric").and_then(|metric| metric.parse().ok());
    let (Some(served), Some((first, _))) = (served, asked.first()) else { return Ok(None) };
    let dim = first.len();
    let n = reader.store().n_snippets();
    let mut among: BTreeSet<u32> =
        draw("diagnosis", key, n, RANKED_AMONG, &BTreeSet::new()).into_iter().collect();
    among.extend(asked.iter().flat_map(|(_, targets)| *targets));
    let among: Vec<u32> = among.into_iter().collect();
    let Some(rows) = reader.vectors(&among, dim)? else { return Ok(None) };
    let lengths: Vec<f64> = rows.chunks(dim).map(length).collect();
    let mut found = [0.0; 3];
    let mut questions = 0u32;
    for (vector, targets) in asked.iter().filter(|(_, targets)| !targets.is_empty()) {
        questions += 1;
        let dots: Vec<f64> = rows.chunks(dim).map(|row| dot(vector, row)).collect();
        let scores = |metric: usize, i: usize| match metric {
            0 => dots[i] / lengths[i],
            1 => dots[i],
            // The question's own length is the same for every row.
            _ => 2.0 * dots[i] - lengths[i] * lengths[i],
        };
        for (metric, found) in found.iter_mut().enumerate() {
            let is_target = |i: usize| targets.contains(&among[i]);
            let best = (0..among.len()).filter(|i| is_target(*i)).map(|i| scores(metric, i));
            let best = best.fold(f64::NEG_INFINITY, f64::max);
            let before = (0..among.len()).filter(|i| scores(metric, *i) > best).count();
            *found += 1.0 / (1.0 + before as f64);
        }
    }
    let [cosine, dot, l2] = found.map(|found| found / f64::from(questions.max(1)));
    Ok((questions > 0).then_some(MetricSight {
        questions: questions as usize,
        served,
        cosine,
        dot,
        l2,
    }))
}

/// The analyzer, other than the index's own, under which most stored vectors of the integrity
/// sample are those of their text, with the share of them; `None` where there is none.
///
/// Under the own one it is the share `right`. Where analyzers change few texts, or the embedder
/// does by itself what they do, others leave about as many right: one is found only if it
/// explains half of what is not.
pub(super) fn other_analyzer(
    parts: &Parts<'_>,
    settings: &Settings,
    own: &Analyzer,
    right: f64,
    key: &str,
) -> Result<Option<(String, f64)>, EvaluateError> {
    let Some(embedder) = parts.embedder else { return Ok(None) };
    let at = EvaluateError::at("diagnosis");
    let n = parts.store.n_snippets();
    let positions = draw("integrity", key, n, DRAWN, &BTreeSet::new());
    let (dim, schema) = (embedder.identity().dim, &embedder.identity().schema);
    let reader = Reader::new(parts.store, settings);
    let Some(stored) = reader.vectors(&positions, dim).map_err(&at)? else { return Ok(None) };
    let passages = passages(parts.store, settings, &positions).map_err(&at)?;
    let mut best: Option<(String, f64)> = None;
    for name in ANALYZERS {
        let Ok(analyzer) = name.parse::<Analyzer>() else { continue };
        if analyzer == *own {
            continue;
        }
        let texts: Vec<String> = passages.iter().map(|p| p.embedded(schema, &analyzer)).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let made = embed_checked(embedder, &texts, settings)?;
        let same = |i: &usize| {
            let row = &stored[i * dim..(i + 1) * dim];
            let made = made.row(*i).and_then(|made| Vector::new("", made, dim).ok());
            let stored = Vector::new("", row, dim).ok();
            let both = stored.zip(made);
            both.is_some_and(|(stored, made)| at_least(1.0 - delta_s(stored, made), SAME))
        };
        let share = (0..positions.len()).filter(same).count() as f64 / positions.len() as f64;
        if best.as_ref().is_none_or(|(_, most)| share > *most) {
            best = Some((name.to_owned(), share));
        }
    }
    Ok(best.filter(|(_, share)| *share >= 0.5 && 2.0 * (share - right) >= 1.0 - right))
}
