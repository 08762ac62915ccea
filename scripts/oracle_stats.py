#!/usr/bin/env python3
"""Writes fixtures/stats/*.json: what scipy, statsmodels and plain Python say of the estimators.

Usage: python3 scripts/oracle_stats.py [--check | DIR]

--check writes nothing and fails where fixtures/stats is not what it would write (numbers to 1e-9).

Needs packages that have nothing to do with this project:
  pip install numpy==2.2.6 scipy==1.15.3 statsmodels==0.14.4

Where no library has an estimator (the pseudo-question, Gaffke's bound, order-statistic bounds,
the betting confidence sequence, moving blocks), the second implementation here
is written from the definition in docs/statistics.md and, for the sequence, from
the paper, as plainly as it goes.  The random streams are those of the
definition, so that resamples are the same and agreement is exact but for
rounding; scipy's BCa is compared within Monte-Carlo error.
"""

import json
import math
import os
import sys
import tempfile
from fractions import Fraction

import numpy as np
import scipy
import scipy.optimize
import scipy.stats
import statsmodels
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

SEED = 20240117
RESAMPLES = 10000
LEVELS = [0.9, 0.95, 0.99, 0.9975]
U64 = (1 << 64) - 1


# ---- The random streams: eight xoroshiro128++ a resample, seeded by SplitMix64.


def mix(z):
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & U64
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & U64
    return z ^ (z >> 31)


def rotl(x, k):
    return ((x << np.uint64(k)) | (x >> np.uint64(64 - k)))


class Streams:
    """The streams of resamples 0 .. count − 1, side by side; a step gives count × 8 words."""

    def __init__(self, seed, count):
        gamma = 0x9E3779B97F4A7C15
        keys = [mix(mix(seed) ^ (r * gamma & U64)) for r in range(count)]
        words = [[mix((key + gamma * (i + 1)) & U64) for i in range(16)] for key in keys]
        words = np.array(words, dtype=np.uint64)
        self.s0, self.s1 = words[:, :8].copy(), words[:, 8:].copy()

    def step(self):
        s0, s1 = self.s0, self.s1
        out = rotl(s0 + s1, 17) + s0
        s1 = s1 ^ s0
        self.s0 = rotl(s0, 49) ^ s1 ^ (s1 << np.uint64(21))
        self.s1 = rotl(s1, 28)
        return out

    def below(self, n, draws):
        """count × draws whole numbers in [0, n)."""
        columns = []
        while len(columns) < draws:
            words = self.step()
            for lane in range(8):
                for half in (0, 32):
                    columns.append((words[:, lane] >> np.uint64(half)) & np.uint64(0xFFFFFFFF))
        drawn = np.stack(columns[:draws], axis=1)
        return ((drawn * np.uint64(n)) >> np.uint64(32)).astype(np.int64)

    def kept(self, n):
        """count × n booleans: which values keep their sign."""
        kept = []
        while len(kept) < n:
            words = self.step()
            draws = [(words[:, i // 2] >> np.uint64(32 * (i % 2))) & np.uint64(0xFFFFFFFF) for i in range(16)]
            kept += [(draws[i] >> np.uint64(31 - row)) & np.uint64(1) for row in range(32) for i in range(16)]
        return np.stack(kept[:n], axis=1).astype(bool)


# ---- The estimators.


def plain_bca(values, worst, side, level, streams_of):
    """BCa of the mean of values with one pseudo-question at the worst end."""
    x = np.append(np.asarray(values, dtype=float), worst)
    n, mean = len(x), x.mean()
    means = np.sort(x[streams_of(n)].mean(axis=1))
    tie = 2e-8 * np.abs(x - mean).max()
    share = (np.sum(means < mean - tie) + np.sum(means <= mean + tie)) / 2 / RESAMPLES
    jackknife = np.array([np.delete(x, i).mean() for i in range(n)])
    d = jackknife.mean() - jackknife
    acceleration = np.sum(d**3) / (6 * np.sum(d**2) ** 1.5)
    z0 = scipy.stats.norm.ppf(share)
    z = scipy.stats.norm.ppf(level if side == "upper" else 1 - level)
    adjusted = scipy.stats.norm.cdf(z0 + (z0 + z) / (1 - acceleration * (z0 + z)))
    if side == "upper":
        rank = math.ceil(adjusted * RESAMPLES)
    else:
        rank = math.floor(adjusted * RESAMPLES) + 1
    return float(means[min(max(rank, 1), RESAMPLES) - 1])


def gaffke(values, worst, side, level):
    """Quantile of the mean of values and the worst end under weights uniform on the simplex.

    A weighted mean exceeds t iff sum c_i E_i > 0 with c_i = x_i - t and E_i standard exponentials,
    which by Imhof (1961) has probability 1/2 + 1/pi int sin(sum atan(c_i u)) / (u prod (1 + c_i^2
    u^2)^(1/2)) du; u = exp(v) makes the integrand smooth on the whole line.
    """
    sign = 1.0 if side == "upper" else -1.0
    x = sign * np.append(np.asarray(values, dtype=float), worst)

    def excess(t):
        c = (x - t)[:, None]
        width = np.abs(c).max()
        v = np.arange(-34.0, 34.0, 0.01)
        cu = c * np.exp(v) / width
        integrand = np.sin(np.arctan(cu).sum(axis=0)) * np.exp(-0.5 * np.log1p(cu * cu).sum(axis=0))
        return 0.5 + integrand.sum() * 0.01 / math.pi - (1 - level)

    return sign * float(scipy.optimize.brentq(excess, x.min() + 1e-12, x.max() - 1e-12, xtol=1e-13, rtol=1e-14))


def bounded_means(rng):
    samples = [
        ("coverage, four runs", np.round(rng.beta(8, 3, 40) * 4) / 4, 0, 1, 0.25),
        ("collapse near its boundary", rng.binomial(8, np.where(rng.random(300) < 0.1, 0.2, 0.0)) / 8, 0, 1, 0.125),
        ("distance", rng.gamma(9, 0.05, 100), 0, 2, 0.0),
        ("recall of a good index", np.minimum(1, rng.beta(30, 1, 60)), 0, 1, 0.0),
        ("differences", rng.normal(-0.01, 0.1, 80).clip(-1, 1), -1, 1, 0.0),
        ("few questions", rng.random(6), 0, 1, 0.0),
        ("a few at the worst end", np.where(np.arange(40) % 10 == 7, 1.0, 0.02 * rng.random(40)), 0, 1, 0.0),
    ]
    cases = []
    for name, values, lowest, highest, step in samples:
        values = [float(repr(round(float(v), 6))) for v in values]
        n = len(values) + 1
        drawn = Streams(SEED, RESAMPLES).below(n, n)
        for side, worst in (("lower", lowest), ("upper", highest)):
            augmented = np.append(values, worst)
            bounds = [plain_bca(values, worst, side, level, lambda n: drawn) for level in LEVELS]
            reference = scipy.stats.bootstrap(
                (augmented,), np.mean, method="BCa", confidence_level=0.9, n_resamples=200000,
                batch=2000, rng=np.random.default_rng(7),
            )
            cases.append({
                "name": name, "lowest": lowest, "highest": highest, "side": side, "values": values,
                "levels": LEVELS, "bca": bounds, "gaffke": [gaffke(values, worst, side, level) for level in LEVELS],
                "scipy_95": float(getattr(reference.confidence_interval, "low" if side == "lower" else "high")),
                # Means lie on a lattice of this step: the two may differ by one of its points.
                "lattice": step / n,
                "standard_error": float(reference.standard_error),
            })
    return cases


def clopper_pearson():
    cases = []
    for n in (1, 2, 5, 20, 40, 59, 149, 300, 10000):
        for k in sorted({0, 1, 2, n // 10, n // 3, n // 2, n - 1, n}):
            if 0 <= k <= n:
                for level in LEVELS:
                    low, high = proportion_confint(k, n, alpha=2 * (1 - level), method="beta")
                    cases.append([k, n, level, float(low), float(high)])
    return cases


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


def order_statistics():
    cases = []
    # From 2 on: at n = 1 the probability is the level itself, and rounding decides.
    for n in (2, 4, 5, 20, 40, 58, 59, 100, 300):
        for p in (0.01, 0.05, 0.5, 0.9, 0.95, 0.99):
            for level in LEVELS:
                cases.append([n, p, level, order_statistic_rank(n, p, "lower", level),
                              order_statistic_rank(n, p, "upper", level)])
    return cases


def sign_flips(rng):
    cases = []
    for n, margin in ((1, 0.0), (5, 0.0), (8, 0.02), (12, 0.0), (12, 0.05), (14, -0.01)):
        # Two decimals make ties.
        differences = [float(repr(round(float(d), 2))) for d in rng.normal(0.03, 0.08, n)]
        for worse, sign in (("upper", 1), ("lower", -1)):
            values = sign * np.array(differences) - margin
            if n == 1:
                # scipy wants two values; the definition over both signs.
                p = 1.0 if values[0] <= 0 else 0.5
            else:
                p = float(scipy.stats.permutation_test(
                    (values,), np.mean, permutation_type="samples", alternative="greater",
                    n_resamples=np.inf, vectorized=False,
                ).pvalue)
            cases.append({"differences": differences, "margin": margin, "worse": worse, "p": p, "exact": True})
    for n, margin in ((21, 0.0), (60, 0.02), (700, 0.0)):
        differences = [float(repr(round(float(d), 6))) for d in rng.normal(0.03, 0.1, n)]
        for worse, sign in (("upper", 1), ("lower", -1)):
            values = sign * np.array(differences) - margin
            kept = Streams(SEED, RESAMPLES).kept(n)
            sums = np.where(kept, values, -values).sum(axis=1)
            tie = n * 2 * 2**-25 * np.abs(values).max()
            hits = int(np.sum(sums >= values.sum() - tie))
            cases.append({"differences": differences, "margin": margin, "worse": worse,
                          "p": (hits + 1) / (RESAMPLES + 1), "exact": False})
    return cases


def holms(rng):
    families = [list(rng.random(m) ** 3) for m in (1, 2, 5, 13, 40)] + [[0.01, 0.01, 0.01], [0.2, 0.0004, 0.9, 0.02]]
    return [[[float(p) for p in family], [float(p) for p in multipletests(family, method="holm")[1]]]
            for family in families]


def betting_bound(values, alpha):
    """Lower bound of the mean of values in [0, 1] by the capital process K⁺ of the paper.

    mu_t = (1/2 + sum x) / (t + 1), sigma2_t = (1/4 + sum (x_i - mu_i)^2) / (t + 1),
    lambda_t = sqrt(2 log(2/alpha) / (sigma2_{t-1} t log(1 + t))), cut at c / m with c = 1/2,
    K_t(m) = prod (1 + lambda_i(m) (x_i - m)); m is excluded once K_t(m) >= 1/alpha.
    """
    lambdas, total, squares, sigma2 = [], 0.0, 0.0, 0.25
    for t, x in enumerate(values, 1):
        lambdas.append(math.sqrt(2 * math.log(2 / alpha) / (sigma2 * t * math.log(1 + t))))
        total += x
        mu = (0.5 + total) / (t + 1)
        squares += (x - mu) ** 2
        sigma2 = (0.25 + squares) / (t + 1)

    def excluded(m):
        wealth = 0.0
        for x, lam in zip(values, lambdas):
            wealth += math.log1p(min(lam, 0.5 / m) * (x - m))
        return wealth >= math.log(1 / alpha)

    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if excluded(middle):
            low = middle
        else:
            high = middle
    return low


def bettings(rng):
    cases = []
    for name, values in (
        ("shares", np.round(rng.beta(6, 2, 400) * 8) / 8),
        ("rare indicators", (rng.random(400) < 0.03).astype(float)),
        ("uniform", rng.random(400)),
    ):
        values = [float(repr(round(float(v), 6))) for v in values]
        for moment in (1, 10, 60, 200, 400):
            seen = values[:moment]
            mirrored = [1 - v for v in seen]
            cases.append({
                "name": name, "moment": moment,
                "one_sided_lower": betting_bound(seen, 0.05), "one_sided_upper": 1 - betting_bound(mirrored, 0.05),
                "two_sided_lower": betting_bound(seen, 0.025), "two_sided_upper": 1 - betting_bound(mirrored, 0.025),
            })
        cases[-1]["values"] = values
    return cases


def moving_blocks(rng):
    """Percentile interval of quantiles of resampled series, blocks of 50, 2,000 resamples."""
    n, resamples = 430, 2000
    shared = np.convolve(rng.gamma(2, 2, n + 19), np.ones(20) / 20, mode="valid")
    arms = [[float(repr(round(float(v), 4))) for v in shared + rng.gamma(2, s, n)] for s in (1.1, 1.0)]
    blocks = -(-n // 50)
    starts = Streams(SEED, resamples).below(n - 50 + 1, blocks)
    where = (starts[:, :, None] + np.arange(50)).reshape(resamples, -1)[:, :n]
    cases = []
    for p in (0.5, 0.95, 0.99):
        quantiles = [np.quantile(np.array(arm)[where], p, axis=1) for arm in arms]
        for level in (0.9, 0.95):
            ends = [1 - level, level]
            one = np.quantile(quantiles[0], ends)
            ratio = np.quantile(quantiles[0] / quantiles[1], ends)
            cases.append([p, level, float(one[0]), float(one[1]), float(ratio[0]), float(ratio[1])])
    return {"candidate": arms[0], "baseline": arms[1], "cases": cases}


def write(folder, name, cases):
    """One case a line, so that a difference is a line."""
    head = {
        "script": "scripts/oracle_stats.py",
        "versions": {"python": sys.version.split()[0], "numpy": np.__version__,
                     "scipy": scipy.__version__, "statsmodels": statsmodels.__version__},
    }
    with open(os.path.join(folder, name + ".json"), "w", encoding="utf-8") as f:
        f.write('{"made_by": %s,\n' % json.dumps(head))
        if isinstance(cases, dict):
            f.write(",\n".join("%s: %s" % (json.dumps(k), json.dumps(v)) for k, v in cases.items()))
            f.write("}\n")
        else:
            f.write('"cases": [\n' + ",\n".join(json.dumps(case) for case in cases) + "\n]}\n")


def same(a, b):
    """Whether two values of JSON are equal, numbers to 1e-9."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    numbers = [isinstance(value, (int, float)) and not isinstance(value, bool) for value in (a, b)]
    return abs(a - b) <= 1e-9 if all(numbers) else type(a) is type(b) and a == b


def check(fixtures):
    """Names of the files in which `fixtures` is not what is written today."""
    stale = []
    with tempfile.TemporaryDirectory() as folder:
        write_all(folder)
        names = sorted(os.listdir(folder))
        if names != sorted(os.listdir(fixtures)):
            stale.append("the list of files")
        for name in names:
            files = [os.path.join(place, name) for place in (folder, fixtures)]
            if all(map(os.path.exists, files)):
                found = [json.load(open(path, encoding="utf-8")) for path in files]
                for value in found:
                    del value["made_by"]
                if not same(*found):
                    stale.append(name)
    return stale


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    fixtures = os.path.join(here, "..", "fixtures", "stats")
    if sys.argv[1:] == ["--check"]:
        stale = check(fixtures)
        if stale:
            sys.exit("oracle_stats.py: fixtures/stats is stale: %s; run scripts/oracle_stats.py" % ", ".join(stale))
        return
    folder = sys.argv[1] if len(sys.argv) > 1 else fixtures
    os.makedirs(folder, exist_ok=True)
    write_all(folder)


def write_all(folder):
    np.seterr(over="ignore")
    write(folder, "bounded_mean", bounded_means(np.random.default_rng(1)))
    write(folder, "clopper_pearson", clopper_pearson())
    write(folder, "order_statistic", order_statistics())
    write(folder, "sign_flip", sign_flips(np.random.default_rng(2)))
    write(folder, "holm", holms(np.random.default_rng(3)))
    write(folder, "betting", bettings(np.random.default_rng(4)))
    write(folder, "moving_blocks", moving_blocks(np.random.default_rng(5)))


if __name__ == "__main__":
    main()
