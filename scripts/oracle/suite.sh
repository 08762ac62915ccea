#!/usr/bin/env bash
# Recomputes evaluations of other shapes than the demo's with check.py: other metrics, graphs and
# normalisations, a baseline under another graph, and a BEIR folder whose unit is the document.
#
#   scripts/oracle/suite.sh
#
# All on the handbook of gold/ under the built-in embedder: no model, about a minute.
# WFGY_PYTHON is a Python with NumPy (default python3).
# Exit codes: 0 all agree; 1 a number differs; 2 something is missing; else the programs' own.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
python=${WFGY_PYTHON:-python3}
"$python" -c 'import numpy' 2>/dev/null || {
  echo "suite.sh: NumPy is missing: set WFGY_PYTHON to a Python that has it" >&2
  exit 2
}

(cd "$root" && cargo build --locked --quiet --package wfgy-cli)
bin=${CARGO_TARGET_DIR:-$root/target}/debug
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$root"/gold/corpus_v?.json "$root/gold/gold_40.json" "$work"
cd "$work"
unset WFGY_STORE

# The handbook as a BEIR folder: each document one text, judged by the targets' documents.
"$python" - <<'PYTHON'
import json, os

documents = json.load(open("corpus_vA.json", encoding="utf-8"))["documents"]
items = json.load(open("gold_40.json", encoding="utf-8"))["items"]
os.makedirs("beir/qrels")
with open("beir/corpus.jsonl", "w", encoding="utf-8") as f:
    for document in documents:
        text = "\n\n".join(s["title"] + "\n" + s["text"] for s in document["sections"])
        f.write(json.dumps({"_id": document["doc_id"], "title": document["title"], "text": text}) + "\n")
with open("beir/queries.jsonl", "w", encoding="utf-8") as f:
    for item in items:
        f.write(json.dumps({"_id": item["id"], "text": item["question"]}) + "\n")
with open("beir/qrels/test.tsv", "w", encoding="utf-8") as f:
    f.write("query-id\tcorpus-id\tscore\n")
    for n, item in enumerate(items):
        for doc in sorted({t["doc_id"] for target in item["targets"] for t in target.get("any_of", [target])}):
            f.write("%s\t%s\t%d\n" % (item["id"], doc, 1 + n % 3))
PYTHON

build() {
  "$bin/index_build" --embedder static "$@" 2>"$work/log" || { code=$?; cat "$work/log" >&2; exit "$code"; }
}

# judge NAME GOLD INDEX [more flags of wfgy_eval]
judge() {
  local name=$1 gold=$2 index=$3 code=0
  shift 3
  "$bin/wfgy_eval" --gold "$gold" --index "$index" "$@" --no-file --min-cov 0.70 --max-ds 0.45 \
    --export-vectors --out "$name" >"$work/log" 2>&1 || code=$?
  # Only the numbers count here; whether they pass does not.
  case $code in
  0 | 1 | 3) ;;
  *) cat "$work/log" >&2; exit "$code" ;;
  esac
}

check() {
  printf '\n%s\n' "$1"
  shift
  "$python" "$root/scripts/oracle/check.py" "$@"
}

build --input corpus_vA.json --out l2 --metric l2 --ann hnsw --m 8 --ef 24 --ann-seed 1 --analyzer nfkc+lower+fold+ws
judge l2-out gold_40.json l2 --k 5 --seeds 3
check "l2, graph, normalised text, k 5, three seeds" --index l2 --gold gold_40.json --out l2-out

build --input corpus_vA.json --out dot_a --metric dot --ann none --chunk s64/o16
build --input corpus_vB.json --out dot_b --metric dot --ann hnsw_rs --chunk s64/o16
judge dot-out gold_40.json dot_b --baseline dot_a --latency --rebuild-seeds 2
check "dot, hnsw_rs, also of rebuilt graphs, against an exact baseline, timed" --index dot_b --gold gold_40.json --out dot-out --baseline dot_a

build --input beir --out beir_index
judge beir-out beir beir_index --integrity full
check "BEIR, documents, graded" --index beir_index --gold beir --out beir-out
