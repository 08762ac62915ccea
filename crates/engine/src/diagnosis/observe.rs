//! What a diagnosis rests on, gathered in bounded samples.

use std::collections::{BTreeMap, BTreeSet};

use wfgy_core::evaluation::{Context, HitRecord, Integrity, RunRecord};
use wfgy_core::{Role, RowState, Span, Store, Unit};
use wfgy_score::{Retrieved, Vector, delta_s};
use wfgy_stats::{Sample, at_least, mean};

use super::borders::{self, BorderSight};
use super::corpus::{self, CorpusSight};
use super::effort::{EffortSight, effort};
use super::prose::{Prose, ProseSight};
use super::targets::{TargetSight, look_up};
use super::vectors::{MetricSight, NormSight, metrics, norms, other_analyzer};
use crate::error::EvaluateError;
use crate::index::Index;
use crate::labels::Labeller;
use crate::passages::passages;
use crate::reader::Reader;
use crate::setup::{Parts, Settings};
use crate::summary::found_of_exact;
use crate::texts::embed_checked;

/// Questions that are asked once more.
const ASKED: usize = 64;
/// Of the exact hits so many are found by a graph in order.
pub(super) const HEALTHY_RECALL: f64 = 0.98;
/// Hits nearer than this to a better one of another document say the same.
const SAME_TEXT: f64 = 0.995;
/// Characters from which on a hit can be of much else than an answer.
const LONG_HIT: f64 = 600.0;
/// An end that no section has: a hit that is taken for its whole section.
const WHOLE: Span = Span { start: 0, end: u32::MAX as usize };

/// What was seen of an index that did not pass.
#[derive(Debug, Clone, PartialEq)]
pub struct Observations {
    /// Mean coverage at the served k over runs as written, in [0, 1].
    pub coverage: f64,
    /// The same if every hit were its whole section.
    pub whole_sections: f64,
    /// The same at each deeper cutoff.
    pub deeper: Vec<(usize, f64)>,
    /// The served k.
    pub k: usize,
    /// Median characters of a hit over median characters of a quote; `None` without quotes, and
    /// where hits are too short to be of much else.
    pub length_ratio: Option<f64>,
    /// Mean share of the exact top k that the serving path found; `None` where it is not known.
    pub graph_recall: Option<f64>,
    /// What a wider search finds, where the served one does not find nearly all.
    pub effort: Option<EffortSight>,
    /// How snippets end within passages; `None` where nothing counts tokens.
    pub borders: Option<BorderSight>,
    /// Share of the top k that say what a better hit of another document says.
    pub crowded: f64,
    /// How stored vectors compare with their text.
    pub integrity: Integrity,
    /// Another analyzer, and the share of stored vectors that are those of their text under it.
    pub other_analyzer: Option<(String, f64)>,
    /// Lengths of stored vectors.
    pub norms: Option<NormSight>,
    /// The order that each metric would give.
    pub metrics: Option<MetricSight>,
    /// Share of hit snippets that the embedder cuts at its limit, and the limit in tokens.
    pub cut_by_model: Option<(f64, usize)>,
    /// Whether texts have a prefix and questions none.
    pub lone_prefix: Option<String>,
    /// What became of the targets.
    pub targets: TargetSight,
    /// What the texts are like.
    pub prose: ProseSight,
    /// How the corpus is cut, and how it stands to the baseline's.
    pub corpus: CorpusSight,
    /// Pins that differ from the baseline's: name, baseline's value, candidate's.
    pub pins: Vec<(String, String, String)>,
}

/// Asks the stores for what a diagnosis of `runs` needs; the same every time.
///
/// # Errors
/// Where a store or the embedder failed.
pub fn observe(
    parts: &Parts<'_>,
    settings: &Settings,
    context: &Context,
    runs: &[RunRecord],
    baseline: Option<&dyn Store>,
) -> Result<Observations, EvaluateError> {
    let at = EvaluateError::at("diagnosis");
    let index = Index::of(parts)?;
    let reader = Reader::new(parts.store, settings);
    let items = &parts.gold.items;
    let labels = Labeller::new(parts.store, parts.tokenizer, settings, parts.gold.unit())
        .labels(items, &|_| ())?;
    let numbers: BTreeMap<&str, usize> =
        items.iter().enumerate().map(|(n, question)| (question.id.as_str(), n)).collect();
    let as_written: Vec<(&RunRecord, usize)> = runs
        .iter()
        .filter(|run| run.seed == 0 && !run.coverage.is_empty())
        .filter_map(|run| Some((run, *numbers.get(run.question.as_str())?)))
        .collect();

    let k = context.k;
    let at_k = |cutoff: usize| {
        let of = |(run, _): &(&RunRecord, usize)| Some(run.coverage.get(&cutoff)?.coverage);
        mean(&as_written.iter().filter_map(of).collect::<Vec<_>>()).unwrap_or(0.0)
    };
    let whole: Vec<f64> = as_written
        .iter()
        .filter_map(|(run, question)| {
            let hits: Vec<HitRecord> = run.hits.iter().take(k).cloned().collect();
            let hits: Vec<Retrieved<'_>> = hits
                .iter()
                .map(|hit| Retrieved { offsets: WHOLE, ..Retrieved::in_characters(hit) })
                .collect();
            let found = match parts.gold.unit() {
                Unit::Snippet => labels[*question].coverage.at(&hits, [k]),
                Unit::Document => run.coverage.clone(),
            };
            Some(found.get(&k)?.coverage)
        })
        .collect();
    let recall = |cutoff: usize| {
        let of = |(run, _): &(&RunRecord, usize)| found_of_exact(run, cutoff);
        mean(&as_written.iter().filter_map(of).collect::<Vec<_>>())
    };
    let deeper = settings.cutoffs().into_iter().filter(|cutoff| *cutoff > k);

    let mut sought = look_up(parts.gold, &reader).map_err(&at)?;
    let references = || items.iter().flat_map(|q| &q.targets).flat_map(|t| &t.any_of);
    let quotes = || references().filter_map(|reference| reference.quote.as_deref());
    let spoken = items.iter().flat_map(|question| question.wordings()).chain(quotes());
    let mut prose = Prose::new(spoken);
    let documents = corpus::documents(&reader, &index.hash).map_err(&at)?;
    corpus::sections(&reader, &documents, |doc_id, section| {
        prose.take(doc_id, &section.text);
        for absent in &mut sought.absent {
            absent.seek(doc_id, &section.text);
        }
    })
    .map_err(&at)?;
    let mut corpus = CorpusSight::default();
    let mut borders = None;
    if let Some(tokenizer) = parts.tokenizer {
        borders = Some(borders::borders(&reader, tokenizer, &sought.passages).map_err(&at)?);
        corpus::tokens(&reader, &documents, tokenizer, &mut corpus).map_err(&at)?;
    }
    let mut order = Vec::new();
    let mut pins = Vec::new();
    if let Some(baseline) = baseline {
        let theirs = Reader::new(baseline, settings);
        order = corpus::documents(&theirs, &index.hash).map_err(&at)?;
        corpus::compare(&reader, &theirs, &order, &mut corpus).map_err(&at)?;
        for (name, old) in &baseline.pins().0 {
            let new = parts.store.pins().get(name).unwrap_or("nothing");
            if new != old {
                pins.push((name.clone(), old.clone(), new.to_owned()));
            }
        }
    }

    let characters = |lengths: Vec<usize>| {
        let lengths = Sample::new(lengths.into_iter().map(|n| n as f64).collect());
        lengths.ok().map(|lengths| lengths.median())
    };
    let hit_lengths = as_written.iter().flat_map(|(run, _)| run.hits.iter().take(k));
    let hit_lengths = characters(hit_lengths.map(|hit| hit.offsets.len()).collect());
    let quote_lengths = characters(quotes().map(|quote| quote.chars().count()).collect());
    let lengths = hit_lengths.zip(quote_lengths).filter(|(hit, _)| *hit >= LONG_HIT);
    let length_ratio = lengths.map(|(hit, quote)| hit / quote.max(1.0));

    let mut seen = Observations {
        coverage: at_k(k),
        whole_sections: mean(&whole).unwrap_or(0.0),
        deeper: deeper.map(|cutoff| (cutoff, at_k(cutoff))).collect(),
        k,
        length_ratio,
        graph_recall: recall(k),
        effort: None,
        borders,
        crowded: 0.0,
        integrity: context.integrity.clone(),
        other_analyzer: None,
        norms: None,
        metrics: None,
        cut_by_model: None,
        lone_prefix: None,
        targets: sought.sight(&order),
        prose: prose.sight(),
        corpus,
        pins,
    };
    let Some(embedder) = parts.embedder else { return Ok(seen) };
    let (dim, schema) = (embedder.identity().dim, &embedder.identity().schema);
    if schema.query_prefix.is_empty() && !schema.passage_prefix.is_empty() {
        seen.lone_prefix = Some(schema.passage_prefix.clone());
    }
    let first: Vec<&(&RunRecord, usize)> =
        as_written.iter().filter(|(run, _)| run.wording == 0).take(ASKED).collect();
    seen.crowded = crowded(&reader, first.iter().map(|(run, _)| *run), k, dim)?;
    seen.norms = norms(&reader, embedder, &index.hash).map_err(&at)?;
    if context.integrity.mismatches > 0 && parts.embeds_any_text {
        let Integrity { mismatches, checked, .. } = context.integrity;
        let right = 1.0 - mismatches as f64 / checked.max(1) as f64;
        seen.other_analyzer = other_analyzer(parts, settings, &index.analyzer, right, &index.hash)?;
    }
    if parts.embeds_any_text && !first.is_empty() {
        let compose =
            |n: &usize| schema.compose(Role::Query, &index.analyzer, None, &items[*n].question);
        let texts: Vec<String> = first.iter().map(|(_, n)| compose(n)).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let made = embed_checked(embedder, &texts, settings)?;
        let asked: Vec<(&[f32], &BTreeSet<u32>)> = first
            .iter()
            .enumerate()
            .filter_map(|(i, (_, n))| Some((made.row(i)?, &labels[*n].positions)))
            .collect();
        seen.metrics = metrics(&reader, &asked, &index.hash).map_err(&at)?;
        if seen.graph_recall.is_some_and(|recall| recall < HEALTHY_RECALL) {
            let asked = first.iter().enumerate();
            let asked = asked.filter_map(|(i, (run, _))| Some((*run, made.row(i)?)));
            let asked: Vec<(&RunRecord, &[f32])> = asked.collect();
            seen.effort = Some(effort(parts.store, settings, &asked, k).map_err(&at)?);
        }
    }
    if parts.embeds_any_text {
        let hits: BTreeSet<u32> = first
            .iter()
            .flat_map(|(run, _)| run.hits.iter().take(k))
            .map(|hit| hit.position)
            .take(ASKED)
            .collect();
        let hits: Vec<u32> = hits.into_iter().collect();
        let texts = passages(parts.store, settings, &hits).map_err(&at)?;
        let texts: Vec<String> =
            texts.iter().map(|p| p.embedded(schema, &index.analyzer)).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let states = embed_checked(embedder, &texts, settings)?.states;
        let cut = states.iter().filter(|state| **state == RowState::Truncated).count();
        let share = cut as f64 / states.len().max(1) as f64;
        seen.cut_by_model = Some((share, schema.max_tokens));
    }
    Ok(seen)
}

/// Share of hits that say what a better one of another document says, by their stored vectors.
fn crowded<'r>(
    reader: &Reader<'_>,
    runs: impl Iterator<Item = &'r RunRecord>,
    k: usize,
    dim: usize,
) -> Result<f64, EvaluateError> {
    let (mut hits, mut repeated) = (0usize, 0usize);
    for run in runs {
        let top = &run.hits[..run.hits.len().min(k)];
        let positions: Vec<u32> = top.iter().map(|hit| hit.position).collect();
        let rows = reader.vectors(&positions, dim).map_err(EvaluateError::at("diagnosis"))?;
        let Some(rows) = rows else { return Ok(0.0) };
        let row = |i: usize| Vector::new("", &rows[i * dim..(i + 1) * dim], dim).ok();
        for i in 0..top.len() {
            hits += 1;
            let says = |j: usize| {
                let both = row(i).zip(row(j));
                top[j].doc_id != top[i].doc_id
                    && both.is_some_and(|(a, b)| at_least(1.0 - delta_s(a, b), SAME_TEXT))
            };
            repeated += usize::from((0..i).any(says));
        }
    }
    Ok(repeated as f64 / hits.max(1) as f64)
}
