"""Corpora with one thing wrong, and corpora with one thing harmlessly different.

A corpus is a list of documents `{doc_id, title?, sections: [{section_id, title?, text}]}`.
Every function takes one and gives a new one; none changes what it is given, and all
are deterministic.
"""

import copy
import hashlib
import os
import re
import unicodedata

GLOSSARY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "german.tsv")
BANNER = 2 * ("Confidential and proprietary. This page is part of the internal knowledge base and is "
          "meant for employees and contractors only. Do not print, forward or copy it. If you "
          "have reached it by mistake, close the window and tell the service desk. The content "
          "was checked by its owner and is provided as is, without warranty of any kind. Was this "
          "page helpful? Please rate it, share it with your colleagues, and subscribe to changes. "
          "Related pages: home, getting started, frequently asked questions, glossary, contact. ")


def sections(corpus):
    """Every section of every document."""
    return (section for document in corpus for section in document["sections"])


def rewritten(corpus, change, chosen=lambda number: True):
    """The corpus with `change(text)` for every text and title of the documents chosen by number."""
    out = copy.deepcopy(corpus)
    for number, document in enumerate(out):
        if not chosen(number):
            continue
        if document.get("title"):
            document["title"] = change(document["title"])
        for section in document["sections"]:
            section["text"] = change(section["text"])
            if section.get("title"):
                section["title"] = change(section["title"])
    return out


def chance(name, key):
    """A number in [0, 1) that depends on the two words only."""
    return int.from_bytes(hashlib.sha256(("%s\0%s" % (name, key)).encode()).digest()[:8], "big") / 2.0 ** 64


# Damages.

def dropped_third(corpus):
    """Every third document is gone, as when a crawler lost some of its pages."""
    return [d for i, d in enumerate(copy.deepcopy(corpus)) if i % 3 != 1]


def partition_missing(corpus):
    """One run of a quarter of the documents, side by side, is gone: a shard that was not loaded."""
    start, end = len(corpus) * 3 // 8, len(corpus) * 5 // 8
    return copy.deepcopy(corpus[:start] + corpus[end:])


def stale_third(corpus):
    """A third of the documents in an older revision: two of three sentences are not written yet."""
    def older(text):
        sentences = re.split(r"(?<=[.!?])\s+", text)
        return " ".join(sentences[1::3] or sentences)
    return rewritten(corpus, older, lambda number: number % 3 == 1)


def shuffled_ids(corpus):
    """Every section's id holds the title and text of some other section."""
    out = copy.deepcopy(corpus)
    slots = list(sections(out))
    held = [(s.get("title"), s["text"]) for s in slots]
    order = sorted(range(len(slots)), key=lambda i: chance("shuffle", str(i)))
    for here, there in zip(order, order[1:] + order[:1]):
        title, slots[here]["text"] = held[there]
        slots[here].pop("title", None)
        if title is not None:
            slots[here]["title"] = title
    return out


def duplicated(corpus, times):
    """Each document `times` times more, under other ids and before its original: repeated imports."""
    out = []
    for document in copy.deepcopy(corpus):
        for copy_number in range(times):
            again = copy.deepcopy(document)
            again["doc_id"] = "import-%d-%s" % (copy_number + 1, document["doc_id"])
            if len(again["sections"]) == 1:
                again["sections"][0]["section_id"] = again["doc_id"]
            out.append(again)
        out.append(document)
    return out


def truncated(corpus, characters):
    """Every section ends after so many characters: a column that was too narrow."""
    out = copy.deepcopy(corpus)
    for section in sections(out):
        section["text"] = section["text"][:characters]
    return out


def same_length(change):
    """A change of letters that keeps the number of characters, so that offsets still hold."""
    def each(text):
        return "".join(new if len(new) == 1 else old for old, new in ((c, change(c)) for c in text))
    return each


def upper_case(corpus):
    """Everything in capitals."""
    return rewritten(corpus, same_length(str.upper))


def lower_case(corpus):
    """Everything in small letters."""
    return rewritten(corpus, same_length(str.lower))


def without_accents(corpus):
    """Every letter without its accent."""
    return rewritten(corpus, same_length(lambda c: unicodedata.normalize("NFKD", c)[0]))


def boilerplate(corpus, banner=BANNER):
    """One text in front of every section and every title."""
    return rewritten(corpus, lambda text: banner + text)


def other_language(corpus):
    """Every second document in German, word by word after a glossary."""
    with open(GLOSSARY, encoding="utf-8") as f:
        words = dict(line.rstrip("\n").split("\t") for line in f)

    def translated(match):
        word = match.group(0)
        german = words.get(word.lower().replace("\u2019", "'"), word)
        return german[0].upper() + german[1:] if word[0].isupper() else german
    pattern = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)?")
    return rewritten(corpus, lambda text: pattern.sub(translated, text), lambda number: number % 2 == 1)


def merged_sections(corpus):
    """Every two neighbouring sections of a document are one, under the first one's id and title.

    An importer that takes fewer levels of headings for sections: every word is still there, the
    second one's heading in the text, and half of the ids are gone.
    """
    out = copy.deepcopy(corpus)
    for document in out:
        pairs = document["sections"]
        for first, second in zip(pairs[::2], pairs[1::2]):
            first["text"] += "\n\n" + "\n".join(filter(None, (second.get("title"), second["text"])))
        document["sections"] = pairs[::2]
    return out


# Harmless differences.

def reversed_order(corpus):
    """The same documents, last first."""
    return copy.deepcopy(corpus[::-1])


def moved_offsets(corpus):
    """An empty line before every text: each snippet has other offsets, and so another id."""
    out = copy.deepcopy(corpus)
    for section in sections(out):
        section["text"] = "\n" + section["text"]
    return out


def white_space(corpus, quotes):
    """Other white space: line ends, trailing blanks; a passage that a gold set quotes is left alone."""
    out = copy.deepcopy(corpus)
    for section in sections(out):
        if not any("\n" in quote and quote in section["text"] for quote in quotes):
            section["text"] = section["text"].replace("\n", " \r\n")
        section["text"] += "  \r\n\t\r\n"
    return out


def with_unrelated(corpus, documents):
    """The corpus, with documents on other subjects behind it."""
    return copy.deepcopy(corpus) + copy.deepcopy(documents)
