//! The words of the documents' gate files, and what each means here.

use wfgy_gate::Op;

/// What a word means here.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Meaning {
    /// A bound on a metric; the operator is the word's own where the value has none.
    Bound(&'static str, Op),
    /// A bound on a ratio to a baseline, written as what may be added to 1.
    Uplift(&'static str, Op),
    /// A bound on a live signal: asked where it is connected, soft.
    Live(&'static str, Op),
    /// The same, written as what may be added to 1.
    LiveUplift(&'static str, Op),
    /// λ convergent, spelled out.
    Convergent,
    /// How many paraphrases every question needs.
    Paraphrases,
    /// How many seeds are asked.
    Seeds,
    /// The served k.
    K,
    /// The review band of the bound on ΔS, both ends included.
    ReviewRange,
    /// It always holds here, whatever the file says: why.
    Always(&'static str),
    /// It has no meaning here: why.
    None(&'static str),
}

use Meaning::{
    Always, Bound, Convergent, K, Live, LiveUplift, None as No, Paraphrases, ReviewRange, Seeds,
    Uplift,
};

const BOUND_TO_HASHES: &str =
    "a verdict is bound to INDEX_HASH and SERVING_HASH, and a flip recomputes both";
const PINS: &str = "a verdict names every pin, and one that differs from the baseline's is a \
                    finding unless may_change names it";
const ANSWERS: &str = "answers are not evaluated, only what is retrieved";
const LABEL: &str = "names the entry and asks nothing";
const ROLLOUT: &str = "traffic is not steered here";

/// The end of a path of keys, the longest match counts, and what it means.
const WORDS: &[(&[&str], Meaning)] = &[
    (&["deltaS"], Bound("delta_s.question", Op::AtMost)),
    (&["delta_s"], Bound("delta_s.question", Op::AtMost)),
    (&["ΔS"], Bound("delta_s.question", Op::AtMost)),
    (&["ds"], Bound("delta_s.question", Op::AtMost)),
    (&["max_delta_s"], Bound("delta_s.question", Op::AtMost)),
    (&["delta_s_max"], Bound("delta_s.question", Op::AtMost)),
    (&["deltaS_max"], Bound("delta_s.question", Op::AtMost)),
    (&["ΔS_max"], Bound("delta_s.question", Op::AtMost)),
    (&["max_ds"], Bound("delta_s.question", Op::AtMost)),
    (&["ds_max"], Bound("delta_s.question", Op::AtMost)),
    (&["deltaS_threshold"], Bound("delta_s.question", Op::AtMost)),
    (&["delta_s_threshold"], Bound("delta_s.question", Op::AtMost)),
    (&["ΔS_threshold"], Bound("delta_s.question", Op::AtMost)),
    (&["delta_s", "median_max"], Bound("drift.delta_s.median", Op::AtMost)),
    (&["delta_s", "p95_max"], Bound("drift.delta_s.p95", Op::AtMost)),
    (&["coverage"], Bound("coverage.mean", Op::AtLeast)),
    (&["cov"], Bound("coverage.mean", Op::AtLeast)),
    (&["min_coverage"], Bound("coverage.mean", Op::AtLeast)),
    (&["coverage_min"], Bound("coverage.mean", Op::AtLeast)),
    (&["min_cov"], Bound("coverage.mean", Op::AtLeast)),
    (&["coverage_threshold"], Bound("coverage.mean", Op::AtLeast)),
    (&["lambda"], Convergent),
    (&["lambda_observe"], Convergent),
    (&["λ"], Convergent),
    (&["λ_observe"], Convergent),
    (&["lambda_convergent"], Convergent),
    (&["lambda_flip_rate_max"], Bound("lambda.flip_rate", Op::AtMost)),
    (&["latency", "p95_uplift_max"], Uplift("latency.p95_ratio", Op::AtMost)),
    (&["latency_p95_uplift_max"], Uplift("latency.p95_ratio", Op::AtMost)),
    (&["errors", "rate_max"], Bound("error_rate", Op::AtMost)),
    (&["error_rate_max"], Bound("error_rate", Op::AtMost)),
    (&["tool_success_min"], Live("live.tool_success", Op::AtLeast)),
    (&["cost_uplift_max"], LiveUplift("live.cost_ratio", Op::AtMost)),
    (&["paraphrases"], Paraphrases),
    (&["require_paraphrases"], Paraphrases),
    (&["seeds"], Seeds),
    (&["require_seeds"], Seeds),
    (&["k"], K),
    (&["top_k"], K),
    (&["manual_review_range"], ReviewRange),
    (&["fail_on_drift"], Always("what is beyond a bound and its review range fails")),
    (&["on_fail"], Always("a verdict that is no pass approves nothing, and the exit code says so")),
    (&["index_hash_matches"], Always(BOUND_TO_HASHES)),
    (&["forbid_mutation_during_rollout"], Always(BOUND_TO_HASHES)),
    (&["version_lock"], Always(PINS)),
    (&["pin_fields"], Always(PINS)),
    (&["require_fields"], Always(PINS)),
    (&["on_pass"], No("a pass is filed; what is done with it is the pipeline's")),
    (&["goldset"], No("the gold set is named by --gold")),
    (&["gold"], No("the gold set is named by --gold")),
    (&["artifacts"], No("what is written is named by --out")),
    (&["resonance"], No(ANSWERS)),
    (&["e_resonance"], No(ANSWERS)),
    (&["E_resonance"], No(ANSWERS)),
    (&["require_citations"], No(ANSWERS)),
    (&["hallucination_fence", "schema"], No(ANSWERS)),
    (&["precision"], No("it is of citations in answers; of what is retrieved it is precision@K")),
    (&["recall"], No("it is of citations in answers; of what is retrieved it is recall@K")),
    (&["secrets_present"], No("a deployment's secrets are not looked at")),
    (&["boot_order_ok"], No("a deployment's boot order is not looked at")),
    (&["actions_on_fail"], No("nothing is opened on a fail")),
    (&["scenarios"], No("rehearsals are not run by an evaluation")),
    (&["abort_rules"], No("they are of a running rollout: see the presets stop and rollback")),
    (&["traffic"], No(ROLLOUT)),
    (&["scope"], No(ROLLOUT)),
    (&["versions"], No("pins are read from the index")),
    (&["name"], No(LABEL)),
    (&["spec"], No(LABEL)),
    (&["description"], No(LABEL)),
    (&["version"], No(LABEL)),
];

/// What the word at the end of `path` means; `None` where nobody here knows it.
pub(super) fn meaning(path: &[String]) -> Option<Meaning> {
    let ends = |word: &&(&[&str], Meaning)| {
        let tail = path.len().checked_sub(word.0.len()).map(|start| &path[start..]);
        tail.is_some_and(|tail| tail.iter().zip(word.0).all(|(key, part)| key == part))
    };
    WORDS.iter().filter(ends).max_by_key(|word| word.0.len()).map(|word| word.1)
}

/// The last parts of all words, for a hint.
pub(super) fn all() -> Vec<&'static str> {
    WORDS.iter().filter_map(|(path, _)| path.last().copied()).collect()
}
