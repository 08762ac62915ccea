//! JUnit XML, so that a CI shows a verdict where it shows tests.
//!
//! A fail is a `<failure>`, inconclusive is an `<error>`: neither shows green, and no more does a
//! pass that approves nothing because stored vectors were not looked at.
//! A soft criterion that fails weighs inconclusive and shows as that; an
//! advisory one passes and says what it found in `<system-out>`.

use std::fmt::Write;

use wfgy_gate::{Finding, Verdict, VerdictFile};

/// The verdict as one test suite: a case for each finding, a skipped case for each criterion that
/// was not asked, and a last one for the verdict itself, which says the `worst` questions.
pub fn of_verdict(file: &VerdictFile, worst: &[String]) -> String {
    let mut cases = Vec::new();
    for (part, findings) in
        [("decided", &file.decided.findings), ("measured", &file.measured.findings)]
    {
        cases.extend(findings.iter().map(|finding| of_finding(part, finding)));
    }
    for skipped in &file.decided.policy.skipped {
        cases.push(Case {
            class: "skipped".to_owned(),
            name: skipped.criterion.to_string(),
            outcome: Outcome::Skipped,
            message: "this evaluation does not ask it".to_owned(),
            out: String::new(),
        });
    }
    let verdict = file.verdict;
    let (outcome, message) = match verdict {
        // A green suite would be taken for leave to go live.
        Verdict::Pass if file.is_unchecked() => {
            let why = "the verdict is pass, but approves nothing: stored vectors were not compared \
                       with their text (--integrity off)";
            (Verdict::Inconclusive, why.to_owned())
        }
        _ => (verdict, format!("the verdict is {verdict}")),
    };
    cases.push(Case {
        class: "wfgy_eval".to_owned(),
        name: "verdict".to_owned(),
        outcome: Outcome::Found(outcome),
        message,
        out: format!(
            "verdict {verdict}, decided digest {}{}",
            file.decided_digest,
            worst.iter().map(|line| format!("\n{line}")).collect::<String>()
        ),
    });
    suite(&file.measured.index, Some(&file.measured.ended.to_string()), &cases)
}

/// A suite that says that there is no verdict, and why: one `<error>`.
pub fn of_no_verdict(index: &str, why: &str) -> String {
    let case = Case {
        class: "wfgy_eval".to_owned(),
        name: "verdict".to_owned(),
        outcome: Outcome::Found(Verdict::Inconclusive),
        message: format!("could not evaluate: {why}"),
        out: String::new(),
    };
    suite(index, None, &[case])
}

struct Case {
    class: String,
    name: String,
    outcome: Outcome,
    message: String,
    out: String,
}

enum Outcome {
    Found(Verdict),
    Skipped,
}

fn of_finding(part: &str, finding: &Finding) -> Case {
    let name = match &finding.criterion {
        Some(criterion) => criterion.to_string(),
        None => finding.name.clone(),
    };
    let mut out = format!("{} ({}): {}", finding.verdict, finding.kind, finding.reason);
    if let Some(ci) = finding.number.and_then(|number| number.ci) {
        let end = |end: Option<f64>| end.map_or("no bound".to_owned(), |x| format!("{x:.4}"));
        let (lower, upper) = (end(ci.lower), end(ci.upper));
        out.push_str(&format!("\ninterval: {lower} to {upper}, each end at {}", ci.level));
    }
    for warning in &finding.warnings {
        out.push_str(&format!("\nwarning: {warning}"));
    }
    Case {
        class: format!("{part}.{}", finding.kind),
        name,
        outcome: Outcome::Found(finding.weight()),
        message: finding.reason.clone(),
        out,
    }
}

fn suite(name: &str, timestamp: Option<&str>, cases: &[Case]) -> String {
    let found = |verdict: Verdict| {
        cases.iter().filter(|c| matches!(c.outcome, Outcome::Found(v) if v == verdict)).count()
    };
    let skipped = cases.iter().filter(|c| matches!(c.outcome, Outcome::Skipped)).count();
    let (failures, errors) = (found(Verdict::Fail), found(Verdict::Inconclusive));
    let counts = format!("tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\"", cases.len());
    let timestamp = timestamp.map_or(String::new(), |t| format!(" timestamp=\"{}\"", escaped(t)));
    let name = escaped(name);
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"wfgy_eval\" {counts}>\n  \
         <testsuite name=\"{name}\" {counts} skipped=\"{skipped}\"{timestamp}>\n"
    );
    for case in cases {
        case.write(&mut xml);
    }
    xml.push_str("  </testsuite>\n</testsuites>\n");
    xml
}

impl Case {
    fn write(&self, xml: &mut String) {
        let message = escaped(&self.message);
        let inside = match self.outcome {
            Outcome::Found(Verdict::Pass) => None,
            Outcome::Found(Verdict::Inconclusive) => {
                Some(format!("<error type=\"inconclusive\" message=\"{message}\"/>"))
            }
            Outcome::Found(Verdict::Fail) => {
                Some(format!("<failure type=\"fail\" message=\"{message}\"/>"))
            }
            Outcome::Skipped => Some(format!("<skipped message=\"{message}\"/>")),
        };
        let out = (!self.out.is_empty())
            .then(|| format!("<system-out>{}</system-out>", escaped(&self.out)));
        let (class, name) = (escaped(&self.class), escaped(&self.name));
        let _ = write!(xml, "    <testcase classname=\"{class}\" name=\"{name}\"");
        if inside.is_none() && out.is_none() {
            xml.push_str("/>\n");
            return;
        }
        xml.push_str(">\n");
        for line in inside.into_iter().chain(out) {
            let _ = writeln!(xml, "      {line}");
        }
        xml.push_str("    </testcase>\n");
    }
}

/// Text as it may stand in XML 1.0, in content and in attributes alike; a character that XML does
/// not have becomes U+FFFD.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\t' | '\n' | '\r' => {
                let _ = write!(out, "&#{};", c as u32);
            }
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xml_has_no_character_that_xml_does_not_have() {
        assert_eq!(
            escaped("a<b>&\"'\n\u{0}\u{1b}[31mé"),
            "a&lt;b&gt;&amp;&quot;&apos;&#10;\u{fffd}\u{fffd}[31mé"
        );
    }

    #[test]
    fn rule_no_verdict_is_an_error() {
        let xml = of_no_verdict("docs <B>", "17 of 320 runs failed");
        assert!(xml.contains("tests=\"1\" failures=\"0\" errors=\"1\""), "{xml}");
        assert!(xml.contains("<error type=\"inconclusive\" message=\"could not evaluate: 17"));
        assert!(xml.contains("name=\"docs &lt;B&gt;\""));
    }
}
