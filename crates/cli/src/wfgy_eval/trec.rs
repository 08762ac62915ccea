//! `trec`: ranking measures of a run that any system may have made.

use std::fs::{self, File, Metadata};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde_json::{Map, json};
use wfgy_core::{Aggregate, Direction, Number};
use wfgy_formats::{source, trec};
use wfgy_kernel::MappedFile;
use wfgy_score::trec::{Measures, Ranking};
use wfgy_stats::{Range, Sample};

use super::args::CheckFormat;
use crate::exit::Failure;
use crate::say;

/// Bytes of a file of either kind.
const MAX_FILE: usize = 4 << 30;
/// Bytes from which on a file is mapped.
const LONG_FILE: u64 = 1 << 20;

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

/// The bytes of a file.
enum Text {
    Mapped(MappedFile),
    Read(Vec<u8>),
}

impl Text {
    /// Maps a long file that is not compressed: copying it takes longer than measuring what it says.
    /// Who cuts it short meanwhile ends this process, as [`MappedFile`] says.
    fn open(path: &Path) -> Result<Self, Failure> {
        let long =
            |file: Metadata| file.is_file() && (LONG_FILE..=MAX_FILE as u64).contains(&file.len());
        // By its name first: to open a pipe is to begin to read it.
        if fs::metadata(path).is_ok_and(long)
            && let Ok(file) = File::open(path)
            && file.metadata().is_ok_and(long)
            && source::is_plain(&file, path).map_err(Failure::input)?
        {
            return MappedFile::of(&file, path).map(Self::Mapped).map_err(Failure::input);
        }
        source::read(path, MAX_FILE).map(Self::Read).map_err(Failure::input)
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Mapped(file) => file.bytes(),
            Self::Read(bytes) => bytes,
        }
    }
}

/// Reads both files, measures and prints. A question that the run lacks counts 0, as under
/// `trec_eval -c`; one without a relevant document is left out and said.
///
/// # Errors
/// Where a file cannot be read or has a wrong line.
pub(crate) fn run(args: &TrecArgs) -> Result<(), Failure> {
    let TrecArgs { qrels, run, k, no_intervals, format } = args;
    let (judged_text, run_text) = rayon::join(|| Text::open(qrels), || Text::open(run));
    let (judged_text, run_text) = (judged_text?, run_text?);
    let mut judged = trec::parse_qrels(judged_text.bytes(), qrels).map_err(Failure::input)?;
    let all = judged.len();
    judged.retain(|_, grades| grades.iter().any(|(_, grade)| *grade > 0));
    let barren = all - judged.len();
    let mut cutoffs: Vec<usize> = k.iter().map(|k| *k as usize).collect();
    cutoffs.sort_unstable();
    cutoffs.dedup();
    let measure = |question: &[u8], ranking: &Ranking<'_, &[u8]>| {
        let grades = judged.get(question)?;
        Some(Measures::at(ranking, grades.iter().map(|(unit, grade)| (unit, grade)), &cutoffs))
    };
    let measured = trec::parse_run(run_text.bytes(), run, measure).map_err(Failure::input)?;
    let found: Vec<Option<&Vec<Measures>>> =
        judged.par_iter().map(|(question, _)| measured.get(question)?.as_ref()).collect();
    let unranked = found.iter().filter(|measures| measures.is_none()).count();
    if unranked == judged.len() {
        let problem = "ranks nothing for any question of the qrels: are the ids the same?";
        return Err(Failure::input(format!("{}: {problem}", run.display())));
    }
    let nothing = vec![Measures::default(); cutoffs.len()];
    let each: Vec<&Vec<Measures>> =
        found.into_iter().map(|measures| measures.unwrap_or(&nothing)).collect();
    let names = Measures::default().named().map(|(name, _)| name);
    let sample = |(measure, i): (usize, usize)| {
        Sample::new(each.iter().map(|measures| measures[i].named()[measure].1).collect())
    };
    let columns: Vec<(usize, usize)> = (0..names.len())
        .flat_map(|measure| (0..cutoffs.len()).map(move |i| (measure, i)))
        .collect();
    let samples: Result<Vec<Sample>, _> = columns.into_par_iter().map(sample).collect();
    let samples = samples.map_err(Failure::unable)?;
    let samples: Vec<&Sample> = samples.iter().collect();
    let (mean, better) = (Aggregate::Mean, Direction::HigherIsBetter);
    let numbers: Vec<Number> = match no_intervals {
        true => samples.iter().map(|sample| sample.number(mean, better)).collect(),
        false => Sample::estimates(&samples, mean, better, Range::UNIT).map_err(Failure::unable)?,
    };
    let rows: Vec<(&str, &[Number])> =
        names.into_iter().zip(numbers.chunks(cutoffs.len())).collect();
    match format {
        CheckFormat::Json => {
            let mut metrics = Map::new();
            for (name, row) in &rows {
                for (k, number) in cutoffs.iter().zip(*row) {
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
