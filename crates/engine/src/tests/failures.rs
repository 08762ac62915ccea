use wfgy_core::evaluation::RunStatus;
use wfgy_core::{Embedder, Role};

use super::*;
use crate::summary;

#[test]
fn rule_a_run_that_failed_after_its_retries_is_aborted_and_in_no_aggregate() {
    let embedder = HashEmbedder::new("m");
    let (store, gold) = (store(&embedder), questions());
    let healthy = run(&gold, &store, &embedder).unwrap();
    store.failing.lock().unwrap().insert(gold.items[0].question.clone(), u32::MAX);
    let found = run(&gold, &store, &embedder).unwrap();
    let failed = &found.runs[0];
    assert_eq!(failed.status, RunStatus::Failed);
    assert_eq!(failed.error.as_deref(), Some("memory: busy"));
    assert!(failed.hits.is_empty() && failed.coverage.is_empty() && failed.auc.is_none());
    assert_eq!(found.runs[1..], healthy.runs[1..]);
    assert_eq!(found.timings.len(), found.runs.len() - 1);

    let (sick, healthy) = (
        summary(&found.context, &found.runs, 10).unwrap(),
        summary(&healthy.context, &healthy.runs, 10).unwrap(),
    );
    assert!((point(&sick, "error_rate") - 1.0 / 96.0).abs() < 1e-15);
    assert_eq!((sick.counts.failed, sick.counts.usable), (1, 24));
    assert!(healthy.worst_case.is_none());
    let worst = sick.worst_case.as_ref().unwrap();
    // One of two seeds of one of two wordings of one of 24 questions at coverage 0, ΔS 2.
    let lost = |name: &str| (worst[name].point - point(&healthy, name)).abs();
    assert!(lost("coverage.mean") > 0.2 / 96.0);
    assert!(worst["coverage.mean"].point < point(&sick, "coverage.mean"));
    assert!(worst["delta_s.question:mean"].point > point(&sick, "delta_s.question:mean"));
    assert!(worst["delta_s.decoy:mean"].point < point(&sick, "delta_s.decoy:mean"));
    assert!(worst["triangulation:mean"].point < point(&sick, "triangulation:mean"));
    assert!(worst["delta_s.auc"].point < point(&sick, "delta_s.auc"));
    assert!(worst["graph.recall"].point < point(&sick, "graph.recall"));
    assert!(point(&sick, "lambda.abort_rate") > point(&healthy, "lambda.abort_rate"));
    // A ranking of a failed run is an empty one: trec_eval counts the question.
    assert!(point(&sick, "recall@10") < point(&healthy, "recall@10"));
    for name in sick.metrics.keys() {
        let known = wfgy_gate::KnownMetric::named(name).unwrap();
        assert!(!known.omits_failed_runs || worst.contains_key(name), "{name}");
    }
}

#[test]
fn rule_a_run_is_tried_three_times() {
    let embedder = HashEmbedder::new("m");
    let (store, gold) = (store(&embedder), questions());
    let healthy = run(&gold, &store, &embedder).unwrap();
    for (failures, answered) in [(1, true), (2, true), (3, false)] {
        store.failing.lock().unwrap().insert(gold.items[0].question.clone(), failures);
        let found = run(&gold, &store, &embedder).unwrap();
        assert_eq!(found.runs[0].status == RunStatus::Answered, answered, "{failures}");
        assert_eq!(found.runs == healthy.runs, answered);
    }
}

#[test]
fn a_store_that_is_down_is_not_asked_to_the_end() {
    let embedder = HashEmbedder::new("m");
    let (store, gold) = (store(&embedder), questions());
    let all = run(&gold, &store, &embedder).unwrap();
    for run in &all.runs {
        store.failing.lock().unwrap().insert(run.text.clone().unwrap(), 100);
    }
    let found = run(&gold, &store, &embedder).unwrap();
    assert!(found.runs.iter().all(|run| run.status == RunStatus::Failed));
    let why = |run: &wfgy_core::evaluation::RunRecord| run.error.clone().unwrap();
    assert!(found.runs[..64].iter().all(|run| why(run).contains("busy")));
    assert!(found.runs[64..].iter().all(|run| why(run).contains("more than 5 %")));
    assert_eq!(store.failing.lock().unwrap()[all.runs[95].text.as_ref().unwrap()], 100);
    let evidence = summary(&found.context, &found.runs, 10).unwrap();
    assert_eq!((evidence.counts.failed, evidence.counts.usable), (96, 0));
}

#[test]
fn rule_an_exact_answer_that_is_not_known_is_no_data_for_graph_recall() {
    let embedder = HashEmbedder::new("m");
    let (store, gold) = (store(&embedder), questions());
    let mut found = run(&gold, &store, &embedder).unwrap();
    found.runs[5].exact.clear();
    let evidence = summary(&found.context, &found.runs, 10).unwrap();
    assert!(!evidence.metrics.contains_key("graph.recall"));
    assert!(evidence.missing["graph.recall@50"].contains("1 runs"));
}

#[test]
fn rule_a_run_without_hits_has_coverage_0_delta_s_2_and_is_aborted() {
    let embedder = HashEmbedder::new("m");
    let mut store = store(&embedder);
    let gold = gold(vec![Question { paraphrases: vec![], ..about(1, 0, 0) }]);
    let asked = run(&gold, &store, &embedder).unwrap();
    store.empty.extend(asked.runs.iter().map(|run| run.text.clone().unwrap()));
    let found = run(&gold, &store, &embedder).unwrap();
    assert!(found.runs.iter().all(|run| run.status == RunStatus::Empty));
    assert!(found.runs.iter().all(|run| run.coverage.values().all(|c| c.coverage == 0.0)));
    let evidence = summary(&found.context, &found.runs, 10).unwrap();
    for name in ["delta_s.question", "delta_s.question.best", "delta_s.anchor", "delta_s.decoy"] {
        assert_eq!(point(&evidence, name), 2.0, "{name}");
    }
    assert_eq!(point(&evidence, "triangulation"), 0.0);
    assert_eq!(point(&evidence, "coverage.mean"), 0.0);
    assert_eq!(point(&evidence, "graph.recall"), 0.0);
    assert_eq!(point(&evidence, "lambda.abort_rate"), 1.0);
    assert_eq!(point(&evidence, "lambda.convergence"), 0.0);
    assert_eq!((evidence.counts.empty, evidence.counts.failed), (found.runs.len(), 0));
}

#[test]
fn rule_a_run_without_a_vector_counts_in_the_worst_case_like_a_failed_one() {
    let gold = questions();
    let all = run(&gold, &store(&HashEmbedder::new("m")), &HashEmbedder::new("m")).unwrap();
    let healthy = summary(&all.context, &all.runs, 10).unwrap();
    // Seed 0 of the wording as written, another seed, and a paraphrase under both seeds.
    for lost in [&all.runs[0..1], &all.runs[1..2], &all.runs[2..4]] {
        let texts: Vec<String> = lost.iter().map(|run| run.text.clone().unwrap()).collect();
        let mut embedder = HashEmbedder::new("m");
        let store = store(&embedder);
        for text in &texts {
            store.failing.lock().unwrap().insert(text.clone(), u32::MAX);
        }
        let failed = run(&gold, &store, &embedder).unwrap();
        let failed = summary(&failed.context, &failed.runs, 10).unwrap();
        store.failing.lock().unwrap().clear();
        embedder.missing.extend(texts.iter().map(|text| format!("query: {text}")));
        let found = run(&gold, &store, &embedder).unwrap();
        let unasked: Vec<_> =
            found.runs.iter().filter(|run| run.status == RunStatus::Unasked).collect();
        assert_eq!(unasked.len(), lost.len());
        for (record, lost) in unasked.iter().zip(lost) {
            assert_eq!((record.wording, record.seed), (lost.wording, lost.seed));
            assert!(record.hits.is_empty() && record.coverage.is_empty());
            assert!(record.error.as_ref().unwrap().contains("no vector"));
        }
        assert!(found.context.dropped_runs.is_empty());
        let evidence = summary(&found.context, &found.runs, 10).unwrap();
        let counts = &evidence.counts;
        assert_eq!((counts.runs, counts.failed, counts.dropped), (96 - lost.len(), 0, lost.len()));
        assert_eq!(point(&evidence, "error_rate"), 0.0, "it was not asked");
        assert_eq!(evidence.worst_case, failed.worst_case);
        // A bound that holds without the lost run and not with it at its worst passes nothing.
        let (point, worst) = (
            point(&evidence, "coverage.mean"),
            evidence.worst_case.as_ref().unwrap()["coverage.mean"].point,
        );
        assert!(worst < point);
        let targets = format!("cov>={}", (worst + point) / 2.0);
        assert_eq!(judged(&evidence, &targets).verdict, wfgy_gate::Verdict::Inconclusive);
        assert_eq!(judged(&healthy, &targets).verdict, wfgy_gate::Verdict::Pass);
    }
}

#[test]
fn rule_a_run_that_the_scorer_has_no_vector_for_is_not_asked() {
    let (embedder, mut scorer) = (HashEmbedder::new("m"), HashEmbedder::new("other"));
    let (store, gold) = (store(&embedder), questions());
    scorer.missing.insert(format!("query: {}", gold.items[3].question));
    let with = Parts { scorer: &scorer, ..parts(&gold, &store, &embedder) };
    let found = evaluate(with, &settings(), &|_| ()).unwrap();
    let unasked: Vec<_> =
        found.runs.iter().filter(|run| run.status == RunStatus::Unasked).collect();
    assert_eq!(unasked.len(), 1);
    assert!(unasked[0].error.as_ref().unwrap().contains("scoring embedder"));
    assert!(summary(&found.context, &found.runs, 10).unwrap().worst_case.is_some());
}

#[test]
fn rule_failing_runs_of_unanswerable_questions_do_not_end_an_evaluation() {
    let embedder = HashEmbedder::new("m");
    let (store, mut gold) = (store(&embedder), questions());
    for n in 0..40 {
        let text = format!("Nothing in here answers number {n}?");
        gold.items.insert(0, question(&format!("Q_none_{n}"), &text, vec![]));
    }
    let settings = Settings { seeds: vec![0], ..settings() };
    for item in gold.items.iter().filter(|item| !item.answerable) {
        store.failing.lock().unwrap().insert(item.question.clone(), u32::MAX);
    }
    let found = evaluate(parts(&gold, &store, &embedder), &settings, &|_| ()).unwrap();
    let failed = |run: &wfgy_core::evaluation::RunRecord| run.status == RunStatus::Failed;
    assert!(found.runs[..40].iter().all(failed) && !found.runs[40..].iter().any(failed));
    let why = |run: &wfgy_core::evaluation::RunRecord| run.error.clone().unwrap();
    assert!(found.runs[..40].iter().all(|run| why(run).contains("busy")), "each was asked");
}

#[test]
fn rule_a_question_without_any_run_is_at_its_worst_in_the_worst_case() {
    let mut embedder = HashEmbedder::new("m");
    let (store, gold) = (store(&embedder), questions());
    let all = run(&gold, &store, &embedder).unwrap();
    let lost = &gold.items[0].id;
    for run in all.runs.iter().filter(|run| run.question == *lost) {
        embedder.missing.insert(format!("query: {}", run.text.as_ref().unwrap()));
    }
    let found = run(&gold, &store, &embedder).unwrap();
    let unasked = |run: &wfgy_core::evaluation::RunRecord| run.status == RunStatus::Unasked;
    assert!(found.runs.iter().all(|run| unasked(run) == (run.question == *lost)));
    let evidence = summary(&found.context, &found.runs, 10).unwrap();
    let counts = &evidence.counts;
    assert_eq!((counts.usable, counts.answerable, counts.failed), (23, 24, 0));
    assert_eq!((counts.runs, counts.dropped), (92, 4));
    let worst = evidence.worst_case.as_ref().unwrap();
    for (name, at_worst) in [
        ("coverage.mean", 0.0),
        ("coverage.pass_rate", 0.0),
        ("graph.recall", 0.0),
        ("delta_s.question:mean", 2.0),
        ("delta_s.anchor:mean", 2.0),
        ("delta_s.decoy:mean", 0.0),
        ("triangulation:mean", -2.0),
        ("delta_s.auc", 0.0),
        ("delta_s.auc_hard", 0.0),
        ("lambda.convergence", 0.0),
        ("lambda.abort_rate", 1.0),
    ] {
        assert_eq!(evidence.metrics[name].n_questions, 23, "{name}");
        assert_eq!(worst[name].n_questions, 24, "{name}");
        let expected = (23.0 * point(&evidence, name) + at_worst) / 24.0;
        assert!((worst[name].point - expected).abs() < 1e-12, "{name}");
    }
    // Every slot that the question has is at its worst too.
    assert_eq!(worst["delta_s.question.slot.1"].n_questions, 24);
    assert!(worst["delta_s.question"].point > point(&evidence, "delta_s.question"));
}

#[test]
fn rule_a_failed_run_of_an_unanswerable_question_is_in_no_count_and_no_error_rate() {
    let embedder = HashEmbedder::new("m");
    let (store, mut gold) = (store(&embedder), questions());
    let healthy = run(&gold, &store, &embedder).unwrap();
    let healthy = summary(&healthy.context, &healthy.runs, 10).unwrap();
    gold.items.push(question("Q_none", "Nothing answers this?", vec![]));
    gold.items.push(question("Q_nil", "Neither is this in here?", vec![]));
    store.failing.lock().unwrap().insert("Nothing answers this?".into(), u32::MAX);
    let found = run(&gold, &store, &embedder).unwrap();
    assert!(found.runs.iter().any(|run| run.status == RunStatus::Failed));
    let evidence = summary(&found.context, &found.runs, 10).unwrap();
    assert_eq!(evidence.counts, wfgy_gate::Counts { questions: 26, ..healthy.counts });
    assert_eq!(evidence.metrics["error_rate"], healthy.metrics["error_rate"]);
    // A pass of the one metric that it is in still needs its worst case.
    let name = "delta_s.unanswerable";
    assert!(evidence.worst_case.as_ref().unwrap()[name].point < point(&evidence, name));
}

#[test]
fn rule_an_anchor_without_a_vector_is_no_anchor() {
    let mut embedder = HashEmbedder::new("m");
    let (store, gold) = (store(&embedder), gold(vec![about(1, 0, 0)]));
    embedder.missing.insert(format!("passage: {}", sentence(1, 0, 0)));
    let without = Parts { embeds_any_text: false, ..parts(&gold, &store, &embedder) };
    let found = evaluate(without, &settings(), &|_| ()).unwrap();
    assert!(found.runs.iter().flat_map(|r| &r.hits).all(|hit| hit.delta_s_anchor.is_none()));
    let evidence = summary(&found.context, &found.runs, 10).unwrap();
    assert!(evidence.missing.contains_key("delta_s.anchor"));
    assert!(!evidence.metrics.contains_key("triangulation"));
}

#[test]
fn rule_a_vector_without_direction_is_an_error_with_the_items_name() {
    let embedder = HashEmbedder::new("m");
    for bad in [0.0, f32::NAN, f32::INFINITY] {
        let mut store = store(&embedder);
        let gold = gold(vec![about(1, 0, 0)]);
        store.vectors[6] = vec![bad; 64];
        let settings = Settings { integrity: wfgy_gate::IntegrityMode::Off, ..settings() };
        // A store that gives such scores fails its runs; one that hides them is caught by ΔS.
        let found = evaluate(parts(&gold, &store, &embedder), &settings, &|_| ());
        match found {
            Err(error) => assert!(error.to_string().contains("snippet d1#s0#0-49: "), "{error}"),
            Ok(found) => assert!(found.runs.iter().all(|r| r.status == RunStatus::Failed)),
        }
    }
}

#[test]
fn rule_settings_that_cannot_be_evaluated_are_refused() {
    let embedder = HashEmbedder::new("m");
    let (store, gold) = (store(&embedder), questions());
    for (k, seeds, name) in [
        (0, vec![0], "k"),
        (10, vec![], "seeds"),
        (10, vec![1], "seeds"),
        (10, vec![0, 1, 1], "seeds"),
    ] {
        let settings = Settings { k, seeds, ..settings() };
        let error = evaluate(parts(&gold, &store, &embedder), &settings, &|_| ()).unwrap_err();
        assert!(error.to_string().starts_with(&format!("{name}: ")), "{error}");
    }
    let nothing = MemoryStore::build(&[], &embedder);
    let error = run(&gold, &nothing, &embedder).unwrap_err();
    assert!(error.to_string().contains("holds no snippet"), "{error}");
}

/// An embedder that breaks what its port promises.
struct Broken(HashEmbedder, fn(&mut wfgy_core::Embeddings));

impl Embedder for Broken {
    fn identity(&self) -> &wfgy_core::EmbedderIdentity {
        self.0.identity()
    }
    fn tokenizer(&self) -> &dyn wfgy_core::Tokenizer {
        self.0.tokenizer()
    }
    fn embed(
        &self,
        texts: &[&str],
        deadline: wfgy_core::Deadline,
    ) -> Result<wfgy_core::Embeddings, wfgy_core::PortError> {
        let mut embedded = self.0.embed(texts, deadline)?;
        (self.1)(&mut embedded);
        Ok(embedded)
    }
}

#[test]
fn rule_an_embedder_that_breaks_its_promise_is_an_error_not_a_number() {
    let embedder = HashEmbedder::new("m");
    let (store, gold) = (store(&embedder), questions());
    let breaks: [fn(&mut wfgy_core::Embeddings); 3] = [
        |embedded| embedded.values[0] = f32::NAN,
        |embedded| embedded.values.truncate(7),
        |embedded| {
            embedded.states.pop();
        },
    ];
    for broken in breaks {
        let broken = Broken(HashEmbedder::new("m"), broken);
        let with =
            Parts { embedder: Some(&broken), scorer: &broken, ..parts(&gold, &store, &embedder) };
        let error = evaluate(with, &settings(), &|_| ()).unwrap_err().to_string();
        assert!(error.starts_with("embed: m: answered"), "{error}");
    }
}

#[test]
fn rule_a_scorer_without_a_vector_for_a_snippet_is_named() {
    let (embedder, mut scorer) = (HashEmbedder::new("m"), HashEmbedder::new("other"));
    let (store, gold) = (store(&embedder), gold(vec![about(1, 0, 0)]));
    let schema = scorer.identity.schema.clone();
    let text = schema.compose(Role::Passage, &Default::default(), None, &sentence(5, 1, 1));
    scorer.missing.insert(text);
    let with = Parts { scorer: &scorer, ..parts(&gold, &store, &embedder) };
    let error = evaluate(with, &settings(), &|_| ()).unwrap_err().to_string();
    assert!(error.starts_with("snippet d5#s1#") && error.contains("--scorer"), "{error}");
}
