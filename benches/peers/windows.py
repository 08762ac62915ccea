#!/usr/bin/env python3
"""Every window of 1 to 5 consecutive sentences of a BEIR corpus, as a corpus of its own.

Usage: windows.py BEIR_DIR [--titles] [--first N] [--count N] > windows.jsonl

A sentence ends behind `.`, `!` or `?` that white space follows.  Windows come
document by document, by length, then by place; SciFact gives 188,739.  --titles gives
the titles instead, which no window holds: questions for the windows.  --first
skips that many texts, --count stops after so many.
Build an index of them with `index_build --chunk none`: its vectors.npy is what
the benchmarks against other programs read.
"""

import argparse
import itertools
import json
import pathlib
import re
import sys

BOUNDARY = re.compile(r"(?<=[.!?])\s+")
LONGEST = 5


def windows(corpus):
    with open(corpus, encoding="utf-8") as lines:
        for line in lines:
            document = json.loads(line)
            sentences = [s for s in BOUNDARY.split(document["text"].strip()) if s]
            for length in range(1, LONGEST + 1):
                for start in range(len(sentences) - length + 1):
                    text = " ".join(sentences[start : start + length])
                    yield {"doc_id": f"{document['_id']}/{start}+{length}", "text": text}


def titles(corpus):
    with open(corpus, encoding="utf-8") as lines:
        for line in lines:
            document = json.loads(line)
            if document["title"].strip():
                yield {"doc_id": document["_id"], "text": document["title"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("beir", type=pathlib.Path, help="BEIR folder")
    parser.add_argument("--titles", action="store_true", help="titles instead of windows")
    parser.add_argument("--first", type=int, default=0, help="texts to skip")
    parser.add_argument("--count", type=int, default=None, help="texts to write [default: all]")
    args = parser.parse_args()
    end = None if args.count is None else args.first + args.count
    texts = (titles if args.titles else windows)(args.beir / "corpus.jsonl")
    for text in itertools.islice(texts, args.first, end):
        json.dump(text, sys.stdout, ensure_ascii=False)
        sys.stdout.write("\n")


if __name__ == "__main__":
    main()
