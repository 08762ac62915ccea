#!/usr/bin/env python3
"""Writes fixtures/stats/*.json: what scipy, statsmodels and plain Python say of the estimators.

Usage: python3 scripts/oracle_stats.py [--check | DIR]

--check writes nothing and fails where fixtures/stats is not what it would write (numbers to 1e-9).

Needs packages that have nothing to do with this project:
  pip install numpy==2.2.6 scipy==1.15.3 statsmodels==0.14.4

Where no library has an estimator (the pseudo-question, Gaffke's bound, order-statistic bounds,
the betting confidence sequence, moving blocks), the second implementation here,
or in scripts/oracle/intervals.py where check.py needs it too, is written from
the definition in docs/statistics.md and, for the sequence, from
the paper, as plainly as it goes.  The random streams are those of the
definition, so that resamples are the same and agreement is exact but for
rounding; scipy's BCa is compared within Monte-Carlo error.
"""

import json
import math
import os
import sys
import tempfile

import numpy as np
import scipy
import scipy.optimize
import scipy.stats
import statsmodels
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "oracle"))
from intervals import blocks, gaffke_excess, order_statistic_rank, plain_bca  # noqa: E402
from streams import RESAMPLES, SEED, Streams  # noqa: E402

LEVELS = [0.9, 0.95, 0.99, 0.9975]


def gaffke(values, worst, side, level):
    """Gaffke's bound to the last digits that an integral by steps of 0.01 has."""
    sign = 1.0 if side == "upper" else -1.0
    x = sign * np.append(np.asarray(values, dtype=float), worst)

    def excess(t):
        return gaffke_excess(x, t, level, 0.01)

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
    n = 430
    shared = np.convolve(rng.gamma(2, 2, n + 19), np.ones(20) / 20, mode="valid")
    arms = [[float(repr(round(float(v), 4))) for v in shared + rng.gamma(2, s, n)] for s in (1.1, 1.0)]
    where = blocks(n)
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
