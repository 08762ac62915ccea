//! ANALYZER_CONF: text normalisation, the same at build and at query time.

use std::fmt;
use std::str::FromStr;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// A named chain of normalisations, applied in the order in which it is written down here.
///
/// Its text form is `none` or parts joined by `+`: `nfc` or `nfkc`, `lower`,
/// `fold` (accents), `ws` (every run of white space becomes one space, ends trimmed).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Analyzer {
    /// Unicode normalisation form.
    pub form: Form,
    /// Lower case.
    pub lower: bool,
    /// Accents folded away: canonical decomposition without combining marks.
    pub fold: bool,
    /// White space collapsed.
    pub white_space: bool,
}

/// Unicode normalisation form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// As it comes.
    #[default]
    None,
    /// Canonical composition.
    Nfc,
    /// Compatibility composition.
    Nfkc,
}

/// A name that is no analyzer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown analyzer `{0}`: expected `none`, or parts of nfc or nfkc, lower, fold, ws joined by `+`"
)]
pub struct AnalyzerError(String);

impl Analyzer {
    /// The normalised text.
    pub fn apply(&self, text: &str) -> String {
        let mut text = match self.form {
            Form::None => text.to_owned(),
            Form::Nfc => text.nfc().collect(),
            Form::Nfkc => text.nfkc().collect(),
        };
        if self.lower {
            text = text.to_lowercase();
        }
        if self.fold {
            text = text.nfd().filter(|c| !is_combining_mark(*c)).nfc().collect();
        }
        if self.white_space {
            text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        }
        text
    }
}

impl fmt::Display for Analyzer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let form = match self.form {
            Form::None => None,
            Form::Nfc => Some("nfc"),
            Form::Nfkc => Some("nfkc"),
        };
        let parts = [
            form,
            self.lower.then_some("lower"),
            self.fold.then_some("fold"),
            self.white_space.then_some("ws"),
        ];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        f.write_str(if parts.is_empty() { "none" } else { "" })?;
        f.write_str(&parts.join("+"))
    }
}

impl FromStr for Analyzer {
    type Err = AnalyzerError;

    /// Parts may come in any order, each once.
    fn from_str(name: &str) -> Result<Self, AnalyzerError> {
        let mut analyzer = Self::default();
        if name == "none" {
            return Ok(analyzer);
        }
        for part in name.split('+') {
            let fresh = match part {
                "nfc" | "nfkc" => {
                    let fresh = analyzer.form == Form::None;
                    analyzer.form = if part == "nfc" { Form::Nfc } else { Form::Nfkc };
                    fresh
                }
                "lower" => !std::mem::replace(&mut analyzer.lower, true),
                "fold" => !std::mem::replace(&mut analyzer.fold, true),
                "ws" => !std::mem::replace(&mut analyzer.white_space, true),
                _ => false,
            };
            if !fresh {
                return Err(AnalyzerError(name.to_owned()));
            }
        }
        Ok(analyzer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_analyzer_name_round_trips_and_unknown_parts_are_refused() {
        for name in ["none", "nfc", "nfkc+lower+fold+ws", "lower", "fold+ws"] {
            assert_eq!(name.parse::<Analyzer>().unwrap().to_string(), name);
        }
        assert_eq!("ws+nfc".parse::<Analyzer>().unwrap().to_string(), "nfc+ws");
        for bad in ["", "stem", "nfc+nfkc", "lower+lower", "none+lower"] {
            assert!(bad.parse::<Analyzer>().is_err(), "{bad}");
        }
    }

    #[test]
    fn rule_analyzer_normalises_as_its_name_says() {
        let all: Analyzer = "nfkc+lower+fold+ws".parse().unwrap();
        assert_eq!(all.apply("  Ｃafé\u{301}\n ﬁne\tÀ "), "cafe fine a");
        assert_eq!("nfc".parse::<Analyzer>().unwrap().apply("e\u{301}"), "é");
        assert_eq!(Analyzer::default().apply(" A\n"), " A\n");
    }

    #[test]
    fn rule_forms_that_an_analyzer_undoes_give_one_text() {
        let widened = |text: &str| -> String {
            let wide = |c: char| char::from_u32(c as u32 + 0xFEE0).unwrap();
            text.chars().map(|c| if matches!(c, '!'..='~') { wide(c) } else { c }).collect()
        };
        for text in
            ["How do I stop?", "Gr\u{fc}\u{df}e, e\u{301}t\u{e9} \u{fb01}n \u{1100}\u{1161}"]
        {
            for name in ["nfc", "nfkc", "nfkc+lower+fold+ws"] {
                let analyzer: Analyzer = name.parse().unwrap();
                let expected = analyzer.apply(text);
                assert_eq!(analyzer.apply(&text.nfd().collect::<String>()), expected, "{name}");
                let is_wide = analyzer.form == Form::Nfkc;
                assert_eq!(analyzer.apply(&widened(text)) == expected, is_wide, "{name}");
            }
        }
    }
}
