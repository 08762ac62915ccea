//! Per-question values and the statistics taken over them.

use std::sync::OnceLock;

use wfgy_core::{Aggregate, Direction, Number};

/// One finite value per question; never empty.
#[derive(Debug, Clone)]
pub struct Sample {
    values: Vec<f64>,
    /// Sorted when somebody asks: a mean does not.
    sorted: OnceLock<Vec<f64>>,
}

impl PartialEq for Sample {
    fn eq(&self, other: &Self) -> bool {
        self.values == other.values
    }
}

/// Values that are no sample.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum SampleError {
    /// No question has a value.
    #[error("no values")]
    Empty,
    /// A value that is no finite number.
    #[error("value {index} is {value}, not a finite number")]
    NotFinite {
        /// Its position.
        index: usize,
        /// What it is.
        value: f64,
    },
}

impl Sample {
    /// Takes one value per question, in gold order.
    ///
    /// # Errors
    /// [`SampleError`] where there is none, or one is not finite.
    pub fn new(values: Vec<f64>) -> Result<Self, SampleError> {
        if values.is_empty() {
            return Err(SampleError::Empty);
        }
        if let Some(index) = values.iter().position(|v| !v.is_finite()) {
            return Err(SampleError::NotFinite { index, value: values[index] });
        }
        Ok(Self { values, sorted: OnceLock::new() })
    }

    /// The values, in gold order.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// How many; at least 1.
    pub fn n(&self) -> usize {
        self.values.len()
    }

    /// The values, ascending.
    pub(crate) fn sorted(&self) -> &[f64] {
        self.sorted.get_or_init(|| {
            let mut sorted = self.values.clone();
            sorted.sort_by(f64::total_cmp);
            sorted
        })
    }

    /// The sample of the values with their signs reversed.
    pub(crate) fn negated(&self) -> Self {
        Self { values: self.values.iter().map(|value| -value).collect(), sorted: OnceLock::new() }
    }

    /// Sum in gold order.
    pub fn sum(&self) -> f64 {
        self.values.iter().sum()
    }

    /// Arithmetic mean; summed in gold order.
    pub fn mean(&self) -> f64 {
        self.sum() / self.n() as f64
    }

    /// Type 7 quantile (Hyndman and Fan 1996; NumPy's and R's default): with `h = (n − 1) p`,
    /// the value at `⌊h⌋` and the share `h − ⌊h⌋` of the way to the next.
    ///
    /// `p` in [0, 1]; values outside are taken as the nearer end.
    pub fn quantile(&self, p: f64) -> f64 {
        quantile_of_sorted(self.sorted(), p)
    }

    /// Type 7 quantile at ½.
    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// The least value that at least `percent` of a hundred of the values do not exceed: the one of
    /// rank ⌈n · percent / 100⌉ (Hyndman and Fan 1996, type 1). `percent` in 1..=100; others are
    /// taken as the nearer end.
    pub fn nearest_rank(&self, percent: usize) -> f64 {
        let rank = (self.n() * percent).div_ceil(100);
        self.sorted()[rank.clamp(1, self.n()) - 1]
    }

    /// The statistic that `aggregate` names, as a point.
    ///
    /// `Share` is the mean of values that are 0 or 1 (or shares within a question); `Count` is
    /// their sum; `WorstSlotMedian` is the median of the worst slot's values, which the caller
    /// has chosen ([`crate::worst_slot`]).
    pub fn point(&self, aggregate: Aggregate) -> f64 {
        match aggregate {
            Aggregate::Mean | Aggregate::Share => self.mean(),
            Aggregate::Median | Aggregate::WorstSlotMedian => self.median(),
            Aggregate::P01 => self.quantile(0.01),
            Aggregate::P05 => self.quantile(0.05),
            Aggregate::P90 => self.quantile(0.90),
            Aggregate::P95 => self.quantile(0.95),
            Aggregate::P99 => self.quantile(0.99),
            Aggregate::Count => self.sum(),
        }
    }

    /// The statistic with everything that it must not travel without; it has no interval yet.
    pub fn number(&self, aggregate: Aggregate, direction: Direction) -> Number {
        let point = self.point(aggregate);
        Number { point, ci: None, n_questions: self.n(), aggregate, direction }
    }
}

/// Type 7 quantile of values in ascending order; there is at least one.
pub(crate) fn quantile_of_sorted(sorted: &[f64], p: f64) -> f64 {
    let h = (sorted.len() - 1) as f64 * p.clamp(0.0, 1.0);
    let below = h.floor();
    let (low, share) = (below as usize, h - below);
    let high = (low + 1).min(sorted.len() - 1);
    sorted[low] + share * (sorted[high] - sorted[low])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_quantiles_are_type_7() {
        // numpy.quantile([15, 20, 35, 40, 50], p, method="linear")
        let sample = Sample::new(vec![40.0, 15.0, 50.0, 20.0, 35.0]).unwrap();
        let expected =
            [(0.0, 15.0), (0.05, 16.0), (0.4, 29.0), (0.5, 35.0), (0.9, 46.0), (1.0, 50.0)];
        for (p, value) in expected {
            assert!((sample.quantile(p) - value).abs() < 1e-12, "p = {p}");
        }
        let even = Sample::new(vec![4.0, 1.0, 3.0, 2.0]).unwrap();
        assert_eq!(even.median(), 2.5);
        assert_eq!(Sample::new(vec![7.0]).unwrap().quantile(0.95), 7.0);
    }

    #[test]
    fn rule_nearest_ranks_are_those_of_numpys_inverted_cdf() {
        // numpy.quantile(numpy.arange(1, n + 1), 0.95, method="inverted_cdf")
        for (n, value) in [(1, 1.0), (3, 3.0), (10, 10.0), (20, 19.0), (45, 43.0), (190, 181.0)] {
            let sample = Sample::new((1..=n).rev().map(f64::from).collect()).unwrap();
            assert_eq!(sample.nearest_rank(95), value, "n = {n}");
            assert_eq!((sample.nearest_rank(0), sample.nearest_rank(100)), (1.0, f64::from(n)));
        }
    }

    #[test]
    fn rule_a_sample_is_finite_and_not_empty() {
        assert_eq!(Sample::new(vec![]), Err(SampleError::Empty));
        let error = Sample::new(vec![0.1, f64::INFINITY]).unwrap_err();
        assert_eq!(error, SampleError::NotFinite { index: 1, value: f64::INFINITY });
        let error = Sample::new(vec![f64::NAN]).unwrap_err().to_string();
        assert_eq!(error, "value 0 is NaN, not a finite number");
    }

    #[test]
    fn rule_a_number_travels_with_n_aggregate_and_direction() {
        let sample = Sample::new(vec![0.2, 0.4, 0.9]).unwrap();
        let number = sample.number(Aggregate::Median, Direction::LowerIsBetter);
        assert_eq!((number.point, number.n_questions, number.ci), (0.4, 3, None));
        assert_eq!(number.aggregate, Aggregate::Median);
        assert_eq!(number.direction, Direction::LowerIsBetter);
    }

    #[test]
    fn statistics_do_not_depend_on_the_order_of_questions_but_for_summation() {
        let a = Sample::new(vec![0.3, 0.1, 0.2, 0.9]).unwrap();
        let b = Sample::new(vec![0.9, 0.2, 0.1, 0.3]).unwrap();
        assert_eq!(a.quantile(0.9), b.quantile(0.9));
        assert!((a.mean() - b.mean()).abs() < 1e-15);
        assert_eq!(a.values()[0], 0.3);
    }
}
