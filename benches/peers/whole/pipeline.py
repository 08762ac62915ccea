"""The usual Python pipeline, as one fresh process: sentence-transformers, faiss, pytrec_eval.

Usage: pipeline.py MODEL INDEX WORK [CACHE.npz]

INDEX is the index directory that `wfgy_eval` judges (its vectors, its text); WORK holds
`texts.json`, the distinct strings of an evaluation and which run asks which, so that both sides
embed the same strings.  With CACHE the vectors of these are taken from that file, which is
written where it is not there yet; the sample of the integrity check is embedded always.
Prints one JSON object.
"""

import hashlib
import json
import os
import pathlib
import sys

import faiss
import numpy as np
import pytrec_eval
from sentence_transformers import SentenceTransformer

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "encoder"))
import peer  # noqa: E402

K, DEPTH, DRAWN, RESAMPLES = 10, 50, 64, 10_000


def encode(model, texts):
    # The best batch size here; longer texts go first inside, so little is padding.
    return model.encode(texts, batch_size=32, normalize_embeddings=True, show_progress_bar=False)


def embedded(model, texts, cache):
    if cache is None:
        return encode(model, texts)
    if os.path.exists(cache):
        held = np.load(cache)
        rows = {key: row for key, row in zip(held["keys"], held["vectors"])}
        return np.stack([rows[hashlib.sha256(text.encode()).hexdigest()] for text in texts])
    vectors = encode(model, texts)
    np.savez(cache, keys=[hashlib.sha256(text.encode()).hexdigest() for text in texts], vectors=vectors)
    return vectors


def mean_interval(values):
    """Percentile bootstrap over questions."""
    chance = np.random.default_rng(20240117)
    means = values[chance.integers(0, len(values), (RESAMPLES, len(values)))].mean(axis=1)
    return [float(values.mean()), *np.quantile(means, [0.05, 0.95]).tolist()]


def main():
    folder, index, work, *cache = sys.argv[1:]
    faiss.omp_set_num_threads(os.cpu_count())
    # 1. The index, whole as its checksums say.
    with open(f"{index}/SHA256SUMS", encoding="utf-8") as sums:
        for line in sums:
            digest, name = line.split(maxsplit=1)
            with open(f"{index}/{name.strip().lstrip('*')}", "rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != digest:
                    sys.exit(f"{name}: damaged")
    base = np.load(f"{index}/vectors.npy")
    with open(f"{index}/snippets.jsonl", encoding="utf-8") as lines:
        places = [(s["doc_id"], s["section_id"]) for s in map(json.loads, lines)]
    flat = faiss.IndexFlatIP(base.shape[1])
    flat.add(base)
    # 2. Wordings and anchors, each distinct string once.
    model = SentenceTransformer(folder, device="cpu")
    with open(f"{work}/texts.json", encoding="utf-8") as file:
        plan = json.load(file)
    vectors = embedded(model, plan["texts"], cache[0] if cache else None)
    runs, items = plan["runs"], plan["questions"]
    asked = np.ascontiguousarray(vectors[[run["text"] for run in runs]])
    # 3. A sample of stored vectors against their text.
    drawn = np.random.default_rng(1).choice(len(base), DRAWN, replace=False)
    texts = [text for at, text in enumerate(peer.passages(pathlib.Path(index))) if at in set(drawn.tolist())]
    misses = int((np.einsum("ij,ij->i", encode(model, texts), base[np.sort(drawn)]) < 0.999).sum())
    # 4. Every run, 50 deep.
    scores, rows = flat.search(asked, DEPTH)
    # 5. ΔS to the first hit and of the first hit to the anchor, coverage, agreement of the runs.
    delta_s = np.zeros((len(items), 2))
    coverage, agreement = np.zeros(len(items)), np.zeros(len(items))
    unrelated = []
    by_question = [[i for i, run in enumerate(runs) if run["question"] == q] for q in range(len(items))]
    for q, (item, mine) in enumerate(zip(items, by_question)):
        targets = {tuple(target) for target in item["targets"]}
        anchors = vectors[item["anchors"]]
        found = [[places[row] for row in rows[i, :K]] for i in mine]
        delta_s[q, 0] = np.mean([1 - scores[i, 0] for i in mine])
        delta_s[q, 1] = np.mean([1 - (anchors @ base[rows[i, 0]]).max() for i in mine])
        coverage[q] = np.mean([len(targets & set(hits)) / max(len(targets), 1) for hits in found])
        agreement[q] = float(len({hits[0] for hits in found}) == 1)
        decoys = np.random.default_rng(q).integers(0, len(base), DRAWN)
        unrelated.append(1 - base[decoys] @ asked[mine].T)
    # 6. Ranking measures of the wordings as written.
    run, qrels = {}, {}
    for q, (item, mine) in enumerate(zip(items, by_question)):
        qrels[item["id"]] = {"/".join(target): 1 for target in item["targets"]}
        ranked = {}
        for rank, row in enumerate(rows[mine[0]]):
            ranked.setdefault("/".join(places[row]), DEPTH - rank)
        run[item["id"]] = ranked
    cutoffs = ".1,3,5,10,20,50"
    measures = {name + cutoffs for name in ("recall", "P", "success", "ndcg_cut", "map_cut")} | {"recip_rank"}
    judged = pytrec_eval.RelevanceEvaluator(qrels, measures).evaluate(run)
    values = {name: np.array([row[name] for row in judged.values()]) for name in next(iter(judged.values()))}
    # 7. Every number with an interval.
    values.update(delta_s=delta_s[:, 0], delta_s_anchor=delta_s[:, 1], coverage=coverage, agreement=agreement)
    report = {name: mean_interval(column) for name, column in values.items()}
    report["null"] = np.quantile(np.concatenate([u.ravel() for u in unrelated]), [0.01, 0.05, 0.5, 0.95]).tolist()
    report["integrity"] = misses
    json.dump(report, sys.stdout)


if __name__ == "__main__":
    main()
