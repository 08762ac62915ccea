#!/usr/bin/env python3
"""The built-in static embedder against `tokenizers` and NumPy doing the same, one interleaved run.

Usage: compare.py [--rounds N] [--threads N] [--questions N]

The same table and vocabulary on both sides, read from
crates/embed/assets/static.bin; texts are short questions. The other side
tokenises in one batch on all threads and sums rows in f32 by the better of
two ways. This project's tokeniser is timed by itself as well, over the same
texts on the same threads. Prints medians, ratios, its share and the lowest
cosine; raw data go to benches/runs/.
"""

import argparse
import os
import struct
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "encoder"))
import peer  # noqa: E402

PACKAGES = ["numpy==2.4.6", "tokenizers==0.23.3"]
if __name__ == "__main__":
    peer.in_environment("bench-static", PACKAGES)

import json  # noqa: E402

import numpy as np  # noqa: E402
from tokenizers import Tokenizer, normalizers, pre_tokenizers  # noqa: E402
from tokenizers.models import WordPiece  # noqa: E402

sys.path.insert(0, str(peer.ROOT / "scripts"))
import oracle_minilm  # noqa: E402

OURS, TOKENS = "this project", "this project, tokens alone"


def table():
    """The vocabulary and its rows in f32; the layout is that of crates/embed/src/static_table.rs."""
    raw = (peer.ROOT / "crates/embed/assets/static.bin").read_bytes()
    tokens, dim, text = struct.unpack("<3I", raw[8:20])
    vocabulary = raw[24:24 + text].decode().splitlines()
    scales = np.frombuffer(raw, "<f4", tokens, 24 + text)
    rows = np.frombuffer(raw, "i1", tokens * dim, 24 + text + 4 * tokens).reshape(tokens, dim)
    return vocabulary, scales[:, None] * rows.astype(np.float32)


def tokenizer_of(vocabulary):
    made = Tokenizer(WordPiece({t: i for i, t in enumerate(vocabulary)}, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return made


def unit(sums):
    return sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-30)


def text_by_text(tokenizer, rows, texts):
    return unit(np.stack([rows[e.ids].sum(0) for e in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]))


def at_once(tokenizer, rows, texts):
    ids = [e.ids for e in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]
    starts = np.cumsum([0] + [len(i) for i in ids[:-1]])
    return unit(np.add.reduceat(rows[np.concatenate(ids)], starts, axis=0))


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("--rounds", type=int, default=7)
    ap.add_argument("--threads", type=int, default=os.cpu_count())
    ap.add_argument("--questions", type=int, default=20000)
    a = ap.parse_args()
    program, chooser = peer.build(), peer.programs()["wfgy_eval"]
    record = peer.Record("static", chooser)
    vocabulary, rows = table()
    tokenizer = tokenizer_of(vocabulary)
    r = oracle_minilm.Lcg(16)
    texts = [oracle_minilm.question(r) for _ in range(a.questions)]
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/texts.json", "w", encoding="utf-8") as f:
            json.dump(texts, f)
        ways = {way: peer.timed(lambda way=way: way(tokenizer, rows, texts)) for way in (text_by_text, at_once)}
        best = min(ways, key=lambda way: min(ways[way]()[0] for _ in range(2)))
        name = f"tokenizers and NumPy, {best.__name__}"
        expected = best(tokenizer, rows, texts)
        ours = peer.Ours(program, "static", peer.kernel_path(chooser), a.threads, f"{folder}/texts.json")
        ours.ask(f"vectors {folder}/vectors")
        made = np.fromfile(f"{folder}/vectors", "<f4").reshape(expected.shape)
        floor = (made.astype(np.float64) * expected).sum(1).min()
        sides = {name: ways[best], OURS: ours.timed("embed"), TOKENS: ours.timed("tokens")}
        seen = peer.interleaved(sides, a.rounds)
        print(f"{len(texts)} short questions, {a.threads} threads, medians of {a.rounds} rounds, lowest cosine {floor:.7f}")
        for side in sides:
            wall, cpu = (peer.median(seen, side, what) for what in (0, 1))
            print(f"  {side:40} {len(texts) / wall:9.0f}/s  {peer.median(seen, name, 0) / wall:6.2f} x  "
                  f"cpu {cpu / len(texts) * 1e6:7.2f} us  {peer.median(seen, name, 1) / cpu:6.2f} x")
            record.add("static questions", len(texts), a.threads, side, seen[side])
        print("  the tokeniser is", peer.share(seen, TOKENS, OURS))
    record.note("lowest cosine", f"{floor:.7f}")
    record.write()


if __name__ == "__main__":
    main()
