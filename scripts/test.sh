#!/usr/bin/env bash
# Installs what the tests need, then runs all of them.
#   ./scripts/test.sh            everything, as CI does
#   SKIP_DEMO=1 ./scripts/test.sh  without the end-to-end demo
#   WFGY_VALGRIND=1 ./scripts/test.sh  also the kernel under valgrind (two minutes)
#   WFGY_MIRI=1 ./scripts/test.sh  also parts of the kernel under Miri (a nightly toolchain that has it)
#   WFGY_FUZZ=SECONDS ./scripts/test.sh  also every reader of a file, fuzzed for so long (nightly; scripts/fuzz.sh)
# On data that the project does not ship, where a variable names its folder:
#   WFGY_SCIFACT=DIR  ranking measures beside pytrec_eval's, nDCG@10 (scripts/scifact.sh)
#   WFGY_SPANS=DIR    coverage beside the oracle's count of tokens (scripts/spans.sh)
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

step "kernel paths: which were tested, which this processor lacks"
cargo test --quiet -p wfgy-kernel --locked --test properties every_path -- --nocapture | grep -E '^(tested|skipped): '

step "aarch64: what compiles for it, the tests of the kernel"
aarch64=aarch64-unknown-linux-gnu
if ! rustc --print target-libdir --target "$aarch64" 2>/dev/null | xargs -I{} test -d {}; then
  echo "skipped: the standard library of $aarch64 is not installed (rustup target add $aarch64)"
elif ! command -v aarch64-linux-gnu-gcc >/dev/null; then
  cargo check -p wfgy-core -p wfgy-kernel -p wfgy-stats -p wfgy-score -p wfgy-gate -p wfgy-engine \
    --target "$aarch64" --locked
  echo "skipped: formats, embed, index, pointer and cli, under which zstd and ring compile C, and" \
    "the tests of the kernel: they need aarch64-linux-gnu-gcc"
else
  export CC_aarch64_unknown_linux_gnu=aarch64-linux-gnu-gcc
  cargo check --workspace --target "$aarch64" --locked
  if ! command -v qemu-aarch64 >/dev/null; then
    echo "skipped: the tests of the kernel, which need qemu-aarch64"
  else
    CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc \
      CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64 -L /usr/aarch64-linux-gnu" \
      cargo test -p wfgy-kernel --lib --tests --target "$aarch64" --locked
  fi
fi

if [ -n "${WFGY_VALGRIND:-}" ]; then
  step "kernel under valgrind, which knows no AVX-512"
  CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER="valgrind --quiet --leak-check=no --error-exitcode=9" \
    cargo test -p wfgy-kernel --lib --tests --locked
fi

if [ -n "${WFGY_MIRI:-}" ]; then
  # Miri runs the portable path, maps no files and takes minutes for a rayon pool.
  step "kernel under Miri, where it reaches"
  MIRIFLAGS="-Zmiri-disable-isolation -Zmiri-tree-borrows" cargo +nightly miri test -p wfgy-kernel --lib --locked -- \
    dot:: isa:: layer_norm packed::direction packed::units resample::subsets resample::fixed_point tiles::emulated
fi

if [ -n "${WFGY_FUZZ:-}" ]; then
  step "readers of files, fuzzed"
  scripts/fuzz.sh "$WFGY_FUZZ"
fi

step "documentation tests"
cargo test --workspace --doc --locked

step "documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked

step "gold set is what its sources say"
"$WFGY_PYTHON" gold/build_gold.py --check

step "oracle: its own tests"
"$WFGY_PYTHON" -m unittest discover -s scripts/oracle -p 'test_*.py'

step "oracle: fixtures of the estimators"
"$WFGY_STATS_VENV/bin/python" scripts/oracle_stats.py --check

step "tables of simulated gates are those of their raw data"
"$WFGY_PYTHON" benches/gate/table.py --check

step "tables of the regression suite are those of its raw data"
"$WFGY_PYTHON" scripts/regressions/table.py --check

step "oracle: evaluations of other shapes"
scripts/oracle/suite.sh

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

if [ -n "${WFGY_SCIFACT:-}" ]; then
  step "SciFact"
  EMBEDDER=static scripts/scifact.sh "$WFGY_SCIFACT"
fi

if [ -n "${WFGY_SPANS:-}" ]; then
  step "spans"
  EMBEDDER=static CHECK=1 CHUNKS="s64/o16 s200/o50" scripts/spans.sh "$WFGY_SPANS"
fi

step "all green"
