//! Coverage, rule by rule, and against counting tokens one by one.

use std::collections::BTreeSet;

use wfgy_core::{Span, Unit};
use wfgy_score::coverage::character_tokens;
use wfgy_score::{Alternative, Coverage, Part, Retrieved};

/// Tokens of a text in which every word is one token.
fn words(text: &str) -> Vec<Span> {
    let mut tokens = Vec::new();
    let mut start = None;
    for (i, c) in text.chars().chain([' ']).enumerate() {
        match (c == ' ', start) {
            (false, None) => start = Some(i),
            (true, Some(from)) => {
                tokens.push(Span::new(from, i));
                start = None;
            }
            _ => {}
        }
    }
    tokens
}

const TEXT: &str = "aa bb cc dd ee ff";

fn part<'a>(section: &'a str, tokens: &'a [Span], span: Option<(usize, usize)>) -> Part<'a> {
    let span = span.map(|(start, end)| Span::new(start, end));
    Part { doc_id: "d", section_id: section, tokens, span }
}

fn found(parts: Vec<Part<'_>>) -> Vec<Alternative<'_>> {
    vec![Alternative::Found(parts)]
}

fn hit(section: &str, start: usize, end: usize, tokens: usize) -> Retrieved<'_> {
    Retrieved { doc_id: "d", section_id: section, offsets: Span::new(start, end), tokens }
}

fn coverage_of(targets: &[Vec<Alternative<'_>>], hits: &[Retrieved<'_>], k: usize) -> f64 {
    Coverage::snippets(targets).at(hits, [k])[&k].coverage
}

#[test]
fn rule_a_token_is_in_the_target_iff_it_intersects_the_span() {
    let tokens = words(TEXT);
    // 4..7 cuts through `bb` and `cc`: both are target tokens.
    let targets = [found(vec![part("s", &tokens, Some((4, 7)))])];
    assert_eq!(coverage_of(&targets, &[hit("s", 3, 5, 1)], 1), 0.5);
    assert_eq!(coverage_of(&targets, &[hit("s", 3, 8, 2)], 1), 1.0);
}

#[test]
fn rule_a_token_is_covered_iff_it_lies_inside_the_union_of_the_hits() {
    let tokens = words(TEXT);
    let targets = [found(vec![part("s", &tokens, Some((3, 5)))])];
    // Half of `bb` is not enough; two halves together are, wherever they rank.
    assert_eq!(coverage_of(&targets, &[hit("s", 0, 4, 1)], 1), 0.0);
    let halves = [hit("s", 0, 4, 1), hit("t", 0, 9, 3), hit("s", 4, 9, 1)];
    assert_eq!(coverage_of(&targets, &halves, 2), 0.0);
    assert_eq!(coverage_of(&targets, &halves, 3), 1.0);
    // The same positions of another section or document cover nothing.
    let elsewhere = Retrieved { doc_id: "e", ..hit("s", 0, 9, 3) };
    assert_eq!(coverage_of(&targets, &[hit("t", 0, 9, 3), elsewhere], 2), 0.0);
}

#[test]
fn rule_and_counts_tokens_of_all_targets_overlapping_ones_merged() {
    let (tokens, other) = (words(TEXT), words("xx yy"));
    let targets = [
        found(vec![part("s", &tokens, Some((0, 8)))]),
        found(vec![part("s", &tokens, Some((3, 11)))]),
        found(vec![part("t", &other, None)]),
    ];
    // 4 distinct tokens of s (aa bb cc dd) and 2 of t.
    assert_eq!(coverage_of(&targets, &[hit("s", 0, 5, 2)], 1), 2.0 / 6.0);
    assert_eq!(coverage_of(&targets, &[hit("s", 0, 11, 4), hit("t", 0, 5, 2)], 2), 1.0);
}

#[test]
fn rule_or_takes_the_alternative_with_the_highest_ratio_the_first_on_ties() {
    let (tokens, other) = (words(TEXT), words("xx yy"));
    let either = vec![
        Alternative::Found(vec![part("s", &tokens, None)]),
        Alternative::Found(vec![part("t", &other, None)]),
    ];
    let targets = [either];
    // 2 of 6 tokens of s against 1 of 2 of t.
    let hits = [hit("s", 0, 5, 2), hit("t", 0, 2, 1)];
    let at = Coverage::snippets(&targets).at(&hits, [1, 2]);
    assert_eq!((at[&1].coverage, at[&2].coverage), (2.0 / 6.0, 0.5));
    // Nothing covered: the first stands, as IoU's denominator shows (6 + 3 tokens, not 2 + 3).
    let equal = Coverage::snippets(&targets).at(&[hit("s", 0, 2, 1), hit("u", 0, 9, 3)], [2]);
    assert_eq!(equal[&2].iou, 1.0 / 9.0);
    let none = Coverage::snippets(&targets).at(&[hit("u", 0, 9, 3)], [1]);
    assert_eq!((none[&1].coverage, none[&1].iou), (0.0, 0.0));
}

#[test]
fn rule_a_target_without_a_span_is_its_section_and_a_document_all_its_sections() {
    let (tokens, other) = (words(TEXT), words("xx yy"));
    let section = [found(vec![part("s", &tokens, None)])];
    assert_eq!(coverage_of(&section, &[hit("s", 0, 8, 3)], 1), 0.5);
    let document = [found(vec![part("s", &tokens, None), part("t", &other, None)])];
    assert_eq!(coverage_of(&document, &[hit("s", 0, 8, 3)], 1), 3.0 / 8.0);
}

#[test]
fn rule_a_missing_target_weighs_its_quote_else_the_mean_of_the_others_and_covers_nothing() {
    let tokens = words(TEXT);
    let here = || found(vec![part("s", &tokens, Some((0, 11)))]);
    let missing = |weight| vec![Alternative::Missing { weight }];
    let all = [hit("s", 0, 17, 6)];
    assert_eq!(coverage_of(&[here(), missing(Some(6))], &all, 1), 4.0 / 10.0);
    assert_eq!(coverage_of(&[here(), missing(None)], &all, 1), 4.0 / 8.0);
    // Known weights 4 and 6: the unknown one is 5.
    let targets = [here(), missing(Some(6)), missing(None)];
    assert_eq!(coverage_of(&targets, &all, 1), 4.0 / 15.0);
}

#[test]
fn rule_a_question_with_no_known_weight_has_coverage_0() {
    let missing = || vec![Alternative::Missing { weight: None }];
    let at = Coverage::snippets(&[missing(), missing()]).at(&[hit("s", 0, 9, 3)], [1]);
    assert_eq!((at[&1].coverage, at[&1].precision, at[&1].iou), (0.0, 0.0, 0.0));
    // Nor is a target without tokens (a span of white space) ever covered.
    let tokens = words(TEXT);
    let blank = [found(vec![part("s", &tokens, Some((2, 3)))])];
    assert_eq!(coverage_of(&blank, &[hit("s", 0, 17, 6)], 1), 0.0);
}

#[test]
fn rule_a_run_without_hits_has_coverage_0() {
    let tokens = words(TEXT);
    let targets = [found(vec![part("s", &tokens, None)])];
    let at = Coverage::snippets(&targets).at(&[], [1, 10]);
    assert!(at.values().all(|r| (r.coverage, r.precision, r.iou) == (0.0, 0.0, 0.0)));
    assert_eq!(at.len(), 2);
}

#[test]
fn rule_precision_and_iou_count_retrieved_tokens_as_often_as_they_were_retrieved() {
    let tokens = words(TEXT);
    let targets = [found(vec![part("s", &tokens, Some((0, 8)))])];
    // Target 3 tokens; hits hold 2 + 3, `bb` twice; all 3 are covered.
    let at = Coverage::snippets(&targets).at(&[hit("s", 0, 5, 2), hit("s", 3, 11, 3)], [2]);
    assert_eq!((at[&2].coverage, at[&2].precision, at[&2].iou), (1.0, 3.0 / 5.0, 3.0 / 5.0));
}

#[test]
fn rule_document_unit_counts_documents_and_coverage_equals_recall() {
    let coverage = Coverage::documents(&[vec!["a"], vec!["b"], vec!["c", "x"]]);
    assert_eq!(coverage.unit(), Unit::Document);
    let of = |doc_id| Retrieved { doc_id, ..hit("s", 0, 9, 3) };
    // Two snippets of one document are one document; k counts documents.
    let hits = [of("a"), of("a"), of("z"), of("x"), of("b")];
    let at = coverage.at(&hits, [1, 2, 3, 4]);
    let values: Vec<f64> = at.values().map(|r| r.coverage).collect();
    assert_eq!(values, [1.0 / 3.0, 1.0 / 3.0, 2.0 / 3.0, 1.0]);
    assert_eq!((at[&2].precision, at[&2].iou), (0.5, 1.0 / 4.0));
    // The same document asked for twice is one.
    let twice = Coverage::documents(&[vec!["a"], vec!["a"]]).at(&hits, [1]);
    assert_eq!(twice[&1].coverage, 1.0);
}

#[test]
fn rule_two_tokenizers_are_compared_in_characters() {
    let characters = character_tokens(17);
    let targets = [found(vec![part("s", &characters, Some((3, 8)))])];
    let at = Coverage::snippets(&targets).at(&[hit("s", 0, 7, 7)], [1]);
    assert_eq!((at[&1].coverage, at[&1].precision, at[&1].iou), (4.0 / 5.0, 4.0 / 7.0, 4.0 / 8.0));
}

/// A source of small numbers, the same on every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695);
        (self.0 >> 33) as usize % n
    }

    fn span(&mut self, length: usize) -> Span {
        let (a, b) = (self.below(length), self.below(length));
        Span::new(a.min(b), a.max(b) + 1)
    }

    /// Tokens in order; sometimes several on one character, as byte-level tokenizers give them.
    fn tokens(&mut self, length: usize) -> Vec<Span> {
        let (mut tokens, mut at) = (Vec::new(), 0);
        while at < length {
            let end = (at + 1 + self.below(4)).min(length);
            for _ in 0..1 + self.below(8) / 7 {
                tokens.push(Span::new(at, end));
            }
            at = end + self.below(2);
        }
        tokens
    }
}

#[test]
fn coverage_equals_counting_tokens_one_by_one() {
    const SECTIONS: [&str; 3] = ["r", "s", "t"];
    let mut numbers = Numbers(7);
    for round in 0..2000 {
        let texts: Vec<Vec<Span>> = SECTIONS.iter().map(|_| numbers.tokens(40)).collect();
        let spans: Vec<(usize, Span)> =
            (0..1 + numbers.below(4)).map(|_| (numbers.below(3), numbers.span(40))).collect();
        let hits: Vec<(usize, Span)> =
            (0..numbers.below(9)).map(|_| (numbers.below(3), numbers.span(40))).collect();
        let targets: Vec<Vec<Alternative<'_>>> = spans
            .iter()
            .map(|(s, span)| {
                let whole = (round % 7 == 0).then_some(());
                let span = if whole.is_some() { None } else { Some((span.start, span.end)) };
                found(vec![part(SECTIONS[*s], &texts[*s], span)])
            })
            .collect();
        let retrieved: Vec<Retrieved<'_>> = hits
            .iter()
            .map(|(s, span)| {
                let tokens = texts[*s].iter().filter(|t| span.contains(**t)).count();
                hit(SECTIONS[*s], span.start, span.end, tokens)
            })
            .collect();
        let at = Coverage::snippets(&targets).at(&retrieved, [1, 2, 3, 5, 8]);
        for (k, record) in at {
            let (mut target, mut covered) = (BTreeSet::new(), 0);
            for (s, span) in &spans {
                for (i, token) in texts[*s].iter().enumerate() {
                    let inside = |c| round % 7 == 0 || span.contains(Span::new(c, c + 1));
                    if (token.start..token.end).any(inside) {
                        target.insert((*s, i));
                    }
                }
            }
            for (s, i) in &target {
                let token = texts[*s][*i];
                covered += usize::from((token.start..token.end).all(|c| {
                    hits.iter().take(k).any(|(h, span)| h == s && span.start <= c && c < span.end)
                }));
            }
            let expected =
                if target.is_empty() { 0.0 } else { covered as f64 / target.len() as f64 };
            assert_eq!(record.coverage, expected, "round {round}, k {k}");
            assert!((0.0..=1.0).contains(&record.precision) && (0.0..=1.0).contains(&record.iou));
        }
    }
}

#[test]
fn coverage_never_falls_with_k() {
    let mut numbers = Numbers(11);
    for _ in 0..500 {
        let (a, b) = (numbers.tokens(40), numbers.tokens(40));
        let or = vec![
            Alternative::Found(vec![part("s", &a, Some((3, 20)))]),
            Alternative::Found(vec![part("t", &b, None)]),
        ];
        let hits: Vec<Span> = (0..8).map(|_| numbers.span(40)).collect();
        let hits: Vec<Retrieved<'_>> = hits
            .iter()
            .enumerate()
            .map(|(i, span)| hit(["s", "t"][i % 2], span.start, span.end, 1))
            .collect();
        let at = Coverage::snippets(&[or]).at(&hits, 1..=8);
        let values: Vec<f64> = at.values().map(|r| r.coverage).collect();
        assert!(values.is_sorted(), "{values:?}");
    }
}
