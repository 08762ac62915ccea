"""Damage that the builder would never do: vectors changed in an index, and the index sealed again.

`reseal` makes every hash of the directory true for what now stands in it:
identity, INDEX_HASH, SERVING_HASH and SHA256SUMS (docs/spec.md, section 8).  No
hash can then tell that the index is damaged; only asking it can.

Vectors are N x D, float32, a row a snippet, in corpus order.
"""

import hashlib
import json
import os
import shutil

import numpy as np

MANIFEST, VECTORS, SUMS = "manifest.json", "vectors.npy", "SHA256SUMS"


def canonical(value):
    """RFC 8785 bytes of a manifest's values: ASCII keys, strings, integers, null."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def digest(data):
    """Lower-case hex SHA-256."""
    return hashlib.sha256(data).hexdigest()


def read(path):
    """The bytes of a file."""
    with open(path, "rb") as f:
        return f.read()


def write(path, data):
    """Writes a file."""
    with open(path, "wb") as f:
        f.write(data)


def vectors(folder):
    """The stored vectors."""
    return np.load(os.path.join(folder, VECTORS))


def identity(folder):
    """What INDEX_HASH is of."""
    return json.loads(read(os.path.join(folder, MANIFEST)))["identity"]


def token_counts(folder):
    """Tokens of each snippet."""
    counts = []
    with open(os.path.join(folder, "snippets.jsonl"), encoding="utf-8") as f:
        for line in f:
            start, end = json.loads(line)["tokens"]
            counts.append(end - start)
    return np.array(counts)


def snippets(folder):
    """Each snippet as a document of one section, its title and text as they are embedded."""
    with open(os.path.join(folder, "sections.jsonl"), encoding="utf-8") as f:
        rows = map(json.loads, f)
        sections = {(s["doc_id"], s["section_id"]): s for s in rows}
    out = []
    with open(os.path.join(folder, "snippets.jsonl"), encoding="utf-8") as f:
        for snippet in map(json.loads, f):
            whole = sections[snippet["doc_id"], snippet["section_id"]]
            start, end = snippet["offsets"]
            name = "snippet-%d" % len(out)
            section = {"section_id": name, "text": whole["text"][start:end]}
            if whole.get("title"):
                section["title"] = whole["title"]
            out.append({"doc_id": name, "sections": [section]})
    return out


def document_numbers(folder):
    """The number of each snippet's document, counted from 0 in corpus order."""
    numbers, out = {}, []
    with open(os.path.join(folder, "snippets.jsonl"), encoding="utf-8") as f:
        for line in f:
            out.append(numbers.setdefault(json.loads(line)["doc_id"], len(numbers)))
    return np.array(out)


def reseal(source, target, values, query_prefix=None, **identity):
    """Copies the index `source` to `target` with other vectors, identity fields or query prefix, all hashes true.

    The source has no graph: a graph over other vectors would be another damage.
    """
    shutil.copytree(source, target)
    values = np.ascontiguousarray(values, dtype="<f4")
    if not np.isfinite(values).all() or not np.linalg.norm(values, axis=1).all():
        raise ValueError("%s: a vector that is zero or not finite is refused on opening" % target)
    path = os.path.join(target, VECTORS)
    os.remove(path)
    np.save(path, values)
    manifest = json.loads(read(os.path.join(target, MANIFEST)))
    if manifest["serving"]["ann"] is not None:
        raise ValueError("%s: has a graph" % source)
    manifest["identity"].update(identity, vectors_sha256=digest(read(path)))
    if query_prefix is not None:
        note = manifest["embedder"]
        note["query_prefix"] = query_prefix
        manifest["identity"]["EMBED_SCHEMA"] = "%s;%d;%s;%s" % (
            note["pooling"], note["max_tokens"], note["query_prefix"], note["passage_prefix"])
    manifest["INDEX_HASH"] = digest(canonical(manifest["identity"]))
    manifest["SERVING_HASH"] = digest(
        canonical(dict(manifest["serving"], INDEX_HASH=manifest["INDEX_HASH"])))
    write(os.path.join(target, MANIFEST), canonical(manifest) + b"\n")
    names = sorted(n for n in os.listdir(target) if n != SUMS)
    lines = ["%s  %s\n" % (digest(read(os.path.join(target, n))), n) for n in names]
    write(os.path.join(target, SUMS), "".join(lines).encode())


# Damages: vectors N x D to vectors N x D.

def unit(values):
    """Every row with norm 1."""
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def summed(values, tokens):
    """Token vectors summed where their mean was meant, and not normalised: long snippets are long vectors."""
    return values * tokens[:, None]


def misread_half(values):
    """bfloat16 written, float16 read: both are 16 bits, but 8 and 5 of them are the exponent."""
    bits = (np.ascontiguousarray(values, dtype="<f4").view("<u4") >> 16).astype("<u2")
    return unit(bits.view("<f2").astype("<f4"))


def other_axes(values, seed=7):
    """The same table distilled anew: the sign of a principal component is an accident."""
    return values * np.where(np.random.default_rng(seed).random(values.shape[1]) < 0.5, -1, 1)


def mixed(values, others):
    """Every second row from another model: a re-embedding job that stopped half-way."""
    return np.where((np.arange(len(values)) % 2 == 1)[:, None], others, values)


def shuffled(values, seed=1):
    """Each row under another snippet's id: a join without an order."""
    return values[np.random.default_rng(seed).permutation(len(values))]
