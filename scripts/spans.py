#!/usr/bin/env python3
"""Turns questions with character spans into a corpus and a gold set, and reports into a table.

Usage: spans.py convert DIR OUT
       spans.py table CHUNK=OUTDIR…

`convert` reads DIR/questions.jsonl, a line `{"id", "question", "doc_id",
"references": [{"text", "offsets": [start, end]}]}` (offsets in Unicode scalar
values), and DIR/<doc_id>.md; it writes OUT/corpus.json (one section a document)
and OUT/gold.json.  All references of a question must be found (AND).
`table` prints a Markdown table from the report.json of each OUTDIR.

Exit codes: 0 done; 2 an input cannot be read.
"""

import json
import os
import sys

COVERAGE_AT = (1, 3, 5, 10)
SPANS_AT = (5, 10)


class Unreadable(ValueError):
    """A file that is not what it should be."""


def read_document(folder, doc_id):
    """The text of a document; a byte order mark or a line end is text like any other."""
    path = os.path.join(folder, doc_id + ".md")
    with open(path, encoding="utf-8", newline="") as f:
        return f.read()


def convert(folder, out):
    """Writes corpus and gold set; (documents, questions)."""
    path, texts, items = os.path.join(folder, "questions.jsonl"), {}, []
    with open(path, encoding="utf-8") as f:
        for i, line in enumerate(f, 1):
            row = json.loads(line)
            doc = row["doc_id"]
            if os.path.basename(doc) != doc or doc in ("", ".", ".."):
                raise Unreadable("%s:%d: doc_id %r is no file name" % (path, i, doc))
            if doc not in texts:
                texts[doc] = read_document(folder, doc)
            targets = []
            for reference in row["references"]:
                start, end = reference["offsets"]
                if texts[doc][start:end] != reference["text"]:
                    raise Unreadable("%s:%d: references: the text at [%d, %d) of %s.md is another"
                                     % (path, i, start, end, doc))
                targets.append({"doc_id": doc, "section_id": doc, "offsets": [start, end],
                                "quote": reference["text"]})
            if not targets:
                raise Unreadable("%s:%d: references is empty" % (path, i))
            items.append({"id": row["id"], "question": row["question"], "targets": targets,
                          "stratum": doc})
    if not items:
        raise Unreadable("%s: no questions" % path)
    os.makedirs(out, exist_ok=True)
    corpus = {"documents": [{"doc_id": d, "text": t} for d, t in sorted(texts.items())]}
    gold = {"schema_version": 1, "name": "spans", "language": "en", "items": items}
    for name, value in (("corpus.json", corpus), ("gold.json", gold)):
        with open(os.path.join(out, name), "w", encoding="utf-8", newline="\n") as f:
            json.dump(value, f, ensure_ascii=False, indent=1)
            f.write("\n")
    return len(texts), len(items)


def row(chunk, report):
    """One line of the table."""
    metrics = report["metrics"]
    values = [metrics["coverage.mean@%d" % k]["point"] for k in COVERAGE_AT]
    for k in SPANS_AT:
        values += [metrics["coverage.precision@%d" % k]["point"], metrics["coverage.iou@%d" % k]["point"]]
    return "| `%s` | %s |" % (chunk, " | ".join("%.3f" % v for v in values))


def table(pairs):
    """The Markdown table of [(chunk, report)]."""
    head = ["chunk"] + ["coverage@%d" % k for k in COVERAGE_AT]
    for k in SPANS_AT:
        head += ["precision@%d" % k, "IoU@%d" % k]
    lines = ["| " + " | ".join(head) + " |", "| --- |" + " ---: |" * (len(head) - 1)]
    return "\n".join(lines + [row(c, r) for c, r in pairs])


def main(argv):
    try:
        if len(argv) == 3 and argv[0] == "convert":
            print("%d documents, %d questions" % convert(argv[1], argv[2]))
            return 0
        if len(argv) > 1 and argv[0] == "table":
            pairs = []
            for argument in argv[1:]:
                chunk, _, folder = argument.partition("=")
                with open(os.path.join(folder, "report.json"), encoding="utf-8") as f:
                    pairs.append((chunk, json.load(f)))
            print(table(pairs))
            return 0
    except (OSError, KeyError, TypeError, ValueError) as error:
        print("spans.py: %s: %s" % (type(error).__name__, error), file=sys.stderr)
        return 2
    print(__doc__.strip(), file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
