"""From runs to one number: means inside a question, the named statistic over questions."""

import math


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
