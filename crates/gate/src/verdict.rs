//! The one ordered verdict.

use std::fmt;

use serde::{Deserialize, Serialize};

/// `pass < inconclusive < fail`: a worse verdict is greater, the worst of several is their maximum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Everything that was asked holds.
    Pass,
    /// The evidence does not decide it: a person must.
    Inconclusive,
    /// Something that was asked does not hold.
    Fail,
}

impl Verdict {
    /// Exit code of an evaluation with this verdict: 0, 3 or 1.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Inconclusive => 3,
            Self::Fail => 1,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pass => "pass",
            Self::Inconclusive => "inconclusive",
            Self::Fail => "fail",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_verdicts_are_ordered_pass_inconclusive_fail() {
        assert!(Verdict::Pass < Verdict::Inconclusive && Verdict::Inconclusive < Verdict::Fail);
        let codes = [Verdict::Pass, Verdict::Inconclusive, Verdict::Fail].map(Verdict::exit_code);
        assert_eq!(codes, [0, 3, 1]);
    }
}
