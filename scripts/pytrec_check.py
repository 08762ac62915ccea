#!/usr/bin/env python3
"""Compares every ranking measure of a report with pytrec_eval's on the exported run.

Usage: pytrec_check.py --qrels FILE --run FILE --report FILE [--published X --within D] [--at-least Y]

--qrels is TREC (`query 0 unit grade`) or BEIR (`query-id corpus-id score`, with a
header line); --run is what `wfgy_eval --trec-run` wrote; --report its report.json.
The average is over all queries of the qrels that have a relevant unit, a missing
one counts 0.  --published checks nDCG@10 against a value from elsewhere, --at-least
against a floor.

Exit codes: 0 all agree to 1e-6; 1 something differs; 2 an input cannot be read.
Needs Python 3.9+ and pytrec_eval (PyPI pytrec-eval-terrier).
"""

import argparse
import json
import re
import sys

import numpy as np

TOLERANCE = 1e-6
# Ours -> trec_eval's; the reciprocal rank is cut by cutting the run.
NAMES = {"recall": "recall", "precision": "P", "hit": "success", "ndcg": "ndcg_cut", "map": "map_cut"}
METRIC = re.compile(r"(recall|precision|hit|mrr|ndcg|map)@(\d+)")


class Unreadable(ValueError):
    """A file that is not what it should be."""


def read_qrels(path):
    """{query: {unit: grade}} of the queries with a relevant unit."""
    out = {}
    with open(path, encoding="utf-8") as f:
        for i, line in enumerate(f, 1):
            parts = line.split()
            if i == 1 and parts == ["query-id", "corpus-id", "score"]:
                continue
            if len(parts) == 3:
                query, unit, grade = parts
            elif len(parts) == 4:
                query, _, unit, grade = parts
            else:
                raise Unreadable("%s:%d: expected 3 or 4 columns, found %d" % (path, i, len(parts)))
            if not re.fullmatch(r"-?\d+", grade):
                raise Unreadable("%s:%d: grade %r is not an integer" % (path, i, grade))
            out.setdefault(query, {})[unit] = int(grade)
    out = {q: units for q, units in out.items() if any(g > 0 for g in units.values())}
    if not out:
        raise Unreadable("%s: no relevant unit" % path)
    return out


def read_run(path):
    """{query: {unit: score}}."""
    out = {}
    with open(path, encoding="utf-8") as f:
        for i, line in enumerate(f, 1):
            parts = line.split()
            if len(parts) != 6 or parts[1] != "Q0":
                raise Unreadable("%s:%d: expected `query Q0 unit rank score tag`" % (path, i))
            units = out.setdefault(parts[0], {})
            if parts[2] in units:
                raise Unreadable("%s:%d: unit %s appears twice for query %s" % (path, i, parts[2], parts[0]))
            units[parts[2]] = float(parts[4])
    return out


def cut(units, k):
    """The best k units: score as float32, ties by id descending."""
    ranked = sorted(units, key=lambda u: (np.float32(units[u]), u.encode("utf-8")), reverse=True)
    return {u: units[u] for u in ranked[:k]}


def reference(qrels, run, wanted):
    """{(measure, k): average} by pytrec_eval."""
    import pytrec_eval
    cuts = {}
    for name, k in wanted:
        cuts.setdefault(name, set()).add(k)
    names = {"%s.%s" % (NAMES[n], ",".join(map(str, sorted(ks)))) for n, ks in cuts.items() if n != "mrr"}
    present = {q: u for q, u in run.items() if q in qrels}
    out = {}
    if names:
        rows = pytrec_eval.RelevanceEvaluator(qrels, names).evaluate(present)
        for name, k in wanted:
            if name != "mrr":
                key = "%s_%d" % (NAMES[name], k)
                out[name, k] = sum(row[key] for row in rows.values()) / len(qrels)
    for k in cuts.get("mrr", ()):
        rows = pytrec_eval.RelevanceEvaluator(qrels, {"recip_rank"}).evaluate(
            {q: cut(u, k) for q, u in present.items()})
        out["mrr", k] = sum(row["recip_rank"] for row in rows.values()) / len(qrels)
    return out


def bounded(metrics, published=None, within=0.0, at_least=None):
    """Prints nDCG@10 beside what it is held to; the names of the bounds that it misses."""
    if published is None and at_least is None:
        return []
    if "ndcg@10" not in metrics:
        raise Unreadable("the report has no ndcg@10")
    value, bad = metrics["ndcg@10"]["point"], []
    if published is not None:
        near = abs(value - published) <= within
        print("nDCG@10 %.4f, published %.3f: %s %.3f" % (value, published, "within" if near else "NOT within", within))
        bad += [] if near else ["published nDCG@10"]
    if at_least is not None:
        enough = value >= at_least
        print("nDCG@10 %.4f: %s %.3f" % (value, "at least" if enough else "NOT at least", at_least))
        bad += [] if enough else ["least nDCG@10"]
    return bad


def compare(qrels, run, report, **bounds):
    """Prints the table; the names that differ."""
    metrics = report["metrics"]
    wanted = [(m.group(1), int(m.group(2))) for m in map(METRIC.fullmatch, metrics) if m]
    if not wanted:
        raise Unreadable("the report has no ranking measure")
    own, bad = reference(qrels, run, wanted), []
    print("%-14s %-12s %-12s" % ("measure", "report", "pytrec_eval"))
    for name, k in sorted(wanted):
        label, value = "%s@%d" % (name, k), metrics["%s@%d" % (name, k)]["point"]
        same = abs(value - own[name, k]) <= TOLERANCE
        print("%-14s %-12.6f %-12.6f%s" % (label, value, own[name, k], "" if same else "  DIFFERS"))
        if not same:
            bad.append(label)
    return bad + bounded(metrics, **bounds)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("qrels", "run", "report"):
        ap.add_argument("--" + name, required=True)
    ap.add_argument("--published", type=float)
    ap.add_argument("--within", type=float, default=0.0)
    ap.add_argument("--at-least", type=float)
    a = ap.parse_args()
    try:
        with open(a.report, encoding="utf-8") as f:
            report = json.load(f)
        bad = compare(read_qrels(a.qrels), read_run(a.run), report,
                      published=a.published, within=a.within, at_least=a.at_least)
    except (OSError, KeyError, ValueError) as error:
        print("pytrec_check.py: %s" % error, file=sys.stderr)
        return 2
    if bad:
        print("differ: " + ", ".join(bad), file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
