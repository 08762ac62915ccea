//! The ranking measures have trec_eval's digits: `fixtures/trec` was made by `scripts/oracle_trec.py`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use wfgy_score::trec::{Measures, Ranked, Ranking, trec_order};

fn fixture(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/trec").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

type Qrels = BTreeMap<String, BTreeMap<String, u32>>;

fn qrels() -> Qrels {
    let mut qrels = Qrels::new();
    for line in fixture("qrels.txt").lines() {
        let [question, _, doc, grade] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let grades = qrels.entry(question.to_owned()).or_default();
        grades.insert(doc.to_owned(), grade.parse().expect("a grade"));
    }
    qrels
}

fn run() -> BTreeMap<String, Vec<Ranked>> {
    let mut run = BTreeMap::<String, Vec<Ranked>>::new();
    for line in fixture("run.txt").lines() {
        let [question, _, doc, _, score, _] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let unit = Ranked { id: doc.to_owned(), score: score.parse().expect("a score") };
        run.entry(question.to_owned()).or_default().push(unit);
    }
    run
}

#[test]
fn rule_measures_and_averages_equal_trec_eval_to_1e_9() {
    let (qrels, run) = (qrels(), run());
    // A question that the run lacks counts as 0, one that the qrels lack not at all.
    assert!(!run.contains_key("q03") && run.contains_key("q07") && !qrels.contains_key("q07"));
    let mut checked = 0;
    for line in fixture("expected.tsv").lines() {
        let [question, measure, k, value] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let (k, value): (usize, f64) = (k.parse().unwrap(), value.parse().unwrap());
        let value_of = |(question, grades): (&String, &BTreeMap<String, u32>)| {
            let run = run.get(question).map(Vec::as_slice).unwrap_or_default();
            Measures::at(&Ranking::of(run), grades, &[k])[0].get(measure).unwrap()
        };
        let ours = match qrels.get_key_value(question) {
            Some(judged) => value_of(judged),
            None if question == "all" => {
                qrels.iter().map(value_of).sum::<f64>() / qrels.len() as f64
            }
            None => panic!("{question} is not in the qrels"),
        };
        assert!((ours - value).abs() <= 1e-9, "{line}: {ours}");
        checked += 1;
    }
    assert_eq!(checked, 40 * 6 * 6, "39 questions and their mean, 6 measures, 6 cutoffs");
}

#[test]
fn rule_scores_tie_as_f32_and_ties_go_by_id_descending_as_bytes() {
    let unit = |id: &str, score| Ranked { id: id.to_owned(), score };
    let mut units = [
        unit("a", 0.7 + 1e-9),
        unit("b", 0.7),
        unit("B", 0.7),
        unit("é", 0.7),
        unit("ab", 0.7),
        unit("c", 0.8),
        unit("n", f64::NAN),
        unit("z", -0.0),
        unit("y", 0.0),
    ];
    units.sort_by(trec_order);
    let order: Vec<&str> = units.iter().map(|u| u.id.as_str()).collect();
    assert_eq!(order, ["c", "é", "b", "ab", "a", "B", "z", "y", "n"]);
}

#[test]
fn several_cutoffs_give_what_each_gives_alone() {
    let (qrels, run) = (qrels(), run());
    let cutoffs = [100, 1, 0, 7, 3];
    for (question, units) in &run {
        let Some(grades) = qrels.get(question) else { continue };
        let alone = cutoffs.map(|k| Measures::at(&Ranking::of(units), grades, &[k])[0]);
        assert_eq!(Measures::at(&Ranking::of(units), grades, &cutoffs), alone);
    }
}

#[test]
fn measures_do_not_depend_on_the_order_of_the_run() {
    let (qrels, run) = (qrels(), run());
    for (question, units) in &run {
        let Some(grades) = qrels.get(question) else { continue };
        let reversed: Vec<Ranked> = units.iter().rev().cloned().collect();
        assert_eq!(
            Measures::at(&Ranking::of(units), grades, &[10]),
            Measures::at(&Ranking::of(&reversed), grades, &[10])
        );
    }
}
