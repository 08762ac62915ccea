use super::*;
use crate::{GoldProblemKind, check_gold};

fn problems(gold: &GoldSet, embedder: &HashEmbedder) -> Vec<(String, String, &'static str)> {
    let store = store(&HashEmbedder::new("m"));
    let found = check_gold(parts(gold, &store, embedder), &settings(), &|_| ()).unwrap();
    found
        .into_iter()
        .filter(|p| !matches!(p.kind, GoldProblemKind::FarAnchor { .. }))
        .map(|p| (p.question, p.field, p.kind.name()))
        .collect()
}

#[test]
fn a_sound_gold_set_has_no_problem() {
    assert_eq!(problems(&questions(), &HashEmbedder::new("m")), []);
}

#[test]
fn rule_gold_check_finds_what_is_wrong_and_where() {
    let mut gold = questions();
    let items = &mut gold.items;
    items[1].question = format!("  {} ", items[0].question.to_uppercase());
    let again = items[2].question.replace('?', "!");
    items[2].paraphrases.push(again);
    items[3].targets[0].any_of[0].section_id = Some("nowhere".into());
    items[4].targets[0].any_of[0].offsets = Some(Span::new(1, 9));
    items[5].targets[0].any_of[0] = reference("d1", Some("s0"), Some((0, 9000)));
    items[6].paraphrases[0] = "long ".repeat(100);
    let mut embedder = HashEmbedder::new("m");
    embedder.missing.insert(format!("query: {}", items[8].question));
    let id = |n: usize| gold.items[n].id.clone();
    let expected = [
        (id(1), "question".to_owned(), "duplicate_question"),
        (id(2), "paraphrases[1]".to_owned(), "repeated_wording"),
        (id(3), "targets[0]".to_owned(), "missing_target"),
        (id(4), "targets[0]".to_owned(), "moved_offsets"),
        (id(5), "targets[0]".to_owned(), "offsets_out_of_range"),
        (id(6), "paraphrases[0]".to_owned(), "too_long"),
        (id(8), "question".to_owned(), "no_vector"),
    ];
    assert_eq!(problems(&gold, &embedder), expected);
}

#[test]
fn rule_an_anchor_farther_than_035_from_its_question_is_a_problem() {
    let embedder = HashEmbedder::new("m");
    let store = store(&embedder);
    let mut item = about(1, 0, 0);
    item.anchors = vec![item.question.clone(), "unrelated words entirely".into()];
    let gold = gold(vec![item]);
    let found = check_gold(parts(&gold, &store, &embedder), &settings(), &|_| ()).unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].field, "anchor 1");
    let line = found[0].to_string();
    assert!(line.starts_with("question Q_1_0_0, anchor 1: ΔS to the question is"), "{line}");
}

#[test]
fn rule_a_whole_section_that_stands_in_for_an_anchor_is_nobodys_to_mend() {
    let mut embedder = HashEmbedder::new("m");
    let store = store(&embedder);
    embedder.identity.schema.max_tokens = 12;
    let mut item = about(1, 0, 0);
    item.targets[0].any_of[0] = reference("d5", Some("s1"), None);
    item.paraphrases.clear();
    let check = |item: &Question| {
        let gold = gold(vec![item.clone()]);
        let with = Parts { embedder: Some(&embedder), ..parts(&gold, &store, &embedder) };
        let mut store = super::store(&embedder);
        store.pins.set("EMBED_SCHEMA", &embedder.identity.schema);
        let with = Parts { store: &store, ..with };
        let found = check_gold(with, &settings(), &|_| ()).unwrap();
        found.iter().map(|p| p.kind.name()).collect::<Vec<_>>()
    };
    // It is longer than 12 tokens, and far from the question.
    assert_eq!(check(&item), [""; 0]);
    // As an anchor that somebody wrote it is a problem.
    item.anchors = vec![section_text(5, 1)];
    assert_eq!(check(&item), ["too_long", "far_anchor"]);
}

#[test]
fn rule_a_target_that_no_snippet_overlaps_is_unreachable() {
    let embedder = HashEmbedder::new("m");
    let mut store = store(&embedder);
    store.sections.get_mut("d1").unwrap()[0].positions.clear();
    let gold = gold(vec![about(1, 0, 0)]);
    let found = check_gold(parts(&gold, &store, &embedder), &settings(), &|_| ()).unwrap();
    assert_eq!(found[0].kind, GoldProblemKind::Unreachable);
}
