"""The check itself: it accepts a whole evaluation, and sees every kind of damage."""

import contextlib
import hashlib
import io
import json
import os
import shutil
import sys
import tempfile
import unittest

import numpy as np

import analyzer
import canonical
import check
import draws
import evaluation
import goldset
import indexdir
import intervals
import seeds
import similarity
import windows
import wordpiece

WORDS = "red green blue valve pump pipe open close check drain fill the a of how do i can what is not".split()
PIECES = ["[UNK]"] + WORDS + list(".?'") + ["please", "tell", "me", ":", "thank", "you", "s", "don", "t"]
CHUNK = (6, 2)


def lines(path, rows):
    with open(path, "wb") as f:
        for row in rows:
            f.write(canonical.dumps(row) + b"\n")


class Builder:
    """Writes a model folder, an index, a gold set and an evaluation into a folder."""

    def __init__(self, folder):
        self.folder, self.random = folder, np.random.default_rng(7)
        self.model, self.index = folder + "/model", folder + "/index"
        self.gold, self.out = folder + "/gold.json", folder + "/out"
        for name in (self.model, self.index, self.out):
            os.mkdir(name)

    def vector(self):
        v = self.random.normal(size=16)
        return (v / np.linalg.norm(v)).astype("<f4")

    def sentence(self):
        return " ".join(self.random.choice(WORDS, self.random.integers(2, 9))).capitalize() + ". "

    def build(self):
        spec = json.dumps({"model": {"type": "WordPiece", "vocab": {p: i for i, p in enumerate(PIECES)}}})
        with open(self.model + "/tokenizer.json", "w") as f:
            f.write(spec)
        self.tok_ver = "t@sha256:" + hashlib.sha256(spec.encode()).hexdigest()
        self.tokenizer = wordpiece.load(self.model)
        self.write_index()
        self.write_gold()
        self.evaluate()
        return self

    def write_index(self):
        sections = [{"doc_id": "d%d" % (i // 3) if i < 27 else "solo %d" % i, "section_id": "s%d" % i,
                     "text": "".join(self.sentence() for _ in range(6))} for i in range(32)]
        snippets = []
        for s in sections:
            _, starts, ends = self.tokenizer.encode(s["text"])
            for a, b in windows.cut(s["text"], starts, ends, *CHUNK):
                ids = [indexdir.encode_id(s[k]) for k in ("doc_id", "section_id")]
                snippets.append({"snippet_id": "%s#%s#%d-%d" % (*ids, starts[a], ends[b - 1]),
                                 "doc_id": s["doc_id"], "section_id": s["section_id"],
                                 "offsets": [starts[a], ends[b - 1]], "tokens": [a, b]})
        lines(self.index + "/sections.jsonl", sections)
        lines(self.index + "/snippets.jsonl", snippets)
        np.save(self.index + "/vectors.npy", np.stack([self.vector() for _ in snippets]))
        self.sections = sections
        identity = {"schema_version": 1, "EMBED_MODEL_VER": "t", "EMBED_DIM": 16, "EMBED_SCHEMA": "mean;256;;",
                    "NORM": "l2", "metric": "cosine", "TOK_VER": self.tok_ver, "ANALYZER_CONF": "none",
                    "CHUNK_SCHEMA_VER": "s%d/o%d" % CHUNK, "n_documents": len({s["doc_id"] for s in sections}),
                    "n_snippets": len(snippets)}
        for name in ("sections.jsonl", "snippets.jsonl", "vectors.npy"):
            identity[name.split(".")[0] + "_sha256"] = indexdir.file_sha256(self.index + "/" + name)
        with open(self.index + "/manifest.json", "wb") as f:
            f.write(canonical.dumps({"identity": identity}))
        self.sum_files()

    def sum_files(self):
        with open(self.index + "/SHA256SUMS", "w") as f:
            for name in indexdir.relative_files(self.index):
                if name != "SHA256SUMS":
                    f.write("%s  %s\n" % (indexdir.file_sha256(self.index + "/" + name), name))

    def write_gold(self):
        def span(i, start, end):
            s = self.sections[i]
            return {"doc_id": s["doc_id"], "section_id": s["section_id"], "offsets": [start, end],
                    "quote": s["text"][start:end]}

        items = []
        for i in range(24):
            items.append({"id": "Q%d" % i, "question": "How do I open the valve %d?" % i,
                          "paraphrases": ["What is the pump not %d" % i, "Drain the pipe."][:1 + i % 2],
                          "targets": [span(i, 3, 40)], "stratum": "even" if i % 2 == 0 else None})
        items[3]["targets"].append({"any_of": [{"doc_id": "gone"}, span(9, 0, 30)]})
        items[4]["targets"].append({"doc_id": "gone", "section_id": "x", "quote": "open the valve"})
        items[5]["targets"] = [{"doc_id": "d2"}]
        items[6]["anchor"] = ["Open it.", "Close it."]
        items.append({"id": "none", "question": "Is blue red?", "targets": [], "answerable": False})
        with open(self.gold, "w") as f:
            json.dump({"schema_version": 1, "name": "tiny", "language": "en", "items": items}, f)

    def evaluate(self):
        index, gold = indexdir.Index(self.index), goldset.read(self.gold)
        pairs = seeds.read_contractions(check.CONTRACTIONS)
        schema = analyzer.Schema("mean;256;;", "none")
        texts, vectors, records = [], [], []

        def export(role, question, text, wording=None, seed=None, anchor=None, near=None):
            texts.append({"row": len(vectors), "role": role, "question": question, "wording": wording,
                          "seed": seed, "anchor": anchor, "sha256": analyzer.sha256(text), "text": text})
            vectors.append(self.vector() if near is None else near + np.float32(0.4) * self.vector())

        for item in gold["items"]:
            q = evaluation.Question(item, index, evaluation.coverage.Counter(index, self.tokenizer), False)
            near = index.vectors[min(q.near)] if q.near else None
            for w, wording in enumerate(goldset.wordings(item)):
                made = seeds.texts(item["id"], w, [0, 1], wording, pairs, True, lambda t: self.tokenizer.encode(t)[0])
                for seed, text in made.items():
                    export("query", item["id"], schema.wording(text), w, seed, near=near)
                    scores = similarity.against_all(vectors[-1][None], index.vectors, "cosine")[1][0]
                    best = sorted(range(len(scores)), key=lambda p: (-scores[p], p))[:50]
                    hits = [dict({k: index.snippets[p][k] for k in ("snippet_id", "doc_id", "section_id", "offsets", "tokens")},
                                 position=p, score=float(evaluation.round9(scores[p])),
                                 sole_section=index.sole_section(index.snippets[p]["doc_id"])) for p in best]
                    records.append({"question": item["id"], "wording": w, "seed": seed, "text": text,
                                    "status": "answered", "error": None, "hits": hits, "exact": best})
            for i, text in enumerate(q.anchor_texts(index) if item["answerable"] else []):
                export("anchor", item["id"], schema.passage(text), anchor=i)
        lines(self.out + "/texts.jsonl", texts)
        np.save(self.out + "/vectors.npy", np.stack(vectors))
        pins = {k: str(v) for k, v in index.identity.items() if k.isupper() or k == "metric"}
        pins.update(INDEX_HASH=index.index_hash(), SERVING_HASH=index.serving_hash())
        n = len(index.snippets)
        context = {"k": 10, "seeds": [0, 1], "stored_vectors": True, "unit": "snippet", "pins": pins,
                   "gold_digest": goldset.digest(gold),
                   "integrity": {"mode": "sample" if n > 64 else "full", "checked": min(64, n), "mismatches": 0}}
        self.report = {"schema_version": 1, "context": context, "metrics": {}}
        self.records = records
        self.save()
        self.fill()
        self.save()

    def fill(self):
        """What the engine would say, by the oracle's own arithmetic."""
        ev = evaluation.Evaluation(indexdir.Index(self.index), goldset.read(self.gold), self.out, self.tokenizer)
        for record in self.records:
            key = (record["question"], record["wording"], record["seed"])
            run = ev.runs[key]
            for i, hit in enumerate(record["hits"]):
                hit["delta_s_question"] = run.delta_question[i]
                hit["delta_s_anchor"] = run.delta_anchor[i] if run.delta_anchor else None
            first = key[2] == 0
            record.update(delta_s_decoy=run.delta_decoy, hard_null=run.hard if first else None,
                          auc=run.auc if first else None, auc_hard=run.auc_hard if first else None)
            record["coverage"] = {str(k): dict(zip(("coverage", "precision", "iou"), v)) for k, v in run.coverage.items()}
        # One interval a name: the nulls and the curves have those of metrics.
        numbers = {name: number_of(name, estimate) for name, estimate in ev.metrics().items()}
        nulls = {name: {field: numbers["null." + name + (":" + field if field != "p50" else "")] for field in null}
                 for name, null in ev.calibration().items()}
        for name, null in ev.calibration().items():
            nulls[name]["n"] = sum(len(v) for v in null["p50"].clusters)
        self.report["context"]["calibration"] = nulls
        metrics = {"coverage": "coverage.mean", "delta_s": "delta_s.question.mean", "delta_s_anchor": "delta_s.anchor.best"}
        self.report["curves"] = {curve: [number_of(metrics[curve], e) for e in points]
                                 for curve, points in ev.curves().items()}
        self.report["curves"]["k"] = ev.cuts
        self.report["context"]["questions"] = [
            {"id": q.id, "answerable": q.answerable, "stratum": q.item["stratum"], "qrels": q.qrels,
             "n_wordings": len(goldset.wordings(q.item)), "label_problems": q.targets.problems()}
            for q in ev.questions.values()]
        self.report["metrics"] = numbers

    def save(self):
        lines(self.out + "/runs.jsonl", self.records)
        with open(self.out + "/report.json", "w") as f:
            json.dump(self.report, f)


def number_of(name, estimate):
    """A number object of a report."""
    ends = intervals.interval(name, estimate)
    ci = None if ends is None else {"level": 0.95, "lower": ends[0], "upper": ends[1]}
    return {"point": estimate.point, "ci": ci, "n_questions": estimate.n, "aggregate": estimate.aggregate}


class Check(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.home = tempfile.mkdtemp()
        cls.whole = os.path.join(cls.home, "whole")
        os.mkdir(cls.whole)
        Builder(cls.whole).build()

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.home)

    def setUp(self):
        self.dir = os.path.join(self.home, self.id())
        shutil.copytree(self.whole, self.dir)

    def run_check(self):
        argv, sys.argv = sys.argv, ["check.py", "--index", self.dir + "/index", "--gold", self.dir + "/gold.json",
                                    "--out", self.dir + "/out", "--model", self.dir + "/model"]
        text = io.StringIO()
        try:
            with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
                code = check.main()
        finally:
            sys.argv = argv
        return code, text.getvalue()

    def assert_differs(self, group):
        code, text = self.run_check()
        self.assertEqual(code, 1, text)
        self.assertRegex(text, r"(?m)^DIFF %s " % group)

    def change_report(self, change):
        path = self.dir + "/out/report.json"
        with open(path) as f:
            report = json.load(f)
        change(report)
        with open(path, "w") as f:
            json.dump(report, f)

    def change_rows(self, path, change):
        rows = [row for _, row, _ in canonical.read_lines(self.dir + path)]
        lines(self.dir + path, change(rows) or rows)

    def change_run(self, change, number=0):
        def change_one(rows):
            change(rows[number])

        self.change_rows("/out/runs.jsonl", change_one)

    def test_a_whole_evaluation_agrees(self):
        code, text = self.run_check()
        self.assertEqual(code, 0, text)
        self.assertIn("ok   metrics", text)

    def test_every_metric_is_compared(self):
        with open(self.dir + "/out/report.json") as f:
            names = list(json.load(f)["metrics"])
        self.assertGreater(len(names), 90)

        def shift(report):
            for number in report["metrics"].values():
                number["point"] += 2e-6

        self.change_report(shift)
        code, text = self.run_check()
        self.assertEqual(code, 1)
        self.assertRegex(text, r"DIFF metrics +\d+ compared, %d differ" % len(names))

    def test_every_interval_is_compared(self):
        with open(self.dir + "/out/report.json") as f:
            report = json.load(f)
        numbers = list(report["metrics"].values())
        for curve in ("coverage", "delta_s", "delta_s_anchor"):
            numbers += report["curves"][curve]

        def shift(report):
            numbers = list(report["metrics"].values())
            for curve in ("coverage", "delta_s", "delta_s_anchor"):
                numbers += report["curves"][curve]
            for number in numbers:
                for end in ("lower", "upper") if number["ci"] else ():
                    if number["ci"][end] is not None:
                        number["ci"][end] += 2e-6

        self.change_report(shift)
        code, text = self.run_check()
        self.assertEqual(code, 1)
        with_ends = sum(bool(n["ci"]) and any(n["ci"][e] is not None for e in ("lower", "upper")) for n in numbers)
        self.assertGreater(with_ends, 100)
        self.assertRegex(text, r"DIFF intervals +\d+ compared, %d differ" % with_ends)
        self.assertNotRegex(text, "DIFF metrics")

    def test_an_interval_that_is_missing_or_of_another_aggregate_differs(self):
        self.change_report(lambda r: r["metrics"]["ndcg@10"].update(ci=None))
        self.assert_differs("intervals")
        self.change_report(lambda r: r["metrics"]["coverage.p05"].update(aggregate="p95"))
        self.assert_differs("metrics")

    def test_an_unknown_or_missing_metric_differs(self):
        self.change_report(lambda r: r["metrics"].update(novel={"point": 0, "n_questions": 1, "ci": None, "aggregate": "mean"}))
        self.assert_differs("metrics")
        self.change_report(lambda r: [r["metrics"].pop("novel"), r["metrics"].pop("lambda.flip_rate")])
        self.assert_differs("metrics")

    def test_a_curve_that_is_short_missing_or_unknown_differs(self):
        for change in (lambda c: c.update(coverage=[]), lambda c: c["delta_s"].pop(), lambda c: c.pop("delta_s_anchor"),
                       lambda c: c["delta_s"].append(c["delta_s"][0]), lambda c: c.update(novel=[])):
            with self.subTest(change):
                with open(self.dir + "/out/report.json", "rb") as f:
                    whole = f.read()
                self.change_report(lambda r: change(r["curves"]))
                self.assert_differs("curves")
                with open(self.dir + "/out/report.json", "wb") as f:
                    f.write(whole)

    def test_a_score_or_an_order_differs(self):
        self.change_run(lambda r: r["hits"][3].update(score=r["hits"][3]["score"] + 5e-9))
        self.assert_differs("scores")

    def test_a_swapped_exact_sweep_differs(self):
        self.change_run(lambda r: r["exact"].reverse())
        self.assert_differs("order")

    def test_a_missing_hit_differs(self):
        self.change_run(lambda r: [r["hits"].pop(4), r["exact"].pop(4)])
        self.assert_differs("order")

    def test_a_delta_s_differs(self):
        self.change_run(lambda r: r["hits"][0].update(delta_s_question=0.1))
        self.assert_differs("ΔS")

    def test_a_coverage_differs(self):
        self.change_run(lambda r: r["coverage"]["5"].update(iou=0.5))
        self.assert_differs("coverage")

    def test_a_null_differs(self):
        self.change_run(lambda r: r.update(hard_null=0.5))
        self.assert_differs("nulls")

    def test_another_text_or_a_missing_run_differs(self):
        self.change_run(lambda r: r.update(text="Another?"), 1)
        self.assert_differs("seeds")
        self.change_rows("/out/runs.jsonl", lambda rows: rows[1:])
        self.assert_differs("seeds")

    def test_a_changed_index_differs(self):
        with open(self.dir + "/index/vectors.npy", "r+b") as f:
            f.seek(-1, 2)
            last = f.read(1)
            f.seek(-1, 2)
            f.write(bytes([last[0] ^ 1]))
        self.assert_differs("hashes")

    def test_a_wrong_window_differs(self):
        def widen(rows):
            rows[0]["tokens"][1] += 1

        self.change_rows("/index/snippets.jsonl", widen)
        self.assert_differs("windows")

    def test_a_wrong_pin_or_digest_differs(self):
        self.change_report(lambda r: r["context"]["pins"].update(SERVING_HASH="0" * 64))
        self.assert_differs("hashes")
        self.change_report(lambda r: r["context"].update(gold_digest="0" * 64))
        self.assert_differs("context")

    def test_a_file_that_is_cut_short_cannot_be_checked(self):
        for name in ("/out/runs.jsonl", "/out/report.json", "/index/vectors.npy", "/index/manifest.json"):
            with self.subTest(name):
                path = self.dir + name
                with open(path, "rb") as f:
                    whole = f.read()
                with open(path, "wb") as f:
                    f.write(whole[:len(whole) // 2])
                code, text = self.run_check()
                self.assertEqual((code, text.count("\n")), (2, 1), text)
                with open(path, "wb") as f:
                    f.write(whole)

    def test_another_scorer_cannot_be_checked(self):
        self.change_report(lambda r: r["context"].update(stored_vectors=False))
        self.assertEqual(self.run_check()[0], 2)

    def test_another_tokenizer_cannot_be_checked(self):
        with open(self.dir + "/model/tokenizer.json", "a") as f:
            f.write(" ")
        code, text = self.run_check()
        self.assertEqual(code, 2)
        self.assertIn("TOK_VER", text)


if __name__ == "__main__":
    unittest.main()
