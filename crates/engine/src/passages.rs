//! The text of snippets, cut from their sections as the store keeps them.

use std::collections::{BTreeMap, BTreeSet};

use wfgy_core::{Analyzer, EmbedSchema, PortError, Role, Snippet, Span, Store, StoredSection};

use crate::reader::{DOCUMENTS_AT_A_TIME, Reader};
use crate::setup::Settings;

/// Every how many characters the byte position of a section's text is remembered.
const STRIDE: usize = 256;

/// A snippet with the text that was embedded for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// The snippet.
    pub snippet: Snippet,
    /// The title embedded with it: the section's, else the document's.
    pub title: Option<String>,
    /// The section's text at its offsets.
    pub text: String,
}

impl Passage {
    /// The embedded string of the snippet.
    pub fn embedded(&self, schema: &EmbedSchema, analyzer: &Analyzer) -> String {
        schema.compose(Role::Passage, analyzer, self.title.as_deref(), &self.text)
    }
}

/// The snippets at `positions`, in that order, with their text.
///
/// Neighbours of one document share one reading of it, so ascending positions are cheap.
///
/// # Errors
/// Where the store could not be read, or a snippet stands outside its section.
pub fn passages(
    store: &dyn Store,
    settings: &Settings,
    positions: &[u32],
) -> Result<Vec<Passage>, PortError> {
    let reader = Reader::new(store, settings);
    let mut snippets = reader.snippets(positions)?;
    let mut found = Vec::with_capacity(positions.len());
    while !snippets.is_empty() {
        let mut doc_ids = BTreeSet::new();
        let mut held = |snippet: &Snippet| {
            doc_ids.insert(snippet.doc_id.clone());
            doc_ids.len() <= DOCUMENTS_AT_A_TIME
        };
        let later = snippets.split_off(snippets.iter().take_while(|s| held(s)).count());
        cut(&reader, snippets, &mut found)?;
        snippets = later;
    }
    Ok(found)
}

/// Cuts the text of snippets whose documents may all be held at once.
fn cut(
    reader: &Reader<'_>,
    snippets: Vec<Snippet>,
    found: &mut Vec<Passage>,
) -> Result<(), PortError> {
    let sections = reader.sections(&snippets.iter().map(|s| s.doc_id.as_str()).collect())?;
    let mut marked: BTreeMap<(&str, &str), (&StoredSection, CharMarks)> = BTreeMap::new();
    let mut texts = Vec::with_capacity(snippets.len());
    for snippet in &snippets {
        let key = (snippet.doc_id.as_str(), snippet.section_id.as_str());
        if !marked.contains_key(&key)
            && let Some(section) = sections[key.0].iter().find(|s| s.section_id == key.1)
        {
            marked.insert(key, (section, CharMarks::of(&section.text)));
        }
        let text = marked.get(&key).and_then(|(section, marks)| {
            Some((section.title.clone(), marks.slice(&section.text, snippet.offsets)?.to_owned()))
        });
        texts.push(text.ok_or_else(|| {
            PortError::input(
                reader.store().name(),
                format!("snippet {} stands outside its section; rebuild it", snippet.snippet_id),
            )
        })?);
    }
    let whole = |(snippet, (title, text))| Passage { snippet, title, text };
    found.extend(snippets.into_iter().zip(texts).map(whole));
    Ok(())
}

/// Byte positions of every [`STRIDE`]-th character, so that cutting many snippets from one
/// long section takes linear time.
struct CharMarks {
    bytes: Vec<usize>,
    chars: usize,
}

impl CharMarks {
    fn of(text: &str) -> Self {
        let mut bytes = Vec::new();
        let mut chars = 0;
        for (byte, _) in text.char_indices() {
            if chars % STRIDE == 0 {
                bytes.push(byte);
            }
            chars += 1;
        }
        Self { bytes, chars }
    }

    fn byte(&self, text: &str, position: usize) -> Option<usize> {
        if position == self.chars {
            return Some(text.len());
        }
        let mark = *self.bytes.get(position / STRIDE)?;
        text[mark..].char_indices().nth(position % STRIDE).map(|(byte, _)| mark + byte)
    }

    fn slice<'t>(&self, text: &'t str, span: Span) -> Option<&'t str> {
        if span.start > span.end || span.end > self.chars {
            return None;
        }
        text.get(self.byte(text, span.start)?..self.byte(text, span.end)?)
    }
}

/// `text` at `span`, in Unicode scalar values; `None` where the span is not inside the text.
pub(crate) fn slice(text: &str, span: Span) -> Option<&str> {
    CharMarks::of(text).slice(text, span)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_offsets_count_unicode_scalar_values() {
        let text: String = "aé漢😀".repeat(300);
        let chars: Vec<char> = text.chars().collect();
        for (start, end) in [(0, 0), (0, 1200), (255, 257), (511, 514), (1199, 1200), (1200, 1200)]
        {
            let expected: String = chars[start..end].iter().collect();
            assert_eq!(slice(&text, Span::new(start, end)), Some(expected.as_str()));
        }
        assert_eq!(slice(&text, Span::new(0, 1201)), None);
        assert_eq!(slice(&text, Span::new(5, 4)), None);
        assert_eq!(slice("", Span::new(0, 0)), Some(""));
    }
}
