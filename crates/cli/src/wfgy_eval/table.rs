//! What a person reads in ten seconds: the verdict, each criterion, the worst questions.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use wfgy_core::Number;
use wfgy_core::evaluation::{ArmName, StageQuantiles};
use wfgy_engine::WorstQuestion;
use wfgy_gate::{Approves, Code, Finding, Kind, PinPair, Verdict};

use super::culprits::LAMBDA;
use super::figures::{ends, inline, value};
use super::judged::Judged;
use super::standing::Standing;
use super::{explain, plot};
use crate::plain::plain;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

pub(super) fn colour(verdict: Verdict) -> Style {
    match verdict {
        Verdict::Pass => AnsiColor::Green.on_default().bold(),
        Verdict::Inconclusive => AnsiColor::Yellow.on_default().bold(),
        Verdict::Fail => AnsiColor::Red.on_default().bold(),
    }
}

fn mark(finding: &Finding) -> (Style, &'static str) {
    let sign = match finding.verdict {
        // It holds no verdict up, and nothing was looked at.
        Verdict::Pass if finding.code == Code::Unchecked => {
            return (colour(Verdict::Inconclusive), "!");
        }
        Verdict::Pass => "✓",
        Verdict::Inconclusive => "?",
        Verdict::Fail => "✗",
    };
    (colour(finding.verdict), sign)
}

/// Writes the table.
///
/// # Errors
/// Where `out` cannot be written.
pub(crate) fn write(out: &mut dyn Write, judged: &Judged) -> io::Result<()> {
    let (decision, evidence) = (&judged.decision, &judged.evidence);
    let style = match (decision.verdict, decision.approves) {
        (Verdict::Pass, Approves::Nothing) => colour(Verdict::Inconclusive),
        (Verdict::Pass, _) if judged.is_stood_against() => colour(Verdict::Inconclusive),
        (verdict, _) => colour(verdict),
    };
    let word = decision.verdict.to_string().to_uppercase();
    writeln!(
        out,
        "{style}{word}{style:#}  {BOLD}{}{BOLD:#}  {}",
        plain(&judged.candidate.context.index),
        judged.what_it_approves()
    )?;
    writeln!(out, "{DIM}{}{DIM:#}", judged.asked())?;
    if let Some(remark) = &judged.remark {
        let yellow = colour(Verdict::Inconclusive);
        writeln!(out, "{yellow}!{yellow:#} {remark}")?;
    }
    for line in judged.compared().into_iter().chain(judged.noise_floor()) {
        writeln!(out, "{DIM}{}{DIM:#}", plain(line))?;
    }
    writeln!(out)?;
    let findings: Vec<&Finding> = decision.decided.iter().chain(&decision.measured).collect();
    let width = findings.iter().map(|f| f.name.chars().count()).max().unwrap_or(0);
    let intervals = findings.iter().any(|finding| interval(finding).is_some());
    for finding in findings {
        row(out, finding, width, intervals)?;
        if let Some(comparison) = judged.comparison(finding) {
            writeln!(out, "    {DIM}{comparison}{DIM:#}")?;
        }
    }
    for skipped in &judged.policy.skipped {
        writeln!(
            out,
            "  {DIM}– {:<width$}  skipped: {}{DIM:#}",
            plain(&skipped.criterion.metric),
            judged.why_skipped(skipped)
        )?;
    }
    if let Some(line) = null_line(judged) {
        writeln!(out, "\n  {DIM}{line}{DIM:#}")?;
    }
    if let Some(line) = ranking_line(judged) {
        writeln!(out, "  {DIM}{line}{DIM:#}")?;
    }
    writeln!(out)?;
    for line in plot::curves(&judged.curves) {
        writeln!(out, "  {DIM}{line}{DIM:#}")?;
    }
    pins(out, &judged.pin_pairs())?;
    if let Some(diagnosis) = &judged.diagnosis {
        writeln!(out, "\n{BOLD}Likely causes{BOLD:#}")?;
        if diagnosis.is_empty() {
            writeln!(out, "  {}", explain::NO_CAUSE)?;
        }
        let causes = diagnosis.iter().take(explain::SHOWN_CAUSES);
        let width = causes.clone().map(|one| one.cause.to_string().len()).max().unwrap_or(0);
        for one in causes {
            let cause = one.cause.to_string();
            writeln!(out, "  {BOLD}{cause:<width$}{BOLD:#}  {}", plain(&one.evidence))?;
        }
    }
    match (decision.verdict, judged.worst.as_slice()) {
        (_, []) => {}
        (Verdict::Pass, questions) => {
            let shown = |question: &WorstQuestion| {
                let coverage = question.coverage.map_or("–".to_owned(), |x| format!("{x:.2}"));
                format!("{} {coverage}", plain(&question.id))
            };
            let shown: Vec<String> = questions.iter().map(shown).collect();
            writeln!(out, "\n  {DIM}lowest coverage: {}{DIM:#}", shown.join("  "))?;
        }
        (_, questions) => {
            writeln!(out, "\n{BOLD}{}{BOLD:#}", judged.culprits.heading())?;
            questions.iter().try_for_each(|question| worst(out, question))?;
            writeln!(out, "  {DIM}λ: {LAMBDA}{DIM:#}")?;
        }
    }
    writeln!(out)?;
    for line in judged.policy_lines() {
        writeln!(out, "{DIM}{}{DIM:#}", plain(line))?;
    }
    let hash = evidence.pins.get("INDEX_HASH").unwrap_or("");
    let (gold, index, scorer) = (evidence.gold_digest, short(hash), &evidence.scorer);
    writeln!(
        out,
        "{DIM}gold {gold:.12}  index {index}  scorer {}{DIM:#}",
        plain(short_model(scorer))
    )?;
    for line in pass_lines(judged) {
        writeln!(out, "{DIM}{line}{DIM:#}")?;
    }
    if !judged.latency.is_empty() {
        writeln!(out, "{DIM}{}{DIM:#}", latency_line(judged))?;
    }
    if let Some(filed) = &judged.filed {
        writeln!(out, "{DIM}{}{DIM:#}", plain(filed))?;
    }
    for line in judged.standing.iter().flat_map(Standing::against) {
        let yellow = colour(Verdict::Inconclusive);
        writeln!(out, "{yellow}!{yellow:#} {line}")?;
    }
    if let Some(next) = judged.next() {
        writeln!(out, "next: {}", plain(next))?;
    }
    Ok(())
}

/// The pins that differ side by side, and how many do not.
fn pins(out: &mut dyn Write, pairs: &[PinPair]) -> io::Result<()> {
    if pairs.is_empty() {
        return Ok(());
    }
    let differing: Vec<&PinPair> = pairs.iter().filter(|pair| !pair.is_equal()).collect();
    let equal = pairs.len() - differing.len();
    writeln!(out, "\n{BOLD}Pins{BOLD:#}  {DIM}baseline → candidate; {equal} are equal{DIM:#}")?;
    for pair in differing {
        let yellow = colour(Verdict::Inconclusive);
        let allowed = match pair.may_change {
            true => format!("{DIM}may change{DIM:#}"),
            false => format!("{yellow}may not change{yellow:#}"),
        };
        let [was, is] = both(pair);
        writeln!(out, "  {:<16}  {was} → {is}  {allowed}", plain(&pair.pin))?;
    }
    Ok(())
}

/// What both arms have, hashes cut short.
pub(super) fn both(pair: &PinPair) -> [String; 2] {
    let shown = |pin: &Option<String>| match pin.as_deref() {
        None => "nothing".to_owned(),
        Some(hash) if pair.pin.ends_with("_HASH") => short(hash).to_owned(),
        Some(text) => plain(text),
    };
    [shown(&pair.baseline), shown(&pair.candidate)]
}

fn row(out: &mut dyn Write, finding: &Finding, width: usize, intervals: bool) -> io::Result<()> {
    let (style, mark) = mark(finding);
    let value = match &finding.number {
        Some(number) => value(number.point),
        None => String::new(),
    };
    let bound = match &finding.criterion {
        Some(criterion) => format!("{} {}", pretty(&criterion.op.to_string()), criterion.bound),
        None => String::new(),
    };
    let mut cells = Vec::new();
    if intervals {
        let colour = if finding.crosses() { colour(Verdict::Inconclusive) } else { DIM };
        cells.push((colour, interval(finding).unwrap_or_default(), 15));
    }
    cells.push((Style::new(), bound, 8));
    cells.push((DIM, format!("{}{}", kind(finding), why(finding)), 0));
    // Nothing pads the end of a line.
    while cells.pop_if(|(_, text, _)| text.is_empty()).is_some() {}
    write!(
        out,
        "  {style}{mark}{style:#} {:<width$}  {BOLD}{value:>8}{BOLD:#}",
        plain(&finding.name)
    )?;
    for (at, (style, text, width)) in cells.iter().enumerate() {
        let width = if at + 1 == cells.len() { 0 } else { *width };
        write!(out, "  {style}{text:<width$}{style:#}")?;
    }
    writeln!(out)?;
    for remark in finding.remarks() {
        let yellow = colour(Verdict::Inconclusive);
        writeln!(out, "    {yellow}!{yellow:#} {}", plain(remark))?;
    }
    Ok(())
}

/// What a reason begins with where the finding is no hard one.
pub(super) fn kind(finding: &Finding) -> &'static str {
    match finding.kind {
        Kind::Hard => "",
        Kind::Soft => "soft: ",
        Kind::Advisory => "advisory: ",
    }
}

/// The interval of a finding's value.
pub(super) fn interval(finding: &Finding) -> Option<String> {
    ends(&finding.number?)
}

/// What value, interval and bound do not say already.
pub(crate) fn why(finding: &Finding) -> String {
    let mut text = why_of(finding);
    if let Some(widening) = finding.widening().filter(|widening| !text.contains(widening)) {
        text.push_str("; ");
        text.push_str(&widening);
    }
    if finding.crosses() {
        text.push_str("; the interval crosses the bound");
    }
    plain(text)
}

fn why_of(finding: &Finding) -> String {
    match (finding.code, finding.slot, &finding.number) {
        (Code::Undecided, _, Some(number)) if finding.needs.is_some() => undecided(finding, number),
        (Code::Holds | Code::Violated, Some(0), _) => {
            "worst of the wordings: as written".to_owned()
        }
        (Code::Holds | Code::Violated, Some(slot), _) => {
            format!("worst of the wordings: paraphrase {slot}")
        }
        (Code::Holds | Code::Violated, None, Some(number)) if number.n_questions > 0 => {
            format!("over {} questions", number.n_questions)
        }
        // The value beside its bound comes first, then what is odd about it.
        (_, _, Some(_)) if finding.criterion.is_some() => {
            let odd = finding.reason.split_once(", but ").map(|(_, odd)| odd);
            odd.unwrap_or(&finding.reason).to_owned()
        }
        _ => finding.reason.clone(),
    }
}

/// What would decide a criterion whose bounds lie on both sides of it.
fn undecided(finding: &Finding, number: &Number) -> String {
    let Some(needs) = finding.needs else { return finding.reason.clone() };
    let mut text = match needs.more_questions {
        Some(more) => format!("undecided: {more} more questions would settle it"),
        None => "undecided: no feasible number of questions would settle it".to_owned(),
    };
    match needs.smallest_n {
        Some(n) if n > number.n_questions => text.push_str(&format!("; it can pass from {n} on")),
        Some(_) => {}
        None => text.push_str("; not even the best values let it pass"),
    }
    text
}

pub(super) fn pretty(op: &str) -> &str {
    match op {
        "<=" => "≤",
        ">=" => "≥",
        other => other,
    }
}

/// How well targets are ranked; it decides nothing that no criterion asks for.
pub(super) fn ranking_line(judged: &Judged) -> Option<String> {
    let k = judged.evidence.k;
    let measures = [("recall", "recall"), ("ndcg", "nDCG"), ("mrr", "MRR")];
    let shown: Vec<String> = measures
        .iter()
        .filter_map(|(name, shown)| {
            let number = judged.evidence.metrics.get(&format!("{name}@{k}"))?;
            Some(format!("{shown}@{k} {}", inline(number)))
        })
        .collect();
    (!shown.is_empty()).then(|| format!("ranking: {}", shown.join("  ")))
}

/// The name of a model, a digest in it cut to what tells two apart.
fn short_model(name: &str) -> String {
    match name.split_once("sha256:") {
        Some((before, digest)) => format!("{before}sha256:{}", short(digest)),
        None => name.to_owned(),
    }
}

/// What the latency pass measured, a line a stage of an arm.
fn pass_lines(judged: &Judged) -> Vec<String> {
    let mut lines = Vec::new();
    for (arm, stages) in &judged.single_calls {
        let name = match arm {
            ArmName::Candidate => "candidate",
            ArmName::Baseline => "baseline",
        };
        for (stage, StageQuantiles { p50, p95, p99, .. }) in stages {
            let [p50, p95, p99] = [p50, p95, p99].map(inline);
            lines
                .push(format!("{name}, single calls in ms: {stage} p50 {p50} p95 {p95} p99 {p99}"));
        }
    }
    lines
}

/// What this very evaluation took; it decides nothing.
fn latency_line(judged: &Judged) -> String {
    let stages = judged.latency.iter().map(|(stage, latency)| {
        format!("{stage} p50 {:.2} p95 {:.2} p99 {:.2}", latency.p50, latency.p95, latency.p99)
    });
    format!("ms a run, as even shares of batches: {}", stages.collect::<Vec<_>>().join("; "))
}

/// What ΔS is for text that does not answer, so that nobody reads the digits alone.
pub(super) fn null_line(judged: &Judged) -> Option<String> {
    let [random, hard] =
        ["null.random:p05", "null.hard"].map(|name| judged.evidence.metrics.get(name).map(inline));
    Some(format!(
        "ΔS of unrelated text: 5 % are below {}; of the nearest wrong snippet: half are below {}",
        random?, hard?
    ))
}

fn worst(out: &mut dyn Write, question: &WorstQuestion) -> io::Result<()> {
    let number = |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.2}"));
    let states: Vec<&str> = question.states.iter().map(|state| state.symbol()).collect();
    writeln!(
        out,
        "  {BOLD}{}{BOLD:#}  coverage {}  ΔS {}  λ {}",
        plain(&question.id),
        number(question.coverage),
        number(question.delta_s),
        states.join(" ")
    )?;
    let mut line = |name: &str, text: &str| writeln!(out, "    {DIM}{name:<10}{DIM:#}{text}");
    if let Some(text) = question.asked.as_ref().or(question.text.as_ref()) {
        let seed = match question.seed {
            Some(seed) if seed > 0 => format!("  {DIM}(perturbed by seed {seed}){DIM:#}"),
            _ => String::new(),
        };
        line("asked", &format!("{}{seed}", shortened(text, 100)))?;
    }
    if let Some(error) = &question.error {
        line("failed", &plain(error))?;
    }
    let list = |ids: &[String], none: &str| match ids {
        [] => none.to_owned(),
        ids => plain(ids.join("  ")),
    };
    line("retrieved", &list(&question.retrieved, "nothing"))?;
    line("expected", &list(&question.expected, "nothing known"))?;
    for problem in &question.label_problems {
        line("label", &plain(problem))?;
    }
    Ok(())
}

pub(super) fn shortened(text: &str, most: usize) -> String {
    let line = plain(text.split_whitespace().collect::<Vec<_>>().join(" "));
    if line.chars().count() <= most {
        return line;
    }
    let kept: String = line.chars().take(most - 1).collect();
    format!("{kept}…")
}

pub(super) fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}
