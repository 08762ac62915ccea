"""Canonical JSON against the examples of RFC 8785."""

import struct
import unittest

import canonical


class Canonical(unittest.TestCase):
    def test_numbers_of_rfc_8785_appendix_b(self):
        cases = {
            "0000000000000000": "0", "8000000000000000": "0",
            "0000000000000001": "5e-324", "8000000000000001": "-5e-324",
            "7fefffffffffffff": "1.7976931348623157e+308",
            "4340000000000000": "9007199254740992", "4430000000000000": "295147905179352830000",
            "44b52d02c7e14af5": "9.999999999999997e+22", "44b52d02c7e14af6": "1e+23",
            "44b52d02c7e14af7": "1.0000000000000001e+23", "444b1ae4d6e2ef4e": "999999999999999700000",
            "444b1ae4d6e2ef4f": "999999999999999900000", "444b1ae4d6e2ef50": "1e+21",
            "3eb0c6f7a0b5ed8c": "9.999999999999997e-7", "3eb0c6f7a0b5ed8d": "0.000001",
            "41b3de4355555553": "333333333.3333332", "41b3de4355555557": "333333333.33333343",
            "becbf647612f3696": "-0.0000033333333333333333", "43143ff3c1cb0959": "1424953923781206.2",
        }
        for bits, text in cases.items():
            value = struct.unpack(">d", bytes.fromhex(bits))[0]
            self.assertEqual(canonical.dumps(value).decode(), text)

    def test_keys_sort_by_utf_16_and_strings_escape_little(self):
        value = {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\x80": 6, "\xf6": 7}
        text = canonical.dumps(value).decode()
        self.assertEqual(text, '{"\\r":2,"1":4,"\x80":6,"\xf6":7,"\u20ac":1,"\U0001f600":5,"\ufb33":3}')
        self.assertEqual(canonical.dumps("\b\t\n\f\r\"\\\x0f/").decode(), '"\\b\\t\\n\\f\\r\\"\\\\\\u000f/"')

    def test_what_has_no_canonical_form_is_refused(self):
        for bad in (float("nan"), float("inf"), 2 ** 60, {1, 2}):
            with self.assertRaises(canonical.NotCanonical):
                canonical.dumps(bad)


if __name__ == "__main__":
    unittest.main()
