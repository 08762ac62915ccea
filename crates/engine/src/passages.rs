//! The text of snippets, cut from their sections as the store keeps them.

use wfgy_core::{Analyzer, EmbedSchema, PortError, Role, Snippet, Span, Store, StoredSection};

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
    let mut open: Option<OpenDocument> = None;
    let mut found = Vec::with_capacity(positions.len());
    for snippet in store.snippets(positions, settings.deadline())? {
        let document = match open.take() {
            Some(document) if document.doc_id == snippet.doc_id => document,
            _ => OpenDocument::read(store, settings, &snippet.doc_id)?,
        };
        let document = open.insert(document);
        let Some((title, text)) = document.cut(&snippet) else {
            return Err(PortError::permanent(
                store.name(),
                format!("snippet {} stands outside its section; rebuild it", snippet.snippet_id),
            ));
        };
        found.push(Passage { snippet, title, text });
    }
    Ok(found)
}

/// A document whose snippets are being cut.
struct OpenDocument {
    doc_id: String,
    sections: Vec<StoredSection>,
    /// Byte positions of the section cut last.
    marks: Option<(usize, CharMarks)>,
}

impl OpenDocument {
    fn read(store: &dyn Store, settings: &Settings, doc_id: &str) -> Result<Self, PortError> {
        let sections = store.sections(doc_id, settings.deadline())?;
        Ok(Self { doc_id: doc_id.to_owned(), sections, marks: None })
    }

    fn cut(&mut self, snippet: &Snippet) -> Option<(Option<String>, String)> {
        let i = self.sections.iter().position(|s| s.section_id == snippet.section_id)?;
        let section = &self.sections[i];
        if self.marks.as_ref().is_none_or(|(of, _)| *of != i) {
            self.marks = Some((i, CharMarks::of(&section.text)));
        }
        let (_, marks) = self.marks.as_ref()?;
        let text = marks.slice(&section.text, snippet.offsets)?;
        Some((section.title.clone(), text.to_owned()))
    }
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
