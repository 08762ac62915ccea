"""Aggregates, λ, ranking measures, coverage, draws and seeds: worked by hand."""

import hashlib
import math
import unittest

import agreement
import aggregate
import coverage
import draws
import ranking
import seeds
import similarity
import numpy as np


class Aggregates(unittest.TestCase):
    def test_type_7_quantiles(self):
        self.assertEqual(aggregate.quantile([4, 1, 3, 2], 0.25), 1.75)
        self.assertEqual(aggregate.median([3, 1, 2, 10]), 2.5)
        self.assertEqual(aggregate.quantile([7], 0.05), 7)

    def test_a_question_with_more_paraphrases_weighs_no_more(self):
        cells = {(0, 0): 0.0, (0, 1): 1.0, (1, 0): 0.9, (2, 0): None}
        self.assertEqual(aggregate.by_question(cells), (0.5 + 0.9) / 2)

    def test_bounds_compare_nine_decimals(self):
        self.assertEqual(aggregate.round9(0.1 + 0.2), 0.3)
        self.assertEqual(aggregate.round9(-1.5e-9), -2e-9)


class Lambda(unittest.TestCase):
    def test_rbo_of_equal_and_disjoint_lists(self):
        self.assertAlmostEqual(agreement.rbo("abc", "abc"), 1, places=12)
        self.assertEqual(agreement.rbo("abc", "xyz"), 0)
        self.assertEqual(agreement.rbo("ab", "a"), agreement.rbo("a", "ab"))

    def test_rbo_by_hand(self):
        # Depth 1 agrees 0, depth 2 agrees 1: (1-p)/p * p^2 + p^2.
        self.assertAlmostEqual(agreement.rbo("ab", "ba"), 0.1 * 0.9 + 0.81, places=12)
        # Uneven, s = 1, l = 2: X1 = X2 = 1.
        value = 0.1 / 0.9 * (0.9 + 0.81 / 2 + 1 * 1 / 2 * 0.81) + (0 / 2 + 1) * 0.81
        self.assertAlmostEqual(agreement.rbo("a", "ab"), value, places=12)

    def test_states(self):
        runs = {(0, 0): (list("abc"), True), (0, 1): (list("abc"), True), (1, 0): (list("abd"), False),
                (1, 1): (list("xyz"), True), (2, 0): (list("xyz"), False), (2, 1): (None, False)}
        s = agreement.states(runs)
        self.assertEqual(s[0, 0], "convergent")
        self.assertEqual(s[1, 0], "split")
        self.assertEqual(s[1, 1], "split")
        self.assertEqual(s[2, 0], "collapsed")
        self.assertEqual(s[2, 1], "aborted")

    def test_medoid_ties_go_to_the_lowest_run(self):
        runs = {(1, 0): (["b"], False), (0, 0): (["a"], True)}
        self.assertEqual(agreement.states(runs), {(0, 0): "convergent", (1, 0): "collapsed"})

    def test_aggregates_leave_out_questions_that_always_miss(self):
        good = {(0, 0): (["a"], True), (0, 1): (["a"], True)}
        missed = {(0, 0): (["a"], False), (0, 1): (["a"], False)}
        single = {(0, 0): (["a"], True)}
        out = agreement.summary({"1": good, "2": missed})
        self.assertEqual(out["lambda.convergence"][:2], (1.0, 1))
        self.assertEqual(out["lambda.always_missed"][:2], (1, 2))
        self.assertEqual(set(agreement.summary({"1": good, "2": missed, "3": single})), {"lambda.always_missed"})


class Ranking(unittest.TestCase):
    def test_ties_as_float32_by_id_descending(self):
        self.assertEqual(ranking.order({"a": 0.5, "b": 0.5 + 1e-9, "c": 0.6}), ["c", "b", "a"])
        self.assertEqual(ranking.order({"a": 0.5 + 1e-9, "b": 0.5}), ["b", "a"])

    def test_measures_by_hand(self):
        m = ranking.measures(["x", "a", "y", "b"], {"a": 2, "b": 1, "c": 1}, 3)
        self.assertEqual((m["recall"], m["precision"], m["hit"], m["mrr"]), (1 / 3, 1 / 3, 1, 0.5))
        self.assertAlmostEqual(m["map"], 0.5 / 3)
        ideal = 2 + 1 / math.log2(3) + 1 / 2
        self.assertAlmostEqual(m["ndcg"], 2 / math.log2(3) / ideal)


class Letters:
    """One token a character, blanks apart."""

    def encode(self, text):
        starts = [i for i, c in enumerate(text) if c != " "]
        return [ord(text[i]) for i in starts], starts, [i + 1 for i in starts]


class TinyIndex:
    """Document d: sections s (abcdefghij) and t (klmno); document e: section e (aaaa)."""

    def __init__(self):
        texts = {("d", "s"): "abcdefghij", ("d", "t"): "kl mno", ("e", "e"): "aaaa"}
        self.sections = {k: {"text": v} for k, v in texts.items()}
        self.by_document = {"d": [("d", "s"), ("d", "t")], "e": [("e", "e")]}
        cuts = [(("d", "s"), 0, 4), (("d", "s"), 3, 8), (("d", "s"), 7, 10), (("d", "t"), 0, 6), (("e", "e"), 0, 4)]
        self.snippets = [{"doc_id": k[0], "section_id": k[1], "offsets": [s, e]} for k, s, e in cuts]

    def key(self, p):
        return self.snippets[p]["doc_id"], self.snippets[p]["section_id"]


def target(doc, section=None, offsets=None, quote=None):
    return {"doc_id": doc, "section_id": section, "offsets": offsets, "quote": quote, "grade": 1}


class Coverage(unittest.TestCase):
    def measure(self, targets, hits):
        index = TinyIndex()
        question = {"targets": [t if isinstance(t, list) else [t] for t in targets]}
        return coverage.Targets(question, index, coverage.Counter(index, Letters())).measure(hits)

    def test_overlapping_hits_count_once_in_coverage_and_each_in_precision(self):
        cov, precision, iou = self.measure([target("d", "s", [2, 7], "cdefg")], [0, 1])
        self.assertEqual(cov, 1)
        self.assertEqual(precision, 5 / 9)
        self.assertEqual(iou, 5 / 9)
        self.assertEqual(self.measure([target("d", "s", [2, 7], "cdefg")], [0, 4]), (2 / 5, 2 / 8, 2 / 11))

    def test_and_merges_overlapping_targets(self):
        targets = [target("d", "s", [0, 4], "abcd"), target("d", "s", [2, 6], "cdef"), target("d", "t")]
        self.assertEqual(self.measure(targets, [0])[0], 4 / 11)

    def test_or_takes_the_best_alternative_the_first_on_ties(self):
        either = [target("d", "s"), target("d", "t")]
        self.assertEqual(self.measure([either], [3])[0], 1)
        self.assertEqual(self.measure([either], [4])[2], 0 / 14)
        self.assertEqual(coverage.choose([{1}, {2}], lambda u: set()), 0)

    def test_a_span_that_moved_is_found_by_its_quote(self):
        self.assertEqual(self.measure([target("d", "s", [0, 3], "def")], [1])[0], 1)
        self.assertEqual(coverage.locate(TinyIndex(), target("e", None, [1, 2], "aa")).problem, "quote found 3 times")

    def test_a_quote_without_offsets_is_a_span(self):
        self.assertEqual(coverage.locate(TinyIndex(), target("d", "s", None, "def")).spans, [(("d", "s"), 3, 6)])
        self.assertEqual(coverage.locate(TinyIndex(), target("e", None, None, "aa")).problem, "quote found 3 times")

    def test_a_missing_target_weighs_its_quote_else_the_mean_of_the_others(self):
        here = target("d", "s", [0, 4], "abcd")
        self.assertEqual(self.measure([here, target("gone", None, None, "xyz")], [0])[0], 4 / 7)
        self.assertEqual(self.measure([here, target("gone")], [0])[0], 4 / 8)
        self.assertEqual(self.measure([target("gone")], [0])[0], 0)
        self.assertEqual(self.measure([target("gone"), target("gone", None, None, "xy")], [0])[0], 0)

    def test_documents_count_one_each(self):
        question = {"targets": [[target("d")], [target("e"), target("f")], [target("gone")]]}
        t = coverage.DocumentTargets(question, TinyIndex())
        self.assertEqual(t.measure(["f", "d", "z"]), (2 / 3, 2 / 3, 2 / 4))
        self.assertEqual(len(t.problems()), 2)


class Draws(unittest.TestCase):
    def test_a_draw_is_the_hash_of_tag_key_and_number(self):
        h = hashlib.sha256(b"decoy\x00Q1\x007").digest()
        self.assertEqual(draws.position("decoy", "Q1", 7, 1000), int.from_bytes(h[:8], "big") % 1000)

    def test_64_distinct_or_all_there_are(self):
        got = draws.draw("integrity", "ab", 500)
        self.assertEqual((len(got), len(set(got))), (64, 64))
        self.assertEqual(got[0], draws.position("integrity", "ab", 0, 500))
        self.assertEqual(draws.draw("decoy", "q", 10, {1, 2}), [0, 3, 4, 5, 6, 7, 8, 9])
        self.assertFalse(set(draws.draw("decoy", "q", 500, set(range(200)))) & set(range(200)))


PAIRS = [("do not", "don't"), ("what is", "what's")]


def words(text):
    return text.lower().split()


class Seeds(unittest.TestCase):
    def test_seed_0_leaves_the_wording(self):
        self.assertEqual(seeds.perturb("q", 0, 0, "Why?", PAIRS, True, words), "Why?")

    def test_each_entry(self):
        one, two, three, four, five, six = seeds.perturbations(PAIRS, True, False)
        self.assertEqual((one("a?"), one("a!"), one("a")), ("a", "a", "a?"))
        self.assertEqual(two("What is it? I do not know"), "What is it? I don't know")
        self.assertEqual((two("What\u2019s up"), two("undo nothing")), ("What is up", "undo nothing"))
        self.assertEqual((three("a"), four("a")), ("Please tell me: a", "a Thank you."))
        self.assertEqual((five("How do I go"), five("how can i go"), five("How do Ingrids")),
                         ("How can I go", "How do I go", "How do Ingrids"))
        self.assertEqual((six("Ab"), six("ab")), ("ab", "AB"))

    def test_other_languages_keep_only_punctuation_and_case(self):
        changed = [f("How do I not do not") != "How do I not do not" for f in seeds.perturbations(PAIRS, False, False)]
        self.assertEqual(changed, [True, False, False, False, False, True])

    def test_the_scan_starts_at_the_hash_and_composes_in_list_order(self):
        text = "How do I do not?"
        for seed in range(1, 30):
            first = seeds.start("q", 0, seed)
            steps = seeds.perturbations(PAIRS, True, False)
            usable = [i % 6 for i in range(first, first + 6) if words(steps[i % 6](text)) != words(text)][:2]
            want = text
            for i in sorted(usable):
                want = steps[i](want)
            self.assertEqual(seeds.perturb("q", 0, seed, text, PAIRS, True, words), want)

    def test_what_changes_no_token_is_no_seed_and_a_repeated_text_is_dropped(self):
        self.assertIsNone(seeds.perturb("q", 0, 1, "grund", PAIRS, False, lambda t: t.lower().strip("?")))
        made = seeds.texts("q", 0, range(50), "How do I do not?", PAIRS, True, words)
        self.assertEqual(len(set(made.values())), len(made))
        self.assertLess(len(made), 50)


class Similarity(unittest.TestCase):
    def test_delta_s_ranges_and_refuses(self):
        self.assertEqual(similarity.delta_s([1, 0], [-2, 0]), 2)
        self.assertEqual(similarity.delta_s([1, 0], [0, 3]), 1)
        for bad in ([0, 0], [float("nan"), 1]):
            with self.assertRaises(ValueError):
                similarity.delta_s(bad, [1, 0])

    def test_scores_by_metric(self):
        v, q = np.array([[3.0, 4.0], [0.0, 1.0]], np.float32), np.array([[0.0, 2.0]], np.float32)
        for metric, want in (("cosine", [0.8, 1.0]), ("dot", [8, 2]), ("l2", [-13, -1])):
            np.testing.assert_allclose(similarity.against_all(q, v, metric)[1][0], want, atol=1e-12)

    def test_order_ties_by_position_and_nothing_left_out(self):
        r = similarity.Ranking(np.array([0.5, 0.9, 0.5, 0.1]))
        self.assertEqual(r.problems([1, 0, 2]), [])
        self.assertEqual(r.problems([1, 0]), [])
        for wrong in ([1, 2, 0], [0, 1], [1, 2], [1, 3], [1, 1]):
            self.assertTrue(r.problems(wrong), wrong)


if __name__ == "__main__":
    unittest.main()
