#!/usr/bin/env python3
"""How building and evaluating grow with the corpus, from 10,000 to 1,000,000 snippets.

Usage: run.py BEIR_DIR [--sizes 10000,30000,…] [--work DIR]

Corpus: the handbook of gold/, then texts of two sentences of BEIR_DIR drawn by a literal seed,
one snippet each; gold/gold_40.json with 40 questions x 4 wordings x 2 seeds; cosine.
`embed` cuts and embeds it by the built-in table, 256 values, without a graph.  `graph` builds the
same from precomputed vectors of 384 values, with the default graph: those 256 turned into 384
dimensions by an orthogonal map, which keeps every angle.  `evaluate` judges that index by its
graph and by the exact sweep.  Every row is one run of a fresh process: wall and
processor seconds, the peaks of anonymous memory (RssAnon in /proc/PID/status, looked at every
2 ms) and of all resident memory, mapped files included (VmHWM there), and the index on disk.
Prints a table and writes raw data to benches/runs/.
"""

import argparse
import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile

PACKAGES = ["numpy==2.4.6"]
DIM = 384

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "peers" / "encoder"))
import peer  # noqa: E402

if __name__ == "__main__":
    peer.in_environment("bench-scale", PACKAGES)

SENTENCE = re.compile(r"(?<=[.!?])\s+")
SIZES = "10000,30000,100000,300000,1000000"


def texts(beir, count):
    """`count` records of two sentences of the corpus, drawn with one seed."""
    with open(beir / "corpus.jsonl", encoding="utf-8") as lines:
        documents = [json.loads(line)["text"] for line in lines]
    sentences = [s for text in documents for s in SENTENCE.split(text.strip()) if s]
    chance = random.Random(20_261)
    for n in range(count):
        text = f"{chance.choice(sentences)} {chance.choice(sentences)}"
        yield json.dumps({"doc_id": f"t{n}", "text": text}, ensure_ascii=False) + "\n"


def lift(folders, out):
    """Vectors of an index and of an evaluation's texts, in DIM dimensions, as --vectors wants them."""
    import numpy as np

    first, keys = set(), []
    for folder in folders:
        digests = [hashlib.sha256(text.encode()).hexdigest() for text in strings(folder)]
        # A text stands once.
        rows = [row for row, digest in enumerate(digests) if not (digest in first or first.add(digest))]
        keys.append((np.load(folder / "vectors.npy", mmap_mode="r"), rows, digests))
    narrow = keys[0][0].shape[1]
    turned = np.linalg.qr(np.random.default_rng(1).standard_normal((DIM, narrow)))[0].T.astype(np.float32)
    whole, at = np.lib.format.open_memmap(out, "w+", np.float32, (len(first), DIM)), 0
    with open(out.with_suffix(".ids"), "w", encoding="ascii") as ids:
        for vectors, rows, digests in keys:
            for begin in range(0, len(rows), 1 << 16):
                part = rows[begin : begin + (1 << 16)]
                whole[at : at + len(part)] = vectors[part] @ turned
                at += len(part)
            ids.writelines(digests[row] + "\n" for row in rows)


def strings(folder):
    """What was embedded for an index or an evaluation, row by row."""
    if not (folder / "texts.jsonl").exists():
        yield from peer.passages(folder)
        return
    with open(folder / "texts.jsonl", encoding="utf-8") as lines:
        yield from (json.loads(line)["text"] for line in lines)


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("beir", type=pathlib.Path)
    ap.add_argument("--sizes", default=SIZES)
    ap.add_argument("--work", type=pathlib.Path, help="folder for corpora and indexes [default: a temporary one]")
    a = ap.parse_args()
    made = peer.programs()
    work = pathlib.Path(tempfile.mkdtemp()) if a.work is None else a.work
    work.mkdir(parents=True, exist_ok=True)
    record = peer.Record("scale", made["wfgy_eval"])
    print(f"{'snippets':>9} {'step':<9} {'wall s':>8} {'cpu s':>8} {'anonymous MiB':>14} {'resident MiB':>13} {'on disk MiB':>12}")
    for size in map(int, a.sizes.split(",")):
        corpus, index, store = work / f"{size}.jsonl", work / f"{size}", work / "store"
        peer.corpus(corpus, size, lambda count: texts(a.beir, count))
        plain, exported, vectors = work / "plain", work / "exported", work / "vectors.npy"
        build = [made["index_build"], "--input", corpus, "--chunk", "none"]
        evaluate = [made["wfgy_eval"], "--gold", peer.ROOT / "gold" / "gold_40.json", "--store", store,
                    "--no-file", "--min-cov", "0.70"]
        precomputed = ["--embedder", "precomputed", "--vectors", vectors, "--model", "turned"]
        steps = {
            "embed": ([*build, "--embedder", "static", "--ann", "none", "--out", plain], {0}),
            "graph": ([*build, *precomputed, "--ann", "hnsw", "--out", index], {0}),
            "evaluate": ([*evaluate, "--vectors", vectors, "--index", index], {0, 1, 3}),
        }
        for step, (command, codes) in steps.items():
            wall, cpu, anonymous, resident = peer.fresh(command, codes)
            folder = plain if step == "embed" else index
            disk = sum(file.stat().st_size for file in folder.iterdir()) / 2**20
            print(f"{size:>9} {step:<9} {wall:8.1f} {cpu:8.1f} {anonymous:14.0f} {resident:13.0f} {disk:12.0f}", flush=True)
            record.add(step, size, os.cpu_count(), "wfgy", [(wall, cpu, anonymous, resident, disk)])
            if step == "embed":
                peer.fresh([*evaluate, "--index", plain, "--out", exported, "--export-vectors"], {0, 1, 3})
                lift([plain, exported], vectors)
        for path in (index, plain, exported):
            shutil.rmtree(path)
        corpus.unlink()
    record.write()
    if a.work is None:
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
