#!/usr/bin/env python3
"""Writes fixtures/rbo/expected.tsv: extrapolated rank-biased overlap of pairs of lists.

Usage: python3 scripts/oracle_rbo.py [FILE]

Needs the PyPI package `rbo`, which has nothing to do with this project:
  pip install rbo==0.1.3

A line holds two lists of distinct items (joined by commas, of even and of
uneven length) and the value of rbo_ext at p = 0.9 in full digits.
"""

import os
import random
import sys

import rbo


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    path = sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, "..", "fixtures", "rbo", "expected.tsv")
    rng = random.Random(20240502)
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        for i in range(300):
            universe = ["s%d" % n for n in range(rng.choice([8, 15, 60]))]
            a = rng.sample(universe, rng.randint(1, min(len(universe), 50)))
            length = len(a) if i % 3 == 0 else rng.randint(1, min(len(universe), 50))
            b = rng.sample(universe, length)
            if i % 5 == 0:
                # Nearly alike, as two wordings of one question are.
                b = list(a[:length])
                for _ in range(rng.randint(0, 3)):
                    x, y = rng.randrange(len(b)), rng.randrange(len(b))
                    b[x], b[y] = b[y], b[x]
            value = rbo.RankingSimilarity(a, b).rbo_ext(p=0.9)
            f.write("%s\t%s\t%r\n" % (",".join(a), ",".join(b), float(value)))


if __name__ == "__main__":
    main()
