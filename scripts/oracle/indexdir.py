"""An index directory: what it holds, and whether it is what its hashes say."""

import hashlib
import json
import os
import urllib.parse

import canonical
import npyfile

IDENTITY = ("schema_version", "EMBED_MODEL_VER", "EMBED_DIM", "EMBED_SCHEMA", "NORM", "metric",
            "TOK_VER", "ANALYZER_CONF", "CHUNK_SCHEMA_VER", "n_documents", "n_snippets",
            "sections_sha256", "snippets_sha256", "vectors_sha256")
CONTENT = ("manifest.json", "sections.jsonl", "snippets.jsonl", "vectors.npy", "SHA256SUMS")


def encode_id(text):
    """Percent-encoding of everything but RFC 3986 unreserved characters."""
    return urllib.parse.quote(text, safe="")


def file_sha256(path):
    """Lower-case hex SHA-256 of a file."""
    h = hashlib.sha256()
    with open(path, "rb") as f:
        for block in iter(lambda: f.read(1 << 20), b""):
            h.update(block)
    return h.hexdigest()


def relative_files(folder):
    """All regular files below `folder`, with `/` between parts, sorted."""
    out = []
    for base, _, names in os.walk(folder):
        for name in names:
            out.append(os.path.relpath(os.path.join(base, name), folder).replace(os.sep, "/"))
    return sorted(out)


class Index:
    """Everything of an index in memory, by corpus position."""

    def __init__(self, folder):
        self.folder = folder
        self.problems = []
        with open(os.path.join(folder, "manifest.json"), "rb") as f:
            self.manifest = json.loads(f.read())
        self.identity = self.manifest["identity"]
        self.sections, self.by_document = {}, {}
        for i, row in self._rows("sections.jsonl", {"doc_id", "section_id", "text"},
                                 {"source_url", "title"}):
            key = (row["doc_id"], row["section_id"])
            if key in self.sections:
                self.problems.append("sections.jsonl:%d: section %s appears twice" % (i, key))
            self.sections[key] = row
            self.by_document.setdefault(row["doc_id"], []).append(key)
        self.snippets, self.positions = [], {}
        for i, row in self._rows("snippets.jsonl",
                                 {"snippet_id", "doc_id", "section_id", "offsets", "tokens"},
                                 {"source_url"}):
            key = (row["doc_id"], row["section_id"])
            self._check_snippet(i, row, key)
            self.positions.setdefault(key, []).append(len(self.snippets))
            self.snippets.append(row)
        self.vectors, own_header = npyfile.read(os.path.join(folder, "vectors.npy"))
        if not own_header:
            self.problems.append("vectors.npy: not byte-equal to NumPy's own file")
        self._check_order()

    def _rows(self, name, needed, optional):
        for i, row, same in canonical.read_lines(os.path.join(self.folder, name)):
            keys = set(row)
            if not needed <= keys <= needed | optional:
                self.problems.append("%s:%d: keys %s" % (name, i, sorted(keys)))
            if not same:
                self.problems.append("%s:%d: not RFC 8785" % (name, i))
            yield i, row

    def _check_snippet(self, i, row, key):
        start, end = row["offsets"]
        expected = "%s#%s#%d-%d" % (encode_id(key[0]), encode_id(key[1]), start, end)
        if row["snippet_id"] != expected:
            self.problems.append("snippets.jsonl:%d: id %s, expected %s"
                                 % (i, row["snippet_id"], expected))
        section = self.sections.get(key)
        if section is None:
            self.problems.append("snippets.jsonl:%d: no section %s" % (i, key))
        elif not 0 <= start < end <= len(section["text"]):
            self.problems.append("snippets.jsonl:%d: offsets %s of %d characters"
                                 % (i, row["offsets"], len(section["text"])))
        if section is not None and section.get("source_url") != row.get("source_url"):
            self.problems.append("snippets.jsonl:%d: source_url differs from its section's" % i)

    def _check_order(self):
        rank = {key: i for i, key in enumerate(self.sections)}
        places = [(rank.get((s["doc_id"], s["section_id"]), -1), s["offsets"][0])
                  for s in self.snippets]
        if places != sorted(places):
            self.problems.append("snippets.jsonl: not in corpus order")
        for doc, keys in self.by_document.items():
            span = [rank[k] for k in keys]
            if span != list(range(span[0], span[0] + len(span))):
                self.problems.append("sections.jsonl: document %s is not in one piece" % doc)

    def key(self, position):
        """(doc_id, section_id) of the snippet at a corpus position."""
        s = self.snippets[position]
        return s["doc_id"], s["section_id"]

    def sole_section(self, doc_id):
        """Whether the document has one section only."""
        return len(self.by_document.get(doc_id, ())) == 1

    def hash_problems(self):
        """Everything about identity, hashes and SHA256SUMS that does not hold."""
        out, identity = [], self.identity
        if set(identity) != set(IDENTITY):
            out.append("manifest.json: identity has %s beside or instead of what it must have"
                       % sorted(set(identity) ^ set(IDENTITY)))
        names = relative_files(self.folder)
        sums = {n: file_sha256(os.path.join(self.folder, n)) for n in names}
        for name in ("sections", "snippets", "vectors"):
            path = name + (".npy" if name == "vectors" else ".jsonl")
            if identity.get(name + "_sha256") != sums[path]:
                out.append("manifest.json: %s_sha256 is not that of %s" % (name, path))
        for key, value in (("n_snippets", len(self.snippets)), ("n_documents", len(self.by_document)),
                           ("EMBED_DIM", self.vectors.shape[1])):
            if identity.get(key) != value:
                out.append("manifest.json: %s is %s, counted %d" % (key, identity.get(key), value))
        if len(self.vectors) != len(self.snippets):
            out.append("vectors.npy: %d rows, %d snippets" % (len(self.vectors), len(self.snippets)))
        listed = {}
        with open(os.path.join(self.folder, "SHA256SUMS"), encoding="utf-8") as f:
            for line in f:
                digest, _, name = line.rstrip("\n").partition("  ")
                listed[name[2:] if name.startswith("./") else name] = digest
        expected = {n: d for n, d in sums.items() if n != "SHA256SUMS"}
        for name in sorted(set(listed) | set(expected)):
            if listed.get(name) != expected.get(name):
                out.append("SHA256SUMS: %s: %s, expected %s"
                           % (name, listed.get(name), expected.get(name)))
        return out

    def index_hash(self):
        """SHA-256 of the canonical identity."""
        return canonical.digest(self.identity)

    def serving_hash(self):
        """SHA-256 of what answers users: the content, the graph and lexical files, and their settings."""
        files = {n: file_sha256(os.path.join(self.folder, n))
                 for n in relative_files(self.folder) if n not in CONTENT}
        return canonical.digest({
            "INDEX_HASH": self.index_hash(), "files": files,
            "ann": self.serving_field("ann"), "fusion": self.serving_field("fusion"),
            "RERANK_CONF": self.serving_field("RERANK_CONF")})

    def serving_field(self, name):
        """A serving setting, from the manifest's `serving` object or the manifest itself.

        A graph that is none is null, whether the manifest says null or `{"kind": "none"}`.
        """
        value = self.manifest.get("serving", {}).get(name, self.manifest.get(name))
        if name == "ann" and value is not None:
            if value.get("kind") in (None, "none"):
                return None
            # A seed of 0 is left out, as it is in the manifest.
            return {k: value[k] for k in ("kind", "m", "ef_construction", "ef", "seed") if value.get(k) or k != "seed"}
        return value
