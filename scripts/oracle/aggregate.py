"""From runs to one number: means inside a question, the named statistic over questions."""

import math
from collections import namedtuple

QUANTILES = {"median": 0.5, "worst_slot_median": 0.5, "p01": 0.01, "p05": 0.05, "p90": 0.9, "p95": 0.95}

# `values` is one a question, in gold order; `clusters` are those of each where several are pooled,
# `rivals` the values of every slot or stratum where this is the worst of them.
Estimate = namedtuple("Estimate", "point n aggregate values clusters rivals", defaults=(None, None, None))


def mean(values):
    """Arithmetic mean of a list that is not empty."""
    return math.fsum(values) / len(values)


def quantile(values, p):
    """Type 7 (linear interpolation between order statistics)."""
    ordered = sorted(values)
    place = (len(ordered) - 1) * p
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def estimate(aggregate, values):
    """A statistic of one value a question; there is at least one."""
    point = {"mean": mean, "share": mean, "count": sum}.get(aggregate) or (
        lambda values: quantile(values, QUANTILES[aggregate]))
    return Estimate(point(values), len(values), aggregate, values)


def pooled(aggregate, clusters):
    """A statistic of the values of all questions together; None where there is none."""
    clusters = [values for values in clusters if values]
    values = [v for own in clusters for v in own]
    if not values:
        return None
    point = mean(values) if aggregate == "share" else quantile(values, QUANTILES[aggregate])
    return Estimate(point, len(clusters), aggregate, None, clusters)


def median(values):
    """Type 7 quantile 0.5."""
    return quantile(values, 0.5)


def round9(x):
    """Half away from zero, to 9 decimals: what bounds and bands are compared with."""
    return math.copysign(math.floor(abs(x) * 1e9 + 0.5) / 1e9, x)


def by_wording(cells):
    """{wording: mean over its seeds} of {(wording, seed): value}; None values are left out."""
    slots = {}
    for (wording, _), value in cells.items():
        if value is not None:
            slots.setdefault(wording, []).append(value)
    return {w: mean(v) for w, v in slots.items()}


def by_question(cells):
    """Mean over wordings of the means over seeds, or None where there is no value."""
    slots = by_wording(cells)
    return mean(list(slots.values())) if slots else None
