"""ANALYZER_CONF and EMBED_SCHEMA: from a text to the string that is embedded."""

import hashlib
import unicodedata

WHITE_SPACE = ("\t\n\x0b\x0c\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007"
               "\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000")
_TO_SPACE = {ord(c): " " for c in WHITE_SPACE}


def analyze(conf, text):
    """`none`, or parts joined by `+`, applied in the order form, lower, fold, ws."""
    parts = [] if conf == "none" else conf.split("+")
    unknown = set(parts) - {"nfc", "nfkc", "lower", "fold", "ws"}
    if unknown:
        raise ValueError("ANALYZER_CONF `%s`: unknown part %s" % (conf, sorted(unknown)))
    if "nfc" in parts:
        text = unicodedata.normalize("NFC", text)
    if "nfkc" in parts:
        text = unicodedata.normalize("NFKC", text)
    if "lower" in parts:
        text = text.lower()
    if "fold" in parts:
        marks = unicodedata.normalize("NFD", text)
        text = "".join(c for c in marks if not unicodedata.category(c).startswith("M"))
        text = unicodedata.normalize("NFC", text)
    if "ws" in parts:
        text = " ".join(p for p in text.translate(_TO_SPACE).split(" ") if p)
    return text


class Schema:
    """`pooling;max_tokens;query_prefix;passage_prefix`, with the analyzer's name."""

    def __init__(self, embed_schema, analyzer_conf):
        # A prefix may hold a semicolon: the first two fields cannot.
        parts = embed_schema.split(";", 2)
        if len(parts) != 3 or ";" not in parts[2]:
            raise ValueError("EMBED_SCHEMA `%s`: expected four fields joined by `;`" % embed_schema)
        self.pooling, self.max_tokens = parts[0], int(parts[1])
        self.query_prefix, self.passage_prefix = parts[2].split(";", 1)
        self.analyzer = analyzer_conf

    def wording(self, text):
        """The embedded string of a wording."""
        return self.query_prefix + analyze(self.analyzer, text)

    def passage(self, text, title=None):
        """The embedded string of a snippet (with its title) or of an anchor (without)."""
        body = text if title is None else title + " " + text
        return self.passage_prefix + analyze(self.analyzer, body)


def sha256(text):
    """What a precomputed vector and a cache entry are named by."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
