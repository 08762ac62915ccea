//! Stored vectors are trusted only after they were compared with their text.

use wfgy_core::Pins;
use wfgy_core::evaluation::Integrity;

use crate::decide::rule;
use crate::effective::EffectivePolicy;
use crate::evidence::Evidence;
use crate::finding::{Code, Finding};
use crate::policy::IntegrityMode;
use crate::verdict::Verdict;

/// A stored vector and the embedding of its text are the same from this cosine on.
const SAME: f64 = 0.999;

/// The finding that every verdict has, whatever its policy asks.
///
/// A miss fails. What was not compared, although ΔS was read from it, passes nothing: it is
/// inconclusive, or, where somebody switched the comparison off, a pass that approves nothing.
/// A store without vectors has nothing to compare.
pub(crate) fn finding(policy: &EffectivePolicy, evidence: &Evidence) -> Finding {
    let Evidence { integrity, pins, stored_vectors, .. } = evidence;
    of("integrity.mismatches", policy, integrity, pins, *stored_vectors)
}

/// The same of a baseline, where there is one: what it was compared with says nothing against the
/// candidate, so that it is inconclusive at worst.
pub(crate) fn of_baseline(policy: &EffectivePolicy, evidence: &Evidence) -> Option<Finding> {
    let arm = evidence.baseline.as_ref()?;
    let integrity = &arm.pairing.integrity;
    let mut found = of("baseline.integrity", policy, integrity, &arm.pins, arm.stored_vectors);
    found.verdict = found.verdict.min(Verdict::Inconclusive);
    found.reason = format!("baseline: {}", found.reason);
    Some(found)
}

fn of(
    name: &str,
    policy: &EffectivePolicy,
    found: &Integrity,
    pins: &Pins,
    stored_vectors: bool,
) -> Finding {
    let make = |verdict, code, reason| rule(name, verdict, code, reason);
    let damaged = found.mismatches > 0 || found.lowest_cosine.is_some_and(|cosine| cosine < SAME);
    if damaged {
        let kind = found.kind.as_deref().unwrap_or("of an unknown kind");
        let mut reason = format!(
            "{} of {} stored vectors are not those of their text: {}",
            found.mismatches,
            found.checked,
            kind.replace('_', " ")
        );
        if let Some(example) = found.examples.first() {
            reason.push_str(&format!(" (such as {example})"));
        }
        reason.push_str("; build the index anew");
        return make(Verdict::Fail, Code::Damaged, reason);
    }
    match found.mode.as_str() {
        "off" if policy.integrity == IntegrityMode::Off => make(
            Verdict::Pass,
            Code::Unchecked,
            "stored vectors were not compared with their text, so this verdict approves nothing"
                .to_owned(),
        ),
        // Said by the run and by the pins: a store whose vectors could not be had is another thing.
        "none" if !pins.name_embedder() && !stored_vectors => make(
            Verdict::Pass,
            Code::Unchecked,
            "the store holds no vectors; ΔS comes from text embedded anew".to_owned(),
        ),
        "none" => make(
            Verdict::Inconclusive,
            Code::Unchecked,
            "the record says that the store holds no vectors, its pins or the scorer do not: \
             evaluate again"
                .to_owned(),
        ),
        "impossible" if !stored_vectors => make(
            Verdict::Pass,
            Code::Unchecked,
            "stored vectors cannot be compared with their text; ΔS does not come from them"
                .to_owned(),
        ),
        "impossible" => make(
            Verdict::Inconclusive,
            Code::Unchecked,
            "no embedder can make the stored vectors from their text: name one with --scorer"
                .to_owned(),
        ),
        "off" | "sample" | "full" => {
            let enough = match policy.integrity {
                IntegrityMode::Sample | IntegrityMode::Off => true,
                IntegrityMode::Full => found.mode == "full",
            };
            let compared = found.checked > 0 && found.lowest_cosine.is_some_and(f64::is_finite);
            if enough && compared {
                let reason = format!("{} stored vectors are those of their text", found.checked);
                make(Verdict::Pass, Code::Intact, reason)
            } else {
                let reason = format!(
                    "{} stored vectors were compared with their text ({}), the policy asks for {}",
                    found.checked, found.mode, policy.integrity
                );
                make(Verdict::Inconclusive, Code::Unchecked, reason)
            }
        }
        other => {
            let reason = format!("`{other}` is no way to compare stored vectors with their text");
            make(Verdict::Inconclusive, Code::Unchecked, reason)
        }
    }
}
