"""The vocabulary inside the built-in embedder's table.

The table holds its vocabulary as one token a line; TOK_VER names the SHA-256 of
those bytes.  So the block is found by its own digest, wherever it stands: from
the line that a vocabulary begins with, the digest is taken after every line.
"""

import hashlib
import os
import re

TABLE = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                     "..", "..", "crates", "embed", "assets", "static.bin")
_FIRST = re.compile(rb"\[(?:PAD|UNK)\]\n")


def find(raw, want):
    """The lines whose hex SHA-256 is `want`, the last line end counted or not."""
    for match in _FIRST.finditer(raw):
        at, h = match.start(), hashlib.sha256()
        while at < len(raw):
            end = raw.find(b"\n", at)
            end = len(raw) if end < 0 else end
            h.update(raw[at:end])
            if h.hexdigest() == want:
                return raw[match.start():end]
            h.update(b"\n")
            at = end + 1
            if h.hexdigest() == want:
                return raw[match.start():at]
    return None


def vocabulary(want):
    """The vocabulary that a TOK_VER's digest names, or None."""
    if not os.path.isfile(TABLE):
        return None
    with open(TABLE, "rb") as f:
        return find(f.read(), want)
