//! One bound of a policy file replaced, every other character of it kept.

use std::fmt::Write as _;
use std::path::Path;

use ::toml::de::{DeTable, DeValue};

use super::{Form, parse};
use crate::InputError;

/// `text`, a TOML policy, with the bound of its one criterion `metric` replaced by `bound`; where
/// it has none, a hard criterion that asks for at most `bound` is added at the end.
///
/// # Errors
/// [`InputError`] where `text` is no policy, has several such criteria, or would be no policy
/// with this bound; `file` stands in it.
pub fn with_upper_bound(
    text: &str,
    metric: &str,
    bound: f64,
    file: &Path,
) -> Result<String, InputError> {
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    let read = |text: &str| parse(text, Form::Toml, &name, file);
    if !text.trim().is_empty() {
        read(text)?;
    }
    let wrong = |problem: String| Err(InputError::file(file, problem));
    let table = match DeTable::parse(text) {
        Ok(table) => table,
        Err(error) => return wrong(error.message().to_owned()),
    };
    let criteria = match table.get_ref().get("criterion").map(|node| node.get_ref()) {
        Some(DeValue::Array(criteria)) => criteria.iter().collect(),
        _ => Vec::new(),
    };
    let bounds: Vec<_> = criteria
        .into_iter()
        .filter_map(|criterion| match criterion.get_ref() {
            DeValue::Table(criterion) => Some(criterion),
            _ => None,
        })
        .filter(|criterion| match criterion.get("metric").map(|node| node.get_ref()) {
            Some(DeValue::String(name)) => name == metric,
            _ => false,
        })
        .filter_map(|criterion| criterion.get("bound").map(|node| node.span()))
        .collect();
    let mut new = text.to_owned();
    match &bounds[..] {
        [] => {
            if !new.is_empty() && !new.ends_with('\n') {
                new.push('\n');
            }
            let gap = if new.is_empty() { "" } else { "\n" };
            let _ = write!(
                new,
                "{gap}[[criterion]]\nmetric = \"{metric}\"\nop = \"<=\"\nbound = {bound:?}\n"
            );
        }
        [span] => new.replace_range(span.clone(), &format!("{bound:?}")),
        several => {
            return wrong(format!(
                "has {} criteria on {metric}: say which by leaving one",
                several.len()
            ));
        }
    }
    read(&new)?;
    Ok(new)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = "# kept\nk = 5\n\n[[criterion]] # kept\nmetric = \"delta_s.question\"\n\
                          op = \"<=\"\nbound   = 0.45   # kept, é\nkind = \"soft\"\n\n\
                          [[criterion]]\nmetric = \"coverage.mean\"\nop = \">=\"\nbound = 0.7\n";

    fn rewritten(text: &str) -> Result<String, String> {
        with_upper_bound(text, "delta_s.question", 0.3125, Path::new("p.toml"))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn rule_one_bound_changes_and_no_other_character() {
        assert_eq!(rewritten(POLICY).unwrap(), POLICY.replace("0.45", "0.3125"));
    }

    #[test]
    fn rule_a_policy_without_the_criterion_gets_one_and_keeps_its_text() {
        let other = "[[criterion]]\nmetric = \"coverage.mean\"\nop = \">=\"\nbound = 0.7";
        let new = rewritten(other).unwrap();
        assert!(new.starts_with(other) && new.ends_with("op = \"<=\"\nbound = 0.3125\n"), "{new}");
        assert!(rewritten("").unwrap().starts_with("[[criterion]]"));
    }

    #[test]
    fn a_file_that_cannot_be_changed_is_named() {
        let twice = format!("{POLICY}{}", &POLICY[POLICY.find("[[").unwrap()..]);
        for (text, part) in [
            (twice.as_str(), "criteri"),
            ("k = [", "p.toml"),
            ("criterion = []\n", "p.toml"),
            (&POLICY.replace("\"<=\"", "\"<=\"\nreview = [0.45, 0.6]"), "review"),
        ] {
            let error = rewritten(text).unwrap_err();
            assert!(error.contains(part) && !error.contains('\n'), "{error}");
        }
    }
}
