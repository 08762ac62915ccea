//! The worst of several statistics, which stands for all.

use wfgy_core::{Aggregate, Direction, Interval, Number};

use crate::{BoundError, LEVEL, Range, Sample, Side};

/// The statistic of the worst of `samples`, the sample at `worst`, with an interval for that of the
/// worst population; of one sample it is [`Sample::estimate`].
///
/// Which sample is the worst is luck where several are about as bad, and the luckless one looks
/// worse than any is. So the end on the good side is the farthest of all samples' bounds at
/// 1 − α / samples (Bonferroni), one of which lies beyond its truth with probability α at most; the
/// other end is the farthest of their bounds at the level itself, that of the worst population's
/// own among them.
///
/// # Errors
/// As [`Sample::bound`].
///
/// # Panics
/// Where there is no sample at `worst`.
pub fn estimate_of_worst(
    samples: &[Sample],
    worst: usize,
    aggregate: Aggregate,
    direction: Direction,
    range: Range,
) -> Result<Number, BoundError> {
    let most_is_worst = direction == Direction::LowerIsBetter;
    let family = 1.0 - (1.0 - LEVEL) / samples.len() as f64;
    let end = |side: Side| {
        let level = if most_is_worst == (side == Side::Upper) { LEVEL } else { family };
        let mut farthest = None;
        for sample in samples {
            let bound = sample.bound(aggregate, range, side, level)?;
            let farther: fn(f64, f64) -> f64 = if most_is_worst { f64::max } else { f64::min };
            farthest = Some(farthest.map_or(bound, |other| farther(other, bound)));
        }
        Ok(farthest.filter(|bound| bound.is_finite()))
    };
    let ci = Some(Interval { level: LEVEL, lower: end(Side::Lower)?, upper: end(Side::Upper)? });
    Ok(Number { ci, ..samples[worst].number(aggregate, direction) })
}

#[cfg(test)]
mod tests {
    use wfgy_kernel::resample::Stream;

    use super::*;

    const AGGREGATE: Aggregate = Aggregate::WorstSlotMedian;

    fn estimate(samples: &[Sample], direction: Direction) -> (usize, Number) {
        let medians = samples.iter().map(|sample| sample.point(AGGREGATE)).enumerate();
        let worst = match direction {
            Direction::LowerIsBetter => medians.max_by(|a, b| a.1.total_cmp(&b.1)),
            _ => medians.min_by(|a, b| a.1.total_cmp(&b.1)),
        };
        let worst = worst.unwrap().0;
        let made = estimate_of_worst(samples, worst, AGGREGATE, direction, Range::UNIT).unwrap();
        (worst, made)
    }

    #[test]
    fn rule_of_one_sample_it_is_that_samples_estimate() {
        let sample = Sample::new((0..40).map(|i| f64::from(i * 7 % 40) / 40.0).collect()).unwrap();
        for direction in [Direction::LowerIsBetter, Direction::HigherIsBetter, Direction::Neutral] {
            let own = sample.estimate(AGGREGATE, direction, Range::UNIT).unwrap();
            assert_eq!(estimate(std::slice::from_ref(&sample), direction).1, own);
        }
    }

    #[test]
    fn rule_neither_end_of_the_worst_of_equals_is_beyond_the_truth_more_often_than_it_says() {
        for direction in [Direction::LowerIsBetter, Direction::HigherIsBetter] {
            let (mut beyond, mut own_beyond) = ([0; 2], [0; 2]);
            for data_set in 0..2_000 {
                let mut stream = Stream::new(5, data_set);
                // Four slots of 40 values with median 1/2.
                let samples: Vec<Sample> = (0..4)
                    .map(|_| Sample::new((0..40).map(|_| stream.uniform()).collect()).unwrap())
                    .collect();
                let (worst, made) = estimate(&samples, direction);
                let own = samples[worst].estimate(AGGREGATE, direction, Range::UNIT).unwrap();
                for (count, number) in [(&mut beyond, made), (&mut own_beyond, own)] {
                    let ci = number.ci.unwrap();
                    count[0] += usize::from(ci.lower.unwrap() > 0.5);
                    count[1] += usize::from(ci.upper.unwrap() < 0.5);
                }
            }
            // 5 % are 100; three standard errors are 30.
            assert!(beyond.iter().all(|count| *count <= 130), "{direction:?}: {beyond:?}");
            // The interval of the sample alone, as if it had been named before, is not one of these.
            assert!(own_beyond.iter().any(|count| *count > 200), "{direction:?}: {own_beyond:?}");
        }
    }

    #[test]
    fn rule_the_bad_end_is_that_of_the_sample_that_is_known_least() {
        let at = |n: usize, middle: f64| {
            let spread = |i: usize| middle + (i as f64 / (n - 1) as f64 - 0.5) * 0.4;
            Sample::new((0..n).map(spread).collect()).unwrap()
        };
        let samples = [at(400, 0.50), at(20, 0.49)];
        let (worst, made) = estimate(&samples, Direction::LowerIsBetter);
        assert_eq!((worst, made.n_questions), (0, 400));
        let upper = |sample: &Sample, level| {
            sample.bound(AGGREGATE, Range::UNIT, Side::Upper, level).unwrap()
        };
        assert!(upper(&samples[1], LEVEL) > upper(&samples[0], LEVEL));
        assert_eq!(made.ci.unwrap().upper, Some(upper(&samples[1], LEVEL)));
    }
}
