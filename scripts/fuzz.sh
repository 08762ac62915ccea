#!/usr/bin/env bash
# Runs the fuzz targets of tests/fuzz, one for every reader of a file.
#   scripts/fuzz.sh SECONDS            every target for so many seconds, two at a time
#   scripts/fuzz.sh SECONDS TARGET…    these targets
# Fails where one of them crashes, hangs or takes memory that no file justifies, and names the
# input, which tests/fuzz/artifacts keeps. Needs a nightly toolchain (rustup toolchain install
# nightly); cargo-fuzz is installed where it is missing or another version. WFGY_FUZZ_TARGET is
# where the targets are built.
set -euo pipefail
cd "$(dirname "$0")/.."

# Pinned: what the targets were run with.
cargo_fuzz=0.13.2

fail() {
  echo "fuzz.sh: $1" >&2
  exit 2
}

[ $# -ge 1 ] && [[ "$1" =~ ^[1-9][0-9]*$ ]] || fail "usage: fuzz.sh SECONDS [TARGET…]"
seconds=$1
shift
cargo +nightly --version >/dev/null 2>&1 || fail "no nightly toolchain: rustup toolchain install nightly"
[ "$(cargo-fuzz --version 2>/dev/null)" = "cargo-fuzz $cargo_fuzz" ] ||
  cargo install --quiet --locked --version "$cargo_fuzz" cargo-fuzz
cargo +nightly metadata --quiet --locked --format-version 1 --manifest-path tests/fuzz/Cargo.toml >/dev/null ||
  fail "tests/fuzz/Cargo.lock is not that of its Cargo.toml: cargo update --workspace --manifest-path tests/fuzz/Cargo.toml"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/tmp" "$work/logs"

# Whole files, as the tests take them; those of an evaluation are of one that is run here.
WFGY_FUZZ_SEEDS="$work/seeds" cargo test --quiet --locked -p wfgy-cli --test fuzz_readers >/dev/null
[ $# -ge 1 ] || set -- $(ls "$work/seeds")

# Not the target folder of the programs: everything in it is built with a sanitizer.
target=${WFGY_FUZZ_TARGET:-${CARGO_TARGET_DIR:-target}/fuzz}
mkdir -p "$target"
target=$(cd "$target" && pwd)
CARGO_TARGET_DIR=$target cargo +nightly fuzz build --fuzz-dir tests/fuzz
programs=$target/$(rustc +nightly -vV | sed -n 's/^host: //p')/release

run() {
  mkdir -p "tests/fuzz/artifacts/$1" "$work/tmp/$1"
  # A panic, a wait of 10 s, a single allocation of 512 MiB or 2 GiB in all are crashes.
  if ! TMPDIR=$work/tmp/$1 RAYON_NUM_THREADS=1 "$programs/$1" "$work/seeds/$1" \
    -max_total_time="$seconds" -timeout=10 -malloc_limit_mb=512 -rss_limit_mb=2048 \
    -artifact_prefix="tests/fuzz/artifacts/$1/" -print_final_stats=1 >"$work/logs/$1" 2>&1; then
    tail -n 60 "$work/logs/$1"
    echo "fuzz.sh: $1 failed" >&2
    return 1
  fi
  rm -rf "$work/tmp/$1"
  rmdir --ignore-fail-on-non-empty "tests/fuzz/artifacts/$1"
  awk -v name="$1" '/number_of_executed_units/ { runs = $2 } / cov: / { cov = $4 }
    END { printf "%-20s %10d inputs, %6d edges\n", name, runs, cov }' "$work/logs/$1"
}
export -f run
export work seconds programs
printf '%s\n' "$@" | xargs -P 2 -I{} bash -c 'run {}'
