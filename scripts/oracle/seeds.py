"""Seeds: benign perturbations of a wording, chosen by a hash."""

import hashlib
import re

APOSTROPHES = "'\u2019"
_HOW = re.compile(r"how (do|can) i(?![\w'\u2019])", re.IGNORECASE)


def read_contractions(path):
    """[(long, short)] of the table; `#` starts a comment line."""
    pairs = []
    with open(path, encoding="utf-8") as f:
        for i, line in enumerate(f, 1):
            line = line.rstrip("\n")
            if not line or line.startswith("#"):
                continue
            parts = line.split("\t")
            if len(parts) != 2 or not all(parts):
                raise ValueError("%s:%d: expected two forms with a tab between" % (path, i))
            pairs.append(tuple(parts))
    return pairs


def _swap_contraction(text, pairs):
    """The first row that matches, long to short before short to long, its leftmost match once."""
    plain = "".join(c.lower() if c.isascii() else c for c in text.replace("\u2019", "'"))

    def inside(i):
        return 0 <= i < len(text) and (text[i].isalnum() or text[i] in APOSTROPHES)

    for long, short in pairs:
        for old, new in ((long, short), (short, long)):
            at = plain.find(old)
            while at >= 0:
                end = at + len(old)
                if not inside(at - 1) and not inside(end):
                    if text[at].isupper():
                        new = new[0].upper() + new[1:]
                    return text[:at] + new + text[end:]
                at = plain.find(old, at + 1)
    return text


def _swap_how(text, keep_case):
    m = _HOW.match(text)
    if not m:
        return text
    verb = "can" if m.group(1).lower() == "do" else "do"
    if keep_case:
        return text[:m.start(1)] + verb + text[m.end(1):]
    return "How %s I%s" % (verb, text[m.end():])


def perturbations(pairs, english, keep_case):
    """The list of docs/spec.md in its order; each takes and gives a text, unchanged where it does not apply."""
    def only_english(f):
        return f if english else (lambda text: text)

    return [
        lambda t: t[:-1] if t[-1:] in ("?", ".", "!") else t + "?",
        only_english(lambda t: _swap_contraction(t, pairs)),
        only_english(lambda t: "Please tell me: " + t),
        only_english(lambda t: t + " Thank you."),
        only_english(lambda t: _swap_how(t, keep_case)),
        lambda t: t.upper() if t == t.lower() else t.lower(),
    ]


def start(question, wording, seed):
    """h mod 6."""
    key = b"\0".join((question.encode("utf-8"), str(wording).encode(), str(seed).encode()))
    return int.from_bytes(hashlib.sha256(key).digest(), "big") % 6


def perturb(question, wording, seed, text, pairs, english, token_ids, keep_case=False):
    """The wording under a seed, or None where no perturbation applies.

    `token_ids` maps a wording to the ids that would be embedded.  Two entries
    at most apply; they are composed in the order of the list, not of the scan.
    `keep_case` spells the fifth entry with the wording's own capitals: the
    definition fixes the words, not their case.
    """
    if seed == 0:
        return text
    steps = perturbations(pairs, english, keep_case)
    own, chosen = token_ids(text), []
    first = start(question, wording, seed)
    for offset in range(len(steps)):
        i = (first + offset) % len(steps)
        changed = steps[i](text)
        if changed != text and token_ids(changed) != own:
            chosen.append(i)
            if len(chosen) == 2:
                break
    if not chosen:
        return None
    for i in sorted(chosen):
        text = steps[i](text)
    return text


def texts(question, wording, wanted, text, pairs, english, token_ids, keep_case=False):
    """{seed: text} of one wording; seeds that do not apply or repeat an earlier text are left out."""
    out = {}
    for seed in wanted:
        made = perturb(question, wording, seed, text, pairs, english, token_ids, keep_case)
        if made is not None and made not in out.values():
            out[seed] = made
    return out
