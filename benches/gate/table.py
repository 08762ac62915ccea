#!/usr/bin/env python3
"""Writes the tables of the newest raw data between their marks in benches/gate/README.md and docs/statistics.md.

Usage: table.py [--check]     --check writes nothing and fails where a table is not that of its raw data
"""

import csv
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
RUNS = ROOT / "benches" / "runs"
PAGES = {
    "benches/gate/README.md": ["boundary", "power", "watch", "more"],
    "docs/statistics.md": ["gate-errors", "gate-more"],
}


def newest(what):
    """Name, comments and rows of the newest file of a simulation."""
    files = sorted(RUNS.glob(f"*-gate-{what}-*.csv"))
    if not files:
        sys.exit(f"no raw data of {what} under {RUNS}: run benches/gate/run.sh {what}")
    if len(files) > 1:
        sys.exit(f"{len(files)} files of {what} under {RUNS}: keep the newest")
    lines = files[0].read_text(encoding="utf-8").splitlines()
    comments = [line[2:] for line in lines if line.startswith("#")]
    return files[0].name, comments, list(csv.DictReader(line for line in lines if not line.startswith("#")))


def percent(rate):
    return f"{100 * float(rate):.1f}"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "| " + " | ".join("---" for _ in head) + " |"]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def with_source(what, head, rows):
    name, comments, _ = newest(what)
    return [f"`benches/runs/{name}`: " + "; ".join(comments) + ".", "", *table(head, rows)]


def decisions(what):
    head = ["claim", "correlation", "n", "point passes", "confident passes", "fails", "inconclusive"]
    if what != "boundary":
        head.insert(3, "truth is")
    rows = []
    for row in newest(what)[2]:
        cells = [row["claim"], row["correlation"], row["n"]]
        if what != "boundary":
            cells.append("better" if float(row["effect"]) > 0 else "worse")
        rows.append(cells + [percent(row[name]) for name in ("point_pass", "pass", "fail", "inconclusive")])
    return with_source(what, head, rows)


def watch():
    head = ["probes", "bound", "mean", "looks", "watches", "ever wrong"]
    return with_source("watch", head, [
        [r["probes"], r["side"].lower(), r["mean"], r["looks"], r["data_sets"], percent(r["ever_wrong"])]
        for r in newest("watch")[2]])


def more_rows():
    return [[r["claim"], r["n"], f"{r['open']} of {r['data_sets']}", r["no_feasible_number"], r["median_n_more"],
             f"{percent(r['decided'])} ± {percent(r['standard_error'])}"] for r in newest("more")[2]]


MORE = ["claim", "n", "open", "no feasible number", "median N", "decided with N more"]


def errors():
    """The greatest rates over correlations."""
    greatest = {}
    for row in newest("boundary")[2]:
        rates = [float(row[name]) for name in ("point_pass", "pass", "fail")]
        cell = greatest.setdefault((row["claim"], row["n"]), [0.0] * 3)
        cell[:] = map(max, cell, rates)
    rows = [[claim, n, *map(percent, rates)] for (claim, n), rates in greatest.items()]
    return table(["claim", "n", "false pass, point mode", "false pass, confident", "false fail, confident"], rows)


def content(mark):
    if mark == "watch":
        return watch()
    if mark == "more":
        return with_source("more", MORE, more_rows())
    if mark == "gate-more":
        return table(MORE, more_rows())
    return errors() if mark == "gate-errors" else decisions(mark)


def main():
    check = sys.argv[1:] == ["--check"]
    if sys.argv[1:] and not check:
        sys.exit(__doc__)
    for page, marks in PAGES.items():
        path = ROOT / page
        old = text = path.read_text(encoding="utf-8")
        for mark in marks:
            begin, end = f"<!-- {mark}: written by benches/gate/table.py -->", f"<!-- end of {mark} -->"
            between = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
            if len(between.findall(text)) != 1:
                sys.exit(f"{page} does not have the marks of {mark} once")
            written = "\n".join([begin, "", *content(mark), "", end])
            text = between.sub(lambda _: written, text)
        if text != old and check:
            sys.exit(f"{page} has other tables than the raw data: run benches/gate/table.py")
        if text != old:
            path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
