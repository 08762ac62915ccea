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
    /// Of one question at each cutoff: `run` in any order, distinct ids; `qrels` gives grades by
    /// id, distinct, 0 and missing alike being not relevant. All 0 where nothing is relevant, and at 0.
    pub fn at<'a, I: Ord + Hash + 'a>(
        run: &[Ranked<I>],
        qrels: impl IntoIterator<Item = (&'a I, &'a u32)>,
        cutoffs: &[usize],
    ) -> Vec<Self> {
        let deepest = cutoffs.iter().copied().max().unwrap_or(0);
        let relevant = qrels.into_iter().filter(|(_, grade)| **grade > 0);
        let known: AHashMap<&I, u32> = relevant.map(|(id, grade)| (id, *grade)).collect();
        let grade = |unit: &Ranked<I>| known.get(&unit.id).copied().unwrap_or(0);
        // Most runs come in order.
        let grades: Vec<u32> = match run.is_sorted_by(|a, b| trec_order(a, b).is_le()) {
            true => run.iter().take(deepest).map(grade).collect(),
            false => {
                let mut order: Vec<&Ranked<I>> = run.iter().collect();
                order.sort_unstable_by(|a, b| trec_order(a, b));
                order.into_iter().take(deepest).map(grade).collect()
            }
        };
        let mut ideal: Vec<u32> = known.values().copied().collect();
        ideal.sort_unstable_by(|a, b| b.cmp(a));
        cutoffs.iter().map(|k| Self::of(&grades[..grades.len().min(*k)], &ideal, *k)).collect()
    }

    /// Of the grades of the top k and those of all relevant units, greatest first.
    fn of(grades: &[u32], ideal: &[u32], k: usize) -> Self {
        let relevant = ideal.len();
        if relevant == 0 || k == 0 {
            return Self::default();
        }
        let (mut found, mut precisions, mut first) = (0usize, 0.0, None);
        for (i, _) in grades.iter().enumerate().filter(|(_, grade)| **grade > 0) {
            found += 1;
            precisions += found as f64 / (i + 1) as f64;
            first.get_or_insert(i + 1);
        }
        let ideal_gain = gain(&ideal[..relevant.min(k)]);
        Self {
            recall: found as f64 / relevant as f64,
            precision: found as f64 / k as f64,
            hit: f64::from(u8::from(found > 0)),
            mrr: first.map_or(0.0, |rank| 1.0 / rank as f64),
            ndcg: gain(grades) / ideal_gain,
            map: precisions / relevant as f64,
        }
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

/// Σ grade / log2(rank + 1).
fn gain(grades: &[u32]) -> f64 {
    let relevant = grades.iter().enumerate().filter(|(_, grade)| **grade > 0);
    relevant.map(|(i, grade)| f64::from(*grade) / ((i + 2) as f64).log2()).sum()
}
