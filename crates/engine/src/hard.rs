//! The hard null: for each wording the nearest snippet of the whole index that answers nothing.

use std::collections::{BTreeSet, HashSet};

use wfgy_core::Digest;
use wfgy_score::{Nearest, nearest_outside};

use crate::error::EvaluateError;
use crate::reader::POSITIONS_AT_A_TIME;
use crate::setup::{OnProgress, Progress};
use crate::vectors::{Kept, ScoringVectors};

/// A wording whose nearest wrong snippet is sought.
pub(crate) struct Wording<'a> {
    /// Its embedded string under the scorer, which has a vector.
    pub(crate) key: Digest,
    /// Corpus positions of the snippets that overlap a target of its question.
    pub(crate) targets: &'a BTreeSet<u32>,
}

/// The corpus position nearest to every wording, `None` where every snippet overlaps a target.
///
/// The whole index goes by once, block by block. Of the rows that are embedded for it one a
/// wording is kept, so memory does not grow with the index but for a digest a snippet. The
/// vectors of all target snippets are at hand before: a string that stands in a target and
/// again outside of it is not left out of the pass.
pub(crate) fn nearest_wrong(
    vectors: &mut ScoringVectors<'_>,
    n: usize,
    wordings: &[Wording<'_>],
    progress: OnProgress<'_>,
) -> Result<Vec<Option<u32>>, EvaluateError> {
    if wordings.is_empty() {
        return Ok(Vec::new());
    }
    let mut best: Vec<Option<Nearest>> = vec![None; wordings.len()];
    let mut kept = Kept::new();
    let mut seen = HashSet::new();
    let vector = |wording: &Wording<'_>| vectors.texts.get(wording.key).unwrap_or_default();
    let queries: Vec<f32> = wordings.iter().flat_map(vector).copied().collect();
    let (dim, total) = (vectors.dim(), n);
    progress(Progress { stage: "nulls", done: 0, total });
    for start in (0..n).step_by(POSITIONS_AT_A_TIME) {
        let end = n.min(start + POSITIONS_AT_A_TIME);
        let block = vectors.block(start as u32..end as u32, &mut seen)?;
        let row = |position: &u32| block.positions.binary_search(position).ok();
        let inside: Vec<Vec<u32>> = wordings
            .iter()
            .map(|w| w.targets.range(start as u32..end as u32).filter_map(row))
            .map(|rows| rows.map(|row| row as u32).collect())
            .collect();
        let excluded: Vec<&[u32]> = inside.iter().map(Vec::as_slice).collect();
        let found = nearest_outside(&block.rows, &queries, dim, &excluded);
        for (best, found) in best.iter_mut().zip(found) {
            let found = found.map(|f| Nearest { row: block.positions[f.row as usize], ..f });
            *best = match (*best, found) {
                (Some(a), Some(b)) => Some(a.nearer(b)),
                (a, b) => a.or(b),
            };
        }
        let standing: BTreeSet<u32> = best.iter().flatten().map(|nearest| nearest.row).collect();
        kept.retain(|position, _| standing.contains(position));
        kept.extend(standing.iter().filter_map(|p| Some((*p, block.keep(*p, dim)?))));
        progress(Progress { stage: "nulls", done: end, total });
    }
    vectors.adopt(kept);
    Ok(best.into_iter().map(|best| best.map(|nearest| nearest.row)).collect())
}
