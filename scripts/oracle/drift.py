"""A candidate against a baseline: statistics of the differences of each question."""

import agreement
from aggregate import by_question, estimate


def flips(ev):
    """{question: flip rate} of the questions that λ is over, or nothing."""
    out, asked = {}, 0
    for q in ev.answerable():
        asked += 1
        runs = {key[1:]: (ev.runs[key].items, ev.found(ev.runs[key])) for key in ev.runs_of[q]}
        live = [found for items, found in runs.values() if items is not None]
        if len(runs) < 2 or (live and not any(live)):
            continue
        state = list(agreement.states(runs).values())
        out[q] = 1 - max(state.count(s) for s in set(state)) / len(state)
    return out if out and 2 * len(out) >= asked else {}


def metrics(new, old):
    """{name: Estimate} of two evaluations of one gold set, by one scorer."""
    def values(ev, value):
        return {q: by_question(ev.cells(q, value)) for q in ev.answerable()}

    def differences(a, b):
        return [a[q] - b[q] for q in a if a[q] is not None and b.get(q) is not None]

    out = {}
    arms = [values(ev, lambda r: r.delta_question[0] if r.hits else 2.0) for ev in (new, old)]
    delta = differences(*arms)
    if delta:
        out["drift.delta_s.median"] = estimate("median", delta)
        out["drift.delta_s.p95"] = estimate("p95", delta)
    covered = differences(*[values(ev, lambda r: r.coverage[ev.k][0]) for ev in (new, old)])
    if covered:
        out["drift.coverage"] = estimate("mean", covered)
    a, b = flips(new), flips(old)
    both = [a[q] - b[q] for q in a if q in b]
    if both and 2 * len(both) >= len(new.answerable()):
        out["drift.flip_rate"] = estimate("mean", both)
    return out
