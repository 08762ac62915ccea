#!/usr/bin/env python3
"""A whole evaluation against the usual Python pipeline, fresh processes, the same steps.

Usage: compare.py BEIR_DIR WORK [--rounds N]

Corpus: the handbook of gold/ and windows of one to five sentences of BEIR_DIR, 100,000 snippets
together; gold/gold_40.json, 40 questions x 4 wordings x 2 seeds.  The first call builds the
index into WORK (all-MiniLM-L6-v2, one snippet a section, exact search), which takes long; later
ones take it from there.
Steps of both: hash every file of the index; read it; load the model; embed each distinct wording
and anchor once; embed 64 snippets and compare them with what is stored; take 50 hits of every
run; ΔS, coverage, agreement of runs, distances to 64 unrelated snippets; ranking measures at six
cutoffs; 10,000 resamples for the interval of every number.  This project does more: hard nulls,
the verdict and its file.
Cold: no vectors of texts are kept.  Warm: those of wordings and anchors come from a cache
(`--text-cache`; a .npz on the other side), those of the 64 snippets never.
Memory is the peak of RssAnon in /proc/PID/status, looked at every 2 ms, and VmHWM there.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "encoder"))
import peer  # noqa: E402

PACKAGES = ["torch==2.15.0", "sentence-transformers==6.2.0", "faiss-cpu==1.15.1", "pytrec-eval-terrier==0.5.10"]
if __name__ == "__main__":
    peer.in_environment("bench-whole", PACKAGES)

SNIPPETS = 100_000
GOLD = peer.ROOT / "gold" / "gold_40.json"


def windows(beir, count):
    """Windows of one to five sentences, a record a line."""
    command = [sys.executable, HERE.parent / "windows.py", beir, "--count", str(count)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def texts(evaluate, work):
    """What an evaluation embeds and asks, for the other side."""
    subprocess.run([*evaluate, "--out", work / "exported", "--export-vectors"], check=False, stdout=subprocess.DEVNULL)
    with open(GOLD, encoding="utf-8") as file:
        items = [item for item in json.load(file)["items"] if item.get("targets")]
    numbers = {item["id"]: n for n, item in enumerate(items)}
    strings, runs, anchors = {}, [], [[] for _ in items]
    with open(work / "exported" / "texts.jsonl", encoding="utf-8") as lines:
        for record in map(json.loads, lines):
            at = strings.setdefault(record["text"], len(strings))
            if record["question"] not in numbers:
                continue
            question = numbers[record["question"]]
            if record["role"] == "anchor":
                anchors[question].append(at)
            else:
                runs.append({"question": question, "text": at})
    questions = [{"id": item["id"], "anchors": anchors[n],
                  "targets": [[t["doc_id"], t["section_id"]] for t in item["targets"] if "doc_id" in t]}
                 for n, item in enumerate(items)]
    with open(work / "texts.json", "w", encoding="utf-8") as out:
        json.dump({"texts": list(strings), "runs": runs, "questions": questions}, out)
    return len(strings)


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("beir", type=pathlib.Path)
    ap.add_argument("work", type=pathlib.Path)
    ap.add_argument("--rounds", type=int, default=7)
    a = ap.parse_args()
    work, model, made = a.work.resolve(), peer.model_folder(), peer.programs()
    work.mkdir(parents=True, exist_ok=True)
    index = work / "index"
    if not index.exists():
        peer.corpus(work / "corpus.jsonl", SNIPPETS, lambda count: windows(a.beir, count))
        subprocess.run([made["index_build"], "--input", work / "corpus.jsonl", "--out", index, "--embedder", "minilm",
                        "--model", model, "--chunk", "none", "--ann", "none"], check=True)
    evaluate = [made["wfgy_eval"], "--gold", GOLD, "--index", index, "--model", model, "--store", work / "store",
                "--no-file", "--min-cov", "0.70"]
    count = texts(evaluate, work)
    python = [sys.executable, HERE / "pipeline.py", model, index, work]
    sides = {
        ("wfgy", "cold"): lambda: peer.fresh(evaluate, {0, 1, 3}),
        ("python", "cold"): lambda: peer.fresh(python, {0}),
        ("wfgy", "warm"): lambda: peer.fresh([*evaluate, "--text-cache", work / "vectors"], {0, 1, 3}),
        ("python", "warm"): lambda: peer.fresh([*python, work / "vectors.npz"], {0}),
    }
    seen, record = peer.interleaved(sides, a.rounds), peer.Record("whole", made["wfgy_eval"])
    print(f"{SNIPPETS} snippets, {count} distinct texts, medians of {a.rounds} rounds")
    for cache in ("cold", "warm"):
        for side in ("wfgy", "python"):
            wall, cpu, memory = (peer.median(seen, (side, cache), what) for what in range(3))
            print(f"  {cache} {side:7} {wall:7.2f} s  cpu {cpu:7.2f} s  anonymous memory {memory:7.0f} MiB")
            record.add(cache, count, os.cpu_count(), side, seen[side, cache])
        wall, cpu, memory = (peer.median(seen, ("python", cache), what) / peer.median(seen, ("wfgy", cache), what)
                             for what in range(3))
        print(f"  {cache}: {wall:.1f} x in wall time, {cpu:.1f} x in processor time, {memory:.1f} x in memory")
    record.write()


if __name__ == "__main__":
    main()
