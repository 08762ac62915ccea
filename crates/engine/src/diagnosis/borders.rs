//! Whether snippets end in the middle of passages.

use wfgy_core::{PortError, Span, StoredSection, Tokenizer};

use crate::reader::Reader;

/// Passages that are looked at.
const LOOKED_AT: usize = 256;

/// How the borders of snippets lie to the passages that answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BorderSight {
    /// Passages that were looked at.
    pub passages: usize,
    /// Those that no snippet holds whole, because one ends within them.
    pub cut: usize,
    /// Those that are longer than every snippet of their section: no overlap holds them whole.
    pub longer: usize,
    /// The least overlap, in tokens, that would hold nine in ten of those cut whole; `None` where
    /// none is cut.
    pub overlap: Option<usize>,
}

/// A passage in its section.
pub(super) struct Passage {
    section: StoredSection,
    span: Span,
}

/// Takes up to so many passages as are looked at.
pub(super) fn keep(passages: &mut Vec<Passage>, section: &StoredSection, span: Span) {
    if passages.len() < LOOKED_AT {
        passages.push(Passage { section: section.clone(), span });
    }
}

/// Holds passages against the snippets of their sections, in tokens.
pub(super) fn borders(
    reader: &Reader<'_>,
    tokenizer: &dyn Tokenizer,
    passages: &[Passage],
) -> Result<BorderSight, PortError> {
    let mut sight = BorderSight::default();
    let mut needed = Vec::new();
    for Passage { section, span } in passages {
        let snippets = reader.snippets(&section.positions)?;
        let windows: Vec<Span> = snippets.iter().map(|snippet| snippet.tokens).collect();
        let tokens = tokenizer.encode(&section.text)?.spans;
        let inside = |i: &usize| tokens[*i].intersects(*span);
        let Some(first) = (0..tokens.len()).find(inside) else { continue };
        let end = (first..tokens.len()).take_while(inside).last().map_or(first, |last| last + 1);
        sight.passages += 1;
        if windows.iter().any(|window| window.start <= first && end <= window.end) {
            continue;
        }
        if windows.iter().all(|window| window.len() < end - first) {
            sight.longer += 1;
            continue;
        }
        sight.cut += 1;
        // The next snippet has to begin where the passage does.
        let holds_first = |window: &&Span| window.start <= first && first < window.end;
        let border = windows.iter().filter(holds_first).map(|window| window.end).max();
        needed.push(border.map_or(0, |border| border - first));
    }
    needed.sort_unstable();
    sight.overlap = needed.get((9 * needed.len()).div_ceil(10).saturating_sub(1)).copied();
    Ok(sight)
}
