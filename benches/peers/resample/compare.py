#!/usr/bin/env python3
"""Bootstrap and sign-flip against scipy and NumPy, one interleaved run.

Usage: compare.py [--rounds N] [--values N] [--resamples N]

scipy's bootstrap runs vectorised at its default batch (all resamples at once:
1.6 GB) and at the best of several; its permutation test at the best of several;
the permutation test takes a tenth of the resamples and its times
are multiplied by ten, since it is linear in them. NumPy's sign-flip unpacks
random bits and is one matrix product a batch. This project's side runs on
every kernel path of the processor, on all cores; the peers use what they use.
Prints medians and ratios; raw data go to benches/runs/.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "encoder"))
import peer  # noqa: E402

PACKAGES = ["numpy==2.2.6", "scipy==1.15.3"]
if __name__ == "__main__":
    peer.in_environment("bench-resample", PACKAGES)

import numpy as np  # noqa: E402
import scipy.stats  # noqa: E402


def build():
    command = ["cargo", "bench", "-p", "wfgy-kernel", "--bench", "resample", "--no-run", "--message-format=json"]
    lines = subprocess.run(command, cwd=peer.ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    return [m["executable"] for m in map(json.loads, lines) if m.get("executable")][-1]


def ours(program, file, what, path, resamples):
    """Wall seconds of the second of two runs, processor seconds of half of both."""
    def run():
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run([program, file, what, path, str(resamples)], check=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return float(done.stdout), cpu / 2
    return run


def timed(work, times=1):
    def run():
        cpu, wall = time.process_time(), time.perf_counter()
        work()
        return times * (time.perf_counter() - wall), times * (time.process_time() - cpu)
    return run


def best_batch(work, batches):
    """The side that runs `work(batch)` at the batch that takes the least processor time."""
    taken = {}
    for batch in batches:
        taken[batch] = timed(lambda: work(batch))()[1]
    return min(taken, key=taken.get)


def numpy_sign_flip(values, resamples, batch, rng):
    """Sums of random signs: bits as 0 and 1, one product a batch, 2 K − total."""
    n, total, hits = len(values), values.sum(), 0
    width = -(-n // 8)
    for _ in range(resamples // batch):
        bits = np.unpackbits(np.frombuffer(rng.bytes(batch * width), np.uint8).reshape(batch, width), axis=1)
        kept = bits[:, :n].astype(np.float32) @ values
        hits += int(np.sum(2 * kept - total >= total))
    return (hits + 1) / (resamples + 1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--values", type=int, default=10000)
    parser.add_argument("--resamples", type=int, default=10000)
    args = parser.parse_args()
    values = np.random.default_rng(5).normal(0.003, 0.1, args.values)
    mean = lambda x, axis: np.mean(x, axis=axis)

    def bootstrap(batch):
        scipy.stats.bootstrap((values,), np.mean, method="percentile", n_resamples=args.resamples,
                              batch=batch, rng=np.random.default_rng(1))

    def permutation(batch):
        scipy.stats.permutation_test((values,), mean, permutation_type="samples", alternative="greater",
                                     n_resamples=args.resamples // 10, batch=batch, rng=np.random.default_rng(1))

    values32 = values.astype(np.float32)

    def flips(batch):
        numpy_sign_flip(values32, args.resamples, batch, np.random.default_rng(1))

    program = build()
    paths = ["portable"]
    flags = open("/proc/cpuinfo", encoding="utf-8").read()
    paths += [name for name, flag in (("avx2", " avx2 "), ("avx512", " avx512dq ")) if flag in flags]
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "values.f64")
        values.astype("<f8").tofile(file)
        batch = {work: best_batch(work, sizes) for work, sizes in (
            (bootstrap, (20, 100, 500)), (permutation, (20, 100)), (flips, (50, 250)))}
        sides = {
            ("bootstrap", "scipy default"): timed(lambda: bootstrap(None)),
            ("bootstrap", "scipy"): timed(lambda: bootstrap(batch[bootstrap])),
            ("sign-flip", "scipy"): timed(lambda: permutation(batch[permutation]), 10),
            ("sign-flip", "numpy"): timed(lambda: flips(batch[flips])),
        }
        for what in ("bootstrap", "sign-flip"):
            for path in paths:
                sides[what, path] = ours(program, file, what, path, args.resamples)
        seen = {side: [] for side in sides}
        for _ in range(args.rounds):
            for side, run in sides.items():
                seen[side].append(run())

    record = peer.Record("resample")
    for (what, side), times in seen.items():
        record.add(f"{what}, {args.resamples} resamples", args.values, os.cpu_count(), side, times)
    print(f"{args.values} values x {args.resamples} resamples, {args.rounds} rounds, {record.cpu}, {os.cpu_count()} cores, {record.commit}")
    print("batches: " + ", ".join(f"{work.__name__} {size}" for work, size in batch.items()))
    print(f"{'work':10} {'side':13} {'wall ms':>9} {'cpu ms':>9}  wall (cpu) against peers")
    median = lambda side, what: peer.median(seen, side, what)
    for side in sides:
        ratios = ""
        if side[1] in paths:
            others = [other for other in sides if other[0] == side[0] and other[1] not in paths]
            ratios = ", ".join(f"{other[1]} {median(other, 0) / median(side, 0):.0f}x "
                               f"({median(other, 1) / median(side, 1):.0f}x)" for other in others)
        print(f"{side[0]:10} {side[1]:13} {1e3 * median(side, 0):9.1f} {1e3 * median(side, 1):9.1f}  {ratios}")
    record.write()


if __name__ == "__main__":
    main()
