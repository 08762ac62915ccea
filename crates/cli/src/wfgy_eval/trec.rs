//! `trec`: ranking measures of a run that any system may have made.

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde_json::{Map, json};
use wfgy_core::{Aggregate, Direction, Number};
use wfgy_formats::{source, trec};
use wfgy_score::trec::Measures;
use wfgy_stats::{Range, Sample};

use super::args::CheckFormat;
use crate::exit::Failure;
use crate::say;

/// Bytes of a file of either kind.
const MAX_FILE: usize = 4 << 30;

/// Which run against which judgements.
#[derive(Debug, clap::Args)]
pub(crate) struct TrecArgs {
    /// TREC qrels (question iteration document grade), or BEIR's test.tsv
    #[arg(long, value_name = "FILE")]
    pub qrels: PathBuf,
    /// TREC run (question Q0 document rank score tag), as --trec-run writes
    #[arg(long, value_name = "FILE")]
    pub run: PathBuf,
    /// Cutoffs: hits that count, documents
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "1,3,5,10,100",
        value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub k: Vec<u32>,
    /// Leave the intervals out: of many questions their resamples take longer than the measures
    #[arg(long)]
    pub no_intervals: bool,
    /// Form of the output
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub format: CheckFormat,
}

/// Reads both files, measures and prints. A question that the run lacks counts 0, as under
/// `trec_eval -c`; one without a relevant document is left out and said.
///
/// # Errors
/// Where a file cannot be read or has a wrong line.
pub(crate) fn run(args: &TrecArgs) -> Result<(), Failure> {
    let TrecArgs { qrels, run, k, no_intervals, format } = args;
    let read = |path: &Path| source::read(path, MAX_FILE).map_err(Failure::input);
    let (judged_bytes, run_bytes) = rayon::join(|| read(qrels), || read(run));
    let (judged_bytes, run_bytes) = (judged_bytes?, run_bytes?);
    let mut judged = trec::parse_qrels(&judged_bytes, qrels).map_err(Failure::input)?;
    let ranked = trec::parse_run(&run_bytes, run).map_err(Failure::input)?;
    let all = judged.len();
    judged.retain(|_, grades| grades.values().any(|grade| *grade > 0));
    let barren = all - judged.len();
    let unranked = judged.keys().filter(|question| !ranked.contains_key(*question)).count();
    if unranked == judged.len() {
        let problem = "ranks nothing for any question of the qrels: are the ids the same?";
        return Err(Failure::input(format!("{}: {problem}", run.display())));
    }
    let mut cutoffs: Vec<usize> = k.iter().map(|k| *k as usize).collect();
    cutoffs.sort_unstable();
    cutoffs.dedup();
    let questions: Vec<_> = judged.iter().collect();
    let each: Vec<Vec<Measures>> = questions
        .par_iter()
        .map(|(question, grades)| {
            let units = ranked.get(*question).map(Vec::as_slice).unwrap_or_default();
            Measures::at(units, grades, &cutoffs)
        })
        .collect();
    let mean = |measure: usize, i: usize| -> Result<Number, Failure> {
        let values = each.iter().map(|measures| measures[i].named()[measure].1).collect();
        let values = Sample::new(values).map_err(Failure::unable)?;
        let (mean, better) = (Aggregate::Mean, Direction::HigherIsBetter);
        match no_intervals {
            true => Ok(values.number(mean, better)),
            false => values.estimate(mean, better, Range::UNIT).map_err(Failure::unable),
        }
    };
    let mut rows = Vec::new();
    for (measure, (name, _)) in Measures::default().named().into_iter().enumerate() {
        let row: Result<Vec<Number>, Failure> =
            (0..cutoffs.len()).map(|i| mean(measure, i)).collect();
        rows.push((name, row?));
    }
    match format {
        CheckFormat::Json => {
            let mut metrics = Map::new();
            for (name, row) in &rows {
                for (k, number) in cutoffs.iter().zip(row) {
                    metrics.insert(format!("{name}@{k}"), json!(number));
                }
            }
            let whole = json!({
                "questions": each.len(),
                "without_hits": unranked,
                "without_relevant": barren,
                "metrics": metrics,
            });
            say::out(&(serde_json::to_string_pretty(&whole).map_err(Failure::unable)? + "\n"))
        }
        CheckFormat::Text => {
            let mut text = format!("{} questions", each.len());
            if unranked > 0 {
                text.push_str(&format!("; {unranked} that the run lacks count 0"));
            }
            if barren > 0 {
                text.push_str(&format!("; {barren} without a relevant document are left out"));
            }
            text.push_str("\n\n         ");
            cutoffs.iter().for_each(|k| text.push_str(&format!("{:>9}", format!("@{k}"))));
            text.push('\n');
            let column = |value: Option<f64>| value.map_or("–".to_owned(), |v| format!("{v:.4}"));
            let mut line = |name: &str, row: &[Number], value: fn(&Number) -> Option<f64>| {
                let columns = row.iter().map(|number| format!("{:>9}", column(value(number))));
                text.push_str(&format!("{name:<9}{}\n", columns.collect::<String>()));
            };
            for (name, row) in &rows {
                line(name, row, |number| Some(number.point));
                if !no_intervals {
                    line("  from", row, |number| number.ci?.lower);
                    line("  to", row, |number| number.ci?.upper);
                }
            }
            say::out(&text)
        }
    }
}
