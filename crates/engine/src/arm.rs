//! One index of an evaluation, from its labels to its records.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use wfgy_core::evaluation::{Calibration, Context, Integrity, Null, QuestionRecord, RunRecord};
use wfgy_core::{Aggregate, Direction, EmbedderIdentity, Snippet};
use wfgy_score::{Coverage, Retrieved};
use wfgy_stats::Pooled;

use crate::asked::Asked;
use crate::draw::{DRAWN, draw};
use crate::embedded::Texts;
use crate::error::EvaluateError;
use crate::evaluate::{Evaluation, KnownDistances};
use crate::hard::{Wording, nearest_wrong};
use crate::index::Index;
use crate::integrity;
use crate::labels::{Labeller, Labels};
use crate::noise::Rebuilt;
use crate::plan::Plan;
use crate::reader::Reader;
use crate::records::{AskedQuestion, AskedRun, Scored, Scoring, score};
use crate::seeds::Perturber;
use crate::setup::{OnProgress, Parts, Progress, Settings};
use crate::texts::{EmbeddedText, TextVectors};
use crate::vectors::ScoringVectors;

/// An index whose targets are known, before anything is embedded.
pub(crate) struct Labelled<'a> {
    parts: Parts<'a>,
    index: Index,
    labels: Vec<Labels>,
    /// The targets counted in characters, beside an arm with another tokenizer.
    characters: Option<Vec<Coverage>>,
}

/// An index that is ready to be asked.
pub(crate) struct Arm<'a> {
    pub(crate) parts: Parts<'a>,
    index: Index,
    labels: Vec<Labels>,
    characters: Option<Vec<Coverage>>,
    pub(crate) texts: Texts,
    /// Vectors of wordings and anchors under the scorer.
    pub(crate) scoring: TextVectors,
    integrity: Integrity,
}

impl<'a> Labelled<'a> {
    pub(crate) fn of(
        parts: Parts<'a>,
        characters: bool,
        settings: &Settings,
        progress: OnProgress<'_>,
    ) -> Result<Self, EvaluateError> {
        let index = Index::of(&parts)?;
        let questions = &parts.gold.items;
        let labels_by = |tokenizer| {
            Labeller::new(parts.store, tokenizer, settings, parts.gold.unit())
                .labels(questions, progress)
        };
        let labels = labels_by(parts.tokenizer)?;
        let in_characters = |labels: Vec<Labels>| labels.into_iter().map(|l| l.coverage).collect();
        let characters = match characters {
            true => Some(in_characters(labels_by(None)?)),
            false => None,
        };
        Ok(Self { parts, index, labels, characters })
    }

    /// Refuses targets that cannot be meant of this index.
    pub(crate) fn refuse_impossible(&self) -> Result<(), EvaluateError> {
        let mut labels = self.parts.gold.items.iter().zip(&self.labels);
        labels.try_for_each(|(question, labels)| labels.refuse_impossible(&question.id))
    }

    pub(crate) fn perturber(&self) -> Perturber<'a> {
        self.index.perturber(&self.parts)
    }

    /// Embeds what no arm before this one has, and compares stored vectors with their text.
    pub(crate) fn embedded(
        self,
        plan: &Plan,
        before: &[Arm<'_>],
        settings: &Settings,
        progress: OnProgress<'_>,
    ) -> Result<Arm<'a>, EvaluateError> {
        let Self { parts, index, labels, characters } = self;
        let mut texts = Texts::compose(&parts, &index.analyzer, plan, &labels);
        let scoring = texts.embed(&parts, before, settings, progress)?;
        let integrity = integrity::check(&parts, settings, &index, progress)?;
        Ok(Arm { parts, index, labels, characters, texts, scoring, integrity })
    }
}

impl Arm<'_> {
    /// Vectors of wordings and anchors that an embedder made for this arm.
    pub(crate) fn vectors_of(
        &self,
        embedder: &EmbedderIdentity,
    ) -> impl Iterator<Item = &TextVectors> {
        let scored = (self.parts.scorer.identity() == embedder).then_some(&self.scoring);
        let own = self.parts.embedder.filter(|own| own.identity() == embedder);
        scored.into_iter().chain(own.and_then(|_| self.texts.retrieval()))
    }

    /// Scores what the index answered, and the runs of what its `rebuilds` did.
    pub(crate) fn scored(
        self,
        asked: &Asked,
        rebuilds: Option<&[Asked]>,
        plan: &Plan,
        settings: &Settings,
        progress: OnProgress<'_>,
    ) -> Result<(Evaluation, Rebuilt), EvaluateError> {
        let Self { parts, index, labels, characters, texts, scoring, integrity } = self;
        let decoys: Vec<Vec<u32>> = std::iter::zip(&parts.gold.items, &labels)
            .map(|(question, labels)| match question.answerable {
                true => {
                    draw("decoy", &question.id, parts.store.n_snippets(), DRAWN, &labels.positions)
                }
                false => Vec::new(),
            })
            .collect();
        let mut vectors =
            ScoringVectors::new(parts, settings, &index.analyzer, scoring, index.stored);
        vectors.prepare(&asked.needed(&labels, &decoys), progress)?;
        let hard = hard_null(&parts, plan, &texts, &labels, &mut vectors, progress)?;
        let kept =
            Kept { parts, labels: &labels, characters: characters.as_deref(), texts: &texts };
        let scored = kept.scored(asked, &decoys, &hard, &vectors, plan, settings, progress)?;
        let mut known = KnownDistances::default();
        let (mut runs, mut timings) = (Vec::new(), Vec::new());
        for question in scored {
            runs.extend(question.runs);
            timings.extend(question.timings);
            known.targets.push(question.targets);
            known.random.push(question.random);
            known.hard.push(question.hard);
        }
        let (random, hard) = rayon::join(|| null(&known.random), || null(&known.hard));
        let calibration = Calibration { random, hard };
        let context = Context {
            index: parts.store.name().to_owned(),
            pins: parts.store.pins().clone(),
            gold_digest: parts
                .gold
                .digest()
                .map_err(|error| EvaluateError::Records(format!("gold set: {error}")))?,
            gold_name: parts.gold.name.clone(),
            language: parts.gold.language.clone(),
            unit: parts.gold.unit(),
            k: settings.k,
            seeds: settings.seeds.clone(),
            rebuild_seeds: 0,
            rebuilt: 0,
            scorer: parts.scorer.identity().model_ver.clone(),
            scorer_schema: parts.scorer.identity().schema.to_string(),
            stored_vectors: index.stored || !parts.scorer_embeds_any_text,
            questions: question_records(&parts, settings, &labels),
            calibration,
            integrity,
            truncated: BTreeMap::from([
                ("query".to_owned(), texts.truncated_queries(&vectors.texts)),
                ("anchor".to_owned(), texts.truncated_anchors(&vectors.texts)),
                ("snippet".to_owned(), vectors.truncated()),
            ]),
            dropped_runs: plan.dropped.clone(),
        };
        let exports = texts.exports(&parts, settings, plan, &vectors.texts);
        let mut again = |asked: &Asked| -> Result<Vec<RunRecord>, EvaluateError> {
            vectors.prepare(&asked.needed(&labels, &[]), progress)?;
            let (decoys, hard) = (vec![Vec::new(); labels.len()], vec![None; plan.runs.len()]);
            let scored = kept.scored(asked, &decoys, &hard, &vectors, plan, settings, progress)?;
            Ok(scored.into_iter().flat_map(|question| question.runs).collect())
        };
        let rebuilt = rebuilds.map(|rebuilds| rebuilds.iter().map(&mut again).collect());
        Ok((Evaluation { context, runs, timings, known, exports }, rebuilt.transpose()?))
    }
}

/// What scoring one set of answers after another leaves as it is.
struct Kept<'a> {
    parts: Parts<'a>,
    labels: &'a [Labels],
    characters: Option<&'a [Coverage]>,
    texts: &'a Texts,
}

impl Kept<'_> {
    /// Scores what was answered, question by question, in their order. `decoys` by question, `hard`
    /// by run.
    #[expect(clippy::too_many_arguments, reason = "each is what one evaluation is made of")]
    fn scored(
        &self,
        asked: &Asked,
        decoys: &[Vec<u32>],
        hard: &[Option<u32>],
        vectors: &ScoringVectors<'_>,
        plan: &Plan,
        settings: &Settings,
        progress: OnProgress<'_>,
    ) -> Result<Vec<Scored>, EvaluateError> {
        let Self { parts, labels, characters, texts } = *self;
        let reader = Reader::new(parts.store, settings);
        let hits = hit_snippets(reader, asked)?;
        let sole = sole_sections(reader, &hits)?;
        let run = |i: usize| AskedRun {
            planned: &plan.runs[i],
            vector: vectors.texts.get(texts.scored(i)),
            outcome: &asked.outcomes[i],
            hard: hard[i],
            embed_ms: texts.milliseconds(i, &vectors.texts),
        };
        let anchor = |text: &EmbeddedText| vectors.texts.get(text.sha256);
        let questions: Vec<AskedQuestion<'_>> = parts
            .gold
            .items
            .iter()
            .enumerate()
            .map(|(q, question)| AskedQuestion {
                question,
                labels: &labels[q],
                anchors: texts.anchors(q).iter().filter_map(anchor).collect(),
                decoys: &decoys[q],
                characters: characters.map(|characters| &characters[q]),
                runs: plan.runs_of(q).map(run).collect(),
            })
            .collect();
        let frame = Scoring {
            vectors,
            store: parts.store,
            settings,
            hits: &hits,
            sole: &sole,
            retrieved: match parts.tokenizer {
                Some(_) => |hit| Retrieved::in_tokens(hit),
                None => |hit| Retrieved::in_characters(hit),
            },
        };
        let total = questions.len();
        progress(Progress { stage: "score", done: 0, total });
        let scored: Vec<Result<Scored, EvaluateError>> =
            questions.par_iter().map(|asked| score(asked, &frame)).collect();
        progress(Progress { stage: "score", done: total, total });
        scored.into_iter().collect()
    }
}

/// By run: the nearest snippet that overlaps no target, for seed 0 of answerable questions.
fn hard_null(
    parts: &Parts<'_>,
    plan: &Plan,
    texts: &Texts,
    labels: &[Labels],
    vectors: &mut ScoringVectors<'_>,
    progress: OnProgress<'_>,
) -> Result<Vec<Option<u32>>, EvaluateError> {
    let has_null = |i: &usize| {
        let run = &plan.runs[*i];
        let answerable = parts.gold.items[run.question].answerable;
        run.seed == 0 && answerable && vectors.texts.get(texts.scored(*i)).is_some()
    };
    let asked: Vec<usize> = (0..plan.runs.len()).filter(has_null).collect();
    let wordings: Vec<Wording<'_>> = asked
        .iter()
        .map(|i| Wording {
            key: texts.scored(*i),
            targets: &labels[plan.runs[*i].question].positions,
        })
        .collect();
    let found = nearest_wrong(vectors, parts.store.n_snippets(), &wordings, progress)?;
    let mut hard = vec![None; plan.runs.len()];
    for (i, found) in asked.into_iter().zip(found) {
        hard[i] = found;
    }
    Ok(hard)
}

/// The snippets among the hits, by corpus position.
fn hit_snippets(
    reader: Reader<'_>,
    asked: &Asked,
) -> Result<BTreeMap<u32, Snippet>, EvaluateError> {
    let positions: BTreeSet<u32> = asked.hits().collect();
    let positions: Vec<u32> = positions.into_iter().collect();
    let snippets = reader.snippets(&positions).map_err(EvaluateError::at("snippets"))?;
    Ok(positions.into_iter().zip(snippets).collect())
}

/// The documents among the hits that have one section only.
fn sole_sections(
    reader: Reader<'_>,
    hits: &BTreeMap<u32, Snippet>,
) -> Result<BTreeSet<String>, EvaluateError> {
    let doc_ids = hits.values().map(|snippet| snippet.doc_id.as_str()).collect();
    let counts = reader.section_counts(&doc_ids).map_err(EvaluateError::at("sections"))?;
    Ok(counts.into_iter().filter(|(_, n)| *n == 1).map(|(d, _)| d.to_owned()).collect())
}

fn question_records(
    parts: &Parts<'_>,
    settings: &Settings,
    labels: &[Labels],
) -> Vec<QuestionRecord> {
    let record = |(question, labels): (&wfgy_core::Question, &Labels)| QuestionRecord {
        id: question.id.clone(),
        text: (!settings.redact).then(|| question.question.clone()),
        stratum: question.stratum.clone(),
        answerable: question.answerable,
        n_wordings: question.wordings().count(),
        qrels: labels.qrels.clone(),
        expected: labels.expected.clone(),
        label_problems: labels.problems(),
    };
    parts.gold.items.iter().zip(labels).map(record).collect()
}

/// Quantiles of values pooled over questions; `None` without values.
fn null(questions: &[Vec<f64>]) -> Option<Null> {
    let pooled = Pooled::new(questions.to_vec()).ok()?;
    let quantile = |aggregate| pooled.quantile(aggregate, Direction::Neutral);
    Some(Null {
        n: pooled.values().len(),
        p01: quantile(Aggregate::P01)?,
        p05: quantile(Aggregate::P05)?,
        p50: quantile(Aggregate::Median)?,
        p95: quantile(Aggregate::P95)?,
    })
}
