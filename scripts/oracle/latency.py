"""The latency pass: ratios of quantiles of single calls, candidate / baseline."""

import math
import os

import canonical
from aggregate import quantile

CALLS = 2000


def ratios(folder):
    """{name: (point, questions)} of `latency.jsonl`; nothing without such a file, where a call
    failed, or where an arm has fewer calls than are needed."""
    path = os.path.join(folder, "latency.jsonl")
    if not os.path.exists(path):
        return {}
    totals = {"candidate": [], "baseline": []}
    for _, call, _ in canonical.read_lines(path):
        if call["error"] is not None:
            return {}
        totals[call["arm"]].append(math.fsum(call["stages_ms"].values()))
    new, old = totals["candidate"], totals["baseline"]
    if len(new) != len(old) or len(new) < CALLS:
        return {}
    parts = {p: (quantile(new, p / 100), quantile(old, p / 100)) for p in (95, 99)}
    return {"latency.p%d_ratio" % p: (a / b, 0) for p, (a, b) in parts.items() if b > 0}
