#!/usr/bin/env python3
"""Ranking measures of a TREC run against pytrec_eval, from the same files, parsing included.

Usage: compare.py [--rounds N] [--questions N] [--hits N] [--threads N]

This project: the program `wfgy_eval trec`, a fresh process each round, from its start to its
printed answer.  pytrec_eval: parse_qrel, parse_run, evaluate and the means, in a process that
has it imported already; its files are in the page cache as ours are.  Six measures at five
cutoffs on both sides (pytrec_eval's reciprocal rank has no cutoff: it is asked once).
Files are made from a literal seed: graded qrels, five a question, most of them among the hits.
Prints medians of wall and processor time, ratios, and the greatest difference of a mean.
"""

import argparse
import json
import os
import pathlib
import random
import resource
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "encoder"))
import peer  # noqa: E402

PACKAGES = ["pytrec-eval-terrier==0.5.10", "numpy==2.4.6"]
if __name__ == "__main__":
    peer.in_environment("bench-metrics", PACKAGES)

CUTOFFS = [1, 3, 5, 10, 100]
NAMES = {"recall": "recall", "precision": "P", "hit": "success", "ndcg": "ndcg_cut", "map": "map_cut"}


def make(folder, questions, hits):
    """A run and qrels; ids and scores as systems write them."""
    chance = random.Random(20_261)
    with open(folder / "run", "w", encoding="ascii") as run, open(folder / "qrels", "w", encoding="ascii") as qrels:
        for q in range(questions):
            found = chance.sample(range(1_000_000), hits)
            scores = sorted((chance.random() for _ in found), reverse=True)
            for rank, (doc, score) in enumerate(zip(found, scores), 1):
                run.write(f"q{q} Q0 doc-{doc:07} {rank} {score:.9f} wfgy\n")
            judged = set(chance.sample(found, min(4, hits))) | {chance.randrange(1_000_000)}
            for doc in sorted(judged):
                qrels.write(f"q{q} 0 doc-{doc:07} {chance.randint(1, 3)}\n")


def ours(program, folder, threads):
    command = [program, "trec", "--qrels", "qrels", "--run", "run", "--no-intervals", "--format", "json",
               "--k", ",".join(map(str, CUTOFFS))]
    environment = {**os.environ, "RAYON_NUM_THREADS": str(threads)}
    before, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    out = subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.PIPE).stdout
    wall, after = time.perf_counter() - wall, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, {name: number["point"] for name, number in json.loads(out)["metrics"].items()}


def theirs(folder):
    import pytrec_eval
    cpu, wall = time.process_time(), time.perf_counter()
    with open(folder / "qrels", encoding="ascii") as f:
        qrels = pytrec_eval.parse_qrel(f)
    with open(folder / "run", encoding="ascii") as f:
        run = pytrec_eval.parse_run(f)
    cutoffs = ",".join(map(str, CUTOFFS))
    asked = {f"{name}.{cutoffs}" for name in NAMES.values()} | {"recip_rank"}
    rows = pytrec_eval.RelevanceEvaluator(qrels, asked).evaluate(run)
    means = {f"{mine}@{k}": sum(row[f"{name}_{k}"] for row in rows.values()) / len(qrels)
             for mine, name in NAMES.items() for k in CUTOFFS}
    means[f"mrr@{CUTOFFS[-1]}"] = sum(row["recip_rank"] for row in rows.values()) / len(qrels)
    return time.perf_counter() - wall, time.process_time() - cpu, means


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("--rounds", type=int, default=7)
    ap.add_argument("--questions", type=int, default=10_000)
    ap.add_argument("--hits", type=int, default=100, choices=range(5, 101), metavar="N")
    ap.add_argument("--threads", type=int, default=os.cpu_count())
    a = ap.parse_args()
    program = peer.programs()["wfgy_eval"]
    record = peer.Record("metrics", program)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        make(folder, a.questions, a.hits)
        mine, reference = ours(program, folder, a.threads)[2], theirs(folder)[2]
        worst = max(abs(mine[name] - value) for name, value in reference.items())
        sides = {"wfgy": lambda: ours(program, folder, a.threads)[:2], "pytrec_eval": lambda: theirs(folder)[:2]}
        seen = peer.interleaved(sides, a.rounds)
    print(f"{a.questions} questions x {a.hits} hits, {a.threads} threads, medians of {a.rounds} rounds")
    for side in sides:
        wall, cpu = (peer.median(seen, side, what) for what in (0, 1))
        print(f"  {side:12} {wall * 1e3:9.1f} ms  cpu {cpu * 1e3:9.1f} ms")
        record.add("metrics", a.questions, a.threads, side, seen[side])
    for what, clock in enumerate(("wall", "processor")):
        print(f"  {peer.median(seen, 'pytrec_eval', what) / peer.median(seen, 'wfgy', what):.1f} x in {clock} time")
    print(f"  greatest difference of a mean: {worst:.1e}")
    record.note("greatest difference of a mean", f"{worst:.1e}")
    record.write()
    return 0 if worst < 1e-6 else 1


if __name__ == "__main__":
    sys.exit(main())
