//! The documents' forms: a regression gate (`metrics`), a readiness gate or a regression suite
//! (`gates`), an evaluation contract (`eval_contract`).
//!
//! Their words are found wherever they stand, by [`words`](super::words). What a word asks becomes
//! a hard criterion or a setting; what always holds here, or means nothing here, is a remark: no
//! word is passed over in silence. A word with a meaning and a value that cannot have it is an
//! error.

use wfgy_gate::{Criterion, Kind, OnNoData, Op, Targets, nearest};

use super::node::{Entry, Node, Problem, Value};
use super::sketch::Sketch;
use super::words::{self, Meaning};
use super::{Remark, RemarkKind};
use crate::Place;

/// The keys by which a file is known to be one of these; a policy has none of them.
pub(super) const ROOTS: [&str; 3] = ["metrics", "gates", "eval_contract"];

/// Reads the whole of a file.
pub(super) fn read(name: &str, entries: &[Entry]) -> Result<Sketch, Problem> {
    let mut reader = Reader {
        sketch: Sketch::new(name),
        path: Vec::new(),
        paraphrases: None,
        seeds: None,
        review: None,
    };
    reader.walk(entries)?;
    reader.finish()
}

struct Reader {
    sketch: Sketch,
    path: Vec<String>,
    paraphrases: Option<Demand>,
    seeds: Option<Demand>,
    review: Option<Range>,
}

/// How many of something, and where that is said.
struct Demand {
    least: usize,
    at: Place,
    path: String,
}

/// A range of which both ends are inside, as written.
struct Range {
    ends: [Decimal; 2],
    at: Place,
    path: String,
}

/// A decimal number and the unit of its last digit.
#[derive(Clone, Copy)]
struct Decimal {
    value: f64,
    digits: i32,
}

impl Reader {
    fn walk(&mut self, entries: &[Entry]) -> Result<(), Problem> {
        for entry in entries {
            self.path.push(entry.key.clone());
            self.entry(entry)?;
            self.path.pop();
        }
        Ok(())
    }

    fn entry(&mut self, entry: &Entry) -> Result<(), Problem> {
        let node = &entry.node;
        match (words::meaning(&self.path), &node.value) {
            (Some(Meaning::None(why)), _) => self.remark(entry.at, RemarkKind::NoMeaning, why),
            (Some(Meaning::Always(why)), _) => self.remark(entry.at, RemarkKind::Always, why),
            (_, Value::Table(entries)) => self.walk(entries)?,
            (Some(meaning), _) => self.apply(meaning, node)?,
            (None, Value::List(nodes)) if nodes.iter().any(is_table) => {
                for node in nodes {
                    match &node.value {
                        Value::Table(entries) => self.walk(entries)?,
                        _ => self.remark(node.at, RemarkKind::Unknown, &node.shown()),
                    }
                }
            }
            (None, _) => {
                let hint = match nearest(&entry.key, &words::all()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "nobody here knows it".to_owned(),
                };
                self.remark(entry.at, RemarkKind::Unknown, &hint);
            }
        }
        Ok(())
    }

    fn dotted(&self) -> String {
        self.path.join(".")
    }

    fn remark(&mut self, at: Place, kind: RemarkKind, why: &str) {
        let word = self.dotted();
        self.sketch.remarks.push(Remark { at, word, kind, why: why.to_owned() });
    }

    fn apply(&mut self, meaning: Meaning, node: &Node) -> Result<(), Problem> {
        let path = self.dotted();
        match meaning {
            Meaning::Bound(metric, op) => {
                let (op, bound) = bound(node, op, &path)?;
                self.ask(Criterion::hard(metric, op, bound), node.at);
            }
            Meaning::Uplift(metric, op) => {
                let (op, bound) = bound(node, op, &path)?;
                self.ask(Criterion::hard(metric, op, one_plus(bound)), node.at);
            }
            Meaning::Live(metric, op) => {
                let (op, bound) = bound(node, op, &path)?;
                self.ask(live(metric, op, bound), node.at);
            }
            Meaning::LiveUplift(metric, op) => {
                let (op, bound) = bound(node, op, &path)?;
                self.ask(live(metric, op, one_plus(bound)), node.at);
            }
            Meaning::Convergent => self.convergent(node, &path)?,
            Meaning::K => self.sketch.draft.k = size(node, &path)?,
            Meaning::Paraphrases => self.paraphrases = Some(self.demand(node)?),
            Meaning::Seeds => self.seeds = Some(self.demand(node)?),
            Meaning::ReviewRange => self.review = Some(range(node, path)?),
            // The caller has reported these.
            Meaning::Always(_) | Meaning::None(_) => {}
        }
        Ok(())
    }

    fn ask(&mut self, criterion: Criterion, at: Place) {
        let index = self.sketch.draft.criteria.len();
        let path = self.dotted();
        for key in ["", "metric", "op", "bound"] {
            self.sketch.says((Some(index), key), at, path.clone());
        }
        self.sketch.draft.criteria.push(criterion);
    }

    /// `lambda: convergent` and `lambda_convergent: true`; false asks nothing, and that is said.
    fn convergent(&mut self, node: &Node, path: &str) -> Result<(), Problem> {
        match &node.value {
            Value::Boolean(true) => {}
            Value::Text(text) if text == "convergent" => {}
            Value::Boolean(false) => {
                self.remark(node.at, RemarkKind::NoMeaning, "false asks nothing");
                return Ok(());
            }
            _ => return Err(node.wrong(path, "convergent, or true")),
        }
        let targets = Targets { targets: Some("lambda=convergent"), ..Targets::default() };
        let criteria = targets.criteria().map_err(|e| node.wrong(path, &e.to_string()))?;
        for criterion in criteria {
            self.ask(criterion, node.at);
        }
        Ok(())
    }

    fn demand(&self, node: &Node) -> Result<Demand, Problem> {
        let path = self.dotted();
        Ok(Demand { least: size(node, &path)?, at: node.at, path })
    }

    /// What applies to criteria that may stand after it in the file.
    fn finish(mut self) -> Result<Sketch, Problem> {
        if let Some(Demand { at, path, .. }) = &self.seeds {
            self.sketch.says((None, "seeds"), *at, path.clone());
        }
        let draft = &mut self.sketch.draft;
        let of_wordings = |c: &Criterion| c.metric == "delta_s.question";
        let of_seeds = |c: &Criterion| of_wordings(c) || c.metric.starts_with("lambda.");
        let mut idle = Vec::new();
        if let Some(Demand { least, at, path }) = self.paraphrases {
            let asked: Vec<_> = draft.criteria.iter_mut().filter(|c| of_wordings(c)).collect();
            if asked.is_empty() {
                idle.push((at, path, "the file has no bound on ΔS"));
            }
            // The question as written is a wording too.
            asked.into_iter().for_each(|c| c.min_wordings = Some(least + 1));
        }
        if let Some(Demand { least, .. }) = self.seeds {
            draft.seeds = least;
            draft
                .criteria
                .iter_mut()
                .filter(|c| of_seeds(c))
                .for_each(|c| c.min_seeds = Some(least));
        }
        if let Some(Range { ends, at, path }) = self.review {
            match draft.criteria.iter().position(of_wordings) {
                None => idle.push((at, path, "the file has no bound on ΔS")),
                Some(index) => {
                    let bound = draft.criteria[index].bound;
                    draft.criteria[index].review = Some(band(ends, bound, at, &path)?);
                    self.sketch.says((Some(index), "review"), at, path);
                }
            }
        }
        for (at, word, why) in idle {
            let kind = RemarkKind::NoMeaning;
            self.sketch.remarks.push(Remark { at, word, kind, why: why.to_owned() });
        }
        self.sketch.remarks.sort_by_key(|remark| match remark.at {
            Place::LineColumn(line, column) => (line, column),
            _ => (0, 0),
        });
        Ok(self.sketch)
    }
}

fn is_table(node: &Node) -> bool {
    matches!(node.value, Value::Table(_))
}

fn live(metric: &str, op: Op, bound: f64) -> Criterion {
    let (kind, on_no_data) = (Kind::Soft, OnNoData::Skip);
    Criterion { kind, on_no_data, ..Criterion::hard(metric, op, bound) }
}

/// 0.15 is 1.15, without the rounding error of the sum.
fn one_plus(uplift: f64) -> f64 {
    ((1.0 + uplift) * 1e9).round() / 1e9
}

fn size(node: &Node, path: &str) -> Result<usize, Problem> {
    usize::try_from(node.count(path)?).map_err(|_| node.wrong(path, "a smaller number"))
}

/// A number, or an operator and a number: `0.45`, `<=0.45`, `>= 0.70`.
fn bound(node: &Node, own: Op, path: &str) -> Result<(Op, f64), Problem> {
    let wrong = || node.wrong(path, "a number, or an operator and a number such as \"<=0.45\"");
    match &node.value {
        Value::Number(_) => Ok((own, node.number(path)?)),
        Value::Text(text) => {
            let text = text.trim();
            let length = text.find(|c: char| !"<>=".contains(c)).ok_or_else(wrong)?;
            let (op, bound) = text.split_at(length);
            Ok((op.parse().map_err(|_| wrong())?, bound.trim().parse().map_err(|_| wrong())?))
        }
        _ => Err(wrong()),
    }
}

fn range(node: &Node, path: String) -> Result<Range, Problem> {
    let [low, high] = node.list(&path)? else {
        return Err(node.wrong(&path, "two numbers"));
    };
    let ends = [decimal(low, &path)?, decimal(high, &path)?];
    Ok(Range { ends, at: node.at, path })
}

fn decimal(node: &Node, path: &str) -> Result<Decimal, Problem> {
    let value = node.number(path)?;
    let Value::Number(text) = &node.value else { return Err(node.wrong(path, "a number")) };
    let fraction = text.split_once('.').map_or("", |(_, fraction)| fraction);
    match fraction.bytes().all(|digit| digit.is_ascii_digit()) && fraction.len() <= 9 {
        true => Ok(Decimal { value, digits: fraction.len() as i32 }),
        false => Err(node.wrong(path, "a number of at most nine decimals")),
    }
}

impl Decimal {
    /// The value `units` of its last digit on.
    fn moved(self, units: f64) -> f64 {
        let scale = 10f64.powi(self.digits);
        ((self.value * scale).round() + units) / scale
    }
}

/// `[0.46, 0.59]` beside `<= 0.45` is the band between 0.45 and 0.60: both ends are inside, and
/// the numbers next to them in their last digit are not.
fn band(ends: [Decimal; 2], bound: f64, at: Place, path: &str) -> Result<[f64; 2], Problem> {
    let same = |a: f64, b: f64| (a - b).abs() < 1e-9;
    let [low, high] = ends;
    if same(low.value, bound) {
        return Ok([bound, high.value]);
    }
    if same(low.moved(-1.0), bound) {
        return Ok([bound, high.moved(1.0)]);
    }
    let problem = format!(
        "begins at {}, but the bound on ΔS is {bound}: begin at the bound, or at the next number \
         above it",
        low.value
    );
    Err(Problem::new(at, path, problem))
}
