//! What an evaluation is made of, and how far it goes.

use std::time::{Duration, Instant};

use wfgy_core::evaluation::SWEEP;
use wfgy_core::{Deadline, Embedder, GoldSet, Stop, Store, TextCache, Tokenizer};
use wfgy_gate::IntegrityMode;

/// The parts that an evaluation brings together.
#[derive(Clone, Copy)]
pub struct Parts<'a> {
    /// The questions.
    pub gold: &'a GoldSet,
    /// The index.
    pub store: &'a dyn Store,
    /// The tokenizer that TOK_VER names: coverage counts its tokens. `None` where the store has
    /// no TOK_VER: characters are counted then.
    pub tokenizer: Option<&'a dyn Tokenizer>,
    /// The embedder that the index was built with: wordings are embedded by it. `None` where the
    /// store holds no vectors and is asked with text.
    pub embedder: Option<&'a dyn Embedder>,
    /// The embedder that ΔS is measured with; often the same one.
    pub scorer: &'a dyn Embedder,
    /// Whether `embedder` can embed any text. `false` for precomputed vectors: comparing the
    /// index with the file that it was made of would prove nothing, so integrity is `impossible`.
    pub embeds_any_text: bool,
    /// The same of `scorer`: precomputed vectors of any name are no second opinion.
    pub scorer_embeds_any_text: bool,
    /// Vectors of wordings and anchors from runs before, where there are any to be had.
    pub cache: Option<&'a dyn TextCache>,
}

/// How an evaluation is run; everything here that can change a number stands in the policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The served k, ≥ 1.
    pub k: usize,
    /// The seeds asked, each once; seed 0 is the wording as written and must be there.
    pub seeds: Vec<u64>,
    /// How many stored vectors are compared with their text.
    pub integrity: IntegrityMode,
    /// Whether records leave customers' text out.
    pub redact: bool,
    /// How long one call of a store or an embedder may take; `None`: as long as it takes.
    pub call_timeout: Option<Duration>,
    /// What ends every call early; whoever asks for it takes no evaluation.
    pub stop: Option<Stop>,
    /// Rest before the second try of a failed retrieval; four times as long before the third.
    pub backoff: Duration,
}

impl Settings {
    /// `seeds` seeds from 0 on, a sample for integrity, nothing redacted, no time limit.
    pub fn new(k: usize, seeds: usize) -> Self {
        Self {
            k,
            seeds: (0..seeds as u64).collect(),
            integrity: IntegrityMode::Sample,
            redact: false,
            call_timeout: None,
            stop: None,
            backoff: Duration::from_millis(100),
        }
    }

    /// The deadline of a call that begins now.
    pub(crate) fn deadline(&self) -> Deadline {
        let end = self.call_timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        end.map_or(Deadline::NONE, Deadline::at).or(self.stop)
    }

    /// Every cutoff that records hold: the sweep's and the served k, ascending.
    pub fn cutoffs(&self) -> Vec<usize> {
        cutoffs(self.k)
    }
}

/// The sweep and the served `k`, ascending.
pub(crate) fn cutoffs(k: usize) -> Vec<usize> {
    let mut cutoffs: Vec<usize> = SWEEP.into_iter().chain([k]).collect();
    cutoffs.sort_unstable();
    cutoffs.dedup();
    cutoffs
}

/// How far a part of the work has come; `total` does not change within a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is being done: `labels`, `embed`, `integrity`, `retrieve`, `exact`, `snippets` (those
    /// that the scorer embeds), `nulls`, `score`, and `latency` of the latency pass.
    pub stage: &'static str,
    /// Items done.
    pub done: usize,
    /// Items in all.
    pub total: usize,
}

/// Told of every step; called from one thread at a time.
pub type OnProgress<'a> = &'a (dyn Fn(Progress) + Sync);
