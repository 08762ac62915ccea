"""A gold set: questions, wordings and targets, in the forms that the definitions name."""

import json
import os

import canonical


class GoldError(ValueError):
    """A gold set that cannot be read."""


def _alternative(raw, where):
    doc = raw.get("doc_id", raw.get("expected_doc"))
    if doc is None:
        raise GoldError("%s: a target without doc_id" % where)
    return {"doc_id": doc, "section_id": raw.get("section_id"), "offsets": raw.get("offsets"),
            "quote": raw.get("quote"), "grade": raw.get("grade", 1)}


def _question(raw, where):
    targets = []
    for t in raw.get("targets") or []:
        targets.append([_alternative(a, where) for a in t.get("any_of", [t])])
    if not targets and ("expected_doc" in raw or "doc_id" in raw):
        targets = [[_alternative(raw, where)]]
    anchors = raw.get("anchor") or []
    return {"id": raw["id"], "question": raw["question"],
            "paraphrases": list(raw.get("paraphrases") or []), "targets": targets,
            "anchors": [anchors] if isinstance(anchors, str) else list(anchors),
            "stratum": raw.get("stratum"), "answerable": raw.get("answerable", bool(targets))}


def _beir(folder):
    split = os.path.join(folder, "qrels", "test.tsv")
    grades = {}
    with open(split, encoding="utf-8") as f:
        next(f)
        for line in f:
            query, doc, score = line.rstrip("\n").split("\t")
            if int(score) > 0:
                grades.setdefault(query, []).append((doc, int(score)))
    items = []
    with open(os.path.join(folder, "queries.jsonl"), encoding="utf-8") as f:
        for line in f:
            row = json.loads(line)
            if row["_id"] in grades:
                items.append(_question({
                    "id": row["_id"], "question": row["text"],
                    "targets": [{"doc_id": d, "grade": g} for d, g in grades[row["_id"]]]}, split))
    return {"name": "", "language": "en", "items": items}


def read(path):
    """{name, language, items} of a JSON array, an object, JSONL, or a BEIR folder."""
    if os.path.isdir(path):
        return _beir(path)
    with open(path, encoding="utf-8") as f:
        text = f.read()
    name, language = "", "en"
    try:
        rows = json.loads(text)
    except ValueError:
        rows = [json.loads(line) for line in text.splitlines() if line.strip()]
    if isinstance(rows, dict) and "items" in rows:
        name, language = rows.get("name") or "", rows.get("language") or "en"
        rows = rows["items"]
    elif isinstance(rows, dict):
        rows = [rows]
    items = [_question(row, "%s: item %d" % (path, i)) for i, row in enumerate(rows, 1)]
    if not items:
        raise GoldError("%s: no questions" % path)
    return {"name": name, "language": language, "items": items}


def english(gold):
    """Whether the perturbations of English apply."""
    return gold["language"].lower().split("-")[0] == "en"


def wordings(item):
    """Wording 0 and the paraphrases."""
    return [item["question"]] + item["paraphrases"]


def document_unit(gold):
    """Whether k counts documents: no target of the set has a section or a span."""
    return all(a["section_id"] is None and a["offsets"] is None and a["quote"] is None
               for q in gold["items"] for t in q["targets"] for a in t)


def digest(gold):
    """Digest of the content: the same for every file form that says the same."""
    items = [dict(q, targets=[{"any_of": t} for t in q["targets"]]) for q in gold["items"]]
    return canonical.digest({"name": gold["name"], "language": gold["language"], "items": items})
