//! What became of the targets of the gold set in this index.

use std::collections::{BTreeMap, BTreeSet};

use wfgy_core::{GoldSet, PortError, StoredSection, TargetRef};
use wfgy_score::label::{LabelProblem, Located, locate};

use super::borders::{Passage, keep};
use super::prose::words;
use crate::reader::{DOCUMENTS_AT_A_TIME, Reader};

/// Passages that are looked for elsewhere; of more absent ones nothing is known.
const SOUGHT: usize = 256;
/// Targets from which on a pattern among them is one.
const LEAST: usize = 3;

/// What became of the targets, alternatives counted one by one.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TargetSight {
    /// Targets of which it is known; of those whose passage is not where it should be the first 256.
    pub targets: usize,
    /// Those whose section is not in its document, whose passage is several times in its section,
    /// or whose passage stands in another section of its document.
    pub drifted: usize,
    /// Those whose section is there without the passage, which is nowhere else either.
    pub stale: usize,
    /// Those whose section ends before the passage does, at the same length as others.
    pub cut: usize,
    /// That length, in characters.
    pub cut_at: Option<usize>,
    /// Those whose section is there, and whose passage stands under the id of another document.
    pub elsewhere: usize,
    /// Documents that the gold set names.
    pub documents: usize,
    /// Those of them that are not there.
    pub missing: usize,
    /// Whether the missing ones stand side by side: in order of the baseline's corpus, or of their
    /// ids, or of the order in which the gold set first names them.
    pub side_by_side: bool,
}

/// A passage that its section does not hold.
pub(super) struct Absent<'g> {
    reference: &'g TargetRef,
    quote: &'g str,
    /// Characters of its section.
    length: usize,
    /// The section's last words, in order.
    end: Vec<String>,
    /// Documents in which it was found, its own among them.
    pub(super) found_in: BTreeSet<String>,
}

impl Absent<'_> {
    /// Looks for it in a section.
    pub(super) fn seek(&mut self, doc_id: &str, text: &str) {
        if text.contains(self.quote) {
            self.found_in.insert(doc_id.to_owned());
        }
    }

    /// Whether its section ends before or within it.
    fn is_cut(&self) -> bool {
        let begins = self.reference.offsets.map(|span| span.start);
        if begins.is_some_and(|start| start >= self.length) {
            return true;
        }
        let quote = words(self.quote);
        // The last word may be cut itself.
        let Some((_, whole)) = self.end.split_last() else { return true };
        (1..=quote.len()).any(|n| n >= 3 && whole.ends_with(&quote[..n]))
    }
}

/// The targets, looked up; what is absent is to be sought elsewhere.
pub(super) struct Sought<'g> {
    pub(super) sight: TargetSight,
    pub(super) absent: Vec<Absent<'g>>,
    /// Every document that the gold set names, in its order, and whether it is there.
    pub(super) named: Vec<(&'g str, bool)>,
    /// Passages that are where they should be.
    pub(super) passages: Vec<Passage>,
}

pub(super) fn look_up<'g>(gold: &'g GoldSet, reader: &Reader<'_>) -> Result<Sought<'g>, PortError> {
    let references = || gold.items.iter().flat_map(|q| &q.targets).flat_map(|t| &t.any_of);
    let mut order = Vec::new();
    let mut seen = BTreeSet::new();
    for reference in references() {
        if seen.insert(reference.doc_id.as_str()) {
            order.push(reference.doc_id.as_str());
        }
    }
    let mut by_document: BTreeMap<&str, Vec<&TargetRef>> = BTreeMap::new();
    for reference in references() {
        by_document.entry(&reference.doc_id).or_default().push(reference);
    }
    let mut sought = Sought {
        sight: TargetSight::default(),
        absent: Vec::new(),
        named: Vec::new(),
        passages: Vec::new(),
    };
    let mut there = BTreeSet::new();
    for block in order.chunks(DOCUMENTS_AT_A_TIME) {
        let asked = block.iter().copied().collect();
        for (doc_id, sections) in reader.sections(&asked)? {
            if !sections.is_empty() {
                there.insert(doc_id);
            }
            for reference in by_document.get(doc_id).into_iter().flatten() {
                sought.take(reference, &sections);
            }
        }
    }
    sought.named = order.into_iter().map(|doc_id| (doc_id, there.contains(doc_id))).collect();
    sought.sight.documents = sought.named.len();
    sought.sight.missing = sought.named.iter().filter(|(_, there)| !there).count();
    Ok(sought)
}

impl<'g> Sought<'g> {
    fn take(&mut self, reference: &'g TargetRef, sections: &[StoredSection]) {
        let texts: Vec<(&str, &str)> =
            sections.iter().map(|s| (s.section_id.as_str(), s.text.as_str())).collect();
        match locate(reference, &texts) {
            Ok(Located::Span { section, span, .. }) => {
                keep(&mut self.passages, &sections[section], span);
            }
            Ok(Located::Document | Located::Section(_)) => {}
            // Which documents are not there is counted of all of them.
            Err(LabelProblem::NoDocument { .. }) => {}
            Err(LabelProblem::QuoteAbsent { section_id, .. }) => {
                let text = texts.iter().find(|(id, _)| *id == section_id).map_or("", |s| s.1);
                let quote = reference.quote.as_deref().unwrap_or_default();
                if quote.is_empty() {
                    self.sight.stale += 1;
                } else if self.absent.len() < SOUGHT {
                    let words = words(text);
                    let quote_words = quote.split_whitespace().count() + 1;
                    let end = words[words.len().saturating_sub(2 * quote_words)..].to_vec();
                    let (length, found_in) = (text.chars().count(), BTreeSet::new());
                    self.absent.push(Absent { reference, quote, length, end, found_in });
                } else {
                    // What nobody looks for is known of no target.
                    return;
                }
            }
            Err(_) => self.sight.drifted += 1,
        }
        self.sight.targets += 1;
    }

    /// What became of everything, once the corpus was searched for what is absent. `order`: the
    /// documents in the order of the baseline's corpus, where there is one.
    pub(super) fn sight(mut self, order: &[String]) -> TargetSight {
        let mut lengths: BTreeMap<usize, usize> = BTreeMap::new();
        let lost = || self.absent.iter().filter(|absent| absent.found_in.is_empty());
        for absent in lost().filter(|absent| absent.is_cut()) {
            *lengths.entry(absent.length).or_default() += 1;
        }
        let usual = lengths.into_iter().max_by_key(|(length, n)| (*n, *length));
        let cut_at = usual.filter(|(_, n)| *n >= LEAST).map(|(length, _)| length);
        for absent in &self.absent {
            let own = absent.found_in.contains(&absent.reference.doc_id);
            let count = match (absent.found_in.is_empty(), own) {
                (false, true) => &mut self.sight.drifted,
                (false, false) => &mut self.sight.elsewhere,
                (true, _) if absent.is_cut() && cut_at == Some(absent.length) => {
                    &mut self.sight.cut
                }
                (true, _) => &mut self.sight.stale,
            };
            *count += 1;
        }
        self.sight.cut_at = cut_at;
        self.sight.side_by_side = self.side_by_side(order);
        self.sight
    }

    fn side_by_side(&self, corpus: &[String]) -> bool {
        let there: BTreeMap<&str, bool> = self.named.iter().copied().collect();
        let mut orders: Vec<Vec<&str>> = Vec::new();
        if corpus.is_empty() {
            orders.push(self.named.iter().map(|(doc_id, _)| *doc_id).collect());
            let mut by_id: Vec<&str> = there.keys().copied().collect();
            by_id.sort_by_key(|doc_id| (doc_id.parse::<u64>().ok(), *doc_id));
            orders.push(by_id);
        } else {
            let known = corpus.iter().map(String::as_str);
            orders.push(known.filter(|doc_id| there.contains_key(doc_id)).collect());
        }
        orders.iter().any(|order| {
            let gone: Vec<bool> = order.iter().map(|doc_id| !there[doc_id]).collect();
            in_one_run(&gone)
        })
    }
}

/// Whether what is gone stands side by side: far fewer runs than chance would make.
///
/// m of n at random make m (n − m + 1) / n runs on average (Wald and Wolfowitz 1940).
fn in_one_run(gone: &[bool]) -> bool {
    let (n, m) = (gone.len(), gone.iter().filter(|gone| **gone).count());
    if m < LEAST || m == n {
        return false;
    }
    let runs = (0..n).filter(|i| gone[*i] && (*i == 0 || !gone[i - 1])).count();
    let chance = m as f64 * (n - m + 1) as f64 / n as f64;
    (runs as f64) * 3.0 <= chance
}

#[cfg(test)]
mod tests {
    use wfgy_core::Span;

    use super::*;

    #[test]
    fn rule_a_gap_is_one_run_and_a_scattered_loss_is_not() {
        let gap: Vec<bool> = (0..30).map(|i| (8..16).contains(&i)).collect();
        let spread: Vec<bool> = (0..30).map(|i| i % 3 == 1).collect();
        assert!(in_one_run(&gap) && !in_one_run(&spread));
        assert!(!in_one_run(&[true; 9]) && !in_one_run(&[false; 9]));
        assert!(!in_one_run(&[true, true, false, false, false]), "two are no pattern");
    }

    #[test]
    fn passages_that_nobody_looked_for_are_not_stale() {
        let reference = TargetRef {
            doc_id: "d".into(),
            section_id: Some("s".into()),
            offsets: Some(Span::new(900, 916)),
            quote: Some("words of the end".into()),
            grade: 1,
        };
        let section = StoredSection {
            section_id: "s".into(),
            title: None,
            text: "A section of which only the beginning is left".into(),
            positions: vec![0],
        };
        let mut sought = Sought {
            sight: TargetSight::default(),
            absent: Vec::new(),
            named: Vec::new(),
            passages: Vec::new(),
        };
        (0..4 * SOUGHT).for_each(|_| sought.take(&reference, std::slice::from_ref(&section)));
        let sight = sought.sight(&[]);
        assert_eq!((sight.targets, sight.cut, sight.stale), (SOUGHT, SOUGHT, 0));
    }
}
