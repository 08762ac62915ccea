//! RBO equals an implementation by others: `fixtures/rbo` was made by `scripts/oracle_rbo.py`.

use std::path::PathBuf;

use wfgy_score::rbo::{PERSISTENCE, rbo_extrapolated};

#[test]
fn rbo_equals_the_published_package_on_even_and_uneven_lists() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/rbo/expected.tsv");
    let text = std::fs::read_to_string(path).unwrap();
    let (mut even, mut uneven) = (0, 0);
    for line in text.lines() {
        let [a, b, value] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let (a, b): (Vec<&str>, Vec<&str>) = (a.split(',').collect(), b.split(',').collect());
        let ours = rbo_extrapolated(&a, &b, PERSISTENCE);
        let value: f64 = value.parse().unwrap();
        assert!((ours - value).abs() < 1e-9, "{line}: {ours}");
        *if a.len() == b.len() { &mut even } else { &mut uneven } += 1;
    }
    assert!(even >= 100 && uneven >= 100, "{even} even, {uneven} uneven");
}
