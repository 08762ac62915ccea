//! `power`: how probable each finding is, before anybody writes a gold set.

use std::path::PathBuf;

use clap::ValueEnum;
use serde_json::{Value, json};
use wfgy_core::GoldSet;
use wfgy_formats::gold;
use wfgy_gate::{Asking, Chances, Criterion, DecisionMode, MOST_PLANNED, Plan, SkipReason, plans};

use super::args::CriteriaArgs;
use super::policy;
use crate::exit::Failure;
use crate::plain::plain;
use crate::{say, terminal};

/// Wordings of a question that nobody has written yet: as written, and three paraphrases.
const WORDINGS: usize = 4;
/// The most runs of a question.
const MOST_RUNS: usize = 100;

/// What the numbers of the tables are.
const NUMBERS: &str = "% of gold sets";

const EXAMPLES: &str = "\
Examples:
  wfgy_eval power --questions 40 --effect 0.05
  wfgy_eval power --questions 100 --runs 8 --effect 0.10 --min-cov 0.70 --max-ds 0.45
  wfgy_eval power --gold gold_40.json --effect 0.05 --policy strict.toml --format json";

const MEANING: &str = "\
A share of 200 simulated gold sets, each decided as an evaluation would decide it, criterion by
criterion. A verdict passes only where every hard criterion does. Failed runs, stored vectors that
do not match and blind bounds are not simulated; they make a pass less probable.

Exit codes:
  0    planned
  2    usage, configuration or input error";

/// How many questions, of what kind, and how far the truth lies from the bounds.
#[derive(Debug, clap::Args)]
#[command(
    before_help = EXAMPLES,
    after_help = MEANING,
    group = clap::ArgGroup::new("whose").required(true).args(["gold", "questions"])
)]
pub(crate) struct PowerArgs {
    /// Gold set: its number of answerable questions and their wordings
    #[arg(long, value_name = "PATH")]
    pub gold: Option<PathBuf>,
    /// So many questions, where there is no gold set yet
    #[arg(long, value_name = "N")]
    pub questions: Option<usize>,
    /// How far the truth lies from each bound, in the unit of its metric; below 0 on the bad side
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    pub effect: f64,
    #[command(flatten)]
    pub criteria: CriteriaArgs,
    /// Correlation of two runs of one question: [0, 1]
    #[arg(long, value_name = "R", default_value = "0.5", allow_negative_numbers = true)]
    pub correlation: f64,
    /// Standard deviation of a run's ΔS, and of a difference from the baseline
    #[arg(long, value_name = "X", default_value = "0.15", allow_negative_numbers = true)]
    pub deviation: f64,
    /// Runs of a question: wordings × seeds [default: 4 wordings]
    #[arg(long, value_name = "N", conflicts_with = "gold")]
    pub runs: Option<usize>,
    /// Seeds [default: the policy's, else 2]
    #[arg(long, value_name = "N")]
    pub seeds: Option<usize>,
    /// Threads [default: one a core]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// Form of the output
    #[arg(long, value_name = "FORM", default_value = "table")]
    pub format: PowerFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PowerFormat {
    /// For people
    Table,
    Json,
}

/// Everything that was planned.
struct Planned {
    policy: String,
    decision: DecisionMode,
    min_questions: usize,
    questions: usize,
    effect: f64,
    asking: Asking,
    rows: Vec<Row>,
    skipped: Vec<(Criterion, String)>,
}

/// One criterion.
struct Row {
    plan: Plan,
    truth: f64,
    /// In point mode, then in confident mode.
    chances: [Chances; 2],
    /// In confident mode, with fewer questions and with more.
    curve: Vec<(usize, Chances)>,
    smallest_n: Option<usize>,
    to_pass: Option<usize>,
}

/// Plans and prints.
///
/// # Errors
/// Where an argument, the gold set or the policy cannot be used.
pub(crate) fn run(args: &PowerArgs) -> Result<(), Failure> {
    let planned = terminal::on_threads(args.threads, || planned(args))?;
    say::out(&match args.format {
        PowerFormat::Json => as_json(&planned)?,
        PowerFormat::Table => as_table(&planned),
    })
}

fn planned(args: &PowerArgs) -> Result<Planned, Failure> {
    let PowerArgs { effect, correlation, deviation, .. } = *args;
    if !effect.is_finite() {
        return Err(Failure::input(format!("--effect {effect}: give a finite number")));
    }
    if !(0.0..=1.0).contains(&correlation) {
        return Err(Failure::input(format!("--correlation {correlation}: give 0 to 1")));
    }
    if !(deviation.is_finite() && deviation >= 0.0) {
        return Err(Failure::input(format!("--deviation {deviation}: give 0 or more")));
    }
    let mut draft = policy::draft(&args.criteria)?;
    draft.seeds = args.seeds.unwrap_or(draft.seeds);
    let (name, decision) = (draft.name.clone(), draft.decision);
    let (seeds, min_questions) = (draft.seeds, draft.min_questions);
    let baseline = policy::baseline(true, args.criteria.no_baseline);
    // Neither scorer nor index is asked: what they are called changes no probability.
    let effective = policy::effective(draft, baseline, String::new(), String::new())?;
    let gold = args.gold.as_ref().map(gold::read).transpose().map_err(Failure::input)?;
    let questions = match (&gold, args.questions) {
        (Some(gold), _) => answerable(gold).count(),
        (None, Some(questions)) => questions,
        (None, None) => return Err(Failure::input("--gold or --questions is needed")),
    };
    if !(1..=MOST_PLANNED).contains(&questions) {
        let from = if gold.is_some() { "--gold: answerable" } else { "--questions:" };
        return Err(Failure::input(format!(
            "{from} {questions} questions: 1 to {MOST_PLANNED} can be planned for"
        )));
    }
    let (slots, min_wordings) = match &gold {
        Some(gold) => wordings(gold),
        None => wordings_of_runs(args.runs, seeds)?,
    };
    if slots * seeds > MOST_RUNS {
        return Err(Failure::input(format!(
            "{slots} wordings × {seeds} seeds are {} runs a question: at most {MOST_RUNS} can be \
             planned for; give fewer --seeds",
            slots * seeds
        )));
    }
    let asking = Asking { slots, min_wordings, seeds, correlation, deviation };
    let (plans, others) = plans(&effective.criteria, asking);
    let rows = plans.into_iter().map(|plan| row(plan, effect, questions));
    let not_asked = effective.skipped.into_iter().map(|skipped| {
        let why = match skipped.why {
            SkipReason::NoBaseline => "--no-baseline skips it",
            SkipReason::NotConnected => "nobody feeds this live signal",
        };
        (skipped.criterion, why.to_owned())
    });
    let rows = rows.collect::<Result<_, _>>()?;
    let others = others.into_iter().map(|other| (other.criterion, other.why));
    let skipped = others.chain(not_asked).collect();
    Ok(Planned { policy: name, decision, min_questions, questions, effect, asking, rows, skipped })
}

fn row(plan: Plan, effect: f64, questions: usize) -> Result<Row, Failure> {
    let truth = plan.truth(effect);
    let population = plan.population(truth).map_err(Failure::input)?;
    let with = |n| plan.chances(&population, n).map_err(Failure::unable);
    let chances = with(questions)?;
    let curve = sizes(questions).map(|n| Ok((n, with(n)?[1]))).collect::<Result<_, Failure>>()?;
    let to_pass = plan.questions_to_pass(&population).map_err(Failure::unable)?;
    Ok(Row { truth, chances, curve, smallest_n: plan.smallest_n(truth), to_pass, plan })
}

/// Numbers of questions that a curve is shown at: half, one, two, four and eight times as many.
fn sizes(questions: usize) -> impl Iterator<Item = usize> {
    let all = [questions.div_ceil(2), questions, 2 * questions, 4 * questions, 8 * questions];
    let known = all.into_iter().filter(|n| *n <= MOST_PLANNED);
    // One question has no half.
    known.enumerate().filter(|(at, n)| *at == 0 || *n > 1).map(|(_, n)| n)
}

fn answerable(gold: &GoldSet) -> impl Iterator<Item = usize> {
    gold.items.iter().filter(|question| question.answerable).map(|q| q.wordings().count())
}

/// Wording slots, which half of the questions have, and wordings that all have.
fn wordings(gold: &GoldSet) -> (usize, usize) {
    let questions = answerable(gold).count();
    let has = |slot: usize| 2 * answerable(gold).filter(|n| *n > slot).count() >= questions;
    let most = answerable(gold).max().unwrap_or(1);
    let slots = (1..most).take_while(|slot| has(*slot)).count() + 1;
    (slots, answerable(gold).min().unwrap_or(1))
}

fn wordings_of_runs(runs: Option<usize>, seeds: usize) -> Result<(usize, usize), Failure> {
    let runs = runs.unwrap_or(WORDINGS * seeds);
    if runs == 0 || !runs.is_multiple_of(seeds) {
        return Err(Failure::input(format!(
            "--runs {runs}: wordings × seeds, so a multiple of the {seeds} seeds, at least \
             {seeds}; --seeds changes them"
        )));
    }
    Ok((runs / seeds, runs / seeds))
}

fn as_json(planned: &Planned) -> Result<String, Failure> {
    let chances =
        |c: &Chances| json!({"pass": c.pass, "fail": c.fail, "inconclusive": c.inconclusive});
    let criteria: Vec<Value> = planned
        .rows
        .iter()
        .map(|row| {
            let Criterion { metric, op, bound, kind, .. } = &row.plan.criterion;
            json!({
                "metric": metric,
                "op": op,
                "bound": bound,
                "kind": kind,
                "aggregate": row.plan.aggregate,
                "truth": row.truth,
                "truth_at_end_of_range": row.plan.ends_before(planned.effect),
                "point": chances(&row.chances[0]),
                "confident": chances(&row.chances[1]),
                "curve": row.curve.iter().map(|(n, c)| json!({"questions": n, "confident": chances(c)}))
                    .collect::<Vec<_>>(),
                "smallest_n": row.smallest_n,
                "n_for_80_percent_pass": row.to_pass,
            })
        })
        .collect();
    let skipped: Vec<Value> = planned
        .skipped
        .iter()
        .map(|(c, why)| json!({"metric": c.metric, "op": c.op, "bound": c.bound, "why": why}))
        .collect();
    let asking = &planned.asking;
    let value = json!({
        "policy": planned.policy,
        "decision": planned.decision,
        "min_questions": planned.min_questions,
        "questions": planned.questions,
        "effect": planned.effect,
        "wordings": asking.slots,
        "seeds": asking.seeds,
        "correlation": asking.correlation,
        "deviation": asking.deviation,
        "criteria": criteria,
        "skipped": skipped,
    });
    Ok(serde_json::to_string_pretty(&value).map_err(Failure::unable)? + "\n")
}

fn as_table(planned: &Planned) -> String {
    let Planned { questions, asking, rows, .. } = planned;
    let by = match planned.decision {
        DecisionMode::Point => "point values",
        DecisionMode::Confident => "confidence bounds",
    };
    let mut text = format!(
        "questions {questions} × wordings {} × seeds {} under {}, which decides by {by}\n{}; \
         correlation {} within a question, deviation {}\n",
        asking.slots,
        asking.seeds,
        plain(&planned.policy),
        place(planned.effect),
        asking.correlation,
        asking.deviation,
    );
    let names: Vec<String> = rows.iter().map(|row| row.plan.criterion.to_string()).collect();
    if !rows.is_empty() {
        text.push_str(&chances_table(planned, &names));
        text.push_str(&curve_table(planned, &names));
    }
    let skipped: Vec<String> = planned.skipped.iter().map(|(c, _)| c.to_string()).collect();
    if !skipped.is_empty() {
        text.push_str("\n  skipped:\n");
    }
    let width = width(&skipped);
    for (name, (_, why)) in skipped.iter().zip(&planned.skipped) {
        text.push_str(&format!("  {name:width$}  {why}\n"));
    }
    if *questions < planned.min_questions {
        text.push_str(&format!(
            "\n  the policy passes nothing with fewer than {} questions\n",
            planned.min_questions
        ));
    }
    text
}

fn width(names: &[String]) -> usize {
    names.iter().map(|name| name.chars().count()).max().unwrap_or(0)
}

/// Where the truth lies.
fn place(effect: f64) -> String {
    match effect {
        0.0 => "the truth on each bound".to_owned(),
        _ if effect < 0.0 => format!("the truth {} on the bad side of each bound", -effect),
        _ => format!("the truth {effect} on the good side of each bound"),
    }
}

/// What is found with so many questions.
fn chances_table(planned: &Planned, names: &[String]) -> String {
    let width = width(names).max(NUMBERS.len());
    let modes = format!("{:18}  {}", "by point values", "by confidence bounds");
    let findings = "pass  fail  incon.";
    let mut text = format!(
        "\n  {:width$}  {:>8}  {modes}\n  {NUMBERS:width$}  {:>8}  {findings}  {findings}\n",
        "", "", "truth"
    );
    let mut ends = false;
    for (name, row) in names.iter().zip(&planned.rows) {
        let is_cut = row.plan.ends_before(planned.effect);
        ends |= is_cut;
        let truth = format!("{}{}", row.truth, if is_cut { "*" } else { "" });
        let [point, confident] = row.chances.map(|Chances { pass, fail, inconclusive }| {
            format!("{:>4.0}  {:>4.0}  {:>6.0}", 100.0 * pass, 100.0 * fail, 100.0 * inconclusive)
        });
        text.push_str(&format!("  {name:width$}  {truth:>8}  {point}  {confident}\n"));
    }
    if ends {
        text.push_str("  * the metric ends there\n");
    }
    text
}

/// How a pass by confidence bounds becomes more probable with more questions.
fn curve_table(planned: &Planned, names: &[String]) -> String {
    let width = width(names).max(NUMBERS.len());
    let heads: String = sizes(planned.questions).map(|n| format!("  {n:>5}")).collect();
    let mut text = format!(
        "\n  {:width$}  questions to pass  pass by bounds, with questions\n  {NUMBERS:width$}  \
         {:>7}  {:>8}{heads}\n",
        "", "at all", "for 80 %"
    );
    for (name, row) in names.iter().zip(&planned.rows) {
        let least = row.smallest_n.map_or("never".to_owned(), |n| n.to_string());
        let probable = row.to_pass.map_or(format!("> {MOST_PLANNED}"), |n| n.to_string());
        let shares = row.curve.iter().map(|(_, c)| format!("  {:>5.0}", 100.0 * c.pass));
        let shares: String = shares.collect();
        text.push_str(&format!("  {name:width$}  {least:>7}  {probable:>8}{shares}\n"));
    }
    text
}
