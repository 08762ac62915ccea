//! What is filed, and as what.

use wfgy_gate::{Refusal, Timestamp, Unusable, Verdict};
use wfgy_pointer::{FilingError, VerdictStore};

use crate::refusal;
use crate::world::{Case, NOON, World, soon};

#[test]
fn rule_unusable_verdicts_are_not_filed() {
    let world = World::new();
    for why in [Unusable::Replayed, Unusable::SourceDateEpoch, Unusable::NotFiled] {
        let verdict = Case { unusable: Some(why), ..Case::of("a", 0, NOON) }.verdict();
        let now = Timestamp::from_unix(NOON);
        let error = VerdictStore::new(&world.store).file(&verdict, now, "me", soon()).unwrap_err();
        assert!(matches!(error, FilingError::Unusable { why: found } if found == why));
        assert_eq!(error.exit_code(), 2);
    }
    assert!(!world.store.path().exists());
}

#[test]
fn a_verdict_from_the_future_of_the_journal_or_changed_by_hand_is_not_filed() {
    let world = World::new();
    let file = |verdict: &wfgy_gate::VerdictFile| {
        VerdictStore::new(&world.store).file(verdict, Timestamp::from_unix(NOON), "me", soon())
    };
    let error = file(&Case::of("a", 5, NOON).verdict()).unwrap_err();
    assert!(matches!(error, FilingError::Contradiction { .. }), "{error}");
    let mut verdict = Case { coverage: 0.1, ..Case::of("a", 0, NOON) }.verdict();
    verdict.verdict = Verdict::Pass;
    assert!(matches!(file(&verdict).unwrap_err(), FilingError::Contradiction { .. }));
}

#[test]
fn filing_the_same_verdict_twice_does_not_make_it_the_last() {
    let world = World::new();
    let a = world.index("a", "a");
    let pass = Case::of("a", world.begin(), NOON).verdict();
    let first = world.file(&pass);
    world.evaluate("a", 0.1);
    assert_eq!(world.file(&pass), first);
    assert!(matches!(refusal(world.create(&a), 1), Refusal::Failed { .. }));
    let store = VerdictStore::new(&world.store);
    let hashes = crate::world::hashes("a");
    assert_eq!(store.evaluations(hashes.index_hash, hashes.serving_hash).unwrap(), 2);
    let status = store.status(&pass, Timestamp::from_unix(NOON)).unwrap();
    assert_eq!(status.filed, Some(first.seq));
    assert!(status.superseded_by.is_some() && !status.expired);
    // Expiry has the tolerance that a flip grants.
    for (later, expired) in [(86_400 + 60, false), (86_400 + 61, true)] {
        let status = store.status(&pass, Timestamp::from_unix(NOON + later)).unwrap();
        assert_eq!(status.expired, expired);
    }
    // So has a clock that is behind.
    for (earlier, from_the_future) in [(60, false), (61, true)] {
        let status = store.status(&pass, Timestamp::from_unix(NOON - earlier)).unwrap();
        assert_eq!(status.from_the_future, from_the_future);
    }
    let never = store.status(&Case::of("b", 0, NOON).verdict(), Timestamp::from_unix(NOON * 2));
    assert!(matches!(never.unwrap(), s if s.filed.is_none() && s.expired));
}
