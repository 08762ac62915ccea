"""Chunking `sN/oM`: which windows a section must be cut into, and what is wrong with given ones."""

import bisect
import re

import sentences

_CHUNK = re.compile(r"s(\d+)/o(\d+)")


def parse(chunk_schema):
    """(N, M), or None for `none`, from CHUNK_SCHEMA_VER."""
    m = _CHUNK.search(chunk_schema)
    if m:
        n, o = int(m.group(1)), int(m.group(2))
        if n < 1 or o * 2 > n:
            raise ValueError("CHUNK_SCHEMA_VER `%s`: overlap beyond half of the window" % chunk_schema)
        return n, o
    if re.search(r"(^|[^a-z])none([^a-z]|$)", chunk_schema):
        return None
    raise ValueError("CHUNK_SCHEMA_VER `%s`: neither sN/oM nor none" % chunk_schema)


def cut(text, starts, ends, n, m):
    """[(first token, end token)] by the rule: ends at the last sentence boundary that leaves
    more than n - m and at most n tokens, else after n; the next starts m tokens before."""
    total, out, a = len(starts), [], 0
    if not total:
        return out
    marks = sentences.boundaries(text)
    # Tokens that stand wholly before each boundary, once for all windows.
    whole = sorted({bisect.bisect_right(ends, b) for b in marks})
    while True:
        b = min(a + n, total)
        if b < total:
            i = bisect.bisect_right(whole, b) - 1
            if i >= 0 and whole[i] - a > n - m:
                b = whole[i]
        out.append((a, b))
        if b == total:
            return out
        a = b - m


def problems(text, tokens, snippets, chunk):
    """What is wrong with the snippets [(token start, token end, start, end)] of one section.

    `tokens` is (ids, starts, ends).  Returns (messages, whether the sentence rule was checked).
    """
    _, starts, ends = tokens
    total, out = len(starts), []
    if not total:
        return (["a section without tokens has %d snippets" % len(snippets)] if snippets else []), True
    if chunk is None:
        if [s[:2] for s in snippets] != [(0, total)]:
            out.append("chunking none: tokens %s, expected one snippet of %d"
                       % ([s[:2] for s in snippets], total))
        elif snippets[0][2:] not in ((starts[0], ends[-1]), (0, len(text))):
            out.append("chunking none: offsets %s" % (snippets[0][2:],))
        return out, True
    n, m = chunk
    if not snippets:
        return ["%d tokens and no snippet" % total], False
    for i, (a, b, s, e) in enumerate(snippets):
        last = i == len(snippets) - 1
        if not 0 <= a < b <= total:
            return ["snippet %d: tokens [%d, %d) of %d" % (i, a, b, total)], False
        if (s, e) != (starts[a], ends[b - 1]):
            out.append("snippet %d: offsets [%d, %d), its tokens stand at [%d, %d)"
                       % (i, s, e, starts[a], ends[b - 1]))
        if b - a > n:
            out.append("snippet %d: %d tokens, at most %d" % (i, b - a, n))
        if not last and b - a <= n - m and m:
            out.append("snippet %d: %d tokens, more than %d" % (i, b - a, n - m))
        if not last and not m and b - a != n:
            out.append("snippet %d: %d tokens, expected %d" % (i, b - a, n))
        expected = snippets[i - 1][1] - m if i else 0
        if a != expected:
            out.append("snippet %d: starts at token %d, expected %d" % (i, a, expected))
        if (b == total) != last:
            out.append("snippet %d: ends at token %d of %d" % (i, b, total))
    sure = sentences.supported(text) and not sentences.semicolon_matters(text)
    if not out and sure:
        want = cut(text, starts, ends, n, m)
        have = [s[:2] for s in snippets]
        if want != have:
            i = next((i for i, (w, h) in enumerate(zip(want, have)) if w != h), 0)
            out.append("snippet %d: tokens %s, the sentence rule gives %s" % (i, have[i], want[i]))
    return out, sure
