"""The scripts around the programs: what they read, and how they refuse."""

import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import unittest

SCRIPTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path.insert(0, SCRIPTS)

import pytrec_check
import spans

TEXT = "Caf\xe9 \U0001f642 opens at nine.\r\nIt closes late."


class Folder(unittest.TestCase):
    def setUp(self):
        self.home = tempfile.TemporaryDirectory()
        self.addCleanup(self.home.cleanup)

    def path(self, name, text):
        path = os.path.join(self.home.name, name)
        with open(path, "w", encoding="utf-8", newline="") as f:
            f.write(text)
        return path


class Spans(Folder):
    def write(self, offsets, text, doc="guide"):
        self.path("guide.md", TEXT)
        row = {"id": "q1", "question": "When?", "doc_id": doc, "references": [{"text": text, "offsets": offsets}]}
        self.path("questions.jsonl", json.dumps(row) + "\n")

    def test_offsets_count_scalar_values_of_the_raw_text(self):
        self.write([7, 21], TEXT[7:21])
        out = os.path.join(self.home.name, "out")
        self.assertEqual(spans.convert(self.home.name, out), (1, 1))
        with open(out + "/corpus.json", encoding="utf-8", newline="") as f:
            self.assertEqual(json.load(f), {"documents": [{"doc_id": "guide", "text": TEXT}]})
        with open(out + "/gold.json", encoding="utf-8") as f:
            target = json.load(f)["items"][0]["targets"][0]
        self.assertEqual(target, {"doc_id": "guide", "section_id": "guide", "offsets": [7, 21], "quote": "opens at nine."})

    def test_a_span_with_another_text_and_a_path_as_id_are_refused(self):
        for offsets, doc in (([8, 22], "guide"), ([7, 21], "../guide")):
            self.write(offsets, TEXT[7:21], doc)
            done = subprocess.run([sys.executable, os.path.join(SCRIPTS, "spans.py"), "convert", self.home.name,
                                   os.path.join(self.home.name, "out")], capture_output=True, text=True)
            self.assertEqual(done.returncode, 2)
            self.assertIn("questions.jsonl:1:", done.stderr)
            self.assertEqual(done.stderr.count("\n"), 1)

    def test_the_table(self):
        metrics = {"coverage.mean@%d" % k: {"point": k / 10} for k in spans.COVERAGE_AT}
        for k in spans.SPANS_AT:
            metrics["coverage.precision@%d" % k] = {"point": 0.25}
            metrics["coverage.iou@%d" % k] = {"point": 0.125}
        self.assertEqual(spans.table([("s8/o2", {"metrics": metrics})]).split("\n"), [
            "| chunk | coverage@1 | coverage@3 | coverage@5 | coverage@10 | precision@5 | IoU@5 | precision@10 | IoU@10 |",
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
            "| `s8/o2` | 0.100 | 0.300 | 0.500 | 1.000 | 0.250 | 0.125 | 0.250 | 0.125 |"])


class Trec(Folder):
    def test_both_forms_of_qrels(self):
        beir = self.path("a", "query-id\tcorpus-id\tscore\n1\td\t2\n2\te\t0\n")
        trec = self.path("b", "1 0 d 2\n2 0 e 0\n")
        self.assertEqual(pytrec_check.read_qrels(beir), {"1": {"d": 2}})
        self.assertEqual(pytrec_check.read_qrels(trec), {"1": {"d": 2}})

    def test_what_is_no_run_or_qrels_is_refused_with_its_line(self):
        for read, text in ((pytrec_check.read_qrels, "1 0 d x\n"), (pytrec_check.read_qrels, "1 d\n"),
                           (pytrec_check.read_qrels, ""), (pytrec_check.read_run, "1 Q0 d 1 0.5\n"),
                           (pytrec_check.read_run, "1 Q0 d 1 0.5 t\n1 Q0 d 2 0.4 t\n")):
            with self.assertRaisesRegex(pytrec_check.Unreadable, "no relevant unit|:[12]: "):
                read(self.path("x", text))

    def test_ndcg_is_held_to_what_is_published_and_to_a_floor(self):
        metrics = {"ndcg@10": {"point": 0.42}}
        with contextlib.redirect_stdout(io.StringIO()):
            self.assertEqual(pytrec_check.bounded(metrics, at_least=0.42), [])
            self.assertEqual(pytrec_check.bounded(metrics, at_least=0.421), ["least nDCG@10"])
            self.assertEqual(pytrec_check.bounded(metrics, published=0.424, within=0.005), [])
            self.assertEqual(pytrec_check.bounded(metrics, published=0.426, within=0.005), ["published nDCG@10"])
            self.assertEqual(pytrec_check.bounded({}), [])
            with self.assertRaisesRegex(pytrec_check.Unreadable, "no ndcg@10"):
                pytrec_check.bounded({}, at_least=0.42)

    def test_a_cut_orders_as_trec_eval_does(self):
        self.assertEqual(list(pytrec_check.cut({"a": 0.5, "b": 0.5 + 1e-9, "c": 0.6}, 2)), ["c", "b"])


class Refusals(Folder):
    def test_a_folder_that_is_none_is_exit_2_and_one_line(self):
        for script in ("scifact.sh", "spans.sh"):
            for args in ([], ["/no/such/folder"], [self.home.name]):
                done = subprocess.run([os.path.join(SCRIPTS, script)] + args, capture_output=True, text=True)
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertEqual(done.stderr.count("\n"), 1, done.stderr)


if __name__ == "__main__":
    unittest.main()
