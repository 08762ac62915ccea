#!/usr/bin/env bash
# Installs what the tests need, then runs all of them.
#   ./scripts/test.sh            everything, as CI does
#   SKIP_DEMO=1 ./scripts/test.sh  without the end-to-end demo
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-auto}

step() { printf '\n==> %s\n' "$*"; }

step "what the tests need"
. scripts/prepare.sh

step "format"
cargo fmt --all --check

step "lints"
cargo clippy --workspace --all-targets --locked -- -D warnings

step "tests"
cargo test --workspace --all-targets --locked

step "documentation tests"
cargo test --workspace --doc --locked

step "documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked

step "gold set is what its sources say"
"$WFGY_PYTHON" gold/build_gold.py --check

step "oracle: its own tests"
"$WFGY_PYTHON" -m unittest discover -s scripts/oracle -p 'test_*.py'

if [ -z "${SKIP_DEMO:-}" ]; then
  step "demo, and the oracle on what it made"
  WFGY_DEMO_DIR=$(mktemp -d)
  export WFGY_DEMO_DIR
  ./scripts/demo.sh
  "$WFGY_PYTHON" scripts/oracle/check.py --model "$WFGY_MODEL" \
    --gold "$WFGY_DEMO_DIR/gold_40.json" --index "$WFGY_DEMO_DIR/docs_vB" --baseline "$WFGY_DEMO_DIR/docs_vA" \
    --out "$WFGY_DEMO_DIR/report_vB"
  rm -rf "$WFGY_DEMO_DIR"
fi

step "all green"
