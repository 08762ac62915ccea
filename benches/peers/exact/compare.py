#!/usr/bin/env python3
"""Exact top-k against faiss-cpu IndexFlatIP, the same vectors, one interleaved run.

Usage: compare.py [--rounds N] [--threads N] [--rows N] [--dim D] [--k K]
                  [--vectors FILE.npy] [--queries FILE.npy] [--batches 1,40,320,1000]

Without files: unit vectors in clusters, from a literal seed. With --vectors alone, the last
1,000 rows are the queries and the others the rows. Vectors must have unit norm, since cosine is
compared with inner products.

faiss runs as its own build for this processor, and once more held to AVX2 (FAISS_OPT_LEVEL and
OPENBLAS_CORETYPE), which stands beside this project's AVX2 path only. For every batch size each
takes the best of its settings: BLAS from 1 query, from 20 or by default; for one query also two
halves on two threads (IndexShards); its own build also the kernels that OpenBLAS chooses for this
processor or those for Haswell, which are quicker on some that have AVX-512. Prints medians of wall and processor time, ratios, the rate
at which packed rows are read, and whether every path has the hits of an f64 reference; raw data
go to benches/runs/.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "encoder"))
import peer  # noqa: E402

PACKAGES = ["faiss-cpu==1.15.1", "numpy==2.4.6"]
if __name__ == "__main__":
    peer.in_environment("bench-exact", PACKAGES)

import numpy as np  # noqa: E402

PATHS = {"amx": "amx_int8", "avx512-vnni": "avx512_vnni", "avx512": "avx512bw", "avx2": "avx2", "portable": "fpu"}
#: The slowest path is not worth minutes.
MOST_PORTABLE = 40


def clustered(n, dim, seed):
    """Unit vectors around 2,000 centres: neighbours as near as those of sentence vectors."""
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(20_000).standard_normal((2_000, dim), dtype=np.float32)
    found = centres[random.integers(0, len(centres), n)]
    found += random.standard_normal((n, dim), dtype=np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def build():
    """The program of exact.rs, built for release."""
    command = ["cargo", "build", "--release", "-p", "wfgy-kernel", "--example", "exact", "--message-format=json"]
    lines = subprocess.run(command, cwd=peer.ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    made = [m["executable"] for m in map(json.loads, lines) if m.get("executable")]
    return made[-1]


class Child:
    """A process that answers one line with one line."""

    def __init__(self, command, env=None):
        self.process = subprocess.Popen(command, text=True, env={**os.environ, **(env or {})},
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit(f"ended early: {self.process.args[:2]} at {line}")
        return answer.rstrip("\n")

    def timed(self, line):
        """A side: wall and processor seconds."""
        return lambda: tuple(map(float, self.ask(line).split()))


def serve_faiss(rows, queries, dim, k, threads):
    """Answers `SETTING Q` with wall and processor seconds of a search."""
    import time

    import faiss
    faiss.omp_set_num_threads(threads)
    rows, queries = (np.fromfile(f, "<f4").reshape(-1, dim) for f in (rows, queries))
    flat = faiss.IndexFlatIP(dim)
    flat.add(rows)
    shards, parts = faiss.IndexShards(dim, True, True), []
    for part in np.array_split(rows, threads):
        parts.append(faiss.IndexFlatIP(dim))
        parts[-1].add(part)
        shards.add_shard(parts[-1])
    default = faiss.cvar.distance_compute_blas_threshold
    print(faiss.get_compile_options().strip(), flush=True)
    for line in sys.stdin:
        setting, count = line.split()
        known = {"blas-1": 1, "blas-20": 20, "default": default, "shards": default}
        faiss.cvar.distance_compute_blas_threshold = known[setting]
        index, asked = shards if setting == "shards" else flat, queries[:int(count)]
        cpu, wall = time.process_time(), time.perf_counter()
        index.search(asked, k)
        print(time.perf_counter() - wall, time.process_time() - cpu, flush=True)


def best_setting(children, count):
    """The process and setting by which faiss answers `count` queries soonest, by name."""
    settings = ["blas-1", "blas-20", "default"] + (["shards"] if count == 1 else [])
    tried = {}
    for name, child in children.items():
        for setting in settings:
            first = child.timed(f"{setting} {count}")()[0]
            # Some settings are ten times slower: one look is enough.
            more = 2 if first < 1 else 0
            tried[name, setting] = min([first] + [child.timed(f"{setting} {count}")()[0] for _ in range(more)])
    return min(tried, key=tried.get)


def reference(rows, queries, k):
    """Scores of the best k in f64, by query."""
    found = []
    for block in np.array_split(queries.astype(np.float64), max(1, len(queries) // 20)):
        scores = np.concatenate([block @ part.astype(np.float64).T for part in np.array_split(rows, 20)], axis=1)
        top = np.argpartition(-scores, k, axis=1)[:, :k]
        found += [dict(zip(t.tolist(), s[t].tolist())) for t, s in zip(top, scores)]
    return found


def differing(answer, expected):
    """Queries whose hits are not the reference's but for scores within 1e-6 of the last."""
    wrong = 0
    for hits, best in zip(answer.split(";"), expected):
        mine = dict((int(r), float(s)) for r, s in (hit.split(":") for hit in hits.split(",")))
        last = min(best.values())
        odd = [s for r, s in mine.items() if r not in best] + [s for r, s in best.items() if r not in mine]
        wrong += any(abs(s - last) > 1e-6 for s in odd) or len(mine) != len(best)
    return wrong


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("--rounds", type=int, default=7)
    ap.add_argument("--threads", type=int, default=os.cpu_count())
    ap.add_argument("--rows", type=int, default=200_000)
    ap.add_argument("--dim", type=int, default=384)
    ap.add_argument("--k", type=int, default=10)
    ap.add_argument("--vectors")
    ap.add_argument("--queries")
    ap.add_argument("--batches", default="1,40,320,1000")
    ap.add_argument("--faiss", nargs=4, help=argparse.SUPPRESS)
    a = ap.parse_args()
    if a.faiss:
        rows, queries, dim, k = a.faiss
        return serve_faiss(rows, queries, int(dim), int(k), a.threads)
    batches = [int(b) for b in a.batches.split(",")]
    most = max(batches)
    if a.vectors:
        rows = np.load(a.vectors)
        rows, queries = (rows, np.load(a.queries)) if a.queries else (rows[:-most], rows[-most:])
        data = pathlib.Path(a.vectors).name
    else:
        rows, queries, data = clustered(a.rows, a.dim, 1), clustered(most, a.dim, 2), "clustered"
    dim, record = rows.shape[1], peer.Record("exact")
    flags = next(line.split() for line in open("/proc/cpuinfo") if line.startswith("flags"))
    paths = [path for path, flag in PATHS.items() if flag in flags]
    print(f"{len(rows)} x {dim} ({data}), k = {a.k}, {a.threads} threads, medians of {a.rounds} rounds")
    with tempfile.TemporaryDirectory() as folder:
        files = [f"{folder}/rows.f32", f"{folder}/queries.f32"]
        for values, file in zip((rows, queries[:most]), files):
            np.ascontiguousarray(values, "<f4").tofile(file)
        arguments = [*files, str(dim), str(a.k)]
        ours = Child([build(), *arguments], {"RAYON_NUM_THREADS": str(a.threads)})
        me = [sys.executable, os.path.abspath(__file__), "--threads", str(a.threads), "--faiss", *arguments]
        haswell = {"OPENBLAS_CORETYPE": "Haswell"}
        peers = {"faiss": {"OpenBLAS as it chooses": Child(me), "OpenBLAS for Haswell": Child(me, haswell)},
                 "faiss-avx2": {"OpenBLAS for Haswell": Child(me, {"FAISS_OPT_LEVEL": "avx2", **haswell})}}
        for name, children in peers.items():
            print(f"  {name}: {[child.process.stdout.readline().strip() for child in children.values()][0]}")
        expected = reference(rows, queries[:most], a.k)
        for path in paths:
            count = MOST_PORTABLE if path == "portable" else most
            wrong = differing(ours.ask(f"hits {path} {count}"), expected)
            print(f"  {path}: {count} queries, {wrong} with other hits than the f64 reference")
        for count in batches:
            sides = {}
            for name, children in peers.items():
                blas, setting = best_setting(children, count)
                sides[name] = children[blas].timed(f"{setting} {count}")
                print(f"{count} queries, {name} at its best: {setting}, {blas}")
                record.note(f"{name}, {count} queries", f"{setting}, {blas}")
            for path in paths:
                if path != "portable" or count <= MOST_PORTABLE:
                    sides[path] = ours.timed(f"search {path} {count}")
            seen = peer.interleaved(sides, a.rounds)
            report(record, data, count, a.threads, seen, rows.size)
        sides = {f"pack {path}": ours.timed(f"pack {path}") for path in paths}
        sides["read"] = ours.timed("read")
        seen = peer.interleaved(sides, a.rounds)
        for side in sides:
            wall, cpu = (peer.median(seen, side, what) for what in (0, 1))
            rate = f"  {rows.nbytes / wall / 1e9:6.1f} GB/s" if side == "read" else ""
            print(f"  {side:24} {wall * 1e3:9.2f} ms  cpu {cpu * 1e3:9.2f} ms{rate}")
            record.add(data, 0, a.threads, side, seen[side])
    record.write()


def report(record, data, count, threads, seen, codes):
    for side in seen:
        wall, cpu = (peer.median(seen, side, what) for what in (0, 1))
        ratios = ""
        if side not in ("faiss", "faiss-avx2"):
            for other in ("faiss", "faiss-avx2") if side == "avx2" else ("faiss",):
                pair = [peer.median(seen, other, what) for what in (0, 1)]
                ratios += f"  {pair[0] / wall:6.2f} x {other}  {pair[1] / cpu:6.2f} x in processor time"
            ratios += f"  {codes / wall / 1e9:6.1f} GB/s of codes"
        print(f"  {side:12} {count:5} queries {wall * 1e3:9.2f} ms  cpu {cpu * 1e3:9.2f} ms{ratios}", flush=True)
        record.add(data, count, threads, side, seen[side])


if __name__ == "__main__":
    main()
