//! What questions are like: runs in clusters, from laws whose statistics are known.

use wfgy_core::Aggregate;
use wfgy_kernel::resample::Stream;

/// Seed of the draws that a quantile is taken from.
const TRUTH_SEED: u64 = 43;

/// Draws that a quantile is taken from: the share below it is off by 0.0002 at the median.
const TRUTH_DRAWS: usize = 4_000_000;

/// What one run gives.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Law {
    /// 1 with this probability, else 0.
    Success(f64),
    /// 1 with this probability, else spread evenly from 0 to 0.02: a few carry the mean.
    Rare(f64),
    /// −1 with the first probability, 1 with the second, else 0: what changed from one index to
    /// another.
    Change(f64, f64),
    /// A distance: logistic around this, or, one in six, 0.25 farther.
    Distance(f64),
}

/// Width of the values of [`Law::Rare`] that are not 1.
const WIDTH: f64 = 0.02;

impl Law {
    fn draw(self, stream: &mut Stream) -> f64 {
        let at = stream.uniform();
        match self {
            Self::Success(share) => f64::from(u8::from(at < share)),
            Self::Rare(share) if at < share => 1.0,
            Self::Rare(share) => WIDTH * (at - share) / (1.0 - share),
            Self::Change(down, up) => f64::from(i8::from(at > 1.0 - up) - i8::from(at < down)),
            Self::Distance(center) => {
                let far = if stream.uniform() < 1.0 / 6.0 { 0.25 } else { 0.0 };
                (center + far + 0.03 * (at / (1.0 - at)).ln()).clamp(0.0, 2.0)
            }
        }
    }

    /// The law of the same kind whose mean lies `by` higher; a distance is moved as a whole.
    fn moved(self, by: f64) -> Self {
        match self {
            Self::Success(share) => Self::Success(share + by),
            Self::Rare(share) => Self::Rare(share + by / (1.0 - WIDTH / 2.0)),
            // What gets lost changes, what is won stays.
            Self::Change(down, up) if down >= by => Self::Change(down - by, up),
            Self::Change(down, up) => Self::Change(0.0, up + by - down),
            Self::Distance(center) => Self::Distance(center + by),
        }
    }

    /// Its mean; of a distance, its center.
    fn location(self) -> f64 {
        match self {
            Self::Success(share) => share,
            Self::Rare(share) => share + (1.0 - share) * WIDTH / 2.0,
            Self::Change(down, up) => up - down,
            Self::Distance(center) => center,
        }
    }
}

/// Questions whose value is the mean of their runs, which are correlated: each takes the question's
/// own draw with probability √correlation, else one of its own (Lunn and Davies 1998,
/// doi:10.1093/biomet/85.2.487), so that every run has the law, whatever the correlation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Questions {
    law: Law,
    runs: usize,
    correlation: f64,
}

impl Questions {
    /// Questions whose `aggregate` is `truth`.
    pub(crate) fn with_truth(
        kind: Law,
        runs: usize,
        correlation: f64,
        aggregate: Aggregate,
        truth: f64,
    ) -> Self {
        let at = |law| Self { law, runs, correlation };
        let p = match aggregate {
            Aggregate::Median | Aggregate::WorstSlotMedian => 0.5,
            Aggregate::P95 => 0.95,
            // A mean of runs has the mean of a run.
            _ => return at(kind.moved(truth - kind.location())),
        };
        let mut values = at(kind).draw(TRUTH_DRAWS, &mut Stream::new(TRUTH_SEED, 0));
        let rank = (p * TRUTH_DRAWS as f64) as usize;
        let (_, &mut quantile, _) = values.select_nth_unstable_by(rank, f64::total_cmp);
        at(kind.moved(truth - quantile))
    }

    /// The same, all values moved, or the mean.
    pub(crate) fn moved(self, by: f64) -> Self {
        Self { law: self.law.moved(by), ..self }
    }

    /// One value a question.
    pub(crate) fn draw(&self, questions: usize, stream: &mut Stream) -> Vec<f64> {
        self.draw_wordings(1, questions, stream).swap_remove(0)
    }

    /// One value a question for each wording, of as many runs each; what runs share, wordings do.
    pub(crate) fn draw_wordings(
        &self,
        wordings: usize,
        questions: usize,
        stream: &mut Stream,
    ) -> Vec<Vec<f64>> {
        let copies = self.correlation.sqrt();
        let mut values = vec![Vec::with_capacity(questions); wordings];
        for _ in 0..questions {
            let own = self.law.draw(stream);
            for of_wording in &mut values {
                let sum: f64 = (0..self.runs)
                    .map(|_| if stream.uniform() < copies { own } else { self.law.draw(stream) })
                    .sum();
                of_wording.push(sum / self.runs as f64);
            }
        }
        values
    }
}
