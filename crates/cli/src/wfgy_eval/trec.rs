//! `trec`: ranking measures of a run that any system may have made.

use std::path::Path;

use rayon::prelude::*;
use serde_json::{Map, Value, json};
use wfgy_formats::{source, trec};
use wfgy_score::trec::Measures;

use super::args::CheckFormat;
use crate::exit::Failure;
use crate::say;

/// Bytes of a file of either kind.
const MAX_FILE: usize = 4 << 30;

/// Reads both files, measures and prints. A question that the run lacks counts 0, as under
/// `trec_eval -c`; one without a relevant document is left out and said.
///
/// # Errors
/// Where a file cannot be read or has a wrong line.
pub(crate) fn run(qrels: &Path, run: &Path, k: &[u32], format: CheckFormat) -> Result<(), Failure> {
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
    let mean = |name: &str, i: usize| {
        let sum: f64 = each.iter().filter_map(|measures| measures[i].get(name)).sum();
        sum / each.len() as f64
    };
    let names = Measures::default().named().map(|(name, _)| name);
    match format {
        CheckFormat::Json => {
            let mut metrics = Map::new();
            for name in names {
                for (i, k) in cutoffs.iter().enumerate() {
                    metrics.insert(format!("{name}@{k}"), Value::from(mean(name, i)));
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
            for name in names {
                text.push_str(&format!("{name:<9}"));
                (0..cutoffs.len()).for_each(|i| text.push_str(&format!("{:>9.4}", mean(name, i))));
                text.push('\n');
            }
            say::out(&text)
        }
    }
}
