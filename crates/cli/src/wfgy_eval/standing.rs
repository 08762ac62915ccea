//! What the store says of an index that was just evaluated, and what to do next.

use std::path::Path;

use wfgy_core::Pointer;
use wfgy_gate::{Approves, CONTENT_PINS, Code, PinPair, Verdict, VerdictFile};
use wfgy_pointer::{Filing, LocalPointer, StoreDir, VerdictStore, named_by, shell_word};

use super::culprits::decider;
use super::judged::Judged;
use super::run::filing;
use crate::clock;
use crate::exit::Failure;

/// What the store holds beside the verdict that was filed.
pub(crate) struct Standing {
    /// Fails and inconclusive verdicts of other lines that stand, the worst first.
    pub against: Vec<Filing>,
    /// Aliases that point to the index now.
    live_as: Vec<String>,
    /// All aliases.
    aliases: Vec<String>,
    /// What a command line has to end with to use the same store.
    flag: String,
}

impl Standing {
    /// Looks before the verdict of the index in `directory` is filed: what stands of its own line
    /// is no matter, and what cannot be read is said while nothing approves anything yet.
    ///
    /// # Errors
    /// Where the journal cannot be read. Aliases that cannot be read are left out: they are no
    /// part of the verdict.
    pub(crate) fn of(
        store: &StoreDir,
        file: &VerdictFile,
        directory: &Path,
    ) -> Result<Self, Failure> {
        let decided = &file.decided;
        let subject = &decided.subject;
        let on_file = VerdictStore::new(store).against(subject.index_hash, subject.serving_hash);
        let mut against = filing(on_file)?;
        let line = (decided.policy_digest, decided.gold_digest);
        against.retain(|filing| (filing.policy_digest, filing.gold_digest) != line);
        let pointer = LocalPointer::new(store.path());
        let deadline = || clock::within(clock::STORE_PATIENCE);
        let named = named_by(store, &pointer, directory, deadline()).unwrap_or_default();
        Ok(Self {
            against,
            live_as: named.into_iter().filter(|n| n.live).map(|n| n.alias).collect(),
            aliases: pointer.list(deadline()).unwrap_or_default(),
            flag: store.flag().to_owned(),
        })
    }

    /// Each verdict of another line that stands, in one phrase.
    pub(crate) fn against(&self) -> impl Iterator<Item = String> {
        self.against.iter().map(|filing| {
            let what = match filing.verdict {
                Verdict::Fail => "a fail",
                Verdict::Pass | Verdict::Inconclusive => "an inconclusive verdict",
            };
            format!(
                "{what} under policy {:.12} on gold set {:.12} stands (verdict {:.12})",
                filing.policy_digest, filing.gold_digest, filing.digest
            )
        })
    }
}

impl Judged {
    /// What to do next, in one line; `None` where there is nothing to do, or nothing was filed.
    pub(crate) fn next(&self) -> Option<String> {
        let standing = self.standing.as_ref()?;
        let (target, flag) = (shell_word(&self.target), &standing.flag);
        if self.decision.verdict != Verdict::Pass {
            return Some(self.after_no_pass());
        }
        let alias = match standing.aliases.as_slice() {
            [only] => only,
            _ => "ALIAS",
        };
        if !standing.against.is_empty() && self.decision.approves != Approves::Nothing {
            let policy = self.policy.digest().map(|d| format!("{d:.12}")).unwrap_or_default();
            let line = format!("--policy {policy} --gold {:.12}", self.evidence.gold_digest);
            let narrow = match standing.aliases.is_empty() {
                true => format!("vec alias create {alias} --to {target} {line}{flag}"),
                false => format!("vec alias policy {alias} {line} --reason WHY{flag}"),
            };
            return Some(format!(
                "evaluate again under that policy and gold set, or let an alias count this line \
                 only: {narrow}"
            ));
        }
        match self.decision.approves {
            Approves::Nothing => Some("evaluate again without --integrity off".to_owned()),
            _ if !standing.live_as.is_empty() => None,
            Approves::Flip if !standing.aliases.is_empty() => {
                Some(format!("vec alias update {alias} --to {target}{flag}"))
            }
            Approves::Creation if !standing.aliases.is_empty() => Some(format!(
                "evaluate it against what is live: the same command with --baseline {alias} in \
                 place of --no-baseline; as it is, the pass approves the creation of an alias only"
            )),
            Approves::Flip | Approves::Creation => {
                Some(format!("vec alias create ALIAS --to {target}{flag}"))
            }
        }
    }

    /// What a fail or an inconclusive verdict asks for: that of the finding which decided.
    fn after_no_pass(&self) -> String {
        let pins;
        let advice = match decider(&self.decision).map(|finding| finding.code) {
            Some(Code::TooFewQuestions) => "add questions to the gold set, then evaluate again",
            Some(Code::Blind) => {
                "choose a bound below what unrelated text reaches, then evaluate again"
            }
            Some(Code::Uncalibrated | Code::NoData) => {
                "give the gold set or the command what is missing, then evaluate again"
            }
            Some(Code::FailedRuns | Code::Impossible) => {
                "find out why runs failed, then evaluate again"
            }
            Some(Code::Undecided) => "add questions to the gold set, or let a person decide",
            Some(Code::Review) => "look at the questions above; a person decides",
            Some(Code::NoHardCriterion) => "give the policy a hard criterion, then evaluate again",
            Some(Code::PinChanged) => {
                pins = self.allow_pins();
                &pins
            }
            Some(Code::Damaged) => "build the index anew: its vectors are not those of its text",
            Some(Code::Unchecked | Code::Holds | Code::Intact | Code::Violated) | None => {
                "mend what the questions above show, build the index anew and evaluate that"
            }
        };
        advice.to_owned()
    }

    /// The line of a policy file that lets the pins differ which do.
    fn allow_pins(&self) -> String {
        let allowed = self.policy.may_change.iter().map(String::as_str);
        let changed: Vec<PinPair> = self.pin_pairs();
        let changed = changed.iter().filter(|pair| !pair.is_equal() && !pair.may_change);
        let named = allowed.filter(|pin| !CONTENT_PINS.contains(pin));
        let line: Vec<String> = named
            .chain(changed.map(|pair| pair.pin.as_str()))
            .map(|pin| format!("\"{pin}\""))
            .collect();
        format!(
            "build with the old pin, or, where the change is meant, say may_change = [{}] at the \
             top of a policy file (--policy FILE)",
            line.join(", ")
        )
    }
}
