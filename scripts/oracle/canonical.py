"""Canonical JSON (RFC 8785), for hashes and for files that promise those bytes.

Shape: JSON value -> bytes.  Keys sort by UTF-16 code units; numbers are written
as ECMAScript writes them; a number that is not finite has no canonical form.
"""

import hashlib
import json
import math


class NotCanonical(ValueError):
    """A value without canonical JSON, or a line whose bytes are not canonical."""


def number(x):
    """ECMAScript's Number::toString; integers that a double cannot hold are refused."""
    if isinstance(x, bool):
        return "true" if x else "false"
    if isinstance(x, int):
        if abs(x) > 2 ** 53:
            raise NotCanonical("integer %d is beyond 2^53" % x)
        return str(x)
    if not math.isfinite(x):
        raise NotCanonical("%r is not finite" % x)
    if x == 0:
        return "0"
    sign, x = ("-", -x) if x < 0 else ("", x)
    # repr gives the shortest digits that round-trip, which are ECMAScript's digits.
    mantissa, _, exponent = repr(x).partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = "" if fraction == "0" else fraction
    point = len(whole) + int(exponent or 0)
    digits = (whole + fraction).lstrip("0")
    point -= len(whole + fraction) - len(digits)
    digits = digits.rstrip("0")
    n = len(digits)
    if n <= point <= 21:
        text = digits + "0" * (point - n)
    elif 0 < point <= 21:
        text = digits[:point] + "." + digits[point:]
    elif -6 < point <= 0:
        text = "0." + "0" * -point + digits
    else:
        e = point - 1
        text = digits[0] + ("." + digits[1:] if n > 1 else "")
        text += "e%s%d" % ("+" if e >= 0 else "-", abs(e))
    return sign + text


def string(s):
    """Shortest escapes, everything beyond ASCII as itself."""
    return json.dumps(s, ensure_ascii=False)


def _write(value, out):
    if value is None:
        out.append("null")
    elif isinstance(value, (bool, int, float)):
        out.append(number(value))
    elif isinstance(value, str):
        out.append(string(value))
    elif isinstance(value, (list, tuple)):
        out.append("[")
        for i, item in enumerate(value):
            out.append("," if i else "")
            _write(item, out)
        out.append("]")
    elif isinstance(value, dict):
        out.append("{")
        for i, key in enumerate(sorted(value, key=lambda k: k.encode("utf-16-be"))):
            out.append(("," if i else "") + string(key) + ":")
            _write(value[key], out)
        out.append("}")
    else:
        raise NotCanonical("%s has no JSON" % type(value).__name__)


def dumps(value):
    """The RFC 8785 bytes of `value`."""
    out = []
    _write(value, out)
    return "".join(out).encode("utf-8")


def digest(value):
    """Lower-case hex SHA-256 of the canonical bytes."""
    return hashlib.sha256(dumps(value)).hexdigest()


def read_lines(path):
    """Yields (line number, value, whether the line's bytes are canonical) of a JSONL file."""
    with open(path, "rb") as f:
        for i, raw in enumerate(f, 1):
            whole = raw.endswith(b"\n")
            try:
                value = json.loads(raw)
            except ValueError as error:
                raise NotCanonical("%s:%d: not JSON: %s" % (path, i, error))
            try:
                same = whole and dumps(value) == raw[:-1]
            except NotCanonical:
                same = False
            yield i, value, same
