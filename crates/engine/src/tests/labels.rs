use super::*;

#[test]
fn rule_a_target_that_the_corpus_does_not_contain_covers_nothing_and_is_not_dropped() {
    let embedder = HashEmbedder::new("m");
    let store = store(&embedder);
    let mut lost = about(1, 0, 0);
    lost.targets[0].any_of[0].section_id = Some("nowhere".into());
    let mut half = about(2, 0, 1);
    half.targets.push(Target { any_of: vec![reference("gone", None, None)] });
    let found = run(&gold(vec![lost, half]), &store, &embedder).unwrap();
    let questions = &found.context.questions;
    assert_eq!(questions[0].label_problems.len(), 1);
    assert!(questions[0].label_problems[0].contains("has no section `nowhere`"));
    assert_eq!(questions[0].qrels.keys().collect::<Vec<_>>(), ["d1#nowhere"]);
    assert_eq!(questions[1].expected, ["d2#s0#50-99", "gone"]);
    for run in &found.runs {
        let coverage = run.coverage[&50].coverage;
        // The lost target weighs as much as the other one.
        let expected = if run.question == "Q_1_0_0" { 0.0 } else { 0.5 };
        assert!((coverage - expected).abs() < 1e-12, "{} {coverage}", run.question);
    }
    let evidence = crate::summary(&found.context, &found.runs, 50).unwrap();
    assert_eq!(evidence.counts.label_problems, 2);
    assert_eq!(evidence.counts.usable, 2);
    assert!((point(&evidence, "coverage.mean") - 0.25).abs() < 1e-12);
}

#[test]
fn rule_a_span_is_found_by_its_quote_where_the_text_moved() {
    let embedder = HashEmbedder::new("m");
    let mut store = store(&embedder);
    let mut moved = about(1, 0, 1);
    moved.targets[0].any_of[0].offsets = Some(Span::new(0, 20));
    let found = run(&gold(vec![moved.clone()]), &store, &embedder).unwrap();
    assert_eq!(found.context.questions[0].expected, ["d1#s0#50-99"]);
    assert!(found.context.questions[0].label_problems.is_empty());
    assert_eq!(found.runs[0].coverage[&1].coverage, 1.0);
    // A quote that stands there twice, or not at all, is a label problem.
    let section = &mut store.sections.get_mut("d1").unwrap()[0];
    section.text = format!("{} {}", section.text, sentence(1, 0, 1));
    let found = run(&gold(vec![moved.clone()]), &store, &embedder).unwrap();
    assert!(found.context.questions[0].label_problems[0].contains("more than once"));
    store.sections.get_mut("d1").unwrap()[0].text = "Nothing of the kind stands here. ".repeat(9);
    let found = run(&gold(vec![moved]), &store, &embedder);
    assert!(
        found.unwrap().context.questions[0].label_problems[0].contains("the quote is not in `s0`")
    );
}

#[test]
fn rule_a_quote_without_offsets_is_a_span() {
    let embedder = HashEmbedder::new("m");
    let store = store(&embedder);
    let mut quoted = about(1, 0, 1);
    let spelled = run(&gold(vec![quoted.clone()]), &store, &embedder).unwrap();
    quoted.targets[0].any_of[0].offsets = None;
    let found = run(&gold(vec![quoted.clone()]), &store, &embedder).unwrap();
    assert_eq!(found.context.questions[0].expected, spelled.context.questions[0].expected);
    assert_eq!(found.runs, spelled.runs);
    quoted.targets[0].any_of[0].quote = Some("Nobody wrote this.".to_owned());
    let found = run(&gold(vec![quoted]), &store, &embedder).unwrap();
    let problems = &found.context.questions[0].label_problems;
    assert_eq!(*problems, ["targets[0]: the quote is not in `s0` of `d1`"]);
}

#[test]
fn rule_offsets_out_of_range_without_a_quote_are_an_input_error() {
    let embedder = HashEmbedder::new("m");
    let store = store(&embedder);
    let wrong = reference("d1", Some("s0"), Some((100, 9000)));
    let error = run(&gold(vec![question("Q_1", "Own?", vec![wrong])]), &store, &embedder);
    let error = error.unwrap_err();
    assert!(error.is_input());
    let error = error.to_string();
    assert!(error.starts_with("gold question Q_1, targets[0].offsets: "), "{error}");
    assert!(error.contains("100-9000") && error.contains("add the quote"), "{error}");
}

#[test]
fn rule_offsets_without_a_section_need_a_document_of_one_section() {
    let embedder = HashEmbedder::new("m");
    let store = store(&embedder);
    let one = reference("d12", None, Some((0, 58)));
    let two = reference("d1", None, Some((0, 58)));
    let gold =
        gold(vec![question("Q_1", "Own12x0x0?", vec![one]), question("Q_2", "Own?", vec![two])]);
    let found = run(&gold, &store, &embedder).unwrap();
    assert!(found.context.questions[0].label_problems.is_empty());
    assert!(found.context.questions[0].expected[0].starts_with("d12#s0#0-58"));
    assert!(found.context.questions[1].label_problems[0].contains("2 sections"));
}

#[test]
fn rule_anchors_are_the_golds_own_else_what_the_targets_quote() {
    let embedder = HashEmbedder::new("m");
    let store = store(&embedder);
    let settings = settings();
    let labels = |targets, anchors: &[&str]| {
        let question = Question {
            anchors: anchors.iter().map(|a| (*a).to_owned()).collect(),
            ..question("Q", "Own?", targets)
        };
        let unit = wfgy_core::Unit::Snippet;
        let tokenizer = &Words;
        let mut labeller = crate::labels::Labeller::new(&store, Some(tokenizer), &settings, unit);
        let labels = labeller.labels(&[question], &|_| ()).unwrap().remove(0);
        labels.anchors.into_iter().map(|a| (a.text, a.given)).collect::<Vec<_>>()
    };
    let given = |text: &str| vec![(text.to_owned(), true)];
    let span = || span_of(1, 0, 1);
    assert_eq!(labels(vec![span()], &["mine"]), given("mine"));
    assert_eq!(labels(vec![span(), span()], &[]), given(&sentence(1, 0, 1)));
    let unquoted = TargetRef { quote: None, ..span() };
    assert_eq!(labels(vec![unquoted], &[]), given(&sentence(1, 0, 1)));
    let default = |s| (section_text(1, s), false);
    let section = reference("d1", Some("s1"), None);
    assert_eq!(labels(vec![section], &[]), [default(1)]);
    let document = reference("d1", None, None);
    assert_eq!(labels(vec![document], &[]), [default(0), default(1)]);
}

#[test]
fn rule_a_decoy_overlaps_no_target() {
    let embedder = HashEmbedder::new("m");
    let store = store(&embedder);
    let settings = settings();
    let tokenizer = &Words;
    let mut labeller =
        crate::labels::Labeller::new(&store, Some(tokenizer), &settings, wfgy_core::Unit::Snippet);
    let across = TargetRef { quote: None, ..reference("d1", Some("s0"), Some((40, 60))) };
    let question = question("Q", "Own?", vec![across, reference("d2", Some("s1"), None)]);
    let positions = labeller.labels(&[question], &|_| ()).unwrap().remove(0).positions;
    // Sentences 0 and 1 of d1#s0, and all of d2#s1.
    assert_eq!(positions.into_iter().collect::<Vec<_>>(), [6, 7, 15, 16, 17]);
}

#[test]
fn rule_the_store_is_asked_for_many_documents_in_one_call() {
    let embedder = HashEmbedder::new("m");
    let (store, gold) = (store(&embedder), questions());
    let settings = settings();
    let tokenizer = &Words;
    let unit = wfgy_core::Unit::Snippet;
    let mut labeller = crate::labels::Labeller::new(&store, Some(tokenizer), &settings, unit);
    let together = labeller.labels(&gold.items, &|_| ()).unwrap();
    assert_eq!(*store.calls.lock().unwrap(), [("sections", 12), ("snippets", 72)]);
    for (question, labels) in gold.items.iter().zip(together) {
        let alone = labeller.labels(std::slice::from_ref(question), &|_| ()).unwrap().remove(0);
        assert_eq!((alone.positions, alone.expected), (labels.positions, labels.expected));
    }
    // A whole evaluation asks for documents in a handful of calls, never for one a hit.
    store.calls.lock().unwrap().clear();
    run(&gold, &store, &embedder).unwrap();
    let calls = store.calls.lock().unwrap();
    let of_documents: Vec<_> = calls.iter().filter(|(name, _)| *name != "snippets").collect();
    assert_eq!(of_documents.len(), 3, "labels, integrity, sole sections: {of_documents:?}");
}
