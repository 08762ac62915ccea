//! Where a target lies in a document of one index, or what is wrong with its label.

use wfgy_core::{Span, TargetRef};

/// A target's place in a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Located {
    /// The whole document.
    Document,
    /// A whole section, by its position among the document's sections.
    Section(usize),
    /// A span of a section.
    Span {
        /// Position among the document's sections.
        section: usize,
        /// Where it lies now, in Unicode scalar values of the section's raw text.
        span: Span,
        /// Whether it is elsewhere than the gold set's offsets say.
        moved: bool,
    },
}

/// A target that this index's corpus does not contain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LabelProblem {
    /// No such document.
    #[error("document `{doc_id}` is not in the index")]
    NoDocument {
        /// The document asked for.
        doc_id: String,
    },
    /// No such section.
    #[error("document `{doc_id}` has no section `{section_id}`")]
    NoSection {
        /// The document.
        doc_id: String,
        /// The section asked for.
        section_id: String,
    },
    /// Offsets or a quote alone say nothing in a document of several sections.
    #[error("a span without section_id, but document `{doc_id}` has {sections} sections: name one")]
    WhichSection {
        /// The document.
        doc_id: String,
        /// How many sections it has.
        sections: usize,
    },
    /// The text at the offsets is another, or there are none, and the quote is nowhere.
    #[error("{}the quote is not in `{section_id}` of `{doc_id}`", elsewhere(*.span))]
    QuoteAbsent {
        /// The document.
        doc_id: String,
        /// The section.
        section_id: String,
        /// The gold set's offsets, where it has any.
        span: Option<Span>,
    },
    /// The text at the offsets is another, or there are none, and the quote is in several places.
    #[error("{}the quote is in `{section_id}` of `{doc_id}` more than once", elsewhere(*.span))]
    QuoteAmbiguous {
        /// The document.
        doc_id: String,
        /// The section.
        section_id: String,
        /// The gold set's offsets, where it has any.
        span: Option<Span>,
    },
    /// The offsets lie outside the text, and there is no quote to find the span by.
    #[error("offsets {start}-{end} are outside `{section_id}` in `{doc_id}`, which has {length} characters, and there is no quote", start = span.start, end = span.end)]
    OutOfRange {
        /// The document.
        doc_id: String,
        /// The section.
        section_id: String,
        /// The gold set's offsets.
        span: Span,
        /// Unicode scalar values of the section.
        length: usize,
    },
}

fn elsewhere(span: Option<Span>) -> String {
    span.map_or_else(String::new, |span| {
        format!("the text at {}-{} is not the quote, and ", span.start, span.end)
    })
}

/// Finds `target` in its document, given as the sections' ids and raw texts in reading order;
/// no sections mean that the index has no such document.
///
/// A span is at its offsets where the text there equals the quote (or there is no quote), else,
/// and where there are no offsets, at the one exact occurrence of the quote in that section.
///
/// # Errors
/// [`LabelProblem`] where this corpus does not contain it, or it cannot be told where.
pub fn locate(target: &TargetRef, sections: &[(&str, &str)]) -> Result<Located, LabelProblem> {
    let doc_id = || target.doc_id.clone();
    if sections.is_empty() {
        return Err(LabelProblem::NoDocument { doc_id: doc_id() });
    }
    let section =
        match &target.section_id {
            Some(id) => Some(sections.iter().position(|(s, _)| s == id).ok_or_else(|| {
                LabelProblem::NoSection { doc_id: doc_id(), section_id: id.clone() }
            })?),
            None => None,
        };
    if !target.is_span() {
        return Ok(section.map_or(Located::Document, Located::Section));
    }
    let section = match (section, sections.len()) {
        (Some(section), _) => section,
        (None, 1) => 0,
        (None, n) => return Err(LabelProblem::WhichSection { doc_id: doc_id(), sections: n }),
    };
    let (section_id, text) = sections[section];
    let section_id = || section_id.to_owned();
    let span = target.offsets;
    let there = span.and_then(|span| text_at(text, span));
    let found = match (span, &target.quote) {
        (Some(span), None) if there.is_some() => span,
        (Some(span), None) => {
            let length = text.chars().count();
            return Err(LabelProblem::OutOfRange {
                doc_id: doc_id(),
                section_id: section_id(),
                span,
                length,
            });
        }
        (Some(span), Some(quote)) if there == Some(quote) => span,
        (_, quote) => match occurrences(text, quote.as_deref().unwrap_or_default()) {
            Occurrences::One(found) => found,
            Occurrences::None => {
                return Err(LabelProblem::QuoteAbsent {
                    doc_id: doc_id(),
                    section_id: section_id(),
                    span,
                });
            }
            Occurrences::Several => {
                return Err(LabelProblem::QuoteAmbiguous {
                    doc_id: doc_id(),
                    section_id: section_id(),
                    span,
                });
            }
        },
    };
    let moved = span.is_some_and(|span| span != found);
    Ok(Located::Span { section, span: found, moved })
}

/// The text at `span`, in Unicode scalar values; `None` where it is empty or not all inside.
pub fn text_at(text: &str, span: Span) -> Option<&str> {
    if span.is_empty() {
        return None;
    }
    let mut places = text.char_indices().map(|(i, _)| i).chain([text.len()]);
    let start = places.nth(span.start)?;
    let end = places.nth(span.len() - 1)?;
    text.get(start..end)
}

/// How often a quote occurs in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Occurrences {
    None,
    One(Span),
    Several,
}

/// Exact occurrences, those that overlap counted too.
fn occurrences(text: &str, quote: &str) -> Occurrences {
    let Some(first) = quote.chars().next() else {
        return Occurrences::None;
    };
    let Some(byte) = text.find(quote) else {
        return Occurrences::None;
    };
    if text[byte + first.len_utf8()..].contains(quote) {
        return Occurrences::Several;
    }
    let start = text[..byte].chars().count();
    Occurrences::One(Span::new(start, start + quote.chars().count()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(section: Option<&str>, offsets: Option<(usize, usize)>, quote: &str) -> TargetRef {
        TargetRef {
            doc_id: "d".into(),
            section_id: section.map(str::to_owned),
            offsets: offsets.map(|(start, end)| Span::new(start, end)),
            quote: (!quote.is_empty()).then(|| quote.to_owned()),
            grade: 1,
        }
    }

    const TEXT: &str = "naïve – the cat sat; aaa";

    #[test]
    fn rule_offsets_count_unicode_scalar_values() {
        assert_eq!(text_at(TEXT, Span::new(0, 5)), Some("naïve"));
        assert_eq!(text_at(TEXT, Span::new(8, 15)), Some("the cat"));
        assert_eq!(text_at(TEXT, Span::new(21, 24)), Some("aaa"));
        assert_eq!(text_at(TEXT, Span::new(21, 25)), None);
        assert_eq!(text_at(TEXT, Span::new(5, 5)), None);
        assert_eq!(text_at(TEXT, Span::new(9, usize::MAX)), None);
        assert_eq!(text_at("", Span::new(0, 1)), None);
    }

    #[test]
    fn rule_a_span_is_at_its_offsets_where_the_text_there_equals_the_quote() {
        let sections = [("s", TEXT)];
        let located = locate(&target(Some("s"), Some((21, 22)), "a"), &sections).unwrap();
        // `a` occurs often; the offsets decide.
        assert_eq!(located, Located::Span { section: 0, span: Span::new(21, 22), moved: false });
    }

    #[test]
    fn rule_a_moved_span_is_the_one_exact_occurrence_of_its_quote() {
        let sections = [("other", "the cat"), ("s", TEXT)];
        for offsets in [(0, 7), (900, 907), (8, 14)] {
            let located = locate(&target(Some("s"), Some(offsets), "the cat"), &sections).unwrap();
            let span = Span::new(8, 15);
            assert_eq!(located, Located::Span { section: 1, span, moved: true });
        }
    }

    #[test]
    fn rule_no_occurrence_or_several_is_a_label_problem() {
        let sections = [("s", TEXT)];
        let absent = locate(&target(Some("s"), Some((0, 3)), "dog"), &sections).unwrap_err();
        assert!(matches!(absent, LabelProblem::QuoteAbsent { .. }));
        // Overlapping occurrences are several.
        let several = locate(&target(Some("s"), Some((0, 2)), "aa"), &sections).unwrap_err();
        assert!(matches!(several, LabelProblem::QuoteAmbiguous { .. }));
        assert!(several.to_string().contains("more than once"), "{several}");
    }

    #[test]
    fn rule_a_quote_without_offsets_is_a_span_at_its_one_occurrence() {
        let two = [("other", "the cat"), ("s", TEXT)];
        let located = locate(&target(Some("s"), None, "the cat"), &two);
        assert_eq!(located, Ok(Located::Span { section: 1, span: Span::new(8, 15), moved: false }));
        assert_eq!(locate(&target(None, None, "the cat"), &two[1..]).unwrap(), {
            Located::Span { section: 0, span: Span::new(8, 15), moved: false }
        });
        let problem = |quote| locate(&target(Some("s"), None, quote), &two).unwrap_err();
        assert_eq!(problem("dog").to_string(), "the quote is not in `s` of `d`");
        assert_eq!(problem("aa").to_string(), "the quote is in `s` of `d` more than once");
        let which = locate(&target(None, None, "the cat"), &two).unwrap_err();
        assert!(matches!(which, LabelProblem::WhichSection { sections: 2, .. }));
    }

    #[test]
    fn rule_what_the_corpus_does_not_contain_is_a_label_problem() {
        let none = locate(&target(None, None, ""), &[]).unwrap_err();
        assert_eq!(none.to_string(), "document `d` is not in the index");
        let section = locate(&target(Some("x"), None, ""), &[("s", TEXT)]).unwrap_err();
        assert_eq!(section.to_string(), "document `d` has no section `x`");
        let outside = locate(&target(Some("s"), Some((20, 25)), ""), &[("s", TEXT)]).unwrap_err();
        assert!(outside.to_string().contains("has 24 characters"), "{outside}");
    }

    #[test]
    fn rule_offsets_without_a_section_only_in_a_one_section_document() {
        let located = locate(&target(None, Some((0, 5)), "naïve"), &[("s", TEXT)]).unwrap();
        assert_eq!(located, Located::Span { section: 0, span: Span::new(0, 5), moved: false });
        let two = [("s", TEXT), ("t", TEXT)];
        let error = locate(&target(None, Some((0, 5)), "naïve"), &two).unwrap_err();
        assert!(matches!(error, LabelProblem::WhichSection { sections: 2, .. }));
    }

    #[test]
    fn rule_without_offsets_the_target_is_the_section_or_the_document() {
        let two = [("s", TEXT), ("t", TEXT)];
        assert_eq!(locate(&target(Some("t"), None, ""), &two), Ok(Located::Section(1)));
        assert_eq!(locate(&target(None, None, ""), &two), Ok(Located::Document));
    }
}
