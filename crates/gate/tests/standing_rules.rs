//! Which filed verdicts approve a forward flip.

#![allow(clippy::unwrap_used, reason = "a test ends at its first failure")]

mod healthy;

use std::collections::BTreeSet;

use wfgy_core::Digest;
use wfgy_gate::{
    AliasRules, Approval, Approves, Candidate, FiledVerdict, Purpose, Refusal, Stands, Timestamp,
    Unusable, Verdict, approval,
};

const NOW: u64 = 10_000_000;
const HOUR: u64 = 3600;

fn candidate() -> Candidate {
    Candidate {
        target: "docs_vB".to_owned(),
        index_hash: Digest::of("vB"),
        serving_hash: Digest::of("vB served"),
    }
}

/// A pass of an hour ago, filed at `filed`, on the line of `policy` and `gold`.
fn pass(filed: u64, policy: &str, gold: &str) -> FiledVerdict {
    FiledVerdict {
        digest: Digest::of(format!("verdict {filed}")),
        filed,
        began: filed - 1,
        index_hash: candidate().index_hash,
        serving_hash: candidate().serving_hash,
        policy: Digest::of(policy),
        gold: Digest::of(gold),
        verdict: Verdict::Pass,
        approves: Approves::Flip,
        skipped_hard: Vec::new(),
        baseline: None,
        ended: Timestamp::from_unix(NOW - HOUR),
        expires: Timestamp::from_unix(NOW + 23 * HOUR),
        unusable: None,
    }
}

fn worse(verdict: Verdict, filed: u64, policy: &str, gold: &str) -> FiledVerdict {
    FiledVerdict { verdict, approves: Approves::Nothing, ..pass(filed, policy, gold) }
}

fn current() -> (Digest, Digest) {
    (Digest::of("vA"), Digest::of("vA served"))
}

fn rules() -> AliasRules {
    let (index_hash, serving_hash) = current();
    AliasRules {
        alias: "docs_live".to_owned(),
        policies: Vec::new(),
        golds: Vec::new(),
        quarantined_since: None,
        purpose: Purpose::Update { index_hash, serving_hash },
    }
}

fn ask(filed: &[FiledVerdict], rules: &AliasRules) -> Result<Approval, Refusal> {
    approval(&candidate(), filed, rules, Timestamp::from_unix(NOW))
}

#[test]
fn rule_one_unexpired_standing_pass_approves_for_this_alias_index_and_purpose() {
    let approval = ask(&[pass(5, "p", "g")], &rules()).unwrap();
    assert_eq!(approval.alias(), "docs_live");
    assert_eq!(approval.candidate(), &candidate());
    assert_eq!(approval.purpose(), rules().purpose);
    assert_eq!(approval.verdict_digest(), Some(Digest::of("verdict 5")));
    assert_eq!(approval.override_reason(), None);
}

#[test]
fn rule_no_verdict_on_this_content_is_refused_with_the_command_to_run() {
    let refusal = ask(&[], &rules()).unwrap_err();
    assert_eq!(refusal.exit_code(), 1);
    assert!(refusal.to_string().contains("wfgy_eval --gold GOLD --index docs_vB"), "{refusal}");
    // The same name with other bytes is another index; so are other serving files.
    let other = FiledVerdict { index_hash: Digest::of("vC"), ..pass(5, "p", "g") };
    let served = FiledVerdict { serving_hash: Digest::of("other ef"), ..pass(6, "p", "g") };
    let refusal = ask(&[other, served], &rules()).unwrap_err();
    assert!(matches!(refusal, Refusal::NoVerdict { .. }));
}

#[test]
fn rule_in_each_line_the_last_filed_stands() {
    let fail = |filed| worse(Verdict::Fail, filed, "p", "g");
    assert!(ask(&[fail(5), pass(6, "p", "g")], &rules()).is_ok());
    assert!(ask(&[pass(6, "p", "g"), fail(5)], &rules()).is_ok());
    let refusal = ask(&[pass(5, "p", "g"), fail(6)], &rules()).unwrap_err();
    assert!(matches!(refusal, Refusal::Failed { .. }));
    // What was filed last, not what ended last by some clock.
    let mut late = pass(5, "p", "g");
    late.ended = Timestamp::from_unix(NOW);
    assert!(ask(&[late, fail(6)], &rules()).is_err());
}

#[test]
fn rule_a_standing_fail_or_inconclusive_in_another_line_refuses() {
    for (verdict, code) in [(Verdict::Fail, 1), (Verdict::Inconclusive, 3)] {
        for (policy, gold) in [("p", "other gold"), ("other policy", "g")] {
            let filed = [worse(verdict, 5, policy, gold), pass(6, "p", "g")];
            let refusal = ask(&filed, &rules()).unwrap_err();
            assert_eq!(refusal.exit_code(), code);
            assert!(refusal.to_string().contains(&format!("{:.12}", Digest::of("verdict 5"))));
        }
    }
    let both = [
        worse(Verdict::Inconclusive, 7, "a", "g"),
        worse(Verdict::Fail, 5, "b", "g"),
        pass(6, "c", "g"),
    ];
    assert_eq!(ask(&both, &rules()).unwrap_err().exit_code(), 1);
}

#[test]
fn rule_a_fail_never_lapses_by_expiry() {
    for verdict in [Verdict::Fail, Verdict::Inconclusive] {
        let mut old = worse(verdict, 1, "p", "g");
        (old.ended, old.expires) = (Timestamp::from_unix(10), Timestamp::from_unix(20));
        assert!(ask(&[old, pass(6, "q", "g")], &rules()).is_err());
    }
}

#[test]
fn rule_only_the_lines_that_the_alias_allows_count() {
    let filed = [pass(5, "p", "g"), worse(Verdict::Fail, 6, "q", "g")];
    let only_p = AliasRules { policies: vec![Digest::of("p")], ..rules() };
    assert!(ask(&filed, &only_p).is_ok());
    let other_gold = AliasRules { golds: vec![Digest::of("h")], ..rules() };
    let refusal = ask(&filed, &other_gold).unwrap_err();
    assert!(matches!(refusal, Refusal::NotAllowed { .. }));
    assert!(refusal.to_string().contains(&format!("{:.12}", Digest::of("h"))));
    let both = AliasRules { golds: vec![Digest::of("g")], ..only_p };
    assert!(ask(&filed, &both).is_ok());
}

#[test]
fn rule_an_expired_pass_counts_no_more_with_60_seconds_of_tolerance() {
    let ended = |seconds: u64| FiledVerdict {
        ended: Timestamp::from_unix(NOW - 25 * HOUR),
        expires: Timestamp::from_unix(NOW - seconds),
        ..pass(5, "p", "g")
    };
    assert!(ask(&[ended(60)], &rules()).is_ok());
    let refusal = ask(&[ended(61)], &rules()).unwrap_err();
    assert!(matches!(refusal, Refusal::Expired { .. }));
    // Another line can still have one.
    assert!(ask(&[ended(61), pass(4, "q", "g")], &rules()).is_ok());
}

#[test]
fn a_pass_from_the_future_does_not_count_beyond_the_tolerance() {
    let at = |seconds: u64| FiledVerdict {
        ended: Timestamp::from_unix(NOW + seconds),
        ..pass(5, "p", "g")
    };
    assert!(ask(&[at(60)], &rules()).is_ok());
    assert!(matches!(ask(&[at(61)], &rules()), Err(Refusal::FromTheFuture { .. })));
}

#[test]
fn rule_a_pass_with_a_baseline_counts_only_while_the_alias_points_to_it() {
    let against = |baseline| FiledVerdict { baseline: Some(baseline), ..pass(5, "p", "g") };
    assert!(ask(&[against(current())], &rules()).is_ok());
    let other_serving = (current().0, Digest::of("other ef"));
    for baseline in [(Digest::of("v0"), current().1), other_serving] {
        let refusal = ask(&[against(baseline)], &rules()).unwrap_err();
        assert!(matches!(refusal, Refusal::WrongBaseline { .. }));
    }
    let create = AliasRules { purpose: Purpose::Creation, ..rules() };
    let refusal = ask(&[against(current())], &create).unwrap_err();
    assert!(matches!(refusal, Refusal::WrongBaseline { .. }));
}

#[test]
fn rule_a_pass_with_a_skipped_hard_criterion_approves_creation_only() {
    let skipped = FiledVerdict {
        approves: Approves::Creation,
        skipped_hard: vec!["drift.flip_rate <= 0.02".to_owned()],
        ..pass(5, "p", "g")
    };
    let create = AliasRules { purpose: Purpose::Creation, ..rules() };
    assert!(ask(std::slice::from_ref(&skipped), &create).is_ok());
    let refusal = ask(&[skipped], &rules()).unwrap_err();
    assert!(matches!(refusal, Refusal::CreationOnly { .. }));
    assert!(refusal.to_string().contains("drift.flip_rate <= 0.02"), "{refusal}");
    let first = "evaluate it against what is live, under the same policy: `wfgy_eval";
    assert!(refusal.to_string().contains(first), "{refusal}");
    assert!(refusal.to_string().contains("--baseline docs_live`"), "{refusal}");
}

#[test]
fn rule_a_pass_that_approves_nothing_approves_nothing() {
    let off = FiledVerdict { approves: Approves::Nothing, ..pass(5, "p", "g") };
    for purpose in [Purpose::Creation, rules().purpose] {
        let refusal = ask(std::slice::from_ref(&off), &AliasRules { purpose, ..rules() });
        assert!(matches!(refusal, Err(Refusal::ApprovesNothing { .. })));
    }
}

#[test]
fn rule_quarantine_needs_an_evaluation_that_began_after_the_rollback() {
    let quarantined = AliasRules { quarantined_since: Some(8), ..rules() };
    let began = |began, filed| FiledVerdict { began, ..pass(filed, "p", "g") };
    for (began_at, filed) in [(7, 9), (8, 20)] {
        let refusal = ask(&[began(began_at, filed)], &quarantined).unwrap_err();
        assert!(matches!(refusal, Refusal::Quarantined { since: 8, .. }), "{began_at}");
        assert_eq!(refusal.exit_code(), 1);
    }
    assert!(ask(&[began(9, 10)], &quarantined).is_ok());
}

#[test]
fn rule_a_replayed_or_unfiled_verdict_counts_for_nothing() {
    for why in [Unusable::Replayed, Unusable::SourceDateEpoch, Unusable::NotFiled] {
        let unusable = FiledVerdict { unusable: Some(why), ..pass(9, "p", "g") };
        let refusal = ask(std::slice::from_ref(&unusable), &rules()).unwrap_err();
        assert!(matches!(refusal, Refusal::Unusable { .. }));
        // It does not hide what stands.
        let fail = worse(Verdict::Fail, 5, "p", "g");
        let refusal = ask(&[fail, unusable], &rules()).unwrap_err();
        assert!(matches!(refusal, Refusal::Failed { .. }));
    }
}

#[test]
fn rule_of_two_verdicts_with_one_number_the_worse_stands() {
    let fail = FiledVerdict { digest: Digest::of("f"), ..worse(Verdict::Fail, 5, "p", "g") };
    for filed in [[pass(5, "p", "g"), fail.clone()], [fail, pass(5, "p", "g")]] {
        assert!(matches!(ask(&filed, &rules()), Err(Refusal::Failed { .. })));
    }
}

#[test]
fn the_order_of_the_verdicts_on_file_has_no_influence() {
    let filed = [
        pass(3, "p", "g"),
        worse(Verdict::Fail, 4, "q", "g"),
        pass(6, "q", "g"),
        pass(5, "r", "g"),
    ];
    let mut approved = BTreeSet::new();
    for turn in 0..filed.len() {
        let mut turned = filed.to_vec();
        turned.rotate_left(turn);
        approved.insert(ask(&turned, &rules()).unwrap().verdict_digest());
    }
    assert_eq!(approved, [Some(Digest::of("verdict 6"))].into());
}

#[test]
fn a_standing_fail_names_its_line_and_two_ways_out() {
    let filed = [worse(Verdict::Fail, 4, "strict", "g"), pass(5, "loose", "g")];
    let told = ask(&filed, &rules()).unwrap_err().to_string();
    let line = format!("policy {:.12} on gold set {:.12}", Digest::of("strict"), Digest::of("g"));
    let verdict = format!("`vec verify {:.12}`", Digest::of("verdict 4"));
    let passes = format!("--policy {:.12} --gold {:.12}", Digest::of("loose"), Digest::of("g"));
    let update = format!("`vec alias policy docs_live {passes} --reason WHY`");
    for part in [&line, &verdict, "build it anew", &update] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let creation = AliasRules { purpose: Purpose::Creation, ..rules() };
    let told = ask(&filed, &creation).unwrap_err().to_string();
    let create = format!("`vec alias create docs_live --to docs_vB {passes}`");
    assert!(told.contains(&create), "{told}");
    // Where no line passes there is none to count alone.
    let told = ask(&filed[..1], &rules()).unwrap_err().to_string();
    assert!(!told.contains("alias policy") && told.contains("evaluate this one again"), "{told}");
}

#[test]
fn every_refusal_is_one_line_that_says_what_to_run() {
    let d = Digest::of("x");
    let (target, alias) = ("docs_vB".to_owned(), "docs_live".to_owned());
    let t = || target.clone();
    let a = || alias.clone();
    let narrow = "vec alias policy docs_live".to_owned();
    let s = || Box::new(Stands { verdict: d, policy: d, gold: d, narrow: Some(narrow.clone()) });
    let moment = Timestamp::from_unix(NOW);
    let all = [
        Refusal::NoVerdict { target: t() },
        Refusal::NotAllowed { alias: a(), target: t(), wanted: "policy x".to_owned() },
        Refusal::Unusable { target: t(), verdict: d, why: Unusable::Replayed },
        Refusal::Failed { target: t(), stands: s() },
        Refusal::Inconclusive { target: t(), stands: s() },
        Refusal::Expired { target: t(), verdict: d, expired: moment },
        Refusal::FromTheFuture { target: t(), verdict: d, ended: moment },
        Refusal::WrongBaseline { alias: a(), target: t(), verdict: d },
        Refusal::CreationOnly { alias: a(), target: t(), verdict: d, skipped: "x".to_owned() },
        Refusal::ApprovesNothing { target: t(), verdict: d },
        Refusal::Quarantined { alias: a(), target: t(), since: 4, policy: d },
    ];
    for refusal in all {
        let text = refusal.to_string();
        assert!(!text.contains('\n') && !text.contains("  "), "{text}");
        assert!(text.contains("`wfgy_eval") || text.contains("`vec "), "{text}");
        assert_eq!(refusal.exit_code() == 3, matches!(refusal, Refusal::Inconclusive { .. }));
    }
}
