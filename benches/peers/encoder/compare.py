#!/usr/bin/env python3
"""The encoder against ONNX Runtime in f32, the same weights, one interleaved run.

Usage: compare.py [--rounds N] [--threads N] [--questions N] [--passages N]

Questions have 16 tokens each and passages 188, so ONNX Runtime pads nothing.
It runs at its best: all graph optimisations, the better of two forms of the
network, the best of several batch sizes; its ids are ready, its pooling is in
the graph. This project's side starts from text: it tokenises, encodes, pools
and normalises; tokenising the same texts is timed by itself as well. Prints
medians, ratios, the tokeniser's share and the lowest cosine between the two,
for every kernel path of the processor; raw data go to benches/runs/.
"""

import argparse
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "encoder"))
import peer  # noqa: E402

PACKAGES = ["onnxruntime==1.32.0", "onnx==1.23.2", "numpy==2.4.6", "safetensors==0.8.0"]
if __name__ == "__main__":
    peer.in_environment("bench-encoder", PACKAGES)

import json  # noqa: E402

import numpy as np  # noqa: E402
import onnxruntime as ort  # noqa: E402

import onnx_minilm  # noqa: E402

sys.path.insert(0, str(peer.ROOT / "scripts"))
import oracle_minilm  # noqa: E402

BATCHES = (1, 4, 8, 16, 32, 64)


def texts_of(length, count, vocabulary):
    """`count` texts of exactly `length` tokens, special ones counted, and their ids."""
    r, texts, ids = oracle_minilm.Lcg(length), [], []
    while len(texts) < count:
        words = oracle_minilm.question(r).split()
        while len(words) < length:
            words += oracle_minilm.sentence(r).split()
        # One word less until it fits; about every second try ends on the length.
        while len(found := oracle_minilm.encode(" ".join(words), vocabulary)) > length:
            words.pop()
        if len(found) == length:
            texts.append(" ".join(words))
            ids.append(found)
    return texts, np.array(ids, np.int64)


def session(path, threads):
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.intra_op_num_threads = threads
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def best_of(sessions, ids):
    """The form and batch size that encode `ids` soonest, as work to repeat."""
    def work(form, batch):
        def run():
            parts = [sessions[form].run(None, {"ids": ids[i:i + batch]})[0] for i in range(0, len(ids), batch)]
            return np.concatenate(parts)
        return run

    tried = {}
    for form in sessions:
        for batch in BATCHES:
            if batch <= len(ids):
                side = peer.timed(work(form, batch))
                tried[form, batch] = min(side()[0] for _ in range(2))
    form, batch = min(tried, key=tried.get)
    return f"onnxruntime, {form}, batches of {batch}", work(form, batch)


def paths():
    """Kernel paths that this processor may have; the program refuses those it lacks."""
    flags = next((line.split() for line in open("/proc/cpuinfo") if line.startswith("flags")), [])
    need = {"avx2": "avx2", "avx512": "avx512bw", "avx512-vnni": "avx512_vnni", "amx": "amx_int8"}
    return [path for path, flag in need.items() if flag in flags][::-1] or ["portable"]


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("--rounds", type=int, default=7)
    ap.add_argument("--threads", type=int, default=os.cpu_count())
    ap.add_argument("--questions", type=int, default=1024)
    ap.add_argument("--passages", type=int, default=96)
    a = ap.parse_args()
    model, program, record = peer.model_folder(), peer.build(), peer.Record("encoder")
    with open(f"{model}/vocab.txt", encoding="utf-8") as f:
        vocabulary = {t.rstrip("\n"): i for i, t in enumerate(f)}
    with tempfile.TemporaryDirectory() as folder:
        sessions = {}
        for form in ("plain", "fused"):
            onnx_minilm.build(model, f"{folder}/{form}.onnx", form == "fused")
            sessions[form] = session(f"{folder}/{form}.onnx", a.threads)
        for work, length, count in (("questions", 16, a.questions), ("passages", 188, a.passages)):
            texts, ids = texts_of(length, count, vocabulary)
            with open(f"{folder}/texts.json", "w", encoding="utf-8") as f:
                json.dump(texts, f)
            name, theirs = best_of(sessions, ids)
            expected = theirs()
            expected /= np.linalg.norm(expected, axis=1, keepdims=True)
            sides, floor = {name: peer.timed(theirs)}, {}
            for path in paths():
                ours = peer.Ours(program, model, path, a.threads, f"{folder}/texts.json")
                ours.ask(f"vectors {folder}/vectors")
                made = np.fromfile(f"{folder}/vectors", "<f4").reshape(expected.shape)
                floor[path] = (made.astype(np.float64) * expected).sum(1).min()
                sides[path] = ours.timed("embed")
                sides[f"{path}, tokens alone"] = ours.timed("tokens")
            seen = peer.interleaved(sides, a.rounds)
            print(f"{count} {work} of {length} tokens, {a.threads} threads, medians of {a.rounds} rounds")
            base = [peer.median(seen, name, what) for what in (0, 1)]
            for side in sides:
                record.add(work, count, a.threads, side, seen[side])
            for side in [name, *floor]:
                wall, cpu = (peer.median(seen, side, what) for what in (0, 1))
                tail = ""
                if side in floor:
                    record.note(f"lowest cosine, {work}, {side}", f"{floor[side]:.7f}")
                    share = peer.share(seen, f"{side}, tokens alone", side)
                    tail = f"  lowest cosine {floor[side]:.7f}  tokeniser {share}"
                print(f"  {side:40} {count / wall:8.1f}/s  {base[0] / wall:5.2f} x  "
                      f"cpu {cpu / count * 1e3:7.3f} ms  {base[1] / cpu:5.2f} x{tail}", flush=True)
    record.write()


if __name__ == "__main__":
    main()
