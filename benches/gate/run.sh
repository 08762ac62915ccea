#!/bin/sh
# Simulates the gate, replaces benches/runs/DATE-gate-WHAT-COMMIT.csv, and writes the tables.
#
# Usage: benches/gate/run.sh [WHAT …]     WHAT: boundary power watch more latency (default: all)
set -eu
cd "$(dirname "$0")/../.."
[ $# -gt 0 ] || set -- boundary power watch more latency
commit=$(git rev-parse --short=12 HEAD)
# A commit whose files were changed is not what was run.
[ -z "$(git status --porcelain --untracked-files=no)" ] || commit=$commit+
cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)
mkdir -p benches/runs
cargo bench --quiet -p wfgy-gate --bench gate --no-run
for what; do
    file=benches/runs/$(date +%F)-gate-$what-$commit.csv
    cargo bench --quiet -p wfgy-gate --bench gate -- "$what" > "$file.part"
    rm -f benches/runs/*-gate-"$what"-*.csv
    { echo "# commit $commit, ${cpu:-unknown CPU}, $(nproc) cores"; cat "$file.part"; } > "$file"
    rm "$file.part"
    echo "raw data: $file"
done
python3 benches/gate/table.py
