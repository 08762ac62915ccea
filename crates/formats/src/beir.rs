//! Gold sets as BEIR has them: `queries.jsonl` and `qrels/test.tsv`.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;
use wfgy_core::{GoldSet, Question, Target, TargetRef};

use crate::gold::{Builder, LANGUAGE, MAX_FILE, beside};
use crate::object::Object;
use crate::{InputError, Place, jsonl, source};

const HEADER: &str = "query-id\tcorpus-id\tscore";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    #[serde(rename = "_id")]
    id: String,
    text: String,
    #[serde(default, rename = "metadata")]
    _metadata: IgnoredAny,
}

/// Reads the test split of a BEIR folder.
///
/// Every document with a positive score is a target of its own, so that coverage is recall; its
/// score is the grade. Queries that the qrels do not name are no questions of this split. Order is
/// that of `queries.jsonl`, targets in the order of the qrels.
///
/// # Errors
/// [`InputError`] with file and line; also for a query that is judged without any relevant
/// document.
pub fn read_gold(folder: impl AsRef<Path>) -> Result<GoldSet, InputError> {
    let folder = folder.as_ref();
    let need = |name: &str| {
        beside(folder, name).ok_or_else(|| {
            let problem = "no such file: a BEIR folder has queries.jsonl and qrels/test.tsv";
            InputError::file(folder.join(name), problem)
        })
    };
    let (queries, qrels) = (need("queries.jsonl")?, need("qrels/test.tsv")?);
    let mut judged = Judgements::read_tsv(&qrels)?;
    judged.check(&qrels)?;
    let mut builder = Builder::new(&queries);
    for record in jsonl::read::<Object<Query>>(&queries)? {
        let (Object(query), line) = record?;
        let wrong =
            |field| InputError::at(&queries, Place::Line(line), "an empty text").field(field);
        if query.id.is_empty() {
            return Err(wrong("_id"));
        }
        // A query that the split does not judge is not looked at any further.
        if !judged.has(&query.id) {
            continue;
        }
        if query.text.trim().is_empty() {
            return Err(wrong("text"));
        }
        builder.push(judged.question(query.id, query.text), line)?;
    }
    judged.finish(&qrels, &queries)?;
    builder.finish(String::new(), LANGUAGE.to_owned())
}

/// Judgements by question, on their way into questions.
pub(crate) struct Judgements {
    /// Documents of a positive grade in file order, and the line of the first judgement.
    by_question: HashMap<String, (Vec<Target>, u64)>,
    seen: HashMap<(String, String), u64>,
    taken: HashSet<String>,
}

impl Judgements {
    pub(crate) fn new() -> Self {
        Self { by_question: HashMap::new(), seen: HashMap::new(), taken: HashSet::new() }
    }

    fn read_tsv(path: &Path) -> Result<Self, InputError> {
        let text = source::read_to_string(path, MAX_FILE)?;
        let mut judged = Self::new();
        for (i, line) in text.lines().enumerate() {
            let place = Place::Line(i as u64 + 1);
            if i == 0 {
                if line.trim_end() != HEADER {
                    let problem = "expected the header `query-id<TAB>corpus-id<TAB>score`";
                    return Err(InputError::at(path, place, problem));
                }
                continue;
            }
            if line.trim().is_empty() {
                continue;
            }
            let columns: Vec<&str> = line.trim_end_matches('\r').split('\t').collect();
            let [query, doc, score] = columns[..] else {
                let problem = format!("expected 3 columns apart by tabs, found {}", columns.len());
                return Err(InputError::at(path, place, problem));
            };
            judged.take(
                path,
                i as u64 + 1,
                [query, doc, score],
                ["query-id", "corpus-id", "score"],
            )?;
        }
        Ok(judged)
    }

    /// Takes one judgement: question, document and score, named in messages as `fields`.
    pub(crate) fn take(
        &mut self,
        path: &Path,
        line: u64,
        [question, doc, score]: [&str; 3],
        fields: [&str; 3],
    ) -> Result<(), InputError> {
        let wrong = |field: &str, problem: String| {
            InputError::at(path, Place::Line(line), problem).field(field)
        };
        for (value, field) in [(question, fields[0]), (doc, fields[1])] {
            if value.is_empty() {
                return Err(wrong(field, "an empty text".to_owned()));
            }
        }
        let no_grade = |problem| wrong(fields[2], format!("`{score}` {problem}")).bare(problem);
        let grade: i64 = score.parse().map_err(|_| no_grade("is no whole number"))?;
        let grade = u32::try_from(grade.max(0)).map_err(|_| no_grade("is too great a grade"))?;
        if let Some(first) = self.seen.insert((question.to_owned(), doc.to_owned()), line) {
            let problem =
                format!("`{question}` and `{doc}` are judged twice, first at line {first}");
            return Err(wrong(fields[1], problem));
        }
        let (targets, _) =
            self.by_question.entry(question.to_owned()).or_insert((Vec::new(), line));
        if grade > 0 {
            let doc_id = doc.to_owned();
            let only = TargetRef { doc_id, section_id: None, offsets: None, quote: None, grade };
            targets.push(Target { any_of: vec![only] });
        }
        Ok(())
    }

    /// Fails where nothing is relevant at all, or not to one question: averages go over all
    /// questions of the qrels, and no index could serve such a one.
    pub(crate) fn check(&self, qrels: &Path) -> Result<(), InputError> {
        let barren = self.by_question.iter().filter(|(_, (targets, _))| targets.is_empty());
        if barren.clone().count() == self.by_question.len() {
            return Err(InputError::file(qrels, "no question has a relevant document"));
        }
        match barren.min_by_key(|(_, (_, line))| *line) {
            None => Ok(()),
            Some((id, (_, line))) => {
                let problem = format!(
                    "question `{id}` has no relevant document, every grade of it is 0 or less: \
                     take its lines out of the qrels"
                );
                Err(InputError::at(qrels, Place::Line(*line), problem))
            }
        }
    }

    /// Whether a question is judged.
    pub(crate) fn has(&self, question: &str) -> bool {
        self.by_question.contains_key(question)
    }

    /// The question of this id; its targets are copied, so that a second one is seen as such.
    pub(crate) fn question(&mut self, id: String, text: String) -> Question {
        let targets = self.by_question.get(&id).map(|(targets, _)| targets.clone());
        self.taken.insert(id.clone());
        Question {
            id,
            question: text,
            paraphrases: Vec::new(),
            targets: targets.unwrap_or_default(),
            anchors: Vec::new(),
            stratum: None,
            answerable: true,
        }
    }

    /// Fails where judgements of `qrels` have no question in `questions`.
    pub(crate) fn finish(&self, qrels: &Path, questions: &Path) -> Result<(), InputError> {
        let lost = self.by_question.iter().filter(|(id, _)| !self.taken.contains(*id));
        match lost.min_by_key(|(_, (_, line))| *line) {
            None => Ok(()),
            Some((id, (_, line))) => {
                let problem =
                    format!("question `{id}` is judged but not in {}", questions.display());
                Err(InputError::at(qrels, Place::Line(*line), problem))
            }
        }
    }
}
