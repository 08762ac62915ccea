//! The documents of a store, or a sample of them, read once.

use std::collections::{BTreeMap, BTreeSet};

use wfgy_core::{PortError, Snippet, StoredSection, Tokenizer};

use crate::draw::draw;
use crate::reader::{DOCUMENTS_AT_A_TIME, Reader};

/// Snippets up to which every document is read; of larger stores those of so many drawn snippets.
pub(super) const READ: usize = 50_000;
/// Documents whose sections are compared with their tokens.
const TOKENISED: usize = 16;

/// How the candidate's corpus is cut, and how it stands to the baseline's.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CorpusSight {
    /// Snippets whose tokens were counted again.
    pub tokenised: usize,
    /// Those whose tokens are elsewhere than the index says.
    pub token_drift: usize,
    /// Documents of the baseline that were looked for; 0 without one.
    pub baseline_documents: usize,
    /// Those that the candidate does not have.
    pub lost: usize,
    /// Those whose text is another.
    pub changed: usize,
    /// Those whose every text is shorter than, and the beginning of, the baseline's.
    pub shortened: usize,
}

/// The distinct documents of `store`, in corpus order: all, or those of a drawn sample.
pub(super) fn documents(reader: &Reader<'_>, key: &str) -> Result<Vec<String>, PortError> {
    let n = reader.store().n_snippets();
    let positions: Vec<u32> = match n <= READ {
        true => (0..n as u32).collect(),
        false => draw("diagnosis", key, n, READ, &BTreeSet::new()),
    };
    let mut seen = BTreeSet::new();
    let snippets = reader.snippets(&positions)?.into_iter();
    Ok(snippets.map(|s| s.doc_id).filter(|doc_id| seen.insert(doc_id.clone())).collect())
}

/// Calls `take` with every section of `documents`, in order.
pub(super) fn sections(
    reader: &Reader<'_>,
    documents: &[String],
    mut take: impl FnMut(&str, &StoredSection),
) -> Result<(), PortError> {
    for block in documents.chunks(DOCUMENTS_AT_A_TIME) {
        let found = reader.sections(&block.iter().map(String::as_str).collect())?;
        for doc_id in block {
            for section in found.get(doc_id.as_str()).into_iter().flatten() {
                take(doc_id, section);
            }
        }
    }
    Ok(())
}

/// Counts the tokens of some documents again.
pub(super) fn tokens(
    reader: &Reader<'_>,
    documents: &[String],
    tokenizer: &dyn Tokenizer,
    sight: &mut CorpusSight,
) -> Result<(), PortError> {
    let step = (documents.len() / TOKENISED).max(1);
    let chosen: Vec<String> = documents.iter().step_by(step).take(TOKENISED).cloned().collect();
    let mut held: Vec<StoredSection> = Vec::new();
    sections(reader, &chosen, |_, section| held.push(section.clone()))?;
    let positions: Vec<u32> = held.iter().flat_map(|s| &s.positions).copied().collect();
    let snippets = reader.snippets(&positions)?;
    let snippets: BTreeMap<u32, Snippet> = positions.into_iter().zip(snippets).collect();
    for section in held {
        let tokens = tokenizer.encode(&section.text)?.spans;
        for snippet in section.positions.iter().filter_map(|p| snippets.get(p)) {
            let (first, end) = (snippet.tokens.start, snippet.tokens.end);
            let start = tokens.get(first).map(|span| span.start);
            let last = end.checked_sub(1).and_then(|i| tokens.get(i)).map(|span| span.end);
            let same = start == Some(snippet.offsets.start) && last == Some(snippet.offsets.end);
            sight.tokenised += 1;
            sight.token_drift += usize::from(!same);
        }
    }
    Ok(())
}

/// Holds the candidate's documents against the baseline's.
pub(super) fn compare(
    candidate: &Reader<'_>,
    baseline: &Reader<'_>,
    documents: &[String],
    sight: &mut CorpusSight,
) -> Result<(), PortError> {
    for block in documents.chunks(DOCUMENTS_AT_A_TIME) {
        let asked: BTreeSet<&str> = block.iter().map(String::as_str).collect();
        let (old, new) = (baseline.sections(&asked)?, candidate.sections(&asked)?);
        for doc_id in asked {
            sight.baseline_documents += 1;
            let text = |sections: &[StoredSection]| -> Vec<String> {
                sections.iter().map(|section| section.text.clone()).collect()
            };
            let (old, new) = (text(&old[doc_id]), text(&new[doc_id]));
            if new.is_empty() {
                sight.lost += 1;
            } else if old != new {
                sight.changed += 1;
                let begins = old.len() == new.len()
                    && old.iter().zip(&new).all(|(old, new)| old.starts_with(new.as_str()));
                sight.shortened += usize::from(begins);
            }
        }
    }
    Ok(())
}
