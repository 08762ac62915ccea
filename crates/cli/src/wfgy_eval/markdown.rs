//! The verdict for a pull request.

use std::io::{self, Write};

use wfgy_gate::{Approves, Code, Finding, Verdict};

use super::figures::value;
use super::judged::Judged;
use super::standing::Standing;
use super::table::{both, interval, kind, null_line, pretty, ranking_line, short, shortened, why};
use super::{explain, plot};
use crate::plain::plain;

/// Writes Markdown: a heading, a table of findings, the worst questions folded away.
///
/// # Errors
/// Where `out` cannot be written.
pub(crate) fn write(out: &mut dyn Write, judged: &Judged) -> io::Result<()> {
    let decision = &judged.decision;
    let sign = match decision.verdict {
        Verdict::Pass if judged.unusable.is_some() => "⚠️",
        Verdict::Pass if decision.approves == Approves::Nothing => "⚠️",
        Verdict::Pass if judged.is_stood_against() => "⚠️",
        Verdict::Pass => "✅",
        Verdict::Inconclusive => "⚠️",
        Verdict::Fail => "❌",
    };
    let word = decision.verdict.to_string();
    writeln!(out, "### {sign} wfgy: {word} — `{}`\n", plain(&judged.candidate.context.index))?;
    writeln!(out, "**{}**; {}\n", judged.what_it_approves(), judged.asked())?;
    if let Some(remark) = &judged.remark {
        writeln!(out, "⚠️ {}\n", cell(remark))?;
    }
    writeln!(
        out,
        "| | criterion | value | interval | bound | |\n| --- | --- | ---: | --- | --- | --- |"
    )?;
    for finding in decision.decided.iter().chain(&decision.measured) {
        row(out, finding, judged.comparison(finding))?;
    }
    for skipped in &judged.policy.skipped {
        let why = judged.why_skipped(skipped);
        writeln!(out, "| – | `{}` | | | | skipped: {why} |", plain(&skipped.criterion.metric))?;
    }
    if let Some(line) = null_line(judged) {
        writeln!(out, "\n{line}.")?;
    }
    if let Some(line) = ranking_line(judged) {
        writeln!(out, "\n{line}")?;
    }
    writeln!(out, "\n```text\n{}\n```", plot::curves(&judged.curves).join("\n"))?;
    pins(out, judged)?;
    if let Some(diagnosis) = &judged.diagnosis {
        writeln!(out, "\n**Likely causes**\n")?;
        if diagnosis.is_empty() {
            writeln!(out, "{}.", explain::NO_CAUSE)?;
        }
        for (n, one) in diagnosis.iter().take(explain::SHOWN_CAUSES).enumerate() {
            let (evidence, advice) = (cell(&one.evidence), cell(&one.advice));
            writeln!(out, "{}. `{}`: {evidence}. {advice}", n + 1, one.cause)?;
        }
    }
    if !judged.worst.is_empty() {
        let heading = cell(&judged.culprits.heading());
        writeln!(out, "\n<details><summary>{heading}</summary>\n")?;
        writeln!(out, "| question | coverage | ΔS | asked | retrieved | expected |")?;
        writeln!(out, "| --- | ---: | ---: | --- | --- | --- |")?;
        for question in &judged.worst {
            let number = |v: Option<f64>| v.map_or("–".to_owned(), |v| format!("{v:.2}"));
            let asked = question.asked.as_ref().or(question.text.as_ref());
            writeln!(
                out,
                "| {} | {} | {} | {} | {} | {} |",
                cell(&question.id),
                number(question.coverage),
                number(question.delta_s),
                asked.map(|text| cell(&shortened(text, 100))).unwrap_or_default(),
                cell(&question.retrieved.join(" ")),
                cell(&question.expected.join(" "))
            )?;
        }
        writeln!(out, "\n</details>")?;
    }
    for line in judged.standing.iter().flat_map(Standing::against) {
        writeln!(out, "\n⚠️ {}.", cell(&line))?;
    }
    if let Some(next) = judged.next() {
        writeln!(out, "\nnext: {}", cell(&next))?;
    }
    let hash = judged.evidence.pins.get("INDEX_HASH").unwrap_or("");
    let digest = judged.policy.digest().map(|digest| digest.to_string()).unwrap_or_default();
    writeln!(out, "\n<sub>index `{}` · policy `{}`</sub>", short(hash), short(&digest))
}

/// The pins that differ side by side.
fn pins(out: &mut dyn Write, judged: &Judged) -> io::Result<()> {
    let Some(compared) = judged.compared() else { return Ok(()) };
    let mut differing = judged.pin_pairs();
    differing.retain(|pair| !pair.is_equal());
    let equal = if differing.is_empty() { "; all pins are equal" } else { "" };
    writeln!(out, "\n{}{equal}.", cell(&compared))?;
    if let Some(floor) = judged.noise_floor() {
        writeln!(out, "\n{}.", cell(&floor))?;
    }
    if differing.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n| pin | baseline | candidate | may change |\n| --- | --- | --- | --- |")?;
    for pair in &differing {
        let [was, is] = both(pair).map(|pin| cell(&pin));
        let allowed = if pair.may_change { "yes" } else { "**no**" };
        writeln!(out, "| `{}` | {was} | {is} | {allowed} |", plain(&pair.pin))?;
    }
    Ok(())
}

fn row(out: &mut dyn Write, finding: &Finding, comparison: Option<String>) -> io::Result<()> {
    let sign = match finding.verdict {
        Verdict::Pass if finding.code == Code::Unchecked => "⚠️",
        Verdict::Pass => "✅",
        Verdict::Inconclusive => "⚠️",
        Verdict::Fail => "❌",
    };
    let number = finding.number.as_ref().map(|number| value(number.point)).unwrap_or_default();
    let bound = finding.criterion.as_ref().map_or(String::new(), |criterion| {
        format!("{} {}", pretty(&criterion.op.to_string()), criterion.bound)
    });
    let mut reason = format!("{}{}", kind(finding), cell(&why(finding)));
    for remark in finding.remarks() {
        reason.push_str(&format!("<br>⚠️ {}", cell(&remark)));
    }
    if let Some(comparison) = comparison {
        reason.push_str(&format!("<br>{}", cell(&comparison)));
    }
    let around = interval(finding).unwrap_or_default();
    writeln!(
        out,
        "| {sign} | `{}` | {number} | {around} | {bound} | {reason} |",
        plain(&finding.name)
    )
}

/// Text that cannot break out of its cell.
fn cell(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in plain(text).chars() {
        match c {
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '~' => {
                safe.push('\\');
                safe.push(c);
            }
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_a_corpus_cannot_break_the_table_or_add_markup() {
        assert_eq!(cell("a|b\n<img src=x> `c`"), "a\\|b &lt;img src=x&gt; \\`c\\`");
    }
}
