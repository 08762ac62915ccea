"""λ: does a run find a target, and does it agree with the question's other runs?"""

from aggregate import estimate, mean, round9

CONVERGENT, SPLIT, COLLAPSED, ABORTED = "convergent", "split", "collapsed", "aborted"
P = 0.9
AGREES = 0.5


def rbo(a, b, p=P):
    """Extrapolated rank-biased overlap of two lists without repeats.

    Webber, Moffat, Zobel 2010 (doi:10.1145/1852102.1852106), equation 32 for
    lists of different length; in [0, 1], 1 for equal lists.
    """
    short, long = sorted((list(a), list(b)), key=len)
    s, l = len(short), len(long)
    if s == 0:
        return 1.0 if l == 0 else 0.0
    overlap = [len(set(short[:d]) & set(long[:d])) for d in range(l + 1)]
    x_s, x_l = overlap[s], overlap[l]
    first = sum(overlap[d] / d * p ** d for d in range(1, l + 1))
    second = sum(x_s * (d - s) / (s * d) * p ** d for d in range(s + 1, l + 1))
    return (1 - p) / p * (first + second) + ((x_l - x_s) / l + x_s / s) * p ** l


def states(runs):
    """{run: state} of {run: (list of distinct items or None if aborted, found a target)}.

    A run is (wording, seed).  Agreement is with the medoid: the highest mean
    overlap with the rest, ties to the lowest (wording, seed).
    """
    live = sorted(r for r, (items, _) in runs.items() if items is not None)
    overlap = {}
    for i, a in enumerate(live):
        for b in live[i + 1:]:
            overlap[a, b] = overlap[b, a] = rbo(runs[a][0], runs[b][0])
    medoid, best = None, None
    for a in live:
        rest = [overlap[a, b] for b in live if b != a]
        value = round9(mean(rest)) if rest else 0.0
        if best is None or value > best:
            medoid, best = a, value
    out = {}
    for run, (items, found) in runs.items():
        if items is None:
            out[run] = ABORTED
            continue
        agrees = run == medoid or round9(overlap[run, medoid]) >= AGREES
        if found:
            out[run] = CONVERGENT if agrees else SPLIT
        else:
            out[run] = SPLIT if agrees else COLLAPSED
    return out


def summary(questions):
    """Metrics of {question: {run: (items, found)}}, answerable questions only.

    Empty but for `lambda.always_missed` where fewer than half of the questions remain.
    """
    shares, missed = [], []
    for runs in questions.values():
        live = [found for items, found in runs.values() if items is not None]
        missed.append(float(bool(live) and not any(live)))
        if not missed[-1] and len(runs) >= 2:
            state = list(states(runs).values())
            share = {s: state.count(s) / len(state)
                     for s in (CONVERGENT, SPLIT, COLLAPSED, ABORTED)}
            share["flip"] = 1 - max(share.values())
            shares.append(share)
    out = {"lambda.always_missed": estimate("count", missed)} if missed else {}
    if not shares or 2 * len(shares) < len(questions):
        return out
    for name, key in (("convergence", CONVERGENT), ("split_rate", SPLIT), ("flip_rate", "flip"),
                      ("collapse_rate", COLLAPSED), ("abort_rate", ABORTED)):
        out["lambda." + name] = estimate("mean", [s[key] for s in shares])
    out["lambda.convergent"] = estimate("share", [float(round9(s[CONVERGENT]) >= 0.8) for s in shares])
    return out
