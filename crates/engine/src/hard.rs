//! The hard null: for each wording the nearest snippet of the whole index that answers nothing.

use std::collections::BTreeSet;

use wfgy_score::{Nearest, nearest_outside};

use crate::error::EvaluateError;
use crate::setup::{OnProgress, Progress};
use crate::vectors::{AT_A_TIME, SnippetVectors};

/// A wording whose nearest wrong snippet is sought.
pub(crate) struct Wording<'a> {
    /// Its vector under the scorer.
    pub(crate) vector: &'a [f32],
    /// Corpus positions of the snippets that overlap a target of its question.
    pub(crate) targets: &'a BTreeSet<u32>,
}

/// The corpus position nearest to every wording, `None` where every snippet overlaps a target.
///
/// The whole index goes by once, block by block; rows made anew are kept where `keep` has them.
pub(crate) fn nearest_wrong(
    vectors: &mut SnippetVectors<'_>,
    n: usize,
    wordings: &[Wording<'_>],
    keep: &BTreeSet<u32>,
    progress: OnProgress<'_>,
) -> Result<Vec<Option<u32>>, EvaluateError> {
    let mut best: Vec<Option<Nearest>> = vec![None; wordings.len()];
    if wordings.is_empty() {
        return Ok(Vec::new());
    }
    let queries: Vec<f32> = wordings.iter().flat_map(|w| w.vector).copied().collect();
    let n = n as u32;
    let total = n as usize;
    progress(Progress { stage: "nulls", done: 0, total });
    let mut start = 0;
    while start < n {
        let end = n.min(start + AT_A_TIME as u32);
        let rows = vectors.block(start..end, keep)?;
        let inside: Vec<Vec<u32>> = wordings
            .iter()
            .map(|w| w.targets.range(start..end).map(|position| position - start).collect())
            .collect();
        let excluded: Vec<&[u32]> = inside.iter().map(Vec::as_slice).collect();
        let found = nearest_outside(&rows, &queries, vectors.dim(), &excluded);
        for (best, found) in best.iter_mut().zip(found) {
            let found = found.map(|found| Nearest { row: found.row + start, ..found });
            *best = match (*best, found) {
                (Some(a), Some(b)) => Some(a.nearer(b)),
                (a, b) => a.or(b),
            };
        }
        start = end;
        progress(Progress { stage: "nulls", done: end as usize, total });
    }
    Ok(best.into_iter().map(|best| best.map(|nearest| nearest.row)).collect())
}
