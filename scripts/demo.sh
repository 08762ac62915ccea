#!/usr/bin/env bash
# The whole story on the project's own handbook: build two indexes, judge them, flip,
# refuse a broken candidate, roll back. Works in a fresh clone; needs Rust and pip.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
dir=${WFGY_DEMO_DIR:-$root/demo}

bold() { if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then printf '\n\033[1m%s\033[0m\n' "$*"; else printf '\n%s\n' "$*"; fi; }
# Prints a command as it can be pasted, and runs it.
run() {
  local word
  printf '$'
  for word; do
    case $word in *[!A-Za-z0-9_./,:=+-]*) word="\"$word\"" ;; esac
    printf ' %s' "$word"
  done
  printf '\n'
  "$@"
}
# Runs a command that must end with the given exit code.
expect() {
  local want=$1 got=0
  shift
  run "$@" || got=$?
  if [ "$got" != "$want" ]; then
    echo "demo: expected exit code $want, got $got from: $*" >&2
    exit 1
  fi
  printf '(exit code %s)\n' "$got"
}

bold "1. Build the programs, fetch the sentence encoder"
(cd "$root" && cargo build --release --locked --package wfgy-cli)
PATH="${CARGO_TARGET_DIR:-$root/target}/release:$PATH"
WFGY_MODEL=$("$root/scripts/fetch_model.sh" | tail -n 1)
export WFGY_MODEL

# Only what an earlier demo made, or an empty folder, is cleared away.
if [ -d "$dir" ] && [ -n "$(ls -A "$dir")" ] && [ ! -f "$dir/.wfgy-demo" ]; then
  echo "demo: $dir holds other files: name another folder in WFGY_DEMO_DIR" >&2
  exit 2
fi
rm -rf "$dir"
mkdir -p "$dir"
touch "$dir/.wfgy-demo"
cp "$root"/gold/corpus_v?.json "$root"/gold/gold_40.json "$root"/gold/broken/*.json "$dir"
cd "$dir"
unset WFGY_STORE

bold "2. The live index: build, judge, point docs_live at it"
run index_build --input corpus_vA.json --out docs_vA --metric cosine
expect 0 wfgy_eval --gold gold_40.json --index docs_vA --min-cov 0.70 --max-ds 0.45
expect 0 vec alias create docs_live --to docs_vA

bold "3. A revision: build, judge, flip"
run index_build --input corpus_vB.json --out docs_vB --metric cosine
expect 1 vec alias update docs_live --to docs_vB
expect 0 wfgy_eval --gold gold_40.json --index docs_vB --baseline docs_live \
  --targets "ds<=0.45,cov>=0.70,drift.coverage>=-0.02" --out report_vB --export-vectors
expect 0 vec alias update docs_live --to docs_vB

bold "4. Broken candidates are refused"
run index_build --input corpus_stale.json --out docs_stale --metric cosine
expect 1 wfgy_eval --gold gold_40.json --index docs_stale --min-cov 0.70 --max-ds 0.45
expect 1 vec alias update docs_live --to docs_stale
run index_build --input corpus_shuffled.json --out docs_shuffled --metric cosine
expect 1 wfgy_eval --gold gold_40.json --index docs_shuffled --min-cov 0.70 --max-ds 0.45
expect 1 vec alias update docs_live --to docs_shuffled
run index_build --input corpus_vB.json --out docs_fragments --metric cosine --chunk s8/o0
expect 1 wfgy_eval --gold gold_40.json --index docs_fragments --min-cov 0.70 --max-ds 0.45
expect 1 vec alias update docs_live --to docs_fragments

bold "5. Roll back, and what happened"
expect 0 vec alias update docs_live --to docs_vA
run vec alias show docs_live
run vec alias history docs_live
run readlink -f .wfgy/aliases/docs_live/current/target

bold "Done: everything above stands in $dir"
