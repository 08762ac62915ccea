#!/usr/bin/env python3
"""What a fresh `wfgy_eval` takes before and around one question.

Usage: start.py BEIR_DIR WORK [--rounds N] [--sizes 10000,100000]

Corpora are those of run.py: the handbook of gold/, then texts of two sentences of BEIR_DIR, one
snippet each.  The first call builds their indexes into WORK, by the built-in table and by
all-MiniLM-L6-v2, with the default graph, which takes long; later ones take them from there.
The gold set is the first question of gold/gold_40.json in its first wording, under one seed, with
--no-baseline and a policy that one question suffices for, so that a pass is all there is to say.
`version` is the floor, `wfgy_eval --version`; `question` embeds the question and its anchors, and 64
stored texts to compare their vectors, as every evaluation does that can approve.
Every round is one fresh process of each, in turn, files in the page cache; memory as run.py says,
which a process of 3 ms has ended too soon for.
Prints medians and writes raw data to benches/runs/.
"""

import argparse
import json
import os
import pathlib
import subprocess

import run  # beside this file; it finds peer.py
from run import peer


POLICY = """min_questions = 1
[[criterion]]
metric = "coverage.mean"
op = ">="
bound = 0.1
"""


def one_question(path):
    """Writes the first question of the gold set without its paraphrases."""
    with open(peer.ROOT / "gold" / "gold_40.json", encoding="utf-8") as file:
        gold = json.load(file)
    gold["items"] = [dict(gold["items"][0], paraphrases=[])]
    with open(path, "w", encoding="utf-8") as out:
        json.dump(gold, out, ensure_ascii=False)


def built(program, work, beir, size, embedder, flags):
    """The index of a corpus under an embedder, made where it is not there yet."""
    corpus, index = work / f"{size}.jsonl", work / f"{embedder}-{size}"
    if not index.exists():
        peer.corpus(corpus, size, lambda count: run.texts(beir, count))
        subprocess.run([program, "--input", corpus, "--chunk", "none", "--ann", "hnsw", "--embedder", embedder,
                        *flags, "--out", index], check=True, stdout=subprocess.DEVNULL)
        corpus.unlink()
    return index


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("beir", type=pathlib.Path)
    ap.add_argument("work", type=pathlib.Path)
    ap.add_argument("--rounds", type=int, default=7)
    ap.add_argument("--sizes", default="10000,100000")
    a = ap.parse_args()
    made, work = peer.programs(), a.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    one_question(work / "gold.json")
    (work / "policy.toml").write_text(POLICY, encoding="utf-8")
    flags = {"static": [], "minilm": ["--model", peer.model_folder()]}
    sides = {("version", 0, "none"): lambda: peer.fresh([made["wfgy_eval"], "--version"], {0})}
    for size in map(int, a.sizes.split(",")):
        for embedder, model in flags.items():
            index = built(made["index_build"], work, a.beir, size, embedder, model)
            evaluate = [made["wfgy_eval"], "--gold", work / "gold.json", "--index", index, *model, "--seeds", "1",
                        "--no-baseline", "--no-file", "--store", work / "store", "--policy", work / "policy.toml"]
            sides["question", size, embedder] = lambda command=evaluate: peer.fresh(command, {0})
    seen, record = peer.interleaved(sides, a.rounds), peer.Record("start", made["wfgy_eval"])
    print(f"medians of {a.rounds} rounds")
    print(f"{'snippets':>9} {'embedder':<9} {'step':<9} {'wall ms':>9} {'cpu ms':>9} {'anonymous MiB':>14} {'resident MiB':>13}")
    for side in sides:
        step, size, embedder = side
        wall, cpu, anonymous, resident = (peer.median(seen, side, what) for what in range(4))
        print(f"{size:>9} {embedder:<9} {step:<9} {wall * 1e3:9.1f} {cpu * 1e3:9.1f} {anonymous:14.1f} {resident:13.1f}")
        record.add(f"{step}, {embedder}", size, os.cpu_count(), "wfgy", seen[side])
    record.write()


if __name__ == "__main__":
    main()
