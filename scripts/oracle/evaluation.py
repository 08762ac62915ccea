"""One evaluation, read from its output directory and recomputed from index and vectors."""

import json
import os

import numpy as np

import agreement
import canonical
import coverage
import draws
import goldset
import npyfile
import ranking
import similarity
from aggregate import Estimate, by_question, by_wording, estimate, mean, median, pooled, round9
from indexdir import encode_id

SWEEP = (1, 3, 5, 10, 20, 50)
QUERY_BLOCK = 32


class Exported:
    """`texts.jsonl` and `vectors.npy` of wordings and anchors."""

    def __init__(self, folder):
        self.vectors, self.own_header = npyfile.read(os.path.join(folder, "vectors.npy"))
        self.queries, self.anchors, self.problems = {}, {}, []
        for i, row, same in canonical.read_lines(os.path.join(folder, "texts.jsonl")):
            if not same:
                self.problems.append("texts.jsonl:%d: not RFC 8785" % i)
            if row["role"] == "query":
                self.queries[row["question"], row["wording"], row["seed"]] = row
            elif row["role"] == "anchor":
                self.anchors.setdefault(row["question"], []).append(row)
            else:
                self.problems.append("texts.jsonl:%d: role %r" % (i, row["role"]))
            if not 0 <= row["row"] < len(self.vectors):
                raise ValueError("texts.jsonl:%d: row %d of %d" % (i, row["row"], len(self.vectors)))


def read_runs(path):
    """{(question, wording, seed): record} of `runs.jsonl`, in file order, and what is wrong with it."""
    runs, problems = {}, []
    for i, row, same in canonical.read_lines(path):
        key = (row["question"], row["wording"], row["seed"])
        if key in runs:
            problems.append("runs.jsonl:%d: run %s appears twice" % (i, key))
        if not same:
            problems.append("runs.jsonl:%d: not RFC 8785" % i)
        runs[key] = row
    return runs, problems


def distinct(items):
    """Items by first occurrence."""
    return list(dict.fromkeys(items))


class Question:
    """A question with its targets in this index, decoys and anchors."""

    def __init__(self, item, index, counter, unit_document):
        self.item, self.id = item, item["id"]
        self.answerable = item["answerable"]
        self.targets = (coverage.DocumentTargets(item, index) if unit_document
                        else coverage.Targets(item, index, counter))
        self.near = set()
        for place in (p for t in self.targets.places for p in t):
            for key, start, end in place.spans:
                for position in index.positions.get(key, ()):
                    s, e = index.snippets[position]["offsets"]
                    if s < end and start < e:
                        self.near.add(position)
        self.decoys = draws.draw("decoy", self.id, len(index.snippets), self.near)
        self.qrels = self._qrels(index, unit_document)

    def _qrels(self, index, unit_document):
        out = {}
        for a in (a for t in self.item["targets"] for a in t):
            doc = encode_id(a["doc_id"]) if not unit_document else a["doc_id"]
            if unit_document:
                units = [doc]
            elif a["section_id"] is not None:
                units = [doc + "#" + encode_id(a["section_id"])]
            else:
                keys = index.by_document.get(a["doc_id"], ())
                units = [doc + "#" + encode_id(k[1]) for k in keys]
            for unit in units:
                out[unit] = max(out.get(unit, 0), a["grade"])
        return out

    def anchor_texts(self, index):
        """The gold's anchors, else the texts of its targets."""
        if self.item["anchors"]:
            return distinct(self.item["anchors"])
        out = []
        alternatives = [a for t in self.item["targets"] for a in t]
        for a, place in zip(alternatives, (p for t in self.targets.places for p in t)):
            if a["quote"]:
                out.append(a["quote"])
            else:
                out.extend(index.sections[k]["text"][s:e] for k, s, e in place.spans)
        return distinct(out)


class Run:
    """A run: what `runs.jsonl` says, and what the vectors say."""

    def __init__(self, record):
        self.record = record
        self.hits = [h["position"] for h in record["hits"]]
        self.status = record["status"]
        self.usable = self.status != "failed"


class Evaluation:
    """Recomputes everything; `metrics` and `calibration` are what the report must say."""

    def __init__(self, index, gold, folder, tokenizer, baseline=False):
        with open(os.path.join(folder, "report.json"), "rb") as f:
            self.report = json.loads(f.read())
        self.context = (self.report["baseline"] if baseline else self.report)["context"]
        runs = "baseline.runs.jsonl" if baseline else "runs.jsonl"
        self.index, self.gold, self.folder = index, gold, folder
        self.k = self.context["k"]
        self.cuts = sorted(set(SWEEP) | {self.k})
        self.document = goldset.document_unit(gold)
        self.exported = Exported(folder)
        records, self.file_problems = read_runs(os.path.join(folder, runs))
        self.counter = coverage.Counter(index, tokenizer) if tokenizer else None
        self.questions = {q["id"]: Question(q, index, self.counter, self.document)
                          for q in gold["items"]}
        runs = {key: Run(r) for key, r in records.items()
                if key[0] in self.questions and r["status"] != "unasked"}
        self.first_rebuilt = max(self.context["seeds"]) + 1
        self.runs = {key: run for key, run in runs.items() if key[2] < self.first_rebuilt}
        # What other graphs answered: in λ alone.
        self.rebuilt = {key: run for key, run in runs.items() if key[2] >= self.first_rebuilt}
        self.runs_of = {q: [] for q in self.questions}
        for key in self.runs:
            self.runs_of[key[0]].append(key)
        self.strange_runs = [key for key in records if key[0] not in self.questions]
        self._score()

    # --- per run ---------------------------------------------------------------

    def units(self, run, k):
        """What a cut at k holds: corpus positions, or the first k distinct documents."""
        if not self.document:
            return run.hits[:k]
        return distinct(self.index.key(p)[0] for p in run.hits)[:k]

    def _score(self):
        keys = [k for k, run in self.runs.items() if run.usable]
        for key in keys:
            if key not in self.exported.queries:
                raise ValueError("texts.jsonl: no vector of run %s" % (key,))
        metric = self.index.identity["metric"]
        for at in range(0, len(keys), QUERY_BLOCK):
            block = keys[at:at + QUERY_BLOCK]
            queries = self.exported.vectors[[self.exported.queries[k]["row"] for k in block]]
            ds, scores = similarity.against_all(queries, self.index.vectors, metric)
            for i, key in enumerate(block):
                self._score_run(key, self.runs[key], ds[i], scores[i])
        for run in list(self.runs.values()) + list(self.rebuilt.values()):
            question = self.questions[run.record["question"]]
            run.coverage = {k: question.targets.measure(self.units(run, k)) for k in self.cuts} \
                if run.usable and question.answerable else {}
            run.items = self._items(run)

    def _score_run(self, key, run, ds, scores):
        question = self.questions[key[0]]
        ranking_ = similarity.Ranking(scores)
        run.order_problems = ranking_.problems(run.record["exact"])
        run.scores = [float(scores[p]) for p in run.hits]
        run.delta_question = [float(ds[p]) for p in run.hits]
        run.delta_anchor = self._anchor_deltas(question, run.hits)
        run.delta_decoy = None
        if run.hits:
            others = [p for p in question.decoys if p != run.hits[0]]
            if others:
                block, _ = similarity.against_all(
                    self.index.vectors[[run.hits[0]]], self.index.vectors[others], "cosine")
                run.delta_decoy = median(block[0].tolist())
        run.random = [float(ds[p]) for p in question.decoys]
        run.hard = run.auc = run.auc_hard = None
        far = np.ones(len(ds), bool)
        far[list(question.near)] = False
        if far.any():
            run.hard = float(ds[far].min())
        if question.near:
            nearest = round9(float(ds[list(question.near)].min()))
            if run.random:
                run.auc = mean([wins(d, nearest) for d in run.random])
            if run.hard is not None:
                run.auc_hard = wins(run.hard, nearest)

    def _anchor_deltas(self, question, hits):
        rows = [r["row"] for r in self.exported.anchors.get(question.id, ())]
        if not rows or not hits:
            return None
        ds, _ = similarity.against_all(self.exported.vectors[rows], self.index.vectors[hits], "cosine")
        return ds.min(axis=0).tolist()

    def _items(self, run):
        """What λ compares: distinct documents, sections, or snippets; None where aborted."""
        if not run.usable or not run.hits:
            return None
        if self.document:
            return self.units(run, self.k)
        keys = [(self.index.key(p), p) for p in run.hits[:self.k]]
        return distinct(("snippet", p) if self.index.sole_section(key[0]) else key
                        for key, p in keys)

    def found(self, run):
        """Whether a run covers anything of a target at the served k."""
        return bool(run.coverage) and run.coverage[self.k][0] > 0

    # --- over questions --------------------------------------------------------

    def cells(self, question, value, seed=None):
        """{(wording, seed): value(run)} of the usable runs of a question."""
        return {key[1:]: value(self.runs[key]) for key in self.runs_of[question]
                if self.runs[key].usable and (seed is None or key[2] == seed)}

    def answerable(self):
        """Ids of the questions that are in aggregates."""
        return [q.id for q in self.questions.values() if q.answerable]

    def per_question(self, value, ids=None, seed=None):
        """The questions' values; those without any are left out."""
        ids = self.answerable() if ids is None else ids
        out = [by_question(self.cells(q, value, seed)) for q in ids]
        return [x for x in out if x is not None]

    def metrics(self):
        """{name: Estimate}; `optional` tells those that a report may leave out."""
        out = {}
        out.update(self._delta_metrics())
        out.update(self._coverage_metrics())
        seen = {q: {} for q in self.answerable()}
        for key, run in list(self.runs.items()) + list(self.rebuilt.items()):
            if key[0] in seen:
                seen[key[0]][key[1:]] = (run.items, self.found(run))
        out.update(agreement.summary(seen))
        out.update(self._ranking_metrics())
        out.update(self._graph_metrics())
        failed = pooled("share", [[float(not self.runs[key].usable) for key in self.runs_of[q]]
                                  for q in self.answerable()])
        if failed:
            out["error_rate"] = failed
        integrity = self.context["integrity"]
        missed, checked = integrity["mismatches"], integrity["checked"]
        # Drawn ones stand for all; where all were compared the count is no estimate.
        drawn = [1.0] * missed + [0.0] * (checked - missed)
        drawn = drawn if integrity["mode"] == "sample" else None
        out["integrity.mismatches"] = Estimate(missed, 0, "count", drawn)
        return out

    def curves(self):
        """{curve: an Estimate or None for each cutoff}."""
        def along(aggregate, value):
            values = [self.per_question(lambda r: value(r, k)) for k in self.cuts]
            return [estimate(aggregate, v) if v else None for v in values]

        return {
            "coverage": along("mean", lambda r, k: r.coverage[k][0]),
            "delta_s": along("median", lambda r, k: mean(r.delta_question[:k]) if r.hits else 2.0),
            "delta_s_anchor": along("median", lambda r, k: 2.0 if not r.hits else
                                    None if r.delta_anchor is None else min(r.delta_anchor[:k]))}

    def _delta_metrics(self):
        out, k = {}, self.k

        def first(values, empty=2.0):
            return lambda run: empty if not run.hits else values(run)

        question = first(lambda r: r.delta_question[0])
        slots, answerable = {}, self.answerable()
        for q in answerable:
            for w, value in by_wording(self.cells(q, question)).items():
                slots.setdefault(w, []).append(value)
        medians = {}
        for w, values in sorted(slots.items()):
            have = sum(len(goldset.wordings(self.questions[q].item)) > w for q in answerable)
            if 2 * have >= len(answerable):
                medians[w] = median(values)
                out["delta_s.question.slot.%d" % w] = estimate("median", values)
        if medians:
            worst = max(medians, key=lambda w: (medians[w], -w))
            rivals = [slots[w] for w in sorted(medians)]
            out["delta_s.question"] = estimate("worst_slot_median", slots[worst])._replace(rivals=rivals)
        means = self.per_question(question)
        if means:
            out.update(spread("delta_s.question", means))
            out["delta_s.question:median"] = estimate("median", means)
            bands = [round9(m) for m in means]
            for band, inside in (("stable", lambda m: m < 0.4), ("transitional", lambda m: 0.4 <= m < 0.6),
                                 ("critical", lambda m: m >= 0.6)):
                out["delta_s.question:" + band] = estimate("share", [float(inside(m)) for m in bands])

        def anchored(values):
            return lambda r: 2.0 if not r.hits else None if r.delta_anchor is None \
                else values(r.delta_anchor)

        def triangulation(r):
            if not r.hits:
                return 0.0
            if r.delta_decoy is None or r.delta_anchor is None:
                return None
            return r.delta_decoy - r.delta_anchor[0]

        for name, value in (
                ("delta_s.question.best", first(lambda r: min(r.delta_question[:k]))),
                ("delta_s.question.mean", first(lambda r: mean(r.delta_question[:k]))),
                ("delta_s.anchor", anchored(lambda a: a[0])),
                ("delta_s.anchor.best", anchored(lambda a: min(a[:k]))),
                ("delta_s.decoy", first(lambda r: r.delta_decoy)),
                ("triangulation", triangulation)):
            values = self.per_question(value)
            if values:
                out[name] = estimate("median", values)
                out.update(spread(name, values))
        for name, value in (("delta_s.auc", lambda r: r.auc), ("delta_s.auc_hard", lambda r: r.auc_hard)):
            values = self.per_question(value, seed=0)
            if values:
                out[name] = estimate("mean", values)
        none = [q.id for q in self.questions.values() if not q.answerable]
        values = self.per_question(first(lambda r: min(r.delta_question[:k])), ids=none)
        if values:
            out["delta_s.unanswerable"] = estimate("median", values)
        for name, null in self.calibration().items():
            if null:
                out["null." + name] = null["p50"]
                for p in ("p01", "p05", "p95"):
                    out["null.%s:%s" % (name, p)] = null[p]
        return out

    def calibration(self):
        """Both nulls, pooled over the wordings of answerable questions at seed 0."""
        random, hard = [], []
        for q in self.answerable():
            runs = [self.runs[key] for key in self.runs_of[q] if key[2] == 0 and self.runs[key].usable]
            random.append([v for run in runs for v in run.random])
            hard.append([run.hard for run in runs if run.hard is not None])
        fields = (("p01", "p01"), ("p05", "p05"), ("p50", "median"), ("p95", "p95"))
        return {name: {field: pooled(aggregate, v) for field, aggregate in fields} if any(v) else None
                for name, v in (("random", random), ("hard", hard))}

    def _coverage_metrics(self):
        out = {}
        for i, name in enumerate(("mean", "precision", "iou")):
            for k in self.cuts:
                values = self.per_question(lambda r: r.coverage[k][i])
                if values:
                    out["coverage.%s@%d" % (name, k)] = estimate("mean", values)
                    if k == self.k:
                        out["coverage." + name] = estimate("mean", values)
        served = {q: by_question(self.cells(q, lambda r: r.coverage[self.k][0]))
                  for q in self.answerable()}
        served = {q: v for q, v in served.items() if v is not None}
        if served:
            values = list(served.values())
            out["coverage.pass_rate"] = estimate("share", [float(round9(v) >= 0.7) for v in values])
            out["coverage.p05"] = estimate("p05", values)
        strata = {}
        for q, value in served.items():
            if self.questions[q].item["stratum"] is not None:
                strata.setdefault(self.questions[q].item["stratum"], []).append(value)
        large = [estimate("mean", strata[s]) for s in sorted(strata) if len(strata[s]) >= 20]
        if large:
            worst = min(large, key=lambda e: e.point)
            out["coverage.worst_stratum"] = worst._replace(rivals=[e.values for e in large])
        return out

    def _ranking_metrics(self):
        values = {}
        for q in self.questions.values():
            if not q.answerable or not q.qrels:
                continue
            run = self.runs.get((q.id, 0, 0))
            found = [] if run is None or not run.usable else zip(run.hits, run.record["hits"])
            scores = {}
            for position, hit in found:
                doc, section = self.index.key(position)
                unit = doc if self.document else encode_id(doc) + "#" + encode_id(section)
                scores.setdefault(unit, hit["score"])
            ranked = ranking.order(scores)
            for k in self.cuts:
                for name, value in ranking.measures(ranked, q.qrels, k).items():
                    values.setdefault("%s@%d" % (name, k), []).append(value)
        return {name: estimate("mean", v) for name, v in values.items()}

    def _graph_metrics(self):
        out = {}
        for k in self.cuts:
            values = self.per_question(
                lambda r: len(set(r.hits[:k]) & set(r.record["exact"][:k])) / len(r.record["exact"][:k])
                if r.record["exact"] else None)
            if values:
                out["graph.recall@%d" % k] = estimate("mean", values)
                if k == self.k:
                    out["graph.recall"] = estimate("mean", values)
        return out

    def optional(self, name):
        """Whether a report may leave a metric out: cutoffs beside the sweep, recall without a graph."""
        if name.startswith("graph.recall") and self.index.serving_field("ann") is None:
            return True
        cut = name.rpartition("@")[2]
        return cut.isdigit() and int(cut) not in SWEEP


def wins(value, nearest):
    """1 where a wrong text is farther than the nearest target, ½ on ties."""
    value = round9(value)
    return 1.0 if value > nearest else 0.5 if value == nearest else 0.0


def spread(name, values):
    """Mean, p90 and p95."""
    return {"%s:%s" % (name, aggregate): estimate(aggregate, values) for aggregate in ("mean", "p90", "p95")}
