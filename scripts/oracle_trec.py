#!/usr/bin/env python3
"""Writes fixtures/trec: a qrels file, a run, and what trec_eval says of them.

Usage: python3 scripts/oracle_trec.py [FOLDER]

Needs pytrec_eval, the C code of trec_eval behind Python:
  pip install pytrec-eval-terrier==0.5.11

The run has ties in every form that matters: equal scores, scores that differ
in f64 but not in f32, ids that differ in case, length and beyond ASCII; lines
in shuffled order; questions that only the run has, and only the qrels have;
grades 0 to 3.  Every question has a relevant document.

expected.tsv holds `question measure k value`, the value in full digits, and
`all` for the mean over all questions of the qrels, a missing one as 0
(trec_eval -c).  mrr@k is trec_eval's recip_rank, 0 where the rank is beyond k.
"""

import os
import random
import sys

import pytrec_eval

CUTOFFS = (1, 3, 5, 10, 20, 50)
NAMES = {"recall": "recall", "precision": "P", "hit": "success", "ndcg": "ndcg_cut", "map": "map_cut"}


def ids(rng):
    """Document ids whose byte order is not their order by eye."""
    stems = ["d%d" % i for i in range(60)] + ["D%d" % i for i in range(20)] + ["a", "ab", "a-b", "é", "z", "ß", "日本"]
    rng.shuffle(stems)
    return stems


def make(rng):
    qrels, run = {}, {}
    for q in range(40):
        question, docs = "q%02d" % q, ids(rng)
        graded = {d: rng.choice([0, 0, 1, 1, 2, 3]) for d in docs[: rng.randint(1, 25)]}
        graded[docs[0]] = rng.randint(1, 3)
        if q != 7:
            qrels[question] = graded
        if q in (3, 11):
            continue
        found = rng.sample(docs, rng.randint(1, 70))
        kind = q % 4
        scores = {}
        for d in found:
            if kind == 0:
                scores[d] = rng.choice([0.25, 0.5, 0.75])
            elif kind == 1:
                # Apart by less than half a step of f32.
                scores[d] = 0.7 + rng.choice([0.0, 1e-9, 2e-9, 1e-3])
            elif kind == 2:
                scores[d] = round(rng.uniform(-1, 1), 9)
            else:
                scores[d] = -rng.choice([0.0, 1e-3, 5.0, 5.0 + 1e-8])
        run[question] = scores
    return qrels, run


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, "..", "fixtures", "trec")
    rng = random.Random(20240501)
    qrels, run = make(rng)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "qrels.txt"), "w", encoding="utf-8") as f:
        for question, graded in qrels.items():
            for doc, grade in graded.items():
                f.write("%s 0 %s %d\n" % (question, doc, grade))
    lines = ["%s Q0 %s %d %r tie\n" % (question, doc, rank, score)
             for question, scores in run.items() for rank, (doc, score) in enumerate(scores.items(), 1)]
    rng.shuffle(lines)
    with open(os.path.join(folder, "run.txt"), "w", encoding="utf-8") as f:
        f.writelines(lines)
    cuts = ",".join(map(str, CUTOFFS))
    wanted = {"%s.%s" % (name, cuts) for name in NAMES.values()} | {"recip_rank"}
    results = pytrec_eval.RelevanceEvaluator(qrels, wanted).evaluate(run)
    with open(os.path.join(folder, "expected.tsv"), "w", encoding="utf-8") as f:
        for k in CUTOFFS:
            for ours in (*NAMES, "mrr"):
                values = []
                for question in sorted(qrels):
                    got = results.get(question)
                    if got is None:
                        value = 0.0
                    elif ours == "mrr":
                        rank = got["recip_rank"]
                        value = rank if rank > 0 and round(1 / rank) <= k else 0.0
                    else:
                        value = got["%s_%d" % (NAMES[ours], k)]
                    values.append(value)
                    f.write("%s\t%s\t%d\t%r\n" % (question, ours, k, value))
                f.write("all\t%s\t%d\t%r\n" % (ours, k, sum(values) / len(values)))


if __name__ == "__main__":
    main()
