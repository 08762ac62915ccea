"""The latency pass: quantiles of each stage and the ratios of the calls' totals."""

import os

import numpy as np

import canonical
from intervals import LEVEL, blocks

QUANTILES = (("p50", 0.5, "median"), ("p95", 0.95, "p95"), ("p99", 0.99, "p99"))


def read(folder):
    """{arm: {stage: milliseconds in the order of the calls}}, the sum of the stages as `total`."""
    arms = {}
    for _, row, _ in canonical.read_lines(os.path.join(folder, "latency.jsonl")):
        if row["error"] is None:
            stages = arms.setdefault(row["arm"], {})
            for stage, ms in sorted(row["stages_ms"].items()):
                stages.setdefault(stage, []).append(ms)
            stages.setdefault("total", []).append(sum(row["stages_ms"].values()))
    return arms


def numbers(arms):
    """{(arm, stage, field) or ratio's name: (point, (lower, upper), aggregate)}, by moving blocks."""
    out, resampled = {}, {}

    def ends(values):
        return tuple(float(end) for end in np.quantile(values, [1 - LEVEL, LEVEL]))

    for arm, stages in arms.items():
        for stage, series in stages.items():
            series = np.array(series)
            quantiles = np.quantile(series[blocks(len(series))], [p for _, p, _ in QUANTILES], axis=1)
            for (field, p, aggregate), values in zip(QUANTILES, quantiles):
                resampled[arm, stage, field] = values
                out[arm, stage, field] = (float(np.quantile(series, p)), ends(values), aggregate)
    for field in ("p95", "p99") if len(arms) == 2 else ():
        new, old = [(arm, "total", field) for arm in ("candidate", "baseline")]
        out["latency.%s_ratio" % field] = (out[new][0] / out[old][0], ends(resampled[new] / resampled[old]), field)
    return out
