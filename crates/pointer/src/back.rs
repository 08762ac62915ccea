//! Back along the stack, and what is left where that does not lead on.

use std::path::Path;

use wfgy_core::{PointerState, StackEntry};

use crate::commit::{Announcement, Commit, Moved};
use crate::error::{Difference, FlipError};
use crate::flip::Flip;
use crate::folder::shell_word;
use crate::ground::Looked;
use crate::name::AliasName;
use crate::plan;
use crate::record::Action;
use crate::target::TargetError;

impl Flip<'_> {
    /// Returns to the top entry of the stack that is not in quarantine. Needs no verdict.
    ///
    /// # Errors
    /// [`FlipError::EmptyStack`]; [`FlipError::NotWhole`] where the target is not what it was,
    /// which names the next entry that is.
    pub fn rollback(
        &self,
        alias: &AliasName,
        expect_epoch: Option<u64>,
    ) -> Result<Moved, FlipError> {
        let state = self.known(alias, None, expect_epoch)?;
        let at = self.way_back(alias, &state)?;
        let looked = self.as_it_was(&state.stack[at]).map_err(|why| match why {
            FlipError::Target(TargetError::Damaged { .. }) | FlipError::Differs { .. } => {
                let instead = self.instead(alias, &state, at);
                FlipError::NotWhole { why: Box::new(why), instead }
            }
            other => other,
        })?;
        let commit = Commit::begin(self, alias, Some(&state))?;
        looked.unchanged()?;
        let next = plan::rolled_back(&state, at, None, commit.stamp());
        commit.run(Announcement::plain(Action::Rollback, next))
    }

    /// Recomputes the hashes of a stack entry and compares them with what the stack remembers.
    fn as_it_was(&self, entry: &StackEntry) -> Result<Looked, FlipError> {
        let looked = self.look(Path::new(&entry.target)).map_err(|error| match error {
            // A target that was there when the pointer left it is damaged, not unknown.
            FlipError::Target(TargetError::Unknown { path, problem }) => {
                FlipError::Target(TargetError::Damaged { path, problem })
            }
            other => other,
        })?;
        for (what, expected, found) in [
            ("INDEX_HASH", entry.index_hash, looked.entry.index_hash),
            ("SERVING_HASH", entry.serving_hash, looked.entry.serving_hash),
        ] {
            if expected != found {
                let target = entry.target.clone();
                let difference = Difference { target, what, expected, found };
                return Err(FlipError::Differs { difference: Box::new(difference) });
            }
        }
        Ok(looked)
    }

    /// What leads on where the entry at `damaged` is not whole: the next one below it that is and
    /// is not in quarantine.
    fn instead(&self, alias: &AliasName, state: &PointerState, damaged: usize) -> String {
        let whole = state.stack[..damaged].iter().rev().find(|entry| {
            plan::quarantined_since(&state.quarantine, entry).is_none()
                && self.as_it_was(entry).is_ok()
        });
        match whole {
            Some(entry) => {
                let to = format!(" --to {}", shell_word(&entry.target));
                let update = self.command("update", alias, &to);
                format!("the next entry of its stack is whole: run `{update}`")
            }
            None => {
                let update = self.command("update", alias, " --to DIR --override --reason WHY");
                format!(
                    "no other entry of its stack is whole and out of quarantine: restore the \
                     directory from a backup, or go to an index that you trust with `{update}`"
                )
            }
        }
    }

    /// Which entry of the stack, counted from its bottom, a rollback would go to.
    ///
    /// # Errors
    /// [`FlipError::EmptyStack`] where there is none outside of quarantine.
    pub fn way_back(&self, alias: &AliasName, state: &PointerState) -> Result<usize, FlipError> {
        plan::top(state).ok_or_else(|| self.nothing_to_go_back_to(alias, state))
    }

    fn nothing_to_go_back_to(&self, alias: &AliasName, state: &PointerState) -> FlipError {
        let (problem, next) = match state.stack.last() {
            None => {
                let update = self.command("update", alias, " --to DIR");
                let onward = format!("on to an index with a standing pass: `{update}`");
                match state.quarantine.last() {
                    None => ("its stack is empty, it was never moved forward", onward),
                    Some(left) => {
                        let left = &left.entry.target;
                        let left = match state.quarantine.len() {
                            1 => format!("{left} was left by a rollback and first has"),
                            n => format!(
                                "{left} and {} more were left by rollbacks and first have",
                                n - 1
                            ),
                        };
                        let onward = format!("{onward}; {left} to be evaluated again");
                        ("its stack is empty, it is back at its first target", onward)
                    }
                }
            }
            Some(entry) => {
                let target = shell_word(&entry.target);
                let update = self.command("update", alias, &format!(" --to {target}"));
                let flag = self.store.flag();
                let next = format!(
                    "evaluate an entry again (`wfgy_eval --gold GOLD --index {target}{flag}`), \
                     then `{update}`, or at once `{update} --override --reason WHY`"
                );
                ("all of its stack is in quarantine, left by earlier rollbacks", next)
            }
        };
        FlipError::EmptyStack { alias: alias.to_string(), problem, next }
    }
}
