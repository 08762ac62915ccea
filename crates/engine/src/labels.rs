//! Where the targets of a question lie in this index, and what follows from that.

use std::collections::{BTreeMap, BTreeSet};

use wfgy_core::{Question, Span, Store, StoredSection, TargetRef, Tokenizer, Unit, snippet_id};
use wfgy_score::coverage::{Alternative, Coverage, Part, character_tokens};
use wfgy_score::label::{self, LabelProblem, locate};
use wfgy_score::trec::section_unit;

use crate::error::EvaluateError;
use crate::passages::slice;
use crate::reader::{DOCUMENTS_AT_A_TIME, Reader};
use crate::setup::{OnProgress, Progress, Settings};

/// What one question's targets are in one index.
#[derive(Debug, Clone)]
pub struct Labels {
    /// Ready to be compared with runs.
    pub coverage: Coverage,
    /// One entry a target, as `QuestionRecord::expected` says.
    pub expected: Vec<String>,
    /// Relevance by unit id.
    pub qrels: BTreeMap<String, u32>,
    /// Corpus positions of the snippets that overlap a target, any alternative of it.
    pub positions: BTreeSet<u32>,
    /// What the retrieved snippets should be close to: distinct texts, in order.
    pub anchors: Vec<Anchor>,
    /// Everything that is odd about a target, in order.
    pub notes: Vec<LabelNote>,
}

/// A text that the retrieved snippets should be close to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    /// It.
    pub text: String,
    /// Whether the gold set gives it, as an anchor, a quote or a span; else it is a whole section,
    /// for want of anything better.
    pub given: bool,
}

/// Something odd about one alternative of one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelNote {
    /// `targets[n]`, or `targets[n].any_of[m]` where it has alternatives.
    pub field: String,
    /// What.
    pub kind: LabelNoteKind,
}

/// What is odd about a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LabelNoteKind {
    /// This index does not contain it: a label problem, which lowers coverage.
    Problem(LabelProblem),
    /// Its text stands elsewhere than the gold set says; it was found by its quote.
    Moved {
        /// The gold set's offsets.
        from: Span,
        /// Where it is.
        to: Span,
    },
    /// No snippet overlaps it, so nothing can retrieve it.
    Unreachable,
}

impl Labels {
    /// What is wrong with the targets, as `QuestionRecord::label_problems` holds it.
    pub fn problems(&self) -> Vec<String> {
        let problem = |note: &LabelNote| match &note.kind {
            LabelNoteKind::Problem(problem) => Some(format!("{}: {problem}", note.field)),
            LabelNoteKind::Moved { .. } | LabelNoteKind::Unreachable => None,
        };
        self.notes.iter().filter_map(problem).collect()
    }

    /// Refuses offsets that cannot be meant: outside the section, without a quote to find the
    /// span by.
    ///
    /// # Errors
    /// [`EvaluateError::Gold`] for the first one.
    pub(crate) fn refuse_impossible(&self, question: &str) -> Result<(), EvaluateError> {
        let impossible = self.notes.iter().find_map(|note| match &note.kind {
            LabelNoteKind::Problem(problem @ LabelProblem::OutOfRange { .. }) => {
                Some((note, problem))
            }
            _ => None,
        });
        match impossible {
            Some((note, problem)) => Err(EvaluateError::Gold {
                question: question.to_owned(),
                field: format!("{}.offsets", note.field),
                problem: Box::new(problem.clone()),
            }),
            None => Ok(()),
        }
    }
}

/// Resolves the targets of questions against one store.
pub struct Labeller<'a> {
    reader: Reader<'a>,
    tokenizer: Option<&'a dyn Tokenizer>,
    unit: Unit,
    /// Token spans by document and section, since questions share sections.
    tokens: BTreeMap<(String, String), Vec<Span>>,
}

/// An alternative that is in the index.
struct Place<'s> {
    section: &'s StoredSection,
    span: Option<Span>,
}

/// An alternative of a target, looked up.
struct Resolved<'s> {
    reference: &'s TargetRef,
    /// As [`LabelNote::field`].
    field: String,
    /// `None` where the index does not contain it.
    places: Option<Vec<Place<'s>>>,
}

/// A question whose targets were looked up: one entry a target, one in it an alternative.
struct Located<'s> {
    question: &'s Question,
    targets: Vec<Vec<Resolved<'s>>>,
    notes: Vec<LabelNote>,
}

/// Sections by document.
type Documents<'s> = BTreeMap<&'s str, Vec<StoredSection>>;

impl<'a> Labeller<'a> {
    /// For the index behind `store`, whose TOK_VER is `tokenizer`'s (`None`: characters are
    /// counted); `unit` is the gold set's.
    pub fn new(
        store: &'a dyn Store,
        tokenizer: Option<&'a dyn Tokenizer>,
        settings: &'a Settings,
        unit: Unit,
    ) -> Self {
        let reader = Reader::new(store, settings);
        Self { reader, tokenizer, unit, tokens: BTreeMap::new() }
    }

    /// Resolves the questions, in their order. A target that the index does not contain is a
    /// note, not an error.
    ///
    /// The store is asked for the documents of many questions at a time.
    ///
    /// # Errors
    /// Where the store or the tokenizer failed.
    pub fn labels(
        &mut self,
        questions: &[Question],
        progress: OnProgress<'_>,
    ) -> Result<Vec<Labels>, EvaluateError> {
        let total = questions.len();
        let mut labels = Vec::with_capacity(total);
        while labels.len() < total {
            let block = block(&questions[labels.len()..]);
            labels.extend(self.of_block(block)?);
            progress(Progress { stage: "labels", done: labels.len(), total });
        }
        Ok(labels)
    }

    fn of_block(&mut self, questions: &[Question]) -> Result<Vec<Labels>, EvaluateError> {
        let at = EvaluateError::at("labels");
        let doc_ids = questions.iter().flat_map(documents).collect();
        let documents = self.reader.sections(&doc_ids).map_err(&at)?;
        let located: Vec<Located<'_>> =
            questions.iter().map(|question| look_up(question, &documents)).collect();
        let positions: BTreeSet<u32> = located.iter().flat_map(Located::cut_through).collect();
        let positions: Vec<u32> = positions.into_iter().collect();
        let snippets = self.reader.snippets(&positions).map_err(&at)?;
        let offsets = snippets.iter().map(|snippet| snippet.offsets);
        let offsets: BTreeMap<u32, Span> = positions.into_iter().zip(offsets).collect();
        located.into_iter().map(|located| self.assemble(located, &offsets)).collect()
    }

    /// `offsets`: of the snippets of every section that a span stands in.
    fn assemble(
        &mut self,
        located: Located<'_>,
        offsets: &BTreeMap<u32, Span>,
    ) -> Result<Labels, EvaluateError> {
        let Located { question, targets, mut notes } = located;
        let mut labels = Labels {
            coverage: self.coverage(&targets)?,
            expected: Vec::new(),
            qrels: BTreeMap::new(),
            positions: BTreeSet::new(),
            anchors: Vec::new(),
            notes: Vec::new(),
        };
        for alternatives in &targets {
            let mut expected = Vec::new();
            for Resolved { reference, field, places } in alternatives {
                expected.push(shown(reference, places.as_deref()));
                for unit in self.units(reference, places.as_deref()) {
                    let grade = labels.qrels.entry(unit).or_default();
                    *grade = reference.grade.max(*grade);
                }
                labels.anchors.extend(anchors(reference, places.as_deref()));
                let Some(places) = places else { continue };
                let positions: BTreeSet<u32> =
                    places.iter().flat_map(|place| place.overlapping(offsets)).collect();
                if positions.is_empty() {
                    let kind = LabelNoteKind::Unreachable;
                    notes.push(LabelNote { field: field.clone(), kind });
                }
                labels.positions.extend(positions);
            }
            labels.expected.push(expected.join(" | "));
        }
        if !question.anchors.is_empty() {
            let given = |text: &String| Anchor { text: text.clone(), given: true };
            labels.anchors = question.anchors.iter().map(given).collect();
        }
        let mut seen = BTreeSet::new();
        labels.anchors.retain(|a| !a.text.trim().is_empty() && seen.insert(a.text.clone()));
        labels.notes = notes;
        Ok(labels)
    }

    fn coverage(&mut self, found: &[Vec<Resolved<'_>>]) -> Result<Coverage, EvaluateError> {
        if self.unit == Unit::Document {
            let documents: Vec<Vec<&str>> = found
                .iter()
                .map(|target| target.iter().map(|r| r.reference.doc_id.as_str()).collect())
                .collect();
            return Ok(Coverage::documents(&documents));
        }
        for Resolved { reference, places, .. } in found.iter().flatten() {
            for place in places.iter().flatten() {
                let key = (reference.doc_id.clone(), place.section.section_id.clone());
                if !self.tokens.contains_key(&key) {
                    let spans = self.encode(&place.section.text)?;
                    self.tokens.insert(key, spans);
                }
            }
        }
        let mut targets = Vec::new();
        for target in found {
            let mut alternatives = Vec::new();
            for Resolved { reference, places, .. } in target {
                alternatives.push(match places {
                    Some(places) => {
                        Alternative::Found(places.iter().map(|p| self.part(reference, p)).collect())
                    }
                    None => {
                        let quote = reference.quote.as_deref();
                        let weight = quote.map(|quote| self.encode(quote)).transpose()?;
                        Alternative::Missing { weight: weight.map(|tokens| tokens.len()) }
                    }
                });
            }
            targets.push(alternatives);
        }
        Ok(Coverage::snippets(&targets))
    }

    fn encode(&self, text: &str) -> Result<Vec<Span>, EvaluateError> {
        let Some(tokenizer) = self.tokenizer else {
            return Ok(character_tokens(text.chars().count()));
        };
        let tokens = tokenizer.encode(text).map_err(EvaluateError::at("labels"))?;
        Ok(tokens.spans)
    }

    fn part<'p>(&'p self, reference: &'p TargetRef, place: &Place<'p>) -> Part<'p> {
        let section_id = place.section.section_id.as_str();
        let key = (reference.doc_id.clone(), place.section.section_id.clone());
        let tokens = self.tokens.get(&key).map(Vec::as_slice).unwrap_or_default();
        Part { doc_id: &reference.doc_id, section_id, tokens, span: place.span }
    }

    /// Relevant units; what the index does not contain is relevant all the same.
    fn units(&self, reference: &TargetRef, places: Option<&[Place<'_>]>) -> Vec<String> {
        if self.unit == Unit::Document {
            return vec![reference.doc_id.clone()];
        }
        match (places, &reference.section_id) {
            (Some(places), _) => places
                .iter()
                .map(|place| section_unit(&reference.doc_id, &place.section.section_id))
                .collect(),
            (None, Some(section_id)) => vec![section_unit(&reference.doc_id, section_id)],
            (None, None) => vec![document_unit(&reference.doc_id)],
        }
    }
}

/// The first questions whose documents may all be held at once; at least one.
fn block(questions: &[Question]) -> &[Question] {
    let mut doc_ids: BTreeSet<&str> = BTreeSet::new();
    let mut n = 0;
    for question in questions {
        doc_ids.extend(documents(question));
        if n > 0 && doc_ids.len() > DOCUMENTS_AT_A_TIME {
            break;
        }
        n += 1;
    }
    &questions[..n]
}

/// The documents that a question's targets are in, any alternative.
fn documents(question: &Question) -> impl Iterator<Item = &str> {
    question.targets.iter().flat_map(|target| &target.any_of).map(|r| r.doc_id.as_str())
}

fn look_up<'s>(question: &'s Question, documents: &'s Documents<'_>) -> Located<'s> {
    let mut located = Located { question, targets: Vec::new(), notes: Vec::new() };
    for (t, target) in question.targets.iter().enumerate() {
        let mut alternatives = Vec::new();
        for (a, reference) in target.any_of.iter().enumerate() {
            let field = match target.any_of.len() {
                1 => format!("targets[{t}]"),
                _ => format!("targets[{t}].any_of[{a}]"),
            };
            let sections = documents.get(reference.doc_id.as_str()).map(Vec::as_slice);
            let places =
                places(reference, sections.unwrap_or_default(), &field, &mut located.notes);
            alternatives.push(Resolved { reference, field, places });
        }
        located.targets.push(alternatives);
    }
    located
}

/// The places of an alternative in its document; `None`, and a note, where the index does not
/// contain it.
fn places<'s>(
    reference: &TargetRef,
    sections: &'s [StoredSection],
    field: &str,
    notes: &mut Vec<LabelNote>,
) -> Option<Vec<Place<'s>>> {
    let texts: Vec<(&str, &str)> =
        sections.iter().map(|s| (s.section_id.as_str(), s.text.as_str())).collect();
    let mut note = |kind| notes.push(LabelNote { field: field.to_owned(), kind });
    match locate(reference, &texts) {
        Err(problem) => {
            note(LabelNoteKind::Problem(problem));
            None
        }
        Ok(label::Located::Document) => {
            Some(sections.iter().map(|section| Place { section, span: None }).collect())
        }
        Ok(label::Located::Section(i)) => Some(vec![Place { section: &sections[i], span: None }]),
        Ok(label::Located::Span { section, span, moved }) => {
            if let (true, Some(from)) = (moved, reference.offsets) {
                note(LabelNoteKind::Moved { from, to: span });
            }
            Some(vec![Place { section: &sections[section], span: Some(span) }])
        }
    }
}

impl Located<'_> {
    /// Snippets of the sections that a span stands in.
    fn cut_through(&self) -> impl Iterator<Item = u32> {
        let places = self.targets.iter().flatten().filter_map(|r| r.places.as_ref()).flatten();
        places.filter(|place| place.span.is_some()).flat_map(|p| &p.section.positions).copied()
    }
}

impl Place<'_> {
    /// The snippets that overlap it; `offsets`: of those of its section, where it is a span.
    fn overlapping(&self, offsets: &BTreeMap<u32, Span>) -> impl Iterator<Item = u32> {
        let inside = |position: &u32| match self.span {
            None => true,
            Some(span) => offsets.get(position).is_some_and(|o| o.intersects(span)),
        };
        self.section.positions.iter().copied().filter(inside)
    }
}

/// `doc`, percent-encoded as in snippet ids.
fn document_unit(doc_id: &str) -> String {
    let mut id = section_unit(doc_id, "");
    id.truncate(id.rfind('#').unwrap_or(id.len()));
    id
}

fn shown(reference: &TargetRef, places: Option<&[Place<'_>]>) -> String {
    let span = match places {
        Some([place]) => place.span,
        _ => reference.offsets,
    };
    match (&reference.section_id, places, span) {
        (Some(section), _, Some(span)) => snippet_id(&reference.doc_id, section, span),
        (Some(section), _, None) => section_unit(&reference.doc_id, section),
        (None, Some([place]), Some(span)) => {
            snippet_id(&reference.doc_id, &place.section.section_id, span)
        }
        (None, _, _) => document_unit(&reference.doc_id),
    }
}

/// Anchors that a target gives: its quote or the text of its span, else its sections.
fn anchors(reference: &TargetRef, places: Option<&[Place<'_>]>) -> Vec<Anchor> {
    if let Some(quote) = &reference.quote {
        return vec![Anchor { text: quote.clone(), given: true }];
    }
    let anchor = |place: &Place<'_>| match place.span {
        Some(span) => {
            let text = slice(&place.section.text, span).unwrap_or_default().to_owned();
            Anchor { text, given: true }
        }
        None => Anchor { text: place.section.text.clone(), given: false },
    };
    places.unwrap_or_default().iter().map(anchor).collect()
}
