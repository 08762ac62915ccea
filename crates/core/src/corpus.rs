//! What goes into an index: documents, their sections, and the snippets cut from them.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use crate::Span;

/// A document as the corpus gives it; its sections are in reading order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Opaque; unique in the corpus; never a file name.
    pub doc_id: String,
    /// Where a reader finds it.
    pub source_url: Option<String>,
    /// Title of the whole document.
    pub title: Option<String>,
    /// At least one.
    pub sections: Vec<Section>,
}

/// A part of a document with an id of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Opaque; unique in its document.
    pub section_id: String,
    /// Title of the section.
    pub title: Option<String>,
    /// Raw decoded text; all offsets count its Unicode scalar values.
    pub text: String,
}

/// The retrieval unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snippet {
    /// `doc#section#start-end`, see [`snippet_id`].
    pub snippet_id: String,
    /// Its document.
    pub doc_id: String,
    /// Its section.
    pub section_id: String,
    /// Where a reader finds the document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_url: Option<String>,
    /// Where it stands in the section's raw text, in Unicode scalar values.
    pub offsets: Span,
    /// Where it stands in the section's tokens under TOK_VER; the same as `offsets` where the
    /// store has no TOK_VER.
    pub tokens: Span,
}

const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// `doc#section#start-end`, the ids percent-encoded but for RFC 3986 unreserved characters.
pub fn snippet_id(doc_id: &str, section_id: &str, offsets: Span) -> String {
    format!(
        "{}#{}#{}-{}",
        utf8_percent_encode(doc_id, RESERVED),
        utf8_percent_encode(section_id, RESERVED),
        offsets.start,
        offsets.end
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_snippet_id_percent_encodes_all_but_unreserved() {
        let id = snippet_id("../a b", "é#1~", Span::new(3, 9));
        assert_eq!(id, "..%2Fa%20b#%C3%A9%231~#3-9");
    }
}
