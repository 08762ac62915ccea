"""UAX #29 sentence boundaries (rules SB1 to SB998) for the scripts of this project's texts.

The Sentence_Break property is derived from general categories, which is exact
for ASCII, Latin-1, and the general punctuation listed here.  `supported` says
whether a text stays inside that range; the caller checks the sentence rule on
supported texts only.
"""

import re
import unicodedata

_SCONTINUE = set(",-:;\u2013\u2014")
_STERM = set("!?\u203c\u203d\u2047\u2048\u2049")
_ATERM = set(".\u2024")
_SEP = set("\x85\u2028\u2029")
_SP = set("\t\x0b\x0c \xa0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f")
_PARA = ("Sep", "CR", "LF")
_TERM = ("ATerm", "STerm")
# ASCII, Latin-1 and Latin Extended-A, Greek and Cyrillic letters, general punctuation, arrows, mathematics.
_SUPPORTED = re.compile(
    "[\t\n\r\x20-\x7e\xa0-\u017f\u0391-\u03a1\u03a3-\u03c9\u0410-\u044f"
    "\u2010-\u201f\u2020-\u2027\u2030-\u203e\u20ac\u2190-\u21ff\u2200-\u22ff\u2500-\u25ff]*")


def supported(text):
    """Whether the derived property is known to be exact on every character of `text`."""
    return _SUPPORTED.fullmatch(text) is not None


_SEMICOLON = re.compile("[.!?][\"'\\)\\]\u201d\u2019]*\\s*;")


def semicolon_matters(text):
    """Whether the verdict on some boundary depends on the version of Unicode."""
    return _SEMICOLON.search(text) is not None


def sentence_break(ch):
    """The Sentence_Break class of a supported character."""
    if ch == "\r":
        return "CR"
    if ch == "\n":
        return "LF"
    if ch in _SEP:
        return "Sep"
    if ch in _SP:
        return "Sp"
    if ch in _ATERM:
        return "ATerm"
    if ch in _STERM:
        return "STerm"
    if ch in _SCONTINUE:
        return "SContinue"
    category = unicodedata.category(ch)
    if category in ("Mn", "Me", "Mc") or ch in "\u200c\u200d":
        return "Extend"
    if category == "Cf":
        return "Format"
    if category == "Ll" or ch in "\xaa\xba":
        return "Lower"
    if category in ("Lu", "Lt"):
        return "Upper"
    if category == "Nd":
        return "Numeric"
    if category in ("Lo", "Lm"):
        return "OLetter"
    if category in ("Ps", "Pe", "Pi", "Pf") or ch in "\"'":
        return "Close"
    return "Other"


def boundaries(text):
    """Character positions of all boundaries but the start; the end is one where there is text."""
    classes, places = [], []
    for i, ch in enumerate(text):
        c = sentence_break(ch)
        if c in ("Extend", "Format") and classes and classes[-1] not in _PARA:
            continue  # SB5
        classes.append(c)
        places.append(i)
    out = [places[j] for j in range(1, len(classes)) if _breaks(classes, j)]
    return out + [len(text)] if text else []


def _breaks(c, j):
    """Whether there is a boundary before the character of class c[j]."""
    before, after = c[j - 1], c[j]
    if before == "CR" and after == "LF":
        return False  # SB3
    if before in _PARA:
        return True  # SB4
    k = j - 1
    while k >= 0 and c[k] == "Sp":
        k -= 1
    spaces = j - 1 - k
    close_end = k
    while k >= 0 and c[k] == "Close":
        k -= 1
    closes = close_end - k
    if k < 0 or c[k] not in _TERM:
        return False  # SB998
    if c[k] == "ATerm":
        if not spaces and not closes:
            if after == "Numeric":
                return False  # SB6
            if after == "Upper" and k > 0 and c[k - 1] in ("Upper", "Lower"):
                return False  # SB7
        m = j
        while m < len(c) and c[m] not in ("OLetter", "Upper", "Lower") + _PARA + _TERM:
            m += 1
        if m < len(c) and c[m] == "Lower":
            return False  # SB8
    if after == "SContinue" or after in _TERM:
        return False  # SB8a
    if not spaces and after in ("Close", "Sp") + _PARA:
        return False  # SB9
    return not (after == "Sp" or after in _PARA)  # SB10, SB11
