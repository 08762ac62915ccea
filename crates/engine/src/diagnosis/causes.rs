//! What speaks for each cause: pure functions of what was observed.

use wfgy_core::Metric;

use super::borders::BorderSight;
use super::cause::{ALL, Cause, CauseKind};
use super::effort::EffortSight;
use super::observe::{HEALTHY_RECALL, Observations};

/// Below this score a cause is not named.
const NAMED: f64 = 0.15;
/// Spread of norms from which on metrics give different orders.
const SPREAD: f64 = 0.05;
/// Documents in another language from which on they are no exception.
const FOREIGN: f64 = 0.15;
/// What a pin that differs from the baseline's says alone.
const PIN: f64 = 0.5;

/// What may be wrong, the likeliest first; ties in the order of [`CauseKind`]. Empty where nothing
/// speaks for any of them.
pub fn causes(seen: &Observations) -> Vec<Cause> {
    let named = |kind: CauseKind| {
        let (score, evidence) = speaks_for(kind, seen)?;
        (score >= NAMED).then(|| Cause { kind, score: score.min(1.0), evidence })
    };
    let mut causes: Vec<Cause> = ALL.into_iter().filter_map(named).collect();
    causes.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.kind.cmp(&b.kind)));
    causes
}

/// A score that begins at half of `base` and grows to it with `share`; nothing below one in fifty.
fn by_share(base: f64, share: f64) -> f64 {
    if share < 0.02 { 0.0 } else { base * (0.5 + 0.5 * share.min(1.0)) }
}

fn percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}

fn speaks_for(kind: CauseKind, seen: &Observations) -> Option<(f64, String)> {
    match kind {
        CauseKind::OtherEmbedder => other_embedder(seen),
        CauseKind::MixedEmbedders => integrity(seen, "mixed_models", 0.97),
        CauseKind::ShuffledIds => shuffled_ids(seen),
        CauseKind::AnalyzerDrift => analyzer_drift(seen),
        CauseKind::TokenizerDrift => tokenizer_drift(seen),
        CauseKind::MetricMismatch => lengths(seen, false),
        CauseKind::MissingNormalisation => lengths(seen, true),
        CauseKind::GraphLoss => graph_loss(seen),
        CauseKind::PartitionMissing => missing(seen, true),
        CauseKind::MissingDocuments => missing(seen, false),
        CauseKind::LanguageChange => language_change(seen),
        CauseKind::Boilerplate => boilerplate(seen),
        CauseKind::TruncatedText => truncated_text(seen),
        CauseKind::StaleDocuments => stale_documents(seen),
        CauseKind::NearDuplicates => near_duplicates(seen),
        CauseKind::LabelDrift => label_drift(seen),
        CauseKind::Chunking => chunking(seen),
    }
}

/// The likelier of two.
fn either(a: Option<(f64, String)>, b: Option<(f64, String)>) -> Option<(f64, String)> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if b.0 > a.0 { b } else { a }),
        (a, b) => a.or(b),
    }
}

/// The kind that the integrity check found, unless another analyzer explains it.
fn integrity(seen: &Observations, kind: &str, base: f64) -> Option<(f64, String)> {
    let found = &seen.integrity;
    if found.kind.as_deref() != Some(kind) {
        return None;
    }
    let share = found.mismatches as f64 / found.checked.max(1) as f64;
    let weight = if seen.other_analyzer.is_some() { 0.5 } else { 1.0 };
    let lowest = found.lowest_cosine.unwrap_or_default();
    Some((
        weight * by_share(base, share),
        format!(
            "{} of {} stored vectors are not those of their text, lowest cosine {lowest:.3}",
            found.mismatches, found.checked
        ),
    ))
}

/// A pin that differs from the baseline's.
fn pin(seen: &Observations, names: &[&str]) -> Option<(f64, String)> {
    let (name, old, new) = seen.pins.iter().find(|(name, ..)| names.contains(&name.as_str()))?;
    Some((PIN, format!("{name} is `{new}`, the baseline's is `{old}`")))
}

fn other_embedder(seen: &Observations) -> Option<(f64, String)> {
    let prefix = seen.lone_prefix.as_ref().map(|prefix| {
        (0.9, format!("texts are embedded after the prefix `{prefix}`, questions after none"))
    });
    let pin = pin(seen, &["EMBED_MODEL_VER", "EMBED_SCHEMA"]);
    either(integrity(seen, "other_model", 0.97), either(prefix, pin))
}

fn shuffled_ids(seen: &Observations) -> Option<(f64, String)> {
    let targets = &seen.targets;
    let share = targets.elsewhere as f64 / targets.targets.max(1) as f64;
    let texts = (share > 0.0).then(|| {
        let evidence = format!(
            "{} of {} passages stand under the id of another document, where their own section is \
             there with another text",
            targets.elsewhere, targets.targets
        );
        (by_share(0.95, share), evidence)
    });
    either(integrity(seen, "shuffled_ids", 0.97), texts)
}

fn analyzer_drift(seen: &Observations) -> Option<(f64, String)> {
    let made = seen.other_analyzer.as_ref().map(|(name, share)| {
        let evidence = format!(
            "{} of the stored vectors are those of their text under ANALYZER_CONF `{name}`",
            percent(*share)
        );
        (by_share(0.99, *share), evidence)
    });
    either(made, pin(seen, &["ANALYZER_CONF"]))
}

fn tokenizer_drift(seen: &Observations) -> Option<(f64, String)> {
    let corpus = &seen.corpus;
    let share = corpus.token_drift as f64 / corpus.tokenised.max(1) as f64;
    let cut = (corpus.token_drift > 0).then(|| {
        let evidence = format!(
            "{} of {} snippets begin or end at other tokens than the index says",
            corpus.token_drift, corpus.tokenised
        );
        (by_share(0.95, share), evidence)
    });
    either(cut, pin(seen, &["TOK_VER"]))
}

/// Lengths that a metric cannot bear: the embedder's own, or those of vectors that it would have
/// given unit length.
fn lengths(seen: &Observations, unit_embedder: bool) -> Option<(f64, String)> {
    let norms = seen.norms.as_ref()?;
    let metrics = seen.metrics.as_ref()?;
    let spread = norms.variation > SPREAD && metrics.served != Metric::Cosine;
    if !spread || norms.unit_embedder != unit_embedder {
        return None;
    }
    let (served, cosine) = (metrics.under(metrics.served), metrics.cosine);
    let score = match (cosine > served, unit_embedder) {
        (true, _) => 0.9,
        // Lengths that the embedder never gave are wrong whether they cost something here or not.
        (false, true) => 0.8,
        (false, false) => 0.3,
    };
    Some((
        score,
        format!(
            "norms of stored vectors run from {:.3} to {:.3} under {}; the reciprocal rank of the \
             first target is {:.3} so over {} questions, {:.3} by cosine, {:.3} by dot, {:.3} by l2",
            norms.least,
            norms.greatest,
            metrics.served,
            served,
            metrics.questions,
            cosine,
            metrics.dot,
            metrics.l2
        ),
    ))
}

fn graph_loss(seen: &Observations) -> Option<(f64, String)> {
    let recall = seen.graph_recall?;
    if recall >= HEALTHY_RECALL {
        return None;
    }
    let wider = seen.effort.as_ref().map(searched_wider).unwrap_or_default();
    let score = 0.4 + 5.0 * (1.0 - recall);
    let evidence =
        format!("the graph finds {:.1} % of the exact top {}{wider}", 100.0 * recall, seen.k);
    Some((score.min(0.94), evidence))
}

/// What a wider search finds, and so whether a greater ef would do or links are missing.
fn searched_wider(effort: &EffortSight) -> String {
    let EffortSight { questions, served, wider } = effort;
    let mends = wider.iter().position(|(_, recall)| *recall >= HEALTHY_RECALL);
    let shown = &wider[..mends.map_or(wider.len(), |at| at + 1)];
    // Widths that the served search has anyway say nothing.
    let shown: Vec<String> = shown
        .iter()
        .filter(|(_, recall)| recall > served)
        .map(|(ef, recall)| format!("{:.1} % with ef {ef}", 100.0 * recall))
        .collect();
    let of = format!("; over {questions} questions {:.1} % as served", 100.0 * served);
    match (mends, wider.last()) {
        (_, None) => String::new(),
        // Other questions, or other wordings of these, lose what they do not.
        _ if *served >= HEALTHY_RECALL => format!("{of}: too little to tell what would mend it"),
        (Some(at), _) => {
            format!("{of}, {}: raising ef to {} mends it", shown.join(", "), wider[at].0)
        }
        (None, Some((widest, _))) if shown.is_empty() => {
            format!("{of} and no more with any ef up to {widest}: links are missing")
        }
        (None, Some((widest, _))) => {
            format!("{of}, {}: no ef up to {widest} mends it, links are missing", shown.join(", "))
        }
    }
}

/// Documents that are gone, scattered or side by side.
fn missing(seen: &Observations, side_by_side: bool) -> Option<(f64, String)> {
    let (targets, corpus) = (&seen.targets, &seen.corpus);
    let named = targets.missing as f64 / targets.documents.max(1) as f64;
    let lost = corpus.lost as f64 / corpus.baseline_documents.max(1) as f64;
    let share = named.max(lost);
    if share == 0.0 {
        return None;
    }
    if side_by_side && !targets.side_by_side {
        return None;
    }
    if targets.missing == 0 {
        // What nobody asks about is not why an answer is missing; it may be why all else is, too.
        let evidence = format!(
            "{} of {} documents of the baseline are gone, none that is asked about",
            corpus.lost, corpus.baseline_documents
        );
        return Some((0.25 * by_share(0.93, share), evidence));
    }
    let weight = if targets.side_by_side == side_by_side { 1.0 } else { 0.5 };
    let mut evidence = format!(
        "{} of {} documents that are asked about are gone",
        targets.missing, targets.documents
    );
    if corpus.baseline_documents > 0 {
        let of = format!(", {} of {} of the baseline's", corpus.lost, corpus.baseline_documents);
        evidence.push_str(&of);
    }
    if side_by_side {
        evidence.push_str(", side by side");
    }
    Some((weight * by_share(0.93, share), evidence))
}

fn language_change(seen: &Observations) -> Option<(f64, String)> {
    let prose = &seen.prose;
    (prose.foreign >= FOREIGN).then(|| {
        let evidence = format!(
            "{} of {} documents have hardly any of the small words that questions have",
            percent(prose.foreign),
            prose.told
        );
        (by_share(0.96, prose.foreign), evidence)
    })
}

fn boilerplate(seen: &Observations) -> Option<(f64, String)> {
    let prose = &seen.prose;
    if prose.with_common_passage < 0.5 {
        return None;
    }
    let evidence = format!(
        "{} of {} sections hold one and the same passage, which is {} of all words",
        percent(prose.with_common_passage),
        prose.sections,
        percent(prose.common_words)
    );
    Some((0.3 + 0.6 * (4.0 * prose.common_words).min(1.0), evidence))
}

fn truncated_text(seen: &Observations) -> Option<(f64, String)> {
    let (targets, corpus) = (&seen.targets, &seen.corpus);
    let share = targets.cut as f64 / targets.targets.max(1) as f64;
    let ends = targets.cut_at.filter(|_| targets.cut > 0).map(|length| {
        let evidence = format!(
            "{} of {} passages lie behind the end of their section, which is {length} characters \
             long each time",
            targets.cut, targets.targets
        );
        (by_share(0.95, share), evidence)
    });
    let shortened = corpus.shortened as f64 / corpus.baseline_documents.max(1) as f64;
    let shorter = (corpus.shortened > 0).then(|| {
        let evidence = format!(
            "{} of {} documents are the beginning of the baseline's",
            corpus.shortened, corpus.baseline_documents
        );
        (by_share(0.92, shortened), evidence)
    });
    let model = seen.cut_by_model.filter(|(share, _)| *share > 0.0).map(|(share, limit)| {
        let evidence =
            format!("{} of the hits are cut at the model's {limit} tokens", percent(share));
        (0.3 * share, evidence)
    });
    either(ends, either(shorter, model))
}

fn stale_documents(seen: &Observations) -> Option<(f64, String)> {
    let (targets, corpus) = (&seen.targets, &seen.corpus);
    let share = targets.stale as f64 / targets.targets.max(1) as f64;
    // A text in another language does not hold the passage either, nor does one that ends early.
    let explained = seen.prose.foreign >= FOREIGN || targets.cut > targets.stale;
    let weight = if explained { 0.5 } else { 1.0 };
    let gone = (targets.stale > 0).then(|| {
        let evidence = format!(
            "{} of {} passages are in no text any more, though their section is there",
            targets.stale, targets.targets
        );
        (weight * by_share(0.92, share), evidence)
    });
    let changed = corpus.changed.saturating_sub(corpus.shortened);
    let revised = (changed > 0).then(|| {
        let evidence = format!(
            "{changed} of {} documents have another text than the baseline's",
            corpus.baseline_documents
        );
        let share = changed as f64 / corpus.baseline_documents.max(1) as f64;
        (0.5 * by_share(0.92, share), evidence)
    });
    either(integrity(seen, "stale_text", 0.95), either(gone, revised))
}

fn near_duplicates(seen: &Observations) -> Option<(f64, String)> {
    let evidence = format!(
        "{} of the top {} say what a better hit of another document says; {} of the sections stand \
         in several documents",
        percent(seen.crowded),
        seen.k,
        percent(seen.prose.repeated)
    );
    (seen.crowded > 0.05).then_some((by_share(0.94, 1.3 * seen.crowded), evidence))
}

fn label_drift(seen: &Observations) -> Option<(f64, String)> {
    let targets = &seen.targets;
    let share = targets.drifted as f64 / targets.targets.max(1) as f64;
    let evidence = format!(
        "{} of {} targets name a section that is not in their document, or a passage that stands \
         in another or several times",
        targets.drifted, targets.targets
    );
    (targets.drifted > 0).then_some((by_share(0.9, share), evidence))
}

fn chunking(seen: &Observations) -> Option<(f64, String)> {
    let gap = seen.whole_sections - seen.coverage;
    let borders = seen.borders.as_ref().map(cut_by_borders).unwrap_or_default();
    let short = (gap > 0.1).then(|| {
        let deeper = seen.deeper.iter().map(|(k, coverage)| format!(", {coverage:.2} at {k}"));
        let evidence = format!(
            "coverage is {:.2} at {}{}, and {:.2} if every hit were its whole section: snippets \
             hold pieces of answers{borders}",
            seen.coverage,
            seen.k,
            deeper.collect::<String>(),
            seen.whole_sections
        );
        (0.25 + gap, evidence)
    });
    let covered = seen.coverage > 0.999;
    let long = seen.length_ratio.filter(|ratio| *ratio > 1.2 && !covered).map(|ratio| {
        let evidence = format!(
            "half of the hits are at least {ratio:.1} times as long as half of the answers: a \
             vector is of much else{borders}"
        );
        ((0.2 * ratio).min(0.5), evidence)
    });
    either(either(short, long), pin(seen, &["CHUNK_SCHEMA_VER"]))
}

/// How many passages no snippet holds whole, and what overlap would.
fn cut_by_borders(borders: &BorderSight) -> String {
    let BorderSight { passages, cut, longer, overlap } = borders;
    let mut text = String::new();
    if let Some(overlap) = overlap {
        text.push_str(&format!(
            "; {cut} of {passages} passages are cut by the end of a snippet, an overlap of \
             {overlap} tokens would hold nine in ten of these whole"
        ));
    }
    if *longer > 0 {
        text.push_str(&format!(
            "; {longer} of {passages} passages are longer than any snippet of their section"
        ));
    }
    text
}
