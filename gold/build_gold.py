#!/usr/bin/env python3
"""Build the corpora and the gold set from their sources.

    python3 gold/build_gold.py            write the JSON files
    python3 gold/build_gold.py --check    exit 1 if a committed file differs from what would be written

Sources:
    handbook/*.md      revision A of the handbook, one file a document, in the order of ORDER
    revision_b.txt     what revision B changes, and handbook_b/*.md, the documents that it adds
    stale/*.md         old versions of a third of the documents
    questions.txt      the questions, with the first and last words of each answer passage

Offsets are [start, end) in Unicode scalar values of a section's text, which is what Python's str counts.
Only the standard library is used, nothing is random, and the output depends on the sources alone.
"""

import hashlib
import json
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
BASE_URL = "https://handbook.quernstone.example/"

# The reading order of the handbook, which is also the order of the corpus.
ORDER = """
platform-overview hopper-runbook sieve-schemas chaff-handling loft-runbook cellar-runbook
reeve-runbook millrace-delivery tollbar-limits warden-access tally-billing handmill-client
tipcart-import console-classic error-codes-ingest error-codes-delivery-storage retention-policy
privacy-erasure region-eu-fen region-us-mesa region-ap-reef upgrade-release-7 upgrade-release-8
staging-environment change-management incident-response on-call lantern-monitoring backup-restore
disaster-recovery capacity-planning hall-access security-procedures tenant-lifecycle support-desk
past-incidents
""".split()

HEADING = re.compile(r"^(#{1,2}) (.+?) \{#([a-z0-9-]+)\}$")


class SourceError(Exception):
    """A mistake in a source file; the message names the file and the place."""


def read_document(path):
    """One markdown file → {doc_id, source_url, title, sections}."""
    document, section, body = None, None, []

    def close():
        if section is not None:
            section["text"] = "\n".join(body).strip()
            if not section["text"]:
                raise SourceError(f"{path.name}: section {section['section_id']} is empty")

    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        heading = HEADING.match(line)
        if not heading:
            if line.startswith("#"):
                raise SourceError(f"{path.name}:{number}: a heading needs an id, '{{#id}}'")
            body.append(line)
            continue
        close()
        body = []
        level, title, ident = heading.groups()
        if level == "#":
            if document is not None:
                raise SourceError(f"{path.name}:{number}: a second document heading")
            document = {"doc_id": ident, "source_url": BASE_URL + ident, "title": title, "sections": []}
            section = None
        else:
            section = {"section_id": ident, "title": title, "text": ""}
            document["sections"].append(section)
    close()
    if document is None or document["doc_id"] != path.stem:
        raise SourceError(f"{path.name}: the document id must equal the file name")
    ids = [s["section_id"] for s in document["sections"]]
    if len(ids) != len(set(ids)):
        raise SourceError(f"{path.name}: a section id occurs twice")
    return document


def read_folder(folder):
    return {p.stem: read_document(p) for p in sorted((HERE / folder).glob("*.md"))}


def corpus_a():
    documents = read_folder("handbook")
    if sorted(documents) != sorted(ORDER):
        odd = sorted(set(documents) ^ set(ORDER))
        raise SourceError(f"handbook: ORDER and the folder disagree about {odd}")
    return [documents[name] for name in ORDER]


def copy_of(documents):
    return json.loads(json.dumps(documents))


def find_section(documents, place):
    doc_id, _, section_id = place.partition("/")
    for document in documents:
        if document["doc_id"] == doc_id:
            for section in document["sections"]:
                if section["section_id"] == section_id:
                    return section
    raise SourceError(f"no section {place}")


def corpus_b(base):
    """Apply revision_b.txt. Its commands stand at the start of a line and own the lines up to the next one:

    @remove DOC                    drop a document
    @add DOC after DOC             insert handbook_b/DOC.md
    @replace DOC/SECTION           new text of the section
    @append, @prepend DOC/SECTION  paragraphs after, before the present text
    @move DOC/SECTION              the first paragraph becomes the last
    @edit DOC/SECTION              pairs of lines '- old words' and '+ new words'; old must occur once
    @title DOC/SECTION             new title
    """
    documents = copy_of(base)
    additions = read_folder("handbook_b")
    blocks = re.split(r"(?m)^@", (HERE / "revision_b.txt").read_text(encoding="utf-8"))[1:]
    for block in blocks:
        head, _, body = block.partition("\n")
        body = body.strip()
        command, place, *rest = head.split()
        names = [d["doc_id"] for d in documents]
        if command == "remove":
            del documents[names.index(place)]
        elif command == "add":
            documents.insert(names.index(rest[1]) + 1, additions.pop(place))
        else:
            revise(find_section(documents, place), command, place, body)
    if additions:
        raise SourceError(f"handbook_b: nobody adds {sorted(additions)}")
    return documents


def revise(section, command, place, body):
    text = section["text"]
    if command == "replace":
        section["text"] = body
    elif command == "append":
        section["text"] = text + "\n\n" + body
    elif command == "prepend":
        section["text"] = body + "\n\n" + text
    elif command == "move":
        first, _, others = text.partition("\n\n")
        if not others:
            raise SourceError(f"revision_b.txt: {place} has one paragraph only")
        section["text"] = others + "\n\n" + first
    elif command == "title":
        section["title"] = body
    elif command == "edit":
        lines = body.splitlines()
        for old, new in zip(lines[::2], lines[1::2], strict=True):
            if not (old.startswith("- ") and new.startswith("+ ")) or text.count(old[2:]) != 1:
                raise SourceError(f"revision_b.txt: {place}: cannot edit {old!r}")
            text = text.replace(old[2:], new[2:])
        section["text"] = text
    else:
        raise SourceError(f"revision_b.txt: unknown command @{command}")


def corpus_stale(base):
    """Revision B in which every document that stale/ has is the old version."""
    old = read_folder("stale")
    documents = [old.pop(d["doc_id"], d) for d in copy_of(base)]
    if old:
        raise SourceError(f"stale: revision B has no {sorted(old)}")
    return documents


def corpus_shuffled(base):
    """Revision B in which titles and texts have left their ids.

    Sections are put in a ring by the sha256 of their place, and each id takes the content of the section
    `shift` places on; the shift is the one under which the fewest contents stay in their document.
    """
    documents = copy_of(base)
    places = [(d["doc_id"], s) for d in documents for s in d["sections"]]
    ring = sorted(places, key=lambda p: hashlib.sha256(f"{p[0]}/{p[1]['section_id']}".encode()).hexdigest())

    def strays(n):
        return sum(ring[i][0] == ring[(i + n) % len(ring)][0] for i in range(len(ring)))

    shift = min(range(1, len(ring)), key=lambda n: (strays(n), n))
    content = [(s["title"], s["text"]) for _, s in ring]
    for i, (_, section) in enumerate(ring):
        section["title"], section["text"] = content[(i + shift) % len(ring)]
    return documents


def span(documents, reference, ident):
    """'doc/section | first words | last words' → a target with offsets and quote."""
    parts = [p.strip() for p in reference.split("|")]
    if len(parts) != 3:
        raise SourceError(f"questions.txt: {ident}: a target is 'doc/section | first | last'")
    place, first, last = parts
    text = find_section(documents, place)["text"]
    if text.count(first) != 1:
        raise SourceError(f"questions.txt: {ident}: {first!r} occurs {text.count(first)} times in {place}")
    start = text.index(first)
    stop = text.find(last, start)
    if stop < 0:
        raise SourceError(f"questions.txt: {ident}: {last!r} does not follow in {place}")
    end = stop + len(last)
    doc_id, _, section_id = place.partition("/")
    return {"doc_id": doc_id, "section_id": section_id, "offsets": [start, end], "quote": text[start:end]}


def gold(documents):
    items, item = [], None
    for number, line in enumerate((HERE / "questions.txt").read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        head = re.match(r"^\[(Q_\d{4})\] (\w+)$", line)
        if head:
            item = {"id": head[1], "question": "", "paraphrases": [], "targets": []}
            item |= {"anchor": "", "stratum": head[2], "answerable": True}
            items.append(item)
            continue
        key, _, value = line.partition(": ")
        if key == "Q":
            item["question"] = value
        elif key == "P":
            item["paraphrases"].append(value)
        elif key == "A":
            item["anchor"] = value
        elif key == "T":
            item["targets"].append(span(documents, value, item["id"]))
        elif key == "O":
            item["targets"].append({"any_of": [span(documents, v, item["id"]) for v in value.split("||")]})
        else:
            raise SourceError(f"questions.txt:{number}: a line starts with Q, P, A, T or O")
    for item in items:
        wordings = [item["question"], *item["paraphrases"]]
        if len(wordings) != 4 or len({w.casefold() for w in wordings}) != 4 or not item["targets"] or not item["anchor"]:
            raise SourceError(f"questions.txt: {item['id']}: needs a question, three paraphrases, a target, an anchor")
    if len({i["id"] for i in items}) != len(items):
        raise SourceError("questions.txt: an id occurs twice")
    return items


def spans_of(items):
    for item in items:
        for target in item["targets"]:
            for alternative in target.get("any_of", [target]):
                yield item["id"], alternative


def check_quotes(items, documents):
    """Every quote occurs exactly once in its section, so that one gold set serves both revisions."""
    for ident, target in spans_of(items):
        place = f"{target['doc_id']}/{target['section_id']}"
        found = find_section(documents, place)["text"].count(target["quote"])
        if found != 1:
            raise SourceError(f"revision B: the quote of {ident} occurs {found} times in {place}")


def check_broken(items, documents, name):
    """A broken corpus must have lost answers: at least a third of the spans are not where they were."""
    total = lost = 0
    for _, target in spans_of(items):
        total += 1
        try:
            text = find_section(documents, f"{target['doc_id']}/{target['section_id']}")["text"]
        except SourceError:
            text = ""
        lost += target["quote"] not in text
    if lost * 3 < total:
        raise SourceError(f"{name}: only {lost} of {total} answer passages are gone")


def as_json(value):
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


def outputs():
    a = corpus_a()
    b = corpus_b(a)
    stale, shuffled = corpus_stale(b), corpus_shuffled(b)
    items = gold(a)
    check_quotes(items, b)
    check_broken(items, stale, "stale")
    check_broken(items, shuffled, "shuffled")
    gold_file = {"schema_version": 1, "name": "quernstone-handbook-40", "language": "en", "items": items}
    return {
        "corpus_vA.json": as_json({"documents": a}),
        "corpus_vB.json": as_json({"documents": b}),
        "gold_40.json": as_json(gold_file),
        "broken/corpus_stale.json": as_json({"documents": stale}),
        "broken/corpus_shuffled.json": as_json({"documents": shuffled}),
    }


def main(arguments):
    if arguments not in ([], ["--check"]):
        print("usage: build_gold.py [--check]", file=sys.stderr)
        return 2
    try:
        files = outputs()
    except SourceError as error:
        print(f"build_gold.py: {error}", file=sys.stderr)
        return 2
    stale = 0
    for name, text in files.items():
        path = HERE / name
        if arguments:
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                print(f"gold/{name} is out of date; run python3 gold/build_gold.py")
                stale = 1
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
    return stale


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
