"""What corpora.py and damage.py promise, on the project's handbook and on small vectors."""

import copy
import unittest

import corpora
import damage
import datasets
import numpy as np

HANDBOOK = datasets.handbook(datasets.HANDBOOK, None)
QUOTES = HANDBOOK.quotes()
DAMAGES = (corpora.dropped_third, corpora.partition_missing, corpora.stale_third, corpora.shuffled_ids,
           lambda c: corpora.duplicated(c, 3), lambda c: corpora.truncated(c, 500), corpora.boilerplate,
           corpora.other_language, corpora.merged_sections)
HARMLESS = (corpora.reversed_order, corpora.moved_offsets, lambda c: corpora.white_space(c, QUOTES),
            lambda c: corpora.with_unrelated(c, datasets.unrelated()))


def texts(corpus):
    return [(d["doc_id"], s["section_id"], s["text"]) for d in corpus for s in d["sections"]]


def found(corpus, quote):
    """How many sections hold the passage exactly once."""
    return sum(text.count(quote) == 1 for _, _, text in texts(corpus))


class Corpora(unittest.TestCase):
    def test_each_changes_something_always_the_same_and_never_what_it_is_given(self):
        for change in DAMAGES + HARMLESS:
            given = copy.deepcopy(HANDBOOK.corpus)
            made = change(given)
            self.assertEqual(given, HANDBOOK.corpus)
            self.assertNotEqual(made, given)
            self.assertEqual(made, change(given))

    def test_harmless_changes_keep_every_passage_that_is_asked_for(self):
        for change in HARMLESS:
            made = change(HANDBOOK.corpus)
            for quote in QUOTES:
                self.assertEqual(found(made, quote), found(HANDBOOK.corpus, quote), quote)

    def test_shuffled_ids_move_every_text_and_lose_none(self):
        before, after = texts(HANDBOOK.corpus), texts(corpora.shuffled_ids(HANDBOOK.corpus))
        self.assertEqual(sorted(t for _, _, t in before), sorted(t for _, _, t in after))
        self.assertFalse(set(before) & set(after))

    def test_merged_sections_keep_every_passage_and_half_of_the_ids(self):
        made = corpora.merged_sections(HANDBOOK.corpus)
        for before, after in zip(HANDBOOK.corpus, made):
            self.assertEqual([s["section_id"] for s in after["sections"]],
                             [s["section_id"] for s in before["sections"][::2]])
        for quote in QUOTES:
            self.assertEqual(found(made, quote), found(HANDBOOK.corpus, quote), quote)

    def test_ids_stay_unique_where_documents_are_repeated(self):
        ids = [d["doc_id"] for d in corpora.duplicated(HANDBOOK.corpus, 3)]
        self.assertEqual((len(ids), len(set(ids))), (4 * len(HANDBOOK.corpus),) * 2)

    def test_a_partition_is_one_run_and_a_third_is_spread(self):
        ids = [d["doc_id"] for d in HANDBOOK.corpus]
        for change, runs in ((corpora.partition_missing, 1), (corpora.dropped_third, len(ids) // 3)):
            kept = {d["doc_id"] for d in change(HANDBOOK.corpus)}
            gone = [i for i, name in enumerate(ids) if name not in kept]
            self.assertEqual(sum(i - 1 not in gone for i in gone), runs)


class Vectors(unittest.TestCase):
    def setUp(self):
        self.rows = damage.unit(np.random.default_rng(3).standard_normal((40, 64))).astype("<f4")

    def cosines(self, changed):
        return np.sum(damage.unit(changed) * damage.unit(self.rows), axis=1)

    def test_misread_halves_keep_every_sign_and_lose_the_size(self):
        made = damage.misread_half(self.rows)
        self.assertTrue((np.sign(made) == np.sign(self.rows)).all())
        self.assertTrue((self.cosines(made) > 0.7).all() and (self.cosines(made) < 0.999).all())

    def test_sums_keep_directions_and_other_axes_do_not(self):
        tokens = np.arange(1, 41)
        self.assertTrue((self.cosines(damage.summed(self.rows, tokens)) > 0.999999).all())
        self.assertTrue((np.abs(self.cosines(damage.other_axes(self.rows))) < 0.7).all())

    def test_mixed_touches_every_second_row_and_shuffled_moves_rows(self):
        made = damage.mixed(self.rows, damage.other_axes(self.rows))
        same = (made == self.rows).all(axis=1)
        self.assertEqual(same.tolist(), [i % 2 == 0 for i in range(40)])
        rows = damage.shuffled(self.rows)
        self.assertEqual(sorted(map(bytes, rows)), sorted(map(bytes, self.rows)))
        self.assertLess((rows == self.rows).all(axis=1).sum(), 4)


if __name__ == "__main__":
    unittest.main()
