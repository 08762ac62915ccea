//! Ranking measures with trec_eval's digits.
//!
//! trec_eval keeps scores as f32, orders them descending and breaks ties by document id
//! descending as byte strings; the order of its input does not matter. A document is relevant
//! from grade 1 on, nDCG takes the grade itself as gain and log2(rank + 1) as discount (Järvelin
//! and Kekäläinen 2002), and averages are over all questions of the qrels (`trec_eval -c`).

use std::cmp::Ordering;
use std::collections::HashSet;
use std::hash::Hash;

use ahash::AHashMap;
use wfgy_core::evaluation::HitRecord;
use wfgy_core::{Span, snippet_id};

/// What a run ranks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Documents, by their id as it is.
    Document,
    /// Sections, as `doc#section` with both ids percent-encoded.
    Section,
    /// Snippets, by their snippet id.
    Snippet,
}

/// One ranked unit.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked<I = String> {
    /// Its id at the run's level.
    pub id: I,
    /// Greater is closer.
    pub score: f64,
}

/// `doc#section`, ids percent-encoded as in snippet ids: the name of a section in qrels and runs.
pub fn section_unit(doc_id: &str, section_id: &str) -> String {
    // A snippet id without its offsets; the ids in it hold no `#`.
    let mut id = snippet_id(doc_id, section_id, Span::new(0, 0));
    id.truncate(id.rfind('#').unwrap_or(id.len()));
    id
}

/// The distinct units of a run with the score of their first snippet, in trec_eval's order.
pub fn ranked(hits: &[HitRecord], level: Level) -> Vec<Ranked> {
    let mut seen = HashSet::new();
    let mut units: Vec<Ranked> = hits
        .iter()
        .map(|hit| Ranked {
            id: match level {
                Level::Document => hit.doc_id.clone(),
                Level::Section => section_unit(&hit.doc_id, &hit.section_id),
                Level::Snippet => hit.snippet_id.clone(),
            },
            score: hit.score,
        })
        .filter(|unit| seen.insert(unit.id.clone()))
        .collect();
    units.sort_by(trec_order);
    units
}

/// trec_eval's order: score as f32 descending, then id descending as a byte string. A score that
/// is not a number comes last.
pub fn trec_order<I: Ord>(a: &Ranked<I>, b: &Ranked<I>) -> Ordering {
    let key = |score: f64| if score.is_nan() { f32::NEG_INFINITY } else { score as f32 + 0.0 };
    key(b.score).total_cmp(&key(a.score)).then_with(|| b.id.cmp(&a.id))
}

/// A question's run, to be asked for the rank of a unit.
#[derive(Debug)]
pub struct Ranking<'r, I> {
    units: &'r [Ranked<I>],
    places: AHashMap<&'r I, usize>,
    /// Rank by place; `None` where they stand in order.
    ranks: Option<Vec<usize>>,
    repeated: Option<&'r I>,
}

impl<'r, I: Ord + Hash> Ranking<'r, I> {
    /// Of units in any order. Of an id that is there several times the last counts.
    pub fn of(units: &'r [Ranked<I>]) -> Self {
        let mut places = AHashMap::with_capacity(units.len());
        let mut repeated = None;
        for (place, Ranked { id, .. }) in units.iter().enumerate() {
            if places.insert(id, place).is_some() {
                repeated = repeated.or(Some(id));
            }
        }
        // Most runs come in order.
        let ranks = (!units.is_sorted_by(|a, b| trec_order(a, b).is_le())).then(|| {
            let mut order: Vec<usize> = (0..units.len()).collect();
            order.sort_unstable_by(|a, b| trec_order(&units[*a], &units[*b]));
            let mut ranks = vec![0; units.len()];
            order.into_iter().zip(1..).for_each(|(place, rank)| ranks[place] = rank);
            ranks
        });
        Self { units, places, ranks, repeated }
    }

    /// As they were given.
    pub fn units(&self) -> &'r [Ranked<I>] {
        self.units
    }

    /// The first id that was there before.
    pub fn repeated(&self) -> Option<&'r I> {
        self.repeated
    }

    /// Rank of a unit, from 1.
    pub fn rank(&self, id: &I) -> Option<usize> {
        let place = *self.places.get(id)?;
        Some(self.ranks.as_ref().map_or(place + 1, |ranks| ranks[place]))
    }
}

/// Measures of one question at one cutoff, each in [0, 1], higher is better. Their mean over all
/// questions of the qrels, one that the run lacks as 0, is trec_eval's `all` under `-c`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Measures {
    /// Relevant units in the top k, over all relevant units (`recall_k`).
    pub recall: f64,
    /// Relevant units in the top k, over k even where fewer were found (`P_k`).
    pub precision: f64,
    /// Whether a relevant unit is in the top k (`success_k`).
    pub hit: f64,
    /// One over the rank of the first relevant unit, 0 beyond k (`recip_rank` of the cut run).
    pub mrr: f64,
    /// Normalised discounted cumulative gain (`ndcg_cut_k`).
    pub ndcg: f64,
    /// Average precision over the top k (`map_cut_k`).
    pub map: f64,
}

impl Measures {
    /// Of one question at each cutoff: `qrels` gives grades by id, distinct, 0 and missing alike
    /// being not relevant. All 0 where nothing is relevant, and at 0.
    pub fn at<'a, I: Ord + Hash + 'a>(
        run: &Ranking<'_, I>,
        qrels: impl IntoIterator<Item = (&'a I, &'a u32)>,
        cutoffs: &[usize],
    ) -> Vec<Self> {
        let relevant = qrels.into_iter().filter(|(_, grade)| **grade > 0);
        let mut ideal = Vec::new();
        let mut found: Vec<(usize, u32)> = relevant
            .inspect(|(_, grade)| ideal.push(**grade))
            .filter_map(|(id, grade)| Some((run.rank(id)?, *grade)))
            .collect();
        found.sort_unstable();
        ideal.sort_unstable_by(|a, b| b.cmp(a));
        let ideal = gains(ideal.into_iter().zip(1..).map(|(grade, rank)| (rank, grade)));
        let gained = gains(found.iter().copied());
        let precision =
            |(before, (rank, _)): (usize, &(usize, u32))| (before + 1) as f64 / *rank as f64;
        let precisions = sums(found.iter().enumerate().map(precision));
        let at = |&k: &usize| {
            let relevant = ideal.len() - 1;
            if relevant == 0 || k == 0 {
                return Self::default();
            }
            let hits = found.partition_point(|(rank, _)| *rank <= k);
            Self {
                recall: hits as f64 / relevant as f64,
                precision: hits as f64 / k as f64,
                hit: f64::from(u8::from(hits > 0)),
                mrr: found[..hits].first().map_or(0.0, |(rank, _)| 1.0 / *rank as f64),
                ndcg: gained[hits] / ideal[relevant.min(k)],
                map: precisions[hits] / relevant as f64,
            }
        };
        cutoffs.iter().map(at).collect()
    }

    /// The value of a measure by its name in reports: `recall`, `precision`, `hit`, `mrr`,
    /// `ndcg`, `map`.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.named().into_iter().find(|(n, _)| *n == name).map(|(_, value)| value)
    }

    /// All measures with their names in reports.
    pub fn named(&self) -> [(&'static str, f64); 6] {
        [
            ("recall", self.recall),
            ("precision", self.precision),
            ("hit", self.hit),
            ("mrr", self.mrr),
            ("ndcg", self.ndcg),
            ("map", self.map),
        ]
    }
}

/// Discounted gain of the first 0, 1, … of units of a rank from 1 and a grade: Σ grade / log2(rank + 1).
fn gains(units: impl Iterator<Item = (usize, u32)>) -> Vec<f64> {
    sums(units.map(|(rank, grade)| f64::from(grade) / ((rank + 1) as f64).log2()))
}

/// Sums of the first 0, 1, … values.
fn sums(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut sum = 0.0;
    let after = values.map(|value| {
        sum += value;
        sum
    });
    std::iter::once(0.0).chain(after).collect()
}
