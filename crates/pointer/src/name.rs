//! Names of aliases.

use std::fmt;
use std::str::FromStr;

/// Longest name of an alias, in bytes: with the suffixes of temporary names it stays far below
/// the 255 bytes that file systems allow.
const LONGEST: usize = 64;

/// The name of an alias: `[A-Za-z0-9][A-Za-z0-9._-]{0,63}`.
///
/// A name becomes the name of a folder, so that anything that could leave the store (`..`, `/`)
/// or hide in it (a leading dot) is no name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AliasName(String);

/// Text that is no name of an alias.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` is no alias name: use 1 to 64 of the characters A-Z a-z 0-9 . _ -, the first a letter or digit",
    .0.escape_debug()
)]
pub struct NameError(String);

impl AliasName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AliasName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let first = text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
        let rest = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        if first && rest && text.len() <= LONGEST {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError(text.to_owned()))
        }
    }
}

impl fmt::Display for AliasName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_alias_names_match_the_pattern_and_nothing_else_does() {
        let longest = "a".repeat(64);
        for good in ["docs_live", "A", "0", "a.b-c_d", "a..b", longest.as_str()] {
            assert_eq!(good.parse::<AliasName>().unwrap().as_str(), good);
        }
        let too_long = "a".repeat(65);
        for bad in [
            "",
            ".",
            "..",
            "../x",
            "a/b",
            "/a",
            "-a",
            "_a",
            ".a",
            "a b",
            "a\n",
            "ä",
            "a\0",
            too_long.as_str(),
        ] {
            let error = bad.parse::<AliasName>().unwrap_err().to_string();
            assert!(!error.contains('\n') && !error.contains('\0'), "{error:?}");
        }
    }
}
