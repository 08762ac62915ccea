//! Runs are written so that trec_eval sees the order that the report's measures see.

use wfgy_core::evaluation::HitRecord;
use wfgy_core::{Span, snippet_id};
use wfgy_formats::trec::{RunError, begins_as_run, write_run};
use wfgy_score::trec::{Level, Ranked, ranked, trec_order};

fn hit(doc: &str, section: &str, start: usize, score: f64) -> HitRecord {
    let offsets = Span::new(start, start + 5);
    HitRecord {
        position: 0,
        snippet_id: snippet_id(doc, section, offsets),
        doc_id: doc.to_owned(),
        section_id: section.to_owned(),
        offsets,
        tokens: Span::new(0, 1),
        sole_section: false,
        score,
        delta_s_question: 0.5,
        delta_s_anchor: None,
    }
}

fn written(hits: &[HitRecord], level: Level) -> String {
    let mut out = Vec::new();
    write_run(&mut out, [("q1", hits)], level, "wfgy").expect("a run");
    String::from_utf8(out).expect("UTF-8")
}

#[test]
fn rule_a_units_rank_is_that_of_its_first_snippet_at_every_level() {
    let hits = [
        hit("a", "s", 0, 0.9),
        hit("b", "t", 0, 0.8),
        hit("a", "s", 9, 0.7),
        hit("a", "u v", 0, 0.6),
    ];
    assert_eq!(written(&hits, Level::Document), "q1 Q0 a 1 0.9 wfgy\nq1 Q0 b 2 0.8 wfgy\n");
    assert_eq!(
        written(&hits, Level::Section),
        "q1 Q0 a#s 1 0.9 wfgy\nq1 Q0 b#t 2 0.8 wfgy\nq1 Q0 a#u%20v 3 0.6 wfgy\n"
    );
    assert_eq!(written(&hits, Level::Snippet).lines().count(), 4);
    assert!(written(&hits, Level::Snippet).contains("q1 Q0 a#s#9-14 3 0.7 wfgy\n"));
}

#[test]
fn rule_f32_ties_survive_writing_and_are_listed_in_trec_evals_order() {
    let hits = [
        hit("a", "s", 0, 0.700000001),
        hit("c", "s", 0, 0.7),
        hit("b", "s", 0, 0.699999999),
        hit("z", "s", 0, -0.000000001),
    ];
    let text = written(&hits, Level::Document);
    let docs: Vec<&str> = text.lines().map(|l| l.split(' ').nth(2).unwrap()).collect();
    assert_eq!(docs, ["c", "b", "a", "z"]);
    // What is read back is the same number, hence the same order.
    let mut back: Vec<Ranked> = text
        .lines()
        .map(|line| {
            let columns: Vec<&str> = line.split(' ').collect();
            Ranked { id: columns[2].to_owned(), score: columns[4].parse().unwrap() }
        })
        .collect();
    back.reverse();
    back.sort_by(trec_order);
    assert_eq!(back, ranked(&hits, Level::Document));
}

#[test]
fn an_id_that_a_run_cannot_hold_is_refused_and_percent_encoded_at_the_other_levels() {
    let hits = [hit("a b", "s", 0, 0.9)];
    let mut out = Vec::new();
    let error = write_run(&mut out, [("q", &hits[..])], Level::Document, "t").unwrap_err();
    assert!(matches!(error, RunError::Space { what: "document", .. }));
    assert!(
        error.to_string().contains("`a b`") && error.to_string().contains("section"),
        "{error}"
    );
    assert!(written(&hits, Level::Section).contains(" a%20b#s "));
    for (question, tag) in [("q 1", "t"), ("q", "t t"), ("", "t")] {
        assert!(write_run(&mut out, [(question, &hits[..0])], Level::Snippet, tag).is_err());
    }
}

#[test]
fn a_run_is_told_by_its_columns_whatever_stands_between_them() {
    for run in ["", "q1 Q0 d 1 0.5 tag\n", "q1 Q0 d 1 0.5 tag\r\n", "q1\tQ0  d   1 0.5 tag \n"] {
        assert!(begins_as_run(run.as_bytes()), "{run:?}");
    }
    for other in ["{\"items\": []}\n", "q1 Q0 d 1 0.5\n", "q1 Q1 d 1 0.5 tag\n"] {
        assert!(!begins_as_run(other.as_bytes()), "{other:?}");
    }
}
