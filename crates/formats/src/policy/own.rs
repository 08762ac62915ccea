//! The form of this program: settings, and `criterion` tables.

use wfgy_gate::{Criterion, DecisionMode, IntegrityMode, Kind, OnNoData, Op, PolicyDraft, nearest};

use super::node::{Entry, Node, Problem};
use super::sketch::Sketch;

const DECISIONS: [(&str, DecisionMode); 2] =
    [("point", DecisionMode::Point), ("confident", DecisionMode::Confident)];
const INTEGRITY: [(&str, IntegrityMode); 3] =
    [("sample", IntegrityMode::Sample), ("full", IntegrityMode::Full), ("off", IntegrityMode::Off)];
const OPS: [(&str, Op); 4] =
    [("<=", Op::AtMost), ("<", Op::Below), (">=", Op::AtLeast), (">", Op::Above)];
const KINDS: [(&str, Kind); 3] =
    [("hard", Kind::Hard), ("soft", Kind::Soft), ("advisory", Kind::Advisory)];
const ON_NO_DATA: [(&str, OnNoData); 3] =
    [("fail", OnNoData::Fail), ("inconclusive", OnNoData::Inconclusive), ("skip", OnNoData::Skip)];

/// Keys of a policy, and of a criterion.
const POLICY_KEYS: [&str; 10] = [
    "decision",
    "min_questions",
    "k",
    "seeds",
    "rebuild_seeds",
    "noise_rebuilds",
    "may_change",
    "integrity",
    "expiry_seconds",
    "criterion",
];
const CRITERION_KEYS: [&str; 8] =
    ["metric", "op", "bound", "kind", "on_no_data", "review", "min_wordings", "min_seeds"];

/// Reads the whole of a policy; every key has a meaning or is refused.
pub(super) fn read(name: &str, entries: &[Entry]) -> Result<Sketch, Problem> {
    let mut sketch = Sketch::new(name);
    for entry in entries {
        let key = entry.key.as_str();
        set(&mut sketch.draft, entry)?;
        if let Some(key) = POLICY_KEYS.into_iter().find(|known| *known == key) {
            sketch.says((None, key), entry.node.at, key.to_owned());
        }
        if key == "criterion" {
            for (index, node) in entry.node.list(key)?.iter().enumerate() {
                criterion(&mut sketch, index, node)?;
            }
        }
    }
    Ok(sketch)
}

fn set(draft: &mut PolicyDraft, Entry { at, key, node }: &Entry) -> Result<(), Problem> {
    match key.as_str() {
        "decision" => draft.decision = node.word(key, &DECISIONS)?,
        "integrity" => draft.integrity = node.word(key, &INTEGRITY)?,
        "min_questions" => draft.min_questions = size(node, key)?,
        "k" => draft.k = size(node, key)?,
        "seeds" => draft.seeds = size(node, key)?,
        "rebuild_seeds" => draft.rebuild_seeds = size(node, key)?,
        "noise_rebuilds" => draft.noise_rebuilds = size(node, key)?,
        "expiry_seconds" => draft.expiry_seconds = node.count(key)?,
        "may_change" => {
            let pins = node.list(key)?.iter().map(|pin| pin.text(key).map(str::to_owned));
            draft.may_change = pins.collect::<Result<_, _>>()?;
        }
        "criterion" => {}
        unknown => return Err(unknown_key(*at, "", unknown, &POLICY_KEYS)),
    }
    Ok(())
}

fn criterion(sketch: &mut Sketch, index: usize, node: &Node) -> Result<(), Problem> {
    let path = format!("criterion[{index}]");
    let entries = node.table(&path)?;
    let field = |key: &str| format!("{path}.{key}");
    for entry in entries {
        match CRITERION_KEYS.into_iter().find(|known| *known == entry.key) {
            Some(key) => sketch.says((Some(index), key), entry.node.at, field(key)),
            None => return Err(unknown_key(entry.at, &path, &entry.key, &CRITERION_KEYS)),
        }
    }
    sketch.says((Some(index), ""), node.at, path.clone());
    let get = |key: &str| entries.iter().find(|entry| entry.key == key).map(|entry| &entry.node);
    let need = |key: &'static str| {
        get(key).ok_or_else(|| Problem::new(node.at, &path, format!("missing field `{key}`")))
    };
    let metric = need("metric")?.text(&field("metric"))?;
    let op = need("op")?.word(&field("op"), &OPS)?;
    let bound = need("bound")?.number(&field("bound"))?;
    let mut criterion = Criterion::hard(metric, op, bound);
    if let Some(node) = get("kind") {
        criterion.kind = node.word(&field("kind"), &KINDS)?;
    }
    criterion.on_no_data = match (get("on_no_data"), criterion.kind) {
        (Some(node), _) => node.word(&field("on_no_data"), &ON_NO_DATA)?,
        (None, Kind::Hard) => OnNoData::Fail,
        (None, Kind::Soft | Kind::Advisory) => OnNoData::Inconclusive,
    };
    if let Some(node) = get("review") {
        let ends = node.list(&field("review"))?;
        let [low, high] = ends else {
            return Err(Problem::new(node.at, field("review"), "has not two values"));
        };
        criterion.review = Some([low.number(&field("review"))?, high.number(&field("review"))?]);
    }
    let least = |key: &'static str| get(key).map(|node| size(node, &field(key))).transpose();
    criterion.min_wordings = least("min_wordings")?;
    criterion.min_seeds = least("min_seeds")?;
    sketch.draft.criteria.push(criterion);
    Ok(())
}

fn size(node: &Node, key: &str) -> Result<usize, Problem> {
    usize::try_from(node.count(key)?).map_err(|_| node.wrong(key, "a smaller number"))
}

fn unknown_key(at: crate::Place, path: &str, key: &str, known: &[&'static str]) -> Problem {
    let hint = match nearest(key, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("expected one of {}", known.join(", ")),
    };
    Problem::new(at, path, format!("unknown field `{key}`: {hint}"))
}
