"""Tokens, sentences, windows, analyzers: worked by hand."""

import hashlib
import unittest

import analyzer
import sentences
import static_table
import tokenizer_of
import windows
import wordpiece

VOCAB = {t: i for i, t in enumerate(
    ["[UNK]", "[SEP]", "[", "]", "un", "##aff", "##able", "runs", "cafe", ".", "!", "a", "##a", "b", "sep", "\u4e2d"])}


def spans(tokenizer, text):
    ids, starts, ends = tokenizer.encode(text)
    names = {i: t for t, i in tokenizer.vocab.items()}
    return [(names[i], s, e) for i, s, e in zip(ids, starts, ends)]


class WordPieces(unittest.TestCase):
    def test_longest_match_first_with_offsets_into_the_raw_text(self):
        t = wordpiece.WordPiece(VOCAB)
        self.assertEqual(spans(t, " UNaffable runs."),
                         [("un", 1, 3), ("##aff", 3, 6), ("##able", 6, 10), ("runs", 11, 15), (".", 15, 16)])

    def test_accents_are_stripped_composed_or_not(self):
        t = wordpiece.WordPiece(VOCAB)
        self.assertEqual(spans(t, "Caf\xe9!"), [("cafe", 0, 4), ("!", 4, 5)])
        # A combining mark at the end of a token stands outside it, one within stands inside.
        self.assertEqual(spans(t, "cafe\u0301!"), [("cafe", 0, 4), ("!", 5, 6)])
        self.assertEqual(spans(t, "ca\u0301fe!"), [("cafe", 0, 5), ("!", 5, 6)])

    def test_controls_vanish_and_cjk_stands_alone(self):
        t = wordpiece.WordPiece(VOCAB)
        self.assertEqual(spans(t, "a\x00\u200ba\u4e2da"), [("a", 0, 1), ("##a", 3, 4), ("\u4e2d", 4, 5), ("a", 5, 6)])

    def test_a_word_without_cover_or_over_100_characters_is_one_unknown(self):
        t = wordpiece.WordPiece(VOCAB)
        self.assertEqual(spans(t, "ab"), [("[UNK]", 0, 2)])
        self.assertEqual(len(t.encode("a" * 100)[0]), 100)
        self.assertEqual(spans(t, "a" * 101), [("[UNK]", 0, 101)])

    def test_special_tokens_are_known_only_where_they_are_declared(self):
        self.assertEqual(spans(wordpiece.WordPiece(VOCAB, ["[SEP]"]), "a[SEP]a"),
                         [("a", 0, 1), ("[SEP]", 1, 6), ("a", 6, 7)])
        self.assertEqual([t for t, _, _ in spans(wordpiece.WordPiece(VOCAB), "[SEP]")], ["[", "sep", "]"])

    def test_the_ascii_path_equals_the_general_one(self):
        t = wordpiece.WordPiece(VOCAB)
        text = "A.B un$affable\trunsruns ~a\n!!"
        fast = t.encode(text)
        slow = t.encode(text + " \xe9")
        self.assertEqual(fast, tuple(x[:-1] for x in slow))


class BuiltIn(unittest.TestCase):
    def test_the_vocabulary_is_found_by_its_digest_wherever_it_stands(self):
        for tail in (b"", b"\n"):
            vocab = b"[UNK]\nun\n##aff\n##able" + tail
            want = hashlib.sha256(vocab).hexdigest()
            raw = b"head\n\x00[UNK]" + vocab + (b"" if tail else b"\n") + b"\x01\xff[PAD]\nrows\n"
            self.assertEqual(static_table.find(raw, want), vocab)
            self.assertIsNone(static_table.find(raw[:20], want))
            self.assertEqual(spans(tokenizer_of.from_vocabulary(vocab), "unaffable"),
                             [("un", 0, 2), ("##aff", 2, 5), ("##able", 5, 9)])


class Sentences(unittest.TestCase):
    def parts(self, text):
        out, at = [], 0
        for b in sentences.boundaries(text):
            out.append(text[at:b])
            at = b
        return out

    def test_uax_29_on_plain_english(self):
        self.assertEqual(self.parts("One. Two? \u201cThree.\u201d Four"), ["One. ", "Two? ", "\u201cThree.\u201d ", "Four"])
        self.assertEqual(self.parts("In 3.5 s. then more."), ["In 3.5 s. then more."])
        self.assertEqual(self.parts("The U.S. Army. Next"), ["The U.S. ", "Army. ", "Next"])
        self.assertEqual(self.parts("(Done.) Yes"), ["(Done.) ", "Yes"])
        self.assertEqual(self.parts("a\r\nb\n\nc"), ["a\r\n", "b\n", "\n", "c"])
        self.assertEqual(self.parts("He said \"No!\", then left."), ["He said \"No!\", then left."])
        self.assertEqual(self.parts(""), [])


class Windows(unittest.TestCase):
    def tokens(self, text):
        starts = [i for i, c in enumerate(text) if c != " "]
        return list(range(len(starts))), starts, [s + 1 for s in starts]

    def test_chunk_names(self):
        self.assertEqual(windows.parse("window-1:s128/o32"), (128, 32))
        self.assertIsNone(windows.parse("none"))
        for bad in ("s8/o5", "lines", "s0/o0"):
            with self.assertRaises(ValueError):
                windows.parse(bad)

    def test_a_window_ends_at_the_last_boundary_within_reach_else_after_n(self):
        text = "A b c. D e f g h i j k"
        _, starts, ends = self.tokens(text)
        # 12 tokens; the boundary after token 4 leaves more than 6 - 3 tokens.
        self.assertEqual(windows.cut(text, starts, ends, 6, 3), [(0, 4), (1, 7), (4, 10), (7, 12)])
        self.assertEqual(windows.cut(text, starts, ends, 6, 2), [(0, 6), (4, 10), (8, 12)])
        self.assertEqual(windows.cut(text, starts, ends, 5, 0), [(0, 5), (5, 10), (10, 12)])
        self.assertEqual(windows.cut(text, starts, ends, 12, 4), [(0, 12)])

    def test_wrong_windows_are_named(self):
        text = "A b c. D e f g h i j k"
        tokens = self.tokens(text)
        _, starts, ends = tokens
        right = [(a, b, starts[a], ends[b - 1]) for a, b in windows.cut(text, starts, ends, 6, 3)]
        self.assertEqual(windows.problems(text, tokens, right, (6, 3)), ([], True))
        for wrong in (right[:-1], right[1:], [(0, 6, 0, 8)] + right[2:],
                      [right[0][:3] + (right[0][3] + 1,)] + right[1:], []):
            self.assertTrue(windows.problems(text, tokens, wrong, (6, 3))[0])
        # Allowed lengths, but not where the sentence ends.
        other = [(0, 5, 0, ends[4])] + [(a, b, starts[a], ends[b - 1]) for a, b in ((2, 8), (5, 11), (8, 12))]
        self.assertTrue(windows.problems(text, tokens, other, (6, 3))[0])
        self.assertEqual(windows.problems("  ", ([], [], []), [], (6, 3))[0], [])

    def test_chunking_none_is_one_snippet_a_section(self):
        tokens = self.tokens("a b")
        self.assertEqual(windows.problems("a b", tokens, [(0, 2, 0, 3)], None), ([], True))
        self.assertTrue(windows.problems("a b", tokens, [(0, 1, 0, 1), (1, 2, 2, 3)], None)[0])


class Analyzers(unittest.TestCase):
    def test_parts_in_their_order(self):
        self.assertEqual(analyzer.analyze("nfkc+lower+fold+ws", "  \uff23af\xe9\u0301\n \ufb01ne\t\xc0 "), "cafe fine a")
        self.assertEqual(analyzer.analyze("none", " A\n"), " A\n")
        with self.assertRaises(ValueError):
            analyzer.analyze("stem", "a")

    def test_the_embedded_string(self):
        s = analyzer.Schema("mean;256;query: ;passage; : ", "lower")
        self.assertEqual(s.wording("How?"), "query: how?")
        self.assertEqual((s.passage("Text", "Title"), s.passage("Text")), ("passage; : title text", "passage; : text"))
        self.assertEqual(s.max_tokens, 256)


if __name__ == "__main__":
    unittest.main()
