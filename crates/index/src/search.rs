//! Answers queries from vectors, by the graph or by the sweep.

use std::collections::HashSet;
use std::time::Instant;

use rayon::prelude::*;
use wfgy_core::{Answer, Depth, Hit, Metric, Path, PortError, Query, SearchRequest};
use wfgy_kernel::{Similarity, norm_f64};

use crate::graph::{Hnsw, Rows};
use crate::tables::Tables;
use crate::vectors::Vectors;

/// The graph and how wide it is searched.
pub(crate) struct Serving<'a> {
    pub(crate) graph: &'a Hnsw,
    pub(crate) ef: usize,
}

/// Everything that a search reads.
pub(crate) struct Searcher<'a> {
    pub(crate) name: &'a str,
    pub(crate) metric: Metric,
    pub(crate) vectors: &'a Vectors,
    pub(crate) tables: &'a Tables,
    pub(crate) serving: Option<Serving<'a>>,
}

impl Searcher<'_> {
    pub(crate) fn search(
        &self,
        queries: &[Query<'_>],
        request: SearchRequest,
    ) -> Result<Vec<Result<Answer, PortError>>, PortError> {
        let vectors: Vec<Result<&[f32], PortError>> =
            queries.iter().map(|query| self.check(query)).collect();
        match (&self.serving, request.path) {
            (Some(serving), Path::Serving) => Ok(vectors
                .into_par_iter()
                .map(|vector| self.by_graph(serving, vector?, request))
                .collect()),
            _ => self.by_sweep(vectors, request),
        }
    }

    /// The query's vector, if the metric can compare it with the rows.
    fn check<'q>(&self, query: &Query<'q>) -> Result<&'q [f32], PortError> {
        let refuse = |message: String| Err(PortError::permanent(self.name, message));
        let Some(vector) = query.vector else {
            return refuse("a query without a vector: this index compares vectors".to_owned());
        };
        if vector.len() != self.vectors.dim() {
            return refuse(format!(
                "a query of dimension {} where the index has {}: ask with its embedder",
                vector.len(),
                self.vectors.dim()
            ));
        }
        let norm = norm_f64(vector);
        if !norm.is_finite() {
            return refuse("a query vector that is not finite".to_owned());
        }
        if norm == 0.0 {
            return refuse("a query vector that is zero, which has no direction".to_owned());
        }
        Ok(vector)
    }

    fn similarity(&self) -> Similarity {
        match self.metric {
            Metric::Cosine => Similarity::Cosine,
            Metric::Dot => Similarity::Dot,
            Metric::L2 => Similarity::NegativeSquaredL2,
        }
    }

    fn late(&self, request: SearchRequest) -> Result<(), PortError> {
        match request.deadline.passed(Instant::now()) {
            true => Err(PortError::Deadline { part: self.name.to_owned() }),
            false => Ok(()),
        }
    }

    /// All queries in one pass over the rows; those whose hits lie in too few documents once
    /// more, twice as deep. An answer's time is its share of the passes it was in.
    fn by_sweep(
        &self,
        vectors: Vec<Result<&[f32], PortError>>,
        request: SearchRequest,
    ) -> Result<Vec<Result<Answer, PortError>>, PortError> {
        let n = self.vectors.rows();
        let mut answers: Vec<Result<Answer, PortError>> =
            vectors.iter().map(|v| v.clone().map(|_| Answer::default())).collect();
        let mut open: Vec<usize> = (0..vectors.len()).filter(|i| vectors[*i].is_ok()).collect();
        let mut k = request.depth.snippets.max(request.depth.documents).min(n);
        while !open.is_empty() {
            self.late(request)?;
            let start = Instant::now();
            let rows = open.iter().filter_map(|i| vectors[*i].as_ref().ok());
            let block: Vec<f32> = rows.flat_map(|vector| vector.iter().copied()).collect();
            let found = self.vectors.nearest(self.similarity(), &block, k);
            let share = start.elapsed() / open.len() as u32;
            let mut deeper = Vec::new();
            for (i, found) in std::mem::take(&mut open).into_iter().zip(found) {
                let hits: Vec<Hit> = found
                    .into_iter()
                    .map(|scored| Hit { position: scored.row, score: scored.score })
                    .collect();
                if let Ok(answer) = &mut answers[i] {
                    answer.retrieve += share;
                    match self.cut(&hits, request.depth) {
                        Some(length) => answer.hits = hits[..length].to_vec(),
                        None if k == n => answer.hits = hits,
                        None => deeper.push(i),
                    }
                }
            }
            open = deeper;
            k = (2 * k).min(n);
        }
        Ok(answers)
    }

    /// By the graph, ever wider until the depth is reached; where even the whole graph does not
    /// give it, by the sweep.
    ///
    /// A wider search finds rows that the served one missed. They are left out, not put in, so
    /// that the served part stays what users get and the order stays that of the scores.
    fn by_graph(
        &self,
        serving: &Serving<'_>,
        query: &[f32],
        request: SearchRequest,
    ) -> Result<Answer, PortError> {
        let start = Instant::now();
        let (n, depth) = (self.vectors.rows(), request.depth);
        let served = depth.served.min(n);
        let head = self.walk(serving, query, served, serving.ef.max(served))?;
        let mut k = depth.snippets.max(depth.documents).min(n);
        let hits = loop {
            self.late(request)?;
            let hits = continued(&head, self.walk(serving, query, k, serving.ef.max(k))?);
            if let Some(length) = self.cut(&hits, depth) {
                break hits[..length].to_vec();
            }
            if k == n {
                let mut answers = self.by_sweep(vec![Ok(query)], request)?;
                let swept = answers.pop().unwrap_or_else(|| Ok(Answer::default()))?;
                break continued(&head, swept.hits);
            }
            k = (2 * k).min(n);
        };
        Ok(Answer { hits, retrieve: start.elapsed(), rerank: None })
    }

    /// The best `k` of the `ef` rows that the graph finds.
    fn walk(
        &self,
        serving: &Serving<'_>,
        query: &[f32],
        k: usize,
        ef: usize,
    ) -> Result<Vec<Hit>, PortError> {
        let (values, dim) = (self.vectors.values(), self.vectors.dim());
        let rows = Rows { metric: self.metric, values, dim };
        let found = serving
            .graph
            .search(rows, query, k, ef)
            .map_err(|error| PortError::permanent(self.name, error.to_string()))?;
        Ok(found.into_iter().map(|s| Hit { position: s.row, score: s.score }).collect())
    }

    /// How many hits, from the best on, satisfy the depth; `None` where they do not.
    fn cut(&self, hits: &[Hit], depth: Depth) -> Option<usize> {
        if hits.len() < depth.snippets.min(self.vectors.rows()) {
            return None;
        }
        let wanted = depth.documents.min(self.tables.n_findable());
        let mut documents = HashSet::new();
        let mut needed = 0;
        if wanted > 0 {
            needed = 1 + hits.iter().position(|hit| {
                documents.insert(self.tables.document_of(hit.position));
                documents.len() == wanted
            })?;
        }
        Some(needed.max(depth.snippets.min(hits.len())))
    }
}

/// `head`, and after it those of `wider` that come after its last hit.
fn continued(head: &[Hit], mut wider: Vec<Hit>) -> Vec<Hit> {
    if let Some(last) = head.last() {
        let after = |hit: &Hit| {
            let order = last.score.total_cmp(&hit.score).then(hit.position.cmp(&last.position));
            order.is_gt()
        };
        wider.retain(after);
        wider.splice(0..0, head.iter().copied());
    }
    wider
}
