#!/usr/bin/env python3
"""Prints the tables of benches/gate/README.md from the newest raw data of each simulation.

Usage: table.py [WHAT ...]     WHAT: boundary power watch more (default: all four)
"""

import csv
import pathlib
import sys

RUNS = pathlib.Path(__file__).resolve().parents[1] / "runs"


def newest(what):
    """Rows of the newest file of a simulation; its comments go before the table."""
    files = sorted(RUNS.glob(f"*-gate-{what}-*.csv"), key=lambda path: (path.name[:10], path.stat().st_mtime))
    if not files:
        sys.exit(f"no raw data of {what} under {RUNS}: run benches/gate/run.sh {what}")
    lines = files[-1].read_text(encoding="utf-8").splitlines()
    print(f"`benches/runs/{files[-1].name}`: " + "; ".join(line[2:] for line in lines if line.startswith("#")) + ".\n")
    return list(csv.DictReader(line for line in lines if not line.startswith("#")))


def percent(rate):
    return f"{100 * float(rate):.1f}"


def table(head, rows):
    print("| " + " | ".join(head) + " |")
    print("| " + " | ".join("---" for _ in head) + " |")
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print()


def decisions(what):
    head = ["claim", "correlation", "n", "point passes", "confident passes", "fails", "inconclusive"]
    rows = newest(what)
    if what == "power":
        head.insert(3, "truth is")
    for row in rows:
        row["cells"] = [row["claim"], row["correlation"], row["n"]]
        if what == "power":
            row["cells"].append("better" if float(row["effect"]) > 0 else "worse")
        row["cells"] += [percent(row[name]) for name in ("point_pass", "pass", "fail", "inconclusive")]
    table(head, [row["cells"] for row in rows])


def watch():
    rows = newest("watch")
    table(["probes", "bound", "mean", "looks", "ever wrong"],
          [[r["probes"], r["side"].lower(), r["mean"], r["looks"], percent(r["ever_wrong"])] for r in rows])


def more():
    rows = newest("more")
    table(["claim", "n", "open", "no feasible number", "median N", "decided with N more"],
          [[r["claim"], r["n"], f"{r['open']} of {r['data_sets']}", r["no_feasible_number"], r["median_n_more"],
            percent(r["decided"])] for r in rows])


def main():
    for what in sys.argv[1:] or ["boundary", "power", "watch", "more"]:
        {"watch": watch, "more": more}.get(what, lambda: decisions(what))()


if __name__ == "__main__":
    main()
