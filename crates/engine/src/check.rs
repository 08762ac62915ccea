//! `gold check`: what is wrong with a gold set, seen from one index.

use std::collections::BTreeMap;
use std::fmt;

use wfgy_core::{Question, Role, Span};
use wfgy_score::{LabelProblem, Vector, delta_s};

use crate::error::EvaluateError;
use crate::evaluate::check_settings;
use crate::index::Index;
use crate::labels::{LabelNoteKind, Labeller, Labels};
use crate::setup::{OnProgress, Parts, Settings};
use crate::texts::{EmbeddedText, TextVectors};

/// An anchor farther than this from its question is suspect: retrieval that finds what the
/// question is near to will not find the anchor.
pub const FAR_ANCHOR: f64 = 0.35;

/// One thing to mend in a gold set.
#[derive(Debug, Clone, PartialEq)]
pub struct GoldProblem {
    /// Question id.
    pub question: String,
    /// Which field of it.
    pub field: String,
    /// What.
    pub kind: GoldProblemKind,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq)]
pub enum GoldProblemKind {
    /// The index does not contain the target.
    Target(LabelProblem),
    /// The target's text stands elsewhere than the offsets say.
    Moved {
        /// The gold set's offsets.
        from: Span,
        /// Where the quote is.
        to: Span,
    },
    /// No snippet overlaps the target.
    Unreachable,
    /// Another question asks the same.
    DuplicateQuestion {
        /// The id of the first one.
        of: String,
    },
    /// A paraphrase that says what an earlier wording of its question says.
    RepeatedWording {
        /// Number of that wording, 0 as written.
        of: usize,
    },
    /// An anchor that the question is not near to.
    FarAnchor {
        /// ΔS(question, anchor), in [0, 2].
        delta_s: f64,
    },
    /// A text that the embedder cuts at its limit.
    TooLong {
        /// The limit in tokens, special tokens counted.
        max_tokens: usize,
    },
    /// A text that the embedder has no vector for.
    NoVector,
}

impl GoldProblemKind {
    /// Whether the set can be used as it is. How near an anchor is depends on the embedder as much
    /// as on the anchor; everything else is a fault of the set, or of the index.
    pub fn is_warning(&self) -> bool {
        matches!(self, Self::FarAnchor { .. })
    }

    /// Its name in machine-readable output.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Target(LabelProblem::OutOfRange { .. }) => "offsets_out_of_range",
            Self::Target(_) => "missing_target",
            Self::Moved { .. } => "moved_offsets",
            Self::Unreachable => "unreachable_target",
            Self::DuplicateQuestion { .. } => "duplicate_question",
            Self::RepeatedWording { .. } => "repeated_wording",
            Self::FarAnchor { .. } => "far_anchor",
            Self::TooLong { .. } => "too_long",
            Self::NoVector => "no_vector",
        }
    }
}

impl fmt::Display for GoldProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Target(problem) => write!(f, "{problem}"),
            Self::Moved { from, to } => write!(
                f,
                "offsets {}-{} moved: the quote is at {}-{}",
                from.start, from.end, to.start, to.end
            ),
            Self::Unreachable => f.write_str("no snippet overlaps it: nothing can retrieve it"),
            Self::DuplicateQuestion { of } => write!(f, "question {of} asks the same"),
            Self::RepeatedWording { of: 0 } => f.write_str("says what the question says"),
            Self::RepeatedWording { of } => write!(f, "says what paraphrase {of} says"),
            Self::FarAnchor { delta_s } => write!(
                f,
                "ΔS to the question is {delta_s:.3}, above {FAR_ANCHOR}: the question is not near \
                 to what should answer it"
            ),
            Self::TooLong { max_tokens } => {
                write!(f, "is cut at {max_tokens} tokens when it is embedded: make it shorter")
            }
            Self::NoVector => f.write_str("has no vector: add it to the precomputed ones"),
        }
    }
}

impl fmt::Display for GoldProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "question {}, {}: {}", self.question, self.field, self.kind)
    }
}

/// Everything that is wrong with the gold set of `parts` in its store, in gold order.
///
/// # Errors
/// Where a part failed, or the store and the embedder do not belong together.
pub fn check_gold(
    parts: Parts<'_>,
    settings: &Settings,
    progress: OnProgress<'_>,
) -> Result<Vec<GoldProblem>, EvaluateError> {
    check_settings(settings)?;
    let index = Index::of(&parts)?;
    let labels = Labeller::new(parts.store, parts.tokenizer, settings, parts.gold.unit())
        .labels(&parts.gold.items, progress)?;
    let schema = &parts.scorer.identity().schema;
    let compose =
        |role, text: &str| EmbeddedText::from(schema.compose(role, &index.analyzer, None, text));
    let wordings: Vec<Vec<EmbeddedText>> = parts
        .gold
        .items
        .iter()
        .map(|question| question.wordings().map(|text| compose(Role::Query, text)).collect())
        .collect();
    let anchors: Vec<Vec<EmbeddedText>> = labels
        .iter()
        .map(|l| l.anchors.iter().map(|anchor| compose(Role::Passage, &anchor.text)).collect())
        .collect();
    let all = wordings.iter().chain(&anchors).flatten();
    let texts = TextVectors::embed(parts.scorer, all, &[], parts.cache, settings, progress)?;

    let mut first_asked: BTreeMap<String, &str> = BTreeMap::new();
    let mut problems = Vec::new();
    for (q, (question, labels)) in parts.gold.items.iter().zip(&labels).enumerate() {
        let mut found = Found { question, problems: &mut problems };
        let first = *first_asked.entry(plain(&question.question)).or_insert(&question.id);
        if first != question.id {
            let kind = GoldProblemKind::DuplicateQuestion { of: first.to_owned() };
            found.push("question", kind);
        }
        repeated_wordings(&mut found);
        target_notes(&mut found, labels);
        for (number, text) in wordings[q].iter().enumerate() {
            let field = wording_field(number);
            found.vector(&texts, &field, text);
            found.length(&texts, &field, text, schema.max_tokens);
        }
        for (number, (anchor, text)) in labels.anchors.iter().zip(&anchors[q]).enumerate() {
            let field = match question.anchors.is_empty() {
                true => format!("anchor {number} (from its targets)"),
                false => format!("anchor {number}"),
            };
            found.vector(&texts, &field, text);
            // A whole section stands in for want of an anchor: nobody can make it shorter, and
            // that most of it is about something else is no fault of the gold set.
            if anchor.given {
                found.length(&texts, &field, text, schema.max_tokens);
                found.distance(&texts, &field, &wordings[q][0], text)?;
            }
        }
    }
    Ok(problems)
}

/// Problems of one question in the making.
struct Found<'a> {
    question: &'a Question,
    problems: &'a mut Vec<GoldProblem>,
}

impl Found<'_> {
    fn push(&mut self, field: &str, kind: GoldProblemKind) {
        let question = self.question.id.clone();
        self.problems.push(GoldProblem { question, field: field.to_owned(), kind });
    }

    fn vector(&mut self, texts: &TextVectors, field: &str, text: &EmbeddedText) {
        if texts.get(text.sha256).is_none() {
            self.push(field, GoldProblemKind::NoVector);
        }
    }

    fn length(&mut self, texts: &TextVectors, field: &str, text: &EmbeddedText, max_tokens: usize) {
        if texts.is_truncated(text.sha256) {
            self.push(field, GoldProblemKind::TooLong { max_tokens });
        }
    }

    fn distance(
        &mut self,
        texts: &TextVectors,
        field: &str,
        asked: &EmbeddedText,
        anchor: &EmbeddedText,
    ) -> Result<(), EvaluateError> {
        let vectors = (texts.get(asked.sha256), texts.get(anchor.sha256));
        let (Some(asked), Some(anchor)) = vectors else { return Ok(()) };
        let name = |field: &str| format!("question {}, {field}", self.question.id);
        let asked = Vector::new(&name("question"), asked, asked.len())?;
        let anchor = Vector::new(&name(field), anchor, anchor.len())?;
        let delta_s = delta_s(asked, anchor);
        if !wfgy_stats::at_most(delta_s, FAR_ANCHOR) {
            self.push(field, GoldProblemKind::FarAnchor { delta_s });
        }
        Ok(())
    }
}

fn wording_field(number: usize) -> String {
    match number {
        0 => "question".to_owned(),
        number => format!("paraphrases[{}]", number - 1),
    }
}

/// What two people would call the same question: case, white space and a final mark aside.
fn plain(text: &str) -> String {
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    words.join(" ").trim_end_matches(['?', '.', '!']).trim_end().to_owned()
}

fn repeated_wordings(found: &mut Found<'_>) {
    let wordings: Vec<String> = found.question.wordings().map(plain).collect();
    for (number, wording) in wordings.iter().enumerate() {
        if let Some(of) = wordings[..number].iter().position(|earlier| earlier == wording) {
            found.push(&wording_field(number), GoldProblemKind::RepeatedWording { of });
        }
    }
}

fn target_notes(found: &mut Found<'_>, labels: &Labels) {
    for note in &labels.notes {
        let kind = match &note.kind {
            LabelNoteKind::Problem(problem) => GoldProblemKind::Target(problem.clone()),
            LabelNoteKind::Moved { from, to } => GoldProblemKind::Moved { from: *from, to: *to },
            LabelNoteKind::Unreachable => GoldProblemKind::Unreachable,
        };
        found.push(&note.field, kind);
    }
}
