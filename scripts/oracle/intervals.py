"""The intervals of docs/statistics.md, written from that page as plainly as they go.

Needs NumPy only. Bounds of means take the same random streams as the definition, so that two
implementations agree but for rounding.
"""

import bisect
import functools
import math
from fractions import Fraction
from statistics import NormalDist

import numpy as np

from aggregate import QUANTILES, estimate as estimate_of, mean, quantile, round9
from streams import RESAMPLES, SEED, Streams

LEVEL = 0.95
NORMAL = NormalDist()
SIDES = ("lower", "upper")
# A share that is p but for the rounding of fixed point is p.
TIE = 1e-7
# Of the integral behind a bound; a tenth of it gives the same nine digits.
STEP = 0.05


@functools.lru_cache(maxsize=8)
def drawn(n):
    """RESAMPLES × n positions below n: the resamples of n values."""
    with np.errstate(over="ignore"):
        return Streams(SEED, RESAMPLES).below(n, n)


@functools.lru_cache(maxsize=2)
def blocks(n, resamples=2000, block=50):
    """resamples × n positions in a series of n calls: blocks that follow each other, joined."""
    with np.errstate(over="ignore"):
        starts = Streams(SEED, resamples).below(n - block + 1, -(-n // block))
    return (starts[:, :, None] + np.arange(block)).reshape(resamples, -1)[:, :n]


def plain_bca(values, worst, side, level, streams_of=drawn):
    """BCa of the mean of values with one pseudo-question at the worst end."""
    x = np.append(np.asarray(values, dtype=float), worst)
    n, center = len(x), x.mean()
    means = np.sort(x[streams_of(n)].mean(axis=1))
    tie = 2e-8 * np.abs(x - center).max()
    share = (np.sum(means < center - tie) + np.sum(means <= center + tie)) / 2 / RESAMPLES
    jackknife = (x.sum() - x) / (n - 1)
    d = jackknife.mean() - jackknife
    acceleration = np.sum(d**3) / (6 * np.sum(d**2) ** 1.5)
    z = NORMAL.inv_cdf(level if side == "upper" else 1 - level)
    z0 = NORMAL.inv_cdf(share) if 0 < share < 1 else math.inf
    if math.isinf(z0) or 1 - acceleration * (z0 + z) <= 0:
        adjusted = float(side == "upper")
    else:
        adjusted = NORMAL.cdf(z0 + (z0 + z) / (1 - acceleration * (z0 + z)))
    if side == "upper":
        rank = math.ceil(adjusted * RESAMPLES)
    else:
        rank = math.floor(adjusted * RESAMPLES) + 1
    return float(means[min(max(rank, 1), RESAMPLES) - 1])


@functools.lru_cache(maxsize=2)
def abscissae(step):
    """exp(v) for v from -34 to 34: beyond lies nothing that a double sees."""
    return np.exp(np.arange(-34.0, 34.0, step))


def gaffke_excess(x, t, level, step):
    """By how much the probability that a weighted mean of x exceeds t is above 1 - level.

    The weights are uniform on the simplex. The mean exceeds t iff sum c_i E_i > 0 with c_i = x_i - t
    and E_i standard exponentials, which by Imhof (1961) has probability 1/2 + 1/pi int sin(sum
    atan(c_i u)) / (u prod (1 + c_i^2 u^2)^(1/2)) du; u = exp(v) makes the integrand smooth.
    """
    c = (x - t)[:, None]
    cu = c * abscissae(step) / np.abs(c).max()
    integrand = np.sin(np.arctan(cu).sum(axis=0)) * np.exp(-0.5 * np.log1p(cu * cu).sum(axis=0))
    return 0.5 + integrand.sum() * step / math.pi - (1 - level)


def gaffke(values, worst, side, level):
    """Quantile of the mean of values and the worst end under weights uniform on the simplex."""
    sign = 1.0 if side == "upper" else -1.0
    x = sign * np.append(np.asarray(values, dtype=float), worst)
    low, high = x.min() + 1e-12, x.max() - 1e-12
    at_low, at_high = (gaffke_excess(x, t, level, STEP) for t in (low, high))
    kept = 0
    for _ in range(200):  # secants, an end that stays halved (the Illinois rule)
        t = (low * at_high - high * at_low) / (at_high - at_low)
        at = gaffke_excess(x, t, level, STEP)
        if abs(at) < 1e-10 or high - low < 1e-11:
            break
        if at > 0:
            low, at_low = t, at
            at_high *= 0.5 if kept == 1 else 1.0
            kept = 1
        else:
            high, at_high = t, at
            at_low *= 0.5 if kept == -1 else 1.0
            kept = -1
    return sign * t


@functools.lru_cache(maxsize=None)
def order_statistic_rank(n, p, side, level):
    """The definition, in exact fractions; ranks from 0, None where there is no bound."""
    p, level = Fraction(p), Fraction(level)
    terms = [math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(n + 1)]
    below, cumulative = [], Fraction(0)
    for term in terms:  # below[k] = P(B < k)
        below.append(cumulative)
        cumulative += term
    ranks = range(1, n + 1)
    if side == "upper":
        good = [k for k in ranks if below[k] >= level]
        return min(good) - 1 if good else None
    good = [k for k in ranks if 1 - below[k] >= level]
    return max(good) - 1 if good else None


@functools.lru_cache(maxsize=None)
def clopper_pearson(k, n, side, level=LEVEL):
    """The share of which k of n or fewer (upper bound), or or more (lower), are just improbable."""
    if side == "lower":
        return 1 - clopper_pearson(n - k, n, "upper", level)
    if k == n:
        return 1.0
    logs = [math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1) for i in range(k + 1)]

    def at_most_k(p):
        return math.fsum(math.exp(log + i * math.log(p) + (n - i) * math.log1p(-p)) for i, log in enumerate(logs))

    low, high = 0.0, 1.0
    for _ in range(100):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if at_most_k(middle) > 1 - level:
            low = middle
        else:
            high = middle
    return high


@functools.lru_cache(maxsize=None)
def more_cautious(values, worst, side, level):
    """Of the two bounds of a mean the outer one; curves, nulls and metrics ask for the same ones."""
    return (min if side == "lower" else max)(plain_bca(values, worst, side, level), gaffke(values, worst, side, level))


def mean_bound(values, lowest, highest, side, level=LEVEL):
    """Bound of the mean of values in [lowest, highest]; None where that side has no end."""
    worst = lowest if side == "lower" else highest
    if math.isinf(worst):
        return None
    others = sorted(set(values) - {worst})
    if len(others) > 1:
        return more_cautious(tuple(values), worst, side, level)
    usual = others[0] if others else worst
    return usual + (worst - usual) * clopper_pearson(values.count(worst), len(values), "upper", level)


def outward(bound, point, side):
    """A bound never lies on the wrong side of its point."""
    return bound if bound is None else (min if side == "lower" else max)(bound, point)


def pooled_bound(counts, sizes, side):
    """Bound of the share of a pool that these counts of each question are."""
    usual = sum(sizes) / len(sizes)
    bound = mean_bound([c / usual for c in counts], 0.0, max(sizes) / usual, side)
    return min(max(outward(bound, sum(counts) / sum(sizes), side), 0.0), 1.0)


def pooled_quantile(clusters, p, side):
    """Bound of a quantile of a pool: the nearest value that is shown to lie beyond it, or None."""
    questions = [sorted(values) for values in clusters]
    sizes = [len(values) for values in questions]
    pool = sorted(set(v for values in questions for v in values))
    point = quantile([v for values in questions for v in values], p)

    def shown(x):
        if side == "upper":
            return pooled_bound([bisect.bisect_right(v, x) for v in questions], sizes, "lower") >= p - TIE
        return pooled_bound([bisect.bisect_left(v, x) for v in questions], sizes, "upper") <= p + TIE

    low, high = 0, len(pool)
    while low < high:  # what is shown begins, or ends, at low
        middle = (low + high) // 2
        if shown(pool[middle]) == (side == "upper"):
            high = middle
        else:
            low = middle + 1
    at = low if side == "upper" else low - 1
    return outward(pool[at], point, side) if 0 <= at < len(pool) else None


def value_range(name):
    """What a question's value of a metric can be."""
    if name.startswith("drift.delta_s"):
        return -math.inf, math.inf
    if name.startswith("drift."):
        return -1.0, 1.0
    if name.startswith("triangulation"):
        return -2.0, 2.0
    if name.startswith("delta_s.auc") or name.rpartition(":")[2] in ("stable", "transitional", "critical"):
        return 0.0, 1.0
    return (0.0, 2.0) if name.startswith("delta_s") else (0.0, 1.0)


def own_bound(name, estimate, side, level):
    """Bound of a statistic of one value a question; None where that side has no end."""
    values, p = estimate.values, QUANTILES.get(estimate.aggregate)
    if p is not None:
        rank = order_statistic_rank(len(values), p, side, level)
        return None if rank is None else outward(sorted(values)[rank], estimate.point, side)
    lowest, highest = value_range(name)
    bound = mean_bound(values, lowest, highest, side, level)
    bound = bound if bound is None else min(max(bound, lowest), highest)
    scale = len(values) if estimate.aggregate == "count" else 1
    return outward(bound if bound is None else scale * bound, estimate.point, side)


def bound_of_worst(name, rivals, side):
    """Of the worst of several: the farthest bound, on the good side at 1 - alpha / rivals each."""
    most_is_worst = name.startswith("delta_s")
    level = LEVEL if most_is_worst == (side == "upper") else 1 - (1 - LEVEL) / len(rivals)
    none = -math.inf if side == "lower" else math.inf
    bounds = [own_bound(name, rival, side, level) for rival in rivals]
    farthest = (max if most_is_worst else min)(none if bound is None else bound for bound in bounds)
    return None if math.isinf(farthest) else farthest


def interval(name, estimate):
    """(lower, upper) of an estimate of this name, an end None where there is none; None where it is none."""
    ends = []
    for side in SIDES:
        p = QUANTILES.get(estimate.aggregate)
        if estimate.clusters is not None and p is not None:
            ends.append(pooled_quantile(estimate.clusters, p, side))
        elif estimate.clusters is not None:
            sizes = [len(values) for values in estimate.clusters]
            ends.append(pooled_bound([sum(values) for values in estimate.clusters], sizes, side))
        elif estimate.values is None:
            return None
        elif estimate.rivals is not None:
            rivals = [estimate_of(estimate.aggregate, values) for values in estimate.rivals]
            ends.append(bound_of_worst(name, rivals, side))
        else:
            ends.append(own_bound(name, estimate, side, LEVEL))
    return tuple(ends)


def effect(differences, better):
    """Within-pair dominance with its interval; `better` is 1 where more is better, else −1."""
    signs = [float(better * ((round9(d) > 0) - (round9(d) < 0))) for d in differences]
    point = mean(signs)
    return point, tuple(outward(mean_bound(signs, -1.0, 1.0, side), point, side) for side in SIDES)
