#!/usr/bin/env bash
# Prints coverage by chunk size: one index and one evaluation for each chunking.
#
#   scripts/spans.sh DIR [WORK]
#
# DIR holds questions.jsonl and the documents (see scripts/spans.py); the project ships none.
# WORK keeps corpora, indexes and reports (default: a temporary folder, removed at the end).
# CHUNKS="s64/o16 s128/o32" chooses the chunkings, EMBEDDER=static the built-in embedder,
# CHECK=1 recomputes every evaluation with scripts/oracle/check.py as well.
# Exit codes: 0 done; 1 the oracle differs; 2 something is missing; else the programs' own.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
chunks=${CHUNKS:-s32/o0 s64/o0 s64/o16 s128/o0 s128/o32 s200/o50 s256/o64 s400/o100}
embedder=${EMBEDDER:-minilm}

fail() {
  echo "spans.sh: $1" >&2
  exit 2
}

[ $# -ge 1 ] && [ $# -le 2 ] || fail "usage: spans.sh DIR [WORK]"
data=$(cd "$1" 2>/dev/null && pwd) || fail "$1: no such folder"
[ -f "$data/questions.jsonl" ] || fail "$data/questions.jsonl is missing"
command -v cargo >/dev/null || fail "no cargo: install the Rust toolchain named in rust-toolchain.toml"
command -v python3 >/dev/null || fail "no python3"

if [ $# = 2 ]; then
  mkdir -p "$2" || fail "$2: cannot be made"
  work=$(cd "$2" && pwd)
else
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
fi
python=${WFGY_PYTHON:-python3}
if [ -n "${CHECK:-}" ]; then
  "$python" -c 'import numpy' 2>/dev/null || fail "CHECK=1 needs NumPy: set WFGY_PYTHON to a Python that has it"
fi

(cd "$root" && cargo build --release --locked --quiet --package wfgy-cli)
bin=${CARGO_TARGET_DIR:-$root/target}/release
if [ "$embedder" = minilm ]; then
  WFGY_MODEL=$("$root/scripts/fetch_model.sh" | tail -n 1)
  export WFGY_MODEL
fi
"$python" "$root/scripts/spans.py" convert "$data" "$work/spans"

rows=()
for chunk in $chunks; do
  name=${chunk//\//-}
  index=$work/index-$name
  report=$work/report-$name
  [ ! -e "$index" ] && [ ! -e "$report" ] || fail "$index or $report exists: remove it, or name another folder"
  echo "chunk $chunk" >&2
  "$bin/index_build" --input "$work/spans/corpus.json" --out "$index" --metric cosine \
    --embedder "$embedder" --chunk "$chunk" --ann none --store "$work/store" >&2
  # Only the numbers count here; whether they pass a policy does not.
  code=0
  "$bin/wfgy_eval" --gold "$work/spans/gold.json" --index "$index" --store "$work/store" --no-file \
    --no-baseline --min-cov 0.70 --seeds 1 --export-vectors --out "$report" --format json >"$work/verdict-$name.out" || code=$?
  case $code in
  0 | 1 | 3) ;;
  *) exit "$code" ;;
  esac
  if [ -n "${CHECK:-}" ]; then
    "$python" "$root/scripts/oracle/check.py" --index "$index" --gold "$work/spans/gold.json" --out "$report" >&2
  fi
  rows+=("$chunk=$report")
done
"$python" "$root/scripts/spans.py" table "${rows[@]}"
