//! Policies, and the questions that they are held against.

use wfgy_core::Aggregate::{self, Mean, Median, P95, WorstSlotMedian};
use wfgy_gate::{Criterion, Evidence, KnownMetric, Op, Verdict, decide};
use wfgy_kernel::resample::Stream;
use wfgy_stats::{Answer, Claim, LEVEL, Sample, Side, at_least, at_most};

use crate::healthy::{baseline, confident, evidence, put, put_slots, spread};
use crate::law::{Law, Questions};

/// Runs of a question: four wordings under two seeds.
const RUNS: usize = 8;
const WORDINGS: usize = 4;
const STRATA: usize = 4;

pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// One policy, the truth of each of its criteria on its bound, or moved.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) sizes: &'static [usize],
    pub(crate) correlations: &'static [f64],
    /// By how much the truth is moved for an effect of 1, for the better.
    pub(crate) effect: f64,
    parts: Vec<Part>,
}

/// A criterion and what it is decided by.
#[derive(Clone)]
struct Part {
    criterion: Criterion,
    aggregate: Aggregate,
    law: Law,
    samples: Samples,
    /// How much better than the bound the samples but for the first are.
    others: f64,
}

#[derive(Clone, Copy, PartialEq)]
enum Samples {
    /// A value a question.
    One,
    /// A value a question for each wording.
    Wordings,
    /// A sample of as many questions for each stratum.
    Strata,
}

/// How a data set is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decided {
    /// Whether every point is within its bound.
    pub(crate) point_passes: bool,
    /// By bounds.
    pub(crate) verdict: Verdict,
}

/// A data set: for each criterion its samples.
pub(crate) type DataSet = Vec<Vec<Sample>>;

const SIZES: &[usize] = &[20, 40, 100, 300];
const CORRELATIONS: &[f64] = &[0.0, 0.5, 0.9];

fn part(metric: &str, op: Op, bound: f64, aggregate: Aggregate, law: Law) -> Part {
    let criterion = Criterion::hard(metric, op, bound);
    Part { criterion, aggregate, law, samples: Samples::One, others: 0.0 }
}

/// Wordings that all lie on the bound, or all but the first better by so much.
fn wordings(others: f64) -> Part {
    let law = Law::Distance(0.45);
    let one = part("delta_s.question", Op::AtMost, 0.45, WorstSlotMedian, law);
    Part { samples: Samples::Wordings, others, ..one }
}

fn strata(others: f64) -> Part {
    let one = part("coverage.worst_stratum", Op::AtLeast, 0.70, Mean, Law::Success(0.7));
    Part { samples: Samples::Strata, others, ..one }
}

/// The hard criteria over questions of the preset `cutover`: ten tests with the four wordings.
fn cutover() -> Vec<Part> {
    vec![
        wordings(0.0),
        part("coverage.mean", Op::AtLeast, 0.70, Mean, Law::Success(0.70)),
        part("drift.coverage", Op::AtLeast, -0.02, Mean, Law::Change(0.08, 0.06)),
        part("lambda.convergence", Op::AtLeast, 0.80, Mean, Law::Success(0.80)),
        part("lambda.collapse_rate", Op::AtMost, 0.02, Mean, Law::Success(0.02)),
        part("lambda.split_rate", Op::AtMost, 0.10, Mean, Law::Success(0.10)),
        part("drift.flip_rate", Op::AtMost, 0.02, Mean, Law::Change(0.06, 0.08)),
    ]
}

/// All scenarios.
pub(crate) fn scenarios() -> Vec<Scenario> {
    let many = |name, effect, parts| Scenario {
        name,
        sizes: SIZES,
        correlations: CORRELATIONS,
        effect,
        parts,
    };
    let one = |name, effect, part| many(name, effect, vec![part]);
    let (least, most) = (Op::AtLeast, Op::AtMost);
    let unit = Law::Success(0.5);
    vec![
        one("mean of shares >= 0.70", 0.10, part("coverage.mean", least, 0.70, Mean, unit)),
        one("mean of shares >= 0.95", 0.04, part("coverage.mean", least, 0.95, Mean, unit)),
        one("mean of shares <= 0.02", 0.018, part("lambda.collapse_rate", most, 0.02, Mean, unit)),
        Scenario {
            sizes: &[20, 40, 45, 50, 60, 100, 300],
            correlations: &[0.0, 0.5, 0.9, 1.0],
            ..one(
                "mean of skewed values <= 0.05",
                0.03,
                part("lambda.split_rate", most, 0.05, Mean, Law::Rare(0.04)),
            )
        },
        one(
            "mean of differences >= -0.02",
            0.05,
            part("drift.coverage", least, -0.02, Mean, Law::Change(0.08, 0.06)),
        ),
        one(
            "mean of rare losses >= -0.02",
            0.018,
            part("drift.coverage", least, -0.02, Mean, Law::Change(0.02, 0.0)),
        ),
        one(
            "median of distances <= 0.45",
            0.05,
            part("delta_s.question:median", most, 0.45, Median, Law::Distance(0.45)),
        ),
        Scenario {
            sizes: &[20, 40, 59, 80, 100, 300],
            ..one(
                "p95 of distances <= 0.60",
                0.10,
                part("delta_s.question:p95", most, 0.60, P95, Law::Distance(0.45)),
            )
        },
        one("worst of four wordings <= 0.45, all on it", 0.05, wordings(0.0)),
        one("worst of four wordings <= 0.45, one on it", 0.05, wordings(0.20)),
        one("worst of four strata >= 0.70, all on it", 0.10, strata(0.0)),
        one("worst of four strata >= 0.70, one on it", 0.10, strata(0.25)),
        many("seven criteria of cutover, all on their bounds", 0.018, cutover()),
    ]
}

/// The same criteria with a band in which a person decides; one of its ends is the bound.
pub(crate) fn with_review(mut scenario: Scenario, name: &'static str, band: [f64; 2]) -> Scenario {
    scenario.name = name;
    for part in &mut scenario.parts {
        part.criterion.review = Some(band);
    }
    scenario
}

impl Part {
    /// 1 where more is better, else −1.
    fn better(&self) -> f64 {
        if self.criterion.op.is_upper() { -1.0 } else { 1.0 }
    }

    fn samples(&self) -> usize {
        match self.samples {
            Samples::One => 1,
            Samples::Wordings => WORDINGS,
            Samples::Strata => STRATA,
        }
    }

    fn questions(&self, correlation: f64) -> Questions {
        let runs = if self.samples == Samples::Wordings { RUNS / WORDINGS } else { RUNS };
        let truth = self.criterion.bound;
        Questions::with_truth(self.law, runs, correlation, self.aggregate, truth)
    }

    /// What it claims, at a level.
    fn claim(&self, level: f64) -> Claim {
        let side = if self.criterion.op.is_upper() { Side::Upper } else { Side::Lower };
        let known = KnownMetric::named(&self.criterion.metric).expect("a metric");
        let threshold = self.criterion.bound;
        Claim { aggregate: self.aggregate, range: known.range(), side, threshold, level }
    }

    fn holds(&self, sample: &Sample) -> bool {
        let point = sample.point(self.aggregate);
        let bound = self.criterion.bound;
        if self.criterion.op.is_upper() { at_most(point, bound) } else { at_least(point, bound) }
    }
}

/// A scenario's questions at one correlation.
pub(crate) struct Drawn<'a> {
    scenario: &'a Scenario,
    questions: Vec<Questions>,
}

impl Scenario {
    /// Its questions, the truth on the bound.
    pub(crate) fn at(&self, correlation: f64) -> Drawn<'_> {
        let questions = self.parts.iter().map(|part| part.questions(correlation)).collect();
        Drawn { scenario: self, questions }
    }

    pub(crate) fn criteria(&self) -> usize {
        self.parts.len()
    }

    /// What each of the data sets is decided as, from the bounds of all: every test at the level
    /// of Holm's first rejection, which is what it takes for any fail.
    pub(crate) fn decide(&self, data_sets: &[DataSet]) -> Result<Vec<Decided>, Failure> {
        let tests: usize = self.parts.iter().map(Part::samples).sum();
        let family = 1.0 - (1.0 - LEVEL) / tests as f64;
        let mut decided =
            vec![Decided { point_passes: true, verdict: Verdict::Pass }; data_sets.len()];
        for (at, part) in self.parts.iter().enumerate() {
            for (holds, level) in [(true, LEVEL), (false, family)] {
                let asked: Vec<(usize, &Sample)> = data_sets
                    .iter()
                    .enumerate()
                    .flat_map(|(set, parts)| parts[at].iter().map(move |sample| (set, sample)))
                    .filter(|(_, sample)| part.holds(sample) == holds)
                    .collect();
                let samples: Vec<&Sample> = asked.iter().map(|(_, sample)| *sample).collect();
                for ((set, _), answer) in asked.iter().zip(part.claim(level).answers(&samples)?) {
                    let found = match answer {
                        Answer::Shown => Verdict::Pass,
                        Answer::Open => Verdict::Inconclusive,
                        Answer::Refuted => Verdict::Fail,
                    };
                    decided[*set].verdict = decided[*set].verdict.max(found);
                    decided[*set].point_passes &= holds;
                }
            }
        }
        Ok(decided)
    }

    /// What a gate needs to decide one data set itself.
    pub(crate) fn evidence(&self, data_set: &DataSet) -> Evidence {
        let mut evidence = evidence();
        evidence.baseline = Some(baseline("docs_vA"));
        put_slots(&mut evidence, &vec![spread(0.30, 0.1, 60); WORDINGS]);
        for (part, samples) in self.parts.iter().zip(data_set) {
            let metric = part.criterion.metric.as_str();
            let values = |sample: &Sample| sample.values().to_vec();
            match part.samples {
                Samples::Wordings => {
                    put_slots(&mut evidence, &samples.iter().map(values).collect::<Vec<_>>());
                }
                Samples::One | Samples::Strata => {
                    let worst = samples.iter().min_by(|a, b| a.mean().total_cmp(&b.mean()));
                    let worst = worst.expect("a sample").values().to_vec();
                    put(&mut evidence, metric, part.aggregate, &worst);
                    evidence.samples.insert(metric.to_owned(), samples.clone());
                }
            }
        }
        evidence
    }

    /// What a gate decides, and how many more questions it asks for where it cannot.
    pub(crate) fn by_gate(&self, data_set: &DataSet) -> Result<(Verdict, Option<usize>), Failure> {
        let criteria: Vec<Criterion> =
            self.parts.iter().map(|part| part.criterion.clone()).collect();
        let decision = decide(&confident(criteria), &self.evidence(data_set))?;
        let mut needs = decision.decided.iter().filter_map(|finding| finding.needs.as_ref());
        Ok((decision.verdict, needs.find_map(|needs| needs.more_questions)))
    }

    /// Standard error of the first criterion's statistic, in effects.
    pub(crate) fn error(&self, drawn: &Drawn<'_>, n: usize, seed: u64) -> Result<f64, Failure> {
        let points: Vec<f64> = (0..400)
            .map(|at| {
                let set = drawn.draw(0.0, n, &mut Stream::new(seed, at))?;
                Ok(set[0][0].point(self.parts[0].aggregate))
            })
            .collect::<Result<_, Failure>>()?;
        let mean = points.iter().sum::<f64>() / points.len() as f64;
        let squares: f64 = points.iter().map(|point| (point - mean).powi(2)).sum();
        Ok((squares / (points.len() - 1) as f64).sqrt() / self.effect)
    }
}

impl Drawn<'_> {
    /// A data set of n questions, the truth moved so many effects for the better.
    pub(crate) fn draw(
        &self,
        effect: f64,
        n: usize,
        stream: &mut Stream,
    ) -> Result<DataSet, Failure> {
        let by = effect * self.scenario.effect;
        let parts = self.scenario.parts.iter().zip(&self.questions);
        let sets = parts.map(|(part, questions)| {
            let on = questions.moved(part.better() * by);
            let others = part.better() * part.others;
            let values = match part.samples {
                Samples::One => vec![on.draw(n, stream)],
                Samples::Wordings => {
                    let mut values = on.draw_wordings(WORDINGS, n, stream);
                    for value in values[1..].iter_mut().flatten() {
                        *value = (*value + others).clamp(0.0, 2.0);
                    }
                    values
                }
                Samples::Strata => (0..STRATA)
                    .map(|stratum| match stratum {
                        0 => on.draw(n, stream),
                        _ => on.moved(others).draw(n, stream),
                    })
                    .collect(),
            };
            Ok(values.into_iter().map(Sample::new).collect::<Result<Vec<_>, _>>()?)
        });
        sets.collect()
    }
}
