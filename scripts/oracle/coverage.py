"""Coverage, token precision and IoU of a cut of the hits, by counting tokens one by one."""


class Place:
    """An alternative of a target as this index has it.

    `spans` is [((doc_id, section_id), start, end)] in characters of the raw
    text; `problem` says why the index does not contain it.
    """

    def __init__(self, spans, problem=None, quote=None):
        self.spans, self.problem, self.quote = spans, problem, quote


def find_all(text, quote):
    """Start of every occurrence, overlapping ones too."""
    out, at = [], text.find(quote)
    while at >= 0:
        out.append(at)
        at = text.find(quote, at + 1)
    return out


def locate(index, target):
    """Where one alternative stands in an index."""
    quote, keys = target["quote"], index.by_document.get(target["doc_id"])
    if keys is None:
        return Place([], "no document %s" % target["doc_id"], quote)
    if target["section_id"] is not None:
        key = (target["doc_id"], target["section_id"])
        if key not in index.sections:
            return Place([], "no section %s" % (key,), quote)
        keys = [key]
    if target["offsets"] is None and quote is None:
        return Place([(k, 0, len(index.sections[k]["text"])) for k in keys])
    if len(keys) != 1:
        return Place([], "a span without a section in a document of %d" % len(keys), quote)
    text = index.sections[keys[0]]["text"]
    if target["offsets"] is not None:
        start, end = target["offsets"]
        if quote is None:
            if 0 <= start < end <= len(text):
                return Place([(keys[0], start, end)])
            return Place([], "offsets [%d, %d) of %d characters" % (start, end, len(text)))
        if text[start:end] == quote:
            return Place([(keys[0], start, end)])
    found = find_all(text, quote) if quote else []
    if len(found) == 1:
        return Place([(keys[0], found[0], found[0] + len(quote))])
    return Place([], "quote found %d times" % len(found), quote)


def merge(spans):
    """Sorted, disjoint, touching ones joined."""
    out = []
    for start, end in sorted(spans):
        if out and start <= out[-1][1]:
            out[-1][1] = max(out[-1][1], end)
        else:
            out.append([start, end])
    return out


class Counter:
    """Counts tokens of an index under a tokenizer; sections are tokenised whole, once."""

    def __init__(self, index, tokenizer):
        self.index, self.tokenizer = index, tokenizer
        self._tokens, self._inside = {}, {}

    def tokens(self, key):
        """(ids, starts, ends) of a section."""
        if key not in self._tokens:
            self._tokens[key] = self.tokenizer.encode(self.index.sections[key]["text"])
        return self._tokens[key]

    def target_tokens(self, place):
        """{(section, token number)} that intersect the place's spans."""
        out = set()
        for key, start, end in place.spans:
            _, starts, ends = self.tokens(key)
            out.update((key, i) for i in range(len(starts)) if starts[i] < end and start < ends[i])
        return out

    def covered(self, tokens, hits):
        """Those of `tokens` that lie inside the union of the hits' spans."""
        spans = {}
        for position in hits:
            spans.setdefault(self.index.key(position), []).append(
                tuple(self.index.snippets[position]["offsets"]))
        spans = {key: merge(v) for key, v in spans.items()}
        out = set()
        for key, i in tokens:
            _, starts, ends = self.tokens(key)
            if any(s <= starts[i] and ends[i] <= e for s, e in spans.get(key, ())):
                out.add((key, i))
        return out

    def retrieved(self, hits):
        """Tokens inside the hits, each hit counted for itself, as the chunking literature does."""
        for position in hits:
            if position not in self._inside:
                _, starts, ends = self.tokens(self.index.key(position))
                start, end = self.index.snippets[position]["offsets"]
                self._inside[position] = sum(start <= s and e <= end for s, e in zip(starts, ends))
        return sum(self._inside[position] for position in hits)


def choose(alternatives, covered_of):
    """Number of the alternative with the highest ratio, the first on ties.

    `alternatives` are sets of units; compares covered / size as fractions.
    """
    best, best_ratio = 0, (-1, 1)
    for i, units in enumerate(alternatives):
        ratio = (len(covered_of(units)), len(units)) if units else (0, 1)
        if ratio[0] * best_ratio[1] > best_ratio[0] * ratio[1]:
            best, best_ratio = i, ratio
    return best


class Targets:
    """The targets of one question, ready to be counted."""

    def __init__(self, question, index, counter):
        self.places = [[locate(index, a) for a in t] for t in question["targets"]]
        self.counter = counter
        self.units = [[counter.target_tokens(p) for p in t] for t in self.places]
        self.quotes = [[len(counter.tokenizer.encode(p.quote)[0]) if p.problem and p.quote else None
                        for p in t] for t in self.places]

    def problems(self):
        """What is wrong with them in this index."""
        return [p.problem for t in self.places for p in t if p.problem]

    def measure(self, hits):
        """(coverage, precision, iou) of a cut of the hits (corpus positions)."""
        counter = self.counter
        whole, weights, unknown = set(), [], 0
        for places, units, quotes in zip(self.places, self.units, self.quotes):
            i = choose(units, lambda u: counter.covered(u, hits))
            if places[i].problem is None:
                whole |= units[i]
                weights.append((len(units[i]), False))
            elif quotes[i] is not None:
                weights.append((quotes[i], True))
            else:
                unknown += 1
        missing = sum(w for w, is_missing in weights if is_missing)
        if unknown and weights:
            missing += unknown * (sum(w for w, _ in weights) / len(weights))
        found = len(counter.covered(whole, hits))
        total, got = len(whole) + missing, counter.retrieved(hits)
        return (found / total if total else 0.0,
                found / got if got else 0.0,
                found / (got + total - found) if got + total - found else 0.0)


class DocumentTargets:
    """The same where the unit is the document: each document weighs one."""

    def __init__(self, question, index):
        self.places = [[locate(index, a) for a in t] for t in question["targets"]]
        self.units = [[{a["doc_id"]} for a in t] for t in question["targets"]]

    def problems(self):
        """What is wrong with them in this index."""
        return [p.problem for t in self.places for p in t if p.problem]

    def measure(self, documents):
        """(coverage, precision, iou) of the first k distinct documents."""
        have, whole = set(documents), set()
        for units in self.units:
            whole |= units[choose(units, lambda u: u & have)]
        found = len(whole & have)
        return (found / len(whole) if whole else 0.0, found / len(have) if have else 0.0,
                found / len(whole | have) if whole | have else 0.0)
