//! The estimators against scipy, statsmodels and a second implementation in plain Python.
//!
//! `scripts/oracle_stats.py` writes `fixtures/stats/`; each file names it and the versions.

use serde_json::Value;
use wfgy_core::Aggregate;
use wfgy_stats::{
    ConfidenceSequence, Range, Sample, Side, clopper_pearson, holm, series_quantile,
    series_quantile_ratio, sign_flip_p,
};

fn fixture(name: &str) -> Value {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/stats/");
    let text =
        std::fs::read_to_string(format!("{folder}{name}.json")).expect("the fixture is there");
    let value: Value = serde_json::from_str(&text).expect("the fixture is JSON");
    assert_eq!(value["made_by"]["script"], "scripts/oracle_stats.py");
    value
}

/// The cases of a fixture; there are some.
fn cases(name: &str) -> Vec<Value> {
    let cases = fixture(name)["cases"].as_array().expect("cases").clone();
    assert!(cases.len() >= 6, "{name} has {} cases", cases.len());
    cases
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn count(value: &Value) -> usize {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no count")) as usize
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(number).collect()
}

fn side(value: &Value) -> Side {
    match value.as_str() {
        Some("lower") => Side::Lower,
        Some("upper") => Side::Upper,
        _ => panic!("{value} is no side"),
    }
}

fn assert_near(value: f64, expected: f64, tolerance: f64, what: &dyn std::fmt::Debug) {
    assert!((value - expected).abs() <= tolerance, "{what:?}: {value}, the oracle has {expected}");
}

#[test]
fn bounds_of_bounded_means_are_those_of_the_same_resamples_and_of_scipy() {
    let mut decides = [false; 2];
    for case in cases("bounded_mean") {
        let (lowest, highest) = (number(&case["lowest"]), number(&case["highest"]));
        let range = Range::new(lowest, highest).unwrap();
        let sample = Sample::new(numbers(&case["values"])).unwrap();
        let side = side(&case["side"]);
        let cautious = |a: f64, b: f64| if side == Side::Upper { a.max(b) } else { a.min(b) };
        let accelerated = numbers(&case["bca"]);
        let spaced = numbers(&case["gaffke"]);
        let levels = numbers(&case["levels"]);
        for (at, &level) in levels.iter().enumerate() {
            let bound = sample.bound(Aggregate::Mean, range, side, level).unwrap();
            // Fixed point: 2⁻²⁵ of the greatest distance from the mean.
            let tolerance = (highest - lowest) * 4e-8;
            let expected = cautious(accelerated[at], spaced[at]);
            assert_near(bound, expected, tolerance, &(&case["name"], side, level));
            for (decides, bound) in decides.iter_mut().zip([accelerated[at], spaced[at]]) {
                *decides |= bound == expected;
            }
        }
        let at = levels.iter().position(|&level| level == 0.95).expect("the level of reports");
        let bound = sample.bound(Aggregate::Mean, range, side, 0.95).unwrap();
        // Four Monte-Carlo errors at 10,000 resamples, z₀ and quantile, in standard errors.
        let tolerance =
            (0.2 * number(&case["standard_error"])).max(number(&case["lattice"]) + 1e-6);
        let expected = cautious(number(&case["scipy_95"]), spaced[at]);
        assert_near(bound, expected, tolerance, &("scipy", &case["name"], side));
    }
    assert_eq!(decides, [true; 2], "each of the two is the more cautious in some case");
}

#[test]
fn clopper_pearson_is_statsmodels() {
    for case in cases("clopper_pearson") {
        let (k, n, level) = (count(&case[0]), count(&case[1]), number(&case[2]));
        let lower = clopper_pearson(k, n, Side::Lower, level);
        let upper = clopper_pearson(k, n, Side::Upper, level);
        assert_near(lower, number(&case[3]), 1e-12, &case);
        assert_near(upper, number(&case[4]), 1e-12, &case);
    }
}

#[test]
fn bounds_of_quantiles_are_the_order_statistics_of_exact_fractions() {
    for case in cases("order_statistic") {
        let (n, p, level) = (count(&case[0]), number(&case[1]), number(&case[2]));
        // The values are their own ranks.
        let sample = Sample::new((0..n).map(|rank| rank as f64).collect()).unwrap();
        let aggregate = match p {
            0.01 => Aggregate::P01,
            0.05 => Aggregate::P05,
            0.5 => Aggregate::Median,
            0.9 => Aggregate::P90,
            0.95 => Aggregate::P95,
            0.99 => Aggregate::P99,
            _ => panic!("no aggregate is the {p} quantile"),
        };
        let ci = sample.interval(aggregate, Range::UNBOUNDED, level).unwrap();
        // A bound is never on the wrong side of the point, which lies between two values.
        let point = sample.point(aggregate);
        assert_eq!(ci.lower, case[3].as_f64().map(|rank| rank.min(point)), "{case}");
        assert_eq!(ci.upper, case[4].as_f64().map(|rank| rank.max(point)), "{case}");
    }
}

#[test]
fn sign_flips_are_scipys_permutation_test_and_the_same_sampled_signs() {
    for case in cases("sign_flip") {
        let differences = Sample::new(numbers(&case["differences"])).unwrap();
        assert_eq!(case["exact"].as_bool(), Some(differences.n() <= 20));
        let p = sign_flip_p(&differences, side(&case["worse"]), number(&case["margin"]));
        assert_near(p, number(&case["p"]), 1e-12, &case);
    }
}

#[test]
fn holm_is_statsmodels() {
    for case in cases("holm") {
        for (value, expected) in holm(&numbers(&case[0])).into_iter().zip(numbers(&case[1])) {
            assert_near(value, expected, 1e-12, &case);
        }
    }
}

#[test]
fn confidence_sequences_are_the_papers() {
    let cases = cases("betting");
    for group in cases.chunk_by(|a, b| a["name"] == b["name"]) {
        let values = numbers(&group[group.len() - 1]["values"]);
        for case in group {
            // Asked once only, so that no earlier moment is intersected.
            let mut lower = ConfidenceSequence::one_sided(Range::UNIT, Side::Lower, 0.95).unwrap();
            let mut upper = ConfidenceSequence::one_sided(Range::UNIT, Side::Upper, 0.95).unwrap();
            let mut both = ConfidenceSequence::two_sided(Range::UNIT, 0.95).unwrap();
            for value in &values[..count(&case["moment"])] {
                for sequence in [&mut lower, &mut upper, &mut both] {
                    sequence.observe(*value).unwrap();
                }
            }
            let both = both.interval();
            let found = [
                ("one_sided_lower", lower.interval().lower),
                ("one_sided_upper", upper.interval().upper),
                ("two_sided_lower", both.lower),
                ("two_sided_upper", both.upper),
            ];
            for (name, bound) in found {
                assert_near(bound.unwrap(), number(&case[name]), 1e-10, &(name, &case["moment"]));
            }
        }
    }
}

#[test]
fn intervals_of_series_are_those_of_the_same_blocks() {
    let fixture = fixture("moving_blocks");
    let (candidate, baseline) = (numbers(&fixture["candidate"]), numbers(&fixture["baseline"]));
    let cases = fixture["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 6);
    for case in cases {
        let (p, level) = (number(&case[0]), number(&case[1]));
        let one = series_quantile(&candidate, p, level);
        let ratio = series_quantile_ratio(&candidate, &baseline, p, level);
        let found = [one.lower, one.upper, ratio.lower, ratio.upper];
        for (i, bound) in found.into_iter().enumerate() {
            assert_near(bound.unwrap(), number(&case[2 + i]), 1e-9, case);
        }
    }
}
