use wfgy_core::Aggregate;
use wfgy_core::evaluation::{RunRecord, RunStatus};
use wfgy_gate::{Evidence, KnownMetric, METRIC_NAMES, Origin};

use super::*;
use crate::{Rank, summary, worst_questions};

fn healthy() -> (Evaluation, Evidence) {
    let embedder = HashEmbedder::new("m");
    let (store, mut gold) = (store(&embedder), questions());
    for question in &mut gold.items {
        question.stratum = Some("all".into());
    }
    gold.items.push(question("Q_none", "Nothing answers this?", vec![]));
    let found = run(&gold, &store, &embedder).unwrap();
    let evidence = summary(&found.context, &found.runs, 10).unwrap();
    (found, evidence)
}

#[test]
fn rule_every_metric_of_these_runs_has_its_documented_name_and_a_possible_value() {
    let (_, evidence) = healthy();
    for (name, number) in &evidence.metrics {
        let known = KnownMetric::named(name).unwrap_or_else(|| panic!("{name} is not documented"));
        assert!(known.can_be(number.point), "{name} {number:?}");
        assert_eq!(known.direction, number.direction, "{name}");
        assert!(!known.over_questions || number.n_questions > 0, "{name}");
    }
    let mut expected: Vec<String> = METRIC_NAMES
        .iter()
        .filter(|name| !name.ends_with('@'))
        .filter(|name| KnownMetric::named(name).unwrap().origin == Origin::Runs)
        .map(|name| (*name).to_owned())
        .collect();
    for k in [1, 3, 5, 10, 20, 50] {
        for name in [
            "recall",
            "precision",
            "hit",
            "mrr",
            "ndcg",
            "map",
            "coverage.mean",
            "coverage.precision",
            "coverage.iou",
            "graph.recall",
        ] {
            expected.push(format!("{name}@{k}"));
        }
    }
    for statistic in ["median", "mean", "p90", "p95", "stable", "transitional", "critical"] {
        expected.push(format!("delta_s.question:{statistic}"));
    }
    for name in [
        "delta_s.question.best",
        "delta_s.question.mean",
        "delta_s.anchor",
        "delta_s.anchor.best",
        "delta_s.decoy",
        "triangulation",
    ] {
        expected.extend(["mean", "p90", "p95"].map(|statistic| format!("{name}:{statistic}")));
    }
    for name in ["null.random", "null.hard"] {
        expected.extend(["p01", "p05", "p95"].map(|statistic| format!("{name}:{statistic}")));
    }
    expected.extend((0..2).map(|slot| format!("delta_s.question.slot.{slot}")));
    for name in &expected {
        assert!(evidence.metrics.contains_key(name), "{name}: {:?}", evidence.missing.get(name));
    }
    assert_eq!(evidence.metrics.len(), expected.len());
    assert!(evidence.missing.is_empty(), "{:?}", evidence.missing);
}

#[test]
fn rule_an_unanswerable_question_is_in_no_aggregate_but_its_own() {
    let (found, evidence) = healthy();
    let runs: Vec<RunRecord> =
        found.runs.iter().filter(|run| run.question != "Q_none").cloned().collect();
    let mut context = found.context.clone();
    context.questions.pop();
    let without = summary(&context, &runs, 10).unwrap();
    for (name, number) in &without.metrics {
        assert_eq!(evidence.metrics[name], *number, "{name}");
    }
    assert_eq!(evidence.counts, wfgy_gate::Counts { questions: 25, ..without.counts });
    assert_eq!(evidence.metrics.len(), without.metrics.len() + 1);
    assert_eq!((evidence.counts.questions, evidence.counts.answerable), (25, 24));
    let best =
        |run: &RunRecord| run.hits[..10].iter().map(|hit| hit.delta_s_question).fold(2.0, f64::min);
    let runs: Vec<f64> =
        found.runs.iter().filter(|run| run.question == "Q_none").map(best).collect();
    let mean = runs.iter().sum::<f64>() / runs.len() as f64;
    assert!((point(&evidence, "delta_s.unanswerable") - mean).abs() < 1e-12);
    let unanswerable = found.runs.iter().find(|run| run.question == "Q_none").unwrap();
    assert!(unanswerable.coverage.is_empty() && unanswerable.hard_null.is_none());
}

#[test]
fn rule_inner_levels_are_means_and_the_statistic_is_over_questions() {
    let (found, evidence) = healthy();
    let of = |wording: usize, question: &str| {
        let runs: Vec<f64> = found
            .runs
            .iter()
            .filter(|run| run.question == question && run.wording == wording)
            .map(|run| run.hits[0].delta_s_question)
            .collect();
        runs.iter().sum::<f64>() / runs.len() as f64
    };
    let ids: Vec<&str> = found.context.questions[..24].iter().map(|q| q.id.as_str()).collect();
    let median = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        (values[11] + values[12]) / 2.0
    };
    let slots: Vec<f64> = (0..2).map(|w| median(ids.iter().map(|q| of(w, q)).collect())).collect();
    for (wording, slot) in slots.iter().enumerate() {
        assert!((evidence.slots[&wording].point - slot).abs() < 1e-12);
    }
    let worst = slots[0].max(slots[1]);
    assert!((point(&evidence, "delta_s.question") - worst).abs() < 1e-12);
    assert_eq!(evidence.metrics["delta_s.question"].aggregate, Aggregate::WorstSlotMedian);
    let means: Vec<f64> = ids.iter().map(|q| (of(0, q) + of(1, q)) / 2.0).collect();
    assert!((point(&evidence, "delta_s.question:median") - median(means)).abs() < 1e-12);
}

/// The healthy runs, with `coverage` in every run of the i-th question at the served k.
fn covered(coverage: impl Fn(usize) -> f64) -> Evidence {
    let (found, _) = healthy();
    let mut runs = found.runs.clone();
    for run in &mut runs {
        let i = found.context.questions.iter().position(|q| q.id == run.question).unwrap();
        if let Some(record) = run.coverage.get_mut(&10) {
            record.coverage = coverage(i);
        }
    }
    summary(&found.context, &runs, 10).unwrap()
}

#[test]
fn rule_coverage_pass_rate_is_the_share_of_questions_with_0_70_or_more() {
    let evidence = covered(|i| if i < 9 { 0.70 } else { 0.699_999 });
    assert_eq!(point(&evidence, "coverage.pass_rate"), 9.0 / 24.0);
    // Compared at 9 decimals, as every bound is.
    let evidence = covered(|i| if i < 9 { 0.699_999_999_9 } else { 0.0 });
    assert_eq!(point(&evidence, "coverage.pass_rate"), 9.0 / 24.0);
}

#[test]
fn rule_coverage_p05_is_the_5_percent_quantile_over_questions() {
    // 24 questions: between the second and the third, (24 − 1) · 0.05 = 1.15 from the first.
    let evidence = covered(|i| ((i * 7) % 24) as f64 / 100.0);
    assert!((point(&evidence, "coverage.p05") - 0.0115).abs() < 1e-12);
}

#[test]
fn rule_a_stratum_needs_20_questions() {
    let (found, evidence) = healthy();
    assert_eq!(evidence.metrics["coverage.worst_stratum"].n_questions, 24);
    let mut context = found.context.clone();
    for question in &mut context.questions[..5] {
        question.stratum = Some("few".into());
    }
    let split = summary(&context, &found.runs, 10).unwrap();
    assert!(split.missing["coverage.worst_stratum"].contains("20 questions"));
    for question in &mut context.questions[..5] {
        question.stratum = None;
    }
    for (i, question) in context.questions.iter_mut().enumerate() {
        question.stratum = Some(if i < 4 { "few" } else { "many" }.into());
    }
    let twenty = summary(&context, &found.runs, 10).unwrap();
    assert_eq!(twenty.metrics["coverage.worst_stratum"].n_questions, 20);
}

#[test]
fn rule_graph_recall_is_the_share_of_the_exact_top_k_that_the_serving_path_found() {
    let embedder = HashEmbedder::new("m");
    let mut store = store(&embedder);
    store.lossy_below = usize::MAX;
    let gold = questions();
    let found = run(&gold, &store, &embedder).unwrap();
    let evidence = summary(&found.context, &found.runs, 10).unwrap();
    assert_eq!(point(&evidence, "graph.recall@1"), 0.0);
    assert!((point(&evidence, "graph.recall") - 0.9).abs() < 1e-12);
}

#[test]
fn rule_a_replay_at_a_cutoff_that_the_records_do_not_hold_is_refused() {
    let (found, evidence) = healthy();
    for k in [1, 3, 5, 20, 50] {
        let other = summary(&found.context, &found.runs, k).unwrap();
        assert_eq!(other.k, k);
        assert_eq!(point(&other, "coverage.mean"), point(&evidence, &format!("coverage.mean@{k}")));
    }
    for k in [0, 2, 7, 100] {
        let error = summary(&found.context, &found.runs, k).unwrap_err().to_string();
        assert!(error.starts_with("k: ") && error.contains("1, 3, 5, 10, 20, 50"), "{error}");
    }
    let embedder = HashEmbedder::new("m");
    let (store, gold) = (store(&embedder), questions());
    let settings = Settings { k: 7, ..settings() };
    let found = evaluate(parts(&gold, &store, &embedder), &settings, &|_| ()).unwrap();
    assert!(summary(&found.context, &found.runs, 7).unwrap().metrics.contains_key("ndcg@7"));
}

#[test]
fn rule_a_replay_of_what_was_written_gives_the_same_evidence() {
    let (found, evidence) = healthy();
    let context = wfgy_core::canonical_json(&found.context).unwrap();
    let runs = wfgy_core::canonical_json(&found.runs).unwrap();
    let context = serde_json::from_slice(&context).unwrap();
    let runs: Vec<RunRecord> = serde_json::from_slice(&runs).unwrap();
    assert_eq!(runs, found.runs);
    assert_eq!(summary(&context, &runs, 10).unwrap(), evidence);
}

#[test]
fn rule_records_that_do_not_fit_together_are_refused() {
    let (found, _) = healthy();
    let refused = |change: &dyn Fn(&mut Evaluation), what: &str| {
        let mut evaluation = found.clone();
        change(&mut evaluation);
        let error = summary(&evaluation.context, &evaluation.runs, 10).unwrap_err().to_string();
        assert!(error.contains(what), "{what}: {error}");
    };
    refused(&|e| drop(e.runs.pop()), "records are missing");
    refused(&|e| e.runs.push(e.runs[0].clone()), "stands twice");
    refused(&|e| e.runs[0].question = "Q_x".into(), "unknown here");
    refused(&|e| e.runs[0].wording = 9, "no such wording");
    refused(&|e| e.runs[0].seed = 9, "was not asked");
    refused(&|e| e.runs[0].status = RunStatus::Empty, "contradict");
    refused(&|e| e.runs[0].hits.clear(), "contradict");
    refused(&|e| e.runs[0].hits[3].delta_s_question = f64::NAN, "ΔS");
    refused(&|e| e.runs[0].hits[3].delta_s_anchor = Some(-0.1), "ΔS");
    refused(&|e| e.runs[0].hard_null = Some(2.1), "ΔS");
    refused(&|e| e.runs[0].coverage.retain(|k, _| *k != 3), "cutoff is missing");
    refused(&|e| e.runs[0].coverage.get_mut(&3).unwrap().iou = f64::NAN, "share");
    refused(&|e| e.runs[0].auc = Some(1.5), "share");
    let twin = |e: &mut Evaluation| e.context.questions[1].id = e.context.questions[0].id.clone();
    refused(&twin, "stands twice");
}

#[test]
fn rule_no_runs_are_no_data_and_no_panic() {
    let (mut found, _) = healthy();
    found.context.dropped_runs.insert("no_perturbation_applies".into(), found.runs.len());
    let evidence = summary(&found.context, &[], 10).unwrap();
    assert_eq!((evidence.counts.usable, evidence.counts.runs), (0, 0));
    for name in ["coverage.mean", "delta_s.question", "error_rate", "lambda.convergence"] {
        assert!(!evidence.metrics.contains_key(name), "{name}");
        assert!(evidence.missing.contains_key(name), "{name}");
    }
}

#[test]
fn rule_the_worst_questions_come_by_coverage_then_delta_s_then_gold_order() {
    let embedder = HashEmbedder::new("m");
    let (store, mut gold) = (store(&embedder), questions());
    gold.items[7].targets[0].any_of[0].section_id = Some("nowhere".into());
    for wording in gold.items[9].wordings() {
        store.failing.lock().unwrap().insert(wording.to_owned(), u32::MAX);
    }
    let settings = Settings { seeds: vec![0], ..settings() };
    let found = evaluate(parts(&gold, &store, &embedder), &settings, &|_| ()).unwrap();
    let worst = worst_questions(&found.context, &found.runs, 10, 5, Rank::Coverage).unwrap();
    assert_eq!(worst.len(), 5);
    assert_eq!((worst[0].id.as_str(), worst[0].coverage), (gold.items[9].id.as_str(), None));
    assert_eq!(worst[0].error.as_deref(), Some("memory: busy"));
    assert_eq!((worst[1].id.as_str(), worst[1].coverage), (gold.items[7].id.as_str(), Some(0.0)));
    assert_eq!(worst[1].retrieved.len(), 3);
    assert_eq!(worst[1].expected.len(), 1);
    assert_eq!(worst[1].label_problems.len(), 1);
    assert!(worst[2..].windows(2).all(|pair| pair[0].delta_s >= pair[1].delta_s));
}
