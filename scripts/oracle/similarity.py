"""Scores and ΔS from stored float32 vectors, in float64, and the order that they give."""

import numpy as np

BLOCK = 65536


def rows64(matrix):
    """A float32 matrix in float64; a row that is zero or not finite has no direction."""
    out = np.asarray(matrix, np.float64)
    norms = np.sqrt((out * out).sum(axis=1))
    bad = np.flatnonzero(~np.isfinite(norms) | (norms == 0))
    if len(bad):
        raise ValueError("row %d is zero or not finite" % bad[0])
    return out, norms


def delta_s(a, b):
    """1 - cos of two vectors, in [0, 2]."""
    (a, b), (na, nb) = rows64(np.stack([a, b]))
    return float(min(max(1.0 - (a @ b) / (na * nb), 0.0), 2.0))


def against_all(queries, vectors, metric):
    """(ΔS, score) of every query against every row: two q x N float64 matrices.

    The score is the cosine, the inner product, or the negative squared distance:
    greater is closer.
    """
    q, qn = rows64(queries)
    ds = np.empty((len(q), len(vectors)))
    scores = ds if metric == "cosine" else np.empty_like(ds)
    for at in range(0, len(vectors), BLOCK):
        v, vn = rows64(vectors[at:at + BLOCK])
        part = slice(at, at + len(v))
        dots = q @ v.T
        ds[:, part] = np.clip(1.0 - dots / np.outer(qn, vn), 0.0, 2.0)
        if metric == "dot":
            scores[:, part] = dots
        elif metric == "l2":
            for i, row in enumerate(q):
                scores[i, part] = -((v - row) ** 2).sum(axis=1)
    return ds, 1.0 - ds if metric == "cosine" else scores


class Ranking:
    """What an exact sweep must give, where float noise may move a score across a rounding step."""

    def __init__(self, scores):
        self.scores = scores
        scale = max(1.0, float(np.abs(scores).max()))
        self.tolerance = 1e-9 * scale + 1e-12 * scale
        scaled = scores * 1e9
        self.rounded = np.copysign(np.floor(np.abs(scaled) + 0.5) / 1e9, scores)
        # Away from the middle between two roundings, both sides round alike.
        self.sure = np.abs(np.abs(scaled) % 1.0 - 0.5) > 1e-3 * scale

    def problems(self, listed):
        """What is wrong with corpus positions given as the best ones, best first."""
        out = []
        if len(set(listed)) != len(listed):
            return ["a position appears twice"]
        for a, b in zip(listed, listed[1:]):
            if self._before(b, a):
                out.append("position %d before %d, scores %.12f and %.12f"
                           % (a, b, self.scores[a], self.scores[b]))
        if listed:
            last, inside = listed[-1], set(listed)
            for p in np.flatnonzero(self.rounded >= self.rounded[last] - self.tolerance):
                if int(p) not in inside and self._before(int(p), last):
                    out.append("position %d is missing: score %.12f, the last has %.12f"
                               % (p, self.scores[p], self.scores[last]))
        return out[:3]

    def _before(self, a, b):
        """Whether a certainly comes before b."""
        if self.rounded[a] == self.rounded[b]:
            return a < b and bool(self.sure[a] and self.sure[b])
        if self.sure[a] and self.sure[b]:
            return bool(self.rounded[a] > self.rounded[b])
        return self.scores[a] > self.scores[b] + self.tolerance
