#!/usr/bin/env python3
"""Recomputes an evaluation from its raw data and compares every number.

Usage: check.py --index DIR --gold FILE --out OUTDIR [--baseline DIR] [--model DIR] [--embed]

--out is what `wfgy_eval --out OUTDIR --export-vectors` wrote: report.json,
runs.jsonl, texts.jsonl, vectors.npy.  --baseline is the index that it was
compared with, where it was; both arms must have one scorer and one tokenizer.
--model is the folder of the sentence encoder whose tokens the index counts (else WFGY_MODEL, else where
scripts/fetch_model.sh puts it); an index built by the built-in embedder needs
none.  --embed also embeds the integrity sample and the exported texts again
with scripts/oracle_minilm.py (slow).

Exit codes: 0 everything agrees; 1 something differs; 2 cannot be checked.
Needs Python 3.9+ and NumPy.
"""

import argparse
import os
import sys

import analyzer
import drift
import evaluation
import goldset
import indexdir
import intervals
import latency
import reembed
import seeds
import tokenizer_of
import windows

HERE = os.path.dirname(os.path.abspath(__file__))
CONTRACTIONS = os.path.join(HERE, "..", "..", "crates", "engine", "src", "contractions.tsv")
TOLERANCE = 1e-9
# Bounds of means are sums of fixed point.
ROUNDING = 1e-7
SHOWN = 5


class Findings:
    """What was compared, and what differed, by group."""

    def __init__(self):
        self.groups = {}

    def note(self, group, ok, message):
        """One comparison; `message` says what differs (a string, or a function that makes it)."""
        entry = self.groups.setdefault(group, [0, []])
        entry[0] += 1
        if not ok:
            entry[1].append(message() if callable(message) else message)

    def all(self, group, problems, count=1):
        """`count` comparisons of which `problems` differ."""
        entry = self.groups.setdefault(group, [0, []])
        entry[0] += max(count, len(problems))
        entry[1].extend(problems)

    def same(self, group, what, reported, own):
        """Two numbers, or None, equal to the tolerance."""
        if reported is None or own is None:
            ok = reported is own
        else:
            ok = abs(reported - own) <= TOLERANCE * max(1.0, abs(own))
        self.note(group, ok, lambda: "%s: reported %r, recomputed %r" % (what, reported, own))

    def show(self):
        """Prints every group; True where nothing differs."""
        for name, (count, bad) in self.groups.items():
            print("%-4s %-12s %7d compared, %d differ" % ("DIFF" if bad else "ok", name, count, len(bad)))
            for line in bad[:SHOWN]:
                print("       " + line)
            if len(bad) > SHOWN:
                print("       … and %d more" % (len(bad) - SHOWN))
        return not any(bad for _, bad in self.groups.values())


def check_index(index, tokens_of, out):
    """Files, hashes, and the windows of every section."""
    out.all("index", index.problems, len(index.snippets) + len(index.sections))
    out.all("hashes", index.hash_problems(), 20)
    chunk = windows.parse(index.identity["CHUNK_SCHEMA_VER"])
    sure = 0
    for key, section in index.sections.items():
        snippets = [tuple(s["tokens"]) + tuple(s["offsets"])
                    for s in (index.snippets[p] for p in index.positions.get(key, ()))]
        bad, checked = windows.problems(section["text"], tokens_of(key), snippets, chunk)
        sure += checked
        out.all("windows", ["%s#%s: %s" % (key + (b,)) for b in bad], max(1, len(snippets)))
    if chunk:
        print("sentence rule recomputed in %d of %d sections" % (sure, len(index.sections)))
    norm = index.identity["NORM"]
    lengths = (index.vectors.astype("f8") ** 2).sum(axis=1) ** 0.5
    out.note("index", norm == "none" or abs(lengths - 1).max() < 1e-5, "NORM l2, but a row has another norm")
    out.note("index", norm == "l2" or index.identity["metric"] != "cosine", "metric cosine with NORM none")


def check_context(ev, index, gold, out):
    """Pins, digests, unit, and what the report says of each question."""
    c = ev.context
    pins = c["pins"]
    out.note("hashes", pins.get("INDEX_HASH") == index.index_hash(),
             "INDEX_HASH: reported %s, recomputed %s" % (pins.get("INDEX_HASH"), index.index_hash()))
    out.note("hashes", pins.get("SERVING_HASH") == index.serving_hash(),
             "SERVING_HASH: reported %s, recomputed %s" % (pins.get("SERVING_HASH"), index.serving_hash()))
    for name, value in index.identity.items():
        if name in pins:
            out.note("context", pins[name] == str(value), "pin %s: %r, the index has %r" % (name, pins[name], value))
    out.note("context", c["gold_digest"] == goldset.digest(gold),
             "gold_digest: reported %s, recomputed %s" % (c["gold_digest"], goldset.digest(gold)))
    unit = "document" if ev.document else "snippet"
    out.note("context", c["unit"] == unit, "unit: reported %s, recomputed %s" % (c["unit"], unit))
    by_id = {q["id"]: q for q in c["questions"]}
    out.note("context", set(by_id) == set(ev.questions), "the questions are not those of the gold set")
    for q in ev.questions.values():
        row = by_id.get(q.id, {})
        for name, own in (("answerable", q.answerable), ("n_wordings", len(goldset.wordings(q.item))),
                          ("stratum", q.item["stratum"]), ("qrels", q.qrels)):
            out.note("context", row.get(name) == own,
                     lambda: "question %s: %s: reported %r, recomputed %r" % (q.id, name, row.get(name), own))
        problems = q.targets.problems()
        out.note("context", bool(row.get("label_problems")) == bool(problems),
                 lambda: "question %s: label problems %r, recomputed %r" % (q.id, row.get("label_problems"), problems))
    integrity, n = c["integrity"], len(index.snippets)
    expected = {"sample": 64 if n > 64 else None, "full": n, "off": 0, "impossible": 0}.get(integrity["mode"])
    out.note("context", integrity["checked"] == expected,
             "integrity %s: checked %d, expected %s" % (integrity["mode"], integrity["checked"], expected))


def check_runs_asked(ev, gold, tokenizer, out):
    """Which runs there are, and the text of each, from the gold set alone."""
    schema = analyzer.Schema(ev.index.identity["EMBED_SCHEMA"], ev.index.identity["ANALYZER_CONF"])
    pairs, english = seeds.read_contractions(CONTRACTIONS), goldset.english(gold)

    def ids(text):
        return tokenizer.encode(analyzer.analyze(schema.analyzer, text))[0]

    asked = set()
    for q in ev.questions.values():
        for w, wording in enumerate(goldset.wordings(q.item)):
            made = [seeds.texts(q.id, w, ev.context["seeds"], wording, pairs, english, ids, keep)
                    for keep in (False, True)]
            for seed in made[0]:
                key = (q.id, w, seed)
                asked.add(key)
                texts = {m[seed] for m in made}
                run, row = ev.runs.get(key), ev.exported.queries.get(key)
                out.note("seeds", run is not None, "run %s is missing" % (key,))
                if run is not None and run.record["text"] is not None:
                    out.note("seeds", run.record["text"] in texts,
                             lambda: "run %s asked %r, expected %r" % (key, run.record["text"], sorted(texts)))
                sums = {analyzer.sha256(schema.wording(t)) for t in texts}
                out.note("exported", row is not None and row["sha256"] in sums,
                         "wording %s: not exported, or another text" % (key,))
    out.all("seeds", ["run %s should have been dropped" % (k,) for k in ev.runs if k not in asked])
    graphs = range(1, ev.context.get("rebuilt", 0) + 1)
    again = {(q, w, s + by * ev.first_rebuilt): (q, w, s) for q, w, s in ev.runs for by in graphs}
    out.note("seeds", set(again) == set(ev.rebuilt), "the runs of rebuilds are not those of the index, again")
    for key in set(again) & set(ev.rebuilt):
        out.note("seeds", ev.rebuilt[key].record["text"] == ev.runs[again[key]].record["text"],
                 "run %s asked another text than run %s" % (key, again[key]))
    out.all("seeds", ["run %s is of no question" % (k,) for k in ev.strange_runs])
    for q in ev.questions.values():
        own = {analyzer.sha256(schema.passage(t)) for t in q.anchor_texts(ev.index)} if q.answerable else set()
        there = {r["sha256"] for r in ev.exported.anchors.get(q.id, ())}
        out.note("exported", own == there, "anchors of question %s: %d exported, %d expected, %d in both"
                 % (q.id, len(there), len(own), len(own & there)))


def check_runs(ev, out):
    """Hits, scores and everything that a run's record says of itself."""
    exhaustive = ev.index.serving_field("ann") is None
    depth = max(ev.k, 50)
    for key, run in ev.runs.items():
        record, name = run.record, "run %s %d %d" % key
        if not run.usable:
            continue
        for hit, position, score, ds in zip(record["hits"], run.hits, run.scores, run.delta_question):
            own = ev.index.snippets[position]
            fields = ("snippet_id", "doc_id", "section_id", "offsets", "tokens")
            out.note("hits", all(hit[f] == own[f] for f in fields)
                     and hit["sole_section"] == ev.index.sole_section(own["doc_id"]),
                     "%s: position %d is not snippet %s" % (name, position, hit["snippet_id"]))
            out.same("scores", "%s: score of position %d" % (name, position), hit["score"], score)
            out.same("ΔS", "%s: ΔS(question) of position %d" % (name, position), hit["delta_s_question"], ds)
        order = [(-h["score"], h["position"]) for h in record["hits"]]
        out.note("order", order == sorted(set(order)), "%s: hits are not by score, ties by position" % name)
        out.all("order", ["%s: exact sweep: %s" % (name, p) for p in run.order_problems])
        if exhaustive:
            out.note("order", run.hits == record["exact"], "%s: hits differ from the exact sweep" % name)
        found = len({h["doc_id"] for h in record["hits"]})
        enough = len(run.hits) >= depth and (not ev.document or found >= depth)
        out.note("hits", enough or len(run.hits) == len(ev.index.snippets) or not exhaustive,
                 "%s: %d hits of %d documents, asked for %d" % (name, len(run.hits), found, depth))
        out.note("hits", (record["status"] == "empty") == (not run.hits), "%s: status %s with %d hits"
                 % (name, record["status"], len(run.hits)))
        anchors = run.delta_anchor or [None] * len(run.hits)
        if ev.questions[key[0]].answerable:
            for hit, own in zip(record["hits"], anchors):
                out.same("ΔS", "%s: ΔS(anchor) of position %d" % (name, hit["position"]), hit["delta_s_anchor"], own)
            out.same("ΔS", name + ": delta_s_decoy", record["delta_s_decoy"], run.delta_decoy)
            at_seed_0 = key[2] == 0
            for field, own in (("hard_null", run.hard), ("auc", run.auc), ("auc_hard", run.auc_hard)):
                out.same("nulls", "%s: %s" % (name, field), record[field], own if at_seed_0 else None)
        out.note("coverage", set(record["coverage"]) == {str(k) for k in run.coverage},
                 "%s: coverage at %s" % (name, sorted(record["coverage"])))
        for k, own in run.coverage.items():
            reported = record["coverage"].get(str(k), {})
            for field, value in zip(("coverage", "precision", "iou"), own):
                out.same("coverage", "%s: %s@%d" % (name, field, k), reported.get(field), value)


def check_number(out, group, name, reported, own, metric):
    """A number object of the report against an Estimate; `metric` says what its values can be."""
    out.same(group, name, reported["point"], own.point)
    for field, value in (("n_questions", own.n), ("aggregate", own.aggregate)):
        out.note(group, reported[field] == value,
                 lambda: "%s: %s: reported %r, recomputed %r" % (name, field, reported[field], value))
    check_interval(out, name, reported["ci"], intervals.interval(metric, own))


def check_interval(out, name, ci, own):
    """Both ends of an interval, None where there is none."""
    ends = None if ci is None else (ci["lower"], ci["upper"])

    def near(a, b):
        return a is b if a is None or b is None else abs(a - b) <= ROUNDING * max(1.0, abs(b))

    ok = ends is own if ends is None or own is None else all(map(near, ends, own))
    level = ci is None or ci["level"] == intervals.LEVEL
    out.note("intervals", ok and level, lambda: "%s: reported %r, recomputed %r" % (name, ci, own))


def check_metrics(ev, baseline, out):
    """Every name of the report, and every name that it should have."""
    own, reported = ev.metrics(), dict(ev.report["metrics"])
    check_latency(ev, reported, out)
    if baseline is not None:
        differences = drift.metrics(ev, baseline)
        own.update(differences)
        check_comparisons(ev.report["baseline"]["comparisons"], ev.report["findings"], differences, out)
    for name in sorted(set(own) | set(reported)):
        if name not in reported:
            out.note("metrics", ev.optional(name), "%s: missing from the report, recomputed %r" % (name, own[name].point))
        elif name not in own:
            out.note("metrics", False, "%s: the report has it, the oracle does not know it" % name)
        else:
            check_number(out, "metrics", name, reported[name], own[name], name)
    for name, null in ev.calibration().items():
        there = ev.context["calibration"][name]
        out.note("nulls", (there is None) == (null is None), "null %s: reported %r, recomputed %r" % (name, there, null))
        for field, quantile in (null or {}).items() if there else ():
            values = sum(len(v) for v in quantile.clusters)
            out.note("nulls", there["n"] == values, "null %s: n %r, recomputed %r" % (name, there["n"], values))
            out.same("nulls", "null %s: %s" % (name, field), there[field]["point"], quantile.point)
            metric = "null." + name + (":" + field if field != "p50" else "")
            out.note("nulls", there[field] == reported.get(metric), "null %s: %s is not that of metrics" % (name, field))


def check_latency(ev, metrics, out):
    """Quantiles and ratios of the latency pass, no more and no fewer; the ratios are taken out of `metrics`."""
    reported, arms, whole = ev.report.get("latency"), *latency.read(ev.folder)
    out.note("latency", (reported is None) == (arms is None),
             "latency.jsonl without quantiles in the report, or these without it")
    if reported is None or arms is None:
        return
    own = latency.numbers(arms, whole)
    there = {(arm, stage, field): number for arm, stages in reported.items() for stage, row in stages.items()
             for field, number in row.items()}
    for arm, stages in arms.items():
        for stage, series in stages.items():
            calls = there.pop((arm, stage, "calls"), None)
            out.note("latency", calls == len(series), "calls of %s: %s: reported %r, there are %d"
                     % (arm, stage, calls, len(series)))
    there.update((name, metrics.pop(name)) for name in latency.RATIOS if name in metrics)
    out.note("latency", set(there) == set(own), lambda: "in one of report and latency.jsonl only: %s"
             % sorted(map(str, set(there) ^ set(own))))
    for name in set(there) & set(own):
        point, ends, aggregate = own[name]
        number, what = there[name], name if isinstance(name, str) else "latency of %s: %s %s" % name
        out.same("latency", what, number["point"], point)
        out.note("latency", number["aggregate"] == aggregate, "%s: aggregate %r" % (what, number["aggregate"]))
        check_interval(out, what, number["ci"], ends)


def check_curves(ev, out):
    """Every point of the curves, as the metric that it is."""
    reported, own_curves = ev.report["curves"], ev.curves()
    out.note("curves", reported["k"] == ev.cuts, "k: reported %r, expected %r" % (reported["k"], ev.cuts))
    out.note("curves", set(reported) - {"k"} == set(own_curves),
             "reported %s, expected %s" % (sorted(reported), sorted(own_curves)))
    metrics = {"coverage": "coverage.mean", "delta_s": "delta_s.question.mean", "delta_s_anchor": "delta_s.anchor.best"}
    for name, points in own_curves.items():
        along = reported.get(name, [])
        out.note("curves", len(along) == len(points), "%s: %d points, expected %d" % (name, len(along), len(points)))
        for k, there, own in zip(ev.cuts, along, points):
            at = "%s at %d" % (name, k)
            out.note("curves", (there is None) == (own is None), "%s: reported %r, recomputed %r" % (at, there, own))
            if there and own:
                check_number(out, "curves", at, there, own, metrics[name])


def check_comparisons(comparisons, findings, differences, out):
    """One for each criterion on drift with data: questions, wins, ties, losses and the effect."""
    names = [there["criterion"].split()[0] for there in comparisons]
    asked = [finding["name"] for finding in findings if finding["name"] in differences]
    out.note("effects", sorted(names) == sorted(asked), "comparisons of %s, criteria on %s" % (names, asked))
    for there in comparisons:
        name = there["criterion"].split()[0]
        values = differences[name].values
        out.note("effects", there["pairs"] == len(values),
                 "%s: %r pairs, recomputed %d" % (name, there["pairs"], len(values)))
        better = 1 if name == "drift.coverage" else -1
        dominance, ends = intervals.effect(values, better)
        out.same("effects", name, there["dominance"], dominance)
        check_interval(out, name + ": effect", there["ci"], ends)
        counts = [sum((better * evaluation.round9(v) > 0) for v in values), 0,
                  sum((better * evaluation.round9(v) < 0) for v in values)]
        counts[1] = len(values) - sum(counts)
        reported = [there["wins"], there["ties"], there["losses"]]
        out.note("effects", reported == counts, "%s: reported %r, recomputed %r" % (name, reported, counts))


def compare(a, out):
    """Everything, into `out`."""
    index = indexdir.Index(a.index)
    gold = goldset.read(a.gold)
    tokenizer = tokenizer_of.load(index.identity, a.model)
    ev = evaluation.Evaluation(index, gold, a.out, tokenizer)
    if not ev.context["stored_vectors"]:
        raise ValueError("%s: ΔS comes from another embedder, whose vectors of the snippets are "
                         "not exported; evaluate without --scorer" % a.out)
    check_index(index, ev.counter.tokens, out)
    check_context(ev, index, gold, out)
    out.all("exported", ev.exported.problems + ev.file_problems, len(ev.exported.queries))
    out.note("exported", ev.exported.own_header, "vectors.npy: not byte-equal to NumPy's own file")
    check_runs_asked(ev, gold, tokenizer, out)
    check_runs(ev, out)
    check_metrics(ev, other_arm(a, ev, gold, tokenizer, out), out)
    check_curves(ev, out)
    if a.embed:
        reembed.check(ev, a.model, out)


def other_arm(a, ev, gold, tokenizer, out):
    """The baseline's arm with its runs checked; None where there was none."""
    if (ev.report.get("baseline") is None) != (a.baseline is None):
        raise ValueError("--baseline: give it iff the evaluation was made with one")
    if a.baseline is None:
        return None
    index = indexdir.Index(a.baseline)
    other = evaluation.Evaluation(index, gold, a.out, tokenizer, baseline=True)
    same = ("scorer", "scorer_schema", "stored_vectors")
    if any(other.context[name] != ev.context[name] for name in same) \
            or index.identity["TOK_VER"] != ev.index.identity["TOK_VER"]:
        raise ValueError("%s: the arms have different embedders, whose vectors are not exported" % a.out)
    arm = Findings()
    check_context(other, index, gold, arm)
    for name, (count, bad) in arm.groups.items():
        out.all("baseline", ["%s: %s" % (name, line) for line in bad], count)
    out.all("baseline", other.file_problems)
    for key, run in other.runs.items():
        record = run.record
        for hit, ds in zip(record["hits"], run.delta_question if run.usable else ()):
            out.same("baseline", "run %s %d %d: ΔS" % key, hit["delta_s_question"], ds)
        for k, own in run.coverage.items():
            out.same("baseline", "run %s %d %d: coverage" % key, record["coverage"][str(k)]["coverage"], own[0])
    return other


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--index", required=True)
    ap.add_argument("--gold", required=True)
    ap.add_argument("--out", required=True)
    ap.add_argument("--baseline")
    ap.add_argument("--model", default=tokenizer_of.default_model())
    ap.add_argument("--embed", action="store_true")
    a = ap.parse_args()
    out = Findings()
    try:
        compare(a, out)
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        print("check.py: %s: %s" % (type(error).__name__, error), file=sys.stderr)
        return 2
    return 0 if out.show() else 1


if __name__ == "__main__":
    sys.exit(main())
