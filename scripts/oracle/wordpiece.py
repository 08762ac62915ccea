"""BERT's uncased WordPiece with offsets into the raw text.

BasicTokenizer (cleaning, spaces around CJK, accents stripped, lower case,
punctuation on its own), then the longest piece that matches from the left;
a word of more than 100 characters, or one without a cover, is one [UNK].
A token's span runs from the raw character that its first normalised character
came from to the one its last came from, in Unicode scalar values.
"""

import json
import os
import re
import unicodedata

MAX_WORD = 100
SPECIAL_NAMES = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_ASCII_WORD = re.compile(r"[!-/:-@\[-`{-~]|[0-9A-Za-z]+")
_CJK = ((0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F),
        (0x2B740, 0x2B81F), (0x2B920, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F))


def is_cjk(c):
    """The blocks that BERT sets apart character by character."""
    return any(low <= c <= high for low, high in _CJK)


def is_punctuation(ch):
    """ASCII punctuation and symbols, and Unicode's P categories."""
    c = ord(ch)
    if c < 128:
        return 33 <= c <= 47 or 58 <= c <= 64 or 91 <= c <= 96 or 123 <= c <= 126
    return unicodedata.category(ch).startswith("P")


def _is_white(ch):
    return ch in "\t\n\r" or unicodedata.category(ch) in ("Zs", "Zl", "Zp")


def _is_removed(ch):
    if ch in "\t\n\r":
        return False
    return ch in "\x00\ufffd" or unicodedata.category(ch) in ("Cc", "Cf", "Co", "Cs")


def normalised(text):
    """[(character, index of the raw character it came from)]."""
    out = []
    for i, raw in enumerate(text):
        if _is_removed(raw):
            continue
        if _is_white(raw):
            out.append((" ", i))
            continue
        apart = is_cjk(ord(raw))
        if apart:
            out.append((" ", i))
        for c in unicodedata.normalize("NFD", raw):
            if unicodedata.category(c) != "Mn":
                out.extend((low, i) for low in c.lower())
        if apart:
            out.append((" ", i))
    return out


def words(text):
    """[(word, [raw index of each of its characters])]."""
    out, word, origin = [], [], []

    def flush():
        if word:
            out.append(("".join(word), list(origin)))
            del word[:], origin[:]

    for ch, i in normalised(text):
        if _is_white(ch):
            flush()
        elif is_punctuation(ch):
            flush()
            out.append((ch, [i]))
        else:
            word.append(ch)
            origin.append(i)
    flush()
    return out


class WordPiece:
    """A vocabulary: text -> (ids, starts, ends)."""

    def __init__(self, vocab, specials=()):
        self.vocab = vocab
        self.unknown = vocab["[UNK]"]
        self.specials = {s: vocab[s] for s in specials if s in vocab}
        self._split = re.compile("(" + "|".join(map(re.escape, self.specials)) + ")") \
            if self.specials else None
        self._known = {}

    def pieces(self, word):
        """[(id, length in characters)] of one normalised word."""
        found = self._known.get(word)
        if found is None:
            found = self._known[word] = self._match(word)
        return found

    def _match(self, word):
        if len(word) > MAX_WORD:
            return [(self.unknown, len(word))]
        out, start = [], 0
        while start < len(word):
            for end in range(len(word), start, -1):
                piece = word[start:end] if start == 0 else "##" + word[start:end]
                if piece in self.vocab:
                    out.append((self.vocab[piece], end - start))
                    start = end
                    break
            else:
                return [(self.unknown, len(word))]
        return out

    def _plain(self, text, base, ids, starts, ends):
        if text.isascii() and not any(c < " " and c not in "\t\n\r" or c == "\x7f" for c in text):
            for m in _ASCII_WORD.finditer(text.lower()):
                at = base + m.start()
                for i, n in self.pieces(m.group()):
                    ids.append(i)
                    starts.append(at)
                    at += n
                    ends.append(at)
            return
        for word, origin in words(text):
            at = 0
            for i, n in self.pieces(word):
                ids.append(i)
                starts.append(base + origin[at])
                at += n
                ends.append(base + origin[at - 1] + 1)

    def encode(self, text):
        """(ids, starts, ends) without special tokens, never truncated."""
        ids, starts, ends = [], [], []
        if self._split is None:
            self._plain(text, 0, ids, starts, ends)
            return ids, starts, ends
        base = 0
        for part in self._split.split(text):
            if part in self.specials:
                ids.append(self.specials[part])
                starts.append(base)
                ends.append(base + len(part))
            else:
                self._plain(part, base, ids, starts, ends)
            base += len(part)
        return ids, starts, ends


def load(model_dir):
    """From `tokenizer.json`, else `vocab.txt`, of a model folder."""
    path = os.path.join(model_dir, "tokenizer.json")
    if os.path.isfile(path):
        with open(path, encoding="utf-8") as f:
            spec = json.load(f)
        model = spec["model"]
        if model.get("type", "WordPiece") != "WordPiece":
            raise ValueError("%s: model type %s, expected WordPiece" % (path, model["type"]))
        return WordPiece(model["vocab"], [t["content"] for t in spec.get("added_tokens", [])])
    path = os.path.join(model_dir, "vocab.txt")
    with open(path, encoding="utf-8") as f:
        vocab = {line.rstrip("\n"): i for i, line in enumerate(f)}
    return WordPiece(vocab, SPECIAL_NAMES)
