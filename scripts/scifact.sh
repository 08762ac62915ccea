#!/usr/bin/env bash
# Measures the whole path on SciFact (BEIR): nDCG@10 beside the published value, and every
# ranking measure of the report beside pytrec_eval's on the exported run.
#
#   scripts/scifact.sh DIR [WORK]
#
# DIR is a BEIR folder (corpus.jsonl, queries.jsonl, qrels/test.tsv); the project ships none.
# WORK keeps index, run and report (default: a temporary folder, removed at the end).
# EMBEDDER=static measures the built-in embedder instead; it has no published value, but a floor.
# Exit codes: 0 all agree; 1 a number differs; 2 something is missing; else wfgy_eval's own.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
embedder=${EMBEDDER:-minilm}
published=0.645
tolerance=0.005
static_floor=0.42

fail() {
  echo "scifact.sh: $1" >&2
  exit 2
}

[ $# -ge 1 ] && [ $# -le 2 ] || fail "usage: scifact.sh DIR [WORK]"
data=$(cd "$1" 2>/dev/null && pwd) || fail "$1: no such folder"
for file in corpus.jsonl queries.jsonl qrels/test.tsv; do
  [ -f "$data/$file" ] || fail "$data/$file is missing: DIR must be a BEIR folder"
done
command -v cargo >/dev/null || fail "no cargo: install the Rust toolchain named in rust-toolchain.toml"
command -v python3 >/dev/null || fail "no python3: install python3 and python3-venv"

if [ $# = 2 ]; then
  mkdir -p "$2" || fail "$2: cannot be made"
  work=$(cd "$2" && pwd)
else
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
fi
for name in index report run.trec; do
  [ ! -e "$work/$name" ] || fail "$work/$name exists: remove it, or name another folder"
done

venv=${WFGY_TREC_VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/wfgy/trec-venv}
if ! "$venv/bin/python" -c 'import pytrec_eval' 2>/dev/null; then
  python3 -m venv "$venv" || fail "python3 cannot make a virtual environment: install python3-venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check 'numpy>=1.26,<3' 'pytrec-eval-terrier>=0.5.6' ||
    fail "pip cannot install pytrec-eval-terrier"
fi

(cd "$root" && cargo build --release --locked --quiet --package wfgy-cli)
bin=${CARGO_TARGET_DIR:-$root/target}/release
if [ "$embedder" = minilm ]; then
  WFGY_MODEL=$("$root/scripts/fetch_model.sh" | tail -n 1)
  export WFGY_MODEL
fi

"$bin/index_build" --input "$data" --out "$work/index" --metric cosine \
  --embedder "$embedder" --chunk none --ann none --store "$work/store"

# Only the numbers count here; whether they pass a policy does not.
code=0
"$bin/wfgy_eval" --gold "$data" --index "$work/index" --store "$work/store" --no-file --no-baseline --min-cov 0.70 \
  --seeds 1 --trec-run "$work/run.trec" --out "$work/report" --format json >"$work/verdict.out" || code=$?
case $code in
0 | 1 | 3) ;;
*) exit "$code" ;;
esac

case $embedder in
minilm) bound=(--published "$published" --within "$tolerance") ;;
static) bound=(--at-least "$static_floor") ;;
*) bound=() ;;
esac
"$venv/bin/python" "$root/scripts/pytrec_check.py" --qrels "$data/qrels/test.tsv" \
  --run "$work/run.trec" --report "$work/report/report.json" "${bound[@]}"
