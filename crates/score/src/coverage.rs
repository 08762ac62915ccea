//! Coverage: which share of a question's target tokens lies inside the retrieved spans.
//!
//! A token is in a target iff it intersects the target's span, and covered iff it lies inside
//! the union of the hits' spans in its section, so several hits together may cover one token.
//! For every target token the rank that completes its cover is found once; every cutoff is then
//! a count over these ranks.
//!
//! Token precision and IoU are those of Smith and Troynikov, Evaluating Chunking Strategies for
//! Retrieval (Chroma technical report, 2024): with `t_e` the target tokens and `t_r` the
//! retrieved ones, `|t_e ∩ t_r| / |t_r|` and `|t_e ∩ t_r| / (|t_e| + |t_r| − |t_e ∩ t_r|)`,
//! where `|t_r|` counts a token as often as it was retrieved: overlap between snippets costs.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use wfgy_core::evaluation::{CoverageRecord, HitRecord};
use wfgy_core::{Span, Unit};

use crate::spans::SpanUnion;

/// One stretch of a section that an alternative asks for.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    /// The document.
    pub doc_id: &'a str,
    /// The section.
    pub section_id: &'a str,
    /// Tokens of the whole section, in Unicode scalar values of its raw text, in order.
    /// Unit spans make this coverage in characters.
    pub tokens: &'a [Span],
    /// The target's span in the same positions; `None`: the whole section.
    pub span: Option<Span>,
}

/// One alternative of a target.
#[derive(Debug, Clone)]
pub enum Alternative<'a> {
    /// It lies here: one part, or for a whole document one part a section.
    Found(Vec<Part<'a>>),
    /// The index's corpus does not contain it: a label problem that covers nothing.
    Missing {
        /// Tokens of its quote; `None`: the mean of the question's other targets.
        weight: Option<usize>,
    },
}

/// A retrieved span, in rank order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retrieved<'a> {
    /// The document.
    pub doc_id: &'a str,
    /// The section.
    pub section_id: &'a str,
    /// In Unicode scalar values of the section's raw text.
    pub offsets: Span,
    /// How many tokens it holds (characters, for coverage in characters).
    pub tokens: usize,
}

impl<'a> Retrieved<'a> {
    /// The hit, counted in tokens.
    pub fn in_tokens(hit: &'a HitRecord) -> Self {
        let tokens = hit.tokens.len();
        Self { doc_id: &hit.doc_id, section_id: &hit.section_id, offsets: hit.offsets, tokens }
    }

    /// The hit, counted in characters.
    pub fn in_characters(hit: &'a HitRecord) -> Self {
        Self { tokens: hit.offsets.len(), ..Self::in_tokens(hit) }
    }
}

/// Spans of the characters of a text of `length` Unicode scalar values: for coverage of two
/// indexes with different tokenizers.
pub fn character_tokens(length: usize) -> Vec<Span> {
    (0..length).map(|i| Span::new(i, i + 1)).collect()
}

/// A question's targets, ready to be compared with any number of runs.
#[derive(Debug, Clone)]
pub struct Coverage {
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Snippets(Targets),
    /// Per target its alternatives' documents.
    Documents(Vec<Vec<String>>),
}

#[derive(Debug, Clone, Default)]
struct Targets {
    /// Section number by document and section.
    keys: HashMap<String, HashMap<String, usize>>,
    /// Tokens of each section that some alternative asks for, ascending.
    tokens: Vec<Vec<Span>>,
    /// Whether starts and ends of a section's tokens both ascend.
    ordered: Vec<bool>,
    /// Per target its alternatives.
    targets: Vec<Vec<Choice>>,
}

/// A token: (section number, position in that section's list).
type Place = (usize, usize);

#[derive(Debug, Clone)]
enum Choice {
    Found(Vec<Place>),
    Missing(Option<usize>),
}

impl Coverage {
    /// Targets counted in tokens, k in snippets: `targets` are an AND, the alternatives of one an
    /// OR in the gold's order, never empty.
    pub fn snippets(targets: &[Vec<Alternative<'_>>]) -> Self {
        let mut built = Targets::default();
        // Tokens a section contributes, from every part that asks for it.
        let mut wanted: Vec<(BTreeSet<usize>, &[Span])> = Vec::new();
        let mut asked: Vec<Vec<Option<Vec<Place>>>> = Vec::new();
        for target in targets {
            let mut choices = Vec::new();
            for alternative in target {
                let Alternative::Found(parts) = alternative else {
                    choices.push(None);
                    continue;
                };
                let mut places = BTreeSet::new();
                for part in parts {
                    let section = built.section(part, &mut wanted);
                    for token in tokens_in(part) {
                        wanted[section].0.insert(token);
                        places.insert((section, token));
                    }
                }
                choices.push(Some(places.into_iter().collect()));
            }
            asked.push(choices);
        }
        // Keep the wanted tokens only; positions move accordingly.
        let mut moved: Vec<HashMap<usize, usize>> = Vec::new();
        for (tokens, all) in &wanted {
            let kept: Vec<Span> = tokens.iter().map(|t| all[*t]).collect();
            let ordered = kept.is_sorted_by_key(|s| s.start) && kept.is_sorted_by_key(|s| s.end);
            built.tokens.push(kept);
            built.ordered.push(ordered);
            moved.push(tokens.iter().enumerate().map(|(to, from)| (*from, to)).collect());
        }
        for (target, choices) in targets.iter().zip(asked) {
            let choices = target.iter().zip(choices).map(|(alternative, places)| {
                match (alternative, places) {
                    (Alternative::Missing { weight }, _) => Choice::Missing(*weight),
                    (Alternative::Found(_), places) => Choice::Found(
                        places
                            .unwrap_or_default()
                            .into_iter()
                            .map(|(section, token)| (section, moved[section][&token]))
                            .collect(),
                    ),
                }
            });
            built.targets.push(choices.collect());
        }
        Self { kind: Kind::Snippets(built) }
    }

    /// Targets that are whole documents, k in distinct documents: every document weighs 1, also
    /// one that the corpus does not contain, so that coverage equals recall@k.
    pub fn documents(targets: &[Vec<&str>]) -> Self {
        let owned = |target: &Vec<&str>| target.iter().map(|d| (*d).to_owned()).collect();
        Self { kind: Kind::Documents(targets.iter().map(owned).collect()) }
    }

    /// What k counts.
    pub fn unit(&self) -> Unit {
        match self.kind {
            Kind::Snippets(_) => Unit::Snippet,
            Kind::Documents(_) => Unit::Document,
        }
    }

    /// Coverage, precision and IoU of `hits`, best first, at every cutoff. Values in [0, 1],
    /// higher is better; all 0 without hits, or where no target has a known weight.
    pub fn at(
        &self,
        hits: &[Retrieved<'_>],
        cutoffs: impl IntoIterator<Item = usize>,
    ) -> BTreeMap<usize, CoverageRecord> {
        let cutoffs: BTreeSet<usize> = cutoffs.into_iter().collect();
        match &self.kind {
            Kind::Snippets(targets) => {
                let ranks = targets.cover_ranks(hits);
                cutoffs.into_iter().map(|k| (k, targets.at(&ranks, hits, k))).collect()
            }
            Kind::Documents(targets) => {
                let mut seen = BTreeSet::new();
                let found: Vec<&str> =
                    hits.iter().map(|h| h.doc_id).filter(|d| seen.insert(*d)).collect();
                cutoffs
                    .into_iter()
                    .map(|k| (k, documents_at(targets, &found[..found.len().min(k)])))
                    .collect()
            }
        }
    }
}

/// Positions of the tokens that a part asks for.
fn tokens_in(part: &Part<'_>) -> impl Iterator<Item = usize> {
    let span = part.span;
    part.tokens
        .iter()
        .enumerate()
        .filter(move |(_, token)| match span {
            Some(span) => token.intersects(span),
            None => !token.is_empty(),
        })
        .map(|(i, _)| i)
}

impl Targets {
    fn section<'a>(
        &mut self,
        part: &Part<'a>,
        wanted: &mut Vec<(BTreeSet<usize>, &'a [Span])>,
    ) -> usize {
        let sections = self.keys.entry(part.doc_id.to_owned()).or_default();
        *sections.entry(part.section_id.to_owned()).or_insert_with(|| {
            wanted.push((BTreeSet::new(), part.tokens));
            wanted.len() - 1
        })
    }

    /// For every token the number of hits after which it is covered; `usize::MAX`: never.
    fn cover_ranks(&self, hits: &[Retrieved<'_>]) -> Vec<Vec<usize>> {
        let mut ranks: Vec<Vec<usize>> =
            self.tokens.iter().map(|t| vec![usize::MAX; t.len()]).collect();
        let mut unions = vec![SpanUnion::new(); self.tokens.len()];
        for (i, hit) in hits.iter().enumerate() {
            let Some(&section) = self.keys.get(hit.doc_id).and_then(|s| s.get(hit.section_id))
            else {
                continue;
            };
            unions[section].insert(hit.offsets);
            let tokens = &self.tokens[section];
            // Only tokens that this hit touches can have become covered by it.
            let touched = if self.ordered[section] {
                tokens.partition_point(|t| t.end <= hit.offsets.start)
                    ..tokens.partition_point(|t| t.start < hit.offsets.end)
            } else {
                0..tokens.len()
            };
            for token in touched {
                let rank = &mut ranks[section][token];
                if *rank == usize::MAX && unions[section].contains(tokens[token]) {
                    *rank = i + 1;
                }
            }
        }
        ranks
    }

    fn at(&self, ranks: &[Vec<usize>], hits: &[Retrieved<'_>], k: usize) -> CoverageRecord {
        let is_covered = |&(section, token): &Place| ranks[section][token] <= k;
        let mut tokens: Vec<Place> = Vec::new();
        let mut weights: Vec<Option<f64>> = Vec::new();
        let mut missing: Vec<Option<usize>> = Vec::new();
        for target in &self.targets {
            match best(target, is_covered) {
                Some(Choice::Found(places)) => {
                    tokens.extend_from_slice(places);
                    weights.push(Some(places.len() as f64));
                }
                Some(Choice::Missing(weight)) => {
                    missing.push(*weight);
                    weights.push(weight.map(|w| w as f64));
                }
                None => {}
            }
        }
        tokens.sort_unstable();
        tokens.dedup();
        let covered = tokens.iter().filter(|t| is_covered(t)).count() as f64;
        // A missing target without a quote weighs what the others weigh on average; those
        // others are all the targets whose weight is known, since its own is not.
        let known: Vec<f64> = weights.into_iter().flatten().collect();
        let Some(mean) = mean(&known) else {
            return ZERO;
        };
        let absent: f64 = missing.iter().map(|w| w.map_or(mean, |w| w as f64)).sum();
        let target = tokens.len() as f64 + absent;
        let retrieved: usize = hits[..hits.len().min(k)].iter().map(|h| h.tokens).sum();
        record(covered, target, retrieved as f64)
    }
}

/// The alternative with the highest ratio of covered tokens, the first on ties.
fn best(target: &[Choice], is_covered: impl Fn(&Place) -> bool) -> Option<&Choice> {
    let mut best: Option<(&Choice, (u128, u128))> = None;
    for choice in target {
        let ratio = match choice {
            Choice::Found(places) if !places.is_empty() => {
                let covered = places.iter().filter(|p| is_covered(p)).count();
                (covered as u128, places.len() as u128)
            }
            _ => (0, 1),
        };
        let better = |than: (u128, u128)| ratio.0 * than.1 > than.0 * ratio.1;
        if best.is_none_or(|(_, than)| better(than)) {
            best = Some((choice, ratio));
        }
    }
    best.map(|(choice, _)| choice)
}

fn documents_at(targets: &[Vec<String>], found: &[&str]) -> CoverageRecord {
    let has = |doc: &str| found.contains(&doc);
    // A target whose alternatives were all missed stands for its first one.
    let chosen: BTreeSet<&str> = targets
        .iter()
        .filter_map(|target| target.iter().find(|d| has(d)).or(target.first()))
        .map(String::as_str)
        .collect();
    let covered = chosen.iter().filter(|d| has(d)).count();
    record(covered as f64, chosen.len() as f64, found.len() as f64)
}

const ZERO: CoverageRecord = CoverageRecord { coverage: 0.0, precision: 0.0, iou: 0.0 };

/// The three ratios; a hit that holds fewer whole tokens than it helps to cover is no reason for
/// a precision above 1.
fn record(covered: f64, target: f64, retrieved: f64) -> CoverageRecord {
    let ratio = |of: f64| if of > 0.0 { (covered / of).min(1.0) } else { 0.0 };
    let retrieved = retrieved.max(covered);
    CoverageRecord {
        coverage: ratio(target),
        precision: ratio(retrieved),
        iou: ratio(target + retrieved - covered),
    }
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}
