//! Criteria as the command line gives them.

use crate::criterion::{Criterion, CriterionError, Op};

/// The documents' word `lambda = convergent`, spelled out.
const CONVERGENT: [(&str, Op, f64); 3] = [
    ("lambda.convergence", Op::AtLeast, 0.80),
    ("lambda.collapse_rate", Op::AtMost, 0.02),
    ("lambda.split_rate", Op::AtMost, 0.10),
];

/// Names that `--targets` knows beside the full ones, in lower case; up to `@` where a cutoff
/// follows, as ir_measures spells them.
const SHORT: [(&str, &str); 7] = [
    ("ap@", "map@"),
    ("cov", "coverage.mean"),
    ("ds", "delta_s.question"),
    ("p@", "precision@"),
    ("r@", "recall@"),
    ("rr@", "mrr@"),
    ("success@", "hit@"),
];

/// What `--min-cov`, `--max-ds` and `--targets` ask: hard criteria.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Targets<'a> {
    /// `--min-cov X`: `coverage.mean >= X`.
    pub min_cov: Option<f64>,
    /// `--max-ds X`: `delta_s.question <= X`, on every wording.
    pub max_ds: Option<f64>,
    /// `--targets "ds<=0.45,cov>=0.70,lambda=convergent"`: the same, and every other metric by
    /// its full name, separated by commas.
    pub targets: Option<&'a str>,
}

/// Why what the command line asks cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TargetsError {
    /// A part that is no criterion.
    #[error(
        "--targets: `{part}` is no criterion: expected NAME OP BOUND such as `cov>=0.70`, or \
        `lambda=convergent`"
    )]
    Part {
        /// The part.
        part: String,
    },
    /// A bound that is no number.
    #[error("--targets: the bound of `{part}` is no number")]
    Bound {
        /// The part.
        part: String,
    },
    /// A criterion that cannot be used.
    #[error("{flag}: {source}")]
    Criterion {
        /// The flag that gave it.
        flag: &'static str,
        /// How.
        source: CriterionError,
    },
    /// Two flags, or two parts, on one metric and side.
    #[error("`{first}` and `{second}` are both asked for: give one")]
    Twice {
        /// The earlier.
        first: String,
        /// The later.
        second: String,
    },
}

impl Targets<'_> {
    /// The criteria, in the order in which they were given; empty where nothing was.
    ///
    /// # Errors
    /// [`TargetsError`], the first that applies.
    pub fn criteria(&self) -> Result<Vec<Criterion>, TargetsError> {
        let mut asked: Vec<(&'static str, Criterion)> = Vec::new();
        if let Some(bound) = self.min_cov {
            asked.push(("--min-cov", Criterion::hard("coverage.mean", Op::AtLeast, bound)));
        }
        if let Some(bound) = self.max_ds {
            asked.push(("--max-ds", Criterion::hard("delta_s.question", Op::AtMost, bound)));
        }
        for part in self.targets.iter().flat_map(|text| text.split(',')) {
            asked.extend(parse(part)?.into_iter().map(|criterion| ("--targets", criterion)));
        }
        let mut criteria: Vec<Criterion> = Vec::new();
        for (flag, criterion) in asked {
            criterion.check().map_err(|source| TargetsError::Criterion { flag, source })?;
            if let Some(earlier) = criteria.iter().find(|earlier| {
                earlier.metric == criterion.metric
                    && earlier.op.is_upper() == criterion.op.is_upper()
            }) {
                let (first, second) = (earlier.to_string(), criterion.to_string());
                return Err(TargetsError::Twice { first, second });
            }
            criteria.push(criterion);
        }
        Ok(criteria)
    }
}

/// One part between commas.
fn parse(part: &str) -> Result<Vec<Criterion>, TargetsError> {
    let error = || TargetsError::Part { part: part.trim().to_owned() };
    let at = part.find(['<', '>', '=']).ok_or_else(error)?;
    let (name, rest) = part.split_at(at);
    let name = &name.trim().to_ascii_lowercase();
    let length = rest.find(|c| !matches!(c, '<' | '>' | '=')).ok_or_else(error)?;
    let (op, bound) = rest.split_at(length);
    let bound = bound.trim();
    if (name.as_str(), op, bound) == ("lambda", "=", "convergent") {
        let criteria = CONVERGENT.map(|(metric, op, bound)| Criterion::hard(metric, op, bound));
        return Ok(criteria.to_vec());
    }
    let op: Op = op.parse().map_err(|_| error())?;
    let bound: f64 =
        bound.parse().map_err(|_| TargetsError::Bound { part: part.trim().to_owned() })?;
    if name.is_empty() {
        return Err(error());
    }
    let (measure, cutoff) = name.split_at(name.find('@').map_or(name.len(), |at| at + 1));
    let short = SHORT.iter().find(|(short, _)| *short == measure);
    let metric = format!("{}{cutoff}", short.map_or(measure, |(_, full)| full));
    Ok(vec![Criterion::hard(&metric, op, bound)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Vec<Criterion>, TargetsError> {
        Targets { targets: Some(text), ..Targets::default() }.criteria()
    }

    #[test]
    fn rule_targets_are_the_flags_in_one_string() {
        let flags = Targets { min_cov: Some(0.70), max_ds: Some(0.45), targets: None };
        let mut by_string = of(" ds <= 0.45 , cov>=0.70").unwrap();
        by_string.reverse();
        assert_eq!(by_string, flags.criteria().unwrap());
        assert_eq!(by_string[0].to_string(), "coverage.mean >= 0.7");
        assert_eq!(by_string[1].to_string(), "delta_s.question <= 0.45");
        assert_eq!(of("nDCG@10>=0.5").unwrap()[0].to_string(), "ndcg@10 >= 0.5", "as people write");
    }

    #[test]
    fn rule_lambda_convergent_is_three_criteria() {
        let criteria = of("lambda=convergent").unwrap();
        let text: Vec<String> = criteria.iter().map(Criterion::to_string).collect();
        assert_eq!(
            text,
            [
                "lambda.convergence >= 0.8",
                "lambda.collapse_rate <= 0.02",
                "lambda.split_rate <= 0.1"
            ]
        );
    }

    #[test]
    fn rule_targets_take_every_metric_by_its_full_name() {
        assert_eq!(of("ndcg@10>0.6").unwrap()[0].to_string(), "ndcg@10 > 0.6");
        assert_eq!(of("error_rate<0.01").unwrap()[0].to_string(), "error_rate < 0.01");
    }

    #[test]
    fn rule_ranking_measures_may_be_spelled_as_ir_measures_does() {
        for (spelled, name) in [
            ("nDCG@10", "ndcg@10"),
            ("R@100", "recall@100"),
            ("P@5", "precision@5"),
            ("RR@10", "mrr@10"),
            ("AP@1000", "map@1000"),
            ("Success@1", "hit@1"),
        ] {
            assert_eq!(of(&format!("{spelled}>=0.5")).unwrap()[0].metric, name);
        }
    }

    #[test]
    fn an_unknown_metric_is_answered_with_names_that_exist() {
        let said = |text: &str| of(text).unwrap_err().to_string();
        assert!(said("bananas>=0.5").ends_with("`coverage.mean`, `ndcg@10`, `recall@10`"));
        assert!(said("ndcg>=0.5").ends_with("did you mean `ndcg@10`?"), "{}", said("ndcg>=0.5"));
        assert!(said("r>=0.5").contains("`recall@10`"), "{}", said("r>=0.5"));
    }

    #[test]
    fn what_is_no_criterion_is_refused() {
        for bad in [
            "",
            ",",
            "ds<=0.45,",
            "ds",
            "ds<=",
            "<=0.45",
            "ds=0.45",
            "ds==0.45",
            "ds=<0.45",
            "ds<>0.45",
            "ds<=x",
            "ds<=0.4 5",
            "ds<=nan",
            "ds<=inf",
            "ds<=-0.1",
            "ds<=2",
            "ds>=0.4",
            "cov>=0",
            "cov>1",
            "cov<=0.7",
            "lambda=split",
            "lambda>=convergent",
            "nonsense>=0.5",
            "ds<=0.45,ds<=0.50",
        ] {
            assert!(of(bad).is_err(), "{bad}");
        }
        let twice = Targets { min_cov: Some(0.5), max_ds: None, targets: Some("cov>=0.70") };
        assert!(matches!(twice.criteria(), Err(TargetsError::Twice { .. })));
        let nan = Targets { min_cov: Some(f64::NAN), ..Targets::default() };
        assert!(nan.criteria().unwrap_err().to_string().starts_with("--min-cov: "));
    }
}
