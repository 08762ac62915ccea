use proptest::prelude::*;
use wfgy_core::evaluation::Null;

use super::*;
use crate::{Settings, summary};

/// Order of 24 questions.
fn order() -> impl Strategy<Value = Vec<usize>> {
    Just((0..24).collect::<Vec<usize>>()).prop_shuffle()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn rule_the_order_of_the_gold_set_changes_no_question(order in order()) {
        let embedder = HashEmbedder::new("m");
        let store = store(&embedder);
        let straight = questions();
        let shuffled = gold(order.iter().map(|i| straight.items[*i].clone()).collect());
        let (a, b) =
            (run(&straight, &store, &embedder).unwrap(), run(&shuffled, &store, &embedder).unwrap());
        for (i, from) in order.iter().enumerate() {
            prop_assert_eq!(&b.runs[4 * i..4 * i + 4], &a.runs[4 * from..4 * from + 4]);
            prop_assert_eq!(&b.context.questions[i], &a.context.questions[*from]);
        }
        // Resamples take questions in gold order, so that ends of intervals may differ by luck.
        let points = |null: &Option<Null>| {
            null.as_ref().map(|null| [null.p01, null.p05, null.p50, null.p95].map(|x| x.point))
        };
        let (of_a, of_b) = (&a.context.calibration, &b.context.calibration);
        prop_assert_eq!(points(&of_a.random), points(&of_b.random));
        prop_assert_eq!(points(&of_a.hard), points(&of_b.hard));
        let (a, b) = (summary(&a.context, &a.runs, 10).unwrap(), summary(&b.context, &b.runs, 10).unwrap());
        for (name, number) in &a.metrics {
            prop_assert!((number.point - b.metrics[name].point).abs() < 1e-12, "{}", name);
        }
    }

    #[test]
    fn rule_the_order_of_the_records_changes_no_byte_of_the_evidence(seed in any::<u64>()) {
        let embedder = HashEmbedder::new("m");
        let (store, gold) = (store(&embedder), questions());
        let found = run(&gold, &store, &embedder).unwrap();
        let mut runs = found.runs.clone();
        runs.sort_by_key(|run| {
            wfgy_core::Digest::of(format!("{seed}{}{}{}", run.question, run.wording, run.seed))
        });
        let a = summary(&found.context, &found.runs, 10).unwrap();
        prop_assert_eq!(a, summary(&found.context, &runs, 10).unwrap());
    }
}

#[test]
fn rule_more_paraphrases_give_a_question_no_more_weight() {
    let embedder = HashEmbedder::new("m");
    let store = store(&embedder);
    let plain: Vec<Question> = questions()
        .items
        .into_iter()
        .map(|question| Question { paraphrases: vec![], ..question })
        .collect();
    let mut wordy = plain.clone();
    for copy in 0..5 {
        // The same words again: whatever the weights of runs, this question must count once.
        let again = format!("{}{}", wordy[0].question, " ".repeat(copy + 1));
        wordy[0].paraphrases.push(again);
    }
    // A paraphrase that others lack is no slot, so only the weights could change anything.
    let settings = Settings { seeds: vec![0], ..settings() };
    let of = |items: Vec<Question>| {
        let gold = gold(items);
        let found = evaluate(parts(&gold, &store, &embedder), &settings, &|_| ()).unwrap();
        summary(&found.context, &found.runs, 10).unwrap()
    };
    let (a, b) = (of(plain), of(wordy));
    for (name, number) in &a.metrics {
        if name.starts_with("lambda") || name.starts_with("null") {
            continue;
        }
        let other = &b.metrics[name];
        assert!((number.point - other.point).abs() < 1e-12, "{name}: {number:?} {other:?}");
        assert_eq!(number.n_questions, other.n_questions, "{name}");
    }
    assert!(a.missing["lambda.convergence"].contains("fewer than two runs"));
}
