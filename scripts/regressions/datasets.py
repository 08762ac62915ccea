"""The collections of the suite: a corpus, questions about it, and how it is cut.

`handbook` is the project's own.  `scifact` is any BEIR folder, `spans` any folder as
scripts/spans.py reads it; the project ships neither.
"""

import csv
import json
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts"))
import spans  # noqa: E402

HANDBOOK = os.path.join(ROOT, "gold")
PART = 1500
"""Characters after which a long text is cut into the next document, at a line's end."""


class Collection:
    """`corpus` is a list of documents (see corpora.py), `gold` a path, `chunk` the chunking."""

    def __init__(self, name, corpus, gold, chunk):
        self.name, self.corpus, self.gold, self.chunk = name, corpus, gold, chunk

    def quotes(self):
        """Every passage that a question names; none where targets are whole documents."""
        if os.path.isdir(self.gold):
            return []
        with open(self.gold, encoding="utf-8") as f:
            items = json.load(f)["items"]
        found = []
        for item in items:
            for target in item["targets"]:
                found += [t["quote"] for t in target.get("any_of", [target]) if "quote" in t]
        return found


def load(path):
    with open(path, encoding="utf-8") as f:
        return json.load(f)


def handbook(folder, _work):
    """The project's handbook, revision A, and its forty questions."""
    corpus = load(os.path.join(folder, "corpus_vA.json"))["documents"]
    return Collection("handbook", corpus, os.path.join(folder, "gold_40.json"), "s128/o32")


def beir(folder, _work):
    """A BEIR folder; a document is one section."""
    corpus = []
    with open(os.path.join(folder, "corpus.jsonl"), encoding="utf-8") as f:
        for line in f:
            row = json.loads(line)
            document = {"doc_id": row["_id"], "sections": [{"section_id": row["_id"], "text": row["text"]}]}
            if row.get("title"):
                document["title"] = row["title"]
            corpus.append(document)
    with open(os.path.join(folder, "qrels", "test.tsv"), encoding="utf-8", newline="") as f:
        if not any(True for _ in csv.reader(f, delimiter="\t")):
            raise ValueError("%s/qrels/test.tsv: empty" % folder)
    return Collection("scifact", corpus, folder, "none")


def cuts(text, references):
    """Where a text is cut into parts: at line ends that no reference crosses, every PART characters."""
    out, start = [], 0
    position = text.find("\n")
    while position != -1:
        end = position + 1
        if end - start >= PART and not any(a < end < b for a, b in references):
            out.append((start, end))
            start = end
        position = text.find("\n", end)
    return out + [(start, len(text))]


def long_texts(folder, work):
    """A spans folder: each long text in parts, each part a document of one section."""
    whole = os.path.join(work, "spans-whole")
    spans.convert(folder, whole)
    gold = load(os.path.join(whole, "gold.json"))
    references = {}
    for item in gold["items"]:
        for target in item["targets"]:
            references.setdefault(target["doc_id"], []).append(target["offsets"])
    corpus, places = [], {}
    for document in load(os.path.join(whole, "corpus.json"))["documents"]:
        doc_id, text = document["doc_id"], document["text"]
        for number, (start, end) in enumerate(cuts(text, references.get(doc_id, []))):
            part = "%s-%03d" % (doc_id, number)
            corpus.append({"doc_id": part, "sections": [{"section_id": part, "text": text[start:end]}]})
            places.setdefault(doc_id, []).append((start, end, part))
    for item in gold["items"]:
        for target in item["targets"]:
            a, b = target["offsets"]
            start, _, part = next(p for p in places[target["doc_id"]] if p[0] <= a and b <= p[1])
            target.update(doc_id=part, section_id=part, offsets=[a - start, b - start])
    path = os.path.join(work, "spans-gold.json")
    with open(path, "w", encoding="utf-8") as f:
        json.dump(gold, f, ensure_ascii=False)
    return Collection("spans", corpus, path, "s128/o32")


def unrelated():
    """Documents that no question of any collection is about: this project's own pages."""
    documents = []
    for name in ("ARCHITECTURE.md", "CONTRIBUTING.md", "README.md", "docs/spec.md", "docs/chunking.md"):
        with open(os.path.join(ROOT, name), encoding="utf-8") as f:
            parts = f.read().split("\n## ")
        documents.append({"doc_id": "wfgy/" + name, "sections": [
            {"section_id": "part-%d" % i, "text": part} for i, part in enumerate(parts) if part.strip()]})
    return documents
