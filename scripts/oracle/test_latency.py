"""The latency pass and the comparisons: nothing that a report says of them goes unchecked."""

import copy
import os
import tempfile
import types
import unittest

import numpy as np

import canonical
import check
import intervals
import latency
from aggregate import estimate

STAGES = ("embed", "retrieve")


def number(point, ends, aggregate):
    return {"point": point, "ci": {"level": 0.95, "lower": ends[0], "upper": ends[1]}, "aggregate": aggregate}


class Latency(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def write(self, calls, failed=()):
        """`latency.jsonl` of two arms, and what a report would say of it."""
        random = np.random.default_rng(3)
        with open(os.path.join(self.folder, "latency.jsonl"), "wb") as f:
            for call in range(calls):
                for arm in ("candidate", "baseline"):
                    error = "down" if call in failed and arm == "baseline" else None
                    stages = {stage: float(random.uniform(1, 2)) for stage in STAGES}
                    f.write(canonical.dumps({"arm": arm, "call": call, "stages_ms": stages, "error": error}) + b"\n")
        arms, whole = latency.read(self.folder)
        report, metrics = {}, {}
        for name, value in latency.numbers(arms, whole).items():
            if isinstance(name, str):
                metrics[name] = number(*value)
            else:
                arm, stage, field = name
                row = report.setdefault(arm, {}).setdefault(stage, {"calls": len(arms[arm][stage])})
                row[field] = number(*value)
        return report, metrics

    def problems(self, report, metrics):
        """What the check finds wrong."""
        out = check.Findings()
        ev = types.SimpleNamespace(folder=self.folder, report={"latency": report})
        check.check_latency(ev, metrics, out)
        return [line for _, bad in out.groups.values() for line in bad]

    def test_a_stage_an_arm_a_quantile_or_a_count_that_is_missing_or_more_differs(self):
        report, metrics = self.write(60)
        self.assertEqual(metrics, {})
        self.assertEqual(self.problems(report, {}), [])
        more = report["candidate"]["total"]
        for name, change in {
            "arm": lambda r: r.pop("baseline"),
            "stage": lambda r: r["candidate"].pop("total"),
            "quantile": lambda r: r["candidate"]["embed"].pop("p99"),
            "count": lambda r: r["baseline"]["retrieve"].update(calls=61),
            "no count": lambda r: r["baseline"]["retrieve"].pop("calls"),
            "another arm": lambda r: r.update(third={"total": more}),
            "another stage": lambda r: r["candidate"].update(rerank=more),
            "a number": lambda r: r["candidate"]["embed"]["p50"].update(point=1.0),
            "an interval": lambda r: r["candidate"]["embed"]["p50"].update(ci=None),
        }.items():
            with self.subTest(name):
                changed = copy.deepcopy(report)
                change(changed)
                self.assertTrue(self.problems(changed, {}))

    def test_quantiles_and_calls_go_together(self):
        report, _ = self.write(60)
        self.assertTrue(self.problems(None, {}))
        os.remove(os.path.join(self.folder, "latency.jsonl"))
        self.assertTrue(self.problems(report, {}))
        self.assertEqual(self.problems(None, {}), [])

    def test_ratios_are_there_iff_every_call_of_2000_was_answered(self):
        report, metrics = self.write(2000)
        self.assertEqual(set(metrics), set(latency.RATIOS))
        self.assertEqual(self.problems(report, dict(metrics)), [])
        self.assertTrue(self.problems(report, {}))
        report, none = self.write(2000, failed={7})
        self.assertEqual(none, {})
        self.assertTrue(self.problems(report, metrics))


class Comparisons(unittest.TestCase):
    def test_a_comparison_that_is_missing_more_or_over_other_questions_differs(self):
        random = np.random.default_rng(5)
        differences = {"drift.coverage": estimate("mean", random.normal(0, 0.1, 40).round(1).tolist())}
        values = differences["drift.coverage"].values
        dominance, ends = intervals.effect(values, 1)
        wins, losses = (sum(sign * v > 0 for v in values) for sign in (1, -1))
        said = {"criterion": "drift.coverage >= -0.02", "pairs": 40, "dominance": dominance, "wins": wins,
                "ties": 40 - wins - losses, "losses": losses,
                "ci": {"level": 0.95, "lower": ends[0], "upper": ends[1]}}
        findings = [{"name": "coverage.mean"}, {"name": "drift.coverage"}]

        def differs(comparisons):
            out = check.Findings()
            check.check_comparisons(comparisons, findings, differences, out)
            return any(bad for _, bad in out.groups.values())

        self.assertFalse(differs([said]))
        for wrong in ([], [said, said], [{**said, "pairs": 41}], [{**said, "wins": wins + 1}]):
            with self.subTest(wrong):
                self.assertTrue(differs(wrong))


if __name__ == "__main__":
    unittest.main()
