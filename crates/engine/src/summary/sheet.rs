//! Metrics by name, and why the others have no data.

use std::collections::BTreeMap;

use wfgy_core::{Aggregate, Direction, Number};
use wfgy_gate::{KnownMetric, METRIC_NAMES, Origin, Samples};
use wfgy_stats::{Range, Sample, SampleError, estimate_of_worst};

/// What was measured so far.
#[derive(Debug, Default)]
pub(crate) struct Sheet {
    /// Values by name.
    pub(crate) numbers: BTreeMap<String, Number>,
    /// The values per question behind them.
    pub(crate) samples: Samples,
    /// Reasons by name.
    pub(crate) missing: BTreeMap<String, String>,
}

impl Sheet {
    /// Takes the statistic of one value per question; no values, or one that is not finite, are
    /// no data.
    pub(crate) fn put(&mut self, name: &str, values: &[f64], aggregate: Aggregate) {
        match Sample::new(values.to_vec()) {
            Ok(sample) => self.put_sample(name, &sample, aggregate),
            Err(SampleError::Empty) => self.lacks(name, "no question has a value"),
            Err(error) => self.lacks(name, &error.to_string()),
        }
    }

    /// Takes the statistic of a sample, with its interval.
    pub(crate) fn put_sample(&mut self, name: &str, sample: &Sample, aggregate: Aggregate) {
        self.put_worst(name, vec![sample.clone()], 0, aggregate);
    }

    /// Takes the statistic of the worst of several samples, which stands for all.
    pub(crate) fn put_worst(
        &mut self,
        name: &str,
        samples: Vec<Sample>,
        worst: usize,
        aggregate: Aggregate,
    ) {
        let Some(sample) = samples.get(worst) else { return };
        let (direction, range) = match KnownMetric::named(name) {
            Some(metric) => (metric.direction, metric.range()),
            // A name that the gate does not know is neutral there as here.
            None => (Direction::Neutral, Range::UNBOUNDED),
        };
        let number = estimate_of_worst(&samples, worst, aggregate, direction, range);
        // A value that the metric cannot have has no interval, and the gate refuses it.
        let number = number.unwrap_or_else(|_| sample.number(aggregate, direction));
        self.numbers.insert(name.to_owned(), number);
        self.samples.insert(name.to_owned(), samples);
    }

    /// Remembers why a metric has no data.
    pub(crate) fn lacks(&mut self, name: &str, why: &str) {
        self.missing.insert(name.to_owned(), why.to_owned());
    }

    /// Gives every name of these runs that has neither value nor reason a reason.
    pub(crate) fn explain_the_rest(&mut self) {
        for name in METRIC_NAMES {
            let of_runs = KnownMetric::named(name).is_some_and(|m| m.origin == Origin::Runs);
            if of_runs && !self.numbers.contains_key(name) && !self.missing.contains_key(name) {
                self.lacks(name, "no question has a value");
            }
        }
    }
}
