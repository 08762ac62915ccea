//! The gold set: questions, their paraphrases, and what answers them.

use serde::Serialize;

use crate::{CanonicalError, Digest, Span};

/// Questions with known answers.
///
/// A reader hands out only sets that are not empty, whose ids are unique and
/// whose answerable questions have at least one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GoldSet {
    /// Name of the set; empty where it has none.
    pub name: String,
    /// BCP 47 language of its questions; `en` unless given.
    pub language: String,
    /// The questions, in file order.
    pub items: Vec<Question>,
}

/// One question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Question {
    /// Unique in the set.
    pub id: String,
    /// Wording 0.
    pub question: String,
    /// Wordings 1..P.
    pub paraphrases: Vec<String>,
    /// What answers it: all of these (AND).
    pub targets: Vec<Target>,
    /// The gold's own anchors; where empty, the quotes of the targets serve.
    pub anchors: Vec<String>,
    /// Slice that the question belongs to.
    pub stratum: Option<String>,
    /// `false`: it has no targets and is in no aggregate.
    pub answerable: bool,
}

/// One thing that must be found: any of its alternatives (OR).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Target {
    /// At least one, in file order.
    pub any_of: Vec<TargetRef>,
}

/// A document, a section, or a span of a section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TargetRef {
    /// The document.
    pub doc_id: String,
    /// The section; `None`: the whole document (or, of a span, its only section).
    pub section_id: Option<String>,
    /// The span, in Unicode scalar values of the section's raw text; `None`: the whole section, or
    /// where the quote is.
    pub offsets: Option<Span>,
    /// Text of the span.
    pub quote: Option<String>,
    /// Relevance for graded measures, ≥ 1.
    pub grade: u32,
}

impl TargetRef {
    /// Whether it is a span of a section: it says by offsets or by a quote which.
    pub fn is_span(&self) -> bool {
        self.offsets.is_some() || self.quote.is_some()
    }
}

/// What `k` counts for coverage, λ and the ranking measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Snippets.
    Snippet,
    /// Distinct documents: no target of the set has a section or a span.
    Document,
}

impl Question {
    /// All wordings in order: the question as written, then its paraphrases.
    pub fn wordings(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.question.as_str()).chain(self.paraphrases.iter().map(String::as_str))
    }
}

impl GoldSet {
    /// `document` iff no target of the set has a section or a span.
    pub fn unit(&self) -> Unit {
        let mut targets = self.items.iter().flat_map(|q| &q.targets).flat_map(|t| &t.any_of);
        if targets.any(|t| t.section_id.is_some() || t.is_span()) {
            Unit::Snippet
        } else {
            Unit::Document
        }
    }

    /// Digest of the set's content: the same for every file form that says the same.
    ///
    /// # Errors
    /// Never in practice: the set is strings and integers only.
    pub fn digest(&self) -> Result<Digest, CanonicalError> {
        Digest::of_json(self)
    }
}
