//! Graphs linked anew as seeds: luck in the build shows up as λ, and nowhere else.

use wfgy_core::{PortError, Store};
use wfgy_gate::Evidence;

use super::*;
use crate::{Rebuilds, evaluate_rebuilt, summary};

/// The evaluation of a whole index whose rebuilds lose the best hit of every answer, or do not.
fn evaluated(lossy: &[bool]) -> Evaluation {
    let embedder = HashEmbedder::new("m");
    let (gold, whole) = (questions(), store(&embedder));
    let graph = |by: u64| -> Result<Option<Box<dyn Store + '_>>, PortError> {
        let mut rebuilt = store(&embedder);
        rebuilt.lossy_below = if lossy[by as usize - 1] { usize::MAX } else { 0 };
        Ok(Some(Box::new(rebuilt)))
    };
    let rebuilds = Some(Rebuilds { noise: 0, seeds: lossy.len(), graph: &graph });
    let parts = parts(&gold, &whole, &embedder);
    evaluate_rebuilt(parts, rebuilds, &settings(), &|_| ()).unwrap()
}

fn evidence(found: &Evaluation) -> Evidence {
    summary(&found.context, &found.runs, 10).unwrap()
}

/// The names of the metrics that differ.
fn changed(one: &Evidence, other: &Evidence) -> Vec<String> {
    assert!(one.metrics.keys().eq(other.metrics.keys()));
    let pairs = one.metrics.iter().zip(other.metrics.values());
    pairs.filter(|((_, a), b)| a != b).map(|((name, _), _)| name.clone()).collect()
}

#[test]
fn rule_rebuilds_that_answer_like_the_index_change_no_number() {
    let (alone, rebuilt) = (evaluated(&[]), evaluated(&[false, false]));
    assert_eq!((rebuilt.context.rebuild_seeds, rebuilt.context.rebuilt), (2, 2));
    assert_eq!(rebuilt.runs.len(), 3 * alone.runs.len());
    assert_eq!(rebuilt.timings.len(), alone.timings.len());
    // Seeds 0 and 1 of the index, of the first rebuild 2 and 3, of the second 4 and 5.
    let text = |run: &wfgy_core::evaluation::RunRecord| run.text.clone();
    for runs in rebuilt.runs.chunk_by(|a, b| (&a.question, a.wording) == (&b.question, b.wording)) {
        let seeds: Vec<u64> = runs.iter().map(|run| run.seed).collect();
        assert_eq!(seeds, [0, 1, 2, 3, 4, 5]);
        assert!(runs.iter().zip(&runs[2..]).all(|(a, b)| text(a) == text(b)));
    }
    let (alone, rebuilt) = (evidence(&alone), evidence(&rebuilt));
    assert_eq!(changed(&alone, &rebuilt), Vec::<String>::new());
    assert_eq!((&alone.counts, &alone.seeds), (&rebuilt.counts, &rebuilt.seeds));
}

#[test]
fn rule_luck_in_the_build_shows_up_as_lambda_and_in_nothing_else() {
    let (alone, unlucky) = (evaluated(&[]), evaluated(&[true, false]));
    let (was, is) = (evidence(&alone), evidence(&unlucky));
    let changed = changed(&was, &is);
    assert!(changed.iter().all(|name| name.starts_with("lambda.")), "{changed:?}");
    assert!(point(&is, "lambda.convergence") < point(&was, "lambda.convergence"));
    assert!(point(&is, "lambda.flip_rate") > point(&was, "lambda.flip_rate"));
}

#[test]
fn an_index_without_a_graph_has_no_luck_to_show() {
    let embedder = HashEmbedder::new("m");
    let (gold, whole) = (questions(), store(&embedder));
    let rebuilds = Some(Rebuilds { noise: 0, seeds: 2, graph: &|_| Ok(None) });
    let parts = parts(&gold, &whole, &embedder);
    let found = evaluate_rebuilt(parts, rebuilds, &settings(), &|_| ()).unwrap();
    assert_eq!((found.context.rebuild_seeds, found.context.rebuilt), (2, 0));
    assert_eq!(found.runs, evaluated(&[]).runs);
    assert_eq!(evidence(&found).rebuild_seeds, 2);
}

#[test]
fn runs_of_rebuilds_that_do_not_fit_their_context_are_refused() {
    let whole = evaluated(&[false, false]);
    let refused = |change: fn(&mut Evaluation), part: &str| {
        let mut found = whole.clone();
        change(&mut found);
        let error = summary(&found.context, &found.runs, 10).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    };
    refused(|found| found.context.rebuilt = 1, "1 rebuilds, but 2 were to be made");
    refused(|found| found.context.rebuilt = 0, "this seed was not asked");
    refused(|found| drop(found.runs.pop()), "records are missing");
    refused(|found| found.runs.last_mut().unwrap().seed = 6, "this seed was not asked");
    refused(|found| found.runs.last_mut().unwrap().seed = 4, "stands twice");
}
