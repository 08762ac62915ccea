//! Every run asked once, tried again where trying can help.

use std::thread;

use wfgy_core::{Answer, Depth, Path, PortError, Query, SearchRequest, Store};

use crate::setup::{OnProgress, Progress, Settings};

/// How often a run is asked before it counts as failed.
pub const TRIES: u32 = 3;
/// Runs asked in one call, so that progress shows and a failed call takes few runs with it.
const AT_A_TIME: usize = 64;

/// One failed run in so many (5 %) is the most that a verdict can rest on.
const FAILED_ONE_IN: usize = 20;

/// A query, and whether its failure counts towards the most that a verdict can rest on; that of
/// an unanswerable question does not.
#[derive(Clone, Copy)]
pub(crate) struct Asking<'a> {
    pub(crate) query: Query<'a>,
    pub(crate) counts: bool,
}

/// What one store is asked, and what it answered so far.
pub(crate) struct Retrieval<'a> {
    store: &'a dyn Store,
    queries: Vec<Asking<'a>>,
    /// Answers to the first queries; one that failed after its retries has its reason.
    pub(crate) answers: Vec<Result<Answer, PortError>>,
    counting: usize,
    failed: usize,
}

impl<'a> Retrieval<'a> {
    pub(crate) fn new(store: &'a dyn Store, queries: Vec<Asking<'a>>) -> Self {
        let counting = queries.iter().filter(|asking| asking.counts).count();
        Self { store, queries, answers: Vec::new(), counting, failed: 0 }
    }

    /// The queries that were answered, to be asked once more.
    pub(crate) fn again(&self) -> Self {
        let pairs = self.queries.iter().zip(&self.answers);
        let answered = pairs.filter(|(_, answer)| answer.is_ok());
        Self::new(self.store, answered.map(|(asking, _)| *asking).collect())
    }

    fn open(&self) -> &[Asking<'a>] {
        &self.queries[self.answers.len()..]
    }

    /// Asks the next few; none where all are answered.
    fn step(&mut self, path: Path, depth: Depth, settings: &Settings) {
        let store = self.store;
        let chunk: Vec<Asking<'a>> = self.open().iter().take(AT_A_TIME).copied().collect();
        if self.failed * FAILED_ONE_IN > self.counting {
            let why = "was not asked: more than 5 % of the queries before it had failed";
            self.answers.extend(chunk.iter().map(|_| Err(PortError::permanent(store.name(), why))));
            return;
        }
        let queries: Vec<Query<'_>> = chunk.iter().map(|asking| asking.query).collect();
        let asked = ask(store, &queries, path, depth, settings);
        let lost = chunk.iter().zip(&asked).filter(|(a, answer)| a.counts && answer.is_err());
        self.failed += lost.count();
        self.answers.extend(asked);
    }
}

/// Asks every query of every arm along `path`, the arms taking turns a few queries at a time, so
/// that what slows the machine or the network slows them alike.
///
/// Only queries that failed in a way that may pass are asked again, after a rest. Once more than
/// 5 % of those that count have failed there can be no verdict, so the rest is not asked: a service that is
/// down costs minutes, not hours.
pub(crate) fn retrieve(
    arms: &mut [Retrieval<'_>],
    path: Path,
    depth: Depth,
    settings: &Settings,
    progress: OnProgress<'_>,
) {
    let stage = if path == Path::Serving { "retrieve" } else { "exact" };
    let total = arms.iter().map(|arm| arm.queries.len()).sum();
    let mut done = 0;
    progress(Progress { stage, done, total });
    while done < total {
        for arm in arms.iter_mut().filter(|arm| !arm.open().is_empty()) {
            arm.step(path, depth, settings);
        }
        done = arms.iter().map(|arm| arm.answers.len()).sum();
        progress(Progress { stage, done, total });
    }
}

fn ask(
    store: &dyn Store,
    queries: &[Query<'_>],
    path: Path,
    depth: Depth,
    settings: &Settings,
) -> Vec<Result<Answer, PortError>> {
    let mut answers: Vec<Option<Result<Answer, PortError>>> = vec![None; queries.len()];
    let mut open: Vec<usize> = (0..queries.len()).collect();
    for attempt in 0..TRIES {
        if attempt > 0 {
            thread::sleep(settings.backoff * 4u32.pow(attempt - 1));
        }
        let asked: Vec<Query<'_>> = open.iter().map(|i| queries[*i]).collect();
        let request = SearchRequest { path, depth, deadline: settings.deadline() };
        let found = match store.search(&asked, request) {
            Ok(found) if found.len() == asked.len() => found,
            Ok(found) => {
                let message = format!("gave {} answers to {} queries", found.len(), asked.len());
                vec![Err(PortError::permanent(store.name(), message)); asked.len()]
            }
            Err(error) => vec![Err(error); asked.len()],
        };
        for (i, answer) in open.iter().zip(found) {
            answers[*i] = Some(answer.and_then(|answer| checked(store, answer)));
        }
        open.retain(|i| matches!(&answers[*i], Some(Err(error)) if error.is_retryable()));
        if open.is_empty() {
            break;
        }
    }
    let unasked = || Err(PortError::permanent(store.name(), "was not asked"));
    answers.into_iter().map(|answer| answer.unwrap_or_else(unasked)).collect()
}

/// Holds an answer against what the port promises: what is not in order cannot be cut at k.
fn checked(store: &dyn Store, answer: Answer) -> Result<Answer, PortError> {
    let broken = |what: &str| Err(PortError::permanent(store.name(), what));
    let mut positions: Vec<u32> = answer.hits.iter().map(|hit| hit.position).collect();
    positions.sort_unstable();
    if positions.windows(2).any(|pair| pair[0] == pair[1]) {
        return broken("answered with one snippet twice");
    }
    if positions.last().is_some_and(|last| *last as usize >= store.n_snippets()) {
        return broken("answered with a snippet that it does not have");
    }
    if answer.hits.iter().any(|hit| !hit.score.is_finite()) {
        return broken("answered with a score that is not finite");
    }
    let ordered = answer.hits.windows(2).all(|pair| {
        let order = pair[1].score.total_cmp(&pair[0].score);
        order.then(pair[0].position.cmp(&pair[1].position)).is_lt()
    });
    if ordered { Ok(answer) } else { broken("answered out of order") }
}
