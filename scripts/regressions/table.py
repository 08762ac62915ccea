#!/usr/bin/env python3
"""The suite's rows as one line, as CSV, and as the tables of a Markdown page.

Usage: table.py --check     fails where the tables of docs/regressions.md are not those of
                            benches/regressions/results.csv; suite.py writes both
"""

import csv
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BEGIN, END = "<!-- %s: begin -->", "<!-- %s: end -->"
FIELDS = ("kind", "case", "collection", "embedder", "coverage.mean twin", "coverage.mean",
          "ndcg@10 twin", "ndcg@10", "cost", "verdict", "failing", "first_cause", "true_cause")
NUMBERS = FIELDS[4:9]
HALF = 5e-7
"""Half of the last decimal of the CSV: a number of the page was rounded from the whole number."""


def first(row):
    """The cause that the diagnosis names first."""
    return row["causes"][0] if row["causes"] else "–"


def line(row):
    """For a terminal."""
    return "%-22s %-9s %-13s %6.1f points  %-13s %s / %s  %s" % (
        row["case"], row["collection"], row["embedder"], 100 * row["cost"], row["verdict"], first(row),
        row["true_cause"] or "–", " ".join(row["failing"]))


def write_csv(path, rows):
    with open(path, "w", encoding="utf-8", newline="") as f:
        out = csv.DictWriter(f, FIELDS, extrasaction="ignore", lineterminator="\n")
        out.writeheader()
        for row in rows:
            numbers = {n: "%.6f" % row[n] for n in FIELDS if isinstance(row.get(n), float)}
            out.writerow(dict(row, first_cause=first(row), failing=" ".join(row["failing"]), **numbers))


def read_csv(path):
    """The rows that `write_csv` wrote, with numbers of six decimals."""
    with open(path, encoding="utf-8", newline="") as f:
        rows = list(csv.DictReader(f))
    for row in rows:
        row.update({n: float(row[n]) for n in NUMBERS})
        row["failing"] = row["failing"].split()
        row["causes"] = [] if row["first_cause"] == "–" else [row["first_cause"]]
    return rows


def markdown(rows, harmless):
    """A Markdown table of the damages, or of the harmless rebuilds."""
    causes = [] if harmless else ["first cause named", "true cause"]
    head = ["case", "collection", "embedder", "coverage", "nDCG@10", "cost, points", "verdict"] + ([] if harmless else ["by"]) + causes
    numbers = ("coverage", "nDCG@10", "cost, points")
    lines = ["| %s |" % " | ".join(head),
             "| %s |" % " | ".join("---:" if h in numbers else "---" for h in head)]
    for row in rows:
        cells = [row["case"], row["collection"], row["embedder"]]
        cells += ["%.3f → %.3f" % (row[n + " twin"], row[n]) for n in ("coverage.mean", "ndcg@10")]
        cells += ["%.1f" % (100 * row["cost"]), row["verdict"]]
        by = ", ".join("`%s`" % name for name in row["failing"])
        lines.append("| %s |" % " | ".join(cells + ([] if harmless else [by, first(row), row["true_cause"]])))
    return "\n".join(lines)


def between(page, mark, text):
    """The page with other text between the mark's two ends."""
    begin, end = BEGIN % mark, END % mark
    head, rest = page.split(begin)
    _, tail = rest.split(end)
    return head + begin + "\n" + text + "\n" + end + tail


def summary(rows, version):
    """What the tables come to, and what made them."""
    damages = [r for r in rows if r["kind"] == "damage"]
    harmless = [r for r in rows if r["kind"] == "harmless"]
    return ("Of %d damages %d passed, and the true cause came first in %d; of %d harmless rebuilds %d failed.\n"
            "Made by `scripts/regressions.sh` with the programs of commit %s, kernel path %s." % (
                len(damages), sum(r["verdict"] == "pass" for r in damages),
                sum(r["causes"][:1] == [r["true_cause"]] for r in damages),
                len(harmless), sum(r["verdict"] == "fail" for r in harmless),
                version["commit"], version["kernel"]))


def write_markdown(path, rows, version):
    """Puts the summary and both tables between the page's marks."""
    with open(path, encoding="utf-8") as f:
        page = between(f.read(), "summary", summary(rows, version))
    for kind in ("damage", "harmless"):
        page = between(page, kind, markdown([r for r in rows if r["kind"] == kind], kind == "harmless"))
    with open(path, "w", encoding="utf-8", newline="\n") as f:
        f.write(page)


def other_lines(page, rows):
    """What the page says between its marks and the rows do not, as pairs (page, rows)."""
    def marked(mark):
        begin, end = BEGIN % mark, END % mark
        if page.count(begin) != 1 or page.count(end) != 1:
            return []
        return page.split(begin)[1].split(end)[0].strip("\n").split("\n")

    def shifted(by):
        return [dict(row, **{n: row[n] + by for n in NUMBERS}) for row in rows]

    version = {"commit": "COMMIT", "kernel": "PATH"}
    made = re.sub("commit [0-9a-f]{7,40}, kernel path [a-z0-9-]+", "commit COMMIT, kernel path PATH",
                  "\n".join(marked("summary")))
    found = [(made.split("\n"), [summary(rows, version).split("\n")])]
    for kind in ("damage", "harmless"):
        tables = [markdown([r for r in of if r["kind"] == kind], kind == "harmless").split("\n")
                  for of in (rows, shifted(-HALF), shifted(HALF))]
        found.append((marked(kind), tables))
    for said, tables in found:
        for i in range(max(len(said), len(tables[0]))):
            line = said[i] if i < len(said) else "nothing"
            written = [t[i] if i < len(t) else "nothing" for t in tables]
            words = [set(word) for word in zip(*(w.split() for w in written))]
            if len(line.split()) != len(words) or not all(map(set.__contains__, words, line.split())):
                yield line, written[0]


def main():
    if sys.argv[1:] != ["--check"]:
        sys.exit(__doc__)
    results, page = "benches/regressions/results.csv", "docs/regressions.md"
    text = (ROOT / page).read_text(encoding="utf-8")
    for said, written in other_lines(text, read_csv(ROOT / results)):
        sys.exit("%s has other tables than %s: run scripts/regressions.sh\n  page: %s\n  rows: %s" % (
            page, results, said, written))


if __name__ == "__main__":
    main()
