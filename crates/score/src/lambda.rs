//! λ: do the runs of one question agree, and do they find what they should?

use wfgy_core::Unit;
use wfgy_core::evaluation::HitRecord;
use wfgy_kernel::round9;

use crate::rbo::{PERSISTENCE, rbo_extrapolated};

/// A run agrees with the medoid from this overlap on.
pub const AGREES_FROM: f64 = 0.5;
/// A question is convergent from this share of convergent runs on.
pub const CONVERGENT_FROM: f64 = 0.80;

/// What two rankings are compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Item<'a> {
    /// A document, where k counts documents.
    Document(&'a str),
    /// A section of a document that has several.
    Section(&'a str, &'a str),
    /// A snippet of a document that has one section.
    Snippet(&'a str),
}

/// The top k as distinct items by first occurrence: among the first `k` hits the sections
/// (snippets where the document has one section), or the first `k` distinct documents.
pub fn items(hits: &[HitRecord], k: usize, unit: Unit) -> Vec<Item<'_>> {
    let mut items = Vec::new();
    let considered = match unit {
        Unit::Snippet => &hits[..hits.len().min(k)],
        Unit::Document => hits,
    };
    for hit in considered {
        let item = match unit {
            Unit::Document => Item::Document(&hit.doc_id),
            Unit::Snippet if hit.sole_section => Item::Snippet(&hit.snippet_id),
            Unit::Snippet => Item::Section(&hit.doc_id, &hit.section_id),
        };
        if items.len() < k && !items.contains(&item) {
            items.push(item);
        }
    }
    items
}

/// One run as λ sees it.
#[derive(Debug, Clone)]
pub struct LambdaRun<'a> {
    /// Wording number.
    pub wording: usize,
    /// Seed.
    pub seed: u64,
    /// [`items`] of its hits; empty for a run without hits.
    pub items: Vec<Item<'a>>,
    /// Whether retrieval failed after its retries.
    pub failed: bool,
    /// Whether coverage at the served k is above 0; `None` for unlabelled traffic.
    pub found: Option<bool>,
}

/// What became of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// `→`: found a target and agrees.
    Convergent,
    /// `<>`: one of the two.
    Split,
    /// `×`: missed and disagrees.
    Collapsed,
    /// `←`: no hits, or retrieval failed.
    Aborted,
}

impl State {
    /// All states, best first.
    pub const ALL: [Self; 4] = [Self::Convergent, Self::Split, Self::Collapsed, Self::Aborted];

    /// As reports write it.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Convergent => "→",
            Self::Split => "<>",
            Self::Collapsed => "×",
            Self::Aborted => "←",
        }
    }

    /// The table of states for a run that was not aborted.
    fn of(found: Option<bool>, overlap: f64) -> Self {
        let agrees = round9(overlap) >= AGREES_FROM;
        match (found, agrees) {
            (Some(true), true) | (None, true) => Self::Convergent,
            (Some(true), false) | (Some(false), true) => Self::Split,
            (Some(false), false) => Self::Collapsed,
            (None, false) if overlap > 0.0 => Self::Split,
            (None, false) => Self::Collapsed,
        }
    }
}

/// λ of one question.
#[derive(Debug, Clone, PartialEq)]
pub struct QuestionLambda {
    /// State of each run, in the order given.
    pub states: Vec<State>,
    /// Overlap of each run with the medoid, in [0, 1]; `None` for aborted runs.
    pub overlaps: Vec<Option<f64>>,
    /// Position of the medoid; `None` where every run was aborted.
    pub medoid: Option<usize>,
    /// Whether it is labelled and every run that was not aborted missed (at least one was not):
    /// it says nothing about convergence. Where all were aborted, they say that.
    pub always_missed: bool,
}

impl QuestionLambda {
    /// Judges the runs of one question; their order does not matter.
    ///
    /// The medoid is the run with the highest mean overlap (9 decimals) with the other runs that
    /// were not aborted, ties to the lowest (wording, seed).
    pub fn of(runs: &[LambdaRun<'_>]) -> Self {
        let alive: Vec<usize> =
            (0..runs.len()).filter(|&i| !runs[i].failed && !runs[i].items.is_empty()).collect();
        let n = alive.len();
        let mut overlap = vec![1.0; n * n];
        for i in 0..n {
            for j in i + 1..n {
                let (a, b) = (&runs[alive[i]].items, &runs[alive[j]].items);
                let value = rbo_extrapolated(a, b, PERSISTENCE);
                overlap[i * n + j] = value;
                overlap[j * n + i] = value;
            }
        }
        // Summed in (wording, seed) order, so that the order of `runs` cannot matter.
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by_key(|&i| (runs[alive[i]].wording, runs[alive[i]].seed));
        let mut medoid: Option<(usize, f64)> = None;
        for &i in &order {
            let others = order.iter().filter(|&&j| j != i).map(|&j| overlap[i * n + j]);
            let mean = if n > 1 { others.sum::<f64>() / (n - 1) as f64 } else { 1.0 };
            let mean = round9(mean);
            if medoid.is_none_or(|(_, best)| mean > best) {
                medoid = Some((i, mean));
            }
        }
        let mut states = vec![State::Aborted; runs.len()];
        let mut overlaps = vec![None; runs.len()];
        if let Some((m, _)) = medoid {
            for (i, &run) in alive.iter().enumerate() {
                let value = overlap[i * n + m];
                overlaps[run] = Some(value);
                states[run] = State::of(runs[run].found, value);
            }
        }
        let always_missed = n > 0 && alive.iter().all(|&i| runs[i].found == Some(false));
        Self { states, overlaps, medoid: medoid.map(|(i, _)| alive[i]), always_missed }
    }

    /// Share of runs in `state`, in [0, 1]; 0 without runs.
    pub fn share(&self, state: State) -> f64 {
        let count = self.states.iter().filter(|s| **s == state).count();
        if count == 0 { 0.0 } else { count as f64 / self.states.len() as f64 }
    }

    /// Share of `→` runs; higher is better.
    pub fn convergence(&self) -> f64 {
        self.share(State::Convergent)
    }

    /// 1 − share of the modal state; lower is better.
    pub fn flip_rate(&self) -> f64 {
        1.0 - State::ALL.into_iter().map(|s| self.share(s)).fold(0.0, f64::max)
    }

    /// Share of `<>` runs; lower is better.
    pub fn split_rate(&self) -> f64 {
        self.share(State::Split)
    }

    /// Share of `×` runs; lower is better.
    pub fn collapse_rate(&self) -> f64 {
        self.share(State::Collapsed)
    }

    /// Share of `←` runs; lower is better.
    pub fn abort_rate(&self) -> f64 {
        self.share(State::Aborted)
    }

    /// Whether at least 0.80 of its runs are `→`.
    pub fn is_convergent(&self) -> bool {
        round9(self.convergence()) >= CONVERGENT_FROM
    }
}

/// Which questions the λ aggregates are over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LambdaData {
    /// How many questions missed in every run: `lambda.always_missed`.
    pub always_missed: usize,
    /// How many others have fewer than two runs.
    pub too_few_runs: usize,
    /// Positions of the questions that remain; `None`, no data, where fewer than half do.
    pub remaining: Option<Vec<usize>>,
}

impl LambdaData {
    /// Sorts out questions that missed in every run or have fewer than two runs.
    pub fn of(questions: &[QuestionLambda]) -> Self {
        let missed = |q: &QuestionLambda| q.always_missed;
        let few = |q: &QuestionLambda| q.states.len() < 2;
        let remaining: Vec<usize> = (0..questions.len())
            .filter(|&i| !missed(&questions[i]) && !few(&questions[i]))
            .collect();
        let enough = !remaining.is_empty() && 2 * remaining.len() >= questions.len();
        Self {
            always_missed: questions.iter().filter(|q| missed(q)).count(),
            too_few_runs: questions.iter().filter(|q| !missed(q) && few(q)).count(),
            remaining: enough.then_some(remaining),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wfgy_core::Span;

    fn run(wording: usize, seed: u64, list: &'static str, found: bool) -> LambdaRun<'static> {
        let items = list.split_terminator(' ').map(Item::Snippet).collect();
        LambdaRun { wording, seed, items, failed: false, found: Some(found) }
    }

    fn failed(wording: usize, seed: u64) -> LambdaRun<'static> {
        LambdaRun { wording, seed, items: vec![], failed: true, found: None }
    }

    use State::{Aborted, Collapsed, Convergent, Split};

    #[test]
    fn rule_states_are_found_and_agrees() {
        let q = QuestionLambda::of(&[
            run(0, 0, "a b c", true),
            run(0, 1, "a b c", false),
            run(1, 0, "x y z", true),
            run(1, 1, "u v w", false),
            run(2, 0, "", false),
            failed(2, 1),
        ]);
        assert_eq!(q.states, [Convergent, Split, Split, Collapsed, Aborted, Aborted]);
        assert_eq!(q.medoid, Some(0));
        assert_eq!(q.overlaps[4..], [None, None]);
        assert_eq!(State::ALL.map(State::symbol), ["→", "<>", "×", "←"]);
    }

    #[test]
    fn rule_a_run_agrees_from_rbo_one_half_on() {
        // RBO("a b", "a x") = 0.55, RBO("a b", "x a") = 0.45
        let with = |second| {
            let runs = [run(0, 0, "a b", true), run(0, 1, "a b", true), run(1, 0, second, true)];
            QuestionLambda::of(&runs).states[2]
        };
        assert_eq!(with("a x"), Convergent);
        assert_eq!(with("x a"), Split);
    }

    #[test]
    fn rule_medoid_has_the_highest_mean_overlap_ties_to_the_lowest_wording_and_seed() {
        let q = QuestionLambda::of(&[
            run(0, 0, "x y", true),
            run(1, 0, "a b", true),
            run(2, 0, "a b", true),
        ]);
        assert_eq!(q.medoid, Some(1));
        // All alike or all different: the lowest (wording, seed), whatever the order given.
        for lists in [["a", "a", "a"], ["a", "b", "c"]] {
            let q = QuestionLambda::of(&[
                run(1, 0, lists[0], true),
                run(0, 1, lists[1], true),
                run(0, 0, lists[2], true),
            ]);
            assert_eq!(q.medoid, Some(2));
        }
    }

    #[test]
    fn rule_aborted_runs_take_no_part_in_the_medoid_and_the_medoid_agrees_with_itself() {
        let q = QuestionLambda::of(&[failed(0, 0), run(0, 1, "", false), run(1, 0, "a", true)]);
        assert_eq!((q.medoid, q.states[2], q.overlaps[2]), (Some(2), Convergent, Some(1.0)));
        let q = QuestionLambda::of(&[failed(0, 0), failed(0, 1)]);
        assert_eq!((q.medoid, q.abort_rate()), (None, 1.0));
    }

    #[test]
    fn rule_aggregates_within_a_question() {
        let q = QuestionLambda::of(&[
            run(0, 0, "a b c", true),
            run(0, 1, "a b c", true),
            run(1, 0, "a b c", false),
            run(1, 1, "u v", false),
        ]);
        assert_eq!((q.convergence(), q.split_rate()), (0.5, 0.25));
        assert_eq!((q.collapse_rate(), q.abort_rate(), q.flip_rate()), (0.25, 0.0, 0.5));
        assert!(!q.is_convergent());
        let four_of_five: Vec<_> =
            (0..5).map(|s| run(0, s, if s < 4 { "a" } else { "b" }, true)).collect();
        assert!(QuestionLambda::of(&four_of_five).is_convergent());
    }

    #[test]
    fn rule_a_question_that_misses_in_every_run_is_always_missed() {
        let missed = |second| QuestionLambda::of(&[run(0, 0, "a", false), second]).always_missed;
        assert!(missed(run(0, 1, "b", false)));
        // An aborted run has no say; where all are, λ shows them as aborted.
        assert!(missed(run(0, 1, "", false)) && missed(failed(0, 1)));
        let aborted = QuestionLambda::of(&[run(0, 0, "", false), failed(0, 1)]);
        assert!(!aborted.always_missed && aborted.abort_rate() == 1.0);
        assert!(!QuestionLambda::of(&[run(0, 0, "a", false), run(0, 1, "a", true)]).always_missed);
        assert!(!QuestionLambda::of(&[]).always_missed);
    }

    #[test]
    fn rule_lambda_has_no_data_where_fewer_than_half_of_the_questions_remain() {
        let good = || QuestionLambda::of(&[run(0, 0, "a", true), run(0, 1, "a", true)]);
        let missed = || QuestionLambda::of(&[run(0, 0, "a", false), run(0, 1, "a", false)]);
        let single = || QuestionLambda::of(&[run(0, 0, "a", true)]);
        let data = LambdaData::of(&[missed(), good(), single(), good()]);
        assert_eq!((data.always_missed, data.too_few_runs), (1, 1));
        assert_eq!(data.remaining, Some(vec![1, 3]));
        let data = LambdaData::of(&[missed(), good(), single()]);
        assert_eq!(data.remaining, None);
        assert_eq!(LambdaData::of(&[]).remaining, None);
        assert_eq!(LambdaData::of(&[single(), single()]).too_few_runs, 2);
    }

    #[test]
    fn rule_unlabelled_traffic_is_judged_by_overlap_alone() {
        let unlabelled = |w, list| LambdaRun { found: None, ..run(w, 0, list, false) };
        let q = QuestionLambda::of(&[
            unlabelled(0, "a b"),
            unlabelled(1, "a b"),
            unlabelled(2, "x a"),
            unlabelled(3, "u v"),
            unlabelled(4, ""),
        ]);
        assert_eq!(q.states, [Convergent, Convergent, Split, Collapsed, Aborted]);
        assert!(!q.always_missed);
    }

    fn hit(doc: &str, section: &str, start: usize, sole_section: bool) -> HitRecord {
        let offsets = Span::new(start, start + 1);
        HitRecord {
            position: 0,
            snippet_id: wfgy_core::snippet_id(doc, section, offsets),
            doc_id: doc.into(),
            section_id: section.into(),
            offsets,
            tokens: offsets,
            sole_section,
            score: 0.0,
            delta_s_question: 0.0,
            delta_s_anchor: None,
        }
    }

    #[test]
    fn rule_lists_are_distinct_sections_or_snippets_or_documents_by_first_occurrence() {
        let hits = [
            hit("d", "s", 0, false),
            hit("e", "e", 0, true),
            hit("d", "s", 5, false),
            hit("e", "e", 5, true),
            hit("d", "t", 0, false),
        ];
        use Item::{Document, Section, Snippet};
        let all = [Section("d", "s"), Snippet("e#e#0-1"), Snippet("e#e#5-6"), Section("d", "t")];
        assert_eq!(items(&hits, 10, Unit::Snippet), all);
        assert_eq!(items(&hits, 3, Unit::Snippet), all[..2]);
        assert_eq!(items(&hits, 2, Unit::Document), [Document("d"), Document("e")]);
        assert_eq!(items(&hits, 1, Unit::Document), [Document("d")]);
    }
}
