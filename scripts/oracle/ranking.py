"""trec_eval's measures on wording 0, seed 0."""

import math

import numpy as np

MEASURES = ("recall", "precision", "hit", "mrr", "ndcg", "map")


def order(scores):
    """Unit ids by score compared as float32, greater first, ties by id descending (as bytes)."""
    return sorted(scores, key=lambda u: (np.float32(scores[u]), u.encode("utf-8")), reverse=True)


def measures(ranked, grades, k):
    """{measure: value} of one question; `grades` is unit id -> relevance, not empty."""
    top = [grades.get(u, 0) for u in ranked[:k]]
    relevant = sum(g > 0 for g in grades.values())
    places = [i for i, g in enumerate(top, 1) if g > 0]
    ideal = sorted((g for g in grades.values() if g > 0), reverse=True)[:k]

    def dcg(gains):
        return sum(g / math.log2(i + 1) for i, g in enumerate(gains, 1))

    return {
        "recall": len(places) / relevant,
        "precision": len(places) / k,
        "hit": float(bool(places)),
        "mrr": 1 / places[0] if places else 0.0,
        "ndcg": dcg(top) / dcg(ideal),
        "map": sum(n / i for n, i in enumerate(places, 1)) / relevant,
    }
