#!/usr/bin/env python3
"""Our graph against hnswlib and usearch on the same vectors, interleaved.

Usage: run.py BASE.npy QUERIES.npy [--rounds 7] [--count N] [--kernel PATH] [--hnsw-rs] [--out DIR]

Real vectors: `windows.py BEIR_DIR > w.jsonl`, `index_build --input w.jsonl --out w
--chunk none --ann none`, then w/vectors.npy; queries likewise with --titles.
The peers are installed at pinned versions into a venv in the target folder;
hnswlib has no wheel, so pip compiles it with -march=native.
Every round builds all three (M 16, ef_construction 200, all cores; usearch with
bf16) and asks all queries, eight times over, at each ef: once over would take
10 ms, which one pause of a shared machine doubles.  Recall@10 is against the
exact answer.
Seconds are wall clock and, because a shared machine takes processors away,
processor time.  Times at recall 0.95 and 0.99 are interpolated (log of time
against recall) round by round, or are those of ef 10, the least that gives ten
rows, where it is above that recall already; ratios are medians over rounds.
"""

import argparse
import csv
import datetime
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(HERE.parent / "encoder"))
import peer  # noqa: E402

PEERS = ["numpy==2.2.6", "hnswlib==0.8.0", "usearch==2.26.6"]
K, M, EF_CONSTRUCTION = 10, 16, 200
TIMES = 8
EFS = [10, 12, 16, 24, 32, 48, 64, 96, 128]
LEVELS = [0.95, 0.99]


def in_venv():
    """Starts again inside a venv that has the peers."""
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "peers-graph"
    python = target / "bin" / "python"
    if pathlib.Path(sys.prefix).resolve() == target.resolve():
        return
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", target], check=True)
    subprocess.run([python, "-m", "pip", "-q", "install", *PEERS], check=True)
    os.execv(python, [python, __file__, *sys.argv[1:]])


def timed(work):
    used = resource.getrusage(resource.RUSAGE_SELF)
    start, cpu = time.perf_counter(), used.ru_utime + used.ru_stime
    result = work()
    used = resource.getrusage(resource.RUSAGE_SELF)
    return result, time.perf_counter() - start, used.ru_utime + used.ru_stime - cpu


class Ours:
    def __init__(self, base, queries, kernel, kind="hnsw"):
        self.kind, self.name = kind, "wfgy" if kind == "hnsw" else kind
        command = ["cargo", "bench", "-q", "-p", "wfgy-index", "--bench", "graph_peer", "--"]
        pipe = subprocess.PIPE
        command += [str(base), str(queries), *([kernel] if kernel else [])]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)
        self.kernel = self.process.stdout.readline().strip()

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        wall, cpu, *rows = self.process.stdout.readline().split()
        return float(wall), float(cpu), rows

    def build(self):
        return self.ask(f"build {self.kind}")[:2]

    def query(self, ef):
        wall, cpu, rows = self.ask(f"query {ef}")
        return wall, cpu, np.array(rows, dtype=np.int64).reshape(-1, K)


class Hnswlib:
    name = "hnswlib"

    def __init__(self, base, queries):
        self.base, self.queries = base, queries

    def build(self):
        self.index = hnswlib.Index("ip", self.base.shape[1])
        self.index.init_index(len(self.base), M=M, ef_construction=EF_CONSTRUCTION)
        self.index.set_num_threads(os.cpu_count())
        return timed(lambda: self.index.add_items(self.base))[1:]

    def query(self, ef):
        self.index.set_ef(ef)
        (rows, _), wall, cpu = timed(lambda: self.index.knn_query(self.queries, K))
        return wall, cpu, rows.astype(np.int64)


class Usearch:
    name = "usearch-bf16"

    def __init__(self, base, queries):
        self.base, self.queries = base, queries

    def build(self):
        self.index = usearch.index.Index(
            ndim=self.base.shape[1], metric="ip", dtype="bf16", connectivity=M,
            expansion_add=EF_CONSTRUCTION,
        )
        keys = np.arange(len(self.base))
        return timed(lambda: self.index.add(keys, self.base, threads=os.cpu_count()))[1:]

    def query(self, ef):
        self.index.expansion_search = ef
        found, wall, cpu = timed(
            lambda: self.index.search(self.queries, K, threads=os.cpu_count())
        )
        return wall, cpu, found.keys.astype(np.int64)


def at_recall(points, level):
    """Seconds at a recall, between the points around it; None where it is not reached."""
    points = sorted(points)
    if points[0][0] >= level:
        return points[0][1]
    for (low, slow), (high, fast) in zip(points, points[1:]):
        if low <= level <= high and high > low:
            share = (level - low) / (high - low)
            return float(np.exp(np.log(slow) * (1 - share) + np.log(fast) * share))
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("base", type=pathlib.Path)
    parser.add_argument("queries", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--count", type=int, help="use the first N vectors [default: all]")
    parser.add_argument("--kernel", help="force this kernel path [default: the best]")
    parser.add_argument("--hnsw-rs", action="store_true", help="also a graph that the crate hnsw_rs links")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "benches" / "runs")
    args = parser.parse_args()
    scratch = pathlib.Path(tempfile.mkdtemp())
    base_file = args.base.resolve()
    base = np.load(base_file)
    if args.count:
        base = np.ascontiguousarray(base[: args.count])
        base_file = scratch / f"base-{os.getpid()}.npy"
        np.save(base_file, base)
    queries = np.load(args.queries)
    exact = np.argpartition(-(queries @ base.T), K, axis=1)[:, :K]
    queries = np.tile(queries, (TIMES, 1))
    queries_file = scratch / f"queries-{os.getpid()}.npy"
    np.save(queries_file, queries)
    ours = Ours(base_file, queries_file, args.kernel)
    sides = [ours, Hnswlib(base, queries), Usearch(base, queries)]
    if args.hnsw_rs:
        sides.append(Ours(base_file, queries_file, args.kernel, "hnsw_rs"))
    about = {
        "commit": peer.revision(),
        "cpu": next(
            line.split(":")[1].strip()
            for line in open("/proc/cpuinfo", encoding="utf-8")
            if line.startswith("model name")
        ),
        "cores": os.cpu_count(),
        "kernel": ours.kernel,
        "n": len(base),
        "queries": len(queries),
        "dim": base.shape[1],
    }
    records, speeds = [], {}
    for round_number in range(args.rounds):
        # Another side begins each round.
        turn = round_number % len(sides)
        for side in sides[turn:] + sides[:turn]:
            wall, cpu = side.build()
            records.append([round_number, side.name, "build", "", "", wall, cpu])
            speeds.setdefault((side.name, "build"), []).append((wall, cpu))
        curves = {side.name: ([], []) for side in sides}
        for ef in EFS:
            for side in sides[turn:] + sides[:turn]:
                wall, cpu, rows = side.query(ef)
                recall = np.mean([len(set(a) & set(b)) for a, b in zip(rows, exact)]) / K
                records.append([round_number, side.name, "query", ef, recall, wall, cpu])
                curves[side.name][0].append((recall, wall))
                curves[side.name][1].append((recall, cpu))
        for name, (walls, cpus) in curves.items():
            for level in LEVELS:
                pair = (at_recall(walls, level), at_recall(cpus, level))
                speeds.setdefault((name, f"query@{level}"), []).append(pair)
    args.out.mkdir(parents=True, exist_ok=True)
    day = datetime.date.today().isoformat()
    path = args.out / f"graph-{day}-{about['commit'].rstrip('+')}-{about['kernel']}-{len(base)}.csv"
    with open(path, "w", newline="", encoding="utf-8") as out:
        out.write("".join(f"# {key}: {value}\n" for key, value in about.items()))
        out.write(f"# peers: {' '.join(PEERS)}\n")
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["round", "side", "work", "ef", "recall", "wall_s", "cpu_s"])
        writer.writerows(records)
    print(*(f"{key} {value}" for key, value in about.items()), sep=", ")
    for work in ["build"] + [f"query@{level}" for level in LEVELS]:
        for which, clock in enumerate(["wall", "cpu"]):
            mine = [pair[which] for pair in speeds["wfgy", work]]
            line = [f"{work:<12}{clock:<5}"]
            for side in sides:
                theirs = [pair[which] for pair in speeds[side.name, work]]
                both = [(a, b) for a, b in zip(mine, theirs) if a and b]
                if not both:
                    line.append(f"{side.name}: recall not met")
                    continue
                median = statistics.median(b for _, b in both)
                ratio = statistics.median(b / a for a, b in both)
                line.append(f"{side.name} {median:.3f} s ({ratio:.2f} x ours)")
            print("  ".join(line))
    print(path)
    for side in sides:
        if isinstance(side, Ours):
            side.process.stdin.close()
    shutil.rmtree(scratch)


if __name__ == "__main__":
    in_venv()
    import hnswlib
    import numpy as np
    import usearch.index

    main()
