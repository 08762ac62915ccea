"""The latency pass: quantiles of each stage and the ratios of the calls' totals."""

import os

import numpy as np

import canonical
from intervals import LEVEL, blocks

QUANTILES = (("p50", 0.5, "median"), ("p95", 0.95, "p95"), ("p99", 0.99, "p99"))
RATIOS = {"latency.p95_ratio": "p95", "latency.p99_ratio": "p99"}
CALLS = 2000


def read(folder):
    """({arm: {stage: milliseconds in the order of the calls}}, whether ratios have data).

    The sum of the stages of a call is `total`; (None, False) where there was no latency pass.
    """
    path = os.path.join(folder, "latency.jsonl")
    if not os.path.exists(path):
        return None, False
    arms, failed = {}, False
    for _, row, _ in canonical.read_lines(path):
        failed = failed or row["error"] is not None
        if row["error"] is None:
            stages = arms.setdefault(row["arm"], {})
            for stage, ms in sorted(row["stages_ms"].items()):
                stages.setdefault(stage, []).append(ms)
            stages.setdefault("total", []).append(sum(row["stages_ms"].values()))
    calls = [len(stages["total"]) for stages in arms.values()]
    return arms, not failed and len(calls) == 2 and calls[0] == calls[1] >= CALLS


def numbers(arms, whole):
    """{(arm, stage, field) or ratio's name: (point, (lower, upper), aggregate)}, by moving blocks.

    Ratios where both arms are `whole`.
    """
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
    for name, field in RATIOS.items() if whole else ():
        new, old = [(arm, "total", field) for arm in ("candidate", "baseline")]
        if out[old][0] > 0:
            out[name] = (out[new][0] / out[old][0], ends(resampled[new] / resampled[old]), field)
    return out
