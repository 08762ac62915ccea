//! What a verdict file binds, and how an altered one shows.

#![allow(clippy::unwrap_used, reason = "a test ends at its first failure")]

mod healthy;

use healthy::{circumstances, effective, evidence, max_ds, min_cov, number, pins, verdict_file};
use wfgy_core::{Digest, canonical_json};
use wfgy_gate::{
    Approves, Circumstances, Criterion, FiledVerdict, Op, Timestamp, Unusable, Verdict,
    VerdictFile, VerdictFileError, decide,
};

fn file() -> VerdictFile {
    let rate = Criterion::hard("error_rate", Op::AtMost, 0.005);
    verdict_file(&effective(vec![min_cov(0.7), max_ds(0.45), rate]), &evidence())
}

#[test]
fn rule_a_verdict_names_what_it_is_bound_to() {
    let file = file();
    let decided = &file.decided;
    assert_eq!(decided.subject.index_hash, Digest::of("docs_vB"));
    assert_eq!(decided.subject.serving_hash, Digest::of("docs_vB served"));
    assert_eq!(decided.subject.pins, pins("docs_vB"));
    assert_eq!(decided.gold_digest, Digest::of("gold_40"));
    assert_eq!(decided.policy_digest, decided.policy.digest().unwrap());
    assert_eq!(decided.runs_digest, Digest::of("runs"));
    assert_eq!((decided.k, decided.seeds.as_slice()), (10, [0, 1].as_slice()));
    assert_eq!((decided.counts.questions, decided.counts.usable), (40, 40));
    assert_eq!((file.verdict, file.approves), (Verdict::Pass, Approves::Flip));
    assert_eq!(file.measured.expires, Timestamp::from_unix(1_000_060 + 24 * 3600));
    file.check().unwrap();
}

#[test]
fn rule_decided_is_a_function_of_index_gold_policy_and_seeds() {
    let policy = effective(vec![min_cov(0.7), max_ds(0.45)]);
    let elsewhere = Circumstances {
        index: "/elsewhere/docs_vB".to_owned(),
        began: Timestamp::from_unix(2_000_000),
        ended: Timestamp::from_unix(2_000_001),
        host: "another".to_owned(),
        kernel_path: "portable".to_owned(),
        began_seq: None,
        earlier_evaluations: Some(9),
        unusable: Some(Unusable::Replayed),
        ..circumstances()
    };
    let decision = decide(&policy, &evidence()).unwrap();
    let first = verdict_file(&policy, &evidence());
    let second = VerdictFile::new(&policy, &evidence(), decision, elsewhere).unwrap();
    assert_eq!(first.decided_digest, second.decided_digest);
    assert_eq!(canonical_json(&first.decided).unwrap(), canonical_json(&second.decided).unwrap());
    assert_ne!(first.measured_digest, second.measured_digest);
}

#[test]
fn rule_an_unusable_pass_approves_nothing_wherever_it_is_read() {
    let mut file = file();
    file.measured.unusable = Some(Unusable::NotFiled);
    assert!(resealed(file.clone()).check().unwrap_err().to_string().contains("approves"));
    file.approves = Approves::Nothing;
    resealed(file).check().unwrap();
}

#[test]
fn rule_the_files_verdict_is_the_worse_of_both_parts() {
    let mut slow = evidence();
    slow.metrics.insert("error_rate".to_owned(), number(0.02));
    let rate = Criterion::hard("error_rate", Op::AtMost, 0.005);
    let file = verdict_file(&effective(vec![min_cov(0.7), rate]), &slow);
    assert_eq!(file.decided.verdict, Verdict::Pass);
    assert_eq!(file.measured.verdict, Verdict::Fail);
    assert_eq!((file.verdict, file.approves), (Verdict::Fail, Approves::Nothing));
    file.check().unwrap();
}

#[test]
fn a_verdict_file_survives_its_file() {
    let file = file();
    let bytes = canonical_json(&file).unwrap();
    let read: VerdictFile = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(read, file);
    read.check().unwrap();
    assert_eq!(read.digest().unwrap(), Digest::of(bytes));
}

#[test]
fn no_verdict_is_bound_to_an_index_without_hashes() {
    let policy = effective(vec![min_cov(0.7)]);
    let mut evidence = evidence();
    evidence.pins.set("SERVING_HASH", "unknown");
    let decision = decide(&policy, &evidence).unwrap();
    let error = VerdictFile::new(&policy, &evidence, decision, circumstances()).unwrap_err();
    assert!(error.to_string().contains("SERVING_HASH"), "{error}");
}

/// Digests made to fit, as somebody would who alters a file with care.
fn resealed(mut file: VerdictFile) -> VerdictFile {
    file.decided.policy_digest = file.decided.policy.digest().unwrap();
    file.decided_digest = Digest::of_json(&file.decided).unwrap();
    file.measured_digest = Digest::of_json(&file.measured).unwrap();
    file
}

#[test]
fn rule_an_altered_file_is_refused() {
    let alterations: [fn(&mut VerdictFile); 8] = [
        |f| f.schema_version = 3,
        |f| f.verdict = Verdict::Fail,
        |f| f.approves = Approves::Creation,
        |f| f.decided.counts.usable = 39,
        |f| f.decided.subject.index_hash = Digest::of("docs_vC"),
        |f| f.measured.expires = f.measured.expires.plus(1),
        |f| f.measured.unusable = Some(Unusable::Replayed),
        |f| f.decided.findings[0].reason.push('!'),
    ];
    for (i, alter) in alterations.into_iter().enumerate() {
        let mut file = file();
        alter(&mut file);
        assert!(file.check().is_err(), "alteration {i}");
    }
}

#[test]
fn rule_a_file_altered_with_fitting_digests_still_contradicts_itself() {
    let mut evidence = evidence();
    evidence.metrics.insert("coverage.mean".to_owned(), number(0.5));
    let failed = verdict_file(&effective(vec![min_cov(0.7), max_ds(0.45)]), &evidence);
    assert_eq!(failed.verdict, Verdict::Fail);
    let pass = |f: &mut VerdictFile| {
        (f.decided.verdict, f.verdict, f.approves) = (Verdict::Pass, Verdict::Pass, Approves::Flip);
    };
    let mut only_verdicts = failed.clone();
    pass(&mut only_verdicts);
    let mut without_the_finding = failed.clone();
    without_the_finding.decided.findings.retain(|f| f.verdict == Verdict::Pass);
    pass(&mut without_the_finding);
    let mut only_advised = failed.clone();
    only_advised.decided.findings.iter_mut().for_each(|f| f.kind = wfgy_gate::Kind::Advisory);
    pass(&mut only_advised);
    let mut without_integrity = file();
    without_integrity.decided.findings.retain(|f| f.criterion.is_some());
    let mut long = file();
    long.decided.policy.expiry_seconds = 365 * 24 * 3600;
    long.measured.expires = long.measured.ended.plus(365 * 24 * 3600);
    let mut rebound = file();
    rebound.decided.subject.index_hash = Digest::of("docs_vC");
    let mut creation = file();
    creation.approves = Approves::Creation;
    let mut later = file();
    later.measured.expires = later.measured.expires.plus(1);
    let altered = [
        only_verdicts,
        without_the_finding,
        only_advised,
        without_integrity,
        long,
        rebound,
        creation,
        later,
    ];
    for (i, file) in altered.into_iter().enumerate() {
        let error = resealed(file).check().unwrap_err();
        let digest = matches!(error, VerdictFileError::Field { field: "decided_digest", .. });
        assert!(!digest, "alteration {i} shows by its digest only: {error}");
    }
    resealed(file()).check().unwrap();
}

#[test]
fn a_filed_verdict_takes_its_standing_from_the_file() {
    let file = file();
    let filed = FiledVerdict::of(&file, file.digest().unwrap(), 12);
    assert_eq!((filed.filed, filed.began), (12, 7));
    assert_eq!(filed.index_hash, Digest::of("docs_vB"));
    assert_eq!((filed.policy, filed.gold), (file.decided.policy_digest, Digest::of("gold_40")));
    assert_eq!((filed.verdict, filed.approves), (Verdict::Pass, Approves::Flip));
    // Not knowing when it began, it ends no quarantine.
    let mut unknown = file;
    unknown.measured.began_seq = None;
    assert_eq!(FiledVerdict::of(&unknown, Digest::of("v"), 12).began, 0);
}
