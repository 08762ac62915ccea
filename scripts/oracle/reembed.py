"""Embeds texts again with the second encoder (scripts/oracle_minilm.py) and compares."""

import json
import os
import sys

import analyzer
import draws
import similarity

SAME = 0.999
CLOSE = 0.9999


def _encoder(model_dir):
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    import oracle_minilm
    parameters = oracle_minilm.load_safetensors(os.path.join(model_dir, "model.safetensors"))
    with open(os.path.join(model_dir, "config.json"), encoding="utf-8") as f:
        config = json.load(f)
    with open(os.path.join(model_dir, "vocab.txt"), encoding="utf-8") as f:
        vocab = {line.rstrip("\n"): i for i, line in enumerate(f)}
    return lambda text: oracle_minilm.forward(oracle_minilm.encode(text, vocab), parameters, config)


def check(ev, model_dir, out):
    """The integrity draw, and every exported text, at the wording level (seed 0)."""
    embed, index = _encoder(model_dir), ev.index
    schema = analyzer.Schema(index.identity["EMBED_SCHEMA"], index.identity["ANALYZER_CONF"])
    misses, drawn = 0, draws.draw("integrity", index.index_hash(), len(index.snippets))
    for position in drawn:
        section = index.sections[index.key(position)]
        start, end = index.snippets[position]["offsets"]
        text = schema.passage(section["text"][start:end], section.get("title"))
        misses += 1 - similarity.delta_s(embed(text), index.vectors[position]) < SAME
    if ev.context["integrity"]["checked"] == len(drawn):
        out.note("embed", misses == ev.context["integrity"]["mismatches"],
                 "integrity: reported %d misses, recomputed %d" % (ev.context["integrity"]["mismatches"], misses))
    rows = [(r["row"], "wording %s %d" % (k[0], k[1]), schema.wording(text_of(ev, k)))
            for k, r in ev.exported.queries.items() if k[2] == 0]
    for q in ev.questions.values():
        own = {analyzer.sha256(s): s for s in map(schema.passage, q.anchor_texts(index))}
        rows += [(r["row"], "anchor of " + q.id, own[r["sha256"]])
                 for r in ev.exported.anchors.get(q.id, ()) if r["sha256"] in own]
    for row, name, text in rows:
        cosine = 1 - similarity.delta_s(embed(text), ev.exported.vectors[row])
        out.note("embed", cosine >= CLOSE, "%s: cosine %.6f" % (name, cosine))


def text_of(ev, key):
    """A wording as the gold set has it."""
    item = ev.questions[key[0]].item
    return ([item["question"]] + item["paraphrases"])[key[1]]
