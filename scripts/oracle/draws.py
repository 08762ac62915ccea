"""Positions drawn from an index by hashing: integrity samples and decoys."""

import hashlib

WANTED = 64


def position(tag, key, j, n):
    """Draw j: first 8 bytes, big-endian, of sha256(tag, 0, key, 0, j in decimal), modulo n."""
    h = hashlib.sha256(b"\0".join((tag.encode(), key.encode("utf-8"), str(j).encode())))
    return int.from_bytes(h.digest()[:8], "big") % n


def draw(tag, key, n, excluded=frozenset()):
    """Distinct positions outside `excluded`, in order of drawing: 64, or all where there are no more."""
    free = n - len(excluded)
    if free <= WANTED:
        return [p for p in range(n) if p not in excluded]
    out, seen, j = [], set(excluded), 0
    while len(out) < WANTED:
        p = position(tag, key, j, n)
        j += 1
        if p not in seen:
            seen.add(p)
            out.append(p)
    return out
