"""What table.py promises of a page and the rows that it was written from."""

import os
import tempfile
import unittest

import table

MARKS = ("summary", "damage", "harmless")
VERSION = {"commit": "0123456789ab", "kernel": "avx2"}


def row(kind, case, cost, **more):
    numbers = {n: 0.9125 for n in table.NUMBERS}
    return dict({"kind": kind, "case": case, "collection": "handbook", "embedder": "static", "verdict": "fail",
                 "failing": ["ndcg@10"], "causes": ["chunking"], "true_cause": "chunking"},
                **dict(numbers, cost=cost, **more))


class Pages(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory()
        self.addCleanup(self.dir.cleanup)
        # One that rounds to another third decimal than its six decimals do, and one without a cause.
        self.rows = [row("damage", "a", 0.0334, **{"coverage.mean": 0.91250000000001}),
                     row("damage", "b", 0.5, causes=[], failing=[]),
                     row("harmless", "c", -1e-9, verdict="pass", failing=[], causes=[], true_cause=None)]
        self.page, self.csv = (os.path.join(self.dir.name, n) for n in ("page.md", "rows.csv"))
        with open(self.page, "w", encoding="utf-8") as f:
            f.write("\n\n".join(table.BEGIN % m + "\n" + table.END % m for m in MARKS))
        table.write_csv(self.csv, self.rows)
        table.write_markdown(self.page, self.rows, VERSION)

    def others(self, change=lambda text: text):
        with open(self.page, encoding="utf-8") as f:
            return list(table.other_lines(change(f.read()), table.read_csv(self.csv)))

    def test_a_page_and_the_csv_of_the_same_rows_say_the_same(self):
        self.assertEqual(self.others(), [])

    def test_whatever_is_changed_in_the_page_is_seen(self):
        for old, new in (("| 3.3 |", "| 3.4 |"), ("0.912", "0.914"), ("`ndcg@10`", "`coverage.mean`"),
                         ("| pass |", "| fail |"), ("Of 2 damages", "Of 3 damages"), ("first in 1", "first in 2"),
                         ("| b | handbook |", "| b | spans |"), ("kernel path avx2", "kernel path ?"),
                         (table.END % "damage", "| more |\n" + table.END % "damage"),
                         (table.BEGIN % "harmless", "")):
            self.assertNotEqual(self.others(lambda text: text.replace(old, new, 1)), [], (old, new))

    def test_a_row_that_one_of_them_lacks_is_seen(self):
        table.write_csv(self.csv, self.rows[:-1])
        self.assertNotEqual(self.others(), [])


if __name__ == "__main__":
    unittest.main()
