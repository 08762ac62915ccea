//! What every embedder must do: functions over `&dyn Embedder`, to be run for each.

#![allow(unreachable_pub, reason = "a module of test files")]

use std::time::{Duration, Instant};

use wfgy_core::{Deadline, Embedder, Embeddings, PortError, RowState};

/// Short, long, repeated, accented and upper-case texts, all of them with a direction.
pub fn texts() -> Vec<String> {
    let long = "The miller opens the sluice before the stones turn. ".repeat(60);
    let mut texts: Vec<String> = [
        "How do I restore a backup?",
        "A refund is paid back to the card within five working days.",
        "wheel",
        &long,
        "Über den Dächern: naïve CAFÉ",
        "How do I restore a backup?",
    ]
    .map(str::to_owned)
    .to_vec();
    // More than one batch of any adapter's own, of mixed lengths.
    texts
        .extend((0..70).map(|i| format!("section {i} of the handbook {}", "grain ".repeat(i % 9))));
    texts
}

fn embed(embedder: &dyn Embedder, texts: &[&str]) -> Embeddings {
    embedder.embed(texts, Deadline::NONE).unwrap()
}

fn borrowed(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}

pub fn rows_have_the_dimension_of_the_identity_and_are_finite(embedder: &dyn Embedder) {
    let texts = texts();
    let dim = embedder.identity().dim;
    let made = embed(embedder, &borrowed(&texts));
    assert!(dim > 0);
    assert_eq!((made.states.len(), made.values.len()), (texts.len(), texts.len() * dim));
    assert!(made.values.iter().all(|value| value.is_finite()));
    for (i, text) in texts.iter().enumerate() {
        let row = made.row(i).unwrap();
        assert!(row.iter().any(|value| *value != 0.0), "`{text}` has a direction");
        if embedder.identity().unit_norm {
            let norm: f64 = row.iter().map(|v| f64::from(*v) * f64::from(*v)).sum();
            assert!((norm - 1.0).abs() < 1e-5, "`{text}`: {norm}");
        }
    }
}

pub fn a_text_has_the_same_bits_alone_and_in_any_batch(embedder: &dyn Embedder) {
    let texts = texts();
    let together = embed(embedder, &borrowed(&texts));
    for (i, text) in texts.iter().enumerate() {
        let alone = embed(embedder, &[text]);
        assert_eq!(alone.row(0), together.row(i), "`{text}`");
        assert_eq!(alone.states[0], together.states[i], "`{text}`");
    }
}

pub fn rows_come_in_the_order_of_the_texts(embedder: &dyn Embedder) {
    let texts = texts();
    let forwards = embed(embedder, &borrowed(&texts));
    let mut turned = borrowed(&texts);
    turned.reverse();
    let backwards = embed(embedder, &turned);
    for i in 0..texts.len() {
        assert_eq!(forwards.row(i), backwards.row(texts.len() - 1 - i), "`{}`", texts[i]);
    }
    assert_eq!(forwards.row(0), forwards.row(5), "the same text twice");
    assert_ne!(forwards.row(0), forwards.row(1), "another text");
}

pub fn a_text_beyond_the_limit_says_that_it_was_cut(embedder: &dyn Embedder) {
    let limit = embedder.identity().schema.max_tokens;
    let texts = texts();
    let made = embed(embedder, &borrowed(&texts));
    for (text, state) in texts.iter().zip(made.states) {
        let n = embedder.tokenizer().encode(text).unwrap().spans.len();
        let cut = limit > 0 && n + 2 > limit;
        assert_eq!(state, if cut { RowState::Truncated } else { RowState::Whole }, "{n} tokens");
    }
}

pub fn no_text_is_no_row_and_no_error(embedder: &dyn Embedder) {
    assert_eq!(embed(embedder, &[]), Embeddings::default());
}

pub fn a_deadline_that_has_passed_gives_no_vectors(embedder: &dyn Embedder) {
    let texts = texts();
    let passed = Deadline::at(Instant::now() - Duration::from_secs(1));
    let error = embedder.embed(&borrowed(&texts), passed).unwrap_err();
    assert!(matches!(error, PortError::Deadline { .. }), "{error}");
    assert!(!error.is_input());
}

/// Runs every rule for one adapter; `$fresh` gives what must live as long, and the adapter.
#[macro_export]
macro_rules! contract {
    ($adapter:ident, $fresh:expr) => {
        mod $adapter {
            #[allow(unused_imports)]
            use super::*;

            $crate::contract!(@each $fresh;
                rows_have_the_dimension_of_the_identity_and_are_finite,
                a_text_has_the_same_bits_alone_and_in_any_batch,
                rows_come_in_the_order_of_the_texts,
                a_text_beyond_the_limit_says_that_it_was_cut,
                no_text_is_no_row_and_no_error,
                a_deadline_that_has_passed_gives_no_vectors,
            );
        }
    };
    (@each $fresh:expr; $($rule:ident,)*) => {
        $(
            #[test]
            fn $rule() {
                #[allow(clippy::redundant_closure_call)]
                let (_kept, embedder) = ($fresh)();
                contract::$rule(&embedder);
            }
        )*
    };
}
